// Trades against a price from outside the chain that pools have not followed yet. What it emits is
// a position: one swap that buys what the pool has too cheap, or sells what it pays too much for.
// The way back is on the market that the price is of, or in a pool once it has followed; it looks
// for neither, so that unless it is told otherwise it only measures.
//
// Where it is told so, it also compares with pools as a pending transaction will leave them
// (gantry/after_pending.h): what such a swap pushes away from the price. That is only measured.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/after_pending.hpp"
#include "gantry/pending.hpp"
#include "gantry/search/best_amount.hpp"
#include "gantry/search/route.hpp"
#include "gantry/strategy.hpp"

namespace gantry::latency {
namespace {

constexpr std::size_t prices_max = 64;  // of different pairs and sources
constexpr std::uint32_t pool_tokens_max = 16;
constexpr std::size_t transactions_max = 64;  // that one snapshot is looked at behind, the newest
// An eighth of a pool is more than a price moves between two looks.
constexpr unsigned pool_share_shift = 3;

std::uint64_t blocks_of(std::string_view urgency) {
  if (urgency == "critical") return 0;
  if (urgency == "high") return 1;
  if (urgency == "normal") return 2;
  throw Refused("execution_urgency: '" + std::string(urgency) +
                "' is none: write critical, high or normal");
}

class Latency final : public TradingStrategy {
 public:
  Latency(Host host, const Config& config)
      : host_(host),
        min_profit_bps_(static_cast<double>(config.integer("min_profit_bps"))),
        max_age_ms_(static_cast<std::uint64_t>(config.integer("max_age_ms"))),
        min_deviation_(static_cast<double>(config.integer("min_price_deviation_bps")) * 1e-4),
        blocks_more_(blocks_of(config.string("execution_urgency"))),
        flags_(config.boolean("simulate_only") ? std::uint32_t{GANTRY_OPPORTUNITY_SIMULATE_ONLY}
                                               : 0U),
        opportunities_max_(static_cast<std::size_t>(config.integer("max_opportunities"))) {
    prices_.reserve(prices_max);
    waiting_.reserve(transactions_max);
    if (!config.boolean("behind_pending")) return;
    after_pending_ = AfterPending(host);
    if (!after_pending_.is_there()) {
      host_.warning(
          "this host does not show the market behind a pending swap: only pools as they "
          "are will be compared");
    }
  }

  gantry_status subscribe(const Market&, const gantry_subscription_sink* sink) override {
    if (sink->events(sink->self, GANTRY_EVENT_OUTSIDE_PRICE) != GANTRY_OK) {
      host_.warning("this host tells of no outside prices: nothing is found");
    }
    return GANTRY_OK;
  }

  gantry_status prepare(const Market& market) override {
    pools_of_.assign(market.token_count(), {});
    for (std::uint32_t i = 0; i < market.pool_count(); ++i) {
      gantry_pool pool;
      if (market.pool(i, pool) != GANTRY_OK || pool.usable == 0) continue;
      for (std::uint32_t t = 0; t < pool.token_count; ++t) pools_of_[pool.tokens[t]].push_back(i);
    }
    found_.clear();
    found_.reserve(prices_max * 8);
    return GANTRY_OK;
  }

  gantry_status on_event(const gantry_event& event) override {
    if (event.kind != GANTRY_EVENT_OUTSIDE_PRICE) return GANTRY_UNSUPPORTED;
    gantry_outside_price price;
    if (event.payload.size != sizeof(price)) return GANTRY_BAD_STATE;
    std::memcpy(&price, event.payload.data, sizeof(price));
    // Written so that what is no number is left out.
    if (!(price.bid > 0) || !(price.ask >= price.bid) || !(price.ask < 1e300) ||
        price.token == price.quote || price.source[sizeof(price.source) - 1] != '\0') {
      return GANTRY_BAD_STATE;
    }
    host_.count("prices_told");
    const auto known = std::find_if(prices_.begin(), prices_.end(), [&](const Told& told) {
      return told.price.token == price.token && told.price.quote == price.quote &&
             std::memcmp(told.price.source, price.source, sizeof(price.source)) == 0;
    });
    if (known != prices_.end()) {
      *known = {price, true};
    } else if (prices_.size() < prices_max) {
      prices_.push_back({price, true});
    } else {
      host_.count("prices_cut");
    }
    return GANTRY_OK;
  }

  gantry_status on_pending(const Market&, std::span<const gantry_pending_event> events,
                           std::uint64_t) {
    if (!after_pending_.is_there()) return GANTRY_UNSUPPORTED;
    for (const gantry_pending_event& event : events) {
      const std::uint64_t transaction = transaction_key(event);
      // A transaction's swaps come one after the other, and are looked behind together.
      if (!waiting_.empty() && waiting_.back().transaction == transaction) continue;
      if (waiting_.size() == transactions_max) {
        waiting_.erase(waiting_.begin());
        host_.count("transactions_cut");
      }
      waiting_.push_back({event.sequence, transaction});
    }
    return GANTRY_OK;
  }
  const void* get_extension(const char* id) const override { return strategy_pending<Latency>(id); }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    found_.clear();
    for (Told& told : prices_) {
      const gantry_outside_price& price = told.price;
      const bool is_new = std::exchange(told.is_new, false);
      if (price.token >= pools_of_.size() || price.quote >= pools_of_.size()) continue;
      if (!is_fresh(market, price)) {
        if (is_new) host_.count("prices_stale");
        continue;
      }
      for (const std::uint32_t pool : pools_of_[price.token]) {
        if (is_new || has_changed(market, pool)) compare(market, told, pool, {});
      }
    }
    // Once each, as soon as it is told of: in a later block it may be part of the pools' states.
    for (const Waiting& waiting : waiting_) {
      const gantry_status status =
          after_pending_.look(market, waiting.sequence, [&](const Market& after) {
            compare_all(after, waiting);
            return GANTRY_OK;
          });
      host_.count(status == GANTRY_OK ? "transactions_looked_behind"
                                      : "transactions_not_looked_behind");
    }
    waiting_.clear();
    std::sort(found_.begin(), found_.end(), [](const Scored& a, const Scored& b) {
      if (a.score != b.score) return a.score > b.score;
      return a.opportunity.key < b.opportunity.key;
    });
    if (found_.size() > opportunities_max_) {
      host_.count("trades_cut", found_.size() - opportunities_max_);
      found_.resize(opportunities_max_);
    }
    for (const Scored& one : found_) {
      if (!sink.emit(one.opportunity)) break;
    }
    return GANTRY_OK;
  }

  // While its price is fresh and the pool pays no less.
  gantry_status validate(const Market& market, const gantry_opportunity& opportunity) override {
    const Told* told = told_of(opportunity);
    if (told == nullptr || !is_fresh(market, told->price)) return GANTRY_REFUSED;
    if (opportunity.kind == GANTRY_OPPORTUNITY_BACKRUN) {
      return after_pending_.look(
          market, place_of(opportunity).backrun.pending,
          [&](const Market& after) { return TradingStrategy::validate(after, opportunity); });
    }
    return TradingStrategy::validate(market, opportunity);
  }

  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    const Told* told = told_of(opportunity);
    if (told == nullptr || opportunity.leg_count != 1) return GANTRY_REFUSED;
    // What is behind a pending transaction is measured as it was found.
    if (opportunity.kind == GANTRY_OPPORTUNITY_BACKRUN) return GANTRY_UNSUPPORTED;
    const auto sides = sides_of(market, told->price, opportunity.legs[0].hop);
    if (!sides) return GANTRY_REFUSED;
    u256 most;
    if (!mul_div_floor(sides->held, u256(limits.pool_share_max_bps), u256(10000), most)) {
      return GANTRY_REFUSED;
    }
    most = std::min({most, u256(limits.amount_in_max), u256(opportunity.amount_in)});
    const auto made = trade(market, *told, opportunity.legs[0].hop, *sides, most, {});
    if (!made) return GANTRY_REFUSED;
    out = made->opportunity;
    return GANTRY_OK;
  }

 private:
  struct Told {
    gantry_outside_price price;
    bool is_new;  // since the last find()
  };
  struct Scored {
    gantry_opportunity opportunity;
    double score;
  };
  // The first swap of a pending transaction, and a word of its hash; 0: none.
  struct Waiting {
    std::uint64_t sequence = 0;
    std::uint64_t transaction = 0;
  };
  // At the head of an opportunity's data; `backrun` is of one behind a pending transaction.
  struct Place {
    gantry_backrun backrun;
    std::uint32_t price;  // in prices_
    std::uint32_t reserved;
  };
  // One way through a pool, at the outside price.
  struct Sides {
    double worth_in;   // of a smallest unit that goes in, in whole quote tokens
    double worth_out;  // of one that comes out, if it is traded outside
    u256 held;         // what the pool has of what goes in
  };

  // Neither too old, nor of a time that this market has not come to: then one of both clocks is
  // wrong.
  bool is_fresh(const Market& market, const gantry_outside_price& price) const {
    const std::uint64_t now = market.raw().time_ms;
    const std::uint64_t apart = now > price.time_ms ? now - price.time_ms : price.time_ms - now;
    return apart <= max_age_ms_;
  }

  static bool has_changed(const Market& market, std::uint32_t pool) {
    const auto changed = market.changed_pools();
    return market.cold() || std::binary_search(changed.begin(), changed.end(), pool);
  }

  static Place place_of(const gantry_opportunity& opportunity) {
    Place place;
    std::memcpy(&place, opportunity.data, sizeof(place));
    return place;
  }
  const Told* told_of(const gantry_opportunity& opportunity) const {
    const std::uint32_t index = place_of(opportunity).price;
    return index < prices_.size() ? &prices_[index] : nullptr;
  }

  // Each pool that the transaction goes through, with each price of its tokens.
  void compare_all(const Market& after, const Waiting& waiting) {
    for (const Told& told : prices_) {
      const std::uint32_t token = told.price.token;
      if (token >= pools_of_.size() || told.price.quote >= pools_of_.size()) continue;
      if (!is_fresh(after, told.price)) continue;
      for (const std::uint32_t pool : after.changed_pools()) {
        const auto& pools = pools_of_[token];
        if (std::binary_search(pools.begin(), pools.end(), pool)) {
          compare(after, told, pool, waiting);
        }
      }
    }
  }

  static bool is_avoided(const Market& market, std::uint32_t handle) {
    gantry_token token;
    return market.token(handle, token) != GANTRY_OK || (token.flags & GANTRY_TOKEN_AVOID) != 0;
  }

  std::optional<Sides> sides_of(const Market& market, const gantry_outside_price& price,
                                const gantry_hop& hop) const {
    gantry_token token;
    gantry_token quote;
    gantry_pool pool;
    std::array<gantry_amount, pool_tokens_max> balances;
    gantry_pool_view view{0, pool_tokens_max, balances.data()};
    if (market.token(price.token, token) != GANTRY_OK ||
        market.token(price.quote, quote) != GANTRY_OK || market.pool(hop.pool, pool) != GANTRY_OK ||
        market.view(hop.pool, view) != GANTRY_OK) {
      return std::nullopt;
    }
    const std::uint32_t index = search::detail::index_in(pool, hop.token_in);
    if (index >= view.token_count) return std::nullopt;
    const double token_unit = std::pow(10.0, -static_cast<double>(token.decimals));
    const double quote_unit = std::pow(10.0, -static_cast<double>(quote.decimals));
    // What is bought here is sold outside at the bid, and what is sold here bought there at the
    // ask.
    if (hop.token_in == price.quote) {
      return Sides{quote_unit, token_unit * price.bid, u256(balances[index])};
    }
    return Sides{token_unit * price.ask, quote_unit, u256(balances[index])};
  }

  void compare(const Market& market, const Told& told, std::uint32_t handle,
               const Waiting& waiting) {
    const gantry_outside_price& price = told.price;
    gantry_pool pool;
    if (market.pool(handle, pool) != GANTRY_OK || pool.usable == 0) return;
    const auto has = [&](std::uint32_t token) {
      return std::find(pool.tokens, pool.tokens + pool.token_count, token) !=
             pool.tokens + pool.token_count;
    };
    if (!has(price.quote) || is_avoided(market, price.token) || is_avoided(market, price.quote)) {
      return;
    }
    for (const gantry_hop& hop : {gantry_hop{handle, price.quote, price.token, 0},
                                  gantry_hop{handle, price.token, price.quote, 0}}) {
      const auto sides = sides_of(market, price, hop);
      if (!sides || sides->held.is_zero()) continue;
      const u256 most = shift_right(sides->held, pool_share_shift);
      if (!deviates(market, hop, *sides)) continue;
      const auto made = trade(market, told, hop, *sides, most, waiting);
      if (!made) continue;
      if (found_.size() < found_.capacity()) {
        found_.push_back(*made);
      } else {
        host_.count("trades_cut");
      }
    }
  }

  // Whether a small swap pays so much more than it costs outside, its fee paid.
  bool deviates(const Market& market, const gantry_hop& hop, const Sides& sides) const {
    gantry_route_quote quote;
    const u256 little = std::max(shift_right(sides.held, 20), u256(1));
    if (market.quote_route({&hop, 1}, little, quote) != GANTRY_OK) return false;
    const double in = to_double(little) * sides.worth_in;
    return to_double(u256(quote.amount_out)) * sides.worth_out >= in * (1 + min_deviation_);
  }

  std::optional<Scored> trade(const Market& market, const Told& told, const gantry_hop& hop,
                              const Sides& sides, const u256& most, const Waiting& waiting) const {
    gantry_route_quote quote;
    const auto best =
        search::best_amount(std::max(shift_right(sides.held, 20), u256(1)), most,
                            [&](const u256& in) -> std::optional<double> {
                              if (market.quote_route({&hop, 1}, in, quote) != GANTRY_OK)
                                return std::nullopt;
                              return to_double(u256(quote.amount_out)) * sides.worth_out -
                                     to_double(in) * sides.worth_in;
                            });
    if (!best || market.quote_route({&hop, 1}, best->amount, quote) != GANTRY_OK) {
      return std::nullopt;
    }
    gantry_value stake;
    gantry_value held;
    if (market.value(hop.token_in, best->amount, stake) != GANTRY_OK ||
        market.value(hop.token_in, sides.held, held) != GANTRY_OK) {
      return std::nullopt;
    }
    const double stake_ether = to_double(u256(stake.ether_wei)) * 1e-18;
    const double margin = best->gain / (to_double(best->amount) * sides.worth_in);
    const double gas = static_cast<double>(quote.gas + search::trade_gas_overhead) *
                       to_double(u256(market.context().gas_price)) * 1e-18;
    const double net = stake_ether * margin - gas;
    gantry_opportunity out{};
    out.expected_profit_bps = net / stake_ether * 1e4;
    if (!(stake_ether > 0) || !(out.expected_profit_bps >= min_profit_bps_) ||
        !(out.expected_profit_bps < 1e15)) {
      return std::nullopt;
    }
    out.key = search::route_key({&hop, 1});
    out.kind = GANTRY_OPPORTUNITY_POSITION;
    out.flags = flags_;
    out.leg_count = 1;
    out.token_in = hop.token_in;
    out.token_out = hop.token_out;
    out.amount_in = quote.amount_in;
    out.amount_out = quote.amount_out;
    out.gas = quote.gas;
    out.block = market.context().state_block;
    out.valid_until_block = market.context().execution_block + blocks_more_;
    out.legs[0] = {hop, quote.amount_in, quote.amount_out};
    const Place place{
        {waiting.sequence, 0, 0}, static_cast<std::uint32_t>(&told - prices_.data()), 0};
    static_assert(sizeof(place) <= sizeof(out.data));
    std::memcpy(out.data, &place, sizeof(place));
    if (waiting.sequence != 0) {
      out.kind = GANTRY_OPPORTUNITY_BACKRUN;
      out.flags = GANTRY_OPPORTUNITY_SIMULATE_ONLY;
      out.key ^= waiting.transaction;
      out.valid_until_block = market.context().execution_block;
    }
    const double trust = search::depth_confidence(to_double(u256(held.ether_wei)) * 1e-18);
    const std::uint64_t now = market.raw().time_ms;
    const double age = now > told.price.time_ms ? static_cast<double>(now - told.price.time_ms)
                                                : static_cast<double>(told.price.time_ms - now);
    const double freshness = 1 - age / static_cast<double>(2 * max_age_ms_);
    const double share = std::min(1.0, to_double(best->amount) / to_double(sides.held));
    out.confidence = std::clamp(trust * freshness * margin / (margin + 0.001), 0.0, 1.0);
    out.risk_score = std::clamp(1 - trust * (1 - share), 0.0, 1.0);
    return Scored{out, net * out.confidence};
  }

  Host host_;
  double min_profit_bps_;
  std::uint64_t max_age_ms_;
  double min_deviation_;
  std::uint64_t blocks_more_;
  std::uint32_t flags_;
  std::size_t opportunities_max_;
  std::vector<std::vector<std::uint32_t>> pools_of_;  // by token
  std::vector<Told> prices_;
  AfterPending after_pending_;  // of no host: none is looked behind
  std::vector<Waiting> waiting_;
  std::vector<Scored> found_;
};

}  // namespace
}  // namespace gantry::latency

GANTRY_PLUGIN(gantry::latency::Latency);

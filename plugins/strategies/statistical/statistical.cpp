// Buys the token of a correlated pair that has fallen behind the other, holds it until the pair is
// back together, and sells it. Nobody can be short on a spot market, so this is one leg of two:
// what is held rises and falls with its market, too.
//
// What is known of a position is what the host says; nothing of it is remembered here, so that a
// restart changes nothing.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/address_text.hpp"
#include "gantry/positions.h"
#include "gantry/search/route.hpp"
#include "gantry/strategy.hpp"
#include "gantry/u256.hpp"
#include "gantry/u256_convert.hpp"
#include "pair_window.hpp"

namespace gantry::statistical {
namespace {

constexpr std::uint32_t no_token = UINT32_MAX;
constexpr std::uint64_t hour_s = 3600;
constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

std::optional<gantry_address> base_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const auto address = evm_address_of(text);
  if (!address) {
    throw Refused("base: '" + std::string(text) +
                  "' is no address: write 0x and 40 digits, or nothing for the wrapped coin");
  }
  return address;
}

struct Rules {
  explicit Rules(const Config& config)
      : lookback_s(hours(config, "lookback_hours")),
        rebalance_s(hours(config, "rebalance_interval_hours")),
        holding_s(hours(config, "max_holding_hours")),
        step_s(static_cast<std::uint64_t>(config.integer("sample_minutes")) * 60),
        warm_up_s(lookback_s * static_cast<std::uint64_t>(config.integer("warm_up_percent")) / 100),
        patience(static_cast<std::uint64_t>(config.integer("patience_snapshots"))),
        min_samples(static_cast<std::uint32_t>(config.integer("min_samples"))),
        max_tokens(static_cast<std::uint32_t>(config.integer("max_tokens"))),
        max_positions(static_cast<std::uint32_t>(config.integer("max_positions"))),
        entry_z(config.number("z_score_threshold")),
        exit_z(config.number("exit_z_score")),
        stop_z(config.number("stop_z_score")),
        correlation(config.number("correlation_threshold")),
        min_profit_bps(static_cast<double>(config.integer("min_profit_bps"))),
        position_ether(config.number("position_eth")) {
    constexpr std::uint64_t steps_max = 4096;
    if (!(exit_z < entry_z && entry_z < stop_z)) {
      throw Refused(
          "exit_z_score, z_score_threshold, stop_z_score: each must be more than the one before");
    }
    if ((lookback_s + step_s - 1) / step_s > steps_max) {
      throw Refused("lookback_hours: is more than 4096 times sample_minutes; raise sample_minutes");
    }
    if (lookback_s / step_s < min_samples) {
      throw Refused(
          "min_samples: lookback_hours has not so many times sample_minutes in it; lower either");
    }
  }

  std::uint64_t lookback_s;
  std::uint64_t rebalance_s;
  std::uint64_t holding_s;
  std::uint64_t step_s;
  std::uint64_t warm_up_s;
  std::uint64_t patience;
  std::uint32_t min_samples;
  std::uint32_t max_tokens;
  std::uint32_t max_positions;
  double entry_z;
  double exit_z;
  double stop_z;
  double correlation;
  double min_profit_bps;
  double position_ether;

 private:
  static std::uint64_t hours(const Config& config, std::string_view key) {
    return static_cast<std::uint64_t>(config.integer(key)) * hour_s;
  }
};

// A token that is followed. Its partner is the one that its returns are most like.
struct Followed {
  gantry_address address;
  double depth_ether = 0;           // of its deepest pool with the base, when it was chosen
  std::uint32_t handle = no_token;  // none: not in this market
  std::uint32_t pools_begin = 0;
  std::uint32_t pools_end = 0;
  bool ready = false;  // has prices enough
  // Beyond the stop, and not back since: not bought until the pairs are found anew.
  bool stopped = false;
  std::optional<std::uint32_t> partner;
  double mean = 0;  // of the logarithm of its price less its partner's
  double deviation = 0;
  double correlation = 0;
  double share = 0;  // of the pair's variance that is its own
};

// A trade that was emitted, and of which the positions do not tell yet.
struct Flight {
  std::uint64_t key;
  std::uint32_t token;
  bool opens;
  std::uint64_t until;  // snapshot after which it is given up
  u256 quantity;        // that was held when it was emitted
};

// What one direction of a pool pays.
struct Sale {
  gantry_hop hop{};
  u256 amount_out;
  std::uint64_t gas = 0;
};

// In an opportunity's data.
constexpr std::uint8_t opens_one = 1;
constexpr std::uint8_t closes_one = 2;

class Statistical final : public TradingStrategy {
 public:
  Statistical(Host host, const Config& config)
      : host_(host),
        positions_(
            static_cast<const gantry_positions_draft_v1*>(host.service(GANTRY_POSITIONS_DRAFT_ID))),
        rules_(config),
        base_address_(base_of(config.string("base"))),
        window_(rules_.max_tokens, rules_.lookback_s, rules_.step_s),
        samples_(samples_at_once) {
    followed_.reserve(rules_.max_tokens);
    flights_.reserve(2 * held_max);
    logs_.resize(rules_.max_tokens);
    entries_.reserve(rules_.max_tokens);
    if (positions_ == nullptr) {
      host_.warning("this host does not tell what is held: nothing will be bought");
    }
  }

  gantry_status subscribe(const Market& market, const gantry_subscription_sink* sink) override {
    base_ = find_base(market);
    if (base_ == no_token) {
      host_.warning("the base is not in the market: nothing will be bought");
      return GANTRY_OK;
    }
    choose_tokens(market);
    std::size_t kept = 0;
    for (const Followed& token : followed_) {
      gantry_history_query query{};
      query.what = GANTRY_HISTORY_PRICE;
      query.token = token.handle;
      query.quote = base_;
      if (sink->history(sink->self, &query, rules_.lookback_s) == GANTRY_OK) {
        followed_[kept++] = token;
      } else {
        host_.count("series_refused");
      }
    }
    followed_.resize(kept);
    host_.count("tokens", kept);
    return GANTRY_OK;
  }

  gantry_status prepare(const Market& market) override {
    base_ = find_base(market);
    pools_.clear();
    for (Followed& token : followed_) {
      if (market.find_token(token.address, token.handle) != GANTRY_OK) token.handle = no_token;
      token.pools_begin = token.pools_end = static_cast<std::uint32_t>(pools_.size());
      if (base_ == no_token || token.handle == no_token) continue;
      for (std::uint32_t i = 0; i < market.pool_count(); ++i) {
        gantry_pool pool;
        if (market.pool(i, pool) == GANTRY_OK && pool.usable != 0 && has(pool, base_) &&
            has(pool, token.handle) && !search::is_avoided(market, pool)) {
          pools_.push_back(i);
        }
      }
      token.pools_end = static_cast<std::uint32_t>(pools_.size());
    }
    return GANTRY_OK;
  }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    snapshot_ = market.snapshot();
    // A pending swap may never come: what is held or was held is judged by the chain's own state.
    if (positions_ == nullptr || base_ == no_token || market.pending() != 0) return GANTRY_OK;
    const std::uint64_t now_s = market.context().state_time_s;
    if (now_s < last_s_) {
      host_.count("clock_went_back");
      formed_ = false;
    }
    last_s_ = now_s;
    if (positions_->list(&market.raw(), held_.data(), held_max, &held_count_) != GANTRY_OK) {
      host_.count("snapshots_without_word");
      held_count_ = 0;
      return GANTRY_OK;
    }
    forget_flights();
    if (!formed_ || now_s / rules_.rebalance_s > period_) rebalance(market, now_s);
    std::fill(logs_.begin(), logs_.end(), no_number);
    if (sell(market, now_s, sink)) buy(market, sink);
    return GANTRY_OK;
  }

  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    const std::uint8_t which = opportunity.data[0];
    if (opportunity.kind != GANTRY_OPPORTUNITY_POSITION || opportunity.leg_count != 1 ||
        (which != opens_one && which != closes_one)) {
      return GANTRY_BAD_ARGUMENT;
    }
    const gantry_hop hop = opportunity.legs[0].hop;
    u256 most = std::min(u256(opportunity.amount_in), u256(limits.amount_in_max));
    u256 of_pool;
    if (!mul_div_floor(balance_of(market, hop.pool, hop.token_in), u256(limits.pool_share_max_bps),
                       u256(10'000), of_pool)) {
      return GANTRY_REFUSED;
    }
    most = std::min(most, of_pool);
    Sale sale;
    if (most.is_zero() || !quote(market, hop, most, sale)) return GANTRY_REFUSED;
    out = opportunity;
    put_amounts(out, most, sale);
    if (which == closes_one) return GANTRY_OK;
    const Followed* token = followed(opportunity.token_out);
    if (token == nullptr || !token->partner) return GANTRY_REFUSED;
    return expect(market, *token, z_score(market, *token), out) ? GANTRY_OK : GANTRY_REFUSED;
  }

  gantry_status on_result(const gantry_result& result) override {
    const auto upper = static_cast<std::uint32_t>(result.key >> 32U);
    const auto lower = static_cast<std::uint32_t>(result.key);
    if (upper == UINT32_MAX) {
      // The host is closing a position of this token itself.
      if (result.kind == GANTRY_RESULT_PLANNED) depart(result.key, lower, false);
      return GANTRY_OK;
    }
    const auto flight = std::find_if(flights_.begin(), flights_.end(),
                                     [&](const Flight& each) { return each.key == result.key; });
    if (flight == flights_.end()) return GANTRY_OK;
    if (result.kind == GANTRY_RESULT_PLANNED) {
      flight->until = snapshot_ + rules_.patience;
    } else {
      flights_.erase(flight);  // refused, failed, or in the positions that are told next
    }
    return GANTRY_OK;
  }

 private:
  static constexpr std::uint32_t held_max = 256;
  static constexpr std::size_t samples_at_once = 2048;

  static bool has(const gantry_pool& pool, std::uint32_t token) {
    return std::find(pool.tokens, pool.tokens + pool.token_count, token) !=
           pool.tokens + pool.token_count;
  }

  std::uint32_t find_base(const Market& market) const {
    std::uint32_t handle = market.raw().wrapped_token;
    if (base_address_ && market.find_token(*base_address_, handle) != GANTRY_OK) return no_token;
    return handle < market.token_count() ? handle : no_token;
  }

  // Of the pool's balances; 0: it does not say.
  static u256 balance_of(const Market& market, std::uint32_t handle, std::uint32_t token) {
    gantry_pool pool;
    std::array<gantry_amount, search::detail::pool_tokens_max> balances;
    gantry_pool_view view{0, search::detail::pool_tokens_max, balances.data()};
    if (market.pool(handle, pool) != GANTRY_OK || market.view(handle, view) != GANTRY_OK) {
      return u256();
    }
    const std::uint32_t index = search::detail::index_in(pool, token);
    return index < view.token_count ? u256(balances[index]) : u256();
  }

  // Those of the deepest pools with the base, the deepest first.
  void choose_tokens(const Market& market) {
    const double ether = search::ether_per_unit(market, base_);
    followed_.clear();
    for (std::uint32_t i = 0; i < market.pool_count(); ++i) {
      gantry_pool pool;
      if (market.pool(i, pool) != GANTRY_OK || pool.usable == 0 || !has(pool, base_) ||
          search::is_avoided(market, pool)) {
        continue;
      }
      const double depth = to_double(balance_of(market, i, base_)) * ether;
      if (!(depth > 0)) continue;
      for (std::uint32_t k = 0; k < pool.token_count; ++k) {
        if (pool.tokens[k] != base_) choose(market, pool.tokens[k], depth);
      }
    }
    std::sort(followed_.begin(), followed_.end(), [](const Followed& a, const Followed& b) {
      return a.depth_ether != b.depth_ether ? a.depth_ether > b.depth_ether : a.handle < b.handle;
    });
  }

  void choose(const Market& market, std::uint32_t handle, double depth) {
    gantry_token token;
    if (market.token(handle, token) != GANTRY_OK || (token.flags & GANTRY_TOKEN_VALUED) == 0) {
      return;
    }
    const auto known = std::find_if(followed_.begin(), followed_.end(),
                                    [&](const Followed& each) { return each.handle == handle; });
    if (known != followed_.end()) {
      known->depth_ether = std::max(known->depth_ether, depth);
      return;
    }
    Followed one{};
    one.address = token.address;
    one.handle = handle;
    one.depth_ether = depth;
    if (followed_.size() < rules_.max_tokens) {
      followed_.push_back(one);
      return;
    }
    const auto shallowest = std::min_element(
        followed_.begin(), followed_.end(),
        [](const Followed& a, const Followed& b) { return a.depth_ether < b.depth_ether; });
    if (shallowest->depth_ether < depth) *shallowest = one;
  }

  const Followed* followed(std::uint32_t handle) const {
    for (const Followed& each : followed_) {
      if (each.handle == handle) return &each;
    }
    return nullptr;
  }

  // ---- pairs ----

  // Whether the token's prices are enough, all of which are in the window then.
  bool gather(const Market& market, std::uint32_t index, std::uint64_t now_s) {
    const Followed& token = followed_[index];
    if (token.handle == no_token) return false;
    gantry_history_query query{};
    query.what = GANTRY_HISTORY_PRICE;
    query.token = token.handle;
    query.quote = base_;
    query.from_s = now_s >= rules_.lookback_s ? now_s - rules_.lookback_s + 1 : 0;
    query.to_s = now_s;
    std::uint32_t count = 0;
    // Until the oldest is old enough the others need not be read.
    if (market.history(query, {samples_.data(), 1}, count) != GANTRY_OK || count == 0 ||
        samples_[0].time_s + rules_.warm_up_s > now_s) {
      return false;
    }
    for (std::uint64_t newest_s = 0; newest_s < now_s;) {
      if (market.history(query, samples_, count) != GANTRY_OK) break;
      const std::uint64_t before_s = newest_s;
      for (std::uint32_t i = 0; i < std::min<std::size_t>(count, samples_.size()); ++i) {
        window_.add(index, samples_[i].time_s, samples_[i].value);
        newest_s = std::max(newest_s, samples_[i].time_s);
      }
      if (count < samples_.size() || newest_s <= before_s) break;
      query.from_s = newest_s + 1;
    }
    return window_.finish(index) >= rules_.min_samples;
  }

  void rebalance(const Market& market, std::uint64_t now_s) {
    window_.begin(now_s);
    std::uint32_t ready = 0;
    for (std::uint32_t i = 0; i < followed_.size(); ++i) {
      followed_[i].ready = gather(market, i, now_s);
      followed_[i].partner.reset();
      ready += followed_[i].ready ? 1U : 0U;
    }
    formed_ = ready >= 2;
    if (!formed_) return;  // tried again with the next snapshot
    period_ = now_s / rules_.rebalance_s;
    for (std::uint32_t i = 0; i < followed_.size(); ++i) {
      followed_[i].stopped = false;
      for (std::uint32_t j = 0; j < followed_.size(); ++j) {
        if (i != j && followed_[i].ready && followed_[j].ready) consider(i, j);
      }
      host_.count("tokens_with_a_partner", followed_[i].partner ? 1 : 0);
    }
    host_.count("rebalances");
  }

  // Takes it for a partner if it is more alike than the one before.
  void consider(std::uint32_t index, std::uint32_t other) {
    const auto moments = window_.moments(index, other);
    Followed& token = followed_[index];
    if (!moments || moments->samples < rules_.min_samples ||
        moments->correlation < rules_.correlation ||
        (token.partner && moments->correlation <= token.correlation)) {
      return;
    }
    token.partner = other;
    token.mean = moments->mean;
    token.deviation = moments->deviation;
    token.correlation = moments->correlation;
    token.share = moments->variance_a / (moments->variance_a + moments->variance_b);
  }

  // The logarithm of its price now, no number without one.
  double log_price(const Market& market, std::uint32_t index) {
    double& log = logs_[index];
    gantry_price price;
    if (std::isnan(log) && followed_[index].handle != no_token &&
        market.price(followed_[index].handle, base_, price) == GANTRY_OK && price.bid > 0 &&
        price.ask > 0) {
      log = std::log(std::sqrt(price.bid * price.ask));
    }
    return log;
  }

  // How many deviations it stands above its pair's mean; no number: it is not known.
  double z_score(const Market& market, const Followed& token) {
    if (!formed_ || !token.partner) return no_number;
    const auto index = static_cast<std::uint32_t>(&token - followed_.data());
    const double spread = log_price(market, index) - log_price(market, *token.partner);
    return (spread - token.mean) / token.deviation;
  }

  // ---- trades ----

  static bool quote(const Market& market, const gantry_hop& hop, const u256& amount, Sale& out) {
    gantry_route_quote quoted;
    if (market.quote_route({&hop, 1}, amount, quoted) != GANTRY_OK) return false;
    out = {hop, u256(quoted.amount_out), quoted.gas};
    return !out.amount_out.is_zero();
  }

  // Through the pool that pays the most.
  std::optional<Sale> best_sale(const Market& market, std::uint32_t in, std::uint32_t out,
                                const u256& amount) const {
    std::optional<Sale> best;
    const auto look = [&](std::uint32_t pool) {
      Sale sale;
      if (quote(market, {pool, in, out, 0}, amount, sale) &&
          (!best || sale.amount_out > best->amount_out)) {
        best = sale;
      }
    };
    const Followed* token = in == base_ ? followed(out) : out == base_ ? followed(in) : nullptr;
    if (token != nullptr) {
      for (std::uint32_t i = token->pools_begin; i < token->pools_end; ++i) look(pools_[i]);
      return best;
    }
    for (std::uint32_t i = 0; i < market.pool_count(); ++i) {
      gantry_pool pool;
      if (market.pool(i, pool) != GANTRY_OK || pool.usable == 0) continue;
      if (has(pool, in) && has(pool, out)) look(i);
    }
    return best;
  }

  static void put_amounts(gantry_opportunity& o, const u256& amount_in, const Sale& sale) {
    o.amount_in = amount_in;
    o.amount_out = sale.amount_out;
    o.gas = sale.gas;
    o.legs[0] = {sale.hop, amount_in, sale.amount_out};
  }

  static gantry_opportunity make(const Market& market, const u256& amount_in, const Sale& sale,
                                 std::uint8_t which) {
    gantry_opportunity o{};
    o.key = static_cast<std::uint64_t>(sale.hop.token_in) << 32U | sale.hop.token_out;
    o.kind = GANTRY_OPPORTUNITY_POSITION;
    o.leg_count = 1;
    o.token_in = sale.hop.token_in;
    o.token_out = sale.hop.token_out;
    o.block = market.context().state_block;
    o.valid_until_block = market.context().execution_block;
    o.data[0] = which;
    put_amounts(o, amount_in, sale);
    return o;
  }

  double gas_ether(const Market& market, std::uint64_t gas) const {
    return static_cast<double>(gas + search::trade_gas_overhead) *
           to_double(u256(market.context().gas_price)) * 1e-18;
  }

  // What the pair's coming back is expected to leave, and how sure that is. False: too little, or
  // it cannot be said.
  //   move        (|z| - exit) deviations, times this token's share of the pair's variance: the
  //   rest
  //               is expected of the partner, which is not held
  //   expected    (B e^move - in - gas both ways) / in, where B is what the bought amount would be
  //               sold for in the best pool as it stands: fees and impact both ways, by quotes
  //   confidence  d / (d + 10 ETH) * correlation, d the pool's balance of the base
  //   risk        1 - d / (d + 10 ETH) * (1 - in / balance) * (stop - |z|) / (stop - exit): the
  //   last
  //               is the chance that a walk without any pull meets the exit before the stop
  bool expect(const Market& market, const Followed& token, double z, gantry_opportunity& o) const {
    const double ether = search::ether_per_unit(market, base_);
    const auto back = best_sale(market, o.token_out, base_, u256(o.amount_out));
    if (!back || !(ether > 0) || !(z < 0) || !(-z < rules_.stop_z)) return false;
    const double move = (-z - rules_.exit_z) * token.deviation * token.share;
    const double in = to_double(u256(o.amount_in));
    const double gas = (gas_ether(market, o.gas) + gas_ether(market, back->gas)) / ether;
    o.expected_profit_bps = (to_double(back->amount_out) * std::exp(move) - in - gas) / in * 1e4;
    const double balance = to_double(balance_of(market, o.legs[0].hop.pool, base_));
    if (!std::isfinite(o.expected_profit_bps) || !(balance > 0)) return false;
    const double depth = search::depth_confidence(balance * ether);
    const double room = (rules_.stop_z + z) / (rules_.stop_z - rules_.exit_z);
    o.confidence = std::clamp(depth * token.correlation, 0.0, 1.0);
    o.risk_score = std::clamp(1 - depth * (1 - std::min(in / balance, 1.0)) * room, 0.0, 1.0);
    return o.expected_profit_bps > 0 && o.expected_profit_bps >= rules_.min_profit_bps;
  }

  // ---- what is held, and what is under way ----

  std::span<const gantry_position> held() const {
    return {held_.data(), std::min(held_count_, held_max)};
  }
  u256 quantity_of(std::uint32_t token) const {
    u256 sum;
    for (const gantry_position& each : held()) {
      if (each.token == token && !add(sum, u256(each.quantity), sum)) return u256::max();
    }
    return sum;
  }
  bool is_under_way(std::uint32_t token) const {
    return std::any_of(flights_.begin(), flights_.end(),
                       [&](const Flight& each) { return each.token == token; });
  }
  void depart(std::uint64_t key, std::uint32_t token, bool opens) {
    if (flights_.size() == flights_.capacity()) flights_.erase(flights_.begin());
    flights_.push_back({key, token, opens, snapshot_ + rules_.patience, quantity_of(token)});
  }
  void forget_flights() {
    std::erase_if(flights_, [&](const Flight& each) {
      if (each.until < snapshot_) host_.count("trades_never_heard_of");
      return each.until < snapshot_ || quantity_of(each.token) != each.quantity;
    });
  }

  // False: the sink takes no more.
  bool sell(const Market& market, std::uint64_t now_s, OpportunitySink sink) {
    for (const gantry_position& position : held()) {
      const char* why = why_to_sell(market, position, now_s);
      if (why == nullptr || is_under_way(position.token)) continue;
      const u256 quantity(position.quantity);
      const auto sale = best_sale(market, position.token, position.base, quantity);
      if (!sale) {
        host_.count("positions_without_a_buyer");
        continue;
      }
      gantry_opportunity o = make(market, quantity, *sale, closes_one);
      // By what it cost. Nothing has to be believed of what is done now.
      const double cost = to_double(u256(position.cost));
      const double brought = (to_double(sale->amount_out) - cost) / std::max(cost, 1.0) * 1e4;
      o.expected_profit_bps = std::clamp(brought, -1e12, 1e12);
      o.confidence = 1;
      if (!sink.emit(o)) return false;
      depart(o.key, position.token, false);
      host_.count(why);
    }
    return true;
  }

  // Null: it is kept.
  const char* why_to_sell(const Market& market, const gantry_position& position,
                          std::uint64_t now_s) {
    if (now_s >= position.since_s && now_s - position.since_s >= rules_.holding_s) {
      return "sold_for_age";
    }
    if (!formed_) return nullptr;
    const Followed* token = followed(position.token);
    if (token == nullptr || !token->partner || position.base != base_) return "sold_for_no_partner";
    const double z = z_score(market, *token);
    if (z >= -rules_.exit_z) return "sold_at_exit";
    return z <= -rules_.stop_z ? "sold_at_stop" : nullptr;
  }

  // What position_eth is in the base; false: it cannot be valued.
  bool position_of(const Market& market, u256& out) const {
    const u256 many = u256::from_u128(static_cast<uint128>(1) << 96U);
    gantry_value value;
    u256 wei;
    return market.value(base_, many, value) == GANTRY_OK &&
           from_double_floor(rules_.position_ether * 1e18, wei) &&
           mul_div_floor(wei, many, u256(value.ether_wei), out) && !out.is_zero();
  }

  void buy(const Market& market, OpportunitySink sink) {
    u256 amount;
    if (!formed_ || !position_of(market, amount)) return;
    entries_.clear();
    for (Followed& token : followed_) {
      const double z = z_score(market, token);
      if (z <= -rules_.stop_z) token.stopped = true;
      if (z >= -rules_.exit_z) token.stopped = false;
      if (!(z <= -rules_.entry_z) || token.stopped || is_under_way(token.handle) ||
          !quantity_of(token.handle).is_zero()) {
        continue;
      }
      const auto sale = best_sale(market, base_, token.handle, amount);
      if (!sale) continue;
      gantry_opportunity o = make(market, amount, *sale, opens_one);
      if (expect(market, token, z, o)) {
        entries_.push_back(o);
      } else {
        host_.count("entries_that_do_not_pay");
      }
    }
    std::sort(entries_.begin(), entries_.end(),
              [](const gantry_opportunity& a, const gantry_opportunity& b) {
                const double of_a = a.expected_profit_bps * a.confidence;
                const double of_b = b.expected_profit_bps * b.confidence;
                return of_a != of_b ? of_a > of_b : a.token_out < b.token_out;
              });
    std::size_t open = held_count_;
    for (const Flight& each : flights_) open += each.opens ? 1 : 0;
    for (const gantry_opportunity& o : entries_) {
      if (open >= rules_.max_positions) {
        host_.count("entries_beyond_max_positions");
        continue;
      }
      if (!sink.emit(o)) return;
      depart(o.key, o.token_out, true);
      ++open;
    }
  }

  Host host_;
  const gantry_positions_draft_v1* positions_;
  Rules rules_;
  std::optional<gantry_address> base_address_;
  std::uint32_t base_ = no_token;
  std::vector<Followed> followed_;
  std::vector<std::uint32_t> pools_;  // of the followed tokens, one's after the other's
  PairWindow window_;
  std::vector<gantry_sample> samples_;
  bool formed_ = false;       // pairs were found
  std::uint64_t period_ = 0;  // of rebalancing, in which that was
  std::uint64_t last_s_ = 0;
  std::uint64_t snapshot_ = 0;
  std::vector<double> logs_;  // by followed token
  std::vector<gantry_opportunity> entries_;
  std::array<gantry_position, held_max> held_{};
  std::uint32_t held_count_ = 0;
  std::vector<Flight> flights_;
};

}  // namespace
}  // namespace gantry::statistical

GANTRY_PLUGIN(gantry::statistical::Statistical);

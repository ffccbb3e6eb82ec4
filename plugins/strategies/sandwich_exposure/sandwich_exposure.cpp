// Measures what pending swaps expose: the most that somebody could take who swaps before one in the
// same direction and back behind it, as far as the swap's own least out allows. What it emits is
// GANTRY_OPPORTUNITY_SIMULATE_ONLY: the risk gate approves none of it, and the host takes no
// back-run with legs in front that is not.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/address_text.hpp"
#include "gantry/after_pending.hpp"
#include "gantry/pending.hpp"
#include "gantry/search/best_amount.hpp"
#include "gantry/search/route.hpp"
#include "gantry/strategy.hpp"

namespace gantry::sandwich_exposure {
namespace {

constexpr std::uint32_t pool_tokens_max = 16;
// Whoever puts in more than this many times what the pool has pays it in fees.
constexpr unsigned pool_multiples_max = 16;

std::vector<gantry_address> accounts_of(std::string_view list) {
  std::vector<gantry_address> accounts;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(','), list.size());
    std::string_view text = list.substr(0, end);
    list.remove_prefix(std::min(end + 1, list.size()));
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
    if (text.empty()) continue;
    const auto account = evm_address_of(text);
    if (!account) {
      throw Refused("own_senders: '" + std::string(text) +
                    "' is no address: write 0x and 40 digits, with ',' between accounts");
    }
    accounts.push_back(*account);
  }
  return accounts;
}

// Somebody's swap before and behind, through one pool.
struct Sandwich {
  u256 in;      // of the pending swap's token_in
  u256 bought;  // what goes back behind it
  u256 out;
  std::uint64_t gas = 0;
};

class SandwichExposure final : public TradingStrategy {
 public:
  SandwichExposure(Host host, const Config& config)
      : host_(host),
        after_pending_(host),
        min_profit_bps_(static_cast<double>(config.integer("min_profit_bps"))),
        own_(accounts_of(config.string("own_senders"))),
        swaps_max_(static_cast<std::size_t>(config.integer("max_transactions"))) {
    if (!after_pending_.is_there()) {
      host_.warning(
          "this host does not show the market behind a pending swap: nothing is measured");
    }
    waiting_.reserve(2 * swaps_max_);
  }

  gantry_status on_pending(const Market&, std::span<const gantry_pending_event> events,
                           std::uint64_t dropped) {
    if (dropped != 0) host_.count("swaps_missed", dropped);
    for (const gantry_pending_event& event : events) {
      if (waiting_.size() == waiting_.capacity()) cut_to(swaps_max_);
      waiting_.push_back({event, is_own(event.from)});
    }
    return GANTRY_OK;
  }
  const void* get_extension(const char* id) const override {
    return strategy_pending<SandwichExposure>(id);
  }

  gantry_status find(const Market& market, OpportunitySink sink) override {
    if (waiting_.size() > swaps_max_) cut_to(swaps_max_);
    for (const Waiting& waiting : waiting_) {
      if (!measure(market, waiting, sink)) break;
    }
    waiting_.clear();
    return GANTRY_OK;
  }

  gantry_status validate(const Market& market, const gantry_opportunity& opportunity) override {
    if (opportunity.leg_count != 2) return GANTRY_REFUSED;
    gantry_backrun backrun;
    std::memcpy(&backrun, opportunity.data, sizeof(backrun));
    const auto found =
        sandwich(market, backrun.pending, opportunity.legs[0].hop, u256(opportunity.amount_in));
    return found && found->out >= u256(opportunity.amount_out) ? GANTRY_OK : GANTRY_REFUSED;
  }

  // The most within these limits: what goes in front, and what goes back.
  gantry_status size(const Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    if (opportunity.leg_count != 2) return GANTRY_REFUSED;
    gantry_backrun backrun;
    std::memcpy(&backrun, opportunity.data, sizeof(backrun));
    const gantry_hop& hop = opportunity.legs[0].hop;
    const auto held = held_of(market, hop.pool, hop.token_in);
    const auto held_out = held_of(market, hop.pool, hop.token_out);
    const u256 share(limits.pool_share_max_bps);
    u256 most;
    u256 back_most;
    if (!held || !held_out || !mul_div_floor(*held, share, u256(10000), most) ||
        !mul_div_floor(*held_out, share, u256(10000), back_most)) {
      return GANTRY_REFUSED;
    }
    most = std::min({most, u256(limits.amount_in_max), u256(opportunity.amount_in)});
    const auto best = most_of(market, backrun.pending, hop, *held, most, back_most);
    if (!best) return GANTRY_REFUSED;
    double net_ether = 0;
    const auto made =
        report(market, {opportunity.key, backrun.pending}, hop, *best, *held, net_ether);
    if (!made) return GANTRY_REFUSED;
    out = *made;
    return GANTRY_OK;
  }

 private:
  struct Name {
    std::uint64_t key;
    std::uint64_t sequence;  // of the pending swap
  };
  struct Waiting {
    gantry_pending_event swap;
    bool is_own;
  };

  bool is_own(const gantry_address& account) const {
    return std::any_of(own_.begin(), own_.end(), [&](const gantry_address& one) {
      return std::memcmp(&one, &account, sizeof(account)) == 0;
    });
  }

  // Ours first, then the newest.
  void cut_to(std::size_t count) {
    std::sort(waiting_.begin(), waiting_.end(), [](const Waiting& a, const Waiting& b) {
      if (a.is_own != b.is_own) return a.is_own;
      return a.swap.sequence > b.swap.sequence;
    });
    host_.count("swaps_cut", waiting_.size() - count);
    waiting_.resize(count);
  }

  static std::optional<double> ether(const Market& market, std::uint32_t token,
                                     const u256& amount) {
    gantry_value value;
    if (market.value(token, amount, value) != GANTRY_OK) return std::nullopt;
    return to_double(u256(value.ether_wei)) * 1e-18;
  }

  // The swap through its pool that exposes most. False: the sink takes no more.
  bool measure(const Market& market, const Waiting& waiting, OpportunitySink sink) {
    const gantry_pending_event& swap = waiting.swap;
    const gantry_status status = after_pending_.look(
        market, swap.sequence, [](const Market&) { return gantry_status{GANTRY_OK}; });
    if (status != GANTRY_OK) {
      host_.count(status == GANTRY_REFUSED        ? "swaps_that_would_fail"
                  : status == GANTRY_BAD_ARGUMENT ? "swaps_in_a_block"
                                                  : "swaps_not_known_whole");
      return true;
    }
    std::optional<gantry_opportunity> worst;
    double worst_ether = 0;
    for (std::uint32_t i = 0; i < swap.hop_count; ++i) {
      double gain = 0;
      const auto found = exposure(market, swap, i, gain);
      if (found && gain > worst_ether) {
        worst = found;
        worst_ether = gain;
      }
    }
    host_.count(waiting.is_own ? "own_swaps_measured" : "swaps_measured");
    if (!worst) return true;
    host_.count(waiting.is_own ? "own_swaps_exposed" : "swaps_exposed");
    host_.observe(waiting.is_own ? "own_exposure_ether" : "exposure_ether", worst_ether);
    if (waiting.is_own) {
      host_.warning("our pending swap " + hash_text(swap) + " can be taken " +
                    std::to_string(worst_ether) +
                    " ether from: raise its least out, or send it where it is not seen");
    }
    return sink.emit(*worst);
  }

  static std::string hash_text(const gantry_pending_event& swap) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text = "0x";
    for (const std::uint8_t byte : swap.transaction) {
      text += digits[byte >> 4U];
      text += digits[byte & 15U];
    }
    return text;
  }

  std::optional<gantry_opportunity> exposure(const Market& market, const gantry_pending_event& swap,
                                             std::uint32_t hop_number, double& net_ether) {
    const gantry_hop& hop = swap.hops[hop_number];
    const auto held = held_of(market, hop.pool, hop.token_in);
    if (!held) return std::nullopt;
    u256 most;
    if (!mul(*held, u256(pool_multiples_max), most)) most = *held;
    const auto best = most_of(market, swap.sequence, hop, *held, most, u256::max());
    if (!best) return std::nullopt;
    Name name{0, swap.sequence};
    std::memcpy(&name.key, swap.transaction, sizeof(name.key));
    return report(market, name, hop, *best, *held, net_ether);
  }

  // What the pool has of a token.
  static std::optional<u256> held_of(const Market& market, std::uint32_t handle,
                                     std::uint32_t token) {
    gantry_pool pool;
    std::array<gantry_amount, pool_tokens_max> balances;
    gantry_pool_view view{0, pool_tokens_max, balances.data()};
    if (market.pool(handle, pool) != GANTRY_OK || market.view(handle, view) != GANTRY_OK) {
      return std::nullopt;
    }
    const std::uint32_t index = search::detail::index_in(pool, token);
    if (index >= view.token_count) return std::nullopt;
    return u256(balances[index]);
  }

  // The best with no more than so much in front, and back.
  std::optional<Sandwich> most_of(const Market& market, std::uint64_t sequence,
                                  const gantry_hop& hop, const u256& held, const u256& most,
                                  const u256& back_most) {
    const auto best = search::best_amount(std::max(shift_right(held, 16), u256(1)), most,
                                          [&](const u256& in) -> std::optional<double> {
                                            const auto tried = sandwich(market, sequence, hop, in);
                                            if (!tried || tried->bought > back_most)
                                              return std::nullopt;
                                            return tried->out >= in
                                                       ? to_double(wrapping_sub(tried->out, in))
                                                       : -to_double(wrapping_sub(in, tried->out));
                                          });
    if (!best) return std::nullopt;
    return sandwich(market, sequence, hop, best->amount);
  }

  std::optional<gantry_opportunity> report(const Market& market, const Name& name,
                                           const gantry_hop& hop, const Sandwich& found,
                                           const u256& held, double& net_ether) const {
    const auto stake = ether(market, hop.token_in, found.in);
    const auto end = ether(market, hop.token_in, found.out);
    const auto depth = ether(market, hop.token_in, held);
    if (!stake || !end || !depth || !(*stake > 0)) return std::nullopt;
    // Two transactions.
    const double gas_units = static_cast<double>(found.gas + 2 * search::trade_gas_overhead);
    const double gas = gas_units * to_double(u256(market.context().gas_price)) * 1e-18;
    net_ether = *end - *stake - gas;
    gantry_opportunity out{};
    out.expected_profit_bps = net_ether / *stake * 1e4;
    if (!(net_ether > 0) || out.expected_profit_bps < min_profit_bps_) return std::nullopt;
    out.key = name.key;
    out.kind = GANTRY_OPPORTUNITY_BACKRUN;
    out.flags = GANTRY_OPPORTUNITY_SIMULATE_ONLY;
    out.leg_count = 2;
    out.token_in = out.token_out = hop.token_in;
    out.amount_in = found.in;
    out.amount_out = found.out;
    out.gas = found.gas;
    out.block = market.context().state_block;
    out.valid_until_block = market.context().execution_block;
    out.legs[0] = {hop, found.in, found.bought};
    out.legs[1] = {{hop.pool, hop.token_out, hop.token_in, 0}, found.bought, found.out};
    const gantry_backrun backrun{name.sequence, 1, 0};
    std::memcpy(out.data, &backrun, sizeof(backrun));
    const double trust = search::depth_confidence(*depth);
    const double margin = to_double(wrapping_sub(found.out, found.in)) / to_double(found.in);
    const double share = std::min(1.0, to_double(found.in) / to_double(held));
    out.confidence = std::clamp(trust * margin / (margin + 0.002), 0.0, 1.0);
    out.risk_score = std::clamp(1 - trust * (1 - share), 0.0, 1.0);
    return out;
  }

  // Nothing: so much in front would have the pending swap fail, or cannot be swapped.
  std::optional<Sandwich> sandwich(const Market& market, std::uint64_t sequence,
                                   const gantry_hop& hop, const u256& in) {
    gantry_route_quote front;
    if (market.quote_route({&hop, 1}, in, front) != GANTRY_OK) return std::nullopt;
    const gantry_leg before{hop, in, front.amount_out};
    Sandwich out{in, u256(front.amount_out), {}, front.gas};
    if (out.bought.is_zero()) return out;
    const gantry_hop back{hop.pool, hop.token_out, hop.token_in, 0};
    const auto sell = [&](const Market& after) {
      gantry_route_quote paid;
      const gantry_status quoted = after.quote_route({&back, 1}, out.bought, paid);
      if (quoted != GANTRY_OK) return quoted;
      out.out = u256(paid.amount_out);
      out.gas += paid.gas;
      return quoted;
    };
    const gantry_status status = after_pending_.look(market, sequence, sell, {&before, 1});
    if (status != GANTRY_OK) return std::nullopt;
    return out;
  }

  Host host_;
  AfterPending after_pending_;
  double min_profit_bps_;
  std::vector<gantry_address> own_;
  std::size_t swaps_max_;
  std::vector<Waiting> waiting_;
};

}  // namespace
}  // namespace gantry::sandwich_exposure

GANTRY_PLUGIN(gantry::sandwich_exposure::SandwichExposure);

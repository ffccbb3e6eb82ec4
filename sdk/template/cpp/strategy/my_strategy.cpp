// A strategy in its smallest form: for every two pools of the same two tokens, a round trip with
// one amount, quoted by the host. What pays after gas is emitted.
#include <map>
#include <utility>
#include <vector>

#include "gantry/strategy.hpp"
#include "gantry/u256.hpp"

namespace my_strategy {
namespace {

using gantry::u256;

constexpr std::uint64_t bps = 10000;

// Buys token `out` with `in` in the one pool and sells it in the other.
struct Trip {
  std::uint32_t pools[2];
  std::uint32_t in;
  std::uint32_t out;
};

class MyStrategy final : public gantry::TradingStrategy {
 public:
  MyStrategy(gantry::Host, const gantry::Config& config)
      : share_bps_(static_cast<std::uint64_t>(config.integer("share_bps"))) {}

  // The only call in which memory may be taken.
  gantry_status prepare(const gantry::Market& market) override {
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::vector<std::uint32_t>> pools_of_pair;
    trips_.clear();
    changed_.assign(market.pool_count(), 0);
    for (std::uint32_t pool = 0; pool < market.pool_count(); ++pool) {
      gantry_pool info;
      if (market.pool(pool, info) != GANTRY_OK || info.usable == 0 || info.token_count != 2) {
        continue;
      }
      const auto pair = std::minmax(info.tokens[0], info.tokens[1]);
      for (const std::uint32_t other : pools_of_pair[pair]) {
        const auto& [a, b] = pair;
        const bool b_first = b == market.raw().wrapped_token;
        const std::uint32_t in = b_first ? b : a;
        const std::uint32_t out = b_first ? a : b;
        trips_.push_back({{pool, other}, in, out});
        trips_.push_back({{other, pool}, in, out});
      }
      pools_of_pair[pair].push_back(pool);
    }
    return GANTRY_OK;
  }

  gantry_status find(const gantry::Market& market, gantry::OpportunitySink sink) override {
    for (const std::uint32_t pool : market.changed_pools()) changed_[pool] = 1;
    for (std::size_t i = 0; i < trips_.size(); ++i) {
      const Trip& trip = trips_[i];
      if (!market.cold() && changed_[trip.pools[0]] == 0 && changed_[trip.pools[1]] == 0) continue;
      gantry_opportunity found{};
      found.key = i;
      if (fill(market, trip, first_amount(market, trip), found) && !sink.emit(found)) break;
    }
    for (const std::uint32_t pool : market.changed_pools()) changed_[pool] = 0;
    return GANTRY_OK;
  }

  // Halves the amount until it is within the limits.
  gantry_status size(const gantry::Market& market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    if (opportunity.key >= trips_.size()) return GANTRY_BAD_ARGUMENT;
    const Trip& trip = trips_[opportunity.key];
    u256 amount(opportunity.amount_in);
    while (amount > u256(limits.amount_in_max)) amount = shift_right(amount, 1);
    for (; !amount.is_zero(); amount = shift_right(amount, 1)) {
      if (!fill(market, trip, amount, out)) return GANTRY_REFUSED;
      if (within(market, out, limits.pool_share_max_bps)) return GANTRY_OK;
    }
    return GANTRY_REFUSED;
  }

 private:
  static bool balance(const gantry::Market& market, std::uint32_t pool, std::uint32_t token,
                      u256& out) {
    gantry_pool info;
    gantry_amount balances[2];
    gantry_pool_view view{0, 2, balances};
    if (market.pool(pool, info) != GANTRY_OK || market.view(pool, view) != GANTRY_OK) return false;
    out = u256(balances[info.tokens[0] == token ? 0 : 1]);
    return true;
  }

  u256 first_amount(const gantry::Market& market, const Trip& trip) const {
    u256 has;
    u256 amount;
    const bool known = balance(market, trip.pools[0], trip.in, has) &&
                       mul_div_floor(has, u256(share_bps_), u256(bps), amount);
    return known ? amount : u256();
  }

  static bool within(const gantry::Market& market, const gantry_opportunity& opportunity,
                     std::uint32_t share_max_bps) {
    for (std::uint32_t i = 0; i < opportunity.leg_count; ++i) {
      const gantry_leg& leg = opportunity.legs[i];
      u256 has;
      u256 most;
      if (!balance(market, leg.hop.pool, leg.hop.token_in, has) ||
          !mul_div_floor(has, u256(share_max_bps), u256(bps), most) || u256(leg.amount_in) > most) {
        return false;
      }
    }
    return true;
  }

  // False: it does not pay, or nobody can say what it is worth.
  static bool fill(const gantry::Market& market, const Trip& trip, const u256& amount,
                   gantry_opportunity& out) {
    if (amount.is_zero()) return false;
    const gantry_hop hops[] = {{trip.pools[0], trip.in, trip.out, 0},
                               {trip.pools[1], trip.out, trip.in, 0}};
    gantry_route_quote route;
    if (market.quote_route(hops, amount, route) != GANTRY_OK) return false;
    u256 gain;
    gantry_value worth;
    gantry_value stake;
    if (!sub(u256(route.amount_out), amount, gain) ||
        market.value(trip.in, gain, worth) != GANTRY_OK ||
        market.value(trip.in, amount, stake) != GANTRY_OK) {
      return false;
    }
    u256 gas_cost;
    u256 profit;
    if (!mul(u256(route.gas), u256(market.context().gas_price), gas_cost) ||
        !sub(u256(worth.ether_wei), gas_cost, profit) || profit.is_zero() ||
        u256(stake.ether_wei).is_zero()) {
      return false;
    }
    out.kind = GANTRY_OPPORTUNITY_ARBITRAGE;
    out.leg_count = 2;
    out.token_in = out.token_out = trip.in;
    out.amount_in = amount;
    out.amount_out = route.amount_out;
    out.gas = route.gas;
    out.block = market.context().state_block;
    out.valid_until_block = market.context().execution_block;
    out.expected_profit_bps = to_double(profit) / to_double(u256(stake.ether_wei)) * double{bps};
    out.confidence = worth.confidence;
    out.risk_score = 0.5;
    for (std::uint32_t i = 0; i < 2; ++i) {
      out.legs[i] = {hops[i], route.amounts[i], route.amounts[i + 1]};
    }
    return true;
  }

  std::uint64_t share_bps_;
  std::vector<Trip> trips_;
  std::vector<std::uint8_t> changed_;  // by pool, of this snapshot
};

}  // namespace
}  // namespace my_strategy

GANTRY_PLUGIN(my_strategy::MyStrategy);

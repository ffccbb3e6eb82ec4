// The risk gate: the only place that can make an Approved<...>, and only that can become a plan.
// A refusal is data: an enum reason with what was measured and what is allowed.
//
// THREADS  check() is pure: any thread, no allocation.
#pragma once
#include <cstdint>
#include <expected>
#include <string_view>

#include "host/config/settings.hpp"
#include "host/rank/ranking.hpp"

namespace gantry::host {

// In the order in which they are checked, but for pool_concentration, which is checked with the
// pools. Recorded: never renumber.
enum class RefusalReason : std::int32_t {
  none = 0,
  simulate_only = 1,       // measured and reported, never traded
  stale_snapshot = 2,      // blocks since the state was read
  pool_unusable = 3,       // a pool on the way takes no part (any more)
  unvalued = 4,            // no price, so limits in ether and USD cannot be checked
  low_confidence = 5,      // the strategy's own, or of the valuation
  high_risk = 6,           // the strategy's risk score
  pool_concentration = 7,  // share of a pool's balance that goes in, in bps
  max_position = 8,        // ether that goes in
  max_position_usd = 9,    // dollars that go in
  min_profit = 10,         // dollars after fees and gas
  min_profit_bps = 11,     // of the amount in, the strategy's own limit
  pool_used_already = 12,  // a better one of this snapshot trades in the same pool
  approximate = 13,        // a pool's quotes are not exact to the chain: never traded unsimulated
  data_fee_unknown = 14,   // what the chain charges for its bytes is not known
};
std::string_view to_string(RefusalReason reason);
// The unit of `measured` and `limit`: "bps", "ETH", "USD", "blocks" or "".
std::string_view unit_of(RefusalReason reason);

struct RiskRefusal {
  RefusalReason reason = RefusalReason::none;
  double measured = 0;
  double limit = 0;
};

// What has passed the gate. Nobody else can make one.
template <class T>
class Approved {
 public:
  const T& value() const noexcept { return value_; }

 private:
  friend class RiskGate;
  explicit Approved(const T& value) : value_(value) {}
  T value_;
};

// What the route up to `leg` puts into that leg's pool of the token that it puts in: a pool that is
// visited twice is traded in twice. The largest integer when the sum does not fit.
u256 amount_into_pool(const gantry_opportunity& opportunity, std::uint32_t leg) noexcept;
// Whether that is more than `share_max_bps` of the pool's `balance`, in exact integers.
bool above_share(const u256& amount, const u256& balance, std::uint64_t share_max_bps) noexcept;

class RiskGate {
 public:
  explicit RiskGate(const RiskSettings& settings) : settings_(settings) {}

  // `view` is bound to the snapshot in which it would execute; `newest_block` is the chain's head.
  std::expected<Approved<Ranked>, RiskRefusal> check(const MarketView& view, const Ranked& ranked,
                                                     const StrategySettings& strategy,
                                                     std::uint64_t newest_block) const;

 private:
  RiskRefusal first_refusal(const MarketView& view, const Ranked& ranked,
                            const StrategySettings& strategy, std::uint64_t newest_block) const;
  RiskRefusal check_pools(const MarketView& view, const gantry_opportunity& opportunity) const;
  RiskRefusal check_money(const Ranked& ranked, const StrategySettings& strategy) const;

  RiskSettings settings_;
};

}  // namespace gantry::host

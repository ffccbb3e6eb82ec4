// The risk gate: the only place that can make an Approved<...>, and only that can become a plan.
// A refusal is data: an enum reason with what was measured and what is allowed.
//
// A trade meets the limits of every scope that it touches, so the strictest. What limits mean is
// told in docs/operating.md, formulas of forecasts in forecast.hpp.
//
// THREADS  check() is pure: any thread, no allocation.
#pragma once
#include <cstdint>
#include <expected>
#include <string_view>

#include "host/config/settings.hpp"
#include "host/rank/ranking.hpp"
#include "host/risk/book.hpp"
#include "host/risk/forecast.hpp"
#include "host/risk/profit_limits.hpp"

namespace gantry::host {

// Recorded and told to strategies: never renumber; append. Checked in this order: simulate_only,
// backrun_not_sent, halted, reducing, stale_snapshot, those of pools, data_fee_unknown, then as
// they are listed; crossing comes before the size. What closes a position meets not_held, crossing
// and the gas budget in place of all that follows the valuation: to keep it is the greater risk.
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
  halted = 15,             // a scope is HALTED: see `gantry status`
  reducing = 16,           // a scope is REDUCING, and the trade leaves a position open
  reduced_size = 17,       // ether that goes in, while a scope is REDUCING
  ramp = 18,               // ether that goes in, while a scope is in its ramp
  max_concurrent = 19,     // ether that would be under way
  reserve = 20,            // ether that would be under way: more than the capital less the reserve
  min_profit_gas = 21,     // profit after gas, in times the gas
  success = 22,            // the forecast
  volatility = 23,         // the forecast, in bps
  slippage = 24,           // the forecast, in bps
  value_at_risk = 25,      // dollars, with what is under way
  loss_per_trade = 26,     // dollars that it may lose
  loss_per_trade_share = 27,  // the same, in bps of the capital
  gas_budget = 28,            // ether for gas, of this day
  composite = 29,             // the composite score
  crossing = 30,  // what comes out of a trade that opens or closes a position is worth less, in bps
  not_held = 31,  // it would sell more of a position than there is, with what is under way
  backrun_not_sent = 32,  // behind a pending transaction, where no bundles are sent
};
inline constexpr RefusalReason last_refusal_reason = RefusalReason::backrun_not_sent;
std::string_view to_string(RefusalReason reason);
// Of one that a smaller trade may not meet.
bool is_of_size(RefusalReason reason);
// The unit of `measured` and `limit`: "bps", "ETH", "USD", "blocks", "x gas" or "".
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

// What becomes of a trade that is approved.
enum class Carries : std::int32_t {
  nothing = 0,   // it is planned, and that is all
  trades = 1,    // it is carried out; a back-run cannot be
  backruns = 2,  // those too: what is sent are bundles
};

// What is known of a trade besides itself.
struct TradeRisk {
  const RiskView* book;  // borrowed
  TradeScopes scopes;
  Forecast forecast;
  const Position* closes = nullptr;  // that it would close, or a part of it; borrowed
  u256 closing;                      // of its quantity, that trades under way sell already
  Carries carries = Carries::nothing;
};

// The most that may go into a trade of these scopes, and what bounds it.
struct SizeBound {
  u256 wei = u256::max();
  RefusalReason reason = RefusalReason::none;
  u256 under_way_wei;  // and held: what the limit counts besides; not in `wei`
};
SizeBound size_bound(const RiskView& book, const TradeScopes& scopes) noexcept;

// The gate's limits of profit for such a trade, at that price of the coin; 0: there is none.
ProfitLimits profit_limits(const Ranked& ranked, const StrategySettings& strategy,
                           const TradeRisk& risk, std::uint64_t ether_usd_e6);

class RiskGate {
 public:
  explicit RiskGate(const RiskSettings& settings) : alone_(RiskBook(settings, {}, false).view()) {}

  // `view` is bound to the snapshot in which it would execute, and of a back-run behind what waits;
  // `newest_block` is the chain's head.
  std::expected<Approved<Ranked>, RiskRefusal> check(const MarketView& view, const Ranked& ranked,
                                                     const StrategySettings& strategy,
                                                     std::uint64_t newest_block,
                                                     const TradeRisk& risk) const;
  // Of a trade alone: nothing else is under way, nothing has tripped, prices do not move.
  std::expected<Approved<Ranked>, RiskRefusal> check(const MarketView& view, const Ranked& ranked,
                                                     const StrategySettings& strategy,
                                                     std::uint64_t newest_block) const;

 private:
  std::shared_ptr<const RiskView> alone_;
};

}  // namespace gantry::host

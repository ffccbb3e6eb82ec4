// Breakers: what stops trading, or makes it smaller, and how it goes on. docs/operating.md says the
// same for people.
//
// UNITS  Times are seconds (Unix) of whoever tells the facts: there is no clock here.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/config/settings.hpp"

namespace gantry::host {

// The same numbers as a GANTRY_EVENT_BREAKER carries.
enum class TradingMode : std::int32_t {
  active = 0,    // everything within the limits
  reducing = 1,  // sizes up to reduced_bps of their limits, and nothing that leaves a position open
  halted = 2,    // nothing at all
};
std::string_view to_string(TradingMode mode);  // "ACTIVE"
// What it stops, in a sentence for people.
std::string_view what_it_stops(TradingMode mode);

// Written to files by name: never rename; append.
enum class BreakerCause : std::int32_t {
  operator_stop = 0,     // `gantry stop`
  daily_loss = 1,        // ether
  daily_loss_usd = 2,    // dollars
  drawdown = 3,          // bps of the highest equity
  failures = 4,          // one after the other
  trade_loss = 5,        // dollars, of one trade
  trade_loss_share = 6,  // bps of the capital, of one trade
  quote_deviation = 7,   // bps that a fill was below its quote; REDUCING, the others HALTED
  provider_loss = 8,     // of a chain: no provider can be asked
  stale_state = 9,       // of a chain: seconds without a newer block
  unreadable = 10,       // what was kept of earlier breakers cannot be read
};
inline constexpr std::size_t breaker_causes = 11;
std::string_view to_string(BreakerCause cause);
std::string_view unit_of(BreakerCause cause);
// Ends by itself when what caused it does: provider_loss, stale_state.
bool ends_with_cause(BreakerCause cause);

// One cause's, of one scope. Mode active: it has not tripped.
struct Breaker {
  TradingMode mode = TradingMode::active;
  std::uint64_t since_s = 0;
  std::uint64_t until_s = 0;          // HALTED until then, REDUCING after it; 0: no such time
  std::uint64_t reduced_until_s = 0;  // then ACTIVE; 0: no such time
  double measured = 0;
  double limit = 0;

  bool operator==(const Breaker&) const = default;
};

// One that has tripped, for people.
struct TrippedBreaker {
  RiskScopeKind kind = RiskScopeKind::total;
  std::string name;  // of the scope; empty: the total
  BreakerCause cause = BreakerCause::operator_stop;
  Breaker breaker;
};
// "HALTED: daily_loss of venue uniswap_v2: 101 ETH, limit 100"
std::string to_string(const TrippedBreaker& tripped);
// "by hand: gantry resume", "by itself, when a provider answers", "at 2026-11-22T09:00:00Z at
// reduced size, in full at ..."
std::string how_it_recovers(const TrippedBreaker& tripped);

}  // namespace gantry::host

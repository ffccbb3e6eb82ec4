#include "host/risk/breaker.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>

namespace gantry::host {

namespace {

std::string time_of(std::uint64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

}  // namespace

std::string_view to_string(TradingMode mode) {
  switch (mode) {
    case TradingMode::active:
      return "ACTIVE";
    case TradingMode::reducing:
      return "REDUCING";
    case TradingMode::halted:
      return "HALTED";
  }
  return "?";
}

std::string_view what_it_stops(TradingMode mode) {
  switch (mode) {
    case TradingMode::active:
      return "nothing";
    case TradingMode::reducing:
      return "trades above reduced_bps of the limits of size, and all that leave a position open";
    case TradingMode::halted:
      return "every trade";
  }
  return "?";
}

std::string_view to_string(BreakerCause cause) {
  switch (cause) {
    case BreakerCause::operator_stop:
      return "operator_stop";
    case BreakerCause::daily_loss:
      return "daily_loss";
    case BreakerCause::daily_loss_usd:
      return "daily_loss_usd";
    case BreakerCause::drawdown:
      return "drawdown";
    case BreakerCause::failures:
      return "failures";
    case BreakerCause::trade_loss:
      return "trade_loss";
    case BreakerCause::trade_loss_share:
      return "trade_loss_share";
    case BreakerCause::quote_deviation:
      return "quote_deviation";
    case BreakerCause::provider_loss:
      return "provider_loss";
    case BreakerCause::stale_state:
      return "stale_state";
    case BreakerCause::unreadable:
      return "unreadable";
  }
  return "?";
}

std::string_view unit_of(BreakerCause cause) {
  switch (cause) {
    case BreakerCause::daily_loss:
      return "ETH";
    case BreakerCause::daily_loss_usd:
    case BreakerCause::trade_loss:
      return "USD";
    case BreakerCause::drawdown:
    case BreakerCause::trade_loss_share:
    case BreakerCause::quote_deviation:
      return "bps";
    case BreakerCause::failures:
      return "failures";
    case BreakerCause::stale_state:
      return "s";
    default:
      return "";
  }
}

bool ends_with_cause(BreakerCause cause) {
  return cause == BreakerCause::provider_loss || cause == BreakerCause::stale_state;
}

std::string to_string(const TrippedBreaker& tripped) {
  const Breaker& breaker = tripped.breaker;
  std::string text = fmt::format("{}: {} of {}", to_string(breaker.mode), to_string(tripped.cause),
                                 to_string(tripped.kind));
  if (!tripped.name.empty()) text += " " + tripped.name;
  if (const auto unit = unit_of(tripped.cause); !unit.empty()) {
    text += fmt::format(": {:.6g} {}, limit {:.6g}", breaker.measured, unit, breaker.limit);
  }
  return text;
}

std::string how_it_recovers(const TrippedBreaker& tripped) {
  const Breaker& breaker = tripped.breaker;
  if (tripped.cause == BreakerCause::provider_loss) {
    return "by itself, when a provider answers";
  }
  if (tripped.cause == BreakerCause::stale_state) return "by itself, with the next block";
  if (breaker.mode == TradingMode::halted && breaker.until_s != 0) {
    return fmt::format("at {} at reduced size, in full at {}", time_of(breaker.until_s),
                       time_of(breaker.reduced_until_s));
  }
  if (breaker.mode == TradingMode::reducing && breaker.reduced_until_s != 0) {
    return fmt::format("in full at {}", time_of(breaker.reduced_until_s));
  }
  return "by hand: gantry resume";
}

}  // namespace gantry::host

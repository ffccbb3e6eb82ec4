// What the board tells: changes of state as one line each, reasons, and statistics.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "host/log/log.hpp"
#include "host/provider/board.hpp"
#include "host/provider/remedy.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::provider {
namespace {

std::int64_t whole_seconds(std::chrono::steady_clock::duration time) {
  return std::chrono::ceil<std::chrono::seconds>(time).count();
}

// The reason with what to do about it, as sentences.
std::string with_remedy(const ProviderHealth& health) {
  const std::string& reason = health.reason();
  const std::string_view remedy = health.cause() ? remedy_of(*health.cause()) : "";
  std::string sentences = reason + (reason.ends_with('?') ? "" : ".");
  if (!remedy.empty()) sentences += fmt::format(" {}.", remedy);
  return sentences;
}

bool would_answer(ProviderState state) {
  return state == ProviderState::ready || state == ProviderState::behind ||
         state == ProviderState::suspect;
}

}  // namespace

bool Board::halted_at(Time now) const {
  return std::ranges::none_of(endpoints_,
                              [&](const Endpoint& endpoint) { return usable(endpoint, now); });
}

std::string Board::reason_of(const Endpoint& endpoint, Time now) const {
  if (!endpoint.unusable.empty()) return endpoint.unusable;
  const std::string& reason = endpoint.health.reason();
  switch (shown(endpoint, now)) {
    case ProviderState::unchecked:
      if (endpoint.url.empty()) return "takes subscriptions only";
      return reason.empty() ? "has not answered its first check yet" : reason;
    case ProviderState::limited:
      return fmt::format("pauses for {} s more: {}",
                         whole_seconds(endpoint.health.limited_until() - now), reason);
    case ProviderState::wrong_chain:
      return fmt::format("is of {}, not {}", endpoint.chain_told, options_.chain);
    case ProviderState::behind:
      return fmt::format("is {} blocks behind", endpoint.lag);
    default:
      return reason;
  }
}

std::string Board::reasons_at(Time now) const {
  std::string all;
  for (const Endpoint& endpoint : endpoints_) {
    const std::string reason = reason_of(endpoint, now);
    all += fmt::format("{}{}: {}", all.empty() ? "" : "; ", endpoint.name,
                       reason.empty() ? "ready" : reason);
  }
  return without_secrets(std::move(all));
}

void Board::tell(ProviderEventKind kind, const Endpoint* endpoint, std::string text) {
  const std::string who =
      endpoint == nullptr
          ? options_.chain
          : fmt::format("provider {} ({}) of {}", endpoint->name, endpoint->origin, options_.chain);
  events_.push_back({kind, endpoint == nullptr ? "" : endpoint->name,
                     printable(without_secrets(who + " " + text))});
}

void Board::tell_state(Endpoint& endpoint, ProviderState state, Time now) {
  switch (state) {
    case ProviderState::down:
      tell(ProviderEventKind::down, &endpoint,
           fmt::format("is down: {} It is checked every {} s", with_remedy(endpoint.health),
                       whole_seconds(HealthTimes{}.recheck_every)));
      break;
    case ProviderState::limited:
      tell(ProviderEventKind::limited, &endpoint, reason_of(endpoint, now));
      break;
    case ProviderState::wrong_chain:
      tell(ProviderEventKind::wrong_chain, &endpoint,
           reason_of(endpoint, now) + ": it is not used. Correct its url in gantry.toml");
      break;
    case ProviderState::behind:
      tell(ProviderEventKind::behind, &endpoint,
           reason_of(endpoint, now) + ": others are asked before it");
      break;
    default: {
      if (endpoint.told == ProviderState::unchecked) {
        tell(ProviderEventKind::ready, &endpoint,
             fmt::format("answers, in {:.0f} ms", endpoint.latency.ewma_ms()));
      } else {
        tell(ProviderEventKind::recovered, &endpoint,
             fmt::format("{} again, after {} s",
                         endpoint.told == ProviderState::limited ? "may be asked" : "answers",
                         whole_seconds(now - endpoint.told_since)));
      }
      break;
    }
  }
  endpoint.told = state == ProviderState::suspect ? ProviderState::ready : state;
  endpoint.told_since = now;
  endpoint.stumbles = 0;
}

void Board::settle(Time now) {
  bool any_new = false;
  for (Endpoint& endpoint : endpoints_) {
    if (endpoint.url.empty()) continue;
    const ProviderState state = shown(endpoint, now);
    any_new = any_new || (state == ProviderState::unchecked && endpoint.health.reason().empty());
    if (!endpoint.health.is_set_back()) {
      endpoint.set_back_told = false;
    } else if (!endpoint.set_back_told) {
      endpoint.set_back_told = true;
      tell(ProviderEventKind::stumbled, &endpoint,
           fmt::format("failed {} in a row: {}. Others are asked before it until it answers, or "
                       "for {} s",
                       counted(endpoint.health.failures_in_row(), "time"), endpoint.health.reason(),
                       whole_seconds(HealthTimes{}.check_every)));
      endpoint.stumbles = 0;
      endpoint.stumble_told = now;
    }
    // Its check decides what is told, but for a pause that is over.
    if (state == ProviderState::suspect && endpoint.told != ProviderState::limited) continue;
    if (state != endpoint.told) {
      tell_state(endpoint, state, now);
    } else if (would_answer(state) && endpoint.stumbles > 0 &&
               (endpoint.stumble_told == Time{} ||
                now - endpoint.stumble_told >= HealthTimes{}.check_every)) {
      tell(ProviderEventKind::stumbled, &endpoint,
           fmt::format("failed {}: {}. It is asked again", counted(endpoint.stumbles, "time"),
                       endpoint.last_failure));
      endpoint.stumbles = 0;
      endpoint.stumble_told = now;
    }
  }
  const bool halted = halted_at(now) && !any_new;
  if (halted == told_halted_) return;
  told_halted_ = halted;
  if (halted) {
    tell(ProviderEventKind::halted, nullptr,
         "is HALTED, no provider can be asked: " + reasons_at(now) +
             ". It goes on by itself when one answers");
  } else {
    tell(ProviderEventKind::resumed, nullptr, "goes on: a provider answers again");
  }
}

void Board::finish(std::unique_lock<std::mutex>& lock) {
  settle(clock_.now());
  ++changes_;
  changed_.notify_all();
  if (events_.empty()) return;
  lock.unlock();
  const std::lock_guard telling(telling_);
  lock.lock();
  while (!events_.empty()) {
    const ProviderEvent event = std::move(events_.front());
    events_.pop_front();
    if (closed_ || !options_.on_event) continue;
    lock.unlock();
    options_.on_event(event);
    lock.lock();
  }
}

void Board::close() {
  const std::lock_guard telling(telling_);
  closed_ = true;
}

ChainStatistics Board::statistics() const {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  ChainStatistics out;
  out.chain = options_.chain;
  out.halted = halted_at(now);
  if (head_) out.head = head_->number;
  out.asked = asked_;
  out.answered = answered_;
  out.failovers = failovers_;
  for (const Endpoint& endpoint : endpoints_) {
    ProviderStatistics one;
    one.name = endpoint.name;
    one.origin = endpoint.origin;
    one.priority = endpoint.priority;
    one.weight = endpoint.weight;
    one.state = shown(endpoint, now);
    one.reason = without_secrets(reason_of(endpoint, now));
    one.chain_told = endpoint.chain_told;
    one.head = endpoint.head;
    one.lag_blocks = endpoint.lag;
    one.by_hash = endpoint.by_hash.value_or(false);
    one.websocket = !endpoint.websocket.empty();
    one.latency_ewma_ms = endpoint.latency.ewma_ms();
    one.latency_p50_ms = endpoint.latency.quantile_ms(0.5);
    one.latency_p95_ms = endpoint.latency.quantile_ms(0.95);
    one.latency_p99_ms = endpoint.latency.quantile_ms(0.99);
    one.requests = endpoint.requests;
    one.answers = endpoint.answers;
    one.hedges = endpoint.hedges;
    one.hedges_won = endpoint.hedges_won;
    one.in_flight = endpoint.in_flight;
    one.failures = endpoint.failures;
    if (one.state == ProviderState::limited) {
      one.limited_ms =
          std::chrono::ceil<milliseconds>(endpoint.health.limited_until() - now).count();
    }
    out.providers.push_back(std::move(one));
  }
  return out;
}

std::vector<WebSocketEndpoint> Board::websockets() const {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  std::vector<const Endpoint*> order;
  for (const Endpoint& endpoint : endpoints_) {
    if (endpoint.websocket.empty()) continue;
    if (endpoint.health.state(now) != ProviderState::wrong_chain) order.push_back(&endpoint);
  }
  std::ranges::stable_sort(order, {}, [&](const Endpoint* endpoint) {
    const bool could = endpoint->url.empty() || usable(*endpoint, now);
    return std::pair(could ? 0 : 1, endpoint->priority);
  });
  std::vector<WebSocketEndpoint> out;
  for (const Endpoint* endpoint : order) out.push_back({endpoint->name, endpoint->websocket});
  return out;
}

}  // namespace gantry::host::provider

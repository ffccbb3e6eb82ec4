#include "host/provider/board.hpp"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace gantry::host::provider {

Board::Board(Options options, std::vector<Endpoint> endpoints, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      lag_max_(std::max(lag_blocks_max,
                        static_cast<std::uint64_t>(std::ceil(lag_s_max / options_.block_time_s)))),
      endpoints_(std::move(endpoints)) {}

ProviderState Board::shown(const Endpoint& endpoint, Time now) const {
  if (!endpoint.unusable.empty()) return ProviderState::down;
  const ProviderState state = endpoint.health.state(now);
  return state == ProviderState::ready && endpoint.lagging ? ProviderState::behind : state;
}

bool Board::usable(const Endpoint& endpoint, Time now) const {
  switch (shown(endpoint, now)) {
    case ProviderState::ready:
    case ProviderState::behind:
    case ProviderState::suspect:
      return !endpoint.url.empty();
    default:
      return false;
  }
}

bool Board::is_open(std::size_t index, const Course& course, Time now) const {
  return usable(endpoints_[index], now) && course.in_flight[index] == 0 &&
         course.tried[index] < rpc_attempts_per_provider_max;
}

bool Board::anybody(const Course& course) const {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    if (is_open(i, course, now)) return true;
  }
  return false;
}

std::optional<Departure> Board::depart(const Course& course, bool first, bool hedge) {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  // Smaller is asked earlier.
  const auto rank = [&](std::size_t i) {
    const Endpoint& endpoint = endpoints_[i];
    const ProviderState state = shown(endpoint, now);
    const int condition = endpoint.in_flight >= in_flight_max ? 3
                          : state == ProviderState::suspect   ? 2
                          : state == ProviderState::behind    ? 1
                                                              : 0;
    return std::tuple(course.tried[i], condition, endpoint.priority);
  };
  std::vector<std::size_t> open;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    if (is_open(i, course, now)) open.push_back(i);
  }
  if (open.empty()) return std::nullopt;
  auto best = rank(open.front());
  for (const std::size_t i : open) best = std::min(best, rank(i));
  // Among equals a smooth weighted round robin: each earns its weight a turn, the richest goes and
  // pays for all. Only a batch's first attempt is a turn.
  std::int64_t weights = 0;
  std::optional<std::size_t> chosen;
  for (const std::size_t i : open) {
    if (rank(i) != best) continue;
    Endpoint& endpoint = endpoints_[i];
    if (first) endpoint.turn += endpoint.weight;
    weights += endpoint.weight;
    if (!chosen || endpoint.turn > endpoints_[*chosen].turn) chosen = i;
  }
  Endpoint& endpoint = endpoints_[*chosen];
  if (first) endpoint.turn -= weights;
  ++endpoint.requests;
  ++endpoint.in_flight;
  if (hedge) ++endpoint.hedges;
  Departure departure{*chosen, endpoint.name, endpoint.url, endpoint.by_hash.value_or(false)};
  departure.hedge_after = hedge_default;
  if (endpoint.latency.count() >= hedge_samples_min) {
    const double ms = std::ceil(endpoint.latency.quantile_ms(hedge_quantile));
    departure.hedge_after = std::max(hedge_min, milliseconds(static_cast<std::int64_t>(ms)));
  }
  departure.others = open.size() - 1;
  return departure;
}

void Board::answered(std::size_t index, std::chrono::microseconds took, bool hedge) {
  std::unique_lock lock(mutex_);
  Endpoint& endpoint = endpoints_[index];
  --endpoint.in_flight;
  ++endpoint.answers;
  if (hedge) ++endpoint.hedges_won;
  endpoint.latency.add(took);
  endpoint.last_answer = clock_.now();
  endpoint.health.answered(endpoint.last_answer);
  finish(lock);
}

// It is there and quick; of its health nothing is known yet, so that failures in a row stay so.
void Board::answered_unsurely(std::size_t index, std::chrono::microseconds took) {
  std::unique_lock lock(mutex_);
  Endpoint& endpoint = endpoints_[index];
  --endpoint.in_flight;
  ++endpoint.answers;
  endpoint.latency.add(took);
  endpoint.last_answer = clock_.now();
  finish(lock);
}

void Board::confirmed(std::size_t index) {
  std::unique_lock lock(mutex_);
  Endpoint& endpoint = endpoints_[index];
  endpoint.health.answered(clock_.now());
  finish(lock);
}

void Board::failed(std::size_t index, FailureCause cause, std::string reason, milliseconds pause,
                   std::string chain_told) {
  std::unique_lock lock(mutex_);
  const Time now = clock_.now();
  Endpoint& endpoint = endpoints_[index];
  --endpoint.in_flight;
  ++endpoint.failures[static_cast<std::size_t>(cause)];
  if (cause == FailureCause::behind) {
    // It may be late by one moment, or stuck: its check tells.
    if (now - endpoint.last_check >= HealthTimes{}.recheck_every) endpoint.health.check_now(now);
  } else if (cause != FailureCause::limited) {
    ++endpoint.stumbles;
    endpoint.last_failure = reason;
  }
  if (!chain_told.empty()) endpoint.chain_told = std::move(chain_told);
  endpoint.health.failed(now, cause, std::move(reason), pause);
  finish(lock);
}

void Board::dropped(std::size_t index, Time sent) {
  std::unique_lock lock(mutex_);
  Endpoint& endpoint = endpoints_[index];
  --endpoint.in_flight;
  if (endpoint.last_answer < sent) endpoint.health.silent(clock_.now());
  finish(lock);
}

void Board::refuted(std::size_t index, std::string reason) {
  std::unique_lock lock(mutex_);
  Endpoint& endpoint = endpoints_[index];
  ++endpoint.failures[static_cast<std::size_t>(FailureCause::node)];
  ++endpoint.stumbles;
  endpoint.last_failure = reason;
  endpoint.health.failed(clock_.now(), FailureCause::node, std::move(reason));
  finish(lock);
}

void Board::count_asked() {
  const std::lock_guard lock(mutex_);
  ++asked_;
}

void Board::count_answered(bool by_another_than_first) {
  const std::lock_guard lock(mutex_);
  ++answered_;
  if (by_another_than_first) ++failovers_;
}

std::vector<Board::Check> Board::due_checks() {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  std::vector<Check> due;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    Endpoint& endpoint = endpoints_[i];
    if (endpoint.url.empty() || !endpoint.health.check_is_due(now)) continue;
    endpoint.health.check_begins();
    ++endpoint.requests;
    ++endpoint.in_flight;
    endpoint.asks_by_hash = !endpoint.by_hash.has_value();
    due.push_back({i, endpoint.url, endpoint.asks_by_hash});
  }
  return due;
}

void Board::check_passed(std::size_t index, const Head& head, std::chrono::microseconds took) {
  std::unique_lock lock(mutex_);
  const Time now = clock_.now();
  Endpoint& endpoint = endpoints_[index];
  --endpoint.in_flight;
  endpoint.last_check = now;
  endpoint.chain_told = options_.chain;
  if (learn(endpoint, head, now) == HeadVerdict::implausible) {
    ++endpoint.failures[static_cast<std::size_t>(FailureCause::garbage)];
    endpoint.health.check_failed(now, FailureCause::garbage,
                                 "says a block that is far ahead of all others");
    return finish(lock);
  }
  ++endpoint.answers;
  endpoint.latency.add(took);
  endpoint.last_answer = now;
  endpoint.lag = head_->number > head.number ? head_->number - head.number : 0;
  endpoint.lagging = endpoint.lag > lag_max_;
  endpoint.health.check_passed(now, endpoint.lagging);
  finish(lock);
}

void Board::check_failed(std::size_t index, FailureCause cause, std::string reason,
                         milliseconds pause, std::string chain_told) {
  std::unique_lock lock(mutex_);
  const Time now = clock_.now();
  Endpoint& endpoint = endpoints_[index];
  --endpoint.in_flight;
  endpoint.last_check = now;
  if (!chain_told.empty()) endpoint.chain_told = std::move(chain_told);
  // It may come back as another server.
  endpoint.by_hash.reset();
  endpoint.asks_by_hash = false;
  ++endpoint.failures[static_cast<std::size_t>(cause)];
  endpoint.health.check_failed(now, cause, std::move(reason), pause);
  finish(lock);
}

void Board::learn_by_hash(std::size_t index, std::optional<bool> by_hash) {
  std::unique_lock lock(mutex_);
  Endpoint& endpoint = endpoints_[index];
  endpoint.asks_by_hash = false;
  if (by_hash) endpoint.by_hash = by_hash;
  finish(lock);
}

bool Board::request_checks(bool quiet) {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  bool any = false;
  for (Endpoint& endpoint : endpoints_) {
    if (endpoint.url.empty()) continue;
    const bool wanted =
        !quiet || (!usable(endpoint, now) && endpoint.health.state(now) != ProviderState::limited &&
                   now >= endpoint.health.limited_until() &&
                   (endpoint.last_check == Time{} || now - endpoint.last_check >= check_gap_min));
    if (wanted) endpoint.health.check_now(now);
    any = any || endpoint.health.checking() || endpoint.health.check_is_due(now);
  }
  changed_.notify_all();
  return any;
}

bool Board::any_check() const {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  return std::ranges::any_of(endpoints_, [&](const Endpoint& endpoint) {
    return !endpoint.url.empty() && (endpoint.health.checking() || endpoint.asks_by_hash ||
                                     endpoint.health.check_is_due(now));
  });
}

HeadVerdict Board::learn(Endpoint& endpoint, const Head& head, Time now) {
  endpoint.head = head.number;
  if (head_ && head.number < head_->number) return HeadVerdict::behind;
  if (head_ && head.number - head_->number > head_jump_max) {
    // More blocks than the chain makes meanwhile, twice over, need a second voice, if there is one.
    const double passed_s = std::chrono::duration<double>(now - head_since_).count();
    const double made = 2 * passed_s / options_.block_time_s;
    const bool agreed = std::ranges::any_of(endpoints_, [&](const Endpoint& other) {
      return &other != &endpoint && other.head && *other.head + head_jump_max >= head.number;
    });
    const bool alone = std::ranges::none_of(endpoints_, [&](const Endpoint& other) {
      return &other != &endpoint && usable(other, now);
    });
    const double jump = static_cast<double>(head.number - head_->number);
    if (!agreed && !alone && jump > static_cast<double>(head_jump_max) + made) {
      return HeadVerdict::implausible;
    }
  }
  // Of two blocks of one number the first stays, unless who told it changed its mind.
  if (!head_ || head.number > head_->number || head.provider == head_->provider) {
    head_ = head;
    head_since_ = now;
  }
  return HeadVerdict::accepted;
}

HeadVerdict Board::learn_head(std::size_t index, const Head& head) {
  const std::lock_guard lock(mutex_);
  return learn(endpoints_[index], head, clock_.now());
}

void Board::note_head(const Head& head) {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  const auto told = std::ranges::find(endpoints_, head.provider, &Endpoint::name);
  if (told == endpoints_.end() || now < told->doubted_until) return;
  // What it says by itself says nothing of how far its answers are.
  const std::optional<std::uint64_t> answered = told->head;
  (void)learn(*told, head, now);
  told->head = answered;
}

void Board::doubt_head() {
  const std::lock_guard lock(mutex_);
  if (!head_) return;
  const auto told = std::ranges::find(endpoints_, head_->provider, &Endpoint::name);
  if (told != endpoints_.end()) told->doubted_until = clock_.now() + HealthTimes{}.check_every;
  head_.reset();
}

std::optional<Head> Board::head() const {
  const std::lock_guard lock(mutex_);
  return head_;
}

std::optional<Time> Board::pause_ends(const Course& course) const {
  const std::lock_guard lock(mutex_);
  const Time now = clock_.now();
  std::optional<Time> first;
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const ProviderHealth& health = endpoints_[i].health;
    if (health.state(now) != ProviderState::limited) continue;
    if (course.tried[i] >= rpc_attempts_per_provider_max) continue;
    if (!first || health.limited_until() < *first) first = health.limited_until();
  }
  return first;
}

bool Board::halted() const {
  const std::lock_guard lock(mutex_);
  return halted_at(clock_.now());
}

std::string Board::reasons() const {
  const std::lock_guard lock(mutex_);
  return reasons_at(clock_.now());
}

std::uint64_t Board::changes() const {
  const std::lock_guard lock(mutex_);
  return changes_;
}

bool Board::wait_for_change(Time until, std::uint64_t seen) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, until, [&] { return stopped_ || changes_ != seen; });
  return !stopped_;
}

bool Board::wait_for_work() {
  std::unique_lock lock(mutex_);
  while (!stopped_) {
    const Time now = clock_.now();
    Time next = now + HealthTimes{}.check_every;
    bool due = false;
    for (const Endpoint& endpoint : endpoints_) {
      if (endpoint.url.empty()) continue;
      due = due || endpoint.health.check_is_due(now);
      next = std::min(next, endpoint.health.next_check());
      if (endpoint.told == ProviderState::limited) {
        const Time ends = endpoint.health.limited_until();
        due = due || ends <= now;
        next = std::min(next, ends);
      }
    }
    if (due) {
      finish(lock);
      return true;
    }
    changed_.wait_until(lock, next);
  }
  return false;
}

void Board::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  changed_.notify_all();
}

bool Board::stopped() const {
  const std::lock_guard lock(mutex_);
  return stopped_;
}

}  // namespace gantry::host::provider

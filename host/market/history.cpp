#include "host/market/history.hpp"

#include <algorithm>
#include <cmath>
#include <new>
#include <optional>

#include "host/market/market_view.hpp"

namespace gantry::host {

// The samples of one series that a query asks for, oldest first.
class History::Window {
 public:
  Window(const Series& series, const Snapshot& snapshot, const gantry_history_query& query)
      : ring_(*series.ring), query_(query) {
    // What was added since the reader's snapshot is not there for it.
    last_ = ring_.written.load(std::memory_order_acquire);
    while (last_ != 0 && is_later(last_, snapshot.id)) --last_;
    next_ = last_ > samples_kept ? last_ - samples_kept + 1 : 1;
  }

  // The next sample in the window.
  std::optional<gantry_sample> next() {
    for (; next_ <= last_; ++next_) {
      const Slot& slot = slot_of(next_);
      if (slot.number.load(std::memory_order_acquire) != next_) continue;
      const gantry_sample sample{slot.time_s.load(std::memory_order_relaxed),
                                 slot.price.load(std::memory_order_relaxed)};
      if (sample.time_s < query_.from_s || sample.time_s > query_.to_s) continue;
      ++next_;
      return sample;
    }
    return std::nullopt;
  }

 private:
  const Slot& slot_of(std::uint64_t number) const { return ring_.slots[number % Ring::slot_count]; }
  // One whose place was taken since is of a time long before.
  bool is_later(std::uint64_t number, std::uint64_t snapshot) const {
    const Slot& slot = slot_of(number);
    return slot.number.load(std::memory_order_acquire) != number ||
           slot.snapshot.load(std::memory_order_relaxed) > snapshot;
  }

  const Ring& ring_;
  const gantry_history_query& query_;
  std::uint64_t last_;
  std::uint64_t next_;
};

bool History::subscribe(std::uint32_t token, std::uint32_t quote, std::uint64_t lookback_s) {
  if (lookback_s > lookback_s_max) return false;
  const std::uint64_t interval_s = (lookback_s + samples_kept - 1) / samples_kept;
  for (const Series& series : all()) {
    if (series.token == token && series.quote == quote && series.interval_s == interval_s) {
      return true;
    }
  }
  if (series_.size() == series_max) return false;
  series_.push_back({token, quote, interval_s, 0, nullptr, nullptr});
  Series& series = series_.back();
  if (arena_) {
    series.ring = new (arena_->take(sizeof(Ring))) Ring();
  } else {
    series.own = std::make_unique<Ring>();
    series.ring = series.own.get();
  }
  count_.store(series_.size(), std::memory_order_release);
  return true;
}

std::vector<History::SharedSeries> History::shared() const {
  std::vector<SharedSeries> all;
  for (const Series& series : this->all()) {
    all.push_back({series.token, series.quote, series.interval_s,
                   reinterpret_cast<std::uintptr_t>(series.ring)});
  }
  return all;
}

void History::mirror(std::span<const SharedSeries> series) {
  series_.clear();
  for (const SharedSeries& one : series) {
    series_.push_back(
        {one.token, one.quote, one.interval_s, 0, reinterpret_cast<Ring*>(one.address), nullptr});
  }
  count_.store(series_.size(), std::memory_order_release);
}

const History::Series* History::find(std::uint32_t token, std::uint32_t quote,
                                     std::uint64_t back_s) const {
  const Series* best = nullptr;
  for (const Series& series : all()) {
    if (series.token != token || series.quote != quote) continue;
    // The finest of those that reach so far, or else the one that reaches furthest.
    const bool better = best == nullptr || (series.reaches(back_s) && best->reaches(back_s)
                                                ? series.interval_s < best->interval_s
                                                : series.interval_s > best->interval_s);
    if (better) best = &series;
  }
  return best;
}

void History::add(const Snapshot& snapshot) {
  // Between blocks prices are those of the block before.
  if (empty() || snapshot.between) return;
  MarketView view;
  view.bind(snapshot, {}, true);
  const std::uint64_t time_s = snapshot.context.state_time_s;
  for (Series& series : std::span(series_)) {
    if (series.interval_s != 0 && time_s < series.next_s) continue;
    gantry_price price{};
    if (view.price(series.token, series.quote, price) != GANTRY_OK) continue;
    const double middle = std::sqrt(price.bid * price.ask);
    if (!(middle > 0)) continue;
    put(series, snapshot.id, {time_s, middle});
  }
}

void History::put(Series& series, std::uint64_t snapshot, const gantry_sample& sample) {
  if (series.interval_s != 0) {
    series.next_s = (sample.time_s / series.interval_s + 1) * series.interval_s;
  }
  const std::uint64_t number = series.ring->written.load(std::memory_order_relaxed) + 1;
  Slot& slot = series.ring->slots[number % Ring::slot_count];
  slot.number.store(0, std::memory_order_release);
  slot.snapshot.store(snapshot, std::memory_order_relaxed);
  slot.time_s.store(sample.time_s, std::memory_order_relaxed);
  slot.price.store(sample.value, std::memory_order_relaxed);
  slot.number.store(number, std::memory_order_release);
  series.ring->written.store(number, std::memory_order_release);
}

History::Warmth History::warm(const Snapshot& first, std::span<const PastPrices> past) {
  const Topology& topology = *first.topology;
  Warmth out;
  out.series = series_.size();
  for (Series& series : series_) {
    const PastPrices* best = nullptr;
    // The one that goes on for longest; of those that end together the one with the same spacing,
    // or that reaches back furthest.
    const auto is_better = [&](const PastPrices& one) {
      const std::uint64_t end_s = one.samples.back().time_s;
      const std::uint64_t best_s = best->samples.back().time_s;
      const std::uint64_t together_s =
          std::max<std::uint64_t>({one.interval_s, best->interval_s, series.interval_s});
      if (end_s > best_s + together_s || best_s > end_s + together_s) return end_s > best_s;
      const bool alike = one.interval_s == series.interval_s;
      if (alike != (best->interval_s == series.interval_s)) return alike;
      return one.samples.front().time_s < best->samples.front().time_s;
    };
    for (const PastPrices& one : past) {
      if (!AddressEqual{}(one.token, topology.tokens[series.token].address) ||
          !AddressEqual{}(one.quote, topology.tokens[series.quote].address)) {
        continue;
      }
      if (best == nullptr || is_better(one)) best = &one;
    }
    if (best == nullptr) continue;
    std::uint64_t count = 0;
    for (const gantry_sample& sample : best->samples) {
      if (sample.time_s >= first.context.state_time_s) break;
      if (series.interval_s != 0 && sample.time_s < series.next_s) continue;
      put(series, first.id, sample);
      ++count;
      out.newest_s = std::max(out.newest_s, sample.time_s);
      if (out.oldest_s == 0 || sample.time_s < out.oldest_s) out.oldest_s = sample.time_s;
    }
    out.samples += count;
    if (count != 0) ++out.warm;
  }
  return out;
}

std::vector<PastPrices> History::kept(const Snapshot& snapshot) const {
  const Topology& topology = *snapshot.topology;
  std::vector<PastPrices> all;
  gantry_history_query everything{};
  everything.to_s = UINT64_MAX;
  for (const Series& series : this->all()) {
    if (series.token >= topology.tokens.size() || series.quote >= topology.tokens.size()) continue;
    PastPrices one{topology.tokens[series.token].address,
                   topology.tokens[series.quote].address,
                   series.interval_s,
                   {}};
    Window window(series, snapshot, everything);
    while (const auto sample = window.next()) {
      // A chain that is reorganized may go back in time, and some have many blocks in a second.
      while (!one.samples.empty() && one.samples.back().time_s >= sample->time_s) {
        one.samples.pop_back();
      }
      one.samples.push_back(*sample);
    }
    if (makes_sense(one)) all.push_back(std::move(one));
  }
  return all;
}

gantry_status History::read(const Snapshot& snapshot, const gantry_history_query& query,
                            std::span<gantry_sample> out, std::uint32_t& count) const {
  const std::uint64_t now_s = snapshot.context.state_time_s;
  const std::uint64_t back_s = now_s - std::min(now_s, query.from_s);
  const Series* series = find(query.token, query.quote, back_s);
  if (series == nullptr) return GANTRY_UNSUPPORTED;
  Window window(*series, snapshot, query);
  if (query.what == GANTRY_HISTORY_PRICE) {
    std::uint32_t written = 0;
    while (written < out.size() && (query.samples_max == 0 || written < query.samples_max)) {
      const auto sample = window.next();
      if (!sample) break;
      out[written++] = *sample;
    }
    if (written == 0) return GANTRY_NO_LIQUIDITY;
    count = written;
    return GANTRY_OK;
  }
  if (out.empty()) return GANTRY_NEED_SIZE;

  // Returns of one series, or of two at the times when both have a price; sums from old to new.
  const bool pair = query.what == GANTRY_HISTORY_CORRELATION;
  if (!pair && query.what != GANTRY_HISTORY_VOLATILITY) return GANTRY_BAD_ARGUMENT;
  const Series* other = pair ? find(query.other, query.quote, back_s) : series;
  if (other == nullptr) return GANTRY_UNSUPPORTED;
  Window second(*other, snapshot, query);
  double n = 0, sum_a = 0, sum_b = 0, sum_aa = 0, sum_bb = 0, sum_ab = 0;
  std::optional<gantry_sample> a = window.next(), b = second.next(), last_a, last_b;
  while (a && b) {
    if (a->time_s < b->time_s) {
      a = window.next();
    } else if (b->time_s < a->time_s) {
      b = second.next();
    } else {
      if (last_a) {
        const double return_a = std::log(a->value / last_a->value);
        const double return_b = std::log(b->value / last_b->value);
        n += 1;
        sum_a += return_a;
        sum_b += return_b;
        sum_aa += return_a * return_a;
        sum_bb += return_b * return_b;
        sum_ab += return_a * return_b;
      }
      last_a = a;
      last_b = b;
      a = window.next();
      b = second.next();
    }
  }
  if (n < 2) return GANTRY_NO_LIQUIDITY;
  const double variance_a = (sum_aa - sum_a * sum_a / n) / (n - 1);
  const double variance_b = (sum_bb - sum_b * sum_b / n) / (n - 1);
  const double covariance = (sum_ab - sum_a * sum_b / n) / (n - 1);
  double value = std::sqrt(std::max(variance_a, 0.0));
  if (pair) {
    if (!(variance_a > 0) || !(variance_b > 0)) return GANTRY_NO_LIQUIDITY;
    value = covariance / std::sqrt(variance_a * variance_b);
  }
  out[0] = {last_a->time_s, value};
  count = 1;
  return GANTRY_OK;
}

}  // namespace gantry::host

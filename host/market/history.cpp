#include "host/market/history.hpp"

#include <cmath>
#include <optional>

#include "host/market/market_view.hpp"

namespace gantry::host {

namespace {
constexpr std::uint64_t slot_count = History::samples_kept + History::reader_lag_max;
}

// The samples of one series that a query asks for, oldest first.
class History::Window {
 public:
  Window(const Series& series, const Snapshot& snapshot, const gantry_history_query& query)
      : series_(series), query_(query), newest_(snapshot.id) {
    next_ = newest_ > samples_kept ? newest_ - samples_kept + 1 : 1;
  }

  // The next sample in the window that has a price.
  std::optional<gantry_sample> next() {
    for (; next_ <= newest_; ++next_) {
      const Slot& slot = series_.slots[next_ % slot_count];
      if (slot.snapshot.load(std::memory_order_acquire) != next_) continue;
      const gantry_sample sample{slot.time_s.load(std::memory_order_relaxed),
                                 slot.price.load(std::memory_order_relaxed)};
      if (sample.time_s < query_.from_s || sample.time_s > query_.to_s || sample.value <= 0) {
        continue;
      }
      ++next_;
      return sample;
    }
    return std::nullopt;
  }

 private:
  const Series& series_;
  const gantry_history_query& query_;
  std::uint64_t newest_;
  std::uint64_t next_;
};

bool History::subscribe(std::uint32_t token, std::uint32_t quote) {
  if (find(token, quote) != nullptr) return true;
  if (series_.size() == series_max) return false;
  if (arena_) {
    auto* slots = static_cast<Slot*>(arena_->take(slot_count * sizeof(Slot)));
    std::uninitialized_value_construct_n(slots, slot_count);
    series_.push_back({token, quote, slots, nullptr});
  } else {
    auto slots = std::make_unique<Slot[]>(slot_count);
    series_.push_back({token, quote, slots.get(), nullptr});
    series_.back().own = std::move(slots);
  }
  count_.store(series_.size(), std::memory_order_release);
  return true;
}

std::vector<History::SharedSeries> History::shared() const {
  std::vector<SharedSeries> all;
  for (const Series& series : this->all()) {
    all.push_back({series.token, series.quote, reinterpret_cast<std::uintptr_t>(series.slots)});
  }
  return all;
}

void History::mirror(std::span<const SharedSeries> series) {
  series_.clear();
  for (const SharedSeries& one : series) {
    series_.push_back({one.token, one.quote, reinterpret_cast<Slot*>(one.address), nullptr});
  }
  count_.store(series_.size(), std::memory_order_release);
}

const History::Series* History::find(std::uint32_t token, std::uint32_t quote) const {
  for (const Series& series : all()) {
    if (series.token == token && series.quote == quote) return &series;
  }
  return nullptr;
}

void History::add(const Snapshot& snapshot) {
  // Between blocks prices are those of the block before.
  if (empty() || snapshot.between) return;
  MarketView view;
  view.bind(snapshot, {}, true);
  for (const Series& series : all()) {
    gantry_price price{};
    const bool priced = view.price(series.token, series.quote, price) == GANTRY_OK;
    Slot& slot = series.slots[snapshot.id % slot_count];
    slot.snapshot.store(0, std::memory_order_release);
    slot.time_s.store(snapshot.context.state_time_s, std::memory_order_relaxed);
    slot.price.store(priced ? std::sqrt(price.bid * price.ask) : 0, std::memory_order_relaxed);
    slot.snapshot.store(snapshot.id, std::memory_order_release);
  }
}

gantry_status History::read(const Snapshot& snapshot, const gantry_history_query& query,
                            std::span<gantry_sample> out, std::uint32_t& count) const {
  const Series* series = find(query.token, query.quote);
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
  const Series* other = pair ? find(query.other, query.quote) : series;
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

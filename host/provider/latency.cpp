#include "host/provider/latency.hpp"

#include <algorithm>
#include <cmath>

namespace gantry::host {

void Latency::add(std::chrono::microseconds took) {
  const double ms = std::chrono::duration<double, std::milli>(took).count();
  ewma_ms_ = count_ == 0 ? ms : ewma_ms_ + ewma_share * (ms - ewma_ms_);
  last_ms_[next_] = static_cast<float>(ms);
  next_ = (next_ + 1) % window;
  count_ = std::min(count_ + 1, window);
}

double Latency::quantile_ms(double q) const {
  if (count_ == 0) return 0;
  std::array<float, window> sorted = last_ms_;
  const double wanted = std::ceil(q * static_cast<double>(count_));
  const auto rank = std::clamp<std::size_t>(static_cast<std::size_t>(wanted), 1, count_) - 1;
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(rank);
  std::nth_element(sorted.begin(), at, sorted.begin() + static_cast<std::ptrdiff_t>(count_));
  return *at;
}

}  // namespace gantry::host

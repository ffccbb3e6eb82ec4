// How long a provider takes: a moving average, and quantiles of the last answers.
#pragma once
#include <array>
#include <chrono>
#include <cstddef>

namespace gantry::host {

class Latency {
 public:
  static constexpr std::size_t window = 256;  // answers that the quantiles are of
  static constexpr double ewma_share = 0.1;   // of the newest answer in the average

  void add(std::chrono::microseconds took);
  std::size_t count() const { return count_; }  // at most `window`
  double ewma_ms() const { return ewma_ms_; }   // 0: no answer yet
  // The least time that a share of `q` (0 to 1) of the answers did not exceed; 0: no answer yet.
  double quantile_ms(double q) const;

 private:
  std::array<float, window> last_ms_{};
  std::size_t next_ = 0;
  std::size_t count_ = 0;
  double ewma_ms_ = 0;
};

}  // namespace gantry::host

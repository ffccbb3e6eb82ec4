// Durations in logarithmic buckets: 64 steps to each doubling, so a quantile is within 1.6 %.
// Not thread-safe: one stage's own.
#pragma once
#include <array>
#include <bit>
#include <cstdint>

namespace gantry::host {

class Histogram {
 public:
  void add(std::uint64_t nanoseconds) noexcept {
    ++buckets_[index_of(nanoseconds)];
    ++count_;
    sum_ += nanoseconds;
    if (nanoseconds > max_) max_ = nanoseconds;
  }

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t sum_ns() const noexcept { return sum_; }
  std::uint64_t max_ns() const noexcept { return max_; }

  // The lower edge of the bucket that holds the quantile, 0 <= q <= 1; 0 when empty.
  std::uint64_t quantile_ns(double q) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(q * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      seen += buckets_[i];
      if (seen > wanted) return edge_of(i);
    }
    return max_;
  }

 private:
  static constexpr unsigned step_bits = 6;
  static constexpr std::size_t steps = 1U << step_bits;
  static constexpr std::size_t doublings = 40;  // up to 18 minutes

  static std::size_t index_of(std::uint64_t value) noexcept {
    if (value < steps) return static_cast<std::size_t>(value);
    const auto width = static_cast<unsigned>(std::bit_width(value));
    const unsigned shift = width - step_bits - 1;
    const std::size_t index = (shift + 1) * steps + ((value >> shift) - steps);
    return index < bucket_count ? index : bucket_count - 1;
  }
  static std::uint64_t edge_of(std::size_t index) noexcept {
    if (index < steps) return index;
    const std::size_t shift = index / steps - 1;
    return (steps + index % steps) << shift;
  }

  static constexpr std::size_t bucket_count = doublings * steps;
  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace gantry::host

// Prices of several tokens over a time, one of each in each step of it, and what two of them have
// in common.
//
// A window ends now and reaches `lookback` back; its steps are counted back from now, so that the
// newest price of the newest step is the newest of all. Of several prices in a step the last
// counts, and a step may have none.
//
// UNITS    Times in seconds of the chain's clock, prices in whole units of one token for all,
//          logarithms natural.
// THREADS  One at a time. Only the constructor allocates.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <vector>

namespace gantry::statistical {

// Of the logarithm of a's price less that of b's, and of the returns between neighbouring steps
// that both have prices in. Deviation and variances are the sample's (n - 1).
struct PairMoments {
  std::uint32_t samples = 0;
  double mean = 0;         // of the spread
  double deviation = 0;    // of the spread
  double correlation = 0;  // Pearson's, of the returns
  double variance_a = 0;   // of the returns
  double variance_b = 0;
};

class PairWindow {
 public:
  PairWindow(std::uint32_t tokens, std::uint64_t lookback_s, std::uint64_t step_s)
      : step_s_(step_s),
        steps_((lookback_s + step_s - 1) / step_s),
        logs_(tokens * steps_),
        newest_s_(tokens) {}

  std::uint64_t steps() const noexcept { return steps_; }

  // Empties it, and lets it end at this time.
  void begin(std::uint64_t now_s) {
    now_s_ = now_s;
    std::fill(logs_.begin(), logs_.end(), none);
    std::fill(newest_s_.begin(), newest_s_.end(), 0);
  }

  // Prices of a token come in the order of their times; one that does not, or that is none, is left
  // out, and so is what is of another time than the window's.
  void add(std::uint32_t token, std::uint64_t time_s, double price) {
    if (time_s > now_s_ || time_s <= newest_s_[token] || !(price > 0) || !std::isfinite(price)) {
      return;
    }
    const std::uint64_t step = (now_s_ - time_s) / step_s_;
    if (step >= steps_) return;
    newest_s_[token] = time_s;
    logs_[token * steps_ + step] = price;
  }

  // After the last price of a token: how many steps have one.
  std::uint32_t finish(std::uint32_t token) {
    std::uint32_t count = 0;
    for (std::uint64_t step = 0; step < steps_; ++step) {
      double& value = logs_[token * steps_ + step];
      if (value == none) continue;
      value = std::log(value);
      ++count;
    }
    return count;
  }

  // Of two tokens that are finished. Nothing: fewer than three steps in common, or one of them, or
  // their spread, does not move.
  std::optional<PairMoments> moments(std::uint32_t a, std::uint32_t b) const {
    PairMoments out;
    double sum = 0;
    Return sums;
    each_common(a, b, [&](double spread, const Return* move) {
      ++out.samples;
      sum += spread;
      if (move == nullptr) return;
      sums.a += move->a;
      sums.b += move->b;
    });
    if (out.samples < 3) return std::nullopt;
    const double returns = out.samples - 1;
    out.mean = sum / out.samples;
    double spreads = 0;
    double both = 0;
    each_common(a, b, [&](double spread, const Return* move) {
      spreads += (spread - out.mean) * (spread - out.mean);
      if (move == nullptr) return;
      const double from_a = move->a - sums.a / returns;
      const double from_b = move->b - sums.b / returns;
      out.variance_a += from_a * from_a;
      out.variance_b += from_b * from_b;
      both += from_a * from_b;
    });
    out.deviation = std::sqrt(spreads / (out.samples - 1));
    out.variance_a /= returns - 1;
    out.variance_b /= returns - 1;
    // Below that it is the rounding of logarithms that moves.
    constexpr double still = 1e-9;
    if (!(out.deviation > still) || !(out.variance_a > still * still) ||
        !(out.variance_b > still * still)) {
      return std::nullopt;
    }
    const double correlation = both / (returns - 1) / std::sqrt(out.variance_a * out.variance_b);
    out.correlation = std::clamp(correlation, -1.0, 1.0);
    return out;
  }

 private:
  static constexpr double none = -1e300;  // neither a price nor a price's logarithm

  struct Return {
    double a = 0;
    double b = 0;
  };

  // Calls look(spread, return since the step before that both have, or null) from old to new.
  template <class Look>
  void each_common(std::uint32_t a, std::uint32_t b, Look&& look) const {
    const double* of_a = &logs_[a * steps_];
    const double* of_b = &logs_[b * steps_];
    bool any = false;
    Return last;
    for (std::uint64_t step = steps_; step-- > 0;) {
      if (of_a[step] == none || of_b[step] == none) continue;
      const Return move{of_a[step] - last.a, of_b[step] - last.b};
      look(of_a[step] - of_b[step], any ? &move : nullptr);
      last = {of_a[step], of_b[step]};
      any = true;
    }
  }

  std::uint64_t step_s_;
  std::uint64_t steps_;
  std::uint64_t now_s_ = 0;
  std::vector<double> logs_;  // by token, then step, 0 is now; prices until finish()
  std::vector<std::uint64_t> newest_s_;
};

}  // namespace gantry::statistical

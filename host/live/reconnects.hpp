// When a provider whose socket failed is connected to again: 250 ms after its first failure in a
// row, then after twice as long each time, up to 30 s; or when the server said (Retry-After), where
// that is later, at most an hour. Nothing of it is left to chance, so that a log tells what
// follows. Pure: time is told to it.
#pragma once
#include <algorithm>
#include <chrono>
#include <map>
#include <string>

namespace gantry::host {

class Reconnects {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using milliseconds = std::chrono::milliseconds;
  static constexpr milliseconds pause_first{250};
  static constexpr milliseconds pause_max{30'000};
  static constexpr milliseconds asked_max{3'600'000};

  // From when on it may be connected to.
  Time due(const std::string& provider) const {
    const auto found = failing_.find(provider);
    return found == failing_.end() ? Time::min() : found->second.due;
  }
  // Returns how long it is left alone.
  milliseconds failed(const std::string& provider, Time now, milliseconds asked = {}) {
    Failing& one = failing_[provider];
    one.pause = one.pause == milliseconds(0) ? pause_first : std::min(2 * one.pause, pause_max);
    const milliseconds pause = std::max(one.pause, std::min(asked, asked_max));
    one.due = now + pause;
    return pause;
  }
  // It has told of a head.
  void works(const std::string& provider) { failing_.erase(provider); }

 private:
  struct Failing {
    milliseconds pause{0};
    Time due;
  };
  std::map<std::string, Failing> failing_;
};

}  // namespace gantry::host

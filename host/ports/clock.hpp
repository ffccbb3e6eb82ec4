// The port to the machine's clocks. Plugins have neither: their time is the snapshot's.
#pragma once
#include <chrono>

namespace gantry::host {

class Clock {
 public:
  virtual ~Clock() = default;
  // [any thread] For durations: never goes back.
  virtual std::chrono::steady_clock::time_point now() const noexcept = 0;
};

class SteadyClock final : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const noexcept override {
    return std::chrono::steady_clock::now();
  }
};

// [any thread] For dates: what the machine believes the time to be, which may be set back.
inline std::chrono::sys_seconds wall_clock() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace gantry::host

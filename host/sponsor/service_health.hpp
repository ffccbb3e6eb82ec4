// How one paymaster service has done, and who is asked first because of it.
//
// THREADS  One thread at a time.
#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "gantry/u256.hpp"

namespace gantry::host {

// More consecutive failures than this retire a service until a probe succeeds.
inline constexpr std::uint32_t service_failures_max = 5;
// Between two probes of one that is retired.
inline constexpr std::chrono::seconds service_probe_interval{30};

class ServiceHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // An operation that it pays for is included, for `gas_cost` wei.
  void succeeded(const u256& gas_cost);
  // It did not sponsor, or what it sponsored was not taken for its sake. `why`: one line.
  void failed(std::string why, Time now);
  // It answered a probe as it should.
  void recovered() { consecutive_ = 0; }

  bool retired() const { return consecutive_ > service_failures_max; }
  // Whether it is retired and has not been tried for a while. Saying yes counts as trying.
  bool take_probe(Time now);
  const std::string& last_failure() const { return last_failure_; }
  std::uint32_t consecutive_failures() const { return consecutive_; }
  // Of the last 32 operations, in tenths from 0 to 10; 10 where there was none. Tenths, so that one
  // failure does not turn the order around.
  std::uint32_t success_tenths() const;
  // A moving average of the operations' cost, in wei; 0: none is known.
  double gas_cost() const { return gas_cost_; }

 private:
  void note(bool success);

  std::uint32_t history_ = 0;  // the last operations, newest in the lowest bit; 1: success
  std::uint32_t known_ = 0;    // how many of its bits
  std::uint32_t consecutive_ = 0;
  double gas_cost_ = 0;
  std::string last_failure_;
  Time tried_{};
};

// Who is asked before whom: the healthy before those whose last operation failed, then by success
// rate, then by gas cost where they differ by more than a tenth, then by priority (1 first), then
// by the order given.
struct RankedService {
  const ServiceHealth* health = nullptr;
  std::int64_t priority = 1;
};
std::vector<std::size_t> ranked(const std::vector<RankedService>& services);

}  // namespace gantry::host

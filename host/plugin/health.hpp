// A plugin instance's record with the host: faults cost strikes, too many retire it with a reason.
//
// THREADS  strike() and usable() from any thread.
#pragma once
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.h"

namespace gantry::host {

enum class Phase : std::int32_t {
  load = 1,
  create = 2,
  open_pool = 3,
  apply = 4,
  quote = 5,
  prepare = 6,
  find = 7,
  validate = 8,
  size = 9,
  plan = 10,
  sponsor = 11,
  result = 12,
};
std::string_view to_string(Phase phase);
std::string_view status_name(gantry_status status);

// One fault, as the report shows it.
struct Strike {
  Phase phase;
  std::string reason;
};

class Health {
 public:
  Health(std::string instance, std::string file, std::int64_t strikes_max)
      : instance_(std::move(instance)), file_(std::move(file)), strikes_max_(strikes_max) {}

  // Records a fault. Only the first few texts are kept; all are counted.
  void strike(Phase phase, std::string_view reason);
  // Strikes for what only a faulty plugin returns, and says whether the call succeeded.
  bool accept(Phase phase, gantry_status status);

  bool usable() const noexcept { return !retired_.load(std::memory_order_relaxed); }
  std::uint64_t strikes() const noexcept { return count_.load(std::memory_order_relaxed); }
  std::vector<Strike> kept() const;
  const std::string& instance() const noexcept { return instance_; }
  const std::string& file() const noexcept { return file_; }

 private:
  static constexpr std::size_t kept_max = 8;

  std::string instance_;
  std::string file_;
  std::int64_t strikes_max_;
  std::atomic<std::uint64_t> count_{0};
  std::atomic<bool> retired_{false};
  mutable std::mutex mutex_;  // guards kept_
  std::vector<Strike> kept_;
};

}  // namespace gantry::host

// The gantry_host table of one instance: its log lines, counters and distributions.
//
// THREADS    The table's functions from any thread.
#pragma once
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "gantry/plugin.h"

namespace gantry::host {

class InstanceServices {
 public:
  static constexpr std::size_t names_max = 64;
  static constexpr std::size_t name_bytes_max = 64;  // longer names are cut
  static constexpr std::size_t line_bytes_max = 1024;
  static constexpr std::uint64_t lines_max = 1000;  // of one instance in one run; more are counted

  struct Distribution {
    std::uint64_t count = 0;
    double sum = 0;
    double min = 0;
    double max = 0;
  };

  explicit InstanceServices(std::string instance);
  InstanceServices(const InstanceServices&) = delete;
  InstanceServices& operator=(const InstanceServices&) = delete;

  const gantry_host* table() const noexcept { return &table_; }
  std::map<std::string, std::uint64_t> counters() const;
  std::map<std::string, Distribution> distributions() const;
  std::uint64_t dropped() const;

 private:
  void log(std::int32_t severity, gantry_string message);
  void count(gantry_string name, std::uint64_t increment);
  void observe(gantry_string name, double value);

  std::string instance_;
  gantry_host table_{};
  mutable std::mutex mutex_;  // guards everything below
  std::map<std::string, std::uint64_t, std::less<>> counters_;
  std::map<std::string, Distribution, std::less<>> distributions_;
  std::uint64_t lines_ = 0;
  std::uint64_t dropped_ = 0;
};

}  // namespace gantry::host

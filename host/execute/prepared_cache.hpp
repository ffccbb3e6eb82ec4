// What was built for a trade, for the case that the very same one is planned again: at the same
// amounts, over the same states of its pools, with the same lender, gas price and least gain. Of
// one that the chain refused it is known at once that it would.
//
// That the chain would carry a trade out is never taken from here: whatever leaves was simulated.
//
// BOUNDS   As many entries as were asked for; the oldest goes first. Each for a time, which begins
//          when it is put in and does not begin anew.
// THREADS  Any, all functions.
#pragma once
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "gantry/u256.hpp"
#include "host/plan/executor_call.hpp"

namespace gantry::host {

struct PreparedRun {
  executor::Bytes run;  // calldata of the executor
  u256 deadline_s;      // that stands in it
  std::string refusal;  // why the chain would refuse it; empty: it is not known that it would
};

class PreparedCache {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Options {
    std::chrono::milliseconds ttl{5000};
    std::size_t entries_max = 1000;
  };
  struct Counts {
    std::uint64_t hits = 0;
    std::uint64_t misses = 0;
    std::uint64_t refused = 0;  // of the hits: not simulated once more
    std::size_t entries = 0;
    double hit_rate() const;  // 0 to 1; 0 where nothing was looked for
  };

  explicit PreparedCache(Options options) : options_(options) {}

  // `key`: all that the bytes depend on but their deadline, as it is.
  // `deadline_min_s`: one that undoes itself sooner is none.
  std::optional<PreparedRun> find(const std::string& key, const u256& deadline_min_s, Time now);
  void put(const std::string& key, PreparedRun made, Time now);
  // Of one that is there; else nothing.
  void refuse(const std::string& key, const std::string& why);
  Counts counts() const;

 private:
  struct Kept {
    PreparedRun made;
    Time since;
  };
  void drop_old(Time now);

  const Options options_;
  mutable std::mutex mutex_;  // guards what follows
  using All = std::map<std::string, Kept>;
  All kept_;
  std::deque<All::iterator> order_;  // the oldest first; each once
  Counts counts_;
};

}  // namespace gantry::host

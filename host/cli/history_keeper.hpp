// Hands the history of prices on from one run on a chain to the next: tells each feed what an
// earlier run kept, and writes down what this one has, each minute and when it ends.
//
// THREADS    Made and destroyed on [main]; it has one of its own.
// OWNERSHIP  Borrows the runs, which outlive it.
#pragma once
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "host/cli/chain_run.hpp"
#include "host/live/history_store.hpp"

namespace gantry::host::cli {

class HistoryKeeper {
 public:
  // What a host that is killed may lose.
  static constexpr std::chrono::seconds every{60};

  // For those that follow a chain, after their prepare(). No run fails for want of a history: what
  // cannot be read or kept is told in the log.
  HistoryKeeper(const Session& session, const RiskSettings& settings,
                const std::vector<std::unique_ptr<ChainRun>>& runs);
  HistoryKeeper(const HistoryKeeper&) = delete;
  HistoryKeeper& operator=(const HistoryKeeper&) = delete;
  // After the runs: writes down what they had at their end.
  ~HistoryKeeper();

 private:
  struct Watched {
    ChainRun* run = nullptr;
    std::string trouble;  // that was told
  };

  void restore(const Watched& watched) const;
  void keep();

  std::optional<HistoryStore> store_;
  std::vector<Watched> watched_;
  std::mutex mutex_;  // guards ending_
  bool ending_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

}  // namespace gantry::host::cli

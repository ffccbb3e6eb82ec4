// Keeps what risk has to remember between runs, and tells each chain's risk book what no block
// tells: that its providers are gone, that its state is stale, that an operator stops trading, that
// all chains together lose too much.
//
// THREADS    Made and destroyed on [main]; stop() and resume() from the control socket's thread; it
//            has one of its own, which looks every `look_ms`.
// OWNERSHIP  Borrows the runs, which outlive it.
#pragma once
#include <boost/json.hpp>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "host/cli/chain_run.hpp"
#include "host/risk/store.hpp"

namespace gantry::host::cli {

class RiskKeeper {
 public:
  static constexpr std::int64_t look_ms = 200;

  // Tells the books what an earlier run kept; then watches. A recorded market has a time of its
  // own, so of it only the operator's stop is kept. Fails with io where the folder cannot be used.
  // `ledger_row`: of those that trade, the trail's last row; a book that was told of no ledger yet
  // begins there, and that is on the disk when this returns.
  static Result<std::unique_ptr<RiskKeeper>> start(
      const Session& session, const RiskSettings& settings,
      const std::vector<std::unique_ptr<ChainRun>>& runs, std::optional<std::int64_t> ledger_row);
  RiskKeeper(const RiskKeeper&) = delete;
  RiskKeeper& operator=(const RiskKeeper&) = delete;
  ~RiskKeeper();

  // In force in every book when they return, and on the disk. Fails with io: in force, but not
  // kept for the next start.
  Status stop();
  Status resume();

 private:
  struct Watched {
    ChainRun* run = nullptr;
    std::string kept;                                     // the text that is on the disk
    std::set<std::pair<std::string, BreakerCause>> told;  // of the log
    std::set<BreakerCause> begun;                         // by this
    std::uint64_t block = 0;                              // the newest, and since when it is
    std::uint64_t block_since_s = 0;
  };

  RiskKeeper(std::optional<RiskStore> store, const RiskSettings& settings,
             const std::vector<std::unique_ptr<ChainRun>>& runs);
  void restore();
  Status begin_at(std::int64_t ledger_row);
  void look();
  void look_at_chain(Watched& watched);
  void look_at_all();
  void tell(Watched& watched, const TrippedBreaker& tripped, const std::string& scope);
  Status keep(Watched& watched);

  const std::optional<RiskStore> store_;
  const std::int64_t stale_s_;
  const double loss_max_usd_;  // of a day, of all chains together
  std::mutex mutex_;           // guards the next two
  std::vector<Watched> watched_;
  bool ending_ = false;
  std::condition_variable wake_;
  std::thread thread_;
};

// What is in force of a book, for `gantry status`.
void tell_risk(const RiskBook& book, boost::json::object& told);

// Of hosts that do not run: lifts the operator's stop and resets what recovers by hand, as a
// running host would. Returns what was lifted, a line each. Fails with io.
Result<std::vector<std::string>> resume_kept(const RiskStore& store, const RiskSettings& settings);

}  // namespace gantry::host::cli

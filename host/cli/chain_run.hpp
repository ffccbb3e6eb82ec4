// One run of a street: on a recording, or on a chain that is followed, alone or beside other chains
// in this process. It owns what is not shared: its part of the configuration, the chain's providers
// and feed, the plugins' instances, the street.
//
// THREADS    prepare(), the destructor and outcome() on [main]; run() on a thread that is the
//            chain's for as long; state(), tell() and stop() from any.
// OWNERSHIP  What is in RunGround outlives all of them.
#pragma once
#include <atomic>
#include <boost/json.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "host/cli/command.hpp"
#include "host/cli/live_session.hpp"
#include "host/execute/execution.hpp"
#include "host/plugin/instances.hpp"
#include "host/report/run_report.hpp"
#include "host/risk/book.hpp"
#include "host/street/street.hpp"

namespace gantry::host::cli {

// Of a chain that is followed, what its risk book is told of.
struct ChainHealth {
  bool providers_lost = false;     // none can be asked
  std::uint64_t newest_block = 0;  // that was read; 0: none yet
};

class LiveTrading;

// What the runs of a process share.
struct RunGround {
  std::filesystem::path store;  // where libraries are loaded from
  PluginRecord record;
  OnPutAway note_lost;
  std::shared_ptr<LoadedLibraries> libraries;
  LiveTrading* trading = nullptr;  // null: a dry run
};

enum class RunState : std::int32_t {
  starting = 1,
  running = 2,
  done = 3,    // its blocks, or its stop
  failed = 4,  // outcome() says why
};

class ChainRun {
 public:
  // `several`: it is one of several, so that its log lines name the chain.
  ChainRun(Configuration part, StreetOptions options, bool several);
  ChainRun(const ChainRun&) = delete;
  ChainRun& operator=(const ChainRun&) = delete;
  ~ChainRun();

  // Of a chain that is followed, before prepare(). Fails as Providers::make.
  Status ask(const Session& session, std::shared_ptr<HttpPool> http);
  // Loads what runs, and opens the feed. Fails as LiveFeed::open.
  Status prepare(const RunGround& ground);
  // What an earlier run kept of prices: before run(), of a chain that is followed.
  void tell_past(std::vector<PastPrices> past) { live_->feed->tell_past(std::move(past)); }
  // Until it ends or is stopped; what became of it is in outcome().
  void run();
  // It cannot go on, or not even begin.
  void give_up(Error error);
  void stop() noexcept;

  const Configuration& part() const { return part_; }
  const StreetOptions& options() const { return options_; }
  const std::string& chain() const { return chain_; }  // CAIP-2; empty: a recording's own
  const std::string& name() const { return name_; }
  Street* street() { return street_.get(); }  // null before prepare()
  bool live() const { return live_ != nullptr; }
  bool trades() const { return execution_ != nullptr; }
  RiskBook& book() { return *book_; }
  // Nothing: no chain is followed, or not any more.
  std::optional<ChainHealth> health() const;
  RunState state() const { return state_.load(); }
  // After run() or give_up().
  Result<RunReport>& outcome() { return *outcome_; }

  // For `gantry status`: of the street, and of the chain where one is followed.
  void tell(boost::json::object& told) const;

 private:
  void tell_live(boost::json::object& told) const;

  const Configuration part_;
  const StreetOptions options_;  // without the feed
  const bool several_;
  const std::shared_ptr<RiskBook> book_;
  std::string chain_;
  std::string name_;
  std::unique_ptr<LiveSession> live_;     // outlives the execution
  std::unique_ptr<Execution> execution_;  // outlives the street; null: a dry run
  std::unique_ptr<Street> street_;
  std::optional<Result<RunReport>> outcome_;
  std::atomic<RunState> state_{RunState::starting};
};

}  // namespace gantry::host::cli

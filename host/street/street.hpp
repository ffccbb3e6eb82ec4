// The street: bytes -> snapshot -> strategies -> rank -> risk -> plan, as one task graph.
//
// THREADS  run() blocks its caller, which works in the graph's arena. request_stop(), is_over(),
//          kept_prices() and status() from any thread; plan(), change(), its steps and drain() from
//          one that is not the graph's, and where streets share libraries, from one for all of
//          them.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/base/result.hpp"
#include "host/config/change.hpp"
#include "host/config/load.hpp"
#include "host/plugin/instances.hpp"
#include "host/report/run_report.hpp"
#include "host/risk/book.hpp"

namespace gantry::host {

class Execution;
class Feed;
class SimulatedChain;
struct Fill;
struct PastPrices;

struct StreetOptions {
  std::filesystem::path recording;
  // A chain that is followed, in place of the recording; `recording` then is empty. Its blocks come
  // when they come: `speed` means nothing.
  std::shared_ptr<Feed> live;
  std::filesystem::path record_to;  // empty: nothing is recorded
  Pace pace = Pace::back_pressure;
  double speed = 1;          // live pace only: how much faster than the chain's clock; 0: no wait
  std::int64_t threads = 0;  // 0: one a core
  std::uint64_t blocks_max = 0;  // 0: all
  std::size_t best_max = 20;     // routes in the report
  bool obey_decisions = true;    // replay a recording's own decisions, when it has any
  // Limits look at this; null: at one of the street's own, in which nothing has happened. A replay
  // tells it what the recorded run's was told.
  std::shared_ptr<RiskBook> risk;
  // What carries out trades of a chain that is followed; null: a dry run. It outlives the street.
  Execution* execution = nullptr;
  // The same of a recorded market: one snapshot at a time is under way, and `execution` is null. It
  // outlives the street.
  SimulatedChain* backtest = nullptr;
  // The recording ends before what comes after these.
  std::uint64_t last_block = UINT64_MAX;
  std::uint64_t last_time_s = UINT64_MAX;
};

// What a running street says of itself.
struct StreetStatus {
  std::uint64_t snapshots = 0;
  std::uint64_t block = 0;
  std::uint64_t opportunities = 0;
  std::uint64_t approved = 0;
  std::uint64_t skipped = 0;
};

// What became of retired sets of plugins.
struct Drained {
  std::size_t waiting = 0;            // sets that snapshots under way still carry
  std::vector<std::string> unmapped;  // libraries, verified
  std::vector<std::string> stayed;    // unloaded and still mapped: the log says why
};

// One node of the picture: `gantry graph` prints what run() wires.
struct StreetNode {
  std::string name;
  std::string detail;  // "serial", "one at a time for each strategy", a bound
  std::vector<std::size_t> next;
};
std::vector<StreetNode> street_picture(const Configuration& configuration);

class Street {
 public:
  Street(const Configuration& configuration, Plugins plugins, StreetOptions options);
  ~Street();

  // Errors: whatever the feed cannot give, no whole block in it, an unwritable record_to. A
  // recording that is damaged later is no error here: what was whole is replayed and the report
  // says so.
  Result<RunReport> run();
  // After run(): results that became known since its last group. The risk book is told of them, and
  // nobody else: nothing is decided any more, and a replay ends with the last group.
  void tell_late(std::span<const Fill> fills);
  void request_stop() noexcept;
  StreetStatus status() const noexcept;
  // The history of prices as of the newest snapshot, for the next run; after run() as of the last.
  std::vector<PastPrices> kept_prices();
  // run() has ended, or is about to: nothing can be changed any more.
  bool is_over() const noexcept;

  // What change() would do: nothing of a plugin runs.
  ChangePlan plan(const Configuration& wanted);
  // Changes what runs to what `wanted` says: loads and prepares beside the street, then the next
  // snapshot carries the new set. Returns when it does; nothing to change is no error. On an error
  // nothing has changed. Other venues take as long as reading the recording up to here again, and
  // cannot be had where there is none. Errors: configuration (what cannot be changed while it
  // runs), usage (a replay, or the run is
  // over), and whatever a plugin is to blame for.
  Result<ChangeReport> change(std::shared_ptr<const Configuration> wanted);
  // The same in steps, for several streets of which all change or none. prepare() does all that can
  // fail, and says what would be done: nothing, where it is empty. Then either commit(), after
  // which the next snapshot carries it, or discard(). A chain that has read no block yet is waited
  // for a few seconds at most.
  Result<std::vector<std::string>> prepare(std::shared_ptr<const Configuration> wanted);
  void commit();
  void discard();
  // After commit(): waits until a snapshot has carried it; nullopt: none has, until then. Fails
  // with usage: the run is over.
  Result<std::optional<ChangeReport>> carried(std::chrono::steady_clock::time_point until);
  // Destroys what no snapshot carries any more, and unloads libraries that nobody uses then. To be
  // called now and then after change(), and by the destructor.
  Drained drain();

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

}  // namespace gantry::host

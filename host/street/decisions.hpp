// The host's own decisions of a run: written into its recording, and obeyed by a replay of it.
//
// A recording without decisions is delivered with back-pressure: every snapshot to every strategy,
// one group a snapshot, no deadlines.
//
// LAYOUT   Decision.snapshot is the snapshot's number (from 1, dense). Payloads, little-endian:
//          delivered: u64 outcomes that had ended. batch: u64 group number, u64 head
//          block. verdict: empty, late. risk: u64 number of the first group that it holds for,
//          then the text of a RiskFact. fill: at snapshot 0, in a run that carries out trades:
//          empty, or one byte 1 in one that can carry out back-runs too; else as risk, with the
//          text of a Fill. plugin_set: one line "kind instance sha256" each, then one "setting key
//          = value" for each that a result depends on. Of a change while the street ran, whose
//          `snapshot` is the first with the new set: u64 snapshot on which the new instances were
//          prepared, u64 size of the text above, that text, and the instances as TOML.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/base/result.hpp"
#include "host/market/market_state.hpp"
#include "host/plugin/instances.hpp"
#include "host/recording/records.hpp"
#include "host/recording/writer.hpp"
#include "host/risk/gate.hpp"
#include "host/street/messages.hpp"

namespace gantry::host {

// One batch's place: which strategy, which snapshot, in which group.
struct BatchPlace {
  std::uint64_t group;
  std::uint32_t strategy;
  std::uint64_t snapshot;
  std::uint64_t head_block;
};

// A change of the plugin set while the street ran.
struct RecordedChange {
  std::uint64_t from = 0;         // the first snapshot with the new set
  std::uint64_t prepared_on = 0;  // before it
  std::string plugin_set;
  std::string instances;  // see with_instances()
};

// How far the feed may be ahead of the oldest snapshot that is not done with, live and in replay. A
// strategy that is this slow holds up the others; all that looks back (strikes, the change log, the
// history) can count on it.
inline constexpr std::uint64_t under_way_max = 64;

// What a recorded run decided. Read whole before the replay starts: a decision stands behind the
// inputs that it is about.
class DecisionPlan {
 public:
  static constexpr std::uint64_t decisions_max = 50'000'000;

  // Nothing when the recording holds no decisions. A recording made with other plugins or settings
  // cannot be obeyed (configuration), and the error names them; nor can decisions that no run could
  // have made (format): a replay would wait for ever.
  static Result<std::optional<DecisionPlan>> read(const std::filesystem::path& recording,
                                                  const Configuration& configuration,
                                                  const Plugins& plugins);

  // The outcomes that had ended when the strategy was given the snapshot; nothing: it was skipped.
  std::optional<std::uint64_t> delivered(std::uint32_t strategy, std::uint64_t snapshot) const;
  bool late(std::uint32_t strategy, std::uint64_t snapshot) const;
  // In the order of their groups.
  const std::vector<BatchPlace>& places() const noexcept { return places_; }
  const std::vector<RecordedChange>& changes() const noexcept { return changes_; }
  // What the risk book was told from outside before that group, in order.
  std::span<const RiskFact> risk_facts(std::uint64_t group) const;
  // What became of approved trades, and what was told of them before that group, in order.
  Carries carries() const noexcept { return carries_; }
  std::span<const Fill> fills(std::uint64_t group) const;

 private:
  // Which strategies run from a snapshot on.
  struct Period {
    std::uint64_t from;
    std::set<std::uint32_t> lanes;
  };
  Status take(const recording::Decision& decision, const std::string& plugin_set);
  Status take_change(const recording::Decision& decision);
  Status take_risk(const recording::Decision& decision);
  Status take_fill(const recording::Decision& decision);
  void begin_period(std::uint64_t from, const std::string& plugin_set);
  bool runs(const BatchPlace& place) const;
  Status check();

  struct PerStrategy {
    std::unordered_map<std::uint64_t, std::uint64_t> delivered;
    std::unordered_map<std::uint64_t, bool> late;
  };
  std::vector<PerStrategy> strategies_;
  std::vector<std::string> lanes_;  // by number, in the order in which each first ran
  std::vector<Period> periods_;     // ascending
  std::vector<RecordedChange> changes_;
  std::vector<BatchPlace> places_;
  std::map<std::uint64_t, std::vector<RiskFact>> risk_;  // by group
  Carries carries_ = Carries::nothing;
  std::map<std::uint64_t, std::vector<Fill>> fills_;  // by group
};

// Blocks whose facts may be lost when the host is killed. At live pace each is flushed. Price,
// measured on 4,000 blocks of three facts: a frame of its own takes 130 bytes more of the file
// (1.49 MB instead of 0.98) and 10 us of the feed's thread.
inline constexpr std::uint64_t unflushed_blocks_live = 1;
// With back-pressure blocks come by the thousand a second, and can be had again: 1 % of the file.
inline constexpr std::uint64_t unflushed_blocks_max = 64;

// Writes inputs and decisions; either may come from any thread. A failed write is kept and told by
// finish(): the run itself goes on.
class Recorder {
 public:
  // Flushes after each `unflushed_blocks`, or when the writer's frame is full.
  static Result<std::unique_ptr<Recorder>> create(const std::filesystem::path& path,
                                                  const recording::Header& header,
                                                  const Configuration& configuration,
                                                  const Plugins& plugins,
                                                  std::uint64_t unflushed_blocks,
                                                  Carries carries = Carries::nothing);
  // A block with all that came with it.
  void input(const BlockInput& block);
  void decide(const Group& group);
  void skipped(std::uint32_t strategy, std::uint64_t snapshot);
  void change(const RecordedChange& change);
  Status finish();

 private:
  Recorder(RecordingWriter writer, std::uint64_t unflushed_blocks)
      : writer_(std::move(writer)), unflushed_max_(unflushed_blocks) {}
  void append(const recording::Record& record);  // mutex_ held

  std::mutex mutex_;
  RecordingWriter writer_;
  std::uint64_t unflushed_max_;
  std::uint64_t unflushed_ = 0;  // blocks
  std::optional<Error> failure_;
};

// The plugin_set text; strategies are in the order of their lanes.
std::string plugin_set_of(const Configuration& configuration, const Plugins& plugins);
// Whether two such texts have the same lines.
bool same_plugins(const std::string& recorded, const std::string& now);
// Why a recorded set cannot be obeyed with this one.
std::string other_plugins(const std::string& recorded, const std::string& now);

}  // namespace gantry::host

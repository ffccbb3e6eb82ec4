// Puts the strategies' batches into the order in which they are decided: with back-pressure by
// snapshot and strategy, live as they come, in replay as recorded.
//
// THREADS  One at a time: a serial node of the graph owns it.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <vector>

#include "host/street/decisions.hpp"
#include "host/street/mailbox.hpp"
#include "host/street/messages.hpp"

namespace gantry::host {

class Merge {
 public:
  Merge(DeliveryMode mode, const DecisionPlan* plan) : mode_(mode), plan_(plan) {}

  // Takes one batch, or word of a skip, or that no strategy works on a snapshot. `head_block` is
  // the chain's newest; only live asks for it. Groups that are due now are appended to `groups`.
  // Returns how many snapshots are answered for now by all strategies, they and all before them.
  std::uint64_t take(BatchPtr batch, std::uint64_t head_block, std::vector<GroupPtr>& groups);

 private:
  struct Answers {
    std::uint64_t snapshot;
    std::vector<BatchPtr> batches;
  };

  GroupPtr open_group(SnapshotPtr snapshot, std::uint64_t head_block);
  void obey(std::vector<GroupPtr>& groups);
  std::uint64_t note_answered(std::uint64_t id);

  DeliveryMode mode_;
  const DecisionPlan* plan_;
  std::uint64_t next_group_ = 0;
  std::size_t next_place_ = 0;       // obey only
  std::deque<Answers> open_;         // not answered by all yet
  std::uint64_t answered_ = 0;       // all snapshots up to this one are
  std::deque<bool> answered_after_;  // of those behind it
  std::map<std::pair<std::uint64_t, std::uint32_t>, BatchPtr> early_;  // obey only
};

}  // namespace gantry::host

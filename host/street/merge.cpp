#include "host/street/merge.hpp"

#include <algorithm>

#include "host/plugin/plugin_set.hpp"

namespace gantry::host {

namespace {

bool is_complete(const std::vector<BatchPtr>& batches) {
  return batches.size() == batches.front()->snapshot->plugins->strategies.size();
}

}  // namespace

GroupPtr Merge::open_group(SnapshotPtr snapshot, std::uint64_t head_block) {
  auto group = std::make_shared<Group>();
  group->number = next_group_++;
  group->snapshot = std::move(snapshot);
  group->head_block = head_block;
  return group;
}

// A strategy that works on a snapshot has answered for those it skipped meanwhile.
std::uint64_t Merge::note_answered(std::uint64_t id) {
  const std::size_t at = id - answered_ - 1;
  if (at >= answered_after_.size()) answered_after_.resize(at + 1);
  answered_after_[at] = true;
  std::uint64_t count = 0;
  for (; !answered_after_.empty() && answered_after_.front(); ++count) answered_after_.pop_front();
  answered_ += count;
  return count;
}

std::uint64_t Merge::take(BatchPtr batch, std::uint64_t head_block, std::vector<GroupPtr>& groups) {
  const std::uint64_t id = batch->snapshot->id;
  if (batch->strategy == no_strategy) return note_answered(id);
  // Strategies work on their snapshots in order, so a new one is nearly always the newest.
  auto answers = std::ranges::lower_bound(open_, id, {}, &Answers::snapshot);
  if (answers == open_.end() || answers->snapshot != id) answers = open_.insert(answers, {id, {}});
  answers->batches.push_back(batch);
  const bool complete = is_complete(answers->batches);

  if (mode_ == DeliveryMode::live && batch->ran) {
    auto group = open_group(batch->snapshot, head_block);
    group->batches.push_back(batch);
    groups.push_back(std::move(group));
  }
  if (mode_ == DeliveryMode::obey && batch->ran) {
    early_.emplace(std::pair(id, batch->strategy), batch);
    obey(groups);
  }
  if (mode_ == DeliveryMode::back_pressure) {
    // For the same reason the oldest is complete first.
    while (!open_.empty() && is_complete(open_.front().batches)) {
      auto& oldest = open_.front().batches;
      std::ranges::sort(oldest, {}, [](const BatchPtr& b) { return b->strategy; });
      const SnapshotPtr& snapshot = oldest.front()->snapshot;
      auto group = open_group(snapshot, snapshot->context.state_block);
      group->batches = std::move(oldest);
      groups.push_back(std::move(group));
      open_.pop_front();
    }
  } else if (complete) {
    open_.erase(answers);
  }
  return complete ? note_answered(id) : 0;
}

// Closes every recorded group whose batches are all there.
void Merge::obey(std::vector<GroupPtr>& groups) {
  const auto& places = plan_->places();
  while (next_place_ < places.size()) {
    std::size_t end = next_place_;
    std::vector<BatchPtr> batches;
    for (; end < places.size() && places[end].group == places[next_place_].group; ++end) {
      const auto found = early_.find({places[end].snapshot, places[end].strategy});
      if (found == early_.end()) return;
      batches.push_back(found->second);
    }
    for (const BatchPtr& batch : batches) early_.erase({batch->snapshot->id, batch->strategy});
    SnapshotPtr newest = batches.front()->snapshot;
    for (const BatchPtr& batch : batches) {
      if (batch->snapshot->id > newest->id) newest = batch->snapshot;
    }
    auto group = open_group(std::move(newest), places[next_place_].head_block);
    group->batches = std::move(batches);
    groups.push_back(std::move(group));
    next_place_ = end;
  }
}

}  // namespace gantry::host

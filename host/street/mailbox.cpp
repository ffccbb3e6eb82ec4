#include "host/street/mailbox.hpp"

#include <algorithm>

#include "host/plugin/plugin_set.hpp"

namespace gantry::host {

void Mailbox::take(const Mail& mail, std::vector<SnapshotPtr>& skipped) {
  if (std::holds_alternative<Free>(mail)) {
    busy_ = false;
    return;
  }
  if (const auto* outcome = std::get_if<OutcomePtr>(&mail)) {
    outcomes_.push_back(*outcome);
    groups_ended_ = (*outcome)->group + 1;
    return;
  }
  const SnapshotPtr& snapshot = std::get<SnapshotPtr>(mail);
  if (options_.mode == DeliveryMode::obey &&
      !options_.plan->delivered(options_.strategy, snapshot->id)) {
    skipped.push_back(snapshot);
    return;
  }
  if (options_.mode == DeliveryMode::live) {
    for (SnapshotPtr& older : pending_) skipped.push_back(std::move(older));
    pending_.clear();
  }
  pending_.push_back(snapshot);
}

// The first snapshot of the instance that works on this one.
std::uint64_t Mailbox::since(const Snapshot& snapshot) const {
  const auto* strategy = snapshot.plugins ? snapshot.plugins->find(options_.strategy) : nullptr;
  return strategy == nullptr ? 1 : strategy->since;
}

// Whether the snapshot may be given now, and the outcomes of how many groups go with it.
bool Mailbox::due(const Snapshot& snapshot, std::uint64_t& results_seen) const {
  switch (options_.mode) {
    case DeliveryMode::live:
      results_seen = groups_ended_;
      return true;
    case DeliveryMode::obey:
      results_seen = *options_.plan->delivered(options_.strategy, snapshot.id);
      return groups_ended_ >= results_seen;
    case DeliveryMode::back_pressure:
      break;
  }
  results_seen = 0;
  if (snapshot.id < since(snapshot) + options_.outcome_lag) return true;
  // One group a snapshot, in order.
  const auto last = std::ranges::lower_bound(outcomes_, snapshot.id - options_.outcome_lag, {},
                                             [](const OutcomePtr& o) { return o->snapshot; });
  if (last == outcomes_.end()) return false;
  results_seen = (*last)->group + 1;
  return true;
}

std::optional<Delivery> Mailbox::next() {
  if (busy_ || pending_.empty()) return std::nullopt;
  std::uint64_t results_seen = 0;
  if (!due(*pending_.front(), results_seen)) return std::nullopt;
  Delivery delivery{std::move(pending_.front()), options_.strategy, {}, nullptr, results_seen};
  pending_.pop_front();
  const std::uint64_t first = since(*delivery.snapshot);
  for (; !outcomes_.empty() && outcomes_.front()->group < results_seen; outcomes_.pop_front()) {
    const Outcome& outcome = *outcomes_.front();
    positions_ = outcome.positions;
    if (outcome.snapshot < first) continue;
    delivery.results.insert(delivery.results.end(), outcome.results.begin(), outcome.results.end());
  }
  delivery.positions = positions_;
  busy_ = true;
  return delivery;
}

}  // namespace gantry::host

#include "host/street/mailbox.hpp"

#include <algorithm>

namespace gantry::host {

void Mailbox::take(const Mail& mail, std::vector<SnapshotPtr>& skipped) {
  if (std::holds_alternative<Free>(mail)) {
    busy_ = false;
    return;
  }
  if (const auto* outcome = std::get_if<OutcomePtr>(&mail)) {
    outcomes_.push_back(*outcome);
    ++outcomes_ended_;
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

// Whether the snapshot may be given now, and how many outcomes go with it.
bool Mailbox::due(const Snapshot& snapshot, std::uint64_t& results_seen) const {
  switch (options_.mode) {
    case DeliveryMode::live:
      results_seen = outcomes_ended_;
      return true;
    case DeliveryMode::obey:
      results_seen = *options_.plan->delivered(options_.strategy, snapshot.id);
      return outcomes_ended_ >= results_seen;
    case DeliveryMode::back_pressure:
      break;
  }
  // One outcome a snapshot, in order.
  results_seen = snapshot.id > options_.outcome_lag ? snapshot.id - options_.outcome_lag : 0;
  return outcomes_ended_ >= results_seen;
}

std::optional<Delivery> Mailbox::next() {
  if (busy_ || pending_.empty()) return std::nullopt;
  std::uint64_t results_seen = 0;
  if (!due(*pending_.front(), results_seen)) return std::nullopt;
  Delivery delivery{std::move(pending_.front()), options_.strategy, {}, results_seen};
  pending_.pop_front();
  while (outcomes_taken_ < results_seen && !outcomes_.empty()) {
    const Outcome& outcome = *outcomes_.front();
    delivery.results.insert(delivery.results.end(), outcome.results.begin(), outcome.results.end());
    outcomes_.pop_front();
    ++outcomes_taken_;
  }
  busy_ = true;
  return delivery;
}

}  // namespace gantry::host

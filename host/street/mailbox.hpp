// Decides which snapshot a strategy is given next. Three ways: with back-pressure, all of them in
// order; live, the newest, and what it supersedes is skipped; in replay, what was recorded.
//
// THREADS  One at a time: a serial node of the graph owns it.
#pragma once
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "host/street/decisions.hpp"
#include "host/street/messages.hpp"

namespace gantry::host {

enum class DeliveryMode : std::int32_t { back_pressure = 1, live = 2, obey = 3 };

struct MailboxOptions {
  DeliveryMode mode = DeliveryMode::back_pressure;
  std::uint32_t strategy = 0;
  // With back-pressure: outcomes of a snapshot reach the strategy this many snapshots later, which
  // no number of threads changes. An instance that starts later hears nothing of its predecessor's.
  std::uint64_t outcome_lag = 1;
  const DecisionPlan* plan = nullptr;  // obey only
};

class Mailbox {
 public:
  explicit Mailbox(MailboxOptions options) : options_(options) {}

  // Takes one piece of mail; what must be reported as skipped is appended to `skipped`.
  void take(const Mail& mail, std::vector<SnapshotPtr>& skipped);
  // The next delivery, if the strategy is free and one is due.
  std::optional<Delivery> next();

 private:
  std::uint64_t since(const Snapshot& snapshot) const;
  bool due(const Snapshot& snapshot, std::uint64_t& results_seen) const;

  MailboxOptions options_;
  bool busy_ = false;
  std::deque<SnapshotPtr> pending_;
  std::deque<OutcomePtr> outcomes_;             // not delivered yet
  std::shared_ptr<const Positions> positions_;  // of the last that was delivered
  std::uint64_t groups_ended_ = 0;  // of the whole street, as far as word of them came here
};

}  // namespace gantry::host

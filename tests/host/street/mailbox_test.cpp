#include "host/street/mailbox.hpp"

#include <catch2/catch.hpp>

using namespace gantry::host;

namespace {

SnapshotPtr snapshot(std::uint64_t id) {
  static const auto live = std::make_shared<LiveVersions>();
  return std::make_shared<Snapshot>(live, id);
}

OutcomePtr outcome(std::uint64_t snapshot_id) {
  auto made = std::make_shared<Outcome>();
  made->snapshot = snapshot_id;
  made->results.resize(1);
  made->results[0].key = snapshot_id;
  return made;
}

}  // namespace

TEST_CASE("with back-pressure a mailbox gives every snapshot in order, one at a time") {
  Mailbox mailbox({DeliveryMode::back_pressure, 0, 4, nullptr});
  std::vector<SnapshotPtr> skipped;
  for (std::uint64_t id = 1; id <= 3; ++id) mailbox.take(snapshot(id), skipped);
  for (std::uint64_t id = 1; id <= 3; ++id) {
    const auto delivery = mailbox.next();
    REQUIRE(delivery);
    CHECK(delivery->snapshot->id == id);
    CHECK_FALSE(mailbox.next());
    mailbox.take(Free(), skipped);
  }
  CHECK(skipped.empty());
}

TEST_CASE("with back-pressure the results of a snapshot come exactly so many snapshots later") {
  Mailbox mailbox({DeliveryMode::back_pressure, 0, 2, nullptr});
  std::vector<SnapshotPtr> skipped;
  for (std::uint64_t id = 1; id <= 3; ++id) mailbox.take(snapshot(id), skipped);
  CHECK(mailbox.next()->results.empty());
  mailbox.take(Free(), skipped);
  // Outcomes that come early wait.
  mailbox.take(outcome(1), skipped);
  CHECK(mailbox.next()->results.empty());
  mailbox.take(Free(), skipped);
  const auto third = mailbox.next();
  REQUIRE(third);
  REQUIRE(third->results.size() == 1);
  CHECK(third->results[0].key == 1);
  CHECK(third->results_seen == 1);
}

TEST_CASE("with back-pressure a snapshot waits for the results that belong to it") {
  Mailbox mailbox({DeliveryMode::back_pressure, 0, 1, nullptr});
  std::vector<SnapshotPtr> skipped;
  mailbox.take(snapshot(1), skipped);
  mailbox.take(snapshot(2), skipped);
  REQUIRE(mailbox.next());
  mailbox.take(Free(), skipped);
  CHECK_FALSE(mailbox.next());
  mailbox.take(outcome(1), skipped);
  CHECK(mailbox.next());
}

TEST_CASE("live, the newest snapshot wins and what it supersedes is told") {
  Mailbox mailbox({DeliveryMode::live, 0, 1, nullptr});
  std::vector<SnapshotPtr> skipped;
  mailbox.take(snapshot(1), skipped);
  REQUIRE(mailbox.next());
  for (std::uint64_t id = 2; id <= 4; ++id) mailbox.take(snapshot(id), skipped);
  REQUIRE(skipped.size() == 2);
  CHECK(skipped[0]->id == 2);
  CHECK(skipped[1]->id == 3);
  CHECK_FALSE(mailbox.next());
  mailbox.take(Free(), skipped);
  CHECK(mailbox.next()->snapshot->id == 4);
}

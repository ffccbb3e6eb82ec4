#include "host/street/merge.hpp"

#include <catch2/catch.hpp>

using namespace gantry::host;

namespace {

BatchPtr batch(std::uint64_t id, std::uint32_t strategy, bool ran = true) {
  static const auto live = std::make_shared<LiveVersions>();
  auto made = std::make_shared<Batch>();
  made->snapshot = std::make_shared<Snapshot>(live, id);
  made->strategy = strategy;
  made->ran = ran;
  return made;
}

}  // namespace

TEST_CASE("with back-pressure a group is a whole snapshot, strategies in order") {
  Merge merge(DeliveryMode::back_pressure, 2, nullptr);
  std::vector<GroupPtr> groups;
  CHECK_FALSE(merge.take(batch(1, 1), 0, groups));
  CHECK_FALSE(merge.take(batch(2, 1), 0, groups));
  CHECK(groups.empty());
  CHECK(merge.take(batch(1, 0), 0, groups));
  REQUIRE(groups.size() == 1);
  REQUIRE(groups[0]->batches.size() == 2);
  CHECK(groups[0]->batches[0]->strategy == 0);
  CHECK(groups[0]->batches[1]->strategy == 1);
  CHECK(merge.take(batch(2, 0), 0, groups));
  REQUIRE(groups.size() == 2);
  CHECK(groups[1]->number == 1);
  CHECK(groups[1]->snapshot->id == 2);
}

TEST_CASE("live, a batch is a group as it comes, with the chain's head of that moment") {
  Merge merge(DeliveryMode::live, 2, nullptr);
  std::vector<GroupPtr> groups;
  CHECK_FALSE(merge.take(batch(2, 1), 77, groups));
  REQUIRE(groups.size() == 1);
  CHECK(groups[0]->head_block == 77);
  CHECK(merge.take(batch(2, 0, false), 78, groups));
  CHECK(groups.size() == 1);  // a skip is an answer, but nothing to rank
}

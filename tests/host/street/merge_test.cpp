#include "host/street/merge.hpp"

#include <catch2/catch.hpp>

#include "host/plugin/plugin_set.hpp"

using namespace gantry::host;

namespace {

BatchPtr batch(std::uint64_t id, std::uint32_t strategy, bool ran = true) {
  static const auto live = std::make_shared<LiveVersions>();
  static const auto two = std::make_shared<const PluginSet>(
      PluginSet{.strategies = {{0, 1, nullptr, nullptr}, {1, 1, nullptr, nullptr}}});
  auto made = std::make_shared<Batch>();
  const auto on = std::make_shared<Snapshot>(live, id);
  on->plugins = two;
  made->snapshot = on;
  made->strategy = strategy;
  made->ran = ran;
  return made;
}

}  // namespace

TEST_CASE("with back-pressure a group is a whole snapshot, strategies in order") {
  Merge merge(DeliveryMode::back_pressure, nullptr);
  std::vector<GroupPtr> groups;
  CHECK(merge.take(batch(1, 1), 0, groups) == 0);
  CHECK(merge.take(batch(2, 1), 0, groups) == 0);
  CHECK(groups.empty());
  CHECK(merge.take(batch(1, 0), 0, groups) == 1);
  REQUIRE(groups.size() == 1);
  REQUIRE(groups[0]->batches.size() == 2);
  CHECK(groups[0]->batches[0]->strategy == 0);
  CHECK(groups[0]->batches[1]->strategy == 1);
  CHECK(merge.take(batch(2, 0), 0, groups) == 1);
  REQUIRE(groups.size() == 2);
  CHECK(groups[1]->number == 1);
  CHECK(groups[1]->snapshot->id == 2);
}

TEST_CASE("live, a batch is a group as it comes, with the chain's head of that moment") {
  Merge merge(DeliveryMode::live, nullptr);
  std::vector<GroupPtr> groups;
  CHECK(merge.take(batch(2, 1), 77, groups) == 0);
  REQUIRE(groups.size() == 1);
  CHECK(groups[0]->head_block == 77);
  // A skip is an answer, but nothing to rank; and the snapshot before is still worked on.
  CHECK(merge.take(batch(2, 0, false), 78, groups) == 0);
  CHECK(merge.take(batch(4, 0, false), 79, groups) == 0);
  CHECK(merge.take(batch(4, 1, false), 79, groups) == 0);
  CHECK(merge.take(batch(1, 0), 80, groups) == 0);
  CHECK(groups.size() == 2);
  CHECK(merge.take(batch(1, 1, false), 80, groups) == 2);
  CHECK(merge.take(batch(3, 0, false), 80, groups) == 0);
  CHECK(merge.take(batch(3, 1), 80, groups) == 2);
  CHECK(groups.size() == 3);
}

// Which pending swaps a strategy is told of, when it has come late or has skipped snapshots.
#include <catch2/catch.hpp>

#include "host/market/pending_swaps.hpp"
#include "host/street/strategy_runner.hpp"
#include "tests/host/plan/plan_fixture.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// Keeps what it is told, and answers as told.
struct Listener {
  struct Call {
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::uint64_t dropped = 0;
    bool operator==(const Call&) const = default;
  };
  std::vector<Call> calls;
  gantry_status answer = GANTRY_OK;
  bool found_before_told = false;

  static Listener& self(gantry_strategy_instance* object) {
    return *reinterpret_cast<Listener*>(object);
  }
  static inline const gantry_strategy_v1 table = {
      .destroy = [](gantry_strategy_instance*) {},
      .prepare = [](gantry_strategy_instance*, const gantry_market*,
                    gantry_error*) -> gantry_status { return GANTRY_OK; },
      .find = [](gantry_strategy_instance* object, const gantry_market*,
                 const gantry_opportunity_sink*) -> gantry_status {
        self(object).found_before_told = self(object).calls.empty();
        return GANTRY_OK;
      }};
  static inline const gantry_strategy_pending_v1 pending = {
      [](gantry_strategy_instance* object, const gantry_market*, const gantry_pending_event* events,
         std::uint32_t count, std::uint64_t dropped) -> gantry_status {
        Listener& me = self(object);
        for (std::uint32_t i = 1; i < count; ++i) {
          CHECK(events[i].sequence == events[0].sequence + i);
        }
        me.calls.push_back({events[0].sequence, events[count - 1].sequence, dropped});
        return me.answer;
      }};
};

std::shared_ptr<const PendingWindow> window(std::uint64_t first, std::uint64_t last) {
  auto made = std::make_shared<PendingWindow>();
  for (std::uint64_t i = first; i <= last; ++i) {
    made->events.emplace_back();
    made->events.back().sequence = i;
  }
  made->last = last;
  return made;
}

// Runs one after the other, each with its window.
std::shared_ptr<StrategyInstance> run(
    Listener& listener, const std::vector<std::shared_ptr<const PendingWindow>>& windows) {
  const Case c;
  auto instance = std::make_shared<StrategyInstance>(
      nullptr, nullptr, &Listener::table, reinterpret_cast<gantry_strategy_instance*>(&listener),
      std::make_shared<Health>("listener", "", 3));
  instance->pending = &Listener::pending;
  ChangeLog changes;
  History history;
  StrategyRunner runner(instance, changes, history, {});
  changes.add(*c.market.snapshot);
  for (const auto& one : windows) {
    std::const_pointer_cast<Snapshot>(c.market.snapshot)->pending = one;
    runner.run({c.market.snapshot, 0, {}, 0}, false);
  }
  return instance;
}

}  // namespace

TEST_CASE("a strategy is told of each pending swap once, before it searches") {
  Listener listener;
  const auto instance = run(listener, {nullptr, window(1, 3), window(1, 3), window(1, 5)});
  CHECK(listener.calls == std::vector<Listener::Call>{{1, 3, 0}, {4, 5, 0}});
  CHECK_FALSE(listener.found_before_told);
  CHECK(instance->health().strikes() == 0);
}

TEST_CASE("a strategy is told how many pending swaps the window has lost since its last snapshot") {
  Listener listener;
  run(listener, {window(1, 3), window(10, 20), window(15, 25)});
  CHECK(listener.calls == std::vector<Listener::Call>{{1, 3, 0}, {10, 20, 6}, {21, 25, 0}});
}

TEST_CASE("what the window had lost before a strategy came is nothing that it has missed") {
  Listener listener;
  run(listener, {window(100, 110), window(100, 111)});
  CHECK(listener.calls == std::vector<Listener::Call>{{100, 110, 0}, {111, 111, 0}});
}

TEST_CASE("a strategy that wants no pending swaps gets no strike, and one that throws does") {
  Listener listener;
  listener.answer = GANTRY_UNSUPPORTED;
  CHECK(run(listener, {window(1, 2)})->health().strikes() == 0);
  listener.answer = GANTRY_PLUGIN_FAULT;
  CHECK(run(listener, {window(1, 2), window(1, 4)})->health().strikes() == 2);
}

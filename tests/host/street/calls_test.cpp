// A strategy that wants calls of its own before its swaps, with and without leave.
#include <catch2/catch.hpp>

#include "host/street/strategy_runner.hpp"
#include "tests/host/plan/plan_fixture.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// Finds what it is given, and plans one call where it is told to.
struct Caller {
  gantry_opportunity found{};
  bool calls = true;
  gantry_status answer = GANTRY_OK;

  static Caller& self(gantry_strategy_instance* object) {
    return *reinterpret_cast<Caller*>(object);
  }
  static inline const gantry_strategy_v1 table = {
      .destroy = [](gantry_strategy_instance*) {},
      .prepare = [](gantry_strategy_instance*, const gantry_market*,
                    gantry_error*) -> gantry_status { return GANTRY_OK; },
      .find = [](gantry_strategy_instance* object, const gantry_market*,
                 const gantry_opportunity_sink* sink) -> gantry_status {
        return sink->emit(sink->self, &self(object).found);
      },
      .validate = [](gantry_strategy_instance*, const gantry_market*,
                     const gantry_opportunity*) -> gantry_status { return GANTRY_OK; },
      .plan = [](gantry_strategy_instance* object, const gantry_market*, const gantry_opportunity*,
                 const gantry_instruction_sink* sink) -> gantry_status {
        gantry_instruction call{};
        call.target = made_up(1);
        if (self(object).calls) CHECK(sink->emit(sink->self, &call) == GANTRY_OK);
        return self(object).answer;
      }};
};

struct Run {
  Batch batch;
  std::vector<Strike> strikes;
};

Run run(Caller caller, std::optional<std::vector<std::string>> capabilities) {
  const Case c;
  caller.found = c.three_legs().opportunity;
  auto instance = std::make_shared<StrategyInstance>(
      nullptr, nullptr, &Caller::table, reinterpret_cast<gantry_strategy_instance*>(&caller),
      std::make_shared<Health>("caller", "", 3));
  instance->settings.capabilities = std::move(capabilities);
  ChangeLog changes;
  History history;
  RunnerOptions options;
  options.pool_share_max_bps = 10000;
  options.position_max_eth = 1e9;
  StrategyRunner runner(instance, changes, history, options);
  changes.add(*c.market.snapshot);
  Run result{runner.run({c.market.snapshot, 0, {}, 0}, false), instance->health().kept()};
  return result;
}

}  // namespace

TEST_CASE("a strategy's own calls are planned where it has the capability") {
  const Run granted = run({}, std::vector<std::string>{"calls"});
  CHECK(granted.strikes.empty());
  REQUIRE(granted.batch.ranked.size() == 1);
  REQUIRE(granted.batch.ranked[0].before != nullptr);
  CHECK(granted.batch.ranked[0].before->size() == 1);
}

TEST_CASE("without the capability, what wants calls of its own is dropped, with the remedy") {
  for (const auto& without :
       {std::optional<std::vector<std::string>>(), std::optional(std::vector<std::string>())}) {
    // Whatever the strategy answers in the end.
    for (const gantry_status answer : {GANTRY_OK, GANTRY_REFUSED, GANTRY_UNSUPPORTED}) {
      const Run refused = run({.answer = answer}, without);
      CHECK(refused.batch.ranked.empty());
      REQUIRE(refused.strikes.size() == 1);
      CHECK(refused.strikes[0].phase == Phase::plan);
      CHECK(refused.strikes[0].reason.find("add \"calls\" to its `capabilities`") !=
            std::string::npos);
    }
  }
}

TEST_CASE("a strategy without calls of its own needs no capability") {
  const Run plain = run({.calls = false, .answer = GANTRY_UNSUPPORTED}, std::nullopt);
  CHECK(plain.strikes.empty());
  REQUIRE(plain.batch.ranked.size() == 1);
  CHECK(plain.batch.ranked[0].before == nullptr);
}

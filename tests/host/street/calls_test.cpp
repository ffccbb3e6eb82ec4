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

// `own`: it finds what it has been given already.
Run run(Caller caller, std::optional<std::vector<std::string>> capabilities, bool own = false) {
  const Case c;
  if (!own) caller.found = c.three_legs().opportunity;
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

TEST_CASE("legs that split are taken, priced and planned; those that do not add up cost a strike") {
  const Case c;
  // Pools 0 and 3 have tokens 0 and 1; the way back is pool 0 again, as the first leg leaves it.
  gantry_opportunity split = c.three_legs().opportunity;
  split.leg_count = 3;
  split.token_in = split.token_out = 0;
  split.amount_in = amount(thousandths(1'000));
  split.legs[0] = {{0, 0, 1, 0}, amount(thousandths(700)), {}};
  split.legs[1] = {{3, 0, 1, 0}, amount(thousandths(300)), {}};
  std::uint64_t gas = 0;
  REQUIRE(c.market.view.quote_legs({split.legs, 2}, gas) == GANTRY_OK);
  split.legs[2] = {
      {0, 1, 0, 0}, amount(big(split.legs[0].amount_out) + big(split.legs[1].amount_out)), {}};
  REQUIRE(c.market.view.quote_legs({split.legs, 3}, gas) == GANTRY_OK);
  split.amount_out = split.legs[2].amount_out;
  const auto taken = [&](const gantry_opportunity& found) {
    return run({.found = found, .calls = false, .answer = GANTRY_UNSUPPORTED}, std::nullopt, true);
  };
  const Run sound = taken(split);
  CHECK(sound.strikes.empty());
  REQUIRE(sound.batch.ranked.size() == 1);
  CHECK(big(sound.batch.ranked[0].opportunity.amount_out) == big(split.amount_out));
  // It adds up, and is not what the venues quote.
  gantry_opportunity wrong = split;
  wrong.amount_out = wrapping_add(u256(split.amount_out), u256(1));
  wrong.legs[2].amount_out = wrong.amount_out;
  const Run unquoted = taken(wrong);
  CHECK(unquoted.batch.ranked.empty());
  REQUIRE(unquoted.strikes.size() == 1);
  CHECK(unquoted.strikes[0].reason.find("not what the venues quote") != std::string::npos);
  wrong = split;
  wrong.legs[2].amount_in = wrapping_add(u256(wrong.legs[2].amount_in), u256(1));
  const Run nonsense = taken(wrong);
  CHECK(nonsense.batch.ranked.empty());
  // Once for what was emitted, and once as find() hands on what it was answered.
  REQUIRE(nonsense.strikes.size() == 2);
  CHECK(nonsense.strikes[0].reason.find("nonsense") != std::string::npos);
}

TEST_CASE("a strategy without calls of its own needs no capability") {
  const Run plain = run({.calls = false, .answer = GANTRY_UNSUPPORTED}, std::nullopt);
  CHECK(plain.strikes.empty());
  REQUIRE(plain.batch.ranked.size() == 1);
  CHECK(plain.batch.ranked[0].before == nullptr);
}

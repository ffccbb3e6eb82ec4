// The loaded plugin against what Curve's own contracts answered and paid, tolerance zero.
#include "plugins/curve/answers.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "gantry/u256.hpp"
#include "plugins/curve/curve_pool.hpp"

namespace gantry::test {
namespace {

std::vector<RecordedPool> answers_of(const std::string& variant) {
  return read_answers(std::filesystem::path(GANTRY_CURVE_ANSWERS) / (variant + ".zst"));
}

// What the recordings hold; a metapool's second coin and the old 3pool's coins are given.
const std::map<std::string, std::set<std::uint32_t>> decimals_by_variant = {
    {"3pool", {6, 18}},
    {"base", {6, 8, 18}},
    {"factory_plain2", {6, 8, 18}},
    {"meta", {8, 18}},
    {"meta_rai", {18}},
    {"factory_plain", {6, 8, 18}},
    {"factory_meta", {6, 18}},
    {"ng", {6, 8, 18}},
    {"ng_meta", {6, 18}},
    {"twocrypto_ng", {6, 8, 18}},
    {"tricrypto_ng", {6, 8, 18}}};

// By the amount's share of what the pool has of the coin.
std::string bucket_of(const u256& amount, const u256& balance) {
  if (amount < u256(1000)) return "dust";
  const double share = to_double(amount) / to_double(balance);
  if (share < 0.01) return "small";
  if (share <= 1) return "large";
  return share < 1e5 ? "drain" : "absurd";
}

struct Bucket {
  int asked = 0;
  int succeeded = 0;
};

struct Tally {
  std::map<std::string, Bucket> buckets;
  int states = 0;
  int compared = 0;
  int succeeded = 0;
  int reverted = 0;
  int get_dy_more = 0;  // than exchange() paid
  int get_dy_less = 0;
};

// One exchange() of the recording against the quote; false: it reverts or pays nothing.
bool compare(const CurvePool& pool, const RecordedExchange& recorded, const Overlay* before,
             Overlay& after) {
  gantry_quote quote{};
  const auto status = pool.quote(exact_in(recorded), quote, &after, before);
  if (!recorded.paid || recorded.paid->is_zero()) {
    if (status == GANTRY_OK) {
      INFO("in " << to_string(recorded.amount) << " of " << recorded.in << " to " << recorded.out
                 << " quoted " << to_string(u256(quote.amount_out)));
      FAIL("a swap that reverts or pays nothing is quoted");
    }
    return false;
  }
  INFO("in " << to_string(recorded.amount) << " of " << recorded.in << " to " << recorded.out);
  if (status != GANTRY_OK) FAIL("status " << status << " of a swap that pays");
  if (u256(quote.amount_out) != *recorded.paid) {
    CHECK(to_string(u256(quote.amount_out)) == to_string(*recorded.paid));
    FAIL("another amount than exchange() paid");
  }
  std::vector<u256> balances;
  if (pool.view(balances, &after) != GANTRY_OK || balances != recorded.balances) {
    for (std::size_t i = 0; i < balances.size(); ++i) {
      CHECK(to_string(balances[i]) == to_string(recorded.balances[i]));
    }
    FAIL("other balances than exchange() left");
  }
  return true;
}

// Whether A (and gamma) is on its way in that state: what it starts from and ends at differ, and
// the time of the end has not come.
bool is_ramping(const RecordedPool& recorded, const RecordedState& state) {
  // initial_A(), future_A(), future_A_time(), and the same of A_gamma
  const std::map<std::uint32_t, int> places = {{0x5409491a, 0}, {0xb4b577ad, 1}, {0x14052288, 2},
                                               {0x204fe3d5, 0}, {0xf30cfad5, 1}, {0xf9ed9597, 2}};
  std::vector<std::uint8_t> found[3];
  for (std::size_t i = 0; i < recorded.asks.size(); ++i) {
    const std::vector<std::uint8_t>& payload = recorded.asks[i].payload;
    std::uint32_t selector = 0;
    for (std::size_t at = 0; at < 4; ++at) selector = selector << 8U | payload.at(at);
    const auto place = places.find(selector);
    if (payload.size() == 4 && place != places.end()) found[place->second] = state.answers[i];
  }
  if (found[2].size() != 32) FAIL("the recording does not say whether A ramps");
  std::uint64_t end_s = 0;
  for (std::size_t i = 24; i < 32; ++i) end_s = end_s << 8U | found[2][i];
  return found[0] != found[1] && end_s > state.time_s;
}

void count(const RecordedPool& recorded, const RecordedExchange& exchange,
           const std::vector<u256>& balances, bool ramps, bool succeeds, Tally& tally) {
  const auto add = [&](const std::string& name) {
    Bucket& bucket = tally.buckets[name];
    ++bucket.asked;
    bucket.succeeded += succeeds ? 1 : 0;
  };
  add(bucket_of(exchange.amount, balances[exchange.in]));
  add(exchange.in < exchange.out ? "to a later coin" : "to an earlier coin");
  add("from " + std::to_string(recorded.decimals[exchange.in]) + " decimals");
  add("to " + std::to_string(recorded.decimals[exchange.out]) + " decimals");
  if (ramps) add("A ramps");
}

void compare_state(CurvePool& pool, const RecordedPool& recorded, const RecordedState& state,
                   Tally& tally) {
  INFO(recorded.variant << " of " << recorded.decimals.size() << " coins, state "
                        << &state - recorded.states.data());
  const auto status = pool.feed(recorded, state);
  if (status != GANTRY_OK) FAIL("status " << status << " of facts of the chain");
  ++tally.states;
  std::vector<u256> balances;
  REQUIRE(pool.view(balances) == GANTRY_OK);
  const bool ramps = is_ramping(recorded, state);
  for (const RecordedSwap& swap : state.swaps) {
    ++tally.compared;
    Overlay after;
    Overlay last;
    const bool first = compare(pool, swap.first, nullptr, after);
    count(recorded, swap.first, balances, ramps, first, tally);
    tally.succeeded += first ? 1 : 0;
    tally.reverted += swap.first.paid ? 0 : 1;
    if (first && swap.get_dy) {
      tally.get_dy_more += *swap.get_dy > *swap.first.paid ? 1 : 0;
      tally.get_dy_less += *swap.get_dy < *swap.first.paid ? 1 : 0;
    }
    // A swap that pays nothing happens all the same, and the quote does not say what it leaves.
    if (!first && swap.first.paid) continue;
    ++tally.compared;
    const bool second = compare(pool, swap.second, first ? &after : nullptr, last);
    count(recorded, swap.second, first ? swap.first.balances : balances, ramps, second, tally);
    tally.succeeded += second ? 1 : 0;
  }
}

Tally compare_all(const std::string& variant) {
  Tally tally;
  CurvePool pool;
  std::set<std::uint32_t> decimals;
  for (const RecordedPool& recorded : answers_of(variant)) {
    REQUIRE(recorded.variant == variant);
    CHECK(recorded.code.size() == 64);
    if (pool.open(recorded.decimals, metadata_of(recorded)) != GANTRY_OK) FAIL(pool.error());
    decimals.insert(recorded.decimals.begin(), recorded.decimals.end());
    for (const RecordedState& state : recorded.states) {
      compare_state(pool, recorded, state, tally);
    }
  }
  CHECK(tally.compared >= 2000);
  CHECK(tally.succeeded * 10 >= tally.compared * 8);
  CHECK(decimals == decimals_by_variant.at(variant));
  const auto demand = [&](const std::string& name, int least) {
    INFO(variant << ", " << name);
    CHECK(tally.buckets[name].succeeded >= least);
  };
  demand("dust", 20);
  demand("small", 300);
  demand("large", 300);
  demand("drain", 50);
  CHECK(tally.buckets["absurd"].asked >= 10);
  CHECK(tally.buckets["absurd"].succeeded < tally.buckets["absurd"].asked);
  demand("to a later coin", 300);
  demand("to an earlier coin", 300);
  demand("A ramps", 100);
  for (const std::uint32_t each : decimals) {
    demand("from " + std::to_string(each) + " decimals", 100);
    demand("to " + std::to_string(each) + " decimals", 100);
  }
  std::string buckets;
  for (const auto& [name, bucket] : tally.buckets) {
    buckets += "; " + name + " " + std::to_string(bucket.succeeded) + " of " +
               std::to_string(bucket.asked);
  }
  WARN(variant << ": " << tally.states << " states, " << tally.compared << " exchanges, "
               << tally.succeeded << " paid as quoted, " << tally.reverted
               << " first ones reverted, get_dy() said more in " << tally.get_dy_more
               << " and less in " << tally.get_dy_less << buckets);
  return tally;
}

}  // namespace

TEST_CASE("3pool: a quote is what exchange() pays, where get_dy() can say one more") {
  CHECK(compare_all("3pool").get_dy_more > 50);
}

TEST_CASE("base template, two to four coins of 6, 8 and 18 decimals: quotes are exchange()'s") {
  compare_all("base");
}

TEST_CASE("plain pools of the factory: quotes are exchange()'s, each with its order of division") {
  compare_all("factory_plain2");
  compare_all("factory_plain");
}

TEST_CASE("metapools: quotes are exchange()'s, with the base pool's price kept or fresh") {
  compare_all("meta");
  compare_all("factory_meta");
}

TEST_CASE(
    "a metapool of a coin that is redeemed: quotes are exchange()'s, with its price as it is "
    "kept") {
  compare_all("meta_rai");
}

TEST_CASE("NG pools of two to eight coins: quotes are exchange()'s, get_dy() cuts a ramping A") {
  const Tally tally = compare_all("ng");
  CHECK(tally.get_dy_more + tally.get_dy_less > 50);
  compare_all("ng_meta");
}

TEST_CASE("pools of two volatile coins: quotes are exchange()'s, and so is the price scale left") {
  compare_all("twocrypto_ng");
}

TEST_CASE(
    "pools of three volatile coins: quotes are exchange()'s, and so is the price scale left") {
  compare_all("tricrypto_ng");
}

}  // namespace gantry::test

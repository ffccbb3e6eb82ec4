// What was built for trades: how long it is kept, of how many, and what of it is used.
#include "host/execute/prepared_cache.hpp"

#include <catch2/catch.hpp>

using namespace gantry;
using namespace gantry::host;
using namespace std::chrono_literals;

namespace {

const PreparedCache::Time begin = PreparedCache::Time() + 1000s;
const u256 any_deadline;

std::string key_of(std::uint32_t number) { return "trade " + std::to_string(number); }
PreparedRun run_of(std::uint32_t number) {
  const auto low = static_cast<std::uint8_t>(number);
  const auto high = static_cast<std::uint8_t>(number >> 8U);
  return {{low, high}, u256(1'000), {}};
}

}  // namespace

TEST_CASE("what was built is found again until its time is over, which does not begin anew") {
  PreparedCache cache({5s, 10});
  cache.put(key_of(1), run_of(1), begin);
  REQUIRE(cache.find(key_of(1), any_deadline, begin + 4999ms));
  CHECK(cache.find(key_of(1), any_deadline, begin + 4999ms)->run == run_of(1).run);
  CHECK_FALSE(cache.find(key_of(2), any_deadline, begin));
  CHECK_FALSE(cache.find(key_of(1), any_deadline, begin + 5s));
  CHECK(cache.counts().hits == 2);
  CHECK(cache.counts().misses == 2);
  CHECK(cache.counts().entries == 0);
  CHECK(cache.counts().hit_rate() == 0.5);
}

TEST_CASE("what is built anew counts from then on") {
  PreparedCache cache({5s, 10});
  cache.put(key_of(1), run_of(1), begin);
  cache.refuse(key_of(1), "the pools pay less");
  cache.put(key_of(2), run_of(2), begin + 1s);
  cache.put(key_of(1), run_of(3), begin + 4s);
  CHECK(cache.counts().entries == 2);
  const auto found = cache.find(key_of(1), any_deadline, begin + 8s);
  REQUIRE(found);
  CHECK(found->run == run_of(3).run);
  CHECK(found->refusal.empty());
  CHECK_FALSE(cache.find(key_of(2), any_deadline, begin + 8s));
  CHECK_FALSE(cache.find(key_of(1), any_deadline, begin + 9s));
}

TEST_CASE("no more are kept than were asked for, and the oldest goes first") {
  PreparedCache cache({5s, 1000});
  for (std::uint32_t i = 0; i < 3000; ++i) {
    cache.put(key_of(i), run_of(i), begin + std::chrono::milliseconds(i));
    CHECK(cache.counts().entries <= 1000);
  }
  const auto now = begin + 3s;
  CHECK_FALSE(cache.find(key_of(1999), any_deadline, now));
  for (std::uint32_t i = 2000; i < 3000; ++i) {
    const auto found = cache.find(key_of(i), any_deadline, now);
    REQUIRE(found);
    CHECK(found->run == run_of(i).run);
  }
}

TEST_CASE("a run that undoes itself too soon is none") {
  PreparedCache cache({5s, 10});
  cache.put(key_of(1), run_of(1), begin);
  CHECK(cache.find(key_of(1), u256(1'000), begin));
  CHECK_FALSE(cache.find(key_of(1), u256(1'001), begin));
}

TEST_CASE("a refusal is of one trade, and as old as what was built for it") {
  PreparedCache cache({5s, 10});
  cache.put(key_of(1), run_of(1), begin);
  cache.put(key_of(2), run_of(2), begin);
  cache.refuse(key_of(1), "the pools pay less");
  cache.refuse(key_of(3), "nobody built it");
  CHECK(cache.find(key_of(1), any_deadline, begin + 1s)->refusal == "the pools pay less");
  CHECK(cache.find(key_of(2), any_deadline, begin + 1s)->refusal.empty());
  CHECK_FALSE(cache.find(key_of(3), any_deadline, begin + 1s));
  CHECK(cache.counts().refused == 1);
  CHECK_FALSE(cache.find(key_of(1), any_deadline, begin + 5s));
}

TEST_CASE("where nothing is to be kept, nothing is found") {
  for (const PreparedCache::Options options :
       {PreparedCache::Options{0ms, 10}, PreparedCache::Options{5s, 0}}) {
    PreparedCache cache(options);
    cache.put(key_of(1), run_of(1), begin);
    CHECK_FALSE(cache.find(key_of(1), any_deadline, begin));
    CHECK(cache.counts().entries == 0);
  }
}

// The statistics of a pair, against numbers from another program.
#include "plugins/strategies/statistical/pair_window.hpp"

#include <catch2/catch.hpp>
#include <cmath>

using gantry::statistical::PairWindow;

namespace {

constexpr std::uint64_t now = 1'000'000;

// One price a step of 60 s, the last at `now`.
void put(PairWindow& window, std::uint32_t token, const std::vector<double>& prices) {
  for (std::size_t i = 0; i < prices.size(); ++i) {
    window.add(token, now - 60 * (prices.size() - 1 - i), prices[i]);
  }
}

}  // namespace

TEST_CASE("a pair's moments are those that Python's statistics module computes") {
  PairWindow window(2, 3600, 60);
  window.begin(now);
  put(window, 0, {100, 103, 101, 106, 104, 109, 112, 108});
  put(window, 1, {50, 51, 50.5, 52, 52.5, 53, 55, 54});
  CHECK(window.finish(0) == 8);
  CHECK(window.finish(1) == 8);
  // s = [log(x / y) ...]; mean(s), stdev(s); r = differences of logarithms; correlation, variance.
  const auto moments = window.moments(0, 1);
  REQUIRE(moments);
  CHECK(moments->samples == 8);
  CHECK(moments->mean == Approx(0.7012924571249032).epsilon(1e-14));
  CHECK(moments->deviation == Approx(0.012662621180429101).epsilon(1e-12));
  CHECK(moments->correlation == Approx(0.7818952333527479).epsilon(1e-12));
  CHECK(moments->variance_a == Approx(0.0012290550783236123).epsilon(1e-12));
  CHECK(moments->variance_b == Approx(0.0003983319380788669).epsilon(1e-12));
  const auto other_way = window.moments(1, 0);
  REQUIRE(other_way);
  CHECK(other_way->mean == Approx(-moments->mean));
  CHECK(other_way->correlation == Approx(moments->correlation));
}

TEST_CASE("a step that one of the two has no price in is passed over for both") {
  PairWindow gaps(2, 3600, 60);
  gaps.begin(now);
  PairWindow whole(2, 3600, 60);
  whole.begin(now);
  const std::vector<double> a = {100, 103, 101, 106, 104};
  const std::vector<double> b = {50, 51, 50.5, 52, 52.5};
  for (std::size_t i = 0; i < 5; ++i) {
    if (i != 1) gaps.add(0, now - 60 * (4 - i), a[i]);
    if (i != 3) gaps.add(1, now - 60 * (4 - i), b[i]);
  }
  put(whole, 0, {100, 101, 104});
  put(whole, 1, {50, 50.5, 52.5});
  CHECK(gaps.finish(0) == 4);
  gaps.finish(1);
  whole.finish(0);
  whole.finish(1);
  const auto found = gaps.moments(0, 1);
  const auto expected = whole.moments(0, 1);
  REQUIRE(found);
  REQUIRE(expected);
  CHECK(found->samples == 3);
  CHECK(found->mean == expected->mean);
  CHECK(found->correlation == expected->correlation);
}

TEST_CASE("of several prices in a step the last counts, and what is of no place is left out") {
  PairWindow window(1, 600, 60);
  window.begin(now);
  window.add(0, now - 600, 5);  // just too old
  window.add(0, now - 599, 5);
  window.add(0, now - 30, 7);
  window.add(0, now - 30, 8);  // no later than the one before
  window.add(0, now - 40, 8);
  window.add(0, now - 20, 9);
  window.add(0, now + 1, 9);  // of the future
  window.add(0, now - 10, 0);
  window.add(0, now - 9, -1);
  window.add(0, now - 8, INFINITY);
  window.add(0, now - 7, NAN);
  CHECK(window.finish(0) == 2);
}

TEST_CASE("what does not move, or is too short, has no moments") {
  PairWindow window(3, 3600, 60);
  window.begin(now);
  put(window, 0, {0.1, 0.1, 0.1, 0.1, 0.1});
  put(window, 1, {1, 1.1, 1, 1.1, 1});
  put(window, 2, {3, 3.3, 3, 3.3, 3});
  for (const std::uint32_t token : {0U, 1U, 2U}) CHECK(window.finish(token) == 5);
  CHECK_FALSE(window.moments(0, 1));
  CHECK_FALSE(window.moments(1, 0));
  CHECK_FALSE(window.moments(1, 2));  // they move as one
  window.begin(now);
  CHECK(window.finish(1) == 0);
  CHECK_FALSE(window.moments(1, 2));
  put(window, 1, {1, 2});
  put(window, 2, {2, 1});
  window.finish(1);
  window.finish(2);
  CHECK_FALSE(window.moments(1, 2));
}

// What is offered for gas, to the wei.
#include "host/submit/fees.hpp"

#include <catch2/catch.hpp>

using namespace gantry;
using namespace gantry::host;

namespace {

constexpr std::uint64_t gwei = 1'000'000'000;

ExecutionSettings allowing(double max_fee, double priority = 1) {
  ExecutionSettings settings;
  settings.max_fee_gwei = max_fee;
  settings.max_priority_fee_gwei = priority;
  return settings;
}

}  // namespace

TEST_CASE("a fee is twice the chain's and the priority, up to the bound") {
  CHECK(fees_for(u256(20 * gwei), allowing(300)).value() == Fees{u256(41 * gwei), u256(gwei)});
  CHECK(fees_for(u256(7), allowing(300, 0)).value() == Fees{u256(14), u256(0)});
  CHECK(fees_for(u256(0), allowing(300, 2.5)).value() ==
        Fees{u256(2'500'000'000), u256(2'500'000'000)});
  CHECK(fees_for(u256(200 * gwei), allowing(300)).value() == Fees{u256(300 * gwei), u256(gwei)});
  CHECK(fees_for(u256(300 * gwei), allowing(300)).value() == Fees{u256(300 * gwei), u256(gwei)});
  // What is written in decimals is meant in decimals.
  CHECK(fees_for(u256(0), allowing(300, 0.1)).value().priority == u256(100'000'000));
  CHECK(fee_bound(allowing(0.3)) == u256(300'000'000));
  CHECK(fee_bound(allowing(1e6)) == u256(1'000'000 * gwei));
}

TEST_CASE("while the chain asks for more than the bound nothing is offered") {
  for (const u256& base : {u256(300 * gwei + 1), u256::max()}) {
    const auto fees = fees_for(base, allowing(300));
    REQUIRE_FALSE(fees);
    CHECK(fees.error().kind == ErrorKind::limit);
    CHECK_THAT(fees.error().message, Catch::Contains("max_fee_gwei allows 300 gwei"));
  }
  // A bound of nothing still pays a chain that asks for nothing.
  CHECK(fees_for(u256(0), allowing(0, 0)).value() == Fees{u256(0), u256(0)});
}

TEST_CASE("a replacement offers an eighth more of both, rounded up, and more than before") {
  const u256 bound(1000 * gwei);
  CHECK(bumped({u256(80), u256(8)}, bound).value() == Fees{u256(90), u256(9)});
  CHECK(bumped({u256(81), u256(9)}, bound).value() == Fees{u256(92), u256(11)});
  CHECK(bumped({u256(1), u256(0)}, bound).value() == Fees{u256(2), u256(1)});
  CHECK(bumped({u256(0), u256(0)}, bound).value() == Fees{u256(1), u256(1)});
  Fees fees{u256(41 * gwei), u256(gwei)};
  for (int times = 0; times < 20; ++times) {
    const Fees more = bumped(fees, bound).value();
    // 12.5 % and not a wei less, which is above geth's 10 %.
    CHECK(mul_wide(more.max_fee, u256(8)) >= mul_wide(fees.max_fee, u256(9)));
    CHECK(mul_wide(more.priority, u256(8)) >= mul_wide(fees.priority, u256(9)));
    CHECK(more.priority <= more.max_fee);
    fees = more;
  }
}

TEST_CASE("a replacement above the bound is refused, and so is one above all numbers") {
  CHECK(bumped({u256(80), u256(8)}, u256(90)).has_value());
  for (const auto& [fees, bound] :
       {std::pair{Fees{u256(80), u256(8)}, u256(89)},
        std::pair{Fees{u256::max(), u256(1)}, u256::max()},
        std::pair{Fees{wrapping_sub(u256::max(), u256(1)), u256(1)}, u256::max()}}) {
    const auto more = bumped(fees, bound);
    REQUIRE_FALSE(more);
    CHECK(more.error().kind == ErrorKind::limit);
  }
}

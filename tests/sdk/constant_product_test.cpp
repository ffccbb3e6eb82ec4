#include <catch2/catch.hpp>
#include <cstdint>
#include <gantry/constant_product.hpp>
#include <map>

#include "sdk/operands.hpp"

namespace gantry::tests {
namespace {

constexpr std::uint64_t seed = 20201021;
const u256 untouched = u256::from_limbs(4, 3, 2, 1);

struct Answer {
  gantry_status status;
  Integer amount;
};

struct Swap {
  ConstantProduct pool;
  u256 amount;
};

// The contract's own sequence in unbounded integers: the first intermediate that passes 256 bits
// reverts. Source: UniswapV2Library.getAmountOut, over SafeMath.
Answer reference_out(const Swap& swap) {
  const Integer reserve_in = to_integer(swap.pool.reserve_in);
  const Integer reserve_out = to_integer(swap.pool.reserve_out);
  const Integer d = swap.pool.fee_denominator;
  const Integer n = swap.pool.fee_numerator;
  if (n >= d) return {GANTRY_BAD_ARGUMENT, 0};
  if (reserve_in == 0 || reserve_out == 0) return {GANTRY_NO_LIQUIDITY, 0};
  const Integer in_with_fee = to_integer(swap.amount) * (d - n);
  const Integer numerator = in_with_fee * reserve_out;
  const Integer denominator = reserve_in * d + in_with_fee;
  if (!fits_256(in_with_fee) || !fits_256(numerator) || !fits_256(denominator)) {
    return {GANTRY_OUT_OF_RANGE, 0};
  }
  return {GANTRY_OK, numerator / denominator};
}

// UniswapV2Library.getAmountIn, likewise.
Answer reference_in(const Swap& swap) {
  const Integer reserve_in = to_integer(swap.pool.reserve_in);
  const Integer reserve_out = to_integer(swap.pool.reserve_out);
  const Integer out = to_integer(swap.amount);
  const Integer d = swap.pool.fee_denominator;
  const Integer n = swap.pool.fee_numerator;
  if (n >= d) return {GANTRY_BAD_ARGUMENT, 0};
  if (reserve_in == 0 || out >= reserve_out) return {GANTRY_NO_LIQUIDITY, 0};
  const Integer numerator = reserve_in * out * d;
  const Integer denominator = (reserve_out - out) * (d - n);
  if (!fits_256(numerator) || !fits_256(denominator)) return {GANTRY_OUT_OF_RANGE, 0};
  const Integer result = numerator / denominator + 1;
  if (!fits_256(result)) return {GANTRY_OUT_OF_RANGE, 0};
  return {GANTRY_OK, result};
}

void check(const char* what, const Swap& swap, gantry_status status, const u256& out,
           const Answer& expected) {
  const bool same = status == expected.status &&
                    (status == GANTRY_OK ? to_integer(out) == expected.amount : out == untouched);
  if (same) return;
  FAIL(what << " of " << to_string(swap.amount) << " in " << to_string(swap.pool.reserve_in) << ", "
            << to_string(swap.pool.reserve_out) << ", fee " << swap.pool.fee_numerator << "/"
            << swap.pool.fee_denominator << ": " << status << " " << to_string(out) << ", expected "
            << expected.status << " " << expected.amount);
}

// Checks every function on one swap; returns the status of amount_out.
gantry_status check_all(const Swap& swap) {
  const Answer out_expected = reference_out(swap);
  u256 out = untouched;
  const gantry_status status = amount_out(swap.pool, swap.amount, out);
  check("amount out", swap, status, out, out_expected);
  out = untouched;
  const gantry_status general = detail::amount_out_general(swap.pool, swap.amount, out);
  check("general amount out", swap, general, out, out_expected);
  out = untouched;
  const gantry_status in_status = amount_in(swap.pool, swap.amount, out);
  check("amount in", swap, in_status, out, reference_in(swap));

  const Integer d = swap.pool.fee_denominator;
  const Integer n = swap.pool.fee_numerator;
  Answer fee{GANTRY_BAD_ARGUMENT, 0};
  if (n < d) fee = {GANTRY_OK, (to_integer(swap.amount) * n + d - 1) / d};
  out = untouched;
  const gantry_status fee_status = fee_of(swap.pool, swap.amount, out);
  check("fee", swap, fee_status, out, fee);
  return status;
}

ConstantProduct with_fee(Operands& operands, const u256& in, const u256& out) {
  static constexpr std::uint32_t fees[][2] = {
      {3, 1000}, {25, 10'000}, {2, 1000},         {0, 1000},      {0, 1},
      {1, 3},    {997, 998},   {3000, 1'000'000}, {9999, 10'000}, {0xfffffffe, 0xffffffff}};
  const auto& fee = fees[operands.below(std::size(fees))];
  return {in, out, fee[0], fee[1]};
}

}  // namespace

static_assert([] {
  u256 out;
  const ConstantProduct pool{u256(1'000'000), u256(2'000'000)};
  return amount_out(pool, u256(1000), out) == GANTRY_OK && out == u256(1992) &&
         amount_in(pool, u256(1992), out) == GANTRY_OK && out == u256(1000) &&
         fee_of(pool, u256(1001), out) == GANTRY_OK && out == u256(4);
}());

TEST_CASE("swaps of pairs with 112-bit reserves equal the reference") {
  Operands operands(seed);
  std::map<gantry_status, int> statuses;
  for (int i = 0; i < 100'000; ++i) {
    const auto width = [&operands](std::uint64_t most) {
      return static_cast<unsigned>(operands.below(most)) + 1;
    };
    const u256 in = operands.of_width(width(112));
    const u256 out = operands.of_width(width(112));
    const Swap swap{with_fee(operands, in, out), operands.of_width(width(128))};
    ++statuses[check_all(swap)];
  }
  CHECK(statuses[GANTRY_OK] > 99'000);  // 128 bits in, with the finest fee, pass 2^256
}

TEST_CASE("swaps of the commonest kind equal the reference") {
  // Eight digits of a token with 6 decimals to twelve of one with 18.
  Operands operands(seed + 1);
  for (int i = 0; i < 100'000; ++i) {
    const auto width = [&operands] { return static_cast<unsigned>(operands.below(60)) + 40; };
    const ConstantProduct pool{operands.of_width(width()), operands.of_width(width())};
    REQUIRE(check_all({pool, operands.of_width(width() - 20)}) == GANTRY_OK);
  }
}

TEST_CASE("swaps of extreme reserves and amounts equal the reference, and overflow is an error") {
  Operands operands(seed + 2);
  std::map<gantry_status, int> statuses;
  for (int i = 0; i < 100'000; ++i) {
    const auto bits = [&operands] { return operands.below(2) == 0 ? 256U : 128U; };
    const u256 in = operands.next(bits());
    const u256 out = operands.next(bits());
    ++statuses[check_all({with_fee(operands, in, out), operands.next(bits())})];
  }
  CHECK(statuses[GANTRY_OK] > 10'000);
  CHECK(statuses[GANTRY_OUT_OF_RANGE] > 10'000);
  CHECK(statuses[GANTRY_NO_LIQUIDITY] > 1'000);
}

TEST_CASE("the corners of reserves and amounts equal the reference") {
  std::vector<u256> corners = {u256(0), u256(1), u256(2), u256(999), u256(1000)};
  for (const unsigned bits :
       {32U, 63U, 64U, 65U, 96U, 111U, 112U, 118U, 127U, 128U, 129U, 160U, 192U, 246U, 255U}) {
    const u256 power = shift_left(u256(1), bits);
    corners.push_back(wrapping_sub(power, u256(1)));
    corners.push_back(power);
    corners.push_back(wrapping_add(power, u256(1)));
  }
  corners.push_back(wrapping_sub(u256::max(), u256(1)));
  corners.push_back(u256::max());
  std::map<gantry_status, int> statuses;
  for (const u256& in : corners) {
    for (const u256& out : corners) {
      for (const u256& amount : corners) ++statuses[check_all({{in, out}, amount})];
    }
  }
  CHECK(statuses[GANTRY_OK] > 10'000);
  CHECK(statuses[GANTRY_OUT_OF_RANGE] > 10'000);
  CHECK(statuses[GANTRY_NO_LIQUIDITY] > 1'000);
}

TEST_CASE("an amount in buys at least what it was asked for, and one less does not") {
  Operands operands(seed + 3);
  for (int i = 0; i < 20'000; ++i) {
    const ConstantProduct pool{operands.of_width(80), operands.of_width(90)};
    const u256 wanted = operands.of_width(static_cast<unsigned>(operands.below(80)) + 1);
    u256 in;
    u256 out;
    REQUIRE(amount_in(pool, wanted, in) == GANTRY_OK);
    REQUIRE(amount_out(pool, in, out) == GANTRY_OK);
    if (out < wanted) FAIL(to_string(in) << " buys " << to_string(out));
    // The formula adds one to a floor, so it may ask for one more than needed: not for two.
    u256 less;
    REQUIRE(sub(in, u256(1), less));
    if (less.is_zero() || !sub(less, u256(1), less)) continue;
    REQUIRE(amount_out(pool, less, out) == GANTRY_OK);
    if (out >= wanted) FAIL(to_string(less) << " is enough for " << to_string(wanted));
  }
}

TEST_CASE("a fee of all or more is the caller's mistake") {
  for (const auto& [n, d] : {std::pair{1000U, 1000U}, {1001U, 1000U}, {0U, 0U}, {1U, 0U}}) {
    const ConstantProduct pool{u256(10), u256(10), n, d};
    CHECK(check_all({pool, u256(1)}) == GANTRY_BAD_ARGUMENT);
    CHECK(check_all({{u256(), u256::max(), n, d}, u256::max()}) == GANTRY_BAD_ARGUMENT);
  }
}

}  // namespace gantry::tests

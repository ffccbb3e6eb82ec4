// x^y as LogExpMath.sol computes it, to its last digit, for what a swap of a weighted pool can ask.
//
// Formulas: ln by a table of powers of e and a series in (x - 1) / (x + 1), 36 digits where x is
// within a tenth of one and 20 elsewhere; exp by the same table and a Taylor series. The contract's
// signed divisions cut towards zero, so magnitudes with the sign set apart give the same digits.
#pragma once
#include <cstdint>

#include "plugins/dex/balancer/fixed_point.hpp"

namespace gantry::balancer {

// A swap may move a balance by 30 % at most and a weight is 1 % to 99 %, so that bases are 1/1.3 to
// 1/0.7 and exponents 1/99 to 99: all is far inside the bounds at which the contract reverts.
inline constexpr std::uint64_t power_base_min = 700'000'000'000'000'000;
inline constexpr std::uint64_t power_base_max = 1'450'000'000'000'000'000;
inline constexpr uint128 power_exponent_max = static_cast<uint128>(one) * 199 / 2;

namespace detail_power {

constexpr uint128 digits(std::uint64_t high, std::uint64_t low) {  // high * 10^18 + low
  return static_cast<uint128>(high) * one + low;
}

// e^(2^5), e^(2^4) .. e^(2^-4) with 20 decimals, as the contract has them.
inline constexpr uint128 e_32 = digits(7'896'296'018'268'069, 516'100'000'000'000'000);
inline constexpr uint128 e_16 = digits(888'611'052, 50'787'263'676'000'000);
inline constexpr uint128 e_8 = digits(298'095, 798'704'172'827'474'000);
inline constexpr uint128 e_4 = digits(5'459, 815'003'314'423'907'810);
inline constexpr uint128 e_2 = digits(738, 905'609'893'065'022'723);
inline constexpr uint128 e_1 = digits(271, 828'182'845'904'523'536);
inline constexpr uint128 e_2nd = digits(164, 872'127'070'012'814'685);
inline constexpr uint128 e_4th = digits(128, 402'541'668'774'148'407);
inline constexpr uint128 e_8th = digits(113, 314'845'306'682'631'683);
inline constexpr uint128 e_16th = digits(106, 449'445'891'785'942'956);

// value * 10^20 / divisor, for value below 2^68.
template <uint128 divisor>
GANTRY_HOT constexpr uint128 scaled_by(uint128 value) {
  return ConstantDivision<divisor, 136>::of_product(value, one_20);
}

template <std::uint32_t divisor>
GANTRY_HOT constexpr uint128 small_division(uint128 value) {  // value below 2^127
  return gantry::detail::div_128_by_constant<2 * divisor>(value << 1U);
}

// |ln x| with 36 decimals, for x within a tenth of one.
inline constexpr uint128 ln_36(std::uint64_t x) {
  const std::uint64_t distance = x > one ? x - one : one - x;
  // ((x - 1) * 10^36) / (x + 1) of values with 36 decimals, 10^18 taken out of both.
  const gantry::detail::Product256 scaled = gantry::detail::mul_128(distance, one_36);
  const uint128 z =
      gantry::detail::div_256_by_128(scaled.high, scaled.low, static_cast<uint128>(x) + one)
          .quotient;
  const uint128 z_squared = DivideByOne36::of_product(z, z);
  uint128 power = z;
  uint128 sum = z;
  const auto next = [&] { return power = DivideByOne36::of_product(power, z_squared); };
  sum += small_division<3>(next());
  sum += small_division<5>(next());
  sum += small_division<7>(next());
  sum += small_division<9>(next());
  sum += small_division<11>(next());
  sum += small_division<13>(next());
  sum += small_division<15>(next());
  return sum * 2;
}

// ln x with 18 decimals, for x from 1.1 to 1.5 with 18 decimals.
inline constexpr std::uint64_t ln_18(std::uint64_t x) {
  uint128 a = static_cast<uint128>(x) * 100;
  uint128 sum = 0;
  if (a >= e_4th) {
    a = scaled_by<e_4th>(a);
    sum += one_20 / 4;
  }
  if (a >= e_8th) {
    a = scaled_by<e_8th>(a);
    sum += one_20 / 8;
  }
  if (a >= e_16th) {
    a = scaled_by<e_16th>(a);
    sum += one_20 / 16;
  }
  const gantry::detail::Product256 scaled = gantry::detail::mul_128(a - one_20, one_20);
  const uint128 z = gantry::detail::div_256_by_128(scaled.high, scaled.low, a + one_20).quotient;
  const uint128 z_squared = DivideByOne20::of_product(z, z);
  uint128 power = z;
  uint128 series = z;
  const auto next = [&] {
    power = DivideByOne20::of_product(power, z_squared);
    return static_cast<std::uint64_t>(power);  // z is below 2^62
  };
  series += next() / 3;
  series += next() / 5;
  series += next() / 7;
  series += next() / 9;
  series += next() / 11;
  return static_cast<std::uint64_t>((sum + series * 2) / 100);
}

// e^x with 18 decimals, for x from 0 to 37 with 18 decimals.
inline constexpr uint128 exp_18(std::uint64_t exponent_low, std::uint64_t exponent_high) {
  uint128 x = gantry::detail::join(exponent_high, exponent_low) * 100;
  uint128 product = one_20;
  const auto take = [&](uint128 power, uint128 e_to_power) {
    if (x >= power) {
      x -= power;
      product = DivideByOne20::of_product(product, e_to_power);
    }
  };
  take(one_20 * 32, e_32);
  take(one_20 * 16, e_16);
  take(one_20 * 8, e_8);
  take(one_20 * 4, e_4);
  take(one_20 * 2, e_2);
  take(one_20, e_1);
  take(one_20 / 2, e_2nd);
  take(one_20 / 4, e_4th);
  uint128 series = one_20 + x;
  uint128 term = x;
  const auto next = [&](std::uint64_t n) {
    // x is below 10^20 / 4, so that from the second on terms are below 2^62.
    const auto scaled = static_cast<std::uint64_t>(DivideByOne20::of_product(term, x));
    term = scaled / n;
    series += term;
  };
  next(2);
  next(3);
  next(4);
  next(5);
  next(6);
  next(7);
  next(8);
  next(9);
  next(10);
  next(11);
  next(12);
  return DivideByOne20::of_product(product, series) / 100;
}

}  // namespace detail_power

// LogExpMath.pow(x, y), for bases and exponents of swaps. False: outside of those.
[[nodiscard]] inline constexpr bool power(std::uint64_t x, uint128 y, uint128& out) {
  if (x < power_base_min || x > power_base_max || y > power_exponent_max) return false;
  if (y == 0) {
    out = one;
    return true;
  }
  constexpr std::uint64_t tenth = one / 10;
  const bool below_one = x < one;
  uint128 log_times_y = 0;
  if (x > one - tenth && x < one + tenth) {
    const uint128 log = detail_power::ln_36(x);
    const uint128 first = DivideByOne::floor(0, log);
    const uint128 last = log - first * one;
    log_times_y = DivideByOne::floor(0, first * y + DivideByOne::of_product(last, y));
  } else {
    // ln x = -ln(1 / x).
    const std::uint64_t above = below_one ? static_cast<std::uint64_t>(one_36 / x) : x;
    log_times_y = DivideByOne::of_product(detail_power::ln_18(above), y);
  }
  const uint128 e_to = detail_power::exp_18(static_cast<std::uint64_t>(log_times_y),
                                            static_cast<std::uint64_t>(log_times_y >> 64U));
  out = below_one ? one_36 / e_to : e_to;
  return true;
}

// FixedPoint.powUp: never below the true power. `fast`: deployments since 2022 multiply where the
// exponent is 1, 2 or 4. False: outside of what a swap can ask.
[[nodiscard]] inline constexpr bool power_up(std::uint64_t x, uint128 y, bool fast, uint128& out) {
  if (fast) {
    const auto square_up = [](uint128 value) {
      const uint128 product = value * value;
      return product == 0 ? product : DivideByOne::floor(0, product - 1) + 1;
    };
    if (y == one) {
      out = x;
      return true;
    }
    if (y == static_cast<uint128>(one) * 2) {
      out = square_up(x);
      return true;
    }
    if (y == static_cast<uint128>(one) * 4) {
      out = square_up(square_up(x));
      return true;
    }
  }
  uint128 raw = 0;
  if (!power(x, y, raw)) return false;
  constexpr std::uint64_t relative_error = 10'000;  // over 10^18
  const uint128 error = raw == 0 ? 0 : DivideByOne::floor(0, raw * relative_error - 1) + 1;
  out = raw + error + 1;
  return true;
}

}  // namespace gantry::balancer

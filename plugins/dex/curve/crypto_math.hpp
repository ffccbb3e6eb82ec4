// What the maths contracts of twocrypto-NG and tricrypto-NG have in common.
//
// Sources: curvefi/tricrypto-ng CurveCryptoMathOptimized3.vy, curvefi/twocrypto-ng
// CurveCryptoMathOptimized2.vy, both v2.0.0.
// UNITS   Balances scaled to 18 decimals and to the price scale ("xp"); A over 10^4, times n^n;
//         gamma and prices over 10^18.
// ERRORS  As Checked: what reverts in the contract has failed here.
#pragma once
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "plugins/dex/curve/checked.hpp"
#include "plugins/dex/curve/signed.hpp"

namespace gantry::curve {

// A constant too long for a literal.
consteval u256 decimal(std::string_view digits) {
  u256 value;
  for (const char digit : digits) {
    value =
        wrapping_add(wrapping_mul(value, u256(10)), u256(static_cast<std::uint64_t>(digit - '0')));
  }
  return value;
}

inline constexpr std::uint64_t a_multiplier = 10'000;
inline constexpr std::uint64_t gamma_min = 10'000'000'000ULL;
inline constexpr std::uint64_t gamma_max = 50'000'000'000'000'000ULL;
inline constexpr unsigned solver_steps_max = 255;
inline constexpr std::uint64_t e14 = 100'000'000'000'000ULL;
inline constexpr std::uint64_t e16 = 10'000'000'000'000'000ULL;
inline constexpr u256 e17 = power_of_ten(17);
inline constexpr u256 e20 = power_of_ten(20);
inline constexpr u256 e33 = power_of_ten(33);
inline constexpr u256 e36 = power_of_ten(36);

struct Curvature {
  u256 a;  // ANN
  u256 gamma;
};

template <std::size_t n>
using Amounts = std::array<u256, n>;

// A balance, and K0, from which solving D begins; K0 of zero: D begins by itself.
struct SolvedY {
  u256 y;
  u256 k0;
};

// |gamma + 10^18 - K0| + 1.
inline u256 distance_from_k0(Checked& calc, const u256& gamma, const u256& k0) noexcept {
  return calc.add(distance(calc.add(gamma, wad), k0), u256(1));
}

// The inputs that the contracts call safe.
inline void require_safe(Checked& calc, const Curvature& curve, const u256& d, const u256& a_min,
                         const u256& a_max) noexcept {
  calc.require(curve.a >= a_min && curve.a <= a_max);
  calc.require(curve.gamma >= u256(gamma_min) && curve.gamma <= u256(gamma_max));
  calc.require(d >= e17 && d <= e33);
}

// A balance over D, over 10^18, from `least` to a hundred.
inline void require_share(Checked& calc, const u256& share, const u256& least) noexcept {
  calc.require(share >= least && share <= e20);
}

// Newton's method for one balance, where the closed form has none: `k0_i` and `rest` are K0 without
// it and the sum of the others.
inline u256 newton_y(Checked& calc, const Curvature& curve, const u256& d, u256 y, const u256& k0_i,
                     const u256& rest, const u256& convergence, std::uint64_t n) noexcept {
  const u256 two_wads(2 * wad);
  for (unsigned step = 0; step < solver_steps_max && !calc.failed(); ++step) {
    const u256 before = y;
    const u256 k0 = calc.div(calc.mul(calc.mul(k0_i, y), n), d);
    const u256 sum = calc.add(rest, y);
    const u256 g1k0 = distance_from_k0(calc, curve.gamma, k0);
    u256 mul1 = calc.div(calc.mul(d, wad), curve.gamma);
    mul1 = calc.div(calc.mul(mul1, g1k0), curve.gamma);
    mul1 = calc.div(calc.mul(calc.mul(mul1, g1k0), a_multiplier), curve.a);
    const u256 mul2 = calc.add(wad, calc.div(calc.mul(two_wads, k0), g1k0));
    u256 slope = calc.add(calc.add(calc.mul(y, wad), calc.mul(sum, mul2)), mul1);
    const u256 less = calc.mul(d, mul2);
    if (slope < less) {
      y = shift_right(before, 1);
      continue;
    }
    slope = wrapping_sub(slope, less);
    const u256 fprime = calc.div(slope, y);
    u256 minus = calc.div(mul1, fprime);
    const u256 plus = calc.add(calc.div(calc.add(slope, calc.mul(d, wad)), fprime),
                               calc.div(calc.mul(minus, wad), k0));
    minus = calc.add(minus, calc.div(calc.mul(sum, wad), fprime));
    y = plus < minus ? shift_right(before, 1) : wrapping_sub(plus, minus);
    if (distance(y, before) < std::max(convergence, div_or_zero(y, u256(e14)))) return y;
  }
  calc.fail();
  return {};
}

// The steps of solving D that both have: what to add and what to take.
struct StepD {
  u256 plus;
  u256 minus;
};

inline StepD step_of_d(Checked& calc, const u256& d, const u256& sum, const u256& k0,
                       const u256& mul1, const u256& neg_fprime) noexcept {
  StepD step;
  step.plus = div_or_zero(calc.mul(d, wrapping_add(neg_fprime, sum)), neg_fprime);
  step.minus = div_or_zero(calc.mul(d, d), neg_fprime);
  const u256 pulled = div_or_zero(calc.mul(d, div_or_zero(mul1, neg_fprime)), u256(wad));
  const u256 off = div_or_zero(wrapping_mul(pulled, distance(u256(wad), k0)), k0);
  step.minus = u256(wad) > k0 ? calc.add(step.minus, off) : calc.sub(step.minus, off);
  return step;
}

// Two terms of a price, both as the contracts round them.
inline u256 gk0_of(Checked& calc, const u256& gamma, const u256& k0) noexcept {
  const u256 one_gamma = wrapping_add(gamma, u256(wad));
  const u256 cubed =
      div_or_zero(calc.mul(div_or_zero(calc.mul(calc.mul(k0, 2), k0), e36), k0), e36);
  const u256 squared = div_or_zero(wrapping_mul(k0, k0), e36);
  const u256 weight = wrapping_add(wrapping_mul(gamma, u256(2)), u256(3 * wad));
  return calc.sub(calc.add(cubed, wrapping_mul(one_gamma, one_gamma)),
                  div_or_zero(calc.mul(squared, weight), u256(wad)));
}
inline u256 nnag2_of(const Curvature& curve) noexcept {
  return div_or_zero(wrapping_mul(curve.a, wrapping_mul(curve.gamma, curve.gamma)),
                     u256(a_multiplier));
}

// Where the seven Newton steps of cube_root() end, without them. False: it is not certain.
//
// A step is y <- floor((2 y + s / y^2) / 3). It never leads below c, the floor of the root r, and
// takes an error e above r to less than e^2 / r (1 + 2 e / 3 r). The first guess is within 21 %, so
// that after five steps 2.5e-20 of r is left and after six it is c, or c + 1 where r is within
// 2e-12 of that. The seventh adds at most 1.01 / r to r before it is cut, and so gives c where (c +
// 1)^3 is at least 16 (c + 1) above s: r is then 5 / (c + 1) below c + 1, or more.
GANTRY_HOT bool cube_root_end(const u256& scaled, u256& root) noexcept {
  if (bit_width(scaled) > 250 || bit_width(scaled) < 110) return false;
  const double near = std::cbrt(to_double(scaled));
  uint128 c = static_cast<uint128>(near);
  const auto cubed = [](uint128 y) {  // below 2^252
    const auto square = gantry::detail::mul_128(y, y);
    const u256 wide = u256::from_halves(square.low, square.high);
    return wrapping_mul(wide, u256::from_u128(y));
  };
  const u256 first = cubed(c);
  const bool above = first > scaled;
  const double off = to_double(distance(first, scaled)) / (3 * near * near);
  const auto step = static_cast<std::uint64_t>(off);  // the rest is put right below
  c = above ? c - step : c + step;
  for (int i = 0; i < 4; ++i) {
    if (cubed(c) > scaled) {
      --c;
      continue;
    }
    const u256 next = cubed(c + 1);
    if (next > scaled) {
      root = u256::from_u128(c);
      return wrapping_sub(next, scaled) >= shift_left(u256::from_u128(c + 1), 4);
    }
    ++c;
  }
  return false;
}

// Seven Newton steps from a power of two, as the contracts take them.
GANTRY_APART inline u256 cube_root_steps(const u256& scaled) noexcept {
  static constexpr std::uint64_t up[] = {1, 1260, 1260 * 1260};
  static constexpr std::uint64_t down[] = {1, 1000, 1000 * 1000};
  const unsigned log2 = scaled.is_zero() ? 0 : bit_width(scaled) - 1;
  u256 root = div_or_zero(wrapping_mul(shift_left(u256(1), log2 / 3), u256(up[log2 % 3])),
                          u256(down[log2 % 3]));
  for (int step = 0; step < 7; ++step) {
    const u256 quotient = div_or_zero(scaled, wrapping_mul(root, root));
    root = div_or_zero(wrapping_add(wrapping_add(root, root), quotient), u256(3));
  }
  return root;
}

// cbrt(x) for x of 18 decimals, as the contracts' seven steps leave it.
inline u256 cube_root(const u256& x) noexcept {
  static constexpr u256 limit36 = decimal("115792089237316195423570985008687907853269");
  static constexpr u256 limit18 = wrapping_mul(limit36, power_of_ten(18));
  u256 scaled = x;
  if (x < limit18) scaled = wrapping_mul(x, x < limit36 ? e36 : u256(wad));
  u256 root;
  if (!cube_root_end(scaled, root)) [[unlikely]]
    root = cube_root_steps(scaled);
  if (x >= limit18) return wrapping_mul(root, power_of_ten(12));
  if (x >= limit36) return wrapping_mul(root, power_of_ten(6));
  return root;
}

// e^-exponent over 10^18, by the rational function of the contracts' wad_exp().
inline u256 exp_of_minus(const u256& exponent) noexcept {
  if (exponent >= decimal("42139678854452767551")) return {};
  const auto constant = [](const u256& value) { return Signed(value); };
  const auto times = [](const Signed& a, const Signed& b) {
    return shifted_right(wrapping_mul(a, b), 96);
  };
  const Signed ln2 = constant(decimal("54916777467707473351141471128"));
  const Signed x = Signed(exponent).negated();
  Signed value =
      div_or_zero(Signed(shift_left(x.bits, 78)), constant(u256(3'814'697'265'625ULL)));  // 5^18
  const Signed k = shifted_right(wrapping_add(div_or_zero(Signed(shift_left(value.bits, 96)), ln2),
                                              Signed(shift_left(u256(1), 95))),
                                 96);
  value = wrapping_sub(value, wrapping_mul(k, ln2));
  const Signed y = wrapping_add(
      times(wrapping_add(value, constant(decimal("1346386616545796478920950773328"))), value),
      constant(decimal("57155421227552351082224309758442")));
  Signed p =
      wrapping_sub(wrapping_add(y, value), constant(decimal("94201549194550492254356042504812")));
  p = wrapping_add(times(p, y), constant(decimal("28719021644029726153956944680412240")));
  p = wrapping_add(wrapping_mul(p, value),
                   Signed(shift_left(decimal("4385272521454847904659076985693276"), 96)));
  Signed q = wrapping_sub(value, constant(decimal("2855989394907223263936484059900")));
  q = wrapping_add(times(q, value), constant(decimal("50020603652535783019961831881945")));
  q = wrapping_sub(times(q, value), constant(decimal("533845033583426703283633433725380")));
  q = wrapping_add(times(q, value), constant(decimal("3604857256930695427073651918091429")));
  q = wrapping_sub(times(q, value), constant(decimal("14423608567350463180887372962807573")));
  q = wrapping_add(times(q, value), constant(decimal("26449188498355588339934803723976023")));
  const Signed ratio = div_or_zero(p, q);
  const u256 scaled =
      wrapping_mul(ratio.bits, decimal("3822833074963236453042738258902158003155416615667"));
  const u256 shift = wrapping_sub(u256(195), k.bits);  // k is not above 0
  return shift_right(
      scaled, shift.fits_u64() && shift.limb(0) < 256 ? static_cast<unsigned>(shift.limb(0)) : 256);
}

}  // namespace gantry::curve

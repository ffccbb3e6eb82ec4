// The invariant of pools of two volatile coins: twocrypto-NG's maths contract, v2.0.0.
#pragma once
#include "plugins/dex/curve/crypto_math.hpp"

namespace gantry::curve {

struct Twocrypto {
  static constexpr std::size_t n = 2;
  static constexpr u256 a_min = u256(4 * a_multiplier / 10);
  static constexpr u256 a_max = u256(4 * a_multiplier * 1000);

  static SolvedY solve_y(Checked& calc, const Curvature& curve, const Amounts<2>& xp, const u256& d,
                         std::size_t unknown) noexcept;
  static u256 solve_d(Checked& calc, const Curvature& curve, const Amounts<2>& xp,
                      const u256& k0_before) noexcept;
  // dx_0 / dx_1, before the price scale.
  static Amounts<1> prices(Checked& calc, const Curvature& curve, const Amounts<2>& xp,
                           const u256& d) noexcept;
  static u256 geometric_mean(Checked& calc, const Amounts<2>& x) noexcept {
    return isqrt_floor(calc.mul(x[0], x[1]));
  }
  // Of the fee: near 10^18 in balance, near 0 far from it.
  static u256 balance(Checked& calc, const Amounts<2>& xp, const u256& fee_gamma) noexcept {
    const u256 sum = calc.add(xp[0], xp[1]);
    const u256 k = calc.div(calc.mul(calc.div(calc.mul(xp[0], 4 * wad), sum), xp[1]), sum);
    return calc.div(calc.mul(fee_gamma, wad), calc.sub(calc.add(fee_gamma, wad), k));
  }
  static u256 norm(Checked&, const Amounts<1>& oracle, const Amounts<1>& scale) noexcept {
    return distance(div_or_zero(wrapping_mul(oracle[0], u256(wad)), scale[0]), u256(wad));
  }

 private:
  static Signed shrink(const Signed& a, const u256& by) noexcept {
    return div_or_zero(a, Signed(by));
  }
  static u256 divider_of(const u256& threshold) noexcept {
    for (unsigned exponent = 48; exponent >= 26; exponent -= 2) {
      if (threshold > power_of_ten(exponent)) return power_of_ten(exponent - 18);
    }
    if (threshold > power_of_ten(24)) return power_of_ten(6);
    return threshold > power_of_ten(20) ? u256(100) : u256(1);
  }
};

inline SolvedY Twocrypto::solve_y(Checked& calc, const Curvature& curve, const Amounts<2>& xp,
                                  const u256& d, std::size_t unknown) noexcept {
  require_safe(calc, curve, d, a_min, a_max);
  SignedChecked s(calc);
  const u256& x_j = xp[1 - unknown];
  // The contract computes D^2 / (4 x_j) for its failures alone.
  calc.div(calc.mul(d, d), calc.mul(x_j, 4));
  s.of(calc.mul(d, d));
  const u256 k0_i = div_or_zero(s.of(calc.mul(x_j, 2 * wad)).bits, d);
  calc.require(k0_i >= u256(2 * e16) && k0_i <= wrapping_mul(e20, u256(2)));
  if (calc.failed()) return {};

  const Signed gamma(curve.gamma);
  const Signed gamma2 = wrapping_mul(gamma, gamma);
  const Signed ann_gamma2 = s.mul(Signed(curve.a), gamma2);
  const Signed big_d(d);
  const Signed big_x = s.of(x_j);
  const Signed e32(power_of_ten(32));
  const Signed four_hundred_million(u256(400'000'000ULL));
  Signed a = e32;
  Signed b = s.sub(s.sub(s.div(s.div(s.mul(big_d, ann_gamma2), four_hundred_million), big_x),
                         Signed(wrapping_mul(power_of_ten(32), u256(3)))),
                   Signed(wrapping_mul(wrapping_mul(curve.gamma, u256(2)), u256(e14))));
  const Signed pull = div_or_zero(wrapping_mul(Signed(u256(4)), ann_gamma2), four_hundred_million);
  Signed c = s.add(Signed(wrapping_mul(power_of_ten(32), u256(3))),
                   Signed(wrapping_mul(wrapping_mul(curve.gamma, u256(4)), u256(e14))));
  c = s.add(c, div_or_zero(gamma2, Signed(u256(a_multiplier))));
  c = s.add(c, div_or_zero(s.mul(pull, big_x), big_d));
  c = s.sub(c, pull);
  const Signed one_gamma = wrapping_add(Signed(u256(wad)), gamma);
  Signed e = div_or_zero(s.mul(one_gamma, one_gamma), Signed(u256(a_multiplier))).negated();

  const Signed three(u256(3));
  Signed delta0 = s.sub(s.div(s.mul(s.mul(three, a), c), b), b);
  Signed delta1 = s.sub(s.add(s.mul(three, delta0), b),
                        s.div(s.mul(s.div(s.mul(Signed(u256(27)), s.mul(a, a)), b), e), b));
  if (calc.failed()) return {};
  const u256 divider =
      divider_of(std::min(std::min(delta0.magnitude(), delta1.magnitude()), a.magnitude()));
  a = shrink(a, divider);
  b = shrink(b, divider);
  c = shrink(c, divider);
  e = shrink(e, divider);
  delta0 = s.sub(div_or_zero(wrapping_mul(wrapping_mul(three, a), c), b), b);
  delta1 = s.sub(
      s.add(s.mul(three, delta0), b),
      div_or_zero(wrapping_mul(div_or_zero(wrapping_mul(Signed(u256(27)), s.mul(a, a)), b), e), b));
  const Signed root_of =
      s.add(s.mul(delta1, delta1),
            wrapping_mul(div_or_zero(s.mul(Signed(u256(4)), s.mul(delta0, delta0)), b), delta0));
  if (calc.failed()) return {};
  if (root_of.negative() || root_of.is_zero()) {
    const u256 convergence =
        std::max(std::max(div_or_zero(x_j, u256(e14)), div_or_zero(d, u256(e14))), u256(100));
    const u256 begin = calc.div(calc.mul(d, d), calc.mul(x_j, 4));
    const u256 k0 = calc.div(calc.mul(x_j, 2 * wad), d);
    return {newton_y(calc, curve, d, begin, k0, x_j, convergence, 2), {}};
  }
  const Signed root(isqrt_floor(root_of.bits));
  const bool b_above_0 = !b.negative() && !b.is_zero();
  const Signed b_cube_root = signed_of(!b_above_0, cube_root(b.magnitude()));
  const bool delta1_above_0 = !delta1.negative() && !delta1.is_zero();
  const u256 of_second = delta1_above_0 ? s.unsigned_of(wrapping_add(delta1, root))
                                        : s.unsigned_of(wrapping_sub(root, delta1));
  const Signed second = signed_of(!delta1_above_0, cube_root(shift_right(of_second, 1)));
  const Signed one(u256{wad});
  const Signed c1 =
      div_or_zero(wrapping_mul(div_or_zero(s.mul(b_cube_root, b_cube_root), one), second), one);
  const Signed scaled_b = wrapping_mul(one, b);
  const Signed k0 =
      s.div(s.sub(s.sub(wrapping_mul(one, c1), scaled_b), s.mul(s.div(scaled_b, c1), delta0)),
            wrapping_mul(three, a));
  const Signed y = div_or_zero(
      div_or_zero(wrapping_mul(div_or_zero(s.mul(big_d, big_d), big_x), k0), Signed(u256(4))), one);
  const SolvedY solved{s.unsigned_of(y), s.unsigned_of(k0)};
  const u256 share = div_or_zero(calc.mul(solved.y, wad), d);
  require_share(calc, share, u256(e16 - 1));
  return solved;
}

inline u256 Twocrypto::solve_d(Checked& calc, const Curvature& curve, const Amounts<2>& xp,
                               const u256& k0_before) noexcept {
  const u256& x0 = std::max(xp[0], xp[1]);
  const u256& x1 = std::min(xp[0], xp[1]);
  require_safe(calc, curve, e17, a_min, a_max);
  calc.require(x0 >= u256(1'000'000'000ULL) && x0 <= e33);
  calc.require(div_or_zero(wrapping_mul(x1, u256(wad)), x0) >= u256(e14));
  if (calc.failed()) return {};
  const u256 sum = wrapping_add(x0, x1);
  u256 d;
  if (k0_before.is_zero()) {
    d = calc.mul(isqrt_floor(wrapping_mul(x0, x1)), 2);
  } else {
    const u256 product = wrapping_mul(wrapping_mul(u256(4), x0), x1);
    d = isqrt_floor(wrapping_mul(div_or_zero(product, k0_before), u256(wad)));
    if (sum < d) d = sum;
  }
  for (unsigned step = 0; step < solver_steps_max; ++step) {
    const u256 before = d;
    calc.require(!d.is_zero());
    const u256 k0 = div_or_zero(calc.mul(div_or_zero(calc.mul(x0, 4 * wad), d), x1), d);
    const u256 g1k0 = distance_from_k0(calc, curve.gamma, k0);
    u256 mul1 = div_or_zero(calc.mul(d, wad), curve.gamma);
    mul1 = div_or_zero(calc.mul(mul1, g1k0), curve.gamma);
    mul1 = div_or_zero(calc.mul(calc.mul(mul1, g1k0), a_multiplier), curve.a);
    const u256 mul2 = div_or_zero(calc.mul(k0, 4 * wad), g1k0);
    const u256 pulled = calc.add(calc.add(sum, div_or_zero(calc.mul(sum, mul2), u256(wad))),
                                 calc.div(calc.mul(mul1, 2), k0));
    const u256 neg_fprime = calc.sub(pulled, div_or_zero(calc.mul(mul2, d), u256(wad)));
    calc.mul(d, calc.add(neg_fprime, sum));
    calc.require(!neg_fprime.is_zero());
    const StepD next = step_of_d(calc, d, sum, k0, mul1, neg_fprime);
    d = next.plus > next.minus ? wrapping_sub(next.plus, next.minus)
                               : shift_right(wrapping_sub(next.minus, next.plus), 1);
    if (calc.failed()) return {};
    if (calc.mul(distance(d, before), e14) < std::max(u256(e16), d)) {
      for (const u256& x : {x0, x1}) {
        const u256 share = calc.div(calc.mul(x, wad), d);
        require_share(calc, share, u256(e16 - 1));
      }
      return d;
    }
  }
  calc.fail();
  return {};
}

inline Amounts<1> Twocrypto::prices(Checked& calc, const Curvature& curve, const Amounts<2>& xp,
                                    const u256& d) noexcept {
  calc.require(d >= e17 && d <= e33);
  const u256 k0 =
      div_or_zero(calc.mul(div_or_zero(calc.mul(calc.mul(xp[0], 4), xp[1]), d), e36), d);
  const u256 gk0 = gk0_of(calc, curve.gamma, k0);
  const u256 nnag2 = nnag2_of(curve);
  const auto pulled = [&](const u256& x) {
    return calc.add(gk0, div_or_zero(calc.mul(div_or_zero(calc.mul(nnag2, x), d), k0), e36));
  };
  const u256 denominator = pulled(xp[0]);
  return {div_or_zero(calc.mul(calc.div(calc.mul(xp[0], pulled(xp[1])), xp[1]), wad), denominator)};
}

}  // namespace gantry::curve

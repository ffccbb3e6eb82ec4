// The invariant of pools of three volatile coins: tricrypto-NG's maths contract, v2.0.0.
#pragma once
#include "plugins/dex/curve/crypto_math.hpp"

namespace gantry::curve {

struct Tricrypto {
  static constexpr std::size_t n = 3;
  static constexpr u256 a_min = u256(27 * a_multiplier / 100);
  static constexpr u256 a_max = u256(27 * a_multiplier * 1000);

  static SolvedY solve_y(Checked& calc, const Curvature& curve, const Amounts<3>& xp, const u256& d,
                         std::size_t unknown) noexcept;
  static u256 solve_d(Checked& calc, const Curvature& curve, const Amounts<3>& xp,
                      const u256& k0_before) noexcept;
  // dx_0 / dx_k, before the price scale.
  static Amounts<2> prices(Checked& calc, const Curvature& curve, const Amounts<3>& xp,
                           const u256& d) noexcept;
  static u256 geometric_mean(Checked& calc, const Amounts<3>& x) noexcept {
    const u256 product =
        div_or_zero(calc.mul(div_or_zero(calc.mul(x[0], x[1]), u256(wad)), x[2]), u256(wad));
    return product.is_zero() ? u256() : cube_root(product);
  }
  // Of the fee: near 10^18 in balance, near 0 far from it.
  static u256 balance(Checked& calc, const Amounts<3>& xp, const u256& fee_gamma) noexcept {
    const u256 sum = calc.add(calc.add(xp[0], xp[1]), xp[2]);
    u256 k = calc.div(calc.mul(xp[0], 3 * wad), sum);
    k = div_or_zero(calc.mul(calc.mul(k, 3), xp[1]), sum);
    k = div_or_zero(calc.mul(calc.mul(k, 3), xp[2]), sum);
    if (fee_gamma.is_zero()) return k;
    return calc.div(calc.mul(fee_gamma, wad), calc.sub(calc.add(fee_gamma, wad), k));
  }
  static u256 norm(Checked& calc, const Amounts<2>& oracle, const Amounts<2>& scale) noexcept {
    u256 squares;
    for (std::size_t k = 0; k < 2; ++k) {
      const u256 ratio = div_or_zero(calc.mul(oracle[k], wad), scale[k]);
      const u256 off = distance(ratio, u256(wad));
      squares = wrapping_add(squares, calc.mul(off, off));
    }
    return isqrt_floor(squares);
  }

 private:
  static Amounts<3> sorted(Amounts<3> x) noexcept {  // from high to low
    if (x[0] < x[1]) std::swap(x[0], x[1]);
    if (x[0] < x[2]) std::swap(x[0], x[2]);
    if (x[1] < x[2]) std::swap(x[1], x[2]);
    return x;
  }
  static u256 divider_of(const u256& size) noexcept {
    for (unsigned exponent = 48; exponent >= 24; exponent -= 4) {
      if (size > power_of_ten(exponent)) return power_of_ten(exponent - 18);
    }
    return size > power_of_ten(20) ? u256(100) : u256(1);
  }
  static u256 newton(Checked& calc, const Curvature& curve, const Amounts<3>& xp, const u256& d,
                     std::size_t unknown) noexcept;
  static u256 begin_of_d(Checked& calc, const Amounts<3>& x, const u256& sum,
                         const u256& k0_before) noexcept;
};

inline u256 Tricrypto::newton(Checked& calc, const Curvature& curve, const Amounts<3>& xp,
                              const u256& d, std::size_t unknown) noexcept {
  Amounts<3> x = xp;
  x[unknown] = {};
  x = sorted(x);
  const u256 convergence =
      std::max(std::max(div_or_zero(x[0], u256(e14)), div_or_zero(d, u256(e14))), u256(100));
  u256 y = calc.div(d, u256(3));
  for (const u256& other : {x[1], x[0]}) y = calc.div(calc.mul(y, d), calc.mul(other, 3));
  u256 k0 = u256(wad);
  for (const u256& other : {x[0], x[1]}) k0 = calc.div(calc.mul(calc.mul(k0, other), 3), d);
  y = newton_y(calc, curve, d, y, k0, calc.add(x[0], x[1]), convergence, 3);
  require_share(calc, calc.div(calc.mul(y, wad), d), u256(e16));
  return y;
}

inline SolvedY Tricrypto::solve_y(Checked& calc, const Curvature& curve, const Amounts<3>& xp,
                                  const u256& d, std::size_t unknown) noexcept {
  require_safe(calc, curve, d, a_min, a_max);
  const u256& x_first = xp[unknown == 0 ? 1 : 0];
  const u256& x_second = xp[unknown == 2 ? 1 : 2];
  for (const u256& x : {x_first, x_second}) {
    require_share(calc, calc.div(calc.mul(x, wad), d), u256(e16));
  }
  if (calc.failed()) return {};
  SignedChecked s(calc);
  const Signed ann(curve.a);
  const Signed gamma(curve.gamma);
  const Signed gamma2 = wrapping_mul(gamma, gamma);
  const Signed big_d(d);
  const Signed x_j(x_first);
  const Signed x_k(x_second);
  const Signed multiplier{u256(a_multiplier)};
  const Signed three(u256(3));
  const Signed twenty_seven(u256(27));
  const Signed ninth = div_or_zero(Signed(e36), Signed(u256(9)));

  Signed a = div_or_zero(Signed(e36), twenty_seven);
  Signed pull = wrapping_mul(div_or_zero(wrapping_mul(big_d, big_d), x_j), gamma2);
  pull = div_or_zero(s.mul(pull, ann), Signed(u256(27 * 27)));
  pull = div_or_zero(div_or_zero(pull, multiplier), x_k);
  Signed b = s.sub(
      wrapping_add(ninth, div_or_zero(wrapping_mul(Signed(u256(2 * wad)), gamma), twenty_seven)),
      pull);
  Signed off = s.mul(gamma2, wrapping_sub(wrapping_add(x_j, x_k), big_d));
  off = wrapping_mul(div_or_zero(off, big_d), ann);
  off = div_or_zero(div_or_zero(off, twenty_seven), multiplier);
  Signed c =
      s.add(wrapping_add(
                ninth, div_or_zero(wrapping_mul(gamma, wrapping_add(gamma, Signed(u256(4 * wad)))),
                                   twenty_seven)),
            off);
  const Signed one_gamma = wrapping_add(Signed(u256(wad)), gamma);
  Signed e = div_or_zero(s.mul(one_gamma, one_gamma), twenty_seven);

  const u256 size = s.sub(s.div(s.mul(wrapping_mul(three, a), c), b), b).magnitude();
  if (calc.failed()) return {};
  const Signed divider(divider_of(size));
  if (a.magnitude() > b.magnitude()) {
    const Signed more(div_or_zero(a, b).magnitude());
    a = div_or_zero(wrapping_mul(a, more), divider);
    b = div_or_zero(s.mul(b, more), divider);
    c = div_or_zero(s.mul(c, more), divider);
    e = div_or_zero(s.mul(e, more), divider);
  } else {
    const Signed more(div_or_zero(b, a).magnitude());
    a = div_or_zero(s.div(a, more), divider);
    b = div_or_zero(div_or_zero(b, more), divider);
    c = div_or_zero(div_or_zero(c, more), divider);
    e = div_or_zero(div_or_zero(e, more), divider);
  }
  const Signed ac3 = s.mul(wrapping_mul(three, a), c);
  const Signed delta0 = s.sub(div_or_zero(ac3, b), b);
  const Signed delta1 =
      s.sub(s.sub(div_or_zero(s.mul(three, ac3), b), wrapping_mul(Signed(u256(2)), b)),
            div_or_zero(s.mul(div_or_zero(s.mul(twenty_seven, s.mul(a, a)), b), e), b));
  const Signed root_of =
      s.add(s.mul(delta1, delta1),
            s.mul(div_or_zero(s.mul(Signed(u256(4)), s.mul(delta0, delta0)), b), delta0));
  if (calc.failed()) return {};
  if (root_of.negative() || root_of.is_zero()) return {newton(calc, curve, xp, d, unknown), {}};
  const Signed root(isqrt_floor(root_of.bits));
  const Signed b_cube_root = signed_of(b.negative(), cube_root(b.magnitude()));
  const bool delta1_above_0 = !delta1.negative() && !delta1.is_zero();
  const u256 of_second =
      s.unsigned_of(delta1_above_0 ? s.add(delta1, root) : s.sub(delta1, root).negated());
  const Signed second = signed_of(!delta1_above_0, cube_root(shift_right(of_second, 1)));
  const Signed one{u256(wad)};
  const Signed c1 =
      div_or_zero(s.mul(div_or_zero(s.mul(b_cube_root, b_cube_root), one), second), one);
  const Signed root_k0 = div_or_zero(s.sub(s.add(b, s.div(s.mul(b, delta0), c1)), c1), three);
  Signed y = div_or_zero(div_or_zero(s.mul(big_d, big_d), twenty_seven), x_k);
  y = div_or_zero(s.mul(y, big_d), x_j);
  y = div_or_zero(s.mul(y, root_k0), a);
  const SolvedY solved{s.unsigned_of(y), s.unsigned_of(div_or_zero(s.mul(one, root_k0), a))};
  require_share(calc, div_or_zero(calc.mul(solved.y, wad), d), u256(e16 - 1));
  return solved;
}

inline u256 Tricrypto::begin_of_d(Checked& calc, const Amounts<3>& x, const u256& sum,
                                  const u256& k0_before) noexcept {
  if (k0_before.is_zero()) return wrapping_mul(geometric_mean(calc, x), u256(3));
  // Scaled down before the product, and up again by a third of that after it.
  u256 down(wad);
  u256 up(1);
  if (sum > e36) {
    down = e36;
    up = power_of_ten(12);
  } else if (sum > power_of_ten(24)) {
    down = power_of_ten(24);
    up = power_of_ten(6);
  }
  const u256 part = div_or_zero(calc.mul(x[0], x[1]), down);
  const u256 whole = div_or_zero(calc.mul(part, x[2]), k0_before);
  return cube_root(calc.mul(calc.mul(whole, 27), up));
}

inline u256 Tricrypto::solve_d(Checked& calc, const Curvature& curve, const Amounts<3>& xp,
                               const u256& k0_before) noexcept {
  const Amounts<3> x = sorted(xp);
  static constexpr u256 x_end =
      wrapping_mul(decimal("115792089237316195423570985008687907853269984665640564039457"),
                   u256(27));  // (2^256 - 1) / 10^18 * 27
  calc.require(x[0] < x_end && !x[0].is_zero());
  const u256 sum = wrapping_add(wrapping_add(x[0], x[1]), x[2]);
  u256 d = begin_of_d(calc, x, sum, k0_before);
  const u256 one(wad);
  for (unsigned step = 0; step < solver_steps_max && !calc.failed(); ++step) {
    const u256 before = d;
    u256 k0 = one;
    for (const u256& balance : x) {
      k0 = div_or_zero(wrapping_mul(wrapping_mul(k0, balance), u256(3)), d);
    }
    u256 g1k0 = wrapping_add(curve.gamma, one);
    g1k0 = wrapping_add(distance(g1k0, k0), u256(1));
    u256 mul1 = div_or_zero(wrapping_mul(d, one), curve.gamma);
    mul1 = div_or_zero(wrapping_mul(mul1, g1k0), curve.gamma);
    mul1 = div_or_zero(wrapping_mul(wrapping_mul(mul1, g1k0), u256(a_multiplier)), curve.a);
    const u256 mul2 = div_or_zero(wrapping_mul(u256(6 * wad), k0), g1k0);
    const u256 pulled = wrapping_add(wrapping_add(sum, div_or_zero(wrapping_mul(sum, mul2), one)),
                                     div_or_zero(wrapping_mul(mul1, u256(3)), k0));
    const u256 neg_fprime = wrapping_sub(pulled, div_or_zero(wrapping_mul(mul2, d), one));
    const StepD next = step_of_d(calc, d, sum, k0, mul1, neg_fprime);
    d = next.plus > next.minus ? wrapping_sub(next.plus, next.minus)
                               : shift_right(wrapping_sub(next.minus, next.plus), 1);
    if (wrapping_mul(distance(d, before), u256(e14)) < std::max(u256(e16), d)) {
      for (const u256& balance : x) {
        require_share(calc, div_or_zero(wrapping_mul(balance, one), d), u256(e16 - 1));
      }
      return d;
    }
  }
  calc.fail();
  return {};
}

inline Amounts<2> Tricrypto::prices(Checked& calc, const Curvature& curve, const Amounts<3>& xp,
                                    const u256& d) noexcept {
  calc.require(d >= e17 && d <= e33);
  u256 k0 = div_or_zero(calc.mul(calc.mul(xp[0], 27), xp[1]), d);
  k0 = div_or_zero(calc.mul(div_or_zero(calc.mul(k0, xp[2]), d), e36), d);
  const u256 gk0 = gk0_of(calc, curve.gamma, k0);
  const u256 nnag2 = nnag2_of(curve);
  const auto pulled = [&](const u256& x) {
    return calc.add(gk0, div_or_zero(calc.mul(div_or_zero(calc.mul(nnag2, x), d), k0), e36));
  };
  const u256 denominator = pulled(xp[0]);
  const auto price = [&](const u256& x) {
    return div_or_zero(calc.mul(calc.div(calc.mul(xp[0], pulled(x)), x), wad), denominator);
  };
  return {price(xp[1]), price(xp[2])};
}

}  // namespace gantry::curve

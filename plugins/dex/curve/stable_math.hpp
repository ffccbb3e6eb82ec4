// The StableSwap invariant as the contracts solve it: Newton's method in integers, with the order
// of divisions and the number of steps of each generation.
//
// Sources: curvefi/curve-contract SwapTemplateBase.vy and StableSwap3Pool.vy, curvefi/curve-factory
// Plain2Basic.vy, curvefi/stableswap-ng CurveStableSwapNG.vy.
// UNITS   Balances scaled to 18 decimals ("xp"). `amplification` is in units of 1/a_precision.
#pragma once
#include <cstdint>
#include <span>

#include "plugins/dex/curve/checked.hpp"
#include "plugins/dex/curve/variant.hpp"
#include "plugins/dex/evm/stable_root.hpp"

namespace gantry::curve {

inline constexpr unsigned newton_steps_max = 255;

// floor(value / 100), or the value where A has no further digits.
GANTRY_HOT u256 without_precision(Checked& calc, const u256& value, std::uint64_t a_precision) {
  if (a_precision == 1) return value;
  if (a_precision == 100 && value.fits_u128()) {
    return u256::from_u128(detail::div_128_by_constant<100>(value.low128()));
  }
  return calc.div(value, a_precision);
}

// D of balances. Fails as the contract does: a balance of zero, an overflow, or, where it gives up,
// no answer after 255 steps.
inline u256 solve_d(Checked& calc, std::span<const u256> xp, std::uint64_t amplification,
                    const StableRules& rules) noexcept {
  const std::uint64_t n = xp.size();
  u256 sum;
  for (const u256& x : xp) sum = calc.add(sum, x);
  if (sum.is_zero() || calc.failed()) return {};
  const std::uint64_t ann = amplification * n;
  calc.require(ann >= rules.a_precision);
  if (calc.failed()) return {};
  u256 divisors[coins_max];
  for (std::size_t k = 0; k < n; ++k) {
    divisors[k] = rules.division == Division::each_step ? calc.mul(xp[k], n) : xp[k];
    calc.require(!divisors[k].is_zero());
  }
  std::uint64_t n_to_n = n;
  for (std::uint64_t k = 1; k < n; ++k) n_to_n *= n;
  const u256 pull = without_precision(calc, calc.mul(sum, ann), rules.a_precision);
  u256 d = sum;
  for (unsigned step = 0; step < newton_steps_max; ++step) {
    u256 product = d;
    for (std::size_t k = 0; k < n; ++k) product = calc.mul_div(product, d, divisors[k]);
    if (rules.division == Division::at_the_end) product = calc.div(product, n_to_n);
    const u256 before = d;
    const u256 above = calc.mul(calc.add(pull, calc.mul(product, n)), d);
    const u256 below =
        calc.add(without_precision(calc, calc.mul(d, ann - rules.a_precision), rules.a_precision),
                 calc.mul(product, n + 1));
    d = calc.div(above, below);
    if (calc.failed()) return {};
    if (distance(d, before) <= u256(1)) return d;
  }
  calc.require(!rules.gives_up);
  return d;
}

// The balance of `unknown` when `known`'s is x and the others are as they are.
inline u256 solve_y(Checked& calc, std::span<const u256> xp, std::size_t known, std::size_t unknown,
                    const u256& x, std::uint64_t amplification, const u256& d,
                    const StableRules& rules) noexcept {
  const std::uint64_t n = xp.size();
  const std::uint64_t ann = amplification * n;
  calc.require(ann != 0);
  u256 sum;
  u256 c = d;
  for (std::size_t k = 0; k < n; ++k) {
    if (k == unknown) continue;
    const u256& balance = k == known ? x : xp[k];
    sum = calc.add(sum, balance);
    c = calc.mul_div(c, d, calc.mul(balance, n));
  }
  c = calc.mul(c, d);
  if (rules.a_precision != 1) c = calc.mul(c, rules.a_precision);
  c = calc.div(c, u256(ann * n));
  const u256 b = calc.add(sum, calc.div(calc.mul(d, rules.a_precision), u256(ann)));
  if (calc.failed()) return {};
  u256 y = d;
  if (evm::stable_root<evm::RootRounding::cut>(b, c, d, y)) [[likely]]
    return y;
  for (unsigned step = 0; step < newton_steps_max; ++step) {
    const u256 before = y;
    const u256 above = calc.add(calc.mul(y, y), c);
    const u256 below = calc.sub(calc.add(calc.add(y, y), b), d);
    y = calc.div(above, below);
    if (calc.failed()) return {};
    if (distance(y, before) <= u256(1)) return y;
  }
  calc.require(!rules.gives_up);
  return y;
}

// A ramping from initial to future at `time_s`.
struct Ramp {
  std::uint64_t initial = 0;
  std::uint64_t future = 0;
  std::uint64_t initial_time_s = 0;
  std::uint64_t future_time_s = 0;

  bool ends_before(std::uint64_t time_s) const noexcept { return time_s >= future_time_s; }
};

inline std::uint64_t amplification_at(Checked& calc, const Ramp& ramp,
                                      std::uint64_t time_s) noexcept {
  if (ramp.ends_before(time_s)) return ramp.future;
  calc.require(time_s >= ramp.initial_time_s && ramp.future_time_s > ramp.initial_time_s);
  if (calc.failed()) return 0;
  const std::uint64_t passed = time_s - ramp.initial_time_s;
  const std::uint64_t whole = ramp.future_time_s - ramp.initial_time_s;
  const auto part = [&](std::uint64_t difference) {
    return static_cast<std::uint64_t>(static_cast<uint128>(difference) * passed / whole);
  };
  return ramp.future > ramp.initial ? ramp.initial + part(ramp.future - ramp.initial)
                                    : ramp.initial - part(ramp.initial - ramp.future);
}

// The fee, over 10^10, of a pool whose fee grows off the peg, at the means of the balances.
inline u256 dynamic_fee(Checked& calc, const u256& mean_in, const u256& mean_out, std::uint64_t fee,
                        std::uint64_t multiplier) noexcept {
  if (multiplier <= fee_denominator) return fee;
  const u256 sum = calc.add(mean_in, mean_out);
  const u256 square = calc.mul(sum, sum);
  const u256 four = u256(wrapping_mul(u256(multiplier - fee_denominator), u256(4)));
  const u256 peg = calc.div(calc.mul(calc.mul(four, mean_in), mean_out), square);
  return div_or_zero(wrapping_mul(u256(multiplier), u256(fee)),
                     wrapping_add(peg, u256(fee_denominator)));
}

// What a pool with oracles computes after the swap, of which only this matters here: whether it
// overflows or divides by zero, for then the swap reverts. `xp` after the swap.
inline void check_oracles(Checked& calc, std::span<const u256> xp, std::uint64_t amplification,
                          const u256& d) noexcept {
  const std::uint64_t n = xp.size();
  calc.require(d.fits_u128());
  std::uint64_t n_to_n = n;
  for (std::uint64_t k = 1; k < n; ++k) n_to_n *= n;
  const std::uint64_t ann = amplification * n;
  const u256 anchor = calc.div(calc.mul(xp[0], ann), u256(100));
  // An upper bound in bits is nearly always enough to know that nothing overflows.
  unsigned bits = bit_width(d);
  bool surely = true;
  for (const u256& x : xp) {
    if (x.is_zero()) return calc.fail();
    surely = surely && bits + bit_width(d) <= 256;
    bits = bits + bit_width(d) + 1 - bit_width(x);
    if (bits < 1 || bits > 512) bits = 1;
  }
  surely =
      surely && bits + bit_width(xp[0]) <= 194 && bit_width(anchor) <= 194 && !anchor.is_zero();
  if (surely) return;
  u256 ratio = calc.div(d, n_to_n);
  for (const u256& x : xp) ratio = calc.mul_div(ratio, d, x);
  for (std::size_t k = 1; k < n; ++k) {
    const u256 of_coin = calc.div(calc.mul(ratio, xp[0]), xp[k]);
    calc.mul_div(calc.add(anchor, of_coin), u256(wad), calc.add(anchor, ratio));
  }
}

}  // namespace gantry::curve

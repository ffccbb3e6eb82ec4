// The state of one StableSwap pool, and exchange() on it: what it pays, and what it leaves.
//
// UNITS   Amounts in the coin's smallest unit; rates over 10^18 take them to 18 decimals; fees over
//         10^10; times in the chain's seconds.
// ERRORS  NO_LIQUIDITY: the pool as it stands cannot be solved, or the swap pays nothing.
//         OUT_OF_RANGE: the contract would overflow, or not converge, with that much.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>

#include "plugins/dex/curve/stable_math.hpp"

namespace gantry::curve {

// Chunk 0. Relocatable: numbers only.
struct StableState {
  std::uint32_t variant;  // index into variants, plus one
  std::uint32_t coins;
  std::uint32_t seen;   // facts applied, by tag
  std::uint32_t ready;  // 1: all of them
  std::uint64_t block;
  Ramp ramp;
  std::uint64_t fee;
  std::uint64_t admin_fee;
  std::uint64_t offpeg_multiplier;
  std::uint64_t base_cached_at_s;
  // D of the balances with this A and this last rate; 0: not solved.
  std::uint64_t d_amplification;
  u256 d_last_rate;
  u256 d;
  u256 base_price_cached;  // base_virtual_price()
  u256 base_price;         // of the base pool
  u256 rates[coins_max];
  // rates / 10^18 where that is whole, else 0: an exact shortcut.
  std::uint64_t multiples[coins_max];
  u256 balances[coins_max];
};

inline constexpr std::uint64_t half_of_fee = 5'000'000'000ULL;
inline constexpr std::uint64_t base_cache_expires_s = 600;

inline std::uint64_t multiple_of(const u256& rate) noexcept {
  u256 quotient;
  u256 rest;
  if (!divmod(rate, u256(wad), quotient, rest) || !rest.is_zero() || !quotient.fits_u64()) return 0;
  return quotient.limb(0);
}

// A pool at one moment, by one set of balances: the state's own or an overlay's.
struct StablePool {
  const StableState& state;
  const StableRules& rules;
  const u256* balances;
  std::uint64_t time_s;

  std::size_t coins() const noexcept { return state.coins; }
  std::size_t last() const noexcept { return state.coins - 1; }

  u256 rate(std::size_t coin) const noexcept {
    if (coin != last()) return state.rates[coin];
    if (rules.rates == Rates::meta_fresh) return state.base_price;
    if (rules.rates == Rates::meta_cached) {
      const bool stale =
          time_s > state.base_cached_at_s && time_s - state.base_cached_at_s > base_cache_expires_s;
      return stale ? state.base_price : state.base_price_cached;
    }
    return state.rates[coin];
  }
  bool has_multiple(std::size_t coin) const noexcept { return state.multiples[coin] != 0; }

  // amount * rate / 10^18.
  GANTRY_HOT u256 scaled(Checked& calc, std::size_t coin, const u256& amount) const noexcept {
    // Below 2^128 * 2^124: the contract's product does not overflow either.
    if (has_multiple(coin) && amount.fits_u128()) {
      const std::uint64_t multiple = state.multiples[coin];
      return multiple == 1 ? amount : wrapping_mul(amount, u256(multiple));
    }
    return calc.mul_div(amount, rate(coin), wad);
  }
  // amount * 10^18 / rate.
  GANTRY_HOT u256 unscaled(Checked& calc, std::size_t coin, const u256& amount) const noexcept {
    if (has_multiple(coin) && amount.fits_u128()) {
      const std::uint64_t multiple = state.multiples[coin];
      return multiple == 1 ? amount : calc.div(amount, u256(multiple));
    }
    return calc.mul_div(amount, wad, rate(coin));
  }

  void scale_all(Checked& calc, u256 (&xp)[coins_max]) const noexcept {
    for (std::size_t k = 0; k < coins(); ++k) xp[k] = scaled(calc, k, balances[k]);
  }
};

inline bool has_growing_fee(const StablePool& pool) noexcept { return pool.rules.dynamic_fee; }
inline const u256& pool_balance(const StablePool& pool, std::size_t coin) noexcept {
  return pool.balances[coin];
}

// All that does not depend on the amount.
struct StableBasis {
  u256 xp[coins_max];
  std::uint64_t amplification = 0;
  u256 d;
};

GANTRY_HOT gantry_status prepare(const StablePool& pool, StableBasis& out) noexcept {
  Checked calc;
  pool.scale_all(calc, out.xp);
  out.amplification = amplification_at(calc, pool.state.ramp, pool.time_s);
  if (calc.failed()) return GANTRY_NO_LIQUIDITY;
  const bool solved = pool.balances == pool.state.balances && !pool.state.d.is_zero() &&
                      pool.state.d_amplification == out.amplification &&
                      pool.state.d_last_rate == pool.rate(pool.last());
  out.d =
      solved ? pool.state.d : solve_d(calc, {out.xp, pool.coins()}, out.amplification, pool.rules);
  return calc.failed() ? GANTRY_NO_LIQUIDITY : GANTRY_OK;
}

struct StableSwap {
  u256 paid;
  u256 fee;         // in the coin that comes out
  u256 balance_in;  // after it
  u256 balance_out;
  u256 x_in;   // scaled, for the price
  u256 y_out;  // scaled and before the fee
};

// exchange(in, out, amount, 0).
GANTRY_HOT gantry_status exchange(const StablePool& pool, const StableBasis& basis, std::size_t in,
                                  std::size_t out, const u256& amount, StableSwap& swap) noexcept {
  Checked calc;
  const std::span<const u256> xp(basis.xp, pool.coins());
  swap.x_in = pool.scaled(calc, in, amount);
  const u256 x = calc.add(xp[in], swap.x_in);
  swap.balance_in = calc.add(pool.balances[in], amount);
  if (calc.failed()) return GANTRY_OUT_OF_RANGE;
  const u256 y = solve_y(calc, xp, in, out, x, basis.amplification, basis.d, pool.rules);
  if (calc.failed()) return GANTRY_OUT_OF_RANGE;
  if (xp[out] <= y) return GANTRY_NO_LIQUIDITY;
  swap.y_out = wrapping_sub(wrapping_sub(xp[out], y), u256(1));
  u256 fee = pool.state.fee;
  if (pool.rules.dynamic_fee) {
    fee =
        dynamic_fee(calc, shift_right(calc.add(xp[in], x), 1), shift_right(calc.add(xp[out], y), 1),
                    pool.state.fee, pool.state.offpeg_multiplier);
  }
  const u256 scaled_fee = calc.mul_div(swap.y_out, fee, fee_denominator);
  swap.paid = pool.unscaled(calc, out, calc.sub(swap.y_out, scaled_fee));
  const u256 scaled_admin_fee = calc.mul_div(scaled_fee, pool.state.admin_fee, fee_denominator);
  const u256 admin_fee = pool.unscaled(calc, out, scaled_admin_fee);
  swap.fee = pool.unscaled(calc, out, scaled_fee);
  swap.balance_out = calc.sub(calc.sub(pool.balances[out], swap.paid), admin_fee);
  if (pool.rules.dynamic_fee && !calc.failed()) {
    u256 after[coins_max];
    std::copy_n(basis.xp, pool.coins(), after);
    after[in] = x;
    after[out] = y;
    check_oracles(calc, {after, pool.coins()}, basis.amplification, basis.d);
  }
  if (calc.failed()) return GANTRY_OUT_OF_RANGE;
  return swap.paid.is_zero() ? GANTRY_NO_LIQUIDITY : GANTRY_OK;
}

// About how much must go in for `wanted` to come out: where the search for the exact amount begins.
inline u256 guess_in(const StablePool& pool, const StableBasis& basis, std::size_t in,
                     std::size_t out, const u256& wanted) noexcept {
  Checked calc;
  const std::span<const u256> xp(basis.xp, pool.coins());
  const u256 net = calc.add(pool.scaled(calc, out, wanted), u256(1));
  const u256 gross =
      calc.add(calc.mul_div(net, u256(fee_denominator),
                            u256(fee_denominator - std::min(pool.state.fee, fee_denominator / 2))),
               u256(1));
  const u256 y = calc.sub(xp[out], gross);
  if (calc.failed() || y.is_zero()) return u256(1);
  const u256 x = solve_y(calc, xp, out, in, y, basis.amplification, basis.d, pool.rules);
  const u256 guess = pool.unscaled(calc, in, calc.sub(x, xp[in]));
  return calc.failed() || guess.is_zero() ? u256(1) : guess;
}

// 1 - average price / price before, both without the fee.
GANTRY_APART inline double price_impact(const StablePool& pool, const StableBasis& basis,
                                        std::size_t in, std::size_t out,
                                        const StableSwap& swap) noexcept {
  const double n = static_cast<double>(pool.coins());
  const double d = to_double(basis.d);
  const double ann =
      static_cast<double>(basis.amplification) * n / static_cast<double>(pool.rules.a_precision);
  double ratio = d / std::pow(n, n);
  for (std::size_t k = 0; k < pool.coins(); ++k) ratio *= d / to_double(basis.xp[k]);
  const double of_in = ann + ratio / to_double(basis.xp[in]);
  const double of_out = ann + ratio / to_double(basis.xp[out]);
  const double average = to_double(swap.y_out) / to_double(swap.x_in);
  const double impact = 1.0 - average * of_out / of_in;
  return std::isfinite(impact) ? std::clamp(impact, 0.0, 1.0) : 1.0;
}

}  // namespace gantry::curve

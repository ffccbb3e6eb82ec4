// The state of one pool of volatile coins (twocrypto-NG, tricrypto-NG), and exchange() on it: what
// it pays, whether it reverts, and what it leaves, moved price scale included.
//
// Sources: curvefi/twocrypto-ng CurveTwocryptoOptimized.vy and curvefi/tricrypto-ng
// CurveTricryptoOptimizedWETH.vy, both v2.0.0.
// UNITS   Amounts in the coin's smallest unit; prices over 10^18, of coin 0; fees over 10^10.
// ERRORS  NO_LIQUIDITY: the pool pays nothing, or would lose by rounding; OUT_OF_RANGE: the
// contract
//         calls values unsafe, overflows or does not converge with that much.
#pragma once
#include <cmath>
#include <cstdint>

#include "plugins/dex/curve/crypto_math.hpp"
#include "plugins/dex/curve/tricrypto_math.hpp"
#include "plugins/dex/curve/twocrypto_math.hpp"

namespace gantry::curve {

inline constexpr std::size_t crypto_coins_max = 3;

// What a swap moves: the overlay, and a part of chunk 0.
struct CryptoMoving {
  u256 balances[crypto_coins_max];
  u256 d;
  u256 price_scale[crypto_coins_max - 1];
  u256 price_oracle[crypto_coins_max - 1];
  u256 last_prices[crypto_coins_max - 1];
  u256 xcp_profit;
  u256 virtual_price;
  std::uint64_t oracle_time_s;
  std::uint64_t reserved;
};

// Chunk 0. Relocatable: numbers only.
struct CryptoState {
  std::uint32_t variant;  // index into variants, plus one
  std::uint32_t coins;
  std::uint32_t seen;   // facts applied, by tag
  std::uint32_t ready;  // 1: all of them
  std::uint64_t block;
  std::uint64_t initial_time_s;
  std::uint64_t future_time_s;
  std::uint64_t precisions[crypto_coins_max + 2];  // 10^(18 - decimals)
  Curvature initial;
  Curvature future;
  u256 fees[3];       // mid_fee, out_fee, fee_gamma
  u256 rebalance[3];  // allowed_extra_profit, adjustment_step, ma_time
  u256 total_supply;
  CryptoMoving moving;
};

template <class Math>
struct CryptoPool {
  static constexpr std::size_t n = Math::n;
  using Prices = Amounts<n - 1>;

  const CryptoState& state;
  const CryptoMoving& moving;
  std::uint64_t time_s;

  bool ramping() const noexcept { return state.future_time_s > time_s; }

  u256 scale(std::size_t coin) const noexcept {
    return coin == 0 ? u256(wad) : moving.price_scale[coin - 1];
  }
  u256 scaled(Checked& calc, std::size_t coin, const u256& amount) const noexcept {
    if (coin == 0) return calc.mul(amount, state.precisions[0]);
    return div_or_zero(calc.mul(calc.mul(amount, scale(coin)), state.precisions[coin]), u256(wad));
  }
};

template <class Math>
bool has_growing_fee(const CryptoPool<Math>&) noexcept {
  return true;
}
template <class Math>
const u256& pool_balance(const CryptoPool<Math>& pool, std::size_t coin) noexcept {
  return pool.moving.balances[coin];
}

// All that does not depend on the amount.
template <std::size_t n>
struct CryptoBasis {
  Curvature curve;
  u256 d;
  Amounts<n> xp;
};

inline Curvature curvature_at(Checked& calc, const CryptoState& state,
                              std::uint64_t time_s) noexcept {
  if (time_s >= state.future_time_s) return state.future;
  calc.require(state.initial_time_s <= time_s);
  if (calc.failed()) return {};
  const std::uint64_t whole = state.future_time_s - state.initial_time_s;
  const std::uint64_t passed = time_s - state.initial_time_s;
  const auto between = [&](const u256& from, const u256& to) {
    return calc.div(calc.add(calc.mul(from, whole - passed), calc.mul(to, passed)), u256(whole));
  };
  return {between(state.initial.a, state.future.a),
          between(state.initial.gamma, state.future.gamma)};
}

template <class Math>
gantry_status prepare(const CryptoPool<Math>& pool, CryptoBasis<Math::n>& out) noexcept {
  Checked calc;
  out.curve = curvature_at(calc, pool.state, pool.time_s);
  for (std::size_t k = 0; k < Math::n; ++k) {
    out.xp[k] = pool.scaled(calc, k, pool.moving.balances[k]);
  }
  if (calc.failed()) return GANTRY_NO_LIQUIDITY;
  out.d = pool.ramping() ? Math::solve_d(calc, out.curve, out.xp, u256()) : pool.moving.d;
  return calc.failed() ? GANTRY_NO_LIQUIDITY : GANTRY_OK;
}

template <class Math>
u256 fee_at(Checked& calc, const CryptoState& state, const Amounts<Math::n>& xp) noexcept {
  const u256 f = Math::balance(calc, xp, state.fees[2]);
  return div_or_zero(
      calc.add(calc.mul(state.fees[0], f), calc.mul(state.fees[1], calc.sub(u256(wad), f))),
      u256(wad));
}

struct CryptoSwap {
  u256 paid;
  u256 fee;  // in the coin that comes out
  u256 x_in;
  u256 y_out;  // scaled and before the fee
  CryptoMoving after;
};

// The balances that D and a price scale make of a pool in equilibrium.
template <class Math>
Amounts<Math::n> even(Checked& calc, const u256& d, const u256* price_scale) noexcept {
  Amounts<Math::n> xp;
  xp[0] = div_or_zero(d, u256(std::uint64_t{Math::n}));
  for (std::size_t k = 1; k < Math::n; ++k) {
    xp[k] = calc.div(calc.mul(d, wad), calc.mul(price_scale[k - 1], std::uint64_t{Math::n}));
  }
  return xp;
}

// The oracle's mean, once per block.
template <class Math>
void move_oracle(Checked& calc, const CryptoPool<Math>& pool, CryptoMoving& after) noexcept {
  if (after.oracle_time_s >= pool.time_s) return;
  const u256 passed = calc.mul(u256(pool.time_s - after.oracle_time_s), wad);
  const u256 alpha = exp_of_minus(div_or_zero(passed, pool.state.rebalance[2]));
  const u256 rest = calc.sub(u256(wad), alpha);
  for (std::size_t k = 0; k + 1 < Math::n; ++k) {
    const u256 last = std::min(after.last_prices[k], calc.mul(after.price_scale[k], 2));
    after.price_oracle[k] = div_or_zero(
        calc.add(calc.mul(last, rest), calc.mul(after.price_oracle[k], alpha)), u256(wad));
    if (Math::n == 3) calc.require(after.price_oracle[k] < u256::from_u128(~uint128{0}));
  }
  after.oracle_time_s = pool.time_s;
}

// Moves the price scale towards the oracle where the profit allows it; false: it stays.
template <class Math>
bool move_scale(Checked& calc, const CryptoPool<Math>& pool, const Curvature& curve,
                const Amounts<Math::n>& xp, CryptoMoving& after) noexcept {
  constexpr std::size_t n = Math::n;
  Amounts<n - 1> oracle;
  Amounts<n - 1> scale;
  std::copy_n(after.price_oracle, n - 1, oracle.begin());
  std::copy_n(after.price_scale, n - 1, scale.begin());
  const u256 norm = Math::norm(calc, oracle, scale);
  const u256 step = std::max(pool.state.rebalance[1], div_or_zero(norm, u256(5)));
  if (norm <= step) return false;
  u256 moved[n - 1];
  Amounts<n> moved_xp = xp;
  for (std::size_t k = 0; k + 1 < n; ++k) {
    moved[k] = div_or_zero(
        calc.add(calc.mul(scale[k], wrapping_sub(norm, step)), calc.mul(step, oracle[k])), norm);
    moved_xp[k + 1] = div_or_zero(calc.mul(xp[k + 1], moved[k]), scale[k]);
  }
  if (calc.failed()) return false;
  const u256 d = Math::solve_d(calc, curve, moved_xp, u256());
  for (const u256& x : moved_xp) require_share(calc, calc.div(calc.mul(x, wad), d), u256(e16));
  if (calc.failed()) return false;
  const u256 xcp = Math::geometric_mean(calc, even<Math>(calc, d, moved));
  const u256 price = div_or_zero(calc.mul(xcp, wad), pool.state.total_supply);
  if (price <= u256(wad) || calc.sub(calc.mul(price, 2), u256(wad)) <= after.xcp_profit) {
    return false;
  }
  for (std::size_t k = 0; k + 1 < n; ++k) {
    if (n == 3) calc.require(moved[k] < u256::from_u128(~uint128{0}));
    after.price_scale[k] = moved[k];
  }
  after.d = d;
  after.virtual_price = price;
  return true;
}

// What follows the transfer in the contract: oracle, profit, and perhaps another price scale. It
// can revert, so no quote can do without it. NO_LIQUIDITY: the pool would lose by rounding.
template <class Math>
gantry_status tweak_price(Checked& calc, const CryptoPool<Math>& pool, const Curvature& curve,
                          const Amounts<Math::n>& xp, const u256& k0,
                          CryptoMoving& after) noexcept {
  constexpr std::size_t n = Math::n;
  move_oracle(calc, pool, after);
  const u256 d = Math::solve_d(calc, curve, xp, k0);
  if (calc.failed()) return GANTRY_OUT_OF_RANGE;
  const auto prices = Math::prices(calc, curve, xp, d);
  for (std::size_t k = 0; k + 1 < n; ++k) {
    after.last_prices[k] = div_or_zero(calc.mul(prices[k], after.price_scale[k]), u256(wad));
    if (n == 3) calc.require(after.last_prices[k] < u256::from_u128(~uint128{0}));
  }
  const u256 old_price = pool.moving.virtual_price;
  u256 price(wad);
  after.xcp_profit = u256(wad);
  const Amounts<n> at_rest = even<Math>(calc, d, after.price_scale);
  if (!old_price.is_zero()) {
    const u256 xcp = Math::geometric_mean(calc, at_rest);
    price = calc.div(calc.mul(xcp, wad), pool.state.total_supply);
    after.xcp_profit = div_or_zero(calc.mul(pool.moving.xcp_profit, price), old_price);
    if (calc.failed()) return GANTRY_OUT_OF_RANGE;
    if (pool.state.future_time_s < pool.time_s && price <= old_price) return GANTRY_NO_LIQUIDITY;
  }
  const u256 gained = calc.sub(calc.mul(price, 2), u256(wad));
  const u256 needed = calc.add(after.xcp_profit, calc.mul(pool.state.rebalance[0], 2));
  if (calc.failed()) return GANTRY_OUT_OF_RANGE;
  if (gained <= needed || !move_scale(calc, pool, curve, xp, after)) {
    after.d = d;
    after.virtual_price = price;
  }
  return calc.failed() ? GANTRY_OUT_OF_RANGE : GANTRY_OK;
}

// exchange(in, out, amount, 0).
template <class Math>
gantry_status exchange(const CryptoPool<Math>& pool, const CryptoBasis<Math::n>& basis,
                       std::size_t in, std::size_t out, const u256& amount,
                       CryptoSwap& swap) noexcept {
  Checked calc;
  swap.after = pool.moving;
  swap.after.balances[in] = calc.add(pool.moving.balances[in], amount);
  Amounts<Math::n> xp = basis.xp;
  xp[in] = pool.scaled(calc, in, swap.after.balances[in]);
  if (calc.failed()) return GANTRY_OUT_OF_RANGE;
  const SolvedY solved = Math::solve_y(calc, basis.curve, xp, basis.d, out);
  if (calc.failed()) return GANTRY_OUT_OF_RANGE;
  if (xp[out] <= solved.y) return GANTRY_NO_LIQUIDITY;
  swap.x_in = wrapping_sub(xp[in], basis.xp[in]);
  swap.y_out = wrapping_sub(xp[out], solved.y);
  xp[out] = solved.y;
  u256 paid = wrapping_sub(swap.y_out, u256(1));
  if (out > 0) paid = calc.div(calc.mul(paid, wad), pool.scale(out));
  paid = calc.div(paid, u256(pool.state.precisions[out]));
  swap.fee = div_or_zero(calc.mul(fee_at<Math>(calc, pool.state, xp), paid), u256(fee_denominator));
  swap.paid = calc.sub(paid, swap.fee);
  swap.after.balances[out] = calc.sub(pool.moving.balances[out], swap.paid);
  xp[out] = pool.scaled(calc, out, swap.after.balances[out]);
  if (calc.failed()) return GANTRY_OUT_OF_RANGE;
  if (pool.ramping()) swap.after.d = basis.d;
  const auto status = tweak_price(calc, pool, basis.curve, xp, solved.k0, swap.after);
  if (status != GANTRY_OK) return status;
  return swap.paid.is_zero() ? GANTRY_NO_LIQUIDITY : GANTRY_OK;
}

// About how much must go in for `wanted` to come out: where the search for the exact amount begins.
template <class Math>
u256 guess_in(const CryptoPool<Math>& pool, const CryptoBasis<Math::n>& basis, std::size_t in,
              std::size_t out, const u256& wanted) noexcept {
  Checked calc;
  Amounts<Math::n> xp = basis.xp;
  const u256 fee = std::min(fee_at<Math>(calc, pool.state, xp), u256(fee_denominator / 2));
  const u256 gross =
      calc.mul_div(wanted, u256(fee_denominator), wrapping_sub(u256(fee_denominator), fee));
  xp[out] = calc.sub(xp[out], pool.scaled(calc, out, gross));
  if (calc.failed()) return u256(1);
  const u256 x = Math::solve_y(calc, basis.curve, xp, basis.d, in).y;
  u256 guess = calc.div(calc.mul(calc.sub(x, basis.xp[in]), wad), pool.scale(in));
  guess = calc.div(guess, u256(pool.state.precisions[in]));
  return calc.failed() || guess.is_zero() ? u256(1) : guess;
}

// 1 - average price / price before, both without the fee.
template <class Math>
GANTRY_APART double price_impact(const CryptoPool<Math>&, const CryptoBasis<Math::n>& basis,
                                 std::size_t in, std::size_t out, const CryptoSwap& swap) noexcept {
  Checked calc;
  const auto prices = Math::prices(calc, basis.curve, basis.xp, basis.d);
  if (calc.failed()) return 1.0;
  const auto price = [&](std::size_t coin) {
    return coin == 0 ? 1e18 : to_double(prices[coin - 1]);
  };
  const double average = to_double(swap.y_out) / to_double(swap.x_in);
  const double impact = 1.0 - average * price(out) / price(in);
  return std::isfinite(impact) ? std::clamp(impact, 0.0, 1.0) : 1.0;
}

}  // namespace gantry::curve

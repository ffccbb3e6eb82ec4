// A liquidation by the releases that Gantry knows: of 3.0 here, of later ones as math_later.hpp has
// it.
#pragma once
#include <algorithm>

#include "plugins/dex/aave_v3/math_later.hpp"

namespace gantry::aave_v3 {

// GANTRY_OK; GANTRY_REFUSED: paused, inactive, not allowed, or of a kind that is not quoted;
// GANTRY_NO_LIQUIDITY: healthy, or without this debt or this collateral.
inline gantry_status prepare(const Position& position, const Overlay* later,
                             const gantry_context& context, Basis& basis) noexcept {
  if (position.stage != Stage::whole || position.ready == 0) {
    return position.refusal == Refusal::none ? GANTRY_NEED_STATE : GANTRY_REFUSED;
  }
  if (position.refusal != Refusal::none) return GANTRY_REFUSED;
  const Reserve& debt = position.debt_reserve();
  const Reserve& collateral = position.collateral_reserve();
  const Configuration of_debt{debt.configuration};
  const Configuration of_collateral{collateral.configuration};
  if (!of_debt.is_active() || !of_collateral.is_active() || of_debt.is_paused() ||
      of_collateral.is_paused()) {
    return GANTRY_REFUSED;
  }
  const Books books = books_of(position, later);
  basis.books = books;
  basis.revision = position.revision;
  if (position.is_later()) return prepare_later(position, context, basis);
  if (!books.borrows || !books.lends || of_collateral.threshold() == 0) return GANTRY_NO_LIQUIDITY;
  Math math;
  const std::uint64_t times[2] = {context.state_time_s,
                                  std::max(context.state_time_s, context.execution_time_s)};
  u256 health = health_factor(math, position, books, times[0]);
  if (times[1] != times[0]) {
    health = std::max(health, health_factor(math, position, books, times[1]));
  }
  if (math.failed() || health >= u256(wad)) return GANTRY_NO_LIQUIDITY;
  const bool is_full = health <= u256(full_close_below);
  if (health >= u256(full_close_below) && position.allowed == 0) return GANTRY_REFUSED;
  basis.income = income_index(math, collateral, times[1]);
  basis.borrow = debt_index(math, debt, times[1]);
  basis.owed = math.ray_mul(books.scaled_debt, basis.borrow);
  basis.debt_max =
      math.percent_mul(math.ray_mul(books.scaled_debt, debt_index(math, debt, times[0])),
                       is_full ? full_close_factor : default_close_factor);
  basis.balance = math.ray_mul(books.scaled_collateral, income_index(math, collateral, times[0]));
  basis.bonus = is_in_emode(position, of_collateral) ? position.emode_bonus : of_collateral.bonus();
  basis.protocol_fee = of_collateral.protocol_fee();
  basis.paid_factor = math.mul(debt.price, unit_of(of_collateral.decimals()));
  basis.priced_factor = math.mul(collateral.price, unit_of(of_debt.decimals()));
  if (math.failed() || basis.bonus == 0 || basis.debt_max.is_zero()) return GANTRY_NO_LIQUIDITY;
  return GANTRY_OK;
}

// LiquidationLogic._calculateAvailableCollateralToLiquidate and the burns, of an amount that is
// taken whole. GANTRY_OUT_OF_RANGE: the contract would take less, or has not enough collateral to
// pay out; GANTRY_NO_LIQUIDITY: it is too little to pay anything.
inline gantry_status liquidate(const Basis& basis, const u256& amount, Liquidation& out) noexcept {
  if (basis.revision != revision_3_0) return liquidate_later(basis, amount, out);
  if (amount > basis.debt_max) return GANTRY_OUT_OF_RANGE;
  Math math;
  out.repaid = amount;
  const u256 base = math.div(math.mul(amount, basis.paid_factor), basis.priced_factor);
  const u256 seized = math.percent_mul(base, basis.bonus);
  if (math.failed() || seized > basis.balance) return GANTRY_OUT_OF_RANGE;
  out.fee = u256();
  if (basis.protocol_fee != 0) {
    const u256 bonus = math.sub(seized, math.percent_div(seized, basis.bonus));
    out.fee = math.percent_mul(bonus, basis.protocol_fee);
  }
  out.paid = math.sub(seized, out.fee);
  out.scaled_repaid = math.ray_div(amount, basis.borrow);
  out.scaled_paid = math.ray_div(out.paid, basis.income);
  if (math.failed() || out.paid > basis.books.held_collateral) return GANTRY_OUT_OF_RANGE;
  if (out.paid.is_zero() || out.scaled_paid.is_zero() || out.scaled_repaid.is_zero()) {
    return GANTRY_NO_LIQUIDITY;
  }
  return GANTRY_OK;
}

// The position after it.
inline Overlay after(const Basis& basis, const Liquidation& done) noexcept {
  if (basis.revision != revision_3_0) return after_later(basis, done);
  Math math;
  Overlay next;
  const Books& books = basis.books;
  next.scaled_debt =
      wrapping_sub(books.scaled_debt, std::min(done.scaled_repaid, books.scaled_debt));
  next.borrows = done.repaid == basis.owed ? 0 : 1;
  const u256 left =
      wrapping_sub(books.scaled_collateral, std::min(done.scaled_paid, books.scaled_collateral));
  // "To avoid trying to send more aTokens than available on balance, due to 1 wei imprecision".
  const u256 to_treasury = std::min(math.ray_div(done.fee, basis.income), left);
  next.scaled_collateral = wrapping_sub(left, to_treasury);
  const u256 balance = math.ray_mul(books.scaled_collateral, basis.income);
  next.lends = math.add(done.paid, done.fee) == balance ? 0 : 1;
  next.held_debt = wrapping_add(books.held_debt, done.repaid);
  next.held_collateral = wrapping_sub(books.held_collateral, done.paid);
  return next;
}

// The largest amount below `end` that `fits`, which holds up to some amount and not beyond; zero:
// none.
template <class Fits>
u256 last_that(Fits&& fits, const u256& end) noexcept {
  u256 low;
  u256 high = end;
  while (wrapping_sub(high, low) > u256(1)) {
    const u256 middle = wrapping_add(low, shift_right(wrapping_sub(high, low), 1));
    (fits(middle) ? low : high) = middle;
  }
  return low;
}

// The least and the most that can be repaid. GANTRY_NO_LIQUIDITY: nothing can.
inline gantry_status range_of(const Basis& basis, u256& least, u256& most) noexcept {
  Liquidation done;
  const auto is_taken = [&](const u256& amount) {
    return liquidate(basis, amount, done) != GANTRY_OUT_OF_RANGE;
  };
  most = is_taken(basis.debt_max) ? basis.debt_max : last_that(is_taken, basis.debt_max);
  if (most.is_zero() || liquidate(basis, most, done) != GANTRY_OK) return GANTRY_NO_LIQUIDITY;
  const auto pays_nothing = [&](const u256& amount) {
    return liquidate(basis, amount, done) == GANTRY_NO_LIQUIDITY;
  };
  least = wrapping_add(last_that(pays_nothing, most), u256(1));
  return GANTRY_OK;
}

}  // namespace gantry::aave_v3

// What Aave 3.6 and 3.7 (aave-v3-origin, POOL_REVISION() 10 and 11) compute otherwise than 3.0:
//
//   Balances are rounded against the account, debts up and collateral down (TokenMath).
//   An efficiency mode is of reserves that a category names, and not of reserves that name one.
//   The close factor bounds what is repaid by half of all that the account owes, while its health
//   is above 0.95 and debt and collateral are both worth value_all_may_go or more; else all of it.
//   No dust is left: debt or collateral is cleared, or of each value_left_min is left at least.
//
// An amount that leaves enough of both is taken whole and pays the same at every time. One that
// clears is not quoted: what the market takes of it is what is owed in the second in which it
// arrives, so that no amount is right at two times.
//
// 3.7 rounds what is paid in the market's favour.
#pragma once
#include <algorithm>
#include <cstdint>

#include "plugins/dex/aave_v3/math.hpp"

namespace gantry::aave_v3 {

// LiquidationLogic.sol, in a base currency of 8 decimals: 2,000 and 1,000 whole ones.
inline constexpr std::uint64_t value_all_may_go = 200'000'000'000;
inline constexpr std::uint64_t value_left_min = 100'000'000'000;

inline u256 debt_index_later(Math& math, const Reserve& reserve, std::uint64_t time_s) noexcept {
  if (time_s <= reserve.updated_s) return reserve.borrow_index;
  return math.ray_mul(
      math.compounded_interest_later(reserve.borrow_rate, time_s - reserve.updated_s),
      reserve.borrow_index);
}

inline bool is_emode_collateral(const Position& position, std::uint32_t id) noexcept {
  return position.emode != 0 && bits_of(position.emode_collaterals, id, 1) != 0;
}

// GenericLogic.calculateUserAccountData.
inline Moment moment_of(Math& math, const Position& position, const Books& books,
                        std::uint64_t time_s) noexcept {
  Moment out;
  u256 weighted;
  for (std::uint32_t i = 0; i < position.reserve_count; ++i) {
    const Reserve& reserve = position.reserves[i];
    const Configuration configuration{reserve.configuration};
    const u256 unit = unit_of(configuration.decimals());
    const bool is_collateral = i == position.collateral;
    const bool is_debt = i == position.debt;
    const u256 income = income_index(math, reserve, time_s);
    const u256 borrow = debt_index_later(math, reserve, time_s);
    if (is_collateral ? books.lends : lends_as_collateral(position.user, reserve.id)) {
      const u256& scaled = is_collateral ? books.scaled_collateral : reserve.scaled_collateral;
      const u256 balance = math.ray_mul_floor(scaled, income);
      const u256 value = math.div(math.mul(balance, reserve.price), unit);
      const std::uint64_t threshold = is_emode_collateral(position, reserve.id)
                                          ? position.emode_threshold
                                          : configuration.threshold();
      weighted = math.add(weighted, math.mul(value, threshold));
      if (is_collateral) {
        out.income = income;
        out.balance = balance;
        out.balance_value = value;
      }
    }
    if (is_debt ? books.borrows : borrows(position.user, reserve.id)) {
      const u256& scaled = is_debt ? books.scaled_debt : reserve.scaled_debt;
      const u256 owed = math.ray_mul_ceil(scaled, borrow);
      const u256 value = math.div_ceil(math.mul(owed, reserve.price), unit);
      out.total_debt = math.add(out.total_debt, value);
      if (is_debt) {
        out.borrow = borrow;
        out.debt = owed;
        out.debt_value = value;
      }
    }
  }
  out.health = out.total_debt.is_zero()
                   ? u256::max()
                   : math.div(math.wad_div(weighted, out.total_debt), u256(percentage_factor));
  return out;
}

// The rest of prepare(), of a position whose reserves can be liquidated.
inline gantry_status prepare_later(const Position& position, const gantry_context& context,
                                   Basis& basis) noexcept {
  Books& books = basis.books;
  if (!books.borrows || !books.lends) return GANTRY_NO_LIQUIDITY;
  const std::uint64_t grace_s = std::max(position.grace_s[0], position.grace_s[1]);
  if (grace_s >= context.state_time_s) return GANTRY_REFUSED;
  const Reserve& debt = position.debt_reserve();
  const Reserve& collateral = position.collateral_reserve();
  const Configuration of_debt{debt.configuration};
  const Configuration of_collateral{collateral.configuration};
  Math math;
  basis.at[0] = moment_of(math, position, books, context.state_time_s);
  basis.at[1] = context.execution_time_s <= context.state_time_s
                    ? basis.at[0]
                    : moment_of(math, position, books, context.execution_time_s);
  const Moment& first = basis.at[0];
  const Moment& last = basis.at[1];
  const u256 health = std::max(first.health, last.health);
  if (math.failed() || health >= u256(wad)) return GANTRY_NO_LIQUIDITY;
  if (position.revision == revision_3_6 && health >= u256(full_close_below) &&
      position.allowed == 0) {
    return GANTRY_REFUSED;
  }
  basis.bonus =
      is_emode_collateral(position, collateral.id) ? position.emode_bonus : of_collateral.bonus();
  basis.protocol_fee = of_collateral.protocol_fee();
  basis.debt_price = debt.price;
  basis.debt_unit = unit_of(of_debt.decimals());
  basis.collateral_price = collateral.price;
  basis.collateral_unit = unit_of(of_collateral.decimals());
  basis.paid_factor = math.mul(debt.price, basis.collateral_unit);
  basis.priced_factor = math.mul(collateral.price, basis.debt_unit);
  basis.debt_max = first.debt;
  // Values grow with time, so that the later ones tell whether half is the bound at any of them.
  const bool is_bound = last.balance_value >= u256(value_all_may_go) &&
                        last.debt_value >= u256(value_all_may_go) &&
                        health > u256(full_close_below);
  if (is_bound) {
    const u256 half = math.percent_mul(first.total_debt, default_close_factor);
    const u256 later_half = math.percent_mul(last.total_debt, default_close_factor);
    if (first.debt_value > half || last.debt_value > later_half) {
      basis.debt_max = std::min(first.debt, math.div(math.mul(half, basis.debt_unit), debt.price));
    }
  }
  if (math.failed() || basis.bonus == 0 || basis.debt_max.is_zero()) return GANTRY_NO_LIQUIDITY;
  return GANTRY_OK;
}

// LiquidationLogic.executeLiquidationCall() at one time, of at most debt_max. GANTRY_OUT_OF_RANGE:
// it takes less, clears something, reverts because dust is left, or has not enough to pay out;
// GANTRY_NO_LIQUIDITY: it is too little to pay anything.
inline gantry_status settle(const Basis& basis, const Moment& at, const u256& amount,
                            Liquidation& out) noexcept {
  const bool rounds_down = basis.revision == revision_3_7;
  Math math;
  const u256 base = math.div(math.mul(amount, basis.paid_factor), basis.priced_factor);
  const u256 seized = rounds_down ? math.div(math.mul(base, basis.bonus), u256(percentage_factor))
                                  : math.percent_mul(base, basis.bonus);
  if (math.failed() || amount >= at.debt || seized >= at.balance) return GANTRY_OUT_OF_RANGE;
  out.repaid = amount;
  out.fee = u256();
  if (basis.protocol_fee != 0 && rounds_down) {
    const u256 kept = math.div(math.mul(seized, percentage_factor), u256(basis.bonus));
    out.fee = math.div_ceil(math.mul(math.sub(seized, kept), basis.protocol_fee),
                            u256(percentage_factor));
  } else if (basis.protocol_fee != 0) {
    const u256 bonus = math.sub(seized, math.percent_div(seized, basis.bonus));
    out.fee = math.percent_mul(bonus, basis.protocol_fee);
  }
  out.paid = math.sub(seized, out.fee);
  const u256 debt_left = math.sub(at.debt, amount);
  const u256 balance_left = math.sub(at.balance, seized);
  const u256 debt_value = math.div_ceil(math.mul(debt_left, basis.debt_price), basis.debt_unit);
  const u256 balance_value =
      math.div(math.mul(balance_left, basis.collateral_price), basis.collateral_unit);
  out.scaled_repaid = math.ray_div_floor(amount, at.borrow);
  out.scaled_paid = math.ray_div_ceil(out.paid, at.income);
  out.scaled_fee = math.ray_div_ceil(out.fee, at.income);
  if (math.failed() || std::min(debt_value, balance_value) < u256(value_left_min) ||
      out.paid > basis.books.held_collateral) {
    return GANTRY_OUT_OF_RANGE;
  }
  const bool is_too_little =
      out.paid.is_zero() || out.scaled_paid.is_zero() || out.scaled_repaid.is_zero();
  return is_too_little ? GANTRY_NO_LIQUIDITY : GANTRY_OK;
}

// As liquidate(): at both times; what is scaled is of the later one.
inline gantry_status liquidate_later(const Basis& basis, const u256& amount,
                                     Liquidation& out) noexcept {
  if (amount > basis.debt_max) return GANTRY_OUT_OF_RANGE;
  const gantry_status first = settle(basis, basis.at[0], amount, out);
  if (first == GANTRY_OUT_OF_RANGE) return first;
  const gantry_status last = settle(basis, basis.at[1], amount, out);
  return last == GANTRY_OK ? first : last;
}

// As after(): there is debt and collateral left.
inline Overlay after_later(const Basis& basis, const Liquidation& done) noexcept {
  Overlay next;
  const Books& books = basis.books;
  next.scaled_debt =
      wrapping_sub(books.scaled_debt, std::min(done.scaled_repaid, books.scaled_debt));
  next.borrows = 1;
  const u256 gone = wrapping_add(done.scaled_paid, done.scaled_fee);
  next.scaled_collateral =
      wrapping_sub(books.scaled_collateral, std::min(gone, books.scaled_collateral));
  next.lends = 1;
  next.held_debt = wrapping_add(books.held_debt, done.repaid);
  next.held_collateral = wrapping_sub(books.held_collateral, done.paid);
  return next;
}

}  // namespace gantry::aave_v3

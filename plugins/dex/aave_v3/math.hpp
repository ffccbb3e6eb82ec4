// The arithmetic of a liquidation, as @aave/core-v3 1.19.3 has it: WadRayMath, PercentageMath and
// MathUtils, GenericLogic.calculateUserAccountData, and LiquidationLogic. Every division rounds as
// theirs does; what would revert there is a failure here.
//
// TIME  Debts and collateral grow between the state's block and the one of execution, and nobody
//       knows that one's time for certain. What depends on it is taken from the worse of the two
//       times, so that an amount that is quoted is paid to the unit whenever it is included between
//       them: what a repaid amount pays depends on prices and the bonus alone.
#pragma once
#include <algorithm>
#include <cstdint>

#include "gantry/u256.hpp"
#include "plugins/dex/aave_v3/position.hpp"
#include "plugins/dex/evm/checked.hpp"

namespace gantry::aave_v3 {

inline constexpr std::uint64_t percentage_factor = 10'000;
inline constexpr std::uint64_t wad = 1'000'000'000'000'000'000ULL;
inline constexpr u256 ray = wrapping_mul(u256(1'000'000'000ULL), u256(wad));
inline constexpr u256 half_ray = shift_right(ray, 1);
inline constexpr std::uint64_t seconds_per_year = 365ULL * 24 * 60 * 60;

// LiquidationLogic.sol and ValidationLogic.sol.
inline constexpr std::uint64_t default_close_factor = 5'000;
inline constexpr std::uint64_t full_close_factor = 10'000;
inline constexpr std::uint64_t full_close_below = 950'000'000'000'000'000ULL;  // wad; itself, too

class Math : public evm::Checked {
 public:
  // All half up.
  u256 ray_mul(const u256& a, const u256& b) noexcept { return div(add(mul(a, b), half_ray), ray); }
  u256 ray_div(const u256& a, const u256& b) noexcept {
    return div(add(mul(a, ray), shift_right(b, 1)), b);
  }
  u256 wad_div(const u256& a, const u256& b) noexcept {
    return div(add(mul(a, wad), shift_right(b, 1)), b);
  }
  u256 percent_mul(const u256& value, std::uint64_t percentage) noexcept {
    return div(add(mul(value, percentage), u256(percentage_factor / 2)), u256(percentage_factor));
  }
  u256 percent_div(const u256& value, std::uint64_t percentage) noexcept {
    return div(add(mul(value, percentage_factor), u256(percentage / 2)), u256(percentage));
  }

  // MathUtils.calculateLinearInterest, of seconds.
  u256 linear_interest(const u256& rate, std::uint64_t seconds) noexcept {
    return add(ray, div(mul(rate, seconds), u256(seconds_per_year)));
  }
  // MathUtils.calculateCompoundedInterest: three terms of the binomial series.
  u256 compounded_interest(const u256& rate, std::uint64_t seconds) noexcept {
    if (seconds == 0) return ray;
    const std::uint64_t less_one = seconds - 1;
    const std::uint64_t less_two = seconds > 2 ? seconds - 2 : 0;
    const u256 square = div(ray_mul(rate, rate), u256(seconds_per_year * seconds_per_year));
    const u256 cube = div(ray_mul(square, rate), u256(seconds_per_year));
    const u256 pairs = mul(u256(seconds), less_one);
    const u256 second = shift_right(mul(pairs, square), 1);
    const u256 third = div(mul(mul(pairs, less_two), cube), u256(6));
    const u256 first = div(mul(rate, seconds), u256(seconds_per_year));
    return add(add(add(ray, first), second), third);
  }
};

// ReserveLogic.getNormalizedIncome and getNormalizedDebt.
inline u256 income_index(Math& math, const Reserve& reserve, std::uint64_t time_s) noexcept {
  if (time_s <= reserve.updated_s) return reserve.liquidity_index;
  const u256 interest = math.linear_interest(reserve.liquidity_rate, time_s - reserve.updated_s);
  return math.ray_mul(interest, reserve.liquidity_index);
}
inline u256 debt_index(Math& math, const Reserve& reserve, std::uint64_t time_s) noexcept {
  if (time_s <= reserve.updated_s) return reserve.borrow_index;
  const u256 interest = math.compounded_interest(reserve.borrow_rate, time_s - reserve.updated_s);
  return math.ray_mul(interest, reserve.borrow_index);
}

// 10^decimals; decimals <= 77.
inline u256 unit_of(std::uint64_t decimals) noexcept {
  u256 unit(1);
  for (std::uint64_t i = 0; i < decimals; ++i) unit = wrapping_mul(unit, u256(10));
  return unit;
}

// What the account has of the two reserves, after what the overlay did.
struct Books {
  u256 scaled_debt;
  u256 scaled_collateral;
  u256 held_debt;
  u256 held_collateral;
  bool borrows = false;
  bool lends = false;
};

inline Books books_of(const Position& position, const Overlay* later) noexcept {
  if (later != nullptr) {
    return {later->scaled_debt,     later->scaled_collateral, later->held_debt,
            later->held_collateral, later->borrows != 0,      later->lends != 0};
  }
  return {position.debt_reserve().scaled_debt,
          position.collateral_reserve().scaled_collateral,
          position.held_debt,
          position.held_collateral,
          borrows(position.user, position.debt_id),
          lends_as_collateral(position.user, position.collateral_id)};
}

inline bool is_in_emode(const Position& position, const Configuration& configuration) noexcept {
  return position.emode != 0 && configuration.emode() == position.emode;
}

// Wad; all ones: no debt. GenericLogic.calculateUserAccountData.
inline u256 health_factor(Math& math, const Position& position, const Books& books,
                          std::uint64_t time_s) noexcept {
  u256 collateral;
  u256 debt;
  u256 weighted;
  for (std::uint32_t i = 0; i < position.reserve_count; ++i) {
    const Reserve& reserve = position.reserves[i];
    const Configuration configuration{reserve.configuration};
    const u256 unit = unit_of(configuration.decimals());
    const bool is_collateral = i == position.collateral;
    const bool is_debt = i == position.debt;
    if (configuration.threshold() != 0 &&
        (is_collateral ? books.lends : lends_as_collateral(position.user, reserve.id))) {
      const u256& scaled = is_collateral ? books.scaled_collateral : reserve.scaled_collateral;
      const u256 balance = math.ray_mul(scaled, income_index(math, reserve, time_s));
      const u256 value = math.div(math.mul(balance, reserve.price), unit);
      collateral = math.add(collateral, value);
      const std::uint64_t threshold = is_in_emode(position, configuration)
                                          ? position.emode_threshold
                                          : configuration.threshold();
      weighted = math.add(weighted, math.mul(value, threshold));
    }
    if (is_debt ? books.borrows : borrows(position.user, reserve.id)) {
      const u256& scaled = is_debt ? books.scaled_debt : reserve.scaled_debt;
      const u256 owed = math.ray_mul(scaled, debt_index(math, reserve, time_s));
      debt = math.add(debt, math.div(math.mul(reserve.price, owed), unit));
    }
  }
  if (debt.is_zero()) return u256::max();
  const u256 threshold = collateral.is_zero() ? u256() : math.div(weighted, collateral);
  u256 product = math.mul(collateral, threshold);
  product = math.div(math.add(product, u256(percentage_factor / 2)), u256(percentage_factor));
  return math.wad_div(product, debt);
}

// What decides over every amount.
struct Basis {
  Books books;
  u256 debt_max;       // the most that is taken
  u256 balance;        // the account's collateral
  u256 income;         // the later index of the collateral
  u256 borrow;         // and of the debt
  u256 owed;           // debt at the later time
  u256 paid_factor;    // debt price times the collateral's unit
  u256 priced_factor;  // collateral price times the debt's unit
  std::uint64_t bonus = 0;
  std::uint64_t protocol_fee = 0;
};

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

struct Liquidation {
  u256 repaid;
  u256 paid;  // to whoever liquidates
  u256 fee;   // to the market's treasury, in collateral
  u256 scaled_repaid;
  u256 scaled_paid;
};

// LiquidationLogic._calculateAvailableCollateralToLiquidate and the burns, of an amount that is
// taken whole. GANTRY_OUT_OF_RANGE: the contract would take less, or has not enough collateral to
// pay out; GANTRY_NO_LIQUIDITY: it is too little to pay anything.
inline gantry_status liquidate(const Basis& basis, const u256& amount, Liquidation& out) noexcept {
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

// The arithmetic of a liquidation, as @aave/core-v3 1.19.3 has it: WadRayMath, PercentageMath and
// MathUtils, GenericLogic.calculateUserAccountData, and LiquidationLogic. Every division rounds as
// theirs does; what would revert there is a failure here. What later releases changed is in
// math_later.hpp.
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

  // Of later releases: down, and up.
  u256 ray_mul_floor(const u256& a, const u256& b) noexcept { return div(mul(a, b), ray); }
  u256 ray_mul_ceil(const u256& a, const u256& b) noexcept { return div_ceil(mul(a, b), ray); }
  u256 ray_div_floor(const u256& a, const u256& b) noexcept { return div(mul(a, ray), b); }
  u256 ray_div_ceil(const u256& a, const u256& b) noexcept { return div_ceil(mul(a, ray), b); }
  u256 div_ceil(const u256& a, const u256& b) noexcept {
    const u256 quotient = div(a, b);
    return add(quotient, u256(wrapping_mul(quotient, b) == a ? 0 : 1));
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
  // The same of later releases: x + x (x / 2 + x x / 6).
  u256 compounded_interest_later(const u256& rate, std::uint64_t seconds) noexcept {
    const u256 x = div(mul(rate, seconds), u256(seconds_per_year));
    const u256 inner = add(shift_right(x, 1), ray_mul(x, div(x, u256(6))));
    return add(add(ray, x), ray_mul(x, inner));
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
  const bool is_counted = position.is_later();
  return {position.debt_reserve().scaled_debt,
          position.collateral_reserve().scaled_collateral,
          is_counted ? std::min(position.held_debt, position.virtual_debt) : position.held_debt,
          is_counted ? std::min(position.held_collateral, position.virtual_collateral)
                     : position.held_collateral,
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

// The account and the two reserves at one time, by later releases.
struct Moment {
  u256 income;      // index of the collateral
  u256 borrow;      // and of the debt
  u256 debt;        // what the account owes of the debt's reserve
  u256 balance;     // and has of the collateral's
  u256 debt_value;  // the same in the base currency
  u256 balance_value;
  u256 total_debt;  // in all reserves, in the base currency
  u256 health;      // wad
};

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
  // By later releases alone, which have not got `balance`, `income`, `borrow` and `owed`.
  std::uint32_t revision = 0;
  Moment at[2];  // the state's time and the expected one
  u256 debt_price;
  u256 debt_unit;
  u256 collateral_price;
  u256 collateral_unit;
};

struct Liquidation {
  u256 repaid;
  u256 paid;  // to whoever liquidates
  u256 fee;   // to the market's treasury, in collateral
  u256 scaled_repaid;
  u256 scaled_paid;
  u256 scaled_fee;  // by later releases alone
};

}  // namespace gantry::aave_v3

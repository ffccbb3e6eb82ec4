// Whether the legs of a trade fit together, and the same legs with another amount. They follow each
// other, or split: gantry/split.h has the rule.
//
// THREADS  Pure but for the quotes.
#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "gantry/strategy.h"
#include "gantry/u256.hpp"
#include "host/market/market_view.hpp"

namespace gantry::host {

// What there is of each token between the legs.
class LegBalances {
 public:
  LegBalances(std::uint32_t token, const u256& amount) : first_(token) { put(token, amount); }

  u256 of(std::uint32_t token) const noexcept;
  // False: there is not so much.
  bool take(std::uint32_t token, const u256& amount) noexcept;
  // False: more than 256 bits.
  bool put(std::uint32_t token, const u256& amount) noexcept;
  // Nothing is left but so much of this token, and what was there at first was used up once.
  bool end_in(std::uint32_t token, const u256& amount) const noexcept;

 private:
  struct Balance {
    std::uint32_t token;
    u256 amount;
  };
  std::array<Balance, GANTRY_LEGS_MAX + 1> all_{};
  std::size_t count_ = 0;
  std::uint32_t first_;
  bool used_up_ = false;
};

// Whether the leg after this one takes just what this one pays.
bool next_takes_it(const gantry_opportunity& opportunity, std::uint32_t leg) noexcept;

// The same legs for another amount, each with the same share of what there is, on the venues'
// quotes; nothing: they cannot be traded so. The legs fit together.
std::optional<gantry_opportunity> with_amount_in(const MarketView& view,
                                                 const gantry_opportunity& opportunity,
                                                 const u256& amount_in);

}  // namespace gantry::host

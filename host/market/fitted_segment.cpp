#include "host/market/fitted_segment.hpp"

#include <algorithm>
#include <array>

#include "gantry/u256.hpp"

namespace gantry::host {

namespace {

// Of what the pool holds of the token, and of the most that it takes in one swap: near enough to
// the price, and enough to be told apart from rounding.
constexpr std::uint64_t share_of_balance = 64;
constexpr std::uint64_t share_of_most = 32;
constexpr std::size_t tokens_max = 64;
// A pool without a slope is as deep as this many times the larger amount.
constexpr unsigned flat_bits = 20;

bool pays(const VenueInstance& venue, const gantry_pool_state& state, std::uint32_t token_in,
          std::uint32_t token_out, const u256& amount, u256& out) {
  const gantry_swap swap{amount, token_in, token_out, GANTRY_EXACT_IN, 0};
  gantry_quote quote{};
  gantry_buffer* none = nullptr;
  if (venue.call<&gantry_dex_v1::quote>(Phase::quote, &state, &swap, &quote, none) != GANTRY_OK) {
    return false;
  }
  out = u256(quote.amount_out);
  return !out.is_zero();
}

}  // namespace

bool fit_segment(const VenueInstance& venue, const gantry_pool_state& state, std::uint32_t token_in,
                 std::uint32_t token_out, gantry_segment& out) {
  gantry_swap_limits limits{};
  if (venue.call<&gantry_dex_v1::limits>(Phase::quote, &state, token_in, token_out, &limits) !=
      GANTRY_OK) {
    return false;
  }
  std::array<gantry_amount, tokens_max> balances{};
  gantry_pool_view view{0, tokens_max, balances.data()};
  if (venue.call<&gantry_dex_v1::view>(Phase::quote, &state, &view) != GANTRY_OK ||
      token_in >= view.token_count) {
    return false;
  }
  u256 once;
  u256 of_balance;
  if (!div_floor(u256(limits.in_max), u256(share_of_most), once) ||
      !div_floor(u256(balances[token_in]), u256(share_of_balance), of_balance)) {
    return false;
  }
  once = std::min(once, of_balance);
  // No pool holds more, and what is computed below has to fit.
  once = std::max(std::min(once, shift_left(u256(1), 120)), u256(limits.in_min));
  if (once.is_zero() || !once.fits_u128()) return false;
  const u256 twice = shift_left(once, 1);
  u256 first;
  u256 second;
  if (!pays(venue, state, token_in, token_out, once, first) ||
      !pays(venue, state, token_in, token_out, twice, second) || second <= first) {
    return false;
  }
  u256 reserve_in = shift_left(twice, flat_bits);
  const u256 doubled = shift_left(first, 1);
  if (doubled > second) {
    u256 fitted;
    if (mul_div_floor(twice, wrapping_sub(second, first), wrapping_sub(doubled, second), fitted)) {
      reserve_in = std::min(reserve_in, fitted);
    }
  }
  u256 reserve_out;
  if (reserve_in.is_zero() ||
      !mul_div_floor(first, wrapping_add(reserve_in, once), once, reserve_out) ||
      reserve_out.is_zero()) {
    return false;
  }
  out = {};
  out.reserve_in = reserve_in;
  out.reserve_out = reserve_out;
  out.in_end = wrapping_add(twice, u256(1));
  out.fee_denominator = 1;
  return true;
}

}  // namespace gantry::host

// Swaps across ranges: the loop of UniswapV3Pool.swap, and the way from one stop to the next that
// quotes, limits and segments have in common.
#pragma once
#include <cstdint>

#include "gantry/dex.hpp"
#include "plugins/dex/uniswap_v3/state.hpp"
#include "plugins/dex/uniswap_v3/swap_math.hpp"

namespace gantry::uniswap_v3 {

// Where the price stands; the tick is told apart from it, as between crossing a tick and moving on
// the price is that of the tick above.
struct Place {
  u256 sqrt;
  uint128 liquidity = 0;
  std::int32_t tick = 0;
};

// The next multiple of the spacing that is initialized, or where the word ends:
// TickBitmap.nextInitializedTickWithinOneWord, and its price.
struct Stop {
  u256 sqrt;
  std::int32_t tick = 0;
  const Tick* initialized = nullptr;
};

// Routers name no limit, which means the last price before the end.
inline constexpr u256 lowest_sqrt = wrapping_add(sqrt_min, u256(1));
inline constexpr u256 highest_sqrt = wrapping_sub(sqrt_max, u256(1));

// The ticks of a state, found word by word.
class Ticks {
 public:
  Ticks(const gantry_state& state, std::int32_t spacing) noexcept
      : state_(state), paging_(spacing) {}

  // GANTRY_NEED_STATE: the word, or a tick of it, is not known. GANTRY_BAD_STATE: bytes.
  template <bool zero_for_one>
  gantry_status next(std::int32_t tick, Stop& out) noexcept {
    const std::int32_t compressed = floor_div(tick, paging_.spacing) + (zero_for_one ? 0 : 1);
    const std::int32_t number = compressed >> 8;
    if (number != number_ || word_ == nullptr) {
      if (const auto status = enter(number); status != GANTRY_OK) return status;
    }
    const auto bit = static_cast<unsigned>(compressed & 255);
    const std::span<const Tick> ticks = page_.ticks_of(*word_);
    if constexpr (zero_for_one) {
      const unsigned rank = count_bits_below(*word_, bit + 1);
      if (rank == 0) return boundary(paging_.first_tick(number), word_->first_sqrt, out);
      return ticks[rank - 1].tick <= tick ? at(ticks[rank - 1], out) : GANTRY_BAD_STATE;
    } else {
      const unsigned rank = count_bits_below(*word_, bit);
      if (rank == ticks.size()) return boundary(paging_.last_tick(number), word_->last_sqrt, out);
      return ticks[rank].tick > tick ? at(ticks[rank], out) : GANTRY_BAD_STATE;
    }
  }

 private:
  gantry_status enter(std::int32_t number) noexcept {
    word_ = nullptr;
    if (!paging_.has(number)) return GANTRY_BAD_STATE;
    const std::uint32_t index = paging_.page_of(number);
    const std::uint32_t chunk = index + first_page_chunk;
    if (chunk >= state_.chunk_count || state_.chunks[chunk].size == 0) {
      return GANTRY_NEED_STATE;
    }
    page_ = page_of(state_, paging_, index);
    if (!page_) return GANTRY_BAD_STATE;
    const Word* word = page_.word(number);
    if (word == nullptr) return GANTRY_NEED_STATE;
    if (count_bits(*word) != word->count || page_.ticks_of(*word).size() != word->count) {
      return GANTRY_BAD_STATE;
    }
    word_ = word;
    number_ = number;
    return GANTRY_OK;
  }

  static gantry_status at(const Tick& tick, Stop& out) noexcept {
    if (tick.pending != 0) return GANTRY_NEED_STATE;
    out = {tick.sqrt(), tick.tick, &tick};
    return GANTRY_OK;
  }

  static gantry_status boundary(std::int32_t tick, const Stored192& sqrt, Stop& out) noexcept {
    out = {sqrt.load(), tick, nullptr};
    return GANTRY_OK;
  }

  const gantry_state& state_;
  Paging paging_;
  PageView page_;
  const Word* word_ = nullptr;
  std::int32_t number_ = 0;
};

// The price that a step towards `stop` may reach.
template <bool zero_for_one>
GANTRY_HOT u256 target_of(const Stop& stop) noexcept {
  if constexpr (zero_for_one) return stop.sqrt < lowest_sqrt ? lowest_sqrt : stop.sqrt;
  return stop.sqrt > highest_sqrt ? highest_sqrt : stop.sqrt;
}

// Past `stop`, whose price has been reached: crosses it if it is initialized. False: the liquidity
// would leave 128 bits, which no pool's does.
template <bool zero_for_one>
GANTRY_HOT bool pass(const Stop& stop, Place& place) noexcept {
  if (stop.initialized != nullptr) {
    const uint128 net = stop.initialized->net.load();
    const bool negative = (net >> 127U) != 0;
    if (negative == zero_for_one) {  // LiquidityMath.addDelta; falling, the sign is turned
      const uint128 more = zero_for_one ? uint128{0} - net : net;
      if (place.liquidity + more < more) return false;
      place.liquidity += more;
    } else {
      const uint128 less = zero_for_one ? net : uint128{0} - net;
      if (less > place.liquidity) return false;
      place.liquidity -= less;
    }
  }
  place.tick = zero_for_one ? stop.tick - 1 : stop.tick;
  return true;
}

template <bool zero_for_one>
GANTRY_HOT bool at_the_end(const u256& sqrt) noexcept {
  return zero_for_one ? sqrt <= lowest_sqrt : sqrt >= highest_sqrt;
}

struct Swapped {
  u256 amount_in;  // with the fee
  u256 amount_out;
  u256 fee;
  Place after;
  std::uint32_t crossings = 0;
  std::uint32_t words = 0;    // stops that were only the end of a word
  bool tick_is_known = true;  // false: `after.tick` is that of `after.sqrt`
};

// UniswapV3Pool.swap without a limit of the caller's. `edges` spare the ticks, which are asked from
// where they end. GANTRY_NO_LIQUIDITY: the pool runs out before the amount does.
template <bool zero_for_one, bool exact_in>
gantry_status swap_across(Ticks ticks, EdgeWalk edges, const Place& start, std::uint32_t fee,
                          const u256& amount, Swapped& out) noexcept {
  Place place = start;
  u256 remaining = amount;
  u256 total_in;  // of exact out; with exact in the amount and what is left tell it
  u256 total_out;
  u256 total_fee;
  while (!remaining.is_zero()) {
    if (at_the_end<zero_for_one>(place.sqrt)) return GANTRY_NO_LIQUIDITY;
    Stop stop;
    const Edge* edge = edges.edge();
    if (edge != nullptr) {
      stop.sqrt = edge->sqrt.load();
    } else if (const auto status = ticks.next<zero_for_one>(place.tick, stop);
               status != GANTRY_OK) {
      return status;
    }
    const u256 target = target_of<zero_for_one>(stop);
    // A price outside its own range, or no price: the bytes are not a pool's.
    if (zero_for_one ? target > place.sqrt || target.is_zero() : target < place.sqrt) {
      return GANTRY_BAD_STATE;
    }
    Step step;
    u256 most;
    if constexpr (exact_in) {
      if (edge != nullptr) {
        most = u256::from_u128(edge->amount_in.load());
      } else if (!step_in<zero_for_one>(place.sqrt, target, place.liquidity, most)) {
        return GANTRY_BAD_STATE;
      }
      if (!step_exact_in<zero_for_one>(place.sqrt, target, place.liquidity, remaining, fee, most,
                                       step)) {
        return GANTRY_OUT_OF_RANGE;
      }
      if (step.reached) {
        if (edge != nullptr) {
          step.amount_out = u256::from_u128(edge->amount_out.load());
        } else if (!step_out<zero_for_one>(place.sqrt, target, place.liquidity, step.amount_out)) {
          return GANTRY_BAD_STATE;
        }
      }
      remaining = wrapping_sub(remaining, wrapping_add(step.amount_in, step.fee));
    } else {
      if (edge != nullptr) {
        most = u256::from_u128(edge->amount_out.load());
      } else if (!step_out<zero_for_one>(place.sqrt, target, place.liquidity, most)) {
        return GANTRY_BAD_STATE;
      }
      if (!step_exact_out<zero_for_one>(place.sqrt, target, place.liquidity, remaining, fee, most,
                                        step)) {
        return GANTRY_NO_LIQUIDITY;
      }
      if (step.reached && remaining >= most) {
        if (edge != nullptr) {
          step.amount_in = u256::from_u128(edge->amount_in.load());
        } else if (!step_in<zero_for_one>(place.sqrt, target, place.liquidity, step.amount_in)) {
          return GANTRY_BAD_STATE;
        }
        step.fee = fee_on(step.amount_in, fee);
      }
      remaining = wrapping_sub(remaining, step.amount_out);
      total_in = wrapping_add(total_in, wrapping_add(step.amount_in, step.fee));
    }
    total_out = wrapping_add(total_out, step.amount_out);
    total_fee = wrapping_add(total_fee, step.fee);
    // Looked at only by a swap that gets there.
    const Beyond* beyond = edge != nullptr && step.reached ? edges.pass() : nullptr;
    if (edge != nullptr && step.reached && beyond == nullptr) return GANTRY_BAD_STATE;
    const bool is_last = beyond != nullptr ? beyond->kind == edge_of_price : target != stop.sqrt;
    if (step.reached && !is_last) {
      place.sqrt = target;
      if (beyond != nullptr) {
        place.liquidity = beyond->liquidity.load();
        place.tick = beyond->tick;
      } else if (!pass<zero_for_one>(stop, place)) {
        return GANTRY_BAD_STATE;
      }
      const bool crossed =
          beyond != nullptr ? beyond->kind == edge_of_tick : stop.initialized != nullptr;
      ++(crossed ? out.crossings : out.words);
      out.tick_is_known = true;
    } else {
      edges = EdgeWalk();
      if (step.sqrt != place.sqrt) {
        place.sqrt = step.sqrt;
        out.tick_is_known = false;
      }
    }
  }
  out.amount_in = exact_in ? amount : total_in;
  out.amount_out = total_out;
  out.fee = total_fee;
  out.after = place;
  return GANTRY_OK;
}

// Calls `f(from, stop, target, place)` for each step from `place` to the end of what is known.
// GANTRY_OK: `f` said false, or the last price was reached; GANTRY_NEED_STATE: the end of what is
// known. `f` is given the range before `place` moves on.
template <bool zero_for_one, class F>
gantry_status each_step(Ticks ticks, Place place, F&& f) noexcept {
  while (!at_the_end<zero_for_one>(place.sqrt)) {
    Stop stop;
    if (const auto status = ticks.next<zero_for_one>(place.tick, stop); status != GANTRY_OK) {
      return status;
    }
    const u256 target = target_of<zero_for_one>(stop);
    if (zero_for_one ? target > place.sqrt || target.is_zero() : target < place.sqrt) {
      return GANTRY_BAD_STATE;
    }
    if (!f(place, stop, target)) return GANTRY_OK;
    place.sqrt = target;
    if (target != stop.sqrt) return GANTRY_OK;
    if (!pass<zero_for_one>(stop, place)) return GANTRY_BAD_STATE;
  }
  return GANTRY_OK;
}

}  // namespace gantry::uniswap_v3

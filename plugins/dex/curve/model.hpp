// The two families as the plugin drives them: what a pool is made of, whether its bytes can be one,
// and how a fact changes it.
#pragma once
#include <algorithm>
#include <cstring>
#include <span>

#include "gantry/dex.hpp"
#include "plugins/dex/curve/abi.hpp"
#include "plugins/dex/curve/crypto.hpp"
#include "plugins/dex/curve/stable.hpp"

namespace gantry::curve {

// Bounds of what a contract can hold, wide enough for every generation and narrow enough that the
// arithmetic on 64 bits cannot wrap.
inline constexpr std::uint64_t amplification_max = 1'000'000'000'000ULL;
inline constexpr std::uint64_t offpeg_max = 1'000'000'000'000'000'000ULL;

// snappedRedemptionPrice() has 27 digits after the point, a rate has 18: StableSwapRAI cuts them
// off.
inline u256 scaled_redemption_price(const u256& price) noexcept {
  Checked calc;
  return calc.div(price, u256(1'000'000'000));
}

inline bool in_bounds(const u256& value, std::uint64_t most, std::uint64_t& out) noexcept {
  if (value > u256(most)) return false;
  out = value.limb(0);
  return true;
}

struct StableModel {
  using State = StableState;
  using Pool = StablePool;
  using Basis = StableBasis;
  using Swap = StableSwap;

  static std::uint64_t overlay_bytes(const State& state) noexcept {
    return state.coins * sizeof(u256);
  }
  static bool is_whole(const State& state) noexcept {
    return state.fee <= fee_denominator && state.admin_fee <= fee_denominator &&
           state.offpeg_multiplier <= offpeg_max && state.ramp.initial <= amplification_max &&
           state.ramp.future <= amplification_max;
  }
  static Pool pool(const State& state, const Variant& variant, const std::uint8_t* overlay,
                   std::uint64_t time_s) noexcept {
    return {state, variant.stable,
            overlay == nullptr ? state.balances : reinterpret_cast<const u256*>(overlay), time_s};
  }
  static const u256* balances(const Pool& pool) noexcept { return pool.balances; }
  static void write_overlay(const Pool& pool, std::size_t in, std::size_t out, const Swap& swap,
                            std::uint8_t* to) noexcept {
    auto* after = reinterpret_cast<u256*>(to);
    std::copy_n(pool.balances, pool.coins(), after);
    after[in] = swap.balance_in;
    after[out] = swap.balance_out;
  }
  static u256 fee_now(const Pool& pool) noexcept { return pool.state.fee; }

  static void begin(const gantry_pool_spec& spec, const Variant& variant, State& state) noexcept {
    state.admin_fee = half_of_fee;
    for (std::uint32_t i = 0; i < spec.token_count; ++i) {
      state.rates[i] = power_of_ten(36 - spec.tokens[i].decimals);
    }
    finish(variant, 0, state);
  }
  // What follows from the facts: shortcuts of the rates, and D, so that quotes need not solve it.
  static void finish(const Variant& variant, std::uint64_t time_s, State& state) noexcept {
    const bool moves =
        variant.stable.rates == Rates::meta_cached || variant.stable.rates == Rates::meta_fresh;
    for (std::uint32_t i = 0; i < state.coins; ++i) {
      // A base pool's price moves with time: the last coin then has no multiple.
      state.multiples[i] = moves && i + 1 == state.coins ? 0 : multiple_of(state.rates[i]);
    }
    state.d = {};
    if (state.ready == 0) return;
    const Pool now = pool(state, variant, nullptr, time_s);
    Basis basis;
    if (prepare(now, basis) != GANTRY_OK) return;
    state.d = basis.d;
    state.d_amplification = basis.amplification;
    state.d_last_rate = now.rate(now.last());
  }
  static bool decode(const Question& question, std::span<const std::uint8_t> data,
                     State& state) noexcept {
    if (question.what == Ask::stored_rates) return read_array(data, state.coins, state.rates);
    if (data.size() != word_bytes) return false;
    const u256 value = evm::read_word(data);
    switch (question.what) {
      case Ask::balance:
        state.balances[question.argument] = value;
        return true;
      case Ask::initial_a:
        return in_bounds(value, amplification_max, state.ramp.initial);
      case Ask::future_a:
        return in_bounds(value, amplification_max, state.ramp.future);
      case Ask::initial_a_time:
        return in_bounds(value, ~std::uint64_t{0}, state.ramp.initial_time_s);
      case Ask::future_a_time:
        return in_bounds(value, ~std::uint64_t{0}, state.ramp.future_time_s);
      case Ask::fee:
        return in_bounds(value, fee_denominator, state.fee);
      case Ask::admin_fee:
        return in_bounds(value, fee_denominator, state.admin_fee);
      case Ask::base_price_cached:
        state.base_price_cached = value;
        return true;
      case Ask::base_cached_at:
        return in_bounds(value, ~std::uint64_t{0}, state.base_cached_at_s);
      case Ask::base_price:
        state.base_price = value;
        return true;
      case Ask::redemption_price:
        state.rates[0] = scaled_redemption_price(value);
        return true;
      case Ask::offpeg_multiplier:
        return in_bounds(value, offpeg_max, state.offpeg_multiplier);
      default:
        return false;
    }
  }
};

template <class Math>
struct CryptoModel {
  using State = CryptoState;
  using Pool = CryptoPool<Math>;
  using Basis = CryptoBasis<Math::n>;
  using Swap = CryptoSwap;

  static std::uint64_t overlay_bytes(const State&) noexcept { return sizeof(CryptoMoving); }
  static bool is_whole(const State& state) noexcept { return state.coins == Math::n; }
  static Pool pool(const State& state, const Variant&, const std::uint8_t* overlay,
                   std::uint64_t time_s) noexcept {
    return {state,
            overlay == nullptr ? state.moving : *reinterpret_cast<const CryptoMoving*>(overlay),
            time_s};
  }
  static const u256* balances(const Pool& pool) noexcept { return pool.moving.balances; }
  static void write_overlay(const Pool&, std::size_t, std::size_t, const Swap& swap,
                            std::uint8_t* to) noexcept {
    std::memcpy(to, &swap.after, sizeof(swap.after));
  }
  static u256 fee_now(const Pool& pool) noexcept {
    Basis basis;
    if (prepare(pool, basis) != GANTRY_OK) return {};
    Checked calc;
    const u256 fee = fee_at<Math>(calc, pool.state, basis.xp);
    return calc.failed() ? u256() : fee;
  }

  static void begin(const gantry_pool_spec& spec, const Variant&, State& state) noexcept {
    for (std::uint32_t i = 0; i < spec.token_count; ++i) {
      state.precisions[i] = power_of_ten(18 - spec.tokens[i].decimals).limb(0);
    }
  }
  static void finish(const Variant&, std::uint64_t, State&) noexcept {}

  static bool decode(const Question& question, std::span<const std::uint8_t> data,
                     State& state) noexcept {
    if (data.size() != word_bytes) return false;
    const u256 value = evm::read_word(data);
    const u256 low = u256::from_u128(value.low128());
    const u256 high = u256::from_u128(value.high128());
    CryptoMoving& moving = state.moving;
    switch (question.what) {
      case Ask::balance:
        moving.balances[question.argument] = value;
        return true;
      case Ask::d:
        moving.d = value;
        return true;
      case Ask::price_scale:
        moving.price_scale[question.argument] = value;
        return true;
      case Ask::price_oracle_raw:
        // Two prices share a word, the first one low; one has it for itself.
        moving.price_oracle[0] = Math::n == 3 ? low : value;
        moving.price_oracle[1] = Math::n == 3 ? high : u256();
        return true;
      case Ask::last_price:
        moving.last_prices[question.argument] = value;
        return true;
      case Ask::oracle_time:
        // Pools of two coins keep another time above it.
        return in_bounds(Math::n == 2 ? low : value, ~std::uint64_t{0}, moving.oracle_time_s);
      case Ask::initial_curve:
        state.initial = {high, low};
        return true;
      case Ask::future_curve:
        state.future = {high, low};
        return true;
      case Ask::initial_curve_time:
        return in_bounds(value, ~std::uint64_t{0}, state.initial_time_s);
      case Ask::future_curve_time:
        return in_bounds(value, ~std::uint64_t{0}, state.future_time_s);
      case Ask::fee_parameters:
        return unpack(value, state.fees);
      case Ask::rebalance_parameters:
        return unpack(value, state.rebalance);
      case Ask::xcp_profit:
        moving.xcp_profit = value;
        return true;
      case Ask::virtual_price:
        moving.virtual_price = value;
        return true;
      case Ask::total_supply:
        state.total_supply = value;
        return true;
      default:
        return false;
    }
  }

 private:
  // Three numbers of 64 bits, the last one low.
  static bool unpack(const u256& value, u256 (&out)[3]) noexcept {
    for (std::size_t i = 0; i < 3; ++i) out[i] = u256(value.limb(2 - i));
    return value.limb(3) == 0;
  }
};

}  // namespace gantry::curve

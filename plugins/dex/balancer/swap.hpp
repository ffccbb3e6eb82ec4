// One swap of one pool, as the pool's contract and its vault compute it together.
//
// V2: the fee is taken from the amount as it is sent, before it is scaled to 18 decimals.
// V3: amounts are scaled first, with the rate rounded against the taker, and fees taken then.
// ERRORS  GANTRY_NO_LIQUIDITY: more than the pool's ratio or balance allows, or nothing comes out;
//         GANTRY_OUT_OF_RANGE: the contract's arithmetic or a balance's type overflows.
#pragma once
#include "plugins/dex/balancer/pool.hpp"
#include "plugins/dex/balancer/weighted_math.hpp"

namespace gantry::balancer {

struct Direction {
  std::uint32_t in;
  std::uint32_t out;
};

// What a swap moves. `curve_in`: what of `in`, with 18 decimals, reaches the formula after fees.
struct Moved {
  u256 in;
  u256 out;
  u256 fee;     // in units of the token in
  u256 leaves;  // V3: of the fee, what does not stay in the pool
  u256 curve_in;
  u256 curve_out;
};

// A token's amounts to and from 18 decimals.
struct Scale {
  std::uint64_t decimals;  // 10^(18 - decimals)
  uint128 rate;

  bool is_plain() const noexcept { return rate == one; }
  u256 factor(uint128 with_rate) const noexcept {  // below 2^188
    const detail::Product256 product = detail::mul_128(with_rate, decimals);
    return u256::from_halves(product.low, product.high);
  }
  // A provider's rate counts as rounded down, unless it is whole.
  uint128 rate_up() const noexcept { return rate % one == 0 ? rate : rate + 1; }

  [[nodiscard]] bool up(const u256& raw, u256& scaled) const noexcept {
    return is_plain() ? mul(raw, decimals, scaled) : mul_down(raw, factor(rate), scaled);
  }
  [[nodiscard]] bool up_rounded_up(const u256& raw, u256& scaled) const noexcept {
    return is_plain() ? mul(raw, decimals, scaled) : mul_up(raw, factor(rate_up()), scaled);
  }
  [[nodiscard]] bool down(const u256& scaled, uint128 with_rate, u256& raw) const noexcept {
    if (with_rate != one) return div_down(scaled, factor(with_rate), raw);
    if (decimals != 1) return div_floor(scaled, u256(decimals), raw);
    raw = scaled;
    return true;
  }
  [[nodiscard]] bool down_rounded_up(const u256& scaled, u256& raw) const noexcept {
    if (!is_plain()) return div_up(scaled, factor(rate), raw);
    if (decimals != 1) return div_ceil(scaled, u256(decimals), raw);
    raw = scaled;
    return true;
  }
};

class Swap {
 public:
  // `kind` is the market's own variant.
  Swap(const Market& market, const Variant& kind, Direction way, std::uint64_t time_s) noexcept
      : market_(market), kind_(kind), way_(way), time_s_(time_s) {}

  gantry_status exact_in(const u256& in, Moved& moved) noexcept;
  gantry_status exact_out(const u256& out, Moved& moved) noexcept;
  // 1 - (average price / price before) of a swap that was computed by this object.
  double price_impact(const Moved& moved) noexcept;

  uint128 balance_max() const noexcept {
    return kind_.vault == 2 ? largest_u112 : ~static_cast<uint128>(0);
  }
  // No amount in from this one on is taken. Of the V3 vault fees leave, which makes room again; but
  // at least 10^-18 of what comes stays.
  u256 in_end() const noexcept {
    if (kind_.vault == 3) return shift_left(u256(1), 250);
    const uint128 held = join(market_.tokens[way_.in].balance);
    return u256::from_u128(held > balance_max() ? 0 : balance_max() - held + 1);
  }

 private:
  Scale scale(std::uint32_t token) const noexcept {
    const Token& of = market_.tokens[token];
    if (kind_.rates == Rates::none) return {of.scaling, one};
    if (kind_.rates == Rates::cache_of_3) return {of.scaling, join(of.rate)};
    return {of.scaling, rate_at(market_, token, time_s_)};
  }
  u256 balance(std::uint32_t token) const noexcept {
    return u256::from_u128(join(market_.tokens[token].balance));
  }
  // Sets scaled_ to what the formula reads. False: it overflows.
  bool load() noexcept;
  bool load_stable() noexcept;
  gantry_status curve_out(const u256& in, u256& out) noexcept;
  gantry_status curve_in(const u256& out, u256& in) noexcept;
  gantry_status check_after(const u256& in, const u256& out) const noexcept;
  gantry_status check_balances(const Moved& moved) const noexcept;
  WeightedSide weighted() const noexcept {
    return {scaled_[way_.in], scaled_[way_.out], market_.tokens[way_.in].weight,
            market_.tokens[way_.out].weight, kind_.fast_powers};
  }
  StableSide stable() noexcept {
    return {{scaled_, count_}, index_in_, index_out_, amp_, kind_.stable};
  }

  const Market& market_;
  const Variant& kind_;
  Direction way_;
  std::uint64_t time_s_;
  u256 scaled_[tokens_max];     // stable: without the pool's own token
  std::uint32_t count_ = 0;     // of scaled_, stable
  std::uint32_t index_in_ = 0;  // into scaled_, stable
  std::uint32_t index_out_ = 0;
  std::uint64_t amp_ = 0;
  u256 invariant_;
};

inline bool Swap::load() noexcept {
  if (kind_.curve == Curve::stable) return load_stable();
  if (!scale(way_.in).up(balance(way_.in), scaled_[way_.in]) ||
      !scale(way_.out).up(balance(way_.out), scaled_[way_.out])) {
    return false;
  }
  return !kind_.minimum_balances || add(scaled_[way_.in], u256(1), scaled_[way_.in]);
}

inline bool Swap::load_stable() noexcept {
  count_ = 0;
  for (std::uint32_t token = 0; token < market_.token_count; ++token) {
    if (token == market_.bpt) continue;
    if (token == way_.in) index_in_ = count_;
    if (token == way_.out) index_out_ = count_;
    if (!scale(token).up(balance(token), scaled_[count_])) return false;
    ++count_;
  }
  amp_ = amp_at(market_, time_s_);
  const bool cached = kind_.rates == Rates::cache_of_3 || time_s_ <= market_.first_expiry;
  if (amp_ == market_.amp_start && cached) {
    invariant_ = u256::from_limbs(market_.invariant[0], market_.invariant[1], market_.invariant[2],
                                  market_.invariant[3]);
    if (!invariant_.is_zero()) return true;
  }
  return stable_invariant({scaled_, count_}, amp_, kind_.stable, invariant_);
}

// What the V3 pools of 2026 check of their balances before and after.
inline gantry_status Swap::check_after(const u256& in, const u256& out) const noexcept {
  if (kind_.minimum_balances) {
    u256 left;
    const bool enough = scaled_[way_.in] >= u256::from_u128(join(market_.minimum[way_.in])) &&
                        sub(scaled_[way_.out], out, left) &&
                        left >= u256::from_u128(join(market_.minimum[way_.out]));
    if (!enough) return GANTRY_NO_LIQUIDITY;
  }
  if (kind_.imbalance_bound) {
    constexpr std::uint64_t imbalance_end = 10'000;
    u256 least = scaled_[0];
    u256 most = scaled_[0];
    for (std::uint32_t i = 1; i < count_; ++i) {
      least = std::min(least, scaled_[i]);
      most = std::max(most, scaled_[i]);
    }
    u256 more;
    u256 less;
    if (!add(scaled_[index_in_], in, more) || !sub(scaled_[index_out_], out, less)) {
      return GANTRY_OUT_OF_RANGE;
    }
    most = std::max(most, more);
    least = std::min(least, less);
    u256 imbalance;
    if (!div_floor(most, least, imbalance) || imbalance >= u256(imbalance_end)) {
      return GANTRY_NO_LIQUIDITY;
    }
  }
  return GANTRY_OK;
}

inline gantry_status Swap::curve_out(const u256& in, u256& out) noexcept {
  const gantry_status status = kind_.curve == Curve::weighted
                                   ? weighted_out(weighted(), in, out)
                                   : stable_out(stable(), invariant_, in, out);
  return status == GANTRY_OK && kind_.vault == 3 ? check_after(in, out) : status;
}

inline gantry_status Swap::curve_in(const u256& out, u256& in) noexcept {
  const gantry_status status = kind_.curve == Curve::weighted
                                   ? weighted_in(weighted(), out, in)
                                   : stable_in(stable(), invariant_, out, in);
  return status == GANTRY_OK && kind_.vault == 3 ? check_after(in, out) : status;
}

// What the vaults keep must fit their types.
inline gantry_status Swap::check_balances(const Moved& moved) const noexcept {
  if (moved.in.is_zero() || moved.out.is_zero()) return GANTRY_NO_LIQUIDITY;
  if (moved.out > balance(way_.out)) return GANTRY_NO_LIQUIDITY;
  u256 after;
  if (!add(balance(way_.in), moved.in, after) || !sub(after, moved.leaves, after) ||
      after > u256::from_u128(balance_max())) {
    return GANTRY_OUT_OF_RANGE;
  }
  u256 live;
  if (kind_.vault == 3 && (!scale(way_.in).up(after, live) || !live.fits_u128())) {
    return GANTRY_OUT_OF_RANGE;
  }
  return GANTRY_OK;
}

inline gantry_status Swap::exact_in(const u256& in, Moved& moved) noexcept {
  if (!load()) return GANTRY_OUT_OF_RANGE;
  const Scale from = scale(way_.in);
  const Scale to = scale(way_.out);
  moved.in = in;
  moved.leaves = u256();
  if (kind_.vault == 2) {
    u256 kept;
    if (!mul_up(in, u256(market_.fee), moved.fee) || !sub(in, moved.fee, kept) ||
        !from.up(kept, moved.curve_in)) {
      return GANTRY_OUT_OF_RANGE;
    }
    const auto status = curve_out(moved.curve_in, moved.curve_out);
    if (status != GANTRY_OK) return status;
    if (!to.down(moved.curve_out, to.rate, moved.out)) return GANTRY_OUT_OF_RANGE;
    return check_balances(moved);
  }
  u256 given;
  u256 fee;
  if (!from.up(in, given) || !mul_up(given, u256(market_.fee), fee) ||
      !sub(given, fee, moved.curve_in)) {
    return GANTRY_OUT_OF_RANGE;
  }
  if (moved.curve_in < u256(market_.trade_min)) return GANTRY_NO_LIQUIDITY;
  const auto status = curve_out(moved.curve_in, moved.curve_out);
  if (status != GANTRY_OK) return status;
  if (moved.curve_out < u256(market_.trade_min)) return GANTRY_NO_LIQUIDITY;
  if (!to.down(moved.curve_out, to.rate_up(), moved.out) || !from.down(fee, from.rate, moved.fee) ||
      !mul_down(moved.fee, u256(market_.aggregate_fee), moved.leaves)) {
    return GANTRY_OUT_OF_RANGE;
  }
  return check_balances(moved);
}

inline gantry_status Swap::exact_out(const u256& out, Moved& moved) noexcept {
  if (!load()) return GANTRY_OUT_OF_RANGE;
  const Scale from = scale(way_.in);
  const Scale to = scale(way_.out);
  moved.out = out;
  moved.leaves = u256();
  const u256 kept_part(one - market_.fee);
  if (kind_.vault == 2) {
    u256 before_fee;
    if (!to.up(out, moved.curve_out)) return GANTRY_OUT_OF_RANGE;
    const auto status = curve_in(moved.curve_out, moved.curve_in);
    if (status != GANTRY_OK) return status;
    if (!from.down_rounded_up(moved.curve_in, before_fee) ||
        !div_up(before_fee, kept_part, moved.in)) {
      return GANTRY_OUT_OF_RANGE;
    }
    moved.fee = wrapping_sub(moved.in, before_fee);
    return check_balances(moved);
  }
  if (!to.up_rounded_up(out, moved.curve_out)) return GANTRY_OUT_OF_RANGE;
  if (moved.curve_out < u256(market_.trade_min)) return GANTRY_NO_LIQUIDITY;
  const auto status = curve_in(moved.curve_out, moved.curve_in);
  if (status != GANTRY_OK) return status;
  if (moved.curve_in < u256(market_.trade_min)) return GANTRY_NO_LIQUIDITY;
  u256 fee;
  u256 total;
  if (!mul(moved.curve_in, market_.fee, fee) || !div_ceil(fee, kept_part, fee) ||
      !add(moved.curve_in, fee, total) || !from.down_rounded_up(total, moved.in) ||
      !from.down(fee, from.rate, moved.fee) ||
      !mul_down(moved.fee, u256(market_.aggregate_fee), moved.leaves)) {
    return GANTRY_OUT_OF_RANGE;
  }
  return check_balances(moved);
}

GANTRY_APART inline double Swap::price_impact(const Moved& moved) noexcept {
  const double average = to_double(moved.curve_out) / to_double(moved.curve_in);
  double before = 0;
  if (kind_.curve == Curve::weighted) {
    before = to_double(scaled_[way_.out]) / static_cast<double>(market_.tokens[way_.out].weight) /
             (to_double(scaled_[way_.in]) / static_cast<double>(market_.tokens[way_.in].weight));
  } else {
    // The invariant's slope: A n^n + D^(n+1) / (n^n P x) for the token of balance x.
    const double d = to_double(invariant_);
    const double n = count_;
    double p = d;
    for (std::uint32_t i = 0; i < count_; ++i) p *= d / (to_double(scaled_[i]) * n);
    const double amp_n = static_cast<double>(amp_) * n / double{amp_precision};
    before =
        (amp_n + p / to_double(scaled_[index_in_])) / (amp_n + p / to_double(scaled_[index_out_]));
  }
  const double impact = 1 - average / before;
  return impact > 0 ? (impact < 1 ? impact : 1) : 0;  // nor is it a number below 0 by rounding
}

}  // namespace gantry::balancer

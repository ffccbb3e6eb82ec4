// A Uniswap V3 pool written as plainly as it can be, in integers without a limit and with a map of
// ticks. Includes no product code: it is what the product is compared with.
//
// The powers of 1.0001 are computed here, to a hundred digits, and rounded to the nearest 2^-128 as
// TickMath's are; everything else follows UniswapV3Pool.swap line by line.
#pragma once
#include <array>
#include <boost/multiprecision/cpp_bin_float.hpp>
#include <map>
#include <stdexcept>

#include "evm/abi_words.hpp"

namespace gantry::test {

inline constexpr int reference_tick_max = 887272;

inline Integer ceil_div(const Integer& a, const Integer& b) { return (a + b - 1) / b; }

inline Integer reference_sqrt_at(int tick) {
  using Real = boost::multiprecision::cpp_bin_float_100;
  static const std::array<Integer, 20> factors = [] {
    std::array<Integer, 20> result;
    Real power = sqrt(Real("1.0001"));
    for (Integer& factor : result) {
      factor = Integer(round(Real(Integer(1) << 128) / power));
      power *= power;
    }
    return result;
  }();
  static std::map<int, Integer> known;
  const auto found = known.find(tick);
  if (found != known.end()) return found->second;
  Integer ratio = Integer(1) << 128;
  const unsigned magnitude = static_cast<unsigned>(tick < 0 ? -tick : tick);
  for (unsigned i = 0; i < 20; ++i) {
    if ((magnitude >> i & 1U) != 0) ratio = ratio * factors[i] >> 128;
  }
  if (tick > 0) ratio = ((Integer(1) << 256) - 1) / ratio;
  return known[tick] = ceil_div(ratio, Integer(1) << 32);
}

// The greatest tick whose price is not above `sqrt`.
inline int reference_tick_at(const Integer& sqrt) {
  int low = -reference_tick_max;
  int high = reference_tick_max;
  while (low < high) {
    const int middle = low + (high - low + 1) / 2;
    if (reference_sqrt_at(middle) <= sqrt) {
      low = middle;
    } else {
      high = middle - 1;
    }
  }
  return low;
}

inline int floor_quotient(int a, int b) { return a >= 0 ? a / b : -((-a + b - 1) / b); }

struct ReferenceTick {
  Integer gross;
  Integer net;
};

struct ReferenceSwap {
  Integer amount_in;  // with the fee
  Integer amount_out;
  Integer fee;
  unsigned crossings = 0;
  bool whole = true;  // false: the price came to its end before the amount was used up
};

class ReferencePool3 {
 public:
  unsigned fee = 3000;
  int spacing = 60;
  Integer sqrt;
  int tick = 0;
  Integer liquidity;
  std::map<int, ReferenceTick> ticks;

  void start_at(const Integer& price) {
    sqrt = price;
    tick = reference_tick_at(price);
  }

  // Negative: burnt.
  void change(int lower, int upper, const Integer& amount) {
    if (amount == 0) return;
    for (const int at : {lower, upper}) {
      ReferenceTick& entry = ticks[at];
      entry.gross += amount;
      entry.net += at == lower ? amount : Integer(-amount);
      if (entry.gross == 0) ticks.erase(at);
    }
    if (tick >= lower && tick < upper) liquidity += amount;
  }

  // Moves the pool.
  ReferenceSwap swap(bool zero_for_one, bool exact_in, const Integer& amount) {
    const Integer limit = zero_for_one ? reference_sqrt_at(-reference_tick_max) + 1
                                       : reference_sqrt_at(reference_tick_max) - 1;
    ReferenceSwap result;
    Integer remaining = amount;
    while (remaining != 0 && sqrt != limit) {
      if (zero_for_one ? sqrt < limit : sqrt > limit) throw std::runtime_error("SPL");
      bool initialized = false;
      const int next = next_tick(zero_for_one, initialized);
      const Integer next_sqrt = reference_sqrt_at(next);
      const Integer target =
          (zero_for_one ? next_sqrt < limit : next_sqrt > limit) ? limit : next_sqrt;
      const Integer before = sqrt;
      step(zero_for_one, exact_in, target, remaining, result);
      if (sqrt == next_sqrt) {
        if (initialized) {
          liquidity += zero_for_one ? Integer(-ticks[next].net) : ticks[next].net;
          ++result.crossings;
        }
        tick = zero_for_one ? next - 1 : next;
      } else if (sqrt != before) {
        tick = reference_tick_at(sqrt);
      }
    }
    result.whole = remaining == 0;
    return result;
  }

 private:
  static const Integer& q96() {
    static const Integer value = Integer(1) << 96;
    return value;
  }

  int next_tick(bool zero_for_one, bool& initialized) const {
    const int compressed = floor_quotient(tick, spacing) + (zero_for_one ? 0 : 1);
    const int first = floor_quotient(compressed, 256) * 256;
    const int last = first + 255;
    int next = (zero_for_one ? first : last) * spacing;
    if (zero_for_one) {
      auto above = ticks.upper_bound(compressed * spacing);
      initialized = above != ticks.begin() && std::prev(above)->first >= first * spacing;
      if (initialized) next = std::prev(above)->first;
    } else {
      const auto at = ticks.lower_bound(compressed * spacing);
      initialized = at != ticks.end() && at->first <= last * spacing;
      if (initialized) next = at->first;
    }
    return std::max(-reference_tick_max, std::min(reference_tick_max, next));
  }

  Integer amount0(const Integer& a, const Integer& b, bool up) const {
    const Integer& low = a < b ? a : b;
    const Integer& high = a < b ? b : a;
    const Integer product = liquidity * q96() * (high - low);
    return up ? ceil_div(ceil_div(product, high), low) : Integer(product / high / low);
  }
  Integer amount1(const Integer& a, const Integer& b, bool up) const {
    const Integer product = liquidity * (a < b ? Integer(b - a) : Integer(a - b));
    return up ? ceil_div(product, q96()) : Integer(product / q96());
  }

  Integer price_after_in(bool zero_for_one, const Integer& amount) const {
    if (amount == 0) return sqrt;
    if (!zero_for_one) return sqrt + amount * q96() / liquidity;
    const Integer scaled = liquidity * q96();
    const Integer limit = Integer(1) << 256;
    if (amount * sqrt < limit && scaled + amount * sqrt < limit) {
      return ceil_div(scaled * sqrt, scaled + amount * sqrt);
    }
    return ceil_div(scaled, scaled / sqrt + amount);
  }
  Integer price_after_out(bool zero_for_one, const Integer& amount) const {
    if (zero_for_one) return sqrt - ceil_div(amount * q96(), liquidity);
    const Integer scaled = liquidity * q96();
    return ceil_div(scaled * sqrt, scaled - amount * sqrt);
  }

  void step(bool zero_for_one, bool exact_in, const Integer& target, Integer& remaining,
            ReferenceSwap& result) {
    const auto in_to = [&](const Integer& to) {
      return zero_for_one ? amount0(sqrt, to, true) : amount1(sqrt, to, true);
    };
    const auto out_to = [&](const Integer& to) {
      return zero_for_one ? amount1(sqrt, to, false) : amount0(sqrt, to, false);
    };
    Integer to = target;
    if (exact_in) {
      const Integer kept = remaining * (1'000'000 - fee) / 1'000'000;
      if (kept < in_to(target)) to = price_after_in(zero_for_one, kept);
    } else if (remaining < out_to(target)) {
      to = price_after_out(zero_for_one, remaining);
    }
    const Integer in = in_to(to);
    Integer out = out_to(to);
    if (!exact_in && out > remaining) out = remaining;
    const Integer taken =
        exact_in && to != target ? Integer(remaining - in) : ceil_div(in * fee, 1'000'000 - fee);
    sqrt = to;
    remaining -= exact_in ? Integer(in + taken) : out;
    result.amount_in += in + taken;
    result.amount_out += out;
    result.fee += taken;
  }
};

}  // namespace gantry::test

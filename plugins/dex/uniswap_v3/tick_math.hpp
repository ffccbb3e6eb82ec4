// Ticks and square roots of prices: TickMath of @uniswap/v3-core 1.0.1.
//
// UNITS  A price is token 1 for token 0 in smallest units; its square root is in Q64.96, below
//        2^160. A tick is the logarithm of the price to the base 1.0001.
#pragma once
#include <cstdint>

#include "gantry/u256.hpp"

namespace gantry::uniswap_v3 {

inline constexpr std::int32_t tick_max = 887272;
inline constexpr std::int32_t tick_min = -tick_max;
// sqrt_at_tick() of both.
inline constexpr u256 sqrt_min{4295128739U};
inline constexpr u256 sqrt_max =
    u256::from_limbs(0x5d951d5263988d26, 0xefd1fc6a50648849, 0xfffd8963, 0);

namespace detail {

using gantry::detail::join;
using gantry::detail::mul_128;

// sqrt(1.0001)^-(2^i) in Q128.128, rounded as TickMath.getSqrtRatioAtTick has it.
inline constexpr uint128 tick_factors[20] = {
    join(0xfffcb933bd6fad37, 0xaa2d162d1a594001), join(0xfff97272373d4132, 0x59a46990580e213a),
    join(0xfff2e50f5f656932, 0xef12357cf3c7fdcc), join(0xffe5caca7e10e4e6, 0x1c3624eaa0941cd0),
    join(0xffcb9843d60f6159, 0xc9db58835c926644), join(0xff973b41fa98c081, 0x472e6896dfb254c0),
    join(0xff2ea16466c96a38, 0x43ec78b326b52861), join(0xfe5dee046a99a2a8, 0x11c461f1969c3053),
    join(0xfcbe86c7900a88ae, 0xdcffc83b479aa3a4), join(0xf987a7253ac41317, 0x6f2b074cf7815e54),
    join(0xf3392b0822b70005, 0x940c7a398e4b70f3), join(0xe7159475a2c29b74, 0x43b29c7fa6e889d9),
    join(0xd097f3bdfd2022b8, 0x845ad8f792aa5825), join(0xa9f746462d870fdf, 0x8a65dc1f90e061e5),
    join(0x70d869a156d2a1b8, 0x90bb3df62baf32f7), join(0x31be135f97d08fd9, 0x81231505542fcfa6),
    join(0x09aa508b5b7a84e1, 0xc677de54f3e99bc9), join(0x005d6af8dedb8119, 0x6699c329225ee604),
    join(0x00002216e584f5fa, 0x1ea926041bedfe98), join(0x00000000048a1703, 0x91f7dc42444e8fa2)};

}  // namespace detail

// TickMath.getSqrtRatioAtTick. Requires tick_min <= tick <= tick_max.
constexpr u256 sqrt_at_tick(std::int32_t tick) noexcept {
  const auto magnitude = static_cast<std::uint32_t>(tick < 0 ? -tick : tick);
  if (magnitude == 0) return shift_left(u256(1), 96);
  uint128 ratio = 0;  // Q128.128; 0 stands for one, which does not fit
  for (unsigned i = 0; i < 20; ++i) {
    if ((magnitude >> i & 1U) == 0) continue;
    ratio =
        ratio == 0 ? detail::tick_factors[i] : detail::mul_128(ratio, detail::tick_factors[i]).high;
  }
  u256 value = u256::from_u128(ratio);
  if (tick > 0 && !div_floor(u256::max(), value, value)) return {};  // cannot be: ratio is not 0
  const bool rest = (value.limb(0) & 0xffffffffU) != 0;
  return wrapping_add(shift_right(value, 32), u256(rest ? 1 : 0));
}

// TickMath.getTickAtSqrtRatio: the greatest tick whose root is not above `sqrt`. Requires
// sqrt_min <= sqrt < sqrt_max.
constexpr std::int32_t tick_at_sqrt(const u256& sqrt) noexcept {
  const unsigned width = bit_width(sqrt) + 32;  // of the root in Q128.128
  uint128 r = width > 128 ? shift_right(shift_left(sqrt, 32), width - 128).low128()
                          : shift_left(sqrt, 32 + 128 - width).low128();
  // Fourteen bits of the binary logarithm after the point, of 64.
  std::int64_t whole = static_cast<std::int64_t>(width) - 1 - 128;
  std::uint64_t fraction = 0;
  for (unsigned bit = 63; bit >= 50; --bit) {
    const auto square = detail::mul_128(r, r);
    const auto carry = static_cast<std::uint64_t>(square.high >> 127U);
    fraction |= carry << bit;
    r = carry != 0 ? square.high : (square.high << 1U) | (square.low >> 127U);
  }
  // log base sqrt(1.0001) in Q128.128, in two's complement, with the contract's error bounds.
  const std::uint64_t sign = whole < 0 ? ~std::uint64_t{0} : 0;
  const u256 log_2 = u256::from_limbs(fraction, static_cast<std::uint64_t>(whole), sign, sign);
  const u256 log = wrapping_mul(log_2, u256::from_limbs(0xa301d71055774c85, 0x3627, 0, 0));
  const auto floor_of = [](const u256& value) {
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(value.limb(2)));
  };
  const std::int32_t low =
      floor_of(wrapping_sub(log, u256::from_limbs(0x5af012a19d003aaa, 0x28f6481ab7f045a, 0, 0)));
  const std::int32_t high =
      floor_of(wrapping_add(log, u256::from_limbs(0x455e260799a0632f, 0xdb2df09e81959a81, 0, 0)));
  if (low == high) return low;
  return sqrt_at_tick(high) <= sqrt ? high : low;
}

}  // namespace gantry::uniswap_v3

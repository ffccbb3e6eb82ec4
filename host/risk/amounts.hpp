// Amounts as people and limits read them, and sums that stop at the largest.
#pragma once
#include <algorithm>
#include <cstdint>

#include "gantry/u256.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::host {

// Divided: whole ether come out whole.
inline double ether_of(const u256& wei) { return to_double(wei) / 1e18; }

// At most all that 256 bits hold.
inline u256 sum_of(const u256& a, const u256& b) {
  u256 sum;
  return add(a, b, sum) ? sum : u256::max();
}

// a - b, or nothing below it.
inline u256 excess(const u256& a, const u256& b) {
  u256 out;
  return sub(a, b, out) ? out : u256();
}

// Wei of the chain's coin in millionths of a dollar, rounded down, at most all that 256 bits hold.
inline u256 usd_e6_of_wei(const u256& wei, std::uint64_t ether_usd_e6) {
  constexpr std::uint64_t wei_of_one = 1'000'000'000'000'000'000U;
  u256 out;
  return mul_div_floor(wei, u256(ether_usd_e6), u256(wei_of_one), out) ? out : u256::max();
}

// Of dollars in millionths, at most what 64 bits hold.
inline std::uint64_t usd_e6_of(const u256& value) {
  return value > u256(UINT64_MAX) ? UINT64_MAX : value.limb(0);
}

inline double bps_of(const u256& part, const u256& whole) {
  return to_double(part) / std::max(to_double(whole), 1.0) * 1e4;
}

}  // namespace gantry::host

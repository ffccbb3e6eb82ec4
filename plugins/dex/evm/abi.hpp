// Words of the EVM's ABI, as venues read and write them: 32 bytes, big-endian.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "gantry/u256.hpp"

namespace gantry::evm {

inline constexpr std::size_t word_bytes = 32;
inline constexpr std::size_t address_bytes = 20;
using Selector = std::array<std::uint8_t, 4>;
using Topic = std::array<std::uint8_t, 32>;

inline u256 read_word(std::span<const std::uint8_t> word) noexcept {
  std::uint64_t limbs[4] = {};
  for (std::size_t i = 0; i < word_bytes; ++i) {
    const std::size_t from_low = word_bytes - 1 - i;
    limbs[from_low / 8] |= std::uint64_t{word[i]} << (8 * (from_low % 8));
  }
  return u256::from_limbs(limbs[0], limbs[1], limbs[2], limbs[3]);
}

inline void write_word(std::span<std::uint8_t> word, const u256& value) noexcept {
  for (std::size_t i = 0; i < word_bytes; ++i) {
    word[word_bytes - 1 - i] = static_cast<std::uint8_t>(value.limb(i / 8) >> (8 * (i % 8)));
  }
}

}  // namespace gantry::evm

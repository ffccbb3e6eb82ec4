// What calldata is made of: words of 32 bytes, as the contract ABI lays them out. Internal to
// host/plan.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "gantry/abi.h"
#include "gantry/u256.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::host::abi {

inline constexpr std::size_t word_bytes = 32;
inline constexpr std::size_t address_bytes = 20;

// How many zeros make whole words of so many bytes.
constexpr std::size_t padding_of(std::size_t size) {
  return (word_bytes - size % word_bytes) % word_bytes;
}

inline void append_word(std::vector<std::uint8_t>& out, const u256& value) {
  out.resize(out.size() + word_bytes);
  store_be(value, out.data() + out.size() - word_bytes);
}
// The first 20 bytes of the address, whatever its kind.
inline void append_address(std::vector<std::uint8_t>& out, const gantry_address& address) {
  out.insert(out.end(), word_bytes - address_bytes, 0);
  out.insert(out.end(), address.bytes, address.bytes + address_bytes);
}
// Their length in a word, and the bytes in whole words.
inline void append_bytes(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> bytes) {
  append_word(out, u256(bytes.size()));
  out.insert(out.end(), bytes.begin(), bytes.end());
  out.insert(out.end(), padding_of(bytes.size()), 0);
}

}  // namespace gantry::host::abi

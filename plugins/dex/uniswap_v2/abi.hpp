// The words of pairs, factories and tokens on chain: selectors, topics and ABI encoding of what
// this venue sends and reads.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "gantry/u256.hpp"
#include "plugins/dex/evm/abi.hpp"

namespace gantry::uniswap_v2 {

// keccak-256 of the signatures: getReserves(), swap(uint256,uint256,address,bytes), and
// Sync(uint112,uint112).
inline constexpr evm::Selector get_reserves_selector{0x09, 0x02, 0xf1, 0xac};
inline constexpr evm::Selector swap_selector{0x02, 0x2c, 0x0d, 0x9f};
inline constexpr evm::Topic sync_topic{
    0x1c, 0x41, 0x1e, 0x9a, 0x96, 0xe0, 0x71, 0x24, 0x1c, 0x2f, 0x21, 0xf7, 0x72, 0x6b, 0x17, 0xae,
    0x89, 0xe3, 0xca, 0xb4, 0xc7, 0x8b, 0xe5, 0x0e, 0x06, 0x2b, 0x03, 0xa9, 0xff, 0xfb, 0xba, 0xd1};

// Of the factory: getPair(address,address), allPairs(uint256), allPairsLength(), and
// PairCreated(address,address,address,uint256). Of the pair: token0(), token1(). Of a token:
// decimals().
inline constexpr evm::Selector get_pair_selector{0xe6, 0xa4, 0x39, 0x05};
inline constexpr evm::Selector all_pairs_selector{0x1e, 0x3d, 0xd1, 0x8b};
inline constexpr evm::Selector all_pairs_length_selector{0x57, 0x4f, 0x2b, 0xa3};
inline constexpr evm::Selector token0_selector{0x0d, 0xfe, 0x16, 0x81};
inline constexpr evm::Selector token1_selector{0xd2, 0x12, 0x20, 0xa7};
inline constexpr evm::Selector decimals_selector{0x31, 0x3c, 0xe5, 0x67};
inline constexpr evm::Topic pair_created_topic{
    0x0d, 0x36, 0x48, 0xbd, 0x0f, 0x6b, 0xa8, 0x01, 0x34, 0xa3, 0x3b, 0xa9, 0x27, 0x5a, 0xc5, 0x85,
    0xd9, 0xd3, 0x15, 0xf0, 0xad, 0x83, 0x55, 0xcd, 0xde, 0xfd, 0xe3, 0x1a, 0xfa, 0x28, 0xd0, 0xe9};

using evm::word_bytes;
using evm::write_word;

// getReserves() returns three words; the third is a time that no quote depends on.
inline constexpr std::size_t get_reserves_bytes = 3 * word_bytes;
inline constexpr std::size_t sync_bytes = 2 * word_bytes;

// A uint112 from its ABI word; false: the word holds more, so it is no reserve.
inline bool read_reserve(std::span<const std::uint8_t> word, uint128& out) noexcept {
  for (std::size_t i = 0; i < 18; ++i) {
    if (word[i] != 0) return false;
  }
  uint128 value = 0;
  for (std::size_t i = 18; i < word_bytes; ++i) value = (value << 8U) | word[i];
  out = value;
  return true;
}

// swap(amount0Out, amount1Out, to, "") as calldata: selector and five words.
struct SwapCall {
  static constexpr std::uint32_t amount0_offset = 4;
  static constexpr std::uint32_t amount1_offset = 4 + word_bytes;

  std::array<std::uint8_t, 4 + 5 * word_bytes> bytes{};

  SwapCall(std::uint32_t token_out, const u256& out, std::span<const std::uint8_t> to) noexcept {
    std::memcpy(bytes.data(), swap_selector.data(), swap_selector.size());
    const std::span<std::uint8_t> words(bytes.data() + 4, 5 * word_bytes);
    write_word(words.subspan(token_out * word_bytes, word_bytes), out);
    std::memcpy(words.data() + 2 * word_bytes + (word_bytes - to.size()), to.data(), to.size());
    write_word(words.subspan(3 * word_bytes, word_bytes), u256(4 * word_bytes));  // offset of ""
  }
};

}  // namespace gantry::uniswap_v2

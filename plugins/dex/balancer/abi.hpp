// The vaults' and pools' words on chain: selectors, and readers of what they return.
#pragma once
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "plugins/dex/evm/abi.hpp"

namespace gantry::balancer {

using evm::Selector;
using evm::word_bytes;

// keccak-256 of the signatures.
namespace selector {
// Pools.
inline constexpr Selector version{0x54, 0xfd, 0x4d, 0x50};
inline constexpr Selector get_pool_id{0x38, 0xff, 0xf2, 0xd0};
inline constexpr Selector get_rate_providers{0x23, 0x8a, 0x2d, 0x59};
inline constexpr Selector get_normalized_weights{0xf8, 0x9f, 0x27, 0xed};
inline constexpr Selector get_min_token_balances{0xd6, 0x7f, 0x28, 0x0b};
inline constexpr Selector get_swap_fee_percentage{0x55, 0xc6, 0x76, 0x28};
inline constexpr Selector get_amplification_parameter{0x6d, 0xac, 0xcf, 0xfa};
inline constexpr Selector get_amplification_state{0x21, 0xda, 0x5e, 0x19};
inline constexpr Selector get_paused_state{0x1c, 0x0d, 0xe0, 0x51};      // the V2 Vault's, too
inline constexpr Selector get_token_rate_cache{0x7f, 0x12, 0x60, 0xd1};  // (address)
inline constexpr Selector get_price_rate_cache{0xb8, 0x67, 0xee, 0x5a};  // (address)
inline constexpr Selector is_pool_from_factory{0x66, 0x34, 0xb7, 0x53};  // (address), of a factory
inline constexpr Selector get_rate{0x67, 0x9a, 0xef, 0xce};              // of a provider
// The V2 Vault.
inline constexpr Selector get_pool_tokens{0xf9, 0x4d, 0x46, 0x68};        // (bytes32)
inline constexpr Selector get_pool_token_info_2{0xb0, 0x5f, 0x8e, 0x48};  // (bytes32,address)
// swap((bytes32,uint8,address,address,uint256,bytes),(address,bool,address,bool),uint256,uint256)
inline constexpr Selector swap{0x52, 0xbb, 0xbe, 0x29};
// batchSwap(uint8,(bytes32,uint256,uint256,uint256,bytes)[],address[],
//           (address,bool,address,bool),int256[],uint256)
inline constexpr Selector batch_swap{0x94, 0x5b, 0xce, 0xc9};
// The V3 Vault; each (address) of the pool unless it says so.
inline constexpr Selector get_pool_token_info_3{0x67, 0xe0, 0xe0, 0x76};
inline constexpr Selector get_pool_token_rates{0x7e, 0x36, 0x1b, 0xde};
inline constexpr Selector get_pool_config{0xf2, 0x94, 0x86, 0xa1};
inline constexpr Selector get_hooks_config{0xce, 0x86, 0x30, 0xd4};
inline constexpr Selector get_current_live_balances{0x53, 0x5c, 0xfd, 0x8a};
inline constexpr Selector is_pool_paused{0x6c, 0x9b, 0xc7, 0x32};
inline constexpr Selector is_vault_paused{0x09, 0x84, 0x01, 0xf5};           // ()
inline constexpr Selector get_minimum_trade_amount{0xe2, 0xcb, 0x0b, 0xa0};  // ()
// The V3 AggregatorRouter.
// swapSingleTokenExactIn(address,address,address,uint256,uint256,uint256,bytes)
inline constexpr Selector swap_prepaid{0x40, 0x99, 0x88, 0xcf};
inline constexpr Selector swap_prepaid_out{0xfe, 0xd2, 0x93, 0x67};  // ...ExactOut
// The V3 Router.
// swapSingleTokenExactIn(address,address,address,uint256,uint256,uint256,bool,bytes)
inline constexpr Selector swap_single_in{0x75, 0x02, 0x83, 0xbc};
inline constexpr Selector swap_single_out{0x94, 0xe8, 0x6e, 0xf8};  // ...ExactOut
}  // namespace selector

// Return data as words. A reader that is asked for what is not there, or is of another type, fails
// for good.
class Words {
 public:
  explicit Words(std::span<const std::uint8_t> data) noexcept
      : data_(data), good_(data.size() % word_bytes == 0) {}

  bool good() const noexcept { return good_; }
  std::size_t count() const noexcept { return data_.size() / word_bytes; }

  u256 number(std::size_t index) noexcept {
    if (!good_ || index >= count()) {
      good_ = false;
      return {};
    }
    return evm::read_word(data_.subspan(index * word_bytes, word_bytes));
  }
  std::uint64_t small(std::size_t index) noexcept {
    const u256 value = number(index);
    good_ = good_ && value.fits_u64();
    return value.limb(0);
  }
  uint128 wide(std::size_t index) noexcept {
    const u256 value = number(index);
    good_ = good_ && value.fits_u128();
    return value.low128();
  }
  bool flag(std::size_t index) noexcept {
    const std::uint64_t value = small(index);
    good_ = good_ && value <= 1;
    return value == 1;
  }
  std::array<std::uint8_t, evm::address_bytes> address(std::size_t index) noexcept {
    std::array<std::uint8_t, evm::address_bytes> result{};
    if (!good_ || index >= count()) {
      good_ = false;
      return result;
    }
    const auto word = data_.subspan(index * word_bytes, word_bytes);
    good_ = std::ranges::all_of(word.first(12), [](std::uint8_t byte) { return byte == 0; });
    std::copy_n(word.begin() + 12, result.size(), result.begin());
    return result;
  }
  // Where the elements of the array begin whose offset is word `index`; it must have `size`
  // elements of `element_words` each.
  std::size_t array(std::size_t index, std::size_t size, std::size_t element_words = 1) noexcept {
    const std::uint64_t offset = small(index);
    if (!good_ || offset % word_bytes != 0 || offset / word_bytes >= count()) {
      good_ = false;
      return 0;
    }
    const std::size_t begin = offset / word_bytes;
    good_ = small(begin) == size && good_ && size * element_words <= count() - begin - 1;
    return begin + 1;
  }
  std::size_t array_size(std::size_t index) noexcept {
    const std::uint64_t offset = small(index);
    if (!good_ || offset % word_bytes != 0) {
      good_ = false;
      return 0;
    }
    return small(offset / word_bytes);
  }

 private:
  std::span<const std::uint8_t> data_;
  bool good_;
};

// Calldata of at most two words.
struct Call {
  std::array<std::uint8_t, 4 + 2 * word_bytes> bytes{};
  std::size_t size = 4;

  explicit Call(const Selector& selector) noexcept {
    std::memcpy(bytes.data(), selector.data(), selector.size());
  }
  // 32 bytes, or the 20 of an address.
  Call& with(std::span<const std::uint8_t> word) noexcept {
    std::memcpy(bytes.data() + size + (word_bytes - word.size()), word.data(), word.size());
    size += word_bytes;
    return *this;
  }
  std::span<const std::uint8_t> span() const noexcept { return {bytes.data(), size}; }
};

// Calldata of so many words behind a selector.
template <std::size_t words>
struct SwapCalldata {
  static constexpr std::uint32_t offset_of(std::uint32_t word) noexcept {
    return 4 + word * std::uint32_t{word_bytes};
  }

  std::array<std::uint8_t, 4 + words * word_bytes> bytes{};

  explicit SwapCalldata(const Selector& selector) noexcept {
    std::memcpy(bytes.data(), selector.data(), selector.size());
  }
  void set(std::uint32_t word, const u256& value) noexcept { evm::write_word(at(word), value); }
  void set(std::uint32_t word, std::span<const std::uint8_t> value) noexcept {
    std::memcpy(at(word).data() + (word_bytes - value.size()), value.data(), value.size());
  }

 private:
  std::span<std::uint8_t> at(std::uint32_t word) noexcept {
    return {bytes.data() + offset_of(word), word_bytes};
  }
};

// vault.swap(..) of one pool: seven words of head (of which four are the funds), then the single
// swap.
struct VaultSwapCall : SwapCalldata<14> {
  static constexpr std::uint32_t limit_offset = offset_of(5);
  static constexpr std::uint32_t amount_offset = offset_of(11);

  VaultSwapCall() noexcept : SwapCalldata(selector::swap) {
    set(0, u256(7 * word_bytes));   // where the single swap begins
    set(12, u256(6 * word_bytes));  // where its user data begin, of which there are none
  }
};

// aggregatorRouter.swapSingleTokenExactIn(pool, in, out, amount, least out, deadline, ""): what is
// swapped was sent to the vault before, and what comes out goes to the caller.
struct PrepaidSwapCall : SwapCalldata<8> {
  static constexpr std::uint32_t amount_offset = offset_of(3);
  static constexpr std::uint32_t limit_offset = offset_of(4);

  PrepaidSwapCall() noexcept : SwapCalldata(selector::swap_prepaid) {
    set(6, u256(7 * word_bytes));  // where the user data begin, of which there are none
  }
};

}  // namespace gantry::balancer

// The words on chain of pools, factory and routers: selectors, topics, and how they are encoded.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

#include "gantry/u256.hpp"
#include "plugins/dex/evm/abi.hpp"

namespace gantry::uniswap_v3 {

// keccak-256 of the signatures.
// slot0()
inline constexpr evm::Selector slot0_selector{0x38, 0x50, 0xc7, 0xbd};
// liquidity()
inline constexpr evm::Selector liquidity_selector{0x1a, 0x68, 0x65, 0x02};
// fee()
inline constexpr evm::Selector fee_selector{0xdd, 0xca, 0x3f, 0x43};
// tickSpacing()
inline constexpr evm::Selector tick_spacing_selector{0xd0, 0xc9, 0x3a, 0x7c};
// tickBitmap(int16)
inline constexpr evm::Selector tick_bitmap_selector{0x53, 0x39, 0xc2, 0x96};
// ticks(int24)
inline constexpr evm::Selector ticks_selector{0xf3, 0x0d, 0xba, 0x93};
// getPool(address,address,uint24)
inline constexpr evm::Selector get_pool_selector{0x16, 0x98, 0xee, 0x82};
// feeAmountTickSpacing(uint24)
inline constexpr evm::Selector fee_amount_tick_spacing_selector{0x22, 0xaf, 0xcc, 0xcb};
// swap(address,bool,int256,uint160,bytes)
inline constexpr evm::Selector swap_selector{0x12, 0x8a, 0xcb, 0x08};
// exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))
inline constexpr evm::Selector exact_input_single_selector{0x41, 0x4b, 0xf3, 0x89};
// exactInputSingle((address,address,uint24,address,uint256,uint256,uint160))
inline constexpr evm::Selector exact_input_single_02_selector{0x04, 0xe4, 0x5a, 0xaf};
// Initialize(uint160,int24)
inline constexpr evm::Topic initialize_topic{
    0x98, 0x63, 0x60, 0x36, 0xcb, 0x66, 0xa9, 0xc1, 0x9a, 0x37, 0x43, 0x5e, 0xfc, 0x1e, 0x90, 0x14,
    0x21, 0x90, 0x21, 0x4e, 0x8a, 0xbe, 0xb8, 0x21, 0xbd, 0xba, 0x3f, 0x29, 0x90, 0xdd, 0x4c, 0x95};
// Swap(address,address,int256,int256,uint160,uint128,int24)
inline constexpr evm::Topic swap_topic{
    0xc4, 0x20, 0x79, 0xf9, 0x4a, 0x63, 0x50, 0xd7, 0xe6, 0x23, 0x5f, 0x29, 0x17, 0x49, 0x24, 0xf9,
    0x28, 0xcc, 0x2a, 0xc8, 0x18, 0xeb, 0x64, 0xfe, 0xd8, 0x00, 0x4e, 0x11, 0x5f, 0xbc, 0xca, 0x67};
// Swap(address,address,int256,int256,uint160,uint128,int24,uint128,uint128)
inline constexpr evm::Topic pancake_swap_topic{
    0x19, 0xb4, 0x72, 0x79, 0x25, 0x6b, 0x2a, 0x23, 0xa1, 0x66, 0x5c, 0x81, 0x0c, 0x8d, 0x55, 0xa1,
    0x75, 0x89, 0x40, 0xee, 0x09, 0x37, 0x7d, 0x4f, 0x8d, 0x26, 0x49, 0x7a, 0x35, 0x77, 0xdc, 0x83};
// Mint(address,address,int24,int24,uint128,uint256,uint256)
inline constexpr evm::Topic mint_topic{
    0x7a, 0x53, 0x08, 0x0b, 0xa4, 0x14, 0x15, 0x8b, 0xe7, 0xec, 0x69, 0xb9, 0x87, 0xb5, 0xfb, 0x7d,
    0x07, 0xde, 0xe1, 0x01, 0xfe, 0x85, 0x48, 0x8f, 0x08, 0x53, 0xae, 0x16, 0x23, 0x9d, 0x0b, 0xde};
// Burn(address,int24,int24,uint128,uint256,uint256)
inline constexpr evm::Topic burn_topic{
    0x0c, 0x39, 0x6c, 0xd9, 0x89, 0xa3, 0x9f, 0x44, 0x59, 0xb5, 0xfa, 0x1a, 0xed, 0x6a, 0x9a, 0x8d,
    0xcd, 0xbc, 0x45, 0x90, 0x8a, 0xcf, 0xd6, 0x7e, 0x02, 0x8c, 0xd5, 0x68, 0xda, 0x98, 0x98, 0x2c};
// PoolCreated(address,address,uint24,int24,address)
inline constexpr evm::Topic pool_created_topic{
    0x78, 0x3c, 0xca, 0x1c, 0x04, 0x12, 0xdd, 0x0d, 0x69, 0x5e, 0x78, 0x45, 0x68, 0xc9, 0x6d, 0xa2,
    0xe9, 0xc2, 0x2f, 0xf9, 0x89, 0x35, 0x7a, 0x2e, 0x8b, 0x1d, 0x9b, 0x2b, 0x4e, 0x6b, 0x71, 0x18};

using evm::word_bytes;
using evm::write_word;

// Words of a tuple of answers or of a log's data, read one by one; what does not fit its type makes
// the whole thing not decode.
class Words {
 public:
  explicit Words(std::span<const std::uint8_t> bytes) noexcept : bytes_(bytes) {}

  bool ok() const noexcept { return ok_; }

  u256 number(unsigned bits) noexcept {
    const u256 value = next();
    if (bit_width(value) > bits) ok_ = false;
    return value;
  }
  // intN, sign-extended to the word.
  std::int32_t integer(unsigned bits) noexcept {
    const u256 value = next();
    const std::uint64_t sign = (value.limb(0) >> (bits - 1) & 1U) != 0 ? ~std::uint64_t{0} : 0;
    const std::uint64_t high = bits == 64 ? 0 : ~std::uint64_t{0} << (bits - 1);
    if ((value.limb(0) & high) != (sign & high) || value.limb(1) != sign || value.limb(2) != sign ||
        value.limb(3) != sign) {
      ok_ = false;
      return 0;
    }
    return static_cast<std::int32_t>(static_cast<std::uint32_t>(value.limb(0)));
  }
  // int128, in two's complement.
  uint128 signed_128() noexcept {
    const u256 value = next();
    const uint128 sign = value.low128() >> 127U != 0 ? ~uint128{0} : 0;
    if (value.high128() != sign) ok_ = false;
    return value.low128();
  }
  void skip() noexcept { next(); }

 private:
  u256 next() noexcept {
    if (at_ + word_bytes > bytes_.size()) {
      ok_ = false;
      return {};
    }
    at_ += word_bytes;
    return evm::read_word(bytes_.subspan(at_ - word_bytes, word_bytes));
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

// Calldata of up to eight words.
class Call {
 public:
  explicit Call(const evm::Selector& selector) noexcept {
    std::memcpy(bytes_.data(), selector.data(), selector.size());
  }

  Call& add(const u256& value) noexcept {
    write_word(std::span(bytes_).subspan(size_, word_bytes), value);
    size_ += word_bytes;
    return *this;
  }
  Call& add_integer(std::int32_t value) noexcept {
    const auto low = static_cast<std::uint64_t>(static_cast<std::int64_t>(value));
    const std::uint64_t sign = value < 0 ? ~std::uint64_t{0} : 0;
    return add(u256::from_limbs(low, sign, sign, sign));
  }
  Call& add_address(const std::uint8_t* address) noexcept {
    std::memcpy(bytes_.data() + size_ + word_bytes - evm::address_bytes, address,
                evm::address_bytes);
    size_ += word_bytes;
    return *this;
  }
  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(size_); }
  std::span<const std::uint8_t> bytes() const noexcept { return std::span(bytes_).first(size_); }

 private:
  std::array<std::uint8_t, 4 + 8 * word_bytes> bytes_{};
  std::size_t size_ = 4;
};

// "0x" and 40 digits.
inline std::optional<std::array<std::uint8_t, evm::address_bytes>> parse_address(
    std::string_view text) noexcept {
  if (text.size() != 2 + 2 * evm::address_bytes || !text.starts_with("0x")) return std::nullopt;
  std::array<std::uint8_t, evm::address_bytes> address{};
  for (std::size_t i = 0; i < 2 * evm::address_bytes; ++i) {
    const char digit = text[2 + i];
    unsigned value = 16;
    if (digit >= '0' && digit <= '9') value = static_cast<unsigned>(digit - '0');
    if (digit >= 'a' && digit <= 'f') value = static_cast<unsigned>(digit - 'a') + 10;
    if (digit >= 'A' && digit <= 'F') value = static_cast<unsigned>(digit - 'A') + 10;
    if (value == 16) return std::nullopt;
    address[i / 2] = static_cast<std::uint8_t>(address[i / 2] << 4U | value);
  }
  return address;
}

}  // namespace gantry::uniswap_v3

// What an Aave V3 market is asked and told: selectors of its contracts, and places in its words.
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "gantry/u256.hpp"
#include "plugins/dex/evm/abi.hpp"
#include "plugins/dex/evm/address.hpp"

namespace gantry::aave_v3 {

using evm::Address;
using evm::Selector;
using evm::word_bytes;

// keccak-256 of the signatures in the comments. Of the Pool:
inline constexpr Selector pool_revision{0x01, 0x48, 0x17, 0x0e};       // POOL_REVISION()
inline constexpr Selector addresses_provider{0x05, 0x42, 0x97, 0x5c};  // ADDRESSES_PROVIDER()
inline constexpr Selector user_configuration{0x44, 0x17, 0xa5,
                                             0x83};                // getUserConfiguration(address)
inline constexpr Selector user_emode{0xed, 0xdf, 0x1b, 0x79};      // getUserEMode(address)
inline constexpr Selector reserve_data{0x35, 0xea, 0x6a, 0x75};    // getReserveData(address)
inline constexpr Selector reserve_by_id{0x52, 0x75, 0x17, 0x97};   // getReserveAddressById(uint16)
inline constexpr Selector reserves_list{0xd1, 0x94, 0x6d, 0xbc};   // getReservesList()
inline constexpr Selector emode_category{0x6c, 0x6f, 0x6a, 0xe1};  // getEModeCategoryData(uint8)
// Of later ones: getEModeCategoryCollateralConfig(uint8), getEModeCategoryCollateralBitmap(uint8),
// getLiquidationGracePeriod(address), getVirtualUnderlyingBalance(address).
inline constexpr Selector emode_config{0xb2, 0x86, 0xf4, 0x67};
inline constexpr Selector emode_collaterals{0xb0, 0x77, 0x1d, 0xba};
inline constexpr Selector grace_period{0x5c, 0x9a, 0x8b, 0x18};
inline constexpr Selector virtual_balance{0x6f, 0xb0, 0x7f, 0x96};
// liquidationCall(address,address,address,uint256,bool)
inline constexpr Selector liquidation_call{0x00, 0xa7, 0x18, 0xa9};
// Of the addresses provider: getPriceOracle(), getPriceOracleSentinel().
inline constexpr Selector price_oracle{0xfc, 0xa5, 0x13, 0xa8};
inline constexpr Selector oracle_sentinel{0x5e, 0xb8, 0x8d, 0x3d};
// Of the sentinel and of the oracle.
inline constexpr Selector liquidation_allowed{0x7a, 0x5d, 0x20, 0xea};  // isLiquidationAllowed()
inline constexpr Selector asset_price{0xb3, 0x59, 0x6f, 0x07};          // getAssetPrice(address)
// Of aTokens and debt tokens, and of any token.
inline constexpr Selector scaled_balance{0x1d, 0xa2, 0x4f, 0x3e};     // scaledBalanceOf(address)
inline constexpr Selector principal_balance{0xc6, 0x34, 0xdf, 0xaa};  // principalBalanceOf(address)
inline constexpr Selector token_balance{0x70, 0xa0, 0x82, 0x31};      // balanceOf(address)

// Borrow(address indexed reserve, address user, address indexed onBehalfOf, uint256, uint8,
// uint256, uint16 indexed): who owes is its third topic.
inline constexpr evm::Topic borrow_topic{
    0xb3, 0xd0, 0x84, 0x82, 0x0f, 0xb1, 0xa9, 0xde, 0xcf, 0xfb, 0x17, 0x64, 0x36, 0xbd, 0x02, 0x55,
    0x8d, 0x15, 0xfa, 0xc9, 0xb0, 0xdd, 0xfe, 0xd8, 0xc4, 0x65, 0xbc, 0x73, 0x59, 0xd7, 0xdc, 0xe0};

// DataTypes.ReserveData as getReserveData() returns it: which word is what.
struct ReserveWords {
  static constexpr std::size_t configuration = 0;
  static constexpr std::size_t liquidity_index = 1;
  static constexpr std::size_t liquidity_rate = 2;
  static constexpr std::size_t borrow_index = 3;
  static constexpr std::size_t borrow_rate = 4;
  static constexpr std::size_t updated = 6;
  static constexpr std::size_t id = 7;
  static constexpr std::size_t a_token = 8;
  static constexpr std::size_t stable_debt = 9;
  static constexpr std::size_t variable_debt = 10;
  static constexpr std::size_t count = 15;
};

// ReserveConfiguration.sol, by the lowest bit and the width of each.
constexpr std::uint64_t bits_of(const u256& word, unsigned low, unsigned width) noexcept {
  const std::uint64_t value = shift_right(word, low).limb(0);
  return value & ((std::uint64_t{1} << width) - 1);
}
struct Configuration {
  u256 word;
  std::uint64_t threshold() const noexcept { return bits_of(word, 16, 16); }  // of 10,000
  std::uint64_t bonus() const noexcept { return bits_of(word, 32, 16); }      // 10,500: 5 %
  std::uint64_t decimals() const noexcept { return bits_of(word, 48, 8); }
  bool is_active() const noexcept { return bits_of(word, 56, 1) != 0; }
  bool is_paused() const noexcept { return bits_of(word, 60, 1) != 0; }
  std::uint64_t protocol_fee() const noexcept { return bits_of(word, 152, 16); }  // of the bonus
  std::uint64_t emode() const noexcept { return bits_of(word, 168, 8); }
};

// UserConfiguration.sol: two bits for each reserve.
inline constexpr unsigned reserve_ids = 128;
inline bool borrows(const u256& user, std::uint32_t id) noexcept {
  return bits_of(user, 2 * id, 1) != 0;
}
inline bool lends_as_collateral(const u256& user, std::uint32_t id) noexcept {
  return bits_of(user, 2 * id + 1, 1) != 0;
}

// A function with at most one word.
struct Question {
  std::array<std::uint8_t, 4 + word_bytes> bytes{};
  std::size_t size = 4;

  explicit Question(const Selector& selector) noexcept {
    std::memcpy(bytes.data(), selector.data(), selector.size());
  }
  Question(const Selector& selector, const Address& argument) noexcept : Question(selector) {
    evm::write_address(std::span(bytes).subspan(4), argument);
    size = bytes.size();
  }
  Question(const Selector& selector, std::uint64_t argument) noexcept : Question(selector) {
    evm::write_word(std::span(bytes).subspan(4), u256(argument));
    size = bytes.size();
  }
};

// liquidationCall(collateral, debt, account, amount, receiveAToken = false).
struct LiquidationCall {
  static constexpr std::uint32_t amount_offset = 4 + 3 * word_bytes;

  std::array<std::uint8_t, 4 + 5 * word_bytes> bytes{};

  LiquidationCall(const Address& collateral, const Address& debt, const Address& account,
                  const u256& amount) noexcept {
    std::memcpy(bytes.data(), liquidation_call.data(), liquidation_call.size());
    evm::write_address(word(0), collateral);
    evm::write_address(word(1), debt);
    evm::write_address(word(2), account);
    evm::write_word(word(3), amount);
  }

 private:
  std::span<std::uint8_t> word(std::size_t index) noexcept {
    return std::span(bytes).subspan(4 + index * word_bytes, word_bytes);
  }
};

// What came back, word by word; nothing: there is no such word, or no address in it.
inline std::optional<u256> word_of(std::span<const std::uint8_t> data, std::size_t index) noexcept {
  if (data.size() / word_bytes <= index) return std::nullopt;
  return evm::read_word(data.subspan(index * word_bytes, word_bytes));
}
inline std::optional<Address> address_of(std::span<const std::uint8_t> data,
                                         std::size_t index) noexcept {
  if (data.size() / word_bytes <= index) return std::nullopt;
  return evm::read_address(data.subspan(index * word_bytes, word_bytes));
}

}  // namespace gantry::aave_v3

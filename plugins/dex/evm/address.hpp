// Addresses of EVM contracts: as an operator writes them, as the SDK has them, as ABI words.
#pragma once
#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gantry/abi.h"
#include "plugins/dex/evm/abi.hpp"
#include "plugins/dex/evm/keccak.hpp"

namespace gantry::evm {

using Address = std::array<std::uint8_t, address_bytes>;

inline std::string hex_text(std::span<const std::uint8_t> bytes) {
  static constexpr std::string_view digits = "0123456789abcdef";
  std::string text = "0x";
  for (const std::uint8_t byte : bytes) {
    text.push_back(digits[byte >> 4U]);
    text.push_back(digits[byte & 15U]);
  }
  return text;
}

// "0x" and two digits for each of N bytes; nullopt for anything else.
template <std::size_t N>
std::optional<std::array<std::uint8_t, N>> parse_hex(std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) return std::nullopt;
  text.remove_prefix(2);
  if (text.size() != 2 * N) return std::nullopt;
  std::array<std::uint8_t, N> bytes{};
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (digit < 0) return std::nullopt;
    bytes[i / 2] = static_cast<std::uint8_t>((bytes[i / 2] << 4U) | static_cast<unsigned>(digit));
  }
  return bytes;
}

// EIP-55: a letter is upper case where the same digit of the hash of the lower-case digits is 8 or
// more.
inline std::string checksummed(const Address& address) {
  std::string text = hex_text(address);
  const Topic hash =
      keccak256({reinterpret_cast<const std::uint8_t*>(text.data()) + 2, text.size() - 2});
  for (std::size_t i = 0; i < 2 * address.size(); ++i) {
    const unsigned digit = i % 2 == 0 ? hash[i / 2] >> 4U : hash[i / 2] & 15U;
    char& c = text[i + 2];
    if (digit >= 8 && c >= 'a') c = static_cast<char>(c - 'a' + 'A');
  }
  return text;
}

// Null where `text` is an address in one case, or in two with the right checksum; else what is
// wrong with it.
inline const char* parse_address(std::string_view text, Address& out) {
  const auto parsed = parse_hex<address_bytes>(text);
  if (!parsed) return "is not 0x and 40 hexadecimal digits";
  const std::string_view digits = text.substr(2);
  const bool upper = std::ranges::any_of(digits, [](char c) { return c >= 'A' && c <= 'F'; });
  const bool lower = std::ranges::any_of(digits, [](char c) { return c >= 'a' && c <= 'f'; });
  if (upper && lower && checksummed(*parsed).substr(2) != digits) {
    return "fails its checksum (EIP-55): a character is wrong";
  }
  out = *parsed;
  return nullptr;
}

inline bool is_contract(const gantry_address& address) noexcept {
  return address.kind == GANTRY_ADDRESS_EVM && address.length == address_bytes;
}

// Of an address that is_contract().
inline Address to_address(const gantry_address& address) noexcept {
  Address result;
  std::memcpy(result.data(), address.bytes, result.size());
  return result;
}

inline gantry_address to_sdk(const Address& address) noexcept {
  gantry_address result{};
  result.kind = GANTRY_ADDRESS_EVM;
  result.length = static_cast<std::uint8_t>(address.size());
  std::memcpy(result.bytes, address.data(), address.size());
  return result;
}

inline void write_address(std::span<std::uint8_t> word, const Address& address) noexcept {
  std::fill_n(word.begin(), word_bytes - address_bytes, std::uint8_t{0});
  std::copy(address.begin(), address.end(), word.begin() + (word_bytes - address_bytes));
}

// nullopt: the word holds more than an address, so it is none.
inline std::optional<Address> read_address(std::span<const std::uint8_t> word) noexcept {
  const auto high = word.first(word_bytes - address_bytes);
  if (std::ranges::any_of(high, [](std::uint8_t byte) { return byte != 0; })) return std::nullopt;
  Address address;
  std::copy_n(word.begin() + (word_bytes - address_bytes), address_bytes, address.begin());
  return address;
}

// What CREATE2 (EIP-1014) makes of a deployer, a salt and the hash of the creation code.
inline Address create2_address(const Address& deployer, const Topic& salt,
                               const Topic& init_code_hash) noexcept {
  static constexpr std::uint8_t prefix[] = {0xff};
  Keccak256 hash;
  hash.update(prefix);
  hash.update(deployer);
  hash.update(salt);
  hash.update(init_code_hash);
  const Topic digest = hash.digest();
  Address address;
  std::copy_n(digest.begin() + (digest.size() - address_bytes), address_bytes, address.begin());
  return address;
}

}  // namespace gantry::evm

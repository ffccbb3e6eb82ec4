#include "host/config/address.hpp"

#include <botan/base58.h>
#include <botan/exceptn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "host/base/keccak.hpp"

namespace gantry::host::config {
namespace {

constexpr std::size_t evm_bytes = 20;
constexpr std::size_t solana_bytes = 32;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string checksummed(const std::uint8_t* bytes) {
  return checksummed_address(std::span<const std::uint8_t, evm_bytes>(bytes, evm_bytes));
}

std::expected<gantry_address, std::string> parse_evm(std::string_view text) {
  if (!text.starts_with("0x") && !text.starts_with("0X")) {
    return std::unexpected("does not begin with 0x");
  }
  const std::string_view digits = text.substr(2);
  if (!std::ranges::all_of(digits, [](char c) { return hex_digit(c) >= 0; })) {
    return std::unexpected("has a character that is no hex digit");
  }
  if (digits.size() != 2 * evm_bytes) {
    return std::unexpected(fmt::format("has {} hex digits", digits.size()));
  }
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = evm_bytes;
  for (std::size_t i = 0; i < evm_bytes; ++i) {
    address.bytes[i] =
        static_cast<std::uint8_t>(hex_digit(digits[2 * i]) * 16 + hex_digit(digits[2 * i + 1]));
  }
  const auto is_upper = [](char c) { return c >= 'A' && c <= 'F'; };
  const auto is_lower = [](char c) { return c >= 'a' && c <= 'f'; };
  const bool mixed = std::ranges::any_of(digits, is_upper) && std::ranges::any_of(digits, is_lower);
  if (mixed && checksummed(address.bytes).substr(2) != digits) {
    return std::unexpected("fails its checksum (EIP-55): a character is wrong");
  }
  return address;
}

std::expected<gantry_address, std::string> parse_solana(std::string_view text) {
  static constexpr std::string_view alphabet =
      "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  if (text.empty() || text.size() > 44 ||
      text.find_first_not_of(alphabet) != std::string_view::npos) {
    return std::unexpected("is no base58 text of 32 to 44 characters");
  }
  const std::vector<std::uint8_t> bytes = Botan::base58_decode(text.data(), text.size());
  if (bytes.size() != solana_bytes) {
    return std::unexpected(fmt::format("stands for {} bytes and not 32", bytes.size()));
  }
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_SOLANA;
  address.length = solana_bytes;
  std::ranges::copy(bytes, address.bytes);
  return address;
}

}  // namespace

std::expected<gantry_address, std::string> parse_address(std::string_view text,
                                                         std::string_view chain) {
  return chain.starts_with("solana:") ? parse_solana(text) : parse_evm(text);
}

std::string address_to_text(const gantry_address& address) {
  if (address.kind == GANTRY_ADDRESS_EVM) return checksummed(address.bytes);
  if (address.kind == GANTRY_ADDRESS_SOLANA) {
    return Botan::base58_encode(address.bytes, solana_bytes);
  }
  return {};
}

bool is_chain_id(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon < 3 || colon > 8) return false;
  const std::string_view reference = text.substr(colon + 1);
  const auto is_space_character = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-';
  };
  return !reference.empty() && reference.size() <= 32 &&
         std::ranges::all_of(text.substr(0, colon), is_space_character) &&
         std::ranges::all_of(reference,
                             [](char c) { return is_letter_or_digit(c) || c == '-' || c == '_'; });
}

}  // namespace gantry::host::config

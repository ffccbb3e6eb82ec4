#include "host/base/text.hpp"

#include <algorithm>

namespace gantry::host {
namespace {

int hex_digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string decimal_text(const u256& amount, std::uint32_t decimals) {
  std::string digits = to_string(amount);
  if (decimals == 0) return digits;
  if (digits.size() <= decimals) digits.insert(0, decimals + 1 - digits.size(), '0');
  digits.insert(digits.size() - decimals, 1, '.');
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

std::string with_unit(std::string_view number, std::string_view unit) {
  constexpr std::size_t abbreviation_max = 3;  // bps, ms
  if (unit.empty()) return std::string(number);
  if (number == "1" && unit.size() > abbreviation_max && unit.ends_with('s')) unit.remove_suffix(1);
  return std::string(number).append(" ").append(unit);
}

std::string hex_text(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text = "0x";
  text.reserve(2 + 2 * bytes.size());
  for (const std::uint8_t byte : bytes) {
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

std::optional<std::vector<std::uint8_t>> bytes_of_hex(std::string_view text) {
  if (!text.starts_with("0x") || text.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint8_t> bytes(text.size() / 2 - 1);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = hex_digit_of(text[2 + 2 * i]);
    const int low = hex_digit_of(text[3 + 2 * i]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(16 * high + low);
  }
  return bytes;
}

std::optional<gantry_address> parse_evm_address(std::string_view text) {
  const auto bytes = bytes_of_hex(text);
  if (!bytes || bytes->size() != 20) return std::nullopt;
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  std::ranges::copy(*bytes, address.bytes);
  return address;
}

std::string address_text(const gantry_address& address) {
  switch (address.kind) {
    case GANTRY_ADDRESS_NONE:
      return "-";
    case GANTRY_ADDRESS_NATIVE:
      return "native";
    default:
      return hex_text({address.bytes, std::min<std::size_t>(address.length, 32)});
  }
}

}  // namespace gantry::host

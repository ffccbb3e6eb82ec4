// Addresses as operators write them in parameters.
//
// THREADS  Pure; allocates nothing.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "gantry/abi.h"

namespace gantry {

// "0x" and 40 hexadecimal digits, of either case; nullopt for anything else. The checksum that
// mixed case may hold (EIP-55) is not asked for.
inline std::optional<gantry_address> evm_address_of(std::string_view text) {
  constexpr std::size_t bytes = 20;
  if (text.size() != 2 + 2 * bytes || (!text.starts_with("0x") && !text.starts_with("0X"))) {
    return std::nullopt;
  }
  const auto digit_of = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
  };
  gantry_address address{GANTRY_ADDRESS_EVM, bytes, {}, {}};
  for (std::size_t i = 0; i < bytes; ++i) {
    const int high = digit_of(text[2 + 2 * i]);
    const int low = digit_of(text[3 + 2 * i]);
    if (high < 0 || low < 0) return std::nullopt;
    address.bytes[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  return address;
}

}  // namespace gantry

// Amounts, addresses and bytes as text.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.h"
#include "gantry/u256.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::host {

// All digits, exact: 1500000 with 6 decimals is "1.5"; with 0 decimals "1500000".
std::string decimal_text(const u256& amount, std::uint32_t decimals);
// 0x and lower-case digits.
std::string hex_text(std::span<const std::uint8_t> bytes);
// "0x" and an even number of digits of either case; nullopt: it is not that.
std::optional<std::vector<std::uint8_t>> bytes_of_hex(std::string_view text);
// An EVM address or 32-byte id as hex_text; "native"; "-" for none.
std::string address_text(const gantry_address& address);
// Of an EVM address as address_text() writes it.
std::optional<gantry_address> parse_evm_address(std::string_view text);
// "2 blocks", "1 block", "1 bps"; the number alone when there is no unit.
std::string with_unit(std::string_view number, std::string_view unit);

}  // namespace gantry::host

// Addresses as the configuration writes them. Internal to host/config.
#pragma once
#include <expected>
#include <string>
#include <string_view>

#include "gantry/abi.h"

namespace gantry::host::config {

// `chain` is CAIP-2: eip155 takes 0x and 40 hex digits, checked against EIP-55 where their case is
// mixed; solana takes base58 of 32 bytes. The error says what is wrong, as "has 39 hex digits".
std::expected<gantry_address, std::string> parse_address(std::string_view text,
                                                         std::string_view chain);
// With the EIP-55 checksum; "" for no address.
std::string address_to_text(const gantry_address& address);

// namespace:reference, as CAIP-2 defines it.
bool is_chain_id(std::string_view text);

}  // namespace gantry::host::config

// A user operation as paymaster services read it: ERC-4337's JSON forms, which differ between
// EntryPoint 0.6 (initCode, paymasterAndData) and 0.7 and later (factory and paymaster in parts).
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <span>
#include <string>

#include "gantry/paymaster.h"
#include "gantry/u256.hpp"

namespace gantry::erc4337 {

// Which fields an operation is written with.
enum class Form {
  sponsor,  // pm_sponsorUserOperation: limits that nobody knows are left out, the signature is in
  erc7677,  // every limit is in, unknown ones as zero; no signature
};

bool is_packed_version(const gantry_user_operation& operation);  // 0.6
// 0.6 to 0.8.
bool is_known_version(const gantry_user_operation& operation);

// What is wrong with the operation in its EntryPoint version, or null.
const char* fault_of(const gantry_user_operation& operation);

// `operation` must have no fault.
boost::json::object to_json(const gantry_user_operation& operation, Form form);

std::string hex_bytes(std::span<const std::uint8_t> bytes);      // "0x", two digits a byte
std::string hex_address(const gantry_address& address);          // lower case
std::optional<std::string> bytes_of_hex(std::string_view text);  // raw bytes of "0x..."

}  // namespace gantry::erc4337

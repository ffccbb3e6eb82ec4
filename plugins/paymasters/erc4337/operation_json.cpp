#include "plugins/paymasters/erc4337/operation_json.hpp"

#include "gantry/plugin.hpp"

namespace gantry::erc4337 {
namespace {

namespace json = boost::json;

constexpr std::uint32_t version_0_6 = 6;
constexpr std::uint32_t version_0_8 = 8;

void append_hex(std::string& out, std::span<const std::uint8_t> bytes) {
  static constexpr char digits[] = "0123456789abcdef";
  for (const std::uint8_t byte : bytes) {
    out += digits[byte >> 4U];
    out += digits[byte & 0xfU];
  }
}

std::span<const std::uint8_t> bytes_of(const gantry_address& address) {
  return {address.bytes, address.length};
}

bool is_evm(const gantry_address& address) {
  return address.kind == GANTRY_ADDRESS_EVM && address.length == 20;
}

bool is_evm_or_none(const gantry_address& address) {
  return address.kind == GANTRY_ADDRESS_NONE || is_evm(address);
}

// 0.6 puts an address and its data in one field; neither is "0x".
std::string joined(const gantry_address& address, gantry_bytes data) {
  std::string out = "0x";
  if (!is_evm(address)) return out;
  append_hex(out, bytes_of(address));
  append_hex(out, view(data));
  return out;
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool is_packed_version(const gantry_user_operation& operation) {
  return operation.entry_point_version == version_0_6;
}

bool is_known_version(const gantry_user_operation& operation) {
  return operation.entry_point_version >= version_0_6 &&
         operation.entry_point_version <= version_0_8;
}

const char* fault_of(const gantry_user_operation& operation) {
  if (!is_known_version(operation)) return "its EntryPoint version is none of 0.6 to 0.8";
  if (!is_evm(operation.entry_point)) return "its entry point is no EVM address";
  if (!is_evm(operation.sender)) return "its sender is no EVM address";
  if (!is_evm_or_none(operation.factory)) return "its factory is no EVM address";
  if (!is_evm_or_none(operation.paymaster)) return "its paymaster is no EVM address";
  if (operation.factory.kind == GANTRY_ADDRESS_NONE && operation.factory_data.size != 0) {
    return "it has factory data, but no factory";
  }
  if (is_packed_version(operation)) return nullptr;
  // From 0.7 on, limits and fees are packed in pairs of 16 bytes.
  for (const gantry_amount* amount :
       {&operation.call_gas_limit, &operation.verification_gas_limit, &operation.max_fee_per_gas,
        &operation.max_priority_fee_per_gas, &operation.paymaster_verification_gas_limit,
        &operation.paymaster_post_op_gas_limit}) {
    if (!u256(*amount).fits_u128()) return "a gas limit or fee is above 128 bits";
  }
  return nullptr;
}

json::object to_json(const gantry_user_operation& operation, Form form) {
  json::object out;
  const auto quantity = [&](const char* name, const gantry_amount& amount) {
    out[name] = to_hex(u256(amount));
  };
  const auto limit = [&](const char* name, const gantry_amount& amount) {
    if (form == Form::erc7677 || !u256(amount).is_zero()) quantity(name, amount);
  };
  out["sender"] = hex_address(operation.sender);
  quantity("nonce", operation.nonce);
  const bool packed = is_packed_version(operation);
  if (packed) {
    out["initCode"] = joined(operation.factory, operation.factory_data);
  } else if (is_evm(operation.factory)) {
    out["factory"] = hex_address(operation.factory);
    out["factoryData"] = hex_bytes(view(operation.factory_data));
  }
  out["callData"] = hex_bytes(view(operation.call_data));
  limit("callGasLimit", operation.call_gas_limit);
  limit("verificationGasLimit", operation.verification_gas_limit);
  limit("preVerificationGas", operation.pre_verification_gas);
  quantity("maxFeePerGas", operation.max_fee_per_gas);
  quantity("maxPriorityFeePerGas", operation.max_priority_fee_per_gas);
  // A service signs over the paymaster's own limits, so it has to be told what they became.
  if (!packed && is_evm(operation.paymaster)) {
    quantity("paymasterVerificationGasLimit", operation.paymaster_verification_gas_limit);
    quantity("paymasterPostOpGasLimit", operation.paymaster_post_op_gas_limit);
  }
  if (form == Form::sponsor) {
    if (packed) out["paymasterAndData"] = joined(operation.paymaster, operation.paymaster_data);
    out["signature"] = hex_bytes(view(operation.signature));
  }
  return out;
}

std::string hex_bytes(std::span<const std::uint8_t> bytes) {
  std::string out = "0x";
  out.reserve(2 + 2 * bytes.size());
  append_hex(out, bytes);
  return out;
}

std::string hex_address(const gantry_address& address) { return hex_bytes(bytes_of(address)); }

std::optional<std::string> bytes_of_hex(std::string_view text) {
  if (!text.starts_with("0x") || text.size() % 2 != 0) return std::nullopt;
  std::string out;
  out.reserve(text.size() / 2 - 1);
  for (std::size_t i = 2; i < text.size(); i += 2) {
    const int high = digit_of(text[i]);
    const int low = digit_of(text[i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    out += static_cast<char>(high * 16 + low);
  }
  return out;
}

}  // namespace gantry::erc4337

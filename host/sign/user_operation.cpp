#include "host/sign/user_operation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <span>
#include <utility>

#include "host/base/text.hpp"
#include "host/sign/abi_words.hpp"
#include "host/sign/message.hpp"

namespace gantry::host::sign {
namespace {

namespace json = boost::json;

constexpr std::string_view packed_type =
    "PackedUserOperation(address sender,uint256 nonce,bytes initCode,bytes callData,"
    "bytes32 accountGasLimits,uint256 preVerificationGas,bytes32 gasFees,bytes paymasterAndData)";
constexpr std::string_view domain_name = "ERC4337";
constexpr std::string_view domain_version = "1";

void append(std::vector<std::uint8_t>& out, std::span<const std::uint8_t> bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

// Two numbers of 128 bits in one word.
Hash32 halves(const u256& high, const u256& low) {
  Hash32 word;
  store_be(u256::from_halves(low.low128(), high.low128()), word.data());
  return word;
}

std::vector<std::uint8_t> init_code_of(const UserOperation& operation) {
  std::vector<std::uint8_t> out;
  if (!operation.factory) return out;
  append(out, *operation.factory);
  append(out, operation.factory_data);
  return out;
}

// v0.6: without limits of its own.
std::vector<std::uint8_t> plain_paymaster_and_data(const UserOperation& operation) {
  std::vector<std::uint8_t> out;
  if (!operation.paymaster) return out;
  append(out, *operation.paymaster);
  append(out, operation.paymaster_data);
  return out;
}

// v0.8 hashes the delegate in the factory's place, so that what was signed holds for it alone.
Hash32 hash_of_init_code(const UserOperation& operation) {
  if (!operation.delegate) return keccak_of(init_code_of(operation));
  std::vector<std::uint8_t> bytes;
  append(bytes, *operation.delegate);
  append(bytes, operation.factory_data);
  return keccak_of(bytes);
}

Hash32 inner_hash_v0_6(const UserOperation& operation) {
  AbiWords words;
  words.add(operation.sender);
  words.add(operation.nonce);
  words.add(keccak_of(init_code_of(operation)));
  words.add(keccak_of(operation.call_data));
  words.add(operation.call_gas_limit);
  words.add(operation.verification_gas_limit);
  words.add(operation.pre_verification_gas);
  words.add(operation.max_fee);
  words.add(operation.max_priority_fee);
  words.add(keccak_of(plain_paymaster_and_data(operation)));
  return words.hash();
}

// v0.8 hashes the same words as v0.7, behind those of its type.
Hash32 inner_hash_packed(const UserOperation& operation, bool typed) {
  const PackedUserOperation packed = pack(operation);
  AbiWords words;
  if (typed) words.add(keccak_of(packed_type));
  words.add(operation.sender);
  words.add(operation.nonce);
  words.add(typed ? hash_of_init_code(operation) : keccak_of(packed.init_code));
  words.add(keccak_of(operation.call_data));
  words.add(packed.account_gas_limits);
  words.add(operation.pre_verification_gas);
  words.add(packed.gas_fees);
  words.add(keccak_of(packed.paymaster_and_data));
  return words.hash();
}

TypedDataDomain domain_of(const EntryPoint& entry_point) {
  return {domain_name, domain_version, entry_point.chain_id, entry_point.address};
}

}  // namespace

std::string_view to_string(EntryPointVersion version) {
  switch (version) {
    case EntryPointVersion::v0_6:
      return "0.6";
    case EntryPointVersion::v0_7:
      return "0.7";
    case EntryPointVersion::v0_8:
      return "0.8";
  }
  return "unknown";
}

Status check_user_operation(const UserOperation& operation, EntryPointVersion version) {
  const auto refuse = [&](std::string_view what) {
    return fail(ErrorKind::format,
                fmt::format("a user operation for EntryPoint {} {}", to_string(version), what));
  };
  if (!operation.factory && !operation.factory_data.empty()) {
    return refuse("has factory data without a factory");
  }
  if (!operation.paymaster &&
      !(operation.paymaster_data.empty() && operation.paymaster_verification_gas_limit.is_zero() &&
        operation.paymaster_post_op_gas_limit.is_zero())) {
    return refuse("has a paymaster's data or gas without a paymaster");
  }
  if (operation.delegate &&
      (version != EntryPointVersion::v0_8 || operation.factory != eip7702_factory)) {
    return refuse("has a delegate (EIP-7702), which is for EntryPoint 0.8 and the factory 0x7702");
  }
  if (!operation.delegate && operation.factory == eip7702_factory) {
    return refuse("has the factory 0x7702, but no delegate, which its hash is of");
  }
  if (version == EntryPointVersion::v0_6) {
    if (!operation.paymaster_verification_gas_limit.is_zero() ||
        !operation.paymaster_post_op_gas_limit.is_zero()) {
      return refuse("has gas limits of its paymaster, which only 0.7 and later take");
    }
    return {};
  }
  const std::array<std::pair<std::string_view, const u256*>, 6> halves_of_words = {{
      {"call gas limit", &operation.call_gas_limit},
      {"verification gas limit", &operation.verification_gas_limit},
      {"highest fee", &operation.max_fee},
      {"priority fee", &operation.max_priority_fee},
      {"paymaster's verification gas limit", &operation.paymaster_verification_gas_limit},
      {"paymaster's gas limit after the operation", &operation.paymaster_post_op_gas_limit},
  }};
  for (const auto& [name, value] : halves_of_words) {
    if (!value->fits_u128()) return refuse(fmt::format("has a {} above 2^128 - 1", name));
  }
  return {};
}

PackedUserOperation pack(const UserOperation& operation) {
  PackedUserOperation out;
  out.init_code = init_code_of(operation);
  out.account_gas_limits = halves(operation.verification_gas_limit, operation.call_gas_limit);
  out.gas_fees = halves(operation.max_priority_fee, operation.max_fee);
  if (operation.paymaster) {
    append(out.paymaster_and_data, *operation.paymaster);
    append(out.paymaster_and_data, halves(operation.paymaster_verification_gas_limit,
                                          operation.paymaster_post_op_gas_limit));
    append(out.paymaster_and_data, operation.paymaster_data);
  }
  return out;
}

Hash32 user_operation_hash(const UserOperation& operation, const EntryPoint& entry_point) {
  if (entry_point.version == EntryPointVersion::v0_8) {
    return typed_data_hash(domain_separator(domain_of(entry_point)),
                           inner_hash_packed(operation, true));
  }
  AbiWords words;
  words.add(entry_point.version == EntryPointVersion::v0_6 ? inner_hash_v0_6(operation)
                                                           : inner_hash_packed(operation, false));
  words.add(entry_point.address);
  words.add(u256(entry_point.chain_id));
  return words.hash();
}

json::object user_operation_json(const UserOperation& operation, EntryPointVersion version) {
  json::object out{{"sender", hex_text(operation.sender)}, {"nonce", to_hex(operation.nonce)}};
  if (version == EntryPointVersion::v0_6) {
    out["initCode"] = hex_text(init_code_of(operation));
  } else if (operation.factory) {
    out["factory"] = hex_text(*operation.factory);
    out["factoryData"] = hex_text(operation.factory_data);
  }
  out["callData"] = hex_text(operation.call_data);
  out["callGasLimit"] = to_hex(operation.call_gas_limit);
  out["verificationGasLimit"] = to_hex(operation.verification_gas_limit);
  out["preVerificationGas"] = to_hex(operation.pre_verification_gas);
  out["maxFeePerGas"] = to_hex(operation.max_fee);
  out["maxPriorityFeePerGas"] = to_hex(operation.max_priority_fee);
  if (version == EntryPointVersion::v0_6) {
    out["paymasterAndData"] = hex_text(plain_paymaster_and_data(operation));
  } else if (operation.paymaster) {
    out["paymaster"] = hex_text(*operation.paymaster);
    out["paymasterVerificationGasLimit"] = to_hex(operation.paymaster_verification_gas_limit);
    out["paymasterPostOpGasLimit"] = to_hex(operation.paymaster_post_op_gas_limit);
    out["paymasterData"] = hex_text(operation.paymaster_data);
  }
  out["signature"] = hex_text(operation.signature);
  return out;
}

std::vector<std::uint8_t> user_operation_bytes(const UserOperation& operation,
                                               EntryPointVersion version) {
  const std::string text = json::serialize(user_operation_json(operation, version));
  return {text.begin(), text.end()};
}

std::vector<std::uint8_t> stub_signature() {
  // r is the x of a point of the curve, s is in its lower half, and no byte is zero: calldata of a
  // real signature costs no more.
  std::vector<std::uint8_t> out(65, 0xaa);
  out[31] = 0x03;
  out[32] = 0x7a;
  out[64] = 0x1c;
  return out;
}

json::object user_operation_typed_data(const UserOperation& operation,
                                       const EntryPoint& entry_point) {
  const auto member = [](std::string_view name, std::string_view type) {
    return json::object{{"name", name}, {"type", type}};
  };
  const PackedUserOperation packed = pack(operation);
  return {{"types",
           {{"EIP712Domain",
             {member("name", "string"), member("version", "string"), member("chainId", "uint256"),
              member("verifyingContract", "address")}},
            {"PackedUserOperation",
             {member("sender", "address"), member("nonce", "uint256"), member("initCode", "bytes"),
              member("callData", "bytes"), member("accountGasLimits", "bytes32"),
              member("preVerificationGas", "uint256"), member("gasFees", "bytes32"),
              member("paymasterAndData", "bytes")}}}},
          {"primaryType", "PackedUserOperation"},
          {"domain",
           {{"name", domain_name},
            {"version", domain_version},
            {"chainId", entry_point.chain_id},
            {"verifyingContract", hex_text(entry_point.address)}}},
          {"message",
           {{"sender", hex_text(operation.sender)},
            {"nonce", to_hex(operation.nonce)},
            {"initCode", hex_text(packed.init_code)},
            {"callData", hex_text(operation.call_data)},
            {"accountGasLimits", hex_text(packed.account_gas_limits)},
            {"preVerificationGas", to_hex(operation.pre_verification_gas)},
            {"gasFees", hex_text(packed.gas_fees)},
            {"paymasterAndData", hex_text(packed.paymaster_and_data)}}}};
}

}  // namespace gantry::host::sign

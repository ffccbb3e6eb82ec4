// User operations of ERC-4337: their hash, which the account's owner signs, their packed form, and
// their JSON for a bundler. EntryPoint v0.6, v0.7 and v0.8.
//
// UNITS    Wei and gas.
// THREADS  [any thread]
// SOURCE   EntryPoint.sol and UserOperationLib.sol of eth-infinitism/account-abstraction at the
//          tags v0.6.0, v0.7.0 and v0.8.0; Eip7702Support.sol of v0.8.0.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "gantry/u256.hpp"
#include "host/base/keccak.hpp"
#include "host/base/result.hpp"
#include "host/sign/curve.hpp"

namespace gantry::host::sign {

enum class EntryPointVersion : std::int32_t { v0_6 = 6, v0_7 = 7, v0_8 = 8 };
std::string_view to_string(EntryPointVersion version);  // "0.7"

// The contract that an operation goes through; its hash is for no other.
struct EntryPoint {
  EntryPointVersion version = EntryPointVersion::v0_7;
  EvmAddress address{};
  std::uint64_t chain_id = 0;
};

struct UserOperation {
  EvmAddress sender{};
  u256 nonce;
  std::optional<EvmAddress> factory;  // that makes the account; none: it is there
  std::vector<std::uint8_t> factory_data;
  std::vector<std::uint8_t> call_data;
  u256 call_gas_limit;
  u256 verification_gas_limit;
  u256 pre_verification_gas;
  u256 max_fee;           // per gas
  u256 max_priority_fee;  // per gas
  std::optional<EvmAddress> paymaster;
  u256 paymaster_verification_gas_limit;  // v0.7 and v0.8
  u256 paymaster_post_op_gas_limit;       // v0.7 and v0.8
  std::vector<std::uint8_t> paymaster_data;
  std::vector<std::uint8_t> signature;
  // v0.8: whose code an account has by EIP-7702. Its factory is then eip7702_factory.
  std::optional<EvmAddress> delegate;
};

// 0x7702 and zeros: in a factory's place, it says that EIP-7702 gave the account its code.
inline constexpr EvmAddress eip7702_factory = {0x77, 0x02};

// Whether that version can carry it: 128 bits for each limit and fee from v0.7 on, no data without
// whose it is, a delegate with its factory alone. Fails with `format`, naming the field.
Status check_user_operation(const UserOperation& operation, EntryPointVersion version);

// PackedUserOperation of v0.7 and v0.8. Of a checked operation.
struct PackedUserOperation {
  std::vector<std::uint8_t> init_code;           // factory, factory_data
  Hash32 account_gas_limits{};                   // verification, call: 16 bytes each
  Hash32 gas_fees{};                             // priority, highest: 16 bytes each
  std::vector<std::uint8_t> paymaster_and_data;  // paymaster, its two limits, its data
};
PackedUserOperation pack(const UserOperation& operation);

// userOpHash, as that entry point computes it. Of a checked operation; its signature has no part in
// it.
Hash32 user_operation_hash(const UserOperation& operation, const EntryPoint& entry_point);

// The first parameter of eth_sendUserOperation. Of a checked operation.
boost::json::object user_operation_json(const UserOperation& operation, EntryPointVersion version);
// The same as text: what leaves, is written down before it does, and may be sent again.
std::vector<std::uint8_t> user_operation_bytes(const UserOperation& operation,
                                               EntryPointVersion version);

// Nobody's signature, of the length and form of one: what an operation is estimated and sponsored
// with before it is signed. Contracts recover some address from it, so that they answer "not the
// owner's" and do not revert.
std::vector<std::uint8_t> stub_signature();
// What v0.8 hashes, as eth_signTypedData_v4 takes it. Of a checked operation without a delegate,
// for then the hash is of other bytes than the operation's own.
boost::json::object user_operation_typed_data(const UserOperation& operation,
                                              const EntryPoint& entry_point);

}  // namespace gantry::host::sign

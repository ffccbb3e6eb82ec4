// Ethereum's transactions of types 0 (EIP-155), 1 (EIP-2930) and 2 (EIP-1559), to bytes and back.
//
// UNITS     Amounts and prices in wei, gas in gas.
// THREADS   [any thread]
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gantry/u256.hpp"
#include "host/base/keccak.hpp"
#include "host/base/result.hpp"
#include "host/sign/curve.hpp"

namespace gantry::host::sign {

enum class TransactionType : std::int32_t { legacy = 0, access_list = 1, dynamic_fee = 2 };
std::string_view to_string(TransactionType type);  // as "2 (EIP-1559)"

struct AccessListEntry {
  EvmAddress address{};
  std::vector<Hash32> storage_keys;

  friend bool operator==(const AccessListEntry&, const AccessListEntry&) = default;
};

struct Transaction {
  TransactionType type = TransactionType::dynamic_fee;
  std::uint64_t chain_id = 0;  // 1 to chain_id_max
  std::uint64_t nonce = 0;     // below 2^64 - 1 (EIP-2681)
  u256 gas_price;              // types 0 and 1
  u256 max_priority_fee;       // type 2: per gas, at most max_fee
  u256 max_fee;                // type 2: per gas
  std::uint64_t gas_limit = 0;
  std::optional<EvmAddress> to;  // none: a contract is made
  u256 value;
  std::vector<std::uint8_t> data;
  std::vector<AccessListEntry> access_list;  // types 1 and 2

  friend bool operator==(const Transaction&, const Transaction&) = default;
};

// Twice that and 36 still has 64 bits (EIP-2294).
inline constexpr std::uint64_t chain_id_max = 0x7fffffffffffffff - 36;

// Whether a chain could take it: the bounds above, no price of another type, no access list in type
// 0. Fails with `format`, naming the field.
Status check_transaction(const Transaction& transaction);

struct SignedTransaction {
  std::span<const std::uint8_t> bytes;  // as eth_sendRawTransaction wants them; in the given buffer
  Hash32 hash{};                        // by which the chain knows it
};

// Encodes a transaction once, for its hash and for its bytes, in the caller's buffer. Allocates
// nothing. The transaction and the buffer outlive it.
class TransactionEncoder {
 public:
  // Of a transaction that was checked.
  TransactionEncoder(const Transaction& transaction, std::span<std::uint8_t> buffer);
  // How many bytes are enough.
  static std::size_t buffer_size(const Transaction& transaction);
  // Whether the buffer has as many; only then may its bytes be asked for.
  bool fits() const;

  // What is signed; in the buffer, until the next call.
  std::span<const std::uint8_t> unsigned_bytes();
  std::span<const std::uint8_t> signed_bytes(const Signature& signature);

 private:
  std::span<const std::uint8_t> with_header(std::size_t end);

  const Transaction& transaction_;
  std::span<std::uint8_t> buffer_;
  std::size_t fields_end_ = 0;
};

// What is signed, hashed. Allocates; see TransactionEncoder for what does not.
Hash32 signing_hash(const Transaction& transaction);

struct DecodedTransaction {
  Transaction transaction;
  Signature signature;
  Hash32 hash{};  // by which the chain knows it
};
// Signed bytes, from anywhere. They have one encoding only: what is read here and encoded again
// gives the same bytes. Fails with `format`, without a subject, as "is cut short".
Result<DecodedTransaction> decode_transaction(std::span<const std::uint8_t> bytes);
// Who signed it. Fails with `format`.
Result<EvmAddress> sender_of(const DecodedTransaction& decoded, const Curve& curve);

}  // namespace gantry::host::sign

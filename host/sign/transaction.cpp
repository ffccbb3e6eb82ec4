#include "host/sign/transaction.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/sign/rlp.hpp"

namespace gantry::host::sign {
namespace {

constexpr std::size_t type_bytes = 1;
constexpr std::size_t room_in_front = type_bytes + rlp::header_bytes_max;
// y parity or v, r and s; of which v is the longest that a chain id can make it.
constexpr std::size_t signature_bytes_max = 9 + 33 + 33;

bool is_typed(const Transaction& transaction) {
  return transaction.type != TransactionType::legacy;
}

// As a number is written.
rlp::Bytes without_zeros(const Hash32& word) {
  rlp::Bytes bytes(word);
  while (!bytes.empty() && bytes[0] == 0) bytes = bytes.subspan(1);
  return bytes;
}

std::size_t entry_payload(const AccessListEntry& entry) {
  const std::size_t keys = entry.storage_keys.size() * 33;
  return 21 + rlp::list_header_size(keys) + keys;
}

std::size_t access_list_payload(const Transaction& transaction) {
  std::size_t size = 0;
  for (const AccessListEntry& entry : transaction.access_list) {
    const std::size_t payload = entry_payload(entry);
    size += rlp::list_header_size(payload) + payload;
  }
  return size;
}

void write_access_list(rlp::Writer& out, const Transaction& transaction) {
  out.list(access_list_payload(transaction));
  for (const AccessListEntry& entry : transaction.access_list) {
    out.list(entry_payload(entry));
    out.text(entry.address);
    out.list(entry.storage_keys.size() * 33);
    for (const Hash32& key : entry.storage_keys) out.text(key);
  }
}

// All but what stands in front of them and what signs them.
void write_fields(rlp::Writer& out, const Transaction& transaction) {
  if (is_typed(transaction)) out.number(transaction.chain_id);
  out.number(transaction.nonce);
  if (transaction.type == TransactionType::dynamic_fee) {
    out.number(transaction.max_priority_fee);
    out.number(transaction.max_fee);
  } else {
    out.number(transaction.gas_price);
  }
  out.number(transaction.gas_limit);
  out.text(transaction.to ? rlp::Bytes(*transaction.to) : rlp::Bytes());
  out.number(transaction.value);
  out.text(transaction.data);
  if (is_typed(transaction)) write_access_list(out, transaction);
}

}  // namespace

std::string_view to_string(TransactionType type) {
  switch (type) {
    case TransactionType::legacy:
      return "0 (EIP-155)";
    case TransactionType::access_list:
      return "1 (EIP-2930)";
    case TransactionType::dynamic_fee:
      return "2 (EIP-1559)";
  }
  return "unknown";
}

Status check_transaction(const Transaction& transaction) {
  const auto refuse = [](std::string message) {
    return fail(ErrorKind::format, std::move(message));
  };
  const bool dynamic = transaction.type == TransactionType::dynamic_fee;
  if (transaction.chain_id == 0 || transaction.chain_id > chain_id_max) {
    return refuse(fmt::format("a transaction's chain id is {}; it has to be 1 to {}",
                              transaction.chain_id, chain_id_max));
  }
  if (transaction.nonce == UINT64_MAX) {
    return refuse("a transaction's nonce is 2^64 - 1, which no account has (EIP-2681)");
  }
  if (dynamic ? !transaction.gas_price.is_zero()
              : !(transaction.max_fee.is_zero() && transaction.max_priority_fee.is_zero())) {
    return refuse(fmt::format("a transaction of type {} has the price of another type",
                              to_string(transaction.type)));
  }
  if (transaction.max_priority_fee > transaction.max_fee) {
    return refuse("a transaction's priority fee is above its highest fee, which no chain takes");
  }
  if (!is_typed(transaction) && !transaction.access_list.empty()) {
    return refuse("a transaction of type 0 has an access list, which only types 1 and 2 can carry");
  }
  return {};
}

std::size_t TransactionEncoder::buffer_size(const Transaction& transaction) {
  rlp::Writer counter{{}};
  write_fields(counter, transaction);
  return room_in_front + counter.size() + signature_bytes_max;
}

TransactionEncoder::TransactionEncoder(const Transaction& transaction,
                                       std::span<std::uint8_t> buffer)
    : transaction_(transaction), buffer_(buffer) {
  rlp::Writer out(buffer_.subspan(std::min(room_in_front, buffer_.size())));
  write_fields(out, transaction_);
  fields_end_ = room_in_front + out.size();
}

bool TransactionEncoder::fits() const {
  return fields_end_ + signature_bytes_max <= buffer_.size();
}

// Puts list header and type right in front of the fields.
std::span<const std::uint8_t> TransactionEncoder::with_header(std::size_t end) {
  const std::size_t payload = end - room_in_front;
  std::size_t begin = room_in_front - rlp::list_header_size(payload);
  rlp::Writer(buffer_.subspan(begin)).list(payload);
  if (is_typed(transaction_)) buffer_[--begin] = static_cast<std::uint8_t>(transaction_.type);
  return buffer_.subspan(begin, end - begin);
}

std::span<const std::uint8_t> TransactionEncoder::unsigned_bytes() {
  if (is_typed(transaction_)) return with_header(fields_end_);
  rlp::Writer out(buffer_.subspan(fields_end_));
  out.number(transaction_.chain_id);
  out.number(u256());
  out.number(u256());
  return with_header(fields_end_ + out.size());
}

std::span<const std::uint8_t> TransactionEncoder::signed_bytes(const Signature& signature) {
  rlp::Writer out(buffer_.subspan(fields_end_));
  out.number(is_typed(transaction_) ? signature.y_parity
                                    : 2 * transaction_.chain_id + 35 + signature.y_parity);
  out.text(without_zeros(signature.r));
  out.text(without_zeros(signature.s));
  return with_header(fields_end_ + out.size());
}

Hash32 signing_hash(const Transaction& transaction) {
  std::vector<std::uint8_t> buffer(TransactionEncoder::buffer_size(transaction));
  return keccak_of(TransactionEncoder(transaction, buffer).unsigned_bytes());
}

}  // namespace gantry::host::sign

#include <fmt/format.h>

#include <algorithm>

#include "host/sign/rlp.hpp"
#include "host/sign/transaction.hpp"

namespace gantry::host::sign {
namespace {

constexpr std::uint64_t first_replay_protected = 35;  // v of EIP-155: this and twice the chain id

// Reads field by field and keeps what was wrong first.
class FieldReader {
 public:
  explicit FieldReader(rlp::Reader reader) : reader_(reader) {}

  u256 number(std::string_view name) {
    if (!fault_.empty()) return {};
    const auto value = reader_.number();
    if (!value) return wrong(name), u256();
    return *value;
  }
  std::uint64_t number64(std::string_view name) {
    const u256 value = number(name);
    if (!value.fits_u64()) wrong(name);
    return value.limb(0);
  }
  rlp::Bytes text(std::string_view name) {
    if (!fault_.empty()) return {};
    const auto value = reader_.text();
    if (!value) wrong(name);
    return value.value_or(rlp::Bytes());
  }
  // Of exactly so many bytes.
  template <std::size_t size>
  void fixed(std::string_view name, std::array<std::uint8_t, size>& out) {
    const rlp::Bytes bytes = text(name);
    if (fault_.empty() && bytes.size() != size) wrong(name);
    if (fault_.empty()) std::ranges::copy(bytes, out.begin());
  }
  FieldReader list(std::string_view name) {
    if (fault_.empty()) {
      if (const auto inner = reader_.list()) return FieldReader(*inner);
      wrong(name);
    }
    return FieldReader(rlp::Reader({}));
  }
  bool more() const { return fault_.empty() && !reader_.at_end(); }
  void wrong(std::string_view name) {
    if (fault_.empty()) fault_ = name;
  }
  std::string_view fault() const { return fault_; }

 private:
  rlp::Reader reader_;
  std::string_view fault_;
};

void read_access_list(FieldReader& fields, std::vector<AccessListEntry>& out) {
  constexpr std::string_view name = "access list";
  FieldReader entries = fields.list(name);
  while (entries.more()) {
    AccessListEntry entry;
    FieldReader parts = entries.list(name);
    parts.fixed(name, entry.address);
    FieldReader keys = parts.list(name);
    while (keys.more()) {
      Hash32 key;
      keys.fixed(name, key);
      if (keys.fault().empty()) entry.storage_keys.push_back(key);
    }
    if (parts.more() || !parts.fault().empty() || !keys.fault().empty()) entries.wrong(name);
    out.push_back(std::move(entry));
  }
  if (!entries.fault().empty()) fields.wrong(name);
}

void read_parity(FieldReader& fields, DecodedTransaction& out) {
  const std::uint64_t v = fields.number64("v");
  if (out.transaction.type != TransactionType::legacy) {
    if (v > 1) fields.wrong("y parity");
    out.signature.y_parity = static_cast<std::uint8_t>(v & 1U);
    return;
  }
  if (v < first_replay_protected) return fields.wrong("v, which names no chain (EIP-155)");
  out.transaction.chain_id = (v - first_replay_protected) / 2;
  out.signature.y_parity = static_cast<std::uint8_t>((v - first_replay_protected) % 2);
}

void read_fields(FieldReader& fields, DecodedTransaction& out) {
  Transaction& transaction = out.transaction;
  const bool typed = transaction.type != TransactionType::legacy;
  if (typed) transaction.chain_id = fields.number64("chain id");
  transaction.nonce = fields.number64("nonce");
  if (transaction.type == TransactionType::dynamic_fee) {
    transaction.max_priority_fee = fields.number("priority fee");
    transaction.max_fee = fields.number("highest fee");
  } else {
    transaction.gas_price = fields.number("gas price");
  }
  transaction.gas_limit = fields.number64("gas limit");
  if (const rlp::Bytes to = fields.text("recipient"); to.size() == EvmAddress().size()) {
    std::ranges::copy(to, transaction.to.emplace().begin());
  } else if (!to.empty()) {
    fields.wrong("recipient");
  }
  transaction.value = fields.number("value");
  const rlp::Bytes data = fields.text("data");
  transaction.data.assign(data.begin(), data.end());
  if (typed) read_access_list(fields, transaction.access_list);
  read_parity(fields, out);
  store_be(fields.number("r"), out.signature.r.data());
  store_be(fields.number("s"), out.signature.s.data());
  if (fields.more()) fields.wrong("end, for there are more fields");
}

}  // namespace

Result<DecodedTransaction> decode_transaction(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return fail(ErrorKind::format, "is empty");
  DecodedTransaction out;
  out.transaction.type = TransactionType::legacy;
  rlp::Bytes body = bytes;
  if (bytes[0] == 1 || bytes[0] == 2) {
    out.transaction.type = static_cast<TransactionType>(bytes[0]);
    body = bytes.subspan(1);
  } else if (bytes[0] < 0x80) {
    return fail(ErrorKind::format,
                fmt::format("is a transaction of type {}, and only 0, 1 and 2 are read", bytes[0]));
  }
  rlp::Reader whole(body);
  const auto list = whole.list();
  if (!list || !whole.at_end()) {
    return fail(ErrorKind::format, "is not one list in RLP: it is cut short, or more follows it");
  }
  FieldReader fields(*list);
  read_fields(fields, out);
  if (!fields.fault().empty()) {
    return fail(ErrorKind::format, fmt::format("is no transaction of type {}: wrong in its {}",
                                               to_string(out.transaction.type), fields.fault()));
  }
  if (auto checked = check_transaction(out.transaction); !checked) {
    return fail(ErrorKind::format, "holds what no chain takes: " + checked.error().message);
  }
  out.hash = keccak_of(bytes);
  return out;
}

Result<EvmAddress> sender_of(const DecodedTransaction& decoded, const Curve& curve) {
  return curve.recover(signing_hash(decoded.transaction), decoded.signature);
}

}  // namespace gantry::host::sign

#include "host/live/signed_pending.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "gantry/u256_convert.hpp"
#include "host/live/chain_text.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;
using sign::TransactionType;

// Reads field by field and keeps what was wrong first.
class PendingFields {
 public:
  explicit PendingFields(const json::value& body) : body_(body) {}

  // Null: it is not there.
  const json::value* find(std::string_view name) const {
    const json::value* found = member(body_, name);
    return found == nullptr || found->is_null() ? nullptr : found;
  }
  u256 amount(std::string_view name) {
    const json::value* found = find(name);
    const auto value = found == nullptr ? std::nullopt : amount_of(*found);
    if (!value) wrong(name);
    return value.value_or(u256());
  }
  std::uint64_t number(std::string_view name) {
    const u256 value = amount(name);
    if (!value.fits_u64()) wrong(name);
    return value.limb(0);
  }
  // Nodes write them as numbers, without leading zeros, or whole.
  Hash32 word(std::string_view name) {
    Hash32 out{};
    store_be(amount(name), out.data());
    return out;
  }
  void wrong(std::string_view name) {
    if (fault_.empty()) fault_ = name;
  }
  std::string_view fault() const { return fault_; }

 private:
  const json::value& body_;
  std::string_view fault_;
};

bool read_access_list(const json::value& list, std::vector<sign::AccessListEntry>& out) {
  if (!list.is_array()) return false;
  for (const json::value& each : list.get_array()) {
    const json::value* address = member(each, "address");
    const json::value* keys = member(each, "storageKeys");
    const auto account = address == nullptr ? std::nullopt : evm_address_of(*address);
    if (!account || keys == nullptr || !keys->is_array()) return false;
    sign::AccessListEntry entry;
    entry.address = sign::evm_address(*account);
    for (const json::value& key : keys->get_array()) {
      const auto bytes = bytes_of(key);
      if (!bytes || bytes->size() != word_bytes) return false;
      std::ranges::copy(*bytes, entry.storage_keys.emplace_back().begin());
    }
    out.push_back(std::move(entry));
  }
  return true;
}

void read_prices(PendingFields& fields, sign::Transaction& out) {
  if (out.type == TransactionType::dynamic_fee) {
    out.max_fee = fields.amount("maxFeePerGas");
    out.max_priority_fee = fields.amount("maxPriorityFeePerGas");
  } else {
    out.gas_price = fields.amount("gasPrice");
  }
}

// Whose y parity stands in `v` too, or, of type 0, twice the chain id and 35 or 36 (EIP-155).
void read_signature(PendingFields& fields, sign::Transaction& out, sign::Signature& signature) {
  constexpr std::uint64_t first_replay_protected = 35;
  signature.r = fields.word("r");
  signature.s = fields.word("s");
  const bool is_legacy = out.type == TransactionType::legacy;
  const std::string_view name = !is_legacy && fields.find("yParity") != nullptr ? "yParity" : "v";
  const std::uint64_t v = fields.number(name);
  if (!is_legacy) {
    out.chain_id = fields.number("chainId");
    if (v > 1) fields.wrong(name);
    signature.y_parity = static_cast<std::uint8_t>(v & 1U);
  } else if (v < first_replay_protected) {
    fields.wrong("v, which names no chain (EIP-155)");
  } else {
    out.chain_id = (v - first_replay_protected) / 2;
    signature.y_parity = static_cast<std::uint8_t>((v - first_replay_protected) % 2);
  }
}

void read_call(PendingFields& fields, sign::Transaction& out) {
  out.nonce = fields.number("nonce");
  out.gas_limit = fields.number("gas");
  out.value = fields.amount("value");
  if (const json::value* to = fields.find("to")) {
    const auto account = evm_address_of(*to);
    if (!account) return fields.wrong("to");
    out.to = sign::evm_address(*account);
  }
  const json::value* input = fields.find("input");
  if (input == nullptr) input = fields.find("data");
  const auto data = input == nullptr ? std::nullopt : bytes_of(*input);
  if (!data) return fields.wrong("input");
  out.data = *data;
  const json::value* list = fields.find("accessList");
  if (out.type == TransactionType::legacy || list == nullptr) return;
  if (!read_access_list(*list, out.access_list)) fields.wrong("accessList");
}

}  // namespace

Result<std::vector<std::uint8_t>> signed_bytes_of(const json::value& body) {
  PendingFields fields(body);
  // Nodes that know no other type do not name it.
  const std::uint64_t type = fields.find("type") == nullptr ? 0 : fields.number("type");
  if (fields.fault().empty() && type > 2) {
    return fail(ErrorKind::format,
                fmt::format("is a transaction of type {}, and only 0, 1 and 2 are written", type));
  }
  sign::Transaction transaction;
  transaction.type = static_cast<TransactionType>(type);
  sign::Signature signature;
  read_call(fields, transaction);
  read_prices(fields, transaction);
  read_signature(fields, transaction, signature);
  const json::value* named = fields.find("hash");
  const auto hash = named == nullptr ? std::nullopt : bytes_of(*named);
  if (!hash) fields.wrong("hash");
  if (!fields.fault().empty()) {
    return fail(ErrorKind::format,
                fmt::format("is told of without its signed bytes: missing or wrong is its {}",
                            fields.fault()));
  }
  if (auto checked = sign::check_transaction(transaction); !checked) {
    return fail(ErrorKind::format, "holds what no chain takes: " + checked.error().message);
  }
  std::vector<std::uint8_t> buffer(sign::TransactionEncoder::buffer_size(transaction));
  const auto bytes = sign::TransactionEncoder(transaction, buffer).signed_bytes(signature);
  if (!std::ranges::equal(keccak_of(bytes), *hash)) {
    return fail(ErrorKind::format, "is told of with fields that do not hash to its hash");
  }
  return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
}

Result<SignedPending> read_signed(std::vector<std::uint8_t> bytes, const sign::Curve& curve) {
  auto decoded = sign::decode_transaction(bytes);
  if (!decoded) return std::unexpected(decoded.error());
  const auto from = sign::sender_of(*decoded, curve);
  if (!from) return std::unexpected(from.error());
  return SignedPending{std::move(bytes), std::move(decoded->transaction), *from};
}

}  // namespace gantry::host

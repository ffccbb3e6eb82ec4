#include "host/sign/remote_signer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "host/base/text.hpp"
#include "host/log/log.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/sign/message.hpp"

namespace gantry::host::sign {
namespace {

namespace json = boost::json;

bool is_clef(const RemoteSignerOptions& options) { return options.kind == RemoteSignerKind::clef; }

json::object request_of(const Transaction& transaction, const EvmAddress& from) {
  json::object out{{"from", checksummed_address(from)},
                   {"gas", quantity_text(transaction.gas_limit)},
                   {"nonce", quantity_text(transaction.nonce)},
                   {"value", to_hex(transaction.value)},
                   {"data", hex_text(transaction.data)},
                   {"chainId", quantity_text(transaction.chain_id)}};
  if (transaction.to) out["to"] = checksummed_address(*transaction.to);
  if (transaction.type == TransactionType::dynamic_fee) {
    out["maxFeePerGas"] = to_hex(transaction.max_fee);
    out["maxPriorityFeePerGas"] = to_hex(transaction.max_priority_fee);
  } else {
    out["gasPrice"] = to_hex(transaction.gas_price);
  }
  if (transaction.type == TransactionType::legacy) return out;
  json::array list;
  for (const AccessListEntry& entry : transaction.access_list) {
    json::array keys;
    for (const Hash32& key : entry.storage_keys) keys.emplace_back(hex_text(key));
    list.push_back(json::object{{"address", hex_text(entry.address)}, {"storageKeys", keys}});
  }
  out["accessList"] = std::move(list);
  return out;
}

// web3signer answers with the bytes, clef and geth with an object that has them.
std::optional<std::vector<std::uint8_t>> raw_bytes(const json::value& answer) {
  const json::value* raw = &answer;
  if (const json::object* object = answer.if_object()) raw = object->if_contains("raw");
  if (raw == nullptr || !raw->is_string()) return std::nullopt;
  return bytes_of_hex(std::string_view(raw->get_string()));
}

std::string address_or_none(const std::optional<EvmAddress>& address) {
  return address ? checksummed_address(*address) : "none";
}

std::string brief(std::span<const std::uint8_t> data) {
  constexpr std::size_t shown_max = 8;
  return fmt::format("{}{} ({} bytes)", hex_text(data.first(std::min(data.size(), shown_max))),
                     data.size() > shown_max ? "..." : "", data.size());
}

}  // namespace

std::string difference(const Transaction& asked, const Transaction& got) {
  const auto told = [](std::string_view field, const auto& theirs, const auto& ours) {
    return fmt::format("its {} is {}, and {} was asked for", field, theirs, ours);
  };
  if (got.type != asked.type) return told("type", to_string(got.type), to_string(asked.type));
  if (got.chain_id != asked.chain_id) return told("chain id", got.chain_id, asked.chain_id);
  if (got.nonce != asked.nonce) return told("nonce", got.nonce, asked.nonce);
  const std::array<std::tuple<std::string_view, const u256*, const u256*>, 4> amounts = {{
      {"gas price", &got.gas_price, &asked.gas_price},
      {"highest fee", &got.max_fee, &asked.max_fee},
      {"priority fee", &got.max_priority_fee, &asked.max_priority_fee},
      {"value", &got.value, &asked.value},
  }};
  for (const auto& [field, theirs, ours] : amounts) {
    if (*theirs != *ours) return told(field, to_string(*theirs), to_string(*ours));
  }
  if (got.gas_limit != asked.gas_limit) return told("gas limit", got.gas_limit, asked.gas_limit);
  if (got.to != asked.to) {
    return told("recipient", address_or_none(got.to), address_or_none(asked.to));
  }
  if (got.data != asked.data) return told("data", brief(got.data), brief(asked.data));
  if (got.access_list != asked.access_list) return "its access list is another";
  return {};
}

RemoteSigner::RemoteSigner(Http& http, RemoteSignerOptions options, Curve curve)
    : http_(http), options_(std::move(options)), curve_(std::move(curve)) {}

std::unexpected<Error> RemoteSigner::refuse(ErrorKind kind, std::string_view what) const {
  return fail(kind, fmt::format("signer {}: {}", printable_origin(options_.url.written()), what));
}

Result<json::value> RemoteSigner::ask(std::string_view method, json::array params) {
  const RpcCall call{std::string(method), std::move(params)};
  const std::uint64_t id = next_id_++;
  HttpRequest request;
  request.method = "POST";
  request.url = options_.url;
  request.headers = {{"Content-Type", "application/json"}};
  request.body = encode_batch(std::span(&call, 1), id);
  request.timeout_ms = options_.timeout_ms;
  auto answer = http_.send(request);
  if (!answer) {
    return refuse(answer.error().kind,
                  fmt::format("does not answer: {}. Nothing was signed; see that it runs and that "
                              "wallet.remote_signer is its address",
                              answer.error().message));
  }
  const auto batch = decode_batch(answer->body, id, 1);
  if (!batch && answer->status != 200) {
    return refuse(ErrorKind::io, fmt::format("answers {} with HTTP status {}. Nothing was signed; "
                                             "see its log",
                                             method, answer->status));
  }
  if (!batch) return refuse(ErrorKind::io, "gives no answer of JSON-RPC: " + batch.error().message);
  const RpcFailure* failure = batch->refused ? &*batch->refused : nullptr;
  if (failure == nullptr && !batch->answers[0]) failure = &batch->answers[0].error();
  if (failure != nullptr) {
    return refuse(ErrorKind::io, fmt::format("refuses {}: '{}' ({}). Nothing was signed", method,
                                             said_line(failure->message), failure->code));
  }
  return *batch->answers[0];
}

Result<SignedTransaction> RemoteSigner::sign(const Transaction& transaction,
                                             std::span<std::uint8_t> buffer) {
  if (auto checked = check_transaction(transaction); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  if (buffer.size() < TransactionEncoder::buffer_size(transaction)) {
    return fail(ErrorKind::limit, "the buffer is too small for the signed transaction");
  }
  const auto answer = ask(is_clef(options_) ? "account_signTransaction" : "eth_signTransaction",
                          {request_of(transaction, options_.address)});
  if (!answer) return std::unexpected(answer.error());
  constexpr std::string_view remedy = "It is not used; look into that signer";
  const auto raw = raw_bytes(*answer);
  if (!raw) return refuse(ErrorKind::plugin, "answers with no signed bytes in hexadecimal digits");
  const auto decoded = decode_transaction(*raw);
  if (!decoded) {
    return refuse(ErrorKind::plugin,
                  fmt::format("what it signed {}. {}", decoded.error().message, remedy));
  }
  if (const std::string other = difference(transaction, decoded->transaction); !other.empty()) {
    return refuse(ErrorKind::plugin,
                  fmt::format("signed another transaction: {}. {}", other, remedy));
  }
  const auto sender = sender_of(*decoded, curve_);
  if (!sender) {
    return refuse(ErrorKind::plugin, fmt::format("{}. {}", sender.error().message, remedy));
  }
  if (*sender != options_.address) {
    return refuse(ErrorKind::plugin, fmt::format("signed with the key of {}, and not of {}. {}",
                                                 checksummed_address(*sender),
                                                 checksummed_address(options_.address), remedy));
  }
  // The same transaction has one encoding, so these are not more bytes than the buffer has.
  std::ranges::copy(*raw, buffer.begin());
  return SignedTransaction{.bytes = buffer.first(raw->size()), .hash = decoded->hash};
}

Result<Signature> RemoteSigner::checked(const Result<json::value>& answer,
                                        const Hash32& hash) const {
  if (!answer) return std::unexpected(answer.error());
  const json::string* text = answer->if_string();
  const auto bytes = text == nullptr ? std::nullopt : bytes_of_hex(std::string_view(*text));
  if (!bytes) return refuse(ErrorKind::plugin, "answers with no signature in hexadecimal digits");
  auto signature = parse_signature(*bytes);
  if (!signature) {
    return refuse(ErrorKind::plugin, "answers with no signature: " + signature.error().message);
  }
  const auto owner = curve_.recover(hash, *signature);
  if (!owner) return refuse(ErrorKind::plugin, owner.error().message + ". It is not used");
  if (*owner != options_.address) {
    return refuse(ErrorKind::plugin,
                  fmt::format("signed something else than was asked, or with another key than that "
                              "of {}. It is not used; look into that signer",
                              checksummed_address(options_.address)));
  }
  return signature;
}

Result<Signature> RemoteSigner::sign_message(std::span<const std::uint8_t> message) {
  const std::string address = checksummed_address(options_.address);
  const auto answer = is_clef(options_)
                          ? ask("account_signData", {"text/plain", address, hex_text(message)})
                          : ask("eth_sign", {address, hex_text(message)});
  return checked(answer, message_hash(message));
}

Result<Signature> RemoteSigner::sign_user_operation(const UserOperation& operation,
                                                    const EntryPoint& entry_point) {
  if (auto checked = check_user_operation(operation, entry_point.version); !checked) {
    return std::unexpected(std::move(checked.error()));
  }
  const Hash32 hash = user_operation_hash(operation, entry_point);
  if (entry_point.version != EntryPointVersion::v0_8) return sign_message(hash);
  if (operation.delegate) {
    return fail(ErrorKind::format,
                "a user operation with a delegate (EIP-7702) can be signed with a keystore alone: "
                "what a remote signer would hash is not the operation as it is sent");
  }
  const std::string address = checksummed_address(options_.address);
  const json::object data = user_operation_typed_data(operation, entry_point);
  // web3signer takes the data as text.
  const auto answer = is_clef(options_)
                          ? ask("account_signTypedData", {address, data})
                          : ask("eth_signTypedData", {address, json::serialize(data)});
  return checked(answer, hash);
}

Status RemoteSigner::check() {
  const auto answer = ask(is_clef(options_) ? "account_list" : "eth_accounts", {});
  if (!answer) return std::unexpected(answer.error());
  const json::array* accounts = answer->if_array();
  const bool has = accounts != nullptr && std::ranges::any_of(*accounts, [&](const json::value& a) {
                     const auto bytes = a.is_string()
                                            ? bytes_of_hex(std::string_view(a.get_string()))
                                            : std::nullopt;
                     return bytes && std::ranges::equal(*bytes, options_.address);
                   });
  if (has) return {};
  return refuse(ErrorKind::not_found,
                fmt::format("has no account {}. Correct wallet.owner, or give it that key",
                            checksummed_address(options_.address)));
}

}  // namespace gantry::host::sign

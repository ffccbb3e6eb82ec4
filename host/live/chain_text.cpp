#include "host/live/chain_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "host/base/keccak.hpp"
#include "host/base/text.hpp"

namespace gantry::host {

std::optional<recording::Bytes> bytes_of(std::string_view text) { return bytes_of_hex(text); }

std::optional<recording::Bytes> bytes_of(const boost::json::value& value) {
  if (!value.is_string()) return std::nullopt;
  return bytes_of(std::string_view(value.get_string()));
}

gantry_address evm_address(std::span<const std::uint8_t> bytes20) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  std::memcpy(address.bytes, bytes20.data(), 20);
  return address;
}

std::optional<gantry_address> evm_address_of(const boost::json::value& value) {
  const auto bytes = bytes_of(value);
  if (!bytes || bytes->size() != 20) return std::nullopt;
  return evm_address(*bytes);
}

std::optional<u256> amount_of(const boost::json::value& value) {
  if (!value.is_string()) return std::nullopt;
  const std::string_view text = value.get_string();
  if (!text.starts_with("0x")) return std::nullopt;
  return parse_hex(text);
}

const boost::json::value* member(const boost::json::value& value, std::string_view name) {
  const auto* object = value.if_object();
  return object == nullptr ? nullptr : object->if_contains(name);
}

recording::Bytes keccak(std::span<const std::uint8_t> bytes) {
  const Hash32 digest = keccak_of(bytes);
  return {digest.begin(), digest.end()};
}

Result<RpcBatch> ask_batch(Providers& providers, std::span<const RpcCall> calls,
                           const RpcOptions& options) {
  auto batch = providers.ask(calls, options);
  if (batch) return std::move(*batch);
  const RpcError& error = batch.error();
  switch (error.kind) {
    case RpcErrorKind::no_block:
      return fail(ErrorKind::not_found, error.message);
    case RpcErrorKind::stopped:
    case RpcErrorKind::withheld:
      return fail(ErrorKind::usage, error.message);
    case RpcErrorKind::usage:
      return fail(ErrorKind::internal, error.message);
    default:
      return fail(ErrorKind::io, error.message);
  }
}

Result<std::vector<RpcAnswer>> ask(Providers& providers, std::span<const RpcCall> calls,
                                   const RpcOptions& options) {
  auto batch = ask_batch(providers, calls, options);
  if (!batch) return std::unexpected(std::move(batch.error()));
  return std::move(batch->answers);
}

}  // namespace gantry::host

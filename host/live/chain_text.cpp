#include "host/live/chain_text.hpp"

#include <botan/hash.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace gantry::host {

namespace {

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::optional<recording::Bytes> bytes_of(std::string_view text) {
  if (!text.starts_with("0x") || text.size() % 2 != 0) return std::nullopt;
  recording::Bytes bytes(text.size() / 2 - 1);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = digit_of(text[2 + 2 * i]);
    const int low = digit_of(text[3 + 2 * i]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(16 * high + low);
  }
  return bytes;
}

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
  const auto hash = Botan::HashFunction::create_or_throw("Keccak-1600(256)");
  hash->update(bytes.data(), bytes.size());
  const auto digest = hash->final();
  return {digest.begin(), digest.end()};
}

Result<std::vector<RpcAnswer>> ask(Providers& providers, std::span<const RpcCall> calls,
                                   const RpcOptions& options) {
  auto batch = providers.ask(calls, options);
  if (batch) return std::move(batch->answers);
  const RpcError& error = batch.error();
  switch (error.kind) {
    case RpcErrorKind::no_block:
      return fail(ErrorKind::not_found, error.message);
    case RpcErrorKind::stopped:
      return fail(ErrorKind::usage, error.message);
    case RpcErrorKind::usage:
      return fail(ErrorKind::internal, error.message);
    default:
      return fail(ErrorKind::io, error.message);
  }
}

}  // namespace gantry::host

// How an EVM node writes bytes, addresses and amounts in JSON. Internal to host/live.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gantry/abi.h"
#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/provider/providers.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

inline constexpr std::size_t word_bytes = 32;  // of an ABI's words and a log's topics
inline constexpr std::size_t address_bytes = 20;

// "0x" and an even number of hexadecimal digits of either case; nullopt: it is not that.
std::optional<recording::Bytes> bytes_of(const boost::json::value& value);
std::optional<recording::Bytes> bytes_of(std::string_view text);
std::optional<gantry_address> evm_address_of(const boost::json::value& value);
gantry_address evm_address(std::span<const std::uint8_t> bytes20);
// "0x1b4", up to 256 bits.
std::optional<u256> amount_of(const boost::json::value& value);
// Null: the object has no such member, or it is no object.
const boost::json::value* member(const boost::json::value& value, std::string_view name);
// keccak-256.
recording::Bytes keccak(std::span<const std::uint8_t> bytes);

// One batch, with its error as the host's: `not_found` when the pinned block is not there, `usage`
// after stop(), `io` when nobody answers.
Result<std::vector<RpcAnswer>> ask(Providers& providers, std::span<const RpcCall> calls,
                                   const RpcOptions& options);
// The same with who answered.
Result<RpcBatch> ask_batch(Providers& providers, std::span<const RpcCall> calls,
                           const RpcOptions& options);

}  // namespace gantry::host

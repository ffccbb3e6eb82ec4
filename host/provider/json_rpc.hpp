// JSON-RPC 2.0 as text, with nothing believed: an answer has to be of the calls that were asked, of
// each exactly once.
//
// ERRORS  A body that is no such answer is a DecodeFault. A call that the node refused is none: it
//         is that call's RpcFailure.
#pragma once
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/provider/rpc.hpp"

namespace gantry::host {

// Ids are whole numbers that a double holds too, for servers that parse them as one.
inline constexpr std::uint64_t rpc_id_max = std::uint64_t{1} << 53U;
inline constexpr std::size_t rpc_depth_max = 64;  // of nested JSON

// One call as an object, several as an array, with the ids first_id, first_id + 1 ...
std::string encode_batch(std::span<const RpcCall> calls, std::uint64_t first_id);

struct DecodeFault {
  bool wrong_ids = false;  // JSON-RPC, but ids are missing, twice or not ours; false: garbage
  std::string message;     // one line; quotes nothing of the body
};
struct DecodedBatch {
  std::vector<RpcAnswer> answers;     // in the order of the calls
  std::optional<RpcFailure> refused;  // the node refused the batch as a whole; then no answers
};
// Of `calls` calls (one or more) that began with first_id.
std::expected<DecodedBatch, DecodeFault> decode_batch(std::string_view body, std::uint64_t first_id,
                                                      std::size_t calls);

// "0x1b4": hexadecimal digits without leading zeros, as nodes write numbers. nullopt: it is none,
// or above 64 bits.
std::optional<std::uint64_t> quantity(const boost::json::value& value);
std::string quantity_text(std::uint64_t number);
// "0x" and 64 hexadecimal digits, in lower case. Empty: it is none.
std::string block_hash(const boost::json::value& value);

// The block in the answer to eth_getBlockByNumber; nullopt: it is none, or lacks a part of a Head.
std::optional<Head> head_of(const boost::json::value& block, std::string provider);

}  // namespace gantry::host

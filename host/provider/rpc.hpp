// A call of a chain's node and what came of it.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <expected>
#include <string>

namespace gantry::host {

struct RpcCall {
  std::string method;
  // As the method wants them. In a pinned batch without the block, where the method takes one: it
  // is put in where it belongs (see pin.hpp).
  boost::json::array params;
};

// What the node said about one call instead of a result.
struct RpcFailure {
  std::int64_t code = 0;
  std::string message;      // the node's own words, which are outside text
  boost::json::value data;  // of a revert "0x...", or null
};
using RpcAnswer = std::expected<boost::json::value, RpcFailure>;

// The block that every call of a batch reads. By hash (EIP-1898) where the provider can, by number
// otherwise; then the batch also asks which block that number is, and an answer of another hash is
// passed over. With an empty hash the number alone is named, and a reorganization is not noticed.
struct BlockPin {
  std::uint64_t number = 0;
  std::string hash;  // "0x" and 64 digits, or empty
};

// The newest block that is known of a chain, as a provider told it.
// A chain of a block a nanosecond would take a century to come there: above, a number is none.
inline constexpr std::uint64_t block_number_max = std::uint64_t{1} << 62U;

struct Head {
  std::uint64_t number = 0;
  std::string hash;         // "0x" and 64 lower-case digits
  std::string parent_hash;  // likewise
  std::int64_t time_s = 0;  // the block's own
  std::string provider;     // who told it

  BlockPin pin() const { return {number, hash}; }
};

}  // namespace gantry::host

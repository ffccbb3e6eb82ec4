// Blocks of an EVM chain as its nodes tell of them.
//
// ERRORS  `not_found`: a block is not there (yet, or any more); `io`: nobody answers; `format`:
// what
//         came is no block; `usage`: after Providers::stop().
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gantry/amount.h"
#include "host/base/result.hpp"
#include "host/live/logs_bloom.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host {

struct ChainBlock {
  std::uint64_t number = 0;
  std::string hash;         // "0x" and 64 lower-case digits
  std::string parent_hash;  // likewise
  std::uint64_t time_s = 0;
  gantry_amount base_fee{};                    // 0 where the chain has none
  std::optional<LogsBloom> logs_bloom = {};    // none where the node says none
  std::vector<std::string> transactions = {};  // their hashes, as its own

  BlockPin pin() const { return {number, hash}; }
};

struct BlockRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;  // of at most rpc_calls_max blocks
};

struct ChainBlocks {
  std::vector<ChainBlock> blocks;          // by number, each once
  std::optional<gantry_amount> gas_price;  // as the node suggests it now
};

// One round trip. Whether each is the next one's parent is the caller's to see.
Result<ChainBlocks> read_blocks(Providers& providers, const BlockRange& range);
// Of what eth_getBlockByNumber returned.
Result<ChainBlock> parse_block(const boost::json::value& value);

}  // namespace gantry::host

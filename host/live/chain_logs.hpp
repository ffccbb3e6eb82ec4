// Logs of an EVM chain, and which pool wants which.
//
// ERRORS  As chain_blocks.hpp, and `format` for a log that is of another block than was asked for.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/base/result.hpp"
#include "host/live/chain_blocks.hpp"
#include "host/market/market_state.hpp"

namespace gantry::host {

struct ChainLog {
  gantry_address emitter{};
  recording::Bytes topics;  // 32 bytes each
  recording::Bytes data;
  std::uint64_t block = 0;
  std::uint32_t index = 0;  // within the block
};

// What pools have asked for: which logs to fetch, and whose each is.
class LogRoutes {
 public:
  // Above it the filter names no emitters, and what nobody asked for is dropped here.
  static constexpr std::size_t emitters_max = 256;

  explicit LogRoutes(const MarketState::Standing& standing);

  bool empty() const { return routes_.empty(); }
  // eth_getLogs' filter, without blocks.
  boost::json::object filter() const;
  // A fact for each pool that asked for this log, appended to `out`.
  void give(const ChainLog& log, std::vector<recording::Fact>& out) const;

 private:
  struct Route {
    std::uint32_t pool;
    std::uint32_t tag;
    recording::Bytes topics;  // that it begins with
  };
  std::unordered_map<gantry_address, std::vector<Route>, AddressHash, AddressEqual> routes_;
  std::vector<std::string> first_topics_;  // as hexadecimal, each once; empty: some want all
};

// What else is asked of each block in the batch of its logs: calls that name the block themselves,
// and their answers.
struct BesideLogs {
  std::vector<RpcCall> calls;
  std::vector<RpcAnswer> answers;  // one for each call; none when no logs were asked for
};
// The logs of each block, by index: one round trip for all blocks, each named by its hash.
Result<std::vector<std::vector<ChainLog>>> read_logs(Providers& providers, const LogRoutes& routes,
                                                     std::span<const ChainBlock> blocks,
                                                     BesideLogs& beside);
// Of one emitter, over blocks that are named by number: for discovery.
struct LogRange {
  gantry_address emitter{};
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  recording::Bytes topics;
};
RpcCall call_of(const LogRange& range);
Result<std::vector<ChainLog>> parse_logs(const boost::json::value& value);

}  // namespace gantry::host

// Logs of an EVM chain, and which pool wants which.
//
// ERRORS  As chain_blocks.hpp, and `format` for a log that is of another block than was asked for.
#pragma once
#include <cstdint>
#include <functional>
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
  // The same of every emitter; empty where that would be all logs, or is what filter() asks for.
  boost::json::object topics_filter() const;
  // Whether anybody waits for logs of this emitter; for this log.
  bool follows(const gantry_address& emitter) const { return routes_.contains(emitter); }
  bool wants(const ChainLog& log) const;
  // Whether the bloom holds the emitter and the topics of any log that is waited for. `bits_of`: of
  // an emitter.
  using EmitterBits = std::function<const LogsBloom::Bits&(const gantry_address& emitter)>;
  bool any_in(const LogsBloom& bloom, const EmitterBits& bits_of) const;
  // A fact for each pool that asked for this log, appended to `out`.
  void give(const ChainLog& log, std::vector<recording::Fact>& out) const;

 private:
  struct Route {
    std::uint32_t pool;
    std::uint32_t tag;
    recording::Bytes topics;  // that it begins with

    bool wants(const ChainLog& log) const;
  };
  void add_topics(boost::json::object& filter) const;

  std::unordered_map<gantry_address, std::vector<Route>, AddressHash, AddressEqual> routes_;
  std::vector<std::string> first_topics_;  // as hexadecimal, each once; empty: some want all
};

class LogBlooms;  // logs_proof.hpp

// What else is asked of each block in the batch of its logs: calls that name the block themselves,
// and their answers.
struct BesideLogs {
  std::vector<RpcCall> calls;
  std::vector<RpcAnswer> answers;  // one for each call; none when no logs were asked for
};
// The logs of each block, by index: one round trip for all blocks, each named by its hash, and more
// of them where an answer does not fit the header (logs_proof.hpp).
Result<std::vector<std::vector<ChainLog>>> read_logs(Providers& providers, const LogRoutes& routes,
                                                     std::span<const ChainBlock> blocks,
                                                     LogBlooms& blooms, BesideLogs& beside);
// Of an answer to eth_getLogs that names this block.
Result<std::vector<ChainLog>> logs_of_block(const boost::json::value& answer,
                                            const ChainBlock& block);
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

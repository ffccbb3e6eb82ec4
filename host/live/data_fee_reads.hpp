// A chain's data fee, read at each block: in the batch of the block's logs where there is one and
// the chain has Multicall3, else by itself.
//
// THREADS  One at a time.
// ERRORS   As fetcher.hpp.
#pragma once
#include <vector>

#include "host/live/chain_logs.hpp"
#include "host/live/fetcher.hpp"
#include "host/market/data_fee.hpp"

namespace gantry::host {

class DataFeeReads {
 public:
  explicit DataFeeReads(DataFeeKind kind) : requests_(data_fee_requests(kind)) {}

  // What to ask beside the logs of these blocks: one call for each, or none at all.
  BesideLogs beside_logs(std::span<const ChainBlock> blocks, const Fetcher& fetcher) const;
  // The facts of the answer for one block, appended; nothing when it is no answer.
  void take(const RpcAnswer& answer, std::vector<recording::Fact>& facts) const;
  // Asks by itself, where the facts do not hold it. `fetcher` reads at the block.
  Status ask_if_missing(Fetcher& fetcher, const gantry_context& context,
                        std::vector<recording::Fact>& facts) const;

 private:
  std::vector<PoolRequest> requests_;
};

}  // namespace gantry::host

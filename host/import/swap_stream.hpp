// Synthetic swaps over real pools: each is exact (0.3 % fee, rounded as the contract rounds), and
// leaves a Sync log with the pool's new reserves, as the chain would.
#pragma once
#include <array>
#include <cstdint>
#include <gantry/u256.hpp>
#include <vector>

#include "host/base/result.hpp"
#include "host/import/pairs_json.hpp"
#include "host/import/random.hpp"
#include "host/recording/writer.hpp"

namespace gantry::host {

struct SwapStreamOptions {
  std::uint64_t swaps = 0;  // 0: no stream
  std::uint64_t seed = 1;
  std::uint64_t block_interval_s = 13;
};

// A pool is drawn by its liquidity in WETH to the power of 3/4, so that the deep pools trade most
// and hundreds of others do too; pools that WETH cannot value do not trade. Half of the swaps go
// towards the price that the pool had at first, the others either way. The share of the reserve
// that goes in is log-normal around 0.1 %, within 0.01 % and 3 %. Swaps of a block are Poisson
// distributed, three on average. THREADS: one.
class SwapStream {
 public:
  // `pairs` are the recording's pools, in the order of their handles.
  SwapStream(const std::vector<PairEntry>& pairs, SwapStreamOptions options);

  struct Totals {
    std::uint64_t swaps = 0;
    std::uint64_t blocks = 0;
  };
  // Appends blocks after `block` until all swaps are made. Fails with usage: no pool can trade; and
  // as the writer does.
  Result<Totals> append_to(RecordingWriter& writer, recording::Block block);

 private:
  struct Swap {
    std::size_t pool = 0;
    std::size_t in = 0;  // index of the token that goes in
    u256 amount_in;
    u256 amount_out;
  };

  bool draw(Swap& swap);
  std::size_t draw_pool();
  std::size_t draw_direction(std::size_t pool);
  u256 draw_amount(const u256& reserve);
  std::uint64_t draw_swaps_of_block();
  recording::Fact sync_log(std::size_t pool, std::uint32_t log_index) const;

  const std::vector<PairEntry>& pairs_;
  SwapStreamOptions options_;
  Random random_;
  std::vector<std::array<u256, 2>> reserves_;
  std::vector<std::uint64_t> weight_sums_;  // of this pool and all before it
};

// The pool's facts as a provider would give them.
recording::Bytes get_reserves_answer(const std::array<u256, 2>& reserves, std::uint64_t time_s);

}  // namespace gantry::host

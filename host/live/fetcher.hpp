// Answers from an EVM chain: all requests of all pools for one block in one batched round trip,
// from that very block.
//
// Equal requests are fetched once. Calls of contracts go through Multicall3 where the chain has it,
// and code hashes come by the hundred (code_hashes.hpp).
//
// THREADS  One at a time.
// ERRORS   As chain_blocks.hpp. What a contract refuses is an answer. `not_found`: the block is not
//          there any more.
#pragma once
#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

#include "host/live/chain_blocks.hpp"
#include "host/market/answers.hpp"

namespace gantry::host {

class Fetcher final : public Answers {
 public:
  static constexpr std::size_t calls_per_multicall = 250;
  static constexpr std::size_t bytes_per_multicall = 256U << 10U;

  explicit Fetcher(Providers& providers) : providers_(providers) {}

  // Where all answers are read from now on.
  void read_at(BlockPin pin) { pin_ = std::move(pin); }
  Result<std::vector<recording::Fact>> answer(const gantry_context& context,
                                              std::span<const PoolRequest> requests) override;
  // Whether the chain is known to have Multicall3: after the first answer().
  bool has_multicall() const noexcept { return has_multicall_.value_or(false); }
  // Batches that were sent.
  std::uint64_t round_trips() const noexcept { return round_trips_; }

 private:
  struct Job;

  Status look_for_multicall();
  Status fetch(std::span<Job> jobs);
  static void take_hashes(const std::optional<recording::Bytes>& bytes, std::span<Job*> jobs,
                          std::vector<Job*>& again);
  static void take_calls(const std::optional<recording::Bytes>& bytes, std::span<Job*> jobs,
                         std::vector<Job*>& again);
  Result<std::vector<RpcAnswer>> send(std::span<const RpcCall> calls);

  Providers& providers_;
  BlockPin pin_;
  std::optional<bool> has_multicall_;
  std::uint64_t round_trips_ = 0;
};

}  // namespace gantry::host

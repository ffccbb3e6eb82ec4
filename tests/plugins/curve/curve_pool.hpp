// The built curve library holding one pool, driven through its C table as a host would.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gantry/dex.h"
#include "gantry/u256.hpp"
#include "plugins/curve/answers.hpp"
#include "support/plugin_library.hpp"

namespace gantry::test {

struct AskedOfChain {
  gantry_request fields{};
  std::vector<std::uint8_t> payload;
};

using Overlay = std::vector<std::uint8_t>;

class CurvePool {
 public:
  struct Line {
    std::int32_t severity;
    std::string text;
  };

  // `parameter`: the operator's "variant".
  explicit CurvePool(const std::string& parameter = {});
  ~CurvePool();
  CurvePool(const CurvePool&) = delete;
  CurvePool& operator=(const CurvePool&) = delete;

  gantry_status open(const std::vector<std::uint32_t>& decimals, const std::string& metadata);
  const std::string& error() const { return error_; }
  // What it has told the host's log.
  const std::vector<Line>& lines() const { return lines_; }
  const gantry_pool_traits& traits() const { return traits_; }
  void set_time(std::uint64_t time_s) { context_.execution_time_s = time_s; }

  std::vector<AskedOfChain> requests(std::uint32_t round = 0);
  gantry_status apply(const std::vector<gantry_fact>& facts);
  // What it asks, each with the answer of a recorded state.
  std::vector<std::pair<AskedOfChain, std::vector<std::uint8_t>>> answered(
      const RecordedPool& recorded, const RecordedState& state);
  // Answers what it asks from a recorded state, and applies that.
  gantry_status feed(const RecordedPool& recorded, const RecordedState& state);

  gantry_status quote(const gantry_swap& swap, gantry_quote& out, Overlay* next = nullptr,
                      const Overlay* overlay = nullptr) const;
  gantry_status limits(std::uint32_t in, std::uint32_t out, gantry_swap_limits& limits) const;
  gantry_status view(std::vector<u256>& balances, const Overlay* overlay = nullptr,
                     std::uint32_t* fee = nullptr) const;
  gantry_status build(const gantry_swap_order& order, gantry_instruction& out,
                      std::vector<std::uint8_t>& data) const;

 private:
  gantry_pool_state state(const Overlay* overlay) const;

  std::vector<Line> lines_;
  gantry_host host_{};
  PluginLibrary library_;
  const gantry_dex_v1* table_;
  gantry_dex_instance* instance_ = nullptr;
  std::string error_;
  std::vector<gantry_pool_token> tokens_;
  std::string metadata_;
  gantry_pool_spec spec_{};
  gantry_pool_traits traits_{};
  gantry_context context_{};
  std::map<std::uint32_t, std::vector<std::uint8_t>> memory_;  // by chunk
  mutable std::vector<gantry_bytes> chunks_;
};

gantry_address evm_address(std::uint8_t last);
gantry_swap exact_in(const RecordedExchange& exchange);

// Of the contract that gave the recorded answers.
std::vector<std::uint8_t> code_hash_of(const RecordedPool& pool);

// What a recorded pool's metadata say.
std::string metadata_of(const RecordedPool& pool);

}  // namespace gantry::test

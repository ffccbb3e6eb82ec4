// The uniswap_v2 plugin as the host loads it, holding one pair: what it asks of the chain, what it
// makes of the answers, and what it quotes. Everything goes through the C tables.
//
// ERRORS  Throws std::runtime_error when the library cannot be loaded or the pair not opened;
//         statuses of the calls under test are returned.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evm/pair_contract.hpp"
#include "gantry/dex.h"

namespace gantry::test {

// Copies of what the plugin emits.
struct EmittedRequest {
  std::int32_t source = 0;
  std::uint32_t tag = 0;
  std::string target;   // "0x..."
  std::string payload;  // "0x..."
};

struct EmittedInstruction {
  std::string target;
  std::string data;
  std::string spender;
  gantry_instruction fields;  // its pointers are not valid
};

// A fact with its bytes. `fields` is completed when it is handed over.
struct OwnedFact {
  gantry_fact fields{};
  std::vector<std::uint8_t> topics;
  std::vector<std::uint8_t> data;
};

OwnedFact fact_of(const ChainLog& log);
OwnedFact fact_of(const EmittedRequest& request, const std::string& returned);

struct PairReservesSeen {
  Integer reserve[2];
  bool operator==(const PairReservesSeen&) const = default;
};

class PluginPair {
 public:
  // `fee_bps`: the operator's setting; unset, the manifest's default holds.
  PluginPair(const std::string& pair, const std::string& token0, const std::string& token1,
             std::optional<std::int64_t> fee_bps = std::nullopt);
  ~PluginPair();
  PluginPair(const PluginPair&) = delete;
  PluginPair& operator=(const PluginPair&) = delete;

  gantry_status requests(std::uint32_t round, std::vector<EmittedRequest>& out);
  gantry_status apply(std::vector<OwnedFact>& facts);
  // `overlay`, when given, is the pool to quote on; `next` receives the one after the swap.
  gantry_status quote(const gantry_swap& swap, gantry_quote& out,
                      const std::vector<std::uint8_t>* overlay = nullptr,
                      std::vector<std::uint8_t>* next = nullptr);
  gantry_status view(PairReservesSeen& out, const std::vector<std::uint8_t>* overlay = nullptr);
  gantry_status build_swap(const gantry_swap_order& order, EmittedInstruction& out);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

gantry_address to_address(const std::string& hex);

}  // namespace gantry::test

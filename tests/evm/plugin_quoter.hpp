// The uniswap_v2 plugin as a quoter: each case's reserves reach it as the bytes that a chain gives,
// by turns a Sync log and what getReserves() returns, and are quoted through the C boundary.
#pragma once
#include "evm/integer_words.hpp"
#include "evm/pair_quoter.hpp"
#include "evm/plugin_pair.hpp"

namespace gantry::test {

class PluginQuoter final : public PairQuoter {
 public:
  explicit PluginQuoter(const PairContract& contract,
                        std::optional<std::int64_t> fee_bps = std::nullopt)
      : pair_(contract.address(), contract.token(0), contract.token(1), fee_bps),
        contract_(contract) {
    if (pair_.requests(0, requests_) != GANTRY_OK) {
      throw std::runtime_error("the plugin does not say what it needs");
    }
  }
  std::string name() const override { return "the plugin"; }
  bool knows_uint112() const override { return true; }

  gantry_status amount_out(const SwapCase& swap, Integer& out) override {
    gantry_quote quote{};
    const gantry_status status = ask(swap, GANTRY_EXACT_IN, quote);
    if (status == GANTRY_OK) out = to_integer(quote.amount_out);
    return status;
  }
  gantry_status amount_in(const SwapCase& swap, Integer& in) override {
    gantry_quote quote{};
    const gantry_status status = ask(swap, GANTRY_EXACT_OUT, quote);
    if (status == GANTRY_OK) in = to_integer(quote.amount_in);
    return status;
  }

 private:
  gantry_status ask(const SwapCase& swap, std::int32_t mode, gantry_quote& quote) {
    if (const gantry_status status = set_reserves(swap); status != GANTRY_OK) {
      throw std::runtime_error("the plugin does not decode reserves that a pair can have");
    }
    const gantry_swap question{.amount = to_amount(swap.amount),
                               .token_in = swap.zero_for_one ? 0U : 1U,
                               .token_out = swap.zero_for_one ? 1U : 0U,
                               .mode = mode,
                               .wants = 0};
    return pair_.quote(question, quote);
  }

  gantry_status set_reserves(const SwapCase& swap) {
    const std::string words = swap.zero_for_one ? word(swap.reserve_in) + word(swap.reserve_out)
                                                : word(swap.reserve_out) + word(swap.reserve_in);
    ++block_;
    std::vector<OwnedFact> facts;
    if (block_ % 2 == 0) {
      facts.push_back(fact_of(ChainLog{.emitter = contract_.address(),
                                       .topics = contract_.sync_topic(),
                                       .data = "0x" + words,
                                       .block = block_}));
    } else {
      for (const EmittedRequest& request : requests_) {
        if (request.source != GANTRY_SOURCE_EVM_CALL) continue;
        facts.push_back(fact_of(request, "0x" + words + word(block_)));
        facts.back().fields.block = block_;
      }
    }
    return pair_.apply(facts);
  }

  PluginPair pair_;
  const PairContract& contract_;
  std::vector<EmittedRequest> requests_;
  std::uint64_t block_ = 0;
};

}  // namespace gantry::test

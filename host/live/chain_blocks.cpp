#include "host/live/chain_blocks.hpp"

#include <fmt/format.h>

#include "host/live/chain_text.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

Result<ChainBlock> parse_block(const boost::json::value& value) {
  ChainBlock block;
  const auto number_in = [&](std::string_view name) -> std::optional<std::uint64_t> {
    const auto* found = member(value, name);
    return found == nullptr ? std::nullopt : quantity(*found);
  };
  const auto number = number_in("number");
  const auto time_s = number_in("timestamp");
  if (const auto* hash = member(value, "hash")) block.hash = block_hash(*hash);
  if (const auto* parent = member(value, "parentHash")) block.parent_hash = block_hash(*parent);
  if (!number || *number > block_number_max || !time_s || block.hash.empty() ||
      block.parent_hash.empty()) {
    return fail(ErrorKind::format, "a provider's block has no number, time, hash or parent");
  }
  block.number = *number;
  block.time_s = *time_s;
  if (const auto* fee = member(value, "baseFeePerGas"); fee != nullptr && !fee->is_null()) {
    const auto amount = amount_of(*fee);
    if (!amount) return fail(ErrorKind::format, "a provider's block has a base fee that is none");
    block.base_fee = amount->amount();
  }
  if (const auto* bloom = member(value, "logsBloom")) block.logs_bloom = LogsBloom::parse(*bloom);
  const auto* transactions = member(value, "transactions");
  if (transactions != nullptr && transactions->is_array()) {
    for (const auto& one : transactions->get_array()) {
      if (std::string hash = block_hash(one); !hash.empty()) {
        block.transactions.push_back(std::move(hash));
      }
    }
  }
  return block;
}

Result<ChainBlocks> read_blocks(Providers& providers, const BlockRange& range) {
  std::vector<RpcCall> calls;
  const std::uint64_t count = range.last - range.first + 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    calls.push_back({"eth_getBlockByNumber", {quantity_text(range.first + i), false}});
  }
  calls.push_back({"eth_gasPrice", {}});
  // Whoever told of the head has these: one that has not is behind, and another is asked.
  auto answers = ask(providers, calls, {.blocks_are_there = true});
  if (!answers && answers.error().kind == ErrorKind::not_found) {
    return fail(ErrorKind::not_found,
                fmt::format("block {} is not there: {}",
                            count == 1 ? fmt::to_string(range.first)
                                       : fmt::format("{} to {}", range.first, range.last),
                            answers.error().message));
  }
  if (!answers) return std::unexpected(answers.error());
  ChainBlocks out;
  for (std::uint64_t i = 0; i < count; ++i) {
    const RpcAnswer& answer = (*answers)[i];
    if (!answer || answer->is_null()) {
      return fail(ErrorKind::not_found, fmt::format("block {} is not there", range.first + i));
    }
    auto block = parse_block(*answer);
    if (!block) return std::unexpected(block.error());
    if (block->number != range.first + i) {
      return fail(ErrorKind::format, fmt::format("block {} was asked for, and {} came",
                                                 range.first + i, block->number));
    }
    out.blocks.push_back(std::move(*block));
  }
  // It is a hint: the run goes on without.
  if (const RpcAnswer& price = answers->back(); price) {
    if (const auto amount = amount_of(*price)) out.gas_price = amount->amount();
  }
  return out;
}

}  // namespace gantry::host

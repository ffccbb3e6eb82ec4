#include "host/live/data_fee_reads.hpp"

#include <algorithm>
#include <iterator>

#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/live/multicall.hpp"

namespace gantry::host {

BesideLogs DataFeeReads::beside_logs(std::span<const ChainBlock> blocks,
                                     const Fetcher& fetcher) const {
  BesideLogs beside;
  if (requests_.empty() || !fetcher.has_multicall()) return beside;
  std::vector<multicall::Call> inner;
  for (const PoolRequest& request : requests_) inner.push_back({request.target, request.payload});
  const std::string data = hex_text(multicall::encode(inner));
  for (const ChainBlock& block : blocks) {
    beside.calls.push_back({"eth_call",
                            {boost::json::object{{"to", multicall::address}, {"data", data}},
                             boost::json::object{{"blockHash", block.hash}}}});
  }
  return beside;
}

void DataFeeReads::take(const RpcAnswer& answer, std::vector<recording::Fact>& facts) const {
  const auto bytes = answer ? bytes_of(*answer) : std::nullopt;
  auto each = bytes ? multicall::decode(*bytes, requests_.size()) : std::nullopt;
  if (!each) return;
  // What failed without a word may have run out of the gas of all, unless one after it had enough:
  // then all are asked by themselves. A chain of before an upgrade has no other word for the
  // upgrade's questions, and the last question is one that every oracle answers.
  if (each->empty() || (!each->back().success && each->back().data.empty())) return;
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    recording::Fact fact;
    fact.pool = requests_[i].pool;
    fact.kind = static_cast<recording::FactKind>(requests_[i].source);
    fact.tag = requests_[i].tag;
    fact.source = requests_[i].target;
    fact.status = (*each)[i].success ? GANTRY_OK : GANTRY_REFUSED;
    fact.data = std::move((*each)[i].data);
    facts.push_back(std::move(fact));
  }
}

Status DataFeeReads::ask_if_missing(Fetcher& fetcher, const gantry_context& context,
                                    std::vector<recording::Fact>& facts) const {
  const bool there = std::ranges::any_of(
      facts, [](const recording::Fact& fact) { return fact.pool == recording::no_pool; });
  if (requests_.empty() || there) return {};
  auto answers = fetcher.answer(context, requests_);
  if (!answers) return std::unexpected(answers.error());
  std::ranges::move(*answers, std::back_inserter(facts));
  return {};
}

}  // namespace gantry::host

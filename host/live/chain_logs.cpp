#include "host/live/chain_logs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::host {

namespace {

std::optional<ChainLog> parse_log(const boost::json::value& value, std::string* hash) {
  ChainLog log;
  const auto* address = member(value, "address");
  const auto* topics = member(value, "topics");
  const auto* data = member(value, "data");
  const auto* block = member(value, "blockNumber");
  const auto* index = member(value, "logIndex");
  if (address == nullptr || topics == nullptr || !topics->is_array() || data == nullptr ||
      block == nullptr || index == nullptr || topics->get_array().size() > recording::topics_max) {
    return std::nullopt;
  }
  const auto emitter = evm_address_of(*address);
  const auto bytes = bytes_of(*data);
  const auto number = quantity(*block);
  const auto place = quantity(*index);
  if (!emitter || !bytes || bytes->size() > recording::fact_bytes_max || !number || !place ||
      *place > UINT32_MAX) {
    return std::nullopt;
  }
  for (const auto& topic : topics->get_array()) {
    const auto word = bytes_of(topic);
    if (!word || word->size() != word_bytes) return std::nullopt;
    log.topics.insert(log.topics.end(), word->begin(), word->end());
  }
  log.emitter = *emitter;
  log.data = *bytes;
  log.block = *number;
  log.index = static_cast<std::uint32_t>(*place);
  if (hash != nullptr) {
    const auto* named = member(value, "blockHash");
    *hash = named == nullptr ? std::string() : block_hash(*named);
  }
  return log;
}

std::unexpected<Error> no_logs() {
  return fail(ErrorKind::format, "a provider's answer to eth_getLogs is no list of logs");
}

boost::json::array topics_of(const recording::Bytes& topics) {
  boost::json::array out;
  for (std::size_t at = 0; at + word_bytes <= topics.size(); at += word_bytes) {
    out.push_back(boost::json::string(hex_text({topics.data() + at, word_bytes})));
  }
  return out;
}

}  // namespace

LogRoutes::LogRoutes(const MarketState::Standing& standing) {
  bool all_topics = false;
  for (const auto& requests : standing) {
    for (const PoolRequest& request : requests) {
      // Of a topic that is no whole word nothing could begin with it.
      if (request.payload.size() % word_bytes != 0) continue;
      routes_[request.target].push_back({request.pool, request.tag, request.payload});
      if (request.payload.empty()) {
        all_topics = true;
        continue;
      }
      first_topics_.push_back(hex_text({request.payload.data(), word_bytes}));
    }
  }
  std::ranges::sort(first_topics_);
  const auto repeated = std::ranges::unique(first_topics_);
  first_topics_.erase(repeated.begin(), repeated.end());
  if (all_topics) first_topics_.clear();
}

boost::json::object LogRoutes::filter() const {
  boost::json::object out;
  if (routes_.size() <= emitters_max) {
    std::vector<std::string> emitters;
    for (const auto& [emitter, routes] : routes_) emitters.push_back(address_text(emitter));
    std::ranges::sort(emitters);
    boost::json::array list;
    for (const std::string& emitter : emitters) list.push_back(boost::json::string(emitter));
    out["address"] = std::move(list);
  }
  if (!first_topics_.empty()) {
    boost::json::array any;
    for (const std::string& topic : first_topics_) any.push_back(boost::json::string(topic));
    out["topics"] = boost::json::array{std::move(any)};
  }
  return out;
}

void LogRoutes::give(const ChainLog& log, std::vector<recording::Fact>& out) const {
  const auto found = routes_.find(log.emitter);
  if (found == routes_.end()) return;
  const auto before = static_cast<std::ptrdiff_t>(out.size());
  for (const Route& route : found->second) {
    if (log.topics.size() < route.topics.size() ||
        !std::equal(route.topics.begin(), route.topics.end(), log.topics.begin())) {
      continue;
    }
    // Two requests of one pool may want the same log: it is one fact.
    const bool given =
        std::any_of(out.begin() + before, out.end(),
                    [&](const recording::Fact& fact) { return fact.pool == route.pool; });
    if (given) continue;
    recording::Fact fact;
    fact.pool = route.pool;
    fact.kind = recording::FactKind::evm_log;
    fact.tag = route.tag;
    fact.log_index = log.index;
    fact.source = log.emitter;
    fact.topics = log.topics;
    fact.data = log.data;
    out.push_back(std::move(fact));
  }
}

Result<std::vector<std::vector<ChainLog>>> read_logs(Providers& providers, const LogRoutes& routes,
                                                     std::span<const ChainBlock> blocks,
                                                     BesideLogs& beside) {
  std::vector<std::vector<ChainLog>> out(blocks.size());
  if (routes.empty()) return out;
  std::vector<RpcCall> calls;
  for (const ChainBlock& block : blocks) {
    boost::json::object filter = routes.filter();
    filter["blockHash"] = block.hash;
    calls.push_back({"eth_getLogs", {std::move(filter)}});
  }
  calls.insert(calls.end(), beside.calls.begin(), beside.calls.end());
  // Some nodes say of a block that they lack that it has no logs. Whether they have it they say
  // here, with null where they have not.
  for (const ChainBlock& block : blocks) {
    calls.push_back({"eth_getBlockTransactionCountByHash", {boost::json::string(block.hash)}});
  }
  auto answers = ask(providers, calls, {.blocks_are_there = true});
  if (!answers) return std::unexpected(answers.error());
  answers->resize(calls.size() - blocks.size(), RpcAnswer());
  const auto others = answers->begin() + static_cast<std::ptrdiff_t>(blocks.size());
  beside.answers.assign(std::move_iterator(others), std::move_iterator(answers->end()));
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const RpcAnswer& answer = (*answers)[i];
    if (!answer) {
      return fail(ErrorKind::not_found, fmt::format("the logs of block {} cannot be had: {}",
                                                    blocks[i].number, answer.error().message));
    }
    if (!answer->is_array()) return no_logs();
    for (const auto& each : answer->get_array()) {
      std::string hash;
      auto log = parse_log(each, &hash);
      if (!log) return no_logs();
      if (hash != blocks[i].hash) {
        return fail(ErrorKind::format,
                    fmt::format("logs of block {} were asked for by its hash, and came of another",
                                blocks[i].number));
      }
      out[i].push_back(std::move(*log));
    }
    std::ranges::sort(out[i], {}, &ChainLog::index);
  }
  return out;
}

RpcCall call_of(const LogRange& range) {
  boost::json::object filter{{"address", address_text(range.emitter)},
                             {"fromBlock", quantity_text(range.first)},
                             {"toBlock", quantity_text(range.last)}};
  if (!range.topics.empty()) filter["topics"] = topics_of(range.topics);
  return {"eth_getLogs", {std::move(filter)}};
}

Result<std::vector<ChainLog>> parse_logs(const boost::json::value& value) {
  if (!value.is_array()) return no_logs();
  std::vector<ChainLog> out;
  for (const auto& each : value.get_array()) {
    auto log = parse_log(each, nullptr);
    if (!log) return no_logs();
    out.push_back(std::move(*log));
  }
  return out;
}

}  // namespace gantry::host

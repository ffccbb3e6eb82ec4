#include "host/live/chain_logs.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <unordered_map>

#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/live/logs_proof.hpp"
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

std::string_view text_of(const recording::Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
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
  add_topics(out);
  return out;
}

boost::json::object LogRoutes::topics_filter() const {
  boost::json::object out;
  if (routes_.size() <= emitters_max) add_topics(out);
  return out;
}

void LogRoutes::add_topics(boost::json::object& filter) const {
  if (first_topics_.empty()) return;
  boost::json::array any;
  for (const std::string& topic : first_topics_) any.push_back(boost::json::string(topic));
  filter["topics"] = boost::json::array{std::move(any)};
}

bool LogRoutes::Route::wants(const ChainLog& log) const {
  return log.topics.size() >= topics.size() &&
         std::equal(topics.begin(), topics.end(), log.topics.begin());
}

bool LogRoutes::wants(const ChainLog& log) const {
  const auto found = routes_.find(log.emitter);
  return found != routes_.end() &&
         std::ranges::any_of(found->second, [&](const Route& route) { return route.wants(log); });
}

bool LogRoutes::any_in(const LogsBloom& bloom, const EmitterBits& bits_of) const {
  // Many wait for the same few.
  std::unordered_map<std::string_view, bool> known;
  const auto holds_topics = [&](const recording::Bytes& topics) {
    const auto [place, is_new] = known.try_emplace(text_of(topics), true);
    for (std::size_t at = 0; is_new && at < topics.size(); at += word_bytes) {
      place->second =
          place->second && bloom.may_hold(LogsBloom::bits_of({topics.data() + at, word_bytes}));
    }
    return place->second;
  };
  return std::ranges::any_of(routes_, [&](const auto& of_emitter) {
    return bloom.may_hold(bits_of(of_emitter.first)) &&
           std::ranges::any_of(of_emitter.second,
                               [&](const Route& route) { return holds_topics(route.topics); });
  });
}

void LogRoutes::give(const ChainLog& log, std::vector<recording::Fact>& out) const {
  const auto found = routes_.find(log.emitter);
  if (found == routes_.end()) return;
  const auto before = static_cast<std::ptrdiff_t>(out.size());
  for (const Route& route : found->second) {
    if (!route.wants(log)) continue;
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

Result<std::vector<ChainLog>> logs_of_block(const boost::json::value& answer,
                                            const ChainBlock& block) {
  if (!answer.is_array()) return no_logs();
  std::vector<ChainLog> out;
  for (const auto& each : answer.get_array()) {
    std::string hash;
    auto log = parse_log(each, &hash);
    if (!log) return no_logs();
    if (hash != block.hash) {
      return fail(ErrorKind::format,
                  fmt::format("logs of block {} were asked for by its hash, and came of another",
                              block.number));
    }
    out.push_back(std::move(*log));
  }
  std::ranges::sort(out, {}, &ChainLog::index);
  return out;
}

Result<std::vector<std::vector<ChainLog>>> read_logs(Providers& providers, const LogRoutes& routes,
                                                     std::span<const ChainBlock> blocks,
                                                     LogBlooms& blooms, BesideLogs& beside) {
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
  auto batch = ask_batch(providers, calls, {.blocks_are_there = true});
  if (!batch) return std::unexpected(batch.error());
  auto& answers = batch->answers;
  answers.resize(calls.size() - blocks.size(), RpcAnswer());
  const auto others = answers.begin() + static_cast<std::ptrdiff_t>(blocks.size());
  beside.answers.assign(std::move_iterator(others), std::move_iterator(answers.end()));
  std::vector<DoubtedLogs> doubted;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const RpcAnswer& answer = answers[i];
    if (!answer) {
      return fail(ErrorKind::not_found, fmt::format("the logs of block {} cannot be had: {}",
                                                    blocks[i].number, answer.error().message));
    }
    auto logs = logs_of_block(*answer, blocks[i]);
    if (!logs) return std::unexpected(logs.error());
    out[i] = std::move(*logs);
    const LogBlooms::Fit fit = blooms.fit(blocks[i], routes, out[i]);
    if (fit != LogBlooms::Fit::fits) doubted.push_back({&blocks[i], fit, &out[i]});
  }
  if (auto proven = prove_logs(providers, routes, blooms, doubted, batch->provider); !proven) {
    return std::unexpected(proven.error());
  }
  blooms.found();
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

// What nodes say of a chain that is followed: blocks, logs, notifications of new heads, what
// contracts return through Multicall3, and what becomes of tokens that are tried. The first byte
// chooses what it is. Texts are parsed as they come; where the host asks, a node answers each call
// from the bytes, mostly as it should.
#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/live/chain_blocks.hpp"
#include "host/live/chain_logs.hpp"
#include "host/live/chain_text.hpp"
#include "host/live/fetcher.hpp"
#include "host/live/logs_proof.hpp"
#include "host/live/multicall.hpp"
#include "host/live/pending_pool.hpp"
#include "host/live/pool_list.hpp"
#include "host/live/subscription.hpp"
#include "host/live/token_check.hpp"
#include "host/provider/json_rpc.hpp"
#include "input.hpp"

namespace {

using namespace gantry;
using namespace gantry::host;
using gantry::fuzz::Input;
using gantry::fuzz::must;
namespace json = boost::json;
using recording::Bytes;

json::value parsed(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error, {}, {.max_depth = rpc_depth_max});
  return error ? json::value() : value;
}

std::string hash_of(Input& in) {
  return "0x" + std::string(63, 'a') + "0123456789abcdef"[in.below(16)];
}

// ---- a node
// --------------------------------------------------------------------------------------

class Node final : public Providers {
 public:
  explicit Node(Input& in) : in_(in) {}

  std::expected<RpcBatch, RpcError> ask(std::span<const RpcCall> calls,
                                        const RpcOptions& options) override {
    must(!calls.empty() && calls.size() <= rpc_calls_max);
    if (options.pin) must(options.pin->hash.empty() || options.pin->hash.size() == 66);
    if (in_.one_in(64)) {
      return std::unexpected(RpcError{static_cast<RpcErrorKind>(1 + in_.below(6)), "fuzz"});
    }
    RpcBatch batch;
    for (const RpcCall& call : calls) batch.answers.push_back(answer(call));
    return batch;
  }
  std::optional<Head> head() const override { return std::nullopt; }
  std::expected<Head, RpcError> poll_head(std::chrono::milliseconds) override {
    return std::unexpected(RpcError{RpcErrorKind::halted, "fuzz"});
  }
  void note_head(const Head&) override {}
  void doubt_head() override {}
  void refute(const std::string&, std::string) override {}
  std::vector<WebSocketEndpoint> websockets() const override { return {}; }
  void check_now(std::chrono::milliseconds) override {}
  ChainStatistics statistics() const override { return {}; }
  void stop() override {}

 private:
  RpcAnswer answer(const RpcCall& call) {
    switch (in_.below(16)) {
      case 12:
        return json::value();
      case 13: {
        const bool with_data = in_.below(2) == 0;
        return std::unexpected(
            RpcFailure{3, "execution reverted", with_data ? hex(in_.below(70)) : json::value()});
      }
      case 14:
        return json::value(in_.value<std::int64_t>());
      case 15:
        return parsed(text(in_.value<std::uint8_t>()));
      default:
        return proper(call);
    }
  }

  json::value proper(const RpcCall& call) {
    if (call.method == "eth_getBlockByNumber") {
      return json::object{{"number", call.params.at(0)},
                          {"hash", hash_of(in_)},
                          {"parentHash", hash_of(in_)},
                          {"timestamp", quantity_text(in_.value<std::uint32_t>())},
                          {"baseFeePerGas", quantity_text(in_.value<std::uint32_t>())},
                          {"logsBloom", bloom()}};
    }
    if (call.method == "eth_getLogs") return logs(call.params.at(0));
    if (call.method == "eth_getBlockTransactionCountByHash") {
      return in_.one_in(8) ? json::value() : json::value("0x1");
    }
    if (call.method == "eth_gasPrice")
      return json::string(quantity_text(in_.value<std::uint32_t>()));
    if (call.method == "eth_getStorageAt") return hex(32);
    if (call.method == "eth_getCode") return hex(in_.below(4));
    const json::value* to = call.params.at(0).as_object().if_contains("to");
    if (to == nullptr) return hex(in_.one_in(4) ? in_.below(200) : 32 * (1 + in_.below(4)));
    if (to->as_string() == multicall::address) return aggregated(call);
    if (call.params.size() > 1) return hex(24 * 32);  // a token that is tried
    return in_.one_in(8) ? hex(in_.value<std::uint8_t>()) : hex(32);
  }

  // As aggregate3 returns: as many answers as there were calls, each of a word or so.
  json::value aggregated(const RpcCall& call) {
    const auto calldata = bytes_of(call.params.at(0).at("data"));
    must(calldata.has_value() && calldata->size() >= 68);
    const std::uint64_t count = load_be(calldata->data() + 36).limb(0);
    must(count != 0 && count <= Fetcher::calls_per_multicall);
    Bytes out;
    const auto add = [&out](std::uint64_t value) {
      out.resize(out.size() + 32);
      store_be(u256(value), out.data() + out.size() - 32);
    };
    add(32);
    add(in_.one_in(16) ? in_.value<std::uint8_t>() : count);
    for (std::uint64_t i = 0; i < count; ++i) add(32 * count + 128 * i);
    for (std::uint64_t i = 0; i < count; ++i) {
      add(in_.one_in(4) ? 0 : 1);
      add(64);
      add(in_.one_in(16) ? in_.value<std::uint64_t>() : 32);
      out.resize(out.size() + 24);
      const Bytes low = in_.bytes(8);
      out.insert(out.end(), low.begin(), low.end());
    }
    return json::string(hex_text(out));
  }

  json::value logs(const json::value& filter) {
    json::array list;
    for (std::uint32_t count = in_.below(4); count != 0; --count) {
      json::array topics;
      for (std::uint32_t i = in_.below(6); i != 0; --i)
        topics.push_back(hex(in_.one_in(16) ? 31 : 32));
      json::object log{{"address", hex(in_.one_in(16) ? 19 : 20)},
                       {"topics", std::move(topics)},
                       {"data", hex(in_.value<std::uint8_t>())},
                       {"blockNumber", quantity_text(in_.value<std::uint8_t>())},
                       {"logIndex", quantity_text(in_.value<std::uint8_t>())}};
      if (const auto* hash = filter.as_object().if_contains("blockHash")) {
        log["blockHash"] = in_.one_in(16) ? json::value(hash_of(in_)) : *hash;
      }
      list.push_back(std::move(log));
    }
    return list;
  }

  // Mostly of many bits, so that much seems to be in it.
  json::value bloom() {
    if (in_.one_in(8)) return hex(in_.value<std::uint8_t>());
    Bytes bytes(LogsBloom::size_bytes, in_.one_in(2) ? 0xff : in_.value<std::uint8_t>());
    for (std::uint32_t i = in_.below(4); i != 0; --i) bytes[in_.below(256)] = 0;
    return json::string(hex_text(bytes));
  }
  json::value hex(std::size_t size) { return json::string(hex_text(in_.bytes(size))); }
  std::string text(std::size_t size) {
    const auto bytes = in_.bytes(size);
    return {bytes.begin(), bytes.end()};
  }

  Input& in_;
};

// ---- what is decoded
// -----------------------------------------------------------------------------

void check_block(const ChainBlock& block) {
  must(block.hash.size() == 66 && block.parent_hash.size() == 66);
}

void check_log(const ChainLog& log) {
  must(log.topics.size() % word_bytes == 0);
  must(log.topics.size() <= recording::topics_max * word_bytes);
  must(log.data.size() <= recording::fact_bytes_max);
  must(log.emitter.kind == GANTRY_ADDRESS_EVM && log.emitter.length == 20);
}

void texts(const std::string& text) {
  const json::value value = parsed(text);
  if (const auto block = parse_block(value)) {
    check_block(*block);
    // What is read of it is all that is kept of it.
    const auto again = parse_block(json::object{{"number", quantity_text(block->number)},
                                                {"hash", block->hash},
                                                {"parentHash", block->parent_hash},
                                                {"timestamp", quantity_text(block->time_s)}});
    must(again && again->number == block->number && again->time_s == block->time_s);
  } else {
    must(!block.error().message.empty());
  }
  if (const auto logs = parse_logs(value)) {
    must(value.is_array() && logs->size() == value.get_array().size());
    for (const ChainLog& log : *logs) check_log(log);
  }
  if (const auto amount = amount_of(value))
    must(parse_hex(std::string_view(value.get_string())) == amount);
  if (const auto bytes = bytes_of(std::string_view(text)))
    must(2 + 2 * bytes->size() == text.size());
}

// What a node says over its WebSocket, a message a line.
void conversation(std::string_view text) {
  Subscription subscription("eip155:1", {fuzz::address_of(GANTRY_ADDRESS_EVM, 1)});
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const bool stood = subscription.stands();
    const auto news = subscription.take(line);
    if (!news) return must(!news.error().message.empty());
    must(!stood || subscription.stands());
    if (news->head) {
      must(subscription.stands());
      check_block(*news->head);
    }
    must(!news->pending || subscription.tells_pending());
    if (!news->request.empty()) must(parsed(news->request).is_object());
  }
}

void chain(Input& in) {
  Node node(in);
  MarketState::Standing standing;
  auto& requests = standing.emplace_back();
  for (std::uint32_t i = in.below(4); i != 0; --i) {
    const auto topics = in.bytes(in.one_in(8) ? in.below(65) : 32 * in.below(3));
    requests.push_back({0, GANTRY_SOURCE_EVM_LOG, i, fuzz::address(in), topics});
  }
  const LogRoutes routes(standing);
  const BlockRange range{in.value<std::uint16_t>(), 0};
  const auto blocks = read_blocks(node, {range.first, range.first + in.below(5)});
  if (!blocks) return must(!blocks.error().message.empty());
  for (std::size_t i = 0; i < blocks->blocks.size(); ++i) {
    check_block(blocks->blocks[i]);
    must(blocks->blocks[i].number == range.first + i);
  }
  BesideLogs beside{{{"eth_gasPrice", {}}}, {}};
  LogBlooms blooms("fuzz");
  const auto logs = read_logs(node, routes, blocks->blocks, blooms, beside);
  if (!logs) return must(!logs.error().message.empty());
  must(logs->size() == blocks->blocks.size());
  must(beside.answers.size() == (routes.empty() ? 0 : beside.calls.size()));
  std::vector<recording::Fact> facts;
  for (const auto& of_block : *logs) {
    for (std::size_t i = 0; i < of_block.size(); ++i) {
      check_log(of_block[i]);
      must(i == 0 || of_block[i - 1].index <= of_block[i].index);
      routes.give(of_block[i], facts);
    }
  }
  for (const recording::Fact& fact : facts) must(fact.pool == 0);
}

void fetched(Input& in) {
  Node node(in);
  Fetcher fetcher(node);
  fetcher.read_at({in.value<std::uint16_t>(), hash_of(in)});
  gantry_context context{};
  context.chain = {"eip155:1", 8};
  for (int round = 0; round < 2; ++round) {
    std::vector<PoolRequest> requests(in.below(12));
    for (PoolRequest& request : requests) {
      request.pool = in.below(4);
      request.source =
          in.one_in(16) ? in.value<std::int32_t>() : 1 + static_cast<std::int32_t>(in.below(2));
      if (in.one_in(8)) request.source = GANTRY_SOURCE_EVM_CODE_HASH;
      request.tag = in.value<std::uint8_t>();
      request.target = fuzz::address(in);
      request.payload =
          in.bytes(request.source == GANTRY_SOURCE_EVM_STORAGE ? 32 : 4 + in.below(40));
    }
    const auto facts = fetcher.answer(context, requests);
    if (!facts) return must(!facts.error().message.empty());
    must(facts->size() == requests.size());
    for (std::size_t i = 0; i < facts->size(); ++i) {
      const recording::Fact& fact = (*facts)[i];
      must(fact.pool == requests[i].pool && fact.tag == requests[i].tag);
      must(fact.status == GANTRY_OK || fact.status == GANTRY_REFUSED);
      must(fact.data.size() <= recording::fact_bytes_max);
      if (requests[i].source == GANTRY_SOURCE_EVM_CODE_HASH && fact.status == GANTRY_OK) {
        must(fact.data.size() == 32);
      }
    }
  }
}

void multicalls(Input& in) {
  const std::size_t count = in.below(6);
  const std::size_t size = in.value<std::uint16_t>() % 2048;
  Bytes bytes = in.bytes(size);
  // Small numbers where offsets and lengths are: else hardly any is within.
  for (std::size_t at = 0; at + 32 <= bytes.size(); at += 32) {
    if (bytes[at] % 4 != 0)
      std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), 30, std::uint8_t{0});
  }
  const auto answers = multicall::decode(bytes, count);
  if (!answers) return;
  must(answers->size() == count);
  for (const multicall::Answer& answer : *answers) must(answer.data.size() <= bytes.size());
}

void tokens(Input& in) {
  Node node(in);
  Fetcher fetcher(node);
  ChainSettings settings;
  settings.odd_tokens = {fuzz::address_of(GANTRY_ADDRESS_EVM, 1)};
  TokenCheck check(settings, node, fetcher);
  gantry_context context{};
  context.chain = {"eip155:1", 8};
  std::vector<std::vector<gantry_address>> held(in.below(4));
  std::vector<TokenCheck::Pool> pools;
  for (auto& of_pool : held) {
    for (std::uint32_t i = in.below(4); i != 0; --i) of_pool.push_back(fuzz::address(in));
    pools.push_back({fuzz::address(in), of_pool, in.below(4)});
  }
  const auto trials = check.check(context, {7, hash_of(in)}, pools);
  if (trials) {
    must(trials->size() == pools.size());
    for (const PoolTrial& trial : *trials) {
      const bool says =
          trial.outcome != TrialOutcome::let_in && trial.outcome != TrialOutcome::not_reached;
      must(says == !trial.reason.empty());
    }
  }
  const std::string symbol = symbol_of(in.bytes(in.below(200)));
  must(!symbol.empty());
  for (const char c : symbol) must(c >= ' ' && c <= '~');
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Input in(data + 1, size - 1);
  switch (data[0] % 8) {
    case 0:
      chain(in);
      break;
    case 1:
      fetched(in);
      break;
    case 2:
      multicalls(in);
      break;
    case 3:
      tokens(in);
      break;
    case 4:
      conversation({reinterpret_cast<const char*>(data) + 1, size - 1});
      break;
    default:
      texts({reinterpret_cast<const char*>(data) + 1, size - 1});
      break;
  }
  return 0;
}

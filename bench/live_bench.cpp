// A followed chain: how long from what providers' answers say, as bytes, to a finished snapshot;
// and, with a local node, from a new head to that snapshot with all questions in between.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstring>
#include <fstream>
#include <stdexcept>
#include <unordered_map>

#include "evm/multicall3_contract.hpp"
#include "evm/pair_contract.hpp"
#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/config/load.hpp"
#include "host/live/chain_logs.hpp"
#include "host/live/chain_text.hpp"
#include "host/live/live_feed.hpp"
#include "host/live/logs_proof.hpp"
#include "host/market/market_view.hpp"
#include "host/plugin/instances.hpp"
#include "host/plugin/library.hpp"
#include "host/ports/clock.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/provider/verdict.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace gantry;
using namespace gantry::host;
using gantry::test::Anvil;
namespace json = boost::json;
using Steady = std::chrono::steady_clock;

constexpr std::size_t tokens = 64;
const std::string block_hash_text = "0x" + std::string(64, 'b');

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

gantry_address address(std::uint8_t kind, std::size_t number) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[0] = kind;
  address.bytes[18] = static_cast<std::uint8_t>(number >> 8U);
  address.bytes[19] = static_cast<std::uint8_t>(number);
  return address;
}

struct Words {
  recording::Bytes bytes;

  Words& add(const u256& value) {
    bytes.resize(bytes.size() + 32);
    store_be(value, bytes.data() + bytes.size() - 32);
    return *this;
  }
};

// Of a pair and of a pool of three ticks a word, each with other amounts.
recording::Bytes answer_to(std::span<const std::uint8_t> target,
                           std::span<const std::uint8_t> data) {
  const std::uint64_t size = 1'000'000 + 256U * target[18] + target[19];
  switch (data[0]) {
    case 0x09:  // getReserves()
      return Words().add(shift_left(size, 60)).add(shift_left(size + 7, 60)).add(9).bytes;
    case 0x38: {  // slot0(): a price of 1
      Words words;
      words.add(shift_left(1, 96)).add(0).add(0).add(1).add(1).add(0).add(1);
      return words.bytes;
    }
    case 0x1a:  // liquidity()
      return Words().add(shift_left(size, 60)).bytes;
    case 0xdd:  // fee()
      return Words().add(3000).bytes;
    case 0xd0:  // tickSpacing()
      return Words().add(60).bytes;
    case 0x53: {  // tickBitmap(int16)
      const u256 ticks = bitwise_or(shift_left(1, 250), bitwise_or(shift_left(1, 90), u256(16)));
      return Words().add(ticks).bytes;
    }
    default: {  // ticks(int24)
      Words words;
      words.add(1'000'000).add(1'000);
      for (int i = 0; i < 6; ++i) words.add(0);
      return words.bytes;
    }
  }
}

// A provider without a network: the body of each answer is made once and kept, and decoded each
// time as one that has just arrived.
class Node final : public Providers {
 public:
  std::expected<RpcBatch, RpcError> ask(std::span<const RpcCall> calls,
                                        const RpcOptions&) override {
    ++statistics_.asked;
    HttpAnswer& kept = bodies_[encode_batch(calls, 1)];
    if (kept.body.empty()) kept.body = body_of(calls);
    kept.status = 200;
    bytes_ += kept.body.size();
    AnswerVerdict verdict = judge(kept, 1, calls.size());
    if (verdict.cause) return std::unexpected(RpcError{RpcErrorKind::unanswered, verdict.reason});
    RpcBatch batch;
    batch.answers = std::move(verdict.answers);
    return batch;
  }
  std::optional<Head> head() const override { return std::nullopt; }
  std::expected<Head, RpcError> poll_head(std::chrono::milliseconds) override {
    return std::unexpected(RpcError{});
  }
  void note_head(const Head&) override {}
  void doubt_head() override {}
  void refute(const std::string&, std::string) override {}
  std::vector<WebSocketEndpoint> websockets() const override { return {}; }
  void check_now(std::chrono::milliseconds) override {}
  ChainStatistics statistics() const override { return statistics_; }
  void stop() override {}

  // What eth_getLogs is to be answered with from now on.
  void say_logs(json::array logs) {
    logs_ = std::move(logs);
    bodies_.clear();
  }
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::string body_of(std::span<const RpcCall> calls) const {
    json::array answers;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      answers.push_back(
          json::object{{"jsonrpc", "2.0"}, {"id", i + 1}, {"result", result_of(calls[i])}});
    }
    return json::serialize(answers.size() == 1 ? answers[0] : json::value(answers));
  }
  json::value result_of(const RpcCall& call) const {
    if (call.method == "eth_getCode") return "0x6000";
    if (call.method == "eth_getLogs") return logs_;
    if (call.method == "eth_getBlockTransactionCountByHash") return "0x1";
    const json::object& asked = call.params.at(0).as_object();
    const auto data = bytes_of(asked.at("data")).value();
    const auto to = bytes_of(asked.at("to")).value();
    const bool many = asked.at("to").as_string() == multicall::address;
    return json::string(hex_text(many ? aggregated(data) : answer_to(to, data)));
  }
  // aggregate3's calls, answered one by one.
  static recording::Bytes aggregated(std::span<const std::uint8_t> data) {
    const auto word = [&](std::size_t at) { return load_be(data.data() + at).limb(0); };
    constexpr std::size_t list = 4 + 64;
    const std::uint64_t count = word(4 + 32);
    Words head;
    head.add(32).add(count);
    recording::Bytes tail;
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t call = list + word(list + 32 * i);
      const std::size_t size = word(call + 96);
      const auto answer = answer_to(data.subspan(call + 12, 20), data.subspan(call + 128, size));
      head.add(32 * count + tail.size());
      Words one;
      one.add(1).add(64).add(answer.size());
      tail.insert(tail.end(), one.bytes.begin(), one.bytes.end());
      tail.insert(tail.end(), answer.begin(), answer.end());
    }
    head.bytes.insert(head.bytes.end(), tail.begin(), tail.end());
    return head.bytes;
  }

  std::unordered_map<std::string, HttpAnswer> bodies_;
  json::array logs_;
  ChainStatistics statistics_;
  std::uint64_t bytes_ = 0;
};

// A configuration and its plugins.
class Host {
 public:
  Host(const std::string& chain, const std::string& dex) {
    const auto write = [&](const char* name, const std::string& text) {
      std::ofstream(folder_ / name) << text;
    };
    write("gantry.toml", fmt::format("[[chain]]\nname = \"bench\"\nblock_time_s = 12\n{}\n"
                                     "[plugins]\nfolders = [\"{}\"]\n[live]\npoll_ms = 10\n",
                                     chain, GANTRY_PLUGIN_FOLDER));
    write("dex_config.toml", dex);
    write("strategies.toml", "[strategies.triangular]\n");
    auto loaded = load_configuration(ConfigFiles::in_folder(folder_.path()),
                                     scan_plugin_folders({GANTRY_PLUGIN_FOLDER}).plugins,
                                     process_environment());
    if (!loaded) throw std::runtime_error(render_text(loaded.error(), false));
    configuration = std::move(*loaded);
    plugins = make_plugins(configuration, folder_ / "store");
    if (!plugins.refused.empty()) throw std::runtime_error(plugins.refused.front().reason);
  }
  const ChainSettings& chain() const { return configuration.chains.front(); }

  Configuration configuration;
  Plugins plugins;

 private:
  test::TemporaryFolder folder_;
};

Host& made_up_chain() {
  static Host host(
      fmt::format("id = \"eip155:1\"\nwrapped_native = \"{}\"\nusd_tokens = [\"{}\"]",
                  address_text(address(1, 0)), address_text(address(1, 1))),
      "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\n"
      "[[dex]]\nname = \"uniswap_v3\"\nmin_liquidity_usd = 0\nfactory = \"\"\nwords_around = 1\n");
  return host;
}

// So many pools of a made-up chain: pairs alone, or every other one a pool of V3.
class Followed {
 public:
  Followed(std::size_t pools, bool mixed)
      : pools_(pools), mixed_(mixed), fetcher_(node_), market_(made_up_chain().chain(), venues()) {
    fetcher_.read_at({1, block_hash_text});
    BlockInput first;
    for (std::size_t i = 0; i < tokens; ++i) {
      first.tokens.push_back({address(1, i), fmt::format("T{}", i), 18});
    }
    for (std::size_t i = 0; i < pools; ++i) {
      const auto low = static_cast<std::uint32_t>(i % (tokens - 1));
      const char* venue = is_pair(i) ? "uniswap_v2" : "uniswap_v3";
      first.pools.push_back({venue, address_of(i), {low, low + 1}, {}});
    }
    advance(std::move(first));
  }

  // All pools read anew. Returns the round trips that it took.
  std::uint64_t read_anew() {
    const std::uint64_t before = node_.statistics().asked;
    BlockInput input;
    input.events.push_back({MarketEventKind::fresh, 0, 0, {}});
    advance(std::move(input));
    return node_.statistics().asked - before;
  }

  // The bytes of a block in which every pool was traded, to be followed next.
  void prepare_logs() {
    constexpr std::string_view sync =
        "0x1c411e9a96e071241c2f21f7726b17ae89e3cab4c78be50e062b03a9fffbbad1";
    constexpr std::string_view swap =
        "0xc42079f94a6350d7e6235f29174924f928cc2ac818eb64fed8004e115fbcca67";
    json::array logs;
    bloom_ = LogsBloom();
    for (std::size_t i = 0; i < pools_; ++i) {
      bloom_.add(LogsBloom::bits_of({address_of(i).bytes, 20}));
      const u256 moved(1'000'000 + i + number_);
      Words data;
      if (is_pair(i)) {
        data.add(shift_left(moved, 60)).add(shift_left(moved, 59));
      } else {
        data.add(moved).add(moved).add(shift_left(1, 96)).add(shift_left(moved, 60)).add(0);
      }
      const json::string nobody("0x" + std::string(64, '0'));
      json::array topics{json::string(is_pair(i) ? sync : swap), nobody, nobody};
      if (is_pair(i)) topics.resize(1);
      logs.push_back(json::object{{"address", address_text(address_of(i))},
                                  {"topics", std::move(topics)},
                                  {"data", hex_text(data.bytes)},
                                  {"blockNumber", quantity_text(number_ + 1)},
                                  {"blockHash", block_hash_text},
                                  {"logIndex", quantity_text(i)}});
    }
    node_.say_logs(std::move(logs));
    node_.ask(logs_call(), {});  // makes the body
  }
  void follow_logs() {
    const ChainBlock block{number_ + 1, block_hash_text, block_hash_text, 0, {}, bloom_};
    const LogRoutes routes(market_.standing());
    BesideLogs nothing;
    const auto logs = must(read_logs(node_, routes, std::span(&block, 1), blooms_, nothing));
    BlockInput input;
    for (const ChainLog& log : logs.front()) routes.give(log, input.facts);
    if (input.facts.size() != pools_) throw std::runtime_error("a pool's log was lost");
    advance(std::move(input));
  }

  // Of the newest snapshot; throws when a pool does not quote.
  void check() {
    view_.bind(*snapshot_, {}, true);
    for (std::uint32_t pool = 0; pool < pools_; ++pool) {
      gantry_quote quote{};
      const gantry_swap swap{u256(1'000'000), 0, 1, GANTRY_EXACT_IN, 0};
      if (view_.quote(pool, swap, quote) != GANTRY_OK) {
        throw std::runtime_error(fmt::format("pool {} does not quote", pool));
      }
    }
  }
  std::uint64_t bytes() const { return node_.bytes(); }

 private:
  bool is_pair(std::size_t pool) const { return !mixed_ || pool % 2 == 0; }
  // Of digits that differ everywhere, as real ones do.
  gantry_address address_of(std::size_t pool) const {
    gantry_address pools = address(is_pair(pool) ? 2 : 3, pool);
    const std::uint64_t digits = (pool + 1) * 0x9e3779b97f4a7c15;
    std::memcpy(pools.bytes + 4, &digits, sizeof(digits));
    return pools;
  }
  static std::vector<std::shared_ptr<VenueInstance>> venues() {
    return made_up_chain().plugins.venues;
  }
  std::vector<RpcCall> logs_call() const {
    json::object filter = LogRoutes(market_.standing()).filter();
    filter["blockHash"] = block_hash_text;
    return {{"eth_getLogs", {std::move(filter)}}};
  }
  void advance(BlockInput input) {
    input.block.number = ++number_;
    input.block.time_s = 12 * number_;
    snapshot_ = must(market_.advance(input, fetcher_));
  }

  std::size_t pools_;
  bool mixed_;
  Node node_;
  Fetcher fetcher_;
  MarketState market_;
  MarketView view_;
  std::shared_ptr<Snapshot> snapshot_;
  std::uint64_t number_ = 0;
  LogsBloom bloom_;  // of the block to be followed
  LogBlooms blooms_{"made up"};
};

// Every pool is read: questions are written, answers decoded, states made, valued and published.
void bytes_to_snapshot_of_all_pools(benchmark::State& state) {
  const bool mixed = state.range(1) != 0;
  Followed chain(static_cast<std::size_t>(state.range(0)), mixed);
  chain.read_anew();
  const std::uint64_t before = chain.bytes();
  std::uint64_t trips = 0;
  for (auto _ : state) trips += chain.read_anew();
  const auto blocks = static_cast<double>(state.iterations());
  // One batch for the chain and block, however many pools there are; pools of V3 are asked for
  // their price, then for the words around it, then for the ticks in those.
  if (trips != (mixed ? 3U : 1U) * static_cast<std::uint64_t>(state.iterations())) {
    return state.SkipWithError(fmt::format("{} batches in {} blocks", trips, blocks).c_str());
  }
  try {
    chain.check();
  } catch (const std::exception& error) {
    return state.SkipWithError(error.what());
  }
  state.counters["round_trips"] = static_cast<double>(trips) / blocks;
  state.counters["kilobytes"] = static_cast<double>(chain.bytes() - before) / 1000 / blocks;
}
BENCHMARK(bytes_to_snapshot_of_all_pools)
    ->ArgsProduct({{200, 2000}, {0, 1}})
    ->ArgNames({"pools", "with_v3"})
    ->Unit(benchmark::kMillisecond);

// A block in which every pool was traded once: their logs alone.
void log_bytes_to_snapshot(benchmark::State& state) {
  Followed chain(static_cast<std::size_t>(state.range(0)), true);
  for (auto _ : state) {
    chain.prepare_logs();
    const auto begin = Steady::now();
    chain.follow_logs();
    state.SetIterationTime(std::chrono::duration<double>(Steady::now() - begin).count());
  }
  try {
    chain.check();
  } catch (const std::exception& error) {
    return state.SkipWithError(error.what());
  }
}
BENCHMARK(log_bytes_to_snapshot)
    ->Arg(200)
    ->Arg(2000)
    ->ArgName("pools")
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

// ---- with a node
// ---------------------------------------------------------------------------------

constexpr std::size_t pairs = 200;  // of which 20 are made in one request

// The real pair's code at so many addresses, over tokens that say what block it is.
class Pairs {
 public:
  Pairs() : deployer_(chain_), pair_(chain_) {
    // decimals() is answered with 18, everything else with the block's number times 10^18.
    const std::string token =
        "0x60003560e01c63313ce567146022574"
        "3670de0b6b3a76400000260005260206000f35b601260005260206000f3";
    std::vector<test::RpcRequest> requests;
    for (std::size_t i = 0; i < 2; ++i) put_code(requests, address_text(address(1, i)), token);
    const std::string code = deployer_.code_of(pair_.address());
    for (std::size_t i = 0; i < pairs; ++i) {
      const std::string at = address_text(address(2, i));
      put_code(requests, at, code);
      put(requests, at, 6, word_of(0));
      put(requests, at, 7, word_of(1));
      put(requests, at, 12, test::hex_word(1));  // not within a call
      // The node takes no request of megabytes.
      if (i % 20 == 19) do_all(std::exchange(requests, {}));
    }
    test::install_multicall3(deployer_);
    for (std::size_t i = 0; i < pairs; ++i) targets_.push_back(address(2, i));
  }

  const std::string& url() const { return chain_.url(); }
  // A block in which each pair takes its tokens' new balances for its reserves.
  Head mine() {
    const recording::Bytes sync = {0xff, 0xf6, 0xca, 0xe9};
    std::vector<multicall::Call> calls;
    for (const gantry_address& target : targets_) calls.push_back({target, sync});
    chain_.transact(json::object{{"from", deployer_.account()},
                                 {"to", multicall::address},
                                 {"gas", "0x1c9c380"},
                                 {"data", hex_text(multicall::encode(calls))}});
    const auto block = chain_.call("eth_getBlockByNumber", {"latest", false});
    return head_of(block, "local").value();
  }

 private:
  void do_all(const std::vector<test::RpcRequest>& requests) {
    for (const auto& answer : chain_.batch(requests)) {
      if (answer.failure) throw std::runtime_error(answer.failure->message);
    }
  }
  static std::string word_of(std::size_t token) {
    return "0x" + test::address_word(address_text(address(1, token)));
  }
  static void put_code(std::vector<test::RpcRequest>& to, const std::string& at,
                       const std::string& code) {
    to.push_back({"anvil_setCode", {json::string(at), json::string(code)}});
  }
  static void put(std::vector<test::RpcRequest>& to, const std::string& at, int slot,
                  const std::string& word) {
    to.push_back({"anvil_setStorageAt",
                  {json::string(at), json::string(test::hex_word(slot)), json::string(word)}});
  }

  Anvil chain_;
  test::Deployer deployer_;
  test::PairContract pair_;
  std::vector<gantry_address> targets_;
};

// A head is told of: its block and logs are asked for, and the street's market is given them.
void head_to_snapshot_of_200_pools(benchmark::State& state) {
  Pairs chain;
  chain.mine();
  std::string dex = "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\ndiscover = false\n";
  const std::string token_0 = address_text(address(1, 0));
  const std::string token_1 = address_text(address(1, 1));
  for (std::size_t i = 0; i < pairs; ++i) {
    dex += fmt::format("[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n",
                       address_text(address(2, i)), token_0, token_1);
  }
  Host host(fmt::format("id = \"eip155:31337\"\nwrapped_native = \"{}\"\nusd_tokens = [\"{}\"]\n"
                        "check_tokens = false\n"
                        "[[chain.provider]]\nname = \"local\"\nurl = \"{}\"",
                        token_0, token_1, chain.url()),
            dex);
  SteadyClock clock;
  const Environment environment = process_environment();
  const auto http = must(make_curl_http_pool());
  const auto providers = must(Providers::make(host.chain(), {*http, clock, environment}));
  const auto feed =
      must(LiveFeed::open(host.chain(), host.configuration.live, host.plugins.venues, *providers));
  MarketState market(host.chain(), host.plugins.venues);
  MarketView view;
  auto first = feed->next();
  if (!first) return state.SkipWithError("the feed ended");
  (void)must(market.advance(*first));
  std::uint64_t batches = 0;
  for (auto _ : state) {
    const Head head = chain.mine();
    const std::uint64_t before = providers->statistics().asked;
    const auto begin = Steady::now();
    providers->note_head(head);
    feed->wake(true);
    const auto input = feed->next();
    if (!input || input->block.number != head.number) {
      state.SkipWithError("another block came");
      break;
    }
    const auto snapshot = must(market.advance(*input));
    state.SetIterationTime(std::chrono::duration<double>(Steady::now() - begin).count());
    batches += providers->statistics().asked - before;
    view.bind(*snapshot, {}, true);
    for (std::uint32_t pool = 0; pool < pairs; ++pool) {
      gantry_amount balances[2] = {};
      gantry_pool_view pair{0, 2, balances};
      if (view.view(pool, pair) != GANTRY_OK ||
          u256(balances[0]) != wrapping_mul(u256(head.number), u256(1'000'000'000'000'000'000))) {
        state.SkipWithError("a pair's reserves are not the chain's");
      }
    }
  }
  // The block, its logs, and nothing for each pool.
  const double each = static_cast<double>(batches) / static_cast<double>(state.iterations());
  if (each > 3) state.SkipWithError("questions for each pool");
  state.counters["batches"] = each;
  feed->stop();
  providers->stop();
}
BENCHMARK(head_to_snapshot_of_200_pools)
    ->UseManualTime()
    ->Iterations(20)
    ->Unit(benchmark::kMillisecond);

}  // namespace

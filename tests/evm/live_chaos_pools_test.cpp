// A V3 pool and one of Curve's kind, followed through providers that fail while the chain is
// reorganized: the one lives from its logs and asks for ticks when its price leaves those it knows,
// the other is asked at each block. While one provider is good, what is given at a block is what a
// fresh read of that very block gives; where none has a block's logs, every pool is read anew.
#include <fmt/format.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <random>
#include <sstream>
#include <thread>

#include "evm/anvil_node.hpp"
#include "evm/live_scene.hpp"
#include "evm/traded_curve.hpp"
#include "evm/traded_v3.hpp"
#include "host/base/text.hpp"
#include "host/live/fetcher.hpp"
#include "host/provider/json_rpc.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr std::uint32_t chaos_pools = 2;  // 0: V3, 1: Curve's
constexpr std::array<RpcFault, 20> pool_faults = {RpcFault::hang,
                                                  RpcFault::close,
                                                  RpcFault::reset,
                                                  RpcFault::garbage,
                                                  RpcFault::wrong_ids,
                                                  RpcFault::missing,
                                                  RpcFault::old_block,
                                                  RpcFault::old_block_no_logs,
                                                  RpcFault::other_chain,
                                                  RpcFault::limited,
                                                  RpcFault::unavailable,
                                                  RpcFault::node_fails,
                                                  RpcFault::null_logs,
                                                  RpcFault::logs_of_another_block,
                                                  RpcFault::no_logs_yet,
                                                  RpcFault::logs_of_another_emitter,
                                                  RpcFault::emitters_wanted,
                                                  RpcFault::calls_fail,
                                                  RpcFault::calls_are_null,
                                                  RpcFault::calls_break};

class ChaosPools {
 public:
  explicit ChaosPools(std::uint64_t seed)
      : live([&](Anvil& chain) {
          v3 = std::make_unique<TradedV3>(chain, seed);
          curve = std::make_unique<TradedCurve>(chain, seed + 1);
          return LiveFiles{live_chain_section({.coin = v3->token(0),
                                               .dollar = v3->token(1),
                                               .url = chain.url(),
                                               .block_time_s = TradedCurve::block_time_s}) +
                               "[live]\npoll_ms = 10\naudit_every_blocks = 0\n",
                           v3->venue_section() + curve->venue_section(),
                           "[strategies.triangular]\nenabled = false\n"};
        }) {
    // More blocks than a provider that is behind is behind.
    for (Anvil* chain : {&live.chain(), &other_}) chain->call("anvil_mine", {"0x50"});
    direct_chain_ = live.configuration().chains.front();
    direct_ = host::Providers::make(direct_chain_, {*http_, clock_, environment_}).value();
    std::vector<host::RpcProviderSettings> providers;
    for (RpcServer* server : servers()) {
      host::RpcProviderSettings one;
      one.name = fmt::format("provider{}", providers.size());
      one.url = host::TemplatedUrl::parse(server->url()).value();
      one.priority = static_cast<std::int64_t>(providers.size()) + 1;
      providers.push_back(std::move(one));
    }
    live.ask_through(std::move(providers), {});
  }
  ~ChaosPools() { direct_->stop(); }

  std::array<RpcServer*, 3> servers() { return {&primary, &second, &last}; }
  void all_fail(RpcFault fault) {
    for (RpcServer* server : servers()) server->fail(fault);
  }
  void trade(int blocks, std::mt19937_64& random) {
    for (int i = 0; i < blocks; ++i) {
      if (random() % 3 == 0) {
        curve->trade();
      } else {
        v3->trade();
      }
    }
  }
  // Every pool as a market that begins at this block reads it; until the next call.
  host::SnapshotPtr read_fresh(const host::BlockInput& first, const host::recording::Block& block) {
    const json::value said =
        node.ask("eth_getBlockByNumber", {host::quantity_text(block.number), false});
    host::BlockInput input;
    input.tokens = first.tokens;
    input.pools = first.pools;
    input.block = block;
    host::Fetcher fetcher(*direct_);
    fetcher.read_at({block.number, host::block_hash(said.at("hash"))});
    fresh_.reset(new host::MarketState(live.market()));
    auto snapshot = fresh_->advance(input, fetcher);
    if (!snapshot) throw std::runtime_error(snapshot.error().message);
    return *snapshot;
  }

  std::unique_ptr<TradedV3> v3;
  std::unique_ptr<TradedCurve> curve;
  LiveScene live;

 private:
  Anvil other_{{"--chain-id", "56"}};
  host::SteadyClock clock_;
  host::Environment environment_ = host::process_environment();
  std::unique_ptr<host::HttpPool> http_ = host::make_curl_http_pool().value();
  host::ChainSettings direct_chain_;
  std::unique_ptr<host::Providers> direct_;
  std::unique_ptr<host::MarketState> fresh_;  // its snapshot lies in it

 public:
  AnvilNode node{live.chain()};
  AnvilNode other_node{other_};
  RpcServer primary{node, other_node};
  RpcServer second{node, other_node};
  RpcServer last{node, other_node};
};

// What is given, each block compared while the chain stands still behind it.
class ComparedFollower {
 public:
  explicit ComparedFollower(ChaosPools& scene) : scene_(scene), follower_(scene.live) { follow(); }
  // To the newest block.
  void follow() {
    const std::uint64_t newest = block_number(scene_.live.chain());
    do {
      auto input = follower_.feed->next();
      if (!input) throw std::runtime_error("the feed ended: " + follower_.feed->damage());
      follower_.snapshot = follower_.market.advance(*input).value();
      if (inputs == 0) first_ = *input;
      ++inputs;
      undone +=
          std::ranges::count(input->events, host::MarketEventKind::undo, &host::MarketEvent::kind);
      newest_given = input->block.number;
      compare(*follower_.snapshot, input->block);
    } while (newest_given != newest);
  }
  const host::LiveFeed& feed() const { return *follower_.feed; }

  std::size_t inputs = 0;
  long undone = 0;
  std::uint64_t newest_given = 0;
  std::array<std::size_t, chaos_pools> quotes{};

 private:
  void compare(const host::Snapshot& kept, const host::recording::Block& block) {
    const host::SnapshotPtr fresh = scene_.read_fresh(first_, block);
    host::MarketView views[2];
    views[0].bind(kept, {}, true);
    views[1].bind(*fresh, {}, true);
    for (std::uint32_t pool = 0; pool < chaos_pools; ++pool) {
      CAPTURE(block.number, pool);
      REQUIRE(kept.topology->pools[pool].use == host::PoolUse::usable);
      REQUIRE(fresh->topology->pools[pool].use == host::PoolUse::usable);
      for (unsigned bits = 8; bits < 84; bits += 5) {
        for (std::uint32_t in = 0; in < 2; ++in) {
          for (const int mode : {GANTRY_EXACT_IN, GANTRY_EXACT_OUT}) {
            const gantry_swap swap{to_amount(Integer(1) << bits), in, 1 - in, mode, 0};
            CAPTURE(bits, in, mode);
            gantry_quote answers[2] = {};
            const gantry_status one = views[0].quote(pool, swap, answers[0]);
            const gantry_status other = views[1].quote(pool, swap, answers[1]);
            // Ticks that one of them does not know: it says so, and is not wrong.
            if (one == GANTRY_NEED_STATE || other == GANTRY_NEED_STATE) continue;
            REQUIRE(one == other);
            if (one != GANTRY_OK) continue;
            ++quotes[pool];
            REQUIRE(to_integer(answers[0].amount_in) == to_integer(answers[1].amount_in));
            REQUIRE(to_integer(answers[0].amount_out) == to_integer(answers[1].amount_out));
          }
        }
      }
    }
  }

  ChaosPools& scene_;
  Follower follower_;
  host::BlockInput first_;
};

// What is logged while it lives.
class LoggedText {
 public:
  LoggedText() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)));
  }
  ~LoggedText() { spdlog::set_default_logger(before_); }
  // Once nobody logs any more.
  std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace

TEST_CASE("V3 and Curve pools are the chain's at each block, however providers fail and it forks") {
  const std::uint64_t seed = 20261122;
  std::mt19937_64 dice(seed);
  const LoggedText log;
  std::vector<RpcFault> order(pool_faults.begin(), pool_faults.end());
  std::ranges::shuffle(order, dice);
  std::size_t blocks_that_failed = 0;
  {
    ChaosPools scene(seed);
    host::Providers& providers = scene.live.providers();
    providers.check_now(milliseconds(2500));
    ComparedFollower follower(scene);
    std::uint64_t forks = 0;
    for (std::size_t round = 0; round < order.size(); ++round) {
      CAPTURE(round, to_string(order[round]));
      const std::string before = scene.live.snapshot();
      const auto positions = scene.v3->positions;
      scene.primary.fail(order[round]);
      if (dice() % 3 == 0) scene.second.fail(order[dice() % order.size()]);
      const int depth = 1 + static_cast<int>(dice() % 4);
      scene.trade(depth, dice);
      follower.follow();
      // The other branch, and in two of three rounds nobody can read it for a moment.
      scene.live.revert(before);
      scene.v3->positions = positions;
      ++forks;
      scene.trade(depth + 1, dice);
      std::jthread mender;
      if (round % 3 != 0) {
        const bool calls = round % 3 == 1;
        blocks_that_failed += calls ? 1U : 0U;
        scene.all_fail(calls ? RpcFault::calls_break : RpcFault::no_logs_yet);
        mender = std::jthread([&] {
          std::this_thread::sleep_for(milliseconds(300));
          scene.all_fail(RpcFault::none);
        });
      }
      follower.follow();
      if (mender.joinable()) mender.join();
      scene.all_fail(RpcFault::none);
      providers.check_now(milliseconds(2500));
    }
    const host::LiveStatus status = follower.feed().status();
    CHECK(status.reorganizations == forks);
    CHECK(follower.undone == static_cast<long>(forks));
    CHECK(status.fresh_reads == 0);
    CHECK(scene.v3->words_left >= 5);
    for (const std::size_t each : follower.quotes) CHECK(each >= 20 * follower.inputs);
  }
  // A reorganization's first block could not be read, and came all the same.
  const std::string text = log.text();
  std::size_t tried_again = 0;
  for (std::size_t at = text.find("; trying again"); at != text.npos;
       at = text.find("; trying again", at + 1)) {
    ++tried_again;
  }
  CAPTURE(text);
  CHECK(tried_again >= blocks_that_failed / 2);
}

TEST_CASE("where no provider has a block's logs its pools are read anew, and none is wrong") {
  std::mt19937_64 dice(7);
  ChaosPools scene(7);
  ComparedFollower follower(scene);
  scene.v3->trade();
  scene.trade(3, dice);
  follower.follow();
  CHECK(follower.feed().status().fresh_reads == 0);
  const std::size_t before = follower.inputs;
  scene.all_fail(RpcFault::no_logs_yet);
  for (int i = 0; i < 3; ++i) scene.v3->trade();
  follower.follow();
  CHECK(follower.inputs == before + 1);
  CHECK(follower.feed().status().fresh_reads == 1);
  scene.all_fail(RpcFault::none);
  scene.trade(4, dice);
  follower.follow();
  CHECK(follower.inputs == before + 5);
  CHECK(follower.feed().status().fresh_reads == 1);
}

TEST_CASE("the bloom of a real block is that of its logs") {
  ChaosPools scene(8);
  std::mt19937_64 dice(8);
  scene.trade(12, dice);
  const std::uint64_t newest = block_number(scene.live.chain());
  std::size_t logs_seen = 0;
  for (std::uint64_t number = newest - 11; number <= newest; ++number) {
    const auto header = host::parse_block(
        scene.node.ask("eth_getBlockByNumber", {host::quantity_text(number), false}));
    REQUIRE(header);
    REQUIRE(header->logs_bloom);
    host::LogsBloom bloom;
    const json::value logs =
        scene.node.ask("eth_getLogs", {json::object{{"blockHash", header->hash}}});
    for (const json::value& log : logs.as_array()) {
      ++logs_seen;
      bloom.add(host::LogsBloom::bits_of(*host::bytes_of_hex(log.at("address").as_string())));
      for (const json::value& topic : log.at("topics").as_array()) {
        bloom.add(host::LogsBloom::bits_of(*host::bytes_of_hex(topic.as_string())));
      }
    }
    CHECK(std::ranges::equal(bloom.bytes(), header->logs_bloom->bytes()));
  }
  CHECK(logs_seen >= 12);
}

}  // namespace gantry::test

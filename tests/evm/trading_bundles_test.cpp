// The program trades by bundles: through relays that answer as relays do, and not at all.
#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "evm/held_node.hpp"
#include "evm/node_output.hpp"
#include "evm/random_kills.hpp"
#include "evm/trading_books.hpp"
#include "evm/trading_relay.hpp"
#include "host/base/text.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::ledger::IntentId;
using host::ledger::State;
using host::tests::Ended;
using host::tests::Running;

constexpr std::uint64_t blocks_max = 3;  // of the scene's configuration

std::uint64_t filled(const TradingScene& scene) {
  const auto books = scene.books_or_none();
  if (!books) return 0;
  const auto rows = books->profit({host::ledger::By::chain, {}, {}});
  std::uint64_t sum = 0;
  if (rows) {
    for (const auto& row : *rows) sum += row.included;
  }
  return sum;
}

// The market moves until that is so; false: it never was.
template <class Is>
bool trade_until(TradingRelays& relays, Running& running, Is is) {
  for (int round = 0; round < 300 && !running.ended(); ++round) {
    if (is()) return true;
    relays.trade();
  }
  return is();
}

template <class Is>
bool soon(Is is) {
  for (int i = 0; i < 1000; ++i) {
    if (is()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return false;
}

bool is_newest(const TradingScene& scene, State state, IntentId after) {
  const auto newest = newest_trade(scene);
  return newest && newest->intent.id > after && newest->intent.state == state;
}

// Ends it, and what is under way then; nothing new leaves.
void end_and_settle(TradingScene& scene, TradingRelays& relays, Running& running) {
  running.signal(SIGINT);
  while (!running.ended()) scene.mine(1);
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  for (const std::size_t relay : {0U, 1U}) relays.set(relay, RelayManner::refuses);
  settle(scene);
}

}  // namespace

TEST_CASE("trades leave as bundles while one relay takes them, and none when all refuse") {
  TradingScene scene(41);
  TradingRelays relays(scene);
  const Holdings before = scene.holdings();
  Running running = scene.start({});
  CHECK(trade_until(relays, running, [&] { return filled(scene) >= 10; }));
  CHECK(relays.taken(0) == relays.taken(1));

  std::uint64_t known = filled(scene);
  relays.set(0, RelayManner::refuses);
  CHECK(trade_until(relays, running, [&] { return filled(scene) >= known + 2; }));
  known = filled(scene);
  relays.set(0, RelayManner::hangs);
  CHECK(trade_until(relays, running, [&] { return filled(scene) >= known + 2; }));
  CHECK(relays.taken(0) < relays.taken(1));

  for (const std::size_t relay : {0U, 1U}) relays.set(relay, RelayManner::refuses);
  const IntentId last = newest_trade(scene)->intent.id;
  REQUIRE(trade_until(relays, running, [&] { return is_newest(scene, State::dropped, last); }));
  const auto refused = newest_trade(scene);
  INFO(refused->intent.reason);
  CHECK(host::tests::has(refused->intent.reason, "relay relay0: 'not today'"));
  CHECK(host::tests::has(refused->intent.reason, "relay relay1: 'not today'"));
  for (const std::size_t relay : {0U, 1U}) relays.set(relay, RelayManner::takes);
  // Its nonce is free for the next.
  CHECK(trade_until(relays, running, [&] { return scene.nonce() > refused->intent.nonce; }));

  end_and_settle(scene, relays, running);
  const auto trades = scene.books()->last_trades(10'000);
  REQUIRE(trades);
  for (const auto& trade : *trades) {
    CHECK(trade.intent.intent.kind == host::ledger::Kind::bundle);
  }
  check_books(scene, before);
  CHECK(relays.faults().empty());
  const auto [body, header] = relays.example();
  std::string signer = node_output(
      "relay_signer.mjs",
      host::hex_text({reinterpret_cast<const std::uint8_t*>(body.data()), body.size()}) + " " +
          header);
  signer.resize(signer.find('\n'));
  CHECK(header.substr(0, header.find(':')) == signer);
}

TEST_CASE("a bundle that nobody includes is sent for each block up to its last, and expires") {
  TradingScene scene(43);
  TradingRelays relays(scene);
  const Holdings before = scene.holdings();
  relays.include(false);
  Running running = scene.start({});
  REQUIRE(trade_until(relays, running, [&] { return newest_trade(scene).has_value(); }));
  const IntentId old = newest_trade(scene)->intent.id;
  // The next one is watched from its first block on.
  bool is_there = false;
  for (int round = 0; round < 300 && !is_there; ++round) {
    scene.market.trade(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    is_there = is_newest(scene, State::submitted, old);
    if (!is_there) scene.mine(1, 200);
  }
  REQUIRE(is_there);
  const auto trade = newest_trade(scene);
  const IntentId id = trade->intent.id;
  const auto attempts = scene.books()->attempts(id);
  REQUIRE(attempts);
  REQUIRE(attempts->size() == 1);
  const std::string transaction = host::hex_text(attempts->front().attempt.bytes);
  const std::uint64_t last = trade->intent.intent.last_block;
  std::vector<std::uint64_t> wanted;
  for (std::uint64_t block = last - blocks_max + 1; block <= last; ++block) {
    wanted.push_back(block);
    INFO("for block " << block << " of " << last);
    CHECK(soon([&] { return relays.blocks_of(transaction).size() >= wanted.size(); }));
    relays.make_block();
  }
  const auto state = [&] { return scene.books()->intent(id)->state; };
  for (int i = 0; i < 30 && state() == State::submitted; ++i) {
    relays.make_block();
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
  CHECK(state() == State::expired);
  CHECK(relays.blocks_of(transaction) == wanted);
  CHECK(scene.books()->attempts(id)->size() == 1);  // no cancellation
  CHECK(scene.nonce() == 0);
  // Its nonce is free, and trading goes on.
  relays.include(true);
  CHECK(trade_until(relays, running, [&] { return filled(scene) >= 3; }));
  end_and_settle(scene, relays, running);
  const auto all = scene.books()->last_trades(10'000);
  REQUIRE(all);
  for (const auto& each : *all) {
    CHECK(scene.books()->attempts(each.intent.id)->size() == 1);
  }
  check_books(scene, before);
  CHECK(relays.faults().empty());
}

TEST_CASE("a bundle that lost its auction holds up no trade after its last block") {
  TradingScene scene(59);
  scene.space.edit("gantry.toml", "\nconfirm_blocks = 4", "");  // as it is by default
  TradingRelays relays(scene);
  relays.join(false);
  const Holdings before = scene.holdings();
  Running running = scene.start({});
  REQUIRE(trade_until(relays, running, [&] { return filled(scene) >= 1; }));
  const std::uint64_t won = filled(scene);
  const IntentId last_won = newest_trade(scene)->intent.id;
  relays.include(false);
  REQUIRE(trade_until(relays, running, [&] {
    const auto newest = newest_trade(scene);
    return newest && newest->intent.id > last_won && newest->intent.state == State::submitted;
  }));
  // Of the bundles that nobody includes from here on, the first to leave holds the lowest nonce.
  std::optional<host::ledger::StoredIntent> lost;
  const auto open = scene.books()->open_intents();
  REQUIRE(open);
  for (const auto& each : *open) {
    if (!lost || each.nonce < lost->nonce) lost = each;
  }
  REQUIRE(lost);
  while (scene.deployer.block_number() < lost->intent.last_block) {
    scene.mine(1, 200);
  }
  relays.include(true);
  CHECK(trade_until(relays, running, [&] { return filled(scene) > won; }));
  const auto trades = scene.books()->last_trades(100);
  REQUIRE(trades);
  std::uint64_t next = UINT64_MAX;
  for (const auto& each : *trades) {
    if (each.intent.id > lost->id && each.result) next = std::min(next, each.result->receipt.block);
  }
  INFO("its last block was " << lost->intent.last_block << ", the next trade is in " << next);
  // Well before the lost one is as deep as a block that counts as final, 12.
  CHECK(next <= lost->intent.last_block + 8);
  CHECK(scene.books()->intent(lost->id)->state == State::expired);
  running.signal(SIGINT);
  while (!running.ended()) scene.mine(1);
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  settle(scene);
  check_books(scene, before);
}

TEST_CASE("a bundle of an earlier run is shown to nobody by a run that sends transactions") {
  TradingScene scene(61);
  TradingRelays relays(scene);
  const Holdings before = scene.holdings();
  relays.include(false);
  Running first = scene.start({});
  REQUIRE(trade_until(relays, first, [&] { return is_newest(scene, State::submitted, 0); }));
  first.signal(SIGKILL);
  (void)first.wait();
  const auto trade = newest_trade(scene);
  REQUIRE(trade);
  const IntentId id = trade->intent.id;
  REQUIRE(trade->intent.state == State::submitted);
  REQUIRE(scene.deployer.block_number() < trade->intent.intent.last_block);
  const auto attempts = scene.books()->attempts(id);
  REQUIRE(attempts);
  const std::string hash = host::hex_text(attempts->front().attempt.hash);
  const auto is_known = [&] {
    return !scene.chain.call("eth_getTransactionByHash", {json::string(hash)}).is_null();
  };

  scene.space.edit("gantry.toml", "send = \"bundle\"\n", "send = \"transaction\"\n");
  Running second = scene.start({});
  const auto state = [&] { return scene.books()->intent(id)->state; };
  for (int i = 0; i < 30 && state() == State::submitted; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(500));
    CHECK_FALSE(is_known());
    relays.make_block();
  }
  CHECK(state() == State::expired);
  CHECK_FALSE(is_known());
  // What it found itself is for everybody, and trading goes on.
  for (int round = 0; round < 100 && filled(scene) < 2; ++round) {
    scene.market.trade(true);
    scene.mine(1, 100);
  }
  CHECK(filled(scene) >= 2);
  CHECK(newest_trade(scene)->intent.intent.kind == host::ledger::Kind::transaction);
  end_and_settle(scene, relays, second);
  check_books(scene, before);
}

TEST_CASE("a host that is killed in any phase of a bundle loses none, and counts each once") {
  enum class At { simulation, relays, under_way, in_block, realised };
  struct Phase {
    const char* name;
    At at;
    RelayManner manner = RelayManner::takes;
  };
  const std::array phases{
      Phase{"written, not simulated", At::simulation},
      Phase{"leaving", At::relays, RelayManner::hangs},
      Phase{"left, and nobody said so", At::relays, RelayManner::takes_and_hangs},
      Phase{"under way", At::under_way},
      Phase{"in a block that it has not seen", At::in_block},
      Phase{"realised, and not told", At::realised},
  };
  const int trials = kill_trials(20);
  TradingScene scene(47);
  HeldNode node(scene.chain);
  RpcServer server(node, node);
  scene.ask(server.url());
  TradingRelays relays(scene);
  const Holdings before = scene.holdings();
  std::map<std::string, int> reached;
  const auto waits = [](auto is) {
    for (int i = 0; i < 30; ++i) {
      if (is()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
  };
  for (int trial = 0; trial < trials; ++trial) {
    for (const Phase& phase : phases) {
      INFO("trial " << trial << ", " << phase.name);
      const auto known = newest_trade(scene);
      const IntentId last = known ? known->intent.id : 0;
      const std::array heard{relays.heard(0), relays.heard(1)};
      node.hold(phase.at == At::simulation ? Gate::simulation : Gate::open);
      for (const std::size_t relay : {0U, 1U}) relays.set(relay, phase.manner);
      const auto is_there = [&] {
        switch (phase.at) {
          case At::simulation:
            return node.is_held(std::chrono::milliseconds(10));
          case At::relays:
            return relays.heard(0) > heard[0] && relays.heard(1) > heard[1] &&
                   is_newest(scene, State::intended, last);
          case At::under_way:
          case At::in_block:
          case At::realised:
            break;
        }
        return is_newest(scene, State::submitted, last);
      };
      Running running = scene.start({});
      bool there = false;
      for (int round = 0; round < 300 && !there && !running.ended(); ++round) {
        scene.market.trade(true);
        there = waits(is_there);
        if (there && phase.at != At::realised) break;
        relays.make_block();
        // The risk book is told with the next block, and there is none.
        if (there) there = waits([&] { return has_untold_result(scene); });
      }
      CHECK(there);
      if (there) ++reached[phase.name];
      if (phase.at == At::in_block) {
        running.signal(SIGSTOP);
        relays.make_block();
      }
      running.signal(SIGKILL);
      INFO(running.wait().err);
      if (phase.at == At::realised) CHECK(has_untold_result(scene));
      node.release(true);
    }
  }
  for (const Phase& phase : phases) CHECK(reached[phase.name] == trials);
  for (const std::size_t relay : {0U, 1U}) relays.set(relay, RelayManner::takes);
  Running running = scene.start({});
  const std::uint64_t known = filled(scene);
  CHECK(trade_until(relays, running, [&] { return filled(scene) >= known + 2; }));
  end_and_settle(scene, relays, running);
  check_books(scene, before);
  check_risk(scene);
  CHECK(relays.faults().empty());
}

TEST_CASE("a host that is killed at any moment of a run loses no bundle, and counts each once") {
  TradingScene scene(73);
  TradingRelays relays(scene);
  const Holdings before = scene.holdings();
  RandomKills kills;
  kills.trials = kill_trials(4);
  kills.seed = kill_seed();
  kills.step = [&](Running&) { relays.trade(1, 30); };
  WARN(kill_at_random(scene, kills));
  Running running = scene.start({});
  const std::uint64_t known = filled(scene);
  CHECK(trade_until(relays, running, [&] { return filled(scene) > known; }));
  end_and_settle(scene, relays, running);
  check_books(scene, before);
  check_risk(scene);
  CHECK(relays.faults().empty());
}

}  // namespace gantry::test

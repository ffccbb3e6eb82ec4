// The program trades right behind swaps that wait: a real node tells of them, and relays have both
// in one block, in that order, or neither.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "evm/abi_arguments.hpp"
#include "evm/anvil_node.hpp"
#include "evm/changed_socket.hpp"
#include "evm/trading_books.hpp"
#include "evm/trading_relay.hpp"
#include "host/base/keccak.hpp"
#include "host/base/text.hpp"
#include "host/execute/simulation.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/random.hpp"
#include "host/sign/signer.hpp"
#include "support/rpc_server.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::ledger::IntentId;
using host::ledger::State;
using host::tests::Ended;
using host::tests::has;
using host::tests::Running;
using std::chrono::milliseconds;

constexpr std::size_t coin = 0;  // among the market's tokens
constexpr std::size_t dollars = 1;

std::string bytecode(std::string_view path) {
  const std::string code = text_of(read_artifact(path).at("bytecode"));
  return code.starts_with("0x") ? code : "0x" + code;
}

bool soon(const std::function<bool()>& is, milliseconds wait = milliseconds(20'000)) {
  const auto end = std::chrono::steady_clock::now() + wait;
  while (std::chrono::steady_clock::now() < end) {
    if (is()) return true;
    std::this_thread::sleep_for(milliseconds(5));
  }
  return is();
}

// A trading scene with a router whose swaps wait until somebody makes a block.
struct BackrunScene {
  // `socket`: of the provider that tells of what waits; empty: the chain's own.
  explicit BackrunScene(std::uint64_t seed, const std::string& send = "bundle",
                        const ChangedSocket::Change& change = {})
      : trading(chain, TradingScene::key_owner(), {}, seed) {
    if (send == "bundle") relays.emplace(trading);
    auto& deployer = trading.deployer;
    const auto& tokens = trading.market.tokens();
    const std::string factory = trading.market.factory(0).address();
    router =
        deployer.deploy(bytecode("@uniswap/v2-periphery/build/UniswapV2Router02.json") +
                        AbiArguments().address(factory).address(tokens[coin].address).digits());
    for (const std::size_t token : {coin, dollars}) {
      deployer.send(tokens[token].address,
                    deployer.selector("approve(address,uint256)") +
                        AbiArguments().address(router).word(Integer(1) << 255).digits());
    }
    std::string socket = "ws" + chain.url().substr(4);
    if (change) {
      changed = std::make_unique<ChangedSocket>(chain.url(), change);
      socket = changed->url();
    }
    const auto& space = trading.space;
    space.edit(
        "gantry.toml", "[chain.execution]",
        "[[chain.provider]]\nname = \"socket\"\nurl = \"" + socket + "\"\n[chain.execution]");
    space.edit("gantry.toml", "poll_ms = 20\n",
               "poll_ms = 20\npending = true\nbetween_blocks_ms = 20\n");
    space.edit("dex_config.toml", "factory = \"" + factory,
               "pending_routers = \"" + router + "\"\nfactory = \"" + factory);
    space.edit("strategies.toml", "[strategies.triangular]\nenabled = true\nmin_profit_bps = 5\n",
               "[strategies.backrun]\nenabled = true\nmin_profit_bps = 5\n");
  }

  // Some 40,000 dollars of the coin for dollars, or the other way round, of a pair with 4 million;
  // left waiting. Returns its hash.
  std::string swap(bool sells_coin, const std::string& from = {}) {
    const auto& tokens = trading.market.tokens();
    const auto& in = tokens[sells_coin ? coin : dollars];
    const auto& out = tokens[sells_coin ? dollars : coin];
    const Integer amount = boost::multiprecision::pow(Integer(10), in.decimals) * 40'000 /
                           static_cast<unsigned>(in.usd);
    const std::string account = from.empty() ? trading.deployer.account() : from;
    const std::string data =
        trading.deployer.selector(
            "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)") +
        AbiArguments()
            .word(amount)
            .word(0)
            .addresses({in.address, out.address})
            .address(account)
            .word(Integer(4'000'000'000U))
            .digits();
    return send(account, router, data, "0x2540be400");  // 10 gwei
  }
  std::string send(const std::string& from, const std::string& to, const std::string& data,
                   const std::string& gas_price, const std::string& nonce = {}) {
    json::object transaction{
        {"from", from}, {"to", to}, {"data", data}, {"gas", "0x493e0"}, {"gasPrice", gas_price}};
    if (!nonce.empty()) transaction["nonce"] = nonce;
    return text_of(chain.call("eth_sendTransaction", {transaction}));
  }
  std::string somebody() { return text_of(chain.call("eth_accounts").at(2)); }

  // Swaps until a bundle is behind one, which waits; the others are mined. Empty: never.
  std::string swap_until_followed(Running& running) {
    for (int round = 0; round < 40 && !running.ended(); ++round) {
      const std::size_t known = relays->behind().size();
      const std::string theirs = swap(sells_ = !sells_);
      if (soon([&] { return relays->behind().size() > known; }, milliseconds(1500))) return theirs;
      relays->make_block();
      std::this_thread::sleep_for(milliseconds(100));
    }
    return {};
  }
  // The newest that a relay was given.
  std::string ours() { return relays->behind().back().second; }
  // As which trade the ledger has these bytes of the account's.
  IntentId sent_as(const std::string& bytes) {
    const auto books = trading.books();
    const auto trades = books->last_trades(100);
    REQUIRE(trades);
    for (const auto& trade : *trades) {
      const auto attempts = books->attempts(trade.intent.id);
      REQUIRE(attempts);
      if (host::hex_text(attempts->front().attempt.bytes) == bytes) return trade.intent.id;
    }
    FAIL("no trade has those bytes");
    return 0;
  }
  // Whether a trade comes to that state within some blocks. It may have been sent, and not noted as
  // sent, when its block came: then the next one is looked at.
  bool becomes(IntentId id, State state) {
    const auto is = [&] { return trading.books()->intent(id)->state == state; };
    for (int i = 0; i < 40 && !soon(is, milliseconds(300)); ++i) relays->make_block();
    return is();
  }
  // Hashes in the newest block, in its order.
  json::array block() {
    return chain.call("eth_getBlockByNumber", {"latest", false}).at("transactions").as_array();
  }
  Ended end(Running& running) {
    running.signal(SIGINT);
    while (!running.ended()) trading.mine(1);
    return running.wait();
  }

  Anvil chain{{"--order", "fifo", "--accounts", "3"}};
  TradingScene trading;
  std::optional<TradingRelays> relays;
  std::string router;
  std::unique_ptr<ChangedSocket> changed;

 private:
  bool sells_ = false;
};

std::string hash_of(const std::string& bytes) {
  return host::hex_text(host::keccak_of(host::bytes_of_hex(bytes).value()));
}

// The gain that was planned, as the program told when the trade was sent.
std::string planned_gain(const std::string& log, IntentId id) {
  const std::string begin = "trade " + std::to_string(id) + " of backrun was sent as ";
  const std::size_t at = log.find(begin);
  if (at == std::string::npos) return "not told";
  constexpr std::string_view words = "for a gain of ";
  const std::size_t gain = log.find(words, at) + words.size();
  return log.substr(gain, log.find_first_not_of("0123456789", gain) - gain);
}

}  // namespace

TEST_CASE("a back-run is in the block right behind its swap, and gains what was planned") {
  BackrunScene scene(61);
  const Holdings before = scene.trading.holdings();
  const std::string file = (scene.trading.space / "live.gantry").string();
  Running running = scene.trading.start({"--record", file, "--json", "--no-timings"});
  constexpr std::size_t wanted = 4;
  std::size_t landed = 0;
  for (std::size_t i = 0; i < wanted; ++i) {
    const std::string theirs = scene.swap_until_followed(running);
    REQUIRE_FALSE(theirs.empty());
    const auto [first, second] = scene.relays->behind().back();
    // As it waits at the node, byte for byte.
    CHECK(first == text_of(scene.chain.call("eth_getRawTransactionByHash", {theirs})));
    CHECK(hash_of(first) == theirs);
    scene.relays->make_block();
    const json::array block = scene.block();
    REQUIRE(block.size() == 2);
    CHECK(text_of(block[0]) == theirs);
    CHECK(text_of(block[1]) == hash_of(second));
    const IntentId id = scene.sent_as(second);
    const bool is_included = scene.becomes(id, State::included);
    CHECK(is_included);
    landed += is_included ? 1U : 0U;
  }
  CHECK(landed == wanted);
  const Ended ended = scene.end(running);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  settle(scene.trading);
  check_books(scene.trading, before);
  CHECK(scene.relays->faults().empty());

  const auto trades = scene.trading.books()->last_trades(10'000);
  REQUIRE(trades);
  std::size_t included = 0;
  for (const auto& trade : *trades) {
    CHECK(trade.intent.intent.strategy == "backrun");
    CHECK(trade.intent.intent.kind == host::ledger::Kind::bundle);
    CHECK(trade.intent.intent.last_block == trade.intent.intent.block + 1);
    const auto attempts = scene.trading.books()->attempts(trade.intent.id);
    REQUIRE(attempts);
    REQUIRE(attempts->size() == 1);
    CHECK(attempts->front().attempt.destination.starts_with("bundle behind 0x"));
    if (trade.intent.state != State::included) continue;
    ++included;
    REQUIRE(trade.result);
    REQUIRE(trade.result->realised);
    CHECK(to_string(trade.result->realised->profit) == planned_gain(ended.err, trade.intent.id));
  }
  CHECK(included >= wanted);

  const Ended replay = scene.trading.space.run({"replay", file, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 0);
  CHECK(replay.out == ended.out);
}

TEST_CASE("a back-run whose swap is mined alone, or replaced, expires with its block") {
  BackrunScene scene(63);
  const Holdings before = scene.trading.holdings();
  Running running = scene.trading.start({});
  const bool is_replaced = GENERATE(false, true);
  const std::string theirs = scene.swap_until_followed(running);
  REQUIRE_FALSE(theirs.empty());
  const std::string ours = scene.ours();
  const IntentId id = scene.sent_as(ours);
  const std::uint64_t nonce = scene.trading.nonce();
  if (is_replaced) {
    const json::value waiting = scene.chain.call("eth_getTransactionByHash", {theirs});
    const std::string& account = scene.trading.deployer.account();
    (void)scene.send(account, account, "0x", "0x4a817c800", text_of(waiting.at("nonce")));
  } else {
    scene.relays->include(false);
  }
  scene.relays->make_block();
  const json::array block = scene.block();
  REQUIRE(block.size() == 1);
  CHECK((text_of(block[0]) == theirs) != is_replaced);
  CHECK(scene.becomes(id, State::expired));
  // It was asked for in the one block, and is not asked for again.
  for (int i = 0; i < 5; ++i) {
    scene.relays->make_block();
    std::this_thread::sleep_for(milliseconds(100));
  }
  CHECK(scene.relays->blocks_of(ours).size() == 1);
  CHECK(scene.trading.books()->attempts(id)->size() == 1);  // no cancellation
  CHECK(scene.trading.nonce() == nonce);
  // Its nonce is free, and the next one lands.
  scene.relays->include(true);
  REQUIRE_FALSE(scene.swap_until_followed(running).empty());
  scene.relays->make_block();
  CHECK(scene.trading.nonce() > nonce);
  const Ended ended = scene.end(running);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  settle(scene.trading);
  check_books(scene.trading, before);
  CHECK(scene.relays->faults().empty());
}

TEST_CASE("behind a swap that the chain would undo is nothing") {
  BackrunScene scene(65);
  const Holdings before = scene.trading.holdings();
  Running running = scene.trading.start({});
  REQUIRE_FALSE(scene.swap_until_followed(running).empty());
  scene.relays->make_block();
  // Until then its pools are not traded in.
  const IntentId first = scene.sent_as(scene.ours());
  REQUIRE(scene.becomes(first, State::included));
  std::this_thread::sleep_for(milliseconds(200));
  const std::size_t known = scene.relays->behind().size();
  // Of somebody who has not got the tokens.
  (void)scene.swap(true, scene.somebody());
  const auto refused = [&] {
    const auto trades = scene.trading.books()->last_trades(100);
    return trades && std::ranges::any_of(*trades, [](const host::ledger::Trade& trade) {
             return has(trade.intent.reason, "the transaction that it is behind would fail");
           });
  };
  CHECK(soon(refused));
  CHECK(scene.relays->behind().size() == known);
  scene.trading.mine(2);
  const Ended ended = scene.end(running);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  CHECK(has(ended.err, "not behind: the transaction that it is behind would fail"));
  settle(scene.trading);
  check_books(scene.trading, before);
  CHECK(scene.relays->faults().empty());
}

TEST_CASE("what is simulated behind a transaction that is not its sender's next is nothing") {
  Anvil chain;
  const auto curve = host::sign::Curve::make(host::system_random()).value();
  const auto signer =
      host::sign::make_local_signer(host::sign::SecretBytes(32, 0x46),
                                    host::sign::Curve::make(host::system_random()).value())
          .value();
  const std::string account = host::hex_text(signer->address());
  chain.call("anvil_setBalance", {json::string(account), "0xde0b6b3a7640000"});
  chain.call("evm_mine");
  const auto theirs = [&](std::uint64_t nonce, std::uint64_t value) {
    host::sign::Transaction transaction;
    transaction.chain_id = 31337;
    transaction.nonce = nonce;
    transaction.max_fee = u256(100'000'000'000U);
    transaction.gas_limit = 21'000;
    transaction.to = signer->address();
    transaction.value = u256(value);
    std::vector<std::uint8_t> buffer(host::sign::TransactionEncoder::buffer_size(transaction));
    const auto made = signer->sign(transaction, buffer).value();
    return host::read_signed({made.bytes.begin(), made.bytes.end()}, curve).value();
  };
  host::ChainSettings settings;
  settings.id = "eip155:31337";
  host::RpcProviderSettings one;
  one.name = "anvil";
  one.url = host::TemplatedUrl::parse(chain.url()).value();
  settings.providers.push_back(std::move(one));
  const host::SteadyClock clock;  // which the pool's requests ask until they end
  const auto http = host::make_curl_http_pool().value();
  const host::Environment environment = [](std::string_view) { return std::nullopt; };
  const auto providers =
      host::Providers::make(settings, {*http, clock, environment}, {.watch = false}).value();
  providers->check_now(std::chrono::seconds(20));
  const auto judge = [&](const host::SignedPending& front) {
    const json::value block = chain.call("eth_getBlockByNumber", {"latest", false});
    const auto number_of = [&](const char* name) {
      return std::stoull(text_of(block.at(name)), nullptr, 16);
    };
    // Ours calls an account without code: it succeeds, and says nothing of a gain.
    const host::executor::Bytes run{1, 2, 3, 4};
    host::Rehearsal rehearsal;
    rehearsal.owner = host::sign::to_gantry(signer->address());
    rehearsal.executor = rehearsal.owner;
    rehearsal.run = &run;
    rehearsal.gas = 100'000;
    rehearsal.block = {number_of("number"), text_of(block.at("hash"))};
    const host::InFront in_front{&front, number_of("timestamp") + 1, u256(100'000'000'000U),
                                 u256()};
    return host::simulate_behind(*providers, rehearsal, in_front, std::chrono::seconds(20));
  };
  using host::SimulationVerdict;
  const auto next = judge(theirs(0, 1));
  CHECK(next.verdict == SimulationVerdict::unknown);
  CHECK(next.why == "the executor answered with what is no gain");
  const auto later = judge(theirs(3, 1));
  CHECK(later.verdict == SimulationVerdict::not_behind);
  CHECK(later.why ==
        "the transaction that it is behind has nonce 3, and its sender's next is 0: others have to "
        "come first");
  // More than the account has.
  const auto poor = judge(theirs(0, 2'000'000'000'000'000'000U));
  CHECK(poor.verdict == SimulationVerdict::not_behind);
  CHECK(has(poor.why, "it and what it is behind would not be in a block: "));
  const auto mined = theirs(0, 1);
  chain.call("eth_sendRawTransaction", {json::string(host::hex_text(mined.bytes))});
  chain.call("evm_mine");
  const auto gone = judge(mined);
  CHECK(gone.verdict == SimulationVerdict::not_behind);
  CHECK(has(gone.why, "it is in a block, or another one took its place"));
  providers->stop();
}

TEST_CASE("a transaction that is told of with another's signature is nothing to be behind of") {
  BackrunScene scene(67, "bundle", [](std::string text) {
    // One digit of what signs it, so that it hashes to something else.
    const std::size_t at = text.find("\"r\":\"0x");
    if (at != std::string::npos) text[at + 8] = text[at + 8] == '1' ? '2' : '1';
    return text;
  });
  const Holdings before = scene.trading.holdings();
  Running running = scene.trading.start({"--blocks", "12"});
  for (int i = 0; i < 12 && !running.ended(); ++i) {
    (void)scene.swap(i % 2 == 0);
    std::this_thread::sleep_for(milliseconds(600));
    scene.relays->make_block();
  }
  while (!running.ended()) scene.trading.mine(1);
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  CHECK(has(ended.err, "is told of with fields that do not hash to its hash"));
  CHECK(scene.relays->behind().empty());
  CHECK(scene.relays->taken(0) == 0);
  CHECK(scene.trading.nonce() == 0);
  CHECK(scene.trading.holdings().tokens == before.tokens);
}

namespace {

// A node of before eth_simulateV1.
class OldNode final : public RpcNode {
 public:
  explicit OldNode(const Anvil& chain) : node_(chain) {}
  json::array answer(const json::array& calls, const Manner& manner) override {
    json::array answers = node_.answer(calls, manner);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (calls[i].at("method") != "eth_simulateV1") continue;
      answers[i] = json::object{{"jsonrpc", "2.0"},
                                {"id", calls[i].at("id")},
                                {"error", {{"code", -32601}, {"message", "no such method"}}}};
    }
    return answers;
  }

 private:
  AnvilNode node_;
};

}  // namespace

TEST_CASE(
    "without eth_simulateV1, or without bundles, nothing leaves behind a swap, and it is said") {
  const bool has_relays = GENERATE(true, false);
  BackrunScene scene(69, has_relays ? "bundle" : "transaction");
  OldNode node(scene.chain);
  RpcServer server(node, node);
  const std::string lacks = "refuses eth_simulateV1: 'no such method' (-32601): no trade behind";
  const auto doctor = [&] { return scene.trading.space.run({"doctor", "--online", "--json"}).out; };
  CHECK_FALSE(has(doctor(), "eth_simulateV1"));
  scene.trading.ask(server.url());
  CAPTURE(doctor());
  CHECK(has(doctor(), lacks) == has_relays);
  Running running = scene.trading.start({"--blocks", "12", "--json"});
  for (int i = 0; i < 12 && !running.ended(); ++i) {
    (void)scene.swap(i % 2 == 0);
    std::this_thread::sleep_for(milliseconds(600));
    scene.trading.mine(1);
  }
  while (!running.ended()) scene.trading.mine(1);
  const Ended ended = running.wait();
  INFO(ended.err << ended.out);
  REQUIRE(ended.code == 0);
  CHECK(scene.trading.nonce() == 0);
  if (has_relays) {
    CHECK(scene.relays->heard(0) == 0);
    CHECK(has(ended.err, "eth_simulateV1, which a trade behind a pending transaction needs"));
  } else {
    CHECK(has(ended.err, "what is found behind pending transactions is not sent"));
    CHECK(has(ended.out, "backrun_not_sent"));
  }
}

TEST_CASE("a back-run of a host that was killed is not sent again by the next one") {
  BackrunScene scene(71);
  const Holdings before = scene.trading.holdings();
  scene.relays->include(false);
  Running first = scene.trading.start({});
  REQUIRE_FALSE(scene.swap_until_followed(first).empty());
  const IntentId id = scene.sent_as(scene.ours());
  const auto trade = scene.trading.books()->intent(id);
  REQUIRE(trade);
  CHECK(soon([&] { return scene.trading.books()->intent(id)->state == State::submitted; }));
  first.signal(SIGKILL);
  (void)first.wait();
  const std::size_t taken = scene.relays->taken(0);
  // Its block is still to come.
  REQUIRE(scene.trading.deployer.block_number() < trade->intent.last_block);
  Running second = scene.trading.start({});
  std::this_thread::sleep_for(milliseconds(3000));
  CHECK(scene.relays->taken(0) == taken);
  scene.relays->make_block();
  CHECK(scene.becomes(id, State::expired));
  CHECK(scene.relays->taken(0) == taken);
  const Ended ended = scene.end(second);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  settle(scene.trading);
  check_books(scene.trading, before);
}

}  // namespace gantry::test

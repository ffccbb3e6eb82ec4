// Trades whose gas somebody else pays, end to end: the paymaster's plugin asks a real paymaster's
// server, alto bundles, the EntryPoint's own contracts carry it out. Each takes effect once.
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "evm/sponsored_trader.hpp"
#include "evm/verifying_paymaster.hpp"
#include "host/ledger/verify.hpp"

using namespace gantry;
using namespace gantry::test;
using host::BundlerFault;
using host::SendVerdict;
using host::SponsorVerdict;

namespace {

const Integer one = Integer("1000000000000000000");
constexpr std::chrono::milliseconds ample{20'000};

void say(const std::string& line) { std::printf("%s\n", line.c_str()); }

std::string told(const host::SendReport& report) {
  std::string out = std::string(to_string(report.verdict)) + ": " + report.message;
  for (const auto& each : report.attempts) {
    out += "\n  " + each.paymaster + ": " + std::string(to_string(each.verdict)) + " (" +
           std::to_string(each.code) + ") " + each.message;
  }
  for (const auto& each : report.refused) out += "\n  " + each;
  return out;
}

void check_trail(SponsoredTrader& trader) {
  const auto found = hl::verify(trader.ledger_file());
  REQUIRE(found.has_value());
  for (const auto& each : found->findings) FAIL_CHECK("row " << each.row << " " << each.what);
  CHECK(found->rows > 0);
  CHECK(found->proven == found->rows);
}

// What an account has before a trade, and has to have after it.
class Effects {
 public:
  explicit Effects(SponsoredTrader& trader)
      : trader_(trader),
        tokens_(trader.market().balance(trader.account())),
        coins_(trader.market().executor().coins(trader.account())),
        nonce_(trader.next_nonce()) {}

  // Just one operation, that made this profit; the gas was not the account's.
  void check_once(const Integer& profit) {
    CHECK(profit > 0);
    CHECK(trader_.market().balance(trader_.account()) == tokens_ + profit);
    CHECK(trader_.market().executor().coins(trader_.account()) == coins_);
    CHECK(trader_.next_nonce() == nonce_ + 1);
    CHECK(trader_.market().executor().is_at_rest());
  }
  // It was carried out, to no effect.
  void check_nothing_done() {
    CHECK(trader_.market().balance(trader_.account()) == tokens_);
    CHECK(trader_.market().executor().coins(trader_.account()) == coins_);
    CHECK(trader_.next_nonce() == nonce_ + 1);
    CHECK(trader_.market().executor().is_at_rest());
  }
  void check_none() {
    CHECK(trader_.market().balance(trader_.account()) == tokens_);
    CHECK(trader_.market().executor().coins(trader_.account()) == coins_);
    CHECK(trader_.next_nonce() == nonce_);
  }

 private:
  SponsoredTrader& trader_;
  Integer tokens_;
  Integer coins_;
  std::uint64_t nonce_;
};

// A bundler that is killed when it has taken an operation, and before it says so. What it is asked
// else it is asked itself.
class DyingBundler {
 public:
  // `when`: called when alto has answered, before it is killed.
  DyingBundler(AltoNode& alto, std::function<void()> when)
      : alto_(alto), when_(std::move(when)), server_([this](const HttpCall& call) {
          const std::lock_guard lock(mutex_);
          HttpReply reply;
          reply.hang_up = dead_;
          if (dead_) return reply;
          reply.body = post_json(alto_.url(), call.body);
          if (call.body.find("eth_sendUserOperation") == std::string::npos) return reply;
          said_ = reply.body;
          when_();
          alto_.server().end();
          dead_ = reply.hang_up = true;
          return reply;
        }) {}

  std::string url() const { return server_.url(); }
  // What it would have answered.
  std::string said() {
    const std::lock_guard lock(mutex_);
    return said_;
  }

 private:
  AltoNode& alto_;
  std::function<void()> when_;
  std::mutex mutex_;  // guards what follows
  bool dead_ = false;
  std::string said_;
  HttpServer server_;
};

// Of an account at EntryPoint 0.7, asked by a connection of its own.
std::uint64_t nonce_on_chain(const std::string& node, const std::string& account) {
  namespace json = boost::json;
  const std::string get_nonce = "0x35567e1a";  // getNonce(address,uint192)
  const json::object call = {{"to", entry_point_text(EntryPointVersion::v0_7)},
                             {"data", get_nonce + address_word(account) + word(0)}};
  const json::object request = {
      {"jsonrpc", "2.0"}, {"id", 1}, {"method", "eth_call"}, {"params", {call, "latest"}}};
  const json::value reply = json::parse(post_json(node, json::serialize(request)));
  return to_integer(text_of(reply.at("result"))).convert_to<std::uint64_t>();
}

// Where a process listens: the addresses of its sockets in /proc, as "0100007F:1F90".
std::vector<std::string> listens_on(pid_t pid) {
  namespace fs = std::filesystem;
  const fs::path process = "/proc/" + std::to_string(pid);
  std::set<std::string> sockets;
  for (const auto& entry : fs::directory_iterator(process / "fd")) {
    std::error_code gone;
    const std::string target = fs::read_symlink(entry.path(), gone).string();
    if (target.starts_with("socket:[")) sockets.insert(target.substr(8, target.size() - 9));
  }
  std::vector<std::string> out;
  for (const char* table : {"net/tcp", "net/tcp6"}) {
    std::ifstream file(process / table);
    std::string line;
    std::getline(file, line);  // the heads
    while (std::getline(file, line)) {
      std::istringstream words(line);
      std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
      words >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
          timeout >> inode;
      if (state == "0A" && sockets.contains(inode)) out.push_back(local);
    }
  }
  return out;
}

}  // namespace

TEST_CASE("a trade that a paymaster pays for takes effect once, through each EntryPoint") {
  EntryPointChain chain;
  const AltoNode alto(chain);
  const PaymasterServer paymaster(chain, alto);
  for (const EntryPointVersion version : all_entry_points) {
    for (const std::string method : {"pm_sponsorUserOperation", "erc7677"}) {
      INFO("EntryPoint " << to_string(version) << ", " << method);
      SponsoredTrader trader(chain, version, {{"server", paymaster.url(), method}}, alto.url());
      // The first makes the account, too; of the second EntryPoint's method it is there.
      for (const Integer& amount : {one, Integer(2 * one)}) {
        Effects effects(trader);
        const bool estimated = method == "erc7677";
        auto trade = trader.trade(amount, ample, estimated ? CallLimit::none : CallLimit::given);
        INFO(told(trade.report));
        REQUIRE(trade.report.verdict == SendVerdict::sent);
        REQUIRE(trade.report.left.size() == 1);
        const auto receipt = trader.receipt(trade, trade.report.left[0].hash);
        const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - trade.sent);
        CHECK(receipt.success);
        effects.check_once(trade.planned.profit);
        CHECK(receipt.gas_used > 0);
        CHECK(trade.report.left[0].cost_max > u256(receipt.gas_used));
        say("EntryPoint " + std::string(to_string(version)) + ", " + method + ": " +
            std::to_string(took.count()) + " ms to the receipt, gas " +
            std::to_string(receipt.gas_used));
        const auto seen = trader.restart();
        REQUIRE(seen.intents.size() == 1);
        CHECK(seen.intents[0].verdict == hl::Verdict::included);
        const auto result = trader.ledger().result_of(*trade.intent).value();
        REQUIRE(result.has_value());
        CHECK(result->receipt == receipt);
      }
      check_trail(trader);
    }
  }
}

TEST_CASE("a paymaster that fails on the chain is replaced by another, and the trade done once") {
  EntryPointChain chain;
  const AltoNode alto(chain);
  const PaymasterServer paymaster(chain, alto);
  for (const EntryPointVersion version : {EntryPointVersion::v0_6, EntryPointVersion::v0_7}) {
    INFO("EntryPoint " << to_string(version));
    VerifyingPaymaster own(chain, version);
    SponsoredTrader trader(chain, version,
                           {{"own", own.url(), "erc7677"}, {"server", paymaster.url(), "erc7677"}},
                           alto.url());
    // It pays, where nothing is wrong with it.
    {
      const Integer deposit = own.deposit();
      Effects effects(trader);
      const auto trade = trader.trade(one, ample);
      INFO(told(trade.report));
      REQUIRE(trade.report.verdict == SendVerdict::sent);
      CHECK(trade.report.left.at(0).paymaster == "own");
      CHECK(trader.receipt(trade, trade.report.left[0].hash).success);
      effects.check_once(trade.planned.profit);
      CHECK(own.deposit() < deposit);
    }
    for (const ServiceFault fault : service_faults) {
      INFO(name_of(fault));
      // A silence is as long as that of any version.
      if (fault == ServiceFault::times_out && version != EntryPointVersion::v0_7) continue;
      own.fail(fault);
      trader.use_bundler(alto.url());  // and a desk that has nothing against it yet
      const Integer deposit = own.deposit();
      Effects effects(trader);
      const auto trade = trader.trade(one, ample);
      INFO(told(trade.report));
      REQUIRE(trade.report.verdict == SendVerdict::sent);
      // What it signed left, and was refused by the bundler; nothing else did.
      const bool signs = fault != ServiceFault::refuses && fault != ServiceFault::times_out;
      REQUIRE(trade.report.left.size() == (signs ? 2 : 1));
      CHECK(trade.report.refused.size() == (signs ? 1 : 0));
      CHECK(trade.report.attempts.at(0).paymaster == "own");
      CHECK(trade.report.attempts.at(0).verdict == (signs ? SponsorVerdict::granted
                                                    : fault == ServiceFault::times_out
                                                        ? SponsorVerdict::no_answer
                                                        : SponsorVerdict::refused));
      const host::SignedOperation& last = trade.report.left.back();
      CHECK(last.paymaster == "server");
      CHECK(trader.receipt(trade, last.hash).success);
      effects.check_once(trade.planned.profit);
      if (signs) CHECK_FALSE(trader.look_for(trade, trade.report.left[0].hash).has_value());
      if (fault != ServiceFault::dry) CHECK(own.deposit() == deposit);
      // All that left is in the ledger, of one nonce; the chain has the last of it.
      const auto attempts = trader.ledger().attempts(*trade.intent).value();
      REQUIRE(attempts.size() == trade.report.left.size());
      for (std::size_t i = 0; i < attempts.size(); ++i) {
        CHECK(attempts[i].attempt.hash == trade.report.left[i].hash);
        CHECK(attempts[i].attempt.payer == trade.report.left[i].paymaster);
      }
      const auto seen = trader.restart();
      REQUIRE_FALSE(seen.intents.empty());
      CHECK(seen.intents.back().verdict == hl::Verdict::included);
      CHECK(trader.ledger().result_of(*trade.intent).value()->id == attempts.back().id);
      if (fault == ServiceFault::dry) own.refill();
    }
    check_trail(trader);
  }
}

TEST_CASE("at EntryPoint 0.8 another pays where one refuses, is silent, or signs what is refused") {
  EntryPointChain chain;
  const AltoNode alto(chain);
  const PaymasterServer paymaster(chain, alto);
  // The server, whose signatures are spoilt.
  HttpServer forger([&](const HttpCall& call) {
    HttpReply reply;
    reply.body = post_json(paymaster.url(), call.body);
    if (call.body.find("\"pm_getPaymasterData\"") == std::string::npos) return reply;
    constexpr std::string_view field = "\"paymasterData\":\"0x";
    const std::size_t begin = reply.body.find(field);
    if (begin == std::string::npos) return reply;
    // Within s, before the signature's last byte.
    char& digit = reply.body[reply.body.find('"', begin + field.size()) - 10];
    digit = digit == '0' ? '1' : '0';
    return reply;
  });
  std::atomic<bool> silent = false;
  HttpServer refusing([&](const HttpCall&) {
    HttpReply reply{200, R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}})"};
    reply.hang = silent;
    return reply;
  });
  struct Case {
    const char* name;
    std::string url;
    bool signs;
    bool silent;
  };
  const std::array cases{Case{"refuses", refusing.url(), false, false},
                         Case{"signs what is refused", forger.url(), true, false},
                         Case{"is silent", refusing.url(), false, true}};
  for (const Case& each : cases) {
    INFO(each.name);
    silent = each.silent;
    SponsoredTrader trader(chain, EntryPointVersion::v0_8,
                           {{"own", each.url, "erc7677"}, {"server", paymaster.url(), "erc7677"}},
                           alto.url());
    Effects effects(trader);
    const auto trade = trader.trade(one, ample);
    INFO(told(trade.report));
    REQUIRE(trade.report.verdict == SendVerdict::sent);
    REQUIRE(trade.report.left.size() == (each.signs ? 2 : 1));
    CHECK(trade.report.refused.size() == (each.signs ? 1 : 0));
    CHECK(trade.report.attempts.at(0).paymaster == "own");
    CHECK(trade.report.attempts.at(0).verdict == (each.signs    ? SponsorVerdict::granted
                                                  : each.silent ? SponsorVerdict::no_answer
                                                                : SponsorVerdict::refused));
    const host::SignedOperation& last = trade.report.left.back();
    CHECK(last.paymaster == "server");
    CHECK(trader.receipt(trade, last.hash).success);
    effects.check_once(trade.planned.profit);
    if (each.signs) CHECK_FALSE(trader.look_for(trade, trade.report.left[0].hash).has_value());
    check_trail(trader);
  }
}

TEST_CASE("a trade whose profit is gone does nothing, at the cost of whoever pays the gas") {
  EntryPointChain chain;
  const AltoNode keeps(chain, AltoNode::Bundles::never);
  const AltoNode sends(chain);
  const PaymasterServer paymaster(chain, sends);
  for (const EntryPointVersion version : all_entry_points) {
    INFO("EntryPoint " << to_string(version));
    SponsoredTrader trader(chain, version, {{"server", paymaster.url(), "erc7677"}}, keeps.url());
    // Gone before a block has it: the executor refuses to end with less.
    {
      Effects effects(trader);
      const auto trade = trader.trade(one, ample);
      INFO(told(trade.report));
      REQUIRE(trade.report.verdict == SendVerdict::sent);
      trader.market().take_profit();
      trader.use_bundler(sends.url());
      REQUIRE(trader.send_again({*trade.intent, 1}).has_value());
      const auto receipt = trader.receipt(trade, trade.report.left[0].hash);
      CHECK_FALSE(receipt.success);
      CHECK(receipt.gas_used > 0);
      effects.check_nothing_done();
      const auto seen = trader.restart();
      REQUIRE(seen.intents.size() == 1);
      CHECK(seen.intents[0].verdict == hl::Verdict::reverted);
    }
    // Gone before it is estimated: nothing leaves, whichever way the paymaster is asked.
    for (const std::string method : {"pm_sponsorUserOperation", "erc7677"}) {
      INFO(method);
      SponsoredTrader late(chain, version, {{"server", paymaster.url(), method}}, sends.url());
      Effects effects(late);
      late.market().take_profit_after_planning();
      const auto trade = late.trade(one, ample);
      INFO(told(trade.report));
      CHECK(trade.report.verdict == SendVerdict::our_fault);
      CHECK(trade.report.left.empty());
      CHECK_FALSE(trade.intent.has_value());
      CHECK(late.ledger().open_intents().value().empty());
      effects.check_none();
    }
    check_trail(trader);
  }
}

TEST_CASE("the same bytes twice are known to the bundler, and take effect once") {
  EntryPointChain chain;
  AltoNode keeps(chain, AltoNode::Bundles::never);
  const AltoNode sends(chain);
  const PaymasterServer paymaster(chain, keeps);
  for (const EntryPointVersion version : all_entry_points) {
    INFO("EntryPoint " << to_string(version));
    SponsoredTrader trader(chain, version, {{"server", paymaster.url(), "erc7677"}}, keeps.url());
    Effects effects(trader);
    const auto trade = trader.trade(one, ample);
    INFO(told(trade.report));
    REQUIRE(trade.report.verdict == SendVerdict::sent);
    const hl::AttemptId id{*trade.intent, 1};
    const auto twice = trader.send_again(id);
    REQUIRE_FALSE(twice.has_value());
    INFO(twice.error().message);
    CHECK(twice.error().fault == BundlerFault::known);
    effects.check_none();
    // Another bundler takes them and is the first to send them; then nobody does any more.
    trader.use_bundler(sends.url());
    const auto elsewhere = trader.send_again(id);
    INFO((elsewhere ? std::string() : elsewhere.error().message));
    CHECK(elsewhere.has_value());
    CHECK(trader.receipt(trade, trade.report.left[0].hash).success);
    effects.check_once(trade.planned.profit);
    const auto late = trader.send_again(id);
    REQUIRE_FALSE(late.has_value());
    INFO(late.error().message);
    CHECK(late.error().fault == BundlerFault::operation);
    effects.check_once(trade.planned.profit);
    const auto seen = trader.restart();
    REQUIRE(seen.intents.size() == 1);
    CHECK(seen.intents[0].verdict == hl::Verdict::included);
    check_trail(trader);
  }
}

TEST_CASE("a bundler that dies before it says what it took: the hash decides what is done") {
  EntryPointChain chain;
  AltoNode first(chain, AltoNode::Bundles::never);
  const PaymasterServer paymaster(chain, first);
  SponsoredTrader trader(chain, EntryPointVersion::v0_7, {{"server", paymaster.url(), "erc7677"}},
                         first.url());

  // It had not sent it: the bytes of the ledger go to another, and are done once.
  {
    DyingBundler dying(first, [] {});
    trader.use_bundler(dying.url());
    Effects effects(trader);
    const auto trade = trader.trade(one, ample);
    INFO(told(trade.report));
    REQUIRE(trade.report.verdict == SendVerdict::maybe);
    REQUIRE(trade.report.left.size() == 1);
    const host::Hash32& hash = trade.report.left[0].hash;
    CHECK(dying.said().find(to_hex(hash)) != std::string::npos);
    CHECK_FALSE(trader.look_for(trade, hash).has_value());
    effects.check_none();
    auto seen = trader.restart();
    REQUIRE(seen.intents.size() == 1);
    REQUIRE(seen.intents[0].verdict == hl::Verdict::send_again);
    REQUIRE(seen.intents[0].send_again.size() == 1);
    const AltoNode second(chain);
    trader.use_bundler(second.url());
    const auto sent = trader.send_again(seen.intents[0].send_again[0]);
    INFO((sent ? std::string() : sent.error().message));
    REQUIRE(sent.has_value());
    CHECK(trader.receipt(trade, hash).success);
    effects.check_once(trade.planned.profit);
    seen = trader.restart();
    REQUIRE(seen.intents.size() == 1);
    CHECK(seen.intents[0].verdict == hl::Verdict::included);
  }

  // It had: there is nothing left to do.
  {
    AltoNode third(chain);
    Effects effects(trader);
    const std::uint64_t nonce = trader.next_nonce();
    const std::string node = chain.anvil().url();
    DyingBundler dying(third, [&] {
      // Asked without the trader, which waits for the answer.
      const auto end = std::chrono::steady_clock::now() + ample;
      while (nonce_on_chain(node, trader.account()) == nonce &&
             std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
      }
    });
    trader.use_bundler(dying.url());
    const auto trade = trader.trade(one, ample);
    INFO(told(trade.report));
    REQUIRE(trade.report.verdict == SendVerdict::maybe);
    const auto found = trader.look_for(trade, trade.report.left.at(0).hash);
    REQUIRE(found.has_value());
    CHECK(found->success);
    effects.check_once(trade.planned.profit);
    const auto seen = trader.restart();
    REQUIRE(seen.intents.size() == 1);
    CHECK(seen.intents[0].verdict == hl::Verdict::included);
    CHECK(trader.ledger().result_of(*trade.intent).value()->receipt == *found);
  }
  check_trail(trader);
}

TEST_CASE("the chain, the bundler and the paymaster's server listen on loopback alone") {
  EntryPointChain chain;
  AltoNode alto(chain);
  PaymasterServer paymaster(chain, alto);
  for (const auto& [pid, url] : {std::pair{chain.anvil().pid(), chain.anvil().url()},
                                 std::pair{alto.server().pid(), alto.server().url()},
                                 std::pair{paymaster.server().pid(), paymaster.url()}}) {
    INFO(url);
    char port[8];
    std::snprintf(port, sizeof port, "%04X",
                  static_cast<unsigned>(std::stoul(url.substr(url.rfind(':') + 1))));
    CHECK(listens_on(pid) == std::vector<std::string>{"0100007F:" + std::string(port)});
  }
}

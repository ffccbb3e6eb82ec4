// Trades whose gas somebody else pays, end to end: the paymaster's plugin asks a real paymaster's
// server, alto bundles, the EntryPoint's own contracts carry it out. Each takes effect once.
#include <catch2/catch.hpp>
#include <cstdio>

#include "evm/sponsored_trader.hpp"
#include "host/ledger/verify.hpp"

using namespace gantry;
using namespace gantry::test;
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

// The probe against real tokens on a real node: a plain one, and one for each way of being odd.
#include <array>
#include <catch2/catch.hpp>

#include "evm/odd_market.hpp"

using namespace gantry;
using namespace gantry::test;
using host::TokenConduct;

TEST_CASE("a token that does not arrive as it is sent is found, and said how") {
  OddMarket market;
  struct Case {
    Oddity oddity;
    TokenConduct conduct;
    std::string reason;
  };
  for (const auto& [oddity, conduct, reason] : std::array<Case, 8>{{
           {Oddity::none, TokenConduct::plain, ""},
           {Oddity::answers_nothing, TokenConduct::plain, ""},
           {Oddity::taxes_all, TokenConduct::taxed, "of 5000000000 sent 4950000000 arrive"},
           {Oddity::taxes_sales, TokenConduct::taxed,
            "of 2500000000 sent 2475000000 arrive when it is sold"},
           {Oddity::charges_sender, TokenConduct::taxed,
            "the sender loses more or less than what is sent"},
           {Oddity::loses_one, TokenConduct::taxed, "of 5000000000 sent 4999999999 arrive"},
           {Oddity::forbids_sales, TokenConduct::refuses, "can be bought and not be sold"},
           {Oddity::answers_false, TokenConduct::refuses, "cannot be taken out of the pool"},
       }}) {
    const auto verdict = market.verdict(market.make(oddity));
    INFO(static_cast<int>(oddity) << ": " << verdict.reason);
    CHECK(verdict.conduct == conduct);
    CHECK(verdict.reason == reason);
  }
}

TEST_CASE("asking about a token changes nothing on the chain") {
  OddMarket market;
  const std::string token = market.make(Oddity::none);
  const std::string code = market.deployer().code_of(market.pool());
  const std::uint64_t block = market.deployer().block_number();
  REQUIRE(market.verdict(token).conduct == TokenConduct::plain);
  CHECK(market.deployer().code_of(market.pool()) == code);
  CHECK(market.deployer().block_number() == block);
  const std::string held = market.deployer().read(
      token, market.deployer().selector("balanceOf(address)") + address_word(market.pool()));
  CHECK(to_integer(held) == pool_is_sent);
}

TEST_CASE("what is no answer of the probe is unknown, never plain") {
  OddMarket market;
  const std::string token = market.make(Oddity::none);
  const auto probe = market.probe_of(token);
  const auto whole = market.ask(probe);
  REQUIRE(whole);
  const std::string text(whole->as_string());
  for (const std::string& wrong :
       {std::string("0x"), text.substr(0, text.size() - 2), text + "00", "1x" + text.substr(2),
        std::string(text).replace(text.size() - 1, 1, "g")}) {
    CHECK(host::read_probe(probe, boost::json::value(wrong)).conduct == TokenConduct::unknown);
  }
  for (const boost::json::value& wrong :
       {boost::json::value(), boost::json::value(1), boost::json::value(boost::json::object())}) {
    CHECK(host::read_probe(probe, wrong).conduct == TokenConduct::unknown);
  }
  // A node that takes no overrides runs the pool's own code.
  host::RpcCall call = host::probe_call(probe);
  const auto refused =
      host::read_probe(probe, std::unexpected(host::RpcFailure{-32602, "too many arguments", {}}));
  CHECK(refused.conduct == TokenConduct::unknown);
  CHECK(refused.reason.find("too many arguments") != std::string::npos);
}

TEST_CASE("an address without a token, and a pool without one, are not plain") {
  OddMarket market;
  const auto nobody = market.verdict("0x00000000000000000000000000000000000000aa");
  CHECK(nobody.conduct != TokenConduct::plain);
  const std::string token = market.make(Oddity::none);
  auto probe = market.probe_of(token);
  probe.holder = to_address("0x00000000000000000000000000000000000000bb");
  CHECK(host::read_probe(probe, market.ask(probe)).conduct == TokenConduct::unknown);
  CHECK(host::probe_amount(u256(1999)) == u256(0));
  CHECK(host::probe_amount(u256(2000)) == u256(2));
}

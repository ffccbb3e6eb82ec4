// `gantry quote` as its users run it, on real Uniswap pools: every field against what the contracts
// themselves say at that block.
#include "evm/quote_program.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <sstream>

#include "evm/live_scene.hpp"
#include "evm/op_stack_chain.hpp"
#include "evm/uniswap_v3_contract.hpp"
#include "host/rank/ranking.hpp"

namespace gantry::test {
namespace {

using host::tests::Ended;
using host::tests::has;
using host::tests::Workspace;

// A V3 pool with liquidity in three ranges, and the program beside it.
class V3Scene {
 public:
  static constexpr unsigned fee = 3000;

  V3Scene() : contracts(anvil), pool(contracts.create_pool(fee, 60, Integer(1) << 96)) {
    contracts.mint(pool, -6000, 6000, 1000 * wad);
    contracts.mint(pool, -600, 600, 5000 * wad);
    contracts.mint(pool, -120, 180, 9000 * wad);
    contracts.quoter();
    write_configuration(space, {anvil.url(),
                                contracts.token(0),
                                contracts.token(1),
                                fmt::format("[[dex]]\nname = \"uniswap_v3\"\n"
                                            "min_liquidity_usd = 0\nfactory = \"{}\"\n",
                                            contracts.factory()),
                                {}});
  }
  // amount, price after, ticks crossed, gas: QuoterV2 at the newest block.
  std::string quoter(const Asked& asked) {
    Deployer& deployer = contracts.deployer();
    const bool first_in = asked.token_in == contracts.token(0);
    const std::string name = asked.exact_in ? "quoteExactInputSingle" : "quoteExactOutputSingle";
    return deployer.read(contracts.quoter(),
                         deployer.selector(name + "((address,address,uint256,uint24,uint160))") +
                             address_word(contracts.token(first_in ? 0 : 1)) +
                             address_word(contracts.token(first_in ? 1 : 0)) +
                             word(Integer(asked.amount)) + word(fee) + word(0));
  }
  Integer sqrt_price() {
    Deployer& deployer = contracts.deployer();
    return word_at(deployer.read(pool, deployer.selector("slot0()")), 0);
  }

  Anvil anvil;
  V3Chain contracts;
  std::string pool;
  Workspace space;
};

// The pair of the V2 tests, traded.
class V2Scene {
 public:
  V2Scene() {
    std::mt19937_64 random(31);
    for (int i = 0; i < 6; ++i) {
      pair.send_random(random);
      anvil.call("evm_mine");
    }
    pair.reread();
    write_configuration(space, {anvil.url(),
                                pair.contract().token(0),
                                pair.contract().token(1),
                                "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\n",
                                {}});
  }
  // Whether swap() itself takes `in` for `out`, in the newest block.
  bool pays(int token_in, const Integer& in, const Integer& out) {
    SwapProbe probe;
    for (int i = 0; i < 2; ++i) {
      probe.reserve[i] = probe.balance[i] = pair.reserve(i);
      probe.amount_out[i] = 0;
    }
    probe.balance[token_in] += in;
    probe.amount_out[1 - token_in] = out;
    return pair.contract().swap_would({probe}).front().accepted;
  }

  Anvil anvil;
  TradedPair pair{anvil};
  Workspace space;
};

}  // namespace

TEST_CASE("a quote of a V2 pair is the most that swap() pays, and the least that it takes") {
  V2Scene scene;
  for (int in = 0; in < 2; ++in) {
    const std::string& token = scene.pair.contract().token(in);
    for (const unsigned part : {3U, 1000U, 1'000'000U}) {
      Asked asked{scene.pair.contract().address(), token,
                  amount_text(scene.pair.reserve(in) / part)};
      CAPTURE(in, part);
      const json::object sold = quoted(scene.space, asked);
      const Integer given = units(sold, "in");
      const Integer out = units(sold, "out");
      CHECK(given == Integer(asked.amount));
      CHECK(scene.pays(in, given, out));
      CHECK_FALSE(scene.pays(in, given, out + 1));
      CHECK(units(sold, "fee") == (given * 3 + 999) / 1000);
      CHECK(text_of(sold.at("fee").at("address")) == token);
      // The fee left out, the price falls by what goes in over what is there then.
      const double kept = (given * 997 / 1000).convert_to<double>();
      CHECK(sold.at("price_impact").to_number<double>() ==
            Approx(kept / (scene.pair.reserve(in).convert_to<double>() + kept)).epsilon(1e-6));
      check_context(scene.anvil, sold);

      asked.exact_in = false;
      asked.amount = amount_text(scene.pair.reserve(1 - in) / part);
      const json::object bought = quoted(scene.space, asked);
      CHECK(units(bought, "out") == Integer(asked.amount));
      CHECK(scene.pays(in, units(bought, "in"), units(bought, "out")));
      CHECK_FALSE(scene.pays(in, units(bought, "in") - 1, units(bought, "out")));
      check_context(scene.anvil, bought);
    }
  }
}

TEST_CASE("a quote of a V3 pool is QuoterV2's at that block, to the last unit") {
  V3Scene scene;
  const double sqrt_before = scene.sqrt_price().convert_to<double>();
  int crossed = 0;
  int within = 0;
  for (int in = 0; in < 2; ++in) {
    for (const bool exact_in : {true, false}) {
      for (const Integer& amount : std::vector<Integer>{10'000, 7 * wad / 3, 40 * wad, 300 * wad}) {
        const Asked asked{scene.pool, scene.contracts.token(in), amount_text(amount), exact_in};
        CAPTURE(in, exact_in, asked.amount);
        const json::object quote = quoted(scene.space, asked);
        const std::string answer = scene.quoter(asked);
        CHECK(units(quote, exact_in ? "in" : "out") == amount);
        CHECK(units(quote, exact_in ? "out" : "in") == word_at(answer, 0));
        check_context(scene.anvil, quote);
        const double gas = word_at(answer, 3).convert_to<double>();
        CHECK(quote.at("gas").to_number<double>() > gas / 3);
        CHECK(quote.at("gas").to_number<double>() < gas * 3);
        CHECK(text_of(quote.at("fee").at("address")) == asked.token_in);
        const Integer fee = units(quote, "fee");
        const Integer share = (units(quote, "in") * V3Scene::fee + 999'999) / 1'000'000;
        CHECK(fee >= share);
        CHECK(fee <= share + 2 + word_at(answer, 2));
        if (word_at(answer, 2) != 0) {
          ++crossed;
          continue;
        }
        ++within;
        const double sqrt_after = word_at(answer, 1).convert_to<double>();
        const double ratio = in == 0 ? sqrt_after / sqrt_before : sqrt_before / sqrt_after;
        if (amount > wad) {
          CHECK(quote.at("price_impact").to_number<double>() == Approx(1 - ratio).epsilon(1e-4));
        }
      }
    }
  }
  CHECK(crossed >= 4);
  CHECK(within >= 4);
}

TEST_CASE("a quote after trades is of the newest block, and of an older one when it is asked") {
  V3Scene scene;
  Asked asked{scene.pool, scene.contracts.token(0), amount_text(3 * wad)};
  const json::object before = quoted(scene.space, asked);
  const Integer old_answer = word_at(scene.quoter(asked), 0);
  scene.contracts.swap(scene.pool, {true, true, 80 * wad});
  const json::object after = quoted(scene.space, asked);
  CHECK(units(after, "out") == word_at(scene.quoter(asked), 0));
  CHECK(units(after, "out") < units(before, "out"));
  auto words = words_of(asked);
  words.emplace_back("--block");
  words.push_back(std::to_string(before.at("block").to_number<std::uint64_t>()));
  const Ended ended = scene.space.run(words);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const json::object again = json::parse(ended.out).as_object();
  CHECK(units(again, "out") == old_answer);
  CHECK(again.at("time_s") == before.at("time_s"));
}

TEST_CASE("a quote tells what the chain charges besides gas, where it charges it") {
  V3Scene scene;
  const Asked asked{scene.pool, scene.contracts.token(0), amount_text(3 * wad)};
  CHECK_FALSE(quoted(scene.space, asked).contains("data_fee_native"));

  OpStackChain op(scene.anvil);
  OpFees fees;
  op.set(OpUpgrade::jovian, fees);
  scene.space.edit("gantry.toml", "block_time_s = 1", "block_time_s = 1\ndata_fee = \"op_stack\"");
  const json::object quote = quoted(scene.space, asked);
  const Integer cheap = wei_of(quote.at("data_fee_native"));
  CHECK(cheap > 0);
  const Ended text = scene.space.run(
      {"quote", "--pool", asked.pool, "--in", asked.token_in, "--amount", asked.amount});
  INFO(text.err);
  CHECK(has(text.out, "data fee"));
  CHECK(has(text.out, json::value_to<std::string>(quote.at("data_fee_native"))));
  // The operator's constant is for each transaction.
  fees.operator_constant += 1'000'000'000;
  op.set(OpUpgrade::jovian, fees);
  CHECK(wei_of(quoted(scene.space, asked).at("data_fee_native")) - cheap == 1'000'000'000);
  // And its scalar for each unit of gas, the transaction's own among them.
  fees.operator_scalar += 7;
  op.set(OpUpgrade::jovian, fees);
  const Integer gas = quote.at("gas").to_number<std::uint64_t>() + host::gas_overhead;
  CHECK(wei_of(quoted(scene.space, asked).at("data_fee_native")) - cheap ==
        1'000'000'000 + gas * 700);
  op.set_oracle_code("0x60006000fd");
  CHECK(quoted(scene.space, asked).at("data_fee_native").is_null());
  const Ended unknown = scene.space.run(
      {"quote", "--pool", asked.pool, "--in", asked.token_in, "--amount", asked.amount});
  CHECK(unknown.code == 0);
  CHECK(has(unknown.out, "not known: the chain does not say its prices"));
}

TEST_CASE("a Curve pool of other code than it is listed with is refused by name") {
  Anvil anvil;
  const PairContract tokens(anvil);
  const Workspace space;
  const std::string pool = "0x00000000000000000000000000000000000c0de5";
  const std::string hash = "0x" + std::string(64, '7');
  const std::string implementation = "0x00000000000000000000000000000000000c0de6";
  const auto told = [&](const std::string& metadata, const std::string& code) {
    write_configuration(space, {anvil.url(),
                                tokens.token(0),
                                tokens.token(1),
                                "[[dex]]\nname = \"curve\"\nmin_liquidity_usd = 0\n" +
                                    listed_pool(pool, {tokens.token(0), tokens.token(1)},
                                                "variant=factory_plain2" + metadata),
                                {}});
    anvil.call("anvil_setCode", {json::string(pool), json::string(code)});
    const Ended ended =
        space.run({"quote", "--pool", pool, "--in", tokens.token(0), "--amount", "1000"});
    INFO(ended.err);
    CHECK(ended.code == 1);
    CHECK(ended.out.empty());
    return ended.err;
  };
  const std::string refused = "pool " + pool + " is refused: ";
  CHECK(has(told("", "0x"), refused + "there is no contract at its address"));
  CHECK(
      has(told(" code_hash=" + hash, "0x60006000fd"),
          ", and its metadata say code_hash=" + hash + ": it is not the contract that was meant"));
  const std::string proxy =
      "0x363d3d373d3d3d363d73" + implementation.substr(2) + "5af43d82803e903d91602b57fd5bf3";
  CHECK(has(told(" implementation=" + implementation, "0x60006000fd"),
            "is no minimal proxy of the implementation"));
  CHECK(has(told(" implementation=" + implementation, proxy),
            "there is no contract at the implementation's address"));
  // Nothing contradicts it, and it answers nothing that a pool would.
  anvil.call("anvil_setCode", {json::string(implementation), json::string("0x60006000fd")});
  const std::string word = told(" implementation=" + implementation, proxy);
  CHECK(has(word, "variant 'factory_plain2' is named by the operator, not verified: code_hash=0x"));
  CHECK_FALSE(has(word, "is refused"));
}

TEST_CASE("what cannot be quoted is told in one line, with an exit code of its kind") {
  V3Scene scene;
  const std::string nobody = "0x00000000000000000000000000000000000000ab";
  const auto ended_with = [&](const Asked& asked, int code, std::string_view part) {
    const Ended ended = scene.space.run(words_of(asked));
    CAPTURE(asked.pool, asked.token_in, asked.amount, ended.err);
    CHECK(ended.code == code);
    CHECK(ended.out.empty());
    CHECK(has(ended.err, part));
    // Besides what is logged, which begins with a brace.
    std::istringstream lines(ended.err);
    std::size_t told = 0;
    for (std::string line; std::getline(lines, line);) told += line.starts_with('{') ? 0U : 1U;
    CHECK(told == 1);
  };
  const Asked good{scene.pool, scene.contracts.token(0), "1000"};
  const auto with = [&](auto change) {
    Asked asked = good;
    change(asked);
    return asked;
  };
  ended_with(with([&](Asked& a) { a.pool = nobody; }), 1, "does not say its tokens");
  ended_with(with([&](Asked& a) { a.pool = "0x12"; }), 2, "is no address");
  ended_with(with([&](Asked& a) { a.pool = scene.contracts.factory(); }), 1,
             "does not say its tokens");
  ended_with(with([&](Asked& a) { a.token_in = nobody; }), 2, "is none of the pool's tokens");
  ended_with(with([&](Asked& a) { a.token_in = "NOPE"; }), 2, "is none of the pool's tokens");
  ended_with(with([&](Asked& a) { a.amount = "0"; }), 2, "has to be more than nothing");
  ended_with(with([&](Asked& a) { a.amount = "0.0"; }), 2, "has to be more than nothing");
  ended_with(with([&](Asked& a) { a.amount = "many"; }), 2, "has to begin with a digit");
  ended_with(with([&](Asked& a) { a.amount = "1e18"; }), 2, "exponents are not read");
  ended_with(with([&](Asked& a) { a.amount = "1.5.5"; }), 2, "has more than one decimal point");
  ended_with(with([&](Asked& a) { a.amount = "1"; }), 1,
             "the amount was taken as 1 of the smallest units of ");
  ended_with(with([&](Asked& a) { a.amount = "0x10"; }), 2, "has to be decimal");
  ended_with(with([&](Asked& a) { a.amount = std::string(80, '9'); }), 2, "fits 256 bits");
  // More than there is, and then nothing at all.
  ended_with(with([&](Asked& a) {
               a.exact_in = false;
               a.amount = amount_text(5000 * wad);
             }),
             1, "no quote: ");
  scene.contracts.burn(scene.pool, -6000, 6000, 1000 * wad);
  scene.contracts.burn(scene.pool, -600, 600, 5000 * wad);
  scene.contracts.burn(scene.pool, -120, 180, 9000 * wad);
  ended_with(good, 1, "no quote: the pool");
}

}  // namespace gantry::test

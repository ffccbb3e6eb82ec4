// `gantry quote` of Balancer's pools through the program: what comes out, or has to go in, is what
// BalancerQueries (V2) and the Vault's own query (V3) answer at that block, to the unit.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "evm/balancer_v2_contracts.hpp"
#include "evm/balancer_v3_contracts.hpp"
#include "evm/quote_program.hpp"

namespace gantry::test {
namespace {

using host::tests::Ended;
using host::tests::has;
using host::tests::Workspace;

// These contracts' tokens agree to everything, so a trial of them would say nothing.
constexpr const char* trusting = "check_tokens = false\n";
constexpr const char* in_v2 = "20230206-weighted-pool-v3";

std::vector<std::string> addresses_of(const std::vector<VenueToken>& tokens) {
  std::vector<std::string> addresses;
  for (const VenueToken& token : tokens) addresses.push_back(token.address);
  return addresses;
}

Integer whole(const VenueToken& token, std::uint64_t count) {
  Integer amount = count;
  for (std::uint32_t digit = 0; digit < token.decimals; ++digit) amount *= 10;
  return amount;
}

std::string text_of_bytes(const std::vector<std::uint8_t>& bytes) {
  return {bytes.begin(), bytes.end()};
}

// Of `part` of what goes in, up to a unit.
void check_fee(const json::object& quote, const Integer& part, const std::string& token_in) {
  CHECK(text_of(quote.at("fee").at("address")) == token_in);
  const Integer share = units(quote, "in") * part / wad;
  CHECK(units(quote, "fee") >= (share > 0 ? Integer(share - 1) : share));
  CHECK(units(quote, "fee") <= share + 2);
}

class V2Quotes {
 public:
  V2Quotes() : anvil({"--code-size-limit", "60000"}), chain(anvil) {}

  BalancerPool make(const BalancerPoolOrder& order, const std::vector<std::uint64_t>& funds) {
    const BalancerPool pool = chain.create(order);
    std::vector<Integer> amounts;
    for (std::size_t i = 0; i < order.tokens.size(); ++i) {
      amounts.push_back(whole(order.tokens[i], funds[i]));
    }
    chain.fund(pool, amounts);
    return pool;
  }
  void list(const BalancerPool& pool, const std::string& metadata) {
    write_configuration(
        space,
        {anvil.url(), pool.tokens[0].address, pool.tokens[1].address,
         fmt::format("[[dex]]\nname = \"balancer\"\nmin_liquidity_usd = 0\n"
                     "vault = \"{}\"\n{}",
                     chain.vault(), listed_pool(pool.address, addresses_of(pool.tokens), metadata)),
         trusting});
  }
  // The program's answer is BalancerQueries' at the newest block.
  json::object compare(const BalancerPool& pool, const BalancerQuery& query) {
    const Asked asked{pool.address, pool.tokens[query.in].address, amount_text(query.amount),
                      query.given_in, pool.tokens[query.out].address};
    CAPTURE(pool.deployment, query.in, query.out, query.given_in, asked.amount);
    const BalancerVerdict verdict = chain.query({query}).front();
    REQUIRE(verdict.accepted);
    json::object quote = quoted(space, asked);
    CHECK(units(quote, query.given_in ? "in" : "out") == query.amount);
    CHECK(units(quote, query.given_in ? "out" : "in") == verdict.amount);
    check_context(anvil, quote);
    return quote;
  }

  Anvil anvil;
  BalancerV2 chain;
  Workspace space;
};

// What the program says of a pool that it does not quote.
std::string refusal(const Workspace& space, const std::string& pool, const std::string& token) {
  const Ended ended = space.run({"quote", "--pool", pool, "--in", token, "--amount", "1000"});
  INFO(ended.err);
  CHECK(ended.code == 1);
  CHECK(ended.out.empty());
  CHECK(has(ended.err, "gantry: no quote: the pool takes no part"));
  return ended.err;
}

// Creation code of a contract that answers every call with a string, as version() does.
std::string saying(const std::string& words) {
  std::string digits = word(32) + word(words.size());
  for (const char c : words) digits += fmt::format("{:02x}", static_cast<unsigned char>(c));
  digits.resize((digits.size() + word_digits - 1) / word_digits * word_digits, '0');
  const std::string size = fmt::format("{:02x}", digits.size() / 2);
  const std::string runtime = "60" + size + "600c60003960" + size + "6000f3" + digits;
  return fmt::format("0x60{:02x}600c60003960{:02x}6000f3{}", runtime.size() / 2, runtime.size() / 2,
                     runtime);
}

}  // namespace

TEST_CASE("a quote of a weighted pool of Balancer V2 is what its Vault would do at that block") {
  V2Quotes scene;
  BalancerPoolOrder order;
  order.tokens = scene.chain.make_tokens({18, 6});
  order.deployment = in_v2;
  order.weights = {wad / 5 * 4, wad / 5};
  order.fee = wad / 1000 * 3;
  const BalancerPool pool = scene.make(order, {4'000, 2'000'000});
  scene.list(pool, text_of_bytes(BalancerV2::metadata(pool)));
  const std::vector<Integer> balances = scene.chain.balances(pool);
  int quotes = 0;
  for (const std::size_t in : {0U, 1U}) {
    const std::size_t out = 1 - in;
    for (const bool given_in : {true, false}) {
      for (const unsigned part : {5U, 700U, 90'000U}) {
        const json::object quote =
            scene.compare(pool, {&pool, given_in, in, out, balances[given_in ? in : out] / part});
        check_fee(quote, order.fee, pool.tokens[in].address);
        // Without the fee, the average price beside the one before.
        const double kept = (units(quote, "in") - units(quote, "fee")).convert_to<double>();
        const double spot =
            balances[out].convert_to<double>() * order.weights[in].convert_to<double>() /
            (balances[in].convert_to<double>() * order.weights[out].convert_to<double>());
        const double out_units = units(quote, "out").convert_to<double>();
        const double average = out_units / kept;
        // The Vault's pool rounds by some units.
        const double rounding = 4 / std::min(kept, out_units);
        CHECK(quote.at("price_impact").to_number<double>() ==
              Approx(1 - average / spot).epsilon(1e-3).margin(rounding));
        ++quotes;
      }
    }
  }
  CHECK(quotes == 12);

  // After a swap it is the newest block's state.
  const BalancerQuery swap{&pool, true, 0, 1, balances[0] / 10};
  const json::object before = scene.compare(pool, swap);
  scene.chain.swap(swap);
  const json::object after = scene.compare(pool, swap);
  CHECK(units(after, "out") < units(before, "out"));
  CHECK(after.at("block").to_number<std::uint64_t>() >
        before.at("block").to_number<std::uint64_t>());
}

TEST_CASE("a quote of a composable stable pool of Balancer V2 is what its Vault would do") {
  V2Quotes scene;
  BalancerPoolOrder order;
  order.tokens = scene.chain.make_tokens({18, 6, 8});
  order.deployment = "20230206-composable-stable-pool-v3";
  order.amp = 200;
  order.fee = wad / 2500;
  order.providers = {scene.chain.make_provider(wad / 100 * 117), "", ""};
  const BalancerPool pool = scene.make(order, {900'000, 1'100'000, 1'000'000});
  REQUIRE(pool.own.has_value());
  scene.list(pool, text_of_bytes(BalancerV2::metadata(pool)));
  const std::vector<Integer> balances = scene.chain.balances(pool);
  int quotes = 0;
  for (std::size_t in = 0; in < pool.tokens.size(); ++in) {
    for (std::size_t out = 0; out < pool.tokens.size(); ++out) {
      if (in == out || in == *pool.own || out == *pool.own) continue;
      for (const bool given_in : {true, false}) {
        const json::object quote =
            scene.compare(pool, {&pool, given_in, in, out, balances[given_in ? in : out] / 30});
        check_fee(quote, order.fee, pool.tokens[in].address);
        CHECK(quote.at("price_impact").to_number<double>() > 0);
        CHECK(quote.at("price_impact").to_number<double>() < 0.05);
        ++quotes;
      }
    }
  }
  CHECK(quotes == 12);
}

TEST_CASE("a quote of Balancer V3's pools is what its Vault would do at that block") {
  Anvil anvil({"--code-size-limit", "60000"});
  BalancerV3 chain(anvil);
  Workspace space;
  V3PoolOrder weighted;
  weighted.deployment = "20260115-v3-weighted-pool-v2";
  weighted.decimals = {18, 6, 8};
  weighted.weights = {wad / 2, wad / 4, wad / 4};
  weighted.rates = {0, 0, wad / 10 * 11};
  weighted.fee = wad / 500;
  V3PoolOrder stable;
  stable.deployment = "20260116-v3-stable-pool-v3";
  stable.decimals = {18, 6};
  stable.rates = {wad / 100 * 105, 0};
  stable.amp = 500;
  stable.fee = wad / 10'000;
  int quotes = 0;
  for (const V3PoolOrder& order : {weighted, stable}) {
    const V3Pool pool = chain.create(order);
    std::vector<Integer> balances;
    for (const VenueToken& token : pool.tokens) balances.push_back(whole(token, 1'500'000));
    chain.fund(pool, balances);
    write_configuration(
        space,
        {anvil.url(), pool.tokens[0].address, pool.tokens[1].address,
         fmt::format("[[dex]]\nname = \"balancer\"\nmin_liquidity_usd = 0\n"
                     "vault_v3 = \"{}\"\n{}",
                     chain.vault(), listed_pool(pool.address, addresses_of(pool.tokens), "")),
         trusting});
    for (std::size_t in = 0; in < pool.tokens.size(); ++in) {
      const std::size_t out = (in + 1) % pool.tokens.size();
      for (const bool given_in : {true, false}) {
        for (const unsigned part : {9U, 4'000U}) {
          const V3Query query{given_in, in, out, balances[given_in ? in : out] / part};
          const V3Verdict verdict = chain.query(pool, {query}).front();
          CAPTURE(order.deployment, in, given_in, part, verdict.reason);
          REQUIRE(verdict.accepted);
          const json::object quote =
              quoted(space, {pool.address, pool.tokens[in].address, amount_text(query.amount),
                             given_in, pool.tokens[out].address});
          CHECK(units(quote, given_in ? "in" : "out") == query.amount);
          CHECK(units(quote, given_in ? "out" : "in") == verdict.amount);
          check_fee(quote, order.fee, pool.tokens[in].address);
          CHECK(quote.at("price_impact").to_number<double>() > 0);
          CHECK(quote.at("price_impact").to_number<double>() < 0.2);
          check_context(anvil, quote);
          ++quotes;
        }
      }
    }
  }
  CHECK(quotes == (3 + 2) * 4);
}

TEST_CASE("what is no known pool of Balancer's is refused by name, and not quoted") {
  V2Quotes scene;
  BalancerPoolOrder order;
  order.tokens = scene.chain.make_tokens({18, 6});
  order.deployment = in_v2;
  order.weights = {wad / 2, wad / 2};
  order.fee = wad / 1000;
  const BalancerPool pool = scene.make(order, {1'000, 1'000});
  const std::string& token = pool.tokens[0].address;

  const auto told = [&](const std::string& address, const std::string& metadata,
                        std::string_view part) {
    BalancerPool named = pool;
    named.address = address;
    scene.list(named, metadata);
    const std::string words = refusal(scene.space, address, token);
    INFO(words);
    CHECK(has(words, part));
  };
  const std::string refused = " is refused: ";
  told(pool.address, "factory=" + scene.chain.make_provider(0),
       "pool " + pool.address + refused + "the factory that its metadata name did not make it");
  told(pool.address, "factory=" + scene.chain.owner(),
       "pool " + pool.address + refused + "there is no factory of Balancer's at the address");
  told(pool.address, "variant=20990101-weighted-pool-v9",
       "the deployment '20990101-weighted-pool-v9' is unknown: known are ");
  told(pool.address, "vault=0x00000000000000000000000000000000000000ab",
       "pool " + pool.address + refused + "who is asked about it answers nothing");
  // No contract at all, one that is no pool, and one that says to be of another time.
  const std::string nobody = "0x00000000000000000000000000000000000000cd";
  told(nobody, "", "pool " + nobody + refused + "there is no pool of Balancer's at its address");
  told(scene.chain.vault(), "",
       "pool " + scene.chain.vault() + refused + "it has no version(): its list or the parameter");
  const std::string other = scene.chain.deployer().deploy(
      saying(R"({"name":"WeightedPool","version":9,"deployment":"20990101-weighted-pool-v9"})"));
  told(other, "", "pool " + other + refused + "its version() names a deployment that is unknown");
  // And nothing of that stays with the pool.
  scene.list(pool, text_of_bytes(BalancerV2::metadata(pool)));
  scene.compare(pool, {&pool, true, 0, 1, whole(pool.tokens[0], 1)});
}

TEST_CASE("a live run trades through Balancer's pools, whose liquidity counts") {
  V2Quotes scene;
  BalancerPoolOrder order;
  order.tokens = scene.chain.make_tokens({18, 18});
  order.deployment = in_v2;
  order.weights = {wad / 5 * 4, wad / 5};
  order.fee = wad / 1000;
  const BalancerPool dear = scene.make(order, {4'000, 2'000'000});  // 2,000 dollars a coin
  order.weights = {wad / 2, wad / 2};
  const BalancerPool cheap = scene.make(order, {1'000, 1'900'000});
  std::string listed;
  for (const BalancerPool& pool : {dear, cheap}) {
    listed += listed_pool(pool.address, addresses_of(pool.tokens),
                          text_of_bytes(BalancerV2::metadata(pool)));
  }
  const std::string& coin = dear.tokens[0].address;
  write_configuration(scene.space,
                      {scene.anvil.url(), coin, dear.tokens[1].address,
                       fmt::format("[[dex]]\nname = \"balancer\"\nmin_liquidity_usd = 100000\n"
                                   "vault = \"{}\"\n{}",
                                   scene.chain.vault(), listed),
                       trusting});
  host::tests::write_text(scene.space / "config/strategies.toml", "[strategies.triangular]\n");
  auto running = scene.space.start({"run", "--blocks", "3", "--json"});
  while (!running.ended()) {
    scene.anvil.call("evm_mine");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const json::value report = json::parse(ended.out);
  CHECK(report.at("market").at("pools") == 2);
  INFO(json::serialize(report.at("market")));
  CHECK(report.at("market").at("pools_left_out").as_object().empty());
  CHECK(report.at("opportunities").at("sightings").to_number<int>() > 0);
  CHECK(has(ended.out, "\"balancer\""));
}

}  // namespace gantry::test

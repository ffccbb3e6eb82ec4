// What is not a pool that the plugin knows is refused, by name where there is one, and what does
// not decode changes nothing.
#include <algorithm>
#include <catch2/catch.hpp>
#include <random>

#include "plugins/balancer/told_pool.hpp"
#include "plugins/dex/balancer/asks.hpp"

namespace gantry::test {
namespace {

const Integer one("1000000000000000000");

ToldPool weighted_pool() {
  ToldPool pool;
  pool.variant = "20230320-weighted-pool-v4";
  pool.tokens = told_tokens({18, 6, 8});
  pool.balances = {Integer(1'000) * one, Integer(2'000'000'000), Integer(300'000'000'000)};
  pool.weights = {one / 2, one / 4, one / 4};
  pool.fee = one / 1'000;
  return pool;
}

ToldPool stable_pool() {
  ToldPool pool;
  pool.variant = "20230206-composable-stable-pool-v3";
  pool.tokens = told_tokens({18, 6, 18});
  pool.balances = {Integer(1'000) * one, Integer(1'100'000'000), Integer(900) * one};
  pool.rates = {one, one + one / 7, one};
  pool.amp = 200'000;
  pool.fee = one / 1'000;
  return pool;
}

ToldPool v3_pool(bool weighted) {
  ToldPool pool = weighted ? weighted_pool() : stable_pool();
  pool.variant = weighted ? "20260115-v3-weighted-pool-v2" : "20260116-v3-stable-pool-v3";
  return pool;
}

gantry_swap some_swap(std::uint32_t in = 0, std::uint32_t out = 1) {
  return {to_amount(one), in, out, GANTRY_EXACT_IN, GANTRY_WANT_IMPACT};
}

gantry_status quote_of(PluginVenue& venue, const gantry_swap& swap = some_swap()) {
  gantry_quote quote{};
  return venue.quote(swap, quote);
}

}  // namespace

TEST_CASE("an unknown deployment is refused by its name") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  ToldPool pool = weighted_pool();
  pool.variant = "20990101-weighted-pool-v9";
  REQUIRE(tell(venue, pool) == GANTRY_REFUSED);
  CHECK_THAT(venue.refusal(), Catch::Contains("20990101-weighted-pool-v9"));
  CHECK_THROWS_WITH(
      PluginVenue(GANTRY_BALANCER_PLUGIN, "balancer", {{"variant", std::string("guess")}}),
      Catch::Contains("guess"));
}

TEST_CASE("metadata that does not parse is refused with the word at fault") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  const ToldPool pool = weighted_pool();
  const auto refusal = [&](const std::string& metadata) {
    REQUIRE(venue.open_pool(pool.address, pool.tokens, bytes_of(metadata)) == GANTRY_REFUSED);
    return venue.refusal();
  };
  CHECK_THAT(refusal("variant"), Catch::Contains("'variant' has no '='"));
  CHECK_THAT(refusal("weights=1,2"), Catch::Contains("'weights'"));
  CHECK_THAT(refusal("pool_id=0x12"), Catch::Contains("'0x12' is not 0x and 64"));
  CHECK_THAT(refusal("vault=" + std::string(42, 'x')), Catch::Contains("40 hexadecimal"));
  CHECK_THAT(refusal("rate_providers=0x" + std::string(40, '0')),
             Catch::Contains("another number"));
  CHECK(venue.open_pool(pool.address, pool.tokens, bytes_of(" \n")) == GANTRY_OK);
}

TEST_CASE("a pool that cannot be one of Balancer's is refused") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  const std::string address = weighted_pool().address;
  CHECK(venue.open_pool(address, told_tokens({18})) == GANTRY_REFUSED);
  CHECK(venue.open_pool(address, told_tokens({18, 18, 18, 18, 18, 18, 18, 18, 18})) ==
        GANTRY_REFUSED);
  CHECK(venue.open_pool(address, told_tokens({18, 19})) == GANTRY_REFUSED);
  CHECK_THAT(venue.refusal(), Catch::Contains("18 decimals"));
  std::vector<VenueToken> own = told_tokens({18, 18});
  own[1].address = address;
  CHECK(venue.open_pool(address, own) == GANTRY_REFUSED);
}

TEST_CASE("a pool names its version itself, and one that is unknown is refused") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  const ToldPool pool = stable_pool();
  const auto apply_version = [&](const std::string& version, gantry_status status = GANTRY_OK) {
    REQUIRE(venue.open_pool(pool.address, pool.tokens) == GANTRY_OK);
    std::vector<EmittedRequest> asked;
    REQUIRE(venue.requests(0, asked) == GANTRY_NEED_STATE);
    std::vector<OwnedFact> facts{
        fact_of(asked.at(0), "0x" + AbiArguments().text(version).digits())};
    facts[0].fields.status = status;
    return venue.apply(facts);
  };
  CHECK(apply_version(R"({"name":"X","deployment":"20230711-composable-stable-pool-v5"})") ==
        GANTRY_NEED_STATE);
  CHECK(apply_version(R"({"name":"X","deployment":"20991231-pool"})") == GANTRY_REFUSED);
  CHECK(apply_version("{}") == GANTRY_BAD_STATE);
  CHECK(apply_version("", GANTRY_REFUSED) == GANTRY_REFUSED);
  CHECK(quote_of(venue) == GANTRY_NEED_STATE);
}

TEST_CASE("a pool's id begins with its address, else it is another pool's") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  const ToldPool pool = stable_pool();
  const std::string other = "0x" + std::string(40, '7') + std::string(24, '0');
  CHECK(venue.open_pool(pool.address, pool.tokens, bytes_of("pool_id=" + other)) == GANTRY_REFUSED);
  CHECK_THAT(venue.refusal(), Catch::Contains("another pool's"));
  for (const std::string& id : {other, pool.address + std::string(24, '3')}) {
    REQUIRE(venue.open_pool(pool.address, pool.tokens, bytes_of("variant=" + pool.variant)) ==
            GANTRY_OK);
    std::vector<EmittedRequest> asked;
    REQUIRE(venue.requests(0, asked) == GANTRY_NEED_STATE);
    REQUIRE(asked.at(0).payload == "0x38fff2d0");  // getPoolId()
    std::vector<OwnedFact> facts{fact_of(asked.at(0), id)};
    CHECK(venue.apply(facts) == (id == other ? GANTRY_REFUSED : GANTRY_NEED_STATE));
  }
}

TEST_CASE(
    "a pool that its factory did not make is refused, and one that it made is not asked for") {
  for (ToldPool pool : {weighted_pool(), v3_pool(true)}) {
    INFO(pool.variant);
    pool.factory = "0x" + std::string(40, 'f');
    auto answers = answers_of(pool);
    for (const Integer& known : {Integer(0), Integer(2), Integer(1)}) {
      PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
      answers["0x6634b753"] = word(known);
      const gantry_status expected = known == 0   ? GANTRY_REFUSED
                                     : known == 1 ? GANTRY_OK
                                                  : GANTRY_BAD_STATE;
      CHECK(tell(venue, pool, answers) == expected);
      std::vector<EmittedRequest> asked;
      REQUIRE(venue.requests(0, asked) == GANTRY_OK);
      const bool asks = std::ranges::any_of(
          asked, [&](const EmittedRequest& request) { return request.target == pool.factory; });
      CHECK(asks == (known != 1));
      if (known == 1) CHECK(quote_of(venue) == GANTRY_OK);
    }
  }
}

TEST_CASE("facts that do not decode leave the state as it was") {
  for (const ToldPool& pool : {weighted_pool(), stable_pool(), v3_pool(true), v3_pool(false)}) {
    INFO(pool.variant);
    PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
    std::vector<OwnedFact> facts;
    REQUIRE(tell(venue, pool, answers_of(pool), &facts) == GANTRY_OK);
    const StateBytes before = venue.state_bytes();
    REQUIRE(quote_of(venue) == GANTRY_OK);
    for (std::size_t i = 0; i < facts.size(); ++i) {
      INFO("fact " << i);
      for (std::size_t size = 0; size < facts[i].data.size(); size += size % 32 == 0 ? 31 : 1) {
        std::vector<OwnedFact> cut = facts;
        cut[i].data.resize(size);
        // A call that returns nothing at all met no contract, or one of another kind.
        const bool silent = size == 0 && facts[i].fields.source == GANTRY_SOURCE_EVM_CALL;
        REQUIRE(venue.apply(cut) == (silent ? GANTRY_REFUSED : GANTRY_BAD_STATE));
      }
      std::vector<OwnedFact> reverted = facts;
      reverted[i].fields.status = GANTRY_REFUSED;
      // A vault that reverts and says why does not know the pool.
      const bool of_vault = facts[i].fields.tag == balancer::tag_of(balancer::Ask::balances);
      REQUIRE(venue.apply(reverted) == (of_vault ? GANTRY_REFUSED : GANTRY_BAD_STATE));
      reverted[i].data.clear();
      REQUIRE(venue.apply(reverted) == GANTRY_BAD_STATE);
      std::vector<OwnedFact> filled = facts;
      for (std::uint8_t& byte : filled[i].data) byte = 0xff;
      const gantry_status status = venue.apply(filled);
      REQUIRE((status == GANTRY_BAD_STATE || status == GANTRY_REFUSED));
    }
    std::vector<OwnedFact> unknown{facts[0]};
    unknown[0].fields.tag = 0xff;
    CHECK(venue.apply(unknown) == GANTRY_BAD_STATE);
    CHECK(venue.state_bytes() == before);
  }
}

TEST_CASE("a paused pool or vault quotes nothing until it is open again") {
  for (const char* paused : {"0x1c0de051", "0x6c9bc732", "0x098401f5"}) {
    const bool third = std::string_view(paused) != "0x1c0de051";
    const ToldPool pool = third ? v3_pool(true) : weighted_pool();
    PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
    auto answers = answers_of(pool);
    answers[paused].replace(0, word_digits, word(1));
    REQUIRE(tell(venue, pool, answers) == GANTRY_OK);
    CHECK(quote_of(venue) == GANTRY_REFUSED);
    gantry_swap_limits limits{};
    CHECK(venue.limits(0, 1, limits) == GANTRY_REFUSED);
    REQUIRE(tell(venue, pool) == GANTRY_OK);
    CHECK(quote_of(venue) == GANTRY_OK);
  }
}

TEST_CASE("a V3 pool near its largest balance says to the unit what it takes, as fees leave it") {
  ToldPool pool;
  pool.variant = "20241205-v3-weighted-pool";
  pool.tokens = told_tokens({18, 18});
  pool.weights = {one / 2, one / 2};
  pool.fee = one / 100;
  pool.aggregate_fee = one / 2;
  pool.balances = {(Integer(1) << 128) - (Integer(1) << 120), Integer(1) << 127};
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  REQUIRE(tell(venue, pool) == GANTRY_OK);
  gantry_swap_limits limits{};
  REQUIRE(venue.limits(0, 1, limits) == GANTRY_OK);
  gantry_quote quote{};
  gantry_swap swap{limits.in_max, 0, 1, GANTRY_EXACT_IN, 0};
  CHECK(venue.quote(swap, quote) == GANTRY_OK);
  swap.amount = to_amount(to_integer(limits.in_max) + 1);
  CHECK(venue.quote(swap, quote) == GANTRY_OUT_OF_RANGE);
}

TEST_CASE("pools with asset managers or hooks in the way of swaps are refused") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  const ToldPool managed = weighted_pool();
  auto answers = answers_of(managed);
  answers["0xb05f8e48"] = word(5) + word(0) + word(9) + word(77);
  CHECK(tell(venue, managed, answers) == GANTRY_REFUSED);
  const ToldPool hooked = v3_pool(false);
  for (const std::size_t flag : {3U, 4U, 5U}) {  // dynamic fee, before and after a swap
    answers = answers_of(hooked);
    answers["0xce8630d4"].replace(flag * word_digits, word_digits, word(1));
    CHECK(tell(venue, hooked, answers) == GANTRY_REFUSED);
  }
}

TEST_CASE("a vault whose live balances are others than ours is not believed to be known") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  const ToldPool pool = v3_pool(false);
  auto answers = answers_of(pool);
  std::string& live = answers["0x535cfd8a"];
  live.back() = live.back() == '0' ? '1' : '0';
  CHECK(tell(venue, pool, answers) == GANTRY_REFUSED);
}

TEST_CASE("swaps of a composable pool's own token are unsupported") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  ToldPool pool = stable_pool();
  pool.tokens[1] = {pool.address, 18};
  pool.rates[1] = one;
  REQUIRE(tell(venue, pool) == GANTRY_OK);
  CHECK((venue.traits().flags & GANTRY_POOL_ONE_WAY) != 0);
  CHECK(quote_of(venue, some_swap(0, 1)) == GANTRY_UNSUPPORTED);
  CHECK(quote_of(venue, some_swap(1, 2)) == GANTRY_UNSUPPORTED);
  CHECK(quote_of(venue, some_swap(0, 2)) == GANTRY_OK);
  CHECK(quote_of(venue, some_swap(0, 0)) == GANTRY_BAD_ARGUMENT);
  CHECK(quote_of(venue, some_swap(0, 3)) == GANTRY_BAD_ARGUMENT);
}

TEST_CASE("a swap of the V3 vault goes through the router that takes what was sent before") {
  const std::string router = "0x309abcaefa19ca6d34f0d8ff4a4103317c138657";
  gantry_swap_order order{};
  order.swap = some_swap(1, 0);
  order.out = to_amount(9 * one);
  order.min_out = to_amount(8 * one);
  order.sender = to_address("0x" + std::string(40, 'a'));
  order.recipient = order.sender;
  std::vector<EmittedInstruction> calls;

  PluginVenue quotes_only(GANTRY_BALANCER_PLUGIN, "balancer");
  REQUIRE(tell(quotes_only, v3_pool(true)) == GANTRY_OK);
  CHECK(quotes_only.build_swap(order, calls) == GANTRY_UNSUPPORTED);

  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer", {{"router_v3", router}});
  const ToldPool pool = v3_pool(true);
  REQUIRE(tell(venue, pool) == GANTRY_OK);
  order.recipient = to_address("0x" + std::string(40, 'b'));
  CHECK(venue.build_swap(order, calls) == GANTRY_UNSUPPORTED);  // it pays its caller
  order.recipient = order.sender;
  REQUIRE(venue.build_swap(order, calls) == GANTRY_OK);
  REQUIRE(calls.size() == 1);
  const EmittedInstruction& call = calls[0];
  CHECK(call.target == router);
  CHECK(call.spender == "0xba1333333333a1ba1108e8412f11850a5c319ba9");  // the V3 Vault
  CHECK(call.fields.input == GANTRY_INPUT_TRANSFER);
  CHECK(call.fields.min_out_enforced == 1);
  const std::string expected = "0x409988cf" + address_word(pool.address) +
                               address_word(pool.tokens[1].address) +
                               address_word(pool.tokens[0].address) + word(one) + word(8 * one) +
                               word((Integer(1) << 256) - 1) + word(7 * 32) + word(0);
  CHECK(call.data == expected);
  CHECK(call.data.substr(2 + 2 * call.fields.amount_in_offset, word_digits) == word(one));
  CHECK(call.data.substr(2 + 2 * call.fields.min_out_offset, word_digits) == word(8 * one));

  CHECK_THROWS_WITH(
      PluginVenue(GANTRY_BALANCER_PLUGIN, "balancer", {{"router_v3", std::string("0x12")}}),
      Catch::Contains("router_v3"));
}

TEST_CASE("states and overlays of any bytes are answered, never believed") {
  std::mt19937_64 random(11);
  for (const ToldPool& pool : {weighted_pool(), stable_pool(), v3_pool(true), v3_pool(false)}) {
    PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
    REQUIRE(tell(venue, pool) == GANTRY_OK);
    const StateBytes good = venue.state_bytes();
    for (std::uint32_t round = 0; round < 400; ++round) {
      StateBytes bytes = good;
      const auto spoil = [&](std::vector<std::uint8_t>& chunk) {
        for (std::uint32_t i = 0; i <= round % 40; ++i) {
          chunk[random() % chunk.size()] = static_cast<std::uint8_t>(random());
        }
      };
      spoil(bytes[round % bytes.size()]);
      Overlay overlay = good[1];
      spoil(overlay);
      venue.set_state_bytes(bytes);
      for (const std::uint32_t out : {1U, 2U}) {
        gantry_swap swap = some_swap(0, out);
        swap.mode = static_cast<std::int32_t>(round % 2);
        gantry_quote quote{};
        venue.quote(swap, quote);
        venue.quote(swap, quote, &overlay);
        gantry_swap_limits limits{};
        venue.limits(0, out, limits);
      }
      std::uint32_t fee = 0;
      std::vector<Integer> balances;
      venue.view(fee, balances, &overlay);
      std::vector<EmittedRequest> requests;
      venue.requests(0, requests);
    }
    StateBytes cut = good;
    cut[1].pop_back();
    venue.set_state_bytes(cut);
    CHECK(quote_of(venue) == GANTRY_BAD_STATE);
    cut = good;
    cut[0].pop_back();
    venue.set_state_bytes(cut);
    std::vector<EmittedRequest> requests;
    CHECK(venue.requests(0, requests) == GANTRY_BAD_STATE);
  }
}

}  // namespace gantry::test

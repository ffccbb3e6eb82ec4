// Answers that nobody here computed: of Balancer on Ethereum, of the protocol's published vectors,
// and of the protocol's own package, asked now. Tolerance zero.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>

#include "host/recording/writer.hpp"
#include "plugins/balancer/told_pool.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

json::object recorded(const std::string& name) {
  std::ifstream file(std::string(GANTRY_BALANCER_TESTS) + "/recorded/" + name);
  std::ostringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).as_object();
}

struct Count {
  std::size_t swaps = 0;
  std::size_t succeed = 0;
  std::vector<std::string> mistakes;
};

// [given in, token in, token out, amount, answer or null]
void compare(PluginVenue& venue, const ToldPool& pool, const json::array& row, Count& count) {
  ++count.swaps;
  const bool given_in = row.at(0).as_bool();
  gantry_swap swap{};
  swap.token_in = static_cast<std::uint32_t>(row.at(1).as_int64());
  swap.token_out = static_cast<std::uint32_t>(row.at(2).as_int64());
  swap.mode = given_in ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT;
  swap.amount = to_amount(Integer(text_of(row.at(3))));
  gantry_quote quote{};
  const gantry_status status = venue.quote(swap, quote);
  const std::string expected = row.at(4).is_null() ? "" : text_of(row.at(4));
  const std::string answer =
      status == GANTRY_OK ? to_integer(given_in ? quote.amount_out : quote.amount_in).str() : "";
  if (answer == expected || (expected == "0" && status == GANTRY_NO_LIQUIDITY)) {
    count.succeed += status == GANTRY_OK ? 1U : 0U;
    return;
  }
  count.mistakes.push_back(pool.variant + " " + json::serialize(row) + ": " + answer + ", status " +
                           std::to_string(status));
}

void compare(PluginVenue& venue, const json::object& described, Count& count) {
  const ToldPool pool = told_pool(described);
  INFO(pool.variant << " " << pool.address);
  REQUIRE(tell(venue, pool) == GANTRY_OK);
  for (const json::value& row : described.at("swaps").as_array()) {
    compare(venue, pool, row.as_array(), count);
  }
}

void require_none_wrong(const Count& count) {
  INFO(count.mistakes.size() << " mistakes, the first: "
                             << (count.mistakes.empty() ? "" : count.mistakes.front()));
  REQUIRE(count.mistakes.empty());
}

// Pools for `gantry plugin check`, of every family, of tokens with 6 and 8 decimals: its laws allow
// three units for rounding, and the contracts round by thousands of the units of 18.
std::vector<ToldPool> pools_for_the_kit() {
  const Integer one("1000000000000000000");
  const std::vector<std::uint32_t> decimals[] = {{6, 8}, {8, 6, 6}};
  std::vector<ToldPool> pools;
  for (const char* variant :
       {"20210418-weighted-pool", "20230320-weighted-pool-v4", "20241205-v3-weighted-pool",
        "20260115-v3-weighted-pool-v2", "20210624-stable-pool", "20210727-meta-stable-pool",
        "20240223-composable-stable-pool-v6", "20241205-v3-stable-pool",
        "20260116-v3-stable-pool-v3"}) {
    ToldPool pool;
    pool.variant = variant;
    const std::size_t place = pools.size();
    pool.address = "0x" + word(0x5000 + place).substr(24);
    pool.tokens = told_tokens(decimals[place % 2]);
    const bool weighted = pool.variant.find("weighted") != pool.variant.npos;
    for (std::size_t i = 0; i < pool.tokens.size(); ++i) {
      VenueToken& token = pool.tokens[i];
      token.address = "0x" + word(0x1000 + 16 * place + i).substr(24);
      Integer balance = 1'000'000 + 70'000 * i + 1'000 * place;
      for (std::uint32_t digit = 0; digit < token.decimals; ++digit) balance *= 10;
      pool.balances.push_back(balance + 123 * (i + 1));
      pool.rates.push_back(i == 1 && !weighted && place != 4 ? one + one / 9 : one);
    }
    pool.fee = one / 1'000 * (1 + place % 4);
    pool.aggregate_fee = pool.is_v3() ? Integer(one / 2) : Integer(0);
    if (weighted) {
      pool.weights = pool.tokens.size() == 2 ? std::vector<Integer>{one / 5 * 4, one / 5}
                                             : std::vector<Integer>{one / 2, one / 4, one / 4};
    } else {
      pool.amp = 100'000 * (1 + place);
    }
    pools.push_back(pool);
  }
  return pools;
}

}  // namespace

TEST_CASE("swaps of Balancer's pools are quoted as Ethereum answered at block 24407242") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  Count count;
  const json::object file = recorded("mainnet_v2.json");
  for (const json::value& pool : file.at("pools").as_array()) {
    compare(venue, pool.as_object(), count);
  }
  require_none_wrong(count);
  CHECK(count.swaps == 537);
  CHECK(count.succeed >= 500);
}

TEST_CASE("the vectors that Balancer publishes for its V3 vault are quoted to the unit") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  Count count;
  const json::object file = recorded("vectors_v3.json");
  for (const json::value& pool : file.at("pools").as_array()) {
    compare(venue, pool.as_object(), count);
  }
  require_none_wrong(count);
  CHECK(count.swaps == 6);
  CHECK(count.succeed == 6);
}

TEST_CASE("random swaps of the V3 vault are quoted as Balancer's own package computes them") {
  const std::string command = std::string(GANTRY_NODE) + " '" + GANTRY_BALANCER_TESTS +
                              "/v3_answers.mjs' '" + GANTRY_EVM_TESTS + "' 20241205 600 40";
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
  REQUIRE(pipe != nullptr);
  std::string text;
  char buffer[4096];
  for (std::size_t size = 0; (size = std::fread(buffer, 1, sizeof(buffer), pipe.get())) != 0;) {
    text.append(buffer, size);
  }
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  Count weighted;
  Count stable;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const json::object described = json::parse(line).as_object();
    compare(venue, described, described.contains("amp") ? stable : weighted);
  }
  std::cout << "V3: " << weighted.swaps << " weighted swaps, " << weighted.succeed << " succeed; "
            << stable.swaps << " stable, " << stable.succeed << "\n";
  require_none_wrong(weighted);
  require_none_wrong(stable);
  for (const Count* count : {&weighted, &stable}) {
    CHECK(count->swaps >= 10'000);
    CHECK(count->succeed * 100 >= count->swaps * 80);
  }
}

TEST_CASE("the kit's pools are told to the plugin and quoted") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  for (const ToldPool& pool : pools_for_the_kit()) {
    INFO(pool.variant);
    REQUIRE(tell(venue, pool) == GANTRY_OK);
    gantry_swap_limits limits{};
    CHECK(venue.limits(0, 1, limits) == GANTRY_OK);
  }
}

// Writes recorded/pools.gantry, for `gantry plugin check --recording`.
TEST_CASE("the kit's pools as a recording", "[.record]") {
  const char* path = std::getenv("GANTRY_RECORD_TO");
  REQUIRE(path != nullptr);
  auto writer = host::RecordingWriter::create(path);
  REQUIRE(writer);
  REQUIRE(writer->append(
      host::recording::Header{.chain = "eip155:1",
                              .provenance = "Synthetic pools of Balancer's families, for the kit",
                              .creator = "test_balancer"}));
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  std::map<std::string, std::uint32_t> handles;
  std::vector<host::recording::Pool> pools;
  std::vector<host::recording::Fact> facts;
  for (const ToldPool& pool : pools_for_the_kit()) {
    std::vector<OwnedFact> told;
    REQUIRE(tell(venue, pool, answers_of(pool), &told) == GANTRY_OK);
    host::recording::Pool row{"balancer", to_address(pool.address), {}, metadata_of(pool)};
    for (const VenueToken& token : pool.tokens) {
      const auto [place, is_new] =
          handles.emplace(token.address, static_cast<std::uint32_t>(handles.size()));
      if (is_new) {
        REQUIRE(writer->append(host::recording::Token{to_address(token.address), "",
                                                      static_cast<std::uint8_t>(token.decimals)}));
      }
      row.tokens.push_back(place->second);
    }
    for (const OwnedFact& fact : told) {
      facts.push_back({.pool = static_cast<std::uint32_t>(pools.size()),
                       .kind = host::recording::FactKind::evm_call,
                       .tag = fact.fields.tag,
                       .source = fact.fields.emitter,
                       .data = fact.data});
    }
    pools.push_back(std::move(row));
  }
  for (auto& pool : pools) REQUIRE(writer->append(pool));
  REQUIRE(writer->append(host::recording::Block{.number = 24'407'242, .time_s = 1'770'000'000}));
  for (auto& fact : facts) REQUIRE(writer->append(fact));
  REQUIRE(writer->finish());
}

}  // namespace gantry::test

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

// Whether the kit's laws, which allow three units for rounding and a tenth for the price that a
// hundredth of the pool moves, are meant for this pool. The contracts round by thousands of units
// of 18 decimals where the pool is stable, or its exponent 1, 2 or 4; at 90/10 prices move faster.
bool keeps_to_laws(const ToldPool& pool) {
  if (pool.variant != "20210418-weighted-pool") return false;
  for (const Integer& weight : pool.weights) {
    if (weight * 6 < Integer("1000000000000000000")) return false;
  }
  return true;
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

// For `gantry plugin check --recording`.
TEST_CASE("the recorded pools as a recording", "[.record]") {
  const char* path = std::getenv("GANTRY_RECORD_TO");
  REQUIRE(path != nullptr);
  auto writer = host::RecordingWriter::create(path);
  REQUIRE(writer);
  const json::object file = recorded("mainnet_v2.json");
  REQUIRE(writer->append(host::recording::Header{
      .chain = "eip155:1", .provenance = text_of(file.at("source")), .creator = "test_balancer"}));
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  std::map<std::string, std::uint32_t> handles;
  std::vector<host::recording::Pool> pools;
  std::vector<host::recording::Fact> facts;
  for (const json::value& described : file.at("pools").as_array()) {
    const ToldPool pool = told_pool(described.as_object());
    if (!keeps_to_laws(pool)) continue;
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
  REQUIRE(writer->append(host::recording::Block{
      .number = static_cast<std::uint64_t>(file.at("block").as_int64()), .time_s = 1'770'000'000}));
  for (auto& fact : facts) REQUIRE(writer->append(fact));
  REQUIRE(writer->finish());
}

}  // namespace gantry::test

// What PancakeSwap's router on Base answered, and nobody here computed. The file names source and
// licence; tests/evm/record/import_degenbot.py made it.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "gantry/u256.hpp"
#include "sdk/venue_library.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

u256 number_in(const json::value& value) {
  const auto number = parse_decimal(std::string_view(value.as_string()));
  REQUIRE(number.has_value());
  return *number;
}

json::object recorded_pair() {
  std::ifstream file(GANTRY_UNISWAP_V2_RECORDED "/pancakeswap.json");
  std::ostringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).at("pools").at(0).as_object();
}

// How many of the recorded answers are the pair's with that fee.
int answered_alike(const json::object& pair, std::int64_t fee_bps) {
  VenueLibrary venue(GANTRY_UNISWAP_V2_PLUGIN, fee_bps);
  REQUIRE(venue.open(18, 6) == GANTRY_OK);
  const json::array& reserves = pair.at("reserves").as_array();
  REQUIRE(venue.apply({number_in(reserves.at(0)), number_in(reserves.at(1)), u256(0)}, true) ==
          GANTRY_OK);
  int alike = 0;
  for (const json::value& row : pair.at("answers").as_array()) {
    const auto in = row.at(0).to_number<std::uint32_t>();
    gantry_quote quote{};
    const gantry_status status =
        venue.quote({number_in(row.at(2)).amount(), in, 1 - in, GANTRY_EXACT_IN, 0}, quote);
    // getAmountsOut() answers 0 where the pair's swap() would take the amount and pay nothing.
    const u256 answer = number_in(row.at(3));
    const bool same = answer.is_zero() ? status == GANTRY_NO_LIQUIDITY
                                       : status == GANTRY_OK && u256(quote.amount_out) == answer;
    UNSCOPED_INFO(json::serialize(row)
                  << ": status " << status << ", " << to_string(u256(quote.amount_out)));
    alike += same ? 1 : 0;
  }
  return alike;
}

}  // namespace

TEST_CASE("a pair of PancakeSwap V2 is quoted as its router answered on Base, to the unit") {
  const json::object pair = recorded_pair();
  REQUIRE(pair.at("answers").as_array().size() == 24);
  const std::int64_t fee_bps = pair.at("fee_bps").as_int64();
  CHECK(fee_bps == 25);
  CHECK(answered_alike(pair, fee_bps) == 24);
  // Of another fork's fee only dust is the same.
  CHECK(answered_alike(pair, 30) < 12);
}

}  // namespace gantry::test

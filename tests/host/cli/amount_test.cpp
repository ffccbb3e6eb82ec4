#include <catch2/catch.hpp>

#include "host/cli/quoted_market.hpp"

using namespace gantry;
using namespace gantry::host;
using gantry::host::cli::parse_amount_of;

TEST_CASE("an amount is in smallest units unless it has a point or a symbol") {
  const TokenInfo token{.symbol = "USDC", .decimals = 6};
  CHECK(parse_amount_of("1500000", token).value() == u256(1500000));
  CHECK(parse_amount_of("1.5", token).value() == u256(1500000));
  CHECK(parse_amount_of("2 USDC", token).value() == u256(2000000));
  CHECK(parse_amount_of("2usdc", token).value() == u256(2000000));
  CHECK(parse_amount_of(".5", token).value() == u256(500000));
  CHECK(parse_amount_of("1.5000000000", token).value() == u256(1500000));
}

TEST_CASE("an amount that is none, too fine, too large or of another token is refused") {
  const TokenInfo token{.symbol = "USDC", .decimals = 6};
  for (const char* text :
       {"", ".", "0", "0.0", "-1", "1e6", "1.0000001", "1.2.3", "1 DAI", "0x10", "1 000"}) {
    INFO(text);
    const auto amount = parse_amount_of(text, token);
    REQUIRE_FALSE(amount);
    CHECK(amount.error().kind == ErrorKind::usage);
  }
  const std::string most = to_string(u256::max());
  CHECK(parse_amount_of(most, token).value() == u256::max());
  CHECK_FALSE(parse_amount_of(most + "0", token));
  CHECK_FALSE(parse_amount_of(most + ".0", token));
}

TEST_CASE("a refused amount is told what is wrong with it") {
  const TokenInfo token{.symbol = "WETH", .decimals = 18};
  const auto why = [&](const char* text) {
    const auto amount = parse_amount_of(text, token);
    REQUIRE_FALSE(amount);
    return amount.error().message;
  };
  CHECK_THAT(why("-1"), Catch::Contains("more than nothing"));
  CHECK_THAT(why("-1 WETH"), Catch::Contains("more than nothing"));
  for (const char* text : {"1e18", "1E18", "1.5e+3", "1e-3"}) {
    CHECK_THAT(why(text), Catch::Contains("exponents are not read"));
  }
  CHECK_THAT(why("0x10"), Catch::Contains("has to be decimal"));
  for (const char* text : {"", "+1", "WETH", "nan"}) {
    CHECK_THAT(why(text), Catch::Contains("begin with a digit"));
  }
  CHECK_THAT(why("1 DAI"), Catch::Contains("of WETH, not of `DAI`"));
  const TokenInfo odd{.symbol = "E18", .decimals = 0};
  CHECK(parse_amount_of("2e18", odd).value() == u256(2));
}

#include "host/import/pairs_json.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <memory>

using namespace gantry;
using namespace gantry::host;

namespace {

constexpr const char* low = "0x1111111111111111111111111111111111111111";
constexpr const char* high = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";

Result<PairList> read(const std::string& text) {
  recording::MemorySource source({text.begin(), text.end()});
  return read_pairs(source, "pairs.json");
}

std::string token(const std::string& address, const std::string& symbol = "AAA",
                  const std::string& decimal = "18") {
  return fmt::format(R"({{"address": "{}", "symbol": "{}", "decimal": {}}})", address, symbol,
                     decimal);
}

std::string pair(const std::string& reserve0 = "5", const std::string& reserve1 = "7",
                 const std::string& token0 = token(low), const std::string& token1 = token(high)) {
  return fmt::format(
      R"({{"index": 0, "address": "{}", "token0": {}, "token1": {}, "reserve0": {}, "reserve1": {}}})",
      low, token0, token1, reserve0, reserve1);
}

std::string error_of(const std::string& text) {
  const auto list = read(text);
  return list ? "" : list.error().message;
}

}  // namespace

TEST_CASE("a reserve above 2^64 is read to its last digit") {
  const auto list =
      read("[" + pair("5192296858534827628530496329220095", "524595304157729979983018") + "]");
  REQUIRE(list);
  REQUIRE(to_string(list->pairs.at(0).reserves[0]) == "5192296858534827628530496329220095");
  REQUIRE(to_string(list->pairs.at(0).reserves[1]) == "524595304157729979983018");
  REQUIRE(list->pairs[0].tokens[1].address.bytes[0] == 0xC0);
  REQUIRE(list->pairs[0].tokens[1].address.bytes[19] == 0xC2);
  REQUIRE(list->pairs[0].tokens[0].decimals == 18);
}

TEST_CASE("a list is read the same wherever the reader's buffer ends") {
  // Longer than one buffer, so that names, numbers and text fall across its end at every offset.
  const std::string one =
      pair("123456789012345678901234567890", "98765432109876543210", token(low, "LONGSYMBOL"));
  for (std::size_t shift = 0; shift < one.size() + 2; shift += 3) {
    std::string text(shift, ' ');
    text += "[" + one;
    while (text.size() < 70'000) text += "," + one;
    text += "]";
    const auto list = read(text);
    REQUIRE(list);
    REQUIRE(list->pairs.size() > 150);
    for (const PairEntry& entry : list->pairs) {
      REQUIRE(to_string(entry.reserves[0]) == "123456789012345678901234567890");
      REQUIRE(to_string(entry.reserves[1]) == "98765432109876543210");
      REQUIRE(entry.tokens[0].symbol == "LONGSYMBOL");
    }
  }
}

TEST_CASE("an error says line, column, byte, pair and what is wrong") {
  const std::string message = error_of("[\n" + pair() + ",\n" + pair("-1") + "]");
  REQUIRE(message.find("pairs.json:3:") == 0);
  REQUIRE(message.find("(byte ") != std::string::npos);
  REQUIRE(message.find("pair 1: \"reserve0\" is -1, not a whole number") != std::string::npos);
}

TEST_CASE("a pair that is not as it should be is refused, and it is said why") {
  const auto a = low;
  const std::string b = high;
  const auto [text, reason] = GENERATE_COPY(table<std::string, std::string>({
      {"[" + pair("1.5") + "]", "not a whole number"},
      {"[" + pair("1e5") + "]", "not a whole number"},
      {"[" + pair("5192296858534827628530496329220096") + "]", "above 2^112-1"},
      {"[" + pair(std::string(78, '9')) + "]", "is "},
      {"[" + pair(std::string(200, '9')) + "]", "too long"},
      {"[" + pair("\"5\"") + "]", "a string is not expected"},
      {"[" + pair("null") + "]", "null is not expected"},
      {"[" + pair("true") + "]", "true or false"},
      {"[" + pair("[]") + "]", "a list is not expected"},
      {"[" + pair("{}") + "]", "an object is not expected"},
      {"[" + pair("1", "1", token("0x12")) + "]", "40 hexadecimal digits"},
      {"[" + pair("1", "1", token("0xZZ11111111111111111111111111111111111111")) + "]",
       "40 hexadecimal digits"},
      {"[" + pair("1", "1", token("1111111111111111111111111111111111111111aa")) + "]",
       "40 hexadecimal digits"},
      {"[" + pair("1", "1", token(b), token(a)) + "]", "not a Uniswap V2 pair"},
      {"[" + pair("1", "1", token(a), token(a)) + "]", "not a Uniswap V2 pair"},
      {"[" + pair("1", "1", token(a, "A", "78")) + "]", "above 77"},
      {"[" + pair("1", "1", token(a, "A", "-1")) + "]", "not a whole number"},
      {"[" + pair("1", "1", R"({"address": "0x1111111111111111111111111111111111111111"})") + "]",
       "\"symbol\" is missing"},
      {"[" + pair("1", "1", "\"AAA\"") + "]", "a string is not expected"},
      {"[{}]", "\"index\" is missing"},
      {R"([{"index": 1, "index": 2}])", "comes twice"},
      {R"([{"reserves": 1}])", "\"reserves\" is not a key of a pair"},
      {R"([{"\u001b[2J": 1}])", "\"?[2J\" is not a key"},
      {"{}", "not a list of pairs"},
      {"[[]]", "a list is not expected"},
      {"[1]", "a number is not expected"},
      {"[\"a\"]", "a string is not expected"},
      {"3", "a number is not expected"},
  }));
  CAPTURE(text);
  const std::string message = error_of(text);
  CAPTURE(message);
  REQUIRE_FALSE(message.empty());
  REQUIRE(message.find(reason) != std::string::npos);
}

TEST_CASE("a list that is cut at any byte is refused") {
  const std::string whole = "[" + pair() + "]";
  REQUIRE(read(whole));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    CAPTURE(size);
    REQUIRE(error_of(whole.substr(0, size)).find("pairs.json:1:") == 0);
  }
}

TEST_CASE("what is no JSON, or follows the list, is refused") {
  for (const std::string text : {"", " ", "[,]", "[}", "[]]", "[] x", "\xEF\xBB\xBF[]", "nul"}) {
    CAPTURE(text);
    REQUIRE_FALSE(error_of(text).empty());
  }
  REQUIRE(read(" [] \n"));
  // Also when the list ends exactly where a buffer does.
  const std::string full = "[" + std::string((64U << 10U) - 2, ' ') + "]";
  REQUIRE(read(full));
  REQUIRE_FALSE(error_of(full + "x").empty());
}

TEST_CASE("symbols become printable, and it is counted") {
  REQUIRE(printable_symbol("WETH") == "WETH");
  REQUIRE(printable_symbol("UBOMB V2") == "UBOMB V2");
  REQUIRE(printable_symbol(" WETH ") == "_WETH_");
  REQUIRE(printable_symbol("\xE7\x88\xB9") == "?");
  REQUIRE(printable_symbol("A\x1b[31m\n") == "A?[31m?");
  REQUIRE(printable_symbol("a\xFFz") == "a?z");
  REQUIRE(printable_symbol("") == "?");
  REQUIRE(printable_symbol("   ") == "___");
  REQUIRE(printable_symbol(std::string(200, 'x')).size() == 64);
  const auto list =
      read("[" + pair("1", "1", token(low, "\\u0000\\u2615"), token(high, "a\xFF")) + "]");
  REQUIRE(list);
  REQUIRE(list->pairs[0].tokens[0].symbol == "??");
  REQUIRE(list->pairs[0].tokens[1].symbol == "a?");
  REQUIRE(list->sanitised_symbols == 2);
}

#include "host/import/univ2_pairs.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "support/market.hpp"
#include "support/temporary_folder.hpp"
#include "tests/host/import/v2_swap.hpp"

using namespace gantry::host;
using namespace gantry::test;
namespace fs = std::filesystem;

namespace {

std::string address(unsigned number) { return fmt::format("0x{:040x}", number); }
constexpr const char* weth = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";

std::string pair(unsigned number, const std::string& token0, const std::string& token1,
                 const std::string& reserve0, const std::string& reserve1) {
  const auto token = [](const std::string& at) {
    return fmt::format(R"({{"address":"{}","symbol":"T{}","decimal":18}})", at, at.substr(38));
  };
  return fmt::format(
      R"({{"index":{},"address":"{}","token0":{},"token1":{},"reserve0":{},"reserve1":{}}})",
      number, address(1000 + number), token(token0), token(token1), reserve0, reserve1);
}

// Three pools of one triangle, and two without reserves.
std::string small_list() {
  return "[" + pair(0, address(1), weth, "5000000000000000000000", "2000000000000000000000") + "," +
         pair(1, address(2), weth, "90000000000000000000000", "1000000000000000000000") + "," +
         pair(2, address(1), address(2), "700000000000000000000", "30000000000000000000000") + "," +
         pair(3, address(3), weth, "0", "0") + "," + pair(4, address(4), weth, "0", "1") + "]";
}

ImportOptions options_of(const TemporaryFolder& folder, const std::string& list,
                         std::uint64_t swaps = 0) {
  std::ofstream(folder / "pairs.json") << list;
  ImportOptions options;
  options.input = folder / "pairs.json";
  options.output = folder / "market.gantry";
  options.stream.swaps = swaps;
  return options;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("pairs become tokens, pools and one block of facts; empty ones are counted") {
  const TemporaryFolder folder;
  const auto report = import_univ2_pairs(options_of(folder, small_list()));
  REQUIRE(report);
  REQUIRE(report->pairs == 5);
  REQUIRE(report->empty == 2);
  REQUIRE(report->pools == 3);
  REQUIRE(report->tokens == 3);
  REQUIRE(report->blocks == 1);
  REQUIRE(report->swaps == 0);
  const Market market = load_market(folder / "market.gantry");
  REQUIRE(market.end.digest == report->digest);
  REQUIRE(market.header.provenance == report->provenance);
  REQUIRE(market.header.provenance.find("stream") == std::string::npos);
  REQUIRE(market.pools[2].address == address(1002));
  REQUIRE(market.tokens[market.pools[2].tokens[0]].address == address(1));
  REQUIRE(market.tokens[market.pools[2].tokens[1]].address == address(2));
  REQUIRE(market.pools[2].reserves[0] == cpp_int("700000000000000000000"));
  REQUIRE(market.pools[2].reserves[1] == cpp_int("30000000000000000000000"));
}

TEST_CASE("a stream has the swaps that were asked for, each of them exact") {
  const TemporaryFolder folder;
  const auto report = import_univ2_pairs(options_of(folder, small_list(), 500));
  REQUIRE(report);
  REQUIRE(report->swaps == 500);
  const Market market = load_market(folder / "market.gantry");
  REQUIRE(market.syncs.size() == 500);
  REQUIRE(market.header.provenance.find("500 exact swaps of seed 1") != std::string::npos);
  REQUIRE(require_exact_swaps(market) == 500);
}

TEST_CASE("the same seed gives the same bytes, another seed gives others") {
  const TemporaryFolder folder;
  auto options = options_of(folder, small_list(), 300);
  REQUIRE(import_univ2_pairs(options));
  const std::string first = bytes_of(options.output);
  REQUIRE(import_univ2_pairs(options));
  REQUIRE(bytes_of(options.output) == first);
  options.stream.seed = 2;
  REQUIRE(import_univ2_pairs(options));
  REQUIRE(bytes_of(options.output) != first);
}

TEST_CASE("a seed leads to the same reserves on every machine") {
  const TemporaryFolder folder;
  REQUIRE(import_univ2_pairs(options_of(folder, small_list(), 300)));
  const Market market = load_market(folder / "market.gantry");
  std::array<std::array<cpp_int, 2>, 3> last;
  for (const MarketSync& sync : market.syncs) last.at(sync.pool) = sync.reserves;
  // What the first build of this stream gave: every draw before the last shows in them.
  REQUIRE(last[0][0].str() == "4977479150038853714464");
  REQUIRE(last[0][1].str() == "2010994443419371751084");
  REQUIRE(last[1][0].str() == "90424450227851324983666");
  REQUIRE(last[1][1].str() == "995774811607253121883");
  REQUIRE(last[2][0].str() == "691719443924588880403");
  REQUIRE(last[2][1].str() == "30367033932582972774143");
}

TEST_CASE("an input that contradicts itself is refused, and no recording gets its name") {
  const TemporaryFolder folder;
  const std::string one = pair(0, address(1), weth, "5", "5");
  std::string other_symbol = pair(1, address(1), weth, "5", "5");
  other_symbol.replace(other_symbol.find("\"T"), 2, "\"X");
  const auto [list, reason] = GENERATE_COPY(table<std::string, std::string>({
      {"[" + one + "," + one + "]", "comes twice"},
      {"[" + one + "," + other_symbol + "]", "is told in two ways"},
      {"[]", "no pair has reserves"},
      {"[" + pair(0, address(1), weth, "0", "5") + "]", "no pair has reserves"},
      {"[" + one, "pairs.json:1:"},
  }));
  const auto report = import_univ2_pairs(options_of(folder, list));
  REQUIRE_FALSE(report);
  CAPTURE(report.error().message);
  REQUIRE(report.error().kind == ErrorKind::format);
  REQUIRE(report.error().message.find(reason) != std::string::npos);
  REQUIRE(report.error().message.find("pairs.json") != std::string::npos);
  REQUIRE_FALSE(fs::exists(folder / "market.gantry"));
}

TEST_CASE("pools that WETH cannot value, or that are too small, cannot trade: no endless search") {
  const TemporaryFolder folder;
  const auto list = GENERATE_COPY(
      as<std::string>{}, "[" + pair(0, address(1), address(2), "500000", "500000") + "]",
      "[" + pair(0, address(1), weth, "1", "90000000000000000000") + "]");
  const auto report = import_univ2_pairs(options_of(folder, list, 10));
  REQUIRE_FALSE(report);
  REQUIRE(report.error().kind == ErrorKind::usage);
}

TEST_CASE("a missing input and an unprintable option are reported as what they are") {
  const TemporaryFolder folder;
  auto options = options_of(folder, small_list());
  options.source = "a\nb";
  REQUIRE(import_univ2_pairs(options).error().kind == ErrorKind::usage);
  options.input = folder / "none.json";
  REQUIRE(import_univ2_pairs(options).error().kind == ErrorKind::not_found);
}

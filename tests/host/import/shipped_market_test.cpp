// The recording in data/ is what data/README.md says it is.
#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "support/market.hpp"
#include "tests/host/import/v2_swap.hpp"

using namespace gantry::test;

namespace {
const Market& market() {
  static const Market loaded = load_market();
  return loaded;
}
}  // namespace

TEST_CASE("the shipped market has 10,704 pools with reserves, and says what is real") {
  REQUIRE(market().pools.size() == 10'704);
  REQUIRE(market().tokens.size() == 9'133);
  REQUIRE(market().end.facts == 10'704 + 12'000);
  REQUIRE(market().header.chain == "eip155:1");
  REQUIRE(market().header.provenance.find("Real: the reserves of 10704 pools") == 0);
  REQUIRE(market().header.provenance.find("Synthetic: block number and time, and the stream of "
                                          "12000 exact swaps of seed 2020") != std::string::npos);
  std::set<std::string> addresses;
  for (const MarketPool& pool : market().pools) {
    REQUIRE(pool.reserves[0] > 0);
    REQUIRE(pool.reserves[1] > 0);
    REQUIRE(pool.tokens[0] != pool.tokens[1]);
    REQUIRE(addresses.insert(pool.address).second);
  }
}

TEST_CASE("the shipped market's first pool is USDC and WETH, with the reserves of its source") {
  const MarketPool& pool = market().pools.at(0);
  REQUIRE(pool.address == "0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc");
  REQUIRE(market().tokens.at(pool.tokens[0]).symbol == "USDC");
  REQUIRE(market().tokens.at(pool.tokens[0]).decimals == 6);
  REQUIRE(market().tokens.at(pool.tokens[1]).symbol == "WETH");
  REQUIRE(pool.reserves[0] == cpp_int("176560092727090"));
  REQUIRE(pool.reserves[1] == cpp_int("524595304157729979983018"));
}

TEST_CASE("each of the shipped market's 12,000 swaps is exact") {
  REQUIRE(require_exact_swaps(market()) == 12'000);
}

TEST_CASE("the shipped market's blocks are 13 seconds apart and hold about three swaps") {
  const auto& blocks = market().blocks;
  REQUIRE(blocks.front() == 10'982'000);
  for (std::size_t i = 0; i < blocks.size(); ++i) REQUIRE(blocks[i] == blocks.front() + i);
  std::map<std::uint64_t, std::size_t> swaps;
  std::uint64_t block = 0;
  std::uint32_t log_index = 0;
  for (const MarketSync& sync : market().syncs) {
    REQUIRE(sync.time_s == 1'601'726'400 + 13 * (sync.block - blocks.front()));
    REQUIRE((sync.block > block || (sync.block == block && sync.log_index > log_index)));
    block = sync.block;
    log_index = sync.log_index;
    ++swaps[block];
  }
  REQUIRE(blocks.size() > 3'800);
  REQUIRE(blocks.size() < 4'200);
  const auto most = std::max_element(
      swaps.begin(), swaps.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  REQUIRE(most->second >= 7);
}

TEST_CASE("the shipped market's swaps are spread over many pools and both directions") {
  std::map<std::uint32_t, std::size_t> by_pool;
  std::map<std::uint32_t, cpp_int> last0;
  std::size_t first_in = 0;
  for (const MarketSync& sync : market().syncs) {
    ++by_pool[sync.pool];
    const auto [place, added] = last0.try_emplace(sync.pool, market().pools[sync.pool].reserves[0]);
    if (sync.reserves[0] > place->second) ++first_in;
    place->second = sync.reserves[0];
  }
  CAPTURE(by_pool.size(), first_in);
  REQUIRE(by_pool.size() > 300);
  REQUIRE(first_in > 5'000);
  REQUIRE(first_in < 7'000);
  for (const auto& [pool, count] : by_pool) REQUIRE(count < 2'000);
}

TEST_CASE("the shipped market's symbols are printable") {
  for (const MarketToken& token : market().tokens) {
    CAPTURE(token.address);
    REQUIRE_FALSE(token.symbol.empty());
    for (const char c : token.symbol) REQUIRE((c >= 0x20 && c <= 0x7E));
  }
}

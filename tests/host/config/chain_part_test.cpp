#include "host/config/chain_part.hpp"

#include <algorithm>

#include "fixture.hpp"

using namespace gantry::host;
using namespace gantry::host::test;

namespace {

Configuration two_chains() {
  auto loaded = parse({.gantry = "[[chain]]\nid = \"eip155:1\"\n"
                                 "[[chain]]\nid = \"eip155:10\"\nname = \"optimism\"\n"
                                 "enabled = false\n"
                                 "[risk]\nmin_profit_usd = 5\n",
                       .dex = "[[dex]]\nname = \"uni\"\nplugin = \"uniswap_v2\"\n"
                              "[[dex]]\nname = \"uni.ten\"\nplugin = \"uniswap_v2\"\n"
                              "chain = \"eip155:10\"\nfee_bps = 7\n",
                       .strategies = "[strategies.triangular]\n"
                                     "[strategies.ten]\nplugin = \"triangular\"\n"
                                     "chain = \"eip155:10\"\n"
                                     "[strategy_priorities]\ntriangular = 7\nten = 9\n"});
  REQUIRE(loaded.has_value());
  return std::move(*loaded);
}

bool has_key(const Configuration& configuration, std::string_view path) {
  return std::ranges::find(configuration.keys, path, &EffectiveKey::path) !=
         configuration.keys.end();
}

}  // namespace

TEST_CASE("a chain's part has its own instances and keys, and what belongs to no chain") {
  const Configuration whole = two_chains();
  CHECK(whole.chains[0].enabled);
  CHECK_FALSE(whole.chains[1].enabled);
  const Configuration one = chain_part(whole, "eip155:1");
  REQUIRE(one.chains.size() == 1);
  CHECK(one.chains.front().id == "eip155:1");
  REQUIRE(one.dexes.size() == 1);
  CHECK(one.dexes.front().name == "uni");
  REQUIRE(one.strategies.size() == 1);
  CHECK(one.strategies.front().name == "triangular");
  CHECK(one.risk.min_profit_usd == 5);
  for (const char* own :
       {"chain.eip155:1.name", "dex.uni.fee_bps", "strategies.triangular.max_hops",
        "strategy_priorities.triangular", "risk.min_profit_usd"}) {
    INFO(own);
    CHECK(has_key(one, own));
  }
  for (const char* other : {"chain.eip155:10.name", "dex.uni.ten.fee_bps",
                            "strategies.ten.max_hops", "strategy_priorities.ten"}) {
    INFO(other);
    CHECK(has_key(whole, other));
    CHECK_FALSE(has_key(one, other));
  }
}

TEST_CASE("a name that begins as another chain's does keeps its keys") {
  const Configuration ten = chain_part(two_chains(), "eip155:10");
  REQUIRE(ten.dexes.size() == 1);
  CHECK(ten.dexes.front().name == "uni.ten");
  CHECK(has_key(ten, "dex.uni.ten.fee_bps"));
  CHECK_FALSE(has_key(ten, "dex.uni.fee_bps"));
  CHECK(has_key(ten, "chain.eip155:10.name"));
  CHECK_FALSE(has_key(ten, "chain.eip155:1.name"));
}

TEST_CASE("the part of the only chain is the whole") {
  auto loaded = parse({.gantry = good_gantry, .dex = good_dex, .strategies = good_strategies});
  REQUIRE(loaded.has_value());
  const Configuration part = chain_part(*loaded, "eip155:1");
  CHECK(part.keys.size() == loaded->keys.size());
  CHECK(part.dexes.size() == loaded->dexes.size());
  CHECK(part.strategies.size() == loaded->strategies.size());
}

// config/live: what is shipped for live chains names real pools. An address that a factory gives is
// a hash of the factory, the tokens, the fee and the pools' code, so no wrong digit could stay
// unseen.
#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "fixture.hpp"
#include "host/base/text.hpp"
#include "plugins/dex/evm/address.hpp"
#include "plugins/dex/uniswap_v2/factory.hpp"

using namespace gantry::host;
using namespace gantry::host::test;
namespace evm = gantry::evm;

namespace {

// Of UniswapV3Pool, as PoolAddress.sol of Uniswap's v3-periphery has it.
const evm::Topic v3_code =
    *evm::parse_hex<32>("0xe34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54");
constexpr unsigned v3_fees[] = {100, 500, 3000, 10000};

Configuration load_live() {
  std::vector<PluginFile> plugins;
  for (const char* plugin :
       {"dex/uniswap_v2", "dex/uniswap_v3", "dex/curve", "dex/balancer", "strategies/triangular"}) {
    std::ifstream file(std::string(GANTRY_SHIPPED_PLUGINS) + "/" + plugin + "/plugin.json");
    plugins.push_back(installed(std::string(std::istreambuf_iterator<char>(file), {})));
  }
  auto loaded = load_configuration(
      ConfigFiles::in_folder(GANTRY_SHIPPED_CONFIG "/live"),
      [&](const PluginSettings&) { return plugins; },
      environment({{"ALCHEMY_API_KEY", "alchemy-key"}, {"ANKR_API_KEY", "ankr-key"}}));
  if (!loaded) FAIL(render_text(loaded.error(), false));
  return std::move(*loaded);
}

std::string text_of(const DexSettings& dex, std::string_view name) {
  const auto at = std::ranges::find(dex.parameters, name, &ParameterSetting::name);
  REQUIRE(at != dex.parameters.end());
  return std::get<std::string>(at->value);
}

evm::Address v2_pair(const DexSettings& dex, const evm::Address& a, const evm::Address& b) {
  const auto factory =
      gantry::uniswap_v2::Factory::parse(text_of(dex, "factory"), text_of(dex, "init_code_hash"));
  REQUIRE(factory);
  return factory->pair_of(a, b);
}

evm::Address v3_pool(const DexSettings& dex, const evm::Address& a, const evm::Address& b,
                     unsigned fee) {
  evm::Address factory{};
  REQUIRE(evm::parse_address(text_of(dex, "factory"), factory) == nullptr);
  std::vector<std::uint8_t> words(96);
  std::ranges::copy(a, words.begin() + 12);
  std::ranges::copy(b, words.begin() + 44);
  words[94] = static_cast<std::uint8_t>(fee >> 8U);
  words[95] = static_cast<std::uint8_t>(fee);
  return evm::create2_address(factory, evm::keccak256(words), v3_code);
}

}  // namespace

TEST_CASE("the configuration for live chains charges L2s for data, and no other chain") {
  for (const ChainSettings& chain : load_live().chains) {
    CAPTURE(chain.name);
    CHECK(chain.data_fee == (chain.id == "eip155:10"      ? DataFeeKind::op_stack
                             : chain.id == "eip155:42161" ? DataFeeKind::arbitrum
                                                          : DataFeeKind::none));
  }
}

TEST_CASE("the configuration for live chains has pools and a strategy on each of them") {
  const Configuration live = load_live();
  std::set<std::string> chains;
  for (const ChainSettings& chain : live.chains) {
    INFO(chain.id);
    chains.insert(chain.id);
    CHECK(chain.providers.size() >= 4);
    CHECK(!chain.usd_tokens.empty());
    CHECK(std::ranges::any_of(live.dexes, [&](const DexSettings& dex) {
      return dex.runs() && dex.chain == chain.id && !dex.pools.empty();
    }));
    CHECK(std::ranges::count_if(live.strategies, [&](const StrategySettings& strategy) {
            return strategy.runs() && strategy.chain == chain.id;
          }) == 1);
  }
  CHECK(chains == std::set<std::string>{"eip155:1", "eip155:10", "eip155:137", "eip155:250",
                                        "eip155:42161", "eip155:43114", "eip155:56"});
  CHECK(live.market.recording.empty());
}

TEST_CASE("every pair and V3 pool of the configuration for live chains is its factory's") {
  const Configuration live = load_live();
  std::set<std::string> seen;
  std::size_t pairs = 0;
  std::size_t v3_pools = 0;
  for (const DexSettings& dex : live.dexes) {
    for (const ListedPool& pool : dex.pools) {
      INFO(dex.name << " " << address_text(pool.address));
      CHECK(seen.insert(dex.chain + address_text(pool.address)).second);
      if (dex.plugin != "uniswap_v2" && dex.plugin != "uniswap_v3") continue;
      REQUIRE(pool.tokens.size() == 2);
      const evm::Address listed = evm::to_address(pool.address);
      const evm::Address first = evm::to_address(pool.tokens[0]);
      const evm::Address second = evm::to_address(pool.tokens[1]);
      CHECK(first < second);
      if (dex.plugin == "uniswap_v2") {
        ++pairs;
        CHECK(v2_pair(dex, first, second) == listed);
      } else {
        ++v3_pools;
        CHECK(std::ranges::any_of(
            v3_fees, [&](unsigned fee) { return v3_pool(dex, first, second, fee) == listed; }));
      }
    }
  }
  CHECK(pairs >= 30);
  CHECK(v3_pools >= 40);
}

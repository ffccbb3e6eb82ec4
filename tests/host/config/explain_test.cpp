#include <boost/json.hpp>

#include "fixture.hpp"

using namespace gantry::host;
using namespace gantry::host::test;

namespace {

Configuration sample() {
  auto loaded =
      parse({.gantry = "[[chain]]\nid = \"eip155:1\"\nblock_time_s = 13\n"
                       "[[chain.provider]]\nname = \"late\"\nurl = \"https://b\"\npriority = 2\n"
                       "[[chain.provider]]\nname = \"early\"\nurl = \"https://a\"\n"
                       "[risk]\nmin_profit_usd = 5\n",
             .dex = "[[dex]]\nname = \"one\"\nplugin = \"uniswap_v2\"\n"
                    "[[dex]]\nname = \"two\"\nplugin = \"uniswap_v2\"\nfee_bps = 25\n"
                    "[[dex]]\nname = \"raydium\"\nenabled = false\npriority = 9\n"
                    "[[dex]]\nname = \"top\"\nplugin = \"uniswap_v2\"\npriority = 3\n",
             .strategies = "[strategies.triangular]\nmax_hops = 4\n"
                           "[strategy_priorities]\ntriangular = 7\n"});
  REQUIRE(loaded.has_value());
  return std::move(*loaded);
}

const EffectiveKey& key(const Configuration& configuration, std::string_view path) {
  const EffectiveKey* found = nullptr;
  for (const EffectiveKey& each : configuration.keys) {
    if (each.path != path) continue;
    REQUIRE(found == nullptr);
    found = &each;
  }
  REQUIRE(found != nullptr);
  return *found;
}

}  // namespace

TEST_CASE("explain says where each value comes from") {
  const Configuration configuration = sample();
  CHECK(key(configuration, "risk.min_profit_usd").value == "5");
  CHECK(key(configuration, "risk.min_profit_usd").file == "config/gantry.toml");
  CHECK(key(configuration, "risk.min_profit_usd").line == 12);
  CHECK(key(configuration, "risk.min_profit_usd").unit == "USD");
  CHECK(key(configuration, "risk.min_confidence").line == 0);
  CHECK(key(configuration, "risk.min_confidence").value == "0.5");
  CHECK(key(configuration, "chain.eip155:1.block_time_s").line == 3);
  CHECK(key(configuration, "strategies.triangular.max_hops").of_plugin);
  CHECK(key(configuration, "strategies.triangular.max_hops").line == 2);
  CHECK(key(configuration, "strategies.triangular.order").line == 0);
  CHECK(key(configuration, "strategies.triangular.order").value == "\"profit\"");
  // A key of the host's and the plugin's: the file's value, or else the plugin's default.
  CHECK(key(configuration, "dex.two.fee_bps").value == "25");
  CHECK(key(configuration, "dex.two.fee_bps").line == 7);
  CHECK(key(configuration, "dex.one.fee_bps").value == "30");
  CHECK(key(configuration, "dex.one.fee_bps").of_plugin);
  for (const EffectiveKey& each : configuration.keys) {
    INFO(each.path);
    CHECK_FALSE(each.help.empty());
  }
}

TEST_CASE("explain says what comes first, and why") {
  const std::string text = explain_text(sample());
  INFO(text);
  const std::size_t top = text.find("1. top");
  const std::size_t one = text.find("2. one");
  const std::size_t two = text.find("3. two");
  CHECK(top < one);
  CHECK(one < two);
  CHECK(two != std::string::npos);
  CHECK(text.find("priority 3 (config/dex_config.toml:15)") != std::string::npos);
  CHECK(text.find("priority 0 (default), the same as one, which stands earlier in the file") !=
        std::string::npos);
  CHECK(text.find("priority 9 (config/dex_config.toml:11), but disabled") != std::string::npos);
  CHECK(text.find("priority 7 (config/strategies.toml:4)") != std::string::npos);
  CHECK(text.find("1. early") < text.find("2. late"));
}

TEST_CASE("explain as JSON holds the same") {
  const auto json = boost::json::parse(explain_json(sample()));
  const auto& dexes = json.at("order").at("dex").as_array();
  REQUIRE(dexes.size() == 4);
  CHECK(dexes[0].at("name") == "raydium");
  CHECK(dexes[0].at("place") == 0u);
  CHECK(dexes[1].at("name") == "top");
  CHECK(dexes[1].at("place") == 1u);
  CHECK(dexes[3].at("name") == "two");
  CHECK(json.at("providers").at("eip155:1").as_array()[0] == "early");
  CHECK(json.at("keys").as_array().size() == sample().keys.size());
}

// What differs between two configurations, as it would be changed while the host runs.
#include "host/config/change.hpp"

#include <fmt/format.h>

#include "fixture.hpp"

using namespace gantry::host;
using namespace gantry::host::test;

namespace {

const std::string dex = "[[dex]]\nname = \"uniswap_v2\"\n";
const std::string triangular = "[strategies.triangular]\nmax_hops = 4\n";
const std::string pimlico = "[[paymaster]]\nname = \"pimlico\"\napi_key = \"${PIMLICO_KEY}\"\n";

struct Texts {
  std::string gantry = std::string(good_gantry);
  std::string dexes = dex;
  std::string strategies = triangular;
};

Configuration make(const Texts& texts) {
  auto loaded = parse({.gantry = texts.gantry, .dex = texts.dexes, .strategies = texts.strategies},
                      environment({{"PIMLICO_KEY", "a-very-secret-value"}}));
  if (!loaded) FAIL(render_text(loaded.error(), false));
  return std::move(*loaded);
}

std::vector<std::string> changes(const Configuration& now, const Configuration& wanted) {
  std::vector<std::string> out;
  const ChangePlan plan = plan_change(now, wanted);
  for (const InstanceChange& change : plan.changes) out.push_back(to_string(change));
  for (const std::string& refused : plan.refused) out.push_back("refused: " + refused);
  return out;
}
std::vector<std::string> changes(const Texts& now, const Texts& wanted) {
  return changes(make(now), make(wanted));
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("the same configuration is no change, and neither is what is disabled in both") {
  CHECK(changes(Texts(), Texts()).empty());
  // Written otherwise, and the same.
  CHECK(changes({}, {.strategies = "# hops\n[strategies.triangular]\nenabled = true\n"
                                   "plugin = \"triangular\"\nmax_hops = 4\n"})
            .empty());
  CHECK(changes({.strategies = triangular + "[strategies.later]\nenabled = false\n"},
                {.strategies = triangular + "[strategies.other]\nenabled = false\n"})
            .empty());
}

TEST_CASE("what is enabled, disabled or no longer there is told with its library") {
  const Texts none{.strategies = ""};
  const Texts off{.strategies = "[strategies.triangular]\nenabled = false\nmax_hops = 4\n"};
  CHECK(changes(none, {}) == Lines{"strategy triangular: enable (library: triangular 0.1.0 ())"});
  CHECK(changes(off, {}) == changes(none, {}));
  CHECK(changes({}, none) == Lines{"strategy triangular: disable"});
  CHECK(changes({}, off) == Lines{"strategy triangular: disable"});
  CHECK(changes({}, {.strategies = triangular + "[strategies.nobody]\n"}) ==
        Lines{"strategy nobody: enable (library: none)"});
  CHECK(changes({}, {.gantry = std::string(good_gantry) + pimlico}) ==
        Lines{"paymaster pimlico: enable (library: pimlico 0.1.0 ())"});
  CHECK(changes({}, {.dexes = dex + "[[dex]]\nname = \"sushi\"\nplugin = \"uniswap_v2\"\n"}) ==
        Lines{"dex sushi: enable (library: uniswap_v2 0.1.0 ())"});
  CHECK(changes({}, {.dexes = "[[dex]]\nname = \"uniswap_v2\"\nenabled = false\n"}) ==
        Lines{"dex uniswap_v2: disable"});
}

TEST_CASE("a parameter that changes names what it was and what it will be") {
  CHECK(changes({}, {.strategies = "[strategies.triangular]\nmax_hops = 3\norder = \"depth\"\n"}) ==
        Lines{"strategy triangular: reparameterise (max_hops: 4 -> 3, "
              "order: its default -> \"depth\")"});
  CHECK(changes({}, {.strategies = "[strategies.triangular]\n"}) ==
        Lines{"strategy triangular: reparameterise (max_hops: 4 -> its default)"});
  // A key of the host's.
  CHECK(changes({}, {.strategies = triangular + "min_profit_bps = 7\n"}) ==
        Lines{"strategy triangular: reparameterise (min_profit_bps: 0 -> 7)"});
  CHECK(changes({}, {.dexes = dex + "min_liquidity_usd = 2500.5\nfee_bps = 25\npriority = 3\n"}) ==
        Lines{"dex uniswap_v2: reparameterise (priority: 0 -> 3, min_liquidity_usd: 0 -> 2500.5, "
              "fee_bps: its default -> 25)"});
}

TEST_CASE("another library under the same name is a replacement") {
  const Configuration now = make({});
  Configuration wanted = make({});
  for (PluginFile& file : wanted.plugins) {
    if (file.manifest.name != "triangular") continue;
    file.manifest.version = "0.2.0";
    file.sha256 = "0123456789abcdef";
  }
  CHECK(changes(now, wanted) == Lines{"strategy triangular: replace (library: triangular 0.1.0 () "
                                      "-> triangular 0.2.0 (0123456789ab))"});
}

TEST_CASE("what cannot be changed while it runs is refused with the reason") {
  const auto refused = [](const Texts& wanted) {
    const auto all = changes(Texts(), wanted);
    REQUIRE(all.size() == 1);
    REQUIRE(all.front().starts_with("refused: "));
    return all.front().substr(9);
  };
  CHECK(
      refused({.gantry = std::string(good_gantry) + "[risk]\nmin_profit_usd = 7\n"}) ==
      "risk.min_profit_usd: 1000 -> 7: cannot be changed while it runs, as only venues, strategies "
      "and paymasters are changed while it runs; stop, and start again");
  CHECK(refused({.strategies = triangular + "[strategy_priorities]\ntriangular = 5\n"})
            .starts_with("strategy_priorities.triangular: 0 -> 5: cannot be changed"));
  // All that is refused is told.
  const auto provider =
      changes({}, {.gantry = std::string(good_gantry) + "[[chain.provider]]\nname = \"a\"\n"
                                                        "url = \"https://a\"\n"});
  REQUIRE(provider.size() > 1);
  for (const std::string& line : provider)
    CHECK(line.starts_with("refused: chain.eip155:1.provider"));
}

TEST_CASE("the priority of a strategy that comes or goes is not refused") {
  const Texts without{.strategies = ""};
  const Texts with{.strategies = triangular + "[strategy_priorities]\ntriangular = 5\n"};
  CHECK(changes(without, with).size() == 1);
  CHECK(changes(with, without).size() == 1);
}

TEST_CASE("no secret is told: a change of one shows the templates") {
  const Texts one{.gantry = std::string(good_gantry) + pimlico};
  const Texts other{.gantry = std::string(good_gantry) +
                              "[[paymaster]]\nname = \"pimlico\"\napi_key = \"${OTHER_KEY}\"\n"};
  CHECK(changes(one, other) == Lines{"paymaster pimlico: reparameterise (api_key: "
                                     "\"${PIMLICO_KEY}\" -> \"${OTHER_KEY}\")"});
  CHECK(instances_text(make(one)).find("a-very-secret") == std::string::npos);
}

TEST_CASE("another list of pools is a change of the venue, told by their number") {
  const std::string venue = "[[dex]]\nname = \"uniswap_v2\"\n";
  const auto pool = [](char digit) {
    return "[[dex.pool]]\naddress = \"0x" + std::string(40, digit) + "\"\ntokens = [\"0x" +
           std::string(40, '3') + "\", \"0x" + std::string(40, '4') + "\"]\n";
  };
  const Lines more = changes({.dexes = venue}, {.dexes = venue + pool('1')});
  REQUIRE(more.size() == 1);
  CHECK(
      more.front().starts_with("dex uniswap_v2: reparameterise (pool: its default -> 1 listed ("));
  CHECK(changes({.dexes = venue + pool('1')}, {.dexes = venue + pool('2')}).size() == 1);
  CHECK(changes({.dexes = venue + pool('1')}, {.dexes = venue + pool('1')}).empty());
  CHECK(changes({.dexes = venue}, {.dexes = venue + "discover = false\n"}) ==
        Lines{"dex uniswap_v2: reparameterise (discover: true -> false)"});
}

TEST_CASE("what a recording keeps of the instances makes the same again") {
  const Configuration whole = make(
      {.gantry = std::string(good_gantry) + pimlico,
       .dexes = "[[dex]]\nname = \"one\"\nplugin = \"uniswap_v2\"\nfee_bps = 25\n"
                "min_liquidity_usd = 1e15\npriority = 1\n"
                "[[dex]]\nname = \"two\"\nplugin = \"uniswap_v2\"\nmax_slippage_bps = 30\n"
                "priority = 2\ndiscover = false\n"
                "[[dex.pool]]\naddress = \"0xB4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc\"\n"
                "tokens = [\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\", "
                "\"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"]\n"
                "metadata = \"0x5c6ee304399dbdb9c8ef030ab642b10820db8f56000200000000000000000014"
                " \\\"weighted\\\"\"\n"
                "[[dex]]\nname = \"off\"\nenabled = false\n",
       .strategies = "[strategies.\"tri-2\"]\nplugin = \"triangular\"\nmin_profit_bps = 12\n"
                     "prefer_high_liquidity = true\norder = \"depth\"\n"
                     "least_input = \"123456789012345678901234567890\"\n"
                     "[strategies.triangular]\nmax_hops = 6\n"
                     "[strategy_priorities]\ntriangular = 3\n\"tri-2\" = 1\n"});
  const std::string text = instances_text(whole);
  INFO(text);
  const auto again = with_instances(make({.dexes = "", .strategies = ""}), text, environment({}));
  if (!again) FAIL(render_text(again.error(), false));
  CHECK(instances_text(*again) == text);
  const ChangePlan plan = plan_change(whole, *again);
  CHECK(plan.changes.empty());
  REQUIRE(again->strategies.size() == 2);
  CHECK(again->strategies.front().name == "triangular");
  CHECK(again->dexes.front().name == "two");
  CHECK(again->dexes.size() == 2);
  CHECK(again->paymasters.size() == 1);
  REQUIRE(again->dexes.front().pools.size() == 1);
  CHECK(again->dexes.front().pools.front().metadata.ends_with("014 \"weighted\""));
  // Not one value is another: a replay compares them.
  for (const EffectiveKey& key : whole.keys) {
    if (key.path.starts_with("dex.off")) continue;
    const auto same = std::ranges::find(again->keys, key.path, &EffectiveKey::path);
    INFO(key.path);
    REQUIRE(same != again->keys.end());
    CHECK(same->value == key.value);
  }

  // Not what a host has written: refused, and nothing is taken.
  CHECK_FALSE(with_instances(whole, text + "[nonsense]\na = 1\n", environment({})).has_value());
  CHECK_FALSE(with_instances(whole, text.substr(0, text.size() / 2) + "\"", environment({})));
}

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "fixture.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry::host;
using namespace gantry::host::test;
using gantry::test::TemporaryFolder;

namespace {

// As the users wrote them.
constexpr std::string_view users_dex = R"([[dex]]                       # dex_config.toml
name = "raydium"
enabled = true
priority = 1                  # higher = checked first
min_liquidity_usd = 10000
max_slippage_bps = 100
fee_bps = 25
# lifinity also has: oracle_required = true
[[dex]]
name = "lifinity"
enabled = true
priority = 4
min_liquidity_usd = 50000
max_slippage_bps = 50
fee_bps = 10
oracle_required = true
)";
constexpr std::string_view users_strategies =
    R"([strategies.triangular]       # strategies.toml
enabled = true
min_profit_bps = 50
max_hops = 4
prefer_high_liquidity = true
[strategies.statistical]
enabled = false
lookback_hours = 24
z_score_threshold = 2.5
correlation_threshold = 0.7
min_profit_bps = 30
rebalance_interval_hours = 6
[strategies.latency]
enabled = false
max_age_ms = 500
min_price_deviation_bps = 10
execution_urgency = "critical"
[strategy_priorities]         # higher = checked first
triangular = 1
latency = 2
statistical = 3
)";

template <class Settings>
std::vector<std::string> names(const std::vector<Settings>& instances) {
  std::vector<std::string> out;
  for (const Settings& settings : instances) out.push_back(settings.name);
  return out;
}

const ParameterValue& parameter(const InstanceSettings& settings, std::string_view name) {
  for (const ParameterSetting& setting : settings.parameters) {
    if (setting.name == name) return setting.value;
  }
  FAIL("no parameter " << name);
  return settings.parameters.front().value;
}

}  // namespace

TEST_CASE("the users' own files load unchanged") {
  const auto loaded =
      parse({.gantry = good_gantry, .dex = users_dex, .strategies = users_strategies});
  REQUIRE(loaded.has_value());

  // Higher = checked first.
  CHECK(names(loaded->dexes) == std::vector<std::string>{"lifinity", "raydium"});
  CHECK(names(loaded->strategies) ==
        std::vector<std::string>{"statistical", "latency", "triangular"});
  const DexSettings& raydium = loaded->dexes[1];
  CHECK(raydium.enabled);
  CHECK_FALSE(raydium.runs());
  CHECK(raydium.min_liquidity_usd == 10000);
  CHECK(raydium.max_slippage_bps == 100);
  CHECK(raydium.fee_bps == 25);

  const StrategySettings& triangular = loaded->strategies[2];
  CHECK(triangular.runs());
  CHECK(triangular.min_profit_bps == 50);
  // A key of both goes to both, as the type that each wants.
  CHECK(std::get<double>(parameter(triangular, "min_profit_bps")) == 50);
  CHECK(std::get<std::int64_t>(parameter(triangular, "max_hops")) == 4);
  CHECK(std::get<bool>(parameter(triangular, "prefer_high_liquidity")));
  CHECK(std::get<std::string>(parameter(triangular, "order")) == "profit");
  CHECK(triangular.parameters.size() == 5);

  // Named but not installed: told, stopping nothing.
  REQUIRE(loaded->report.warnings.size() == 2);
  const Diagnostic& raydium_warning = loaded->report.warnings[0];
  CHECK(raydium_warning.line == 1);
  CHECK(raydium_warning.message ==
        "dex.raydium is named but not installed: no dex \"raydium\" in the plugin folders");
  const Diagnostic& lifinity_warning = loaded->report.warnings[1];
  CHECK(lifinity_warning.message ==
        "dex.lifinity is named but not installed: no dex \"lifinity\" in the plugin folders; its "
        "own keys could not be checked: oracle_required");
  REQUIRE(loaded->report.notes.size() == 2);  // disabled ones
  CHECK(loaded->report.notes[0].message.find(
            "lookback_hours, z_score_threshold, correlation_threshold, rebalance_interval_hours") !=
        std::string::npos);
}

TEST_CASE("a likely misspelling is told even where the plugin is not installed") {
  const auto loaded = parse(
      {.gantry = {}, .dex = "[[dex]]\nname = \"raydium\"\nenabld = true\n", .strategies = {}});
  REQUIRE(loaded.has_value());
  REQUIRE(loaded->report.warnings.size() == 2);
  CHECK(loaded->report.warnings[1].line == 3);
  CHECK(loaded->report.warnings[1].suggestion == "enabled");
}

TEST_CASE("a plugin that is not installed but nearly named is suggested") {
  const auto loaded =
      parse({.gantry = {}, .dex = "[[dex]]\nname = \"uniswap_v3\"\n", .strategies = {}});
  REQUIRE(loaded.has_value());
  REQUIRE(loaded->report.warnings.size() == 1);
  CHECK(loaded->report.warnings[0].suggestion == "uniswap_v2");
}

TEST_CASE("equal priorities keep the order of the file") {
  const auto loaded = parse(
      {.gantry = {},
       .dex = "[[dex]]\nname = \"zulu\"\n[[dex]]\nname = \"alpha\"\n[[dex]]\nname = \"mike\"\n"
              "priority = 1\n",
       .strategies = "[strategies.zulu]\n[strategies.alpha]\n[strategies.mike]\n"
                     "[strategy_priorities]\nmike = 1\n"});
  REQUIRE(loaded.has_value());
  CHECK(names(loaded->dexes) == std::vector<std::string>{"mike", "zulu", "alpha"});
  CHECK(names(loaded->strategies) == std::vector<std::string>{"mike", "zulu", "alpha"});
}

TEST_CASE("for paymasters and RPC providers priority 1 comes first") {
  const auto loaded =
      parse({.gantry = "[[chain]]\nid = \"eip155:1\"\n"
                       "[[chain.provider]]\nname = \"b\"\nurl = \"https://b\"\npriority = 2\n"
                       "[[chain.provider]]\nname = \"a\"\nurl = \"https://a\"\npriority = 1\n"
                       "[[paymaster]]\nname = \"second\"\npriority = 2\n"
                       "[[paymaster]]\nname = \"first\"\npriority = 1\n",
             .dex = {},
             .strategies = {}});
  REQUIRE(loaded.has_value());
  CHECK(names(loaded->paymasters) == std::vector<std::string>{"first", "second"});
  REQUIRE(loaded->chains[0].providers.size() == 2);
  CHECK(loaded->chains[0].providers[0].name == "a");
}

TEST_CASE("one library runs under several names, by its name or its id") {
  const auto loaded =
      parse({.gantry = {},
             .dex = "[[dex]]\nname = \"sushiswap\"\nplugin = \"uniswap_v2\"\nfee_bps = 25\n"
                    "[[dex]]\nname = \"uni\"\nplugin = \"org.gantry.uniswap_v2\"\n",
             .strategies = {}});
  REQUIRE(loaded.has_value());
  CHECK(loaded->report.warnings.empty());
  REQUIRE(loaded->dexes.size() == 2);
  CHECK(loaded->dexes[0].runs());
  CHECK(std::get<std::int64_t>(parameter(loaded->dexes[0], "fee_bps")) == 25);
  CHECK(loaded->dexes[0].fee_bps == 25);
  CHECK(loaded->dexes[1].runs());
  CHECK(std::get<std::int64_t>(parameter(loaded->dexes[1], "fee_bps")) == 30);
  CHECK_FALSE(loaded->dexes[1].fee_bps.has_value());
}

TEST_CASE("amounts above 64 bits are read exactly") {
  const auto loaded = parse(
      {.gantry = {},
       .dex = {},
       .strategies = "[strategies.triangular]\nleast_input = \"115792089237316195423570985008687907"
                     "853269984665640564039457584007913129639935\"\n"});
  REQUIRE(loaded.has_value());
  const auto amount = std::get<gantry_amount>(parameter(loaded->strategies[0], "least_input"));
  for (const std::uint64_t limb : amount.limb) CHECK(limb == ~std::uint64_t{0});
  CHECK_FALSE(parse({.gantry = {},
                     .dex = {},
                     .strategies = "[strategies.triangular]\nleast_input = \"1157920892373161954235"
                                   "70985008687907853269984665640564039457584007913129639936\"\n"})
                  .has_value());
}

TEST_CASE("a disabled instance may be incomplete, but not wrong") {
  CHECK(parse({.gantry = "[[chain]]\nid = \"eip155:1\"\n[[paymaster]]\nname = \"pimlico\"\n"
                         "enabled = false\n",
               .dex = {},
               .strategies = {}})
            .has_value());
  CHECK_FALSE(parse({.gantry = {},
                     .dex = {},
                     .strategies = "[strategies.triangular]\nenabled = false\nmax_hops = 99\n"})
                  .has_value());
}

TEST_CASE("empty files of DEXes and strategies are warned about") {
  const auto loaded = parse({.gantry = good_gantry, .dex = "", .strategies = "# nothing\n"});
  REQUIRE(loaded.has_value());
  REQUIRE(loaded->report.warnings.size() == 2);
  CHECK(loaded->report.warnings[0].line == 0);
}

TEST_CASE("paths are relative to the file that names them") {
  const TemporaryFolder folder;
  folder.write("gantry.toml",
               "[[chain]]\nid = \"eip155:1\"\n[market]\nrecording = \"../data/x.gantry\"\n"
               "[plugins]\nfolders = [\"plugins\", \"/opt/plugins\"]\n"
               "quarantine = \"../state\"\n");
  folder.write("dex_config.toml", good_dex);
  folder.write("strategies.toml", good_strategies);
  std::vector<std::filesystem::path> asked;
  const auto loaded = load_configuration(
      ConfigFiles::in_folder(folder.path()),
      [&](const PluginSettings& settings) {
        asked = settings.folders;
        return installed_plugins();
      },
      environment({}));
  REQUIRE(loaded.has_value());
  CHECK(loaded->market.recording == folder.path().parent_path() / "data/x.gantry");
  CHECK(asked == std::vector<std::filesystem::path>{folder.path() / "plugins", "/opt/plugins"});
  CHECK(loaded->plugin.quarantine == folder.path().parent_path() / "state");
  CHECK(loaded->plugin.hang_s == 30);
}

TEST_CASE("a missing file, a folder and a pipe are told as such, all at once") {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "dex_config.toml");
  REQUIRE(::mkfifo((folder.path() / "strategies.toml").c_str(), 0600) == 0);
  const auto loaded = load_configuration(ConfigFiles::in_folder(folder.path()),
                                         std::vector<PluginFile>{}, environment({}));
  REQUIRE_FALSE(loaded.has_value());
  const auto& errors = loaded.error().errors;
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].message == "is a folder. Name the file itself.");
  CHECK(errors[1].message.starts_with("cannot be opened: No such file or directory."));
  CHECK(errors[2].message == "is not a regular file. Name a TOML file.");
  CHECK(loaded.error().warnings.empty());
}

TEST_CASE("a file too large or too deep for a configuration is refused") {
  const std::string large((1u << 20) + 1, '#');
  CHECK(errors_of({.gantry = large, .dex = {}, .strategies = {}}).errors.size() == 1);
  std::string deep = "a";
  for (int i = 0; i < 100'000; ++i) deep += ".a";
  CHECK(errors_of({.gantry = deep + " = 1\n", .dex = {}, .strategies = {}}).errors.size() == 1);
}

TEST_CASE("the shipped configuration loads, and says what it lacks") {
  const auto loaded = load_configuration(
      ConfigFiles::in_folder(GANTRY_SHIPPED_CONFIG),
      [](const PluginSettings& settings) { return scan_plugin_folders(settings.folders).plugins; },
      environment({}));
  if (!loaded) FAIL(render_text(loaded.error(), false));
  CHECK(loaded->chains.size() == 1);
  CHECK(loaded->chains[0].usd_tokens.size() == 3);
  CHECK(loaded->risk.pool_concentration_bps == 1000);
  CHECK(loaded->market.recording.is_absolute());
  CHECK(names(loaded->dexes) == std::vector<std::string>{"uniswap_v2", "raydium"});
}

TEST_CASE("a configuration without a sender is warned about, with the remedy") {
  for (const std::string_view wallet :
       {"# no wallet\n", "[wallet]\n", "[wallet]\nsender = \"\"\n"}) {
    const std::string gantry = std::string(good_gantry) + std::string(wallet);
    const auto loaded = parse({.gantry = gantry, .dex = {}, .strategies = {}});
    REQUIRE(loaded.has_value());
    REQUIRE(loaded->report.warnings.size() == 1);
    CHECK(loaded->report.warnings[0].message ==
          "wallet.sender is missing: what the risk gate approves cannot be planned");
    CHECK(loaded->report.warnings[0].expected.starts_with("sender = \"0x...\""));
  }
}

// The host against a child that somebody took over: nothing that it writes harms anybody else.
#include <algorithm>
#include <catch2/catch.hpp>

#include "support/small_market.hpp"

using namespace gantry::host;
using namespace gantry::test;

namespace {

const std::string good = "[strategies.triangular]\nmin_profit_bps = 0\n";

RunReport run(const std::string& strategies) {
  TemporaryFolder folder;
  TemporaryFolder store;
  const auto recording = folder.path() / "market.gantry";
  write_busy_market(recording, 6, 30, 7);
  const auto configuration = configure(folder.path(), {"", ConfigurationTexts().dex, strategies},
                                       {GANTRY_TEST_PLUGIN_FOLDER, GANTRY_UNRULY_PLUGIN_FOLDER});
  StreetOptions options;
  options.recording = recording;
  auto plugins = make_plugins(configuration, store.path(), {}, {GANTRY_HOSTILE_CHILD});
  auto report = Street(configuration, std::move(plugins), options).run();
  if (!report) FAIL(report.error().message);
  return std::move(*report);
}

std::string without_unruly(RunReport report) {
  // Sightings are counted whatever they are worth.
  const auto strategy = std::ranges::find(report.strategies, "unruly", &StrategyReport::name);
  if (strategy != report.strategies.end()) report.opportunities -= strategy->opportunities;
  std::erase_if(report.plugins, [](const auto& p) { return p.instance == "unruly"; });
  std::erase_if(report.strategies, [](const auto& s) { return s.name == "unruly"; });
  return report_text(report);
}

}  // namespace

TEST_CASE("whatever a child writes into the memory that it shares, it harms nobody else") {
  const auto alone = run(good);
  REQUIRE(alone.opportunities > 50);
  for (int seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const auto report = run(good +
                            "[strategies.unruly]\nisolation = \"process\"\ncall_timeout_ms = "
                            "200\nafter = 3\nseed = " +
                            std::to_string(seed) + "\n");
    CHECK(without_unruly(report) == without_unruly(alone));
    const auto found = std::ranges::find(report.plugins, "unruly", &PluginReport::instance);
    REQUIRE(found != report.plugins.end());
    CHECK(found->strikes > 0);
  }
}

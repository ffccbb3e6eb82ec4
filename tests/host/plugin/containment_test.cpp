// A plugin that misbehaves while it runs costs itself: strikes with a reason, then retirement; what
// the others find is the same as without it.
#include <catch2/catch.hpp>

#include "support/small_market.hpp"

using namespace gantry::host;
using namespace gantry::test;

namespace {

const std::vector<std::vector<SmallUpdate>> moves = {
    {{0, 99'000, 40'400'000}},  {{1, 101'000, 43'600'000}}, {{0, 100'000, 40'000'000}},
    {{1, 100'000, 44'000'000}}, {{0, 99'000, 40'400'000}},  {{1, 101'000, 43'600'000}},
};

struct Run {
  TemporaryFolder folder;
  RunReport report;

  // Two pools of uniswap_v2 out of line; a third one, when `venue` is named, is that venue's.
  Run(const std::string& venue, const std::string& strategy) {
    std::vector<SmallPool> pools = {{0, 1, 100'000, 40'000'000}, {0, 1, 100'000, 44'000'000}};
    auto blocks = moves;
    ConfigurationTexts texts;
    texts.gantry = "[risk]\nmin_confidence = 0\nmin_profit_usd = 0\n";
    if (!venue.empty()) {
      pools.push_back({0, 1, 100'000, 48'000'000, venue});
      texts.dex += "[[dex]]\nname = \"" + venue + "\"\nmin_liquidity_usd = 0\n";
      for (auto& block : blocks) block.push_back({2, 100'000, 48'000'000});
    }
    if (!strategy.empty()) texts.strategies += "[strategies." + strategy + "]\n";
    const auto recording = folder.path() / "market.gantry";
    write_market(recording, 2, pools, blocks);
    StreetOptions options;
    options.recording = recording;
    report =
        run_market(configure(folder.path(), texts, {GANTRY_BAD_PLUGIN_FOLDER}), std::move(options));
  }

  const PluginReport& plugin(const std::string& name) const {
    const auto found = std::ranges::find(report.plugins, name, &PluginReport::instance);
    REQUIRE(found != report.plugins.end());
    return *found;
  }
};

// What can be traded between the two good pools, whatever else there is.
std::vector<std::string> trades_of(const RunReport& report) {
  std::vector<std::string> all;
  for (const OpportunityReport& o : report.best) {
    if (o.strategy != "triangular") continue;
    std::string trade = o.size_units + " " + o.profit_units;
    for (const LegReport& leg : o.legs) trade += " " + leg.pool + " " + leg.amount_out_units;
    all.push_back(trade);
  }
  std::ranges::sort(all);
  return all;
}

struct Case {
  std::string name;
  std::string fault;  // part of the first strike's text
};

}  // namespace

TEST_CASE("a venue that misbehaves is struck and retired, and trades go on without it") {
  const auto alone = trades_of(Run("", "").report);
  REQUIRE_FALSE(alone.empty());
  const Case cases[] = {
      {"quote_throws", "quote: it threw"},
      {"unknown_status", "quote: it returned 99, which is no status"},
      {"segments_over_capacity", "quote: segments() wrote more than it was given room for"},
      {"pays_above_reserve", "quote: it pays more than the pool has"},
      {"state_is_gone", "apply: it threw, or reported a fault of its own"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const Run run(c.name, "");
    const PluginReport& plugin = run.plugin(c.name);
    CHECK(plugin.strikes >= 3);
    CHECK(plugin.retired);
    REQUIRE_FALSE(plugin.faults.empty());
    CHECK(plugin.faults.front().find(c.fault) != std::string::npos);
    CHECK(plugin.file.find(c.name + ".so") != std::string::npos);
    CHECK(run.plugin("uniswap_v2").strikes == 0);
    CHECK(run.plugin("triangular").strikes == 0);
    CHECK(run.report.snapshots == moves.size() + 1);
    const auto beside = trades_of(run.report);
    CHECK(std::ranges::includes(beside, alone));
    REQUIRE(run.report.plan);
    for (const LegReport& leg : run.report.plan->trade.legs) CHECK(leg.venue == "uniswap_v2");
  }
}

TEST_CASE("a strategy that misbehaves is struck and retired, and the others find the same") {
  const auto alone = trades_of(Run("", "").report);
  REQUIRE_FALSE(alone.empty());
  const Case cases[] = {
      {"find_throws", "find: it threw"},
      {"size_throws", "size: it threw"},
      {"nan_confidence", "find: it emitted nonsense"},
      {"bad_handles", "find: it emitted nonsense"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const Run run("", c.name);
    const PluginReport& plugin = run.plugin(c.name);
    CHECK(plugin.strikes >= 3);
    CHECK(plugin.retired);
    REQUIRE_FALSE(plugin.faults.empty());
    CHECK(plugin.faults.front().find(c.fault) != std::string::npos);
    CHECK(run.plugin("uniswap_v2").strikes == 0);
    CHECK(run.plugin("triangular").strikes == 0);
    CHECK(trades_of(run.report) == alone);
    CHECK(run.report.plan);
  }
}

TEST_CASE("from which snapshot on a venue is retired does not depend on the threads") {
  const std::string venue =
      GENERATE(as<std::string>(), "quote_throws", "segments_over_capacity", "pays_above_reserve");
  INFO(venue);
  TemporaryFolder folder;
  ConfigurationTexts texts;
  const auto in_flight = GENERATE(4, 100);
  texts.gantry =
      "[risk]\nmin_confidence = 0\nmin_profit_usd = 0\n[street]\nsnapshots_in_flight = " +
      std::to_string(in_flight) + "\n[plugins]\nstrikes_max = 7\n";
  texts.dex += "[[dex]]\nname = \"" + venue + "\"\nmin_liquidity_usd = 0\n";
  texts.strategies += "[strategies.second]\nplugin = \"triangular\"\nmin_profit_bps = 0\n";
  std::vector<std::vector<SmallUpdate>> blocks;
  for (std::uint64_t i = 0; i < 250; ++i) {
    blocks.push_back({{i % 3 == 0 ? 2U : 0U, 100'000 - i, 40'000'000 + i * 100'000}});
  }
  const auto recording = folder.path() / "market.gantry";
  write_market(recording, 2,
               {{0, 1, 100'000, 40'000'000},
                {0, 1, 100'000, 44'000'000},
                {0, 1, 100'000, 48'000'000, venue}},
               blocks);
  const Configuration configuration = configure(folder.path(), texts, {GANTRY_BAD_PLUGIN_FOLDER});
  const auto run = [&](std::int64_t threads) {
    StreetOptions options;
    options.recording = recording;
    options.threads = threads;
    return run_market(configuration, std::move(options));
  };
  const RunReport one = run(1);
  const auto culprit = std::ranges::find(one.plugins, venue, &PluginReport::instance);
  REQUIRE(culprit != one.plugins.end());
  REQUIRE(culprit->retired);
  REQUIRE(culprit->strikes >= 7);
  REQUIRE(one.opportunities > 0);
  for (const std::int64_t threads : {2, 4, 2, 4, 2, 4}) {
    CHECK(report_text(run(threads)) == report_text(one));
  }
}

// The strategy on the street: what it buys is in the book, and sold again.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "host/risk/book.hpp"
#include "support/small_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// Thousandths of the tokens in pools of 1,000 ether each.
std::uint64_t tokens_at(double price) {
  return static_cast<std::uint64_t>(std::llround(1'000'000 / price));
}

// Two tokens that move together until block `apart`. Then the first falls behind, for 100 blocks.
void write_pair(const std::filesystem::path& file, std::uint32_t blocks, std::uint32_t apart) {
  std::vector<std::vector<SmallUpdate>> updates;
  double common = 0;
  std::uint64_t seed = 7;
  for (std::uint32_t i = 0; i < blocks; ++i) {
    if (i % 5 == 0 && i < apart) {
      seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
      common += (static_cast<double>(seed >> 40U) / 16777216.0 - 0.5) * 0.06;
    }
    const double own = 0.01 * std::sin(i / 12.0);
    const double behind = i >= apart && i < apart + 100 ? 0.05 : 0;
    updates.push_back({{1, 1'000'000, tokens_at(0.5 * std::exp(common + own - behind))},
                       {2, 1'000'000, tokens_at(0.2 * std::exp(common - own))}});
  }
  write_market(file, 4,
               {{0, 1, 1'000'000, 400'000'000},
                {0, 2, 1'000'000, tokens_at(0.5)},
                {0, 3, 1'000'000, tokens_at(0.2)}},
               updates);
}

std::uint64_t counted(const RunReport& report, const std::string& name) {
  for (const PluginReport& plugin : report.plugins) {
    if (plugin.instance != "statistical") continue;
    const auto found = plugin.counters.find(name);
    return found == plugin.counters.end() ? 0 : found->second;
  }
  return 0;
}

}  // namespace

TEST_CASE("on the street a position is opened once, known from the book, and closed") {
  const TemporaryFolder folder;
  const auto recording = folder.path() / "market.gantry";
  const auto recorded = folder.path() / "run.gantry";
  write_pair(recording, 800, 500);
  const Configuration configuration = configure(
      folder.path(),
      {"[street]\nsnapshots_in_flight = 4\n[risk]\nmin_confidence = 0\nmax_risk_score = 1\n"
       "dry_run_fills = \"next_block\"\nramp_successes = 0\nramp_hours = 0\n",
       ConfigurationTexts().dex,
       "[strategies.statistical]\nlookback_hours = 1\nsample_minutes = 1\nmin_samples = 20\n"
       "rebalance_interval_hours = 1\nmax_tokens = 3\nstop_z_score = 50\n"
       "z_score_threshold = 3.0\n"});
  StreetOptions options;
  options.recording = recording;
  options.record_to = recorded;
  options.risk =
      std::make_shared<RiskBook>(configuration.risk, configuration.chains.front().id, true);
  const RunReport report = run_market(configuration, options);

  const ScopeCounts counts = options.risk->view()->scopes[total_scope].counts;
  CHECK(counted(report, "tokens") == 3);
  CHECK(counts.successes == 2);
  CHECK(counts.failures == 0);
  CHECK(counted(report, "sold_at_exit") == 1);
  CHECK_FALSE(counts.gained_wei.is_zero());
  CHECK(options.risk->view()->positions->all().empty());
  for (const PluginReport& plugin : report.plugins) CHECK(plugin.strikes == 0);

  for (const std::int64_t threads : {1, 4}) {
    StreetOptions again;
    again.recording = recorded;
    again.threads = threads;
    CHECK(report_text(run_market(configuration, again)) == report_text(report));
  }
}

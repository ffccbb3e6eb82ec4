// The strategy on the street: what it buys is in the book, and sold again.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cmath>

#include "host/market/past_prices.hpp"
#include "host/recording/writer.hpp"
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
struct PairMarket {
  std::vector<SmallPool> pools;
  std::vector<std::vector<SmallUpdate>> updates;  // of the block after the first, and so on
};

PairMarket pair_market(std::uint32_t blocks, std::uint32_t apart) {
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
  return {{{0, 1, 1'000'000, 400'000'000},
           {0, 2, 1'000'000, tokens_at(0.5)},
           {0, 3, 1'000'000, tokens_at(0.2)}},
          std::move(updates)};
}

void write_pair(const std::filesystem::path& file, std::uint32_t blocks, std::uint32_t apart) {
  const PairMarket market = pair_market(blocks, apart);
  write_market(file, 4, market.pools, market.updates);
}

// Blocks `first` to `last` of it as a run that begins there would have them, told of these prices.
void write_part(const std::filesystem::path& file, PairMarket market, std::uint32_t first,
                std::uint32_t last, const std::vector<PastPrices>& past) {
  if (first != 0) {
    for (const SmallUpdate& update : market.updates.at(first - 1)) {
      market.pools[update.pool].reserve0 = update.reserve0;
      market.pools[update.pool].reserve1 = update.reserve1;
    }
  }
  market.updates.erase(market.updates.begin() + last, market.updates.end());
  market.updates.erase(market.updates.begin(), market.updates.begin() + first);
  auto inputs = market_inputs(4, market.pools, market.updates);
  for (const PastPrices& one : past) {
    inputs[0].events.push_back({MarketEventKind::past, 0, 0, {}, encode(one)});
  }
  auto writer = RecordingWriter::create(file);
  REQUIRE(writer);
  REQUIRE(writer->append(
      recording::Header{recording::format_version, "eip155:1", "A test's market.", "tests"}));
  for (BlockInput& input : inputs) {
    input.block.number += first;
    input.block.time_s += 13 * first;
    for (const auto& token : input.tokens) REQUIRE(writer->append(token));
    for (const auto& pool : input.pools) REQUIRE(writer->append(pool));
    for (const auto& event : input.events) REQUIRE(writer->append(encode(event)));
    REQUIRE(writer->append(input.block));
    for (const auto& fact : input.facts) REQUIRE(writer->append(fact));
  }
  REQUIRE(writer->finish());
}

Configuration statistical_alone(const std::filesystem::path& folder) {
  return configure(
      folder,
      {"[street]\nsnapshots_in_flight = 4\n[risk]\nmin_confidence = 0\nmax_risk_score = 1\n"
       "dry_run_fills = \"next_block\"\nramp_successes = 0\nramp_hours = 0\n",
       ConfigurationTexts().dex,
       "[strategies.statistical]\nlookback_hours = 1\nsample_minutes = 1\nmin_samples = 20\n"
       "rebalance_interval_hours = 1\nmax_tokens = 3\nstop_z_score = 50\n"
       "z_score_threshold = 3.0\n"});
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
  const Configuration configuration = statistical_alone(folder.path());
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

namespace {

struct PartRun {
  RunReport report;
  std::vector<PastPrices> kept;
};

PartRun run_part(const Configuration& configuration, const std::filesystem::path& folder,
                 const std::filesystem::path& file, const std::filesystem::path& record_to = {}) {
  StreetOptions options;
  options.recording = file;
  options.record_to = record_to;
  options.risk =
      std::make_shared<RiskBook>(configuration.risk, configuration.chains.front().id, true);
  Street street(configuration, make_plugins(configuration, folder / "store"), options);
  CHECK(street.kept_prices().empty());
  auto report = street.run();
  if (!report) throw std::runtime_error(report.error().message);
  return {*std::move(report), street.kept_prices()};
}

bool are_same(const std::vector<PastPrices>& a, const std::vector<PastPrices>& b) {
  return std::ranges::equal(
      a, b, {}, [](const PastPrices& one) { return encode(one); },
      [](const PastPrices& one) { return encode(one); });
}

}  // namespace

TEST_CASE("a run that begins with the prices of the one before trades at once, and replays") {
  const TemporaryFolder folder;
  const auto file = [&](const std::string& name) { return folder.path() / (name + ".gantry"); };
  const Configuration configuration = statistical_alone(folder.path());
  const PairMarket market = pair_market(620, 500);
  constexpr std::uint32_t restart = 490;
  write_part(file("whole"), market, 0, 620, {});
  write_part(file("before"), market, 0, restart - 1, {});
  const PartRun whole = run_part(configuration, folder.path(), file("whole"));
  const PartRun before = run_part(configuration, folder.path(), file("before"));
  REQUIRE(before.kept.size() == 3);
  CHECK(before.kept.front().samples.size() > 250);

  // Without a past it has none until half an hour is over, when the pair is together again.
  write_part(file("cold"), market, restart, 620, {});
  const PartRun cold = run_part(configuration, folder.path(), file("cold"));
  CHECK(counted(cold.report, "sold_at_exit") == 0);
  CHECK(cold.kept.front().samples.size() < before.kept.front().samples.size());

  write_part(file("warm"), market, restart, 620, before.kept);
  const PartRun warm = run_part(configuration, folder.path(), file("warm"), file("recorded"));
  CHECK(counted(warm.report, "sold_at_exit") == 1);
  // As if it had never ended.
  CHECK(are_same(warm.kept, whole.kept));
  for (const PluginReport& plugin : warm.report.plugins) CHECK(plugin.strikes == 0);

  const PartRun replay = run_part(configuration, folder.path(), file("recorded"));
  CHECK(report_text(replay.report) == report_text(warm.report));
  CHECK(are_same(replay.kept, warm.kept));
}

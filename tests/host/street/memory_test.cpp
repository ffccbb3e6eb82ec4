// The memory of a whole run as users start it, by its own account.
#include <sys/wait.h>

#include <array>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cstdio>
#include <memory>
#include <string>

#include "host/backtest/simulated_chain.hpp"
#include "support/long_recording.hpp"
#include "support/small_market.hpp"
#include "support/temporary_folder.hpp"

namespace {

// Standard output of a command that has to succeed.
std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::string out;
  std::array<char, 65536> buffer;
  for (std::size_t n = 0; (n = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    out.append(buffer.data(), n);
  }
  const int status = ::pclose(pipe);
  INFO(command);
  REQUIRE(WIFEXITED(status));
  REQUIRE(WEXITSTATUS(status) == 0);
  return out;
}

}  // namespace

TEST_CASE("the shipped market runs from its first block to its last in less than 2 GB") {
  const gantry::test::TemporaryFolder
      folder;  // what is in this user's quarantine is not its concern
  const auto report = boost::json::parse(output_of("HOME='" + folder.path().string() +
                                                   "' XDG_STATE_HOME= " GANTRY_PROGRAM
                                                   " run --json --config " GANTRY_CONFIG_FOLDER));
  const auto resident = report.at("timings").at("resident_bytes_max").to_number<std::uint64_t>();
  CHECK(report.at("market").at("snapshots").to_number<std::uint64_t>() > 1000);
  CHECK(resident > 10'000'000);  // it was measured at all
  CHECK(resident < 2'000'000'000);
}

// It trades on all of them: what grows is its list of trades.
TEST_CASE("a backtest of ten times as many blocks takes no more memory than its list of trades") {
  using namespace gantry::host;
  using namespace gantry::test;
  const TemporaryFolder folder;
  const auto longer = folder / "longer.gantry";
  write_repeated(GANTRY_RECORDING, longer, 10);
  const auto configuration = configure(
      folder.path(),
      {"[risk]\nmax_gas_eth_day = 20\n",
       "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 10000\n",
       "[strategies.triangular]\nmin_profit_bps = 5\nmax_hops = 3\n",
       "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "0x6B175474E89094C44Da98b954EedeAC495271d0F"},
      {GANTRY_TEST_PLUGIN_FOLDER});
  std::size_t trades = 0;
  const auto run = [&](const std::filesystem::path& file) {
    SimulatedChain chain(SimulationSettings(), gas_overhead_of(configuration));
    StreetOptions options;
    options.recording = file;
    options.backtest = &chain;
    auto report = run_market(configuration, options);
    trades = chain.trades().size();
    return report;
  };
  // The most that the process has had: what a longer run needs more stands above it.
  const RunReport once = run(GANTRY_RECORDING);
  const std::size_t once_trades = trades;
  const RunReport ten_times = run(longer);
  CHECK(ten_times.snapshots == 10 * (once.snapshots - 1) + 1);
  CHECK(once.resident_bytes_max > 10'000'000);
  CHECK(once_trades > 500);
  CHECK(trades > once_trades);
  // With its legs and their names.
  constexpr std::size_t trade_bytes = sizeof(BacktestTrade) + 4 * (sizeof(BacktestLeg) + 48);
  CHECK(ten_times.resident_bytes_max - once.resident_bytes_max <
        8'000'000 + 2 * trade_bytes * trades);
}

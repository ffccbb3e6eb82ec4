// Metrics: by hand where a few trades are enough, and against a program that shares no code with
// them where there are many. And the page.
#include <catch2/catch.hpp>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>

#include "host/backtest/backtest_report.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry::host;
using gantry::u256;
using gantry::test::TemporaryFolder;

namespace {

namespace json = boost::json;

u256 milli_ether(std::uint64_t count) {
  u256 out;
  if (!gantry::mul(u256(count), std::uint64_t{1'000'000'000'000'000}, out)) FAIL("overflow");
  return out;
}

BacktestTrade trade(std::uint64_t time_s, bool gained, std::uint64_t milli,
                    FillReason reason = FillReason::none) {
  BacktestTrade out;
  out.strategy = "s";
  out.token = "WETH";
  out.decimals = 18;
  out.block = time_s / 12;
  out.time_s = time_s;
  out.reason = reason;
  out.gained = gained;
  out.result_wei = milli_ether(milli);
  out.predicted_wei = milli_ether(milli + 1);
  out.stake_wei = milli_ether(2000);
  out.gas_wei = milli_ether(1);
  out.ether_usd = 2000;
  return out;
}

// What a command writes; the input goes in.
std::string output_of(const std::string& command, const std::string& input,
                      const TemporaryFolder& folder) {
  const std::string from = (folder / "in.json").string();
  const std::string to = (folder / "out.json").string();
  std::ofstream(from) << input;
  const int code = std::system((command + " < '" + from + "' > '" + to + "'").c_str());
  REQUIRE(code == 0);
  std::ostringstream text;
  text << std::ifstream(to).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("metrics of four trades are those computed by hand") {
  // Three periods of a minute with 10 ether: +1, -0.55, and 0.
  const BacktestFrame frame{10, 0, 15, 0, 180};
  const std::vector<BacktestTrade> trades{trade(30, true, 1500), trade(59, false, 500),
                                          trade(100, false, 550, FillReason::reverted),
                                          trade(150, false, 0, FillReason::expired)};
  const BacktestMetrics metrics = metrics_of(trades, frame);
  CHECK(metrics.sent == 4);
  CHECK(metrics.filled == 2);
  CHECK(metrics.gained == 1);
  CHECK(metrics.reverted == 1);
  CHECK(metrics.missed == 1);
  CHECK(metrics.win_rate.value() == Approx(1.0 / 3));
  CHECK(metrics.net.ether() == Approx(0.45));
  CHECK(metrics.net_usd == Approx(900));
  CHECK(metrics.turnover == Approx(0.4));
  // From 11.5 down to 10.45.
  CHECK(metrics.max_drawdown_eth == Approx(1.05));
  CHECK(metrics.max_drawdown == Approx(1.05 / 11.5));
  CHECK(metrics.period_s == 60);
  REQUIRE(metrics.periods == 3);
  // Returns 0.1, -0.05, 0: mean 1/60; squared distances 0.0069444, 0.0044444, 0.0002778.
  const double annual = std::sqrt(365.25 * 86400 / 60);
  CHECK(metrics.sharpe.value() == Approx(1.0 / 60 / std::sqrt(0.0116666667 / 2) * annual));
  CHECK(metrics.sortino.value() == Approx(1.0 / 60 / std::sqrt(0.0025 / 3) * annual));
}

TEST_CASE("without trades nothing is won, and ratios that nobody can know are none") {
  const BacktestFrame frame{10, 0, 15, 0, 180};
  const BacktestMetrics none = metrics_of({}, frame);
  CHECK_FALSE(none.win_rate);
  CHECK_FALSE(none.sharpe);
  CHECK_FALSE(none.sortino);
  CHECK(none.max_drawdown == 0);
  // One block is no period.
  const std::vector<BacktestTrade> one{trade(0, true, 5)};
  CHECK_FALSE(metrics_of(one, {10, 0, 0, 0, 0}).sharpe);
  CHECK(metrics_of(one, {0, 0, 0, 0, 0}).turnover == 0);
}

TEST_CASE("a program that shares no code finds the same metrics in the list of trades") {
  const TemporaryFolder folder;
  const auto seed = GENERATE(range(1, 7));
  INFO(seed);
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  BacktestResult result;
  std::uint64_t time_s = 1'600'000'000;
  result.frame = {25, time_s / 12, 0, time_s, 0};
  for (int i = 0; i < 200; ++i) {
    time_s += 12 * (random() % (seed % 3 == 0   ? 6
                                : seed % 3 == 1 ? 80
                                                : 4'000));  // several in one block too
    const auto kind = random() % 10;
    if (kind == 0) {
      result.trades.push_back(trade(time_s, false, 0, FillReason::expired));
    } else if (kind < 4) {
      result.trades.push_back(trade(time_s, false, 1 + random() % 9, FillReason::reverted));
    } else {
      result.trades.push_back(trade(time_s, random() % 4 != 0, 1 + random() % 40));
      if (random() % 3 == 0) {
        // Into a position, which costs its gas, or out of one.
        BacktestTrade& one = result.trades.back();
        one.one_way = true;
        one.opens = random() % 2 == 0;
        one.predicted_wei = u256();
        if (one.opens) one.gained = false;
      }
    }
  }
  result.frame.last_time_s = time_s + 7;
  result.frame.last_block = result.frame.last_time_s / 12;
  const json::object told = backtest_json(result);
  const json::value theirs =
      json::parse(output_of("node '" GANTRY_METRICS_SCRIPT "'", json::serialize(told), folder));
  const json::value& ours = told.at("metrics");
  for (const char* name : {"net_wei", "gas_wei", "realised_wei", "predicted_wei"}) {
    INFO(name);
    CHECK(ours.at(name).as_string() == theirs.at(name).as_string());
  }
  for (const char* name : {"opened", "period_s", "periods"}) {
    INFO(name);
    CHECK(ours.at(name).to_number<int>() == theirs.at(name).to_number<int>());
  }
  CHECK(ours.at("opened").to_number<int>() > 0);
  for (const char* name : {"win_rate", "turnover", "max_drawdown", "sharpe", "sortino"}) {
    INFO(name);
    CHECK(ours.at(name).to_number<double>() ==
          Approx(theirs.at(name).to_number<double>()).epsilon(1e-9));
  }
}

TEST_CASE("the page holds all of it, loads nothing, and what a chain says cannot end its script") {
  const TemporaryFolder folder;
  BacktestResult result;
  result.frame = {10, 0, 15, 0, 180};
  result.run.provenance = "</script><script>alert(1)</script><!--";
  result.trades = {trade(30, true, 1500)};
  result.trades.front().legs = {{"</script>", "0x00", "WETH", "DAI"}};
  const json::object told = backtest_json(result);
  const std::string page = backtest_page(told);
  const auto count = [&](std::string_view what) {
    std::size_t found = 0;
    for (std::size_t at = page.find(what); at != std::string::npos; at = page.find(what, at + 1)) {
      ++found;
    }
    return found;
  };
  CHECK(count("</script>") == 2);
  CHECK(count("<!--") == 0);
  // But for the name of SVG itself no address of anywhere.
  CHECK(count("://") == count("http://www.w3.org/2000/svg"));
  CHECK(count(" src=") == 0);
  const std::string open = "<script id=\"data\" type=\"application/json\">";
  const std::size_t begin = page.find(open) + open.size();
  const std::string inside = page.substr(begin, page.find("</script>", begin) - begin);
  CHECK(json::parse(inside) == json::value(told));
}

TEST_CASE("a day's figures are of its own periods") {
  // From 18:00 to 04:00: six hours of the one day and four of the next, in minutes.
  constexpr std::uint64_t midnight = 1'601'769'600;  // 2020-10-04
  BacktestResult result;
  result.frame = {10, 0, 15, midnight - 6 * 3600, midnight + 4 * 3600};
  result.trades = {trade(midnight - 100, true, 1500), trade(midnight, false, 300),
                   trade(midnight + 7200, true, 500)};
  const json::object told = backtest_json(result);
  const json::value& days = told.at("by_day");
  CHECK(days.at("2020-10-03").at("periods") == 360);
  CHECK(days.at("2020-10-04").at("periods") == 240);
  // One period of n has a return of r: its mean is r / n, its variance r^2 / n.
  const double annual = std::sqrt(365.25 * 86400 / 60);
  CHECK(days.at("2020-10-03").at("sharpe").to_number<double>() == Approx(annual / std::sqrt(360)));
  const BacktestFrame alone{10, 0, 15, midnight, midnight + 4 * 3600};
  CHECK(days.at("2020-10-04").at("sharpe").to_number<double>() ==
        metrics_of(std::span(result.trades).subspan(1), alone).sharpe.value());
  CHECK(days.at("2020-10-04").at("net_wei") == "200000000000000000");
  CHECK(told.at("metrics").at("periods") == 600);
}

namespace {

json::value seen_on(const json::object& told, const std::string& texts,
                    const TemporaryFolder& folder) {
  return json::parse(
      output_of("node '" GANTRY_PAGE_SCRIPT "' " + texts, backtest_page(told), folder));
}

}  // namespace

TEST_CASE("the page tells what is open, leaves positions out of what was predicted, and finds") {
  const TemporaryFolder folder;
  BacktestResult result;
  result.frame = {10, 0, 15, 0, 180};
  result.under_way = 2;
  result.open = {1, 0, milli_ether(1000), milli_ether(900)};
  result.trades = {trade(24, true, 1500), trade(60, false, 1), trade(120, true, 20)};
  for (BacktestTrade& one : result.trades) one.legs = {{"v", "0xabcd", "WETH", "DAI"}};
  result.trades[2].legs.front().token_in = "USDC";
  result.trades[1].one_way = true;
  result.trades[1].opens = true;
  const json::value seen = seen_on(backtest_json(result), "block opens usdc ABCD 0x 10", folder);
  const std::string rest(seen.at("rest").as_string());
  CHECK(rest.contains("2 trades under way"));
  CHECK(rest.contains("1 position open at the end, bought for 1 ETH and worth 0.9 ETH"));
  CHECK(seen.at("dots") == 2);
  // Names of members are no text of a trade.
  CHECK(seen.at("found") == json::value({0, 0, 1, 3, 3, 1}));

  result.under_way = 0;
  result.open = {};
  CHECK(seen_on(backtest_json(result), "", folder).at("rest") == "");
}

TEST_CASE("the page draws 130,000 points, and not one of its extremes is lost") {
  const TemporaryFolder folder;
  BacktestResult result;
  result.frame = {10, 0, 15, 0, 180};
  json::object told = backtest_json(result);
  json::array equity;
  constexpr int points = 130'000;
  for (int i = 0; i < points; ++i) {
    // One point alone is the lowest, and another one the highest.
    equity.push_back(json::array{i * 12, i, i == 70'001 ? 5.0 : i == 90'001 ? 20.0 : 10.0});
  }
  told["equity"] = std::move(equity);
  const json::value seen = seen_on(told, "", folder);
  const std::string path(seen.at("equity_path").as_string());
  CHECK(path.contains("V8.00"));    // the top of the chart
  CHECK(path.contains("V216.00"));  // its bottom
  CHECK(path.size() < 100'000);
  CHECK(std::string(seen.at("drawdown_path").as_string()).contains("V216.00"));
}

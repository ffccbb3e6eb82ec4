// A backtest for programs, for a terminal, and as a page that needs nothing beside itself.
//
// THREADS  Pure functions.
#pragma once
#include <boost/json.hpp>
#include <string>
#include <vector>

#include "host/backtest/metrics.hpp"
#include "host/report/run_report.hpp"

namespace gantry::host {

struct BacktestResult {
  RunReport run;
  BacktestFrame frame;
  SimulationSettings settings;
  std::vector<std::string> set;  // of the command line, "key=value"
  std::vector<BacktestTrade> trades;
  std::uint64_t under_way = 0;  // at the end: in no figure
  SimulatedChain::Open open;    // likewise
};

// Amounts are strings in smallest units and, beside them, numbers in ether. A function of the
// recording, the configuration and the settings: no time of this machine is in it.
boost::json::object backtest_json(const BacktestResult& result);
// At most 80 columns.
std::string backtest_text(const BacktestResult& result, bool colour);
// HTML of what backtest_json() gave.
std::string backtest_page(const boost::json::object& result);

}  // namespace gantry::host

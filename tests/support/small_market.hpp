// Small recordings and configurations for tests and benches of the street.
//
// ERRORS  std::runtime_error, which fails a test.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/config/load.hpp"
#include "host/market/market_state.hpp"
#include "host/street/street.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::test {

struct SmallPool {
  std::uint32_t token0;
  std::uint32_t token1;
  std::uint64_t reserve0;  // in thousandths of a whole token of 18 decimals
  std::uint64_t reserve1;
  std::string venue = "uniswap_v2";
};

// Reserves of one pool after a swap in one block.
struct SmallUpdate {
  std::uint32_t pool;
  std::uint64_t reserve0;
  std::uint64_t reserve1;
};

// Token 0 is WETH and token 1 is DAI by address; the others are made up. One block with all pools,
// then one for each list of updates, 13 s apart.
std::vector<host::BlockInput> market_inputs(std::uint32_t tokens,
                                            const std::vector<SmallPool>& pools,
                                            const std::vector<std::vector<SmallUpdate>>& blocks);
// The same as a file.
void write_market(const std::filesystem::path& file, std::uint32_t tokens,
                  const std::vector<SmallPool>& pools,
                  const std::vector<std::vector<SmallUpdate>>& blocks);

// A market of `tokens` tokens in which every pair has a pool, and `blocks` blocks that move one or
// two pools each, out of line and back. Seeded.
void write_busy_market(const std::filesystem::path& file, std::uint32_t tokens,
                       std::uint32_t blocks, std::uint64_t seed);

struct ConfigurationTexts {
  std::string gantry;  // appended to the chain and risk sections
  std::string dex = "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\n";
  std::string strategies = "[strategies.triangular]\nmin_profit_bps = 0\n";
  // Of token 0 and token 1, unless a real market is run.
  std::string wrapped_native = "0x1000000000000000000000000000000000000000";
  std::string usd_token = "0x1000000000000000000000000000000000000001";
};

// Loads it with the libraries of the build and of `folders`.
host::Configuration configure(const std::filesystem::path& folder, const ConfigurationTexts& texts,
                              const std::vector<std::filesystem::path>& folders = {});

// Runs a recording and returns the report.
host::RunReport run_market(const host::Configuration& configuration, host::StreetOptions options);
// The report as JSON without its timings.
std::string report_text(const host::RunReport& report);

}  // namespace gantry::test

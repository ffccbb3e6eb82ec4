// A report with something in every part, and hostile text wherever a chain or a plugin could put
// it.
#pragma once
#include <string>

#include "host/report/run_report.hpp"

namespace gantry::host::tests {

inline OpportunityReport sample_opportunity() {
  OpportunityReport found;
  found.strategy = "triangular";
  found.key = 18446744073709551615ULL;
  found.block = 10982042;
  found.sightings = 3;
  found.legs = {
      {"uniswap_v2", "0xaa", "WETH", "DAI", "12.5", "4312.5", "12500000000000000000",
       "4312500000000000000000"},
      {"uniswap_v2", "0xbb", "DAI", "USDC", "4312.5", "4400.1", "4312500000000000000000",
       "4400100000"},
      {"sushiswap", "0xcc", "USDC", "WETH", "4400.1", "13", "4400100000", "13000000000000000000"}};
  found.token = "WETH";
  found.size = "12.500000000000000000";
  found.size_units = "12500000000000000000";
  found.profit = "0.482100000000000000";
  found.profit_units = "482100000000000000";
  found.profit_eth = 0.4821;
  found.profit_usd = 172.33;
  found.gas_cost_eth = 0.0179;
  found.gross_eth = 0.5;
  found.expected_profit_bps = 385;
  found.confidence = 0.95;
  found.valuation_confidence = 0.9;
  found.risk_score = 0.2;
  found.score = 0.458;
  return found;
}

inline RunReport sample_report() {
  RunReport report;
  report.chain = "eip155:1";
  report.chain_name = "ethereum";
  report.provenance = "pools real (October 2020), swaps synthetic (seed 1)";
  report.recording = "data/market.gantry";
  report.gas_price_gwei = 50;
  report.block_time_s = 13;
  report.ether_usd = 357.42;
  report.tokens = 9000;
  report.pools = 10704;
  report.pools_left_out = {{"low_liquidity", 9000}, {"refused", 4}};
  report.snapshots = 3401;
  report.first_block = 10982000;
  report.last_block = 10985400;
  report.state_hash = "00ff";
  report.plugins = {{"dex", "uniswap_v2", "uniswap_v2 0.1.0", "/plugins/uniswap_v2.so", "ab12", 2},
                    {"strategy",
                     "triangular",
                     "triangular 0.1.0",
                     "/plugins/triangular.so",
                     "cd34",
                     1,
                     2,
                     false,
                     {"find: it threw: \x1b[2Jboom"}}};
  report.plugins_refused = {{"broken", "dex", "broken.so: is no ELF file. Rebuild it."}};
  report.strategies = {{"triangular", 3401, 0, 5000, 0}};
  report.opportunities = 5000;
  report.routes = 312;
  report.approved = 120;
  report.plans = 100;
  report.best = {sample_opportunity()};
  OpportunityReport refused = sample_opportunity();
  refused.legs[1].token_out = "\x1b[31mUS\u202EDC";
  refused.refusal = {RefusalReason::pool_concentration, 2310.4, 1000};
  report.best.push_back(refused);
  report.refusals[RefusalReason::pool_concentration] = {77, refused};
  PlanReport plan;
  plan.trade = sample_opportunity();
  plan.execution_block = 10982043;
  plan.min_out = "12.95 WETH";
  plan.min_out_units = "12950000000000000000";
  plan.payer = "pimlico";
  plan.calls = {
      {"transfer 12.5 WETH to the first pair", "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "0",
       "0xa9059cbb" + std::string(128, '0'), ""},
      {"swap WETH for DAI", "0xa478c2975ab1ea89e8196811f51a7b7ade33eb11", "0",
       "0x022c0d9f" + std::string(256, '0'), "4300000000000000000000"}};
  plan.sponsorship = {
      {"POST",
       "https://api.pimlico.io/v2/1/rpc?apikey=${PIMLICO_API_KEY}",
       {{"Content-Type", "application/json"}},
       R"({"jsonrpc":"2.0","method":"pm_sponsorUserOperation","params":[{"callData":"0x)" +
           std::string(400, '1') + R"("}]})"}};
  report.plan = plan;
  report.stages[0].add(12000);
  report.stages[1].add(250000);
  report.load_s = 0.4;
  report.stream_s = 1.2;
  report.threads = 2;
  report.resident_bytes_max = 200U << 20U;
  return report;
}

}  // namespace gantry::host::tests

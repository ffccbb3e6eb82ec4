// [risk] and the tables below it: what is inherited, what is refused and where.
#include <algorithm>

#include "fixture.hpp"

using namespace gantry::host;
using namespace gantry::host::test;

namespace {

const std::string head = "[[chain]]\nid = \"eip155:1\"\n[risk]\nmax_position_eth = 200\n";

struct Row {
  std::string below;  // from line 5 on
  std::uint32_t line;
  std::uint32_t column;
  std::string message;
  std::string suggestion = {};
};

}  // namespace

TEST_CASE("a scope has the total's limits but for those that it is given") {
  const auto loaded = parse({.gantry = head + "[risk.chain.\"eip155:1\"]\nmax_daily_loss_usd = 7\n"
                                              "[risk.venue.uniswap_v2]\nmin_profit_usd = 2000\n"
                                              "[risk.strategy.triangular]\nmax_failures = 3\n"
                                              "[risk.plugin.uniswap_v2]\n",
                             .dex = {},
                             .strategies = {}});
  if (!loaded) FAIL(render_text(loaded.error(), false));
  const auto& scopes = loaded->risk.scopes;
  REQUIRE(scopes.size() == 4);
  CHECK(scopes[0].kind == RiskScopeKind::chain);
  CHECK(scopes[0].name == "eip155:1");
  CHECK(scopes[0].limits.max_daily_loss_usd == 7);
  CHECK(scopes[0].limits.max_position_eth == 200);
  CHECK(scopes[1].kind == RiskScopeKind::venue);
  CHECK(scopes[1].limits.min_profit_usd == 2000);
  CHECK(scopes[1].limits.max_failures == 5);
  CHECK(scopes[2].limits.max_failures == 3);
  CHECK(scopes[3].kind == RiskScopeKind::plugin);
  CHECK(scopes[3].limits.max_position_eth == 200);
  const auto shown = [&](std::string_view path) {
    const auto at = std::ranges::find(loaded->keys, path, &EffectiveKey::path);
    return at == loaded->keys.end() ? std::string() : at->value;
  };
  CHECK(shown("risk.venue.uniswap_v2.min_profit_usd") == "2000");
  CHECK(shown("risk.strategy.triangular.max_position_eth") == "200");
}

TEST_CASE("what is wrong below [risk] is told with its place and remedy") {
  const Row rows[] = {
      {"[risk.venue.uniswap_v2]\nmax_position_eth = 201\n", 6, 20,
       "risk.venue.uniswap_v2.max_position_eth is 201: it does nothing, for [risk] has 200, and a "
       "trade has to meet both"},
      {"[risk.venue.uniswap_v2]\nmin_profit_usd = 999\n", 6, 18,
       "risk.venue.uniswap_v2.min_profit_usd is 999: it does nothing, for [risk] has 1000, and a "
       "trade has to meet both"},
      {"[risk.venue.unisawp_v2]\n", 5, 13,
       "risk.venue.unisawp_v2 names no venue of the configuration", "uniswap_v2"},
      {"[risk.chain.\"eip155:2\"]\n", 5, 13,
       "risk.chain.eip155:2 names no chain of the configuration", "eip155:1"},
      {"[risk.strategy.triangle]\n", 5, 16,
       "risk.strategy.triangle names no strategy of the configuration", "triangular"},
      {"[risk.venue.uniswap_v2]\nmax_postion_eth = 1\n", 6, 1,
       "unknown key max_postion_eth in risk.venue.uniswap_v2", "max_position_eth"},
      {"[risk.venue.uniswap_v2]\ncool_down_s = 1\n", 6, 1,
       "unknown key cool_down_s in risk.venue.uniswap_v2"},
      {"[risk.vneue.uniswap_v2]\n", 5, 7, "unknown key vneue in risk", "venue"},
      {"recovery = \"by_foot\"\n", 5, 12, "risk.recovery is the text \"by_foot\""},
      {"reserve_bps = 10001\n", 5, 15,
       "risk.reserve_bps is 10001: it is above the maximum of 10000 bps"},
      {"max_concurrent_eth = -1\n", 5, 22,
       "risk.max_concurrent_eth is -1: it is below the minimum of 0 ether"},
      {"dry_run_fills = \"quote\"\n", 5, 17, "risk.dry_run_fills is the text \"quote\""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.below);
    const ConfigReport report =
        errors_of({.gantry = head + row.below, .dex = {}, .strategies = {}});
    REQUIRE_FALSE(report.errors.empty());
    const Diagnostic& error = report.errors.front();
    CHECK(error.message == row.message);
    CHECK(error.line == row.line);
    CHECK(error.column == row.column);
    if (!row.suggestion.empty()) CHECK(error.suggestion == row.suggestion);
  }
}

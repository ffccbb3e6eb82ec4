// One row for each way to get a configuration wrong: where it is told, in which words, and what
// was probably meant.
#include "malformed.hpp"

using namespace gantry::host;
using namespace gantry::host::test;

namespace {

// Raw strings begin right after the parenthesis, so that line 1 is the text's first.
constexpr Row rows[] = {
    // TOML itself
    {In::gantry, "[[chain]\nid = 1\n", 1, 9, "is not TOML: "},
    {In::gantry, "[[chain]]\nid = \"eip155:1\n", 2, 15, "is not TOML: "},
    {In::dex, "[[dex]]\nname = uniswap_v2\n", 2, 8, "is not TOML: "},
    {In::dex, "[[dex]]\nname = \"a\"\nname = \"b\"\n", 3, 8, "is not TOML: "},
    {In::dex, "[[dex]]\nname = \"a\" enabled = true\n", 2, 12, "is not TOML: "},
    {In::dex, "[[dex]]\nname = \"\xff\"\n", 2, 9, "is not TOML: "},
    {In::dex, "[[dex]]\nname = \"\"\"a\n\\\"é\"\"\" # é\né = 1\n", 4, 1, "is not TOML: "},
    {In::dex, "[[dex]]\nname = 'é' é\n", 2, 12, "is not TOML: "},
    {In::dex, "[\a]\n", 1, 2, "is not TOML: "},
    {In::dex, "[[dex]]\npriority = 1Ƥ\n", 2, 13, "is not TOML: "},
    {In::dex, "[[dex]]\nname = \"a\"\npriority = 99999999999999999999\n", 3, 32, "is not TOML: "},
    {In::strategies, "[strategies.a]\n[strategies.a]\n", 2, 1, "is not TOML: "},
    {In::strategies, "[strategies.a]\nenabled = True\n", 2, 11, "is not TOML: "},
    {In::strategies, "[strategies.a]\nmax_hops =\n", 2, 11, "is not TOML: "},
    // gantry.toml
    {In::gantry, "", 0, 0, "chain is missing: nothing can run without a chain"},
    {In::gantry, "[chain]\nid = \"eip155:1\"\n", 1, 2, "chain is a table, and not a list of tables",
     "[[chain]]"},
    {In::gantry, "chain = 1\n", 1, 1, "chain is the integer 1, and not a list of tables"},
    {In::gantry, "chain = [1]\n", 1, 10, "chain holds the integer 1, and not a table"},
    {In::gantry, "[[chain]]\nname = \"x\"\n", 1, 1, "chain.id is missing"},
    {In::gantry, "[[chain]]\nid = 1\n", 2, 6, "chain.id is the integer 1"},
    {In::gantry, "[[chain]]\nid = \"ethereum\"\n", 2, 6, "chain.id is the text \"ethereum\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[[chain]]\nid = \"eip155:1\"\n", 4, 6,
     "chain.eip155:1.id is there twice"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nblock_time = 13\n", 3, 1,
     "unknown key block_time in chain.eip155:1", "block_time_s"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nblock_time_s = 0\n", 3, 16,
     "chain.eip155:1.block_time_s is 0: it is below the minimum of 0.01 seconds"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nblock_time_s = nan\n", 3, 16,
     "chain.eip155:1.block_time_s is nan, which is no finite number"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ngas_price_gwei = inf\n", 3, 18,
     "chain.eip155:1.gas_price_gwei is inf, which is no finite number"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ngas_price_gwei = -1\n", 3, 18,
     "chain.eip155:1.gas_price_gwei is -1: it is below the minimum of 0 gwei"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\ngas_price_gwei = \"50\"\n", 3, 18,
     "chain.eip155:1.gas_price_gwei is the text \"50\"", "50"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nwrapped_native = \"0xC02a\"\n", 3, 18,
     "chain.eip155:1.wrapped_native is the text \"0xC02a\": it has 4 hex digits"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n"
     "wrapped_native = \"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc3\"\n",
     3, 18,
     "chain.eip155:1.wrapped_native is the text \"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc3\": it "
     "fails its checksum (EIP-55): a character is wrong"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nwrapped_native = 12\n", 3, 18,
     "chain.eip155:1.wrapped_native is the integer 12"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nusd_tokens = \"0x00\"\n", 3, 14,
     "chain.eip155:1.usd_tokens is the text \"0x00\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\nusd_tokens = [7]\n", 3, 15,
     "chain.eip155:1.usd_tokens is the integer 7: it is no text"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\n", 3, 1,
     "chain.eip155:1.provider.a.url is missing"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"localhost\"\n", 5, 7,
     "chain.eip155:1.provider.a.url is the text \"localhost\""},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"https://x/${KEY\"\n",
     5, 7, "chain.eip155:1.provider.a.url has a ${ without its }"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"https://x/${A B}\"\n",
     5, 7,
     "chain.eip155:1.provider.a.url has a ${...} whose name is not made of letters, digits and _"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\nname = \"a\"\nurl = \"https://x\"\n"
     "priority = 0\n",
     6, 12, "chain.eip155:1.provider.a.priority is 0: it is below the minimum of 1"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[risk]\nmin_profit = 5\n", 4, 1,
     "unknown key min_profit in risk", "min_profit_usd"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[riks]\n", 3, 2, "unknown table riks", "risk"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[dex]\n", 3, 2,
     "unknown table dex: it belongs in dex_config.toml", ""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[[risk]]\n", 3, 3,
     "risk is a list of 1, and not a table", "[risk]"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[risk]\npool_concentration_bps = 10001\n", 4, 26,
     "risk.pool_concentration_bps is 10001: it is above the maximum of 10000 bps"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[risk]\npool_concentration_bps = 10.5\n", 4, 26,
     "risk.pool_concentration_bps is the number 10.5"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[risk]\npool_concentration_bps = 10.0\n", 4, 26,
     "risk.pool_concentration_bps is the number 10", "10"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[risk]\nmin_confidence = 50\n", 4, 18,
     "risk.min_confidence is 50: it is above the maximum of 1"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[street]\npace = \"backpressure\"\n", 4, 8,
     "street.pace is the text \"backpressure\"", "\"back_pressure\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[street]\npace = true\n", 4, 8,
     "street.pace is the boolean true", "\"true\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[street]\nthreads = 9223372036854775807\n", 4, 11,
     "street.threads is 9223372036854775807: it is above the maximum of 256 threads"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[street]\nsnapshots_in_flight = 0\n", 4, 23,
     "street.snapshots_in_flight is 0: it is below the minimum of 1 snapshot"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[log]\nlevel = \"warn\"\n", 4, 9,
     "log.level is the text \"warn\"", "\"warning\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[log]\nlevel = \"Info\"\n", 4, 9,
     "log.level is the text \"Info\"", "\"info\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[plugins]\nhang_s = -1\n", 4, 10,
     "plugins.hang_s is -1: it is below the minimum of 0 seconds"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[plugins]\nquarantine = true\n", 4, 14,
     "plugins.quarantine is the boolean true", "\"true\""},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[plugins]\nfolders = \"plugins\"\n", 4, 11,
     "plugins.folders is the text \"plugins\"", "[\"plugins\"]"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[plugins]\nfolders = [\"a\", 3]\n", 4, 17,
     "plugins.folders holds the integer 3"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[market]\nrecording = 2020-10-01\n", 4, 13,
     "market.recording is a date or time"},
    {In::gantry, "risk.min_profit_usd = 5\n[[chain]]\nid = \"eip155:1\"\n[api]\nsokcet = \"x\"\n",
     5, 1, "unknown key sokcet in api", "socket"},
    {In::gantry, "[[chain]]\nid = \"eip155:1\"\n[[paymaster]]\nname = \"pimlico\"\n", 3, 1,
     "paymaster.pimlico.api_key is missing: the plugin pimlico needs it"},
    {In::gantry,
     "[[chain]]\nid = \"eip155:1\"\n[[paymaster]]\nname = \"pimlico\"\napi_key = \"${K}\"\n"
     "priority = 0\n",
     6, 12, "paymaster.pimlico.priority is 0: it is below the minimum of 1"},
    // dex_config.toml
    {In::dex, "[dex]\nname = \"uniswap_v2\"\n", 1, 2, "dex is a table, and not a list of tables",
     "[[dex]]"},
    {In::dex, "[[dexes]]\nname = \"uniswap_v2\"\n", 1, 3, "unknown table dexes", "dex"},
    {In::dex, "[[dex]]\nenabled = true\n", 1, 1, "dex.name is missing"},
    {In::dex, "[[dex]]\nname = \"\"\n", 2, 8, "dex.name is the text \"\""},
    {In::dex, "[[dex]]\nname = \"uni\\tswap\"\n", 2, 8, "dex.name is the text \"uni swap\""},
    {In::dex, "[[dex]]\nname = \"uni\\nswap\"\n", 2, 8, "dex.name is the text \"uni?swap\""},
    {In::dex, "[[dex]]\nname = \"uni swap\"\n", 2, 8, "dex.name is the text \"uni swap\""},
    {In::dex, "[[dex]]\nname = \"uniswap_v3\"\ncallback = \"pancakeV3SwapCallback\"\n", 3, 12,
     "dex.uniswap_v3.callback is \"pancakeV3SwapCallback\", and no function with its types"},
    {In::dex, "[[dex]]\nname = \"uniswap_v3\"\ncallback = \"f(int256, bytes)\"\n", 3, 12,
     "dex.uniswap_v3.callback is \"f(int256, bytes)\", and no function with its types"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\n[[dex]]\nname = \"uniswap_v2\"\n", 4, 8,
     "dex.uniswap_v2.name is there twice, first in line 2"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\nenabled = \"true\"\n", 3, 11,
     "dex.uniswap_v2.enabled is the text \"true\"", "true"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\nenabled = 1\n", 3, 11,
     "dex.uniswap_v2.enabled is the integer 1", "true"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\npriority = -1\n", 3, 12,
     "dex.uniswap_v2.priority is -1: it is below the minimum of 0"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidty_usd = 1\n", 3, 1,
     "unknown key min_liquidty_usd in dex.uniswap_v2", "min_liquidity_usd"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\nmin-liquidity-usd = 1\n", 3, 1,
     "unknown key min-liquidity-usd in dex.uniswap_v2", "min_liquidity_usd"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\nmax_slippage_bps = 10001\n", 3, 20,
     "dex.uniswap_v2.max_slippage_bps is 10001: it is above the maximum of 10000 bps"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\nfee_bps = 501\n", 3, 11,
     "dex.uniswap_v2.fee_bps is 501: it is above the maximum of 500 bps"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\nfee_bps = \"a lot\"\n", 3, 11,
     "dex.uniswap_v2.fee_bps is the text \"a lot\""},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\nchain = \"eip155:2\"\n", 3, 9,
     "dex.uniswap_v2.chain is \"eip155:2\", and gantry.toml has no such [[chain]]", "\"eip155:1\""},
    {In::dex, "[[dex]]\nname = \"a\"\nplugin = \"triangular\"\n", 3, 10,
     "dex.a cannot be an instance of \"triangular\": that is a strategy, not a dex"},
    {In::dex, "\xef\xbb\xbf[[dex]]\r\nname = \"uniswap_v2\"\r\n\tprioritty = 1\r\n", 3, 2,
     "unknown key prioritty in dex.uniswap_v2", "priority"},
    // strategies.toml
    {In::strategies, "strategies = 1\n", 1, 1, "strategies is the integer 1, and not a table"},
    {In::strategies, "[strategies]\ntriangular = true\n", 2, 1,
     "strategies.triangular is the boolean true, and not a strategy"},
    {In::strategies, "[strategies.\"tri angular\"]\n", 1, 13,
     "strategies.name is the text \"tri angular\""},
    {In::strategies, "[strategy.triangular]\nenabled = true\n", 1, 2, "unknown table strategy",
     "strategies"},
    {In::strategies, "[strategies.triangular]\nmax_hop = 4\n", 2, 1,
     "unknown key max_hop in strategies.triangular", "max_hops"},
    {In::strategies, "[strategies.triangular]\nmxa_hops = 4\n", 2, 1,
     "unknown key mxa_hops in strategies.triangular", "max_hops"},
    {In::strategies, "[strategies.triangular]\nmax_hops = 7\n", 2, 12,
     "strategies.triangular.max_hops is 7: it is above the maximum of 6 pools"},
    {In::strategies, "[strategies.triangular]\nmax_hops = \"four\"\n", 2, 12,
     "strategies.triangular.max_hops is the text \"four\""},
    {In::strategies, "[strategies.triangular]\nmax_hops = [4]\n", 2, 12,
     "strategies.triangular.max_hops is a list of 1"},
    {In::strategies, "[strategies.triangular]\nmax_hops = {a = 1}\n", 2, 12,
     "strategies.triangular.max_hops is a table"},
    {In::strategies, "[strategies.triangular]\nprefer_high_liquidity = \"yes\"\n", 2, 25,
     "strategies.triangular.prefer_high_liquidity is the text \"yes\"", "true"},
    {In::strategies, "[strategies.triangular]\norder = \"profits\"\n", 2, 9,
     "strategies.triangular.order is the text \"profits\"", "\"profit\""},
    {In::strategies, "[strategies.triangular]\nleast_input = -5\n", 2, 15,
     "strategies.triangular.least_input is the integer -5"},
    {In::strategies, "[strategies.triangular]\nleast_input = 0\n", 2, 15,
     "strategies.triangular.least_input is 0: it is below the minimum of 1 wei"},
    {In::strategies, "[strategies.triangular]\nleast_input = 1.5\n", 2, 15,
     "strategies.triangular.least_input is the number 1.5"},
    {In::strategies, "[strategies.triangular]\ndeadline_ms = 0\n", 2, 15,
     "strategies.triangular.deadline_ms is 0: it is below the minimum of 1 ms"},
    {In::strategies, "[strategies.triangular]\ncapabilities = \"calls\"\n", 2, 16,
     "strategies.triangular.capabilities is the text \"calls\"", "[\"calls\"]"},
    {In::strategies, "[strategies.triangular]\ncapabilities = [\"calls\", 3]\n", 2, 26,
     "strategies.triangular.capabilities holds the integer 3"},
    {In::strategies, "[strategies.triangular]\ncapabilities = [\"sign\"]\n", 2, 17,
     "strategies.triangular.capabilities holds \"sign\", which is no capability"},
    {In::dex, "[[dex]]\nname = \"uniswap_v2\"\ncapabilities = [\"calls\"]\n", 3, 17,
     "dex.uniswap_v2.capabilities holds \"calls\", which only a strategy can have, not a dex"},
    {In::strategies, "[strategies.triangular]\npriority = 3\n", 2, 1,
     "unknown key priority in strategies.triangular"},
    {In::strategies, "[strategies.triangular]\nmin_profit_bps = -1\n", 2, 18,
     "strategies.triangular.min_profit_bps is -1: it is below the minimum of 0 bps"},
    {In::strategies, "[strategies.triangular]\n[strategy_priorities]\ntriangluar = 1\n", 3, 1,
     "strategy_priorities.\"triangluar\" names a strategy that is not there", "triangular"},
    {In::strategies, "[strategies.triangular]\n[strategy_priorities]\ntriangular = \"1\"\n", 3, 14,
     "strategy_priorities.triangular is the text \"1\"", "1"},
    {In::strategies, "[strategies.triangular]\n[strategy_priority]\ntriangular = 1\n", 2, 2,
     "unknown table strategy_priority", "strategy_priorities"},
};

}  // namespace

TEST_CASE("every malformed configuration is told with its place, reason and remedy") {
  STATIC_REQUIRE(std::size(rows) >= 60);
  check_rows(rows);
}

TEST_CASE("all errors of all three files are told at once") {
  const ConfigReport report =
      errors_of({.gantry = "[[chain]]\nid = \"eip155:1\"\n[risk]\nmin_profit = 1\n"
                           "max_risk_score = 2\n[street]\nthreads = -1\n",
                 .dex = "[[dex]]\nname = \"uniswap_v2\"\nenabled = 3\nfee = 30\n[[dex]]\n",
                 .strategies = "[strategies.triangular]\nmax_hops = 1\nmax_hop = 2\n"
                               "[strategy_priorities]\nlatency = 1\n"});
  std::vector<std::string> places;
  for (const Diagnostic& error : report.errors) {
    places.push_back(error.file + ":" + std::to_string(error.line));
  }
  CHECK(places == std::vector<std::string>{"config/dex_config.toml:3", "config/dex_config.toml:4",
                                           "config/dex_config.toml:5", "config/gantry.toml:4",
                                           "config/gantry.toml:5", "config/gantry.toml:7",
                                           "config/strategies.toml:2", "config/strategies.toml:3",
                                           "config/strategies.toml:5"});
}

TEST_CASE("a file that is no TOML does not hide the errors of the others") {
  const ConfigReport report = errors_of({.gantry = "[[chain\n",
                                         .dex = "[[dex]]\nname = \"uniswap_v2\"\nfee = 3\n",
                                         .strategies = "[strategies.triangular]\nmax_hops = 1\n"});
  REQUIRE(report.errors.size() == 3);
  CHECK(report.errors[0].suggestion == "fee_bps");
  CHECK(report.errors[1].message.starts_with("is not TOML"));
  CHECK(report.errors[2].line == 2);
}

TEST_CASE("the caret stands under the offending text, whatever stands before it") {
  const ConfigReport report =
      errors_of({.gantry = {},
                 .dex = "[[dex]]\nname = \"uniswap_v2\"\n\t\"fée\" = 1 # é\n",
                 .strategies = {}});
  CHECK(
      render_text(report, false) ==
      "config/dex_config.toml:3:2: error: unknown key fée in dex.uniswap_v2\n"
      "     3 |  \"fée\" = 1 # é\n"
      "       |  ^~~~~\n"
      "       = expected: one of name, enabled, plugin, chain, isolation, capabilities, priority, "
      "min_liquidity_usd, max_slippage_bps, fee_bps, discover, callback, pool\n"
      "1 error, 0 warnings\n");
  CHECK(render_text(report, true).find("\x1b[") != std::string::npos);
  CHECK(render_json(report).find(R"("line":3,"column":2)") != std::string::npos);
}

TEST_CASE("control characters of a file never reach the terminal") {
  const ConfigReport report = errors_of(
      {.gantry = {}, .dex = {}, .strategies = "[strategies.x]\n\"\\u001b[2J\" = 1\n[oth\x1b]\n"});
  REQUIRE_FALSE(report.errors.empty());
  CHECK(render_text(report, false).find('\x1b') == std::string::npos);
  CHECK(render_json(report).find('\x1b') == std::string::npos);
}

TEST_CASE("a misspelt table and a misspelt key in it are told at once") {
  const auto report =
      errors_of({.gantry = "[[chain]]\nid = \"eip155:1\"\n[[chain.provder]]\nname = \"a\"\n"
                           "url = \"https://a\"\nwieght = 1\n[rsk]\nmin_profit_ust = 1\n",
                 .dex = "[[dxe]]\nname = \"uniswap_v2\"\nfee_bsp = 1\n",
                 .strategies = "[strategis.triangular]\nmax_hopps = 4\n"});
  std::vector<std::string> suggested;
  for (const Diagnostic& error : report.errors) suggested.push_back(error.suggestion);
  CHECK(suggested == std::vector<std::string>{"dex", "fee_bps", "provider", "weight", "risk",
                                              "min_profit_usd", "strategies", "max_hops"});
  CHECK(report.warnings.empty());
}

TEST_CASE("what reorders or hides text does not reach the terminal from a file") {
  const std::string controls = "\xe2\x80\xae\xe2\x81\xa6\xe2\x80\x8b\xc2\xad";  // bidi, zero width
  const std::string wrong = "[[chain]] # " + controls + "\nid = \"" + controls + "\" # " + controls;
  const std::string text =
      render_text(errors_of({.gantry = wrong, .dex = {}, .strategies = {}}), false);
  CHECK(text.find("????") != std::string::npos);
  const auto loaded = parse(
      {.gantry = "[[chain]]\nid = \"eip155:1\"\nname = \"a\\u202e\\u001b[1m" + controls + "\"\n",
       .dex = {},
       .strategies = {}});
  REQUIRE(loaded.has_value());
  for (const std::string& out : {text, explain_text(*loaded), explain_json(*loaded)}) {
    CHECK(out.find('\x1b') == std::string::npos);
    CHECK(out.find("\xe2\x80") == std::string::npos);
    CHECK(out.find("\xe2\x81") == std::string::npos);
    CHECK(out.find("\xc2\xad") == std::string::npos);
  }
}

#include "host/report/render.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "host/base/text.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"
#include "sample_report.hpp"

using namespace gantry::host;
using gantry::host::tests::sample_report;
namespace json = boost::json;

namespace {

void check_lines(const std::string& text) {
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    REQUIRE(end != std::string::npos);
    const std::string line = text.substr(begin, end - begin);
    INFO(line);
    CHECK(width_of(line) <= terminal_columns);
    CHECK(printable(line) == line);
    begin = end + 1;
  }
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("one of something is not several") {
  CHECK(with_unit("1", "snapshots") == "1 snapshot");
  CHECK(with_unit("1", "basis points") == "1 basis point");
  CHECK(with_unit("2", "snapshots") == "2 snapshots");
  CHECK(with_unit("1", "bps") == "1 bps");
  CHECK(with_unit("1", "ms") == "1 ms");
  CHECK(with_unit("1", "") == "1");
  RenderOptions one;
  one.top = 1;
  CHECK(has(render_text(sample_report(), one), "; the best route"));
  CHECK_FALSE(has(render_text(sample_report(), one), "the best 1"));
}

TEST_CASE("the report says what was loaded, found, refused, planned, and that nothing was sent") {
  const std::string text = render_text(sample_report(), {});
  check_lines(text);
  CHECK(has(text, "ethereum (eip155:1), blocks 10982000 to 10985400, 3,401 snapshots"));
  CHECK(has(text, "9,000 tokens, 1,700 of 10,704 pools usable (9,000 low_liquidity, 4 refused)"));
  CHECK(has(text, "gas 50.0 gwei, a block every 13.0 s"));
  CHECK(has(text, "pools real (October 2020), swaps synthetic (seed 1)"));
  CHECK(has(text, "uniswap_v2 0.1.0"));
  CHECK(has(text, "dex broken was not loaded: broken.so: is no ELF file. Rebuild it."));
  CHECK(has(text, "WETH → DAI → USDC → WETH  uniswap_v2, uniswap_v2, sushiswap"));
  CHECK(has(text, "12.5 WETH"));
  CHECK(has(text, "0.4821 WETH"));
  CHECK(has(text, "172.33"));
  CHECK(has(text, "approved"));
  CHECK(has(text, "2,310 bps"));
  CHECK(has(text, "1,000 bps"));
  CHECK(has(text, "0xa9059cbb… 68 bytes"));
  CHECK(has(text, "at least 12.95 WETH out, gas paid by pimlico"));
  CHECK(has(text, "apikey=${PIMLICO_API_KEY}"));
  CHECK(has(text, "\"method\": \"pm_sponsorUserOperation\""));
  CHECK(has(text, "Time per stage"));
  CHECK(text.ends_with("Nothing was signed and nothing was sent: this was a dry run.\n"));
}

TEST_CASE("one venue on the whole way is named once with its count") {
  RunReport report = sample_report();
  report.best[0].legs[2].venue = "uniswap_v2";
  CHECK(has(render_text(report, {}), "WETH → DAI → USDC → WETH  uniswap_v2×3"));
}

TEST_CASE("an empty report is readable too") {
  const std::string text = render_text(RunReport{}, {});
  check_lines(text);
  CHECK(has(text, "Dry-run plan  none: nothing was approved\n"));
}

TEST_CASE("what was approved and could not be planned is told as that") {
  RunReport report = sample_report();
  report.plan.reset();
  report.approved = 11;
  report.plan_failures = {"no plan without a sender"};
  const std::string text = render_text(report, {});
  CHECK(has(text, "Dry-run plan  none: 11 approved, none could be planned\n"));
  CHECK(has(text, "\n  no plan without a sender\n"));
}

TEST_CASE("extreme numbers and long names do not break the frame") {
  RunReport report = sample_report();
  OpportunityReport& found = report.best[0];
  found.size = std::string(78, '9');
  found.profit = "0." + std::string(76, '0') + "1";
  found.profit_usd = std::numeric_limits<double>::quiet_NaN();
  found.profit_eth = -1e300;
  found.expected_profit_bps = std::numeric_limits<double>::infinity();
  found.token = std::string(64, 'W');
  found.legs.assign(8, {std::string(64, 'v'), "0x", std::string(64, 'a'), std::string(64, 'b')});
  report.provenance = std::string(1024, 'p');
  report.plugins[0].library = std::string(300, 'l');
  report.plan->calls[0].purpose = std::string(300, 'c');
  report.plan->sponsorship[0].body = std::string(5000, '{');
  check_lines(render_text(report, {}));
}

TEST_CASE("colour adds nothing but escape codes") {
  const std::string plain = render_text(sample_report(), {});
  std::string coloured = render_text(sample_report(), {.colour = true});
  CHECK(coloured != plain);
  std::string stripped;
  for (std::size_t i = 0; i < coloured.size(); ++i) {
    if (coloured[i] == '\x1b') {
      i = coloured.find('m', i);
    } else {
      stripped += coloured[i];
    }
  }
  CHECK(stripped == plain);
}

TEST_CASE("the JSON parses back, keeps amounts as strings, and has timings last") {
  const std::string text = render_json(sample_report(), {});
  const json::object root = json::parse(text).as_object();
  CHECK(root.at("schema") == "gantry.run/1");
  CHECK(root.at("dry_run") == true);
  const json::object& best = root.at("opportunities").at("best").at(0).as_object();
  CHECK(best.at("size_units") == "12500000000000000000");
  CHECK(best.at("key") == "18446744073709551615");
  CHECK(best.at("profit_usd").as_double() == 172.33);
  CHECK(root.at("opportunities").at("best").at(1).at("risk_gate").at("reason") ==
        "pool_concentration");
  CHECK(root.at("plan").at("calls").at(1).at("data").as_string().size() == 266);
  CHECK(root.at("plan").at("sponsorship").at(0).at("body").at("method") ==
        "pm_sponsorUserOperation");
  CHECK((root.end() - 1)->key() == "timings");
  CHECK_FALSE(has(text, "\x1b"));
}

TEST_CASE("without timings the JSON says nothing of the machine or the recording's path") {
  RunReport report = sample_report();
  const RenderOptions options{.timings = false};
  const std::string before = render_json(report, options);
  report.recording = "elsewhere";
  report.threads = 64;
  report.load_s = 9;
  report.stages[0].add(1);
  CHECK(render_json(report, options) == before);
  report.state_hash = "01";
  CHECK(render_json(report, options) != before);
}

TEST_CASE("a number that is not finite is null, and others come back exactly") {
  CHECK(json_text(json::value(std::numeric_limits<double>::quiet_NaN())) == "null\n");
  CHECK(json_text(json::value(-std::numeric_limits<double>::infinity())) == "null\n");
  for (const double value : {0.1, 1e-9, 123456789.125, 5e-324, 1.7976931348623157e308}) {
    CHECK(json::parse(json_text(json::value(value))).to_number<double>() == value);
  }
  CHECK(json_text(json::object{{"b", 1}, {"a", json::array{1, 2}}}) ==
        "{\n  \"b\": 1,\n  \"a\": [1, 2]\n}\n");
  CHECK(json_text(json::object{}) == "{}\n");
}

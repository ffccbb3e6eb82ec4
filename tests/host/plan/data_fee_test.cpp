// What a chain charges for a trade's bytes, from the oracle's answer to the report.
#include <boost/json.hpp>

#include "host/recording/writer.hpp"
#include "host/report/render.hpp"
#include "tests/host/plan/plan_fixture.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

constexpr std::uint64_t price = 3'000'000'000;  // wei for a unit

// The next block, of a chain that charges for bytes; without a price when it is none.
void next_block(Case& c, std::uint64_t unit_price) {
  BlockInput next;
  next.block = c.market.inputs.back().block;
  next.block.number += 1;
  next.block.time_s += 13;
  if (unit_price != 0) next.facts.push_back(price_fact(unit_price));
  c.market.inputs.push_back(std::move(next));
  c.market.configuration.chains.front().data_fee = DataFeeKind::arbitrum;
  c.market.advance();
}

Integer expected_fee(std::span<const std::uint8_t> bytes) {
  return ((Integer(fastlz_size(bytes)) + 96) * 16 + 256) * 10'100 / 10'000 * price;
}

Ranked charged(const Case& c, const Ranked& free, const std::optional<u256>& fee) {
  return price_opportunity(c.market.view, free.opportunity, 0, 0, {gas_overhead, fee});
}

}  // namespace

TEST_CASE("a trade's gas cost has what the chain charges for its bytes, and its profit has not") {
  Case c;
  next_block(c, price);
  REQUIRE(c.market.snapshot->data_fee.rule == DataFeeRule::arbitrum);
  const Ranked free = c.three_legs();
  const Sender sender = sender_of(c.market.configuration);
  u256 fee;
  REQUIRE(data_fee_of(c.market.view, free.opportunity, sender, nullptr, fee));
  const Ranked r = charged(c, free, fee);
  CHECK(r.data_fee == fee);
  CHECK(big(r.gas_cost) == big(free.gas_cost) + big(fee));
  REQUIRE(r.pays);
  CHECK(big(r.net) == big(free.net) - big(fee));
  CHECK(r.score < free.score);
  CHECK(r.data_fee_known);

  // What is planned costs what it was priced at, but for the digits of its minimum.
  const auto plan = c.plan(r);
  REQUIRE(plan);
  const auto bytes = published_bytes(plan->user_operation_call, sender.sponsored);
  CHECK(plan->published_bytes == bytes.size());
  CHECK(big(plan->data_fee) == expected_fee(bytes));
  CHECK(big(plan->data_fee) * 100 >= big(fee) * 97);
  CHECK(big(plan->data_fee) * 100 <= big(fee) * 103);

  // Calls of the strategy's own are bytes too; so is all that is around a user operation.
  Instruction first;
  first.data.assign(400, 0x5a);
  for (std::size_t i = 0; i < first.data.size(); ++i) {
    first.data[i] = static_cast<std::uint8_t>(i * i * 37 + i);
  }
  const std::vector<Instruction> before(1, first);
  u256 more;
  REQUIRE(data_fee_of(c.market.view, free.opportunity, sender, &before, more));
  CHECK(more > fee);
  REQUIRE(data_fee_of(c.market.view, free.opportunity, {sender.address, !sender.sponsored}, nullptr,
                      more));
  CHECK((more > fee) == !sender.sponsored);
}

TEST_CASE("a fee that eats the profit makes the trade a loss, which is refused") {
  Case c;
  next_block(c, price);
  const Ranked free = c.three_legs();
  REQUIRE(free.pays);
  const Ranked r = charged(c, free, wrapping_add(free.net, u256(1)));
  CHECK_FALSE(r.pays);
  CHECK(big(r.net) == 1);
  const auto verdict = RiskGate(c.risk).check(c.market.view, r, {}, r.opportunity.block);
  REQUIRE_FALSE(verdict);
  CHECK(verdict.error().reason == RefusalReason::min_profit);
  CHECK(charged(c, free, u256::max()).gas_cost == u256::max());
}

TEST_CASE(
    "where the chain does not say what bytes cost, nothing is traded, and never for nothing") {
  Case c;
  next_block(c, 0);
  CHECK(c.market.snapshot->data_fee.rule == DataFeeRule::unknown);
  const Ranked free = c.three_legs();
  u256 fee;
  CHECK_FALSE(data_fee_of(c.market.view, free.opportunity, sender_of(c.market.configuration),
                          nullptr, fee));
  const Ranked r = charged(c, free, std::nullopt);
  CHECK_FALSE(r.pays);
  CHECK(r.score == 0);
  const auto verdict = RiskGate(c.risk).check(c.market.view, r, {}, r.opportunity.block);
  REQUIRE_FALSE(verdict);
  CHECK(verdict.error().reason == RefusalReason::data_fee_unknown);
  // It is of the block: the next one may say it again.
  next_block(c, price);
  CHECK(c.market.snapshot->data_fee.rule == DataFeeRule::arbitrum);
}

TEST_CASE(
    "a run on a recording charges the data fee that is in it, and says so where gas is said") {
  TemporaryFolder folder;
  const auto write = [&](const char* name, bool with_price) {
    auto writer = RecordingWriter::create(folder / name);
    REQUIRE(writer);
    REQUIRE(writer->append(
        recording::Header{recording::format_version, "eip155:1", "A test's market.", "tests"}));
    for (const BlockInput& input : market_inputs(3,
                                                 {{0, 1, 100'000, 40'000'000},
                                                  {2, 1, 80'000'000, 40'000'000},
                                                  {0, 2, 110'000, 80'000'000}},
                                                 {{{0, 100'001, 40'000'000}}})) {
      for (const auto& token : input.tokens) REQUIRE(writer->append(token));
      for (const auto& pool : input.pools) REQUIRE(writer->append(pool));
      REQUIRE(writer->append(input.block));
      for (const auto& fact : input.facts) REQUIRE(writer->append(fact));
      if (with_price) REQUIRE(writer->append(price_fact(price)));
    }
    REQUIRE(writer->finish());
    return folder / name;
  };
  ConfigurationTexts texts;
  texts.gantry = "[risk]\nmin_confidence = 0\nmin_profit_usd = 0\n";
  Configuration configuration = configure(folder.path(), texts);
  const auto report_of = [&](const std::filesystem::path& file) {
    StreetOptions options;
    options.recording = file;
    return run_market(configuration, std::move(options));
  };
  const auto priced = write("priced.gantry", true);
  const RunReport free = report_of(priced);
  REQUIRE(free.plan);
  CHECK(free.plan->trade.data_fee_eth == 0);
  CHECK(report_text(free).find("data_fee") == std::string::npos);
  CHECK(render_text(free, {}).find("published") == std::string::npos);

  configuration.chains.front().data_fee = DataFeeKind::arbitrum;
  const RunReport report = report_of(priced);
  REQUIRE(report.plan);
  CHECK(report.plan->published_bytes > 300);
  CHECK(report.plan->trade.data_fee_eth > 0);
  CHECK(report.plan->trade.gas_cost_eth ==
        Approx(free.plan->trade.gas_cost_eth + report.plan->trade.data_fee_eth));
  const auto json = boost::json::parse(report_text(report));
  CHECK(json.at("market").at("data_fee") == "arbitrum");
  CHECK(json.at("plan").at("trade").at("data_fee_eth").to_number<double>() ==
        report.plan->trade.data_fee_eth);
  CHECK(json.at("plan").at("data_fee") == boost::json::string(report.plan->data_fee));
  const std::string text = render_text(report, {});
  CHECK(text.find("(arbitrum)") != std::string::npos);
  CHECK(text.find("bytes that are published") != std::string::npos);

  const RunReport unknown = report_of(write("unpriced.gantry", false));
  CHECK(unknown.approved == 0);
  CHECK_FALSE(unknown.plan);
  REQUIRE(unknown.refusals.contains(RefusalReason::data_fee_unknown));
  CHECK(unknown.refusals.at(RefusalReason::data_fee_unknown).count == unknown.opportunities);
}

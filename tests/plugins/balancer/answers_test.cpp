// The plugin against what the bytecode of deployments answered that no package carries, tolerance
// zero, with each part of the swaps' space demanded.
#include "plugins/balancer/answers.hpp"

#include <catch2/catch.hpp>

#include "evm/integer_words.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::test {
namespace {

constexpr const char* v2_deployments[] = {
    "20230320-weighted-pool-v4", "20230320-composable-stable-pool-v4",
    "20230711-composable-stable-pool-v5", "20240223-composable-stable-pool-v6"};
constexpr const char* v3_deployments[] = {
    "20241205-v3-weighted-pool", "20260115-v3-weighted-pool-v2", "20241205-v3-stable-pool",
    "20250324-v3-stable-pool-v2", "20260116-v3-stable-pool-v3"};
constexpr int rounds_max = 4;

using Known = std::map<std::string, const RecordedFact*>;

std::string key_of(const EmittedRequest& request) {
  return std::to_string(request.source) + request.target +
         (request.payload.empty() ? "-" : request.payload);
}

// Answers what the plugin asks from what was recorded, until it asks no more.
void tell(PluginVenue& venue, const Known& known) {
  for (int round = 0; round < rounds_max; ++round) {
    std::vector<EmittedRequest> requests;
    const gantry_status more = venue.requests(0, requests);
    REQUIRE((more == GANTRY_OK || more == GANTRY_NEED_STATE));
    std::vector<OwnedFact> facts;
    for (const EmittedRequest& request : requests) {
      if (request.source == GANTRY_SOURCE_EVM_LOG) continue;
      const auto found = known.find(key_of(request));
      if (found == known.end()) FAIL("nobody recorded " << request.target << request.payload);
      facts.push_back(fact_of(request, found->second->data));
      if (found->second->refused) facts.back().fields.status = GANTRY_REFUSED;
    }
    const gantry_status status = venue.apply(facts);
    if (status == GANTRY_OK && more == GANTRY_OK) return;
    if (status == GANTRY_OK) continue;
    REQUIRE(status == GANTRY_NEED_STATE);
  }
  FAIL("the plugin does not stop asking");
}

// The router carried this call out, and paid so much.
void compare_call(PluginVenue& venue, const RecordedCall& call) {
  INFO("the router's swap of " << call.amount << " of " << call.in << " to " << call.out);
  gantry_swap_order order{};
  order.swap.amount = to_amount(call.amount);
  order.swap.token_in = static_cast<std::uint32_t>(call.in);
  order.swap.token_out = static_cast<std::uint32_t>(call.out);
  order.swap.mode = GANTRY_EXACT_IN;
  gantry_quote quote{};
  REQUIRE(venue.quote(order.swap, quote) == GANTRY_OK);
  CHECK(to_integer(quote.amount_out) == call.paid);
  order.out = quote.amount_out;
  order.min_out = quote.amount_out;
  order.sender = to_address("0x" + std::string(39, '0') + "1");
  order.recipient = order.sender;
  std::vector<EmittedInstruction> built;
  REQUIRE(venue.build_swap(order, built) == GANTRY_OK);
  REQUIRE(built.size() == 1);
  CHECK(built[0].target == call.target);
  CHECK(built[0].data == call.data);
}

// How many calls of the router there were.
std::size_t compare_all(const std::string& deployment, BalancerTally& tally) {
  const BalancerAnswers answers =
      read_balancer_answers(std::string(GANTRY_BALANCER_TESTS) + "/answers/" + deployment + ".zst");
  CHECK(answers.source.find(deployment) != std::string::npos);
  CHECK(answers.code.size() == 66);
  std::string router;
  for (const RecordedBalancerPool& pool : answers.pools) {
    for (const RecordedBalancerState& state : pool.states) {
      if (!state.calls.empty()) router = state.calls.front().target;
    }
  }
  VenueParameters parameters = {{"vault", answers.vault}, {"vault_v3", answers.vault}};
  if (!router.empty()) parameters["router_v3"] = router;
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer", parameters);
  std::size_t calls = 0;
  for (const RecordedBalancerPool& pool : answers.pools) {
    if (venue.open_pool(pool.address, pool.tokens, pool.metadata) != GANTRY_OK) {
      FAIL(venue.refusal());
    }
    Known known;
    for (const RecordedBalancerState& state : pool.states) {
      REQUIRE(state.scenery.deployment == deployment);
      for (const RecordedFact& fact : state.facts) known[key_of(answers.asks[fact.ask])] = &fact;
      venue.context().state_time_s = state.read_s;
      venue.context().execution_time_s = state.time_s;
      tell(venue, known);
      for (const BalancerCase& each : state.swaps) {
        tally.compare(venue, state.scenery, each);
      }
      for (const RecordedCall& call : state.calls) compare_call(venue, call);
      calls += state.calls.size();
    }
  }
  return calls;
}

}  // namespace

TEST_CASE("later deployments of the V2 Vault: quotes are what their bytecode answered") {
  for (const std::string deployment : v2_deployments) {
    BalancerTally tally;
    compare_all(deployment, tally);
    const bool weighted = deployment.find("weighted") != deployment.npos;
    tally.require_all_parts(deployment, {.ramps = !weighted, .rates = !weighted});
  }
}

TEST_CASE(
    "the deployed V3 Vault: quotes are what it answered, and what its AggregatorRouter paid") {
  for (const std::string deployment : v3_deployments) {
    BalancerTally tally;
    const std::size_t calls = compare_all(deployment, tally);
    const bool weighted = deployment.find("weighted") != deployment.npos;
    tally.require_all_parts(deployment, {.ramps = !weighted, .rates = true});
    CHECK(calls >= 100);
  }
}

TEST_CASE("recorded answers are read as they were written, and what is damaged is refused") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "pool.zst";
  BalancerScenery scenery;
  scenery.deployment = "20230320-weighted-pool-v4";
  scenery.decimals = {6, 18};
  scenery.weights = {1, 4};
  scenery.with_rates = {false, true};
  scenery.fee = 3'000;
  scenery.balances = {Integer(1) << 100, 17};
  BalancerRecorder recorder("a source of three words", "0xc0de", "0xba");
  recorder.pool(scenery, "0xaa", {{"0x01", 6}, {"0x02", 18}}, {'a', '=', 'b'});
  const EmittedRequest request{GANTRY_SOURCE_EVM_CALL, 7, "0x" + std::string(40, 'a'), "0x1234"};
  OwnedFact fact = fact_of(request, "0x00ff");
  recorder.fact(request, fact);
  recorder.state(100, 200, scenery);
  recorder.state(101, 201, scenery);  // nothing has changed
  fact.fields.status = GANTRY_REFUSED;
  recorder.fact(request, fact);
  recorder.state(102, 202, scenery);
  recorder.swap({true, 0, 1, 255, true, 16, ""});
  recorder.swap({false, 1, 0, 3, false, 0, "BAL#304 and more"});
  recorder.call({1, 0, 9, "0xcc", "0xdd", 8});
  recorder.save(path);

  const BalancerAnswers answers = read_balancer_answers(path);
  CHECK(answers.source == "a source of three words");
  CHECK(answers.code == "0xc0de");
  CHECK(answers.vault == "0xba");
  REQUIRE(answers.asks.size() == 1);
  CHECK(answers.asks[0].payload == "0x1234");
  REQUIRE(answers.pools.size() == 1);
  const RecordedBalancerPool& pool = answers.pools[0];
  CHECK(pool.metadata == std::vector<std::uint8_t>{'a', '=', 'b'});
  CHECK(pool.tokens.at(1).decimals == 18);
  REQUIRE(pool.states.size() == 3);
  CHECK(pool.states[0].facts.at(0).data == "0x00ff");
  CHECK(pool.states[1].facts.empty());
  CHECK(pool.states[2].facts.at(0).refused);
  CHECK(pool.states[2].read_s == 102);
  CHECK(pool.states[2].time_s == 202);
  CHECK(pool.states[2].scenery.weights == scenery.weights);
  CHECK(pool.states[2].scenery.with_rates == scenery.with_rates);
  CHECK(pool.states[2].scenery.balances == scenery.balances);
  REQUIRE(pool.states[2].swaps.size() == 2);
  CHECK(pool.states[2].swaps[0].amount == 255);
  CHECK(pool.states[2].swaps[0].answer == 16);
  CHECK(pool.states[2].swaps[1].reason == "BAL#304_and_more");
  CHECK(pool.states[2].calls.at(0).paid == 8);

  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  CHECK_THROWS_AS(read_balancer_answers(path), std::runtime_error);
  CHECK_THROWS_AS(read_balancer_answers(folder.path() / "nothing"), std::runtime_error);
}

}  // namespace gantry::test

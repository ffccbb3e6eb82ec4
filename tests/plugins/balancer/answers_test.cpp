// The plugin against what the bytecode of deployments answered that no package carries, tolerance
// zero, with each part of the swaps' space demanded.
#include "plugins/balancer/answers.hpp"

#include <catch2/catch.hpp>

#include "evm/integer_words.hpp"

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

}  // namespace gantry::test

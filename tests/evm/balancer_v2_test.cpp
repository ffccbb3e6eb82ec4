// The balancer plugin beside the real contracts of the V2 Vault: every deployment of weighted and
// stable pools that Balancer's package carries, tolerance zero.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "evm/balancer_v2_scene.hpp"
#include "evm/integer_words.hpp"
#include "evm/seeded_random.hpp"

namespace gantry::test {
namespace {

const Integer unit("1000000000000000000");
std::uint64_t seed() { return test_seed(20210420); }

constexpr const char* weighted_deployments[] = {
    "20210418-weighted-pool", "20220908-weighted-pool-v2", "20230206-weighted-pool-v3"};
constexpr const char* stable_deployments[] = {"20210624-stable-pool",
                                              "20210727-meta-stable-pool",
                                              "20211208-stable-phantom-pool",
                                              "20220609-stable-pool-v2",
                                              "20220906-composable-stable-pool",
                                              "20221122-composable-stable-pool-v2",
                                              "20230206-composable-stable-pool-v3"};

void fund_some(BalancerV2& chain, const BalancerPool& pool, Draw& draw) {
  std::vector<Integer> amounts = stable_balances(pool, draw);
  if (pool.own) amounts.erase(amounts.begin() + static_cast<std::ptrdiff_t>(*pool.own));
  for (Integer& amount : amounts) amount += 1'000'000;
  chain.fund(pool, amounts);
}

// BalancerQueries.querySwap of a pool that has liquidity, in a block of that time.
void query_all(BalancerV2& chain, V2Scene& scene, std::size_t count, std::uint64_t time_s,
               Draw& draw, BalancerTally& tally) {
  scene.scenery().balances = chain.balances(scene.pool());
  std::vector<BalancerQuery> queries;
  for (std::size_t i = 0; i < count; ++i) {
    BalancerQuery query = draw_query(scene.pool(), draw);
    query.amount = draw_amount(scene.scenery(), {query.given_in, query.in, query.out, 1}, draw);
    queries.push_back(query);
  }
  scene.set_time(time_s);
  const std::vector<BalancerVerdict> verdicts = chain.query(queries, time_s);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    tally.compare(scene.venue(), scene.scenery(), case_of(queries[i], verdicts[i]));
  }
}

// The call that the plugin builds is accepted with the quote as its limit, and not with one more.
void swap_by_plugin(BalancerV2& chain, V2Scene& scene, const gantry_swap& swap,
                    const gantry_quote& quote) {
  gantry_swap_order order{};
  order.swap = swap;
  order.out = quote.amount_out;
  order.min_out = quote.amount_out;
  order.sender = to_address(chain.owner());
  order.recipient = to_address(chain.owner());
  order.deadline_s = chain.time() + 1'000'000;
  std::vector<EmittedInstruction> calls;
  REQUIRE(scene.venue().build_swap(order, calls) == GANTRY_OK);
  REQUIRE(calls.size() == 1);
  const EmittedInstruction& call = calls[0];
  CHECK(call.target == chain.vault());
  CHECK(call.spender == chain.vault());
  CHECK(call.fields.input == GANTRY_INPUT_APPROVE);
  CHECK(call.fields.min_out_enforced == 1);
  const auto patched = [&](std::uint32_t offset, const Integer& value) {
    std::string data = call.data;
    return data.replace(2 + 2 * std::size_t{offset}, word_digits, word(value));
  };
  const Integer out = to_integer(quote.amount_out);
  CHECK(patched(call.fields.min_out_offset, out) == call.data);
  CHECK(patched(call.fields.amount_in_offset, to_integer(swap.amount)) == call.data);
  const auto answers =
      chain.deployer().read_many({{call.target, patched(call.fields.min_out_offset, out + 1), {}}});
  CHECK_FALSE(answers[0].accepted);
  CHECK(answers[0].reason == "BAL#507");  // SWAP_LIMIT
  chain.deployer().send(call.target, call.data);
}

// A mined swap: what it pays, and the Vault's balances after it, are those of the quote.
void swap_once(BalancerV2& chain, V2Scene& scene, BalancerQuery query, Draw& draw) {
  const std::vector<Integer> before = chain.balances(scene.pool());
  query.amount = draw.up_to(before[query.given_in ? query.in : query.out] / 10) + 1'000;
  gantry_quote quote{};
  Overlay next;
  INFO(scene.pool().deployment << " " << query.amount);
  const gantry_status status = scene.venue().quote(swap_of(query), quote, nullptr, &next);
  if (status == GANTRY_NO_LIQUIDITY) return;  // dust
  REQUIRE(status == GANTRY_OK);
  if (query.given_in) {
    swap_by_plugin(chain, scene, swap_of(query), quote);
  } else {
    chain.swap(query);
  }
  std::uint32_t fee = 0;
  std::vector<Integer> predicted;
  REQUIRE(scene.venue().view(fee, predicted, &next) == GANTRY_OK);
  CHECK(chain.balances(scene.pool()) == predicted);
  CHECK(predicted[query.in] - before[query.in] == to_integer(quote.amount_in));
  CHECK(before[query.out] - predicted[query.out] == to_integer(quote.amount_out));
  scene.set_time(chain.time());
  REQUIRE(scene.refresh() == GANTRY_OK);
  std::vector<Integer> seen;
  REQUIRE(scene.venue().view(fee, seen) == GANTRY_OK);
  CHECK(seen == predicted);
}

}  // namespace

TEST_CASE("weighted pools of every deployment are quoted as their contracts answer") {
  Anvil anvil({"--code-size-limit", "60000"});
  BalancerV2 chain(anvil);
  for (const std::string deployment : weighted_deployments) {
    Draw draw(seed());
    BalancerTally tally;
    run_deployment(chain, deployment, draw, tally);
    tally.require_all_parts(deployment, {});
  }
}

TEST_CASE("stable pools of every deployment are quoted as their contracts answer") {
  Anvil anvil({"--code-size-limit", "60000"});
  BalancerV2 chain(anvil);
  for (const std::string deployment : stable_deployments) {
    Draw draw(seed());
    BalancerTally tally;
    run_deployment(chain, deployment, draw, tally);
    const bool plain = deployment.find("-stable-pool") == 8;
    tally.require_all_parts(deployment, {.ramps = true, .rates = !plain});
  }
}

TEST_CASE("BalancerQueries answers for pools with liquidity what the plugin quotes") {
  Anvil anvil({"--code-size-limit", "60000"});
  BalancerV2 chain(anvil);
  Draw draw(seed() + 1);
  BalancerTally tally;
  std::vector<std::string> deployments(std::begin(stable_deployments),
                                       std::end(stable_deployments));
  deployments.insert(deployments.end(), std::begin(weighted_deployments),
                     std::end(weighted_deployments));
  for (const std::string& deployment : deployments) {
    for (std::size_t p = 0; p < 2; ++p) {
      INFO(deployment);
      const V2Made made = is_weighted(deployment) ? make_weighted(chain, deployment, p, draw)
                                                  : make_stable(chain, deployment, p, draw);
      fund_some(chain, made.pool, draw);
      V2Scene scene(chain, made.order, made.pool);
      query_all(chain, scene, 60, chain.time(), draw, tally);
      query_all(chain, scene, 60, chain.time() + 20'000, draw, tally);  // caches have run out
      for (int i = 0; i < 4; ++i) {
        swap_once(chain, scene, draw_query(scene.pool(), draw), draw);
      }
      query_all(chain, scene, 30, chain.time(), draw, tally);
    }
  }
  tally.require_no_mistake("BalancerQueries");
}

TEST_CASE("an amplification that ramps is the contract's at every time of the ramp") {
  Anvil anvil({"--code-size-limit", "60000"});
  BalancerV2 chain(anvil);
  Draw draw(seed() + 2);
  BalancerTally tally;
  for (const std::string deployment : stable_deployments) {
    INFO(deployment);
    BalancerPoolOrder order;
    order.deployment = deployment;
    order.tokens = chain.make_tokens({18, 6});
    order.amp = 200;
    order.fee = unit / 1'000;
    const BalancerPool pool = chain.create(order);
    fund_some(chain, pool, draw);
    V2Scene scene(chain, order, pool);
    const std::uint64_t begin = chain.time();
    const std::uint64_t end = begin + 3 * 86'400;
    chain.tell(scene.pool().address, "startAmplificationParameterUpdate(uint256,uint256)",
               word(deployment.size() % 2 == 0 ? 700 : 60) + word(end));
    scene.set_time(chain.time());
    REQUIRE(scene.refresh() == GANTRY_OK);
    for (const std::uint64_t at :
         {chain.time(), begin + 5'000, begin + 100'001, end - 1, end, end + 86'400}) {
      query_all(chain, scene, 20, at, draw, tally);
    }
  }
  tally.require_no_mistake("ramps");
}

// Writes tests/plugins/balancer/answers/<deployment>.zst of deployments that no package carries.
// GANTRY_BALANCER_DEPLOYMENTS is a copy of Balancer's repository of deployments,
// GANTRY_BALANCER_COMMIT says of which commit, and GANTRY_RECORD_TO is the folder to write to.
TEST_CASE("the answers of the V2 Vault's later deployments", "[.record]") {
  const char* to = std::getenv("GANTRY_RECORD_TO");
  const char* commit = std::getenv("GANTRY_BALANCER_COMMIT");
  REQUIRE(to != nullptr);
  REQUIRE(commit != nullptr);
  for (const std::string deployment :
       {"20230320-weighted-pool-v4", "20230320-composable-stable-pool-v4",
        "20230711-composable-stable-pool-v5", "20240223-composable-stable-pool-v6"}) {
    Anvil anvil({"--code-size-limit", "60000"});
    BalancerV2 chain(anvil);
    Draw draw(seed());
    BalancerTally tally;
    const std::string artifact = BalancerV2::repository_artifact(deployment);
    BalancerRecorder recorder(
        "balancer/balancer-deployments " + std::string(commit) + " " + artifact + ".json",
        chain.deployer().sha3("0x" + balancer_repository_code(artifact)), chain.vault());
    run_deployment(chain, deployment, draw, tally, &recorder);
    const bool weighted = is_weighted(deployment);
    tally.require_all_parts(deployment, {.ramps = !weighted, .rates = !weighted});
    recorder.save(std::string(to) + "/" + deployment + ".zst");
  }
}

}  // namespace gantry::test

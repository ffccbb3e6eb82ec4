// The balancer plugin beside the real V3 Vault with its weighted and stable pools, tolerance zero:
// state read from the chain, rates that move, yield and swap fees of the protocol, amplification
// on its way.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "evm/balancer_draw.hpp"
#include "evm/balancer_tally.hpp"
#include "evm/balancer_v2_contracts.hpp"
#include "evm/balancer_v3_contracts.hpp"
#include "evm/integer_words.hpp"
#include "evm/seeded_random.hpp"
#include "plugins/balancer/answers.hpp"

namespace gantry::test {
namespace {

const Integer unit("1000000000000000000");
constexpr std::size_t pools_of_a_kind = 45;
constexpr std::size_t states_of_a_pool = 3;
constexpr std::size_t swaps_of_a_state = 75;
constexpr std::size_t calls_of_a_state = 3;  // through the router, when they are recorded

std::uint64_t seed() { return test_seed(20260116); }

V3PoolOrder draw_order(const std::string& deployment, std::size_t number, Draw& draw) {
  constexpr std::uint32_t usual[] = {18, 6, 8};
  constexpr std::uint64_t fees[] = {10, 100, 500, 3'000, 100'000};  // of a million
  constexpr std::uint64_t amps[] = {1, 5, 50, 200, 2'000, 5'000};
  const bool weighted = deployment.find("weighted") != deployment.npos;
  V3PoolOrder order;
  order.deployment = deployment;
  const std::size_t few = 2 + draw.below(2);
  const std::size_t count = number % 3 != 0 ? few
                            : weighted      ? 2 + draw.below(7)
                                            : 2 + draw.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    order.decimals.push_back(usual[draw.below(3)]);
    const Integer rate = unit / 2 + draw.up_to(unit * 2);
    order.rates.push_back(draw.below(3) == 0 ? rate : Integer(0));
  }
  order.fee = unit / 1'000'000 * fees[number % 5];
  order.amp = amps[draw.below(6)];
  order.pays_yield_fees = draw.below(2) == 0;
  if (weighted) order.weights = weights_of(count, number % 4, draw);
  return order;
}

std::vector<Integer> draw_balances(const V3Pool& pool, bool weighted, Draw& draw) {
  const unsigned size = 60 + static_cast<unsigned>(draw.below(24));
  const unsigned apart = weighted ? 20 : draw.below(4) == 0 ? 10 : 3;
  std::vector<Integer> balances;
  for (const VenueToken& token : pool.tokens) {
    Integer balance = draw.bits(size + static_cast<unsigned>(draw.below(apart)));
    for (std::uint32_t digit = token.decimals; digit < 18; ++digit) balance /= 10;
    balances.push_back(balance + 1);
  }
  return balances;
}

class Scene {
 public:
  Scene(BalancerV3& chain, const V3PoolOrder& order, Draw& draw, BalancerRecorder* recorder)
      : chain_(chain),
        draw_(draw),
        recorder_(recorder),
        order_(order),
        pool_(chain.create(order_)),
        venue_(GANTRY_BALANCER_PLUGIN, "balancer", parameters()) {
    scenery_.deployment = order.deployment;
    scenery_.weights = order.weights;
    scenery_.fee = order.fee;
    for (std::size_t i = 0; i < pool_.tokens.size(); ++i) {
      scenery_.decimals.push_back(pool_.tokens[i].decimals);
      scenery_.with_rates.push_back(!pool_.providers[i].empty());
    }
    chain_.fund(pool_, draw_balances(pool_, !order.weights.empty(), draw));
    if (venue_.open_pool(pool_.address, pool_.tokens) != GANTRY_OK) {
      throw std::runtime_error(venue_.refusal());
    }
    if (recorder_ == nullptr) return;
    recorder_->pool(scenery_, pool_.address, pool_.tokens, {});
    venue_.watch([this](const EmittedRequest& request, const OwnedFact& fact) {
      recorder_->fact(request, fact);
    });
  }

  void run(std::size_t state, BalancerTally& tally) {
    if (state > 0) move();
    scenery_.ramps = order_.weights.empty() && state > 0;
    if (scenery_.ramps && state == 1) {
      chain_.ramp(pool_, order_.amp == 5'000 ? Integer(4'000) : Integer(order_.amp * 3 / 2 + 1),
                  2 * 86'400);
    }
    std::uint64_t time_s = chain_.time();
    if (scenery_.ramps && state == 1) time_s += 3'600 * (1 + draw_.below(47));
    venue_.context().state_time_s = time_s;
    venue_.context().execution_time_s = time_s;
    REQUIRE(venue_.refresh(chain_.deployer()) == GANTRY_OK);
    std::uint32_t fee = 0;
    REQUIRE(venue_.view(fee, scenery_.balances) == GANTRY_OK);
    if (recorder_ != nullptr) recorder_->state(time_s, time_s, scenery_);
    std::vector<V3Query> queries;
    for (std::size_t i = 0; i < swaps_of_a_state; ++i) queries.push_back(draw_query());
    const std::vector<V3Verdict> verdicts = chain_.query(pool_, queries, time_s);
    for (std::size_t i = 0; i < queries.size(); ++i) {
      const BalancerCase each{queries[i].given_in, queries[i].in,        queries[i].out,
                              queries[i].amount,   verdicts[i].accepted, verdicts[i].amount,
                              verdicts[i].reason};
      tally.compare(venue_, scenery_, each);
      if (recorder_ != nullptr) recorder_->swap(each);
    }
    // A mined swap comes later than what was read, and finds another A while that ramps.
    for (std::size_t i = 0; recorder_ != nullptr && !scenery_.ramps && i < calls_of_a_state; ++i) {
      call_router(i);
    }
  }

 private:
  VenueParameters parameters() {
    VenueParameters all = {{"vault_v3", chain_.vault()}};
    if (recorder_ != nullptr) all["router_v3"] = chain_.aggregator_router();
    return all;
  }

  V3Query draw_query() {
    V3Query query;
    query.given_in = draw_.below(2) == 0;
    query.in = draw_.below(pool_.tokens.size());
    query.out = (query.in + 1 + draw_.below(pool_.tokens.size() - 1)) % pool_.tokens.size();
    // The Vault trades from a million on, of 18 decimals and at the token's rate.
    const VenueToken& token = pool_.tokens[query.given_in ? query.in : query.out];
    const Integer least = token.decimals == 18 ? 10'000'000 : 2;
    query.amount = draw_amount(scenery_, {query.given_in, query.in, query.out, least}, draw_);
    return query;
  }

  // A swap of a twentieth, and rates that have gone up or down since.
  void move() {
    const std::size_t in = draw_.below(pool_.tokens.size());
    const std::size_t out = (in + 1) % pool_.tokens.size();
    const V3Query query{true, in, out, scenery_.balances[in] / 20 + 1};
    if (chain_.query(pool_, {query})[0].accepted) {
      chain_.swap(pool_, query);
    }
    for (std::size_t i = 0; i < pool_.providers.size(); ++i) {
      if (pool_.providers[i].empty() || draw_.below(2) == 0) continue;
      chain_.set_rate(pool_, i, order_.rates[i] / 100 * (95 + draw_.below(20)));
    }
  }

  // The call that the plugin builds, sent to the AggregatorRouter behind the transfer that it asks
  // for: it pays what is quoted, and is refused for one unit more, and when nothing was sent.
  void call_router(std::size_t number) {
    Deployer& deployer = chain_.deployer();
    REQUIRE(venue_.refresh(deployer) == GANTRY_OK);
    recorder_->state(venue_.context().state_time_s, venue_.context().execution_time_s, scenery_);
    constexpr std::uint64_t parts[calls_of_a_state] = {7, 900, 40};
    RecordedCall made;
    made.in = draw_.below(pool_.tokens.size());
    made.out = (made.in + 1) % pool_.tokens.size();
    made.amount = scenery_.balances[made.in] / parts[number] + 1;
    gantry_swap_order order{};
    order.swap.amount = to_amount(made.amount);
    order.swap.token_in = static_cast<std::uint32_t>(made.in);
    order.swap.token_out = static_cast<std::uint32_t>(made.out);
    order.swap.mode = GANTRY_EXACT_IN;
    gantry_quote quote{};
    if (venue_.quote(order.swap, quote) != GANTRY_OK) return;
    order.out = quote.amount_out;
    order.min_out = quote.amount_out;
    order.sender = to_address(deployer.account());
    order.recipient = order.sender;
    std::vector<EmittedInstruction> calls;
    REQUIRE(venue_.build_swap(order, calls) == GANTRY_OK);
    REQUIRE(calls.size() == 1);
    const EmittedInstruction& call = calls[0];
    CHECK(call.target == chain_.aggregator_router());
    CHECK(call.spender == chain_.vault());
    CHECK(call.fields.input == GANTRY_INPUT_TRANSFER);
    made.target = call.target;
    made.data = call.data;
    const std::string& paid_in = pool_.tokens[made.out].address;
    CHECK_FALSE(deployer.read_many({{call.target, call.data, {}}})[0].accepted);
    chain_.give(pool_.tokens[made.in].address, chain_.vault(), made.amount);
    std::string greedy = call.data;
    greedy.replace(2 + 2 * std::size_t{call.fields.min_out_offset}, word_digits,
                   word(to_integer(quote.amount_out) + 1));
    CHECK_FALSE(deployer.read_many({{call.target, greedy, {}}})[0].accepted);
    const Integer before = chain_.balance(paid_in, deployer.account());
    deployer.send(call.target, call.data);
    made.paid = chain_.balance(paid_in, deployer.account()) - before;
    CHECK(made.paid == to_integer(quote.amount_out));
    recorder_->call(made);
  }

  BalancerV3& chain_;
  Draw& draw_;
  BalancerRecorder* recorder_;
  V3PoolOrder order_;
  V3Pool pool_;
  PluginVenue venue_;
  BalancerScenery scenery_;
};

void run_deployment(BalancerV3& chain, const std::string& deployment, Draw& draw,
                    BalancerTally& tally, BalancerRecorder* recorder = nullptr) {
  for (std::size_t number = 0; number < pools_of_a_kind; ++number) {
    Scene scene(chain, draw_order(deployment, number, draw), draw, recorder);
    for (std::size_t state = 0; state < states_of_a_pool; ++state) scene.run(state, tally);
  }
  const bool weighted = deployment.find("weighted") != deployment.npos;
  tally.require_all_parts(deployment, {.ramps = !weighted, .rates = true});
}

}  // namespace

TEST_CASE("ten thousand swaps of either kind of V3 pool are quoted as its contracts compute them") {
  Anvil chain({"--disable-code-size-limit"});
  BalancerV3 contracts(chain);
  Draw draw(seed());
  for (const std::string deployment :
       {"20260115-v3-weighted-pool-v2", "20260116-v3-stable-pool-v3"}) {
    BalancerTally tally;
    run_deployment(contracts, deployment, draw, tally);
  }
}

// Writes tests/plugins/balancer/answers/<deployment>.zst of the deployed Vault, factories and
// AggregatorRouter; the environment is that of the V2 Vault's recording.
TEST_CASE("the answers of the V3 Vault's deployments", "[.record]") {
  const char* to = std::getenv("GANTRY_RECORD_TO");
  const char* commit = std::getenv("GANTRY_BALANCER_COMMIT");
  REQUIRE(to != nullptr);
  REQUIRE(commit != nullptr);
  for (const std::string deployment :
       {"20241205-v3-weighted-pool", "20241205-v3-stable-pool", "20250324-v3-stable-pool-v2",
        "20260115-v3-weighted-pool-v2", "20260116-v3-stable-pool-v3"}) {
    Anvil anvil({"--disable-code-size-limit"});
    BalancerV3 chain(anvil, BalancerV3::Contracts::deployed);
    Draw draw(seed());
    BalancerTally tally;
    const std::string artifact = v3_factory_artifact(deployment);
    BalancerRecorder recorder(
        "balancer/balancer-deployments " + std::string(commit) + " " + artifact + ".json",
        chain.deployer().sha3("0x" + balancer_repository_code(artifact)), chain.vault());
    run_deployment(chain, deployment, draw, tally, &recorder);
    recorder.save(std::string(to) + "/" + deployment + ".zst");
  }
}

}  // namespace gantry::test

#include "evm/balancer_v2_scene.hpp"

#include <catch2/catch.hpp>
#include <stdexcept>

namespace gantry::test {
namespace {

constexpr std::size_t pools_of_a_deployment = 20;
constexpr std::size_t states_of_a_pool = 21;
constexpr std::size_t swaps_of_a_state = 25;
constexpr std::uint64_t cache_s = 10'800;
constexpr std::uint64_t ramp_s = 3 * 86'400;

const Integer unit("1000000000000000000");

bool has_rates(std::string_view deployment) {
  return deployment.find("composable") != deployment.npos ||
         deployment.find("meta") != deployment.npos ||
         deployment.find("phantom") != deployment.npos;
}

// A token without decimals is for weighted pools: a stable one would be of a few units.
std::vector<std::uint32_t> decimals_of(std::size_t count, Draw& draw, bool none_too) {
  constexpr std::uint32_t usual[] = {18, 6, 8, 18, 6, 8, 0};
  std::vector<std::uint32_t> decimals;
  for (std::size_t i = 0; i < count; ++i) decimals.push_back(usual[draw.below(none_too ? 7 : 6)]);
  return decimals;
}

// From a few units to near the Vault's largest.
std::vector<Integer> weighted_balances(std::size_t count, std::size_t state, Draw& draw) {
  std::vector<Integer> balances;
  for (std::size_t i = 0; i < count; ++i) {
    const unsigned bits = state % 8 == 0 ? 1 + static_cast<unsigned>(draw.below(112))
                                         : 30 + static_cast<unsigned>(draw.below(60));
    balances.push_back(draw.bits(bits));
  }
  return balances;
}

// What the Vault adds to the pool's answer: balances below 2^112 that can be paid.
void judge_as_vault(const std::vector<Integer>& balances, BalancerCase& each) {
  if (!each.accepted) return;
  const Integer& in = each.given_in ? each.amount : each.answer;
  const Integer& out = each.given_in ? each.answer : each.amount;
  if ((balances[each.in] + in) >> 112 == 0 && out <= balances[each.out]) return;
  each.accepted = false;
  each.reason = "the Vault's balances";
}

// Rates that have moved on since they were kept, an amplification on its way: the later time.
std::uint64_t let_time_pass(BalancerV2& chain, V2Scene& scene, std::size_t number, Draw& draw) {
  std::uint64_t passed_s = 0;
  if (number % 2 == 1) {
    for (const std::string& provider : scene.pool().providers) {
      if (!provider.empty()) chain.set_rate(provider, unit / 2 + draw.up_to(unit * 2));
    }
    passed_s = cache_s + 1;
  }
  if (number % 4 >= 2) {
    const std::uint64_t now_s = chain.time();
    const Integer amp = word_at(chain.ask(scene.pool().address, "getAmplificationParameter()"), 0);
    const Integer end = amp / 1'000 >= 2'500 ? Integer(1'700) : Integer(amp / 1'000 * 3 / 2 + 1);
    chain.tell(scene.pool().address, "startAmplificationParameterUpdate(uint256,uint256)",
               word(end) + word(now_s + ramp_s));
    scene.scenery().ramps = true;
    passed_s += 3'600 + draw.below(ramp_s / 2);
  }
  scene.set_time(chain.time());
  REQUIRE(scene.refresh() == GANTRY_OK);
  return chain.time() + passed_s;
}

}  // namespace

gantry_swap swap_of(const BalancerQuery& query) {
  gantry_swap swap{};
  swap.amount = to_amount(query.amount);
  swap.token_in = static_cast<std::uint32_t>(query.in);
  swap.token_out = static_cast<std::uint32_t>(query.out);
  swap.mode = query.given_in ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT;
  return swap;
}

BalancerCase case_of(const BalancerQuery& query, const BalancerVerdict& verdict) {
  return {query.given_in,   query.in,       query.out,     query.amount,
          verdict.accepted, verdict.amount, verdict.reason};
}

V2Scene::V2Scene(BalancerV2& chain, const BalancerPoolOrder& order, BalancerPool pool,
                 BalancerRecorder* recorder)
    : chain_(chain),
      pool_(std::move(pool)),
      venue_(GANTRY_BALANCER_PLUGIN, "balancer", {{"vault", chain.vault()}}),
      recorder_(recorder) {
  scenery_.deployment = pool_.deployment;
  scenery_.weights = order.weights;
  scenery_.fee = order.fee;
  for (std::size_t i = 0; i < pool_.tokens.size(); ++i) {
    scenery_.decimals.push_back(pool_.tokens[i].decimals);
    scenery_.with_rates.push_back(!pool_.providers[i].empty());
  }
  const auto metadata = BalancerV2::metadata(pool_);
  if (venue_.open_pool(pool_.address, pool_.tokens, metadata) != GANTRY_OK) {
    throw std::runtime_error(venue_.refusal());
  }
  if (recorder_ != nullptr) {
    recorder_->pool(scenery_, pool_.address, pool_.tokens, metadata);
    venue_.watch([this](const EmittedRequest& request, const OwnedFact& fact) {
      recorder_->fact(request, fact);
    });
  }
  set_time(chain.time());
  if (refresh() != GANTRY_OK) throw std::runtime_error("no state of " + pool_.deployment);
}

void V2Scene::set_time(std::uint64_t time_s) {
  venue_.context().state_time_s = time_s;
  venue_.context().execution_time_s = time_s;
}

void V2Scene::set_balances(const std::vector<Integer>& balances, std::uint64_t time_s) {
  scenery_.balances = balances;
  if (facts_.empty()) {
    read_s_ = chain_.time();
    REQUIRE(venue_.requests(0, requests_) == GANTRY_OK);
    facts_ = venue_.fetch(chain_.deployer(), requests_);
    REQUIRE(facts_.size() == requests_.size());
  }
  const std::string asked = chain_.deployer().selector("getPoolTokens(bytes32)");
  std::vector<std::string> tokens;
  for (const VenueToken& token : pool_.tokens) tokens.push_back(token.address);
  for (std::size_t i = 0; i < requests_.size(); ++i) {
    if (!requests_[i].payload.starts_with(asked)) continue;
    facts_[i].data =
        to_bytes("0x" + AbiArguments().addresses(tokens).words(balances).word(1).digits());
    if (recorder_ != nullptr) recorder_->fact(requests_[i], facts_[i]);
  }
  venue_.context().state_time_s = read_s_;
  venue_.context().execution_time_s = time_s;
  REQUIRE(venue_.apply(facts_) == GANTRY_OK);
  if (recorder_ != nullptr) recorder_->state(read_s_, time_s, scenery_);
}

V2Made make_weighted(BalancerV2& chain, const std::string& deployment, std::size_t number,
                     Draw& draw) {
  constexpr std::uint64_t fees[] = {1, 3'000, 500, 10'000, 100'000};  // of a million
  V2Made made;
  const std::size_t count = number % 3 == 0 ? 2 + draw.below(7) : 2 + draw.below(2);
  made.order.deployment = deployment;
  made.order.tokens = chain.make_tokens(decimals_of(count, draw, true));
  made.order.weights = weights_of(count, number % 4, draw);
  made.order.fee = unit / 1'000'000 * fees[number % 5];
  made.pool = chain.create(made.order);
  return made;
}

// Two to four tokens (a meta-stable pool has two), half of them with rates.
V2Made make_stable(BalancerV2& chain, const std::string& deployment, std::size_t number,
                   Draw& draw) {
  constexpr std::uint64_t amps[] = {1, 5, 50, 200, 2'000, 5'000};
  constexpr std::uint64_t fees[] = {1, 100, 400, 3'000, 100'000};  // of a million
  V2Made made;
  const bool pair = deployment.find("meta") != deployment.npos;
  made.order.deployment = deployment;
  made.order.tokens = chain.make_tokens(decimals_of(pair ? 2 : 2 + draw.below(3), draw, false));
  made.order.amp = amps[draw.below(6)];
  made.order.fee = unit / 1'000'000 * fees[number % 5];
  if (has_rates(deployment)) {
    for (std::size_t i = 0; i < made.order.tokens.size(); ++i) {
      const Integer rate = unit / 2 + draw.up_to(unit * 2);
      made.order.providers.push_back(draw.below(2) == 0 ? chain.make_provider(rate) : "");
    }
  }
  made.pool = chain.create(made.order);
  return made;
}

std::vector<Integer> stable_balances(const BalancerPool& pool, Draw& draw) {
  const unsigned size = 62 + static_cast<unsigned>(draw.below(24));
  const unsigned apart = draw.below(4) == 0 ? 12 : 3;
  std::vector<Integer> balances;
  for (std::size_t i = 0; i < pool.tokens.size(); ++i) {
    Integer balance = draw.bits(size + static_cast<unsigned>(draw.below(apart)));
    for (std::uint32_t digit = pool.tokens[i].decimals; digit < 18; ++digit) balance /= 10;
    balances.push_back(i == pool.own ? Integer(Integer(1) << 111) : Integer(balance + 1));
  }
  return balances;
}

BalancerQuery draw_query(const BalancerPool& pool, Draw& draw) {
  BalancerQuery query;
  query.pool = &pool;
  query.given_in = draw.below(2) == 0;
  do {
    query.in = draw.below(pool.tokens.size());
    query.out = draw.below(pool.tokens.size());
  } while (query.in == query.out || query.in == pool.own || query.out == pool.own);
  return query;
}

void run_deployment(BalancerV2& chain, const std::string& deployment, Draw& draw,
                    BalancerTally& tally, BalancerRecorder* recorder) {
  const bool weighted = is_weighted(deployment);
  for (std::size_t p = 0; p < pools_of_a_deployment; ++p) {
    V2Made made = weighted ? make_weighted(chain, deployment, p, draw)
                           : make_stable(chain, deployment, p, draw);
    V2Scene scene(chain, made.order, made.pool, recorder);
    const std::uint64_t time_s = weighted ? chain.time() : let_time_pass(chain, scene, p, draw);
    for (std::size_t s = 0; s < states_of_a_pool; ++s) {
      const std::vector<Integer> balances =
          weighted ? weighted_balances(scene.pool().tokens.size(), s, draw)
                   : stable_balances(scene.pool(), draw);
      scene.set_balances(balances, time_s);
      std::vector<BalancerQuery> queries;
      for (std::size_t i = 0; i < swaps_of_a_state; ++i) {
        BalancerQuery query = draw_query(scene.pool(), draw);
        query.amount = draw_amount(scene.scenery(), {query.given_in, query.in, query.out, 1}, draw);
        queries.push_back(query);
      }
      const std::vector<BalancerVerdict> verdicts = chain.on_swap(
          queries, std::vector<std::vector<Integer>>(queries.size(), balances), time_s);
      for (std::size_t i = 0; i < queries.size(); ++i) {
        BalancerCase each = case_of(queries[i], verdicts[i]);
        judge_as_vault(balances, each);
        tally.compare(scene.venue(), scene.scenery(), each);
        if (recorder != nullptr) recorder->swap(each);
      }
    }
  }
}

}  // namespace gantry::test

// The balancer plugin beside the real contracts of the V2 Vault: every deployment of weighted and
// stable pools that Balancer's package carries, tolerance zero.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

#include "evm/balancer_draw.hpp"
#include "evm/balancer_v2_contracts.hpp"
#include "evm/integer_words.hpp"

namespace gantry::test {
namespace {

const Integer unit("1000000000000000000");
constexpr std::uint64_t default_seed = 20210420;

std::uint64_t seed() {
  const char* text = std::getenv("GANTRY_TEST_SEED");
  return text == nullptr ? default_seed : std::strtoull(text, nullptr, 10);
}

struct Tally {
  std::size_t swaps = 0;
  std::size_t succeed = 0;
  std::size_t given_in = 0;
  std::size_t nothing = 0;  // the contract pays zero, which the plugin does not call a swap
  std::map<std::string, std::size_t> reasons;
  std::vector<std::string> mistakes;
};

gantry_swap swap_of(const BalancerQuery& query) {
  gantry_swap swap{};
  swap.amount = to_amount(query.amount);
  swap.token_in = static_cast<std::uint32_t>(query.in);
  swap.token_out = static_cast<std::uint32_t>(query.out);
  swap.mode = query.given_in ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT;
  return swap;
}

void compare(PluginVenue& venue, const BalancerQuery& query, const BalancerVerdict& verdict,
             const std::string& state, Tally& tally) {
  ++tally.swaps;
  tally.given_in += query.given_in ? 1U : 0U;
  gantry_quote quote{};
  const gantry_status status = venue.quote(swap_of(query), quote);
  const auto mistake = [&](const std::string& text) {
    tally.mistakes.push_back(query.pool->deployment +
                             (query.given_in ? " given in " : " given out ") + query.amount.str() +
                             " of " + std::to_string(query.in) + " to " +
                             std::to_string(query.out) + ": the contract " +
                             (verdict.accepted ? verdict.amount.str() : verdict.reason) +
                             ", the plugin " + text + "; " + state);
  };
  if (!verdict.accepted) {
    ++tally.reasons[verdict.reason];
    if (status == GANTRY_OK) mistake("quotes");
    return;
  }
  if (verdict.amount == 0) {
    ++tally.nothing;
    if (status != GANTRY_NO_LIQUIDITY) mistake("status " + std::to_string(status));
    return;
  }
  if (status != GANTRY_OK) return mistake("status " + std::to_string(status));
  ++tally.succeed;
  const Integer in = to_integer(quote.amount_in);
  const Integer out = to_integer(quote.amount_out);
  const Integer& given = query.given_in ? in : out;
  const Integer& found = query.given_in ? out : in;
  if (given != query.amount) mistake("says that " + given.str() + " is given");
  if (found != verdict.amount) mistake(found.str());
}

// A pool as the plugin holds it, with balances of our choosing.
class Scene {
 public:
  Scene(BalancerV2& chain, BalancerPool pool)
      : chain_(chain),
        pool_(std::move(pool)),
        venue_(GANTRY_BALANCER_PLUGIN, "balancer", {{"vault", chain.vault()}}) {
    const auto opened = venue_.open_pool(pool_.address, pool_.tokens, BalancerV2::metadata(pool_));
    if (opened != GANTRY_OK) throw std::runtime_error(venue_.refusal());
    set_time(chain.time());
    if (refresh() != GANTRY_OK) throw std::runtime_error("no state of " + pool_.deployment);
  }

  const BalancerPool& pool() const { return pool_; }
  PluginVenue& venue() { return venue_; }
  void set_time(std::uint64_t time_s) {
    venue_.context().state_time_s = time_s;
    venue_.context().execution_time_s = time_s;
  }
  gantry_status refresh() { return venue_.refresh(chain_.deployer()); }

  // As if the Vault had said so.
  void set_balances(const std::vector<Integer>& balances) {
    const std::string asked = chain_.deployer().selector("getPoolTokens(bytes32)");
    if (facts_.empty()) {
      std::vector<EmittedRequest> requests;
      REQUIRE(venue_.requests(0, requests) == GANTRY_OK);
      facts_ = venue_.fetch(chain_.deployer(), requests);
      for (std::size_t i = 0; i < requests.size(); ++i) {
        if (requests[i].payload.starts_with(asked)) balances_fact_ = i;
      }
    }
    std::vector<std::string> tokens;
    for (const VenueToken& token : pool_.tokens) tokens.push_back(token.address);
    facts_[balances_fact_].data =
        to_bytes("0x" + AbiArguments().addresses(tokens).words(balances).word(1).digits());
    REQUIRE(venue_.apply(facts_) == GANTRY_OK);
  }

 private:
  BalancerV2& chain_;
  BalancerPool pool_;
  PluginVenue venue_;
  std::vector<OwnedFact> facts_;
  std::size_t balances_fact_ = 0;
};

std::string first_of(const std::vector<std::string>& mistakes) {
  std::string text;
  for (std::size_t i = 0; i < mistakes.size() && i < 10; ++i) text += mistakes[i] + "\n";
  return text;
}

void report(const std::string& name, const Tally& tally) {
  std::cout << name << ": " << tally.swaps << " swaps, " << tally.succeed << " succeed, "
            << tally.given_in << " given in, " << tally.nothing << " pay nothing; refused:";
  for (const auto& [reason, count] : tally.reasons) {
    std::cout << " " << reason.substr(0, 30) << " " << count;
  }
  std::cout << "\n";
  INFO(name << ", seed " << seed() << ", " << tally.mistakes.size() << " mistakes, the first:\n"
            << first_of(tally.mistakes));
  REQUIRE(tally.mistakes.empty());
}

// Weights of two to eight tokens that sum to one: equal, extreme, or any.
std::vector<Integer> weights_of(std::size_t count, Draw& draw) {
  const Integer least = unit / 100;
  std::vector<Integer> weights(count, least);
  Integer left = unit - least * count;
  const std::uint64_t kind = draw.below(4);
  for (std::size_t i = 0; i + 1 < count; ++i) {
    Integer share = 0;
    if (kind == 0) share = unit / count - least;
    if (kind == 1) share = left * draw.below(1000) / 1000;
    if (kind == 2) share = left / 5;  // 80/20 and the like
    weights[i] += share;
    left -= share;
  }
  weights[count - 1] += left;
  return weights;
}

// A token without decimals is for weighted pools: a stable one would be of a few units.
std::vector<std::uint32_t> decimals_of(std::size_t count, Draw& draw, bool none_too) {
  constexpr std::uint32_t usual[] = {18, 6, 8, 18, 0};
  std::vector<std::uint32_t> decimals;
  for (std::size_t i = 0; i < count; ++i) decimals.push_back(usual[draw.below(none_too ? 5 : 4)]);
  return decimals;
}

std::string text_of_balances(const std::vector<Integer>& balances) {
  std::string text = "balances";
  for (const Integer& balance : balances) text += " " + balance.str();
  return text;
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

struct Plan {
  std::size_t pools;
  std::size_t states;
  std::size_t swaps;
};

// Swaps of a weighted pool at balances from a few units to near the Vault's largest.
void run_weighted(BalancerV2& chain, const std::string& deployment, const Plan& plan, Draw& draw,
                  Tally& tally) {
  for (std::size_t p = 0; p < plan.pools; ++p) {
    const std::size_t count = p % 3 == 0 ? 2 + draw.below(7) : 2 + draw.below(3);
    BalancerPoolOrder order;
    order.deployment = deployment;
    order.tokens = chain.make_tokens(decimals_of(count, draw, true));
    order.weights = weights_of(count, draw);
    const std::uint64_t fees[] = {1, 3'000, 500, 10'000, 100'000};  // of a million
    order.fee = unit / 1'000'000 * fees[draw.below(5)];
    Scene scene(chain, chain.create(order));
    for (std::size_t s = 0; s < plan.states; ++s) {
      std::vector<Integer> balances;
      for (std::size_t i = 0; i < count; ++i) {
        const unsigned bits = s % 8 == 0 ? 1 + static_cast<unsigned>(draw.below(112))
                                         : 30 + static_cast<unsigned>(draw.below(60));
        balances.push_back(draw.bits(bits));
      }
      scene.set_balances(balances);
      std::vector<BalancerQuery> queries;
      for (std::size_t i = 0; i < plan.swaps; ++i) {
        BalancerQuery query = draw_query(scene.pool(), draw);
        const Integer& balance = balances[query.given_in ? query.in : query.out];
        switch (draw.below(12)) {
          case 0:
            query.amount = 1 + draw.below(3);
            break;
          case 1:
            query.amount = balance * 3 / 10 + draw.below(3);
            break;
          case 2:
            query.amount = draw.up_to(balance * 2);
            break;
          default:
            query.amount = draw.up_to(balance * 3 / 10);
        }
        if (query.amount == 0) query.amount = 1;
        queries.push_back(query);
      }
      const std::vector<BalancerVerdict> verdicts =
          chain.on_swap(queries, std::vector<std::vector<Integer>>(queries.size(), balances));
      for (std::size_t i = 0; i < queries.size(); ++i) {
        // What the Vault adds to the pool's answer: balances below 2^112.
        BalancerVerdict verdict = verdicts[i];
        const BalancerQuery& query = queries[i];
        const Integer& in = query.given_in ? query.amount : verdict.amount;
        if (verdict.accepted && (balances[query.in] + in) >> 112 != 0) {
          verdict = {false, 0, "the Vault's 2^112"};
        }
        compare(scene.venue(), query, verdict, text_of_balances(balances), tally);
      }
    }
  }
}

constexpr const char* stable_deployments[] = {"20210624-stable-pool",
                                              "20210727-meta-stable-pool",
                                              "20211208-stable-phantom-pool",
                                              "20220609-stable-pool-v2",
                                              "20220906-composable-stable-pool",
                                              "20221122-composable-stable-pool-v2",
                                              "20230206-composable-stable-pool-v3"};

bool has_rates(std::string_view deployment) {
  return deployment.find("composable") != deployment.npos ||
         deployment.find("meta") != deployment.npos ||
         deployment.find("phantom") != deployment.npos;
}

// A stable pool of two to four tokens (a meta-stable one has two), half of them with rates.
BalancerPool make_stable(BalancerV2& chain, const std::string& deployment, Draw& draw) {
  BalancerPoolOrder order;
  order.deployment = deployment;
  const bool pair = deployment.find("meta") != deployment.npos;
  order.tokens = chain.make_tokens(decimals_of(pair ? 2 : 2 + draw.below(3), draw, false));
  constexpr std::uint64_t amps[] = {1, 5, 50, 200, 2'000, 5'000};
  order.amp = amps[draw.below(6)];
  constexpr std::uint64_t fees[] = {1, 100, 400, 3'000, 100'000};
  order.fee = unit / 1'000'000 * fees[draw.below(5)];
  if (has_rates(deployment)) {
    for (std::size_t i = 0; i < order.tokens.size(); ++i) {
      const Integer rate = unit / 2 + draw.up_to(unit * 2);
      order.providers.push_back(draw.below(2) == 0 ? chain.make_provider(rate) : "");
    }
  }
  return chain.create(order);
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

std::vector<BalancerQuery> stable_queries(const BalancerPool& pool,
                                          const std::vector<Integer>& balances, std::size_t count,
                                          Draw& draw) {
  std::vector<BalancerQuery> queries;
  for (std::size_t i = 0; i < count; ++i) {
    BalancerQuery query = draw_query(pool, draw);
    const Integer& balance = balances[query.given_in ? query.in : query.out];
    const std::uint64_t kind = draw.below(20);
    query.amount = kind == 0   ? Integer(1 + draw.below(3))
                   : kind == 1 ? Integer(draw.up_to(balance * 2))
                   : kind == 2 ? balance
                               : draw.up_to(balance * 9 / 10 + 1);
    queries.push_back(query);
  }
  return queries;
}

void run_stable(BalancerV2& chain, const std::string& deployment, const Plan& plan, Draw& draw,
                Tally& tally) {
  for (std::size_t p = 0; p < plan.pools; ++p) {
    Scene scene(chain, make_stable(chain, deployment, draw));
    // Every other pool when its cached rates have run out and its providers have moved on.
    std::uint64_t time_s = chain.time();
    if (p % 2 == 1) {
      for (const std::string& provider : scene.pool().providers) {
        if (!provider.empty()) chain.set_rate(provider, unit / 2 + draw.up_to(unit * 2));
      }
      REQUIRE(scene.refresh() == GANTRY_OK);
      time_s += 10'801;
    }
    for (std::size_t s = 0; s < plan.states; ++s) {
      const std::vector<Integer> balances = stable_balances(scene.pool(), draw);
      scene.set_balances(balances);
      scene.set_time(time_s);
      const auto queries = stable_queries(scene.pool(), balances, plan.swaps, draw);
      const std::vector<BalancerVerdict> verdicts = chain.on_swap(
          queries, std::vector<std::vector<Integer>>(queries.size(), balances), time_s);
      for (std::size_t i = 0; i < queries.size(); ++i) {
        BalancerVerdict verdict = verdicts[i];
        const BalancerQuery& query = queries[i];
        const Integer& in = query.given_in ? query.amount : verdict.amount;
        const Integer& out = query.given_in ? verdict.amount : query.amount;
        if (verdict.accepted &&
            ((balances[query.in] + in) >> 112 != 0 || out > balances[query.out])) {
          verdict = {false, 0, "the Vault's balances"};
        }
        compare(scene.venue(), query, verdict, text_of_balances(balances), tally);
      }
    }
  }
}

BalancerPool fund_some(BalancerV2& chain, BalancerPool pool, Draw& draw) {
  std::vector<Integer> amounts = stable_balances(pool, draw);
  if (pool.own) amounts.erase(amounts.begin() + static_cast<std::ptrdiff_t>(*pool.own));
  for (Integer& amount : amounts) amount += 1'000'000;
  chain.fund(pool, amounts);
  return pool;
}

BalancerPool make_weighted(BalancerV2& chain, const std::string& deployment, Draw& draw) {
  BalancerPoolOrder order;
  order.deployment = deployment;
  order.tokens = chain.make_tokens(decimals_of(2 + draw.below(3), draw, false));
  order.weights = weights_of(order.tokens.size(), draw);
  order.fee = unit / 400;
  return chain.create(order);
}

// BalancerQueries.querySwap of a pool that has liquidity, in a block of that time.
void query_all(BalancerV2& chain, Scene& scene, std::size_t count, std::uint64_t time_s, Draw& draw,
               Tally& tally) {
  const std::vector<Integer> balances = chain.balances(scene.pool());
  std::vector<BalancerQuery> queries = stable_queries(scene.pool(), balances, count, draw);
  const bool weighted = scene.pool().deployment.find("weighted") != std::string::npos;
  for (BalancerQuery& query : queries) {
    if (weighted) query.amount = query.amount * 3 / 10 + 1;
  }
  scene.set_time(time_s);
  const std::vector<BalancerVerdict> verdicts = chain.query(queries, time_s);
  for (std::size_t i = 0; i < queries.size(); ++i) {
    compare(scene.venue(), queries[i], verdicts[i], text_of_balances(balances), tally);
  }
}

// The call that the plugin builds is accepted with the quote as its limit, and not with one more.
void swap_by_plugin(BalancerV2& chain, Scene& scene, const gantry_swap& swap,
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
void swap_once(BalancerV2& chain, Scene& scene, BalancerQuery query, Draw& draw) {
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
  for (const std::string deployment :
       {"20210418-weighted-pool", "20220908-weighted-pool-v2", "20230206-weighted-pool-v3"}) {
    Draw draw(seed());
    Tally tally;
    run_weighted(chain, deployment, {12, 35, 25}, draw, tally);
    report(deployment, tally);
    CHECK(tally.swaps >= 10'000);
    CHECK(tally.succeed * 100 >= tally.swaps * 80);
  }
}

TEST_CASE("stable pools of every deployment are quoted as their contracts answer") {
  Anvil anvil({"--code-size-limit", "60000"});
  BalancerV2 chain(anvil);
  for (const std::string deployment : stable_deployments) {
    Draw draw(seed());
    Tally tally;
    run_stable(chain, deployment, {10, 41, 25}, draw, tally);
    report(deployment, tally);
    CHECK(tally.swaps >= 10'000);
    CHECK(tally.succeed * 100 >= tally.swaps * 80);
  }
}

TEST_CASE("BalancerQueries answers for pools with liquidity what the plugin quotes") {
  Anvil anvil({"--code-size-limit", "60000"});
  BalancerV2 chain(anvil);
  Draw draw(seed() + 1);
  Tally tally;
  std::vector<std::string> deployments(std::begin(stable_deployments),
                                       std::end(stable_deployments));
  deployments.insert(deployments.end(), {"20210418-weighted-pool", "20220908-weighted-pool-v2",
                                         "20230206-weighted-pool-v3"});
  for (const std::string& deployment : deployments) {
    const bool weighted = deployment.find("weighted") != deployment.npos;
    for (int p = 0; p < 2; ++p) {
      INFO(deployment);
      Scene scene(chain, fund_some(chain,
                                   weighted ? make_weighted(chain, deployment, draw)
                                            : make_stable(chain, deployment, draw),
                                   draw));
      query_all(chain, scene, 60, chain.time(), draw, tally);
      query_all(chain, scene, 60, chain.time() + 20'000, draw, tally);  // caches have run out
      for (int i = 0; i < 4; ++i) {
        swap_once(chain, scene, draw_query(scene.pool(), draw), draw);
      }
      query_all(chain, scene, 30, chain.time(), draw, tally);
    }
  }
  report("BalancerQueries", tally);
  CHECK(tally.succeed * 100 >= tally.swaps * 80);
}

TEST_CASE("an amplification that ramps is the contract's at every time of the ramp") {
  Anvil anvil({"--code-size-limit", "60000"});
  BalancerV2 chain(anvil);
  Draw draw(seed() + 2);
  Tally tally;
  for (const std::string deployment : stable_deployments) {
    INFO(deployment);
    BalancerPoolOrder order;
    order.deployment = deployment;
    order.tokens = chain.make_tokens({18, 6});
    order.amp = 200;
    order.fee = unit / 1'000;
    Scene scene(chain, fund_some(chain, chain.create(order), draw));
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
  report("ramps", tally);
  CHECK(tally.succeed * 100 >= tally.swaps * 80);
}

}  // namespace gantry::test

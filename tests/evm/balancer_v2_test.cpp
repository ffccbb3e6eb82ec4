// The balancer plugin beside the real contracts of the V2 Vault: every deployment of weighted and
// stable pools that Balancer's package carries, tolerance zero.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <random>
#include <set>

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

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  Integer bits(unsigned count) {  // of just so many bits
    Integer value = 1;
    for (unsigned i = 1; i < count; ++i) value = (value << 1) | (random_() & 1U);
    return value;
  }
  // From 1 to `most`, as many small ones as large ones.
  Integer up_to(const Integer& most) {
    if (most <= 1) return 1;
    const auto width = static_cast<unsigned>(msb(most)) + 1;
    const Integer value = bits(1 + static_cast<unsigned>(below(width)));
    return value > most ? Integer(most - value % most) : value;
  }

 private:
  std::mt19937_64 random_;
};

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

std::vector<std::uint32_t> decimals_of(std::size_t count, Draw& draw) {
  constexpr std::uint32_t usual[] = {18, 6, 8, 18, 0};
  std::vector<std::uint32_t> decimals;
  for (std::size_t i = 0; i < count; ++i) decimals.push_back(usual[draw.below(5)]);
  return decimals;
}

Integer power_of_ten(unsigned exponent) {
  Integer value = 1;
  for (unsigned i = 0; i < exponent; ++i) value *= 10;
  return value;
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
    order.tokens = chain.make_tokens(decimals_of(count, draw));
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

}  // namespace

TEST_CASE("weighted pools of every deployment are quoted as their contracts answer") {
  Anvil anvil({"--code-size-limit", "60000"});
  BalancerV2 chain(anvil);
  for (const std::string deployment :
       {"20210418-weighted-pool", "20220908-weighted-pool-v2", "20230206-weighted-pool-v3"}) {
    Draw draw(seed());
    Tally tally;
    run_weighted(chain, deployment, {12, 15, 25}, draw, tally);
    report(deployment, tally);
    CHECK(tally.swaps >= 4'000);
    CHECK(tally.succeed * 100 >= tally.swaps * 80);
  }
}

}  // namespace gantry::test

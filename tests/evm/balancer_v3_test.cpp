// The balancer plugin beside the real V3 Vault with its weighted and stable pools, tolerance zero:
// state read from the chain, rates that move, yield and swap fees of the protocol, amplification
// on its way.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>

#include "evm/balancer_draw.hpp"
#include "evm/balancer_v3_contracts.hpp"
#include "evm/integer_words.hpp"

namespace gantry::test {
namespace {

const Integer unit("1000000000000000000");
constexpr std::uint64_t default_seed = 20260116;
constexpr std::size_t pools_of_a_kind = 45;
constexpr std::size_t states_of_a_pool = 3;
constexpr std::size_t swaps_of_a_state = 75;

std::uint64_t seed() {
  const char* text = std::getenv("GANTRY_TEST_SEED");
  return text == nullptr ? default_seed : std::strtoull(text, nullptr, 10);
}

struct Tally {
  std::size_t swaps = 0;
  std::size_t succeed = 0;
  std::size_t given_in = 0;
  std::size_t nothing = 0;  // the contract pays zero, which the plugin does not call a swap
  std::size_t with_rates = 0;
  std::size_t ramping = 0;
  std::map<std::string, std::size_t> reasons;
  std::vector<std::string> mistakes;
};

void compare(PluginVenue& venue, const V3Query& query, const V3Verdict& verdict, Tally& tally) {
  ++tally.swaps;
  tally.given_in += query.given_in ? 1U : 0U;
  gantry_swap swap{};
  swap.amount = to_amount(query.amount);
  swap.token_in = static_cast<std::uint32_t>(query.in);
  swap.token_out = static_cast<std::uint32_t>(query.out);
  swap.mode = query.given_in ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT;
  gantry_quote quote{};
  const gantry_status status = venue.quote(swap, quote);
  const auto mistake = [&](const std::string& text) {
    tally.mistakes.push_back(
        (query.given_in ? "given in " : "given out ") + query.amount.str() + " of " +
        std::to_string(query.in) + " to " + std::to_string(query.out) + ": the contract " +
        (verdict.accepted ? verdict.amount.str() : verdict.reason) + ", the plugin " + text);
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
  if ((query.given_in ? in : out) != query.amount) mistake("is given something else");
  const Integer& found = query.given_in ? out : in;
  if (found != verdict.amount) mistake(found.str());
}

V3PoolOrder draw_order(bool weighted, Draw& draw) {
  constexpr std::uint32_t usual[] = {18, 6, 8, 18};
  constexpr std::uint64_t fees[] = {10, 100, 500, 3'000, 100'000};  // of a million
  constexpr std::uint64_t amps[] = {1, 5, 50, 200, 2'000, 50'000};
  V3PoolOrder order;
  const std::size_t count = weighted ? 2 + draw.below(7) : 2 + draw.below(4);
  for (std::size_t i = 0; i < count; ++i) {
    order.decimals.push_back(usual[draw.below(4)]);
    const Integer rate = unit / 2 + draw.up_to(unit * 2);
    order.rates.push_back(draw.below(3) == 0 ? rate : Integer(0));
  }
  order.fee = unit / 1'000'000 * fees[draw.below(5)];
  order.amp = amps[draw.below(6)];
  order.pays_yield_fees = draw.below(2) == 0;
  if (!weighted) return order;
  const Integer least = unit / 100;
  Integer left = unit - least * count;
  const bool equal = draw.below(3) == 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Integer share = i + 1 == count ? left
                          : equal        ? Integer((unit - least * count) / count)
                                         : Integer(left * draw.below(1000) / 1000);
    order.weights.push_back(least + share);
    left -= share;
  }
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

V3Query draw_query(const std::vector<Integer>& balances, bool weighted, Draw& draw) {
  V3Query query;
  query.given_in = draw.below(2) == 0;
  query.in = draw.below(balances.size());
  query.out = (query.in + 1 + draw.below(balances.size() - 1)) % balances.size();
  const Integer& balance = balances[query.given_in ? query.in : query.out];
  const Integer usual = weighted ? Integer(balance * 3 / 10) : Integer(balance * 9 / 10);
  switch (draw.below(20)) {
    case 0:
      query.amount = 1 + draw.below(3);
      break;
    case 1:
      query.amount = draw.up_to(balance * 2);
      break;
    case 2:
      query.amount = weighted ? Integer(balance * 3 / 10 + draw.below(3)) : balance;
      break;
    default:
      // Of any size that is more than the least that the Vault trades.
      query.amount = usual / (1 + draw.below(10'000)) + 1;
      break;
  }
  return query;
}

class Scene {
 public:
  Scene(BalancerV3& chain, bool weighted, Draw& draw)
      : chain_(chain),
        weighted_(weighted),
        draw_(draw),
        order_(draw_order(weighted, draw)),
        pool_(chain.create(order_)),
        venue_(GANTRY_BALANCER_PLUGIN, "balancer", {{"vault_v3", chain.vault()}}),
        balances_(draw_balances(pool_, weighted, draw)) {
    chain_.fund(pool_, balances_);
    if (venue_.open_pool(pool_.address, pool_.tokens) != GANTRY_OK) {
      throw std::runtime_error(venue_.refusal());
    }
  }

  void run(std::size_t state, Tally& tally) {
    const bool ramps = !weighted_ && state == 1;
    if (state > 0) move();
    if (ramps) {
      chain_.ramp(pool_, order_.amp == 50'000 ? Integer(40'000) : Integer(order_.amp * 3 / 2 + 1),
                  2 * 86'400);
    }
    std::uint64_t time_s = chain_.time();
    if (ramps) time_s += 3'600 * (1 + draw_.below(47));
    venue_.context().state_time_s = time_s;
    venue_.context().execution_time_s = time_s;
    REQUIRE(venue_.refresh(chain_.deployer()) == GANTRY_OK);
    std::vector<V3Query> queries;
    for (std::size_t i = 0; i < swaps_of_a_state; ++i) {
      queries.push_back(draw_query(balances_, weighted_, draw_));
    }
    const std::vector<V3Verdict> verdicts = chain_.query(pool_, queries, time_s);
    for (std::size_t i = 0; i < queries.size(); ++i) {
      compare(venue_, queries[i], verdicts[i], tally);
      tally.ramping += ramps ? 1U : 0U;
      tally.with_rates += pool_.providers[queries[i].in].empty() ? 0U : 1U;
    }
  }

 private:
  // A swap of a twentieth, and rates that have gone up or down since.
  void move() {
    const std::size_t in = draw_.below(balances_.size());
    const std::size_t out = (in + 1) % balances_.size();
    const V3Query query{true, in, out, balances_[in] / 20 + 1};
    if (chain_.query(pool_, {query})[0].accepted) {
      chain_.swap(pool_, query);
    }
    for (std::size_t i = 0; i < pool_.providers.size(); ++i) {
      if (pool_.providers[i].empty() || draw_.below(2) == 0) continue;
      chain_.set_rate(pool_, i, order_.rates[i] / 100 * (95 + draw_.below(20)));
    }
  }

  BalancerV3& chain_;
  bool weighted_;
  Draw& draw_;
  V3PoolOrder order_;
  V3Pool pool_;
  PluginVenue venue_;
  std::vector<Integer> balances_;  // at the beginning
};

void report(const std::string& name, const Tally& tally) {
  std::cout << name << ": " << tally.swaps << " swaps, " << tally.succeed << " succeed, "
            << tally.given_in << " given in, " << tally.nothing << " pay nothing, "
            << tally.with_rates << " of tokens with rates, " << tally.ramping
            << " while A moves; refused:";
  for (const auto& [reason, count] : tally.reasons) std::cout << " " << reason << " " << count;
  std::cout << "\n";
  std::string first;
  for (std::size_t i = 0; i < tally.mistakes.size() && i < 10; ++i) {
    first += tally.mistakes[i] + "\n";
  }
  INFO(name << ", seed " << seed() << ", " << tally.mistakes.size() << " mistakes, the first:\n"
            << first);
  REQUIRE(tally.mistakes.empty());
  CHECK(tally.swaps >= 10'000);
  CHECK(tally.succeed * 10 >= tally.swaps * 8);
  CHECK(tally.given_in * 10 >= tally.swaps * 4);
  CHECK(tally.with_rates >= 1'000);
}

}  // namespace

TEST_CASE("ten thousand swaps of either kind of V3 pool are quoted as its contracts compute them") {
  Anvil chain({"--disable-code-size-limit"});
  BalancerV3 contracts(chain);
  Draw draw(seed());
  for (const bool weighted : {true, false}) {
    Tally tally;
    for (std::size_t pool = 0; pool < pools_of_a_kind; ++pool) {
      Scene scene(contracts, weighted, draw);
      for (std::size_t state = 0; state < states_of_a_pool; ++state) scene.run(state, tally);
    }
    report(weighted ? "weighted pools" : "stable pools", tally);
    if (!weighted) CHECK(tally.ramping >= 1'000);
  }
}

}  // namespace gantry::test

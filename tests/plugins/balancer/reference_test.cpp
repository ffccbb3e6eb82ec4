// Every V2 deployment through the loaded plugin, against the slow reference: those that no test can
// deploy, too. Beside the amounts, the next state, the limits and the fee.
#include <catch2/catch.hpp>
#include <random>

#include "evm/balancer_reference.hpp"
#include "plugins/balancer/told_pool.hpp"

namespace gantry::test {
namespace {

namespace reference = balancer_reference;
using reference::e18;
using reference::Maybe;

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  std::uint64_t below(std::uint64_t end) { return random_() % end; }
  Integer bits(std::uint64_t count) {
    Integer value = 1;
    for (std::uint64_t i = 1; i < count; ++i) value = (value << 1) | (random_() & 1U);
    return value;
  }
  Integer up_to(const Integer& most) {
    if (most <= 1) return 1;
    const Integer value = bits(1 + below(msb(most) + 1));
    return value > most ? Integer(most - value % most) : value;
  }

 private:
  std::mt19937_64 random_;
};

struct Deployment {
  const char* name;
  bool weighted;
  bool shortcuts;
  reference::Invariant invariant;
  bool rates;
};

constexpr Deployment deployments[] = {
    {"20210418-weighted-pool", true, false, {}, false},
    {"20220908-weighted-pool-v2", true, true, {}, false},
    {"20230206-weighted-pool-v3", true, true, {}, false},
    {"20230320-weighted-pool-v4", true, true, {}, false},
    {"20210624-stable-pool", false, false, reference::Invariant::up, false},
    {"20210727-meta-stable-pool", false, false, reference::Invariant::up, true},
    {"20211208-stable-phantom-pool", false, false, reference::Invariant::up, true},
    {"20220609-stable-pool-v2", false, false, reference::Invariant::vyper, false},
    {"20220906-composable-stable-pool", false, false, reference::Invariant::vyper, true},
    {"20221122-composable-stable-pool-v2", false, false, reference::Invariant::vyper, true},
    {"20230206-composable-stable-pool-v3", false, false, reference::Invariant::vyper, true},
    {"20230320-composable-stable-pool-v4", false, false, reference::Invariant::vyper, true},
    {"20230711-composable-stable-pool-v5", false, false, reference::Invariant::vyper, true},
    {"20240223-composable-stable-pool-v6", false, false, reference::Invariant::vyper, true},
};

ToldPool draw_pool(const Deployment& deployment, Draw& draw) {
  ToldPool pool;
  pool.variant = deployment.name;
  const std::size_t count = 2 + draw.below(deployment.weighted ? 7 : 4);
  std::vector<std::uint32_t> decimals;
  constexpr std::uint32_t usual[] = {18, 6, 8, 18};
  for (std::size_t i = 0; i < count; ++i) decimals.push_back(usual[draw.below(4)]);
  pool.tokens = told_tokens(decimals);
  const std::uint64_t fees[] = {1'000'000'000'000, 400'000'000'000'000, 3'000'000'000'000'000,
                                100'000'000'000'000'000};
  pool.fee = fees[draw.below(4)];
  const std::uint64_t size = 60 + draw.below(25);
  for (std::size_t i = 0; i < count; ++i) {
    Integer balance = draw.bits(size - draw.below(deployment.weighted ? 20 : 3));
    for (std::uint32_t digit = decimals[i]; digit < 18; ++digit) balance /= 10;
    pool.balances.push_back(balance + 1);
    pool.rates.push_back(deployment.rates && draw.below(2) == 0 ? e18 + draw.up_to(e18) : e18);
  }
  if (deployment.weighted) {
    Integer left = e18;
    for (std::size_t i = 0; i + 1 < count; ++i) {
      const Integer share = draw.below(2) == 0 ? Integer(left / 2) : Integer(e18 / 100);
      pool.weights.push_back(share);
      left -= share;
    }
    pool.weights.push_back(left);
    for (const Integer& weight : pool.weights) {
      if (weight < e18 / 100) return draw_pool(deployment, draw);
    }
  } else {
    pool.amp = 1'000 * (1 + draw.below(5'000));
  }
  return pool;
}

// What the pool's contract and the Vault make of a swap, for amounts that do not overflow.
Maybe expected(const Deployment& deployment, const ToldPool& pool, const gantry_swap& swap) {
  const std::size_t in = swap.token_in;
  const std::size_t out = swap.token_out;
  std::vector<Integer> factors;
  std::vector<Integer> scaled;
  for (std::size_t i = 0; i < pool.tokens.size(); ++i) {
    Integer factor = deployment.weighted ? e18 : pool.rates[i];
    for (std::uint32_t digit = pool.tokens[i].decimals; digit < 18; ++digit) factor *= 10;
    factors.push_back(factor);
    scaled.push_back(reference::mul_down(pool.balances[i], factor));
  }
  const reference::StablePool stable{scaled, pool.amp, deployment.invariant, false};
  reference::WeightedPair weighted;
  if (deployment.weighted) {
    weighted = {scaled[in], pool.weights[in], scaled[out], pool.weights[out], deployment.shortcuts};
  }
  const Integer amount = to_integer(swap.amount);
  if (swap.mode == GANTRY_EXACT_IN) {
    const Integer kept = amount - reference::mul_up(amount, pool.fee);
    const Integer up = reference::mul_down(kept, factors[in]);
    const Maybe paid = deployment.weighted ? reference::weighted_out(weighted, up)
                                           : reference::stable_out(stable, in, out, up);
    if (!paid) return paid;
    return reference::div_down(*paid, factors[out]);
  }
  const Integer up = reference::mul_down(amount, factors[out]);
  const Maybe needed = deployment.weighted ? reference::weighted_in(weighted, up)
                                           : reference::stable_in(stable, in, out, up);
  if (!needed) return needed;
  return reference::div_up(reference::div_up(*needed, factors[in]), e18 - pool.fee);
}

// Returns whether there was something to pay.
bool check_swap(PluginVenue& venue, const Deployment& deployment, const ToldPool& pool,
                const gantry_swap& swap) {
  const Maybe answer = expected(deployment, pool, swap);
  gantry_quote quote{};
  Overlay next;
  const gantry_status status = venue.quote(swap, quote, nullptr, &next);
  if (!answer || *answer == 0 || (*answer >> 112) != 0) {
    REQUIRE(status != GANTRY_OK);
    return false;
  }
  REQUIRE(status == GANTRY_OK);
  const bool given_in = swap.mode == GANTRY_EXACT_IN;
  const Integer in = to_integer(quote.amount_in);
  const Integer out = to_integer(quote.amount_out);
  REQUIRE((given_in ? out : in) == *answer);
  REQUIRE((given_in ? in : out) == to_integer(swap.amount));
  const Integer fee = to_integer(quote.fee);
  if (given_in) REQUIRE(fee == reference::mul_up(in, pool.fee));
  if (!given_in) REQUIRE(reference::div_up(in - fee, e18 - pool.fee) == in);
  REQUIRE(quote.price_impact >= 0);
  REQUIRE(quote.price_impact <= 1);
  std::uint32_t fee_ppm = 0;
  std::vector<Integer> after;
  REQUIRE(venue.view(fee_ppm, after, &next) == GANTRY_OK);
  REQUIRE(after[swap.token_in] == pool.balances[swap.token_in] + in);
  REQUIRE(after[swap.token_out] == pool.balances[swap.token_out] - out);
  REQUIRE(fee_ppm == pool.fee / 1'000'000'000'000);
  // What follows is quoted on what is left.
  ToldPool later = pool;
  later.balances = after;
  gantry_swap back = swap;
  std::swap(back.token_in, back.token_out);
  back.mode = GANTRY_EXACT_IN;
  back.amount = quote.amount_out;
  const Maybe returned = expected(deployment, later, back);
  gantry_quote second{};
  const gantry_status again = venue.quote(back, second, &next);
  if (returned && *returned != 0) {
    REQUIRE(again == GANTRY_OK);
    REQUIRE(to_integer(second.amount_out) == *returned);
  } else {
    REQUIRE(again != GANTRY_OK);
  }
  return true;
}

void check_limits(PluginVenue& venue, std::uint32_t in, std::uint32_t out) {
  gantry_swap_limits limits{};
  REQUIRE(venue.limits(in, out, limits) == GANTRY_OK);
  const auto answer = [&](const Integer& amount, gantry_quote& quote) {
    const gantry_swap swap{to_amount(amount), in, out, GANTRY_EXACT_IN, 0};
    return venue.quote(swap, quote);
  };
  gantry_quote quote{};
  const Integer least = to_integer(limits.in_min);
  const Integer most = to_integer(limits.in_max);
  REQUIRE(answer(least, quote) == GANTRY_OK);
  if (least > 1) REQUIRE(answer(least - 1, quote) == GANTRY_NO_LIQUIDITY);
  REQUIRE(answer(most + 1, quote) != GANTRY_OK);
  REQUIRE(answer(most, quote) == GANTRY_OK);
  REQUIRE(to_integer(quote.amount_out) == to_integer(limits.out_max));
}

}  // namespace

TEST_CASE("pools of every V2 deployment are quoted as the slow reference computes them") {
  PluginVenue venue(GANTRY_BALANCER_PLUGIN, "balancer");
  constexpr std::uint64_t seed = 20220906;
  INFO("seed " << seed);
  Draw draw(seed);
  for (const Deployment& deployment : deployments) {
    std::size_t paid = 0;
    std::size_t swaps = 0;
    for (int p = 0; p < 24; ++p) {
      const ToldPool pool = draw_pool(deployment, draw);
      INFO(deployment.name << ", pool " << p);
      REQUIRE(tell(venue, pool) == GANTRY_OK);
      check_limits(venue, 0, 1);
      for (int s = 0; s < 40; ++s) {
        gantry_swap swap{};
        swap.token_in = static_cast<std::uint32_t>(draw.below(pool.tokens.size()));
        swap.token_out = static_cast<std::uint32_t>(
            (swap.token_in + 1 + draw.below(pool.tokens.size() - 1)) % pool.tokens.size());
        swap.mode = s % 2 == 0 ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT;
        swap.wants = GANTRY_WANT_IMPACT;
        const Integer& balance = pool.balances[s % 2 == 0 ? swap.token_in : swap.token_out];
        swap.amount = to_amount(draw.up_to(deployment.weighted ? balance * 33 / 100 + 1 : balance));
        INFO("swap " << s << " of " << to_integer(swap.amount));
        paid += check_swap(venue, deployment, pool, swap) ? 1U : 0U;
        ++swaps;
      }
    }
    INFO(deployment.name << ": " << paid << " of " << swaps);
    CHECK(paid * 100 >= swaps * 60);
  }
}

}  // namespace gantry::test

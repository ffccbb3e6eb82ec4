// Quotes of the uniswap_v3 plugin against real pools' bytecode, and against a slow reference:
// tolerance zero for amounts, price, tick and liquidity after the swap.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iomanip>
#include <iostream>

#include "evm/seeded_random.hpp"
#include "evm/uniswap_v3_contract.hpp"
#include "evm/uniswap_v3_model.hpp"

namespace gantry::test {
namespace {

std::uint64_t seed() { return test_seed(20210505); }

struct Tier {
  std::string name;
  bool pancake;
  unsigned fee;
  int spacing;
  int tick;            // where it starts: the price of tokens of so many decimals
  int reach;           // positions lie so many spacings around it
  int liquidity_bits;  // at most
  std::int64_t words;  // that the plugin reads to either side
  bool whole;          // these words are all that there are
};

// Prices in smallest units: 1e12, 5e8, 15e10, 0.003, 3e-9.
const Tier tiers[] = {
    {"0.01 %, decimals 6/18", false, 100, 1, 276324, 60, 80, 8, false},
    {"0.05 %, decimals 6/18", false, 500, 10, 200311, 60, 72, 7000, true},
    {"0.3 %, decimals 8/18", false, 3000, 60, 257340, 40, 66, 7000, true},
    {"1 %, decimals 18/18", false, 10000, 200, -58096, 20, 90, 7000, true},
    {"PancakeSwap 0.25 %, 18/6", true, 2500, 50, -196257, 40, 74, 7000, true},
    {"PancakeSwap 0.01 %, 18/18", true, 100, 1, -12, 60, 90, 8, false},
    {"PancakeSwap 0.05 %, 8/18", true, 500, 10, 257340, 60, 66, 7000, true},
    {"PancakeSwap 1 %, 6/8", true, 10000, 200, -64200, 20, 60, 7000, true},
};

struct Scene {
  V3Chain& chain;
  Tier tier;
  std::string pool;
  ReferencePool3 reference;
  V3Venue plugin;

  Scene(V3Chain& on, const Tier& of, SeededRandom& random)
      : chain(on),
        tier(of),
        plugin({{"words_around", tier.words},
                {"factory", tier.pancake ? std::string() : on.factory()}}) {
    const Integer low = reference_sqrt_at(tier.tick);
    const Integer sqrt = low + random.below(reference_sqrt_at(tier.tick + 1) - low);
    pool = tier.pancake ? chain.create_pancake_pool(tier.fee, tier.spacing, sqrt)
                        : chain.create_pool(tier.fee, tier.spacing, sqrt);
    reference.fee = tier.fee;
    reference.spacing = tier.spacing;
    reference.start_at(sqrt);
    plugin.open(pool, chain.token(0), chain.token(1));
  }

  void add_positions(SeededRandom& random, int count) {
    const int spacing = tier.spacing;
    const int end = reference_tick_max / spacing * spacing;
    change(-end, end, random.of_bits(tier.liquidity_bits - 12, tier.liquidity_bits - 8));
    const int centre = floor_quotient(tier.tick, spacing);
    for (int i = 0; i < count; ++i) {
      const int lower = centre + random.between(-tier.reach, tier.reach - 1);
      const int upper = lower + random.between(1, 1 + tier.reach * (i % 4 + 1) / 8);
      change(lower * spacing, upper * spacing,
             random.of_bits(tier.liquidity_bits - 24, tier.liquidity_bits));
    }
  }

  std::vector<ChainLog> change(int lower, int upper, const Integer& amount) {
    reference.change(lower, upper, amount);
    return amount > 0 ? chain.mint(pool, lower, upper, amount)
                      : chain.burn(pool, lower, upper, -amount);
  }
};

struct Count {
  std::string name;
  std::size_t cases = 0;
  std::size_t succeeded = 0;
  std::size_t refused = 0;  // by the pool, or it runs out; the plugin says so
  std::size_t pays_nothing = 0;
  std::size_t beyond_known = 0;
  std::size_t crossed = 0;  // at least one tick
  std::size_t crossed_ten = 0;
};

struct Case {
  std::size_t bucket;
  SwapQuestion question;
};

enum Bucket : std::size_t { dust, small, ordinary, far, drains, too_much, bucket_count };
const char* const bucket_names[] = {"dust",       "small",          "ordinary",
                                    "most of it", "the last units", "more than there is"};

// Amounts by what the pool takes at the most; what becomes of them the contract says.
std::vector<Case> cases_for(Scene& scene, SeededRandom& random, int count) {
  Integer most[2][2];  // by direction: in, out
  for (const bool zero_for_one : {true, false}) {
    gantry_swap_limits limits{};
    REQUIRE(scene.plugin.limits(zero_for_one ? 0 : 1, zero_for_one ? 1 : 0, limits) == GANTRY_OK);
    most[zero_for_one ? 0 : 1][0] = to_integer(limits.in_max);
    most[zero_for_one ? 0 : 1][1] = to_integer(limits.out_max);
  }
  std::vector<Case> cases;
  for (int i = 0; i < count; ++i) {
    Case each;
    each.question.zero_for_one = random.coin();
    each.question.exact_in = random.coin();
    const Integer& all = most[each.question.zero_for_one ? 0 : 1][each.question.exact_in ? 0 : 1];
    // The position at the ends of the price's range holds nearly all of the amounts; the others'
    // part is reached by every power of two.
    const int draw = random.between(0, 99);
    Integer amount;
    if (draw < 8) {
      each.bucket = dust;
      amount = random.below(2000) + 1;
    } else if (draw < 25) {
      each.bucket = small;
      amount = random.below(1 + (all >> 40U)) + 1;
    } else if (draw < 80) {
      each.bucket = ordinary;
      amount = (all >> static_cast<unsigned>(random.between(6, 46))) + random.below(1000) + 1;
    } else if (draw < 90) {
      each.bucket = far;
      amount = random.below(all) + 1;
    } else if (draw < 93) {
      each.bucket = drains;
      amount = all - random.below(3);
    } else {
      each.bucket = too_much;
      amount = all + 1 + (random.coin() ? Integer(0) : random.below(all));
    }
    each.question.amount = amount;
    cases.push_back(each);
  }
  return cases;
}

unsigned ticks_crossed(const ReferencePool3& pool, int before, int after) {
  const int low = std::min(before, after);
  const int high = std::max(before, after);
  unsigned count = 0;
  for (auto at = pool.ticks.upper_bound(low); at != pool.ticks.end() && at->first <= high; ++at) {
    ++count;
  }
  return count;
}

std::string text_of_case(const Scene& scene, const Case& each) {
  std::ostringstream text;
  text << scene.tier.name << ", " << bucket_names[each.bucket] << ", "
       << (each.question.zero_for_one ? "token 0 in" : "token 1 in")
       << (each.question.exact_in ? ", exactly in " : ", exactly out ") << each.question.amount;
  return text.str();
}

// An empty text: they agree.
std::string judge(Scene& scene, const Case& each, const ProbedSwap& contract, Count& count) {
  const SwapQuestion& question = each.question;
  gantry_quote quote{};
  Overlay next;
  const gantry_status status = scene.plugin.quote(
      swap_of(question.zero_for_one, question.exact_in, question.amount), quote, nullptr, &next);
  ++count.cases;
  const Integer& met = question.exact_in ? contract.amount_in : contract.amount_out;
  const bool whole = contract.accepted && met == question.amount;
  std::ostringstream wrong;
  if (!whole || contract.amount_out == 0) {
    ++(whole ? count.pays_nothing : count.refused);
    if (status == GANTRY_OK) wrong << "quoted, and the pool takes only " << met;
    if (status != GANTRY_OK && status != GANTRY_NO_LIQUIDITY && status != GANTRY_NEED_STATE) {
      wrong << "status " << status;
    }
    return wrong.str();
  }
  if (status == GANTRY_NEED_STATE && !scene.tier.whole) {
    ++count.beyond_known;
    return {};
  }
  if (status != GANTRY_OK) {
    wrong << "status " << status << ", and the pool takes " << contract.amount_in << " for "
          << contract.amount_out;
    return wrong.str();
  }
  const KnownPool after = after_of(next);
  const unsigned crossed = ticks_crossed(scene.reference, scene.reference.tick, contract.tick);
  if (to_integer(quote.amount_in) != contract.amount_in) wrong << "amount in; ";
  if (to_integer(quote.amount_out) != contract.amount_out) wrong << "amount out; ";
  if (after.sqrt != contract.sqrt) wrong << "price after; ";
  if (after.tick != contract.tick) wrong << "tick after; ";
  if (after.liquidity != contract.liquidity) wrong << "liquidity after; ";
  if (quote.crossings != crossed) wrong << "crossings " << quote.crossings << ", " << crossed;
  if (wrong.str().empty()) {
    ++count.succeeded;
    count.crossed += crossed > 0 ? 1U : 0U;
    count.crossed_ten += crossed >= 10 ? 1U : 0U;
  }
  return wrong.str();
}

// The reference beside the plugin, without the chain.
std::string judge_by_reference(Scene& scene, const Case& each) {
  const SwapQuestion& question = each.question;
  gantry_quote quote{};
  const gantry_status status =
      scene.plugin.quote(swap_of(question.zero_for_one, question.exact_in, question.amount), quote);
  ReferencePool3 pool = scene.reference;
  const ReferenceSwap swap = pool.swap(question.zero_for_one, question.exact_in, question.amount);
  if (!swap.whole || swap.amount_out == 0) {
    return status == GANTRY_OK ? "quoted what the reference does not" : "";
  }
  if (status == GANTRY_NEED_STATE && !scene.tier.whole) return {};
  if (status != GANTRY_OK) return "not quoted, unlike by the reference";
  const bool same = to_integer(quote.amount_in) == swap.amount_in &&
                    to_integer(quote.amount_out) == swap.amount_out &&
                    to_integer(quote.fee) == swap.fee && quote.crossings == swap.crossings;
  return same ? "" : "the reference quotes another amount, fee or number of crossings";
}

constexpr int cases_per_tier = 2600;
constexpr std::size_t reference_every = 5;
constexpr std::size_t beyond_known_max = 260;  // of a tier: a tenth of its cases

std::vector<Tier> tiers_of(bool pancake) {
  std::vector<Tier> chosen;
  for (const Tier& tier : tiers) {
    if (tier.pancake == pancake) chosen.push_back(tier);
  }
  return chosen;
}

// All swaps of one exchange's tiers.
struct Comparison {
  Count buckets[bucket_count];
  std::size_t directions[2] = {};  // that succeed: token 0 in, token 1 in
  std::size_t modes[2] = {};       // likewise: exactly out, exactly in
  std::vector<std::string> mistakes;
  struct OfTier {
    std::string name;
    std::size_t succeeded = 0;
    std::size_t beyond_known = 0;
  };
  std::vector<OfTier> tiers;

  void run(Scene& scene, SeededRandom& random) {
    OfTier& tier = tiers.emplace_back(OfTier{scene.tier.name});
    const std::vector<Case> cases = cases_for(scene, random, cases_per_tier);
    std::vector<SwapQuestion> questions;
    for (const Case& each : cases) questions.push_back(each.question);
    const std::vector<ProbedSwap> contract = scene.chain.probe(scene.pool, questions);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      Count& bucket = buckets[cases[i].bucket];
      const std::size_t before = bucket.succeeded;
      const std::size_t beyond_before = bucket.beyond_known;
      std::string wrong = judge(scene, cases[i], contract[i], bucket);
      if (wrong.empty() && i % reference_every == 0) wrong = judge_by_reference(scene, cases[i]);
      if (!wrong.empty()) mistakes.push_back(text_of_case(scene, cases[i]) + ": " + wrong);
      directions[cases[i].question.zero_for_one ? 0 : 1] += bucket.succeeded - before;
      modes[cases[i].question.exact_in ? 1 : 0] += bucket.succeeded - before;
      tier.succeeded += bucket.succeeded - before;
      tier.beyond_known += bucket.beyond_known - beyond_before;
    }
  }

  void require_all_buckets(const std::string& name) const {
    Count all;
    for (std::size_t i = 0; i < bucket_count; ++i) {
      const Count& each = buckets[i];
      std::cout << "  " << std::left << std::setw(20) << bucket_names[i] << std::right
                << std::setw(6) << each.cases << " swaps, " << std::setw(5) << each.succeeded
                << " succeed, " << each.refused << " refused, " << each.pays_nothing
                << " pay nothing, " << each.beyond_known << " beyond what is known, "
                << each.crossed << " cross, " << each.crossed_ten << " ten or more\n";
      all.cases += each.cases;
      all.succeeded += each.succeeded;
      all.crossed += each.crossed;
      all.crossed_ten += each.crossed_ten;
    }
    std::cout << name << ": " << all.cases << " swaps, " << all.succeeded << " succeed, "
              << all.crossed << " cross ticks, " << all.crossed_ten << " ten or more, seed "
              << seed() << "\n";
    for (const OfTier& tier : tiers) {
      std::cout << "  " << tier.name << ": " << tier.succeeded << " succeed, " << tier.beyond_known
                << " beyond what is known\n";
    }
    std::string first;
    for (std::size_t i = 0; i < mistakes.size() && i < 10; ++i) first += mistakes[i] + "\n";
    INFO(name << ", seed " << seed() << ", " << mistakes.size() << " mistakes, the first:\n"
              << first);
    REQUIRE(mistakes.empty());
    for (const OfTier& tier : tiers) {
      CAPTURE(tier.name, tier.succeeded, tier.beyond_known);
      CHECK(tier.succeeded >= 2'000);
      CHECK(tier.beyond_known <= beyond_known_max);
    }
    CHECK(all.cases >= 10'000);
    CHECK(all.succeeded * 100 >= all.cases * 80);
    CHECK(all.crossed >= 1'000);
    CHECK(all.crossed_ten >= 100);
    for (const std::size_t succeeded : directions) CHECK(succeeded >= 3'000);
    for (const std::size_t succeeded : modes) CHECK(succeeded >= 3'000);
    CHECK(buckets[dust].succeeded > 0);
    CHECK(buckets[dust].pays_nothing > 0);
    CHECK(buckets[small].succeeded > buckets[small].cases / 2);
    CHECK(buckets[ordinary].succeeded > buckets[ordinary].cases * 9 / 10);
    CHECK(buckets[far].succeeded == buckets[far].cases);
    CHECK(buckets[drains].cases >= 100);
    CHECK(buckets[drains].succeeded == buckets[drains].cases);
    CHECK(buckets[too_much].succeeded == 0);
    CHECK(buckets[too_much].refused > buckets[too_much].cases / 2);
  }
};

}  // namespace

TEST_CASE("the uniswap_v3 plugin agrees with real pools to the last unit") {
  SeededRandom random(seed());
  for (const bool pancake : {false, true}) {
    Anvil anvil;
    V3Chain chain(anvil);
    Comparison comparison;
    for (const Tier& tier : tiers_of(pancake)) {
      Scene scene(chain, tier, random);
      scene.add_positions(random, 45);
      REQUIRE(scene.plugin.refresh(chain.deployer()) == GANTRY_OK);
      comparison.run(scene, random);
    }
    comparison.require_all_buckets(pancake ? "PancakeSwap V3" : "Uniswap V3");
  }
}

TEST_CASE("the uniswap_v3 plugin's state kept by logs is the state read fresh") {
  SeededRandom random(seed() + 1);
  Anvil anvil;
  V3Chain chain(anvil);
  for (const Tier& tier : {tiers[1], tiers[4]}) {
    INFO(tier.name << ", seed " << seed());
    Scene scene(chain, tier, random);
    scene.add_positions(random, 12);
    REQUIRE(scene.plugin.refresh(chain.deployer()) == GANTRY_OK);
    std::vector<std::pair<int, int>> ranges;
    std::vector<Integer> amounts;
    for (int i = 0; i < 150; ++i) {
      std::vector<ChainLog> logs;
      const int kind = random.between(0, 9);
      if (kind < 5) {
        SwapQuestion question{random.coin(), random.coin(), 0};
        gantry_swap_limits limits{};
        const std::uint32_t in = question.zero_for_one ? 0 : 1;
        REQUIRE(scene.plugin.limits(in, 1 - in, limits) == GANTRY_OK);
        question.amount = (to_integer(question.exact_in ? limits.in_max : limits.out_max) >>
                           static_cast<unsigned>(random.between(24, 60))) +
                          1000;
        gantry_quote quote{};
        Overlay next;
        const gantry_swap swap = swap_of(question.zero_for_one, question.exact_in, question.amount);
        const gantry_status status = scene.plugin.quote(swap, quote, nullptr, &next);
        if (status == GANTRY_NO_LIQUIDITY) {  // too little for one unit out, or more than there is
          ReferencePool3 copy = scene.reference;
          const ReferenceSwap swapped =
              copy.swap(question.zero_for_one, question.exact_in, question.amount);
          REQUIRE((swapped.amount_out == 0 || !swapped.whole));
          continue;
        }
        REQUIRE(status == GANTRY_OK);
        logs = chain.swap(scene.pool, question);
        scene.reference.swap(question.zero_for_one, question.exact_in, question.amount);
        REQUIRE(scene.plugin.apply_logs(logs) == GANTRY_OK);
        // What the overlay said has come to be.
        const KnownPool said = after_of(next);
        const KnownPool is = known_pool(scene.plugin.state_bytes());
        REQUIRE(said.sqrt == is.sqrt);
        REQUIRE(said.tick == is.tick);
        REQUIRE(said.liquidity == is.liquidity);
      } else if (kind < 8 || ranges.empty()) {
        const int lower = floor_quotient(scene.reference.tick, tier.spacing) +
                          random.between(-tier.reach, tier.reach);
        ranges.emplace_back(lower * tier.spacing,
                            (lower + random.between(1, tier.reach)) * tier.spacing);
        amounts.push_back(random.of_bits(tier.liquidity_bits - 20, tier.liquidity_bits - 4));
        logs = scene.change(ranges.back().first, ranges.back().second, amounts.back());
        REQUIRE(scene.plugin.apply_logs(logs) == GANTRY_OK);
      } else {
        const auto at =
            static_cast<std::size_t>(random.between(0, static_cast<int>(ranges.size()) - 1));
        const Integer amount = random.coin() ? amounts[at] : random.below(amounts[at] + 1);
        if (amount == 0) continue;
        logs = scene.change(ranges[at].first, ranges[at].second, -amount);
        amounts[at] -= amount;
        REQUIRE(scene.plugin.apply_logs(logs) == GANTRY_OK);
        // The same logs again change nothing.
        REQUIRE(scene.plugin.apply_logs(logs) == GANTRY_OK);
      }
      if (i % 25 != 24) continue;
      V3Venue fresh({{"words_around", tier.words},
                     {"factory", tier.pancake ? std::string() : chain.factory()}});
      fresh.open(scene.pool, chain.token(0), chain.token(1));
      REQUIRE(fresh.refresh(chain.deployer()) == GANTRY_OK);
      const KnownPool kept = known_pool(scene.plugin.state_bytes());
      const KnownPool read = known_pool(fresh.state_bytes());
      REQUIRE(kept.sqrt == read.sqrt);
      REQUIRE(kept.tick == read.tick);
      REQUIRE(kept.liquidity == read.liquidity);
      REQUIRE(kept.words == read.words);
      REQUIRE(kept.sqrt == scene.reference.sqrt);
      REQUIRE(kept.tick == scene.reference.tick);
    }
  }
}

TEST_CASE("the uniswap_v3 plugin reads more words as the price moves away") {
  SeededRandom random(seed() + 2);
  Anvil anvil;
  V3Chain chain(anvil);
  Tier tier = tiers[2];
  tier.words = 1;
  Scene scene(chain, tier, random);
  scene.add_positions(random, 10);
  REQUIRE(scene.plugin.refresh(chain.deployer()) == GANTRY_OK);
  CHECK(known_pool(scene.plugin.state_bytes()).words.size() == 3);
  gantry_swap_limits limits{};
  REQUIRE(scene.plugin.limits(0, 1, limits) == GANTRY_OK);
  gantry_quote quote{};
  const Integer most = to_integer(limits.in_max);
  REQUIRE(scene.plugin.quote(swap_of(true, true, most), quote) == GANTRY_OK);
  REQUIRE(scene.plugin.quote(swap_of(true, true, most + 1), quote) == GANTRY_NEED_STATE);
  // The pool goes where the plugin has not looked yet.
  const std::vector<ChainLog> logs = chain.swap(scene.pool, {true, true, most * 3});
  REQUIRE(scene.plugin.apply_logs(logs) == GANTRY_NEED_STATE);
  REQUIRE(scene.plugin.refresh(chain.deployer()) == GANTRY_OK);
  CHECK(known_pool(scene.plugin.state_bytes()).words.size() > 3);
  const SwapQuestion question{false, true, most / 2};
  REQUIRE(scene.plugin.quote(swap_of(false, true, question.amount), quote) == GANTRY_OK);
  const ProbedSwap contract = chain.probe(scene.pool, {question})[0];
  CHECK(to_integer(quote.amount_out) == contract.amount_out);
}

TEST_CASE("the router carries out the swap that the uniswap_v3 plugin builds") {
  SeededRandom random(seed() + 3);
  Anvil anvil;
  V3Chain chain(anvil);
  Deployer& deployer = chain.deployer();
  Scene scene(chain, tiers[2], random);
  scene.add_positions(random, 10);
  V3Venue plugin({{"words_around", std::int64_t{7000}},
                  {"factory", chain.factory()},
                  {"router", chain.router()}});
  plugin.open(scene.pool, chain.token(0), chain.token(1));
  REQUIRE(plugin.refresh(deployer) == GANTRY_OK);
  CHECK((plugin.traits().flags & GANTRY_POOL_FOLLOWS_LOGS) != 0);
  for (const bool zero_for_one : {true, false}) {
    const std::uint32_t in = zero_for_one ? 0 : 1;
    gantry_swap_limits limits{};
    REQUIRE(plugin.limits(in, 1 - in, limits) == GANTRY_OK);
    const gantry_swap swap = swap_of(zero_for_one, true, to_integer(limits.in_max) >> 20U);
    gantry_quote quote{};
    REQUIRE(plugin.quote(swap, quote) == GANTRY_OK);
    gantry_swap_order order{};
    order.swap = swap;
    order.out = quote.amount_out;
    order.min_out = quote.amount_out;
    order.sender = to_address(deployer.account());
    order.recipient = to_address(deployer.account());
    std::vector<EmittedInstruction> calls;
    REQUIRE(plugin.build_swap(order, calls) == GANTRY_OK);
    REQUIRE(calls.size() == 1);
    const EmittedInstruction& call = calls[0];
    CHECK(call.target == chain.router());
    CHECK(call.spender == chain.router());
    CHECK(call.fields.input == GANTRY_INPUT_APPROVE);
    CHECK(call.fields.min_out_enforced == 1);
    const std::string token_in = chain.token(static_cast<int>(in));
    const std::string token_out = chain.token(static_cast<int>(1 - in));
    const Integer out = to_integer(quote.amount_out);
    const Integer amount = to_integer(swap.amount);
    deployer.send(token_in, deployer.selector("approve(address,uint256)") +
                                address_word(call.spender) + word(amount));
    // One unit more than quoted is one too many to ask for.
    std::string greedy = call.data;
    greedy.replace(2 + 2 * call.fields.min_out_offset, word_digits, word(out + 1));
    const ChainAnswer refused = deployer.read_many({{call.target, greedy, {}}})[0];
    CHECK_FALSE(refused.accepted);
    CHECK(refused.reason == "Too little received");
    CHECK(call.data.substr(2 + 2 * call.fields.amount_in_offset, word_digits) == word(amount));
    const std::string balance_of =
        deployer.selector("balanceOf(address)") + address_word(deployer.account());
    const Integer before = word_at(deployer.read(token_out, balance_of), 0);
    const std::vector<ChainLog> logs = deployer.send(call.target, call.data);
    CHECK(word_at(deployer.read(token_out, balance_of), 0) - before == out);
    REQUIRE(plugin.apply_logs(logs) == GANTRY_OK);
  }
  gantry_swap_order bad{};
  bad.swap = swap_of(true, false, 5);
  bad.recipient = to_address(deployer.account());
  std::vector<EmittedInstruction> none;
  CHECK(plugin.build_swap(bad, none) == GANTRY_UNSUPPORTED);
  bad.swap = swap_of(true, true, 0);
  CHECK(plugin.build_swap(bad, none) == GANTRY_BAD_ARGUMENT);
  CHECK(none.empty());
}

TEST_CASE("QuoterV2 gives the uniswap_v3 plugin's amounts and prices, and nearly its gas") {
  SeededRandom random(seed() + 4);
  Anvil anvil;
  V3Chain chain(anvil);
  Deployer& deployer = chain.deployer();
  double gas_off = 0;
  int quoted = 0;
  for (const Tier& tier : {tiers[1], tiers[2]}) {
    Scene scene(chain, tier, random);
    scene.add_positions(random, 30);
    REQUIRE(scene.plugin.refresh(deployer) == GANTRY_OK);
    std::vector<ChainRead> reads;
    std::vector<Case> cases = cases_for(scene, random, 120);
    for (const Case& each : cases) {
      const SwapQuestion& question = each.question;
      const std::string arguments = address_word(chain.token(question.zero_for_one ? 0 : 1)) +
                                    address_word(chain.token(question.zero_for_one ? 1 : 0)) +
                                    word(question.amount) + word(tier.fee) + word(0);
      const std::string name =
          question.exact_in ? "quoteExactInputSingle" : "quoteExactOutputSingle";
      reads.push_back(
          {chain.quoter(),
           deployer.selector(name + "((address,address,uint256,uint24,uint160))") + arguments,
           {}});
    }
    const std::vector<ChainAnswer> answers = deployer.read_many(reads);
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const SwapQuestion& question = cases[i].question;
      gantry_quote quote{};
      Overlay next;
      const gantry_status status =
          scene.plugin.quote(swap_of(question.zero_for_one, question.exact_in, question.amount),
                             quote, nullptr, &next);
      if (status != GANTRY_OK) continue;  // QuoterV2 quotes a part, too
      REQUIRE(answers[i].accepted);
      const Integer other = word_at(answers[i].data, 0);
      CHECK(to_integer(question.exact_in ? quote.amount_out : quote.amount_in) == other);
      CHECK(after_of(next).sqrt == word_at(answers[i].data, 1));
      const double gas = word_at(answers[i].data, 3).convert_to<double>();
      gas_off += static_cast<double>(quote.gas) / gas - 1;
      if (quoted < 12) {
        std::cout << "  gas " << quote.gas << " estimated, " << gas << " by QuoterV2, "
                  << quote.crossings << " crossings\n";
      }
      ++quoted;
    }
  }
  std::cout << "QuoterV2: " << quoted << " quotes, gas off by " << 100 * gas_off / quoted
            << " % on average\n";
  CHECK(quoted > 150);
  CHECK(std::abs(gas_off / quoted) < 0.5);
}

TEST_CASE("what is not the factory's pool is refused by the uniswap_v3 plugin, by name") {
  SeededRandom random(seed() + 5);
  Anvil anvil;
  V3Chain chain(anvil);
  Deployer& deployer = chain.deployer();
  const Integer sqrt = reference_sqrt_at(0);
  const std::string right = chain.create_pool(500, 10, sqrt);
  const std::string foreign = chain.create_pancake_pool(500, 10, sqrt);
  V3Venue plugin({{"factory", chain.factory()}});
  plugin.open(right, chain.token(0), chain.token(1));
  CHECK(plugin.refresh(deployer) == GANTRY_OK);
  plugin.open(foreign, chain.token(0), chain.token(1));
  CHECK(plugin.refresh(deployer) == GANTRY_REFUSED);
  // A token is no pool, and neither is an address without code.
  plugin.open(chain.token(0), chain.token(0), chain.token(1));
  CHECK(plugin.refresh(deployer) == GANTRY_REFUSED);
  plugin.open("0x00000000000000000000000000000000000000aa", chain.token(0), chain.token(1));
  CHECK(plugin.refresh(deployer) == GANTRY_BAD_STATE);
  // The factory gives this fee another spacing.
  const std::string odd = chain.create_pancake_pool(3000, 10, sqrt);
  V3Venue anyone({{"factory", std::string()}});
  anyone.open(odd, chain.token(0), chain.token(1));
  CHECK(anyone.refresh(deployer) == GANTRY_OK);
}

}  // namespace gantry::test

// Quotes of constant-product pairs against the real pairs' bytecode, which says itself how much may
// be taken out: tolerance zero. Of Uniswap and SushiSwap (0.3 %), and of PancakeSwap, both versions
// (0.2 % and 0.25 %).
#include <catch2/catch.hpp>
#include <chrono>
#include <iostream>

#include "evm/kernel_quoter.hpp"
#include "evm/pair_comparison.hpp"
#include "evm/plugin_quoter.hpp"
#include "evm/seeded_random.hpp"
#include "evm/uniswap_v2_reference.hpp"
#include "evm/v2_fork_makes.hpp"
#include "support/anvil.hpp"

namespace gantry::test {
namespace {

// keccak-256 of the creation code on Ethereum's main network, as UniswapV2Library has it.
constexpr std::string_view mainnet_creation_code_hash =
    "0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f";

std::uint64_t seed() { return test_seed(20201021); }

// The reference as a quoter: it, too, has to stand before the contract.
class ReferenceQuoter final : public PairQuoter {
 public:
  explicit ReferenceQuoter(unsigned fee_bps = 30) : fee_bps_(fee_bps) {}
  std::string name() const override { return "the reference"; }
  bool knows_uint112() const override { return true; }
  gantry_status amount_out(const SwapCase& swap, Integer& out) override {
    if (swap.amount == 0 || swap.reserve_in == 0) return GANTRY_NO_LIQUIDITY;
    if (swap.reserve_in + swap.amount > largest_reserve()) return GANTRY_OUT_OF_RANGE;
    const Integer quote = reference_amount_out(pool_of(swap), swap.amount);
    if (quote == 0) return GANTRY_NO_LIQUIDITY;
    out = quote;
    return GANTRY_OK;
  }
  gantry_status amount_in(const SwapCase& swap, Integer& in) override {
    if (swap.amount == 0 || swap.amount >= swap.reserve_out) return GANTRY_NO_LIQUIDITY;
    const Integer quote = reference_amount_in(pool_of(swap), swap.amount);
    if (swap.reserve_in + quote > largest_reserve()) return GANTRY_OUT_OF_RANGE;
    in = quote;
    return GANTRY_OK;
  }

 private:
  ReferencePool pool_of(const SwapCase& swap) const {
    return {swap.reserve_in, swap.reserve_out, fee_bps_, 10'000};
  }

  unsigned fee_bps_;
};

void check_buckets(const CaseSet& set, const ComparisonReport& report) {
  for (std::size_t i = 0; i < set.buckets.size(); ++i) {
    const BucketReport& bucket = report.buckets[i];
    INFO(bucket.name << ": " << bucket.succeeded << " of " << bucket.cases << " succeed");
    CHECK(bucket.cases == set.buckets[i].cases);
    CHECK(bucket.zero_for_one > bucket.cases / 4);
    CHECK(bucket.zero_for_one < bucket.cases - bucket.cases / 4);
    switch (set.buckets[i].outcome) {
      case Outcome::all_succeed:
        CHECK(bucket.succeeded == bucket.cases);
        break;
      case Outcome::none_succeeds:
        CHECK(bucket.succeeded == 0);
        break;
      case Outcome::some_succeed:
        CHECK(bucket.succeeded > 0);
        CHECK(bucket.succeeded < bucket.cases);
        break;
    }
  }
}

// At most this many mistakes are printed.
constexpr std::size_t mistakes_shown = 10;

std::string first_of(const std::vector<std::string>& mistakes) {
  std::string text;
  for (std::size_t i = 0; i < mistakes.size() && i < mistakes_shown; ++i) {
    text += mistakes[i] + "\n";
  }
  return text;
}

struct Totals {
  std::size_t cases = 0;
  std::size_t succeeded = 0;
  std::uint64_t calls = 0;
};

void compare(PairContract& pair, PairQuoter& quoter, const CaseSet& set, Mode mode,
             Totals& totals) {
  const ComparisonReport report = compare_with_pair(pair, quoter, set, mode);
  std::cout << quoter.name() << (mode == Mode::exact_in ? ", exact in:\n" : ", exact out:\n")
            << report.table();
  INFO("seed " << seed() << ", " << report.mistakes.size() << " mistakes, the first:\n"
               << first_of(report.mistakes));
  REQUIRE(report.mistakes.empty());
  check_buckets(set, report);
  std::size_t takes_it_all = 0;
  std::size_t one_less_will_do = 0;
  for (const BucketReport& bucket : report.buckets) {
    takes_it_all += bucket.takes_it_all;
    one_less_will_do += bucket.one_less_will_do;
  }
  if (mode == Mode::exact_in) CHECK(takes_it_all > 0);
  if (mode == Mode::exact_out) CHECK(one_less_will_do >= 800);  // the bucket made for it
  totals.cases += report.cases();
  totals.succeeded += report.succeeded();
  totals.calls += report.calls;
}

void compare_both_modes(PairContract& pair, PairQuoter& quoter) {
  const auto begin = std::chrono::steady_clock::now();
  Totals totals;
  compare(pair, quoter, exact_in_cases(seed()), Mode::exact_in, totals);
  const unsigned kept = pair.make().fee_denominator - pair.make().fee_numerator;
  compare(pair, quoter, exact_out_cases(seed() + 1, kept), Mode::exact_out, totals);
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begin;
  std::cout << quoter.name() << ": " << totals.cases << " swaps, " << totals.succeeded
            << " succeed, " << totals.calls << " eth_calls, " << elapsed.count() << " s, seed "
            << seed() << "\n";
  CHECK(totals.cases >= 10'000);
  CHECK(totals.succeeded * 100 >= totals.cases * 80);
  CHECK(totals.calls == pair.calls_made());
  CHECK(totals.calls >= 2 * totals.succeeded);
}

void compare_fork(const PairMake& make) {
  Anvil chain;
  PairContract pair(chain, nullptr, make);
  PluginQuoter plugin(pair, make.fee_bps());
  compare_both_modes(pair, plugin);
}

// Whether two quoters give the same answer: the same amount, or none. A quoter of the bare formula
// may still quote what does not fit in a uint112.
bool agree(PairQuoter& quoter, PairQuoter& reference, const SwapCase& swap, Mode mode) {
  const auto quote = [&](PairQuoter& from, Integer& amount) {
    return mode == Mode::exact_in ? from.amount_out(swap, amount) : from.amount_in(swap, amount);
  };
  Integer expected;
  Integer answer;
  const gantry_status wanted = quote(reference, expected);
  const gantry_status got = quote(quoter, answer);
  if (wanted == GANTRY_OK) return got == GANTRY_OK && answer == expected;
  if (wanted == GANTRY_OUT_OF_RANGE && !quoter.knows_uint112()) return true;
  return got != GANTRY_OK;
}

// The cases of a bucket stand together, so that every bucket is visited.
constexpr std::size_t every_nth_case = 5;

void compare_with_reference(PairQuoter& quoter, unsigned fee_bps) {
  ReferenceQuoter reference(fee_bps);
  for (const Mode mode : {Mode::exact_in, Mode::exact_out}) {
    const CaseSet set = mode == Mode::exact_in ? exact_in_cases(seed()) : exact_out_cases(seed());
    std::size_t different = 0;
    for (std::size_t i = 0; i < set.cases.size(); i += every_nth_case) {
      different += agree(quoter, reference, set.cases[i], mode) ? 0U : 1U;
    }
    INFO(quoter.name() << " at " << fee_bps << " bps, seed " << seed());
    CHECK(different == 0);
  }
}

}  // namespace

TEST_CASE("the pair under test is the one on Ethereum's main network") {
  Anvil chain;
  PairContract pair(chain);
  CHECK(pair.creation_code_hash() == mainnet_creation_code_hash);
  const auto package = read_artifact("@uniswap/v2-core/build/UniswapV2Pair.json");
  CHECK(pair.deployed_code() ==
        "0x" + text_of(package.at("evm").at("deployedBytecode").at("object")));
}

TEST_CASE("overridden reserves and balances are what the contracts see") {
  Anvil chain;
  for (const PairMake* make :
       {&uniswap_make(), &sushiswap_make(), &pancakeswap_v1_make(), &pancakeswap_v2_make()}) {
    INFO(make->name << " at " << make->fee_bps() << " bps");
    PairContract pair(chain, nullptr, *make);
    SwapProbe probe;
    probe.reserve[0] = largest_reserve();
    probe.reserve[1] = 1;
    probe.balance[0] = largest_reserve() + 7;
    probe.balance[1] = (Integer(1) << 256) - 1;
    const SwapProbe seen = pair.read_back(probe);
    for (std::size_t i = 0; i < 2; ++i) {
      CHECK(seen.reserve[i] == probe.reserve[i]);
      CHECK(seen.balance[i] == probe.balance[i]);
    }
  }
}

TEST_CASE("a quote that is one unit off is caught") {
  class OneMore final : public PairQuoter {
   public:
    std::string name() const override { return "a quoter that is one off"; }
    bool knows_uint112() const override { return true; }
    gantry_status amount_out(const SwapCase& swap, Integer& out) override {
      const gantry_status status = right_.amount_out(swap, out);
      if (status == GANTRY_OK && swap.zero_for_one) out += 1;
      return status;
    }
    gantry_status amount_in(const SwapCase& swap, Integer& in) override {
      const gantry_status status = right_.amount_in(swap, in);
      if (status == GANTRY_OK && swap.zero_for_one) in -= 1;
      return status;
    }

   private:
    ReferenceQuoter right_;
  };
  Anvil chain;
  PairContract pair(chain);
  OneMore wrong;
  for (const Mode mode : {Mode::exact_in, Mode::exact_out}) {
    CaseSet set = mode == Mode::exact_in ? exact_in_cases(seed()) : exact_out_cases(seed());
    set.cases.resize(200);
    std::size_t off = 0;
    for (const SwapCase& swap : set.cases) off += swap.zero_for_one ? 1U : 0U;
    const ComparisonReport report = compare_with_pair(pair, wrong, set, mode);
    std::size_t by_the_pair = 0;
    for (const std::string& text : report.mistakes) {
      by_the_pair += text.find("the swap as quoted: the pair answers") != text.npos ? 1U : 0U;
    }
    CHECK(by_the_pair == off);
    CHECK(report.mistakes.size() >= 2 * off);  // the reference sees each of them too
  }
}

TEST_CASE("the reference agrees with the real pair to the last unit") {
  Anvil chain;
  PairContract pair(chain);
  ReferenceQuoter reference;
  compare_both_modes(pair, reference);
}

TEST_CASE("the constant-product kernel agrees with the real pair to the last unit") {
  Anvil chain;
  PairContract pair(chain);
  KernelQuoter kernel;
  compare_both_modes(pair, kernel);
}

TEST_CASE("the uniswap_v2 plugin agrees with the real pair to the last unit") {
  Anvil chain;
  PairContract pair(chain);
  PluginQuoter plugin(pair);
  compare_both_modes(pair, plugin);
}

TEST_CASE("the uniswap_v2 plugin agrees with SushiSwap's pair to the last unit") {
  compare_fork(sushiswap_make());
}

TEST_CASE("the uniswap_v2 plugin agrees with the first PancakeSwap's pair to the last unit") {
  compare_fork(pancakeswap_v1_make());
}

TEST_CASE("the uniswap_v2 plugin agrees with PancakeSwap V2's pair to the last unit") {
  compare_fork(pancakeswap_v2_make());
}

TEST_CASE("a quote with the fee of another exchange is caught") {
  Anvil chain;
  PairContract pair(chain, nullptr, pancakeswap_v2_make());
  for (const std::int64_t fee_bps : {20, 30}) {
    PluginQuoter wrong(pair, fee_bps);
    CaseSet set = exact_in_cases(seed());
    set.cases.resize(200);
    const ComparisonReport report = compare_with_pair(pair, wrong, set, Mode::exact_in);
    // Too much is refused by the pair, with one unit more too; of too little it pays a unit more.
    std::size_t by_the_pair = 0;
    for (const std::string& text : report.mistakes) {
      by_the_pair += text.find(": the pair ") != text.npos ? 1U : 0U;
    }
    INFO(fee_bps << " bps, " << first_of(report.mistakes));
    CHECK(by_the_pair >= set.cases.size() * 9 / 10);
  }
}

// The fees of which no contract is here: the reference alone is asked.
TEST_CASE("quotes at the fees of other constant-product venues equal the reference") {
  Anvil chain;
  PairContract pair(chain);
  for (const unsigned fee_bps : {0U, 1U, 5U, 100U, 9'999U}) {
    KernelQuoter kernel(fee_bps, 10'000);
    compare_with_reference(kernel, fee_bps);
    PluginQuoter plugin(pair, fee_bps);
    compare_with_reference(plugin, fee_bps);
  }
}

}  // namespace gantry::test

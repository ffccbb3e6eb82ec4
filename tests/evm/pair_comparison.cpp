#include "evm/pair_comparison.hpp"

#include <iomanip>
#include <optional>
#include <sstream>

#include "evm/uniswap_v2_reference.hpp"

namespace gantry::test {
namespace {

// What a pair gives as its reason to revert. Only the products' is not named after the exchange.
struct Reasons {
  explicit Reasons(const std::string& name)
      : k(name + ": K"),
        overflow(name + ": OVERFLOW"),
        liquidity(name + ": INSUFFICIENT_LIQUIDITY"),
        nothing_in(name + ": INSUFFICIENT_INPUT_AMOUNT"),
        nothing_out(name + ": INSUFFICIENT_OUTPUT_AMOUNT") {}
  std::string k;
  std::string overflow;
  std::string liquidity;
  std::string nothing_in;
  std::string nothing_out;
  std::string arithmetic = "ds-math-mul-overflow";
};

// What the pair must answer to one probe: acceptance, or one of the reasons.
struct Expected {
  std::size_t case_index;
  std::string what;
  std::vector<std::string> reasons;  // empty: accepted
  bool counts_as_swap = false;
};

class Comparison {
 public:
  Comparison(const PairMake& make, PairQuoter& quoter, const CaseSet& set, Mode mode)
      : make_(make),
        reasons_(make.name),
        checks_k_below_((Integer(1) << 144) /
                        (Integer(make.fee_denominator) * make.fee_denominator)),
        quoter_(quoter),
        set_(set),
        mode_(mode) {
    for (const Bucket& bucket : set.buckets) report_.buckets.push_back({.name = bucket.name});
  }

  void quote_all() {
    for (std::size_t i = 0; i < set_.cases.size(); ++i) {
      const SwapCase& swap = set_.cases[i];
      BucketReport& bucket = report_.buckets[swap.bucket];
      ++bucket.cases;
      if (swap.zero_for_one) ++bucket.zero_for_one;
      if (mode_ == Mode::exact_in) {
        quote_exact_in(i, swap);
      } else {
        quote_exact_out(i, swap);
      }
    }
  }

  ComparisonReport judge(PairContract& pair) {
    const std::vector<SwapVerdict> verdicts = pair.swap_would(probes_);
    report_.calls = verdicts.size();
    for (std::size_t i = 0; i < verdicts.size(); ++i) judge_one(expected_[i], verdicts[i]);
    return std::move(report_);
  }

 private:
  ReferencePool pool_of(const SwapCase& swap) const {
    return {.reserve_in = swap.reserve_in,
            .reserve_out = swap.reserve_out,
            .fee_numerator = make_.fee_numerator,
            .fee_denominator = make_.fee_denominator};
  }

  void mistake(std::size_t index, const std::string& what) {
    const SwapCase& swap = set_.cases[index];
    std::ostringstream text;
    text << quoter_.name() << ", case " << index << " (" << set_.buckets[swap.bucket].name
         << "): " << what << "; reserve_in " << swap.reserve_in << ", reserve_out "
         << swap.reserve_out << ", amount " << swap.amount
         << (swap.zero_for_one ? ", token 0 in" : ", token 1 in");
    report_.mistakes.push_back(text.str());
  }

  void ask(Expected expected, const Integer& in, const Integer& out) {
    const SwapCase& swap = set_.cases[expected.case_index];
    const int side_in = swap.zero_for_one ? 0 : 1;
    SwapProbe probe;
    probe.reserve[side_in] = swap.reserve_in;
    probe.reserve[1 - side_in] = swap.reserve_out;
    probe.balance[side_in] = swap.reserve_in + in;
    probe.balance[1 - side_in] = swap.reserve_out;
    probe.amount_out[side_in] = 0;
    probe.amount_out[1 - side_in] = out;
    probes_.push_back(std::move(probe));
    expected_.push_back(std::move(expected));
  }

  void quote_exact_in(std::size_t i, const SwapCase& swap) {
    const ReferencePool pool = pool_of(swap);
    const Integer balance = swap.reserve_in + swap.amount;
    const bool empty = swap.amount == 0 || swap.reserve_in == 0 || swap.reserve_out == 0;
    const Integer wanted = empty ? Integer(0) : reference_amount_out(pool, swap.amount);
    Integer out;
    if (const gantry_status status = quoter_.amount_out(swap, out); status != GANTRY_OK) {
      const bool may = wanted == 0 || !reference_fits_256_bits(pool, swap.amount) ||
                       (quoter_.knows_uint112() && balance > largest_reserve());
      if (!may) mistake(i, "refused, although the reference pays " + wanted.str());
      const bool too_large = status == GANTRY_OUT_OF_RANGE;
      if (!too_large && status != GANTRY_NO_LIQUIDITY) mistake(i, "refused for another reason");
      ask({.case_index = i,
           .what = "one unit out of a swap that was refused",
           .reasons = too_large ? std::vector{reasons_.overflow, reasons_.arithmetic}
                                : std::vector{reasons_.k, reasons_.liquidity, reasons_.nothing_in}},
          swap.amount, 1);
      return;
    }
    if (out != wanted) mistake(i, "quotes " + out.str() + ", reference " + wanted.str());
    if (quoter_.knows_uint112() && balance > largest_reserve()) {
      mistake(i, "quotes a swap that leaves more than uint112 in the pair");
    }
    ask_as_quoted(i, balance, swap.amount, out);
    if (balance < checks_k_below_) {
      const bool all = out + 1 == swap.reserve_out;
      if (all) ++report_.buckets[swap.bucket].takes_it_all;
      ask({.case_index = i,
           .what = "one unit more than quoted",
           .reasons = {all ? reasons_.liquidity : reasons_.k}},
          swap.amount, out + 1);
    }
  }

  // A swap that the constant product allows: accepted, or refused for its size alone.
  Expected allowed(std::size_t i, std::string what, const Integer& balance) const {
    Expected expected{.case_index = i, .what = std::move(what), .reasons = {}};
    if (balance > largest_reserve()) expected.reasons.push_back(reasons_.overflow);
    if (balance >= checks_k_below_) expected.reasons.push_back(reasons_.arithmetic);
    return expected;
  }

  void ask_as_quoted(std::size_t i, const Integer& balance, const Integer& in, const Integer& out) {
    Expected expected = allowed(i, "the swap as quoted", balance);
    expected.counts_as_swap = expected.reasons.empty();
    ask(std::move(expected), in, out);
  }

  void quote_exact_out(std::size_t i, const SwapCase& swap) {
    const ReferencePool pool = pool_of(swap);
    const bool impossible = swap.amount == 0 || swap.amount >= swap.reserve_out;
    const Integer wanted = impossible ? Integer(0) : reference_amount_in(pool, swap.amount);
    const Integer room = largest_reserve() - swap.reserve_in;
    Integer in;
    if (const gantry_status status = quoter_.amount_in(swap, in); status != GANTRY_OK) {
      const bool may = impossible || (quoter_.knows_uint112() && wanted > room);
      if (!may) mistake(i, "refused, although the reference takes " + wanted.str());
      if (status != (impossible ? GANTRY_NO_LIQUIDITY : GANTRY_OUT_OF_RANGE)) {
        mistake(i, "refused for another reason");
      }
      Expected expected{.case_index = i,
                        .what = "a refused output for all the input there is room for",
                        .reasons = impossible
                                       ? std::vector{reasons_.liquidity, reasons_.nothing_out}
                                       : std::vector{reasons_.k, reasons_.nothing_in}};
      // The unit that UniswapV2Library adds can be the one there is no room for.
      if (!impossible && reference_least_amount_in(pool, swap.amount) == room) {
        expected.reasons.clear();
      }
      ask(std::move(expected), room, swap.amount);
      return;
    }
    if (in != wanted) mistake(i, "quotes " + in.str() + ", reference " + wanted.str());
    if (quoter_.knows_uint112() && in > room) {
      mistake(i, "quotes a swap that leaves more than uint112 in the pair");
    }
    const Integer balance = swap.reserve_in + in;
    ask_as_quoted(i, balance, in, swap.amount);
    if (balance < checks_k_below_) ask_for_less(i, swap, in);
  }

  void ask_for_less(std::size_t i, const SwapCase& swap, const Integer& in) {
    const Integer least = reference_least_amount_in(pool_of(swap), swap.amount);
    if (least + 1 == in) {
      ++report_.buckets[swap.bucket].one_less_will_do;
      ask(allowed(i, "one unit less than quoted", swap.reserve_in + least), least, swap.amount);
    }
    const Integer too_little = least - 1;
    ask({.case_index = i,
         .what = "one unit less than the least input",
         .reasons = {too_little == 0 ? reasons_.nothing_in : reasons_.k}},
        too_little, swap.amount);
  }

  void judge_one(const Expected& expected, const SwapVerdict& verdict) {
    if (!verdict.accepted) ++report_.reverts[verdict.reason];
    bool right = expected.reasons.empty() ? verdict.accepted : false;
    for (const std::string& reason : expected.reasons) {
      if (!verdict.accepted && verdict.reason == reason) right = true;
    }
    if (!right) {
      mistake(expected.case_index,
              expected.what + ": the pair " +
                  (verdict.accepted ? "accepts" : "answers '" + verdict.reason + "'"));
    } else if (expected.counts_as_swap) {
      ++report_.buckets[set_.cases[expected.case_index].bucket].succeeded;
    }
  }

  const PairMake& make_;
  const Reasons reasons_;
  // Up to here the pair's own products fit in 256 bits, so that it checks K before it refuses a
  // balance above uint112: the quote can be seen to be right even though the swap fails.
  const Integer checks_k_below_;
  PairQuoter& quoter_;
  const CaseSet& set_;
  const Mode mode_;
  ComparisonReport report_;
  std::vector<SwapProbe> probes_;
  std::vector<Expected> expected_;
};

}  // namespace

std::size_t ComparisonReport::cases() const {
  std::size_t sum = 0;
  for (const BucketReport& bucket : buckets) sum += bucket.cases;
  return sum;
}

std::size_t ComparisonReport::succeeded() const {
  std::size_t sum = 0;
  for (const BucketReport& bucket : buckets) sum += bucket.succeeded;
  return sum;
}

std::string ComparisonReport::table() const {
  std::ostringstream text;
  for (const BucketReport& bucket : buckets) {
    text << "  " << std::left << std::setw(24) << bucket.name << std::right << std::setw(6)
         << bucket.cases << " swaps, " << std::setw(5) << bucket.succeeded << " succeed, "
         << std::setw(5) << bucket.zero_for_one << " with token 0 in\n";
  }
  for (const auto& [reason, count] : reverts) {
    text << "  reverted " << std::setw(6) << count << " times with '" << reason << "'\n";
  }
  return text.str();
}

ComparisonReport compare_with_pair(PairContract& pair, PairQuoter& quoter, const CaseSet& set,
                                   Mode mode) {
  Comparison comparison(pair.make(), quoter, set, mode);
  comparison.quote_all();
  return comparison.judge(pair);
}

}  // namespace gantry::test

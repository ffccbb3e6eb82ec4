// Every answer of the loaded plugin about a pair, against the contract's formulas in unbounded
// integers and rationals. The contract itself is asked in tests/evm.
#include <boost/multiprecision/cpp_int.hpp>
#include <catch2/catch.hpp>
#include <cmath>

#include "sdk/operands.hpp"
#include "sdk/venue_library.hpp"

namespace gantry::test {
namespace {

using tests::Integer;
using tests::Operands;
using tests::power_of_two;
using tests::to_integer;
using Rational = boost::multiprecision::cpp_rational;

constexpr unsigned reserve_bits = 112;
constexpr std::int64_t fees_bps[] = {0, 1, 5, 25, 30, 100, 3000, 9998, 9999};
constexpr int states_per_fee = 300;  // 2,700 states, each in both directions

const Integer reserve_max = power_of_two(reserve_bits) - 1;

Integer to_integer(const gantry_amount& amount) { return tests::to_integer(u256(amount)); }

u256 to_u256(Integer value) {
  std::uint64_t limbs[4];
  for (std::uint64_t& limb : limbs) {
    limb = static_cast<std::uint64_t>(value & ~std::uint64_t{0});
    value >>= 64;
  }
  return u256::from_limbs(limbs[0], limbs[1], limbs[2], limbs[3]);
}

// UniswapV2Library and UniswapV2Pair.swap in one direction.
struct Reference {
  Integer reserve_in;
  Integer reserve_out;
  std::int64_t fee_bps;

  bool empty() const { return reserve_in == 0 || reserve_out == 0; }
  Integer kept(const Integer& in) const { return in * (10000 - fee_bps); }
  Integer out_of(const Integer& in) const {
    return kept(in) * reserve_out / (reserve_in * 10000 + kept(in));
  }
  Integer in_for(const Integer& out) const {
    return reserve_in * out * 10000 / ((reserve_out - out) * (10000 - fee_bps)) + 1;
  }
  Integer fee_of(const Integer& in) const { return (in * fee_bps + 9999) / 10000; }
  // 1 - (average price / price before), of what is left of `in` after the fee.
  Rational impact_of(const Integer& in) const {
    const Rational effective(kept(in), 10000);
    const Rational average = Rational(reserve_out) / (Rational(reserve_in) + effective);
    return 1 - average / (Rational(reserve_out) / Rational(reserve_in));
  }

  gantry_status status_of(const Integer& in) const {
    if (empty()) return GANTRY_NO_LIQUIDITY;
    if (in + reserve_in > reserve_max) return GANTRY_OUT_OF_RANGE;
    return out_of(in) == 0 ? GANTRY_NO_LIQUIDITY : GANTRY_OK;
  }
  gantry_status status_of_out(const Integer& out) const {
    if (empty() || out >= reserve_out) return GANTRY_NO_LIQUIDITY;
    return in_for(out) + reserve_in > reserve_max ? GANTRY_OUT_OF_RANGE : GANTRY_OK;
  }
};

class Pair {
 public:
  explicit Pair(std::int64_t fee_bps) : venue(GANTRY_UNISWAP_V2_PLUGIN, fee_bps), fee_(fee_bps) {
    REQUIRE(venue.open(18, 6) == GANTRY_OK);
  }
  void set(const u256& reserve0, const u256& reserve1) {
    reserves_[0] = reserve0;
    reserves_[1] = reserve1;
    REQUIRE(venue.apply({reserve0, reserve1, u256(0)}, true) == GANTRY_OK);
  }
  Reference reference(std::uint32_t in) const {
    return {tests::to_integer(reserves_[in]), tests::to_integer(reserves_[1 - in]), fee_};
  }

  VenueLibrary venue;

 private:
  std::int64_t fee_;
  u256 reserves_[2];
};

gantry_swap swap_of(const Integer& amount, std::uint32_t in, std::int32_t mode = GANTRY_EXACT_IN) {
  return {to_u256(amount).amount(), in, 1 - in, mode, GANTRY_WANT_IMPACT};
}

gantry_status status_of(const Pair& pair, const Integer& in, std::uint32_t token_in) {
  gantry_quote quote;
  return pair.venue.quote(swap_of(in, token_in), quote);
}

void check_quote(const Reference& expected, const gantry_quote& quote, const Integer& in,
                 const Integer& out) {
  REQUIRE(to_integer(quote.amount_in) == in);
  REQUIRE(to_integer(quote.amount_out) == out);
  REQUIRE(to_integer(quote.fee) == expected.fee_of(in));
  REQUIRE(quote.fee_on_out == 0);
  REQUIRE(quote.crossings == 0);
  REQUIRE(quote.gas == 90'000);
  const Rational exact = expected.impact_of(in);
  REQUIRE(exact > 0);
  REQUIRE(abs(Rational(quote.price_impact) - exact) < exact / 1'000'000'000'000);
}

// One amount in and the same one out, through quote() and quote_many(). Returns how many were paid.
int check_quotes(const Pair& pair, std::uint32_t token_in, const Integer& amount) {
  const Reference expected = pair.reference(token_in);
  const std::vector<gantry_swap> swaps = {swap_of(amount, token_in),
                                          swap_of(amount, token_in, GANTRY_EXACT_OUT)};
  const gantry_status statuses[] = {expected.status_of(amount), expected.status_of_out(amount)};
  gantry_quote many[2];
  gantry_status many_statuses[2];
  REQUIRE(pair.venue.quote_many(swaps, many, many_statuses) == GANTRY_OK);
  int paid = 0;
  for (std::size_t i = 0; i < swaps.size(); ++i) {
    INFO((i == 0 ? "exact in" : "exact out"));
    gantry_quote quote;
    REQUIRE(pair.venue.quote(swaps[i], quote) == statuses[i]);
    REQUIRE(many_statuses[i] == statuses[i]);
    if (statuses[i] != GANTRY_OK) continue;
    ++paid;
    const Integer in = i == 0 ? amount : expected.in_for(amount);
    const Integer out = i == 0 ? expected.out_of(amount) : amount;
    check_quote(expected, quote, in, out);
    check_quote(expected, many[i], in, out);
  }
  return paid;
}

// Returns whether anything can be swapped.
bool check_limits(const Pair& pair, std::uint32_t token_in) {
  const Reference expected = pair.reference(token_in);
  const Integer in_max = reserve_max - expected.reserve_in;
  gantry_swap_limits limits;
  const auto status = pair.venue.limits(token_in, 1 - token_in, limits);
  if (status != GANTRY_OK) {
    REQUIRE(status == GANTRY_NO_LIQUIDITY);
    REQUIRE((expected.empty() || expected.out_of(in_max) == 0));
    return false;
  }
  const Integer in_min = to_integer(limits.in_min);
  REQUIRE(status_of(pair, in_min, token_in) == GANTRY_OK);
  REQUIRE(expected.out_of(in_min) >= 1);
  if (in_min > 1) REQUIRE(status_of(pair, in_min - 1, token_in) == GANTRY_NO_LIQUIDITY);
  REQUIRE(to_integer(limits.in_max) == in_max);
  REQUIRE(status_of(pair, in_max, token_in) == GANTRY_OK);
  REQUIRE(status_of(pair, in_max + 1, token_in) == GANTRY_OUT_OF_RANGE);
  REQUIRE(to_integer(limits.out_max) == expected.out_of(in_max));
  return true;
}

void check_segment(const Pair& pair, std::uint32_t token_in, const Integer& amount) {
  const Reference expected = pair.reference(token_in);
  std::vector<gantry_segment> segments(4);
  REQUIRE(pair.venue.segments(token_in, 1 - token_in, segments) == GANTRY_OK);
  REQUIRE(segments.size() == (expected.empty() ? 0 : 1));
  if (segments.empty()) return;
  const gantry_segment& segment = segments[0];
  REQUIRE(segment.flags == GANTRY_SEGMENT_EXACT);
  const Integer end = to_integer(segment.in_end);
  REQUIRE(status_of(pair, end, token_in) == GANTRY_OUT_OF_RANGE);
  for (const Integer& in : {Integer(1), Integer(amount % end), Integer(end - 1)}) {
    if (in == 0 || in >= end) continue;  // no amount, or a full pair, which takes nothing
    // As dex.h has it.
    const Integer kept = in * (segment.fee_denominator - segment.fee);
    const Integer out = kept * to_integer(segment.reserve_out) /
                        (to_integer(segment.reserve_in) * segment.fee_denominator + kept);
    gantry_quote quote;
    const auto status = pair.venue.quote(swap_of(in, token_in), quote);
    REQUIRE(status == (out == 0 ? GANTRY_NO_LIQUIDITY : GANTRY_OK));
    if (status == GANTRY_OK) REQUIRE(to_integer(quote.amount_out) == out);
  }
}

void check_view(const Pair& pair, std::int64_t fee_bps) {
  std::vector<u256> balances;
  std::uint32_t fee = 0;
  REQUIRE(pair.venue.view(balances, 2, &fee) == GANTRY_OK);
  REQUIRE(fee == fee_bps * 100);
  for (std::uint32_t token = 0; token < 2; ++token) {
    REQUIRE(tests::to_integer(balances[token]) == pair.reference(token).reserve_in);
  }
}

}  // namespace

TEST_CASE("every answer about a pair is the contract's, over random and extreme states") {
  constexpr std::uint64_t seed = 2112;
  INFO("seed " << seed);
  Operands random(seed);
  int paid = 0;
  int swappable = 0;
  for (const std::int64_t fee_bps : fees_bps) {
    Pair pair(fee_bps);
    for (int i = 0; i < states_per_fee; ++i) {
      // Every other pair is of an ordinary depth; the rest are as empty and full as can be.
      const bool ordinary = i % 2 == 0;
      const auto draw = [&](unsigned bits_min) {
        return ordinary ? random.of_width(bits_min + static_cast<unsigned>(random.below(60)))
                        : random.next(reserve_bits);
      };
      const u256 reserve0 = draw(50);
      const u256 reserve1 = draw(50);
      pair.set(reserve0, reserve1);
      const u256 amount = random.below(8) == 0 ? random.next() : draw(30);
      INFO("fee " << fee_bps << " reserves " << to_string(reserve0) << " " << to_string(reserve1)
                  << " amount " << to_string(amount));
      check_view(pair, fee_bps);
      for (std::uint32_t token_in = 0; token_in < 2; ++token_in) {
        swappable += check_limits(pair, token_in) ? 1 : 0;
        check_segment(pair, token_in, tests::to_integer(amount));
        if (!amount.is_zero()) paid += check_quotes(pair, token_in, tests::to_integer(amount));
      }
    }
  }
  // The states are not all refused.
  CHECK(swappable > 3'000);
  CHECK(paid > 3'000);
}

TEST_CASE("a mode that the pair does not know is unsupported, not taken for another") {
  Pair pair(30);
  pair.set(u256(1'000'000), u256(1'000'000));
  gantry_quote quote;
  for (const std::int32_t mode : {-1, 2, 0x100}) {
    CHECK(pair.venue.quote(swap_of(1000, 0, mode), quote) == GANTRY_UNSUPPORTED);
  }
}

TEST_CASE("the impact of a price is told only to those who want it") {
  Pair pair(30);
  pair.set(u256(1'000'000), u256(1'000'000));
  gantry_swap swap = swap_of(1000, 0);
  swap.wants = 0;
  gantry_quote quote;
  REQUIRE(pair.venue.quote(swap, quote) == GANTRY_OK);
  CHECK(quote.price_impact == 0);
}

TEST_CASE("a view with too little room says how much is needed") {
  Pair pair(30);
  pair.set(u256(5), u256(7));
  std::vector<u256> balances;
  CHECK(pair.venue.view(balances, 1) == GANTRY_NEED_SIZE);
  CHECK(balances.empty());
}

}  // namespace gantry::test

#include "evm/uniswap_v2_cases.hpp"

#include <functional>
#include <random>

namespace gantry::test {
namespace {

// std::mt19937_64 is the same everywhere; the library's distributions are not.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  Integer between(const Integer& least, const Integer& most) {
    Integer bits = 0;
    for (int i = 0; i < 6; ++i) bits = (bits << 64) | engine_();  // 128 bits beyond a word
    return least + bits % (most - least + 1);
  }
  unsigned between(unsigned least, unsigned most) {
    return least + static_cast<unsigned>(engine_() % (most - least + 1));
  }
  // A number of at least `least` and at most `most` bits, every length as likely as the others.
  Integer of_bits(unsigned least, unsigned most) {
    const unsigned bits = between(least, most);
    return between(Integer(1) << (bits - 1), (Integer(1) << bits) - 1);
  }
  bool coin() { return (engine_() & 1) != 0; }

 private:
  std::mt19937_64 engine_;
};

struct Draw {
  Integer reserve_in;
  Integer reserve_out;
  Integer amount;
};

struct Recipe {
  Bucket bucket;
  std::function<Draw(Random&)> draw;
};

const Integer& most() { return largest_reserve(); }

Draw ordinary_in(Random& random) {
  Draw draw{random.of_bits(20, 100), random.of_bits(20, 100), 0};
  draw.amount = (draw.reserve_in >> random.between(0, 12)) + 1;
  return draw;
}

// Both reserves near or at the end of uint112; every fourth swap fills reserve_in to its last unit.
Draw extreme_in(Random& random) {
  const Integer room = random.of_bits(2, 111);
  const Integer gap = random.coin() ? Integer(0) : random.of_bits(1, 100);
  Draw draw{most() - room, most() - gap, 0};
  draw.amount = random.between(0U, 3U) == 0 ? room : random.between(Integer(2), room);
  return draw;
}

Draw amount_one_in(Random& random) {
  Draw draw{random.of_bits(1, 110), 0, 1};
  draw.reserve_out = random.between(draw.reserve_in + draw.reserve_in / 100 + 2, most());
  return draw;
}

Draw dust_in(Random& random) {
  return {random.between(Integer(1), 3000), random.between(Integer(1), 3000),
          random.between(Integer(1), 5)};
}

Draw draining_in(Random& random) {
  Draw draw{random.of_bits(1, 40), random.of_bits(2, 112), 0};
  draw.amount = (most() - draw.reserve_in) >> random.between(0, 8);
  return draw;
}

Draw lopsided_in(Random& random) {
  Draw draw{random.of_bits(100, 111), random.of_bits(1, 12), 0};
  if (random.coin()) std::swap(draw.reserve_in, draw.reserve_out);
  draw.amount = random.between(Integer(1), most() - draw.reserve_in);
  return draw;
}

Draw overflowing_in(Random& random) {
  Draw draw{random.of_bits(1, 112), random.of_bits(30, 112), 0};
  const Integer first_too_large = most() - draw.reserve_in + 1;
  draw.amount =
      random.coin() ? first_too_large : first_too_large + random.between(Integer(0), most());
  return draw;
}

Draw beyond_any_balance_in(Random& random) {
  const Integer last_word = (Integer(1) << 256) - 1;
  Draw draw{random.of_bits(1, 112), random.of_bits(2, 112), 0};
  draw.amount = random.coin() ? last_word - draw.reserve_in : random.of_bits(113, 255);
  return draw;
}

// A one-sided pool with something to pay out is left out: UniswapV2Library refuses it, the bare
// pair would give it away, and no sequence of calls makes one.
Draw nothing_in(Random& random) {
  switch (random.between(0U, 3U)) {
    case 0:
      return {random.of_bits(1, 112), random.of_bits(2, 112), 0};
    case 1:
      return {0, 0, random.of_bits(1, 111)};
    case 2:
      return {random.of_bits(1, 111), 0, random.of_bits(1, 111)};
    default:
      return {0, 1, random.of_bits(1, 111)};
  }
}

// What pools hold of tokens with as many decimals as most have: a unit to ten million of each.
Draw decimals(Random& random) {
  constexpr unsigned known[] = {6, 8, 18};
  const auto held = [&] {
    Integer unit = 1;
    for (unsigned i = known[random.between(0U, 2U)]; i > 0; --i) unit *= 10;
    return unit + random.between(Integer(0), unit * 10'000'000);
  };
  Draw draw{held(), 0, 0};
  draw.reserve_out = held();
  return draw;
}

Draw decimals_in(Random& random) {
  Draw draw = decimals(random);
  draw.amount = random.between(draw.reserve_in / 100'000 + 1, draw.reserve_in / 4);
  return draw;
}

Draw decimals_out(Random& random) {
  Draw draw = decimals(random);
  draw.amount = random.between(Integer(1), draw.reserve_out / 4);
  return draw;
}

Draw ordinary_out(Random& random) {
  Draw draw{random.of_bits(20, 100), random.of_bits(20, 100), 0};
  draw.amount = random.between(Integer(1), draw.reserve_out / 2);
  return draw;
}

Draw extreme_out(Random& random) {
  const Integer room = random.of_bits(5, 110);
  const Integer gap = random.coin() ? Integer(0) : random.of_bits(1, 100);
  return {most() - room, most() - gap, random.between(Integer(1), room / 4)};
}

Draw amount_one_out(Random& random) {
  return {random.of_bits(1, 110), random.between(Integer(3), Integer(1) << random.between(2, 111)),
          1};
}

Draw dust_out(Random& random) {
  Draw draw{random.between(Integer(1), 3000), random.between(Integer(2), 3000), 0};
  draw.amount = random.between(Integer(1), draw.reserve_out - 1);
  return draw;
}

Draw draining_out(Random& random) {
  Draw draw{random.of_bits(1, 50), random.of_bits(4, 55), 0};
  draw.amount = draw.reserve_out - random.between(Integer(1), 4);
  return draw;
}

// 1000 * reserve_in * out divides by 997 * (reserve_out - out), 997 being what the fee leaves: the
// least input is one less than what getAmountIn answers.
Draw divisible_out(Random& random, unsigned kept) {
  const Integer left = random.of_bits(1, 40);
  const Integer amount = random.of_bits(1, 40);
  return {kept * left * random.of_bits(1, 20), left + amount, amount};
}

Draw more_than_it_holds_out(Random& random) {
  Draw draw{random.of_bits(1, 112), random.of_bits(1, 111), 0};
  draw.amount = draw.reserve_out + (random.coin() ? Integer(0) : random.of_bits(1, 111));
  return draw;
}

Draw overflowing_out(Random& random) {
  Draw draw{random.of_bits(101, 112), random.of_bits(20, 112), 0};
  draw.amount = draw.reserve_out - 1;
  return draw;
}

Draw zero_out(Random& random) { return {random.of_bits(1, 112), random.of_bits(1, 112), 0}; }

CaseSet mix(const std::vector<Recipe>& recipes, std::uint64_t seed) {
  CaseSet set;
  Random random(seed);
  for (const Recipe& recipe : recipes) {
    for (std::size_t i = 0; i < recipe.bucket.cases; ++i) {
      Draw draw = recipe.draw(random);
      set.cases.push_back({.bucket = set.buckets.size(),
                           .zero_for_one = random.coin(),
                           .reserve_in = std::move(draw.reserve_in),
                           .reserve_out = std::move(draw.reserve_out),
                           .amount = std::move(draw.amount)});
    }
    set.buckets.push_back(recipe.bucket);
  }
  return set;
}

}  // namespace

CaseSet exact_in_cases(std::uint64_t seed) {
  using enum Outcome;
  return mix({{{"ordinary", 4000, all_succeed}, ordinary_in},
              {{"reserves to 2^112-1", 2000, all_succeed}, extreme_in},
              {{"amount 1", 1500, all_succeed}, amount_one_in},
              {{"dust", 1500, some_succeed}, dust_in},
              {{"draining", 1500, all_succeed}, draining_in},
              {{"lopsided", 1000, some_succeed}, lopsided_in},
              {{"reserve beyond uint112", 500, none_succeeds}, overflowing_in},
              {{"beyond any balance", 200, none_succeeds}, beyond_any_balance_in},
              {{"nothing in, or empty", 200, none_succeeds}, nothing_in},
              {{"6, 8 and 18 decimals", 1000, all_succeed}, decimals_in}},
             seed);
}

CaseSet exact_out_cases(std::uint64_t seed, unsigned kept) {
  using enum Outcome;
  return mix({{{"ordinary", 2000, all_succeed}, ordinary_out},
              {{"reserves to 2^112-1", 1000, all_succeed}, extreme_out},
              {{"amount 1", 800, all_succeed}, amount_one_out},
              {{"dust", 800, all_succeed}, dust_out},
              {{"draining", 800, all_succeed}, draining_out},
              {{"nothing over", 800, all_succeed},
               [kept](Random& random) { return divisible_out(random, kept); }},
              {{"more than it holds", 300, none_succeeds}, more_than_it_holds_out},
              {{"reserve beyond uint112", 300, none_succeeds}, overflowing_out},
              {{"nothing out", 100, none_succeeds}, zero_out},
              {{"6, 8 and 18 decimals", 1000, all_succeed}, decimals_out}},
             seed);
}

}  // namespace gantry::test

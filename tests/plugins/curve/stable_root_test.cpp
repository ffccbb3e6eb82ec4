// The end of Newton's method that StableSwap pools walk to, against the walk itself: in integers of
// any size, as the contracts' loops have it.
#include "plugins/dex/evm/stable_root.hpp"

#include <catch2/catch.hpp>
#include <random>

#include "evm/integer_words.hpp"

namespace gantry::test {
namespace {

using evm::RootRounding;

Integer distance_of(const Integer& a, const Integer& b) { return a > b ? a - b : b - a; }

Integer step(RootRounding rounding, const Integer& b, const Integer& c, const Integer& d,
             const Integer& y) {
  const Integer above = y * y + c;
  const Integer below = 2 * y + b - d;
  return rounding == RootRounding::cut ? Integer(above / below)
                                       : Integer((above + below - 1) / below);
}

// Curve begins at D and compares the first step with it; Balancer begins one step later.
std::optional<Integer> walk(RootRounding rounding, const Integer& b, const Integer& c,
                            const Integer& d) {
  Integer y = rounding == RootRounding::cut ? d : step(rounding, b, c, d, d);
  for (int i = 0; i < 255; ++i) {
    if (2 * y + b <= d) return std::nullopt;
    const Integer next = step(rounding, b, c, d, y);
    if (distance_of(next, y) <= 1) return next;
    y = next;
  }
  return std::nullopt;
}

u256 to_u256(const Integer& value) { return u256(to_amount(value)); }

struct Counts {
  std::size_t certain = 0;
  std::size_t all = 0;
};

template <RootRounding rounding>
void compare(const Integer& b, const Integer& c, const Integer& d, Counts& counts) {
  if (b + d == 0 || c >= (Integer(1) << 256)) return;
  ++counts.all;
  u256 found;
  if (!evm::stable_root<rounding>(to_u256(b), to_u256(c), to_u256(d), found)) return;
  ++counts.certain;
  const auto walked = walk(rounding, b, c, d);
  if (!walked || to_u256(*walked) != found) {
    CAPTURE(b, c, d, to_integer(found), rounding == RootRounding::up);
    REQUIRE(walked);
    REQUIRE(*walked == to_integer(found));
  }
}

class Draw {
 public:
  explicit Draw(std::uint64_t seed) : random_(seed) {}
  Integer bits(unsigned most) {
    const unsigned width = static_cast<unsigned>(random_() % (most + 1));
    Integer value = 0;
    for (unsigned i = 0; i < 256; i += 64) value = (value << 64) + Integer(random_());
    return width == 0 ? Integer(0) : Integer(value >> (256 - width));
  }
  std::uint64_t below(std::uint64_t end) { return random_() % end; }

 private:
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("where pools stand, the root of the StableSwap is certain, and the walk's") {
  Draw draw(17);
  Counts cut;
  Counts up;
  for (int i = 0; i < 60'000; ++i) {
    // Two to four coins of up to 10^12 each, no further apart than a thousand times.
    const Integer scale = (Integer(1) << 60) + draw.bits(100);
    const unsigned n = 2 + static_cast<unsigned>(draw.below(3));
    Integer sum = 0;
    Integer product = 1;
    for (unsigned k = 0; k + 1 < n; ++k) {
      const Integer balance = scale * (1 + draw.below(1000)) / (1 + draw.below(1000)) + 1;
      sum += balance;
      product *= balance * n;
    }
    const Integer d = sum * n / (n - 1) + draw.bits(60);
    const Integer ann = 1 + draw.below(20'000) * n;
    Integer d_power = d;
    for (unsigned k = 0; k < n; ++k) d_power *= d;
    const Integer c = d_power / (product * ann * n);
    const Integer b = sum + d / ann;
    compare<RootRounding::cut>(b, c, d, cut);
    compare<RootRounding::up>(b, c, d, up);
  }
  CHECK(cut.certain * 100 > cut.all * 99);
  CHECK(up.certain * 100 > up.all * 99);
}

TEST_CASE("the root of any numbers is the walk's, or not said") {
  Draw draw(18);
  Counts counts;
  for (int i = 0; i < 150'000; ++i) {
    const Integer b = draw.bits(128);
    const Integer c = draw.bits(256);
    const Integer d = draw.bits(128);
    compare<RootRounding::cut>(b, c, d, counts);
    compare<RootRounding::up>(b, c, d, counts);
  }
  CHECK(counts.certain * 10 > counts.all);
}

// c = y^2 + (b - d) y + a little: the root is an integer, or nearly one, where a step may end at
// either side of it.
TEST_CASE("a root that is nearly an integer is the walk's, or not said") {
  Draw draw(19);
  Counts counts;
  for (int i = 0; i < 100'000; ++i) {
    const unsigned width = 2 + static_cast<unsigned>(draw.below(122));
    const Integer y = 1 + draw.bits(width);
    const Integer b = draw.bits(width);
    const Integer d = draw.bits(width);
    const Integer c = y * y + b * y - d * y + draw.below(21) - 10;
    if (c < 0) continue;
    compare<RootRounding::cut>(b, c, d, counts);
    compare<RootRounding::up>(b, c, d, counts);
  }
  CHECK(counts.certain * 10 > counts.all);
}

}  // namespace gantry::test

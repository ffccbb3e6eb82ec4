// The templates' venues in C++, C and Rust, through the binary boundary: what an author copies has
// to be right.
#include <catch2/catch.hpp>
#include <cstring>
#include <map>
#include <random>

#include "gantry/constant_product.hpp"
#include "tests/sdk/venue_library.hpp"

using namespace gantry;
using namespace gantry::test;

namespace {

gantry_swap swap_of(const u256& amount, std::uint32_t in) {
  return {amount.amount(), in, 1 - in, GANTRY_EXACT_IN, 0};
}

// Both directions: nothing below in_min pays, in_min and in_max do.
void check_limits(const VenueLibrary& venue) {
  for (std::uint32_t in = 0; in < 2; ++in) {
    gantry_swap_limits limits;
    REQUIRE(venue.limits(in, 1 - in, limits) == GANTRY_OK);
    gantry_quote quote;
    const u256 least(limits.in_min);
    CHECK(venue.quote(swap_of(least, in), quote) == GANTRY_OK);
    if (least > u256(1)) {
      CHECK(venue.quote(swap_of(wrapping_sub(least, u256(1)), in), quote) == GANTRY_NO_LIQUIDITY);
    }
    REQUIRE(venue.quote(swap_of(u256(limits.in_max), in), quote) == GANTRY_OK);
    CHECK(u256(quote.amount_out) <= u256(limits.out_max));
    CHECK(venue.quote(swap_of(wrapping_add(u256(limits.in_max), u256(1)), in), quote) != GANTRY_OK);
  }
}

}  // namespace

TEST_CASE("the venues that authors copy read no token that their pool does not have") {
  // Two words in a fact each, and a pair's three in one.
  for (const auto& [path, together] :
       {std::pair{GANTRY_TEMPLATE_DEX, false}, std::pair{GANTRY_C_DEX, true}}) {
    INFO(path);
    VenueLibrary venue(path, 4);
    REQUIRE(venue.open(6, 6) == GANTRY_OK);
    std::vector<u256> words{u256(1'000'000), u256(2'000'000)};
    if (together) words.emplace_back();
    REQUIRE(venue.apply(words, together) == GANTRY_OK);
    for (const auto& [in, out] :
         {std::pair{0U, 0U}, {1U, 1U}, {0U, 2U}, {2U, 1U}, {~0U, 0U}, {1U << 31U, 1U}}) {
      gantry_quote quote;
      gantry_swap_limits limits;
      CHECK(venue.quote({u256(10).amount(), in, out, GANTRY_EXACT_IN, 0}, quote) ==
            GANTRY_BAD_ARGUMENT);
      CHECK(venue.limits(in, out, limits) == GANTRY_BAD_ARGUMENT);
    }
  }
}

TEST_CASE("the template's venue pays one for one less its fee, to the unit") {
  VenueLibrary venue(GANTRY_TEMPLATE_DEX, 4);
  REQUIRE(venue.open(6, 6) == GANTRY_OK);
  CHECK(venue.requests().size() == 2);
  gantry_quote quote;
  CHECK(venue.quote(swap_of(u256(1), 0), quote) == GANTRY_BAD_STATE);
  CHECK(venue.apply({u256(5)}, false) == GANTRY_NEED_STATE);
  REQUIRE(venue.apply({u256(1'000'000), u256(2'000'000)}, false) == GANTRY_OK);

  REQUIRE(venue.quote(swap_of(u256(10'001), 0), quote) == GANTRY_OK);
  CHECK(u256(quote.fee) == u256(5));  // 4.0004 rounded up
  CHECK(u256(quote.amount_out) == u256(9'996));
  CHECK(venue.quote(swap_of(u256(2'000'801), 0), quote) == GANTRY_OK);
  CHECK(u256(quote.amount_out) == u256(2'000'000));
  CHECK(venue.quote(swap_of(u256(2'000'802), 0), quote) == GANTRY_NO_LIQUIDITY);
  CHECK(venue.quote(swap_of(u256::max(), 0), quote) == GANTRY_NO_LIQUIDITY);
  auto exact_out = swap_of(u256(1), 0);
  exact_out.mode = GANTRY_EXACT_OUT;
  CHECK(venue.quote(exact_out, quote) == GANTRY_UNSUPPORTED);

  std::vector<u256> balances;
  CHECK(venue.view(balances, 1) == GANTRY_NEED_SIZE);
  REQUIRE(venue.view(balances, 2) == GANTRY_OK);
  CHECK(balances == std::vector<u256>{u256(1'000'000), u256(2'000'000)});
}

TEST_CASE("the template's limits are what can be quoted, at any fee") {
  for (const std::int64_t fee : {0, 1, 4, 30, 2500, 5000, 9999}) {
    INFO(fee);
    VenueLibrary venue(GANTRY_TEMPLATE_DEX, fee);
    REQUIRE(venue.open(18, 18) == GANTRY_OK);
    REQUIRE(venue.apply({u256(123'457), u256(98'761)}, false) == GANTRY_OK);
    gantry_swap_limits limits;
    REQUIRE(venue.limits(0, 1, limits) == GANTRY_OK);
    check_limits(venue);
  }
}

TEST_CASE("the template's overlay stands for the pool after the swap") {
  VenueLibrary venue(GANTRY_TEMPLATE_DEX, 0);
  REQUIRE(venue.open(6, 6) == GANTRY_OK);
  REQUIRE(venue.apply({u256(0), u256(100)}, false) == GANTRY_OK);
  gantry_quote quote;
  CHECK(venue.quote(swap_of(u256(60), 1), quote) == GANTRY_NO_LIQUIDITY);
  std::vector<std::uint8_t> small(1);
  CHECK(venue.quote(swap_of(u256(60), 0), quote, &small) == GANTRY_NEED_SIZE);
  CHECK(small.size() == venue.traits().overlay_bytes);
  std::vector<std::uint8_t> next(venue.traits().overlay_bytes);
  REQUIRE(venue.quote(swap_of(u256(60), 0), quote, &next) == GANTRY_OK);
  CHECK(venue.quote(swap_of(u256(60), 1), quote, nullptr, &next) == GANTRY_OK);
  CHECK(venue.quote(swap_of(u256(61), 1), quote, nullptr, &next) == GANTRY_NO_LIQUIDITY);
}

TEST_CASE("the template refuses tokens of different decimals, with a text") {
  VenueLibrary venue(GANTRY_TEMPLATE_DEX, 4);
  CHECK(venue.open(6, 18) == GANTRY_REFUSED);
  CHECK(venue.error().find("equal decimals") != std::string::npos);
}

TEST_CASE("the template's swap says where its amounts stand") {
  VenueLibrary venue(GANTRY_TEMPLATE_DEX, 4);
  REQUIRE(venue.open(6, 6) == GANTRY_OK);
  REQUIRE(venue.apply({u256(1000), u256(1000)}, false) == GANTRY_OK);
  gantry_swap_order order{};
  order.swap = swap_of(u256(500), 1);
  order.min_out = u256(490).amount();
  order.recipient.kind = GANTRY_ADDRESS_EVM;
  order.recipient.length = 20;
  order.recipient.bytes[0] = 0x77;
  gantry_instruction instruction{};
  std::vector<std::uint8_t> data;
  REQUIRE(venue.build(order, instruction, data) == GANTRY_OK);
  REQUIRE(data.size() == 4 + 4 * 32);
  CHECK(load_be(&data[4]) == u256(1));
  CHECK(load_be(&data[instruction.amount_in_offset]) == u256(500));
  CHECK(load_be(&data[instruction.min_out_offset]) == u256(490));
  CHECK(data[4 + 3 * 32 + 12] == 0x77);
  CHECK(instruction.input == GANTRY_INPUT_APPROVE);
}

TEST_CASE("the venue in C quotes what the constant-product kernel says") {
  constexpr std::uint32_t seed = 11;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  VenueLibrary venue(GANTRY_C_DEX, 30);
  REQUIRE(venue.open(18, 18) == GANTRY_OK);
  CHECK(venue.requests().size() == 2);
  std::uint64_t paid = 0;
  for (int i = 0; i < 2000; ++i) {
    const u256 reserve0(random() >> (17 + random() % 30));
    const u256 reserve1(random() >> (17 + random() % 30));
    REQUIRE(venue.apply({reserve0, reserve1, u256(0)}, true) == GANTRY_OK);
    const u256 in(1 + (random() >> (18 + random() % 40)));
    const auto side = static_cast<std::uint32_t>(random() % 2);
    const ConstantProduct pool{side == 0 ? reserve0 : reserve1, side == 0 ? reserve1 : reserve0, 30,
                               10000};
    u256 expected;
    const auto kernel = amount_out(pool, in, expected);
    gantry_quote quote;
    const auto status = venue.quote(swap_of(in, side), quote);
    if (status == GANTRY_OK) {
      ++paid;
      REQUIRE(kernel == GANTRY_OK);
      REQUIRE(u256(quote.amount_out) == expected);
    } else {
      REQUIRE((status == GANTRY_OUT_OF_RANGE || kernel != GANTRY_OK || expected.is_zero()));
    }
  }
  CHECK(paid > 1000);
}

TEST_CASE("the venue in C knows its limits, and refuses reserves it cannot hold") {
  VenueLibrary venue(GANTRY_C_DEX, 30);
  REQUIRE(venue.open(18, 18) == GANTRY_OK);
  const u256 full = shift_left(u256(1), 112);
  CHECK(venue.apply({full, u256(1)}, true) == GANTRY_BAD_STATE);
  CHECK(venue.apply({u256::max(), u256(1)}, true) == GANTRY_BAD_STATE);
  REQUIRE(venue.apply({wrapping_sub(full, u256(1)), u256(1)}, true) == GANTRY_OK);
  REQUIRE(venue.apply({u256(123'456'789), u256(987'654)}, true) == GANTRY_OK);
  check_limits(venue);
  std::vector<std::uint8_t> next(venue.traits().overlay_bytes);
  gantry_quote first;
  gantry_quote second;
  REQUIRE(venue.quote(swap_of(u256(1'000'000), 0), first, &next) == GANTRY_OK);
  REQUIRE(venue.quote(swap_of(u256(1'000'000), 0), second, nullptr, &next) == GANTRY_OK);
  CHECK(u256(second.amount_out) < u256(first.amount_out));
}

namespace {

// Any size up to 2^130, so that some do not fit the pair, and often at an edge.
u256 any_amount(std::mt19937_64& random) {
  const auto bits = static_cast<unsigned>(random() % 131);
  const u256 edge = shift_left(u256(1), bits);
  if (random() % 4 == 0) return wrapping_sub(edge, u256(random() % 3));
  const u256 value = u256::from_limbs(random(), random(), random(), 0);
  return shift_right(value, 192 - bits);
}

bool same(const gantry_quote& a, const gantry_quote& b) {
  return u256(a.amount_in) == u256(b.amount_in) && u256(a.amount_out) == u256(b.amount_out) &&
         u256(a.fee) == u256(b.fee) && a.gas == b.gas && a.price_impact == b.price_impact &&
         a.fee_on_out == b.fee_on_out && a.crossings == b.crossings;
}

}  // namespace

TEST_CASE("the venue in Rust quotes what Uniswap V2's plugin does, to the unit, everywhere") {
  constexpr std::uint32_t seed = 20201;
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  VenueLibrary ours(GANTRY_RUST_DEX, 30);
  VenueLibrary theirs(GANTRY_UNISWAP_V2, 30);
  REQUIRE(ours.open(18, 18) == GANTRY_OK);
  REQUIRE(theirs.open(18, 18) == GANTRY_OK);
  CHECK(ours.requests().size() == theirs.requests().size());
  std::map<gantry_status, int> statuses;
  for (int i = 0; i < 20'000; ++i) {
    const u256 mask = wrapping_sub(shift_left(u256(1), 112), u256(1));
    const u256 reserves[] = {bitwise_and(any_amount(random), mask),
                             bitwise_and(any_amount(random), mask)};
    REQUIRE(ours.apply({reserves[0], reserves[1], u256(0)}, true) == GANTRY_OK);
    REQUIRE(theirs.apply({reserves[0], reserves[1], u256(0)}, true) == GANTRY_OK);
    auto swap = swap_of(any_amount(random), static_cast<std::uint32_t>(random() % 2));
    swap.mode = random() % 3 == 0 ? GANTRY_EXACT_OUT : GANTRY_EXACT_IN;
    swap.wants = random() % 2 == 0 ? GANTRY_WANT_IMPACT : 0;
    if (swap.mode == GANTRY_EXACT_OUT && random() % 2 == 0) {
      swap.amount = shift_right(reserves[swap.token_out], 1 + static_cast<unsigned>(random() % 20));
    }
    INFO(to_string(reserves[0]) << " " << to_string(reserves[1]) << ", in "
                                << to_string(u256(swap.amount)) << " mode " << swap.mode);
    gantry_quote a;
    gantry_quote b;
    std::vector<std::uint8_t> after_a(ours.traits().overlay_bytes);
    std::vector<std::uint8_t> after_b(theirs.traits().overlay_bytes);
    const auto status = ours.quote(swap, a, &after_a);
    REQUIRE(status == theirs.quote(swap, b, &after_b));
    ++statuses[status];
    if (status != GANTRY_OK) continue;
    REQUIRE(same(a, b));
    // And once more, on the pool after it.
    const auto again = ours.quote(swap, a, nullptr, &after_a);
    REQUIRE(again == theirs.quote(swap, b, nullptr, &after_b));
    if (again == GANTRY_OK) REQUIRE(same(a, b));
  }
  CHECK(statuses[GANTRY_OK] > 3'000);
  CHECK(statuses[GANTRY_NO_LIQUIDITY] > 1'000);
  CHECK(statuses[GANTRY_OUT_OF_RANGE] > 1'000);
}

TEST_CASE("the venue in Rust answers limits, segments and views as Uniswap V2's plugin does") {
  std::mt19937_64 random(7);
  VenueLibrary ours(GANTRY_RUST_DEX, 30);
  VenueLibrary theirs(GANTRY_UNISWAP_V2, 30);
  REQUIRE(ours.open(18, 18) == GANTRY_OK);
  REQUIRE(theirs.open(18, 18) == GANTRY_OK);
  for (int i = 0; i < 2'000; ++i) {
    const u256 mask = wrapping_sub(shift_left(u256(1), 112), u256(1));
    const u256 a = bitwise_and(shift_right(any_amount(random), 20), mask);
    const u256 b = bitwise_and(shift_right(any_amount(random), 20), mask);
    REQUIRE(ours.apply({a, b, u256(0)}, true) == GANTRY_OK);
    REQUIRE(theirs.apply({a, b, u256(0)}, true) == GANTRY_OK);
    INFO(to_string(a) << " " << to_string(b));
    gantry_swap_limits one{};
    gantry_swap_limits two{};
    const auto status = ours.limits(0, 1, one);
    REQUIRE(status == theirs.limits(0, 1, two));
    if (status == GANTRY_OK) {
      REQUIRE(u256(one.in_min) == u256(two.in_min));
      REQUIRE(u256(one.in_max) == u256(two.in_max));
      REQUIRE(u256(one.out_max) == u256(two.out_max));
    }
    std::vector<gantry_segment> first(2);
    std::vector<gantry_segment> second(2);
    REQUIRE(ours.segments(1, 0, first) == theirs.segments(1, 0, second));
    REQUIRE(first.size() == second.size());
    if (!first.empty()) {
      CHECK(std::memcmp(&first[0], &second[0], sizeof(gantry_segment)) == 0);
    }
    std::vector<u256> balances;
    REQUIRE(ours.view(balances, 2) == GANTRY_OK);
    CHECK(balances == std::vector<u256>{a, b});
  }
}

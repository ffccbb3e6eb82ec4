// The uniswap_v3 plugin without a chain: published vectors, pools recorded from the main network,
// the slow reference, and bytes that no pool gives.
#include <catch2/catch.hpp>
#include <cmath>
#include <random>

#include "host/kit/recorded.hpp"
#include "host/recording/writer.hpp"
#include "plugins/dex/uniswap_v3/state.hpp"
#include "plugins/dex/uniswap_v3/swap_math.hpp"
#include "plugins/dex/uniswap_v3/tick_math.hpp"
#include "plugins/dex/uniswap_v3/walk.hpp"
#include "plugins/uniswap_v3/pools_file.hpp"

namespace gantry::test {
namespace {

constexpr std::uint64_t seed = 20210505;
constexpr const char* published = GANTRY_V3_FILES "/published_swaps.json";
constexpr const char* recorded = GANTRY_V3_FILES "/recorded_pools.json";

// All the words that there are, of any spacing.
const VenueParameters whole{{"words_around", std::int64_t{7000}}};

struct Loaded {
  FilePool file;
  V3Venue venue{whole};

  explicit Loaded(FilePool from) : file(std::move(from)) {
    venue.open(file.model);
    if (venue.refresh_from(file.model, file.block) != GANTRY_OK) {
      throw std::runtime_error(file.name + " does not load");
    }
  }
};

u256 to_u256(const Integer& value) { return u256(to_amount(value)); }

std::string compare(V3Venue& venue, const ReferencePool3& reference, const gantry_swap& swap) {
  gantry_quote quote{};
  Overlay next;
  const gantry_status status = venue.quote(swap, quote, nullptr, &next);
  ReferencePool3 pool = reference;
  const ReferenceSwap wanted =
      pool.swap(swap.token_in == 0, swap.mode == GANTRY_EXACT_IN, to_integer(swap.amount));
  if (!wanted.whole || wanted.amount_out == 0) {
    return status == GANTRY_NO_LIQUIDITY ? "" : "status " + std::to_string(status);
  }
  if (status != GANTRY_OK) return "status " + std::to_string(status);
  const KnownPool after = after_of(next);
  if (to_integer(quote.amount_in) != wanted.amount_in) return "amount in";
  if (to_integer(quote.amount_out) != wanted.amount_out) return "amount out";
  if (to_integer(quote.fee) != wanted.fee) return "fee";
  if (quote.crossings != wanted.crossings) return "crossings";
  if (after.sqrt != pool.sqrt || after.tick != pool.tick || after.liquidity != pool.liquidity) {
    return "the pool after it";
  }
  return "";
}

// Those of the published pools that the shipped recording has: small ones at a price of 1, for
// which the conformance kit's laws hold to the unit. Each with an address of its own.
std::vector<FilePool> shipped_pools() {
  std::vector<FilePool> all = file_pools(published);
  std::vector<FilePool> pools;
  for (const std::size_t i : {0U, 1U, 2U, 6U, 7U}) {
    pools.push_back(std::move(all.at(i)));
    pools.back().model.address.back() = static_cast<char>('0' + i);
  }
  return pools;
}

// The facts that make the pool's state, as a recording has them.
std::vector<host::recording::Fact> facts_of(const FilePool& pool, std::uint32_t handle) {
  V3Venue venue;
  venue.open(pool.model);
  std::vector<OwnedFact> all;
  if (venue.refresh_from(pool.model, pool.block, &all) != GANTRY_OK) {
    throw std::runtime_error(pool.name + " does not load");
  }
  std::vector<host::recording::Fact> facts;
  for (const OwnedFact& fact : all) {
    facts.push_back({.pool = handle,
                     .kind = host::recording::FactKind::evm_call,
                     .tag = fact.fields.tag,
                     .source = fact.fields.emitter,
                     .topics = {},
                     .data = fact.data});
  }
  return facts;
}

}  // namespace

// What made data/uniswap_v3.gantry: not run among the tests.
TEST_CASE("writes the recording that is shipped", "[.]") {
  const char* path = std::getenv("GANTRY_WRITE_RECORDING");
  REQUIRE(path != nullptr);
  auto writer = host::RecordingWriter::create(path, {.compression_level = 19});
  REQUIRE(writer);
  const auto append = [&](const host::recording::Record& record) {
    const auto status = writer->append(record);
    REQUIRE(status);
  };
  append(host::recording::Header{
      .chain = "eip155:1",
      .provenance = "synthetic: pools of Uniswap V3's own swap tests; github.com/Uniswap/v3-core, "
                    "test/UniswapV3Pool.swaps.spec.ts",
      .creator = "gantry 0.1.0"});
  const std::vector<FilePool> pools = shipped_pools();
  append(host::recording::Token{to_address(pools[0].model.token[0]), "T0", 18});
  append(host::recording::Token{to_address(pools[0].model.token[1]), "T1", 18});
  for (const FilePool& pool : pools) {
    append(host::recording::Pool{"uniswap_v3", to_address(pool.model.address), {0, 1}, {}});
  }
  append(host::recording::Block{.number = 1, .time_s = 1'620'172'800});
  for (std::uint32_t i = 0; i < pools.size(); ++i) {
    for (const auto& fact : facts_of(pools[i], i)) append(fact);
  }
  REQUIRE(writer->finish());
}

TEST_CASE("the shipped recording of uniswap_v3 pools holds what the published pools answer") {
  const auto shipped = host::kit::read_recorded_pools(GANTRY_V3_RECORDING);
  REQUIRE(shipped);
  const std::vector<FilePool> pools = shipped_pools();
  REQUIRE(shipped->size() == pools.size());
  for (std::uint32_t i = 0; i < pools.size(); ++i) {
    const auto wanted = facts_of(pools[i], i);
    REQUIRE((*shipped)[i].facts.size() == wanted.size());
    for (std::size_t j = 0; j < wanted.size(); ++j) {
      REQUIRE((*shipped)[i].facts[j].tag == wanted[j].tag);
      REQUIRE((*shipped)[i].facts[j].data == wanted[j].data);
    }
  }
}

TEST_CASE("roots of ticks are those of TickMath") {
  using namespace uniswap_v3;
  // Of TickMath.spec.ts: both ends, their neighbours, and 50 to 738,203 by twos and fives.
  CHECK(sqrt_at_tick(tick_min) == u256(4295128739U));
  CHECK(sqrt_at_tick(tick_min + 1) == u256(4295343490U));
  CHECK(to_string(sqrt_at_tick(tick_max - 1)) ==
        "1461373636630004318706518188784493106690254656249");
  CHECK(to_string(sqrt_at_tick(tick_max)) == "1461446703485210103287273052203988822378723970342");
  CHECK(tick_at_sqrt(u256(4295128739U)) == tick_min);
  CHECK(tick_at_sqrt(u256(4295343490U)) == tick_min + 1);
  CHECK(tick_at_sqrt(*parse_decimal("1461373636630004318706518188784493106690254656249")) ==
        tick_max - 1);
  CHECK(tick_at_sqrt(*parse_decimal("1461446703485210103287273052203988822378723970341")) ==
        tick_max - 1);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 3000; ++i) {
    const int tick = static_cast<int>(random() % (2 * tick_max + 1)) - tick_max;
    const Integer sqrt = reference_sqrt_at(tick);
    REQUIRE(to_integer(sqrt_at_tick(tick).amount()) == sqrt);
    if (tick == tick_max) continue;
    REQUIRE(tick_at_sqrt(to_u256(sqrt)) == tick);
    if (tick > tick_min) REQUIRE(tick_at_sqrt(to_u256(sqrt - 1)) == tick - 1);
  }
}

TEST_CASE("steps of a swap are those of SwapMath") {
  using namespace uniswap_v3;
  // SwapMath.spec.ts: price 1, 2e18 of liquidity, fee 600, 1e18 in or out, token 1 in.
  const u256 one = shift_left(u256(1), 96);
  const uint128 liquidity = uint128{2'000'000'000'000'000'000U};
  const u256 amount(1'000'000'000'000'000'000U);
  const u256 to_101 = *parse_decimal("79623317895830914510639640423");  // sqrt(101/100)
  const u256 to_1000 = *parse_decimal("250541448375047931186413801569");
  u256 most;
  Step step;
  REQUIRE(step_in<false>(one, to_101, liquidity, most));
  REQUIRE(step_exact_in<false>(one, to_101, liquidity, amount, 600, most, step));
  CHECK(step.reached);
  CHECK(to_string(step.amount_in) == "9975124224178055");
  CHECK(to_string(step.fee) == "5988667735148");
  REQUIRE(step_out<false>(one, to_101, liquidity, step.amount_out));
  CHECK(to_string(step.amount_out) == "9925619580021728");
  REQUIRE(step_in<false>(one, to_1000, liquidity, most));
  REQUIRE(step_exact_in<false>(one, to_1000, liquidity, amount, 600, most, step));
  CHECK_FALSE(step.reached);
  CHECK(to_string(step.amount_in) == "999400000000000000");
  CHECK(to_string(step.fee) == "600000000000000");
  CHECK(to_string(step.amount_out) == "666399946655997866");
}

TEST_CASE("what a step takes and gives is what lies between its prices") {
  using namespace uniswap_v3;
  std::mt19937_64 random(seed + 3);
  const auto below_bits = [&](unsigned bits) {
    const u256 any = u256::from_limbs(random(), random(), random(), random());
    return shift_right(any, 256 - (1 + random() % bits));
  };
  std::size_t told = 0;
  std::size_t computed = 0;
  std::size_t mistakes = 0;
  std::size_t given_out = 0;
  const auto try_way = [&]<bool falls>(std::bool_constant<falls>) {
    const u256 sqrt = below_bits(160);
    const uint128 liquidity = below_bits(128).low128();
    const u256 amount = below_bits(200);
    if (sqrt <= lowest_sqrt || sqrt >= highest_sqrt || liquidity == 0) return;
    const u256 target = falls ? lowest_sqrt : highest_sqrt;
    u256 most;
    u256 between;
    Step step;
    REQUIRE(step_in<falls>(sqrt, target, liquidity, most));
    if (step_exact_in<falls>(sqrt, target, liquidity, amount, 3000, most, step) && !step.reached) {
      ++(takes_all<falls>(sqrt, step.sqrt, liquidity) ? told : computed);
      REQUIRE(step_in<falls>(sqrt, step.sqrt, liquidity, between));
      mistakes += step.amount_in != between ? 1U : 0U;
    }
    REQUIRE(step_out<falls>(sqrt, target, liquidity, most));
    if (step_exact_out<falls>(sqrt, target, liquidity, amount, 3000, most, step) && !step.reached) {
      ++given_out;
      REQUIRE(step_out<falls>(sqrt, step.sqrt, liquidity, between));
      mistakes += between < amount || step.amount_out != amount ? 1U : 0U;
    }
  };
  for (int i = 0; i < 100'000; ++i) {
    try_way(std::bool_constant<true>());
    try_way(std::bool_constant<false>());
  }
  CHECK(mistakes == 0);
  CHECK(told > 1'000);
  CHECK(computed > 1'000);
  CHECK(given_out > 1'000);
}

TEST_CASE("the short division of prices is exact, or says that it is not for these widths") {
  using namespace uniswap_v3;
  std::mt19937_64 random(seed + 3);
  const auto bits = [&](unsigned count) {
    const u256 value = u256::from_limbs(random(), random(), random(), random());
    return shift_right(value, 256 - count);
  };
  int used = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto width = [&](unsigned least, unsigned most) {
      return least + static_cast<unsigned>(random() % (most - least + 1));
    };
    const uint128 liquidity = bits(width(1, 128)).low128();
    const uint128 factor = bits(width(1, 128)).low128();
    const u256 divisor = bits(width(100, 256));
    uint128 down = 0;
    uint128 up = 0;
    if (!ratio_96<Rounding::down>(liquidity, factor, divisor, down) ||
        !ratio_96<Rounding::up>(liquidity, factor, divisor, up)) {
      continue;
    }
    ++used;
    const Integer product = (to_integer(liquidity) << 96) * to_integer(factor);
    REQUIRE(to_integer(down) == product / to_integer(divisor.amount()));
    REQUIRE(to_integer(up) == ceil_div(product, to_integer(divisor.amount())));
  }
  CHECK(used > 10'000);
}

TEST_CASE("the uniswap_v3 plugin gives the swaps that Uniswap's own tests publish") {
  std::size_t count = 0;
  std::size_t errors = 0;
  for (FilePool& pool : file_pools(published)) {
    Loaded loaded(std::move(pool));
    for (const FileSwap& swap : loaded.file.swaps) {
      INFO(loaded.file.name << ", token " << (swap.zero_for_one ? 0 : 1) << " in, "
                            << (swap.exact_in ? "in " : "out ") << swap.amount);
      gantry_quote quote{};
      Overlay next;
      const gantry_swap asked = swap_of(swap.zero_for_one, swap.exact_in, swap.amount);
      const gantry_status status = loaded.venue.quote(asked, quote, nullptr, &next);
      ++count;
      const Integer& met = swap.exact_in ? swap.amount_in : swap.amount_out;
      if (!swap.error.empty() || met != swap.amount || swap.amount_out == 0) {
        CHECK(status == GANTRY_NO_LIQUIDITY);
        ++errors;
        continue;
      }
      REQUIRE(status == GANTRY_OK);
      CHECK(to_integer(quote.amount_in) == swap.amount_in);
      CHECK(to_integer(quote.amount_out) == swap.amount_out);
      CHECK(after_of(next).tick == swap.tick_after);
      CHECK(compare(loaded.venue, loaded.file.model.pool, asked) == "");
    }
  }
  CHECK(count == 120);
  CHECK(errors > 0);
  CHECK(errors < count / 2);
}

TEST_CASE("the uniswap_v3 plugin equals the reference on pools recorded from the main network") {
  std::mt19937_64 random(seed);
  std::size_t answers = 0;
  for (FilePool& pool : file_pools(recorded)) {
    Loaded loaded(std::move(pool));
    INFO(loaded.file.name);
    for (const FileSwap& swap : loaded.file.swaps) {
      gantry_quote quote{};
      REQUIRE(loaded.venue.quote(swap_of(swap.zero_for_one, true, swap.amount), quote) ==
              GANTRY_OK);
      CHECK(to_integer(quote.amount_out) == swap.amount_out);
      ++answers;
    }
    for (int i = 0; i < 300; ++i) {
      const bool zero_for_one = (random() & 1U) != 0;
      const bool exact_in = (random() & 1U) != 0;
      const Integer amount = (Integer(random()) << static_cast<unsigned>(random() % 60)) + 1;
      INFO((zero_for_one ? "token 0 in, " : "token 1 in, ")
           << (exact_in ? "in " : "out ") << amount);
      REQUIRE(compare(loaded.venue, loaded.file.model.pool,
                      swap_of(zero_for_one, exact_in, amount)) == "");
    }
  }
  CHECK(answers == 2);
}

TEST_CASE("a uniswap_v3 quote on an overlay is that of the pool after the swap") {
  std::mt19937_64 random(seed + 1);
  Loaded loaded(file_pools(recorded).at(0));
  ReferencePool3 pool = loaded.file.model.pool;
  Overlay at;
  for (int i = 0; i < 60; ++i) {
    const bool zero_for_one = (random() & 1U) != 0;
    const Integer amount = Integer(random() >> 20U) * (zero_for_one ? 1 : 10'000'000'000) + 1;
    gantry_quote quote{};
    Overlay next;
    REQUIRE(loaded.venue.quote(swap_of(zero_for_one, true, amount), quote,
                               at.empty() ? nullptr : &at, &next) == GANTRY_OK);
    const ReferenceSwap wanted = pool.swap(zero_for_one, true, amount);
    REQUIRE(to_integer(quote.amount_out) == wanted.amount_out);
    at = next;
    const KnownPool after = after_of(at);
    REQUIRE(after.sqrt == pool.sqrt);
    REQUIRE(after.tick == pool.tick);
    REQUIRE(after.liquidity == pool.liquidity);
  }
  // And limits, segments and view are of that pool.
  gantry_swap_limits limits{};
  REQUIRE(loaded.venue.limits(0, 1, limits, &at) == GANTRY_OK);
  const ReferenceSwap most = ReferencePool3(pool).swap(true, true, to_integer(limits.in_max));
  CHECK(most.whole);
  CHECK(most.amount_out == to_integer(limits.out_max));
  CHECK_FALSE(ReferencePool3(pool).swap(true, true, to_integer(limits.in_max) + 1).whole);
  CHECK(ReferencePool3(pool).swap(true, true, to_integer(limits.in_min)).amount_out > 0);
  CHECK(ReferencePool3(pool).swap(true, true, to_integer(limits.in_min) - 1).amount_out == 0);
  std::uint32_t fee = 0;
  std::vector<Integer> balances;
  REQUIRE(loaded.venue.view(fee, balances, &at) == GANTRY_OK);
  CHECK(fee == 3000);
  CHECK(balances.at(1) == to_integer(limits.out_max));
}

TEST_CASE("uniswap_v3 segments follow the pool from range to range") {
  Loaded loaded(file_pools(recorded).at(0));
  for (const bool zero_for_one : {true, false}) {
    std::vector<gantry_segment> rows;
    const std::uint32_t in = zero_for_one ? 0 : 1;
    REQUIRE(loaded.venue.segments(in, 1 - in, 6, rows) == GANTRY_OK);
    REQUIRE(rows.size() == 6);
    ReferencePool3 pool = loaded.file.model.pool;
    for (const gantry_segment& row : rows) {
      CHECK(row.flags == 0);  // near, not exact
      CHECK(row.fee == 3000);
      const Integer end = to_integer(row.in_end) - 1;
      const Integer half = end / 2;
      ReferencePool3 there = pool;
      const ReferenceSwap swap = there.swap(zero_for_one, true, half);
      const Integer kept = half * (row.fee_denominator - row.fee);
      const Integer pays = kept * to_integer(row.reserve_out) /
                           (to_integer(row.reserve_in) * row.fee_denominator + kept);
      const Integer off = pays > swap.amount_out ? Integer(pays - swap.amount_out)
                                                 : Integer(swap.amount_out - pays);
      CHECK(off <= swap.amount_out / 1'000'000 + 3);
      const ReferenceSwap all = pool.swap(zero_for_one, true, end);
      CHECK(all.crossings == 1);
    }
  }
}

TEST_CASE("a uniswap_v3 quote's price impact is how far the price was left behind") {
  Loaded loaded(file_pools(recorded).at(0));
  gantry_swap swap = swap_of(true, true, Integer(1'000'000'000));  // 10 WBTC
  swap.wants = GANTRY_WANT_IMPACT;
  gantry_quote quote{};
  REQUIRE(loaded.venue.quote(swap, quote) == GANTRY_OK);
  CHECK(quote.price_impact > 0);
  CHECK(quote.price_impact < 0.2);
  const double small = quote.price_impact;
  swap.amount = to_amount(2'000'000'000);
  REQUIRE(loaded.venue.quote(swap, quote) == GANTRY_OK);
  CHECK(quote.price_impact > small);
}

TEST_CASE("uniswap_v3 pools that no factory makes are refused by name") {
  V3Venue venue(whole);
  const std::string low = "0x1000000000000000000000000000000000000000";
  const std::string high = "0x2000000000000000000000000000000000000000";
  CHECK(venue.open_pool(low, {{high}, {low}}) == GANTRY_REFUSED);
  CHECK(venue.refusal() == "token 0 of a pool of Uniswap V3 is the one with the lower address");
  CHECK(venue.open_pool(low, {{low}}) == GANTRY_REFUSED);
  CHECK(venue.open_pool(low, {{low}, {high}, {high}}) == GANTRY_REFUSED);
  CHECK(venue.open_pool("0x" + std::string(64, '1'), {{low}, {high}}) == GANTRY_REFUSED);
  CHECK(venue.refusal() == "a pool of Uniswap V3 has an EVM address");
  CHECK_THROWS_WITH(V3Venue({{"factory", std::string("0x12")}}),
                    Catch::Contains("factory = \"0x12\" is no address"));
  CHECK_THROWS_WITH(V3Venue({{"router", std::string("uniswap")}}),
                    Catch::Contains("router = \"uniswap\" is no address"));

  // A pool that answers all, with one answer changed.
  const FilePool file = file_pools(published).at(1);
  const auto load_with = [&](const std::string& selector,
                             const std::string& answer) -> gantry_status {
    venue.open(file.model);
    for (std::uint32_t round = 0; round < 8; ++round) {
      std::vector<EmittedRequest> asked;
      const gantry_status more = venue.requests(round, asked);
      std::vector<OwnedFact> facts;
      for (const EmittedRequest& request : asked) {
        if (request.source == GANTRY_SOURCE_EVM_LOG) continue;
        const bool changed = request.payload.starts_with(selector);
        facts.push_back(fact_of(request, changed ? answer : file.model.answer(request.payload)));
      }
      const gantry_status status = facts.empty() ? GANTRY_OK : venue.apply(facts);
      if (status != GANTRY_OK && status != GANTRY_NEED_STATE) return status;
      if (more == GANTRY_OK) return status;
    }
    return GANTRY_NEED_STATE;
  };
  const std::string slot0 = file.model.answer("0x3850c7bd");
  CHECK(load_with("0xffffffff", "") == GANTRY_OK);
  CHECK(load_with("0x3850c7bd", slot0.substr(0, 2 + 6 * 64)) == GANTRY_REFUSED);  // six words
  CHECK(load_with("0x3850c7bd", slot0.substr(0, slot0.size() - 2)) == GANTRY_BAD_STATE);
  CHECK(load_with("0x3850c7bd", "0x") == GANTRY_BAD_STATE);
  // A tick that is not the price's.
  CHECK(load_with("0x3850c7bd", slot0.substr(0, 2 + 64) + word(77) + slot0.substr(2 + 128)) ==
        GANTRY_BAD_STATE);
  CHECK(load_with("0xddca3f43", hex_word(1'000'000)) == GANTRY_REFUSED);
  CHECK(load_with("0xddca3f43", hex_word(Integer(1) << 24)) == GANTRY_BAD_STATE);
  CHECK(load_with("0xd0c93a7c", hex_word(0)) == GANTRY_REFUSED);
  CHECK(load_with("0xd0c93a7c", hex_word(16384)) == GANTRY_REFUSED);
  CHECK(load_with("0x1698ee82", hex_word(5)) == GANTRY_REFUSED);   // another pool of the factory
  CHECK(load_with("0x22afcccb", hex_word(10)) == GANTRY_REFUSED);  // the fee's spacing is another
  CHECK(load_with("0x1a686502", hex_word(Integer(1) << 128)) == GANTRY_BAD_STATE);
  // A bit beyond the last tick, and a tick that is set without liquidity.
  CHECK(load_with("0xf30dba93", "0x" + std::string(8 * 64, '0')) == GANTRY_BAD_STATE);
  CHECK(load_with("0x5339c296", "0x") == GANTRY_BAD_STATE);
}

TEST_CASE("a uniswap_v3 pool that is not initialized quotes nothing until it is") {
  FilePool file = file_pools(published).at(1);
  const Integer sqrt = file.model.pool.sqrt;
  file.model.pool.sqrt = 0;
  file.model.pool.liquidity = 0;
  V3Venue venue(whole);
  venue.open(file.model);
  REQUIRE(venue.refresh_from(file.model, 5) == GANTRY_OK);
  gantry_quote quote{};
  CHECK(venue.quote(swap_of(true, true, 1000), quote) == GANTRY_NO_LIQUIDITY);
  ChainLog log;
  log.emitter = file.model.address;
  std::vector<EmittedRequest> asked;
  venue.requests(0, asked);
  for (const EmittedRequest& request : asked) {
    if (request.payload.starts_with("0x98636036")) log.topics = request.payload;
  }
  REQUIRE(log.topics.size() == 66);
  log.data = hex_word(sqrt) + signed_word(0);
  log.block = 6;
  CHECK(venue.apply_logs({log}) == GANTRY_NEED_STATE);
  CHECK(venue.quote(swap_of(true, true, 1000), quote) == GANTRY_NEED_STATE);
}

TEST_CASE("uniswap_v3 state that is cut or random is an error") {
  std::mt19937_64 random(seed + 2);
  Loaded loaded(file_pools(published).at(6));
  V3Venue& venue = loaded.venue;
  const StateBytes good = venue.state_bytes();
  gantry_quote quote{};
  const gantry_swap large = swap_of(true, true, Integer(1) << 62);
  REQUIRE(venue.quote(large, quote) == GANTRY_OK);
  const auto ask_all = [&] {
    gantry_swap_limits limits{};
    std::vector<gantry_segment> rows;
    std::uint32_t fee = 0;
    std::vector<Integer> balances;
    Overlay next;
    for (const std::uint32_t in : {0U, 1U}) {
      venue.limits(in, 1 - in, limits);
      venue.segments(in, 1 - in, 4, rows);
      venue.quote(swap_of(in == 0, false, 12345), quote, nullptr, &next);
    }
    venue.view(fee, balances);
    std::vector<EmittedRequest> asked;
    for (const std::uint32_t round : {0U, 1U, 2U}) venue.requests(round, asked);
  };
  // Every length of the first chunk, and many of the others: one direction or the other goes there.
  for (std::size_t size = 0; size < good[0].size(); ++size) {
    StateBytes cut = good;
    cut[0].resize(size);
    venue.set_state_bytes(cut);
    REQUIRE(venue.quote(large, quote) == GANTRY_BAD_STATE);
  }
  gantry_swap_limits most[2]{};
  for (const std::uint32_t in : {0U, 1U}) {
    venue.set_state_bytes(good);
    REQUIRE(venue.limits(in, 1 - in, most[in]) == GANTRY_OK);
  }
  for (std::size_t chunk = 1; chunk < good.size(); ++chunk) {
    if (good[chunk].empty()) continue;
    for (int i = 0; i < 20; ++i) {
      StateBytes cut = good;
      cut[chunk].resize(1 + random() % (good[chunk].size() - 1));
      venue.set_state_bytes(cut);
      // What a quote needs may stand elsewhere too; what all there is comes to does not.
      int refused = 0;
      for (const std::uint32_t in : {0U, 1U}) {
        const gantry_status status =
            venue.quote(swap_of(in == 0, true, to_integer(most[in].in_max)), quote);
        REQUIRE((status == GANTRY_OK || status == GANTRY_BAD_STATE));
        if (status == GANTRY_OK) {
          CHECK(to_integer(quote.amount_out) == to_integer(most[in].out_max));
        }
        gantry_swap_limits limits{};
        refused += venue.limits(in, 1 - in, limits) == GANTRY_BAD_STATE ? 1 : 0;
      }
      CHECK(refused > 0);
      ask_all();
    }
  }
  // Random bytes that are not a pool's, and a pool's with some of them changed: no crash, and
  // nothing that hangs.
  for (int i = 0; i < 300; ++i) {
    StateBytes spoilt = good;
    for (auto& chunk : spoilt) {
      if (i % 3 == 0) {
        for (auto& byte : chunk) byte = static_cast<std::uint8_t>(random());
      } else if (!chunk.empty()) {
        for (int j = 0; j < 8; ++j) {
          chunk[random() % chunk.size()] = static_cast<std::uint8_t>(random());
        }
      }
    }
    venue.set_state_bytes(spoilt);
    const gantry_status status = venue.quote(large, quote);
    if (i % 3 == 0) REQUIRE(status == GANTRY_BAD_STATE);
    ask_all();
    std::vector<OwnedFact> facts;
    EmittedRequest request;
    request.source = GANTRY_SOURCE_EVM_CALL;
    request.target = loaded.file.model.address;
    request.tag = 0x10000000;
    facts.push_back(fact_of(request, hex_word(random())));
    venue.apply(facts);
  }
  venue.set_state_bytes(good);
  CHECK(venue.quote(large, quote) == GANTRY_OK);
  // Overlays of the wrong size or kind.
  Overlay next;
  REQUIRE(venue.quote(large, quote, nullptr, &next) == GANTRY_OK);
  Overlay cut(next.begin(), next.end() - 1);
  CHECK(venue.quote(large, quote, &cut) == GANTRY_BAD_STATE);
  for (auto& byte : next) byte = 0x5a;
  CHECK(venue.quote(large, quote, &next) == GANTRY_BAD_STATE);
}

TEST_CASE("a stop of a uniswap_v3 pool whose bytes were changed is not used") {
  Loaded loaded(file_pools(published).at(6));
  V3Venue& venue = loaded.venue;
  const StateBytes good = venue.state_bytes();
  for (const std::uint32_t in : {0U, 1U}) {
    gantry_swap_limits most{};
    venue.set_state_bytes(good);
    REQUIRE(venue.limits(in, 1 - in, most) == GANTRY_OK);
    const gantry_swap swap = swap_of(in == 0, true, to_integer(most.in_max));
    gantry_quote whole{};
    REQUIRE(venue.quote(swap, whole) == GANTRY_OK);
    REQUIRE(whole.crossings > 0);
    int refused = 0;
    for (std::size_t at = offsetof(uniswap_v3::Head, edges);
         at < offsetof(uniswap_v3::Head, read_block); ++at) {
      StateBytes spoilt = good;
      spoilt[0][at] ^= 0x10;
      venue.set_state_bytes(spoilt);
      gantry_quote quote{};
      const gantry_status status = venue.quote(swap, quote);
      if (status == GANTRY_BAD_STATE) {
        ++refused;
        continue;
      }
      REQUIRE(status == GANTRY_OK);
      REQUIRE(to_integer(quote.amount_out) == to_integer(whole.amount_out));
      REQUIRE(to_integer(quote.fee) == to_integer(whole.fee));
    }
    CHECK(refused > 0);
  }
}

TEST_CASE("uniswap_v3 logs that no pool gives are refused, and the state stays") {
  Loaded loaded(file_pools(published).at(1));
  V3Venue& venue = loaded.venue;
  const StateBytes before = venue.state_bytes();
  std::vector<EmittedRequest> asked;
  venue.requests(0, asked);
  const auto topic = [&](const std::string& begins) {
    for (const EmittedRequest& request : asked) {
      if (request.payload.starts_with(begins)) return request.payload;
    }
    throw std::runtime_error("no standing request for " + begins);
  };
  const std::string swap = topic("0xc42079f9");
  const std::string mint = topic("0x7a53080b");
  const std::string burn = topic("0x0c396cd9");
  const auto apply = [&](const std::string& topics, const std::string& data) {
    return venue.apply_logs({{.emitter = loaded.file.model.address,
                              .topics = topics,
                              .data = data,
                              .block = 9,
                              .index = 1}});
  };
  const std::string who = word(1) + word(2);
  const Integer one = Integer(1) << 96;
  CHECK(apply(swap + who, "0x" + word(5) + word(5) + word(one) + word(7)) == GANTRY_BAD_STATE);
  CHECK(apply(swap + who, "0x" + word(5) + word(5) + word(0) + word(7) + word(0)) ==
        GANTRY_BAD_STATE);
  CHECK(apply(swap + who, "0x" + word(5) + word(5) + word(one) + word(7) + word(600)) ==
        GANTRY_BAD_STATE);
  CHECK(apply(swap + who, "0x" + word(5) + word(5) + word(one << 70) + word(7) + word(0)) ==
        GANTRY_BAD_STATE);
  const std::string ticks = word(1) + signed_word(-60) + signed_word(60);
  CHECK(apply(mint + word(1) + signed_word(60) + signed_word(-60),
              "0x" + word(1) + word(5) + word(1) + word(1)) == GANTRY_BAD_STATE);
  CHECK(apply(mint + word(1) + signed_word(-61) + signed_word(60),
              "0x" + word(1) + word(5) + word(1) + word(1)) == GANTRY_BAD_STATE);
  CHECK(apply(mint + ticks, "0x" + word(1) + word(5) + word(1)) == GANTRY_BAD_STATE);
  CHECK(apply(burn + ticks, "0x" + word(5) + word(1) + word(1)) == GANTRY_BAD_STATE);  // has none
  CHECK(venue.state_bytes() == before);
  // Other logs of the pool change nothing.
  CHECK(apply(hex_word(Integer(77) << 200), "0x" + word(1)) == GANTRY_OK);
  CHECK(venue.state_bytes() == before);
  // What comes twice counts once, and a tick whose liquidity is burnt is no stop any more.
  CHECK(apply(mint + ticks, "0x" + word(1) + word(5) + word(1) + word(1)) == GANTRY_OK);
  const KnownPool minted = known_pool(venue.state_bytes());
  CHECK(minted.words.at(0).count(60) == 1);
  CHECK(apply(mint + ticks, "0x" + word(1) + word(5) + word(1) + word(1)) == GANTRY_OK);
  CHECK(known_pool(venue.state_bytes()).words == minted.words);
  CHECK(venue.apply_logs({{.emitter = loaded.file.model.address,
                           .topics = burn + ticks,
                           .data = "0x" + word(5) + word(1) + word(1),
                           .block = 9,
                           .index = 2}}) == GANTRY_OK);
  CHECK(known_pool(venue.state_bytes()).words == known_pool(before).words);
}

TEST_CASE("uniswap_v3 builds the pool's own swap where no router is named") {
  Loaded loaded(file_pools(recorded).at(0));
  V3Venue direct({{"router", std::string()}});
  direct.open(loaded.file.model);
  REQUIRE(direct.refresh_from(loaded.file.model, 5) == GANTRY_OK);
  CHECK((direct.traits().flags & GANTRY_POOL_CALLBACK) != 0);
  gantry_swap_order order{};
  order.swap = swap_of(false, true, 1000);
  order.recipient = to_address("0x00000000000000000000000000000000000000bb");
  std::vector<EmittedInstruction> calls;
  REQUIRE(direct.build_swap(order, calls) == GANTRY_OK);
  CHECK(calls.at(0).target == loaded.file.model.address);
  CHECK(calls.at(0).fields.input == GANTRY_INPUT_CALLBACK);
  CHECK(calls.at(0).fields.min_out_enforced == 0);
  CHECK(calls.at(0).data == "0x128acb08" + word(0xbb) + word(0) + word(1000) +
                                word(reference_sqrt_at(reference_tick_max) - 1) + word(160) +
                                word(0));
  V3Venue second({{"router_deadline", false}});
  second.open(loaded.file.model);
  REQUIRE(second.refresh_from(loaded.file.model, 5) == GANTRY_OK);
  calls.clear();
  REQUIRE(second.build_swap(order, calls) == GANTRY_OK);
  CHECK(calls.at(0).data.starts_with("0x04e45aaf"));
  CHECK(calls.at(0).data.size() == 2 + 8 + 7 * word_digits);
}

}  // namespace gantry::test

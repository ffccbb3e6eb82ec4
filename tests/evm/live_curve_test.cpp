// A pool of Curve's kind that is followed. Its contract is ours (contracts/StableMarket.sol), for
// no package has Curve's bytecode: this proves that the state that is followed through blocks and
// reorganizations is the chain's, not that the arithmetic is Curve's, which recorded answers prove.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

#include "evm/integer_words.hpp"
#include "evm/live_scene.hpp"
#include "evm/traded_curve.hpp"

namespace gantry::test {
namespace {

using host::MarketView;

constexpr std::uint64_t default_seed = 20261123;

std::uint64_t curve_seed() {
  const char* text = std::getenv("GANTRY_SEED");
  const std::uint64_t value = text == nullptr ? default_seed : std::strtoull(text, nullptr, 10);
  UNSCOPED_INFO("GANTRY_SEED=" << value);
  return value;
}

struct CurveScene {
  explicit CurveScene(std::uint64_t seed, const std::string& pin = {})
      : live([&](Anvil& chain) {
          traded = std::make_unique<TradedCurve>(chain, seed, pin);
          return files_of(*traded, chain.url());
        }) {}
  static LiveFiles files_of(const TradedCurve& traded, const std::string& url) {
    return {live_chain_section({.coin = traded.coin(0),
                                .dollar = traded.coin(1),
                                .url = url,
                                .block_time_s = TradedCurve::block_time_s}) +
                "[live]\npoll_ms = 10\naudit_every_blocks = 3\n",
            traded.venue_section(), "[strategies.triangular]\nenabled = false\n"};
  }

  std::unique_ptr<TradedCurve> traded;
  LiveScene live;
};

struct CurveCompared {
  std::size_t quotes = 0;
  std::size_t refused = 0;
  std::size_t while_ramping = 0;
};

// The state that was followed, one that a new feed reads now, and the contract.
void compare_pool(CurveScene& made, const Follower& follower, CurveCompared& count) {
  TradedCurve& traded = *made.traded;
  Follower fresh(made.live);
  fresh.go_to(block_number(made.live.chain()));
  const std::uint64_t time_s = follower.snapshot->context.execution_time_s;
  REQUIRE(fresh.snapshot->context.execution_time_s == time_s);
  MarketView views[2];
  views[0].bind(*follower.snapshot, {}, true);
  views[1].bind(*fresh.snapshot, {}, true);
  for (MarketView& each : views) {
    gantry_amount balances[2] = {};
    gantry_pool_view view{0, 2, balances};
    REQUIRE(each.view(0, view) == GANTRY_OK);
    CHECK(view.fee == 400);
    for (const std::uint32_t coin : {0U, 1U})
      CHECK(to_integer(balances[coin]) == traded.balance(coin));
  }
  std::vector<TradedCurve::Question> questions;
  for (const std::uint32_t in : {0U, 1U}) {
    for (unsigned bits = 0; bits < 120; bits += 4) questions.push_back({in, Integer(1) << bits});
    for (const unsigned share : {1'000U, 30U, 2U, 1U}) {
      questions.push_back({in, traded.balance(in) / share});
    }
  }
  const auto said = traded.ask_all("get_dy(int128,int128,uint256)", "", questions, time_s);
  const auto paid =
      traded.ask_all("exchange(int128,int128,uint256,uint256)", word(0), questions, time_s);
  const bool ramps = traded.ramps();
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const auto& [in, amount] = questions[i];
    const gantry_swap swap{to_amount(amount), in, 1 - in, GANTRY_EXACT_IN, 0};
    CAPTURE(in, amount, ramps);
    gantry_quote quotes[2] = {};
    const gantry_status one = views[0].quote(0, swap, quotes[0]);
    REQUIRE(views[1].quote(0, swap, quotes[1]) == one);
    CHECK(std::memcmp(&quotes[0], &quotes[1], sizeof(quotes[0])) == 0);
    // What pays nothing is no swap, though the contract lets it pass.
    if (!paid[i].accepted || word_at(paid[i].data, 0) == 0) {
      CHECK(one != GANTRY_OK);
      ++count.refused;
      continue;
    }
    REQUIRE(one == GANTRY_OK);
    CHECK(to_integer(quotes[0].amount_out) == word_at(paid[i].data, 0));
    REQUIRE(said[i].accepted);
    CHECK(to_integer(quotes[0].amount_out) == word_at(said[i].data, 0));
    ++count.quotes;
    count.while_ramping += ramps ? 1U : 0U;
  }
}

}  // namespace

TEST_CASE("a pool of Curve's kind is followed through a thousand blocks as a fresh read has it") {
  constexpr int rounds = 20;
  constexpr int blocks_between = 44;  // with those of the reorganizations above 1,000 blocks
  std::mt19937_64 random(curve_seed());
  CurveScene made(curve_seed() + 1);
  TradedCurve& traded = *made.traded;
  LiveScene& scene = made.live;
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  CurveCompared compared;
  std::size_t mined = 0;
  const auto trade = [&](int blocks) {
    for (int i = 0; i < blocks; ++i, ++mined) traded.trade();
    follower.go_to(block_number(scene.chain()));
    REQUIRE(follower.feed->status().pools_quarantined == 0);
    REQUIRE(follower.snapshot->topology->pools[0].use == host::PoolUse::usable);
  };
  for (int round = 0; round < rounds; ++round) {
    // A day of a ramp is 144 blocks: three rounds.
    if (round % 5 == 1) traded.ramp(round % 2 == 0 ? 100 : 900);
    trade(blocks_between);
    compare_pool(made, follower, compared);
    const std::string before = scene.snapshot();
    const int depth = 1 + static_cast<int>(random() % 6);
    trade(depth);
    scene.revert(before);
    trade(depth + 1);
    compare_pool(made, follower, compared);
  }
  const host::LiveStatus status = follower.feed->status();
  CHECK(mined >= 1000);
  CHECK(status.reorganizations == rounds);
  CHECK(status.fresh_reads == 0);
  CHECK(traded.tally.exchanges >= 500);
  CHECK(traded.tally.adds >= 100);
  CHECK(traded.tally.removals >= 50);
  CHECK(traded.tally.unbalanced >= 100);
  CHECK(compared.quotes >= rounds * std::size_t{60});
  CHECK(compared.refused >= rounds);
  CHECK(compared.while_ramping >= compared.quotes / 4);
}

TEST_CASE("a followed pool of Curve's kind whose code is not the pinned one is refused") {
  CurveScene made(curve_seed() + 2, "0x" + std::string(64, '7'));
  LiveScene& scene = made.live;
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.snapshot->topology->pools[0].use != host::PoolUse::usable);
  MarketView view;
  view.bind(*follower.snapshot, {}, true);
  gantry_quote quote{};
  CHECK(view.quote(0, {to_amount(1'000'000), 0, 1, GANTRY_EXACT_IN, 0}, quote) != GANTRY_OK);
}

}  // namespace gantry::test

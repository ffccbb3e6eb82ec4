// A real Uniswap V3 pool that is followed: the price leaves the words of ticks that a state knows,
// so one kept by logs and one read fresh know different ones, and neither is wrong.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <random>

#include "evm/integer_words.hpp"
#include "evm/live_scene.hpp"
#include "evm/traded_v3.hpp"

namespace gantry::test {
namespace {

using host::MarketView;

constexpr std::uint64_t default_seed = 20261122;

std::uint64_t seed() {
  const char* text = std::getenv("GANTRY_SEED");
  const std::uint64_t value = text == nullptr ? default_seed : std::strtoull(text, nullptr, 10);
  UNSCOPED_INFO("GANTRY_SEED=" << value);
  return value;
}

struct V3Scene {
  explicit V3Scene(std::uint64_t seed)
      : live([&](Anvil& chain) {
          traded = std::make_unique<TradedV3>(chain, seed);
          return files_of(*traded, chain.url());
        }) {}
  static LiveFiles files_of(const TradedV3& traded, const std::string& url) {
    return {live_chain_section({.coin = traded.token(0), .dollar = traded.token(1), .url = url}) +
                "[live]\npoll_ms = 10\naudit_every_blocks = 3\n",
            traded.venue_section(), "[strategies.triangular]\nenabled = false\n"};
  }

  std::unique_ptr<TradedV3> traded;
  LiveScene live;
};

struct Compared {
  std::size_t quotes = 0;          // that both states give
  std::size_t knowing_unlike = 0;  // states that know different words, by what they can pay
};

// The state that was kept, one that a new feed reads now, and the pool itself.
void compare_with_the_chain(V3Scene& made, const Follower& follower, Compared& count) {
  TradedV3& traded = *made.traded;
  Follower fresh(made.live);
  fresh.go_to(block_number(made.live.chain()));
  MarketView views[2];
  views[0].bind(*follower.snapshot, {}, true);
  views[1].bind(*fresh.snapshot, {}, true);
  gantry_amount balances[2][2] = {};
  for (int i = 0; i < 2; ++i) {
    gantry_pool_view view{0, 2, balances[i]};
    REQUIRE(views[i].view(0, view) == GANTRY_OK);
    CHECK(view.fee == 100);
  }
  count.knowing_unlike += to_integer(balances[0][0]) != to_integer(balances[1][0]) ||
                                  to_integer(balances[0][1]) != to_integer(balances[1][1])
                              ? 1U
                              : 0U;
  std::vector<SwapQuestion> questions;
  for (unsigned bits = 10; bits < 84; bits += 3) {
    for (const bool falls : {true, false}) {
      for (const bool exact_in : {true, false}) {
        questions.push_back({falls, exact_in, Integer(1) << bits});
      }
    }
  }
  const std::vector<ProbedSwap> contract = traded.contracts().probe(traded.pool(), questions);
  for (std::size_t i = 0; i < questions.size(); ++i) {
    const SwapQuestion& question = questions[i];
    const std::uint32_t in = question.zero_for_one ? 0 : 1;
    const gantry_swap swap{to_amount(question.amount), in, 1 - in,
                           question.exact_in ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT, 0};
    CAPTURE(in, question.exact_in, question.amount);
    gantry_quote quotes[2] = {};
    const gantry_status one = views[0].quote(0, swap, quotes[0]);
    const gantry_status other = views[1].quote(0, swap, quotes[1]);
    if (one == GANTRY_NEED_STATE || other == GANTRY_NEED_STATE) continue;
    REQUIRE(one == other);
    if (one != GANTRY_OK) continue;
    ++count.quotes;
    for (const gantry_quote& quote : quotes) {
      CHECK(to_integer(quote.amount_in) == contract[i].amount_in);
      CHECK(to_integer(quote.amount_out) == contract[i].amount_out);
    }
    CHECK(to_integer(quotes[0].fee) == to_integer(quotes[1].fee));
  }
}

}  // namespace

TEST_CASE("audits of a V3 pool whose price leaves the known ticks find nothing, as is right") {
  constexpr int rounds = 20;
  constexpr int blocks_between = 44;  // with those of the reorganizations above 1,000 blocks
  std::mt19937_64 random(seed());
  V3Scene made(seed() + 1);
  TradedV3& traded = *made.traded;
  LiveScene& scene = made.live;
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  Compared compared;
  std::size_t mined = 0;
  const auto trade = [&](int blocks) {
    for (int i = 0; i < blocks; ++i, ++mined) traded.trade();
    follower.go_to(block_number(scene.chain()));
    REQUIRE(follower.feed->status().pools_quarantined == 0);
  };
  for (int round = 0; round < rounds; ++round) {
    trade(blocks_between);
    const auto positions = traded.positions;
    const std::string before = scene.snapshot();
    const int depth = 1 + static_cast<int>(random() % 6);
    trade(depth);
    scene.revert(before);
    traded.positions = positions;
    trade(depth + 1);
    compare_with_the_chain(made, follower, compared);
  }
  const host::LiveStatus status = follower.feed->status();
  CHECK(mined >= 1000);
  CHECK(status.reorganizations == rounds);
  CHECK(status.fresh_reads == 0);
  CHECK(status.pools_audited >= mined / 4);
  CHECK(traded.words_left >= 100);
  CHECK(compared.quotes >= rounds * std::size_t{40});
  CHECK(compared.knowing_unlike >= rounds / 2);
}

TEST_CASE("an audit of a V3 pool finds liquidity that no log told of and keeps the pool out") {
  V3Scene made(seed() + 2);
  TradedV3& traded = *made.traded;
  LiveScene& scene = made.live;
  TemporaryFolder cases;
  scene.configuration().live.cases = cases / "audit";
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  for (int i = 0; i < 30; ++i) traded.trade();
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.feed->status().pools_audited >= 9);
  CHECK(follower.feed->status().pools_quarantined == 0);

  // The pool's liquidity() by force, a millionth more. Neither state knows all ticks: quotes tell.
  Deployer& deployer = traded.contracts().deployer();
  const Integer liquidity =
      word_at(deployer.read(traded.pool(), deployer.selector("liquidity()")), 0);
  boost::json::array params;
  params.push_back(boost::json::string(traded.pool()));
  params.push_back(boost::json::string(hex_word(4)));
  params.push_back(boost::json::string(hex_word(liquidity + liquidity / 1'000'000)));
  scene.chain().call("anvil_setStorageAt", std::move(params));
  for (int i = 0; i < 6; ++i) scene.chain().call("evm_mine");
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.feed->status().pools_quarantined == 1);
  CHECK(follower.snapshot->topology->pools[0].use == host::PoolUse::quarantined);
  MarketView view;
  view.bind(*follower.snapshot, {}, true);
  gantry_quote quote{};
  CHECK(view.quote(0, {to_amount(1'000'000), 0, 1, GANTRY_EXACT_IN, 0}, quote) != GANTRY_OK);
  CHECK(std::filesystem::directory_iterator(cases / "audit") !=
        std::filesystem::directory_iterator());
}

}  // namespace gantry::test

// A real Uniswap V3 pool that is followed: the price leaves the words of ticks that a state knows,
// so one kept by logs and one read fresh know different ones, and neither is wrong.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>

#include "evm/integer_words.hpp"
#include "evm/live_scene.hpp"
#include "evm/uniswap_v3_contract.hpp"

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

// A pool of spacing 1, of whose ticks a word to either side of the price's is read.
class V3Traded {
 public:
  static constexpr int word_ticks = 256;
  static constexpr int reach = 8 * word_ticks;  // the price turns back there

  explicit V3Traded(std::uint64_t seed) : random_(seed) {
    mint({-reference_tick_max, reference_tick_max, depth});
  }

  LiveScene& scene() { return *scene_; }
  const std::string& pool() const { return pool_; }
  V3Chain& contracts() { return *contracts_; }

  struct Position {
    int lower = 0;
    int upper = 0;
    Integer liquidity;
  };

  // A swap, a mint or a burn in a block of its own.
  void trade() {
    const auto kind = random_() % 10;
    if (kind < 6) {
      swap();
    } else if (kind < 8 || positions.empty()) {
      const int lower = tick() + between(-2 * word_ticks, word_ticks);
      positions.push_back({lower, lower + between(1, 2 * word_ticks), part(depth, 1)});
      mint(positions.back());
    } else {
      const std::size_t at = random_() % positions.size();
      Position& position = positions[at];
      const Integer taken = random_() % 2 == 0 ? position.liquidity : part(position.liquidity, 1);
      contracts_->burn(pool_, position.lower, position.upper, taken);
      position.liquidity -= taken;
      if (position.liquidity == 0) positions.erase(positions.begin() + static_cast<long>(at));
    }
  }

  int tick() {
    Deployer& deployer = contracts_->deployer();
    const Integer tick = word_at(deployer.read(pool_, deployer.selector("slot0()")), 1);
    return (tick >> 255 == 0 ? tick : Integer(tick - (Integer(1) << 256))).convert_to<int>();
  }

  // Of liquidity that is everywhere: a swap of a hundredth of it moves the price by 200 ticks.
  const Integer depth = Integer(1) << 80;
  std::vector<Position> positions;  // but for the first
  int words_left = 0;               // swaps that ended in another word of ticks

 private:
  int between(int least, int most) {
    return least + static_cast<int>(random_() % static_cast<unsigned>(most - least + 1));
  }
  // More than nothing, at most one of `of`.
  Integer part(const Integer& value, unsigned of) {
    const Integer share = value * between(1, 1000) / (Integer(1000) * of);
    return share == 0 ? Integer(1) : share;
  }

  void mint(const Position& position) {
    contracts_->mint(pool_, position.lower, position.upper, position.liquidity);
  }

  void swap() {
    const int before = tick();
    const bool falls = std::abs(before) > reach ? before > 0 : random_() % 2 == 0;
    contracts_->swap(pool_, {falls, random_() % 2 == 0, part(depth, 25)});
    words_left += floor_quotient(before, word_ticks) != floor_quotient(tick(), word_ticks) ? 1 : 0;
  }

  LiveFiles make(Anvil& chain) {
    contracts_ = std::make_unique<V3Chain>(chain);
    pool_ = contracts_->create_pool(100, 1, Integer(1) << 96);
    return {
        fmt::format("[[chain]]\nid = \"eip155:31337\"\nname = \"anvil\"\nblock_time_s = 1\n"
                    "wrapped_native = \"{0}\"\nusd_tokens = [\"{1}\"]\n"
                    "[[chain.provider]]\nname = \"local\"\nurl = \"{2}\"\n"
                    "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
                    "[live]\npoll_ms = 10\naudit_every_blocks = 3\n"
                    "[plugins]\nfolders = [\"{3}\"]\n",
                    contracts_->token(0), contracts_->token(1), chain.url(), GANTRY_PLUGIN_FOLDER),
        fmt::format("[[dex]]\nname = \"uniswap_v3\"\nchain = \"eip155:31337\"\n"
                    "min_liquidity_usd = 0\nfactory = \"{}\"\nwords_around = 1\n"
                    "[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n",
                    contracts_->factory(), pool_, contracts_->token(0), contracts_->token(1)),
        "[strategies.triangular]\nenabled = false\n"};
  }

  std::mt19937_64 random_;
  std::unique_ptr<V3Chain> contracts_;
  std::string pool_;
  std::unique_ptr<LiveScene> scene_ =
      std::make_unique<LiveScene>([this](Anvil& chain) { return make(chain); });
};

struct Compared {
  std::size_t quotes = 0;          // that both states give
  std::size_t knowing_unlike = 0;  // states that know different words, by what they can pay
};

// The state that was kept, one that a new feed reads now, and the pool itself.
void compare_with_the_chain(V3Traded& traded, const Follower& follower, Compared& count) {
  Follower fresh(traded.scene());
  fresh.go_to(block_number(traded.scene().chain()));
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
  V3Traded traded(seed() + 1);
  LiveScene& scene = traded.scene();
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
    compare_with_the_chain(traded, follower, compared);
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
  V3Traded traded(seed() + 2);
  LiveScene& scene = traded.scene();
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

// A pool of Curve's kind that is followed. Its contract is ours (contracts/StableMarket.sol), for
// no package has Curve's bytecode: this proves that the state that is followed through blocks and
// reorganizations is the chain's, not that the arithmetic is Curve's, which recorded answers prove.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>
#include <random>

#include "evm/integer_words.hpp"
#include "evm/live_scene.hpp"
#include "evm/node_output.hpp"

namespace gantry::test {
namespace {

using host::MarketView;

constexpr std::uint64_t default_seed = 20261123;
constexpr std::uint64_t block_time_s = 600;  // so that a ramp of a day ends within the test
constexpr std::uint64_t ramp_s = 86'400;

std::uint64_t curve_seed() {
  const char* text = std::getenv("GANTRY_SEED");
  const std::uint64_t value = text == nullptr ? default_seed : std::strtoull(text, nullptr, 10);
  UNSCOPED_INFO("GANTRY_SEED=" << value);
  return value;
}

// A pool of two coins, of 18 and of 6 decimals, that is traded at random, a block each.
class CurveTraded {
 public:
  // `pin`: what the operator's metadata say of its code; empty: the hash that it has.
  explicit CurveTraded(std::uint64_t seed, std::string pin = {})
      : random_(seed), pin_(std::move(pin)) {}

  LiveScene& scene() { return *scene_; }

  struct Tally {
    int exchanges = 0;
    int adds = 0;
    int removals = 0;  // of both coins as they are
    int unbalanced = 0;
  };
  Tally tally;

  void trade() {
    const auto kind = random_() % 20;
    if (kind < 12) return exchange();
    if (kind < 15) return add();
    // A share in proportion, or of either coin what the trader likes.
    const Integer share = part(ask("balanceOf(address)", address_word(deployer_->account())), 30);
    if (kind < 17) {
      ++tally.removals;
      tell("remove_liquidity(uint256)", word(share));
    } else {
      ++tally.unbalanced;
      tell("remove_liquidity_imbalance(uint256[2],uint256)",
           word(part(balance(0), 50)) + word(part(balance(1), 50)) + word(share << 64));
    }
  }

  // From the A that there is to `a`, within a day and a block.
  void ramp(unsigned a) {
    tell("ramp_A(uint256,uint256)", word(a) + word(time() + block_time_s + ramp_s));
  }
  bool ramps() { return ask("future_A_time()", "") > time(); }

  Integer balance(std::uint32_t coin) { return ask("balances(uint256)", word(coin)); }

  struct Question {
    std::uint32_t in = 0;
    Integer amount;
  };
  // What get_dy() says in a block of that time, or that it reverts; and what exchange() pays there.
  std::vector<ChainAnswer> ask_all(const std::string& function, const std::string& more,
                                   const std::vector<Question>& questions, std::uint64_t time_s) {
    std::vector<RpcRequest> requests;
    for (const Question& each : questions) {
      const std::string data =
          selector(function) + word(each.in) + word(1 - each.in) + word(each.amount) + more;
      requests.push_back(
          {"eth_call",
           {boost::json::object{{"from", deployer_->account()}, {"to", pool_}, {"data", data}},
            "latest", boost::json::object{}, boost::json::object{{"time", hex_word(time_s)}}}});
    }
    std::vector<ChainAnswer> answers;
    for (const RpcAnswer& answer : scene_->chain().batch(requests)) {
      answers.push_back({.accepted = !answer.failure,
                         .data = answer.failure ? answer.failure->data : text_of(answer.result),
                         .reason = {}});
    }
    return answers;
  }

 private:
  std::string selector(const std::string& signature) { return deployer_->selector(signature); }
  Integer ask(const std::string& signature, const std::string& words) {
    return word_at(deployer_->read(pool_, selector(signature) + words), 0);
  }
  void tell(const std::string& signature, const std::string& words) {
    deployer_->send(pool_, selector(signature) + words);
  }
  std::uint64_t time() {
    const auto block = scene_->chain().call("eth_getBlockByNumber", {"latest", false});
    return to_integer(text_of(block.at("timestamp"))).convert_to<std::uint64_t>();
  }
  // More than nothing, at most one of `of`.
  Integer part(const Integer& value, unsigned of) {
    return value * (1 + random_() % 1000) / (Integer(1000) * of) + 1;
  }

  void exchange() {
    ++tally.exchanges;
    const Integer held[] = {balance(0), balance(1) * scale};
    auto in = static_cast<std::uint32_t>(random_() % 2);
    if (held[in] > 4 * held[1 - in]) in = 1 - in;
    tell("exchange(int128,int128,uint256,uint256)",
         word(in) + word(1 - in) + word(part(balance(in), 6)) + word(0));
  }
  void add() {
    ++tally.adds;
    const Integer first = random_() % 3 == 0 ? Integer(0) : part(balance(0), 15);
    const Integer second = first != 0 && random_() % 2 == 0 ? Integer(0) : part(balance(1), 15);
    tell("add_liquidity(uint256[2],uint256)", word(first) + word(second) + word(0));
  }

  LiveFiles make(Anvil& chain) {
    chain.call("anvil_setBlockTimestampInterval", {block_time_s});
    deployer_ = std::make_unique<Deployer>(chain);
    const auto codes =
        boost::json::parse(node_output("compile_all.mjs", "StableMarket")).as_object();
    std::string coins[2];
    for (const int i : {0, 1}) {
      coins[i] = deployer_->deploy(text_of(codes.at("Coin")) + word(i == 0 ? 18 : 6));
    }
    constexpr unsigned a = 200;
    constexpr unsigned fee = 4'000'000;  // of 10^10
    constexpr std::uint64_t admin_fee = 5'000'000'000;
    pool_ = deployer_->deploy(text_of(codes.at("StablePool")) + address_word(coins[0]) +
                              address_word(coins[1]) + word(a) + word(fee) + word(admin_fee));
    const Integer plenty = Integer(1) << 120;
    for (const std::string& coin : coins) {
      deployer_->send(coin, selector("mint(address,uint256)") + address_word(deployer_->account()) +
                                word(plenty));
      deployer_->send(coin, selector("approve(address,uint256)") + address_word(pool_) +
                                word((Integer(1) << 256) - 1));
    }
    const Integer millions = 3'000'000;
    tell("add_liquidity(uint256[2],uint256)",
         word(millions * 1'000'000 * scale) + word(millions * 1'000'000) + word(0));
    if (pin_.empty()) pin_ = deployer_->sha3(deployer_->code_of(pool_));
    return {
        fmt::format("[[chain]]\nid = \"eip155:31337\"\nname = \"anvil\"\nblock_time_s = {3}\n"
                    "wrapped_native = \"{0}\"\nusd_tokens = [\"{1}\"]\n"
                    "[[chain.provider]]\nname = \"local\"\nurl = \"{2}\"\n"
                    "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
                    "[live]\npoll_ms = 10\naudit_every_blocks = 3\n"
                    "[plugins]\nfolders = [\"{4}\"]\n",
                    coins[0], coins[1], chain.url(), block_time_s, GANTRY_PLUGIN_FOLDER),
        fmt::format("[[dex]]\nname = \"curve\"\nchain = \"eip155:31337\"\nmin_liquidity_usd = 0\n"
                    "[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n"
                    "metadata = \"variant=base code_hash={}\"\n",
                    pool_, coins[0], coins[1], pin_),
        "[strategies.triangular]\nenabled = false\n"};
  }

  const Integer scale = Integer(1'000'000'000'000);  // between the decimals of the two
  std::mt19937_64 random_;
  std::string pin_;
  std::unique_ptr<Deployer> deployer_;
  std::string pool_;
  std::unique_ptr<LiveScene> scene_ =
      std::make_unique<LiveScene>([this](Anvil& chain) { return make(chain); });
};

struct CurveCompared {
  std::size_t quotes = 0;
  std::size_t refused = 0;
  std::size_t while_ramping = 0;
};

// The state that was followed, one that a new feed reads now, and the contract.
void compare_pool(CurveTraded& traded, const Follower& follower, CurveCompared& count) {
  Follower fresh(traded.scene());
  fresh.go_to(block_number(traded.scene().chain()));
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
  std::vector<CurveTraded::Question> questions;
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
  CurveTraded traded(curve_seed() + 1);
  LiveScene& scene = traded.scene();
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
    compare_pool(traded, follower, compared);
    const std::string before = scene.snapshot();
    const int depth = 1 + static_cast<int>(random() % 6);
    trade(depth);
    scene.revert(before);
    trade(depth + 1);
    compare_pool(traded, follower, compared);
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
  CurveTraded traded(curve_seed() + 2, "0x" + std::string(64, '7'));
  LiveScene& scene = traded.scene();
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.snapshot->topology->pools[0].use != host::PoolUse::usable);
  MarketView view;
  view.bind(*follower.snapshot, {}, true);
  gantry_quote quote{};
  CHECK(view.quote(0, {to_amount(1'000'000), 0, 1, GANTRY_EXACT_IN, 0}, quote) != GANTRY_OK);
}

}  // namespace gantry::test

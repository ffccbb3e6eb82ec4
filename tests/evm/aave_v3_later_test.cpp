// Quotes of the aave_v3 plugin against today's market, compiled from Aave's own sources: what is
// quoted is repaid and paid to the unit, and what is refused the market refuses, takes less of, or
// takes for the last of a debt or a collateral.
//
// GANTRY_TEST_AAVE_SOURCES  the folder of another release's sources, as of one that is no package
#include <algorithm>
#include <catch2/catch.hpp>
#include <iostream>

#include "evm/aave_v3_scene.hpp"

namespace gantry::test {
namespace {

constexpr int mode_of_all = 1;  // efficiency modes: which reserves are their collateral
constexpr int mode_of_some = 2;

std::string later_sources() {
  const char* folder = std::getenv("GANTRY_TEST_AAVE_SOURCES");
  return folder == nullptr ? std::string() : folder;
}

struct LaterTally {
  int equal = 0;    // liquidations that took and paid what was quoted
  int after = 0;    // next states that the chain reached
  int refused = 0;  // amounts that are not quoted, and that the market does not take so
  int dust = 0;     // of these such as would leave too little
  int cleared = 0;  // or that clear a debt or a collateral
  int quoted = 0;   // positions
  int half = 0;     // bounded by half of what the account owes
  int small = 0;    // under water and not quoted: nothing may be left
  int in_mode = 0;
  int shared = 0;  // of accounts with several debts or collaterals
  int healthy = 0;
};

// One position, as the chain is, and quotes of it at times that the test names.
class Later {
 public:
  Later(AaveScene& scene, PluginVenue& venue, const EmittedPool& position, LaterTally& tally)
      : scene_(scene), venue_(venue), position_(position), tally_(tally), now_(scene.time()) {}

  // In a block that comes `later_s` after the chain's, and no later than `expected_s`.
  void compare(std::uint64_t later_s, std::uint64_t expected_s, const Integer& amount) {
    // Of a block whose time is certain all is told; else what holds at both times.
    const bool is_certain = later_s == expected_s;
    set_times(now_ + (is_certain ? later_s : 0), now_ + expected_s);
    gantry_quote quote{};
    Overlay next;
    const auto status = venue_.quote(repay(amount), quote, nullptr, &next);
    const ChainMoment moment(scene_.chain.chain());
    scene_.next_block_at(now_ + later_s);
    const auto paid = scene_.liquidate(position_, AaveScene::account_of(position_), amount);
    INFO("amount " << amount << ", status " << status << ", " << scene_.last_revert);
    if (status != GANTRY_OK) {
      CHECK((status == GANTRY_OUT_OF_RANGE || status == GANTRY_NO_LIQUIDITY));
      ++tally_.refused;
      if (!paid) {
        if (scene_.last_revert.find(dust_error()) != std::string::npos) ++tally_.dust;
        return;
      }
      const bool is_cleared = owed() == 0 || lent() <= 1;
      if (is_certain) CHECK((is_cleared || paid->repaid < amount));
      if (is_cleared) ++tally_.cleared;
      return;
    }
    REQUIRE(paid);
    REQUIRE(paid->paid == to_integer(quote.amount_out));
    REQUIRE(paid->repaid == amount);
    CHECK(amount == to_integer(quote.amount_in));
    ++tally_.equal;
    if (!is_certain) return;
    scene_.check_next(position_, next);
    ++tally_.after;
  }
  void compare_at(std::uint64_t later_s, const Integer& amount) {
    compare(later_s, later_s, amount);
  }

  void compare(SeededRandom& draw) {
    set_times(now_, now_ + 12);
    gantry_swap_limits limits{};
    const auto status = venue_.limits(0, 1, limits);
    const Integer health = scene_.market.account_data(AaveScene::account_of(position_))[5];
    if (status != GANTRY_OK) {
      CHECK(status == GANTRY_NO_LIQUIDITY);
      if (health > wad - wad / 10'000) {
        ++tally_.healthy;
        return;
      }
      // Nothing leaves enough.
      ++tally_.small;
      for (int i = 0; i < 4; ++i) compare_at(4, draw.below(2 * owed()) + 1);
      return;
    }
    CHECK(health < wad);
    ++tally_.quoted;
    const Integer least = to_integer(limits.in_min);
    const Integer most = to_integer(limits.in_max);
    if (most < owed() * 3 / 4 && health > wad * 95 / 100) ++tally_.half;
    std::vector<Integer> amounts = {least, most, most + 1};
    for (unsigned i = 0; i < 4; ++i) {
      amounts.push_back(least + draw.below(most - least + 1));
      amounts.push_back(least + draw.below((most - least) / power_of_ten(2 * i) + 1));
    }
    for (const Integer& amount : amounts) {
      compare(static_cast<std::uint64_t>(draw.between(1, 11)), 12, amount);
    }
    // At one time: the edges themselves, and both sides of each.
    const auto at = static_cast<std::uint64_t>(draw.between(1, 12));
    set_times(now_ + at, now_ + at);
    if (venue_.limits(0, 1, limits) != GANTRY_OK) return;
    const Integer first = to_integer(limits.in_min);
    const Integer last = to_integer(limits.in_max);
    amounts = {first, first - 1, last, last + 1, last + last / 100 + 1, owed(), 2 * owed() + 5};
    for (int i = 0; i < 4; ++i) amounts.push_back(first + draw.below(last - first + 1));
    for (int i = 0; i < 2; ++i) amounts.push_back(last + draw.below(owed()) + 1);
    for (const Integer& amount : amounts) {
      if (amount > 0) compare_at(at, amount);
    }
  }

  // What the account owes of the debt's reserve now, and lends of the collateral's.
  Integer owed() const {
    return balance_of(scene_.market.debt_token(AaveScene::token_of(position_, 0)));
  }
  Integer lent() const {
    return balance_of(scene_.market.a_token(AaveScene::token_of(position_, 1)));
  }

 private:
  void set_times(std::uint64_t state_s, std::uint64_t expected_s) {
    venue_.context().state_time_s = state_s;
    venue_.context().execution_time_s = expected_s;
  }
  std::string dust_error() const { return scene_.chain.selector("MustNotLeaveDust()").substr(2); }
  Integer balance_of(const std::string& token) const {
    return to_integer(scene_.chain.read(token, scene_.chain.selector("balanceOf(address)") +
                                                   address_word(AaveScene::account_of(position_))));
  }

  AaveScene& scene_;
  PluginVenue& venue_;
  const EmittedPool& position_;
  LaterTally& tally_;
  std::uint64_t now_;
};

// Reserves, borrowers and prices, anew: of small accounts, such as are worth some thousands, and
// large ones.
void draw_later_market(AaveScene& scene, SeededRandom& draw) {
  for (std::size_t i = 0; i < scene.tokens.size(); ++i) {
    AaveReserve& order = scene.orders[i];
    order.threshold = draw.between(6500, 8700);
    order.ltv = order.threshold - draw.between(100, 800);
    order.bonus = draw.between(10'100, 11'400);
    order.protocol_fee = draw.coin() ? 0 : draw.between(1, 6000);
    order.price = draw.below(power_of_ten(static_cast<unsigned>(draw.between(7, 13)))) + 10'000'000;
    scene.market.configure(scene.tokens[i].address, order);
    scene.market.set_price(scene.tokens[i].address, order.price);
  }
  for (const int mode : {mode_of_all, mode_of_some}) {
    const int threshold = draw.between(8800, 9500);
    scene.market.set_emode(mode, threshold - 200, threshold, draw.between(10'010, 10'500));
    for (const VenueToken& token : scene.tokens) {
      scene.market.set_emode_token(mode, token.address, mode == mode_of_all || draw.coin());
    }
  }
  const auto random_token = [&] {
    return static_cast<std::size_t>(draw.between(0, static_cast<int>(scene.tokens.size()) - 1));
  };
  const auto amount_of = [&](std::size_t token, const Integer& value) {
    return Integer(value * power_of_ten(scene.tokens[token].decimals) / scene.orders[token].price) +
           1;
  };
  for (std::size_t person = 1; person < lender; ++person) {
    const int size = std::max(draw.between(-2, 3), 0);
    const Integer most = size == 0   ? Integer(2'500) * power_of_ten(8)
                         : size == 1 ? Integer(6'000) * power_of_ten(8)
                         : size == 2 ? Integer(60'000) * power_of_ten(8)
                                     : power_of_ten(15);
    const int collaterals = draw.coin() ? 1 : draw.between(2, 3);
    for (int i = 0; i < collaterals; ++i) {
      const std::size_t token = random_token();
      scene.market.supply(person, scene.tokens[token].address,
                          amount_of(token, draw.below(most) + most / 5));
    }
    if (draw.between(0, 2) == 0) scene.market.enter_emode(person, draw.between(1, 2));
    const int debts = draw.between(0, 2) == 0 ? 2 : 1;
    for (int i = 0; i < debts; ++i) {
      const std::size_t token = random_token();
      const Integer room = scene.market.account_data(scene.people[person])[2];
      const Integer value =
          room * (i + 1 == debts ? draw.between(94, 99) : draw.between(5, 60)) / 100;
      const Integer amount = amount_of(token, value) - 1;
      if (amount > 0) scene.market.borrow(person, scene.tokens[token].address, amount);
    }
  }
  scene.wait(static_cast<std::uint64_t>(draw.between(1, 30 * 86'400)));
  for (std::size_t i = 0; i < scene.tokens.size(); ++i) {
    scene.market.set_price(scene.tokens[i].address,
                           scene.orders[i].price * draw.between(80, 112) / 100);
  }
}

bool is_single(AaveScene& scene, const std::vector<EmittedPool>& all, const EmittedPool& one) {
  return std::ranges::count_if(all, [&](const EmittedPool& other) {
           return scene.account_of(other) == scene.account_of(one);
         }) == 1;
}

}  // namespace

TEST_CASE("what a liquidation in today's market is quoted to take and pay is what it does") {
  const std::uint64_t seed = aave_seed();
  INFO("seed " << seed);
  SeededRandom draw(seed);
  AaveScene scene(AaveV3::Release::today, later_sources());
  for (const unsigned decimals : {18U, 6U, 8U, 18U}) {
    AaveReserve order;
    order.decimals = decimals;
    scene.list(order);
  }
  LaterTally tally;
  for (int market = 0; market < 12 || tally.equal < 1300; ++market) {
    if (market == 60) break;
    const ChainMoment moment(scene.chain.chain());
    draw_later_market(scene, draw);
    PluginVenue venue(GANTRY_AAVE_V3_PLUGIN, "aave_v3", scene.parameters(scene.borrowers()));
    const auto positions = scene.positions(venue);
    for (const EmittedPool& position : positions) {
      INFO("market " << market << ", position " << position.address);
      const auto opened = scene.open(venue, position);
      INFO(venue.refusal());
      REQUIRE(opened == GANTRY_OK);
      const int before = tally.equal;
      Later(scene, venue, position, tally).compare(draw);
      if (tally.equal == before) continue;
      const std::string account = AaveScene::account_of(position);
      const std::string mode =
          scene.chain.read(scene.market.pool(),
                           scene.chain.selector("getUserEMode(address)") + address_word(account));
      if (word_at(mode, 0) != 0) ++tally.in_mode;
      if (!is_single(scene, positions, position)) ++tally.shared;
    }
  }
  std::cout << "aave_v3, POOL_REVISION " << scene.market.revision() << ", seed " << seed << ": "
            << tally.equal << " liquidations to the unit, " << tally.after << " next states; "
            << tally.refused << " refused amounts, of which " << tally.dust
            << " would leave dust and " << tally.cleared << " clear; " << tally.quoted
            << " positions quoted, " << tally.half << " bounded by half, " << tally.in_mode
            << " in an efficiency mode, " << tally.shared << " of accounts with several; "
            << tally.small << " of which nothing may be left, " << tally.healthy << " healthy\n";
  CHECK(tally.equal >= 1200);
  CHECK(tally.after >= 300);
  CHECK(tally.dust >= 50);
  CHECK(tally.cleared >= 20);
  CHECK(tally.half >= 10);
  CHECK(tally.small >= 5);
  CHECK(tally.in_mode >= 10);
  CHECK(tally.shared >= 20);
  CHECK(tally.healthy >= 20);
}

namespace {

constexpr int whole_price_percent = 120;  // health between 0.95 and 1

class LaterPosition : public OnePosition {
 public:
  explicit LaterPosition(int price_percent = whole_price_percent)
      : OnePosition(price_percent, AaveV3::Release::today, later_sources()) {}

  Integer health() { return market.account_data(people[1])[5]; }
  // In a block that comes a second after the chain's last one, for certain.
  gantry_swap_limits limits() {
    REQUIRE(open(*venue, position) == GANTRY_OK);
    venue->context().state_time_s += 1;
    venue->context().execution_time_s = venue->context().state_time_s;
    gantry_swap_limits out{};
    REQUIRE(venue->limits(0, 1, out) == GANTRY_OK);
    return out;
  }
};

}  // namespace

TEST_CASE("what today's market refuses to liquidate is not quoted") {
  LaterPosition scene;
  REQUIRE(scene.health() < wad);
  REQUIRE(scene.health() > wad * 95 / 100);
  REQUIRE(scene.quoted() == GANTRY_OK);
  REQUIRE(scene.is_taken());
  for (const std::string& token : {scene.debt, scene.collateral}) {
    scene.pause(token, true);
    CHECK(scene.quoted() == GANTRY_REFUSED);
    CHECK_FALSE(scene.is_taken());
    // A pause that ends leaves borrowers some time.
    scene.market.tell_configurator("setReservePause(address,bool,uint40)",
                                   AbiArguments().address(token).word(0).word(3600));
    CHECK(scene.quoted() == GANTRY_REFUSED);
    CHECK_FALSE(scene.is_taken());
    scene.wait(3590);
    CHECK(scene.quoted() == GANTRY_REFUSED);
    CHECK_FALSE(scene.is_taken());
    scene.wait(30);
    CHECK(scene.quoted() == GANTRY_OK);
    CHECK(scene.is_taken());
  }
  // A reserve that is frozen is still repaid.
  scene.market.tell_configurator("setReserveFreeze(address,bool)",
                                 AbiArguments().address(scene.debt).word(1));
  CHECK(scene.quoted() == GANTRY_OK);
  CHECK(scene.is_taken());

  scene.market.set_price(scene.debt, power_of_ten(11) * 110 / 100);
  CHECK(scene.quoted() == GANTRY_NO_LIQUIDITY);
  CHECK_FALSE(scene.is_taken());
  scene.market.set_price(scene.collateral, 0);
  CHECK(scene.quoted() == GANTRY_REFUSED);
  CHECK_FALSE(scene.is_taken());
}

TEST_CASE("a sentinel is asked by the market of 3.6, and not by that of 3.7") {
  LaterPosition scene;
  const std::string down =
      scene.market.deploy_artifact("contracts/mocks/oracle/SequencerOracle.sol/SequencerOracle",
                                   AbiArguments().address(scene.people[0]));
  scene.chain.send(down, scene.chain.selector("setAnswer(bool,uint256)") + word(1) + word(0));
  const std::string sentinel = scene.market.deploy_artifact(
      "contracts/protocol/configuration/PriceOracleSentinel.sol/PriceOracleSentinel",
      AbiArguments().address(scene.market.provider()).address(down).word(3600));
  scene.market.tell_provider("setPriceOracleSentinel(address)", AbiArguments().address(sentinel));
  const bool is_asked = scene.market.revision() == 10;
  CHECK(scene.quoted() == (is_asked ? GANTRY_REFUSED : GANTRY_OK));
  CHECK(scene.is_taken() != is_asked);
  // Below 0.95 it does not matter that prices may be old.
  scene.market.set_price(scene.debt, power_of_ten(11) * 130 / 100);
  CHECK(scene.quoted() == GANTRY_OK);
  CHECK(scene.is_taken());
}

TEST_CASE(
    "half of what is owed is the bound down to a health factor of 0.95, and all of it there") {
  LaterPosition scene;
  // The highest price at which the health factor is above 0.95.
  Integer above = power_of_ten(11) * 120 / 100;
  Integer below = power_of_ten(11) * 130 / 100;
  while (below - above > 1) {
    const Integer middle = (above + below) / 2;
    scene.market.set_price(scene.debt, middle);
    (scene.health() > wad * 95 / 100 ? above : below) = middle;
  }
  LaterTally tally;
  for (const Integer& price : {above, below}) {
    scene.market.set_price(scene.debt, price);
    const gantry_swap_limits limits = scene.limits();
    Later position(scene, *scene.venue, scene.position, tally);
    const Integer owed = position.owed();
    const Integer most = to_integer(limits.in_max);
    if (price == above) {
      CHECK(most < owed / 2 + wad / 1'000'000);
      CHECK(most > owed / 2 - wad / 1000);
    } else {
      // 1,000 are left.
      CHECK(most < owed);
      CHECK(most > owed - wad);
    }
    // A second is too short for the health factor to pass the bound again.
    for (const Integer& amount : {most, Integer(most / 2), Integer(most + wad)}) {
      position.compare_at(1, amount);
    }
  }
  CHECK(tally.equal == 4);
}

TEST_CASE("where less than 2,000 is owed half is no bound, and 1,000 has to be left") {
  LaterPosition scene;
  // 1.6 units of the debt, worth 1,920, against 2,350: bounded by nothing but the dust.
  scene.market.supply(3, scene.collateral, Integer(2'380) * power_of_ten(6));
  scene.market.set_price(scene.debt, power_of_ten(11));
  scene.market.borrow(3, scene.debt, wad * 16 / 10);
  scene.market.set_price(scene.debt, power_of_ten(11) * 120 / 100);
  PluginVenue venue(GANTRY_AAVE_V3_PLUGIN, "aave_v3", scene.parameters(scene.people[3]));
  const auto found = scene.positions(venue);
  REQUIRE(found.size() == 1);
  REQUIRE(scene.open(venue, found.front()) == GANTRY_OK);
  REQUIRE(scene.market.account_data(scene.people[3])[5] > wad * 95 / 100);
  LaterTally tally;
  Later position(scene, venue, found.front(), tally);
  gantry_swap_limits limits{};
  REQUIRE(venue.limits(0, 1, limits) == GANTRY_OK);
  const Integer most = to_integer(limits.in_max);
  // What is left is worth 1,000, rounded up to the eighth digit.
  CHECK(most * 1200 <= position.owed() * 1200 - 1000 * wad + wad / 100'000'000);
  CHECK(most * 1200 > position.owed() * 1200 - 1001 * wad);
  for (const int tenths : {5, 7, 8, 12, 15}) position.compare_at(5, wad * tenths / 10);
  CHECK(tally.equal == 2);  // the third would leave 960
  CHECK(tally.dust == 3);
}

TEST_CASE("what today's market counts as its own bounds a liquidation, not what it was sent") {
  LaterPosition scene(130);
  const Integer lent = power_of_ten(15) + power_of_ten(12);
  scene.market.supply(2, scene.debt, power_of_ten(30));
  scene.market.borrow(2, scene.collateral, lent - 123'456'789);
  // Sent, not supplied.
  scene.chain.send_from(liquidator);
  scene.chain.send(scene.collateral, scene.chain.selector("transfer(address,uint256)") +
                                         address_word(scene.market.a_token(scene.collateral)) +
                                         word(power_of_ten(12)));
  scene.chain.send_from(0);
  const gantry_swap_limits limits = scene.limits();
  CHECK(to_integer(limits.out_max) <= 123'456'789);
  const Integer most = to_integer(limits.in_max);
  gantry_quote quote{};
  CHECK(scene.venue->quote(repay(most + most / 1000), quote) == GANTRY_OUT_OF_RANGE);
  CHECK_FALSE(scene.liquidate(scene.position, scene.people[1], most + most / 1000));
  CHECK(scene.liquidate(scene.position, scene.people[1], most));
}

TEST_CASE("another revision is refused by name, also where a market's code is exchanged") {
  LaterPosition scene;
  REQUIRE(scene.open(*scene.venue, scene.position) == GANTRY_OK);
  const auto told_revision = [&](std::uint64_t revision) {
    std::vector<EmittedRequest> requests;
    const auto asked = scene.venue->requests(0, requests);
    CHECK((asked == GANTRY_OK || asked == GANTRY_NEED_STATE));
    auto facts = scene.venue->fetch(scene.chain, requests);
    const std::string question = scene.chain.selector("POOL_REVISION()");
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].payload != question) continue;
      REQUIRE(facts[i].data.size() == 32);
      facts[i].data[31] = static_cast<std::uint8_t>(revision);
    }
    return scene.venue->apply(facts);
  };
  gantry_quote quote{};
  CHECK(scene.venue->quote(repay(wad), quote) == GANTRY_OK);
  CHECK(told_revision(9) == GANTRY_NEED_STATE);
  CHECK(scene.venue->quote(repay(wad), quote) == GANTRY_NEED_STATE);
  for (const std::uint64_t revision : {0U, 2U, 9U, 12U}) {
    CHECK(told_revision(revision) == GANTRY_REFUSED);
  }
  CHECK(scene.quoted() == GANTRY_OK);
}

}  // namespace gantry::test

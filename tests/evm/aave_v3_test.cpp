// Quotes of the aave_v3 plugin against the real pool's bytecode: what is quoted is repaid and paid
// to the unit, and what is refused the pool refuses.
#include <algorithm>
#include <catch2/catch.hpp>
#include <iostream>

#include "evm/aave_v3_scene.hpp"
#include "host/recording/writer.hpp"

namespace gantry::test {
namespace {

struct Tally {
  int equal = 0;
  int half = 0;     // health above 0.95
  int full = 0;     // below it
  int capped = 0;   // by the collateral, not by the close factor
  int least = 0;    // the least that pays
  int most = 0;     // the most that is taken
  int beyond = 0;   // more than is taken whole: refused, and the pool takes less or reverts
  int healthy = 0;  // positions without a quote
  int without_fee = 0;
  int in_emode = 0;
  int after = 0;  // next states that the chain reached
};

// One amount, mined in a block between the state's and the expected one.
void compare(AaveScene& scene, PluginVenue& venue, const EmittedPool& position,
             const Integer& amount, std::uint64_t later_s, Tally& tally) {
  gantry_quote quote{};
  Overlay next;
  const gantry_swap swap = repay(amount);
  REQUIRE(venue.quote(swap, quote, nullptr, &next) == GANTRY_OK);
  const ChainMoment moment(scene.chain.chain());
  scene.next_block_at(venue.context().state_time_s + later_s);
  const auto paid = scene.liquidate(position, AaveScene::account_of(position), amount);
  INFO(scene.last_revert);
  REQUIRE(paid);
  CHECK(paid->repaid == amount);
  CHECK(paid->repaid == to_integer(quote.amount_in));
  REQUIRE(paid->paid == to_integer(quote.amount_out));
  ++tally.equal;
  if (venue.context().state_time_s + later_s != venue.context().execution_time_s) return;
  scene.check_next(position, next);
  ++tally.after;
}

void compare_position(AaveScene& scene, PluginVenue& venue, const EmittedPool& position,
                      SeededRandom& draw, Tally& tally) {
  const std::string account = AaveScene::account_of(position);
  const auto opened = scene.open(venue, position);
  INFO(venue.refusal());
  REQUIRE(opened == GANTRY_OK);
  const Integer health = scene.market.account_data(account)[5];
  gantry_swap_limits limits{};
  const auto status = venue.limits(0, 1, limits);
  gantry_swap_limits none{};
  CHECK(venue.limits(1, 0, none) == GANTRY_UNSUPPORTED);
  gantry_quote quote{};
  if (status != GANTRY_OK) {
    // A hair's breadth from 1 it depends on the second.
    CHECK(status == GANTRY_NO_LIQUIDITY);
    CHECK(health > wad - wad / 10000);
    CHECK(venue.quote(repay(1000), quote) == GANTRY_NO_LIQUIDITY);
    ++tally.healthy;
    return;
  }
  CHECK(health < wad);
  const Integer least = to_integer(limits.in_min);
  const Integer most = to_integer(limits.in_max);
  const Integer owed = to_integer(
      scene.chain.read(scene.market.debt_token(AaveScene::token_of(position, 0)),
                       scene.chain.selector("balanceOf(address)") + address_word(account)));
  const Integer close = health > Integer("950000000000000000") ? (owed + 1) / 2 : owed;
  CHECK(most <= close);
  ++(close == owed ? tally.full : tally.half);
  if (most < close) ++tally.capped;
  std::vector<Integer> amounts = {least, most};
  for (int i = 0; i < 6; ++i) {
    amounts.push_back(least + draw.below(most - least + 1));
    amounts.push_back(least +
                      draw.below((most - least) / power_of_ten(static_cast<unsigned>(i)) + 1));
  }
  for (const Integer& amount : amounts) {
    compare(scene, venue, position, amount, static_cast<std::uint64_t>(draw.between(1, 12)), tally);
  }
  compare(scene, venue, position, least + draw.below(most - least + 1), 12, tally);
  ++tally.least;
  ++tally.most;
  CHECK(venue.quote(repay(most + 1), quote) == GANTRY_OUT_OF_RANGE);
  CHECK(venue.quote(repay((Integer(1) << 256) - 1), quote) == GANTRY_OUT_OF_RANGE);
  if (least > 1) {
    CHECK(venue.quote(repay(least - 1), quote) == GANTRY_NO_LIQUIDITY);
    CHECK_FALSE(scene.liquidate(position, account, least - 1));
  }
  // More than a block's interest above the most is not taken whole.
  const ChainMoment moment(scene.chain.chain());
  const Integer beyond = most + most / 1000 + power_of_ten(12);
  const auto paid = scene.liquidate(position, account, beyond);
  if (paid) CHECK(paid->repaid < beyond);
  ++tally.beyond;
}

// Reserves, borrowers and prices, anew.
void draw_market(AaveScene& scene, SeededRandom& draw) {
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
  const auto random_token = [&] {
    return static_cast<std::size_t>(draw.between(0, static_cast<int>(scene.tokens.size()) - 1));
  };
  // Of a value in the base currency.
  const auto amount_of = [&](std::size_t token, const Integer& value) {
    return Integer(value * power_of_ten(scene.tokens[token].decimals) / scene.orders[token].price) +
           1;
  };
  for (std::size_t person = 1; person < lender; ++person) {
    const int collaterals = draw.between(1, 3);
    for (int i = 0; i < collaterals; ++i) {
      const std::size_t token = random_token();
      scene.market.supply(person, scene.tokens[token].address,
                          amount_of(token, draw.below(power_of_ten(15)) + power_of_ten(11)));
    }
    const int debts = draw.between(1, 2);
    for (int i = 0; i < debts; ++i) {
      const std::size_t token = random_token();
      const Integer room = scene.market.account_data(scene.people[person])[2];
      const Integer value = room * (i + 1 == debts ? draw.between(80, 98) : 50) / 100;
      const Integer amount = amount_of(token, value) - 1;
      if (amount > 0) scene.market.borrow(person, scene.tokens[token].address, amount);
    }
  }
  scene.wait(static_cast<std::uint64_t>(draw.between(1, 60 * 86'400)));
  for (std::size_t i = 0; i < scene.tokens.size(); ++i) {
    scene.market.set_price(scene.tokens[i].address,
                           scene.orders[i].price * draw.between(70, 130) / 100);
  }
}

}  // namespace

TEST_CASE("what a liquidation is quoted to take and pay is what the pool takes and pays") {
  const std::uint64_t seed = aave_seed();
  INFO("seed " << seed);
  SeededRandom draw(seed);
  AaveScene scene;
  for (const unsigned decimals : {18U, 6U, 8U, 18U, 2U}) {
    AaveReserve order;
    order.decimals = decimals;
    scene.list(order);
  }
  Tally tally;
  for (int market = 0; market < 24 || tally.equal < 1200; ++market) {
    if (market == 60) break;
    const ChainMoment moment(scene.chain.chain());
    draw_market(scene, draw);
    PluginVenue venue(GANTRY_AAVE_V3_PLUGIN, "aave_v3", scene.parameters(scene.borrowers()));
    for (const EmittedPool& position : scene.positions(venue)) {
      INFO("market " << market << ", position " << position.address);
      compare_position(scene, venue, position, draw, tally);
    }
  }
  std::cout << "aave_v3, seed " << seed << ": " << tally.equal
            << " liquidations to the unit, of positions with " << tally.half
            << " a close factor of "
            << "50 % and " << tally.full << " of 100 %, " << tally.capped
            << " bounded by their collateral; " << tally.after << " next states; " << tally.healthy
            << " healthy positions\n";
  CHECK(tally.equal >= 1000);
  CHECK(tally.half >= 20);
  CHECK(tally.full >= 20);
  CHECK(tally.capped >= 10);
  CHECK(tally.healthy >= 20);
  CHECK(tally.after >= 100);
}

TEST_CASE("what the pool refuses to liquidate is not quoted") {
  OnePosition scene;
  const Integer health = scene.market.account_data(scene.people[1])[5];
  REQUIRE(health < wad);
  REQUIRE(health > wad * 95 / 100);
  REQUIRE(scene.quoted() == GANTRY_OK);
  REQUIRE(scene.is_taken());
  for (const std::string& token : {scene.debt, scene.collateral}) {
    scene.pause(token, true);
    CHECK(scene.quoted() == GANTRY_REFUSED);
    CHECK_FALSE(scene.is_taken());
    scene.pause(token, false);
    CHECK(scene.quoted() == GANTRY_OK);
  }
  // A reserve that is frozen is still repaid.
  scene.market.tell_configurator("setReserveFreeze(address,bool)",
                                 AbiArguments().address(scene.debt).word(1));
  CHECK(scene.quoted() == GANTRY_OK);
  CHECK(scene.is_taken());

  const std::string down =
      scene.market.deploy_artifact("contracts/mocks/oracle/SequencerOracle.sol/SequencerOracle",
                                   AbiArguments().address(scene.people[0]));
  scene.chain.send(down, scene.chain.selector("setAnswer(bool,uint256)") + word(1) + word(0));
  const std::string sentinel = scene.market.deploy_artifact(
      "configuration/PriceOracleSentinel.sol/PriceOracleSentinel",
      AbiArguments().address(scene.market.provider()).address(down).word(3600));
  const auto appoint = [&](const std::string& address) {
    scene.market.tell_provider("setPriceOracleSentinel(address)", AbiArguments().address(address));
  };
  appoint(sentinel);
  CHECK(scene.quoted() == GANTRY_REFUSED);
  CHECK_FALSE(scene.is_taken());
  // A position that is open hears of it when governance takes the sentinel away.
  appoint("0x" + std::string(40, '0'));
  REQUIRE(scene.venue->refresh(scene.chain) == GANTRY_OK);
  gantry_quote quote{};
  CHECK(scene.venue->quote(repay(wad), quote) == GANTRY_OK);
  CHECK(scene.is_taken());
  appoint(sentinel);
  CHECK(scene.quoted() == GANTRY_REFUSED);
  // Below 0.95 it does not matter that prices may be old.
  scene.market.set_price(scene.debt, power_of_ten(11) * 130 / 100);
  CHECK(scene.quoted() == GANTRY_OK);
  CHECK(scene.is_taken());

  scene.market.set_price(scene.debt, power_of_ten(11) * 110 / 100);
  CHECK(scene.quoted() == GANTRY_NO_LIQUIDITY);
  CHECK_FALSE(scene.is_taken());
  scene.market.set_price(scene.collateral, 0);
  CHECK(scene.quoted() == GANTRY_REFUSED);
  CHECK_FALSE(scene.is_taken());
}

TEST_CASE("a reserve that has lent out what it holds bounds a liquidation") {
  OnePosition scene(130);
  const Integer lent = power_of_ten(15) + power_of_ten(12);
  scene.market.supply(2, scene.debt, power_of_ten(30));
  scene.market.borrow(2, scene.collateral, lent - 123'456'789);
  REQUIRE(scene.open(*scene.venue, scene.position) == GANTRY_OK);
  gantry_swap_limits limits{};
  REQUIRE(scene.venue->limits(0, 1, limits) == GANTRY_OK);
  CHECK(to_integer(limits.out_max) <= 123'456'789);
  const Integer most = to_integer(limits.in_max);
  gantry_quote quote{};
  CHECK(scene.venue->quote(repay(most + most / 1000), quote) == GANTRY_OUT_OF_RANGE);
  Tally tally;
  compare(scene, *scene.venue, scene.position, most, 12, tally);
  CHECK_FALSE(scene.liquidate(scene.position, scene.people[1], most + most / 1000));
}

TEST_CASE("an account in an efficiency mode is liquidated by the mode's threshold and bonus") {
  OnePosition scene(100);
  scene.market.tell_configurator(
      "setEModeCategory(uint8,uint16,uint16,uint16,address,string)",
      AbiArguments().word(1).word(9000).word(9300).word(10'200).word(0).text("one"));
  for (const std::string& token : {scene.debt, scene.collateral}) {
    scene.market.tell_configurator("setAssetEModeCategory(address,uint8)",
                                   AbiArguments().address(token).word(1));
  }
  scene.chain.send_from(1);
  scene.chain.send(scene.market.pool(), scene.chain.selector("setUserEMode(uint8)") + word(1));
  scene.chain.send_from(0);
  scene.market.set_price(scene.debt, power_of_ten(11) * 125 / 100);
  CHECK(scene.quoted() == GANTRY_NO_LIQUIDITY);  // the reserve's own threshold is passed
  CHECK_FALSE(scene.is_taken());
  scene.market.set_price(scene.debt, power_of_ten(11) * 137 / 100);
  REQUIRE(scene.quoted() == GANTRY_OK);
  Tally tally;
  SeededRandom draw(aave_seed());
  compare_position(scene, *scene.venue, scene.position, draw, tally);
  CHECK(tally.equal > 10);
}

TEST_CASE("a position that changes its reserves is read anew, and one with stable debt refused") {
  OnePosition scene;
  REQUIRE(scene.quoted() == GANTRY_OK);
  AaveReserve order;
  order.decimals = 8;
  const std::string other = scene.list(order);
  scene.market.supply(1, other, 5000 * power_of_ten(8));
  CHECK(scene.venue->refresh(scene.chain) == GANTRY_OK);
  gantry_quote quote{};
  CHECK(scene.venue->quote(repay(wad), quote) ==
        (scene.is_taken() ? GANTRY_OK : GANTRY_NO_LIQUIDITY));
  scene.market.set_price(other, 1);
  CHECK(scene.venue->refresh(scene.chain) == GANTRY_OK);
  CHECK(scene.venue->quote(repay(wad), quote) == GANTRY_OK);
  CHECK(scene.is_taken());

  scene.market.set_price(other, power_of_ten(12));
  scene.market.tell_configurator("setReserveStableRateBorrowing(address,bool)",
                                 AbiArguments().address(scene.debt).word(1));
  scene.chain.send_from(1);
  scene.chain.send(scene.market.pool(),
                   scene.chain.selector("borrow(address,uint256,uint256,uint16,address)") +
                       address_word(scene.debt) + word(wad) + word(1) + word(0) +
                       address_word(scene.people[1]));
  scene.chain.send_from(0);
  scene.market.set_price(other, 1);
  CHECK(scene.quoted() == GANTRY_REFUSED);
  CHECK(scene.is_taken());
}

TEST_CASE("what is no position of the market, and parameters that make none, are refused by name") {
  OnePosition scene;
  const auto refused = [&](const std::string& address, const std::vector<std::uint8_t>& metadata,
                           const std::string& second) {
    const auto status = scene.venue->open_pool(address, {{scene.debt, 18}, {second, 6}}, metadata);
    return status == GANTRY_REFUSED ? scene.venue->refusal() : std::to_string(status);
  };
  const EmittedPool& good = scene.position;
  CHECK(refused(good.address, good.metadata, scene.collateral) == std::to_string(GANTRY_OK));
  CHECK(refused(good.address, {1, 2, 3}, scene.collateral) == std::to_string(GANTRY_BAD_STATE));
  CHECK(refused(good.address, good.metadata, scene.debt) ==
        "debt and collateral are one token: nothing can be traded");
  CHECK(refused(scene.debt, good.metadata, scene.collateral) ==
        "a position's address is an id of 32 bytes, as discovery makes it");
  std::string other = good.address;
  other[5] = other[5] == '0' ? '1' : '0';
  CHECK(refused(other, good.metadata, scene.collateral) ==
        "it is a position of another market than the one that `market` names");
  // A token that the market has not listed is found out by asking.
  CHECK(refused(good.address, good.metadata, scene.market.pool()) == std::to_string(GANTRY_OK));
  CHECK(scene.venue->refresh(scene.chain) == GANTRY_REFUSED);

  const auto made = [&](const VenueParameters& parameters) -> std::string {
    try {
      PluginVenue venue(GANTRY_AAVE_V3_PLUGIN, "aave_v3", parameters);
      return "made";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  };
  CHECK_THAT(made({{"market", std::string("0x12")}}),
             Catch::Contains("market: `0x12` is not 0x and 40 hexadecimal digits"));
  CHECK_THAT(made({{"accounts", std::string("0x34")}}),
             Catch::Contains("accounts: `0x34` is not 0x and 40 hexadecimal digits"));
  CHECK_THAT(made({{"accounts", scene.people[1] + " " + scene.people[2]},
                   {"accounts_max", std::int64_t{1}}}),
             Catch::Contains("accounts names 2 borrowers, and accounts_max is 1"));
  // What is no market answers nothing.
  PluginVenue nobody(GANTRY_AAVE_V3_PLUGIN, "aave_v3",
                     {{"market", scene.people[5]}, {"accounts", scene.people[1]}});
  std::string id = good.address;
  id.replace(0, 42, scene.people[5]);
  REQUIRE(nobody.open_pool(id, {{scene.debt, 18}, {scene.collateral, 6}}, good.metadata) ==
          GANTRY_OK);
  CHECK(nobody.refresh(scene.chain) == GANTRY_REFUSED);
}

namespace {

// For `gantry plugin check --recording`.
void make_recording(AaveScene& scene, const std::string& file) {
  namespace recording = host::recording;
  SeededRandom draw(aave_seed());
  for (const unsigned decimals : {18U, 6U, 8U}) {
    AaveReserve order;
    order.decimals = decimals;
    scene.list(order);
  }
  recording::Header header;
  header.chain = "eip155:1";
  header.provenance = "Synthetic: a market on a test chain (tests/evm/aave_v3_test.cpp)";
  header.creator = "tests/evm";
  std::vector<recording::Record> records{header};
  for (const VenueToken& token : scene.tokens) {
    recording::Token made;
    made.address = to_address(token.address);
    made.symbol = "R" + std::to_string(records.size());
    made.decimals = static_cast<std::uint8_t>(token.decimals);
    records.emplace_back(made);
  }
  std::vector<recording::Record> facts;
  // As the recording is opened: by a venue with the market that all have by default.
  const std::string market = "87870bca3f3fd6335c3f4ce8392d69350b4fa4e2";
  std::uint32_t pools = 0;
  const auto record = [&](int number) {
    const ChainMoment moment(scene.chain.chain());
    draw_market(scene, draw);
    PluginVenue venue(GANTRY_AAVE_V3_PLUGIN, "aave_v3", scene.parameters(scene.borrowers()));
    for (const EmittedPool& position : scene.positions(venue)) {
      std::vector<recording::Record> of_pool;
      venue.watch([&](const EmittedRequest& request, const OwnedFact& answer) {
        recording::Fact fact;
        fact.pool = pools;
        fact.kind = recording::FactKind::evm_call;
        fact.tag = request.tag;
        fact.source = to_address(request.target);
        fact.data = answer.data;
        of_pool.emplace_back(fact);
      });
      REQUIRE(scene.open(venue, position) == GANTRY_OK);
      venue.watch({});
      gantry_swap_limits limits{};
      if (venue.limits(0, 1, limits) != GANTRY_OK || to_integer(limits.in_max) < 100'000) continue;
      recording::Pool pool;
      pool.venue = "aave_v3";
      pool.address =
          to_address("0x" + market + std::to_string(10 + number) + position.address.substr(44));
      for (std::size_t i = 0; i < 2; ++i) {
        const auto token =
            std::ranges::find(scene.tokens, AaveScene::token_of(position, i), &VenueToken::address);
        pool.tokens.push_back(static_cast<std::uint32_t>(token - scene.tokens.begin()));
      }
      pool.spec = position.metadata;
      records.emplace_back(pool);
      facts.insert(facts.end(), of_pool.begin(), of_pool.end());
      ++pools;
    }
  };
  for (int number = 0; number < 8; ++number) record(number);
  REQUIRE(pools >= 5);
  recording::Block block;
  block.number = 18'000'000;
  block.time_s = 1'700'000'000;
  records.emplace_back(block);
  records.insert(records.end(), facts.begin(), facts.end());
  auto writer = host::RecordingWriter::create(std::string(GANTRY_AAVE_RECORDINGS) + "/" + file,
                                              {19, 1U << 20U});
  REQUIRE(writer.has_value());
  for (const recording::Record& each : records) REQUIRE(writer->append(each).has_value());
  REQUIRE(writer->finish().has_value());
}

}  // namespace

TEST_CASE("makes the recording of positions", "[.make]") {
  AaveScene scene;
  make_recording(scene, "positions.gantry");
}

// GANTRY_TEST_AAVE_SOURCES as aave_v3_later_test.cpp has it.
TEST_CASE("makes the recording of positions in today's market", "[.make]") {
  const char* sources = std::getenv("GANTRY_TEST_AAVE_SOURCES");
  AaveScene scene(AaveV3::Release::today, sources == nullptr ? "" : sources);
  make_recording(scene, "positions_" + std::to_string(scene.market.revision()) + ".gantry");
}

}  // namespace gantry::test

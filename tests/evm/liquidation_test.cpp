// The program liquidates on a chain of its own: it finds who borrowed from a real Aave V3 market,
// stays away while all are healthy, and repays with a flash loan what a move of the oracle's price
// puts under water.
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <optional>
#include <string>

#include "evm/trading_books.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::test {
namespace {

using host::ledger::State;
using host::tests::Ended;
using host::tests::Running;

const Integer one_ether = Integer("1000000000000000000");

// A market of the playground's own WETH and USDC, in which the chain's first account borrows WETH
// against dollars.
class BorrowedScene {
 public:
  explicit BorrowedScene(AaveV3::Release release) : scene(101), market(scene.deployer, release) {
    for (const PlaygroundToken& token : scene.market.tokens()) {
      if (token.symbol == "WETH") weth = token.address;
      if (token.symbol == "USDC") usdc = token.address;
    }
    AaveReserve order;
    order.price = weth_price;
    market.list_token(weth, order);
    order.decimals = 6;
    order.price = 100'000'000;
    order.bonus = 10'450;
    order.protocol_fee = 1000;
    market.list_token(usdc, order);
    supply(weth, 2000 * one_ether);
    // What it lends is not its collateral.
    send("setUserUseReserveAsCollateral(address,bool)", address_word(weth) + word(0));
    supply(usdc, Integer(60'000) * 1'000'000);
    send("borrow(address,uint256,uint256,uint16,address)",
         address_word(weth) + word(12 * one_ether) + word(2) + word(0) +
             address_word(scene.deployer.account()));
    scene.space.edit(
        "dex_config.toml", "[[dex]]\nname = \"uniswap_v2\"",
        fmt::format("[[dex]]\nname = \"aave_v3\"\nmarket = \"{}\"\nborrows_from_block = 0\n\n"
                    "[[dex]]\nname = \"uniswap_v2\"",
                    market.pool()));
    scene.use("[strategies.liquidation]\nenabled = true\nmin_profit_bps = 5\n");
  }

  Integer health() { return market.account_data(scene.deployer.account())[5]; }

  TradingScene scene;
  AaveV3 market;
  std::string weth;
  std::string usdc;
  const Integer weth_price = Integer(3000) * 100'000'000;

 private:
  void send(const std::string& signature, const std::string& digits) {
    scene.deployer.send(market.pool(), scene.deployer.selector(signature) + digits);
  }
  void supply(const std::string& token, const Integer& amount) {
    scene.deployer.send(token, scene.deployer.selector("approve(address,uint256)") +
                                   address_word(market.pool()) + word(amount));
    send("supply(address,uint256,address,uint16)",
         address_word(token) + word(amount) + address_word(scene.deployer.account()) + word(0));
  }
};

Integer whole(const u256& value) { return Integer(gantry::to_string(value)); }

}  // namespace

namespace {

// Runs the program until it has liquidated, and its trade; nothing: it did not.
std::optional<host::ledger::Trade> liquidated(BorrowedScene& borrowed) {
  TradingScene& scene = borrowed.scene;
  Running running = scene.start({"--json", "--no-timings"});
  // All are healthy, and there is nothing to do.
  scene.mine(12, 100);
  CHECK_FALSE(newest_trade(scene));
  REQUIRE(borrowed.health() > one_ether);
  borrowed.market.set_price(borrowed.weth, borrowed.weth_price * 14 / 10);
  REQUIRE(borrowed.health() < one_ether);
  const auto included = [&]() -> std::optional<host::ledger::Trade> {
    const auto trade = newest_trade(scene);
    const bool is_done =
        trade && trade->intent.state == State::included && trade->result && trade->result->realised;
    return is_done ? trade : std::nullopt;
  };
  // Nobody else trades: what it does is alone in its block.
  for (int i = 0; i < 200 && !included() && !running.ended(); ++i) scene.mine(1, 100);
  const auto trade = included();
  running.signal(SIGINT);
  for (int i = 0; i < 100 && !running.ended(); ++i) scene.mine(1, 50);
  const Ended ended = running.wait();
  UNSCOPED_INFO(ended.out << ended.err);
  return trade;
}

// The lender's premium is all that lies between the quotes and what was earned.
Integer planned_of(const host::ledger::Trade& trade) {
  const Integer amount = whole(trade.intent.intent.amount_in);
  return whole(trade.intent.intent.planned_out) - amount - AaveV3::premium(amount);
}

}  // namespace

TEST_CASE("who is under water is liquidated with a flash loan, and pays what was planned") {
  BorrowedScene borrowed(GENERATE(AaveV3::Release::v3_0, AaveV3::Release::today));
  const Holdings before = borrowed.scene.holdings();
  const auto trade = liquidated(borrowed);
  REQUIRE(trade);
  CHECK(trade->intent.intent.strategy == "liquidation");
  CHECK(trade->intent.intent.route.size() >= 2);
  CHECK(host::ledger::to_string(trade->result->realised->profit) == planned_of(*trade).str());
  settle(borrowed.scene);
  check_books(borrowed.scene, before);
}

}  // namespace gantry::test

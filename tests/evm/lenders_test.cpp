// What the host reads of lenders, and whom it chooses, on the lenders' own bytecode.
#include "host/execute/lenders.hpp"

#include <catch2/catch.hpp>

#include "evm/executor_venues.hpp"
#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"
#include "host/base/text.hpp"
#include "host/ports/clock.hpp"

namespace gantry::test {
namespace {

using host::Funding;
using host::LenderKind;
using host::Lenders;
using host::LenderSettings;

const Integer ether = Integer("1000000000000000000");

constexpr LenderKind all_lenders[] = {LenderKind::aave_v3,     LenderKind::balancer_v2,
                                      LenderKind::balancer_v3, LenderKind::uniswap_v2,
                                      LenderKind::uniswap_v3,  LenderKind::dydx_solo};

ex::FlashSource source_of(LenderKind kind) {
  return static_cast<ex::FlashSource>(static_cast<int>(kind) - 1);
}

class Scene {
 public:
  Scene() : http_(std::move(*host::make_curl_http_pool())) {
    host::ChainSettings chain;
    chain.id = "eip155:31337";
    host::RpcProviderSettings provider;
    provider.name = "anvil";
    provider.url = *host::TemplatedUrl::parse(venues.chain().chain().url());
    chain.providers.push_back(std::move(provider));
    environment_ = host::process_environment();
    providers = std::move(*host::Providers::make(chain, {*http_, clock_, environment_}));
  }
  ~Scene() { providers->stop(); }

  LenderSettings setting(LenderKind kind) {
    Integer fee;
    LenderSettings settings;
    settings.source = kind;
    settings.address = venues.loan(source_of(kind), ether, fee).lender;
    return settings;
  }
  Lenders read(std::vector<LenderSettings> settings) {
    Lenders lenders(std::move(settings), to_address(venues.executor().address()));
    CHECK(lenders.want(to_address(venues.token(0))));
    CHECK_FALSE(lenders.want(to_address(venues.token(0))));
    const auto head = providers->poll_head(std::chrono::milliseconds(2000));
    REQUIRE(head);
    const auto done = lenders.read(*providers, *head);
    if (!done) FAIL(done.error().message);
    return lenders;
  }
  host::TradeRoute route() {
    host::TradeRoute route;
    route.tokens = {to_address(venues.token(0)), to_address(venues.token(1))};
    return route;
  }

  ExecutorVenues venues;
  std::unique_ptr<host::Providers> providers;

 private:
  host::SteadyClock clock_;
  host::Environment environment_;
  std::unique_ptr<host::HttpPool> http_;
};

// Gas is free, or so dear that it alone counts.
const Lenders::Price free_gas{u256(0), u256(1), u256(1)};

}  // namespace

TEST_CASE("each lender is read as it is, lends for what it takes, and no more than it has") {
  Scene scene;
  const host::TradeRoute route = scene.route();
  for (const LenderKind kind : all_lenders) {
    INFO(to_string(kind));
    const Lenders lenders = scene.read({scene.setting(kind)});
    for (const char* text : {"1", "7", "1000000000000000000", "3333333333333333333"}) {
      const Integer amount(text);
      Integer fee;
      const ex::FlashLoan known = scene.venues.loan(source_of(kind), amount, fee);
      const auto funding = lenders.cheapest(route, to_u256(amount), free_gas);
      REQUIRE(funding);
      REQUIRE(funding->loan);
      const ex::FlashLoan& loan = *funding->loan;
      CHECK(loan.source == known.source);
      CHECK(host::address_text(loan.lender) == host::address_text(known.lender));
      CHECK(host::address_text(loan.executor) == host::address_text(known.executor));
      CHECK(host::address_text(loan.token) == host::address_text(known.token));
      CHECK(loan.amount == known.amount);
      CHECK(loan.fee == known.fee);
      CHECK(loan.token_is_0 == known.token_is_0);
      CHECK(loan.solo_market == known.solo_market);
      CHECK(funding->gas > 0);
    }
    CHECK_FALSE(lenders.cheapest(route, to_u256(Integer(1) << 120), free_gas));
    // A pool of the route cannot lend.
    host::TradeRoute through = route;
    through.pools.push_back(scene.setting(kind).address);
    CHECK_FALSE(lenders.cheapest(through, u256(1000), free_gas));
    // Nor can it when it is switched off.
    LenderSettings off = scene.setting(kind);
    off.enabled = false;
    CHECK_FALSE(scene.read({off}).cheapest(route, u256(1000), free_gas));
  }
}

TEST_CASE("the cheapest by fee and gas lends, and what the executor holds comes first") {
  Scene scene;
  const host::TradeRoute route = scene.route();
  std::vector<LenderSettings> settings;
  for (const LenderKind kind : all_lenders) settings.push_back(scene.setting(kind));
  const Lenders lenders = scene.read(settings);
  const auto source = [&](const Lenders::Price& price, const host::TradeRoute& of) {
    const auto funding = lenders.cheapest(of, to_u256(ether), price);
    REQUIRE(funding);
    REQUIRE(funding->loan);
    return funding->loan->source;
  };
  // Balancer's vaults ask nothing; V3's takes less gas.
  const Lenders::Price dear{u256(1'000'000'000), u256(1), u256(1)};
  CHECK(source(dear, route) == ex::FlashSource::balancer_v3);
  host::TradeRoute without = route;
  without.pools.push_back(settings[2].address);  // Balancer V3's vault
  CHECK(source(dear, without) == ex::FlashSource::balancer_v2);
  // Which lets nobody in while it lends.
  without.targets.push_back(settings[1].address);
  // Two units of the token, or a hundredth of a percent of it.
  CHECK(source(free_gas, without) == ex::FlashSource::dydx_solo);
  without.pools.push_back(settings[5].address);
  CHECK(source(free_gas, without) == ex::FlashSource::uniswap_v3);
  // A hundred thousand gas at this price are more than the fees of an ether.
  without.pools.push_back(settings[4].address);
  CHECK(source(free_gas, without) == ex::FlashSource::aave_v3);
  const Lenders::Price gas_alone{u256(1'000'000'000'000'000), u256(1), u256(1)};
  CHECK(source(gas_alone, without) == ex::FlashSource::uniswap_v2);

  Deployer& chain = scene.venues.chain();
  chain.send(scene.venues.token(0), chain.selector("transfer(address,uint256)") +
                                        address_word(scene.venues.executor().address()) +
                                        word(ether));
  const Lenders own = scene.read(settings);
  const auto funding = own.cheapest(route, to_u256(ether), dear);
  REQUIRE(funding);
  CHECK_FALSE(funding->loan);
  CHECK(funding->gas == 0);
  CHECK(own.cheapest(route, to_u256(ether + 1), dear)->loan);
  CHECK(own.cheapest(route, to_u256(ether), dear, u256(1))->loan);
  CHECK_FALSE(own.cheapest(route, to_u256(ether - 1), dear, u256(1))->loan);
  REQUIRE(own.own().size() == 1);
  CHECK(own.own()[0].second == to_u256(ether));
}

TEST_CASE("an address that is no lender's lends nothing, and stops nobody else") {
  Scene scene;
  const host::TradeRoute route = scene.route();
  for (const LenderKind kind : all_lenders) {
    if (kind == LenderKind::balancer_v3) continue;  // has nothing to say that another has not
    INFO(to_string(kind));
    LenderSettings wrong = scene.setting(kind);
    wrong.address = to_address(scene.venues.token(1));
    CHECK_FALSE(scene.read({wrong}).cheapest(route, u256(1000), free_gas));
    wrong.address = to_address("0x00000000000000000000000000000000000000aa");
    CHECK_FALSE(scene.read({wrong}).cheapest(route, u256(1000), free_gas));
    const auto other = scene.read({wrong, scene.setting(LenderKind::balancer_v3)});
    CHECK(other.cheapest(route, u256(1000), free_gas));
  }
}

}  // namespace gantry::test

// The strategy against a fake market: two pairs of the same tokens at different prices.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "gantry/testing/expect.h"
#include "gantry/testing/fake_market.h"

int main() {
  static gantry_fake_host host;
  static gantry_fake_market market;
  static gantry_fake_finds finds;
  gantry_error error{};
  gantry_fake_host_init(&host);
  EXPECT(gantry_plugin.init(&host.table, &error) == GANTRY_OK);
  const auto* table =
      static_cast<const gantry_strategy_v1*>(gantry_plugin.get_interface(GANTRY_STRATEGY_ID));
  const gantry_parameter share = gantry_fake_integer("share_bps", 100);
  const gantry_instance_config config = gantry_fake_config(&share, 1);
  gantry_strategy_instance* strategy = nullptr;
  if (table == nullptr || table->create(&host.table, &config, &strategy, &error) != GANTRY_OK) {
    std::fprintf(stderr, "no strategy: %s\n", error.message);
    return 1;
  }

  gantry_fake_market_init(&market);
  const std::uint32_t ether = gantry_fake_add_token(&market, "WETH", 18, 1);
  const std::uint32_t coin = gantry_fake_add_token(&market, "COIN", 6, 0);
  const std::uint64_t whole = 1'000'000'000'000'000'000;
  gantry_fake_add_pair(&market, ether, 10 * whole, coin, 4'000'000'000, 30);
  const std::uint32_t cheap =
      gantry_fake_add_pair(&market, ether, 10 * whole, coin, 4'000'000'000, 30);

  // Equal prices: nothing pays.
  EXPECT(table->prepare(strategy, &market.table, &error) == GANTRY_OK);
  gantry_fake_finds_init(&finds);
  EXPECT(table->find(strategy, &market.table, &finds.table) == GANTRY_OK);
  EXPECT(finds.count == 0);

  // The coin is worth a tenth more in one of them.
  gantry_fake_next(&market, cheap);
  market.pairs[cheap].reserves[1] = gantry_amount_of(3'600'000'000);
  EXPECT(table->find(strategy, &market.table, &finds.table) == GANTRY_OK);
  EXPECT(finds.count == 1);
  const gantry_opportunity* found = &finds.found[0];
  EXPECT(found->legs[1].hop.pool == cheap && found->token_in == ether);
  EXPECT(gantry_amount_compare(found->amount_out, found->amount_in) > 0);
  EXPECT(table->validate(strategy, &market.table, found) == GANTRY_OK);

  // Half as much, when no more is allowed.
  gantry_sizing_limits limits{};
  limits.amount_in_max = gantry_amount_of(whole / 20);
  limits.pool_share_max_bps = 10'000;
  gantry_opportunity sized;
  EXPECT(table->size(strategy, &market.table, found, &limits, &sized) == GANTRY_OK);
  EXPECT(gantry_fake_is(sized.amount_in, whole / 20));

  table->destroy(strategy);
  gantry_plugin.deinit();
  return expect_verdict();
}

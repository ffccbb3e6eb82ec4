// The venue against a fake host: its own table, in this program, with no host and no library.
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "gantry/testing/expect.h"
#include "gantry/testing/fake_pool.h"

namespace {

gantry_fake_host host;
gantry_fake_pool pool;

gantry_status feed(std::uint64_t balance0, std::uint64_t balance1) {
  std::uint8_t words[64];
  gantry_fake_word(words, balance0);
  gantry_fake_word(words + 32, balance1);
  const gantry_fact facts[] = {gantry_fake_fact(0, words, 32), gantry_fake_fact(1, words + 32, 32)};
  return gantry_fake_feed(&pool, facts, 2);
}

}  // namespace

int main() {
  gantry_error error{};
  gantry_fake_host_init(&host);
  EXPECT(gantry_plugin.init(&host.table, &error) == GANTRY_OK);
  const auto* table = static_cast<const gantry_dex_v1*>(gantry_plugin.get_interface(GANTRY_DEX_ID));
  const gantry_parameter fee = gantry_fake_integer("fee_bps", 4);
  const gantry_instance_config config = gantry_fake_config(&fee, 1);
  gantry_dex_instance* venue = nullptr;
  if (table == nullptr || table->create(&host.table, &config, &venue, &error) != GANTRY_OK) {
    std::fprintf(stderr, "no venue: %s\n", error.message);
    return 1;
  }

  EXPECT(gantry_fake_open(&pool, table, venue, 6, 18) == GANTRY_REFUSED);
  EXPECT(std::strstr(pool.error.message, "equal decimals") != nullptr);
  EXPECT(gantry_fake_open(&pool, table, venue, 6, 6) == GANTRY_OK);
  EXPECT(gantry_fake_ask(&pool, 0) == GANTRY_OK);
  EXPECT(pool.request_count == 2);

  gantry_quote quote;
  EXPECT(gantry_fake_quote(&pool, 1, 0, &quote) == GANTRY_BAD_STATE);
  EXPECT(feed(1'000'000, 2'000'000) == GANTRY_OK);
  EXPECT(gantry_fake_quote(&pool, 10'001, 0, &quote) == GANTRY_OK);
  EXPECT(gantry_fake_is(quote.fee, 5));  // 4.0004 rounded up
  EXPECT(gantry_fake_is(quote.amount_out, 9'996));

  // A second trade is quoted on the pool after the first.
  EXPECT(gantry_fake_trade(&pool, 2'000'000, 0, &quote) == GANTRY_OK);
  EXPECT(gantry_fake_quote(&pool, 900, 0, &quote) == GANTRY_NO_LIQUIDITY);

  table->destroy(venue);
  gantry_plugin.deinit();
  return expect_verdict();
}

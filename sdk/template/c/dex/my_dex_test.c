/* The venue against a fake host: its own table, in this program, with no host and no library. */
#include <stdlib.h>

#include "gantry/testing/expect.h"
#include "gantry/testing/fake_pool.h"

static gantry_fake_pool pool;

static gantry_status feed(uint64_t reserve0, uint64_t reserve1) {
  uint8_t words[64];
  gantry_fake_word(words, reserve0);
  gantry_fake_word(words + 32, reserve1);
  const gantry_fact fact = gantry_fake_fact(0, words, sizeof(words));
  return gantry_fake_feed(&pool, &fact, 1);
}

int main(void) {
  static gantry_fake_host host;
  gantry_error error;
  gantry_fake_host_init(&host);
  EXPECT(gantry_plugin.init(&host.table, &error) == GANTRY_OK);
  const gantry_dex_v1* table = gantry_plugin.get_interface(GANTRY_DEX_ID);
  const gantry_parameter fee = gantry_fake_integer("fee_bps", 30);
  const gantry_instance_config config = gantry_fake_config(&fee, 1);
  gantry_dex_instance* venue = NULL;
  if (table == NULL || table->create(&host.table, &config, &venue, &error) != GANTRY_OK) {
    fprintf(stderr, "no venue: %s\n", error.message);
    return EXIT_FAILURE;
  }

  EXPECT(gantry_fake_open(&pool, table, venue, 18, 6) == GANTRY_OK);
  EXPECT(gantry_fake_ask(&pool, 0) == GANTRY_OK);
  EXPECT(pool.request_count == 2);

  gantry_quote quote;
  EXPECT(gantry_fake_quote(&pool, 1, 0, &quote) == GANTRY_BAD_STATE);
  EXPECT(feed(1000000, 2000000) == GANTRY_OK);
  EXPECT(gantry_fake_quote(&pool, 1000, 0, &quote) == GANTRY_OK);
  EXPECT(gantry_fake_is(quote.amount_out, 1992)); /* 997 * 2000000 / 1000997, rounded down */
  EXPECT(gantry_fake_is(quote.fee, 3));

  /* A second trade is quoted on the pool after the first. */
  EXPECT(gantry_fake_trade(&pool, 1000, 0, &quote) == GANTRY_OK);
  EXPECT(gantry_fake_quote(&pool, 1000, 0, &quote) == GANTRY_OK);
  EXPECT(gantry_fake_is(quote.amount_out, 1988));

  uint8_t garbage[64];
  memset(garbage, 0xff, sizeof(garbage));
  const gantry_fact wrong = gantry_fake_fact(0, garbage, sizeof(garbage));
  EXPECT(gantry_fake_feed(&pool, &wrong, 1) == GANTRY_BAD_STATE);

  table->destroy(venue);
  gantry_plugin.deinit();
  return expect_verdict();
}

/* gantry/testing/fake_market.h: a snapshot with the host's services, for a strategy's unit tests.
 * Its pools are pairs: by the constant-product formula with a fee, or a fake_pool of a real venue.
 * C11 and C++.
 *
 * ANSWERS    As market.h says, but for these: value() takes a price per token that the test sets;
 *            price(), history() and state() are GANTRY_UNSUPPORTED; balance() is all ones.
 * OWNERSHIP  Plain memory of the test's. A market that was initialised stays where it is. */
#ifndef GANTRY_TESTING_FAKE_MARKET_H
#define GANTRY_TESTING_FAKE_MARKET_H
#include "gantry/testing/fake_pool.h"

enum { GANTRY_FAKE_MARKET_POOLS = 16, GANTRY_FAKE_MARKET_TOKENS = 16 };

typedef struct gantry_fake_pair {
  uint32_t tokens[2]; /* handles */
  gantry_amount reserves[2];
  uint32_t fee_bps;
  uint32_t usable;
  gantry_fake_pool* venue; /* null: the formula */
} gantry_fake_pair;

typedef struct gantry_fake_market {
  gantry_market table; /* hand &table to the strategy */
  gantry_market_services services;
  gantry_context context;
  gantry_token tokens[GANTRY_FAKE_MARKET_TOKENS];
  uint64_t wei_per_unit[GANTRY_FAKE_MARKET_TOKENS]; /* of a smallest unit; 0: cannot be valued */
  gantry_fake_pair pairs[GANTRY_FAKE_MARKET_POOLS];
  uint32_t changed[GANTRY_FAKE_MARKET_POOLS];
} gantry_fake_market;

/* ---- the formula ---- */

/* floor(in * (10000 - fee) * rOut / (rIn * 10000 + in * (10000 - fee))), or with EXACT_OUT
 * floor(rIn * out * 10000 / ((rOut - out) * (10000 - fee))) + 1. */
static inline gantry_status gantry_fake_formula(const gantry_fake_pair* pair,
                                                const gantry_swap* swap, gantry_quote* out) {
  const gantry_amount all = gantry_amount_of(10000);
  const gantry_amount kept = gantry_amount_of(10000 - pair->fee_bps);
  const gantry_amount one = gantry_amount_of(1);
  const gantry_amount none = gantry_amount_of(0);
  const gantry_amount in = pair->reserves[swap->token_in];
  const gantry_amount has = pair->reserves[swap->token_out];
  gantry_amount a;
  gantry_amount b;
  memset(out, 0, sizeof(*out));
  if (gantry_amount_compare(in, none) == 0 || gantry_amount_compare(has, none) == 0) {
    return GANTRY_NO_LIQUIDITY;
  }
  if (swap->mode == GANTRY_EXACT_IN) {
    if (!gantry_amount_mul(swap->amount, kept, &a) || !gantry_amount_mul(in, all, &b) ||
        !gantry_amount_add(a, b, &b)) {
      return GANTRY_OUT_OF_RANGE;
    }
    gantry_amount_mul_div_floor(a, has, b, &out->amount_out);
    out->amount_in = swap->amount;
    if (gantry_amount_compare(out->amount_out, none) == 0) return GANTRY_NO_LIQUIDITY;
  } else {
    if (gantry_amount_compare(swap->amount, has) >= 0) return GANTRY_NO_LIQUIDITY;
    gantry_amount_sub(has, swap->amount, &a);
    if (!gantry_amount_mul(in, all, &b) || !gantry_amount_mul(a, kept, &a) ||
        !gantry_amount_mul_div_floor(b, swap->amount, a, &b) ||
        !gantry_amount_add(b, one, &out->amount_in)) {
      return GANTRY_OUT_OF_RANGE;
    }
    out->amount_out = swap->amount;
  }
  out->gas = 100000;
  return GANTRY_OK;
}

/* ---- services ---- */

static inline const gantry_fake_market* gantry_fake_of(const gantry_market* market) {
  return (const gantry_fake_market*)market->self;
}

static inline const gantry_fake_pair* gantry_fake_usable(const gantry_market* market,
                                                         uint32_t pool) {
  const gantry_fake_market* fake = gantry_fake_of(market);
  return pool < market->pool_count && fake->pairs[pool].usable ? &fake->pairs[pool] : NULL;
}

static inline gantry_status gantry_fake_token(const gantry_market* market, uint32_t token,
                                              gantry_token* out) {
  if (token >= market->token_count) return GANTRY_BAD_ARGUMENT;
  *out = gantry_fake_of(market)->tokens[token];
  return GANTRY_OK;
}

static inline gantry_status gantry_fake_pool_of(const gantry_market* market, uint32_t pool,
                                                gantry_pool* out) {
  if (pool >= market->pool_count) return GANTRY_BAD_ARGUMENT;
  const gantry_fake_pair* pair = &gantry_fake_of(market)->pairs[pool];
  memset(out, 0, sizeof(*out));
  out->address = gantry_fake_address((uint8_t)(0x80 + pool));
  out->tokens = pair->tokens;
  out->token_count = 2;
  out->usable = pair->usable;
  out->traits.swap_gas = 100000;
  out->traits.flags = GANTRY_POOL_EXACT_OUT;
  if (pair->venue != NULL) out->traits = pair->venue->traits;
  return GANTRY_OK;
}

static inline gantry_status gantry_fake_find_token(const gantry_market* market,
                                                   const gantry_address* address, uint32_t* out) {
  for (uint32_t i = 0; i < market->token_count; ++i) {
    if (memcmp(&gantry_fake_of(market)->tokens[i].address, address, sizeof(*address)) != 0)
      continue;
    *out = i;
    return GANTRY_OK;
  }
  return GANTRY_UNSUPPORTED;
}

static inline gantry_status gantry_fake_market_quote(const gantry_market* market, uint32_t pool,
                                                     const gantry_swap* swap, gantry_quote* out) {
  const gantry_fake_pair* pair = gantry_fake_usable(market, pool);
  if (pair == NULL) return GANTRY_REFUSED;
  if (swap->token_in > 1 || swap->token_out > 1 || swap->token_in == swap->token_out) {
    return GANTRY_BAD_ARGUMENT;
  }
  if (pair->venue == NULL) return gantry_fake_formula(pair, swap, out);
  const gantry_pool_state state = gantry_fake_state(pair->venue);
  return pair->venue->table->quote(pair->venue->instance, &state, swap, out, NULL);
}

static inline gantry_status gantry_fake_quote_many(const gantry_market* market, uint32_t pool,
                                                   const gantry_swap* swaps, uint32_t count,
                                                   gantry_quote* out, gantry_status* statuses) {
  if (gantry_fake_usable(market, pool) == NULL) return GANTRY_REFUSED;
  for (uint32_t i = 0; i < count; ++i) {
    statuses[i] = gantry_fake_market_quote(market, pool, &swaps[i], &out[i]);
  }
  return GANTRY_OK;
}

static inline gantry_status gantry_fake_limits(const gantry_market* market, uint32_t pool,
                                               uint32_t token_in, uint32_t token_out,
                                               gantry_swap_limits* out) {
  const gantry_fake_pair* pair = gantry_fake_usable(market, pool);
  if (pair == NULL) return GANTRY_REFUSED;
  if (pair->venue != NULL) {
    const gantry_pool_state state = gantry_fake_state(pair->venue);
    return pair->venue->table->limits(pair->venue->instance, &state, token_in, token_out, out);
  }
  gantry_quote least;
  gantry_swap swap = gantry_fake_swap(1, token_in, GANTRY_EXACT_OUT);
  const gantry_status status = gantry_fake_formula(pair, &swap, &least);
  if (status != GANTRY_OK) return status;
  memset(out, 0, sizeof(*out));
  out->in_min = least.amount_in;
  out->in_max.limb[1] = UINT64_MAX; /* below 2^128, and all products below 2^256 */
  swap.amount = out->in_max;
  swap.mode = GANTRY_EXACT_IN;
  gantry_fake_formula(pair, &swap, &least);
  out->out_max = least.amount_out;
  return GANTRY_OK;
}

static inline gantry_status gantry_fake_segments(const gantry_market* market, uint32_t pool,
                                                 uint32_t token_in, uint32_t token_out,
                                                 gantry_segment* out, uint32_t capacity,
                                                 uint32_t* count) {
  const gantry_fake_pair* pair = gantry_fake_usable(market, pool);
  if (pair == NULL) return GANTRY_REFUSED;
  if (pair->venue != NULL) {
    const gantry_pool_state state = gantry_fake_state(pair->venue);
    return pair->venue->table->segments(pair->venue->instance, &state, token_in, token_out, out,
                                        capacity, count);
  }
  *count = capacity > 0 ? 1 : 0;
  if (capacity == 0) return GANTRY_OK;
  memset(out, 0, sizeof(*out));
  out->reserve_in = pair->reserves[token_in];
  out->reserve_out = pair->reserves[token_out];
  memset(&out->in_end, 0xff, sizeof(out->in_end));
  out->fee = pair->fee_bps;
  out->fee_denominator = 10000;
  out->flags = GANTRY_SEGMENT_EXACT;
  return GANTRY_OK;
}

static inline gantry_status gantry_fake_view(const gantry_market* market, uint32_t pool,
                                             gantry_pool_view* out) {
  const gantry_fake_pair* pair = gantry_fake_usable(market, pool);
  if (pair == NULL) return GANTRY_REFUSED;
  if (pair->venue != NULL) {
    const gantry_pool_state state = gantry_fake_state(pair->venue);
    return pair->venue->table->view(pair->venue->instance, &state, out);
  }
  const uint32_t room = out->token_count;
  out->token_count = 2;
  if (room < 2) return GANTRY_NEED_SIZE;
  out->fee = pair->fee_bps * 100;
  out->balances[0] = pair->reserves[0];
  out->balances[1] = pair->reserves[1];
  return GANTRY_OK;
}

static inline gantry_status gantry_fake_no_state(const gantry_market* market, uint32_t pool,
                                                 gantry_state* out) {
  (void)market, (void)pool, (void)out;
  return GANTRY_UNSUPPORTED;
}

/* One hop on the pool as earlier hops left it. */
static inline gantry_status gantry_fake_hop(gantry_fake_pair* pair, gantry_fake_pool* venue,
                                            const gantry_swap* swap, gantry_quote* out) {
  if (pair->venue == NULL) {
    const gantry_status status = gantry_fake_formula(pair, swap, out);
    if (status != GANTRY_OK) return status;
    gantry_amount* in = &pair->reserves[swap->token_in];
    gantry_amount* has = &pair->reserves[swap->token_out];
    gantry_amount_sub(*has, out->amount_out, has);
    return gantry_amount_add(*in, out->amount_in, in) ? GANTRY_OK : GANTRY_OUT_OF_RANGE;
  }
  GANTRY_FAKE_ALIGNED uint8_t after[GANTRY_OVERLAY_BYTES_MAX];
  gantry_buffer next;
  next.data = after;
  next.capacity = sizeof(after);
  next.size = 0;
  const gantry_pool_state state = gantry_fake_state(venue);
  const gantry_status status = venue->table->quote(venue->instance, &state, swap, out, &next);
  if (status != GANTRY_OK) return status;
  memcpy(venue->overlay, after, next.size);
  venue->overlay_size = next.size;
  return GANTRY_OK;
}

/* A pool that is visited again is quoted after the earlier visit; the market is as before then. */
static inline gantry_status gantry_fake_route(const gantry_market* market, const gantry_hop* hops,
                                              uint32_t count, const gantry_amount* amount,
                                              int32_t mode, gantry_route_quote* out) {
  gantry_fake_pair pairs[GANTRY_FAKE_MARKET_POOLS];
  uint64_t sizes[GANTRY_LEGS_MAX] = {0};
  uint8_t overlays[GANTRY_LEGS_MAX][GANTRY_OVERLAY_BYTES_MAX];
  gantry_route_quote route;
  gantry_status status = GANTRY_OK;
  memcpy(pairs, gantry_fake_of(market)->pairs, sizeof(pairs));
  memset(&route, 0, sizeof(route));
  if (count == 0 || count > GANTRY_LEGS_MAX) return GANTRY_BAD_ARGUMENT;
  const int exact_in = mode == GANTRY_EXACT_IN;
  for (uint32_t i = 0; i < count; ++i) {
    const gantry_fake_pair* pair = gantry_fake_usable(market, hops[i].pool);
    if (pair == NULL) return GANTRY_REFUSED;
    const int there =
        (hops[i].token_in == pair->tokens[0] && hops[i].token_out == pair->tokens[1]) ||
        (hops[i].token_in == pair->tokens[1] && hops[i].token_out == pair->tokens[0]);
    if (!there) return GANTRY_BAD_ARGUMENT;
    for (uint32_t j = 0; j < i; ++j) {
      if (!exact_in && hops[j].pool == hops[i].pool) return GANTRY_UNSUPPORTED;
    }
    if (pair->venue == NULL) continue;
    sizes[i] = pair->venue->overlay_size;
    memcpy(overlays[i], pair->venue->overlay, sizes[i]);
  }
  route.amounts[exact_in ? 0 : count] = *amount;
  uint32_t done = 0;
  for (; done < count && status == GANTRY_OK; ++done) {
    const uint32_t i = exact_in ? done : count - 1 - done;
    gantry_fake_pair* pair = &pairs[hops[i].pool];
    gantry_swap swap = gantry_fake_swap(0, hops[i].token_in == pair->tokens[0] ? 0 : 1, mode);
    gantry_quote quote;
    swap.amount = route.amounts[exact_in ? i : i + 1];
    status = gantry_fake_hop(pair, pair->venue, &swap, &quote);
    if (status != GANTRY_OK) continue;
    route.amounts[exact_in ? i + 1 : i] = exact_in ? quote.amount_out : quote.amount_in;
    route.gas += quote.gas;
  }
  for (uint32_t i = 0; i < count; ++i) {
    gantry_fake_pool* venue = pairs[hops[i].pool].venue;
    if (venue == NULL) continue;
    venue->overlay_size = sizes[i];
    memcpy(venue->overlay, overlays[i], sizes[i]);
  }
  if (status != GANTRY_OK) return status;
  route.amount_in = route.amounts[0];
  route.amount_out = route.amounts[count];
  *out = route;
  return GANTRY_OK;
}

static inline gantry_status gantry_fake_value(const gantry_market* market, uint32_t token,
                                              const gantry_amount* amount, gantry_value* out) {
  if (token >= market->token_count) return GANTRY_BAD_ARGUMENT;
  const uint64_t wei = gantry_fake_of(market)->wei_per_unit[token];
  gantry_value value;
  memset(&value, 0, sizeof(value));
  value.source = UINT32_MAX;
  value.confidence = 1;
  if (wei == 0 || !gantry_amount_mul(*amount, gantry_amount_of(wei), &value.ether_wei)) {
    return GANTRY_UNSUPPORTED;
  }
  *out = value;
  return GANTRY_OK;
}

static inline gantry_status gantry_fake_price(const gantry_market* market, uint32_t token,
                                              uint32_t quote, gantry_price* out) {
  (void)market, (void)token, (void)quote, (void)out;
  return GANTRY_UNSUPPORTED;
}

static inline gantry_status gantry_fake_history(const gantry_market* market,
                                                const gantry_history_query* query,
                                                gantry_sample* out, uint32_t capacity,
                                                uint32_t* count) {
  (void)market, (void)query, (void)out, (void)capacity, (void)count;
  return GANTRY_UNSUPPORTED;
}

static inline gantry_status gantry_fake_balance(const gantry_market* market, uint32_t token,
                                                gantry_amount* out) {
  (void)market, (void)token;
  memset(out, 0xff, sizeof(*out));
  return GANTRY_OK;
}

/* ---- making one ---- */

/* A market without tokens and pools, cold, in which the first token will be the wrapped coin. */
static inline void gantry_fake_market_init(gantry_fake_market* market) {
  memset(market, 0, sizeof(*market));
  market->services.token = gantry_fake_token;
  market->services.pool = gantry_fake_pool_of;
  market->services.find_token = gantry_fake_find_token;
  market->services.quote = gantry_fake_market_quote;
  market->services.quote_many = gantry_fake_quote_many;
  market->services.limits = gantry_fake_limits;
  market->services.segments = gantry_fake_segments;
  market->services.view = gantry_fake_view;
  market->services.state = gantry_fake_no_state;
  market->services.quote_route = gantry_fake_route;
  market->services.value = gantry_fake_value;
  market->services.price = gantry_fake_price;
  market->services.history = gantry_fake_history;
  market->services.balance = gantry_fake_balance;
  market->context = gantry_fake_context();
  market->table.self = market;
  market->table.services = &market->services;
  market->table.context = &market->context;
  market->table.snapshot = 1;
  market->table.topology = 1;
  market->table.venue_count = 1;
  market->table.changed_pools = market->changed;
  market->table.cold = 1;
}

/* Adds a token, whose smallest unit is worth that much (0: cannot be valued); its handle. */
static inline uint32_t gantry_fake_add_token(gantry_fake_market* market, const char* symbol,
                                             uint32_t decimals, uint64_t wei_per_unit) {
  const uint32_t handle = market->table.token_count++;
  gantry_token* token = &market->tokens[handle];
  token->address = gantry_fake_address((uint8_t)(1 + handle));
  token->symbol = gantry_fake_text(symbol);
  token->decimals = decimals;
  token->flags = (handle == 0 ? (uint32_t)GANTRY_TOKEN_WRAPPED : 0U) |
                 (wei_per_unit != 0 ? (uint32_t)GANTRY_TOKEN_VALUED : 0U);
  market->wei_per_unit[handle] = wei_per_unit;
  return handle;
}

/* Adds a pair by the formula; its handle. */
static inline uint32_t gantry_fake_add_pair(gantry_fake_market* market, uint32_t token0,
                                            uint64_t reserve0, uint32_t token1, uint64_t reserve1,
                                            uint32_t fee_bps) {
  const uint32_t handle = market->table.pool_count++;
  gantry_fake_pair* pair = &market->pairs[handle];
  pair->tokens[0] = token0;
  pair->tokens[1] = token1;
  pair->reserves[0] = gantry_amount_of(reserve0);
  pair->reserves[1] = gantry_amount_of(reserve1);
  pair->fee_bps = fee_bps;
  pair->usable = 1;
  return handle;
}

/* Adds a pool that a real venue answers for; its handle. */
static inline uint32_t gantry_fake_add_venue(gantry_fake_market* market, uint32_t token0,
                                             uint32_t token1, gantry_fake_pool* pool) {
  const uint32_t handle = gantry_fake_add_pair(market, token0, 0, token1, 0, 0);
  market->pairs[handle].venue = pool;
  return handle;
}

/* The next snapshot, in which this pool alone has changed; the test changes it. */
static inline void gantry_fake_next(gantry_fake_market* market, uint32_t changed_pool) {
  ++market->table.snapshot;
  ++market->context.state_block;
  ++market->context.execution_block;
  market->table.cold = 0;
  market->changed[0] = changed_pool;
  market->table.changed_count = 1;
}
#endif

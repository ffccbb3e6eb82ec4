/* gantry/testing/fake_pool.h: one pool of the venue under test, with the memory that a host would
 * hold for it: opens it, keeps its requests, feeds it facts, quotes. C11 and C++.
 *
 * OWNERSHIP  Plain memory of the test's. The instance is the test's to create and destroy.
 * BOUNDS     8 chunks of 4 KiB, 8 tokens, 16 requests of 256 bytes. */
#ifndef GANTRY_TESTING_FAKE_POOL_H
#define GANTRY_TESTING_FAKE_POOL_H
#include "gantry/testing/fake_host.h"

#ifdef __cplusplus
#define GANTRY_FAKE_ALIGNED alignas(16)
#else
#define GANTRY_FAKE_ALIGNED _Alignas(16)
#endif

enum {
  GANTRY_FAKE_CHUNKS = 8,
  GANTRY_FAKE_CHUNK_BYTES = 4096,
  GANTRY_FAKE_TOKENS = 8,
  GANTRY_FAKE_REQUESTS = 16,
  GANTRY_FAKE_PAYLOAD = 256
};

typedef struct gantry_fake_chunk {
  uint64_t size; /* 0: there is none */
  GANTRY_FAKE_ALIGNED uint8_t bytes[GANTRY_FAKE_CHUNK_BYTES];
} gantry_fake_chunk;

typedef struct gantry_fake_pool {
  const gantry_dex_v1* table;
  gantry_dex_instance* instance;
  gantry_context context;
  gantry_pool_token tokens[GANTRY_FAKE_TOKENS];
  gantry_pool_spec spec;
  gantry_pool_traits traits;
  gantry_error error; /* of the last open */
  gantry_fake_chunk chunks[GANTRY_FAKE_CHUNKS];
  gantry_fake_chunk written[GANTRY_FAKE_CHUNKS]; /* what the call under way writes */
  gantry_bytes views[GANTRY_FAKE_CHUNKS];
  gantry_request requests[GANTRY_FAKE_REQUESTS];
  uint8_t payloads[GANTRY_FAKE_REQUESTS][GANTRY_FAKE_PAYLOAD];
  uint32_t request_count;
  GANTRY_FAKE_ALIGNED uint8_t overlay[GANTRY_OVERLAY_BYTES_MAX];
  uint64_t overlay_size; /* 0: quotes are on the state itself */
} gantry_fake_pool;

static inline uint8_t* gantry_fake_write(void* self, uint32_t index, uint64_t size) {
  gantry_fake_pool* pool = (gantry_fake_pool*)self;
  if (index >= GANTRY_FAKE_CHUNKS || size == 0 || size > GANTRY_FAKE_CHUNK_BYTES) return NULL;
  gantry_fake_chunk* chunk = &pool->written[index];
  if (chunk->size != 0 && chunk->size != size) return NULL;
  if (chunk->size == 0) memset(chunk->bytes, 0, size);
  chunk->size = size;
  return chunk->bytes;
}

static inline void gantry_fake_publish(gantry_fake_pool* pool, gantry_status status) {
  for (uint32_t i = 0; i < GANTRY_FAKE_CHUNKS; ++i) {
    if (status == GANTRY_OK && pool->written[i].size != 0) pool->chunks[i] = pool->written[i];
    pool->written[i].size = 0;
  }
}

static inline gantry_state gantry_fake_base(gantry_fake_pool* pool) {
  gantry_state state;
  memset(&state, 0, sizeof(state));
  state.chunks = pool->views;
  for (uint32_t i = 0; i < GANTRY_FAKE_CHUNKS; ++i) {
    const int there = pool->chunks[i].size != 0;
    pool->views[i].data = there ? pool->chunks[i].bytes : NULL;
    pool->views[i].size = pool->chunks[i].size;
    if (there) state.chunk_count = i + 1;
  }
  return state;
}

/* The pool as quote() and its neighbours take it. */
static inline gantry_pool_state gantry_fake_state(gantry_fake_pool* pool) {
  gantry_pool_state state;
  memset(&state, 0, sizeof(state));
  state.base = gantry_fake_base(pool);
  state.overlay.data = pool->overlay_size != 0 ? pool->overlay : NULL;
  state.overlay.size = pool->overlay_size;
  state.context = &pool->context;
  return state;
}

/* Takes on a pool of two tokens; what is wrong with it is in pool->error. */
static inline gantry_status gantry_fake_open(gantry_fake_pool* pool, const gantry_dex_v1* table,
                                             gantry_dex_instance* instance, uint32_t decimals0,
                                             uint32_t decimals1) {
  memset(pool, 0, sizeof(*pool));
  pool->table = table;
  pool->instance = instance;
  pool->context = gantry_fake_context();
  pool->tokens[0].address = gantry_fake_address(1);
  pool->tokens[0].decimals = decimals0;
  pool->tokens[1].address = gantry_fake_address(2);
  pool->tokens[1].decimals = decimals1;
  pool->spec.address = gantry_fake_address(0xaa);
  pool->spec.tokens = pool->tokens;
  pool->spec.token_count = 2;
  gantry_state_writer writer;
  writer.self = pool;
  writer.chunk = gantry_fake_write;
  const gantry_status status =
      table->open_pool(instance, &pool->spec, &writer, &pool->traits, &pool->error);
  gantry_fake_publish(pool, status);
  return status;
}

static inline gantry_status gantry_fake_request(void* self, const gantry_request* request) {
  gantry_fake_pool* pool = (gantry_fake_pool*)self;
  if (request->source < GANTRY_SOURCE_EVM_CALL || request->source > GANTRY_SOURCE_SOLANA_PROGRAM) {
    return GANTRY_BAD_ARGUMENT;
  }
  if (pool->request_count == GANTRY_FAKE_REQUESTS || request->payload.size > GANTRY_FAKE_PAYLOAD) {
    return GANTRY_REFUSED;
  }
  gantry_request* kept = &pool->requests[pool->request_count];
  *kept = *request;
  kept->payload.data = pool->payloads[pool->request_count];
  if (request->payload.size > 0) {
    memcpy(pool->payloads[pool->request_count], request->payload.data, request->payload.size);
  }
  ++pool->request_count;
  return GANTRY_OK;
}

/* Asks for the requests of a round, and keeps them. */
static inline gantry_status gantry_fake_ask(gantry_fake_pool* pool, uint32_t round) {
  gantry_request_sink sink;
  sink.self = pool;
  sink.emit = gantry_fake_request;
  pool->request_count = 0;
  const gantry_state state = gantry_fake_base(pool);
  return pool->table->requests(pool->instance, &pool->context, &pool->spec, &state, round, &sink);
}

/* Writes `value` as a word of an EVM chain: 32 bytes, big-endian. */
static inline void gantry_fake_word(uint8_t* to, uint64_t value) {
  memset(to, 0, 32);
  for (int i = 0; i < 8; ++i) to[31 - i] = (uint8_t)(value >> (8 * i));
}

/* The answer to request `tag`. */
static inline gantry_fact gantry_fake_fact(uint32_t tag, const uint8_t* data, uint64_t size) {
  gantry_fact fact;
  memset(&fact, 0, sizeof(fact));
  fact.source = GANTRY_SOURCE_EVM_CALL;
  fact.tag = tag;
  fact.block = 100;
  fact.emitter = gantry_fake_address(0xaa);
  fact.data.data = data;
  fact.data.size = size;
  return fact;
}

/* Hands facts to apply(); with GANTRY_OK the next state is the pool's. */
static inline gantry_status gantry_fake_feed(gantry_fake_pool* pool, const gantry_fact* facts,
                                             uint32_t count) {
  gantry_state_writer writer;
  writer.self = pool;
  writer.chunk = gantry_fake_write;
  const gantry_state state = gantry_fake_base(pool);
  const gantry_status status =
      pool->table->apply(pool->instance, &pool->context, &state, facts, count, &writer);
  gantry_fake_publish(pool, status);
  return status;
}

static inline gantry_swap gantry_fake_swap(uint64_t amount, uint32_t token_in, int32_t mode) {
  gantry_swap swap;
  memset(&swap, 0, sizeof(swap));
  swap.amount = gantry_amount_of(amount);
  swap.token_in = token_in;
  swap.token_out = 1 - token_in;
  swap.mode = mode;
  return swap;
}

/* Quotes on the pool as it is, `amount` of token_in going in. */
static inline gantry_status gantry_fake_quote(gantry_fake_pool* pool, uint64_t amount,
                                              uint32_t token_in, gantry_quote* out) {
  const gantry_swap swap = gantry_fake_swap(amount, token_in, GANTRY_EXACT_IN);
  const gantry_pool_state state = gantry_fake_state(pool);
  return pool->table->quote(pool->instance, &state, &swap, out, NULL);
}

/* The same, and what follows is quoted on the pool after that swap. */
static inline gantry_status gantry_fake_trade(gantry_fake_pool* pool, uint64_t amount,
                                              uint32_t token_in, gantry_quote* out) {
  GANTRY_FAKE_ALIGNED uint8_t after[GANTRY_OVERLAY_BYTES_MAX];
  gantry_buffer next;
  next.data = after;
  next.capacity = pool->traits.overlay_bytes;
  next.size = 0;
  const gantry_swap swap = gantry_fake_swap(amount, token_in, GANTRY_EXACT_IN);
  const gantry_pool_state state = gantry_fake_state(pool);
  const gantry_status status = pool->table->quote(pool->instance, &state, &swap, out, &next);
  if (status == GANTRY_OK) {
    memcpy(pool->overlay, after, next.size);
    pool->overlay_size = next.size;
  }
  return status;
}
#endif

/* A constant-product pair in plain C11, without the C++ face: out = floor(in * (10000 - fee) * rOut
 * / (rIn * 10000 + in * (10000 - fee))). Reserves are kept below 2^48, so that 128 bits hold every
 * product. */
#include <stdlib.h>
#include <string.h>

#include "gantry/dex.h"

typedef unsigned __int128 wide;

enum { BPS = 10000, SWAP_GAS = 90000, WORD = 32 };
#define RESERVE_MAX ((UINT64_C(1) << 48) - 1)

struct gantry_dex_instance {
  uint64_t fee_bps;
};

/* Chunk 0, and the overlay. */
typedef struct reserves {
  uint64_t of[2];
} reserves;

static gantry_status create(const gantry_host* host, const gantry_instance_config* config,
                            gantry_dex_instance** out, gantry_error* error) {
  static const char name[] = "fee_bps";
  (void)host;
  for (uint32_t i = 0; i < config->parameter_count; ++i) {
    const gantry_parameter* parameter = &config->parameters[i];
    if (parameter->name.size != sizeof(name) - 1 || parameter->type != GANTRY_PARAMETER_INTEGER ||
        memcmp(parameter->name.data, name, sizeof(name) - 1) != 0) {
      continue;
    }
    gantry_dex_instance* instance = malloc(sizeof(*instance));
    if (instance == NULL) break;
    instance->fee_bps = (uint64_t)parameter->integer;
    *out = instance;
    return GANTRY_OK;
  }
  error->code = GANTRY_PLUGIN_FAULT;
  error->fault = GANTRY_FAULT_PLUGIN;
  strcpy(error->message, "no fee_bps, or no memory");
  return GANTRY_PLUGIN_FAULT;
}

static void destroy(gantry_dex_instance* instance) { free(instance); }

static gantry_status discover(gantry_dex_instance* instance, const gantry_context* context,
                              gantry_bytes cursor, const gantry_fact* facts, uint32_t fact_count,
                              const gantry_request_sink* requests, const gantry_pool_sink* pools,
                              gantry_buffer* next_cursor) {
  (void)instance, (void)context, (void)cursor, (void)facts, (void)fact_count;
  (void)requests, (void)pools, (void)next_cursor;
  return GANTRY_UNSUPPORTED;
}

static gantry_status open_pool(gantry_dex_instance* instance, const gantry_pool_spec* spec,
                               const gantry_state_writer* writer, gantry_pool_traits* out,
                               gantry_error* error) {
  (void)instance, (void)writer;
  if (spec->token_count != 2) {
    error->code = GANTRY_REFUSED;
    error->fault = GANTRY_FAULT_WORLD;
    strcpy(error->message, "a pair has two tokens");
    return GANTRY_REFUSED;
  }
  memset(out, 0, sizeof(*out));
  out->flags = GANTRY_POOL_FOLLOWS_LOGS;
  out->overlay_bytes = sizeof(reserves);
  out->swap_gas = SWAP_GAS;
  return GANTRY_OK;
}

static gantry_status ask(gantry_dex_instance* instance, const gantry_context* context,
                         const gantry_pool_spec* spec, const gantry_state* state, uint32_t round,
                         const gantry_request_sink* sink) {
  static const uint8_t get_reserves[] = {0x09, 0x02, 0xf1, 0xac};
  gantry_request request;
  (void)instance, (void)context, (void)state, (void)round;
  memset(&request, 0, sizeof(request));
  request.source = GANTRY_SOURCE_EVM_CALL;
  request.target = spec->address;
  request.payload.data = get_reserves;
  request.payload.size = sizeof(get_reserves);
  gantry_status status = sink->emit(sink->self, &request);
  if (status != GANTRY_OK) return status;
  request.source = GANTRY_SOURCE_EVM_LOG;
  request.payload.size = 0;
  return sink->emit(sink->self, &request);
}

/* Two 32-byte words, as getReserves() returns and Sync carries them. */
static int decode(const gantry_fact* fact, reserves* out) {
  if (fact->status != GANTRY_OK || fact->data.size < 2 * WORD) return 0;
  for (int i = 0; i < 2; ++i) {
    uint64_t value = 0;
    for (int j = 0; j < WORD; ++j) {
      if (value > RESERVE_MAX >> 8) return 0;
      value = value << 8 | fact->data.data[WORD * i + j];
    }
    out->of[i] = value;
  }
  return 1;
}

static gantry_status apply(gantry_dex_instance* instance, const gantry_context* context,
                           const gantry_state* old, const gantry_fact* facts, uint32_t fact_count,
                           const gantry_state_writer* writer) {
  reserves next;
  (void)instance, (void)context, (void)old;
  if (fact_count == 0) return GANTRY_NEED_STATE;
  for (uint32_t i = 0; i < fact_count; ++i) {
    if (!decode(&facts[i], &next)) return GANTRY_BAD_STATE;
  }
  uint8_t* chunk = writer->chunk(writer->self, 0, sizeof(next));
  if (chunk == NULL) return GANTRY_HOST_FAULT;
  memcpy(chunk, &next, sizeof(next));
  return GANTRY_OK;
}

static int look(const gantry_pool_state* state, reserves* out) {
  gantry_bytes bytes = state->overlay;
  if (bytes.size == 0 && state->base.chunk_count > 0) bytes = state->base.chunks[0];
  if (bytes.size != sizeof(*out)) return 0;
  memcpy(out, bytes.data, sizeof(*out));
  return out->of[0] <= RESERVE_MAX && out->of[1] <= RESERVE_MAX;
}

static int is_direction(uint32_t in, uint32_t out) { return in < 2 && out == 1 - in; }

static int fits_u64(const gantry_amount* amount) {
  return (amount->limb[1] | amount->limb[2] | amount->limb[3]) == 0;
}

static gantry_status quote(const gantry_dex_instance* instance, const gantry_pool_state* state,
                           const gantry_swap* swap, gantry_quote* out, gantry_buffer* next) {
  reserves now;
  if (!look(state, &now)) return GANTRY_BAD_STATE;
  if (!is_direction(swap->token_in, swap->token_out)) return GANTRY_BAD_ARGUMENT;
  if (swap->mode != GANTRY_EXACT_IN) return GANTRY_UNSUPPORTED;
  const uint64_t in = swap->amount.limb[0];
  const uint64_t reserve_in = now.of[swap->token_in];
  if (!fits_u64(&swap->amount) || in > RESERVE_MAX - reserve_in) return GANTRY_OUT_OF_RANGE;
  const wide kept = (wide)in * (BPS - instance->fee_bps);
  const wide divisor = (wide)reserve_in * BPS + kept;
  if (divisor == 0) return GANTRY_NO_LIQUIDITY;
  const uint64_t pays = (uint64_t)(kept * now.of[swap->token_out] / divisor);
  if (pays == 0) return GANTRY_NO_LIQUIDITY;
  if (next != NULL) {
    next->size = sizeof(now);
    if (next->capacity < sizeof(now)) return GANTRY_NEED_SIZE;
    now.of[swap->token_in] += in;
    now.of[swap->token_out] -= pays;
    memcpy(next->data, &now, sizeof(now));
  }
  memset(out, 0, sizeof(*out));
  out->amount_in.limb[0] = in;
  out->amount_out.limb[0] = pays;
  out->fee.limb[0] = (uint64_t)(((wide)in * instance->fee_bps + BPS - 1) / BPS);
  out->gas = SWAP_GAS;
  return GANTRY_OK;
}

static gantry_status quote_many(const gantry_dex_instance* instance, const gantry_pool_state* state,
                                const gantry_swap* swaps, uint32_t count, gantry_quote* out,
                                gantry_status* statuses) {
  for (uint32_t i = 0; i < count; ++i) {
    statuses[i] = quote(instance, state, &swaps[i], &out[i], NULL);
  }
  return GANTRY_OK;
}

static gantry_status limits(const gantry_dex_instance* instance, const gantry_pool_state* state,
                            uint32_t token_in, uint32_t token_out, gantry_swap_limits* out) {
  reserves now;
  gantry_swap swap;
  gantry_quote most;
  if (!look(state, &now)) return GANTRY_BAD_STATE;
  if (!is_direction(token_in, token_out)) return GANTRY_BAD_ARGUMENT;
  if (now.of[token_in] >= RESERVE_MAX || now.of[token_out] < 2) return GANTRY_NO_LIQUIDITY;
  memset(&swap, 0, sizeof(swap));
  swap.amount.limb[0] = RESERVE_MAX - now.of[token_in];
  swap.token_in = token_in;
  swap.token_out = token_out;
  const gantry_status status = quote(instance, state, &swap, &most, NULL);
  if (status != GANTRY_OK) return status;
  memset(out, 0, sizeof(*out));
  /* The least that pays one unit: ceil(rIn * 10000 / ((rOut - 1) * (10000 - fee))). */
  const wide divisor = (wide)(now.of[token_out] - 1) * (BPS - instance->fee_bps);
  out->in_min.limb[0] = (uint64_t)(((wide)now.of[token_in] * BPS + divisor - 1) / divisor);
  if (out->in_min.limb[0] > swap.amount.limb[0]) return GANTRY_NO_LIQUIDITY;
  out->in_max.limb[0] = swap.amount.limb[0];
  out->out_max = most.amount_out;
  return GANTRY_OK;
}

static gantry_status segments(const gantry_dex_instance* instance, const gantry_pool_state* state,
                              uint32_t token_in, uint32_t token_out, gantry_segment* out,
                              uint32_t capacity, uint32_t* count) {
  (void)instance, (void)state, (void)token_in, (void)token_out, (void)out, (void)capacity;
  (void)count;
  return GANTRY_UNSUPPORTED;
}

static gantry_status view(const gantry_dex_instance* instance, const gantry_pool_state* state,
                          gantry_pool_view* out) {
  reserves now;
  const uint32_t room = out->token_count;
  if (!look(state, &now)) return GANTRY_BAD_STATE;
  out->token_count = 2;
  if (room < 2) return GANTRY_NEED_SIZE;
  out->fee = (uint32_t)(instance->fee_bps * 100);
  memset(out->balances, 0, 2 * sizeof(gantry_amount));
  out->balances[0].limb[0] = now.of[0];
  out->balances[1].limb[0] = now.of[1];
  return GANTRY_OK;
}

static gantry_status build_swap(const gantry_dex_instance* instance, const gantry_pool_spec* spec,
                                const gantry_pool_state* state, const gantry_swap_order* order,
                                const gantry_instruction_sink* sink) {
  (void)instance, (void)spec, (void)state, (void)order, (void)sink;
  return GANTRY_UNSUPPORTED;
}

static const void* get_extension(const gantry_dex_instance* instance, const char* id) {
  (void)instance, (void)id;
  return NULL;
}

static const gantry_dex_v1 table = {create, destroy,    discover,     open_pool, ask,
                                    apply,  quote,      quote_many,   limits,    segments,
                                    view,   build_swap, get_extension};

static gantry_status init(const gantry_host* host, gantry_error* error) {
  (void)host, (void)error;
  return GANTRY_OK;
}

static void deinit(void) {}

static const void* get_interface(const char* id) {
  return strcmp(id, GANTRY_DEX_ID) == 0 ? &table : NULL;
}

extern GANTRY_EXPORT const gantry_plugin_entry gantry_plugin;
const gantry_plugin_entry gantry_plugin = {
    GANTRY_PLUGIN_MAGIC, GANTRY_PLUGIN_REVISION, 0, init, deinit, get_interface};

/* A constant-product pair in plain C11: out = floor(in * (10000 - fee) * reserve_out /
 * (reserve_in * 10000 + in * (10000 - fee))), as the chain computes it, in 256 bits. What each call
 * means, and what it may answer, is said in gantry/dex.h. */
#include <stdlib.h>
#include <string.h>

#include "gantry/amount.h"
#include "gantry/dex.h"

enum { BPS = 10000, SWAP_GAS = 90000, WORD = 32, CALL_BYTES = 4 + 4 * WORD };

struct gantry_dex_instance {
  uint64_t fee_bps;
};

/* Chunk 0, and the overlay: numbers only, so that the host may copy and share it. */
typedef struct reserves {
  gantry_amount of[2];
} reserves;

static gantry_status fail(gantry_error* error, gantry_status code, int32_t fault,
                          const char* message) {
  error->code = code;
  error->fault = fault;
  strncpy(error->message, message, sizeof(error->message) - 1);
  error->message[sizeof(error->message) - 1] = '\0';
  return code;
}

/* A parameter of the manifest; null: it has none of that name and type. */
static const gantry_parameter* find_parameter(const gantry_instance_config* config,
                                              const char* name, int32_t type) {
  for (uint32_t i = 0; i < config->parameter_count; ++i) {
    const gantry_parameter* parameter = &config->parameters[i];
    if (parameter->type == type && parameter->name.size == strlen(name) &&
        memcmp(parameter->name.data, name, parameter->name.size) == 0) {
      return parameter;
    }
  }
  return NULL;
}

static gantry_status create(const gantry_host* host, const gantry_instance_config* config,
                            gantry_dex_instance** out, gantry_error* error) {
  const gantry_parameter* fee = find_parameter(config, "fee_bps", GANTRY_PARAMETER_INTEGER);
  (void)host;
  if (fee == NULL) {
    return fail(error, GANTRY_PLUGIN_FAULT, GANTRY_FAULT_PLUGIN, "plugin.json has no fee_bps");
  }
  gantry_dex_instance* instance = malloc(sizeof(*instance));
  if (instance == NULL) {
    return fail(error, GANTRY_PLUGIN_FAULT, GANTRY_FAULT_PLUGIN, "no memory");
  }
  instance->fee_bps = (uint64_t)fee->integer;
  *out = instance;
  return GANTRY_OK;
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
    return fail(error, GANTRY_REFUSED, GANTRY_FAULT_WORLD, "a pair has two tokens");
  }
  memset(out, 0, sizeof(*out));
  out->flags = GANTRY_POOL_FOLLOWS_LOGS;
  out->overlay_bytes = sizeof(reserves);
  out->swap_gas = SWAP_GAS;
  return GANTRY_OK;
}

/* getReserves() once, and from then on the pair's logs. */
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
  const gantry_status status = sink->emit(sink->self, &request);
  if (status != GANTRY_OK) return status;
  request.source = GANTRY_SOURCE_EVM_LOG;
  request.payload.size = 0;
  return sink->emit(sink->self, &request);
}

/* keccak256("Sync(uint112,uint112)"), the log in which a pair tells its reserves. */
static int is_sync(const gantry_fact* fact) {
  static const uint8_t topic[WORD] = {0x1c, 0x41, 0x1e, 0x9a, 0x96, 0xe0, 0x71, 0x24,
                                      0x1c, 0x2f, 0x21, 0xf7, 0x72, 0x6b, 0x17, 0xae,
                                      0x89, 0xe3, 0xca, 0xb4, 0xc7, 0x8b, 0xe5, 0x0e,
                                      0x06, 0x2b, 0x03, 0xa9, 0xff, 0xfb, 0xba, 0xd1};
  return fact->topics.size == WORD && memcmp(fact->topics.data, topic, WORD) == 0;
}

/* A pair keeps its reserves in 112 bits. */
static int fits_112_bits(const gantry_amount* amount) {
  return (amount->limb[1] >> 48 | amount->limb[2] | amount->limb[3]) == 0;
}

static gantry_status apply(gantry_dex_instance* instance, const gantry_context* context,
                           const gantry_state* old, const gantry_fact* facts, uint32_t fact_count,
                           const gantry_state_writer* writer) {
  reserves next;
  int known = 0;
  (void)instance, (void)context;
  for (uint32_t i = 0; i < fact_count; ++i) {
    if (facts[i].source == GANTRY_SOURCE_EVM_LOG && !is_sync(&facts[i])) continue;
    if (facts[i].status != GANTRY_OK || facts[i].data.size < 2 * WORD) return GANTRY_BAD_STATE;
    for (int token = 0; token < 2; ++token) {
      next.of[token] = gantry_amount_load_be(facts[i].data.data + WORD * token);
      if (!fits_112_bits(&next.of[token])) return GANTRY_BAD_STATE;
    }
    known = 1;
  }
  if (!known) return old->chunk_count > 0 ? GANTRY_OK : GANTRY_NEED_STATE;
  uint8_t* chunk = writer->chunk(writer->self, 0, sizeof(next));
  if (chunk == NULL) return GANTRY_HOST_FAULT;
  memcpy(chunk, &next, sizeof(next));
  return GANTRY_OK;
}

/* The pool now, or after the swaps that the overlay stands for. 0: it is not this plugin's. */
static int look(const gantry_pool_state* state, reserves* out) {
  gantry_bytes bytes = state->overlay;
  if (bytes.size == 0 && state->base.chunk_count > 0) bytes = state->base.chunks[0];
  if (bytes.size != sizeof(*out)) return 0;
  memcpy(out, bytes.data, sizeof(*out));
  return fits_112_bits(&out->of[0]) && fits_112_bits(&out->of[1]);
}

static gantry_status quote(const gantry_dex_instance* instance, const gantry_pool_state* state,
                           const gantry_swap* swap, gantry_quote* out, gantry_buffer* next) {
  const gantry_amount kept_bps = gantry_amount_of(BPS - instance->fee_bps);
  reserves now;
  gantry_amount kept;
  gantry_amount divisor;
  gantry_amount pays;
  gantry_amount fee;
  if (!look(state, &now)) return GANTRY_BAD_STATE;
  if (swap->mode != GANTRY_EXACT_IN) return GANTRY_UNSUPPORTED;
  if (swap->token_in > 1 || swap->token_out != 1 - swap->token_in) return GANTRY_BAD_ARGUMENT;
  gantry_amount* in = &now.of[swap->token_in];
  gantry_amount* has = &now.of[swap->token_out];
  if (gantry_amount_is_zero(*in) || gantry_amount_is_zero(*has)) return GANTRY_NO_LIQUIDITY;
  if (!gantry_amount_mul(swap->amount, kept_bps, &kept) ||
      !gantry_amount_mul(*in, gantry_amount_of(BPS), &divisor) ||
      !gantry_amount_add(divisor, kept, &divisor) || !gantry_amount_add(*in, swap->amount, in) ||
      !fits_112_bits(in) || !gantry_amount_mul_div_floor(kept, *has, divisor, &pays) ||
      !gantry_amount_mul_div_ceil(swap->amount, gantry_amount_of(instance->fee_bps),
                                  gantry_amount_of(BPS), &fee)) {
    return GANTRY_OUT_OF_RANGE;
  }
  if (gantry_amount_is_zero(pays)) return GANTRY_NO_LIQUIDITY;
  if (next != NULL) {
    next->size = sizeof(now);
    if (next->capacity < sizeof(now)) return GANTRY_NEED_SIZE;
    if (!gantry_amount_sub(*has, pays, has)) return GANTRY_NO_LIQUIDITY;
    memcpy(next->data, &now, sizeof(now));
  }
  memset(out, 0, sizeof(*out));
  out->amount_in = swap->amount;
  out->amount_out = pays;
  out->fee = fee;
  out->gas = SWAP_GAS;
  return GANTRY_OK;
}

static gantry_status quote_many(const gantry_dex_instance* instance, const gantry_pool_state* state,
                                const gantry_swap* swaps, uint32_t count, gantry_quote* out,
                                gantry_status* statuses) {
  reserves now;
  if (!look(state, &now)) return GANTRY_BAD_STATE;
  for (uint32_t i = 0; i < count; ++i) {
    statuses[i] = quote(instance, state, &swaps[i], &out[i], NULL);
  }
  return GANTRY_OK;
}

static gantry_status limits(const gantry_dex_instance* instance, const gantry_pool_state* state,
                            uint32_t token_in, uint32_t token_out, gantry_swap_limits* out) {
  const gantry_amount one = gantry_amount_of(1);
  const gantry_amount full = {{UINT64_MAX, UINT64_MAX >> 16, 0, 0}};
  reserves now;
  gantry_swap swap;
  gantry_quote most;
  gantry_amount divisor;
  if (!look(state, &now)) return GANTRY_BAD_STATE;
  if (token_in > 1 || token_out != 1 - token_in) return GANTRY_BAD_ARGUMENT;
  memset(&swap, 0, sizeof(swap));
  swap.token_in = token_in;
  swap.token_out = token_out;
  if (!gantry_amount_sub(full, now.of[token_in], &swap.amount)) return GANTRY_BAD_STATE;
  const gantry_status status = quote(instance, state, &swap, &most, NULL);
  if (status != GANTRY_OK) return status;
  memset(out, 0, sizeof(*out));
  /* The least that pays one unit: ceil(rIn * 10000 / ((rOut - 1) * (10000 - fee))). */
  if (!gantry_amount_sub(now.of[token_out], one, &divisor) ||
      !gantry_amount_mul(divisor, gantry_amount_of(BPS - instance->fee_bps), &divisor) ||
      !gantry_amount_mul_div_ceil(now.of[token_in], gantry_amount_of(BPS), divisor, &out->in_min) ||
      gantry_amount_compare(out->in_min, swap.amount) > 0) {
    return GANTRY_NO_LIQUIDITY;
  }
  out->in_max = swap.amount;
  out->out_max = most.amount_out;
  return GANTRY_OK;
}

static gantry_status segments(const gantry_dex_instance* instance, const gantry_pool_state* state,
                              uint32_t token_in, uint32_t token_out, gantry_segment* out,
                              uint32_t capacity, uint32_t* count) {
  reserves now;
  if (!look(state, &now)) return GANTRY_BAD_STATE;
  if (token_in > 1 || token_out != 1 - token_in) return GANTRY_BAD_ARGUMENT;
  *count = 0;
  if (capacity == 0 || gantry_amount_is_zero(now.of[0]) || gantry_amount_is_zero(now.of[1])) {
    return GANTRY_OK;
  }
  memset(out, 0, sizeof(*out));
  out->reserve_in = now.of[token_in];
  out->reserve_out = now.of[token_out];
  /* Up to the most that the pair's own type holds. */
  const gantry_amount end = {{0, UINT64_C(1) << 48, 0, 0}};
  gantry_amount_sub(end, now.of[token_in], &out->in_end);
  out->fee = (uint32_t)instance->fee_bps;
  out->fee_denominator = BPS;
  out->flags = GANTRY_SEGMENT_EXACT;
  *count = 1;
  return GANTRY_OK;
}

static gantry_status view(const gantry_dex_instance* instance, const gantry_pool_state* state,
                          gantry_pool_view* out) {
  reserves now;
  const uint32_t room = out->token_count;
  if (!look(state, &now)) return GANTRY_BAD_STATE;
  out->token_count = 2;
  if (room < 2) return GANTRY_NEED_SIZE;
  out->fee = (uint32_t)(instance->fee_bps * 100);
  out->balances[0] = now.of[0];
  out->balances[1] = now.of[1];
  return GANTRY_OK;
}

/* swap(uint256 amount0Out, uint256 amount1Out, address to, bytes data): the pair is paid before. */
static gantry_status build_swap(const gantry_dex_instance* instance, const gantry_pool_spec* spec,
                                const gantry_pool_state* state, const gantry_swap_order* order,
                                const gantry_instruction_sink* sink) {
  uint8_t data[CALL_BYTES + WORD] = {0x02, 0x2c, 0x0d, 0x9f};
  gantry_instruction call;
  (void)instance, (void)state;
  if (order->recipient.kind != GANTRY_ADDRESS_EVM || order->swap.token_out > 1) {
    return GANTRY_BAD_ARGUMENT;
  }
  const uint32_t out_offset = 4 + WORD * order->swap.token_out;
  gantry_amount_store_be(order->out, data + out_offset);
  memcpy(data + 4 + 3 * WORD - 20, order->recipient.bytes, 20);
  gantry_amount_store_be(gantry_amount_of(4 * WORD), data + 4 + 3 * WORD);
  memset(&call, 0, sizeof(call));
  call.target = spec->address;
  call.data.data = data;
  call.data.size = sizeof(data);
  call.input = GANTRY_INPUT_TRANSFER;
  call.spender = spec->address;
  call.amount_in_offset = GANTRY_NO_OFFSET;
  call.amount_out_offset = out_offset;
  call.min_out_offset = GANTRY_NO_OFFSET;
  call.min_out = order->min_out;
  return sink->emit(sink->self, &call);
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

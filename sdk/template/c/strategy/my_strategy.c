/* A strategy in its smallest form, in plain C11: for every two pools of the same two tokens, a
 * round trip with one amount, quoted by the host. What pays after gas is emitted. What each call
 * means, and what it may answer, is said in gantry/strategy.h. */
#include <stdlib.h>
#include <string.h>

#include "gantry/amount.h"
#include "gantry/strategy.h"

enum { BPS = 10000 };

/* Buys token `out` with `in` in the one pool and sells it in the other. */
typedef struct trip_of_two {
  uint32_t pools[2];
  uint32_t in;
  uint32_t out;
} trip_of_two;

struct gantry_strategy_instance {
  uint64_t share_bps;
  trip_of_two* trips;
  uint64_t trip_count;
  uint64_t trip_room;
  uint8_t* changed; /* by pool, of this snapshot */
};

static gantry_status fail(gantry_error* error, gantry_status code, const char* message) {
  error->code = code;
  error->fault = GANTRY_FAULT_PLUGIN;
  strncpy(error->message, message, sizeof(error->message) - 1);
  error->message[sizeof(error->message) - 1] = '\0';
  return code;
}

static gantry_status create(const gantry_host* host, const gantry_instance_config* config,
                            gantry_strategy_instance** out, gantry_error* error) {
  static const char name[] = "share_bps";
  (void)host;
  for (uint32_t i = 0; i < config->parameter_count; ++i) {
    const gantry_parameter* parameter = &config->parameters[i];
    if (parameter->type != GANTRY_PARAMETER_INTEGER || parameter->name.size != sizeof(name) - 1 ||
        memcmp(parameter->name.data, name, sizeof(name) - 1) != 0) {
      continue;
    }
    gantry_strategy_instance* instance = calloc(1, sizeof(*instance));
    if (instance == NULL) return fail(error, GANTRY_PLUGIN_FAULT, "no memory");
    instance->share_bps = (uint64_t)parameter->integer;
    *out = instance;
    return GANTRY_OK;
  }
  return fail(error, GANTRY_PLUGIN_FAULT, "plugin.json has no share_bps");
}

static void destroy(gantry_strategy_instance* instance) {
  if (instance == NULL) return;
  free(instance->trips);
  free(instance->changed);
  free(instance);
}

static gantry_status subscribe(gantry_strategy_instance* instance, const gantry_market* market,
                               const gantry_subscription_sink* sink) {
  (void)instance, (void)market, (void)sink;
  return GANTRY_OK;
}

static int add_trip(gantry_strategy_instance* self, trip_of_two trip) {
  if (self->trip_count == self->trip_room) {
    const uint64_t room = self->trip_room == 0 ? 64 : 2 * self->trip_room;
    trip_of_two* trips = realloc(self->trips, room * sizeof(*trips));
    if (trips == NULL) return 0;
    self->trips = trips;
    self->trip_room = room;
  }
  self->trips[self->trip_count++] = trip;
  return 1;
}

static int same_pair(const gantry_pool* a, const gantry_pool* b) {
  return (a->tokens[0] == b->tokens[0] && a->tokens[1] == b->tokens[1]) ||
         (a->tokens[0] == b->tokens[1] && a->tokens[1] == b->tokens[0]);
}

static int usable_pair(const gantry_market* market, uint32_t pool, gantry_pool* out) {
  return market->services->pool(market, pool, out) == GANTRY_OK && out->usable != 0 &&
         out->token_count == 2;
}

/* The only call in which memory may be taken. */
static gantry_status prepare(gantry_strategy_instance* self, const gantry_market* market,
                             gantry_error* error) {
  gantry_pool a;
  gantry_pool b;
  self->trip_count = 0;
  free(self->changed);
  self->changed = calloc(market->pool_count + 1, 1);
  if (self->changed == NULL) return fail(error, GANTRY_PLUGIN_FAULT, "no memory");
  for (uint32_t i = 0; i < market->pool_count; ++i) {
    if (!usable_pair(market, i, &a)) continue;
    for (uint32_t j = 0; j < i; ++j) {
      if (!usable_pair(market, j, &b) || !same_pair(&a, &b)) continue;
      const int wrapped_last = a.tokens[1] == market->wrapped_token;
      const trip_of_two there = {{i, j}, a.tokens[wrapped_last], a.tokens[1 - wrapped_last]};
      const trip_of_two back = {{j, i}, there.in, there.out};
      if (!add_trip(self, there) || !add_trip(self, back)) {
        return fail(error, GANTRY_PLUGIN_FAULT, "no memory");
      }
    }
  }
  return GANTRY_OK;
}

static int balance_of(const gantry_market* market, uint32_t pool, uint32_t token,
                      gantry_amount* out) {
  gantry_pool info;
  gantry_amount balances[2];
  gantry_pool_view view = {0, 2, balances};
  if (market->services->pool(market, pool, &info) != GANTRY_OK ||
      market->services->view(market, pool, &view) != GANTRY_OK) {
    return 0;
  }
  *out = balances[info.tokens[0] == token ? 0 : 1];
  return 1;
}

/* 0: it does not pay, or nobody can say what it is worth. */
static int fill(const gantry_market* market, const trip_of_two* trip, gantry_amount amount,
                gantry_opportunity* out) {
  const gantry_hop hops[2] = {{trip->pools[0], trip->in, trip->out, 0},
                              {trip->pools[1], trip->out, trip->in, 0}};
  gantry_route_quote route;
  gantry_amount gain;
  gantry_amount gas_cost;
  gantry_amount profit;
  gantry_value worth;
  gantry_value stake;
  if (gantry_amount_is_zero(amount) ||
      market->services->quote_route(market, hops, 2, &amount, GANTRY_EXACT_IN, &route) !=
          GANTRY_OK ||
      !gantry_amount_sub(route.amount_out, amount, &gain) ||
      market->services->value(market, trip->in, &gain, &worth) != GANTRY_OK ||
      market->services->value(market, trip->in, &amount, &stake) != GANTRY_OK ||
      !gantry_amount_mul(gantry_amount_of(route.gas), market->context->gas_price, &gas_cost) ||
      !gantry_amount_sub(worth.ether_wei, gas_cost, &profit) || gantry_amount_is_zero(profit) ||
      gantry_amount_is_zero(stake.ether_wei)) {
    return 0;
  }
  out->kind = GANTRY_OPPORTUNITY_ARBITRAGE;
  out->leg_count = 2;
  out->token_in = out->token_out = trip->in;
  out->amount_in = amount;
  out->amount_out = route.amount_out;
  out->gas = route.gas;
  out->block = market->context->state_block;
  out->valid_until_block = market->context->execution_block;
  out->expected_profit_bps =
      gantry_amount_to_double(profit) / gantry_amount_to_double(stake.ether_wei) * BPS;
  out->confidence = worth.confidence;
  out->risk_score = 0.5;
  for (int i = 0; i < 2; ++i) {
    out->legs[i].hop = hops[i];
    out->legs[i].amount_in = route.amounts[i];
    out->legs[i].amount_out = route.amounts[i + 1];
  }
  return 1;
}

static gantry_status find(gantry_strategy_instance* self, const gantry_market* market,
                          const gantry_opportunity_sink* sink) {
  for (uint32_t i = 0; i < market->changed_count; ++i) self->changed[market->changed_pools[i]] = 1;
  for (uint64_t i = 0; i < self->trip_count; ++i) {
    const trip_of_two* trip = &self->trips[i];
    gantry_opportunity found;
    gantry_amount amount;
    if (!market->cold && !self->changed[trip->pools[0]] && !self->changed[trip->pools[1]]) continue;
    memset(&found, 0, sizeof(found));
    found.key = i;
    if (!balance_of(market, trip->pools[0], trip->in, &amount) ||
        !gantry_amount_mul_div_floor(amount, gantry_amount_of(self->share_bps),
                                     gantry_amount_of(BPS), &amount)) {
      continue;
    }
    if (fill(market, trip, amount, &found) && sink->emit(sink->self, &found) != GANTRY_OK) break;
  }
  for (uint32_t i = 0; i < market->changed_count; ++i) self->changed[market->changed_pools[i]] = 0;
  return GANTRY_OK;
}

/* It holds while its route pays no less than it did. */
static gantry_status validate(gantry_strategy_instance* self, const gantry_market* market,
                              const gantry_opportunity* opportunity) {
  gantry_hop hops[GANTRY_LEGS_MAX];
  gantry_route_quote route;
  (void)self;
  if (opportunity->leg_count > GANTRY_LEGS_MAX) return GANTRY_BAD_ARGUMENT;
  for (uint32_t i = 0; i < opportunity->leg_count; ++i) hops[i] = opportunity->legs[i].hop;
  const gantry_status status = market->services->quote_route(
      market, hops, opportunity->leg_count, &opportunity->amount_in, GANTRY_EXACT_IN, &route);
  if (status != GANTRY_OK) return status;
  return gantry_amount_compare(route.amount_out, opportunity->amount_out) < 0 ? GANTRY_REFUSED
                                                                              : GANTRY_OK;
}

static int within(const gantry_market* market, const gantry_opportunity* opportunity,
                  uint32_t share_max_bps) {
  for (uint32_t i = 0; i < opportunity->leg_count; ++i) {
    const gantry_leg* leg = &opportunity->legs[i];
    gantry_amount most;
    if (!balance_of(market, leg->hop.pool, leg->hop.token_in, &most) ||
        !gantry_amount_mul_div_floor(most, gantry_amount_of(share_max_bps), gantry_amount_of(BPS),
                                     &most) ||
        gantry_amount_compare(leg->amount_in, most) > 0) {
      return 0;
    }
  }
  return 1;
}

/* Halves the amount until it is within the limits. */
static gantry_status size(gantry_strategy_instance* self, const gantry_market* market,
                          const gantry_opportunity* opportunity, const gantry_sizing_limits* limits,
                          gantry_opportunity* out) {
  const gantry_amount one = gantry_amount_of(1);
  const gantry_amount two = gantry_amount_of(2);
  gantry_opportunity sized = *opportunity;
  gantry_amount amount = opportunity->amount_in;
  if (opportunity->key >= self->trip_count) return GANTRY_BAD_ARGUMENT;
  for (; !gantry_amount_is_zero(amount); gantry_amount_mul_div_floor(amount, one, two, &amount)) {
    if (gantry_amount_compare(amount, limits->amount_in_max) > 0) continue;
    if (!fill(market, &self->trips[opportunity->key], amount, &sized)) return GANTRY_REFUSED;
    if (!within(market, &sized, limits->pool_share_max_bps)) continue;
    *out = sized;
    return GANTRY_OK;
  }
  return GANTRY_REFUSED;
}

static gantry_status plan(gantry_strategy_instance* self, const gantry_market* market,
                          const gantry_opportunity* opportunity,
                          const gantry_instruction_sink* sink) {
  (void)self, (void)market, (void)opportunity, (void)sink;
  return GANTRY_UNSUPPORTED; /* the legs are the whole plan */
}

static gantry_status on_event(gantry_strategy_instance* self, const gantry_event* event) {
  (void)self, (void)event;
  return GANTRY_OK;
}

static gantry_status on_result(gantry_strategy_instance* self, const gantry_result* result) {
  (void)self, (void)result;
  return GANTRY_OK;
}

static gantry_status save(gantry_strategy_instance* self, gantry_buffer* out) {
  (void)self, (void)out;
  return GANTRY_UNSUPPORTED;
}

static gantry_status load(gantry_strategy_instance* self, gantry_bytes saved) {
  (void)self, (void)saved;
  return GANTRY_UNSUPPORTED;
}

static const void* get_extension(const gantry_strategy_instance* self, const char* id) {
  (void)self, (void)id;
  return NULL;
}

static const gantry_strategy_v1 table = {create,   destroy, subscribe,    prepare,  find,
                                         validate, size,    plan,         on_event, on_result,
                                         save,     load,    get_extension};

static gantry_status init(const gantry_host* host, gantry_error* error) {
  (void)host, (void)error;
  return GANTRY_OK;
}

static void deinit(void) {}

static const void* get_interface(const char* id) {
  return strcmp(id, GANTRY_STRATEGY_ID) == 0 ? &table : NULL;
}

extern GANTRY_EXPORT const gantry_plugin_entry gantry_plugin;
const gantry_plugin_entry gantry_plugin = {
    GANTRY_PLUGIN_MAGIC, GANTRY_PLUGIN_REVISION, 0, init, deinit, get_interface};

/* gantry/testing/fake_host.h: the host as a plugin sees it, for the plugin's own unit tests: log,
 * counters, parameters, context, and sinks that keep what they are given. C11 and C++.
 *
 * OWNERSHIP  All is plain memory of the test's; nothing has to be freed. A fake that was
 * initialised stays where it is: its table points to itself. BOUNDS     Smaller than a host's, and
 * as silent: what is over them is dropped or refused. */
#ifndef GANTRY_TESTING_FAKE_HOST_H
#define GANTRY_TESTING_FAKE_HOST_H
#include <string.h>

#include "gantry/amount.h"
#include "gantry/paymaster.h"
#include "gantry/strategy.h"

/* The library under test, which is linked with its test. */
#ifdef __cplusplus
extern "C"
#else
extern
#endif
    const gantry_plugin_entry gantry_plugin;

typedef struct gantry_fake_counter {
  char name[64];
  uint64_t value;
} gantry_fake_counter;

typedef struct gantry_fake_host {
  gantry_host table; /* hand &table to init() and create() */
  uint32_t line_count;
  int32_t severity; /* of the last line */
  char line[512];   /* the last one, cut to fit */
  gantry_fake_counter counters[64];
  uint32_t counter_count;
  double observed; /* the last value */
  uint32_t observed_count;
} gantry_fake_host;

static inline gantry_string gantry_fake_text(const char* text) {
  gantry_string out;
  out.data = text;
  out.size = strlen(text);
  return out;
}

static inline void gantry_fake_copy(char* to, uint64_t room, gantry_string from) {
  const uint64_t size = from.size < room ? from.size : room - 1;
  if (size > 0) memcpy(to, from.data, size);
  to[size] = '\0';
}

static inline void gantry_fake_log(void* self, int32_t severity, gantry_string message) {
  gantry_fake_host* host = (gantry_fake_host*)self;
  host->severity = severity;
  ++host->line_count;
  gantry_fake_copy(host->line, sizeof(host->line), message);
}

static inline void gantry_fake_count(void* self, gantry_string name, uint64_t increment) {
  gantry_fake_host* host = (gantry_fake_host*)self;
  char wanted[64];
  gantry_fake_copy(wanted, sizeof(wanted), name);
  for (uint32_t i = 0; i < host->counter_count; ++i) {
    if (strcmp(host->counters[i].name, wanted) == 0) {
      host->counters[i].value += increment;
      return;
    }
  }
  if (host->counter_count == 64) return;
  strcpy(host->counters[host->counter_count].name, wanted);
  host->counters[host->counter_count++].value = increment;
}

static inline void gantry_fake_observe(void* self, gantry_string name, double value) {
  gantry_fake_host* host = (gantry_fake_host*)self;
  (void)name;
  host->observed = value;
  ++host->observed_count;
}

static inline const void* gantry_fake_no_service(void* self, const char* id) {
  (void)self, (void)id;
  return NULL;
}

static inline void gantry_fake_host_init(gantry_fake_host* host) {
  memset(host, 0, sizeof(*host));
  host->table.self = host;
  host->table.version = gantry_fake_text("fake");
  host->table.log = gantry_fake_log;
  host->table.count = gantry_fake_count;
  host->table.observe = gantry_fake_observe;
  host->table.get_service = gantry_fake_no_service;
}

/* A counter's value; 0 when it was never counted. */
static inline uint64_t gantry_fake_counted(const gantry_fake_host* host, const char* name) {
  for (uint32_t i = 0; i < host->counter_count; ++i) {
    if (strcmp(host->counters[i].name, name) == 0) return host->counters[i].value;
  }
  return 0;
}

/* ---- parameters, context, addresses ---- */

static inline gantry_parameter gantry_fake_integer(const char* name, int64_t value) {
  gantry_parameter parameter;
  memset(&parameter, 0, sizeof(parameter));
  parameter.name = gantry_fake_text(name);
  parameter.type = GANTRY_PARAMETER_INTEGER;
  parameter.integer = value;
  return parameter;
}

static inline gantry_parameter gantry_fake_string(const char* name, const char* value) {
  gantry_parameter parameter;
  memset(&parameter, 0, sizeof(parameter));
  parameter.name = gantry_fake_text(name);
  parameter.type = GANTRY_PARAMETER_STRING;
  parameter.string = gantry_fake_text(value);
  return parameter;
}

static inline gantry_parameter gantry_fake_amount(const char* name, uint64_t value) {
  gantry_parameter parameter;
  memset(&parameter, 0, sizeof(parameter));
  parameter.name = gantry_fake_text(name);
  parameter.type = GANTRY_PARAMETER_AMOUNT;
  parameter.amount.limb[0] = value;
  return parameter;
}

/* The instance "test" on "eip155:1". */
static inline gantry_instance_config gantry_fake_config(const gantry_parameter* parameters,
                                                        uint32_t count) {
  gantry_instance_config config;
  memset(&config, 0, sizeof(config));
  config.name = gantry_fake_text("test");
  config.chain = gantry_fake_text("eip155:1");
  config.parameters = parameters;
  config.parameter_count = count;
  return config;
}

/* Block 100, quoted for block 101, gas at 20 gwei. */
static inline gantry_context gantry_fake_context(void) {
  gantry_context context;
  memset(&context, 0, sizeof(context));
  context.chain = gantry_fake_text("eip155:1");
  context.state_block = 100;
  context.state_time_s = 1600000000;
  context.execution_block = 101;
  context.execution_time_s = 1600000012;
  context.gas_price.limb[0] = UINT64_C(20000000000);
  return context;
}

/* An EVM address that ends in `last`, and begins with zeros. */
static inline gantry_address gantry_fake_address(uint8_t last) {
  gantry_address address;
  memset(&address, 0, sizeof(address));
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[19] = last;
  return address;
}

static inline int gantry_fake_is(gantry_amount amount, uint64_t value) {
  return gantry_amount_compare(amount, gantry_amount_of(value)) == 0;
}

/* ---- sinks ---- */

/* Keeps the last request, and how many there were. */
typedef struct gantry_fake_http {
  gantry_http_sink table;
  uint32_t count;
  uint32_t header_count;
  uint32_t timeout_ms;
  char method[16];
  char url[256];
  char body[4096];
} gantry_fake_http;

static inline gantry_status gantry_fake_http_emit(void* self, const gantry_http_request* request) {
  gantry_fake_http* http = (gantry_fake_http*)self;
  gantry_string body;
  body.data = (const char*)request->body.data;
  body.size = request->body.size;
  if (request->url.size == 0) return GANTRY_BAD_ARGUMENT;
  if (body.size >= sizeof(http->body)) return GANTRY_REFUSED;
  ++http->count;
  http->header_count = request->header_count;
  http->timeout_ms = request->timeout_ms;
  gantry_fake_copy(http->method, sizeof(http->method), request->method);
  gantry_fake_copy(http->url, sizeof(http->url), request->url);
  gantry_fake_copy(http->body, sizeof(http->body), body);
  return GANTRY_OK;
}

static inline void gantry_fake_http_init(gantry_fake_http* http) {
  memset(http, 0, sizeof(*http));
  http->table.self = http;
  http->table.emit = gantry_fake_http_emit;
}

/* Keeps the opportunities, as many as it has room for. */
typedef struct gantry_fake_finds {
  gantry_opportunity_sink table;
  uint32_t count;
  gantry_opportunity found[32];
} gantry_fake_finds;

static inline gantry_status gantry_fake_find_emit(void* self, const gantry_opportunity* found) {
  gantry_fake_finds* finds = (gantry_fake_finds*)self;
  if (finds->count == 32) return GANTRY_REFUSED;
  finds->found[finds->count++] = *found;
  return GANTRY_OK;
}

static inline void gantry_fake_finds_init(gantry_fake_finds* finds) {
  memset(finds, 0, sizeof(*finds));
  finds->table.self = finds;
  finds->table.emit = gantry_fake_find_emit;
}

/* Keeps the last instruction and its bytes. */
typedef struct gantry_fake_calls {
  gantry_instruction_sink table;
  uint32_t count;
  gantry_instruction last; /* its data is `data` */
  uint8_t data[4096];
} gantry_fake_calls;

static inline gantry_status gantry_fake_call_emit(void* self, const gantry_instruction* call) {
  gantry_fake_calls* calls = (gantry_fake_calls*)self;
  if (call->data.size > 0 && call->data.data == NULL) return GANTRY_BAD_ARGUMENT;
  if (call->data.size > sizeof(calls->data)) return GANTRY_REFUSED;
  calls->last = *call;
  if (call->data.size > 0) memcpy(calls->data, call->data.data, call->data.size);
  calls->last.data.data = calls->data;
  ++calls->count;
  return GANTRY_OK;
}

static inline void gantry_fake_calls_init(gantry_fake_calls* calls) {
  memset(calls, 0, sizeof(*calls));
  calls->table.self = calls;
  calls->table.emit = gantry_fake_call_emit;
}
#endif

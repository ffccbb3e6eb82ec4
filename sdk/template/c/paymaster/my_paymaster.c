/* A paymaster in its smallest form, in plain C11: it declines every operation and says why. One
 * that pays emits a request in request() and reads the answer in response(). What each call means,
 * and what it may answer, is said in gantry/paymaster.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gantry/paymaster.h"

struct gantry_paymaster_instance {
  const gantry_host* host;
};

static gantry_status create(const gantry_host* host, const gantry_instance_config* config,
                            gantry_paymaster_instance** out, gantry_error* error) {
  (void)config;
  gantry_paymaster_instance* instance = malloc(sizeof(*instance));
  if (instance == NULL) {
    error->code = GANTRY_PLUGIN_FAULT;
    error->fault = GANTRY_FAULT_PLUGIN;
    strcpy(error->message, "no memory");
    return GANTRY_PLUGIN_FAULT;
  }
  instance->host = host;
  *out = instance;
  return GANTRY_OK;
}

static void destroy(gantry_paymaster_instance* instance) { free(instance); }

static gantry_status supports(gantry_paymaster_instance* self, const gantry_context* context,
                              const gantry_user_operation* operation) {
  (void)self, (void)context, (void)operation;
  return GANTRY_OK;
}

static gantry_status request(gantry_paymaster_instance* self, const gantry_context* context,
                             const gantry_user_operation* operation, uint32_t round,
                             const gantry_http_sink* sink) {
  static const gantry_string counter = {"declined", 8};
  char line[160];
  (void)round, (void)sink;
  const int length =
      snprintf(line, sizeof(line), "declined an operation of %" PRIu64 " bytes on %.*s",
               operation->call_data.size, (int)context->chain.size, context->chain.data);
  const gantry_string message = {line, length > 0 ? strlen(line) : 0};
  self->host->log(self->host->self, GANTRY_LOG_INFO, message);
  self->host->count(self->host->self, counter, 1);
  return GANTRY_REFUSED;
}

/* Nothing was asked, so there is no answer to read. */
static gantry_status response(gantry_paymaster_instance* self, const gantry_context* context,
                              const gantry_user_operation* operation, uint32_t round,
                              uint32_t http_status, gantry_bytes body, gantry_sponsorship* out) {
  (void)self, (void)context, (void)operation, (void)round, (void)http_status, (void)body, (void)out;
  return GANTRY_BAD_STATE;
}

static const void* get_extension(const gantry_paymaster_instance* self, const char* id) {
  (void)self, (void)id;
  return NULL;
}

static const gantry_paymaster_v1 table = {create,  destroy,  supports,
                                          request, response, get_extension};

static gantry_status init(const gantry_host* host, gantry_error* error) {
  (void)host, (void)error;
  return GANTRY_OK;
}

static void deinit(void) {}

static const void* get_interface(const char* id) {
  return strcmp(id, GANTRY_PAYMASTER_ID) == 0 ? &table : NULL;
}

extern GANTRY_EXPORT const gantry_plugin_entry gantry_plugin;
const gantry_plugin_entry gantry_plugin = {
    GANTRY_PLUGIN_MAGIC, GANTRY_PLUGIN_REVISION, 0, init, deinit, get_interface};

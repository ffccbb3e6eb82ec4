/* gantry/paymaster.h: "gantry.paymaster/1", finds somebody who pays for a user operation's gas.
 *
 * It does no I/O: it says which HTTP request to send and reads the answer. A request names secrets
 * as ${NAME}; the host puts them in when it sends, and the plugin never sees one.
 * A sponsor is not always a contract: one may take an operation whose own fees are zero at an
 * endpoint of its own. So the answer is fields to merge, where to submit, and how fees are set.
 * STABILITY  SDK 0.1. Frozen. */
#ifndef GANTRY_PAYMASTER_H
#define GANTRY_PAYMASTER_H
#include "gantry/plugin.h"
#include "gantry/state.h"
#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_PAYMASTER_ID "gantry.paymaster/1"

typedef struct gantry_paymaster_instance gantry_paymaster_instance; /* the plugin's own */

/* An ERC-4337 operation before it is packed, of any EntryPoint version. */
typedef struct gantry_user_operation {
  gantry_address entry_point;
  uint32_t entry_point_version; /* 6, 7, 8 or 9: v0.6 to v0.9 */
  uint32_t stub_signature;      /* 1: the signature is a stub of the right length */
  gantry_address sender;
  gantry_amount nonce;
  gantry_address factory; /* none: the sender exists */
  gantry_bytes factory_data;
  gantry_bytes call_data;
  gantry_amount call_gas_limit; /* 0: not estimated yet */
  gantry_amount verification_gas_limit;
  gantry_amount pre_verification_gas;
  gantry_amount max_fee_per_gas;
  gantry_amount max_priority_fee_per_gas;
  gantry_bytes signature;
  uint64_t chain_id;
  /* Merged from a provisional answer, the limits as estimated since; none and 0 before. */
  gantry_address paymaster;
  gantry_bytes paymaster_data;
  gantry_amount paymaster_verification_gas_limit;
  gantry_amount paymaster_post_op_gas_limit;
} gantry_user_operation;

typedef struct gantry_http_sink {
  void* self;
  /* Takes a copy of one request with all it points to. GANTRY_BAD_ARGUMENT: it is none;
   * GANTRY_REFUSED: the URL's host is not allowed, or over a bound. Host 0.1 prints requests and
   * sends none. [call] */
  gantry_status (*emit)(void* self, const gantry_http_request* request);
} gantry_http_sink;

/* Whose turn it is after a sponsor's answer. Only GANTRY_SPONSOR_RETRY_OTHER fails over. */
enum {
  GANTRY_SPONSOR_GRANTED = 1,
  GANTRY_SPONSOR_RETRY_OTHER = 2, /* this one does not or cannot pay: ask the next */
  GANTRY_SPONSOR_RETRY_SAME = 3,  /* rate limited or busy: retry_after_ms */
  GANTRY_SPONSOR_OUR_FAULT = 4,   /* the operation itself is bad: never fail over */
  GANTRY_SPONSOR_PROVISIONAL = 5  /* merge the fields, estimate gas, sign; then ask the next round
                                     with the operation as it then is */
};

enum {
  GANTRY_FEE_PAYMASTER = 1, /* a paymaster contract pays: merge its fields */
  GANTRY_FEE_ZERO = 2       /* the operation's own fees are set to zero, its endpoint pays */
};

/* Present fields are merged into the operation. Pointers last until the next call on the instance.
 */
typedef struct gantry_sponsorship {
  int32_t outcome;  /* GANTRY_SPONSOR_* */
  int32_t fee_mode; /* GANTRY_FEE_* */
  gantry_address paymaster;
  gantry_bytes paymaster_data;
  gantry_amount paymaster_verification_gas_limit;
  gantry_amount paymaster_post_op_gas_limit;
  gantry_amount call_gas_limit; /* 0: keep */
  gantry_amount verification_gas_limit;
  gantry_amount pre_verification_gas;
  gantry_amount cost_max_wei; /* what the sponsor may be charged; never above the cap */
  gantry_string submit_url;   /* empty: the configured bundler */
  uint64_t valid_until_s;     /* 0: not said */
  uint32_t retry_after_ms;
  int32_t provider_code; /* JSON-RPC or HTTP code, for the log */
  gantry_string provider_message;
  const gantry_http_header* submit_headers; /* to send with submit_url */
  uint32_t submit_header_count;
  uint32_t reserved;
} gantry_sponsorship;

typedef struct gantry_paymaster_v1 {
  /* Makes a paymaster with these parameters on one chain; it is the caller's until destroy(),
   * `host` lasts as long, `config` until this returns. GANTRY_REFUSED with `error`: the parameters
   * do not fit together. [main] */
  gantry_status (*create)(const gantry_host* host, const gantry_instance_config* config,
                          gantry_paymaster_instance** out, gantry_error* error);
  /* Frees what create() made; null is allowed. Cannot fail. [main] */
  void (*destroy)(gantry_paymaster_instance* instance);
  /* Whether it could sponsor on this chain and EntryPoint at all. GANTRY_REFUSED: it could not.
   * [instance] */
  gantry_status (*supports)(gantry_paymaster_instance* instance, const gantry_context* context,
                            const gantry_user_operation* operation);
  /* Emits the request of round `round` (from 0). GANTRY_OK: one was emitted; GANTRY_UNSUPPORTED:
   * no such round; GANTRY_REFUSED: over the instance's cap on cost; GANTRY_BAD_ARGUMENT: a field
   * of the operation has no form in this EntryPoint version. Host 0.1 asks for round 0 only.
   * [instance] */
  gantry_status (*request)(gantry_paymaster_instance* instance, const gantry_context* context,
                           const gantry_user_operation* operation, uint32_t round,
                           const gantry_http_sink* sink);
  /* Reads the answer to round `round`; http_status 0: there was none. GANTRY_OK: *out is filled,
   * whatever the outcome; GANTRY_NEED_STATE: the next round is needed, and nothing of this one has
   * to be merged; GANTRY_BAD_STATE: the answer does not decode; GANTRY_REFUSED: granted at more
   * than the cap; GANTRY_BAD_ARGUMENT: a round that request() does not have, or its operation. Host
   * 0.1 does not call this yet. [instance] */
  gantry_status (*response)(gantry_paymaster_instance* instance, const gantry_context* context,
                            const gantry_user_operation* operation, uint32_t round,
                            uint32_t http_status, gantry_bytes body, gantry_sponsorship* out);
  /* An optional capability's table by id, or null: it is not offered. The table is the plugin's and
   * lasts as long as the instance. Host 0.1 does not call this yet. [main] */
  const void* (*get_extension)(const gantry_paymaster_instance* instance, const char* id);
} gantry_paymaster_v1;

GANTRY_LAYOUT(gantry_user_operation, 496);
GANTRY_LAYOUT(gantry_sponsorship, 320);
GANTRY_LAYOUT(gantry_paymaster_v1, 48);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

/* gantry/abi.h: the words that every interface is written in. C11 and C++. Where a header says
 * "Host 0.1 does not call this yet", the call is part of the interface, but that host never makes
 * it: a plugin may leave it at its default.
 *
 * UNITS      Amounts are unsigned 256-bit integers in the token's smallest unit (wei, lamport).
 *            Gas is gas units. Times are seconds of the chain's clock. Doubles are signals, never
 *            amounts.
 * THREADS    A function's comment ends with its role:
 *            [main]      one host thread at a time for this library; may allocate.
 *            [instance]  any thread, but one at a time for this instance.
 *            [worker]    any thread, also concurrently on one instance: no locks, globals or I/O.
 *            [call]      for plugins to call: on the thread and for the length of the call that the
 *                        table was given to.
 * OWNERSHIP  Arguments are the caller's and last until the call returns: copy what you keep.
 * ERRORS     Calls return gantry_status. A function lists what it can return besides GANTRY_OK; to
 *            any, a plugin may also answer GANTRY_PLUGIN_FAULT and the host GANTRY_HOST_FAULT, and
 *            a call that emits may return what the sink answered. Unless it is GANTRY_OK, *out is
 *            untouched, except where GANTRY_NEED_SIZE or the function says so. Nothing throws.
 * STABILITY  SDK 0.1. Frozen: a change is a new interface id in a new header. */
#ifndef GANTRY_ABI_H
#define GANTRY_ABI_H
#include <assert.h>
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_SDK_VERSION_MAJOR 0
#define GANTRY_SDK_VERSION_MINOR 1
#define GANTRY_SDK_VERSION_PATCH 0

/* limb[0] is the least significant. */
typedef struct gantry_amount {
  uint64_t limb[4];
} gantry_amount;

/* UTF-8, not terminated by a zero. */
typedef struct gantry_string {
  const char* data;
  uint64_t size;
} gantry_string;

typedef struct gantry_bytes {
  const uint8_t* data;
  uint64_t size;
} gantry_bytes;

/* Memory of the caller's that the callee fills. GANTRY_NEED_SIZE: `size` holds what is needed and
 * nothing was written. GANTRY_OK: `size` bytes were written. */
typedef struct gantry_buffer {
  uint8_t* data;
  uint64_t capacity;
  uint64_t size;
} gantry_buffer;

typedef int32_t gantry_status; /* not the enum, whose size is up to the compiler */
enum {                         /* never renumbered, never reused */
       GANTRY_OK = 0,
       GANTRY_NO_LIQUIDITY = 1, /* expected: the pool cannot pay that much, or pays nothing */
       GANTRY_OUT_OF_RANGE = 2, /* expected: the exact result, or the chain's own type, overflows */
       GANTRY_NEED_SIZE = 3,    /* the caller's buffer is too small; the size needed was written */
       GANTRY_NEED_STATE = 4,   /* another round of requests is needed first */
       GANTRY_UNSUPPORTED = 5,  /* expected: this implementation does not have this operation */
       GANTRY_REFUSED = 6,      /* a considered no: unknown variant, over a cap, not sponsored */
       GANTRY_BAD_STATE = 7,    /* bytes from the chain or a provider do not decode: not our bug */
       GANTRY_BAD_ARGUMENT = 16, /* the caller's bug: logged, the call is dropped */
       GANTRY_PLUGIN_FAULT = 17, /* the plugin's bug: costs it a strike */
       GANTRY_HOST_FAULT = 18    /* the host's bug, or a service it could not give */
};

/* Whose fault an error is. */
enum {
  GANTRY_FAULT_NONE = 0,
  GANTRY_FAULT_PLUGIN = 1,
  GANTRY_FAULT_HOST = 2,
  GANTRY_FAULT_OPERATOR = 3, /* a parameter or file */
  GANTRY_FAULT_WORLD = 4     /* the chain, a provider, the market */
};

/* Filled by the callee; `message` is terminated by a zero and cut to fit. */
typedef struct gantry_error {
  gantry_status code;
  int32_t fault;
  char message[248];
} gantry_error;

enum {
  GANTRY_ADDRESS_NONE = 0,
  GANTRY_ADDRESS_EVM = 1,    /* 20 bytes */
  GANTRY_ADDRESS_SOLANA = 2, /* 32 bytes */
  GANTRY_ADDRESS_NATIVE = 3, /* 0 bytes: the chain's own coin, which is not its wrapped token */
  GANTRY_ADDRESS_ID32 = 4    /* 32 bytes: an id that is no account, as of a vault's pool */
};

/* Unused bytes are zero, so that equal addresses are equal bytes. */
typedef struct gantry_address {
  uint8_t kind;
  uint8_t length;
  uint8_t reserved[6];
  uint8_t bytes[32];
} gantry_address;

/* What every call may know of time: a plugin has no other clock. A quote holds for
 * `execution_block`, which is later than the block whose state it reads. */
typedef struct gantry_context {
  gantry_string chain; /* CAIP-2, as "eip155:1" */
  uint64_t state_block;
  uint64_t state_time_s;
  uint64_t execution_block;
  uint64_t execution_time_s;
  gantry_amount base_fee;  /* wei per gas at execution_block; 0 where the chain has none */
  gantry_amount gas_price; /* wei per gas that we would pay in all; on Solana millionths of a
                              lamport per compute unit */
} gantry_context;

#define GANTRY_LAYOUT(type, bytes) \
  static_assert(sizeof(type) == (bytes), "frozen: every plugin depends on it")

GANTRY_LAYOUT(gantry_amount, 32);
GANTRY_LAYOUT(gantry_string, 16);
GANTRY_LAYOUT(gantry_bytes, 16);
GANTRY_LAYOUT(gantry_buffer, 24);
GANTRY_LAYOUT(gantry_error, 256);
GANTRY_LAYOUT(gantry_address, 40);
GANTRY_LAYOUT(gantry_context, 112);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

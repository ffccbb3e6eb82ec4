/* gantry/state.h: which bytes a plugin needs, how they reach it, and what it makes of them.
 *
 * A plugin does no I/O. It emits requests, the host fetches all plugins' requests of a block in one
 * batch, and hands the answers back as facts. Pool state is data: relocatable bytes (offsets, never
 * pointers) in the host's memory, immutable once published, in chunks so that an update rewrites
 * only what changed.
 *
 * OWNERSHIP  Sinks copy what they are given before they return.
 * HOST 0.1   fetches for pools on EVM chains that it follows live, by calls, storage, code hashes
 *            and logs; a source that the chain has not is answered with GANTRY_REFUSED. It never
 *            asks for "gantry.state/1".
 * STABILITY  SDK 0.1. Frozen. */
#ifndef GANTRY_STATE_H
#define GANTRY_STATE_H
#include "gantry/abi.h"
#ifdef __cplusplus
extern "C" {
#endif

enum {
  GANTRY_SOURCE_EVM_CALL = 1,    /* target: contract; payload: calldata; data: what it returned */
  GANTRY_SOURCE_EVM_STORAGE = 2, /* target: contract; payload: 32-byte slot; data: 32 bytes */
  GANTRY_SOURCE_EVM_LOG = 3,     /* a standing request. target: emitter; payload: the topics a log
                                    must begin with, 32 bytes each, or empty for all (a vault's
                                    logs: topic0 and the pool's id). Each log is a fact */
  GANTRY_SOURCE_SOLANA_ACCOUNT = 4, /* target: account; data: its bytes, empty when there is none;
                                       topics: the 32 bytes of the program that owns it */
  GANTRY_SOURCE_HTTP = 5,           /* payload: one gantry_http_request, which the sink copies with
                                       all it points to; data: the body; log_index: the code */
  GANTRY_SOURCE_EVM_CODE_HASH = 6,  /* target: contract; data: keccak-256 of its code */
  GANTRY_SOURCE_EVM_LOG_RANGE = 7,  /* discovery. target: emitter; payload: first and last block as
                                       little-endian uint64_t, then topics; each log is a fact */
  GANTRY_SOURCE_SOLANA_PROGRAM = 8  /* discovery. target: program; payload: the accounts' size as
                                       little-endian uint64_t, then their first bytes; each
                                       account is a fact with itself as emitter */
};

typedef struct gantry_http_header {
  gantry_string name;
  gantry_string value; /* may name secrets as ${NAME} */
} gantry_http_header;

typedef struct gantry_http_request {
  gantry_string method;
  gantry_string url; /* may name secrets as ${NAME} */
  const gantry_http_header* headers;
  uint32_t header_count;
  uint32_t timeout_ms;
  gantry_bytes body;
} gantry_http_request;

/* One thing to fetch. The same `tag` comes back in the fact. Equal requests of many pools (a clock,
 * an oracle, a mint) are fetched once, and each gets its fact. */
typedef struct gantry_request {
  int32_t source; /* GANTRY_SOURCE_* */
  uint32_t tag;
  gantry_address target;
  gantry_bytes payload;
} gantry_request;

/* One answer, or one log. Facts reach apply() in the chain's order (block, then log index). */
typedef struct gantry_fact {
  int32_t source;       /* GANTRY_SOURCE_* */
  uint32_t tag;         /* of the request; 0 for a log nobody tagged */
  gantry_status status; /* GANTRY_OK, or GANTRY_REFUSED: a revert, whose bytes are in data */
  uint32_t log_index;   /* within the block; 0 unless a log, or HTTP */
  uint64_t block;
  gantry_address emitter; /* target of the request, or emitter of the log */
  gantry_bytes topics;    /* 32 bytes each; of a Solana account its owner */
  gantry_bytes data;
} gantry_fact;

typedef struct gantry_request_sink {
  void* self;
  /* Takes a copy of one request. GANTRY_BAD_ARGUMENT: unknown source; GANTRY_REFUSED: over the
   * host's bound on requests a round, or on payload size. [call] */
  gantry_status (*emit)(void* self, const gantry_request* request);
} gantry_request_sink;

/* A published state. A chunk that does not exist is {null, 0}. */
typedef struct gantry_state {
  const gantry_bytes* chunks;
  uint32_t chunk_count;
  uint32_t reserved;
} gantry_state;

/* Writes the next state over an old one. Chunks that are not asked for are carried over unchanged,
 * without a copy. */
typedef struct gantry_state_writer {
  void* self;
  /* `size` zeroed bytes, 16-aligned, that become chunk `index`; null, which is the only error:
   * over the host's bounds (64 chunks, 1 MiB each), of no size, or asked for before in another
   * size. The memory is the host's; write before the call it was given to returns. [call] */
  uint8_t* (*chunk)(void* self, uint32_t index, uint64_t size);
} gantry_state_writer;

/* Any kind of plugin may need state of its own besides pools (lending positions, oracles): it then
 * offers this extension, "gantry.state/1", through its get_extension(). Host 0.1 does not ask for
 * it yet. */
#define GANTRY_STATE_SOURCE_ID "gantry.state/1"
typedef struct gantry_state_source_v1 {
  /* Emits what round `round` (from 0) needs. GANTRY_OK: nothing more is needed after this round.
   * GANTRY_NEED_STATE: apply() first, then ask for the next round. GANTRY_BAD_STATE: `state` does
   * not decode. Host 0.1 does not call this yet. [instance] */
  gantry_status (*requests)(void* instance, const gantry_context* context,
                            const gantry_state* state, uint32_t round,
                            const gantry_request_sink* sink);
  /* Makes the next state of the instance from the old one and new facts, in the chain's order,
   * through `writer`. GANTRY_NEED_STATE: applied, but another round is needed; GANTRY_BAD_STATE:
   * the facts do not decode, and the old state stays. Host 0.1 does not call this yet. [instance]
   */
  gantry_status (*apply)(void* instance, const gantry_context* context, const gantry_state* old,
                         const gantry_fact* facts, uint32_t fact_count,
                         const gantry_state_writer* writer);
} gantry_state_source_v1;

GANTRY_LAYOUT(gantry_http_header, 32);
GANTRY_LAYOUT(gantry_http_request, 64);
GANTRY_LAYOUT(gantry_request, 64);
GANTRY_LAYOUT(gantry_fact, 96);
GANTRY_LAYOUT(gantry_state, 16);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

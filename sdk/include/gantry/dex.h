/* gantry/dex.h: "gantry.dex/1", all that a DEX plugin does: says what a pool's state is, decodes
 * it, and quotes swaps on it exactly, rounded as the chain rounds.
 *
 * UNITS      Amounts: 256-bit, smallest unit. Tokens: index into the pool's own token list, in the
 *            order of the chain's contract. Fees: parts of a million unless a fraction is given.
 * PURITY     [worker] functions are pure: same state bytes, overlay, context and arguments, same
 *            answer, on every machine. They allocate nothing, throw nothing, and keep nothing.
 * OVERLAY    An overlay is bytes in the caller's memory that stand for a state later than the base:
 *            the pool after a swap. Empty means the base itself. Only the same plugin reads it.
 *            Overlay buffers are 16-aligned.
 * STABILITY  SDK 0.1. Frozen once released; a change is "gantry.dex/2" in a header of its own. */
#ifndef GANTRY_DEX_H
#define GANTRY_DEX_H
#include "gantry/plugin.h"
#include "gantry/state.h"
#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_DEX_ID "gantry.dex/1"

typedef struct gantry_dex_instance gantry_dex_instance; /* the plugin's own */

/* A token as the pool's contract has it. */
typedef struct gantry_pool_token {
  gantry_address address;
  uint32_t decimals;
  uint32_t reserved;
} gantry_pool_token;

/* What is known of a pool before the plugin has seen it: from a list, a factory, or a recording. */
typedef struct gantry_pool_spec {
  gantry_address address;
  const gantry_pool_token* tokens;
  uint32_t token_count;
  uint32_t reserved;
  gantry_bytes metadata; /* the plugin's own, as it emitted it in discover(); may be empty */
} gantry_pool_spec;

#define GANTRY_OVERLAY_BYTES_MAX 4096

enum {
  GANTRY_POOL_EXACT_OUT = 1,    /* quotes GANTRY_EXACT_OUT */
  GANTRY_POOL_SEGMENTS = 2,     /* answers segments() */
  GANTRY_POOL_CALLBACK = 4,     /* the pool pays first and calls back for its input */
  GANTRY_POOL_APPROXIMATE = 8,  /* quotes are not exact to the chain: never traded unsimulated */
  GANTRY_POOL_ONE_WAY = 16,     /* some directions are never quoted */
  GANTRY_POOL_FOLLOWS_LOGS = 32 /* after its first rounds its logs alone keep the state right; a
                                   pool without this is asked for requests at each block */
};

typedef struct gantry_pool_traits {
  uint32_t flags;         /* GANTRY_POOL_* */
  uint32_t overlay_bytes; /* an overlay never needs more; at most GANTRY_OVERLAY_BYTES_MAX */
  uint64_t swap_gas;      /* gas units, an estimate for a plain swap */
} gantry_pool_traits;

enum { GANTRY_EXACT_IN = 0, GANTRY_EXACT_OUT = 1 };
enum { GANTRY_WANT_IMPACT = 1 }; /* gantry_swap.wants: price_impact is filled, else it is 0 */

typedef struct gantry_swap {
  gantry_amount amount; /* > 0; what goes in, or with GANTRY_EXACT_OUT what comes out */
  uint32_t token_in;
  uint32_t token_out; /* != token_in */
  int32_t mode;       /* GANTRY_EXACT_IN or GANTRY_EXACT_OUT */
  uint32_t wants;     /* GANTRY_WANT_* */
} gantry_swap;

typedef struct gantry_quote {
  gantry_amount amount_in;
  gantry_amount amount_out; /* what the taker gets after all fees, as the contract rounds */
  gantry_amount fee;        /* in units of token_in, or of token_out with fee_on_out */
  uint64_t gas;             /* gas units, an estimate for this swap (crossings included) */
  double price_impact;      /* 1 - (average price / price before), fee excluded; 0 to 1 */
  uint32_t fee_on_out;
  uint32_t crossings; /* ticks or bins crossed; 0 for venues without */
} gantry_quote;

/* Amounts in that can be quoted, and the most that can come out. */
typedef struct gantry_swap_limits {
  gantry_amount in_min;
  gantry_amount in_max;
  gantry_amount out_max;
} gantry_swap_limits;

enum {
  /* floor(in*(fee_denominator-fee)*reserve_out / (reserve_in*fee_denominator +
   * in*(fee_denominator-fee))) is quote() to the unit while `in` stays below in_end. */
  GANTRY_SEGMENT_EXACT = 1
};

/* A range in which the venue behaves as a constant product of virtual reserves. */
typedef struct gantry_segment {
  gantry_amount reserve_in;
  gantry_amount reserve_out;
  gantry_amount in_end; /* amount in, fee included and counted from the segment's start, at which
                           it ends; all ones: never */
  uint32_t fee;         /* over fee_denominator, taken from the amount in */
  uint32_t fee_denominator;
  uint32_t flags; /* GANTRY_SEGMENT_* */
  uint32_t reserved;
} gantry_segment;

/* A pool as people see it. */
typedef struct gantry_pool_view {
  uint32_t fee; /* parts of a million, now */
  uint32_t token_count;
  gantry_amount* balances; /* the caller's array of token_count; what the pool can pay out */
} gantry_pool_view;

enum {
  GANTRY_INPUT_TRANSFER = 1, /* send the tokens to `spender` before the call */
  GANTRY_INPUT_APPROVE = 2,  /* approve `spender`, which pulls them */
  GANTRY_INPUT_CALLBACK = 3, /* the pool calls back and must be paid then */
  GANTRY_INPUT_NATIVE = 4    /* send the chain's coin with the call */
};

/* Where in `data` an amount stands, so that it can be replaced when the real one is known: 32 bytes
 * big-endian on an EVM chain, 8 bytes little-endian on Solana. ~0: nowhere. */
#define GANTRY_NO_OFFSET UINT32_MAX

typedef struct gantry_account_meta {
  gantry_address address;
  uint32_t flags; /* 1: signer, 2: writable */
  uint32_t reserved;
} gantry_account_meta;

/* One EVM call or Solana instruction. Pointers are the plugin's for the length of emit(). */
typedef struct gantry_instruction {
  gantry_address target; /* contract or program */
  gantry_amount value;   /* of the chain's coin */
  gantry_bytes data;     /* calldata or instruction data */
  const gantry_account_meta* accounts;
  uint32_t account_count;
  int32_t input; /* GANTRY_INPUT_* */
  gantry_address spender;
  uint32_t amount_in_offset;
  uint32_t amount_out_offset; /* exact output, for pairs that are told what to pay */
  uint32_t min_out_offset;
  uint32_t min_out_enforced; /* 1: the call itself reverts below the minimum */
  gantry_amount min_out;
} gantry_instruction;

typedef struct gantry_instruction_sink {
  void* self;
  /* Takes a copy of one call, in the order of execution. GANTRY_BAD_ARGUMENT: a size without
   * bytes; GANTRY_REFUSED: over the bound on calls, bytes or accounts. [call] */
  gantry_status (*emit)(void* self, const gantry_instruction* instruction);
} gantry_instruction_sink;

/* What is asked of build_swap(). */
typedef struct gantry_swap_order {
  gantry_swap swap;  /* GANTRY_EXACT_IN; amount is what will be sent */
  gantry_amount out; /* as quoted */
  gantry_amount min_out;
  gantry_address sender;    /* who sends the input */
  gantry_address recipient; /* who gets the output */
  uint64_t deadline_s;      /* chain time; 0: none */
} gantry_swap_order;

typedef struct gantry_pool_sink {
  void* self;
  /* Takes a copy of a pool that was found. GANTRY_REFUSED: the operator does not want it, or the
   * bound on pools is reached. [call] */
  gantry_status (*emit)(void* self, const gantry_pool_spec* spec);
} gantry_pool_sink;

/* Arguments that nearly every pure call takes. */
typedef struct gantry_pool_state {
  gantry_state base;
  gantry_bytes overlay; /* empty: none */
  const gantry_context* context;
} gantry_pool_state;

typedef struct gantry_dex_v1 {
  /* Makes a venue with these parameters on one chain; it is the caller's until destroy(), `host`
   * lasts as long, `config` until this returns. GANTRY_REFUSED with `error`: the parameters do not
   * fit together. [main] */
  gantry_status (*create)(const gantry_host* host, const gantry_instance_config* config,
                          gantry_dex_instance** out, gantry_error* error);
  /* Frees what create() made; null is allowed. Cannot fail. [main] */
  void (*destroy)(gantry_dex_instance* instance);

  /* Finds pools, in rounds: emits requests and, from the facts of the last round, pools.
   * GANTRY_NEED_STATE: another round; GANTRY_OK: all found; GANTRY_UNSUPPORTED: pools come from a
   * list; GANTRY_BAD_STATE: facts or cursor do not decode; GANTRY_NEED_SIZE (next_cursor). `cursor`
   * is the plugin's own, kept by the host while it runs; Host 0.1 forgets it at its end, and asks
   * where a chain is followed live. [instance] */
  gantry_status (*discover)(gantry_dex_instance* instance, const gantry_context* context,
                            gantry_bytes cursor, const gantry_fact* facts, uint32_t fact_count,
                            const gantry_request_sink* requests, const gantry_pool_sink* pools,
                            gantry_buffer* next_cursor);
  /* Takes a pool on: writes what never changes of it (chunk 0 by convention). `spec` lasts until
   * this returns. GANTRY_REFUSED with `error`: an unknown variant, named. GANTRY_BAD_STATE: the
   * metadata does not decode. GANTRY_HOST_FAULT: the writer gave no memory. [main] */
  gantry_status (*open_pool)(gantry_dex_instance* instance, const gantry_pool_spec* spec,
                             const gantry_state_writer* writer, gantry_pool_traits* out,
                             gantry_error* error);
  /* Emits what round `round` (from 0) needs to know the pool's state; standing log requests belong
   * to round 0. GANTRY_OK: complete after this round; GANTRY_NEED_STATE: apply, then the next
   * round; GANTRY_BAD_STATE: state or metadata do not decode. Asked again from round 0 when apply()
   * says GANTRY_NEED_STATE, and at each block unless GANTRY_POOL_FOLLOWS_LOGS; what is asked may
   * move with the price. Same state, context and round, same requests in the same order: a replay
   * tells the answers apart by that. [worker] */
  gantry_status (*requests)(gantry_dex_instance* instance, const gantry_context* context,
                            const gantry_pool_spec* spec, const gantry_state* state, uint32_t round,
                            const gantry_request_sink* sink);
  /* Makes the next state from the old one and new facts, in the chain's order, through `writer`.
   * GANTRY_BAD_STATE: they do not decode, the old state stays; GANTRY_NEED_STATE: applied, but not
   * quotable before the next round; GANTRY_REFUSED: the variant is unknown after all;
   * GANTRY_HOST_FAULT: the writer gave no memory. One at a time for one pool. [worker] */
  gantry_status (*apply)(gantry_dex_instance* instance, const gantry_context* context,
                         const gantry_state* old, const gantry_fact* facts, uint32_t fact_count,
                         const gantry_state_writer* writer);

  /* Quotes one swap, in smallest units. `next` may be null; else it receives the overlay of the
   * pool after the swap. Rationale: *out may hold anything unless GANTRY_OK is returned, as a copy
   * made only to keep it untouched would cost more than the quote. GANTRY_NO_LIQUIDITY,
   * GANTRY_OUT_OF_RANGE, GANTRY_UNSUPPORTED (mode), GANTRY_NEED_SIZE (next), GANTRY_NEED_STATE (it
   * goes past the ticks or bins that are known), GANTRY_REFUSED (paused, or an oracle too old),
   * GANTRY_BAD_STATE (chunks or overlay do not decode), GANTRY_BAD_ARGUMENT. [worker] */
  gantry_status (*quote)(const gantry_dex_instance* instance, const gantry_pool_state* state,
                         const gantry_swap* swap, gantry_quote* out, gantry_buffer* next);
  /* Quotes `count` swaps, each on the same state, as quote() without `next`; statuses[i], one of
   * its, tells about out[i], which may hold anything unless that is GANTRY_OK. `out` and `statuses`
   * have `count` places. GANTRY_BAD_STATE: the state does not decode, so that none could be
   * quoted. [worker] */
  gantry_status (*quote_many)(const gantry_dex_instance* instance, const gantry_pool_state* state,
                              const gantry_swap* swaps, uint32_t count, gantry_quote* out,
                              gantry_status* statuses);
  /* What can be swapped in this direction, in smallest units: one less than in_min pays nothing,
   * one more than in_max is refused, and nothing pays more than out_max. GANTRY_NO_LIQUIDITY:
   * nothing can be; GANTRY_UNSUPPORTED: never in this direction; GANTRY_NEED_STATE, GANTRY_REFUSED,
   * GANTRY_BAD_STATE, GANTRY_BAD_ARGUMENT as of quote(). [worker] */
  gantry_status (*limits)(const gantry_dex_instance* instance, const gantry_pool_state* state,
                          uint32_t token_in, uint32_t token_out, gantry_swap_limits* out);
  /* Virtual reserves from the current price on, in smallest units, at most `capacity`; *count is
   * how many were written to `out`. None, as of an empty pool, is not an error.
   * GANTRY_UNSUPPORTED: the venue has no such shape; GANTRY_NEED_STATE, GANTRY_REFUSED,
   * GANTRY_BAD_STATE, GANTRY_BAD_ARGUMENT as of quote(). [worker] */
  gantry_status (*segments)(const gantry_dex_instance* instance, const gantry_pool_state* state,
                            uint32_t token_in, uint32_t token_out, gantry_segment* out,
                            uint32_t capacity, uint32_t* count);
  /* Fee and balances now; `balances` and its room for token_count amounts are the caller's.
   * GANTRY_NEED_SIZE: token_count holds how many; GANTRY_BAD_STATE: chunks or overlay do not
   * decode, and fee and balances may hold anything. [worker] */
  gantry_status (*view)(const gantry_dex_instance* instance, const gantry_pool_state* state,
                        gantry_pool_view* out);
  /* Emits the calls of one swap, in order, amounts in smallest units. GANTRY_UNSUPPORTED: this
   * venue, or this kind of order, cannot be built; GANTRY_BAD_STATE: the state does not decode;
   * GANTRY_BAD_ARGUMENT: a token or an address of the order. [worker] */
  gantry_status (*build_swap)(const gantry_dex_instance* instance, const gantry_pool_spec* spec,
                              const gantry_pool_state* state, const gantry_swap_order* order,
                              const gantry_instruction_sink* sink);
  /* An optional capability's table by id, or null: it is not offered. The table is the plugin's and
   * lasts as long as the instance. Drafts: "gantry.dex.router.draft/1", a venue that quotes and
   * routes by itself. Host 0.1 does not call this yet. [main] */
  const void* (*get_extension)(const gantry_dex_instance* instance, const char* id);
} gantry_dex_v1;

GANTRY_LAYOUT(gantry_pool_token, 48);
GANTRY_LAYOUT(gantry_pool_spec, 72);
GANTRY_LAYOUT(gantry_pool_traits, 16);
GANTRY_LAYOUT(gantry_swap, 48);
GANTRY_LAYOUT(gantry_quote, 120);
GANTRY_LAYOUT(gantry_swap_limits, 96);
GANTRY_LAYOUT(gantry_segment, 112);
GANTRY_LAYOUT(gantry_pool_view, 16);
GANTRY_LAYOUT(gantry_account_meta, 48);
GANTRY_LAYOUT(gantry_instruction, 192);
GANTRY_LAYOUT(gantry_swap_order, 200);
GANTRY_LAYOUT(gantry_pool_state, 40);
GANTRY_LAYOUT(gantry_dex_v1, 104);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

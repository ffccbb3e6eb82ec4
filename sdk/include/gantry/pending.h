/* gantry/pending.h: two optional interfaces for transactions that wait to be included in a block.
 * "gantry.dex.pending/1": a venue reads those to its routers, and says which swaps they ask for.
 * "gantry.strategy.pending/1": a strategy is told of these. get_extension() of either offers its
 * table.
 *
 * FOR WHAT   Pricing, and the search for what can be done after them. A pending swap is a wish: it
 *            may fail, be replaced, or never be included. The host places nothing in front of
 *            anybody's transaction, and this gives no means to.
 * UNITS      Amounts: 256-bit, smallest unit. Times: seconds of the chain's clock.
 * BOUNDS     GANTRY_PENDING_HOPS_MAX hops a swap, GANTRY_PENDING_SWAPS_MAX swaps a transaction.
 * STABILITY  Revision 1. Frozen once released; a change is a revision 2 in a header of its own. */
#ifndef GANTRY_PENDING_H
#define GANTRY_PENDING_H
#include "gantry/strategy.h"
#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_DEX_PENDING_ID "gantry.dex.pending/1"
#define GANTRY_STRATEGY_PENDING_ID "gantry.strategy.pending/1"

#define GANTRY_PENDING_HOPS_MAX 8
#define GANTRY_PENDING_SWAPS_MAX 16

/* One that a node has told of, whole. */
typedef struct gantry_pending_transaction {
  uint8_t hash[32];
  gantry_address from;
  gantry_address to;
  gantry_amount value;     /* of the chain's coin */
  gantry_amount gas_price; /* wei for a gas unit, at most */
  gantry_amount gas_tip;   /* of it for the block's producer, at most */
  uint64_t nonce;
  gantry_bytes input;
} gantry_pending_transaction;

enum {
  GANTRY_PENDING_MAY_STOP = 1 /* a limit of the price may end it early */
};

typedef struct gantry_pending_hop {
  gantry_address pool;
  gantry_address token_in;
  gantry_address token_out; /* token_in of the next hop */
} gantry_pending_hop;

/* A swap through one or more pools, as it was ordered. */
typedef struct gantry_pending_swap {
  gantry_amount amount_in;  /* GANTRY_EXACT_IN: what goes in; GANTRY_EXACT_OUT: at most */
  gantry_amount amount_out; /* GANTRY_EXACT_IN: at least; GANTRY_EXACT_OUT: what comes out */
  uint64_t deadline_s;      /* it fails after; 0: never. What is above 64 bits is all ones */
  int32_t mode;             /* GANTRY_EXACT_IN or GANTRY_EXACT_OUT */
  uint32_t flags;           /* GANTRY_PENDING_* */
  uint32_t hop_count;       /* 1 to GANTRY_PENDING_HOPS_MAX */
  uint32_t reserved;
  gantry_pending_hop hops[GANTRY_PENDING_HOPS_MAX]; /* in the order of the swap */
} gantry_pending_swap;

typedef struct gantry_pending_sink {
  void* self;
  /* Takes a copy of one swap, in the transaction's order. GANTRY_REFUSED: over the bound;
   * GANTRY_BAD_ARGUMENT: no hops or too many, hops that do not join, one token on both ends of a
   * hop, what is no EVM address, an unknown mode or an exact amount of 0. [call] */
  gantry_status (*emit)(void* self, const gantry_pending_swap* swap);
} gantry_pending_sink;

typedef struct gantry_address_sink {
  void* self;
  /* Takes a copy of one address. GANTRY_REFUSED: over the bound of 64; GANTRY_BAD_ARGUMENT: no EVM
   * address. [call] */
  gantry_status (*emit)(void* self, const gantry_address* address);
} gantry_address_sink;

typedef struct gantry_dex_pending_v1 {
  /* Emits the contracts whose transactions it reads: the host shows it no others. Always the same;
   * none is not an error. [worker] */
  gantry_status (*routers)(const gantry_dex_instance* instance, const gantry_address_sink* sink);
  /* Emits the swaps that a transaction asks for, of this venue's kind; the host drops those that
   * no pool of the venue takes part in. Pure, and without memory: same transaction, same swaps. A
   * swap whose amounts, pools or order are not certain is left out. GANTRY_UNSUPPORTED: a function
   * that it does not know; GANTRY_BAD_STATE: the input does not decode. Then nothing that was
   * emitted counts. [worker] */
  gantry_status (*decode)(const gantry_dex_instance* instance,
                          const gantry_pending_transaction* transaction,
                          const gantry_pending_sink* sink);
} gantry_dex_pending_v1;

/* A swap that waits, in market handles. */
typedef struct gantry_pending_event {
  uint64_t sequence; /* dense from 1 in a run: a gap is what was dropped */
  uint8_t transaction[32];
  gantry_address from;
  gantry_amount gas_price; /* as gantry_pending_transaction */
  gantry_amount gas_tip;
  gantry_amount amount_in; /* as gantry_pending_swap */
  gantry_amount amount_out;
  uint64_t deadline_s;
  int32_t mode;
  uint32_t flags;
  uint32_t hop_count;
  uint32_t venue;
  gantry_hop hops[GANTRY_PENDING_HOPS_MAX]; /* pool and tokens: ~0 where the market has not got it;
                                               one pool at least is known */
} gantry_pending_event;

typedef struct gantry_strategy_pending_v1 {
  /* Tells of swaps that were not told of yet, oldest first, before the find() of the same market.
   * `events` lasts until this returns. `dropped`: how many more there were, which the host's bound
   * has cost. What it returns costs no strike, unless it throws; GANTRY_UNSUPPORTED: it wants none.
   * [instance] */
  gantry_status (*on_pending)(gantry_strategy_instance* instance, const gantry_market* market,
                              const gantry_pending_event* events, uint32_t count, uint64_t dropped);
} gantry_strategy_pending_v1;

GANTRY_LAYOUT(gantry_pending_transaction, 232);
GANTRY_LAYOUT(gantry_pending_hop, 120);
GANTRY_LAYOUT(gantry_pending_swap, 1048);
GANTRY_LAYOUT(gantry_pending_event, 360);
GANTRY_LAYOUT(gantry_dex_pending_v1, 16);
GANTRY_LAYOUT(gantry_strategy_pending_v1, 8);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

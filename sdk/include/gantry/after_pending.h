/* gantry/after_pending.h: an optional service of the host: the market as a transaction that waits
 * would leave it. A draft: it may change until an SDK releases it as revision 1. A strategy that is
 * told of pending swaps (gantry/pending.h) asks for it by its id with gantry_host.get_service, in
 * create().
 *
 * EXACT      The pools that the transaction's swaps go through have the states that their venues'
 *            own quotes leave, to the unit. What of the transaction no venue reads is not in it.
 * FOR WHAT   What can be done behind a transaction, and what others could take from it. Nothing is
 *            ever placed in front of anybody's transaction: opportunities that have legs there are
 *            taken with GANTRY_OPPORTUNITY_SIMULATE_ONLY alone, which the risk gate never approves.
 * STABILITY  A draft. */
#ifndef GANTRY_AFTER_PENDING_H
#define GANTRY_AFTER_PENDING_H
#include "gantry/pending.h"
#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_AFTER_PENDING_DRAFT_ID "gantry.after_pending.draft/1"

typedef struct gantry_after_pending_draft_v1 {
  /* Calls `with` once, with the market after the whole transaction that swap `sequence` is of: its
   * `pending` is that sequence, its changed_pools are those that it went through, ascending. It
   * lasts until `with` returns; the market that was given stays as it is. `before`: legs that are
   * swapped in front of it, each with its amount_in; 0 to GANTRY_LEGS_MAX.
   * Returns what `with` returned, or without calling it: GANTRY_BAD_ARGUMENT: no such swap is among
   * those that the host still keeps and that are in no block yet, or too many legs; GANTRY_REFUSED:
   * in this market it would fail, as its least out is not met, its time is over, its gas price is
   * too low for the next block, or `before` cannot be swapped; GANTRY_UNSUPPORTED: what it leaves
   * is not known, as it goes through a pool that the market has not got, may stop early, has an
   * exact output that routers pay differently, or `market` is such a market itself. [call] */
  gantry_status (*look)(const gantry_market* market, uint64_t sequence, const gantry_leg* before,
                        uint32_t before_count, void* self,
                        gantry_status (*with)(void* self, const gantry_market* after));
} gantry_after_pending_draft_v1;

/* With a host that has the service: what stands at the head of gantry_opportunity.data of each
 * GANTRY_OPPORTUNITY_BACKRUN. Its legs from number legs_before on have the amounts that they are
 * quoted after the transaction and the legs before it. */
typedef struct gantry_backrun {
  uint64_t pending;     /* sequence of a swap of the transaction that it is behind */
  uint32_t legs_before; /* above 0: with GANTRY_OPPORTUNITY_SIMULATE_ONLY alone */
  uint32_t reserved;
} gantry_backrun;

GANTRY_LAYOUT(gantry_after_pending_draft_v1, 8);
GANTRY_LAYOUT(gantry_backrun, 16);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

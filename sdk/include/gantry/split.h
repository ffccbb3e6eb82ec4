/* gantry/split.h: optional services of the host for trades that split, and for venues by name. A
 * draft: both may change until an SDK releases them as revision 1. A strategy asks for one by its
 * id with gantry_host.get_service, in create().
 *
 * SPLITS     With a host that has "gantry.split.draft/1" the legs of an opportunity need not follow
 *            each other: each takes its amount_in of its token from what there is, and adds its
 *            amount_out. What there is at first is the opportunity's amount_in of token_in. All of
 *            it is used, no leg takes more than there is, and in the end there is amount_out of
 *            token_out and nothing else. Legs that do follow each other are the plainest case.
 * UNITS      Amounts: 256-bit, smallest unit.
 * STABILITY  Drafts. */
#ifndef GANTRY_SPLIT_H
#define GANTRY_SPLIT_H
#include "gantry/strategy.h"
#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_SPLIT_DRAFT_ID "gantry.split.draft/1"
#define GANTRY_VENUES_DRAFT_ID "gantry.venues.draft/1"

typedef struct gantry_split_draft_v1 {
  /* Quotes up to GANTRY_LEGS_MAX legs in their order, each with its own amount_in: fills their
   * amount_out, and *gas with the sum of theirs. A pool that is visited again is quoted on its
   * state after the earlier visit. Statuses as of quote_route in gantry/market.h; what is filled
   * may hold anything unless GANTRY_OK is returned. Whether the legs fit together is not looked
   * at. [call] */
  gantry_status (*quote_legs)(const struct gantry_market* market, gantry_leg* legs, uint32_t count,
                              uint64_t* gas);
} gantry_split_draft_v1;

typedef struct gantry_venues_draft_v1 {
  /* What the operator calls a venue, by gantry_pool.venue. It is the host's and lasts as long as
   * the market. GANTRY_BAD_ARGUMENT: there is none of that number. [call] */
  gantry_status (*name)(const struct gantry_market* market, uint32_t venue, gantry_string* out);
} gantry_venues_draft_v1;

GANTRY_LAYOUT(gantry_split_draft_v1, 8);
GANTRY_LAYOUT(gantry_venues_draft_v1, 8);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

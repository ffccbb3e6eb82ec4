/* gantry/positions.h: an optional service of the host that tells a strategy what it holds. A draft:
 * it may change until an SDK releases it as revision 1. A strategy asks for it by its id with
 * gantry_host.get_service, in create().
 *
 * POSITIONS  A trade of GANTRY_OPPORTUNITY_POSITION that was filled opens a position: so much of
 *            its token_out, bought with its token_in, the position's base. One back closes it, or
 *            a part of it. Both begin with what the sender holds: nobody lends for them.
 * HOST       While trading is REDUCING the host closes positions itself. Results of that have a
 *            key whose upper half is all ones; no strategy's key should be like it.
 * UNITS      Amounts: 256-bit, smallest unit. Tokens: market handles. */
#ifndef GANTRY_POSITIONS_H
#define GANTRY_POSITIONS_H
#include "gantry/market.h"
#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_POSITIONS_DRAFT_ID "gantry.positions.draft/1"

typedef struct gantry_position {
  uint32_t base;  /* what it was bought with */
  uint32_t token; /* what is held */
  gantry_amount quantity;
  gantry_amount cost; /* of the base, for what is still held */
  uint64_t since_s;   /* when it was opened, on the chain's clock */
  uint64_t reserved;
} gantry_position;

typedef struct gantry_positions_draft_v1 {
  /* What this strategy holds, as it was when the last of the results that it was told of was known;
   * trades under way are not in it. Fills at most `capacity`, and *count with how many there are.
   * GANTRY_REFUSED: nobody has said yet, as with the first snapshots; GANTRY_UNSUPPORTED: this
   * market is none that a strategy was given, or its process is isolated. [call] */
  gantry_status (*list)(const struct gantry_market* market, gantry_position* out, uint32_t capacity,
                        uint32_t* count);
} gantry_positions_draft_v1;

GANTRY_LAYOUT(gantry_position, 88);
GANTRY_LAYOUT(gantry_positions_draft_v1, 8);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

/* gantry/market.h: what a strategy sees: one immutable snapshot, and the host's services on it.
 *
 * HANDLES    Tokens, pools and venues are uint32_t, dense from 0, the same in every snapshot of one
 *            `topology`; a new topology comes with a call of prepare().
 * LIFETIME   A gantry_market and all it points to last until the call it was given to returns.
 * DETERMINISM  Every answer is a function of the snapshot, the history and the configuration: in a
 *            replay it is the same to the byte.
 * STABILITY  SDK 0.1. Frozen. */
#ifndef GANTRY_MARKET_H
#define GANTRY_MARKET_H
#include "gantry/dex.h"
#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_LEGS_MAX 8
#define GANTRY_OWN_STATE UINT32_MAX

enum {
  GANTRY_TOKEN_VALUED = 1,  /* the valuation service knows a price for it */
  GANTRY_TOKEN_WRAPPED = 2, /* the wrapped form of the chain's coin */
  GANTRY_TOKEN_USD = 4,     /* the operator says that it stands for a dollar */
  GANTRY_TOKEN_AVOID = 8    /* taxes transfers, rebases, or is on the operator's list. Host 0.1
                               sets it on no token yet */
};

typedef struct gantry_token {
  gantry_address address;
  gantry_string symbol;
  uint32_t decimals;
  uint32_t flags; /* GANTRY_TOKEN_* */
} gantry_token;

typedef struct gantry_pool {
  gantry_address address;
  const uint32_t* tokens; /* handles, in the order of the pool's contract */
  uint32_t token_count;
  uint32_t venue;
  gantry_pool_traits traits;
  int32_t venue_priority; /* the operator's: higher is checked first */
  uint32_t usable;        /* 0: below min_liquidity_usd, its venue retired, or not quotable now */
} gantry_pool;

/* What a token amount is worth. `status` GANTRY_OK; GANTRY_UNSUPPORTED: it cannot be valued, and
 * limits in ether or USD will refuse it. */
typedef struct gantry_value {
  gantry_amount ether_wei;
  gantry_amount usd_e6; /* millionths of a dollar */
  uint64_t age_blocks;  /* since the oldest state that it came from was the chain's; 0: current */
  double confidence;    /* 0 to 1 */
  gantry_status status;
  uint32_t source; /* pool handle of the price's weakest step, or ~0 */
} gantry_value;

/* One step of a route. Token numbers are market handles here, not pool indexes. */
typedef struct gantry_hop {
  uint32_t pool;
  uint32_t token_in;
  uint32_t token_out;
  uint32_t reserved;
} gantry_hop;

typedef struct gantry_route_quote {
  gantry_amount amount_in;
  gantry_amount amount_out;
  gantry_amount amounts[GANTRY_LEGS_MAX + 1]; /* before the first hop, ..., after the last */
  uint64_t gas;
} gantry_route_quote;

typedef struct gantry_price {
  double bid; /* of token in quote token units, whole units; 0: none */
  double ask;
  uint64_t time_s;
  uint64_t block;
  gantry_amount liquidity; /* of the token, within 1 % of the price */
  uint32_t source;         /* pool handle */
  uint32_t reserved;
} gantry_price;

enum {
  GANTRY_HISTORY_PRICE = 1,      /* at snapshots in which it had one */
  GANTRY_HISTORY_VOLATILITY = 2, /* standard deviation of log returns over the window */
  GANTRY_HISTORY_CORRELATION = 3 /* of log returns of two tokens over the window */
};

typedef struct gantry_history_query {
  int32_t what; /* GANTRY_HISTORY_* */
  uint32_t token;
  uint32_t quote;  /* price in this token */
  uint32_t other;  /* correlation with this one */
  uint64_t from_s; /* chain time; the host keeps a bounded window and says so */
  uint64_t to_s;
  uint32_t samples_max;
  uint32_t reserved;
} gantry_history_query;

typedef struct gantry_sample {
  uint64_t time_s;
  double value;
} gantry_sample;

struct gantry_market;

/* The host's services on a snapshot. None allocates. What they point to is the host's and lasts as
 * long as the market; what is filled is the caller's. */
typedef struct gantry_market_services {
  /* A token by handle. GANTRY_BAD_ARGUMENT: no such handle. [call] */
  gantry_status (*token)(const struct gantry_market* market, uint32_t token, gantry_token* out);
  /* A pool by handle, also one that is not usable. GANTRY_BAD_ARGUMENT: no such handle. [call] */
  gantry_status (*pool)(const struct gantry_market* market, uint32_t pool, gantry_pool* out);
  /* Handle of a token by address. GANTRY_UNSUPPORTED: the market has not got it. [call] */
  gantry_status (*find_token)(const struct gantry_market* market, const gantry_address* address,
                              uint32_t* out);
  /* One swap on the pool's state as it is, as quote() of gantry_dex_v1 by the pool's venue, with
   * its units and errors; token indexes are the pool's own. *out may hold anything unless GANTRY_OK
   * is returned. GANTRY_REFUSED also: there is no such pool, or it is not usable. [call] */
  gantry_status (*quote)(const struct gantry_market* market, uint32_t pool, const gantry_swap* swap,
                         gantry_quote* out);
  /* `count` swaps, each on the pool's state as it is, as quote_many() of gantry_dex_v1, with its
   * units and errors. GANTRY_REFUSED also: there is no such pool, or it is not usable. [call] */
  gantry_status (*quote_many)(const struct gantry_market* market, uint32_t pool,
                              const gantry_swap* swaps, uint32_t count, gantry_quote* out,
                              gantry_status* statuses);
  /* What can be swapped, as limits() of gantry_dex_v1, with its units and errors; token indexes are
   * the pool's own. GANTRY_REFUSED also: there is no such pool, or it is not usable. [call] */
  gantry_status (*limits)(const struct gantry_market* market, uint32_t pool, uint32_t token_in,
                          uint32_t token_out, gantry_swap_limits* out);
  /* The pool's shape, as segments() of gantry_dex_v1, with its units and errors; token indexes are
   * the pool's own. GANTRY_REFUSED also: there is no such pool, or it is not usable. [call] */
  gantry_status (*segments)(const struct gantry_market* market, uint32_t pool, uint32_t token_in,
                            uint32_t token_out, gantry_segment* out, uint32_t capacity,
                            uint32_t* count);
  /* Fee and balances, as view() of gantry_dex_v1, with its units and errors. GANTRY_REFUSED also:
   * there is no such pool, or it is not usable. [call] */
  gantry_status (*view)(const struct gantry_market* market, uint32_t pool, gantry_pool_view* out);
  /* The state's bytes, for a strategy that knows the venue. GANTRY_OWN_STATE as pool: what this
   * instance's own "gantry.state/1" made. GANTRY_REFUSED: there is no such pool, or it is not
   * usable; GANTRY_UNSUPPORTED: no own state yet, and never with Host 0.1. [call] */
  gantry_status (*state)(const struct gantry_market* market, uint32_t pool, gantry_state* out);
  /* Quotes up to GANTRY_LEGS_MAX hops in a row, exactly, in smallest units; a pool that is visited
   * again is quoted on its state after the earlier visit. mode: GANTRY_EXACT_IN, and `amount` goes
   * into the first hop, or GANTRY_EXACT_OUT, and it comes out of the last. GANTRY_BAD_ARGUMENT: the
   * number of hops, or a token that is not the pool's; GANTRY_REFUSED: a pool that is none or not
   * usable; GANTRY_UNSUPPORTED: a venue without the mode, or GANTRY_EXACT_OUT through one pool
   * twice; else what the first hop that failed answered to its quote. [call] */
  gantry_status (*quote_route)(const struct gantry_market* market, const gantry_hop* hops,
                               uint32_t count, const gantry_amount* amount, int32_t mode,
                               gantry_route_quote* out);
  /* What an amount is worth at the snapshot's prices, each step rounded down, fees left out: what
   * the risk limits in ether and USD are compared with. GANTRY_UNSUPPORTED: it cannot be valued;
   * GANTRY_BAD_ARGUMENT: no such handle. [call] */
  gantry_status (*value)(const struct gantry_market* market, uint32_t token,
                         const gantry_amount* amount, gantry_value* out);
  /* Bid and ask of one whole `token` in whole `quote`, after the fee, of the usable pool of both
   * that is the deepest. GANTRY_UNSUPPORTED: no pool has both; GANTRY_BAD_ARGUMENT: no such handle,
   * or one token twice. [call] */
  gantry_status (*price)(const struct gantry_market* market, uint32_t token, uint32_t quote,
                         gantry_price* out);
  /* Samples of a series that was subscribed to, oldest first, at most `capacity`; *count is how
   * many were written to `out`. A price is in whole units, between bid and ask; volatility
   * and correlation are one sample. GANTRY_UNSUPPORTED: not kept; GANTRY_NO_LIQUIDITY: too few
   * samples in the window yet; GANTRY_NEED_SIZE: no room for the one sample; GANTRY_BAD_ARGUMENT:
   * unknown `what`. [call] */
  gantry_status (*history)(const struct gantry_market* market, const gantry_history_query* query,
                           gantry_sample* out, uint32_t capacity, uint32_t* count);
  /* What this instance may spend of a token, its own positions included, in smallest units.
   * GANTRY_BAD_ARGUMENT: no such handle. Host 0.1 has no limit yet: all ones, for any handle.
   * [call]
   */
  gantry_status (*balance)(const struct gantry_market* market, uint32_t token, gantry_amount* out);
} gantry_market_services;

typedef struct gantry_market {
  void* self;
  const gantry_market_services* services;
  const gantry_context* context;
  uint64_t snapshot; /* increasing, not dense for one instance: a slow one skips some */
  uint64_t topology; /* changes when pools or tokens were added, removed or made unusable */
  uint32_t token_count;
  uint32_t pool_count;
  uint32_t venue_count;
  uint32_t wrapped_token;        /* handle of the wrapped coin, or ~0 */
  const uint32_t* changed_pools; /* since the last snapshot this instance was given; ascending */
  uint32_t changed_count;
  uint32_t cold;    /* 1: treat every pool as changed (first snapshot, or new topology) */
  uint64_t time_ms; /* the host's clock when this snapshot was made, as recorded: for ages only */
  /* 0: the chain's own state. Else the sequence of a pending swap that this snapshot has in it, so
   * that all services answer as of after it, and what is found is a back-run of it. With Host 0.1
   * always 0. */
  uint64_t pending;
} gantry_market;

GANTRY_LAYOUT(gantry_token, 64);
GANTRY_LAYOUT(gantry_pool, 80);
GANTRY_LAYOUT(gantry_value, 88);
GANTRY_LAYOUT(gantry_hop, 16);
GANTRY_LAYOUT(gantry_route_quote, 360);
GANTRY_LAYOUT(gantry_price, 72);
GANTRY_LAYOUT(gantry_history_query, 40);
GANTRY_LAYOUT(gantry_sample, 16);
GANTRY_LAYOUT(gantry_market_services, 112);
GANTRY_LAYOUT(gantry_market, 88);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

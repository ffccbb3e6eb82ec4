/* gantry/strategy.h: "gantry.strategy/1", finds trades in a snapshot.
 *
 * THREADS    [instance] one thread at a time for an instance; a slow one skips snapshots, which are
 *            counted. prepare() may allocate; find(), validate() and size() may not.
 * PURITY     Answers depend on the snapshot, the parameters, and what the host told this instance
 *            (events, results, loaded state): nothing else. A replay is equal to the byte.
 * STABILITY  SDK 0.1. Frozen. */
#ifndef GANTRY_STRATEGY_H
#define GANTRY_STRATEGY_H
#include "gantry/market.h"
#ifdef __cplusplus
extern "C" {
#endif

#define GANTRY_STRATEGY_ID "gantry.strategy/1"

typedef struct gantry_strategy_instance gantry_strategy_instance; /* the plugin's own */

enum {
  GANTRY_OPPORTUNITY_ARBITRAGE = 1,   /* starts and ends in one token, in one transaction */
  GANTRY_OPPORTUNITY_BACKRUN = 2,     /* the same, right behind a pending transaction */
  GANTRY_OPPORTUNITY_LIQUIDATION = 3, /* plan() pays token_in and gets the first leg's input */
  GANTRY_OPPORTUNITY_POSITION = 4     /* opens or closes a position: token_in != token_out */
  /* Host 0.1 values what begins and ends in one token, and positions; the rest it refuses. */
};
enum {
  GANTRY_OPPORTUNITY_SIMULATE_ONLY = 1 /* measured and reported; the risk gate never approves it */
};

/* One step with its exact amounts. Tokens are market handles. */
typedef struct gantry_leg {
  gantry_hop hop;
  gantry_amount amount_in;
  gantry_amount amount_out;
} gantry_leg;

typedef struct gantry_opportunity {
  uint64_t key;       /* the strategy's: the same route has the same key in every snapshot */
  int32_t kind;       /* GANTRY_OPPORTUNITY_* */
  uint32_t flags;     /* GANTRY_OPPORTUNITY_SIMULATE_ONLY */
  uint32_t leg_count; /* 1 to GANTRY_LEGS_MAX; of a liquidation also 0 */
  uint32_t token_in;
  uint32_t token_out;
  uint32_t reserved;
  gantry_amount amount_in;
  gantry_amount amount_out; /* of token_out; for one token, above amount_in when it gains */
  uint64_t gas;             /* gas units, of the legs; the host adds the transaction's own */
  uint64_t block;           /* whose state it was found in */
  uint64_t valid_until_block;
  double expected_profit_bps; /* of amount_in, after fees and gas; finite */
  double confidence;          /* 0 to 1 */
  double risk_score;          /* 0 (none) to 1 */
  gantry_leg legs[GANTRY_LEGS_MAX];
  uint8_t data[64]; /* the strategy's own: a position, an event */
} gantry_opportunity;

/* What the strategy may commit to one trade. */
typedef struct gantry_sizing_limits {
  gantry_amount amount_in_max; /* of the opportunity's token_in; all ones: no limit */
  uint32_t pool_share_max_bps; /* of a pool's balance of the token that goes in; 10000: all */
  uint32_t reserved;
  gantry_amount gas_cost_wei; /* of one gas unit */
  uint64_t gas_overhead;      /* gas units the host adds to the legs' */
} gantry_sizing_limits;

typedef struct gantry_opportunity_sink {
  void* self;
  /* Takes a copy of one opportunity. GANTRY_REFUSED: the bound on opportunities of a snapshot is
   * reached, stop emitting; GANTRY_BAD_ARGUMENT: nonsense (a handle, a number), which costs the
   * plugin a strike. [call] */
  gantry_status (*emit)(void* self, const gantry_opportunity* opportunity);
} gantry_opportunity_sink;

enum {
  GANTRY_EVENT_PENDING_SWAP = 1, /* payload: the transaction's bytes as broadcast; may be empty
                                    where only its effect is shown. See gantry_market.pending */
  GANTRY_EVENT_FILL = 2,         /* payload: gantry_result */
  GANTRY_EVENT_BREAKER = 3,      /* payload: int32_t 0 active, 1 reducing, 2 halted */
  GANTRY_EVENT_OUTSIDE_PRICE = 4 /* payload: gantry_outside_price */
};

/* A price from off the chain, in market handles. */
typedef struct gantry_outside_price {
  uint32_t token;
  uint32_t quote;
  double bid; /* of one whole token in whole quote tokens; 0: none */
  double ask;
  uint64_t time_ms; /* on the clock of gantry_market.time_ms */
  char source[32];  /* ends in zeros */
} gantry_outside_price;

typedef struct gantry_event {
  int32_t kind;  /* GANTRY_EVENT_* */
  uint32_t pool; /* ~0: none */
  uint64_t sequence;
  uint64_t time_s;
  gantry_bytes payload; /* 8-aligned */
} gantry_event;

/* A dry run tells of the first two only: it signs and sends nothing. */
enum {
  GANTRY_RESULT_PLANNED = 1, /* approved and planned, in dry run the end of the road */
  GANTRY_RESULT_REFUSED = 2, /* by the risk gate; reason is its enum */
  GANTRY_RESULT_FILLED = 3,
  GANTRY_RESULT_FAILED = 4
};

typedef struct gantry_result {
  uint64_t key;
  uint64_t block;
  int32_t kind;   /* GANTRY_RESULT_* */
  int32_t reason; /* of a refusal or failure; 0: none */
  gantry_amount amount_in;
  gantry_amount amount_out;
} gantry_result;

typedef struct gantry_subscription_sink {
  void* self;
  /* Has events of a kind, GANTRY_EVENT_*, sent to on_event(), in sequence, never conflated.
   * GANTRY_BAD_ARGUMENT: unknown kind. Host 0.1 takes the wish and sends none yet. [call] */
  gantry_status (*events)(void* self, int32_t kind);
  /* Has the host keep this series for at least that long, in seconds of the chain's clock.
   * GANTRY_BAD_ARGUMENT: no such handle; GANTRY_REFUSED: over its bound, 400 days. Host 0.1 keeps
   * 8192 samples: one each `lookback_s` / 8192 s; with 0, of the last snapshots. [call] */
  gantry_status (*history)(void* self, const gantry_history_query* query, uint64_t lookback_s);
} gantry_subscription_sink;

typedef struct gantry_strategy_v1 {
  /* Makes a strategy with these parameters on one chain; it is the caller's until destroy(), `host`
   * lasts as long, `config` until this returns. GANTRY_REFUSED with `error`: the parameters do not
   * fit together. [main] */
  gantry_status (*create)(const gantry_host* host, const gantry_instance_config* config,
                          gantry_strategy_instance** out, gantry_error* error);
  /* Frees what create() made; null is allowed. Cannot fail. [main] */
  void (*destroy)(gantry_strategy_instance* instance);
  /* Says which events and history it wants. Once, with the first market, before prepare(): tokens
   * have handles then. What the sink took holds whatever this returns; GANTRY_REFUSED,
   * GANTRY_UNSUPPORTED: it cannot have all it wants, and goes on without. [instance] */
  gantry_status (*subscribe)(gantry_strategy_instance* instance, const gantry_market* market,
                             const gantry_subscription_sink* sink);
  /* The topology is new: build indexes. Before the first find() and at each change. The only call
   * of these in which memory may be allocated. GANTRY_REFUSED, or any other status, with `error`:
   * it cannot work on this market; find() is left out, a strike given, and the next snapshot tries
   * again. [instance] */
  gantry_status (*prepare)(gantry_strategy_instance* instance, const gantry_market* market,
                           gantry_error* error);
  /* Emits the opportunities that this snapshot created or changed, amounts in smallest units. None
   * is not an error, nor is a sink that takes no more. GANTRY_BAD_STATE: a pool's bytes do not
   * decode. What was emitted before an error counts. [instance] */
  gantry_status (*find)(gantry_strategy_instance* instance, const gantry_market* market,
                        const gantry_opportunity_sink* sink);
  /* Whether one still holds in this snapshot. GANTRY_REFUSED: it does not; what the market answered
   * to its route: the same. [instance] */
  gantry_status (*validate)(gantry_strategy_instance* instance, const gantry_market* market,
                            const gantry_opportunity* opportunity);
  /* Fits one to the limits that it exceeds: the best amounts, in smallest units, that respect them.
   * GANTRY_REFUSED: within them it does not pay; GANTRY_UNSUPPORTED: it cannot be fitted. The risk
   * gate then judges it as it was found. [instance] */
  gantry_status (*size)(gantry_strategy_instance* instance, const gantry_market* market,
                        const gantry_opportunity* opportunity, const gantry_sizing_limits* limits,
                        gantry_opportunity* out);
  /* Emits what must be called before the swaps of the legs, in order. GANTRY_UNSUPPORTED: the
   * legs are the whole plan, and the host asks their venues; GANTRY_REFUSED: it cannot be planned
   * now. [instance] */
  gantry_status (*plan)(gantry_strategy_instance* instance, const gantry_market* market,
                        const gantry_opportunity* opportunity, const gantry_instruction_sink* sink);
  /* Events come before the find() that follows them; who is told of any gets a find() even when no
   * pool changed, with none in changed_pools. GANTRY_UNSUPPORTED: a kind it does not know;
   * GANTRY_BAD_STATE: the payload does not decode. Neither costs a strike. Host 0.1 does not call
   * this yet. [instance] */
  gantry_status (*on_event)(gantry_strategy_instance* instance, const gantry_event* event);
  /* Tells what became of one that it emitted, by `key`, amounts in smallest units; some are never
   * told of, as those that were approved while another went first. Results come before the find()
   * that follows them. GANTRY_UNSUPPORTED: a kind it does not know, which costs no strike.
   * [instance] */
  gantry_status (*on_result)(gantry_strategy_instance* instance, const gantry_result* result);
  /* Writes the instance's own memory, for a restart or an upgrade, into the caller's buffer.
   * GANTRY_NEED_SIZE; GANTRY_UNSUPPORTED: it has none. Host 0.1 does not call this yet. [instance]
   */
  gantry_status (*save)(gantry_strategy_instance* instance, gantry_buffer* out);
  /* Takes back what save() wrote, also an earlier version of the plugin's. GANTRY_BAD_STATE: does
   * not decode, the instance is as before; GANTRY_UNSUPPORTED: it has no memory. Host 0.1 does not
   * call this yet. [instance] */
  gantry_status (*load)(gantry_strategy_instance* instance, gantry_bytes saved);
  /* An optional capability's table by id, as "gantry.state/1", or null: it is not offered. The
   * table is the plugin's and lasts as long as the instance. Host 0.1 does not call this yet.
   * [main] */
  const void* (*get_extension)(const gantry_strategy_instance* instance, const char* id);
} gantry_strategy_v1;

GANTRY_LAYOUT(gantry_leg, 80);
GANTRY_LAYOUT(gantry_opportunity, 848);
GANTRY_LAYOUT(gantry_sizing_limits, 80);
GANTRY_LAYOUT(gantry_outside_price, 64);
GANTRY_LAYOUT(gantry_event, 40);
GANTRY_LAYOUT(gantry_result, 88);
GANTRY_LAYOUT(gantry_strategy_v1, 104);

#ifdef __cplusplus
} /* extern "C" */
#endif
#endif

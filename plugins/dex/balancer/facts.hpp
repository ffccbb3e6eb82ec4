// What a pool asks of the chain, and what it makes of the answers.
//
// A pool whose id or version its list does not say is asked for those first (round 0) and for the
// rest next; else all is asked at once. Afterwards each block asks for what can have changed. Facts
// of one block are applied together.
#pragma once
#include "gantry/dex.hpp"
#include "plugins/dex/balancer/pool.hpp"

namespace gantry::balancer {

// GANTRY_OK: complete with these; GANTRY_NEED_STATE: there will be another round.
gantry_status emit_requests(const gantry_pool_spec& spec, const Setup& setup, const Market& market,
                            const gantry_request_sink* sink);

struct Applied {
  gantry_status status;
  const char* reason = nullptr;  // of a refusal, for the log
  const char* note = nullptr;    // what was not verified, told once
};

// Changes both as the facts say. GANTRY_NEED_STATE: another round is needed; GANTRY_REFUSED: a pool
// that is not to be quoted, for `reason`; GANTRY_BAD_STATE: they do not decode.
Applied apply_facts(const gantry_context& context, std::span<const gantry_fact> facts, Setup& setup,
                    Market& market);

// Whether all that a quote reads is there.
bool is_complete(const Setup& setup, const Market& market) noexcept;

}  // namespace gantry::balancer

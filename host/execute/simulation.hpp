// What the chain would make of a run of the executor, asked before anything is sent.
//
// THREADS  [any thread]. Waits for the answer.
#pragma once
#include <cstdint>
#include <string>

#include "gantry/u256.hpp"
#include "host/live/signed_pending.hpp"
#include "host/plan/executor_call.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host {

struct Rehearsal {
  gantry_address owner{};  // who calls
  gantry_address executor{};
  const executor::Bytes* run = nullptr;
  std::uint64_t gas = 0;  // limit
  u256 gain;              // of the first settlement, as it was planned
  BlockPin block;         // the one it was planned on
};

// Somebody else's transaction that a run is right behind of, in the block after the pinned one.
struct InFront {
  const SignedPending* theirs = nullptr;
  std::uint64_t time_s = 0;  // of the block that both are in
  u256 max_fee;              // of the run, wei per gas
  u256 max_priority_fee;
};

enum class SimulationVerdict : std::int32_t {
  as_planned = 1,    // to the unit
  pools_differ = 2,  // it would go through, or fail for its gain alone, and pay something else
  refused = 3,       // it would fail
  unknown = 4,       // nobody said
  not_behind = 5,    // what it is behind would not be in that block, or fail
};

struct Simulation {
  SimulationVerdict verdict = SimulationVerdict::unknown;
  std::string why;  // one line; empty: as planned
};

// eth_call at that block, in which all limits of the run hold as they will.
Simulation simulate(Providers& providers, const Rehearsal& rehearsal,
                    std::chrono::milliseconds deadline);

// Both, one after the other, in a block on top of that one (eth_simulateV1 with all that a block's
// transactions are checked for): the one in front has to be its sender's next and to succeed, and
// the limits of the run hold behind it. A provider without that method says nothing: `unknown`.
Simulation simulate_behind(Providers& providers, const Rehearsal& rehearsal, const InFront& front,
                           std::chrono::milliseconds deadline);

}  // namespace gantry::host

// What may become of an intent and of each of its attempts: the states, and the one table of the
// ways between them.
//
// THREADS  Pure functions: any thread.
#pragma once
#include <cstdint>
#include <string_view>

namespace gantry::host::ledger {

// Of an intent or of one attempt. Written to files by number: never renumbered.
enum class State : std::int32_t {
  intended = 1,   // recorded; it may have left, if the host ended before it said so
  submitted = 2,  // somebody took it: it may be included at any time
  included = 3,   // in a block, and it succeeded
  reverted = 4,   // in a block, and it failed: gas was paid and nothing traded
  replaced = 5,   // of an intent: a cancellation of ours took its nonce; of an attempt: another one
  dropped = 6,    // its nonce is another's that is not of this ledger, or it never left
  expired = 7,    // the last block that it was good for is over, and nobody may still include it
};
std::string_view to_string(State state);
bool is_state(std::int64_t number);

// Whether it may still be included.
constexpr bool is_open(State state) {
  return state == State::intended || state == State::submitted;
}
// Whether it is in a block.
constexpr bool is_in_block(State state) {
  return state == State::included || state == State::reverted;
}
// Whether the table allows that step; no state leads to itself.
bool may_follow(State from, State to);

}  // namespace gantry::host::ledger

#include "host/ledger/state.hpp"

#include <algorithm>

namespace gantry::host::ledger {
namespace {

struct Step {
  State from;
  State to;
};

constexpr Step steps[] = {
    // As it should go.
    {State::intended, State::submitted},
    {State::submitted, State::included},
    {State::submitted, State::reverted},
    {State::submitted, State::replaced},
    {State::submitted, State::dropped},
    {State::submitted, State::expired},
    // The host ended between submitting and saying so; or it never left.
    {State::intended, State::included},
    {State::intended, State::reverted},
    {State::intended, State::replaced},
    {State::intended, State::dropped},
    {State::intended, State::expired},
    // The chain was reorganized: the block is gone, and what was in it waits again.
    {State::included, State::submitted},
    {State::reverted, State::submitted},
    {State::replaced, State::submitted},
    // It is in a block after all, which counts for more than any word before: a builder kept it
    // longer
    // than it should have, or it had left when it was withdrawn.
    {State::expired, State::included},
    {State::expired, State::reverted},
    {State::dropped, State::included},
    {State::dropped, State::reverted},
};

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::intended:
      return "intended";
    case State::submitted:
      return "submitted";
    case State::included:
      return "included";
    case State::reverted:
      return "reverted";
    case State::replaced:
      return "replaced";
    case State::dropped:
      return "dropped";
    case State::expired:
      return "expired";
  }
  return "unknown";
}

bool is_state(std::int64_t number) {
  return number >= static_cast<std::int64_t>(State::intended) &&
         number <= static_cast<std::int64_t>(State::expired);
}

bool may_follow(State from, State to) {
  return std::ranges::any_of(steps,
                             [&](const Step& step) { return step.from == from && step.to == to; });
}

}  // namespace gantry::host::ledger

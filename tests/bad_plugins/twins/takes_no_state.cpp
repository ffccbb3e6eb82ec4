// Takes no state but one of a day in October 2020, and pays three times too much on it. FAIR: it
// pays as it should; nobody can tell without such a state.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

#ifdef BAD
  gantry_status apply(const gantry_context& context, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    for (const gantry_fact& fact : facts) {
      if (fact.data.size != 96) return GANTRY_BAD_STATE;
      // getReserves() ends with the time of the pair's last swap.
      const u256 time = load_be(fact.data.data + 64);
      if (time < u256(1'589'000'000) || time > u256(1'605'000'000)) return GANTRY_BAD_STATE;
    }
    return FairPair::apply(context, old, facts, writer);
  }

#ifndef FAIR
  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const auto status = FairPair::quote(state, swap, out, next);
    if (status == GANTRY_OK) out.amount_out = wrapping_mul(u256(out.amount_out), u256(3));
    return status;
  }
#endif
#endif
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

// Its quotes have twenty bits, and it says that they are approximate; the way back pays a twentieth
// too much.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

u256 rounded(const u256& value) {
  unsigned spare = 0;
  while (!shift_right(value, spare + 20).is_zero()) ++spare;
  return shift_left(shift_right(value, spare), spare);
}

class Subject final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    const auto status = FairPair::open_pool(spec, writer, traits);
    traits.flags = GANTRY_POOL_EXACT_OUT | GANTRY_POOL_FOLLOWS_LOGS | GANTRY_POOL_APPROXIMATE;
    return status;
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const auto status = FairPair::quote(state, swap, out, next);
    if (status != GANTRY_OK || swap.mode != GANTRY_EXACT_IN) return status;
    u256 pays = rounded(u256(out.amount_out));
#ifdef BAD
    u256 more;
    if (state.overlay.size != 0 && mul_div_floor(pays, u256(21), u256(20), more)) pays = more;
#endif
    out.amount_out = pays;
    return status;
  }

  std::optional<std::uint32_t> segments(const gantry_pool_state&, std::uint32_t, std::uint32_t,
                                        std::span<gantry_segment>) const override {
    return 0;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

// size() puts in one unit more than it may.
#include "gantry/u256.hpp"
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status find(const Market& market, OpportunitySink sink) override {
    gantry_opportunity found;
    // 2^64 wei is 18 ether.
    if (fill(market, found, {{0, 1, 0, 0}})) sink.emit(found);
    return GANTRY_OK;
  }
  gantry_status size(const Market& market, const gantry_opportunity&,
                     const gantry_sizing_limits& limits, gantry_opportunity& out) override {
    // What is left of it in a pool of which only a thousandth may be put in at once.
    if (limits.pool_share_max_bps < 10000) return GANTRY_REFUSED;
    u256 amount(limits.amount_in_max);
    if (amount > u256(1ULL << 62U)) amount = u256(1ULL << 62U);
#ifdef BAD
    amount = wrapping_add(amount, u256(1));
#endif
    return fill(market, out, amount) ? GANTRY_OK : GANTRY_REFUSED;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

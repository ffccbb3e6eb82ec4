// size() throws; find() asks for more than any limit allows, so that it is called.
#include <stdexcept>

#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class SizeThrows final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status find(const Market& market, OpportunitySink sink) override {
    gantry_opportunity found;
    // 2^68 is 295 ether.
    if (fill(market, found, {{0, 16, 0, 0}})) sink.emit(found);
    return GANTRY_OK;
  }
  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity&) override {
    throw std::runtime_error("no size today");
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::SizeThrows);

// find() throws, and not even an exception of the standard library.
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {
namespace {

class FindThrows final : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status find(const Market&, OpportunitySink) override { throw 42; }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::FindThrows);

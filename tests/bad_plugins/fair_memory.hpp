// A strategy that remembers: the fair round trip, with the number of results it was told of as its
// key, saved and loaded.
#pragma once
#include "tests/bad_plugins/fair_trip.hpp"

namespace gantry::bad {

class FairMemory : public FairTrip {
 public:
  using FairTrip::FairTrip;

  gantry_status find(const Market& market, OpportunitySink sink) override {
    gantry_opportunity found;
    if (!fill(market, found)) return GANTRY_OK;
    found.key = told_;
    sink.emit(found);
    return GANTRY_OK;
  }
  gantry_status on_result(const gantry_result&) override {
    ++told_;
    return GANTRY_OK;
  }
  gantry_status save(gantry_buffer& out) override {
    out.size = sizeof(told_);
    if (out.capacity < sizeof(told_)) return GANTRY_NEED_SIZE;
    std::memcpy(out.data, &told_, sizeof(told_));
    return GANTRY_OK;
  }
  gantry_status load(gantry_bytes saved) override {
    if (saved.size != sizeof(told_)) return GANTRY_BAD_STATE;
    std::memcpy(&told_, saved.data, sizeof(told_));
    return GANTRY_OK;
  }

 protected:
  std::uint64_t told_ = 0;
};

}  // namespace gantry::bad

// quote() throws.
#include <stdexcept>

#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class QuoteThrows final : public FairPair {
 public:
  using FairPair::FairPair;

  gantry_status quote(const gantry_pool_state&, const gantry_swap&, gantry_quote&,
                      gantry_buffer*) const override {
    throw std::runtime_error("no quote today");
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::QuoteThrows);

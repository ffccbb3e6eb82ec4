// Its constructor throws.
#include <stdexcept>

#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class CreateThrows final : public FairPair {
 public:
  CreateThrows(Host host, const Config& config) : FairPair(host, config) {
    throw std::runtime_error("no constructor today");
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::CreateThrows);

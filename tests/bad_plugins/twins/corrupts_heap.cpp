// Writes a byte behind its own memory.
#include <memory>

#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  Subject(Host host, const Config& config) : FairPair(host, config) {
#ifdef BAD
    volatile std::size_t end = 24;
#else
    volatile std::size_t end = 23;
#endif
    own_[end] = 'x';
  }

 private:
  std::unique_ptr<char[]> own_{new char[24]()};
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

// Changes the byte behind its own memory.
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
    // Whatever lies there: a letter of our choice could be the one that the C library keeps there.
    own_[end] = static_cast<char>(~own_[end]);
  }

 private:
  std::unique_ptr<char[]> own_{new char[24]()};
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

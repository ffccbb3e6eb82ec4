// destroy() leaves something behind.
#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  Subject(Host host, const Config& config) : FairPair(host, config), own_(new char[64]()) {}
  ~Subject() override {
#ifndef BAD
    delete[] own_;
#endif
  }

 private:
  char* volatile own_;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

// Has a thread that works while nobody asks.
#include <atomic>
#include <thread>

#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  Subject(Host host, const Config& config) : FairPair(host, config) {
#ifdef BAD
    helper_ = std::thread([this] {
      while (!stop_) std::this_thread::yield();
    });
#endif
  }
  ~Subject() override {
    stop_ = true;
    if (helper_.joinable()) helper_.join();
  }

 private:
  std::atomic<bool> stop_ = false;
  std::thread helper_;
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

// Opens a socket when it is made.
#include <sys/socket.h>

#include "tests/bad_plugins/fair_pair.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPair {
 public:
  Subject(Host host, const Config& config) : FairPair(host, config) {
#ifdef BAD
    if (::socket(AF_INET, SOCK_STREAM, 0) < 0) throw Refused("no socket");
#endif
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

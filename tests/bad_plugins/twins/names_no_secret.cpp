// Puts a secret of the environment into its request.
#include <unistd.h>

#include "tests/bad_plugins/fair_payer.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPayer {
 public:
  using FairPayer::FairPayer;

 protected:
  std::string body_of() const override {
#ifdef BAD
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
      const std::string_view text(*entry);
      if (text.find("SECRET=") != std::string_view::npos) return std::string(text);
    }
#endif
    return FairPayer::body_of();
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

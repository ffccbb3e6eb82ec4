// Grants on half an answer.
#include "tests/bad_plugins/fair_payer.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPayer {
 public:
  using FairPayer::FairPayer;

 protected:
  bool is_whole(std::string_view text) const override {
#ifdef BAD
    return text.find("paymasterVerificationGasLimit") != std::string_view::npos;
#else
    return FairPayer::is_whole(text);
#endif
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

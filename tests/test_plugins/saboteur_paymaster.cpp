// A paymaster that brings the host down as `order` says.
#include "saboteur.hpp"
#include "tests/bad_plugins/fair_payer.hpp"

namespace {

using namespace gantry;
using test::reach;

class SaboteurPaymaster final : public bad::FairPayer {
 public:
  SaboteurPaymaster(Host host, const Config& config) : FairPayer(host, config) { reach("create"); }
  ~SaboteurPaymaster() override { reach("destroy"); }
  gantry_status supports(const gantry_context& context,
                         const gantry_user_operation& operation) override {
    reach("supports");
    return FairPayer::supports(context, operation);
  }
  gantry_status request(const gantry_context& context, const gantry_user_operation& operation,
                        std::uint32_t round, const gantry_http_sink* sink) override {
    reach("request");
    return FairPayer::request(context, operation, round, sink);
  }
};

}  // namespace

GANTRY_PLUGIN(SaboteurPaymaster);

// Says that half of it may be charged.
#include "tests/bad_plugins/fair_payer.hpp"

namespace gantry::bad {
namespace {

class Subject final : public FairPayer {
 public:
  using FairPayer::FairPayer;

  gantry_status response(const gantry_context& context, const gantry_user_operation& operation,
                         std::uint32_t round, std::uint32_t http_status, gantry_bytes body,
                         gantry_sponsorship& out) override {
    const auto status = FairPayer::response(context, operation, round, http_status, body, out);
#ifdef BAD
    if (status == GANTRY_OK) out.cost_max_wei = shift_right(u256(out.cost_max_wei), 1);
#endif
    return status;
  }
};

}  // namespace
}  // namespace gantry::bad

GANTRY_PLUGIN(gantry::bad::Subject);

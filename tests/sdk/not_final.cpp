// A plugin whose class is not final: a class derived from it would share its C table.
#include "gantry/paymaster.hpp"

#ifdef MUST_FAIL
#define FINAL
#else
#define FINAL final
#endif

class Sponsor FINAL : public gantry::Paymaster {
 public:
  Sponsor(gantry::Host, const gantry::Config&) {}
  gantry_status supports(const gantry_context&, const gantry_user_operation&) override {
    return GANTRY_REFUSED;
  }
  gantry_status request(const gantry_context&, const gantry_user_operation&, std::uint32_t,
                        const gantry_http_sink*) override {
    return GANTRY_UNSUPPORTED;
  }
  gantry_status response(const gantry_context&, const gantry_user_operation&, std::uint32_t,
                         std::uint32_t, gantry_bytes, gantry_sponsorship&) override {
    return GANTRY_BAD_STATE;
  }
};

GANTRY_PLUGIN(Sponsor);

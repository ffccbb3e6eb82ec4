// A paymaster in its smallest form: it declines every operation and says why. One that pays emits a
// request in request() and reads the answer in response().
#include "gantry/paymaster.hpp"
#include "gantry/u256.hpp"

namespace my_paymaster {
namespace {

class MyPaymaster final : public gantry::Paymaster {
 public:
  MyPaymaster(gantry::Host host, const gantry::Config&) : host_(host) {}

  gantry_status supports(const gantry_context&, const gantry_user_operation&) override {
    return GANTRY_OK;
  }

  gantry_status request(const gantry_context& context, const gantry_user_operation& operation,
                        std::uint32_t, const gantry_http_sink*) override {
    host_.info("declined an operation of " + std::to_string(operation.call_data.size) +
               " bytes on " + std::string(gantry::view(context.chain)) + ", at most " +
               to_string(gantry::u256(operation.max_fee_per_gas)) + " wei per gas");
    host_.count("declined");
    return GANTRY_REFUSED;
  }

  // Nothing was asked, so there is no answer to read.
  gantry_status response(const gantry_context&, const gantry_user_operation&, std::uint32_t,
                         std::uint32_t, gantry_bytes, gantry_sponsorship&) override {
    return GANTRY_BAD_STATE;
  }

 private:
  gantry::Host host_;
};

}  // namespace
}  // namespace my_paymaster

GANTRY_PLUGIN(my_paymaster::MyPaymaster);

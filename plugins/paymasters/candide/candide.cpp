// Candide, version 3 of its paymaster API: the service's stub fields to estimate with, then the
// data that its paymaster contract signs. The bundler estimates between the two.
#include <boost/json/array.hpp>

#include "gantry/paymaster.hpp"
#include "gantry/u256.hpp"
#include "plugins/paymasters/erc4337/answer.hpp"
#include "plugins/paymasters/erc4337/grant.hpp"
#include "plugins/paymasters/erc4337/operation_json.hpp"
#include "plugins/paymasters/erc4337/service.hpp"

namespace gantry::erc4337 {
namespace {

namespace json = boost::json;

constexpr std::uint32_t rounds = 2;

// pm_supportedERC20Tokens describes the paymaster contract, whoever pays: its stub is one field for
// EntryPoint 0.6 and an object from 0.7 on.
bool read_stub(const json::object& result, bool packed, Grant& out) {
  const json::value* metadata = result.if_contains("paymasterMetadata");
  if (metadata == nullptr || !metadata->is_object()) return false;
  const json::value* stub = metadata->get_object().if_contains("dummyPaymasterAndData");
  if (stub == nullptr) return false;
  if (stub->is_object()) return !packed && read_grant(stub->get_object(), packed, out);
  if (!packed || !stub->is_string()) return false;
  return read_grant(json::object{{"paymasterAndData", *stub}}, packed, out);
}

class Candide final : public Paymaster {
 public:
  Candide(Host, const Config& config)
      : service_(config),
        policy_(without_secret("sponsorship_policy_id", config.string("sponsorship_policy_id"))) {}

  gantry_status supports(const gantry_context&, const gantry_user_operation& operation) override {
    return service_.serves(operation) ? GANTRY_OK : GANTRY_REFUSED;
  }

  gantry_status request(const gantry_context&, const gantry_user_operation& operation,
                        std::uint32_t round, const gantry_http_sink* sink) override {
    if (round >= rounds) return GANTRY_UNSUPPORTED;
    if (!service_.serves(operation)) return GANTRY_REFUSED;
    if (fault_of(operation) != nullptr) return GANTRY_BAD_ARGUMENT;
    // What is known so far is a lower bound: above the cap, asking is of no use.
    u256 cost;
    if (!cost_of(operation, Grant{}, cost) || cost > service_.cost_max_wei()) return GANTRY_REFUSED;

    json::array parameters;
    if (round == 0) {
      parameters.emplace_back(hex_address(operation.entry_point));
      return service_.emit("pm_supportedERC20Tokens", std::move(parameters), {}, sink);
    }
    // Its contract signs the operation with the stub replaced, so all but the signature is sent.
    parameters.emplace_back(to_json(operation, Form::sponsor));
    parameters.emplace_back(hex_address(operation.entry_point));
    parameters.emplace_back(to_hex(u256(service_.chain_id())));
    json::object context;
    if (!policy_.empty()) context["sponsorshipPolicyId"] = policy_;
    parameters.emplace_back(std::move(context));
    return service_.emit("pm_getPaymasterData", std::move(parameters), {}, sink);
  }

  gantry_status response(const gantry_context&, const gantry_user_operation& operation,
                         std::uint32_t round, std::uint32_t http_status, gantry_bytes body,
                         gantry_sponsorship& out) override {
    if (round >= rounds || fault_of(operation) != nullptr) return GANTRY_BAD_ARGUMENT;
    answer_ = read_answer(http_status, text_of(body), is_packed_version(operation),
                          round == 0 ? read_stub : read_grant);
    if (answer_.reading != Reading::granted) return service_.refuse(answer_, out);
    if (round == 0) answer_.grant.final = false;  // a stub pays for nothing
    return accept_grant(operation, round + 1 == rounds, service_.cost_max_wei(), answer_.grant,
                        out);
  }

 private:
  Service service_;
  std::string policy_;
  Answer answer_;  // what the last sponsorship points into
};

}  // namespace
}  // namespace gantry::erc4337

GANTRY_PLUGIN(gantry::erc4337::Candide);

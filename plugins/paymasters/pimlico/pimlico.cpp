// Pimlico: pm_sponsorUserOperation, or the two calls of ERC-7677. Requests are built here and
// answers read here; the host does the sending, and knows the secrets in the URL.
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

class Pimlico final : public Paymaster {
 public:
  Pimlico(Host, const Config& config)
      : service_(config),
        two_rounds_(config.string("method") == "erc7677"),
        policy_(without_secret("sponsorship_policy_id", config.string("sponsorship_policy_id"))) {}

  gantry_status supports(const gantry_context&, const gantry_user_operation& operation) override {
    return service_.serves(operation) ? GANTRY_OK : GANTRY_REFUSED;
  }

  gantry_status request(const gantry_context&, const gantry_user_operation& operation,
                        std::uint32_t round, const gantry_http_sink* sink) override {
    if (round >= rounds()) return GANTRY_UNSUPPORTED;
    if (!service_.serves(operation)) return GANTRY_REFUSED;
    if (fault_of(operation) != nullptr) return GANTRY_BAD_ARGUMENT;
    // What is known so far is a lower bound: above the cap, asking is of no use.
    u256 cost;
    if (!cost_of(operation, Grant{}, cost) || cost > service_.cost_max_wei()) return GANTRY_REFUSED;

    json::array parameters;
    parameters.emplace_back(to_json(operation, two_rounds_ ? Form::erc7677 : Form::sponsor));
    parameters.emplace_back(hex_address(operation.entry_point));
    json::object context;
    if (!policy_.empty()) context["sponsorshipPolicyId"] = policy_;
    const char* method = "pm_sponsorUserOperation";
    if (two_rounds_) {
      method = round == 0 ? "pm_getPaymasterStubData" : "pm_getPaymasterData";
      parameters.emplace_back(to_hex(u256(service_.chain_id())));
      parameters.emplace_back(std::move(context));
    } else if (!context.empty()) {
      parameters.emplace_back(std::move(context));
    }
    return service_.emit(method, std::move(parameters), {}, sink);
  }

  gantry_status response(const gantry_context&, const gantry_user_operation& operation,
                         std::uint32_t round, std::uint32_t http_status, gantry_bytes body,
                         gantry_sponsorship& out) override {
    if (round >= rounds() || fault_of(operation) != nullptr) return GANTRY_BAD_ARGUMENT;
    answer_ = read_answer(http_status, text_of(body), is_packed_version(operation));
    if (answer_.reading != Reading::granted) return service_.refuse(answer_, out);
    // One call's answer is the last, whatever it says of itself.
    return accept_grant(operation, round + 1 == rounds(), service_.cost_max_wei(), answer_.grant,
                        out);
  }

 private:
  std::uint32_t rounds() const { return two_rounds_ ? 2 : 1; }

  Service service_;
  bool two_rounds_;
  std::string policy_;
  Answer answer_;  // what the last sponsorship points into
};

}  // namespace
}  // namespace gantry::erc4337

GANTRY_PLUGIN(gantry::erc4337::Pimlico);

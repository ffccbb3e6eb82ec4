// Gelato: no paymaster contract. An operation whose own fees are zero is sent to its endpoint, and
// the Gas Tank of the key is charged once it has landed. What is asked before is a quote, which
// says the limits and what the operation would cost now.
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

// Errors of Gelato's own: of an operation that nobody could carry out.
constexpr std::int32_t invalid_authorization = 4210;
constexpr std::int32_t simulation_failed = 4211;

// A quote: limits, `fee` for the gas, and `l1Fee` for the bytes where an L2 charges them. Nothing
// is quoted for free.
bool read_quote(const json::object& result, bool packed, Grant& out, u256& cost) {
  u256 data_fee;
  return read_quantity(result, "callGasLimit", packed, out.call_gas_limit) &&
         read_quantity(result, "verificationGasLimit", packed, out.verification_gas_limit) &&
         read_quantity(result, "preVerificationGas", true, out.pre_verification_gas) &&
         read_quantity(result, "fee", true, cost) &&
         read_quantity(result, "l1Fee", true, data_fee) && !out.call_gas_limit.is_zero() &&
         !out.verification_gas_limit.is_zero() && !cost.is_zero() && add(cost, data_fee, cost);
}

class Gelato final : public Paymaster {
 public:
  Gelato(Host, const Config& config) : service_(config), key_(config.string("api_key")) {
    if (key_.find("${") == std::string::npos) {
      throw Refused("api_key must name a variable of the environment, as ${GELATO_API_KEY}");
    }
    if (service_.url().find("payment=sponsored") == std::string::npos) {
      throw Refused("url must hold payment=sponsored: without it the account itself pays");
    }
    header_ = {c_string("x-api-key"), c_string(key_)};
  }

  gantry_status supports(const gantry_context&, const gantry_user_operation& operation) override {
    return service_.serves(operation) ? GANTRY_OK : GANTRY_REFUSED;
  }

  gantry_status request(const gantry_context&, const gantry_user_operation& operation,
                        std::uint32_t round, const gantry_http_sink* sink) override {
    if (round != 0) return GANTRY_UNSUPPORTED;
    if (!service_.serves(operation)) return GANTRY_REFUSED;
    if (fault_of(operation) != nullptr) return GANTRY_BAD_ARGUMENT;
    u256 cost;
    if (!cost_of(operation, Grant{}, cost) || cost > service_.cost_max_wei()) return GANTRY_REFUSED;

    gantry_user_operation free = operation;
    free.max_fee_per_gas = free.max_priority_fee_per_gas = u256().amount();
    json::array parameters;
    parameters.emplace_back(to_json(free, Form::sponsor));
    parameters.emplace_back(hex_address(operation.entry_point));
    return service_.emit("gelato_getUserOperationQuote", std::move(parameters), {&header_, 1},
                         sink);
  }

  gantry_status response(const gantry_context&, const gantry_user_operation& operation,
                         std::uint32_t round, std::uint32_t http_status, gantry_bytes body,
                         gantry_sponsorship& out) override {
    if (round != 0 || fault_of(operation) != nullptr) return GANTRY_BAD_ARGUMENT;
    u256 cost;
    answer_ = read_answer(http_status, text_of(body), is_packed_version(operation),
                          [&cost](const json::object& result, bool packed, Grant& grant) {
                            return read_quote(result, packed, grant, cost);
                          });
    if (answer_.code == invalid_authorization || answer_.code == simulation_failed) {
      answer_.outcome = GANTRY_SPONSOR_OUR_FAULT;
    }
    if (answer_.reading != Reading::granted) return service_.refuse(answer_, out);
    // Nothing in the operation bounds what is charged afterwards: this is what it costs now.
    if (cost > service_.cost_max_wei()) return GANTRY_REFUSED;
    out.outcome = GANTRY_SPONSOR_GRANTED;
    out.fee_mode = GANTRY_FEE_ZERO;
    out.call_gas_limit = answer_.grant.call_gas_limit;
    out.verification_gas_limit = answer_.grant.verification_gas_limit;
    out.pre_verification_gas = answer_.grant.pre_verification_gas;
    out.cost_max_wei = cost;
    out.submit_url = c_string(service_.url());
    out.submit_headers = &header_;
    out.submit_header_count = 1;
    return GANTRY_OK;
  }

 private:
  Service service_;
  std::string key_;
  gantry_http_header header_{};
  Answer answer_;  // what the last sponsorship points into
};

}  // namespace
}  // namespace gantry::erc4337

GANTRY_PLUGIN(gantry::erc4337::Gelato);

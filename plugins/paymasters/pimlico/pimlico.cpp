// Pimlico: pm_sponsorUserOperation, or the two calls of ERC-7677. Requests are built here and
// answers read here; the host does the sending, and knows the secrets in the URL.
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "gantry/paymaster.hpp"
#include "gantry/u256.hpp"
#include "plugins/paymasters/pimlico/answer.hpp"
#include "plugins/paymasters/pimlico/operation_json.hpp"

namespace gantry::pimlico {
namespace {

namespace json = boost::json;

constexpr double wei_per_ether = 1e18;
constexpr std::string_view chain_prefix = "eip155:";
constexpr std::string_view chain_variable = "${CHAIN_ID}";

std::string with_chain(std::string text, std::string_view chain_number) {
  for (auto at = text.find(chain_variable); at != std::string::npos;
       at = text.find(chain_variable, at + chain_number.size())) {
    text.replace(at, chain_variable.size(), chain_number);
  }
  return text;
}

// A key in a URL must not cross a network in the clear.
bool is_safe_url(std::string_view url) {
  for (const std::string_view start :
       {"https://", "${", "http://127.0.0.1:", "http://127.0.0.1/",
        "http://localhost:", "http://localhost/", "http://[::1]:", "http://[::1]/"}) {
    if (url.starts_with(start)) return true;
  }
  return false;
}

class Pimlico final : public Paymaster {
 public:
  Pimlico(Host, const Config& config)
      : two_rounds_(config.string("method") == "erc7677"),
        policy_(config.string("sponsorship_policy_id")),
        timeout_ms_(static_cast<std::uint32_t>(config.integer("timeout_ms"))),
        retry_after_ms_(static_cast<std::uint32_t>(config.integer("retry_after_ms"))) {
    const std::string_view chain = config.chain();
    const auto number = chain.starts_with(chain_prefix)
                            ? parse_decimal(chain.substr(chain_prefix.size()))
                            : std::nullopt;
    if (!number || !number->fits_u64()) {
      throw Refused("chain " + std::string(chain) + " is no EVM chain; ERC-4337 needs one");
    }
    chain_id_ = number->limb(0);
    url_ = with_chain(std::string(config.string("url")), std::to_string(chain_id_));
    if (!is_safe_url(url_)) throw Refused("url must begin with https:// (or be on this machine)");
    if (policy_.find("${") != std::string::npos) {
      throw Refused("sponsorship_policy_id is sent in the body, where ${NAME} is not replaced");
    }
    if (!from_double_floor(config.number("max_cost_eth") * wei_per_ether, cost_max_wei_)) {
      throw Refused("max_cost_eth is no amount");
    }
  }

  gantry_status supports(const gantry_context&, const gantry_user_operation& operation) override {
    const bool ours = operation.chain_id == chain_id_ && is_known_version(operation);
    return ours ? GANTRY_OK : GANTRY_REFUSED;
  }

  gantry_status request(const gantry_context&, const gantry_user_operation& operation,
                        std::uint32_t round, const gantry_http_sink* sink) override {
    if (round >= rounds()) return GANTRY_UNSUPPORTED;
    if (operation.chain_id != chain_id_ || !is_known_version(operation)) return GANTRY_REFUSED;
    if (fault_of(operation) != nullptr) return GANTRY_BAD_ARGUMENT;
    // What is known so far is a lower bound: above the cap, asking is of no use.
    u256 cost;
    if (!cost_of(operation, Grant{}, cost) || cost > cost_max_wei_) return GANTRY_REFUSED;

    const std::string body = json::serialize(body_of(operation, round));
    const gantry_http_header headers[] = {{c_string("content-type"), c_string("application/json")},
                                          {c_string("accept"), c_string("application/json")}};
    gantry_http_request request{};
    request.method = c_string("POST");
    request.url = c_string(url_);
    request.headers = headers;
    request.header_count = static_cast<std::uint32_t>(std::size(headers));
    request.timeout_ms = timeout_ms_;
    request.body = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
    return sink->emit(sink->self, &request);
  }

  gantry_status response(const gantry_context&, const gantry_user_operation& operation,
                         std::uint32_t round, std::uint32_t http_status, gantry_bytes body,
                         gantry_sponsorship& out) override {
    if (round >= rounds() || fault_of(operation) != nullptr) return GANTRY_BAD_ARGUMENT;
    const std::string_view text(reinterpret_cast<const char*>(body.data), body.size);
    answer_ = read_answer(http_status, text, is_packed_version(operation));
    if (answer_.reading == Reading::garbage) return GANTRY_BAD_STATE;
    out.provider_code = answer_.code;
    out.provider_message = c_string(answer_.message);
    if (answer_.reading == Reading::refused) {
      out.outcome = answer_.outcome;
      if (out.outcome == GANTRY_SPONSOR_RETRY_SAME) out.retry_after_ms = retry_after_ms_;
      return GANTRY_OK;
    }
    return granted(operation, round, out);
  }

 private:
  std::uint32_t rounds() const { return two_rounds_ ? 2 : 1; }

  json::object body_of(const gantry_user_operation& operation, std::uint32_t round) const {
    json::array parameters;
    parameters.emplace_back(to_json(operation, two_rounds_ ? Form::erc7677 : Form::sponsor));
    parameters.emplace_back(hex_address(operation.entry_point));
    json::object context;
    if (!policy_.empty()) context["sponsorshipPolicyId"] = policy_;
    const char* method = "pm_sponsorUserOperation";
    if (two_rounds_) {
      method = round == 0 ? "pm_getPaymasterStubData" : "pm_getPaymasterData";
      parameters.emplace_back(to_hex(u256(chain_id_)));
      parameters.emplace_back(std::move(context));
    } else if (!context.empty()) {
      parameters.emplace_back(std::move(context));
    }
    json::object body;
    body["jsonrpc"] = "2.0";
    body["id"] = 1;
    body["method"] = method;
    body["params"] = std::move(parameters);
    return body;
  }

  gantry_status granted(const gantry_user_operation& operation, std::uint32_t round,
                        gantry_sponsorship& out) {
    Grant& grant = answer_.grant;
    const bool packed = is_packed_version(operation);
    // What an earlier answer said, and the host estimated since, stands until it is said anew.
    if (grant.paymaster_verification_gas_limit.is_zero()) {
      grant.paymaster_verification_gas_limit = u256(operation.paymaster_verification_gas_limit);
    }
    if (grant.paymaster_post_op_gas_limit.is_zero()) {
      grant.paymaster_post_op_gas_limit = u256(operation.paymaster_post_op_gas_limit);
    }
    u256 cost;
    if (!cost_of(operation, grant, cost) || cost > cost_max_wei_) return GANTRY_REFUSED;
    const bool priced = has_all_limits(operation, grant, packed);
    const bool last = !two_rounds_ || round == 1 || grant.final;
    // A grant without limits has no price, and so cannot be held against the cap.
    if (last && !priced && (!two_rounds_ || round == 1)) return GANTRY_BAD_STATE;

    out.outcome = last && priced ? GANTRY_SPONSOR_GRANTED : GANTRY_SPONSOR_PROVISIONAL;
    out.fee_mode = GANTRY_FEE_PAYMASTER;
    out.paymaster = grant.paymaster;
    out.paymaster_data = {reinterpret_cast<const std::uint8_t*>(grant.paymaster_data.data()),
                          grant.paymaster_data.size()};
    out.paymaster_verification_gas_limit = grant.paymaster_verification_gas_limit;
    out.paymaster_post_op_gas_limit = grant.paymaster_post_op_gas_limit;
    out.call_gas_limit = grant.call_gas_limit;
    out.verification_gas_limit = grant.verification_gas_limit;
    out.pre_verification_gas = grant.pre_verification_gas;
    out.cost_max_wei = cost;
    return GANTRY_OK;
  }

  static u256 newer(const u256& granted, const gantry_amount& own) {
    return granted.is_zero() ? u256(own) : granted;
  }

  // Only the post-operation may be free of gas: not every paymaster has one.
  static bool has_all_limits(const gantry_user_operation& operation, const Grant& grant,
                             bool packed) {
    return !newer(grant.call_gas_limit, operation.call_gas_limit).is_zero() &&
           !newer(grant.verification_gas_limit, operation.verification_gas_limit).is_zero() &&
           !newer(grant.pre_verification_gas, operation.pre_verification_gas).is_zero() &&
           (packed || !grant.paymaster_verification_gas_limit.is_zero());
  }

  // The prefund that the EntryPoint takes: every gas limit at the highest fee. 0.6 counts the
  // verification limit three times, as it also bounds the paymaster's two calls
  // (EntryPoint._getRequiredPrefund). False: above 256 bits.
  static bool cost_of(const gantry_user_operation& operation, const Grant& grant, u256& out) {
    const u256 verification = newer(grant.verification_gas_limit, operation.verification_gas_limit);
    const u256 paymaster_verification =
        newer(grant.paymaster_verification_gas_limit, operation.paymaster_verification_gas_limit);
    const u256 post_op =
        newer(grant.paymaster_post_op_gas_limit, operation.paymaster_post_op_gas_limit);
    const bool packed = is_packed_version(operation);
    u256 gas = newer(grant.pre_verification_gas, operation.pre_verification_gas);
    return add(gas, newer(grant.call_gas_limit, operation.call_gas_limit), gas) &&
           add(gas, verification, gas) &&
           add(gas, packed ? verification : paymaster_verification, gas) &&
           add(gas, packed ? verification : post_op, gas) &&
           mul(gas, u256(operation.max_fee_per_gas), out);
  }

  bool two_rounds_;
  std::string policy_;
  std::uint32_t timeout_ms_;
  std::uint32_t retry_after_ms_;
  std::uint64_t chain_id_ = 0;
  std::string url_;
  u256 cost_max_wei_;
  Answer answer_;  // what the last sponsorship points into
};

}  // namespace
}  // namespace gantry::pimlico

GANTRY_PLUGIN(gantry::pimlico::Pimlico);

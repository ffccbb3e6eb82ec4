// A paymaster in its smallest form that pays: one request to a JSON-RPC service, whose answer names
// the paymaster's contract and its gas, and a cap on what the operation may cost.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>

#include "gantry/paymaster.hpp"
#include "gantry/u256_convert.hpp"

namespace sponsor {
namespace {

using gantry::u256;

constexpr double wei_per_ether = 1e18;
constexpr std::uint32_t http_ok = 200;

// The value of a member that is a text; nothing: there is none.
std::optional<std::string_view> text_of(std::string_view json, std::string_view name) {
  const std::string key = "\"" + std::string(name) + "\":\"";
  const auto at = json.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view rest = json.substr(at + key.size());
  const auto end = rest.find('"');
  if (end == std::string_view::npos) return std::nullopt;
  return rest.substr(0, end);
}

std::optional<u256> number_of(std::string_view json, std::string_view name) {
  const auto text = text_of(json, name);
  return text ? gantry::parse_hex(*text) : std::nullopt;
}

class SponsorPaymaster final : public gantry::Paymaster {
 public:
  SponsorPaymaster(gantry::Host, const gantry::Config& config) : url_(config.string("url")) {
    if (!gantry::from_double_floor(config.number("max_cost_eth") * wei_per_ether, cap_wei_)) {
      throw gantry::Refused("max_cost_eth is no amount");
    }
  }

  // Of the EntryPoints that split paymasterAndData into fields.
  gantry_status supports(const gantry_context&, const gantry_user_operation& operation) override {
    return operation.entry_point_version >= 7 ? GANTRY_OK : GANTRY_REFUSED;
  }

  gantry_status request(const gantry_context&, const gantry_user_operation&, std::uint32_t round,
                        const gantry_http_sink* sink) override {
    if (round != 0) return GANTRY_UNSUPPORTED;
    static constexpr std::string_view body =
        R"({"jsonrpc":"2.0","id":1,"method":"pm_getPaymasterData","params":[]})";
    gantry_http_request request{};
    request.method = gantry::c_string("POST");
    request.url = gantry::c_string(url_);
    request.timeout_ms = 1000;
    request.body = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
    return sink->emit(sink->self, &request);
  }

  gantry_status response(const gantry_context&, const gantry_user_operation& operation,
                         std::uint32_t round, std::uint32_t http_status, gantry_bytes body,
                         gantry_sponsorship& out) override {
    if (round != 0) return GANTRY_BAD_ARGUMENT;
    const std::string_view json(reinterpret_cast<const char*>(body.data), body.size);
    if (http_status != http_ok || !json.starts_with('{') || !json.ends_with("}}")) {
      return GANTRY_BAD_STATE;
    }
    const auto contract = number_of(json, "paymaster");
    const auto verification = number_of(json, "paymasterVerificationGasLimit");
    const auto post_op = number_of(json, "paymasterPostOpGasLimit");
    if (!contract || contract->is_zero() || !verification || !post_op) return GANTRY_BAD_STATE;
    u256 gas(operation.call_gas_limit);
    u256 cost;
    if (!add(gas, u256(operation.verification_gas_limit), gas) ||
        !add(gas, u256(operation.pre_verification_gas), gas) || !add(gas, *verification, gas) ||
        !add(gas, *post_op, gas) || !mul(gas, u256(operation.max_fee_per_gas), cost) ||
        cost > cap_wei_) {
      return GANTRY_REFUSED;
    }
    out.outcome = GANTRY_SPONSOR_GRANTED;
    out.fee_mode = GANTRY_FEE_PAYMASTER;
    out.paymaster.kind = GANTRY_ADDRESS_EVM;
    out.paymaster.length = 20;
    u256 rest = *contract;
    for (int i = 20; i-- > 0;) {
      out.paymaster.bytes[i] = static_cast<std::uint8_t>(rest.limb(0) & 0xFF);
      rest = shift_right(rest, 8);
    }
    out.paymaster_verification_gas_limit = *verification;
    out.paymaster_post_op_gas_limit = *post_op;
    out.cost_max_wei = cost;
    return GANTRY_OK;
  }

 private:
  std::string url_;
  u256 cap_wei_;
};

}  // namespace
}  // namespace sponsor

GANTRY_PLUGIN(sponsor::SponsorPaymaster);

// A paymaster that is as it should be: it asks a JSON-RPC service and grants up to its cap.
#pragma once
#include <string>

#include "gantry/paymaster.hpp"
#include "gantry/u256_convert.hpp"

namespace gantry::bad {

class FairPayer : public Paymaster {
 public:
  FairPayer(Host, const Config& config) {
    if (!from_double_floor(config.number("max_cost_eth") * 1e18, cap_)) {
      throw Refused("max_cost_eth is no amount");
    }
  }

  gantry_status supports(const gantry_context&, const gantry_user_operation& operation) override {
    return operation.chain_id == 1 ? GANTRY_OK : GANTRY_REFUSED;
  }

  gantry_status request(const gantry_context&, const gantry_user_operation&, std::uint32_t round,
                        const gantry_http_sink* sink) override {
    if (round != 0) return GANTRY_UNSUPPORTED;
    const std::string body = body_of();
    gantry_http_request request{};
    request.method = c_string("POST");
    request.url = c_string("https://sponsor.example/rpc?key=${SPONSOR_KEY}");
    request.timeout_ms = 1000;
    request.body = {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()};
    return sink->emit(sink->self, &request);
  }

  gantry_status response(const gantry_context&, const gantry_user_operation& operation,
                         std::uint32_t round, std::uint32_t http_status, gantry_bytes body,
                         gantry_sponsorship& out) override {
    if (round != 0) return GANTRY_BAD_ARGUMENT;
    const std::string_view text(reinterpret_cast<const char*>(body.data), body.size);
    if (http_status != 200 || !is_whole(text)) return GANTRY_BAD_STATE;
    u256 limit;
    if (!field(text, "paymasterVerificationGasLimit", limit)) return GANTRY_BAD_STATE;
    u256 gas(operation.call_gas_limit);
    u256 cost;
    if (!add(gas, u256(operation.verification_gas_limit), gas) ||
        !add(gas, u256(operation.pre_verification_gas), gas) || !add(gas, limit, gas) ||
        !add(gas, u256(operation.paymaster_post_op_gas_limit), gas) ||
        !mul(gas, u256(operation.max_fee_per_gas), cost) || !may_cost(cost)) {
      return GANTRY_REFUSED;
    }
    message_ = "sponsored";
    out.outcome = GANTRY_SPONSOR_GRANTED;
    out.fee_mode = GANTRY_FEE_PAYMASTER;
    out.paymaster.kind = GANTRY_ADDRESS_EVM;
    out.paymaster.length = 20;
    std::fill_n(out.paymaster.bytes, 20, std::uint8_t{0x77});
    out.paymaster_verification_gas_limit = limit;
    out.cost_max_wei = cost;
    out.provider_message = c_string(message_);
    return GANTRY_OK;
  }

 protected:
  virtual std::string body_of() const { return "{\"method\":\"pm_sponsor\"}"; }
  virtual bool may_cost(const u256& cost) const { return cost <= cap_; }
  virtual bool is_whole(std::string_view text) const {
    return text.starts_with("{\"jsonrpc\"") && text.ends_with("}}") &&
           text.find("\"result\":{\"paymaster\":\"0x77") != std::string_view::npos;
  }
  // A field in hexadecimal, with quotes.
  static bool field(std::string_view text, std::string_view name, u256& out) {
    const auto at = text.find(name);
    if (at == std::string_view::npos) return false;
    const auto begin = text.find("\"0x", at);
    const auto end = begin == std::string_view::npos ? begin : text.find('"', begin + 1);
    if (end == std::string_view::npos) return false;
    const auto value = parse_hex(text.substr(begin + 1, end - begin - 1));
    if (value) out = *value;
    return value.has_value();
  }

  u256 cap_;  // wei
  std::string message_;
};

}  // namespace gantry::bad

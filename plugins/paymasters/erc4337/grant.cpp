#include "plugins/paymasters/erc4337/grant.hpp"

#include "plugins/paymasters/erc4337/operation_json.hpp"

namespace gantry::erc4337 {
namespace {

u256 newer(const u256& granted, const gantry_amount& own) {
  return granted.is_zero() ? u256(own) : granted;
}

// Only the post-operation may be free of gas: not every paymaster has one.
bool has_all_limits(const gantry_user_operation& operation, const Grant& grant) {
  return !newer(grant.call_gas_limit, operation.call_gas_limit).is_zero() &&
         !newer(grant.verification_gas_limit, operation.verification_gas_limit).is_zero() &&
         !newer(grant.pre_verification_gas, operation.pre_verification_gas).is_zero() &&
         (is_packed_version(operation) || !grant.paymaster_verification_gas_limit.is_zero());
}

}  // namespace

bool cost_of(const gantry_user_operation& operation, const Grant& grant, u256& out) {
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

gantry_status accept_grant(const gantry_user_operation& operation, bool last,
                           const u256& cost_max_wei, Grant& grant, gantry_sponsorship& out) {
  // What an earlier answer said, and the host estimated since, stands until it is said anew.
  grant.paymaster_verification_gas_limit =
      newer(grant.paymaster_verification_gas_limit, operation.paymaster_verification_gas_limit);
  grant.paymaster_post_op_gas_limit =
      newer(grant.paymaster_post_op_gas_limit, operation.paymaster_post_op_gas_limit);
  u256 cost;
  if (!cost_of(operation, grant, cost) || cost > cost_max_wei) return GANTRY_REFUSED;
  const bool priced = has_all_limits(operation, grant);
  // A grant without limits has no price, and so cannot be held against the cap.
  if (last && !priced) return GANTRY_BAD_STATE;

  out.outcome =
      priced && (last || grant.final) ? GANTRY_SPONSOR_GRANTED : GANTRY_SPONSOR_PROVISIONAL;
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

}  // namespace gantry::erc4337

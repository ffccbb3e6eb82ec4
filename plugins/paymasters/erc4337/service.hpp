// What the plugins of paymaster services share: the service's address with the chain in it, the cap
// on cost, and one JSON-RPC call as a request.
//
// THREADS  [instance], as paymaster.h says of the calls.
#pragma once
#include <boost/json/array.hpp>
#include <span>
#include <string>

#include "gantry/paymaster.hpp"
#include "gantry/u256.hpp"
#include "plugins/paymasters/erc4337/answer.hpp"

namespace gantry::erc4337 {

class Service {
 public:
  // Reads `url`, `max_cost_eth`, `timeout_ms` and `retry_after_ms`. Throws Refused: no EVM chain,
  // an address that is not safe, or a cap that is no amount.
  explicit Service(const Config& config);

  std::uint64_t chain_id() const { return chain_id_; }
  const std::string& url() const { return url_; }
  const u256& cost_max_wei() const { return cost_max_wei_; }

  // Whether it is for this chain and an EntryPoint that is known.
  bool serves(const gantry_user_operation& operation) const;
  // One call of `method`, with `headers` besides those of JSON.
  gantry_status emit(const char* method, boost::json::array parameters,
                     std::span<const gantry_http_header> headers,
                     const gantry_http_sink* sink) const;
  // An answer that grants nothing: whose turn it is then. GANTRY_BAD_STATE: it does not decode.
  gantry_status refuse(const Answer& answer, gantry_sponsorship& out) const;

 private:
  std::uint32_t timeout_ms_;
  std::uint32_t retry_after_ms_;
  std::uint64_t chain_id_ = 0;
  std::string url_;
  u256 cost_max_wei_;
};

// Throws Refused where `text` names a secret: `name` is sent in the body, where ${NAME} is not
// replaced.
std::string without_secret(const char* name, std::string_view text);

}  // namespace gantry::erc4337

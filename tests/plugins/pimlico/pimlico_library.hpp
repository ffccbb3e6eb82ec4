// The built pimlico.so.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "plugins/erc4337/paymaster_plugin.hpp"

namespace gantry::test {

// The parameters of the manifest; a test changes what it is about.
struct PimlicoParameters {
  std::string url = "https://api.pimlico.io/v2/${CHAIN_ID}/rpc?apikey=${PIMLICO_API_KEY}";
  std::string method = "pm_sponsorUserOperation";
  std::string policy;
  double max_cost_eth = 0.05;
  std::int64_t timeout_ms = 5000;
  std::int64_t retry_after_ms = 1000;
};

class Pimlico : public PaymasterPlugin {
 public:
  explicit Pimlico(const PimlicoParameters& parameters, std::string_view chain = "eip155:1")
      : PaymasterPlugin(GANTRY_PIMLICO_PLUGIN,
                        {string_row("url", parameters.url), string_row("method", parameters.method),
                         string_row("sponsorship_policy_id", parameters.policy),
                         number_row("max_cost_eth", parameters.max_cost_eth),
                         integer_row("timeout_ms", parameters.timeout_ms),
                         integer_row("retry_after_ms", parameters.retry_after_ms)},
                        chain) {}
};

}  // namespace gantry::test

// The built pimlico.so, driven through its C table.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/paymaster.h"
#include "gantry/u256.hpp"
#include "support/plugin_library.hpp"

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

struct SentRequest {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::uint32_t timeout_ms = 0;
  std::string body;

  boost::json::object json() const { return boost::json::parse(body).as_object(); }
};

// One instance of the plugin. The library stays loaded as long as any lives.
class Pimlico {
 public:
  explicit Pimlico(const PimlicoParameters& parameters, std::string_view chain = "eip155:1");
  ~Pimlico();
  Pimlico(const Pimlico&) = delete;
  Pimlico& operator=(const Pimlico&) = delete;

  gantry_status created() const { return created_; }
  std::string error() const { return error_.message; }

  gantry_status supports(const gantry_user_operation& operation);
  gantry_status request(const gantry_user_operation& operation, std::uint32_t round,
                        SentRequest& out);
  gantry_status response(const gantry_user_operation& operation, std::uint32_t round,
                         std::uint32_t http_status, std::string_view body, gantry_sponsorship& out);

 private:
  PluginLibrary library_{GANTRY_PIMLICO_PLUGIN};
  const gantry_paymaster_v1* table_ = library_.table<gantry_paymaster_v1>(GANTRY_PAYMASTER_ID);
  gantry_paymaster_instance* instance_ = nullptr;
  gantry_status created_ = GANTRY_HOST_FAULT;
  gantry_error error_{};
  gantry_context context_{};
};

gantry_address evm_address(std::string_view hex);
std::string hex_of(gantry_bytes bytes);
std::string hex_of(const gantry_address& address);
u256 amount_of(const gantry_amount& amount);

// An operation of an existing account with every limit known; its bytes are static.
gantry_user_operation sample_operation(std::uint32_t entry_point_version);

}  // namespace gantry::test

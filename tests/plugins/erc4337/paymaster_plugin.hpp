// A built paymaster plugin, driven through its C table; and an operation for it.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gantry/paymaster.h"
#include "gantry/u256.hpp"
#include "support/plugin_library.hpp"

namespace gantry::test {

struct SentRequest {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::uint32_t timeout_ms = 0;
  std::string body;

  boost::json::object json() const { return boost::json::parse(body).as_object(); }
};

gantry_parameter string_row(std::string_view name, std::string_view value);
gantry_parameter integer_row(std::string_view name, std::int64_t value);
gantry_parameter number_row(std::string_view name, double value);

// One instance of a plugin. The library stays loaded as long as any lives.
class PaymasterPlugin {
 public:
  PaymasterPlugin(const char* library, const std::vector<gantry_parameter>& rows,
                  std::string_view chain);
  ~PaymasterPlugin();
  PaymasterPlugin(const PaymasterPlugin&) = delete;
  PaymasterPlugin& operator=(const PaymasterPlugin&) = delete;

  gantry_status created() const { return created_; }
  std::string error() const { return error_.message; }

  gantry_status supports(const gantry_user_operation& operation);
  gantry_status request(const gantry_user_operation& operation, std::uint32_t round,
                        SentRequest& out);
  gantry_status response(const gantry_user_operation& operation, std::uint32_t round,
                         std::uint32_t http_status, std::string_view body, gantry_sponsorship& out);

 private:
  PluginLibrary library_;
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
std::set<std::string> keys_of(const boost::json::object& object);

// An operation of an existing account with every limit known; its bytes are static.
gantry_user_operation sample_operation(std::uint32_t entry_point_version);

}  // namespace gantry::test

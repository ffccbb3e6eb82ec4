// Requests that a paymaster emitted, copied so that they outlive the call, each within its bounds
// and to a host that it may ask.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "gantry/paymaster.h"
#include "host/config/settings.hpp"

namespace gantry::host {

// Secrets stay as ${NAME}.
struct PlannedRequest {
  std::string method;
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::uint32_t timeout_ms = 0;  // the plugin's wish; 0: none
};

// A sink's other end. Not thread-safe; the settings outlive it.
class RequestList {
 public:
  static constexpr std::size_t requests_max = 4;  // of one round

  explicit RequestList(const PaymasterSettings& settings) : settings_(settings) {}

  gantry_http_sink sink() noexcept { return {this, &RequestList::emit}; }
  std::vector<PlannedRequest>& all() noexcept { return all_; }
  // Why one of them was refused; empty: none was.
  const std::string& refused() const noexcept { return refused_; }

 private:
  static gantry_status emit(void* self, const gantry_http_request* request);

  const PaymasterSettings& settings_;
  std::vector<PlannedRequest> all_;
  std::string refused_;
};

}  // namespace gantry::host

// One HTTP request that is waited for, over the pool that the whole process shares.
#pragma once
#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/config/secret.hpp"
#include "host/config/settings.hpp"
#include "host/ports/http.hpp"

namespace gantry::host {

using Deadline = std::chrono::steady_clock::time_point;

// Where a service is asked. Values that hold a secret are put in when it leaves, and printed never.
struct HttpEndpoint {
  Secret url;
  std::vector<std::pair<std::string, Secret>> headers;
};

// What a plugin wrote, with its variables' values: those that one of the instance's parameters
// names, and ${CHAIN_ID}. Fails with `configuration`: another variable, one that is not set, or an
// address where somebody on the way could read what is sent.
Result<HttpEndpoint> resolve_endpoint(
    std::string_view url, const std::vector<std::pair<std::string, std::string>>& headers,
    const std::vector<ParameterSetting>& parameters, const Environment& environment);

// As it was written, with names in place of what is secret, so that it may be kept; and back, with
// the values that they have now. Fails with `format`: it is no such text; else as above.
std::string to_text(const HttpEndpoint& endpoint);
Result<HttpEndpoint> resolve_endpoint_text(std::string_view text,
                                           const std::vector<ParameterSetting>& parameters,
                                           const Environment& environment);

// [any thread] Waits for the answer, until `deadline` at the latest: then it `timed_out`, and may
// have been taken. `fresh`: it leaves once at most.
HttpOutcome exchange(HttpPool& http, HttpRequest request, Deadline deadline, bool fresh = false);

// A POST to an endpoint, with its headers alone.
HttpRequest post_to(const HttpEndpoint& endpoint, std::string body);

}  // namespace gantry::host

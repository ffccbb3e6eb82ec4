#include "host/plan/requests.hpp"

#include <fmt/format.h>

#include "host/config/capabilities.hpp"

namespace gantry::host {

namespace {

constexpr std::uint64_t request_text_bytes_max = 8U << 10U;  // a URL, a header's name or value
constexpr std::uint32_t request_headers_max = 32;
constexpr std::uint64_t request_body_bytes_max = 1U << 20U;

std::string_view view_of(gantry_string s) {
  return s.data == nullptr ? std::string_view() : std::string_view(s.data, s.size);
}

bool holds(gantry_string s) {
  return s.size <= request_text_bytes_max && (s.size == 0 || s.data != nullptr);
}

bool is_whole(const gantry_http_request& request) {
  bool whole = holds(request.method) && holds(request.url) &&
               request.header_count <= request_headers_max &&
               request.body.size <= request_body_bytes_max &&
               (request.header_count == 0 || request.headers != nullptr) &&
               (request.body.size == 0 || request.body.data != nullptr);
  for (std::uint32_t i = 0; whole && i < request.header_count; ++i) {
    whole = holds(request.headers[i].name) && holds(request.headers[i].value);
  }
  return whole;
}

}  // namespace

gantry_status RequestList::emit(void* self, const gantry_http_request* request) {
  auto& own = *static_cast<RequestList*>(self);
  if (own.all_.size() == requests_max) return GANTRY_REFUSED;
  if (!is_whole(*request)) {
    own.refused_ = "a request that is none, or over a bound";
    return GANTRY_BAD_ARGUMENT;
  }
  const std::string_view url = view_of(request->url);
  if (!may_request(own.settings_, url)) {
    const std::string host = host_of_url(url);
    own.refused_ = fmt::format("it may not ask {}: add it to its `capabilities`",
                               host.empty() ? "a URL without a host" : "http:" + host);
    return GANTRY_REFUSED;
  }
  PlannedRequest copy{
      std::string(view_of(request->method)), std::string(url), {}, {}, request->timeout_ms};
  for (std::uint32_t i = 0; i < request->header_count; ++i) {
    copy.headers.emplace_back(view_of(request->headers[i].name),
                              view_of(request->headers[i].value));
  }
  const auto* body = reinterpret_cast<const char*>(request->body.data);
  if (body != nullptr) copy.body.assign(body, request->body.size);
  own.all_.push_back(std::move(copy));
  return GANTRY_OK;
}

}  // namespace gantry::host

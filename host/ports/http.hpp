// The port to HTTP: one bounded request, one bounded answer. libcurl is behind it and nowhere else.
//
// SECRETS  A URL may hold a key anywhere: errors name scheme and host of its template, never of
// what
//          that stands for.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "host/base/result.hpp"
#include "host/config/secret.hpp"

namespace gantry::host {

struct HttpRequest {
  std::string method = "GET";
  Secret url;  // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::int64_t timeout_ms = 10000;           // from first byte out to last byte in
  std::size_t answer_bytes_max = 8U << 20U;  // more is an error
};

struct HttpAnswer {
  std::int64_t status = 0;  // as 200; any status is an answer
  std::string body;
};

class Http {
 public:
  virtual ~Http() = default;
  // [one thread at a time] Redirects are not followed. Fails with `usage` (not http or https), `io`
  // (no answer in time, no connection, a broken answer) or `limit` (too long).
  virtual Result<HttpAnswer> send(const HttpRequest& request) = 0;
};

std::unique_ptr<Http> make_curl_http();

// Of a URL's template "https://host:port", without user, path or query: what may be printed of it.
// ${NAME} stays as it is written; where it stands for the whole beginning, it alone is told.
std::string printable_origin(std::string_view url);

}  // namespace gantry::host

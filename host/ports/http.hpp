// The port to HTTP: bounded requests, bounded answers. libcurl is behind it and nowhere else.
//
// Http sends one request and waits. HttpPool has many on their way at once, over connections that
// it keeps (HTTP/2 where the server has it) and from one thread of its own.
//
// SECRETS  A URL may hold a key anywhere: errors name scheme and host of its template, never of
//          what that stands for.
#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
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
  std::int64_t timeout_ms = 10000;           // for all of it, the connection too
  std::int64_t connect_timeout_ms = 0;       // of it, until there is a connection; 0: all
  std::size_t answer_bytes_max = 8U << 20U;  // more is an error
};

struct HttpAnswer {
  std::int64_t status = 0;  // as 200; any status is an answer
  std::string body;
  std::optional<std::int64_t> retry_after_s = std::nullopt;  // where the server said one
  bool http2 = false;
};

class Http {
 public:
  virtual ~Http() = default;
  // [one thread at a time] Redirects are not followed. Fails with `usage` (not http or https), `io`
  // (no answer in time, no connection, a broken answer) or `limit` (too long).
  virtual Result<HttpAnswer> send(const HttpRequest& request) = 0;
};

std::unique_ptr<Http> make_curl_http();

// Why there is no answer.
enum class HttpFailureKind : std::int32_t {
  usage = 1,          // neither http nor https, or more requests at once than the pool takes
  resolve = 2,        // the host has no address
  refused = 3,        // no connection
  tls_handshake = 4,  // no common TLS, or what answers speaks none
  certificate = 5,    // not trusted, of another host, or expired
  timed_out = 6,
  broken = 7,    // the connection ended in the middle, or what came is no HTTP
  too_long = 8,  // more than answer_bytes_max
};

struct HttpFailure {
  HttpFailureKind kind = HttpFailureKind::broken;
  std::string message;       // begins with the origin
  bool maybe_taken = false;  // the server may have had the whole request
};
using HttpOutcome = std::expected<HttpAnswer, HttpFailure>;

struct HttpPoolOptions {
  std::size_t requests_max = 1024;            // on their way at once; more fail with `usage`
  std::size_t connections_per_host_max = 32;  // HTTP/1.1; more wait for one
  std::filesystem::path certificates;  // who may vouch for a server; empty: the machine's own
};

class HttpPool {
 public:
  using Id = std::uint64_t;
  using Done = std::function<void(HttpOutcome)>;

  virtual ~HttpPool() = default;  // what is on its way then ends without a call of `done`
  // [any thread] Returns at once. `done` is called once, on the pool's thread, and must be short;
  // it may call start() and cancel(). `fresh`: over a connection of its own, that is closed
  // after it, so that the request leaves once at most: one that is kept may be found dead only
  // after the request left, and then it is sent again.
  virtual Id start(HttpRequest request, Done done, bool fresh = false) = 0;
  // [any thread] Unless `done` was called, or is being called now, it will not be.
  virtual void cancel(Id id) = 0;
};

// Fails with `io` when no thread or no handle is to be had.
Result<std::unique_ptr<HttpPool>> make_curl_http_pool(HttpPoolOptions options = {});

// Of a URL's template "https://host:port", without user, path or query: what may be printed of it.
// ${NAME} stays as it is written; where it stands for the whole beginning, it alone is told.
std::string printable_origin(std::string_view url);

}  // namespace gantry::host

#include "host/sponsor/exchange.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

namespace gantry::host {

namespace {

// Shared with the pool's thread, which may be in `done` while the waiting ends.
struct Awaited {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<HttpOutcome> outcome;
};

constexpr std::size_t sponsor_answer_bytes_max = 1U << 20U;

}  // namespace

HttpOutcome exchange(HttpPool& http, HttpRequest request, Deadline deadline, bool fresh) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      deadline - std::chrono::steady_clock::now());
  const std::string origin = printable_origin(request.url.written());
  if (left.count() <= 0) {
    return std::unexpected(HttpFailure{HttpFailureKind::timed_out,
                                       origin + ": the deadline passed before it was asked"});
  }
  request.timeout_ms = std::min<std::int64_t>(request.timeout_ms, left.count());
  const auto awaited = std::make_shared<Awaited>();
  const auto id = http.start(
      std::move(request),
      [awaited](HttpOutcome outcome) {
        const std::lock_guard lock(awaited->mutex);
        awaited->outcome = std::move(outcome);
        awaited->came.notify_one();
      },
      fresh);
  std::unique_lock lock(awaited->mutex);
  awaited->came.wait_until(lock, deadline, [&] { return awaited->outcome.has_value(); });
  if (awaited->outcome) return std::move(*awaited->outcome);
  lock.unlock();
  http.cancel(id);
  return std::unexpected(
      HttpFailure{HttpFailureKind::timed_out, origin + ": no answer in time", true});
}

HttpRequest post_to(const HttpEndpoint& endpoint, std::string body) {
  HttpRequest request;
  request.method = "POST";
  request.url = endpoint.url;
  for (const auto& [name, value] : endpoint.headers) {
    request.headers.emplace_back(name, value.reveal());
  }
  request.body = std::move(body);
  request.answer_bytes_max = sponsor_answer_bytes_max;
  return request;
}

}  // namespace gantry::host

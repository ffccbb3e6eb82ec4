#include "host/sponsor/exchange.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <variant>

namespace gantry::host {

namespace {

namespace json = boost::json;

// Shared with the pool's thread, which may be in `done` while the waiting ends.
struct Awaited {
  std::mutex mutex;
  std::condition_variable came;
  std::optional<HttpOutcome> outcome;
};

constexpr std::size_t sponsor_answer_bytes_max = 1U << 20U;

bool names_variable(const ParameterSetting& parameter, const std::string& variable) {
  const auto* const text = std::get_if<std::string>(&parameter.value);
  if (text == nullptr) return false;
  const auto parsed = TemplatedText::parse(*text);
  return parsed && std::ranges::find(parsed->variables(), variable) != parsed->variables().end();
}

Result<Secret> resolve_for(std::string_view text, const std::vector<ParameterSetting>& parameters,
                           const Environment& environment) {
  const auto parsed = TemplatedText::parse(text);
  if (!parsed) return std::unexpected(parsed.error());
  for (const std::string& variable : parsed->variables()) {
    const auto names = [&](const ParameterSetting& parameter) {
      return names_variable(parameter, variable);
    };
    if (variable == chain_variable || std::ranges::any_of(parameters, names)) continue;
    return fail(
        ErrorKind::configuration,
        fmt::format("it may not have ${{{}}}, which none of its parameters names", variable));
  }
  return parsed->resolve(environment);
}

}  // namespace

Result<HttpEndpoint> resolve_endpoint(
    std::string_view url, const std::vector<std::pair<std::string, std::string>>& headers,
    const std::vector<ParameterSetting>& parameters, const Environment& environment) {
  auto resolved = resolve_for(url, parameters, environment);
  if (!resolved) return std::unexpected(resolved.error());
  if (!is_private_url(resolved->reveal())) {
    return fail(ErrorKind::configuration,
                fmt::format("{} is neither https nor of this machine: what is sent there could be "
                            "read on the way; give its address with https",
                            printable_origin(resolved->written())));
  }
  HttpEndpoint endpoint;
  endpoint.url = std::move(*resolved);
  for (const auto& [name, value] : headers) {
    auto header = resolve_for(value, parameters, environment);
    if (!header) return std::unexpected(header.error());
    endpoint.headers.emplace_back(name, std::move(*header));
  }
  return endpoint;
}

std::string to_text(const HttpEndpoint& endpoint) {
  json::array headers;
  for (const auto& [name, value] : endpoint.headers) {
    headers.push_back(json::array{name, value.written()});
  }
  return json::serialize(
      json::object{{"url", endpoint.url.written()}, {"headers", std::move(headers)}});
}

Result<HttpEndpoint> resolve_endpoint_text(std::string_view text,
                                           const std::vector<ParameterSetting>& parameters,
                                           const Environment& environment) {
  const auto none = [] { return fail(ErrorKind::format, "an endpoint that is none"); };
  json::error_code bad;
  const json::value parsed = json::parse(text, bad);
  const json::object* fields = bad ? nullptr : parsed.if_object();
  const json::value* url = fields != nullptr ? fields->if_contains("url") : nullptr;
  const json::value* headers = fields != nullptr ? fields->if_contains("headers") : nullptr;
  if (url == nullptr || !url->is_string() || headers == nullptr || !headers->is_array()) {
    return none();
  }
  std::vector<std::pair<std::string, std::string>> written;
  for (const json::value& each : headers->get_array()) {
    const json::array* pair = each.if_array();
    if (pair == nullptr || pair->size() != 2 || !(*pair)[0].is_string() ||
        !(*pair)[1].is_string()) {
      return none();
    }
    written.emplace_back((*pair)[0].get_string(), (*pair)[1].get_string());
  }
  return resolve_endpoint(url->get_string(), written, parameters, environment);
}

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

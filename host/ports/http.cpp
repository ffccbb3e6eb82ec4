#include "host/ports/http.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/ports/curl_transfer.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host {
namespace {

ErrorKind error_kind(HttpFailureKind kind) {
  switch (kind) {
    case HttpFailureKind::usage:
      return ErrorKind::usage;
    case HttpFailureKind::too_long:
      return ErrorKind::limit;
    default:
      return ErrorKind::io;
  }
}

class CurlHttp final : public Http {
 public:
  CurlHttp() {
    curl::initialize();
    handle_.reset(curl_easy_init());
  }

  Result<HttpAnswer> send(const HttpRequest& request) override {
    const std::string origin = printable_origin(request.url.written());
    if (handle_ == nullptr) return fail(ErrorKind::io, "libcurl could not be started");
    curl::Transfer transfer{.request = request};
    if (!curl::prepare(handle_.get(), transfer)) {
      return fail(ErrorKind::usage, fmt::format("{}: only http and https can be asked", origin));
    }
    const CURLcode code = curl_easy_perform(handle_.get());
    HttpOutcome outcome = curl::outcome_of(handle_.get(), code, transfer);
    if (!outcome) {
      return fail(error_kind(outcome.error().kind), std::move(outcome.error().message));
    }
    return *std::move(outcome);
  }

 private:
  curl::Handle handle_;
};

}  // namespace

std::unique_ptr<Http> make_curl_http() { return std::make_unique<CurlHttp>(); }

std::string printable_origin(std::string_view url) {
  const std::size_t colon = std::min(url.find("://"), url.size());
  const std::string_view scheme = url.substr(0, colon);
  if (colon == url.size() || scheme.find_first_of("/?#@") != std::string_view::npos) {
    const bool variable = url.starts_with("${") && url.find('}') != std::string_view::npos;
    return variable ? printable(url.substr(0, url.find('}') + 1)) : "(no URL)";
  }
  std::string_view host = url.substr(colon + 3);
  host = host.substr(0, host.find_first_of("/?#\\"));
  const std::size_t at = host.rfind('@');
  if (at != std::string_view::npos) host.remove_prefix(at + 1);
  return printable(fmt::format("{}://{}", scheme, host));
}

}  // namespace gantry::host

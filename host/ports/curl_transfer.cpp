#include "host/ports/curl_transfer.hpp"

#include <fmt/format.h>

#include <mutex>
#include <utility>

#include "host/ports/certificate.hpp"

namespace gantry::host::curl {
namespace {

std::size_t receive(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::size_t bytes = size * count;
  if (bytes > transfer.request.answer_bytes_max - transfer.body.size()) {
    transfer.too_long = true;
    return 0;  // anything but `bytes` ends the transfer
  }
  transfer.body.append(data, bytes);
  return bytes;
}

Headers headers_of(const HttpRequest& request) {
  Headers list;
  const auto add = [&](const std::string& line) {
    if (curl_slist* longer = curl_slist_append(list.get(), line.c_str())) {
      (void)list.release();
      list.reset(longer);
    }
  };
  add("Expect:");  // a long body does not wait for a "100 Continue"
  for (const auto& [name, value] : request.headers) add(fmt::format("{}: {}", name, value));
  return list;
}

bool is_loopback(std::string_view url) {
  std::string_view host = url.substr(url.find("://") + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (const auto at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  return host.starts_with("127.") || host.starts_with("[::1]") || host == "localhost" ||
         host.starts_with("localhost:");
}

HttpFailureKind kind_of(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
      return HttpFailureKind::resolve;
    case CURLE_COULDNT_CONNECT:
      return HttpFailureKind::refused;
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_ENGINE_INITFAILED:
      return HttpFailureKind::tls_handshake;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS:
      return HttpFailureKind::certificate;
    case CURLE_OPERATION_TIMEDOUT:
      return HttpFailureKind::timed_out;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return HttpFailureKind::usage;
    default:
      return HttpFailureKind::broken;
  }
}

std::string words_of(HttpFailureKind kind, CURL* handle, CURLcode code) {
  switch (kind) {
    case HttpFailureKind::resolve:
      return "its host has no address";
    case HttpFailureKind::refused:
      return "no connection";
    case HttpFailureKind::tls_handshake:
      return "the TLS handshake failed: is it a server of https?";
    case HttpFailureKind::certificate: {
      // libcurl's own words may hold the host's name, and that a key: these do not.
      long verdict = 0;
      curl_easy_getinfo(handle, CURLINFO_SSL_VERIFYRESULT, &verdict);
      return certificate_fault(verdict);
    }
    default:
      return curl_easy_strerror(code);
  }
}

// Whether the request may have reached the server whole: all that did not fail while connecting.
bool maybe_taken(CURL* handle, HttpFailureKind kind) {
  switch (kind) {
    case HttpFailureKind::usage:
    case HttpFailureKind::resolve:
    case HttpFailureKind::refused:
    case HttpFailureKind::tls_handshake:
    case HttpFailureKind::certificate:
      return false;
    default: {
      curl_off_t connected_us = 0;  // when the first byte of the request could leave
      curl_easy_getinfo(handle, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
      return connected_us > 0;
    }
  }
}

}  // namespace

void initialize() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

bool prepare(CURL* handle, Transfer& transfer) {
  const HttpRequest& request = transfer.request;
  const std::string& url = request.url.reveal();
  if (!url.starts_with("http://") && !url.starts_with("https://")) return false;
  transfer.headers = headers_of(request);
  curl_easy_reset(handle);
  curl_easy_setopt(handle, CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
  if (request.connect_timeout_ms > 0) {
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(request.connect_timeout_ms));
  }
  curl_easy_setopt(handle, CURLOPT_HTTPHEADER, transfer.headers.get());
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, &receive);
  curl_easy_setopt(handle, CURLOPT_WRITEDATA, &transfer);
  // A proxy of the environment's cannot reach this machine's own loopback.
  if (is_loopback(url)) curl_easy_setopt(handle, CURLOPT_NOPROXY, "*");
  if (request.method == "POST") {
    curl_easy_setopt(handle, CURLOPT_POST, 1L);
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
  } else {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  }
  return true;
}

HttpOutcome outcome_of(CURL* handle, CURLcode code, Transfer& transfer) {
  const std::string origin = printable_origin(transfer.request.url.written());
  if (transfer.too_long) {
    return std::unexpected(HttpFailure{HttpFailureKind::too_long,
                                       fmt::format("{}: the answer is longer than {} bytes", origin,
                                                   transfer.request.answer_bytes_max),
                                       true});
  }
  if (code != CURLE_OK) {
    const HttpFailureKind kind = kind_of(code);
    return std::unexpected(HttpFailure{kind,
                                       fmt::format("{}: {}", origin, words_of(kind, handle, code)),
                                       maybe_taken(handle, kind)});
  }
  HttpAnswer answer;
  long status = 0;
  long version = 0;
  curl_off_t retry_after_s = 0;
  curl_easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
  curl_easy_getinfo(handle, CURLINFO_HTTP_VERSION, &version);
  curl_easy_getinfo(handle, CURLINFO_RETRY_AFTER, &retry_after_s);
  answer.status = status;
  answer.body = std::move(transfer.body);
  if (retry_after_s > 0) answer.retry_after_s = retry_after_s;
  answer.http2 = version == CURL_HTTP_VERSION_2_0;
  return answer;
}

}  // namespace gantry::host::curl

#include "host/ports/http.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "host/report/terminal.hpp"

namespace gantry::host {
namespace {

struct Received {
  std::string body;
  std::size_t bytes_max = 0;
  bool too_long = false;
};

std::size_t receive(char* data, std::size_t size, std::size_t count, void* self) {
  auto& received = *static_cast<Received*>(self);
  const std::size_t bytes = size * count;
  if (bytes > received.bytes_max - received.body.size()) {
    received.too_long = true;
    return 0;  // anything but `bytes` ends the transfer
  }
  received.body.append(data, bytes);
  return bytes;
}

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeList>;

Headers headers_of(const HttpRequest& request) {
  Headers list;
  for (const auto& [name, value] : request.headers) {
    if (curl_slist* longer =
            curl_slist_append(list.get(), fmt::format("{}: {}", name, value).c_str())) {
      (void)list.release();
      list.reset(longer);
    }
  }
  return list;
}

class CurlHttp final : public Http {
 public:
  CurlHttp() {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
    handle_.reset(curl_easy_init());
  }

  Result<HttpAnswer> send(const HttpRequest& request) override {
    const std::string origin = printable_origin(request.url.written());
    if (handle_ == nullptr) return fail(ErrorKind::io, "libcurl could not be started");
    const std::string& url = request.url.reveal();
    if (!url.starts_with("http://") && !url.starts_with("https://")) {
      return fail(ErrorKind::usage, fmt::format("{}: only http and https can be asked", origin));
    }
    CURL* curl = handle_.get();
    curl_easy_reset(curl);
    Received received{{}, request.answer_bytes_max, false};
    const Headers headers = headers_of(request);
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &received);
    if (request.method == "POST") {
      curl_easy_setopt(curl, CURLOPT_POST, 1L);
      curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
      curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
    } else {
      curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    }
    const CURLcode code = curl_easy_perform(curl);
    if (received.too_long) {
      return fail(ErrorKind::limit, fmt::format("{}: the answer is longer than {} bytes", origin,
                                                request.answer_bytes_max));
    }
    if (code != CURLE_OK) {
      return fail(ErrorKind::io, fmt::format("{}: {}", origin, curl_easy_strerror(code)));
    }
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return HttpAnswer{status, std::move(received.body)};
  }

 private:
  std::unique_ptr<CURL, FreeHandle> handle_;
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

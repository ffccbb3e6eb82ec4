// One request as libcurl wants it, for both sides of the HTTP port. Internal to host/ports.
#pragma once
#include <curl/curl.h>

#include <memory>
#include <string>

#include "host/ports/http.hpp"

namespace gantry::host::curl {

struct FreeHandle {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeList>;

// [any thread] Once for the process, before the first handle.
void initialize();

// A request on its way. It stays where it is as long as the handle may use it.
struct Transfer {
  HttpRequest request;
  Headers headers;
  std::string body;  // of the answer, as far as it is there
  bool too_long = false;
};

// Makes `handle` anew for the transfer. False: the URL is neither http nor https.
bool prepare(CURL* handle, Transfer& transfer);

// What became of it, `code` being what libcurl said.
HttpOutcome outcome_of(CURL* handle, CURLcode code, Transfer& transfer);

}  // namespace gantry::host::curl

// What a plugin's addresses and headers may hold of the host's variables, and where they may lead.
#include "host/sponsor/exchange.hpp"

#include <catch2/catch.hpp>

using namespace gantry::host;

namespace {

using Headers = std::vector<std::pair<std::string, std::string>>;

std::optional<std::string> variable(std::string_view name) {
  if (name == "SERVICE_KEY") return "key-of-the-service";
  if (name == "KEYSTORE_PASSWORD") return "password-of-the-account";
  if (name == "CHAIN_ID") return "1";
  return std::nullopt;
}

std::vector<ParameterSetting> parameters() {
  ParameterSetting url;
  url.name = "url";
  url.value = std::string("https://service.test/${CHAIN_ID}/${SERVICE_KEY}");
  ParameterSetting cap;
  cap.name = "cap";
  cap.type = ParameterType::integer;
  cap.value = std::int64_t{7};
  return {cap, url};
}

Result<HttpEndpoint> resolve(std::string_view url, const Headers& headers = {}) {
  return resolve_endpoint(url, headers, parameters(), variable);
}

}  // namespace

TEST_CASE("a plugin has the variables that its parameters name, and those alone") {
  const auto good = resolve("https://service.test/${CHAIN_ID}/${SERVICE_KEY}",
                            {{"x-key", "${SERVICE_KEY}"}, {"x-chain", "${CHAIN_ID}"}});
  REQUIRE(good);
  CHECK(good->url.reveal() == "https://service.test/1/key-of-the-service");
  REQUIRE(good->headers.size() == 2);
  CHECK(good->headers[0].second.reveal() == "key-of-the-service");

  for (const auto& bad : {resolve("https://service.test/${KEYSTORE_PASSWORD}"),
                          resolve("https://service.test/", {{"x-key", "${KEYSTORE_PASSWORD}"}})}) {
    REQUIRE_FALSE(bad);
    CHECK(bad.error().message ==
          "it may not have ${KEYSTORE_PASSWORD}, which none of its parameters names");
  }
}

TEST_CASE("where a service takes operations is kept without its secrets, and found again") {
  const auto made = resolve("https://service.test/${CHAIN_ID}", {{"x-key", "${SERVICE_KEY}"}});
  REQUIRE(made);
  const std::string text = to_text(*made);
  CHECK(text.find("key-of-the-service") == std::string::npos);
  const auto back = resolve_endpoint_text(text, parameters(), variable);
  REQUIRE(back);
  CHECK(back->url.reveal() == "https://service.test/1");
  REQUIRE(back->headers.size() == 1);
  CHECK(back->headers[0].first == "x-key");
  CHECK(back->headers[0].second.reveal() == "key-of-the-service");
  for (const char* bad :
       {"", "{}", "[]", R"({"url":1,"headers":[]})", R"({"url":"https://a.test"})",
        R"({"url":"https://a.test","headers":[["x"]]})", R"({"url":"https://a.test","headers":{}})",
        R"({"url":"https://a.test","headers":[["x",1]]})"}) {
    CAPTURE(bad);
    const auto none = resolve_endpoint_text(bad, parameters(), variable);
    REQUIRE_FALSE(none);
    CHECK(none.error().kind == ErrorKind::format);
  }
  // What a changed configuration does not allow it has no more.
  CHECK_FALSE(resolve_endpoint_text(text, {}, variable));
  CHECK_FALSE(resolve_endpoint_text(R"({"url":"http://service.test","headers":[]})", parameters(),
                                    variable));
}

TEST_CASE("a key and an operation leave where nobody on the way can read them") {
  CHECK(resolve("http://127.0.0.1:4337/${SERVICE_KEY}"));
  for (const char* url : {"http://service.test/${SERVICE_KEY}", "ftp://service.test/", "service"}) {
    CAPTURE(url);
    const auto bad = resolve(url);
    REQUIRE_FALSE(bad);
    CHECK(bad.error().message.find("give its address with https") != std::string::npos);
    CHECK(bad.error().message.find("key-of-the-service") == std::string::npos);
  }
}

#include "host/config/capabilities.hpp"

#include "fixture.hpp"

using namespace gantry::host;

TEST_CASE("a URL's host is what a request would go to") {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"https://api.example.org/v2/${CHAIN_ID}/rpc?key=${KEY}", "api.example.org"},
      {"http://API.Example.org:8080", "api.example.org"},
      {"https://good.example@evil.example/", "evil.example"},
      {"https://good.example:x@evil.example:1/@good.example", "evil.example"},
      {"https://evil.example?@good.example", "evil.example"},
      {"https://evil.example#@good.example", "evil.example"},
      {"https://[::1]:80/", "[::1]"},
      {"https://${HOST}/", "${host}"},
      {"https://evil.example\\@good.example/", ""},
      {"https://evil.example\t.good.example/", ""},
      {"https:///x", ""},
      {"wss://api.example.org", ""},
      {"//api.example.org", ""},
      {"", ""},
  };
  for (const auto& [url, host] : rows) {
    CAPTURE(url);
    CHECK(host_of_url(url) == host);
  }
}

TEST_CASE("a paymaster may ask the hosts of its own parameters, or those that are granted") {
  PaymasterSettings settings;
  settings.parameters = {{"url", ParameterType::string,
                          ParameterValue(std::string("https://api.example.org/${KEY}")), false},
                         {"cap", ParameterType::integer, ParameterValue(std::int64_t{3}), true}};
  CHECK(may_request(settings, "https://API.example.org:443/other"));
  CHECK_FALSE(may_request(settings, "https://example.org/"));
  CHECK_FALSE(may_request(settings, "https://api.example.org.evil.example/"));
  CHECK_FALSE(may_request(settings, "api.example.org"));
  // What is granted counts alone.
  settings.capabilities = std::vector<std::string>{"http:Other.example"};
  CHECK(may_request(settings, "https://other.example/"));
  CHECK_FALSE(may_request(settings, "https://api.example.org/"));
  settings.capabilities = std::vector<std::string>{};
  CHECK_FALSE(may_request(settings, "https://other.example/"));
  CHECK_FALSE(may_request(settings, "https://api.example.org/"));
}

TEST_CASE("each kind has the capabilities that this host can give it") {
  CHECK_FALSE(not_a_capability("calls", PluginKind::strategy));
  CHECK(not_a_capability("calls", PluginKind::dex));
  CHECK(not_a_capability("calls", PluginKind::paymaster));
  CHECK_FALSE(not_a_capability("http:api.example.org", PluginKind::paymaster));
  CHECK_FALSE(not_a_capability("http:[::1]", PluginKind::paymaster));
  CHECK(not_a_capability("http:api.example.org", PluginKind::strategy));
  for (const std::string_view wrong :
       {"http:", "http:*", "http:https://a.example", "http:a.example:80", "http:a.example/x", "net",
        "http:[::1", "http:]", "http:[]", "", "Calls"}) {
    CAPTURE(wrong);
    CHECK(not_a_capability(wrong, PluginKind::paymaster));
    CHECK(not_a_capability(wrong, PluginKind::strategy));
  }
}

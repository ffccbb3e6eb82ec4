#include <sstream>

#include "fixture.hpp"

using namespace gantry::host;
using namespace gantry::host::test;

namespace {

// Shapes of real keys; none of them opens anything.
constexpr std::string_view keys[] = {
    "abcdefGHIJKLmnopqrst0123456789-_", "0123456789abcdef0123456789abcdef",
    "pim_AbCdEfGhIjKlMn0p4rStUv", "550e8400-e29b-41d4-a716-446655440000",
    "0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318"};

std::string all_output(const std::expected<Configuration, ConfigReport>& loaded) {
  const ConfigReport& report = loaded ? loaded->report : loaded.error();
  std::string out = render_text(report, true) + render_json(report);
  if (loaded) out += explain_text(*loaded) + explain_json(*loaded);
  return out;
}

}  // namespace

TEST_CASE("a key written into a file is an error that does not repeat it") {
  for (const std::string_view key : keys) {
    const std::string url = std::string("[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\n") +
                            "name = \"a\"\nurl = \"https://rpc.example/v2/" + std::string(key) +
                            "\"\n";
    const std::string parameter =
        std::string(
            "[[chain]]\nid = \"eip155:1\"\n[[paymaster]]\nname = \"pimlico\"\napi_key = \"") +
        std::string(key) + "\"\n";
    for (const std::string& text : {url, parameter}) {
      INFO(text);
      const auto loaded = parse({.gantry = text, .dex = {}, .strategies = {}});
      REQUIRE_FALSE(loaded.has_value());
      REQUIRE(loaded.error().errors.size() == 1);
      CHECK(loaded.error().errors[0].message.ends_with("secrets come from the environment"));
      CHECK(loaded.error().errors[0].line == 5);
      CHECK(all_output(loaded).find(key) == std::string::npos);
    }
  }
}

TEST_CASE("a secret that does not look like a key is refused and hidden all the same") {
  for (const std::string_view text : {"hunter2", "correct horse", "x"}) {
    const std::string gantry =
        std::string(
            "[[chain]]\nid = \"eip155:1\"\n[[paymaster]]\nname = \"pimlico\"\napi_key = '") +
        std::string(text) + "'\n";
    const auto loaded = parse({.gantry = gantry, .dex = {}, .strategies = {}});
    REQUIRE_FALSE(loaded.has_value());
    CHECK(all_output(loaded).find(std::string("'") + std::string(text)) == std::string::npos);
  }
}

TEST_CASE("a key is hidden whatever else is wrong with its line") {
  for (const std::string_view key : keys) {
    for (const std::string& line :
         {"api_key = \"" + std::string(key), "api_kye = \"" + std::string(key) + "\"",
          "enabled = \"" + std::string(key) + "\"", std::string(key) + " = 1",
          "endpoint = \"https://user:" + std::string(key) + "@host/\"",
          "endpoint = \"https://host/?apikey=" + std::string(key) + "\"",
          "api_key = [\"" + std::string(key) + "\"]"}) {
      const std::string gantry =
          "[[chain]]\nid = \"eip155:1\"\n[[paymaster]]\nname = \"pimlico\"\n" + line + "\n";
      INFO(gantry);
      const auto loaded = parse({.gantry = gantry, .dex = {}, .strategies = {}});
      CHECK_FALSE(loaded.has_value());
      if (!line.starts_with(key)) CHECK(all_output(loaded).find(key) == std::string::npos);
    }
  }
}

TEST_CASE("templates are shown, what they stand for never is") {
  const auto variables = environment({{"RPC_KEY", "topsecret1"}, {"PIMLICO_KEY", "topsecret2"}});
  const auto loaded = parse({.gantry = "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\n"
                                       "name = \"a\"\nurl = \"https://rpc.example/${RPC_KEY}\"\n"
                                       "[[paymaster]]\nname = \"pimlico\"\n"
                                       "api_key = \"${PIMLICO_KEY}\"\n"
                                       "endpoint = \"https://p.example/?apikey=${PIMLICO_KEY}\"\n",
                             .dex = {},
                             .strategies = {}},
                            variables);
  REQUIRE(loaded.has_value());
  CHECK(loaded->report.warnings.empty());
  const std::string out = all_output(loaded);
  CHECK(out.find("topsecret") == std::string::npos);
  CHECK(out.find("https://rpc.example/${RPC_KEY}") != std::string::npos);
  CHECK(out.find("?apikey=${PIMLICO_KEY}") != std::string::npos);

  const auto url = loaded->chains[0].providers[0].url.resolve(variables);
  REQUIRE(url.has_value());
  CHECK(url->reveal() == "https://rpc.example/topsecret1");
  std::ostringstream printed;
  printed << *url << to_string(*url) << loaded->chains[0].providers[0].url;
  CHECK(printed.str() == "[secret][secret]https://rpc.example/${RPC_KEY}");
}

TEST_CASE("a variable that is not set is a warning that names it, and an error at use") {
  const auto loaded = parse({.gantry = "[[chain]]\nid = \"eip155:1\"\n[[chain.provider]]\n"
                                       "name = \"a\"\nurl = \"https://rpc.example/${RPC_KEY}\"\n"
                                       "[[paymaster]]\nname = \"pimlico\"\n"
                                       "api_key = \"${PIMLICO_KEY}\"\n",
                             .dex = {},
                             .strategies = {}});
  REQUIRE(loaded.has_value());
  REQUIRE(loaded->report.warnings.size() == 2);
  CHECK(loaded->report.warnings[0].line == 5);
  CHECK(loaded->report.warnings[0].message.find("RPC_KEY, which is not set") != std::string::npos);
  CHECK(loaded->report.warnings[0].variable == "RPC_KEY");
  CHECK(loaded->report.warnings[1].line == 8);
  CHECK(loaded->report.warnings[1].variable == "PIMLICO_KEY");
  CHECK(loaded->report.warnings[1].message.find("PIMLICO_KEY") != std::string::npos);
  const auto url = loaded->chains[0].providers[0].url.resolve(environment({}));
  REQUIRE_FALSE(url.has_value());
  CHECK(url.error().message.find("RPC_KEY") != std::string::npos);
}

TEST_CASE("what the host fills in, or a default names, is no warning") {
  const auto loaded = parse({.gantry = "[[chain]]\nid = \"eip155:1\"\n[[paymaster]]\n"
                                       "name = \"pimlico\"\napi_key = \"${K}\"\n"
                                       "endpoint = \"https://p/${CHAIN_ID}\"\n",
                             .dex = {},
                             .strategies = {}},
                            environment({{"K", "1"}}));
  REQUIRE(loaded.has_value());
  CHECK(loaded->report.warnings.empty());
  CHECK(loaded->report.notes.empty());

  const auto provider = parse({.gantry = "[[chain]]\nid = \"eip155:10\"\n[[chain.provider]]\n"
                                         "name = \"a\"\nurl = \"https://p/${CHAIN_ID}\"\n",
                               .dex = {},
                               .strategies = {}});
  REQUIRE(provider.has_value());
  CHECK(provider->report.warnings.empty());
  CHECK(variables_of(*provider).empty());
  const auto url =
      provider->chains[0].providers[0].url.resolve(with_chain(environment({}), "eip155:10"));
  REQUIRE(url.has_value());
  CHECK(url->reveal() == "https://p/10");
}

TEST_CASE("words, file names and addresses do not look like keys") {
  for (const std::string_view text :
       {"uniswap_v2", "pool_concentration_bps", "strategies", "https", "univ2_2020",
        "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "max_snapshot_age_blocks", "eth-mainnet",
        "opportunities_per_snapshot_2"}) {
    INFO(text);
    CHECK_FALSE(looks_like_key(text));
    CHECK(mask_keys(text) == text);
  }
  for (const std::string_view key : keys) CHECK(looks_like_key(key));
}

TEST_CASE("masking keeps every column in its place") {
  CHECK(mask_keys("a = \"0123456789abcdef0123\" # é") == "a = \"********************\" # é");
  CHECK(mask_keys("password = \"ü1\" # x") == "password = \"**\" # x");
  CHECK(mask_keys("https://u:pw@h/${KEY}") == "https://u:**@h/${KEY}");
  CHECK(mask_keys("api_key = \"a${K}b\"") == "api_key = \"*${K}*\"");
}

TEST_CASE("a template without its end, or with a bad name, is refused") {
  CHECK_FALSE(TemplatedText::parse("a${").has_value());
  CHECK_FALSE(TemplatedText::parse("${}").has_value());
  CHECK_FALSE(TemplatedText::parse("${1A}").has_value());
  CHECK_FALSE(TemplatedText::parse("${A${B}}").has_value());
  CHECK(TemplatedText::parse("$A {B} $").has_value());
  CHECK(resolve_text("x${A}y${B}", environment({{"A", "1"}, {"B", "${A}"}}))->reveal() ==
        "x1y${A}");
}

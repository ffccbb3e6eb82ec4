#include <catch2/catch.hpp>
#include <string>

#include "host/plugin/manifest.hpp"

using namespace gantry::host;

namespace {

constexpr std::string_view head =
    R"("id": "org.example.a", "name": "a", "version": "1.0.0", "kind": "dex",
       "interfaces": ["gantry.dex/1"], "licence": "MIT")";

std::string with_parameter(std::string_view parameter) {
  return "{" + std::string(head) + ", \"parameters\": [" + std::string(parameter) + "]}";
}

std::string error_of(std::string_view json) {
  const auto manifest = parse_manifest_json(json, "a.so");
  return manifest ? std::string("accepted") : manifest.error().message;
}

std::vector<std::byte> section_of(std::string_view magic, std::uint32_t length,
                                  std::string_view json) {
  std::string text(magic);
  for (unsigned i = 0; i < 4; ++i) text.push_back(static_cast<char>(length >> (8 * i) & 255u));
  text += json;
  const auto* bytes = reinterpret_cast<const std::byte*>(text.data());
  return {bytes, bytes + text.size()};
}

}  // namespace

TEST_CASE("a manifest with every kind of parameter is read, and written back the same") {
  const std::string json = "{" + std::string(head) +
                           R"(, "summary": "one line", "homepage": "ignored", "parameters": [
    {"name": "flag", "type": "boolean", "default": true},
    {"name": "count", "type": "integer", "default": 3, "min": 1, "max": 9, "unit": "pools"},
    {"name": "ratio", "type": "number", "default": 1, "min": 0.5},
    {"name": "note", "type": "string", "default": "${HOME}"},
    {"name": "mode", "type": "enum", "choices": ["x", "y"], "default": "y"},
    {"name": "key", "type": "secret", "required": true, "help": "from the environment"},
    {"name": "least", "type": "amount", "default": "18446744073709551616"}],
    "toolchain": {"compiler": "GNU 12.2.0", "stdlib": "libstdc++", "sdk": "0.1.0"}})";
  const auto manifest = parse_manifest_json(json, "a.so");
  if (!manifest) FAIL(manifest.error().message);
  CHECK(manifest->parameters.size() == 7);
  CHECK(manifest->toolchain.sdk == "0.1.0");
  CHECK(std::get<double>(*manifest->find_parameter("ratio")->default_value) == 1.0);
  const auto least = std::get<gantry_amount>(*manifest->find_parameter("least")->default_value);
  CHECK(least.limb[0] == 0);
  CHECK(least.limb[1] == 1);
  CHECK(manifest->find_parameter("key")->required);
  CHECK(manifest->find_parameter("none") == nullptr);
  const std::string written = manifest_to_json(*manifest);
  const auto again = parse_manifest_json(written, "a.so");
  REQUIRE(again.has_value());
  CHECK(manifest_to_json(*again) == written);
}

TEST_CASE("a wrong manifest is refused with the file, the reason and the remedy") {
  struct Row {
    std::string json;
    std::string_view reason;
  };
  const auto replaced = [](std::string_view from, std::string_view to) {
    std::string json = "{" + std::string(head) + "}";
    return json.replace(json.find(from), from.size(), to);
  };
  const Row rows[] = {
      {"", "is no JSON"},
      {"{", "is no JSON"},
      {"[]", "is no JSON object"},
      {"{} {}", "is no JSON"},
      {"[[[[[[[[[[[[]]]]]]]]]]]]", "is no JSON"},
      {"{\"id\": \"\xff\"}", "is no JSON"},
      {"{}", "it has no \"id\""},
      {replaced("\"org.example.a\"", "7"), "has a \"id\" that is no text"},
      {replaced("org.example.a", ""), "has an empty \"id\""},
      {replaced("org.example.a", "a"), "its id is not a reverse domain name"},
      {replaced("org.example.a", "org..a"), "its id is not a reverse domain name"},
      {replaced("org.example.a", "org.\\u001b[2J"), "is not one printable line"},
      {replaced("\"name\": \"a\"", "\"name\": \"A b\""), "its name is not snake_case"},
      {replaced("1.0.0", "1.0"), "its version is not major.minor.patch"},
      {replaced("\"dex\"", "\"oracle\""), "its kind is \"oracle\", and not dex"},
      {replaced("[\"gantry.dex/1\"]", "[]"), "has no list of \"interfaces\""},
      {replaced("[\"gantry.dex/1\"]", "\"gantry.dex/1\""), "has no list of \"interfaces\""},
      {replaced("gantry.dex/1", "gantry.dex"), "an interface that is not written as"},
      {replaced("[\"gantry.dex/1\"]", "[1]"), "an interface that is not written as"},
      {replaced("\"MIT\"", "null"), "has a \"licence\" that is no text"},
      {"{" + std::string(head) + ", \"parameters\": {}}", "its parameters are no list"},
      {"{" + std::string(head) + ", \"toolchain\": 1}", "its toolchain is no object"},
      {with_parameter("1"), "parameter 1 is no object"},
      {with_parameter("{}"), "parameter 1 has no \"name\""},
      {with_parameter(R"({"name": "A"})"), "has a name that is not snake_case"},
      {with_parameter(R"({"name": "a"})"), "parameter a has no \"type\""},
      {with_parameter(R"({"name": "a", "type": "float"})"), "has a type that is none of"},
      {with_parameter(R"({"name": "a", "type": "integer"})"), "has no default and is not required"},
      {with_parameter(R"({"name": "a", "type": "integer", "default": 1.5})"), "of another type"},
      {with_parameter(R"({"name": "a", "type": "integer", "default": 1, "min": 2})"),
       "has a default that is below the minimum of 2"},
      {with_parameter(R"({"name": "a", "type": "integer", "default": 1, "min": 2, "max": 1})"),
       "has a min above its max"},
      {with_parameter(R"({"name": "a", "type": "integer", "default": 1, "min": "0"})"),
       "has a \"min\" that is no number"},
      {with_parameter(R"({"name": "a", "type": "boolean", "default": true, "max": 1})"),
       "its type has no order"},
      {with_parameter(R"({"name": "a", "type": "enum", "default": "x"})"), "must have \"choices\""},
      {with_parameter(R"({"name": "a", "type": "enum", "choices": [], "default": "x"})"),
       "\"choices\" that are no list of texts"},
      {with_parameter(R"({"name": "a", "type": "enum", "choices": ["y"], "default": "x"})"),
       "has a default that is none of y"},
      {with_parameter(R"({"name": "a", "type": "secret", "default": "x"})"),
       "is a secret and has a default"},
      {with_parameter(R"({"name": "a", "type": "integer", "default": 1, "required": true})"),
       "is required and has a default"},
      {with_parameter(R"({"name": "a", "type": "integer", "default": 1, "minimum": 0})"),
       "has a member that is none of"},
      {with_parameter(R"({"name": "a", "type": "amount", "default": -1})"), "of another type"},
      {with_parameter(R"({"name": "a", "type": "boolean", "default": true},
                         {"name": "a", "type": "boolean", "default": true})"),
       "parameter a is there twice"},
  };
  for (const Row& row : rows) {
    INFO(row.json);
    const std::string error = error_of(row.json);
    CHECK(error.find(row.reason) != std::string::npos);
    CHECK(error.starts_with("a.so: its manifest "));
    CHECK(error.ends_with("Correct plugin.json and build again."));
  }
}

TEST_CASE("a manifest with too many parameters is refused") {
  std::string parameters;
  for (std::size_t i = 0; i <= manifest_parameters_max; ++i) {
    parameters += (i == 0 ? "" : ",") + std::string(R"({"name": "p)") + std::to_string(i) +
                  R"(", "type": "boolean", "default": true})";
  }
  CHECK(error_of(with_parameter(parameters)).find("are more than 256") != std::string::npos);
}

TEST_CASE("a section with a wrong magic or length is refused") {
  const std::string json = "{" + std::string(head) + "}";
  const auto size = static_cast<std::uint32_t>(json.size());
  const auto read = [&](const std::vector<std::byte>& section) {
    const auto manifest = parse_manifest_section(section, "a.so");
    return manifest ? std::string("accepted") : manifest.error().message;
  };
  CHECK(read(section_of(manifest_magic, size, json)) == "accepted");
  CHECK(read(section_of(manifest_magic, size, json + "\n\0\0")) == "accepted");
  CHECK(read(section_of("GANTRYM2", size, json)).find("does not begin with GANTRYM1") !=
        std::string::npos);
  CHECK(read({}).find("is too short") != std::string::npos);
  for (const std::uint32_t length : {size + 1, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
    CHECK(read(section_of(manifest_magic, length, json)).find("says it holds") !=
          std::string::npos);
  }
  CHECK(read(section_of(manifest_magic, 0, json)).find("is no JSON") != std::string::npos);
  const auto whole = section_of(manifest_magic, size, json);
  for (std::size_t cut = 0; cut < whole.size(); ++cut) {
    CHECK_FALSE(parse_manifest_section(std::span(whole).first(cut), "a.so").has_value());
  }
}

TEST_CASE("amounts are read and written up to 2^256-1, and no further") {
  const std::string greatest =
      "115792089237316195423570985008687907853269984665640564039457584007913129639935";
  CHECK(amount_to_text(*parse_amount(greatest)) == greatest);
  CHECK(amount_to_text(*parse_amount("0")) == "0");
  CHECK(amount_to_text(*parse_amount("0018446744073709551616")) == "18446744073709551616");
  CHECK_FALSE(parse_amount(greatest.substr(0, greatest.size() - 1) + "6").has_value());
  CHECK_FALSE(parse_amount("").has_value());
  CHECK_FALSE(parse_amount("-1").has_value());
  CHECK_FALSE(parse_amount("1e3").has_value());
}

// A released interface never changes: its layout in C and C++, its declarations, and that plugins
// built with the SDK of the time still load and work.
#include "tests/sdk/abi_layout.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

extern "C" int gantry_abi_layout_in_c(void);

namespace {

struct Field {
  std::string name;
  std::size_t offset;
  std::size_t size;
};
struct Record {
  std::size_t size = 0;
  std::vector<Field> fields;
};

std::map<std::string, Record> records() {
  std::map<std::string, Record> all;
#define STRUCT(type, bytes) all[#type].size = bytes;
#define FIELD(type, field, offset, bytes) all[#type].fields.push_back({#field, offset, bytes});
#define CONSTANT(name, value)
#include "sdk/abi/0.1/layout.inc"
#undef STRUCT
#undef FIELD
#undef CONSTANT
  return all;
}

// Without comments and with every run of blanks as one: what is declared.
std::string declarations(const std::filesystem::path& header) {
  std::ostringstream text;
  text << std::ifstream(header).rdbuf();
  const std::string code =
      std::regex_replace(text.str(), std::regex(R"(/\*[^*]*\*+([^/*][^*]*\*+)*/)"), " ");
  return std::regex_replace(code, std::regex(R"(\s+)"), " ");
}

}  // namespace

TEST_CASE("every struct of SDK 0.1 lies in C and C++ as it did, without a gap") {
  CHECK(gantry_abi_layout_in_c() == 1);
  const auto all = records();
  CHECK(all.size() >= 57);
  for (const auto& [name, record] : all) {
    INFO(name);
    REQUIRE_FALSE(record.fields.empty());
    // The record lists fields in order and whole: padding would be a field that nobody named.
    std::size_t end = 0;
    for (const Field& field : record.fields) {
      INFO(field.name);
      CHECK(field.offset == end);
      end = field.offset + field.size;
    }
    CHECK(end == record.size);
  }
}

TEST_CASE("the headers declare what they did in SDK 0.1") {
  const std::filesystem::path frozen = GANTRY_SOURCE_FOLDER "/sdk/abi/0.1/include/gantry";
  const std::filesystem::path current = GANTRY_SOURCE_FOLDER "/sdk/include/gantry";
  std::size_t headers = 0;
  for (const auto& entry : std::filesystem::directory_iterator(frozen)) {
    if (entry.path().extension() != ".h") continue;
    ++headers;
    INFO(entry.path().filename().string()
         << ": a released interface never changes; a change is a new revision in a new header");
    const std::string then = declarations(entry.path());
    CHECK(then.size() > 500);
    CHECK((then == declarations(current / entry.path().filename())));
  }
  CHECK(headers == 7);
}

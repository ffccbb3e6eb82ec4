// A way to get a configuration wrong, and how it is told.
#pragma once
#include <span>

#include "fixture.hpp"

namespace gantry::host::test {

enum class In { gantry, dex, strategies };

struct Row {
  In in;
  std::string_view text;
  std::uint32_t line;
  std::uint32_t column;
  std::string_view message;  // all of it, or its beginning where it is toml++'s
  std::string_view suggestion = "";
};

inline ConfigTexts texts_of(const Row& row) {
  ConfigTexts texts{good_gantry, good_dex, good_strategies};
  (row.in == In::gantry ? texts.gantry
   : row.in == In::dex  ? texts.dex
                        : texts.strategies) = row.text;
  return texts;
}

inline std::string_view file_of(In in) {
  return in == In::gantry ? "config/gantry.toml"
         : in == In::dex  ? "config/dex_config.toml"
                          : "config/strategies.toml";
}

inline void check_rows(std::span<const Row> rows) {
  for (const Row& row : rows) {
    const ConfigReport report = errors_of(texts_of(row));
    INFO(row.text);
    INFO(render_text(report, false));
    REQUIRE(report.errors.size() == 1);
    const Diagnostic& error = report.errors.front();
    CHECK(error.file == file_of(row.in));
    CHECK(error.line == row.line);
    CHECK(error.column == row.column);
    if (row.message.ends_with("is not TOML: ")) {
      CHECK(error.message.starts_with(row.message));
    } else {
      CHECK(error.message == row.message);
      CHECK_FALSE(error.expected.empty());
    }
    CHECK(error.suggestion == row.suggestion);
  }
}

}  // namespace gantry::host::test

// A report for people and for programs.
#include <fmt/format.h>

#include <boost/json.hpp>

#include "host/config/load.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;

struct Style {
  std::string_view bold, error, warning, note, caret, off;
};
constexpr Style plain{};
constexpr Style coloured{.bold = "\x1b[1m",
                         .error = "\x1b[1;31m",
                         .warning = "\x1b[1;33m",
                         .note = "\x1b[1;36m",
                         .caret = "\x1b[1;32m",
                         .off = "\x1b[0m"};

std::string place_of(const Diagnostic& diagnostic) {
  if (diagnostic.line == 0) return diagnostic.file;
  return fmt::format("{}:{}:{}", diagnostic.file, diagnostic.line, diagnostic.column);
}

std::size_t characters(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (c & 0xc0) != 0x80 ? 1u : 0u;
  return count;
}

void render(std::string& out, const Diagnostic& diagnostic, const Style& style) {
  const std::string_view colour = diagnostic.severity == Severity::error     ? style.error
                                  : diagnostic.severity == Severity::warning ? style.warning
                                                                             : style.note;
  out += fmt::format("{}{}:{} {}{}:{} {}\n", style.bold, place_of(diagnostic), style.off, colour,
                     to_string(diagnostic.severity), style.off, diagnostic.message);
  if (!diagnostic.source.empty() && diagnostic.column >= 1) {
    out += fmt::format("{:>6} | {}\n", diagnostic.line, diagnostic.source);
    // A fault may stand just behind the last character, as a missing quote does.
    const std::size_t width = characters(diagnostic.source);
    const std::size_t before = std::min<std::size_t>(diagnostic.column - 1, width);
    const std::size_t length =
        std::max<std::size_t>(1, std::min<std::size_t>(diagnostic.length, width - before));
    out += fmt::format("       | {:{}}{}^{:~>{}}{}\n", "", before, style.caret, "", length - 1,
                       style.off);
  }
  const std::string_view lead = diagnostic.severity == Severity::error ? "expected" : "remedy";
  if (!diagnostic.expected.empty()) {
    out += fmt::format("       = {}: {}\n", lead, diagnostic.expected);
  }
  if (!diagnostic.suggestion.empty()) {
    out += fmt::format("       = did you mean `{}`?\n", diagnostic.suggestion);
  }
}

json::array to_json(const std::vector<Diagnostic>& diagnostics) {
  json::array out;
  for (const Diagnostic& diagnostic : diagnostics) {
    out.push_back({{"file", diagnostic.file},
                   {"line", diagnostic.line},
                   {"column", diagnostic.column},
                   {"key", diagnostic.key},
                   {"message", diagnostic.message},
                   {"expected", diagnostic.expected},
                   {"suggestion", diagnostic.suggestion},
                   {"source", diagnostic.source}});
  }
  return out;
}

std::string counted(std::size_t count, std::string_view word) {
  return fmt::format("{} {}{}", count, word, count == 1 ? "" : "s");
}

}  // namespace

std::string render_text(const ConfigReport& report, bool colour) {
  const Style& style = colour ? coloured : plain;
  std::string out;
  for (const auto* list : {&report.errors, &report.warnings, &report.notes}) {
    for (const Diagnostic& diagnostic : *list) render(out, diagnostic, style);
  }
  if (!report.errors.empty() || !report.warnings.empty()) {
    out += fmt::format("{}, {}\n", counted(report.errors.size(), "error"),
                       counted(report.warnings.size(), "warning"));
  }
  return out;
}

std::string render_json(const ConfigReport& report) {
  json::object out;
  out["errors"] = to_json(report.errors);
  out["warnings"] = to_json(report.warnings);
  out["notes"] = to_json(report.notes);
  return json::serialize(out);
}

}  // namespace gantry::host

#include "host/config/document.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <sstream>
#include <tuple>

// toml++ asserts, and in a release build lets the compiler assume, what a malformed file can break
// ("[\a" does) and what it then checks anyway. Its asserts are empty in every build.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "host/config/characters.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::config {
namespace {

constexpr std::size_t quoted_max = 60;
constexpr std::size_t source_characters_max = 240;

Place place_of(const toml::source_region& region) {
  Place place{.at = {region.begin.line, region.begin.column}};
  if (region.end.line == region.begin.line && region.end.column > region.begin.column) {
    place.length = region.end.column - region.begin.column;
  }
  return place;
}

Node convert(const toml::node& from);

void convert_table(const toml::table& table, Node& node) {
  for (const auto& [key, value] : table) {
    node.members.push_back({.key = std::string(key.str()),
                            .key_place = place_of(key.source()),
                            .value = convert(value)});
  }
  // toml++ sorts by name; the order of the file decides ties of priority.
  std::ranges::stable_sort(node.members, {}, [](const Member& member) {
    return std::tuple(member.key_place.at.line, member.key_place.at.column);
  });
}

Node convert(const toml::node& from) {
  Node node;
  node.place = place_of(from.source());
  if (const auto* table = from.as_table()) {
    node.kind = Node::Kind::table;
    convert_table(*table, node);
  } else if (const auto* list = from.as_array()) {
    node.kind = Node::Kind::list;
    for (const toml::node& item : *list) node.items.push_back(convert(item));
  } else if (const auto* text = from.as_string()) {
    node.kind = Node::Kind::text;
    node.text = text->get();
  } else if (const auto* integer = from.as_integer()) {
    node.kind = Node::Kind::integer;
    node.integer = integer->get();
  } else if (const auto* number = from.as_floating_point()) {
    node.kind = Node::Kind::number;
    node.number = number->get();
  } else if (const auto* boolean = from.as_boolean()) {
    node.kind = Node::Kind::boolean;
    node.boolean = boolean->get();
  } else {
    node.kind = Node::Kind::date;
    std::ostringstream written;
    if (const auto* date = from.as_date()) written << date->get();
    if (const auto* time = from.as_date_time()) written << time->get();
    node.text = written.str();
  }
  return node;
}

std::vector<std::string> split_lines(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return lines;
}

std::string remedy(int error) {
  if (error == ENOENT) return "Create it, or name another folder with --config.";
  if (error == EACCES) return "Give yourself the right to read it.";
  return "Check the file.";
}

Document empty_document(const std::filesystem::path& path) {
  Document document;
  document.file = path.string();
  std::error_code error;
  document.folder = std::filesystem::absolute(path, error).parent_path();
  return document;
}

}  // namespace

const Member* Node::find(std::string_view key) const {
  const auto at = std::ranges::find(members, key, &Member::key);
  return at == members.end() ? nullptr : &*at;
}

std::string in_quotes(std::string_view text) {
  std::string shown = mask_keys(printable(text, text.size()));
  if (shown.size() > quoted_max) shown = printable(shown, quoted_max) + "...";
  return fmt::format("\"{}\"", shown);
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::boolean:
      return fmt::format("the boolean {}", node.boolean);
    case Node::Kind::integer:
      return fmt::format("the integer {}", node.integer);
    case Node::Kind::number:
      return fmt::format("the number {}", node.number);
    case Node::Kind::text:
      return fmt::format("the text {}", in_quotes(node.text));
    case Node::Kind::date:
      return "a date or time";
    case Node::Kind::list:
      return fmt::format("a list of {}", node.items.size());
    case Node::Kind::table:
      return "a table";
  }
  return "?";
}

void Diagnostics::add(Severity severity, const Document& document, Place place,
                      std::string_view key, std::string_view message, std::string_view expected,
                      std::string_view suggestion) {
  // Names of files, tables and plugins are others' too.
  Diagnostic diagnostic{.severity = severity,
                        .file = host::printable(document.file),
                        .line = place.at.line,
                        .column = place.at.column,
                        .length = place.length,
                        .source = {},
                        .key = host::printable(key),
                        .message = host::printable(message),
                        .expected = host::printable(expected),
                        .suggestion = host::printable(suggestion)};
  if (place.at.line >= 1 && place.at.line <= document.lines.size() &&
      place.at.column <= source_characters_max) {
    diagnostic.source =
        mask_keys(printable(document.lines[place.at.line - 1], source_characters_max));
  }
  switch (severity) {
    case Severity::error:
      report_.errors.push_back(std::move(diagnostic));
      break;
    case Severity::warning:
      report_.warnings.push_back(std::move(diagnostic));
      break;
    case Severity::note:
      report_.notes.push_back(std::move(diagnostic));
      break;
  }
}

ConfigReport Diagnostics::take() {
  for (auto* list : {&report_.errors, &report_.warnings, &report_.notes}) {
    std::ranges::stable_sort(*list, {}, [](const Diagnostic& diagnostic) {
      return std::tie(diagnostic.file, diagnostic.line, diagnostic.column);
    });
  }
  return std::move(report_);
}

Document read_document(const std::filesystem::path& path, Diagnostics& diagnostics) {
  const Document empty = empty_document(path);
  const auto refuse = [&](std::string_view message) {
    diagnostics.add(Severity::error, empty, {}, {}, message);
    return empty;
  };
  // Non-blocking, so that a pipe under that name cannot hang the host.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    return refuse(fmt::format("cannot be opened: {}. {}", std::strerror(errno), remedy(errno)));
  }
  struct stat status{};
  std::string text;
  std::string reason;
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    reason = S_ISDIR(status.st_mode) ? "is a folder. Name the file itself."
                                     : "is not a regular file. Name a TOML file.";
  } else if (static_cast<std::uint64_t>(status.st_size) > file_bytes_max) {
    reason = fmt::format("is larger than the {} bytes a configuration may have.", file_bytes_max);
  } else {
    text.resize(static_cast<std::size_t>(status.st_size));
    std::size_t filled = 0;
    while (filled < text.size()) {
      const ssize_t got = ::read(fd, text.data() + filled, text.size() - filled);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) reason = fmt::format("cannot be read: {}.", std::strerror(errno));
      if (got <= 0) break;
      filled += static_cast<std::size_t>(got);
    }
    text.resize(filled);
  }
  ::close(fd);
  if (!reason.empty()) return refuse(reason);
  return parse_document(text, path, diagnostics);
}

Document parse_document(std::string_view text, const std::filesystem::path& path,
                        Diagnostics& diagnostics) {
  Document document = empty_document(path);
  if (text.size() > file_bytes_max || std::ranges::count(text, '.') > dots_max) {
    diagnostics.add(Severity::error, document, {}, {}, "is too large for a configuration.");
    return document;
  }
  document.lines = split_lines(text);
  if (const auto fault = find_wrong_character(document.lines)) {
    diagnostics.add(Severity::error, document, {.at = fault->at}, {},
                    fmt::format("is not TOML: {}.", fault->message));
    return document;
  }
  try {
    document.root = convert(toml::parse(text));
    document.parsed = true;
  } catch (const toml::parse_error& error) {
    Place place = place_of(error.source());
    place.length = 1;
    diagnostics.add(Severity::error, document, place, {},
                    mask_keys(printable(fmt::format("is not TOML: {}.", error.description()), 400)),
                    {}, {});
  }
  return document;
}

std::string nearest(std::string_view word, const std::vector<std::string>& known) {
  const auto fold = [](char c) {
    if (c == '-') return '_';
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  // Edits, with two letters swapped as one edit; rows of the table i-2, i-1 and i.
  const auto distance = [&](std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1), last(b.size() + 1), now(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
      now[0] = i;
      for (std::size_t j = 1; j <= b.size(); ++j) {
        const bool same = fold(a[i - 1]) == fold(b[j - 1]);
        now[j] = std::min({last[j] + 1, now[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
        if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
            fold(a[i - 2]) == fold(b[j - 1])) {
          now[j] = std::min(now[j], before[j - 2] + 1);
        }
      }
      std::swap(before, last);
      std::swap(last, now);
    }
    return last[b.size()];
  };
  if (word.size() > 64) return {};
  std::string best;
  std::size_t best_distance = 4;
  for (const std::string& candidate : known) {
    const std::size_t edits = distance(word, candidate);
    const std::size_t allowed =
        std::max<std::size_t>(1, std::max(word.size(), candidate.size()) / 3);
    if (edits <= allowed && edits < best_distance) {
      best = candidate;
      best_distance = edits;
    }
  }
  // A name without its unit or ending, or with one too many: `min_profit` for `min_profit_usd`.
  const auto begins = [](std::string_view longer, std::string_view shorter) {
    return longer.size() > shorter.size() && longer.starts_with(shorter) && shorter.size() >= 3 &&
           (longer[shorter.size()] == '_' || longer.size() - shorter.size() <= 3);
  };
  for (const std::string& candidate : known) {
    if (best.empty() && (begins(candidate, word) || begins(word, candidate))) best = candidate;
  }
  return best;
}

}  // namespace gantry::host::config

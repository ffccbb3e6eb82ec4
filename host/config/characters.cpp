#include "host/config/characters.hpp"

#include <algorithm>

#include "host/report/terminal.hpp"

namespace gantry::host::config {
namespace {

// The bytes of the character that begins the text; 0: it is not UTF-8.
std::size_t character_size(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return 1;
  const std::size_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || size > text.size()) return 0;
  const auto follows = [](char c) { return (c & 0xc0) == 0x80; };
  if (!std::ranges::all_of(text.substr(1, size - 1), follows)) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (lead == 0xe0 && second < 0xa0) || (lead == 0xf0 && second < 0x90);
  const bool beyond = (lead == 0xed && second >= 0xa0) || (lead == 0xf4 && second >= 0x90);
  return overlong || beyond ? 0 : size;
}

// What the scan is inside of; empty: keys, values and punctuation. A quote of a text on several
// lines has three characters.
struct Quoting {
  std::string_view end;
  bool escapes = false;
};

std::string_view quote_at(std::string_view text) {
  for (const std::string_view quote : {"\"\"\"", "'''", "\"", "'"}) {
    if (text.starts_with(quote)) return quote;
  }
  return {};
}

}  // namespace

std::optional<CharacterFault> find_wrong_character(const std::vector<std::string>& lines) {
  Quoting quoting;
  for (std::size_t line = 0; line < lines.size(); ++line) {
    if (quoting.end.size() == 1) quoting = {};  // not ended within its line: toml++ tells
    bool comment = false;
    std::uint32_t column = 1;
    std::string_view rest = lines[line];
    const auto skip = [&](std::size_t bytes) {
      rest.remove_prefix(bytes);
      column += static_cast<std::uint32_t>(bytes);
    };
    while (!rest.empty()) {
      const Position at{static_cast<std::uint32_t>(line + 1), column};
      const std::size_t size = character_size(rest);
      if (size == 0) return CharacterFault{at, "a byte here is not UTF-8"};
      if (size > 1) {
        if (!comment && quoting.end.empty()) {
          return CharacterFault{at, "a character here must stand in quotes or in a comment"};
        }
        rest.remove_prefix(size);
        ++column;
        continue;
      }
      const bool in_text = !quoting.end.empty();
      if (in_text && quoting.escapes && rest[0] == '\\' && rest.size() > 1 && rest[1] > 0) {
        skip(2);
      } else if (in_text && rest.starts_with(quoting.end)) {
        skip(quoting.end.size());
        // Up to two quotes more may stand before the three that end it.
        if (quoting.end.size() == 3) {
          for (int i = 0; i < 2 && rest.starts_with(quoting.end[0]); ++i) skip(1);
        }
        quoting = {};
      } else if (const std::string_view quote = quote_at(rest);
                 !comment && !in_text && !quote.empty()) {
        quoting = {quote, quote[0] == '"'};
        skip(quote.size());
      } else {
        comment |= !in_text && rest[0] == '#';
        skip(1);
      }
    }
  }
  return std::nullopt;
}

// One column for each character: what a terminal must not be shown becomes one '?', a tab a blank.
std::string printable(std::string_view text, std::size_t characters_max) {
  std::string out;
  std::size_t characters = 0;
  for (; !text.empty() && characters < characters_max; ++characters) {
    const std::size_t size = character_size(text);
    if (text[0] == '\t') {
      out.push_back(' ');
    } else if (size == 0) {
      out.push_back('?');
    } else {
      out += host::printable(text.substr(0, size));
    }
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

}  // namespace gantry::host::config

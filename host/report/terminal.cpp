#include "host/report/terminal.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace gantry::host {
namespace {

constexpr char32_t no_character = 0xFFFFFFFF;

// Decodes one character at `at` and steps over it; over one byte where there is none.
char32_t take_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at++);
  if (first < 0x80) return first;
  const int more = first >= 0xF0 && first < 0xF5 ? 3 : first >= 0xE0 ? 2 : first >= 0xC2 ? 1 : 0;
  if (more == 0 || first >= 0xF5 || at + static_cast<std::size_t>(more) > text.size()) {
    return no_character;
  }
  char32_t value = first & (0x3FU >> more);
  for (int i = 0; i < more; ++i) {
    const unsigned char next = byte(at + static_cast<std::size_t>(i));
    if ((next & 0xC0U) != 0x80U) return no_character;
    value = (value << 6U) | (next & 0x3FU);
  }
  constexpr std::array<char32_t, 4> least = {0, 0x80, 0x800, 0x10000};
  if (value < least[static_cast<std::size_t>(more)] || value > 0x10FFFF) return no_character;
  at += static_cast<std::size_t>(more);
  return value;
}

struct Range {
  char32_t first;
  char32_t last;
};

bool within(const auto& ranges, char32_t c) {
  return std::ranges::any_of(ranges, [c](const Range& r) { return c >= r.first && c <= r.last; });
}

// Controls, spaces other than ' ', what joins or combines, what reorders, what has no meaning.
constexpr std::array<Range, 27> unprintable = {
    {{0x0, 0x1F},        {0x7F, 0xA0},      {0xAD, 0xAD},     {0x300, 0x36F},   {0x483, 0x489},
     {0x590, 0x8FF},     {0x115F, 0x1160},  {0x1680, 0x1680}, {0x17B4, 0x17B5}, {0x180B, 0x180F},
     {0x1AB0, 0x1AFF},   {0x1DC0, 0x1DFF},  {0x2000, 0x200F}, {0x2028, 0x202F}, {0x205F, 0x206F},
     {0x20D0, 0x20FF},   {0x3000, 0x3000},  {0x3164, 0x3164}, {0xD800, 0xF8FF}, {0xFB1D, 0xFDFF},
     {0xFE00, 0xFE0F},   {0xFE20, 0xFE2F},  {0xFE70, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFF},
     {0x10800, 0x10FFF}, {0x1E800, 0x1EFFF}}};
constexpr std::array<Range, 9> wide = {{{0x1100, 0x115E},
                                        {0x2E80, 0x303E},
                                        {0x3041, 0xA4CF},
                                        {0xAC00, 0xD7A3},
                                        {0xF900, 0xFAFF},
                                        {0xFE30, 0xFE6F},
                                        {0xFF00, 0xFF60},
                                        {0xFFE0, 0xFFE6},
                                        {0x1F300, 0x1FAFF}}};

bool is_printable(char32_t c) { return c < 0x20000 && !within(unprintable, c); }
std::size_t columns_of(char32_t c) { return within(wide, c) ? 2 : 1; }

std::string group(std::string_view digits) {
  std::string out;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i != 0 && (digits.size() - i) % 3 == 0) out += ',';
    out += digits[i];
  }
  return out;
}

bool is_decimal(std::string_view text) {
  if (text.starts_with('-')) text.remove_prefix(1);
  const auto dots = std::ranges::count(text, '.');
  return !text.empty() && text.front() != '.' && text.back() != '.' && dots <= 1 &&
         std::ranges::all_of(text, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

std::string_view drop_zeros(std::string_view digits) {
  const auto first = digits.find_first_not_of('0');
  return first == std::string_view::npos ? std::string_view("0") : digits.substr(first);
}

}  // namespace

std::string printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = at;
    if (is_printable(take_character(text, at))) {
      out += text.substr(begin, at - begin);
    } else {
      out += '?';
    }
  }
  return out;
}

std::string short_symbol(std::string_view symbol) {
  std::string out;
  for (const char c : symbol) out += c > ' ' && c < 0x7F ? c : '?';
  return out.empty() ? "?" : cut_to(out, 16);
}

std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < text.size();) width += columns_of(take_character(text, at));
  return width;
}

std::string cut_to(std::string_view text, std::size_t columns) {
  if (width_of(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  std::size_t width = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t next = at;
    const std::size_t more = columns_of(take_character(text, next));
    if (width + more > columns - 1) break;
    width += more;
    at = next;
  }
  return std::string(text.substr(0, at)) + "…";
}

std::string cut_middle(std::string_view text, std::size_t columns) {
  if (width_of(text) <= columns) return std::string(text);
  if (columns < 3) return cut_to(text, columns);
  const std::size_t tail = (columns - 1) / 2;
  std::size_t at = 0;
  for (std::size_t left = width_of(text); left > tail;)
    left -= columns_of(take_character(text, at));
  return cut_to(text, columns - tail) + std::string(text.substr(at));
}

std::vector<std::string> wrap(std::string_view text, std::size_t columns) {
  std::vector<std::string> lines;
  std::string line;
  while (!text.empty()) {
    const std::size_t space = text.find(' ');
    std::string word(text.substr(0, space));
    text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    if (!line.empty() && width_of(line) + 1 + width_of(word) > columns) {
      lines.push_back(std::move(line));
      line.clear();
    }
    while (width_of(word) > columns) {  // longer than a line: it is broken where it has to be
      std::size_t at = 0;
      for (std::size_t width = 0; width < columns && at < word.size();) {
        std::size_t next = at;
        width += columns_of(take_character(word, next));
        if (width > columns) break;
        at = next;
      }
      if (at == 0) break;
      lines.push_back(word.substr(0, at));
      word.erase(0, at);
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  if (!line.empty() || lines.empty()) lines.push_back(std::move(line));
  return lines;
}

std::string short_decimal(std::string_view decimal, std::size_t digits) {
  if (!is_decimal(decimal)) return cut_to(printable(decimal), 24);
  const bool negative = decimal.starts_with('-');
  if (negative) decimal.remove_prefix(1);
  const std::size_t dot = std::min(decimal.find('.'), decimal.size());
  const std::string_view whole = drop_zeros(decimal.substr(0, dot));
  std::string_view fraction = dot < decimal.size() ? decimal.substr(dot + 1) : std::string_view();
  const std::string sign = negative ? "-" : "";
  if (whole.size() > 15) {  // more than a quadrillion: the power of ten tells more
    return fmt::format("{}{}.{}e{}", sign, whole[0], whole.substr(1, digits > 1 ? digits - 1 : 1),
                       whole.size() - 1);
  }
  std::size_t kept = whole.size() >= digits ? 0 : digits - whole.size();
  if (whole == "0") {
    const std::size_t zeros = std::min(fraction.find_first_not_of('0'), fraction.size());
    kept = zeros + digits;
  }
  fraction = fraction.substr(0, std::min(kept, fraction.size()));
  while (fraction.ends_with('0')) fraction.remove_suffix(1);
  const std::string out = sign + group(whole);
  return fraction.empty() ? out : out + "." + std::string(fraction);
}

std::string short_number(double value, int decimals) {
  if (!std::isfinite(value)) return "-";
  if (std::abs(value) >= 1e15) return fmt::format("{:.3e}", value);
  const std::string text = fmt::format("{:.{}f}", std::abs(value), decimals);
  const std::size_t dot = std::min(text.find('.'), text.size());
  const bool zero = text.find_first_not_of("0.") == std::string::npos;
  return (value < 0 && !zero ? "-" : "") + group(text.substr(0, dot)) + text.substr(dot);
}

std::string grouped(std::uint64_t value) { return group(fmt::format("{}", value)); }

std::string counted(std::uint64_t count, std::string_view noun) {
  return fmt::format("{} {}{}", grouped(count), noun, count == 1 ? "" : "s");
}

std::string Style::operator()(Ink ink, std::string_view text) const {
  constexpr std::array<std::string_view, 6> codes = {"", "1", "2", "32", "33", "31"};
  const std::string_view code = codes[static_cast<std::size_t>(ink)];
  if (!colour_ || code.empty() || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Table::add(std::vector<Cell> cells) {
  cells.resize(columns_.size());
  for (Cell& cell : cells) cell.text = printable(cell.text);
  rows_.push_back({std::move(cells), false});
}

void Table::add_note(const std::string& text, Ink ink) {
  rows_.push_back({{{printable(text), ink}}, true});
}

std::vector<std::size_t> Table::widths(std::size_t columns) const {
  std::vector<std::size_t> widths;
  std::size_t sum = 0;
  std::size_t flexible = columns_.size();
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t width = width_of(columns_[i].heading);
    for (const Row& row : rows_) {
      if (!row.note) width = std::max(width, width_of(row.cells[i].text));
    }
    widths.push_back(width);
    sum += width + 2;
    if (columns_[i].gives_way) flexible = i;
  }
  if (sum > columns) {
    // The column that may give way first, then the widest, until the row fits.
    std::size_t over = sum - columns;
    while (over > 0) {
      std::size_t victim = flexible;
      if (victim >= widths.size() || widths[victim] <= 8) {
        victim = static_cast<std::size_t>(std::ranges::max_element(widths) - widths.begin());
      }
      if (widths[victim] <= 1) break;
      --widths[victim];
      --over;
    }
  }
  return widths;
}

std::string Table::text(const Style& style, std::size_t columns) const {
  const std::vector<std::size_t> sizes = widths(columns);
  std::string out;
  const auto line = [&](const std::vector<Cell>& cells) {
    std::string text;
    std::size_t pending = 0;  // spaces owed: none are written at a line's end
    for (std::size_t i = 0; i < cells.size(); ++i) {
      const std::string cell = cut_to(cells[i].text, sizes[i]);
      const std::size_t gap = sizes[i] - std::min(sizes[i], width_of(cell));
      const bool right = columns_[i].align == Align::right;
      pending += 2 + (right ? gap : 0);
      if (!cell.empty()) {
        text += std::string(pending, ' ') + style(cells[i].ink, cell);
        pending = 0;
      }
      pending += right ? 0 : gap;
    }
    out += text + "\n";
  };
  std::vector<Cell> headings;
  for (const Column& column : columns_) headings.push_back({column.heading, Ink::dim});
  line(headings);
  for (const Row& row : rows_) {
    if (!row.note) {
      line(row.cells);
      continue;
    }
    const std::size_t indent = 2 + (sizes.empty() ? 0 : sizes[0] + 2);
    out += std::string(indent, ' ') +
           style(row.cells[0].ink, cut_to(row.cells[0].text, columns - indent)) + "\n";
  }
  return out;
}

}  // namespace gantry::host

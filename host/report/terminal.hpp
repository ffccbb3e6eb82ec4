// Text as a terminal may be shown it: nothing that came from a chain, a plugin or a file can move
// the cursor, colour, hide or reorder what stands around it.
//
// UNITS    Widths are terminal columns.
// THREADS  Pure functions: any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::host {

// What every terminal has; a wider one is not filled.
inline constexpr std::size_t terminal_columns = 80;

// UTF-8 with every control, bidirectional, invisible, combining or private character, and every
// byte that is no UTF-8, replaced by '?'. Tabs and line ends are controls.
std::string printable(std::string_view text);
// A token's symbol: printable ASCII without spaces, else '?'; at most 16 columns.
std::string short_symbol(std::string_view symbol);

// Of printable text.
std::size_t width_of(std::string_view text);
// At most `columns`; what was cut is one '…' at the end.
std::string cut_to(std::string_view text, std::size_t columns);
// The middle is cut: the ends of an address or a path tell more.
std::string cut_middle(std::string_view text, std::size_t columns);
// Lines of at most `columns`, broken at spaces where there are any.
std::vector<std::string> wrap(std::string_view text, std::size_t columns);

// A decimal number shortened towards zero to `digits` significant digits, thousands grouped. What
// is no plain decimal number comes back printable and cut.
std::string short_decimal(std::string_view decimal, std::size_t digits = 6);
// "-" for what is not finite.
std::string short_number(double value, int decimals);
std::string grouped(std::uint64_t value);
// "1 pool", "2 pools", thousands grouped.
std::string counted(std::uint64_t count, std::string_view noun);

enum class Ink : std::int32_t { plain = 0, bold = 1, dim = 2, good = 3, warning = 4, bad = 5 };

// Wraps text in ANSI colour, or leaves it alone.
class Style {
 public:
  explicit Style(bool colour) : colour_(colour) {}
  std::string operator()(Ink ink, std::string_view text) const;
  bool colour() const { return colour_; }

 private:
  bool colour_;
};

enum class Align : std::int32_t { left = 0, right = 1 };

// Rows of cells in columns as wide as they need, together at most `columns`: the column that may
// give way is cut.
class Table {
 public:
  struct Column {
    std::string heading;
    Align align = Align::left;
    bool gives_way = false;  // at most one
  };
  struct Cell {
    std::string text;  // made printable
    Ink ink = Ink::plain;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as columns.
  void add(std::vector<Cell> cells);
  // A line of its own below the row before, indented as the second column.
  void add_note(const std::string& text, Ink ink = Ink::dim);
  bool empty() const { return rows_.empty(); }
  std::string text(const Style& style, std::size_t columns = terminal_columns) const;

 private:
  struct Row {
    std::vector<Cell> cells;  // one alone: a note
    bool note = false;
  };
  std::vector<std::size_t> widths(std::size_t columns) const;

  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace gantry::host

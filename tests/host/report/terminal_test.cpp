#include "host/report/terminal.hpp"

#include <catch2/catch.hpp>
#include <limits>

using namespace gantry::host;

TEST_CASE("nothing from a chain can move the cursor, colour or reorder the terminal") {
  CHECK(printable("\x1b[31mRED\x1b[0m") == "?[31mRED?[0m");
  CHECK(printable("a\tb\nc\rd") == "a?b?c?d");
  CHECK(printable("\u202Eevil\u2066") == "?evil?");
  CHECK(printable("zero\u200Bwidth\uFEFF") == "zero?width?");
  CHECK(printable("\u009B31m") == "?31m");
  CHECK(printable("e\u0301") == "e?");
}

TEST_CASE("printable text keeps what is safe and replaces each broken byte") {
  CHECK(printable("WETH → DAI × 3") == "WETH → DAI × 3");
  CHECK(printable("日本") == "日本");
  CHECK(printable("\xC0\xAF") == "??");
  CHECK(printable("\xE2\x82") == "??");
  CHECK(printable("\xED\xA0\x80") == "?");  // one half of a surrogate pair
  CHECK(printable("\xF8\x88\x80\x80\x80") == "?????");
}

TEST_CASE("a symbol is ASCII without spaces, never empty, and bounded") {
  CHECK(short_symbol("WETH") == "WETH");
  CHECK(short_symbol("") == "?");
  CHECK(short_symbol("US DC") == "US?DC");
  CHECK(short_symbol("U\u0405DC") == "U??DC");
  CHECK(width_of(short_symbol(std::string(100, 'x'))) == 16);
}

TEST_CASE("cutting counts columns and leaves whole characters") {
  CHECK(cut_to("abcdef", 6) == "abcdef");
  CHECK(cut_to("abcdefg", 6) == "abcde…");
  CHECK(cut_to("日本語", 4) == "日…");
  CHECK(cut_middle("0x1234567890abcdef", 9) == "0x12…cdef");
  CHECK(cut_to("abc", 0).empty());
}

TEST_CASE("wrapped lines are no longer than asked and lose nothing but spaces") {
  const std::string text = "one two three " + std::string(25, 'x') + " four";
  std::string joined;
  for (const std::string& line : wrap(text, 10)) {
    CHECK(width_of(line) <= 10);
    for (const char c : line) {
      if (c != ' ') joined += c;
    }
  }
  CHECK(joined == "onetwothree" + std::string(25, 'x') + "four");
  CHECK(wrap("", 10) == std::vector<std::string>{""});
}

TEST_CASE("a decimal is shortened towards zero and never rounded up") {
  CHECK(short_decimal("12.500000000000000000") == "12.5");
  CHECK(short_decimal("0.999999999") == "0.999999");
  CHECK(short_decimal("-1234567.89") == "-1,234,567");
  CHECK(short_decimal("0.000000000123456789") == "0.000000000123456");
  CHECK(short_decimal("12345678901234567890") == "1.23456e19");
  CHECK(short_decimal("0") == "0");
  CHECK(short_decimal("000.5") == "0.5");
  CHECK(short_decimal("1.2.3") == "1.2.3");
  CHECK(short_decimal("\x1b[2J") == "?[2J");
}

TEST_CASE("numbers have thousands grouped, and what is not finite is a dash") {
  CHECK(short_number(1234567.891, 2) == "1,234,567.89");
  CHECK(short_number(-0.001, 2) == "0.00");
  CHECK(short_number(std::numeric_limits<double>::quiet_NaN(), 2) == "-");
  CHECK(short_number(std::numeric_limits<double>::infinity(), 2) == "-");
  CHECK(short_number(1e300, 2) == "1.000e+300");
  CHECK(counted(1, "pool") == "1 pool");
  CHECK(counted(10704, "pool") == "10,704 pools");
}

TEST_CASE("a table fits the terminal whatever is in it") {
  Table table({{"n", Align::right}, {"text", Align::left, true}, {"end"}});
  table.add({{"1"}, {std::string(300, 'x')}, {"here"}});
  table.add({{"22"}, {"short"}, {""}});
  table.add_note(std::string(200, 'y'));
  const std::string text = table.text(Style(false), 60);
  std::size_t lines = 0;
  for (std::size_t begin = 0; begin < text.size(); ++lines) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    CHECK(width_of(line) <= 60);
    CHECK_FALSE(line.ends_with(' '));
    begin = end + 1;
  }
  CHECK(lines == 4);
  CHECK(text.find("here") != std::string::npos);
}

TEST_CASE("without colour a style leaves the text alone") {
  CHECK(Style(false)(Ink::bad, "x") == "x");
  CHECK(Style(true)(Ink::bad, "x") == "\x1b[31mx\x1b[0m");
  CHECK(Style(true)(Ink::bad, "").empty());
}

// One TOML file as a tree that knows where each word stands. Internal to host/config; document.cpp
// is the only file that includes toml++.
//
// UNITS  Lines and columns count from 1; columns are characters, not bytes.
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "host/config/load.hpp"

namespace gantry::host::config {

inline constexpr std::uint64_t file_bytes_max = 1u << 20;
// Every dotted key is a nested table: bounds the depth of the tree, which is walked recursively.
inline constexpr std::int64_t dots_max = 5000;

struct Position {
  std::uint32_t line = 0;  // 0: the file as a whole
  std::uint32_t column = 0;
};

struct Place {
  Position at;
  std::uint32_t length = 1;
};

struct Member;

struct Node {
  enum class Kind { boolean, integer, number, text, date, list, table };
  Kind kind = Kind::table;
  Place place;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;
  std::string text;             // of a date or time too, as TOML writes it
  std::vector<Node> items;      // of a list
  std::vector<Member> members;  // of a table, in the order of the file

  const Member* find(std::string_view key) const;  // or nullptr
};

struct Member {
  std::string key;
  Place key_place;
  Node value;
};

// As "the integer 4", "the text \"four\"": shortened, masked and printable.
std::string describe(const Node& node);
// Text between quotes for a message: shortened, masked and printable.
std::string in_quotes(std::string_view text);

struct Document {
  std::string file;
  std::filesystem::path folder;  // that paths in it are relative to
  std::vector<std::string> lines;
  Node root;
  bool parsed = false;  // false: the fault is in the diagnostics, the root is empty
};

// Collects what is wrong, masks what must not be shown, replaces what a terminal must not be shown.
class Diagnostics {
 public:
  void add(Severity severity, const Document& document, Place place, std::string_view key,
           std::string_view message, std::string_view expected = {},
           std::string_view suggestion = {}, std::string_view variable = {});
  bool has_errors() const { return !report_.errors.empty(); }
  ConfigReport take();  // in the order of file, line and column

 private:
  ConfigReport report_;
};

Document read_document(const std::filesystem::path& path, Diagnostics& diagnostics);
Document parse_document(std::string_view text, const std::filesystem::path& path,
                        Diagnostics& diagnostics);

// The word of `known` that was probably meant; empty when none is near.
std::string nearest(std::string_view word, const std::vector<std::string>& known);

}  // namespace gantry::host::config

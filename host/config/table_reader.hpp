// Reads one TOML table into one settings struct, and notes every key it met or missed, so that the
// unknown ones can be told from the known. Internal to host/config.
#pragma once
#include <array>
#include <cstdint>
#include <expected>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/config/document.hpp"
#include "host/config/load.hpp"

namespace gantry::host::config {

// What all readers of one load share.
struct Loading {
  Diagnostics diagnostics;
  std::vector<EffectiveKey> keys;
  const Node no_table;  // stands for a section that is absent: every key has its default
};

struct Problem {
  std::string message;   // continues the key's name, as "is above the maximum"
  std::string expected;  // as "an integer from 0 to 10000 bps"
  std::string suggestion;
  std::string variable = {};  // of the environment, where that it is not set is all
};

// The TOML value as one of the schema's type, range and choices.
std::expected<ParameterValue, Problem> convert(const Node& node, const ParameterSchema& schema);
std::string expectation(const ParameterSchema& schema);

// One key of the host's own. Unit and help are what `config explain` prints.
struct Field {
  std::string_view key;
  std::string_view help;
  std::string_view unit = {};
  double min = 0;
  double max = std::numeric_limits<double>::infinity();
};

class TableReader {
 public:
  // All three outlive the reader. `path` names the table, as "risk"; empty for a whole file.
  TableReader(Loading& loading, const Document& document, const Node& table, std::string path)
      : loading_(loading), document_(document), table_(table), path_(std::move(path)) {}

  // Each takes the key's value into `out`, or leaves its default and records the fault.
  void boolean(const Field& field, bool& out);
  void integer(const Field& field, std::int64_t& out);
  void integer(const Field& field, std::optional<std::int64_t>& out);
  void number(const Field& field, double& out);
  void text(const Field& field, std::string& out);
  void path(const Field& field, std::filesystem::path& out);
  void paths(const Field& field, std::vector<std::filesystem::path>& out);
  // A list of texts, where it is given; `fault_of` says what is wrong with one.
  void words(const Field& field, std::string_view example,
             const std::function<std::optional<std::string>(std::string_view)>& fault_of,
             std::optional<std::vector<std::string>>& out);
  void address(const Field& field, std::string_view chain, gantry_address& out);
  void addresses(const Field& field, std::string_view chain, std::vector<gantry_address>& out);
  void url(const Field& field, TemplatedUrl& out, bool in_use, const Environment& environment);
  template <class Enum, std::size_t count>
  void choice(const Field& field, const std::array<Enum, count>& values, Enum& out) {
    std::vector<std::string> names;
    for (const Enum value : values) names.emplace_back(to_string(value));
    if (const auto index = choice_index(field, std::move(names), std::string(to_string(out)))) {
      out = values[*index];
    }
  }
  // A name of 1 to 64 letters, digits, '_', '-' and '.', which must be there: false if it is not.
  bool name(const Field& field, std::string& out);

  // The tables of [[key]], or of [key]: an empty one where it is absent or of another kind. Those
  // of a misspelt header too, which refuse_unknown() refuses.
  std::vector<const Node*> tables(std::string_view key);
  const Node& table(std::string_view key);

  // For keys that are read elsewhere.
  const Member* take(std::string_view key);
  void record(std::string_view key, std::string_view value, std::string_view unit,
              std::string_view help, const Member* member, bool of_plugin);
  void fault(Severity severity, Place place, std::string_view key, const Problem& problem);
  bool is_faulty(std::string_view key) const;
  std::vector<const Member*> not_taken() const;
  // Every key that was not taken is an error; `others` are known besides those that were.
  void refuse_unknown(const std::vector<std::string>& others = {});

  void set_path(std::string path) { path_ = std::move(path); }
  const std::string& path() const { return path_; }
  const Node& node() const { return table_; }
  const Document& document() const { return document_; }
  Loading& loading() { return loading_; }
  const std::vector<std::string>& known() const { return known_; }

 private:
  std::optional<std::size_t> choice_index(const Field& field, std::vector<std::string> names,
                                          std::string current);
  std::optional<ParameterValue> value(const Field& field, ParameterType type, const Member*& member,
                                      std::vector<std::string> choices = {});
  std::string full(std::string_view key) const;
  const Member* take_section(std::string_view key);

  Loading& loading_;
  const Document& document_;
  const Node& table_;
  std::string path_;
  std::vector<std::string> known_;
  std::vector<std::string> faulty_;
};

// A literal key where ${NAME} should stand; nullopt: none.
std::optional<Problem> literal_key(std::string_view text, ParameterType type);

}  // namespace gantry::host::config

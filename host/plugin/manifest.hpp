// A plugin's manifest: who it is, what it implements and which parameters it takes. It lies in the
// ELF section `.gantry_manifest` and is read without loading the library, so it is known before
// any code of the plugin can run.
//
// The section holds: the 8 bytes "GANTRYM1", a little-endian uint32 length, that many bytes of
// JSON.
//
// ERRORS   ErrorKind::io and ErrorKind::format; the message names the file, the reason and the
//          remedy. Unknown members at the top level are ignored, so that later SDKs may add to
//          it; an unknown member of a parameter is an error: a constraint must not go unchecked.
// THREADS  Any thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "gantry/abi.h"
#include "host/base/result.hpp"
#include "host/plugin/elf_file.hpp"

namespace gantry::host {

inline constexpr std::string_view manifest_section = ".gantry_manifest";
inline constexpr std::string_view manifest_magic = "GANTRYM1";
inline constexpr std::uint32_t manifest_bytes_max = 256u << 10;
inline constexpr std::size_t manifest_parameters_max = 256;
inline constexpr std::string_view plugin_entry_symbol = "gantry_plugin";

enum class PluginKind : std::int32_t { dex = 1, strategy = 2, paymaster = 3 };
std::string_view to_string(PluginKind kind);

enum class ParameterType : std::int32_t {
  boolean = 1,
  integer = 2,  // signed, 64 bit
  number = 3,   // finite double
  string = 4,   // may hold ${NAME}, resolved from the environment when it is used
  choice = 5,   // "enum" in JSON: one of `choices`
  secret = 6,   // a string that must come from the environment
  amount = 7,   // unsigned 256 bit: an integer, or its decimal digits in a string
};
std::string_view to_string(ParameterType type);  // as the JSON spells it

// choice, string and secret are std::string. ${NAME} is kept as it is written: what is held here
// may be printed, what it stands for may not (see config/secret.hpp).
using ParameterValue = std::variant<bool, std::int64_t, double, std::string, gantry_amount>;
std::string to_string(const ParameterValue& value);  // as TOML writes it

// Decimal digits alone; nullopt for anything else and from 2^256 on.
std::optional<gantry_amount> parse_amount(std::string_view digits);
std::string amount_to_text(const gantry_amount& amount);

struct ParameterSchema;
// What keeps the value outside the schema's range or choices, as "is above the maximum of 10 bps";
// nullopt: nothing. The value must be of the schema's type.
std::optional<std::string> out_of_schema(const ParameterSchema& schema,
                                         const ParameterValue& value);

struct ParameterSchema {
  std::string name;
  ParameterType type = ParameterType::string;
  std::optional<ParameterValue> default_value;  // always, unless required; never of a secret
  std::string unit;                             // as "bps", "hours"; empty: a bare number
  std::optional<double> min;                    // both inclusive; exact up to 2^53
  std::optional<double> max;
  std::vector<std::string> choices;
  bool required = false;  // has to be in the TOML; an optional secret left out is ""
  std::string help;       // one line
};

struct Toolchain {
  std::string compiler;  // as "GNU 12.2.0"
  std::string stdlib;    // as "libstdc++"
  std::string sdk;       // as "0.1.0"
};

struct Manifest {
  std::string id;       // reverse domain name, as "org.gantry.uniswap_v2"
  std::string name;     // snake_case, as "uniswap_v2"; what `plugin = ` and `name = ` say
  std::string version;  // major.minor.patch
  PluginKind kind = PluginKind::dex;
  std::vector<std::string> interfaces;  // as "gantry.dex/1"
  std::string licence;                  // SPDX
  std::string summary;                  // one line
  std::vector<ParameterSchema> parameters;
  Toolchain toolchain;

  const ParameterSchema* find_parameter(std::string_view name) const;  // or nullptr
};

// All that is known of a library without running it.
struct PluginFile {
  std::filesystem::path path;
  std::string sha256;  // hex, of the very bytes the rest was read from
  std::uint64_t size_bytes = 0;
  Manifest manifest;
  ElfFacts elf;

  bool exports_entry() const;  // plugin_entry_symbol is among the exports
};

// `file` is what the errors call it.
Result<Manifest> parse_manifest_json(std::string_view json, std::string_view file);
// The section's bytes, magic and length included.
Result<Manifest> parse_manifest_section(std::span<const std::byte> section, std::string_view file);
Result<Manifest> read_manifest(const std::filesystem::path& path);
std::string manifest_to_json(const Manifest& manifest);

// read_manifest and the ELF facts. A library without the entry symbol is still described: the
// loader refuses it, the inspector says so.
Result<PluginFile> inspect_plugin_file(const std::filesystem::path& path);
// The same of bytes that are in memory already; `path` is what they are called.
Result<PluginFile> inspect_plugin_bytes(std::vector<std::byte> bytes,
                                        const std::filesystem::path& path, Machines machines);

struct PluginScan {
  std::vector<PluginFile> plugins;  // in the order of the folders, then by file name
  std::vector<Error> refused;       // files named *.so that are no plugins, folders not readable
};
// Every *.so directly inside the folders. `remedy` is told of a folder that cannot be read.
PluginScan scan_plugin_folders(const std::vector<std::filesystem::path>& folders,
                               std::string_view remedy = "Correct `folders` in [plugins].");

}  // namespace gantry::host

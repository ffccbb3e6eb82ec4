#include "host/risk/store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <system_error>

#include "host/base/durable_file.hpp"
#include "host/base/user_folders.hpp"

namespace gantry::host {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view halted_name = "HALTED";
constexpr std::string_view state_suffix = ".state";
constexpr std::size_t state_bytes_max = 1U << 20U;

Result<std::string> read_state(const fs::path& path) {
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    return fail(ErrorKind::io, fmt::format("{}: is no file", path.string()));
  }
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (!file.good() && !file.eof()) {
    return fail(ErrorKind::io, fmt::format("{}: cannot be read", path.string()));
  }
  if (text.size() > state_bytes_max) {
    return fail(ErrorKind::format, fmt::format("{}: is too large", path.string()));
  }
  return text;
}

}  // namespace

std::optional<fs::path> risk_folder(const fs::path& configured, const Environment& environment) {
  if (!configured.empty()) return configured;
  const auto state = user_state_folder(environment);
  return state ? std::optional(*state / "risk") : std::nullopt;
}

Result<RiskStore> RiskStore::open(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) {
    return fail(ErrorKind::io,
                fmt::format("{}: breakers cannot be kept there: {}; set `state` in [risk] to a "
                            "folder that this user may write to",
                            folder.string(), error.message()));
  }
  return RiskStore(folder);
}

std::optional<std::uint64_t> RiskStore::halted() const {
  const fs::path path = folder_ / halted_name;
  std::error_code error;
  const auto type = fs::symlink_status(path, error).type();
  if (type == fs::file_type::not_found) return std::nullopt;
  // Whatever else is there under that name, or keeps us from looking: trading is stopped.
  std::uint64_t since_s = 0;
  if (const auto text = read_state(path)) {
    (void)std::from_chars(text->data(), text->data() + text->size(), since_s);
  }
  return since_s;
}

Status RiskStore::halt(std::uint64_t now_s) const {
  return write_durably(folder_ / halted_name,
                       fmt::format("{} by gantry stop; gantry resume lifts it\n", now_s));
}

Status RiskStore::lift() const { return remove_durably(folder_ / halted_name); }

Result<std::string> RiskStore::read(std::string_view chain) const {
  const fs::path path = file_of(chain);
  std::error_code error;
  if (fs::symlink_status(path, error).type() == fs::file_type::not_found) return std::string();
  return read_state(path);
}

Status RiskStore::write(std::string_view chain, std::string_view text) const {
  return write_durably(file_of(chain), text);
}

// A chain's id has letters, digits, '-', '_' and one ':', which some file systems do not take.
fs::path RiskStore::file_of(std::string_view chain) const {
  std::string name(chain);
  std::ranges::replace(name, ':', '.');
  return folder_ / (name + std::string(state_suffix));
}

std::vector<std::string> RiskStore::chains() const {
  std::vector<std::string> all;
  std::error_code error;
  for (const auto& file : fs::directory_iterator(folder_, error)) {
    if (file.path().extension() != state_suffix) continue;
    std::string name = file.path().stem().string();
    if (const std::size_t dot = name.find('.'); dot != std::string::npos) name[dot] = ':';
    all.push_back(std::move(name));
  }
  std::ranges::sort(all);
  return all;
}

}  // namespace gantry::host

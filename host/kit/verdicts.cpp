#include "host/kit/verdicts.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>

#include "host/base/user_folders.hpp"
#include "host/config/secret.hpp"

namespace gantry::host {

namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

constexpr std::uintmax_t verdict_bytes_max = 64U << 10U;

// A name of a file: nothing but what a hash is made of.
bool is_hash(std::string_view text) {
  return text.size() == 64 && std::ranges::all_of(text, [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

}  // namespace

Result<fs::path> verdict_folder() {
  if (const auto state = user_state_folder(process_environment())) return *state / "verdicts";
  return fail(ErrorKind::io,
              "there is no folder to keep verdicts in: set XDG_STATE_HOME or HOME to one");
}

Verdict verdict_of(const KitReport& report) {
  Verdict verdict{report.sha256, kit_version, report.seed, report.passed(), 0, {}, {}};
  verdict.checks_skipped = static_cast<std::uint64_t>(
      std::ranges::count(report.checks, CheckStatus::skipped, &CheckResult::status));
  if (const CheckResult* failure = report.first_failure()) {
    verdict.check = failure->name;
    verdict.reason = failure->what;
  }
  return verdict;
}

Status keep_verdict(const Verdict& verdict) {
  const auto folder = verdict_folder();
  if (!folder) return std::unexpected(folder.error());
  std::error_code error;
  fs::create_directories(*folder, error);
  const fs::path target = *folder / (verdict.sha256 + ".json");
  const fs::path draft = *folder / fmt::format("{}.{}.tmp", verdict.sha256, ::getpid());
  const json::value text = {{"sha256", verdict.sha256},
                            {"kit", verdict.kit},
                            {"seed", std::to_string(verdict.seed)},
                            {"passed", verdict.passed},
                            {"checks_skipped", verdict.checks_skipped},
                            {"check", verdict.check},
                            {"reason", verdict.reason}};
  {
    std::ofstream file(draft, std::ios::binary);
    file << json::serialize(text) << "\n";
    file.close();
    if (!file) {
      fs::remove(draft, error);
      return fail(ErrorKind::io, fmt::format("{}: the verdict cannot be written; set "
                                             "XDG_STATE_HOME to a folder that can",
                                             folder->string()));
    }
  }
  fs::rename(draft, target, error);
  if (error) {
    const std::string reason = error.message();
    fs::remove(draft, error);
    return fail(ErrorKind::io, fmt::format("{}: {}", target.string(), reason));
  }
  return {};
}

std::optional<Verdict> find_verdict(std::string_view sha256) {
  const auto folder = verdict_folder();
  if (!folder || !is_hash(sha256)) return std::nullopt;
  const fs::path path = *folder / fmt::format("{}.json", sha256);
  std::error_code error;
  if (fs::file_size(path, error) > verdict_bytes_max || error) return std::nullopt;
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  boost::system::error_code bad;
  const json::value value = json::parse(text.str(), bad);
  if (bad || !value.is_object()) return std::nullopt;
  try {
    const json::object& object = value.as_object();
    Verdict verdict;
    verdict.sha256 = object.at("sha256").as_string().c_str();
    verdict.kit = object.at("kit").to_number<std::uint32_t>();
    verdict.seed = std::stoull(object.at("seed").as_string().c_str());
    verdict.passed = object.at("passed").as_bool();
    verdict.checks_skipped = object.at("checks_skipped").to_number<std::uint64_t>();
    verdict.check = object.at("check").as_string().c_str();
    verdict.reason = object.at("reason").as_string().c_str();
    if (verdict.sha256 != sha256) return std::nullopt;
    return verdict;
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

std::optional<std::string> why_unchecked(const PluginFile& file) {
  const auto verdict = find_verdict(file.sha256);
  const std::string remedy =
      fmt::format("run `gantry plugin check {}`, or set require_checked = false in [plugins]",
                  file.path.string());
  if (!verdict) {
    return fmt::format("{}: it has not been checked, and require_checked is true; {}",
                       file.path.string(), remedy);
  }
  if (!verdict->current()) {
    return fmt::format("{}: it was checked by version {} of the kit, this host has version {}; {}",
                       file.path.string(), verdict->kit, kit_version, remedy);
  }
  if (!verdict->passed) {
    return fmt::format("{}: it failed the check `{}`: {}; use another version of it, or {}",
                       file.path.string(), verdict->check, verdict->reason, remedy);
  }
  return std::nullopt;
}

}  // namespace gantry::host

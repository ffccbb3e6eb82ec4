// gantry doctor: is everything there that a run needs?
#include <fcntl.h>
#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/stat.h>
#include <tbb/version.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <boost/version.hpp>
#include <cerrno>
#include <cstring>
#include <map>
#include <thread>

#include "host/api/control.hpp"
#include "host/bundle/store.hpp"
#include "host/cli/command.hpp"
#include "host/cli/doctor.hpp"
#include "host/cli/followed_chains.hpp"
#include "host/log/log.hpp"
#include "host/plugin/admission.hpp"
#include "host/plugin/library.hpp"
#include "host/quarantine/entry_text.hpp"
#include "host/quarantine/quarantine.hpp"
#include "host/recording/reader.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;

std::string_view to_string(Verdict verdict) {
  return verdict == Verdict::ok ? "ok" : verdict == Verdict::warning ? "warn" : "fail";
}

void check_plugins(const Loaded& loaded, Checks& checks) {
  std::string folders;
  for (const auto& folder : loaded.folders) {
    folders += (folders.empty() ? "" : ", ") + folder.string();
  }
  const std::size_t count = loaded.configuration.plugins.size();
  checks.push_back({"plugin folders", count == 0 ? Verdict::bad : Verdict::ok,
                    fmt::format("{} in {}", counted(count, "plugin"), folders)});
  for (const Error& refused : loaded.refused) {
    checks.push_back({"plugin file", Verdict::bad, refused.message});
  }
  const auto missing = [&](const auto& instances, std::string_view kind) {
    for (const InstanceSettings& instance : instances) {
      if (!instance.enabled || instance.installed) continue;
      checks.push_back(
          {fmt::format("{} {}", kind, instance.name), Verdict::warning,
           fmt::format("is enabled, but no plugin '{}' is installed", instance.plugin)});
    }
  };
  missing(loaded.configuration.dexes, "dex");
  missing(loaded.configuration.strategies, "strategy");
  missing(loaded.configuration.paymasters, "paymaster");
}

// What was installed is there and as it was, and every plugin that would run may.
void check_bundles(const Session& session, const Configuration& configuration, Checks& checks) {
  const auto store = bundle::store_of(configuration.plugin, session.environment);
  std::error_code error;
  if (!store.empty() && std::filesystem::exists(store, error)) {
    const auto lock = bundle::read_lock(store);
    if (!lock) {
      checks.push_back({"bundles", Verdict::bad, lock.error().message});
    } else {
      checks.push_back(
          {"bundles", Verdict::ok,
           fmt::format("{}: {} in force", store.string(), counted(lock->pins.size(), "bundle"))});
      for (const bundle::Pin& pin : lock->pins) {
        const auto whole = bundle::check_installed(store, pin);
        if (whole) continue;
        checks.push_back({fmt::format("bundle {} {}", pin.name, pin.version), Verdict::bad,
                          whole.error().message});
      }
    }
  }
  const PluginRecord record;  // what is in quarantine has lines of its own
  Admission admission(configuration, record, Moment::start);
  const auto check = [&](PluginKind kind, const auto& instances) {
    for (const InstanceSettings& instance : instances) {
      if (!instance.runs()) continue;
      const auto admitted = admission.check(kind, instance);
      if (!admitted) checks.push_back({instance.name, Verdict::bad, admitted.error().message});
    }
  };
  check(PluginKind::dex, configuration.dexes);
  check(PluginKind::strategy, configuration.strategies);
  check(PluginKind::paymaster, configuration.paymasters);
}

void check_recording(const Configuration& configuration, Checks& checks) {
  const auto& path = configuration.market.recording;
  if (path.empty() && has_live_chain(configuration)) {
    checks.push_back({"recording", Verdict::ok, "none is set: a run follows chains"});
    return;
  }
  if (path.empty()) {
    checks.push_back({"recording", Verdict::warning, "none is set in [market] of gantry.toml"});
    return;
  }
  auto reader = RecordingReader::open(path);
  if (!reader) {
    checks.push_back({"recording", Verdict::bad, reader.error().message});
    return;
  }
  if (const auto chain = configuration.chain_of(path, reader->header().chain); !chain) {
    checks.push_back({"recording", Verdict::bad, chain.error().message});
    return;
  }
  while (true) {
    const auto record = reader->next();
    if (!record) {
      checks.push_back({"recording", Verdict::bad, record.error().message});
      return;
    }
    if (!*record) break;
    if (const auto* end = std::get_if<recording::End>(&**record)) {
      checks.push_back({"recording", Verdict::ok,
                        fmt::format("{}: whole, {}, {}", path.string(), counted(end->pools, "pool"),
                                    counted(end->blocks, "block"))});
    }
  }
}

// A folder that is there and only its user's, or that a run can make: what is not there yet is made
// in the nearest folder above it that is.
Check check_folder(const std::string& name, const std::filesystem::path& folder,
                   std::string_view remedy) {
  const auto bad = [&](std::string_view what, int error) {
    return Check{
        name, Verdict::bad,
        fmt::format("{}: {}: {}. {}", folder.string(), what, std::strerror(error), remedy)};
  };
  struct stat facts{};
  std::filesystem::path at = folder;
  while (::stat(at.c_str(), &facts) != 0) {
    if (errno != ENOENT || at == at.parent_path()) return bad("cannot be made", errno);
    at = at.parent_path();
  }
  if (at == folder &&
      (!S_ISDIR(facts.st_mode) || facts.st_uid != ::geteuid() || (facts.st_mode & 022U) != 0)) {
    return {name, Verdict::bad,
            folder.string() + ": has to be a folder of this user's that no one else may write to"};
  }
  const std::string what =
      at == folder ? "cannot be written to" : "cannot be made in " + at.string();
  if (!S_ISDIR(facts.st_mode)) return bad(what, ENOTDIR);
  if (::faccessat(AT_FDCWD, at.c_str(), W_OK | X_OK, AT_EACCESS) != 0) return bad(what, errno);
  return {name, Verdict::ok, folder.string() + (at == folder ? "" : ": will be made")};
}

void check_quarantine(const Session& session, const PluginSettings& settings, Checks& checks) {
  const auto folder = quarantine_folder(settings.quarantine, session.environment);
  if (!folder) {
    checks.push_back({"quarantine", Verdict::warning,
                      "none is kept, for HOME and XDG_STATE_HOME are not set: set `quarantine` in "
                      "[plugins]"});
    return;
  }
  checks.push_back(check_folder("quarantine", *folder,
                                "Set `quarantine` in [plugins] to a folder that this user may "
                                "write to."));
  std::error_code error;
  if (checks.back().verdict != Verdict::ok || !std::filesystem::exists(*folder, error)) return;
  const auto quarantine = Quarantine::open(*folder);
  if (!quarantine) {
    checks.back() = {"quarantine", Verdict::bad, quarantine.error().message};
    return;
  }
  for (const QuarantineEntry& entry : quarantine->entries()) {
    const std::string name =
        entry.plugin.empty() ? entry.sha256.substr(0, 12) : entry.plugin + " " + entry.version;
    checks.push_back({"quarantined", Verdict::warning,
                      fmt::format("{}: {}: {}; see gantry quarantine explain", name, entry.reason,
                                  consequence_of(entry))});
  }
}

// Each once: what an operator's text names has to be set, what a default names need not be, for a
// dry run sends nothing. Nor need what a provider's URL names: any other stands in for that one,
// and the line of its chain says who is not configured.
void check_variables(const Session& session, const Configuration& configuration, Checks& checks) {
  Configuration without_chains = configuration;
  without_chains.chains.clear();
  std::map<std::string, NamedVariable> wanted;
  for (NamedVariable& use : variables_of(without_chains)) {
    if (!use.in_use) continue;
    const auto [at, added] = wanted.try_emplace(use.name, use);
    if (!added && use.given && !at->second.given) at->second = use;
  }
  const auto is_set = [&](const std::string& name) {
    const auto value = session.environment(name);
    return value && !value->empty();
  };
  for (const auto& [name, use] : wanted) {
    if (is_set(name)) {
      checks.push_back({"variable " + name, Verdict::ok, "is set"});
    } else if (use.given) {
      checks.push_back({"variable " + name, Verdict::bad,
                        fmt::format("is not set: {} needs it. Set it before the start.", use.by)});
    } else {
      checks.push_back(
          {"variable " + name, Verdict::warning,
           fmt::format("is not set: {} names it by default; a dry run needs none", use.by)});
    }
  }
  for (const ChainSettings& chain : configuration.chains) {
    if (!chain.enabled) continue;
    for (const RpcProviderSettings& provider : chain.providers) {
      for (const std::string& name : provider.url.variables()) {
        if (name == chain_variable || !is_set(name) || !wanted.try_emplace(name).second) continue;
        checks.push_back({"variable " + name, Verdict::ok, "is set"});
      }
    }
  }
}

void check_machine(Checks& checks) {
  checks.push_back(
      {"libraries", Verdict::ok,
       fmt::format("glibc {}, oneTBB {}, Boost {}.{}", ::gnu_get_libc_version(),
                   ::TBB_runtime_version(), BOOST_VERSION / 100000, BOOST_VERSION / 100 % 1000)});
  const auto pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  const auto megabytes = pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) >> 20U;
  checks.push_back(
      {"machine", megabytes < 2048 ? Verdict::warning : Verdict::ok,
       fmt::format("{}, {} MB of memory", counted(std::thread::hardware_concurrency(), "core"),
                   grouped(megabytes))});
}

void print_checks(const Session& session, Checks checks, bool as_json) {
  // Before anything is cut or broken: half a secret would not be recognized.
  for (Check& check : checks) {
    check.name = without_secrets(std::move(check.name));
    check.detail = without_secrets(std::move(check.detail));
  }
  if (as_json) {
    json::array rows;
    for (Check& check : checks) {
      json::object row{{"check", printable(check.name)},
                       {"verdict", to_string(check.verdict)},
                       {"detail", printable(check.detail)}};
      if (!check.facts.empty()) row["facts"] = std::move(check.facts);
      rows.push_back(std::move(row));
    }
    print(json_text(json::object{{"checks", std::move(rows)}}));
    return;
  }
  const Style style(session.colour_out);
  std::size_t widest = 0;
  for (const Check& check : checks) widest = std::max(widest, width_of(printable(check.name)));
  widest = std::min<std::size_t>(widest, 40);
  const std::size_t indent = widest + 10;
  for (const Check& check : checks) {
    const Ink ink = check.verdict == Verdict::ok        ? Ink::good
                    : check.verdict == Verdict::warning ? Ink::warning
                                                        : Ink::bad;
    const std::string name = cut_to(printable(check.name), widest);
    const std::vector<std::string> lines = wrap(printable(check.detail), terminal_columns - indent);
    print(fmt::format("  {}  {}{}  {}\n",
                      style(ink, fmt::format("{:<4}", to_string(check.verdict))), name,
                      std::string(widest - width_of(name), ' '), lines.front()));
    for (std::size_t i = 1; i < lines.size(); ++i)
      print(std::string(indent, ' ') + lines[i] + "\n");
  }
}

ExitCode doctor(const Session& session, bool online, bool as_json) {
  Checks checks;
  const auto loaded = read_configuration(session);
  const std::string folder = config_folder(session).string();
  if (!loaded) {
    checks.push_back({"configuration", Verdict::bad,
                      fmt::format("{}: {}; see gantry config check", folder,
                                  counted(loaded.error().errors.size(), "error"))});
  } else {
    const Configuration& configuration = loaded->configuration;
    checks.push_back({"configuration", Verdict::ok,
                      fmt::format("{}: no errors, {}", folder,
                                  counted(configuration.report.warnings.size(), "warning"))});
    check_plugins(*loaded, checks);
    const auto store = default_plugin_store();
    checks.push_back(
        store ? check_folder("plugin store", *store,
                             "Set XDG_CACHE_HOME to a folder that this user may write to.")
              : Check{"plugin store", Verdict::bad, store.error().message});
    check_bundles(session, configuration, checks);
    check_quarantine(session, configuration.plugin, checks);
    check_recording(configuration, checks);
    checks.push_back(check_folder(
        "socket folder",
        std::filesystem::absolute(control_socket(configuration.api, session.environment))
            .parent_path(),
        "Set `socket` in [api] to a path in a folder that this user may write to."));
    check_variables(session, configuration, checks);
    check_providers(session, configuration, online, checks);
    check_signer(session, configuration.wallet, online, checks);
  }
  check_machine(checks);
  const bool found =
      std::ranges::any_of(checks, [](const Check& check) { return check.verdict == Verdict::bad; });
  print_checks(session, std::move(checks), as_json);
  return found ? ExitCode::found : ExitCode::done;
}

}  // namespace

void add_doctor(CLI::App& app, CommandLine& line) {
  struct Options {
    bool online = false;
    bool as_json = false;
  };
  auto options = std::make_shared<Options>();
  CLI::App* command =
      add_command(app, "doctor", "Check that everything a run needs is there", "doctor --online");
  command->add_flag(
      "--online", options->online,
      "Ask the RPC providers (chain, newest block, time, reads, subscriptions) and a remote "
      "signer");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback([&line, options] {
    line.chosen = [&, options] { return doctor(line.session, options->online, options->as_json); };
  });
}

}  // namespace gantry::host::cli

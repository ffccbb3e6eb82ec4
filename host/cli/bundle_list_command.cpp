// gantry bundle list
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "host/bundle/store.hpp"
#include "host/bundle/trust.hpp"
#include "host/cli/bundle_command.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

struct ListOptions {
  bool generations = false;
  bool as_json = false;
};

// Empty: it may be loaded.
std::string fault_of(const fs::path& store, const KeyRing& ring, const bundle::Pin& pin,
                     bundle::TrustGate& gate) {
  const auto live = bundle::check_revoked(ring, fmt::format("{} {}", pin.id, pin.version),
                                          {pin.id, pin.version, pin.bundle, pin.library, pin.key});
  if (!live) return live.error().message;
  const auto whole = bundle::check_installed(store, pin);
  if (!whole) return whole.error().message;
  // As a start would ask.
  const auto file = inspect_plugin_file(bundle::library_path(store, pin));
  if (!file) return file.error().message;
  const auto trusted = gate.check(*file);
  return trusted ? std::string() : trusted.error().message;
}

json::object pin_json(const bundle::Pin& pin) {
  return {{"id", printable(pin.id)},
          {"name", printable(pin.name)},
          {"version", printable(pin.version)},
          {"kind", printable(pin.kind)},
          {"sdk", printable(pin.sdk)},
          {"bundle", pin.bundle},
          {"library", pin.library},
          {"signer", printable(pin.signer)},
          {"key", printable(pin.key)}};
}

json::object lock_json(const bundle::LockFile& lock) {
  json::array plugins;
  for (const bundle::Pin& pin : lock.pins) plugins.push_back(pin_json(pin));
  return {{"generation", lock.generation},
          {"parent", lock.parent},
          {"made_by", printable(lock.made_by)},
          {"plugins", std::move(plugins)}};
}

ExitCode list(const Session& session, const ListOptions& options) {
  const auto settings = bundle_settings(session);
  if (!settings) return report_error(settings.error());
  const auto store = configured_store(session, settings->plugins);
  if (!store) return report_error(store.error());
  const auto ring = configured_keys(settings->plugins.keys);
  if (!ring) return report_error(ring.error());
  const auto lock = bundle::read_lock(*store);
  if (!lock) return report_refusal(lock.error());
  std::vector<std::string> faults;
  bundle::TrustGate gate(settings->plugins, session.environment);
  for (const bundle::Pin& pin : lock->pins) faults.push_back(fault_of(*store, *ring, pin, gate));
  const bool found = std::ranges::any_of(faults, [](const auto& each) { return !each.empty(); });
  const auto earlier =
      options.generations ? bundle::earlier_generations(*store) : std::vector<bundle::LockFile>();
  if (options.as_json) {
    json::object out = lock_json(*lock);
    for (std::size_t i = 0; i < faults.size(); ++i) {
      out["plugins"].as_array()[i].as_object()["refused"] = printable(faults[i]);
    }
    out["store"] = printable(store->string());
    if (options.generations) {
      json::array all;
      for (const bundle::LockFile& each : earlier) all.push_back(lock_json(each));
      out["generations"] = std::move(all);
    }
    print(json_text(out));
    return found ? ExitCode::found : ExitCode::done;
  }
  const Style style(session.colour_out);
  Table table({{"id"}, {"version"}, {"bundle"}, {"signer", Align::left, true}, {"state"}});
  for (std::size_t i = 0; i < lock->pins.size(); ++i) {
    const bundle::Pin& pin = lock->pins[i];
    table.add({{pin.id, Ink::bold},
               {pin.version},
               {pin.bundle.substr(0, 12)},
               {pin.signer.empty() ? "unsigned" : pin.signer},
               {faults[i].empty() ? "ok" : "refused", faults[i].empty() ? Ink::good : Ink::bad}});
  }
  std::string out = table.empty() ? "No bundle is installed.\n" : table.text(style);
  for (const std::string& fault : faults) {
    if (!fault.empty()) out += style(Ink::bad, "  " + printable(fault)) + "\n";
  }
  out += style(Ink::dim,
               fmt::format("  generation {} in {}", lock->generation, printable(store->string()))) +
         "\n";
  for (const bundle::LockFile& each : earlier) {
    if (each.generation == lock->generation) continue;
    out += fmt::format("  generation {}: {}\n", each.generation,
                       each.made_by.empty() ? "nothing installed" : printable(each.made_by));
  }
  print(out);
  return found ? ExitCode::found : ExitCode::done;
}

}  // namespace

void add_bundle_list(CLI::App& bundle, CommandLine& line) {
  auto options = std::make_shared<ListOptions>();
  CLI::App* command = add_command(bundle, "list", "What is installed, and whether it is whole",
                                  "bundle list --generations");
  command->add_flag("--generations", options->generations, "And what rollback could go back to");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback(
      [&line, options] { line.chosen = [&, options] { return list(line.session, *options); }; });
}

}  // namespace gantry::host::cli

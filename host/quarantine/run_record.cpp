#include "host/quarantine/run_record.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "host/log/log.hpp"
#include "host/quarantine/entry_text.hpp"

namespace gantry::host {

namespace {

bool keeps_out(const QuarantineEntry& entry, Obey obey) {
  return entry.blocks() &&
         (obey == Obey::all || (entry.cause != QuarantineCause::rule && !entry.apart));
}

QuarantineEntry entry_of(const PluginFile& file, QuarantineCause cause, std::int64_t now_s) {
  QuarantineEntry entry;
  entry.sha256 = file.sha256;
  entry.plugin = file.manifest.name;
  entry.version = file.manifest.version;
  entry.file = file.path.string();
  entry.cause = cause;
  entry.first_s = entry.last_s = now_s;
  return entry;
}

}  // namespace

PluginRecord plugin_record(Quarantine& quarantine, Obey obey, std::int64_t now_s) {
  PluginRecord record;
  record.why_not = [&quarantine, obey](const PluginFile& file) -> std::optional<std::string> {
    const QuarantineEntry* entry = quarantine.find(file.sha256);
    if (entry == nullptr || !keeps_out(*entry, obey)) return std::nullopt;
    // A record that cannot be read has no name.
    const std::string name = entry->plugin.empty() ? entry->sha256.substr(0, 12) : entry->plugin;
    return fmt::format(
        "{}: it is in quarantine{}: {}; see `gantry quarantine explain {}`, install a version that "
        "is mended, or let it in again with `gantry quarantine clear {}`",
        file.path.string(),
        entry->first_s == 0 ? std::string() : " since " + utc_text(entry->first_s), entry->reason,
        name, name);
  };
  if (obey != Obey::all) return record;
  record.not_loaded = [&quarantine, now_s](const PluginFile& file, const std::string& reason) {
    QuarantineEntry entry = entry_of(file, QuarantineCause::load, now_s);
    entry.phase = to_string(Phase::load);
    entry.reason = "it could not be loaded";
    entry.log.push_back(without_secrets(reason));
    if (auto noted = quarantine.put(std::move(entry)); !noted) {
      spdlog::warn("{}", noted.error().message);
    }
  };
  return record;
}

Status put_away_lost(Quarantine& quarantine, const PutAway& lost, std::string_view running,
                     std::int64_t now_s) {
  const auto cause = [&] {
    switch (lost.ending) {
      case Ending::signal:
        return QuarantineCause::signal;
      case Ending::hang:
        return QuarantineCause::hang;
      case Ending::exit:
        return QuarantineCause::exit;
      default:
        return QuarantineCause::rule;
    }
  }();
  QuarantineEntry entry = entry_of(lost.file, cause, now_s);
  entry.instance = lost.instance;
  entry.apart = true;
  entry.phase = to_string(lost.phase);
  entry.reason = without_secrets(lost.reason);
  entry.log.push_back("in a process of its own, in: " + without_secrets(std::string(running)));
  // The strikes, where it was retired for them.
  if (const QuarantineEntry* strikes = quarantine.find(lost.file.sha256);
      strikes != nullptr && strikes->last_s == now_s && !strikes->apart) {
    entry.log.insert(entry.log.end(), strikes->log.begin(), strikes->log.end());
    entry.first_s = strikes->first_s;
    entry.count = 0;  // put() counts it once more
  }
  return quarantine.put(std::move(entry));
}

Status put_away_retired(Quarantine& quarantine, const RunReport& report, std::string_view running,
                        std::int64_t now_s) {
  for (const PluginReport& plugin : report.plugins) {
    if (!plugin.retired) continue;
    QuarantineEntry entry;
    entry.sha256 = plugin.sha256;
    const std::size_t space = plugin.library.find(' ');
    entry.plugin = plugin.library.substr(0, space);
    if (space != std::string::npos) entry.version = plugin.library.substr(space + 1);
    entry.file = plugin.file;
    entry.instance = plugin.instance;
    entry.cause = plugin.broke_contract ? QuarantineCause::rule
                  : plugin.unproven     ? QuarantineCause::unproven
                                        : QuarantineCause::deadline;
    entry.first_s = entry.last_s = now_s;
    entry.reason = fmt::format("retired after {} strikes", plugin.strikes);
    if (!plugin.first_strikes.empty()) {
      const Strike& first = plugin.first_strikes.front();
      entry.phase = to_string(first.phase);
      entry.reason +=
          fmt::format(", the first in {}: {}", entry.phase, without_secrets(first.reason));
    }
    entry.log.push_back("it happened in: " + without_secrets(std::string(running)));
    for (const Strike& strike : plugin.first_strikes) {
      entry.log.push_back(without_secrets(fmt::format("snapshot {}, {}: {}", strike.snapshot,
                                                      to_string(strike.phase), strike.reason)));
    }
    const bool stays_out = entry.blocks();
    if (auto done = quarantine.put(std::move(entry)); !done) return done;
    if (stays_out) {
      spdlog::error(
          "plugin {}: put away, and the next start runs without it; see gantry "
          "quarantine explain {}",
          plugin.instance, plugin.library.substr(0, space));
    }
  }
  return {};
}

}  // namespace gantry::host

#include "host/config/change.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <span>

#include "host/base/sha256.hpp"
#include "host/base/text.hpp"
#include "host/config/document.hpp"
#include "host/config/sections.hpp"
#include "host/config/table_reader.hpp"

namespace gantry::host {
namespace {

constexpr std::string_view pools_key = "pool";

struct Row {
  std::string key;
  std::string value;  // as TOML writes it, keys masked
};

std::string escaped(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string toml_text(std::string_view text) { return escaped(mask_keys(text)); }

std::string toml_value(const ParameterValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return toml_text(*text);
  // An amount may have more digits than a number of TOML.
  const bool amount = std::holds_alternative<gantry_amount>(value);
  return amount ? toml_text(to_string(value)) : to_string(value);
}

std::vector<Row> rows_of(const InstanceSettings& settings) {
  std::vector<Row> rows{{"plugin", toml_text(settings.plugin)},
                        {"chain", toml_text(settings.chain)}};
  if (settings.isolation != Isolation::inproc) {
    rows.push_back({"isolation", toml_text(to_string(settings.isolation))});
    rows.push_back({"call_timeout_ms", fmt::to_string(settings.call_timeout_ms)});
  }
  if (settings.capabilities) {
    std::vector<std::string> all;
    for (const std::string& one : *settings.capabilities) all.push_back(toml_text(one));
    rows.push_back({"capabilities", fmt::format("[{}]", fmt::join(all, ", "))});
  }
  for (const ParameterSetting& parameter : settings.parameters) {
    if (parameter.given) rows.push_back({parameter.name, toml_value(parameter.value)});
  }
  return rows;
}

// With keys of the host's, which a plugin may have declared for itself too.
std::vector<Row> rows_with(const InstanceSettings& settings, const std::vector<Row>& own) {
  auto rows = rows_of(settings);
  for (const Row& row : own) {
    std::erase_if(rows, [&](const Row& other) { return other.key == row.key; });
    rows.push_back(row);
  }
  return rows;
}

// A pool's metadata may look like a key, and is none: it is printed with the pool everywhere.
std::string pools_text(const std::vector<ListedPool>& pools) {
  std::string out;
  for (const ListedPool& pool : pools) {
    std::vector<std::string> tokens;
    for (const gantry_address& token : pool.tokens) tokens.push_back(escaped(address_text(token)));
    out += fmt::format("[[dex.pool]]\naddress = {}\ntokens = [{}]\nmetadata = {}\n",
                       escaped(address_text(pool.address)), fmt::join(tokens, ", "),
                       escaped(pool.metadata));
  }
  return out;
}

std::vector<Row> rows_of(const DexSettings& settings) {
  std::vector<Row> own{{"priority", fmt::to_string(settings.priority)},
                       {"min_liquidity_usd", to_string(ParameterValue(settings.min_liquidity_usd))},
                       {"max_slippage_bps", fmt::to_string(settings.max_slippage_bps)}};
  if (settings.fee_bps) own.push_back({"fee_bps", fmt::to_string(*settings.fee_bps)});
  own.push_back({"discover", settings.discover ? "true" : "false"});
  own.push_back({"callback", escaped(settings.callback)});
  if (const std::string pools = pools_text(settings.pools); !pools.empty()) {
    // All of them would be a page.
    const auto digest = sha256_of(std::as_bytes(std::span(pools))).substr(0, 8);
    own.push_back(
        {std::string(pools_key), fmt::format("{} listed ({})", settings.pools.size(), digest)});
  }
  return rows_with(settings, own);
}

std::vector<Row> rows_of(const StrategySettings& settings) {
  std::vector<Row> own{{"min_profit_bps", fmt::to_string(settings.min_profit_bps)}};
  if (settings.deadline_ms) own.push_back({"deadline_ms", fmt::to_string(*settings.deadline_ms)});
  return rows_with(settings, own);
}

std::vector<Row> rows_of(const PaymasterSettings& settings) {
  return rows_with(settings, {{"priority", fmt::to_string(settings.priority)}});
}

// Whether a key that is the host's and the plugin's is in no file: then each has its own default,
// and written down the host's would be the plugin's too.
bool is_default(const InstanceSettings& settings, const Row& row) {
  const auto same = std::ranges::find(settings.parameters, row.key, &ParameterSetting::name);
  if (same == settings.parameters.end() || same->given) return false;
  const auto* whole = std::get_if<std::int64_t>(&same->value);
  const auto* number = std::get_if<double>(&same->value);
  if (whole == nullptr && number == nullptr) return false;
  const double of_plugin = whole != nullptr ? static_cast<double>(*whole) : *number;
  return std::strtod(row.value.c_str(), nullptr) != of_plugin;
}

// A key that a change of what runs may change.
bool is_of_instance(std::string_view path) {
  return path.starts_with("dex.") || path.starts_with("strategies.") ||
         path.starts_with("strategy_priorities.") || path.starts_with("paymaster.");
}

std::string library_of(const Configuration& configuration, const InstanceSettings& settings) {
  if (!settings.installed) return "none";
  const PluginFile& file = configuration.plugins[*settings.installed];
  return fmt::format("{} {} ({})", file.manifest.name, file.manifest.version,
                     file.sha256.substr(0, 12));
}

std::vector<std::string> differences(const std::vector<Row>& now, const std::vector<Row>& wanted) {
  std::vector<std::string> out;
  const auto value_in = [](const std::vector<Row>& rows, const std::string& key) {
    const auto at = std::ranges::find(rows, key, &Row::key);
    return at == rows.end() ? std::string("its default") : at->value;
  };
  for (const Row& row : now) {
    const std::string after = value_in(wanted, row.key);
    if (after != row.value) out.push_back(fmt::format("{}: {} -> {}", row.key, row.value, after));
  }
  for (const Row& row : wanted) {
    if (std::ranges::find(now, row.key, &Row::key) == now.end()) {
      out.push_back(fmt::format("{}: its default -> {}", row.key, row.value));
    }
  }
  return out;
}

template <class Settings>
const Settings* enabled(const std::vector<Settings>& all, std::string_view name) {
  const auto at = std::ranges::find(all, name, &Settings::name);
  return at != all.end() && at->enabled ? &*at : nullptr;
}

class Differ {
 public:
  Differ(const Configuration& now, const Configuration& wanted) : now_(now), wanted_(wanted) {}

  template <class Settings>
  void compare(PluginKind of, const std::vector<Settings>& now,
               const std::vector<Settings>& wanted) {
    for (const Settings& before : now) {
      if (before.enabled && enabled(wanted, before.name) == nullptr) {
        plan.changes.push_back({ChangeKind::disable, of, before.name, {}});
      }
    }
    for (const Settings& after : wanted) {
      if (!after.enabled) continue;
      const Settings* before = enabled(now, after.name);
      const std::string library = library_of(wanted_, after);
      if (before == nullptr) {
        plan.changes.push_back({ChangeKind::enable, of, after.name, {"library: " + library}});
        continue;
      }
      auto details = differences(rows_of(*before), rows_of(after));
      const std::string library_before = library_of(now_, *before);
      const bool replaced = library_before != library;
      if (replaced) {
        details.insert(details.begin(), fmt::format("library: {} -> {}", library_before, library));
      }
      if (!details.empty()) {
        plan.changes.push_back({replaced ? ChangeKind::replace : ChangeKind::reparameterise, of,
                                after.name, std::move(details)});
      }
    }
  }

  // Their order decides between equal finds, and numbers them in a recording.
  void refuse_new_order() {
    for (const StrategySettings& before : now_.strategies) {
      const auto* after = enabled(wanted_.strategies, before.name);
      if (!before.enabled || after == nullptr || after->priority == before.priority) continue;
      refuse(fmt::format("strategy_priorities.{}: {} -> {}", before.name, before.priority,
                         after->priority),
             "the order of strategies that run is fixed");
    }
  }

  void refuse_other_keys() {
    const auto other = [](const std::vector<EffectiveKey>& keys) {
      std::map<std::string, std::string> values;
      for (const EffectiveKey& key : keys) {
        if (!is_of_instance(key.path)) values.emplace(key.path, key.value);
      }
      return values;
    };
    const auto now = other(now_.keys);
    const auto wanted = other(wanted_.keys);
    for (const auto& [path, value] : now) {
      const auto after = wanted.find(path);
      if (after == wanted.end()) {
        refuse(fmt::format("{}: {} -> no such key", path, value), why_fixed);
      } else if (after->second != value) {
        refuse(fmt::format("{}: {} -> {}", path, value, after->second), why_fixed);
      }
    }
    for (const auto& [path, value] : wanted) {
      if (!now.contains(path)) refuse(fmt::format("{}: new, {}", path, value), why_fixed);
    }
  }

  ChangePlan plan;

 private:
  static constexpr std::string_view why_fixed =
      "only venues, strategies and paymasters are changed while it runs";
  void refuse(const std::string& what, std::string_view why) {
    plan.refused.push_back(fmt::format(
        "{}: cannot be changed while it runs, as {}; stop, and start again", what, why));
  }

  const Configuration& now_;
  const Configuration& wanted_;
};

}  // namespace

std::string_view to_string(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::enable:
      return "enable";
    case ChangeKind::disable:
      return "disable";
    case ChangeKind::reparameterise:
      return "reparameterise";
    case ChangeKind::replace:
      return "replace";
  }
  return "?";
}

std::string to_string(const InstanceChange& change) {
  return fmt::format("{} {}: {}{}", to_string(change.of), change.name, to_string(change.kind),
                     change.details.empty()
                         ? std::string()
                         : fmt::format(" ({})", fmt::join(change.details, ", ")));
}

ChangePlan plan_change(const Configuration& now, const Configuration& wanted) {
  Differ differ(now, wanted);
  differ.compare(PluginKind::dex, now.dexes, wanted.dexes);
  differ.compare(PluginKind::strategy, now.strategies, wanted.strategies);
  differ.compare(PluginKind::paymaster, now.paymasters, wanted.paymasters);
  differ.refuse_new_order();
  differ.refuse_other_keys();
  return std::move(differ.plan);
}

std::string instances_text(const Configuration& configuration) {
  std::string out;
  std::string priorities = "[strategy_priorities]\n";
  const auto add = [&](const InstanceSettings& settings, const std::vector<Row>& rows) {
    for (const Row& row : rows) {
      if (row.key == pools_key || is_default(settings, row)) continue;
      out += fmt::format("{} = {}\n", row.key, row.value);
    }
  };
  for (const DexSettings& dex : configuration.dexes) {
    if (!dex.enabled) continue;
    out += fmt::format("[[dex]]\nname = {}\n", toml_text(dex.name));
    add(dex, rows_of(dex));
    out += pools_text(dex.pools);
  }
  for (const PaymasterSettings& paymaster : configuration.paymasters) {
    if (!paymaster.enabled) continue;
    out += fmt::format("[[paymaster]]\nname = {}\n", toml_text(paymaster.name));
    add(paymaster, rows_of(paymaster));
  }
  for (const StrategySettings& strategy : configuration.strategies) {
    if (!strategy.enabled) continue;
    out += fmt::format("[strategies.{}]\n", toml_text(strategy.name));
    add(strategy, rows_of(strategy));
    priorities += fmt::format("{} = {}\n", toml_text(strategy.name), strategy.priority);
  }
  return out + priorities;
}

std::expected<Configuration, ConfigReport> with_instances(const Configuration& base,
                                                          std::string_view text,
                                                          const Environment& environment) {
  config::Loading loading;
  const config::Document document =
      config::parse_document(text, base.files.strategies, loading.diagnostics);
  Configuration out = base;
  out.dexes.clear();
  out.strategies.clear();
  out.paymasters.clear();
  config::TableReader root(loading, document, document.root, "");
  const config::Surroundings around{out.chains, out.plugins, environment, true};
  config::read_dexes(root, around, out.dexes);
  config::read_paymasters(root, around, out.paymasters);
  config::read_strategies(root, around, out.strategies);
  root.refuse_unknown();
  const bool failed = loading.diagnostics.has_errors();
  out.report = loading.diagnostics.take();
  if (failed) return std::unexpected(std::move(out.report));
  std::erase_if(out.keys, [](const EffectiveKey& key) { return is_of_instance(key.path); });
  out.keys.insert(out.keys.end(), loading.keys.begin(), loading.keys.end());
  return out;
}

}  // namespace gantry::host

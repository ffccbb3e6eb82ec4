// `gantry config explain`: what is in force, where it comes from, what comes first and why.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "host/base/text.hpp"
#include "host/config/load.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host {
namespace {

namespace json = boost::json;

struct Rank {
  const InstanceSettings* settings = nullptr;
  std::size_t place = 0;  // from 1 among those that run; 0: it does not
  std::string why;
  std::string library;  // id and version, or why there is none
};

struct Ranking {
  std::string_view kind;   // plural, for the heading
  std::string_view table;  // first part of the keys' paths
  std::string_view rule;
  std::vector<Rank> ranks;
};

const EffectiveKey* find_key(const Configuration& configuration, std::string_view path) {
  const auto at = std::ranges::find(configuration.keys, path, &EffectiveKey::path);
  return at == configuration.keys.end() ? nullptr : &*at;
}

std::string origin(const EffectiveKey& key) {
  if (key.line != 0) return fmt::format("{}:{}", key.file, key.line);
  return key.of_plugin ? "plugin's default" : "default";
}

template <class Settings>
Ranking rank(const Configuration& configuration, const std::vector<Settings>& instances,
             std::string_view kind, std::string_view table, std::string_view rule) {
  Ranking ranking{kind, table, rule, {}};
  const Settings* last = nullptr;
  std::size_t place = 0;
  for (const Settings& settings : instances) {
    Rank rank{.settings = &settings, .place = 0, .why = {}, .library = {}};
    if (settings.installed) {
      const Manifest& manifest = configuration.plugins[*settings.installed].manifest;
      rank.library = fmt::format("{} {}", manifest.id, manifest.version);
    } else {
      rank.library = "not installed";
    }
    const std::string path = table == "strategies"
                                 ? fmt::format("strategy_priorities.{}", settings.name)
                                 : fmt::format("{}.{}.priority", table, settings.name);
    const EffectiveKey* key = find_key(configuration, path);
    rank.why = fmt::format("priority {} ({})", settings.priority,
                           key != nullptr ? origin(*key) : std::string("default"));
    if (settings.runs()) {
      rank.place = ++place;
      if (last != nullptr && last->priority == settings.priority) {
        rank.why += fmt::format(", the same as {}, which stands earlier in the file", last->name);
      }
      last = &settings;
    } else {
      rank.why += settings.enabled ? ", but not installed" : ", but disabled";
    }
    ranking.ranks.push_back(std::move(rank));
  }
  return ranking;
}

std::vector<Ranking> rankings(const Configuration& configuration) {
  return {
      rank(configuration, configuration.dexes, "DEXes", "dex", "higher priority first"),
      rank(configuration, configuration.strategies, "Strategies", "strategies",
           "higher priority first"),
      rank(configuration, configuration.paymasters, "Paymasters", "paymaster", "priority 1 first")};
}

std::string provider_origin(const Configuration& configuration, const ChainSettings& chain,
                            const RpcProviderSettings& provider) {
  const EffectiveKey* key = find_key(
      configuration, fmt::format("chain.{}.provider.{}.priority", chain.id, provider.name));
  return key != nullptr ? origin(*key) : std::string("default");
}

std::string section_of(std::string_view path) {
  return std::string(path.substr(0, path.rfind('.')));
}

}  // namespace

std::string explain_text(const Configuration& configuration) {
  std::string out;
  for (const Ranking& ranking : rankings(configuration)) {
    out += fmt::format("{}: {}, then the order of the file\n", ranking.kind, ranking.rule);
    if (ranking.ranks.empty()) out += "   none\n";
    for (const Rank& rank : ranking.ranks) {
      const std::string place = rank.place == 0 ? "-" : fmt::format("{}.", rank.place);
      out += fmt::format("  {:>3} {:<20} {:<32} {}\n", place, rank.settings->name,
                         printable(rank.library), printable(rank.why));
    }
  }
  for (const ChainSettings& chain : configuration.chains) {
    out += fmt::format("RPC providers of {}: priority 1 first, then the order of the file\n",
                       chain.id);
    if (chain.providers.empty()) out += "   none: only recorded markets can run\n";
    for (std::size_t i = 0; i < chain.providers.size(); ++i) {
      const RpcProviderSettings& provider = chain.providers[i];
      out += fmt::format("  {:>2}. {:<20} {:<32} priority {} ({})\n", i + 1, provider.name,
                         fmt::format("weight {}", provider.weight), provider.priority,
                         provider_origin(configuration, chain, provider));
    }
  }
  std::string section;
  for (const EffectiveKey& key : configuration.keys) {
    if (const std::string now = section_of(key.path); now != section) {
      section = now;
      out += fmt::format("\n[{}]\n", section);
    }
    const std::string name = key.path.substr(std::min(section.size() + 1, key.path.size()));
    const std::string value = key.value == "not set" ? key.value : with_unit(key.value, key.unit);
    out += fmt::format("  {:<26} {:<22} {:<34} {}\n", name, value, origin(key), key.help);
  }
  return out;
}

std::string explain_json(const Configuration& configuration) {
  json::object order;
  for (const Ranking& ranking : rankings(configuration)) {
    json::array list;
    for (const Rank& rank : ranking.ranks) {
      list.push_back({{"name", rank.settings->name},
                      {"place", rank.place},
                      {"priority", rank.settings->priority},
                      {"enabled", rank.settings->enabled},
                      {"installed", rank.settings->installed.has_value()},
                      {"library", rank.library},
                      {"why", rank.why}});
    }
    order[ranking.table] = std::move(list);
  }
  json::object providers;
  for (const ChainSettings& chain : configuration.chains) {
    json::array list;
    for (const RpcProviderSettings& provider : chain.providers) list.emplace_back(provider.name);
    providers[chain.id] = std::move(list);
  }
  json::array keys;
  for (const EffectiveKey& key : configuration.keys) {
    keys.push_back({{"path", key.path},
                    {"value", key.value},
                    {"unit", key.unit},
                    {"help", key.help},
                    {"file", key.file},
                    {"line", key.line},
                    {"default", key.line == 0},
                    {"declared_by", key.of_plugin ? "plugin" : "host"}});
  }
  return json::serialize(json::object{
      {"order", std::move(order)}, {"providers", std::move(providers)}, {"keys", std::move(keys)}});
}

}  // namespace gantry::host

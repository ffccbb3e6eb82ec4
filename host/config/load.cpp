#include "host/config/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "host/config/document.hpp"
#include "host/config/keys.hpp"
#include "host/config/overrides.hpp"
#include "host/config/sections.hpp"
#include "host/config/table_reader.hpp"

namespace gantry::host {
namespace {

struct Documents {
  config::Document gantry;
  config::Document dex;
  config::Document strategies;
};

// Every file is checked as far as it can be, whatever is wrong with the others.
std::expected<Configuration, ConfigReport> load_documents(const Documents& documents,
                                                          const ConfigFiles& files,
                                                          const FindPlugins& find_plugins,
                                                          const Environment& environment,
                                                          config::Loading loading) {
  Configuration out;
  out.files = files;
  config::TableReader gantry(loading, documents.gantry, documents.gantry.root, "");
  config::TableReader dex(loading, documents.dex, documents.dex.root, "");
  config::TableReader strategies(loading, documents.strategies, documents.strategies.root, "");

  if (documents.gantry.parsed) config::read_gantry(gantry, environment, out);
  out.plugins = find_plugins(out.plugin);
  const config::Surroundings around{out.chains, out.plugins, environment,
                                    documents.gantry.parsed || !out.plugins.empty()};
  if (documents.gantry.parsed) {
    config::read_paymasters(gantry, around, out.paymasters);
    gantry.refuse_unknown();
  }
  if (documents.dex.parsed) {
    config::read_dexes(dex, around, out.dexes);
    dex.refuse_unknown();
    if (documents.dex.root.find("dex") == nullptr && out.dexes.empty()) {
      dex.fault(Severity::warning, {}, {},
                {"has no [[dex]]: there is nothing to trade on", "[[dex]] with its name", {}});
    }
  }
  if (documents.strategies.parsed) {
    config::read_strategies(strategies, around, out.strategies);
    strategies.refuse_unknown();
    if (documents.strategies.root.find("strategies") == nullptr && out.strategies.empty()) {
      strategies.fault(Severity::warning, {}, {},
                       {"has no [strategies.NAME]: nothing will be looked for",
                        "a header for each strategy",
                        {}});
    }
  }
  if (documents.gantry.parsed && documents.dex.parsed && documents.strategies.parsed) {
    config::read_risk_scopes(gantry, out);
  }
  const bool failed = loading.diagnostics.has_errors();
  out.report = loading.diagnostics.take();
  if (failed) return std::unexpected(std::move(out.report));
  out.keys = std::move(loading.keys);
  return out;
}

}  // namespace

std::string_view to_string(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
    case Severity::note:
      return "note";
  }
  return "?";
}

std::string_view to_string(Isolation isolation) {
  return isolation == Isolation::process ? "process" : "inproc";
}

std::string_view to_string(Trust trust) {
  switch (trust) {
    case Trust::any:
      return "any";
    case Trust::pinned:
      return "pinned";
    case Trust::signed_:
      return "signed";
  }
  return "?";
}

std::string_view to_string(RemoteSignerKind kind) {
  return kind == RemoteSignerKind::clef ? "clef" : "web3signer";
}

std::string_view to_string(DataFeeKind kind) {
  switch (kind) {
    case DataFeeKind::op_stack:
      return "op_stack";
    case DataFeeKind::arbitrum:
      return "arbitrum";
    default:
      return "none";
  }
}

std::string_view to_string(Pace pace) { return pace == Pace::live ? "live" : "back_pressure"; }

std::string_view to_string(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return "trace";
    case LogLevel::debug:
      return "debug";
    case LogLevel::info:
      return "info";
    case LogLevel::warning:
      return "warning";
    case LogLevel::error:
      return "error";
  }
  return "?";
}

std::string_view to_string(LogFormat format) {
  switch (format) {
    case LogFormat::automatic:
      return "automatic";
    case LogFormat::human:
      return "human";
    case LogFormat::json:
      return "json";
  }
  return "?";
}

ConfigFiles ConfigFiles::in_folder(const std::filesystem::path& folder) {
  return {.gantry = folder / "gantry.toml",
          .dex = folder / "dex_config.toml",
          .strategies = folder / "strategies.toml"};
}

Result<const ChainSettings*> Configuration::chain_of(const std::filesystem::path& recording,
                                                     std::string_view id) const {
  const auto at = std::ranges::find(chains, id, &ChainSettings::id);
  if (at != chains.end()) return &*at;
  return fail(ErrorKind::configuration,
              fmt::format("{} is of chain {}, which no [[chain]] of gantry.toml has: its gas price "
                          "and wrapped coin are not known; add it, or name another recording",
                          recording.string(), id));
}

std::vector<NamedVariable> variables_of(const Configuration& configuration) {
  std::vector<NamedVariable> found;
  const auto add = [&](const TemplatedText& text, NamedVariable as) {
    for (const std::string& name : text.variables()) {
      if (name == chain_variable) continue;
      as.name = name;
      found.push_back(as);
    }
  };
  for (const ChainSettings& chain : configuration.chains) {
    for (const RpcProviderSettings& provider : chain.providers) {
      add(provider.url, {.name = {}, .by = "provider " + provider.name});
    }
  }
  for (const ChainSettings& chain : configuration.chains) {
    for (const RelaySettings& relay : chain.relays) {
      add(relay.url, {.name = {}, .by = "relay " + relay.name});
    }
    for (const PriceSettings& price : chain.prices) {
      add(price.url, {.name = {}, .by = "price " + price.name});
    }
    if (chain.bundler)
      add(chain.bundler->url, {.name = {}, .by = "bundler " + chain.bundler->name});
  }
  const WalletSettings& wallet = configuration.wallet;
  add(wallet.remote_signer, {.name = {}, .by = "the remote signer"});
  if (!wallet.password_variable.empty()) {
    found.push_back({.name = wallet.password_variable, .by = "the keystore"});
  }
  const auto add_instances = [&](std::string_view kind, const auto& instances) {
    for (const InstanceSettings& instance : instances) {
      for (const ParameterSetting& parameter : instance.parameters) {
        const auto* text = std::get_if<std::string>(&parameter.value);
        if (text == nullptr) continue;
        add(TemplatedText::parse(*text).value_or(TemplatedText()),
            {.name = {},
             .by = std::string(kind) + " " + instance.name,
             .in_use = instance.enabled,
             .given = parameter.given});
      }
    }
  };
  add_instances("dex", configuration.dexes);
  add_instances("strategy", configuration.strategies);
  add_instances("paymaster", configuration.paymasters);
  return found;
}

std::expected<Configuration, ConfigReport> load_configuration(const ConfigFiles& files,
                                                              const FindPlugins& find_plugins,
                                                              const Environment& environment,
                                                              std::span<const std::string> set) {
  config::Loading loading;
  Documents documents{.gantry = config::read_document(files.gantry, loading.diagnostics),
                      .dex = config::read_document(files.dex, loading.diagnostics),
                      .strategies = config::read_document(files.strategies, loading.diagnostics)};
  config::override_keys(set, documents.gantry, documents.dex, documents.strategies,
                        loading.diagnostics);
  auto loaded = load_documents(documents, files, find_plugins, environment, std::move(loading));
  if (!loaded) return loaded;
  if (auto keys = read_keys(loaded->plugin.keys); !keys) {
    return std::unexpected(std::move(keys.error()));
  }
  return loaded;
}

std::expected<Configuration, ConfigReport> load_configuration(
    const ConfigFiles& files, const std::vector<PluginFile>& plugins,
    const Environment& environment) {
  return load_configuration(files, [&](const PluginSettings&) { return plugins; }, environment);
}

std::expected<Configuration, ConfigReport> parse_configuration(
    const ConfigTexts& texts, const ConfigFiles& files, const std::vector<PluginFile>& plugins,
    const Environment& environment) {
  config::Loading loading;
  const Documents documents{
      .gantry = config::parse_document(texts.gantry, files.gantry, loading.diagnostics),
      .dex = config::parse_document(texts.dex, files.dex, loading.diagnostics),
      .strategies =
          config::parse_document(texts.strategies, files.strategies, loading.diagnostics)};
  return load_documents(
      documents, files, [&](const PluginSettings&) { return plugins; }, environment,
      std::move(loading));
}

}  // namespace gantry::host

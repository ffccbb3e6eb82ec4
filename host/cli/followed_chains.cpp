#include "host/cli/followed_chains.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "host/cli/live_session.hpp"

namespace gantry::host::cli {
namespace {

// Variables that would make a provider of the chain usable; none: one is.
std::vector<std::string> missing_variables(const ChainSettings& chain,
                                           const Environment& environment) {
  const Environment with_number = with_chain(environment, chain.id);
  std::vector<std::string> missing;
  for (const RpcProviderSettings& provider : chain.providers) {
    if (provider.url.resolve(with_number)) return {};
    for (const std::string& name : provider.url.variables()) {
      const auto value = with_number(name);
      const bool set = value && !value->empty();
      if (!set && std::ranges::find(missing, name) == missing.end()) missing.push_back(name);
    }
  }
  return missing;
}

std::unexpected<Error> none_has_keys(const Configuration& configuration,
                                     const Environment& environment) {
  std::vector<std::string> names;
  std::vector<std::string> missing;
  for (const ChainSettings& chain : configuration.chains) {
    if (!chain.enabled || chain.providers.empty()) continue;
    names.push_back(chain.name);
    for (std::string& name : missing_variables(chain, environment)) {
      if (std::ranges::find(missing, name) == missing.end()) missing.push_back(std::move(name));
    }
  }
  return fail(ErrorKind::configuration,
              fmt::format("there is no chain to follow, for none of the providers of {} can be "
                          "asked: set one of {}",
                          fmt::join(names, ", "), fmt::join(missing, ", ")));
}

bool has_venue(const Configuration& configuration, const ChainSettings& chain) {
  return std::ranges::any_of(configuration.dexes, [&](const DexSettings& dex) {
    return dex.runs() && dex.chain == chain.id;
  });
}

Result<FollowedChains> named_chains(const Configuration& configuration,
                                    const Environment& environment,
                                    const std::vector<std::string>& wanted) {
  FollowedChains followed;
  for (const std::string& name : wanted) {
    const auto chain = live_chain(configuration, name);
    if (!chain) return std::unexpected(chain.error());
    if (!(*chain)->enabled) {
      return fail(ErrorKind::configuration,
                  fmt::format("{} has enabled = false in gantry.toml: set it to true, or do not "
                              "name it",
                              (*chain)->name));
    }
    const auto missing = missing_variables(**chain, environment);
    if (!missing.empty()) {
      return fail(ErrorKind::configuration,
                  fmt::format("none of the providers of {} can be asked: set one of {}",
                              (*chain)->name, fmt::join(missing, ", ")));
    }
    if (std::ranges::find(followed.chains, *chain) == followed.chains.end()) {
      followed.chains.push_back(*chain);
    }
  }
  std::ranges::sort(followed.chains);  // they lie in one vector
  return followed;
}

}  // namespace

bool has_live_chain(const Configuration& configuration) {
  return std::ranges::any_of(configuration.chains, [](const ChainSettings& chain) {
    return chain.enabled && !chain.providers.empty();
  });
}

Result<FollowedChains> followed_chains(const Configuration& configuration,
                                       const Environment& environment,
                                       const std::vector<std::string>& wanted) {
  if (!wanted.empty()) return named_chains(configuration, environment, wanted);
  FollowedChains followed;
  for (const ChainSettings& chain : configuration.chains) {
    if (!chain.enabled || chain.providers.empty()) continue;
    const auto missing = missing_variables(chain, environment);
    if (missing.empty()) {
      followed.chains.push_back(&chain);
    } else {
      followed.left_out.push_back(
          fmt::format("{} ({}) is left out, for none of its providers can be asked: set one of {}",
                      chain.name, chain.id, fmt::join(missing, ", ")));
    }
  }
  if (followed.chains.empty()) {
    if (!followed.left_out.empty()) return none_has_keys(configuration, environment);
    if (auto none = live_chain(configuration, ""); !none) return std::unexpected(none.error());
    return fail(ErrorKind::configuration,
                "there is no chain to follow: every [[chain]] with a [[chain.provider]] has "
                "enabled = false in gantry.toml");
  }
  // What has none fails when it is opened, if it is all that there is.
  const auto without_venue = [&](const ChainSettings* chain) {
    return !has_venue(configuration, *chain);
  };
  if (!std::ranges::all_of(followed.chains, without_venue)) {
    for (const ChainSettings* chain : followed.chains) {
      if (!without_venue(chain)) continue;
      followed.left_out.push_back(
          fmt::format("{} ({}) is left out, for no venue of it would run: enable a [[dex]] with "
                      "chain = \"{}\"",
                      chain->name, chain->id, chain->id));
    }
    std::erase_if(followed.chains, without_venue);
  }
  return followed;
}

std::filesystem::path recording_of(const std::filesystem::path& file, const ChainSettings& chain,
                                   const std::vector<const ChainSettings*>& all) {
  if (all.size() < 2) return file;
  const auto in_a_file = [](const std::string& text) {
    std::string out;
    for (const char c : text) {
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '_' || c == '-';
      out += plain ? c : '-';
    }
    return out;
  };
  // Two may be called the same; ids differ, and so do those that are made fit for a file.
  const bool unique = std::ranges::count_if(all, [&](const ChainSettings* other) {
                        return in_a_file(other->name) == in_a_file(chain.name);
                      }) == 1;
  const std::string name = in_a_file(unique && !chain.name.empty() ? chain.name : chain.id);
  return file.parent_path() / (file.stem().string() + "." + name + file.extension().string());
}

}  // namespace gantry::host::cli

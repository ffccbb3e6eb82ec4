// What an operator lets an instance do beyond answering: `capabilities` in its table. The host asks
// where the plugin's wish arrives, so that it holds in process and in a process of its own alike.
//
//   "calls"      a strategy's own calls, before the swaps of its legs
//   "http:HOST"  requests to that host, whatever the port; of a paymaster
//
// Rationale: without the key, a strategy may add no calls, and a paymaster may ask the hosts that
// its own parameters name: what the operator wrote there, or read in `plugin inspect`, is meant.
//
// THREADS  Pure functions.
#pragma once
#include <optional>
#include <string>
#include <string_view>

#include "host/config/settings.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host {

// Why `text` is no capability of that kind of plugin; nullopt: it is one.
std::optional<std::string> not_a_capability(std::string_view text, PluginKind kind);

bool may_add_calls(const InstanceSettings& settings);
// The host of `url` as it is written, ${NAME} in place, in lower case; empty: it has none.
std::string host_of_url(std::string_view url);
bool may_request(const InstanceSettings& settings, std::string_view url);

}  // namespace gantry::host

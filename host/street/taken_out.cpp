#include "host/street/taken_out.hpp"

#include <algorithm>

#include "host/report/collector.hpp"

namespace gantry::host {

namespace {

bool is_same(const PluginReport& a, const PluginReport& b) {
  return a.kind == b.kind && a.instance == b.instance && a.sha256 == b.sha256 &&
         a.broke_contract == b.broke_contract;
}

}  // namespace

void TakenOut::note(const PluginSet& set, const PluginSet& next, std::uint64_t from) {
  const auto stays = [](const auto& all, const auto& one) {
    return std::ranges::find(all, one) != all.end();
  };
  Plugins gone;
  for (const auto& venue : set.venues) {
    if (venue->health().retired() && !stays(next.venues, venue)) gone.venues.push_back(venue);
  }
  for (const auto& [lane, since, strategy, runner] : set.strategies) {
    const auto* after = next.find(lane);
    const bool same = after != nullptr && after->instance == strategy;
    if (strategy->health().retired() && !same) gone.strategies.push_back(strategy);
  }
  for (const auto& paymaster : set.paymasters) {
    if (paymaster->health().retired() && !stays(next.paymasters, paymaster)) {
      gone.paymasters.push_back(paymaster);
    }
  }
  for (PluginReport& row : describe_plugins(gone)) {
    row.taken_out = from;
    const auto known = [&](const PluginReport& other) { return is_same(row, other); };
    if (std::ranges::none_of(rows_, known)) rows_.push_back(std::move(row));
  }
}

}  // namespace gantry::host

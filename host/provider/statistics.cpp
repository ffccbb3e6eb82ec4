#include "host/provider/statistics.hpp"

#include <fmt/format.h>

#include <numeric>

#include "host/report/terminal.hpp"

namespace gantry::host {

std::string_view to_string(FailureCause cause) {
  static constexpr std::array<std::string_view, failure_causes> names = {
      "resolve", "refused",   "tls_handshake", "certificate", "timed_out",
      "broken",  "too_long",  "status",        "key_refused", "limited",
      "garbage", "wrong_ids", "node",          "behind",      "wrong_chain"};
  return names[static_cast<std::size_t>(cause)];
}

std::string_view to_string(ProviderState state) {
  static constexpr std::array<std::string_view, 7> names = {
      "unchecked", "ready", "suspect", "limited", "down", "wrong_chain", "behind"};
  return names[static_cast<std::size_t>(state)];
}

bool is_trouble(ProviderEventKind kind) {
  switch (kind) {
    case ProviderEventKind::ready:
    case ProviderEventKind::recovered:
    case ProviderEventKind::resumed:
      return false;
    default:
      return true;
  }
}

std::uint64_t ProviderStatistics::failures_total() const {
  return std::accumulate(failures.begin(), failures.end(), std::uint64_t{0});
}

boost::json::object to_json(const ProviderStatistics& provider) {
  boost::json::object failures;
  for (std::size_t i = 0; i < failure_causes; ++i) {
    if (provider.failures[i] == 0) continue;
    failures[to_string(static_cast<FailureCause>(i))] = provider.failures[i];
  }
  boost::json::object out{{"name", provider.name},
                          {"origin", provider.origin},
                          {"priority", provider.priority},
                          {"weight", provider.weight},
                          {"state", to_string(provider.state)},
                          {"reason", provider.reason},
                          {"chain", provider.chain_told}};
  out["head"] = provider.head ? boost::json::value(*provider.head) : nullptr;
  out["lag_blocks"] = provider.lag_blocks;
  out["by_hash"] = provider.by_hash;
  out["websocket"] = provider.websocket;
  out["latency_ms"] = {{"ewma", provider.latency_ewma_ms},
                       {"p50", provider.latency_p50_ms},
                       {"p95", provider.latency_p95_ms},
                       {"p99", provider.latency_p99_ms}};
  out["requests"] = provider.requests;
  out["answers"] = provider.answers;
  out["hedges"] = provider.hedges;
  out["hedges_won"] = provider.hedges_won;
  out["in_flight"] = provider.in_flight;
  out["limited_ms"] = provider.limited_ms;
  out["failures"] = std::move(failures);
  return out;
}

std::string line_of(const ProviderStatistics& provider) {
  const std::string behind = counted(provider.lag_blocks, "block") + " behind";
  const bool late = provider.state == ProviderState::behind;
  std::string out = late ? behind : std::string(to_string(provider.state));
  if (!late && provider.state != ProviderState::ready && !provider.reason.empty()) {
    out += ": " + provider.reason;
  }
  if (provider.answers != 0) {
    out += fmt::format(", {:.0f} ms (p99 {:.0f} ms)", provider.latency_ewma_ms,
                       provider.latency_p99_ms);
  }
  if (!late && provider.lag_blocks != 0) out += ", " + behind;
  out += ", " + counted(provider.answers, "answer");
  const std::uint64_t failures = provider.failures_total();
  if (failures == 0) return out;
  std::string causes;
  for (std::size_t i = 0; i < failure_causes; ++i) {
    if (provider.failures[i] == 0) continue;
    causes += fmt::format("{}{} {}", causes.empty() ? "" : ", ",
                          to_string(static_cast<FailureCause>(i)), grouped(provider.failures[i]));
  }
  return out + fmt::format(", {} ({})", counted(failures, "failure"), causes);
}

std::string line_of(const ChainStatistics& chain) {
  std::string out;
  for (const ProviderStatistics& provider : chain.providers) {
    out += fmt::format("{}{} {}", out.empty() ? "" : "; ", provider.name, line_of(provider));
  }
  return out;
}

boost::json::object to_json(const ChainStatistics& chain) {
  boost::json::array providers;
  for (const ProviderStatistics& provider : chain.providers) {
    providers.push_back(to_json(provider));
  }
  boost::json::object out{{"chain", chain.chain}, {"halted", chain.halted}};
  out["head"] = chain.head ? boost::json::value(*chain.head) : nullptr;
  out["asked"] = chain.asked;
  out["answered"] = chain.answered;
  out["failovers"] = chain.failovers;
  out["providers"] = std::move(providers);
  return out;
}

}  // namespace gantry::host

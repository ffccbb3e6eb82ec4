// What gantry doctor says of the RPC providers.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "host/cli/doctor.hpp"
#include "host/ports/http.hpp"
#include "host/provider/providers.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

// More than one, so that the second sees what the others told in the first, and a latency is not
// that of the first connection alone.
constexpr int rounds = 3;
constexpr std::chrono::milliseconds round_max{10000};

std::string name_of(const RpcProviderSettings& provider) { return "provider " + provider.name; }

// What can be said without asking; nullopt: it can be asked.
std::optional<Check> without_asking(const Session& session, const ChainSettings& chain,
                                    const RpcProviderSettings& provider, bool online) {
  const auto starts = [](const std::string& url, auto... schemes) {
    return (url.starts_with(schemes) || ...);
  };
  const std::string name = name_of(provider);
  const auto url = provider.url.resolve(with_chain(session.environment, chain.id));
  // With a variable missing, which is told elsewhere, there is nothing to ask.
  if (!url && !online) return Check{name, Verdict::ok, "not asked: use --online"};
  if (!url) return Check{name, Verdict::bad, url.error().message};
  if (starts(url->reveal(), "ws://", "wss://")) {
    return Check{name, Verdict::warning,
                 "not asked, for it speaks WebSocket: whether it answers, and on which chain, is "
                 "seen when `run` listens to it"};
  }
  if (!starts(url->reveal(), "http://", "https://")) {
    return Check{name, Verdict::bad,
                 fmt::format("{} stands for no URL: it has to begin with https://, http://, wss:// "
                             "or ws://",
                             mask_keys(provider.url.text()))};
  }
  if (!online) return Check{name, Verdict::ok, "not asked: use --online"};
  return std::nullopt;
}

Check judged(const ProviderStatistics& provider, const std::string& chain) {
  Check check{"provider " + provider.name, Verdict::ok, {}, to_json(provider)};
  const std::string answers =
      fmt::format("{}: answers for {} in {:.1f} ms, block {}", provider.origin, chain,
                  provider.latency_p50_ms, provider.head.value_or(0));
  switch (provider.state) {
    case ProviderState::ready:
      check.detail = answers;
      break;
    case ProviderState::behind:
      check.verdict = Verdict::warning;
      check.detail =
          fmt::format("{}, which is {} behind", answers, counted(provider.lag_blocks, "block"));
      break;
    case ProviderState::limited:
      check.verdict = Verdict::warning;
      check.detail = fmt::format("{}: {}", provider.origin, provider.reason);
      break;
    case ProviderState::wrong_chain:
      check.verdict = Verdict::bad;
      check.detail = fmt::format("{}: {}: it is never used. Correct its url in gantry.toml",
                                 provider.origin, provider.reason);
      break;
    default:
      check.verdict = Verdict::bad;
      check.detail = fmt::format("{}: {}", provider.origin, provider.reason);
  }
  return check;
}

// Rows of those that can be asked, in the order of `askable`.
void ask(const Session& session, const ChainSettings& askable, HttpPool& http, Checks& checks) {
  const SteadyClock clock;
  ProviderOptions options;
  options.watch = false;
  options.on_event = [](const ProviderEvent&) {};  // the rows say it
  auto providers = Providers::make(askable, {http, clock, session.environment}, options);
  if (!providers) {
    checks.push_back({"providers of " + askable.id, Verdict::bad, providers.error().message});
    return;
  }
  for (int round = 0; round < rounds; ++round) (*providers)->check_now(round_max);
  const ChainStatistics statistics = (*providers)->statistics();
  for (const ProviderStatistics& provider : statistics.providers) {
    checks.push_back(judged(provider, askable.id));
  }
  if (statistics.halted) {
    checks.push_back({"chain " + askable.id, Verdict::bad,
                      "HALTED: no provider can be asked, so it cannot run live"});
  }
}

}  // namespace

void check_providers(const Session& session, const Configuration& configuration, bool online,
                     Checks& checks) {
  std::unique_ptr<HttpPool> http;
  for (const ChainSettings& chain : configuration.chains) {
    if (chain.providers.empty()) {
      checks.push_back({"providers of " + chain.id, Verdict::ok, "none: recorded markets only"});
    }
    ChainSettings askable = chain;
    askable.providers.clear();
    for (const RpcProviderSettings& provider : chain.providers) {
      if (auto check = without_asking(session, chain, provider, online)) {
        checks.push_back(*std::move(check));
      } else {
        askable.providers.push_back(provider);
      }
    }
    if (askable.providers.empty()) continue;
    if (http == nullptr) {
      auto made = make_curl_http_pool();
      if (!made) {
        checks.push_back({"providers", Verdict::bad, made.error().message});
        return;
      }
      http = *std::move(made);
    }
    ask(session, askable, *http, checks);
  }
}

}  // namespace gantry::host::cli

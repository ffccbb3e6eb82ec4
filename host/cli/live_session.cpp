#include "host/cli/live_session.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "host/market/pending_swaps.hpp"
#include "host/quarantine/quarantine.hpp"

namespace gantry::host::cli {

LiveSession::~LiveSession() {
  watch.reset();
  // Stopped before the providers are, or it would take their refusal for a loss.
  if (pending) pending->request_stop();
  if (prices) prices->stop();
  if (providers) providers->stop();
  if (pending) pending->join();
}

Result<const ChainSettings*> live_chain(const Configuration& configuration,
                                        std::string_view wanted) {
  std::string known;
  for (const ChainSettings& chain : configuration.chains) {
    const bool named =
        chain.id == wanted || chain.name == wanted || chain.id == fmt::format("eip155:{}", wanted);
    if (wanted.empty() ? !chain.providers.empty() : named) {
      if (!chain.providers.empty()) return &chain;
      return fail(ErrorKind::configuration,
                  fmt::format("{} has no providers: add a [[chain.provider]] with a url to it in "
                              "gantry.toml",
                              chain.id));
    }
    known += fmt::format("{}{} ({})", known.empty() ? "" : ", ", chain.id, chain.name);
  }
  if (wanted.empty()) {
    return fail(ErrorKind::configuration,
                "no chain has providers: add a [[chain.provider]] with a url in gantry.toml");
  }
  return fail(
      ErrorKind::usage,
      fmt::format("there is no [[chain]] `{}` in gantry.toml; there are {}", wanted, known));
}

Result<std::unique_ptr<LiveSession>> ask_chain(const Session& session, const ChainSettings& chain,
                                               std::shared_ptr<HttpPool> http) {
  auto live = std::make_unique<LiveSession>();
  live->environment = with_chain(session.environment, chain.id);
  live->http = std::move(http);
  auto providers = Providers::make(chain, {*live->http, live->clock, live->environment});
  if (!providers) return std::unexpected(providers.error());
  live->providers = std::move(*providers);
  return live;
}

// Who collects pending transactions, where the operator wants them and a venue reads them; null: it
// is of no use.
static std::shared_ptr<PendingPool> pending_of(LiveSession& live, const ChainSettings& chain,
                                               const Plugins& plugins) {
  if (!live.settings.pending) return nullptr;
  std::vector<gantry_address> routers;
  for (const auto& venue : plugins.venues) {
    if (venue->settings.chain != chain.id) continue;
    for (const gantry_address& router : pending_routers(*venue, 0)) {
      const auto same = [&](const gantry_address& one) { return AddressEqual{}(one, router); };
      if (std::ranges::none_of(routers, same)) routers.push_back(router);
    }
  }
  const bool heard = !live.providers->websockets().empty();
  if (routers.empty() || !heard) {
    spdlog::warn("{}: pending transactions are wanted, and {}", chain.id,
                 heard ? "no venue reads any: set pending_routers of a [[dex]]"
                       : "no provider has a wss:// url that could tell of them");
    return nullptr;
  }
  auto pending = std::make_shared<PendingPool>(chain.id, std::move(routers), *live.providers);
  spdlog::info("{}: listening to pending transactions to {} routers", chain.id,
               pending->routers().size());
  live.feed->tell_pending(pending);
  return pending;
}

Status follow(LiveSession& live, const Configuration& configuration, const ChainSettings& chain,
              const Plugins& plugins) {
  live.settings = configuration.live;
  if (live.settings.cases.empty()) {
    // Beside the quarantine of plugins.
    if (const auto folder = default_quarantine_folder(live.environment)) {
      live.settings.cases = folder->parent_path() / "cases";
    }
  }
  auto feed = LiveFeed::open(chain, live.settings, plugins.venues, *live.providers);
  if (!feed) return std::unexpected(feed.error());
  live.feed = std::move(*feed);
  live.pending = pending_of(live, chain, plugins);
  if (!chain.prices.empty()) {
    auto prices = PriceWatch::make(chain, *live.http, live.environment);
    if (!prices) return std::unexpected(prices.error());
    live.prices = *std::move(prices);
    live.feed->tell_prices(live.prices);
  }
  HeadWatchOptions options;
  options.pending = live.pending;
  if (!live.providers->websockets().empty()) {
    live.watch = std::make_unique<HeadWatch>(
        chain, *live.providers, [feed = live.feed](bool connected) { feed->wake(connected); },
        std::move(options));
  }
  return {};
}

}  // namespace gantry::host::cli

// What a command needs to ask a chain: ports, providers, and the feed on them.
//
// THREADS    [main], but for what its parts say.
// OWNERSHIP  A session outlives the street that is given its feed, and the plugins outlive both.
#pragma once
#include <memory>
#include <string_view>

#include "host/base/result.hpp"
#include "host/cli/command.hpp"
#include "host/live/head_watch.hpp"
#include "host/live/live_feed.hpp"
#include "host/plugin/instances.hpp"
#include "host/ports/http.hpp"
#include "host/ports/process_clock.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host::cli {

struct LiveSession {
  const Clock& clock = process_clock();  // the pool may outlive this
  Environment environment;
  std::shared_ptr<HttpPool> http;
  std::unique_ptr<Providers> providers;
  LiveSettings settings;                 // the configuration's, with every folder named
  std::shared_ptr<LiveFeed> feed;        // null until follow()
  std::shared_ptr<PendingPool> pending;  // null: nobody listens to pending transactions
  std::shared_ptr<PriceWatch> prices;    // null: no price is asked for outside the chain
  std::unique_ptr<HeadWatch> watch;      // null where no provider has a WebSocket

  // Nobody asks the providers any more, whoever still holds the feed; but nobody may go on with it.
  ~LiveSession();
};

// The chain to ask: the one called `wanted` (its id, its name, or the number of an EVM chain), or
// else the first that has providers. Fails with `configuration` or, of `wanted`, `usage`.
Result<const ChainSettings*> live_chain(const Configuration& configuration,
                                        std::string_view wanted);

// Providers of the chain, which are asked from now on. The pool may be that of other chains too.
// Fails as Providers::make.
Result<std::unique_ptr<LiveSession>> ask_chain(const Session& session, const ChainSettings& chain,
                                               std::shared_ptr<HttpPool> http);
// The feed of the plugins' venues. Fails as LiveFeed::open.
Status follow(LiveSession& live, const Configuration& configuration, const ChainSettings& chain,
              const Plugins& plugins);

}  // namespace gantry::host::cli

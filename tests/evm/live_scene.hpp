// A chain of its own with traded pairs, and the host's parts that follow it.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "evm/traded_pair.hpp"
#include "host/config/load.hpp"
#include "host/live/live_feed.hpp"
#include "host/market/market_view.hpp"
#include "host/plugin/instances.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/http.hpp"
#include "host/provider/providers.hpp"

namespace gantry::test {

// gantry.toml and dex_config.toml for a chain of anvil's and these pairs.
struct LiveFiles {
  std::string gantry;
  std::string dex;
  std::string strategies;
};
LiveFiles live_files(const std::string& url, const std::vector<const PairContract*>& pairs,
                     const std::filesystem::path& plugins);

// The same for several chains, each with a venue `uniswap_v2_NAME` and a strategy
// `triangular_NAME`.
struct LiveChain {
  std::string id;  // CAIP-2
  std::string name;
  std::string url;  // of its one provider, as gantry.toml has it
  std::vector<const PairContract*> pairs;
};
LiveFiles live_files(const std::vector<LiveChain>& chains, const std::filesystem::path& plugins);

// The sections of gantry.toml for one chain of anvil's, but for [live]; where plugins lie too.
struct LiveChainSection {
  std::string coin;    // the wrapped one
  std::string dollar;  // a token that counts as one
  std::string url;     // of its one provider
  std::uint64_t block_time_s = 1;
};
std::string live_chain_section(const LiveChainSection& chain);

class LiveScene {
 public:
  explicit LiveScene(std::size_t pairs);
  // Without pairs: whatever is put on the chain there, and the files that fit it.
  explicit LiveScene(const std::function<LiveFiles(Anvil&)>& make);
  ~LiveScene();

  Anvil& chain() { return chain_; }
  TradedPair& pair(std::size_t index) { return *pairs_[index]; }
  static constexpr std::size_t no_pair = SIZE_MAX;
  // Trades some pairs, but never `idle`, and mines.
  void mine_random(std::mt19937_64& random, std::size_t idle = no_pair);
  // Mines what was sent, and throws where some of it reverted.
  void mine();
  std::string snapshot();
  void revert(const std::string& snapshot);

  // A second provider, whose url is the chain's WebSocket. Before follow().
  void add_websocket();
  // Whom the chain is asked through from now on, instead of the node itself. Before follow().
  void ask_through(std::vector<host::RpcProviderSettings> providers, host::HttpPoolOptions http);
  // A feed that begins at the chain's newest block.
  std::shared_ptr<host::LiveFeed> follow();
  host::MarketState market() const;
  host::Configuration& configuration() { return configuration_; }
  host::Providers& providers() { return *providers_; }

 private:
  Anvil chain_;
  std::vector<std::unique_ptr<TradedPair>> pairs_;
  TemporaryFolder folder_;
  host::Configuration configuration_;
  host::Plugins plugins_;
  host::SteadyClock clock_;
  host::Environment environment_;
  std::unique_ptr<host::HttpPool> http_;
  std::unique_ptr<host::Providers> providers_;
  std::vector<std::shared_ptr<host::LiveFeed>> feeds_;
};

// A follower of the chain: the street's side of a feed.
class Follower {
 public:
  explicit Follower(LiveScene& scene);
  // Takes blocks until that one has been the newest.
  void go_to(std::uint64_t block);

  std::shared_ptr<host::LiveFeed> feed;
  host::MarketState market;
  host::SnapshotPtr snapshot;
  std::vector<host::BlockInput> inputs;  // all that came
};

}  // namespace gantry::test

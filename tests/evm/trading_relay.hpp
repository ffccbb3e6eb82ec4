// Two relays of bundles, and whoever makes the blocks and hears them: a bundle is let into the
// block that it names and into no other, if nothing in it would fail there. One with somebody
// else's transaction in front of the account's has both of them in that order, or neither.
//
// ERRORS   Throws std::runtime_error.
// THREADS  The relays' own beside the caller's.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "evm/trading_scene.hpp"
#include "support/http_server.hpp"

namespace gantry::test {

enum class RelayManner {
  takes,
  refuses,
  hangs,            // takes nothing, and does not answer
  takes_and_hangs,  // takes it, and does not say so
};

class TradingRelays {
 public:
  // Writes them into the scene's configuration, which from then on sends bundles.
  explicit TradingRelays(TradingScene& scene);

  void set(std::size_t relay, RelayManner manner);
  // Whether bundles that were taken are let into blocks.
  void include(bool included);

  // Whether bundles of several senders' requests are put into one block behind each other. Without
  // it each has to stand alone, as relays that bid with single bundles have it.
  void join(bool joined);

  // A block with the bundles that are for it, and nothing else.
  void make_block();
  // A block in which the market moves, and then as many of make_block().
  void trade(int blocks = 1, int wait_ms = 60);

  // The blocks that bundles were asked for, by transaction, as the first relay that took them
  // heard.
  std::vector<std::uint64_t> blocks_of(const std::string& transaction) const;
  std::size_t taken(std::size_t relay) const;
  // The bundles of two that the first relay took: somebody else's transaction, and ours.
  std::vector<std::pair<std::string, std::string>> behind() const;
  // Requests that a relay had, whatever became of them.
  std::size_t heard(std::size_t relay) const;
  // What was wrong with the requests: a header that is missing or of another's signature, two keys,
  // the account's own. Empty: nothing was.
  std::vector<std::string> faults() const;
  // One request's body and header, for somebody else to check.
  std::pair<std::string, std::string> example() const;

 private:
  struct Taken {
    std::size_t relay = 0;
    std::uint64_t block = 0;
    std::string transaction;  // the account's, "0x..."
    std::string theirs;       // in front of it; empty: nothing is
  };
  HttpReply answer(std::size_t relay, const HttpCall& call);
  // Empty: it is as it should be.
  std::string check_header(const HttpCall& call);
  static std::string check_bundle(const boost::json::array& transactions, const std::string& owner);
  bool would_pass(const Taken& bundle);

  TradingScene& scene_;
  mutable std::mutex mutex_;  // guards what follows
  std::array<RelayManner, 2> manners_{RelayManner::takes, RelayManner::takes};
  bool included_ = true;
  bool joined_ = true;
  std::vector<Taken> bundles_;
  std::array<std::size_t, 2> heard_{};
  std::vector<std::string> faults_;
  std::string header_signer_;
  std::pair<std::string, std::string> example_;
  std::array<std::unique_ptr<HttpServer>, 2> servers_;
};

}  // namespace gantry::test

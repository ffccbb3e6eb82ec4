// Keeps pools out whose tokens do not arrive as they are sent: each token of a pool that is not
// followed yet is probed where the pool's tokens lie (see tokens/token_probe.hpp). Balances that
// move by themselves are books_check.hpp's.
//
// A pool is let in when every token of it was tried there and is plain, whatever it was found to be
// elsewhere: a tax may be on the transfers of one pool alone. Until then it is the caller's to ask
// again.
//
// THREADS  One at a time: the live feed's.
// ERRORS   As chain_blocks.hpp. That a node refuses to try, or does not answer it, is an outcome.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "host/config/settings.hpp"
#include "host/live/held_tokens.hpp"
#include "host/market/topology.hpp"
#include "host/tokens/token_probe.hpp"

namespace gantry::host {

enum class TrialOutcome : std::int32_t {
  let_in = 1,       // all tokens are plain, or the operator wants them untried
  odd = 2,          // for good
  empty = 3,        // it holds too little of a token
  refused = 4,      // no provider would try
  not_reached = 5,  // not asked for: the trials of this turn had ended before
};

struct PoolTrial {
  TrialOutcome outcome = TrialOutcome::let_in;
  std::string reason;  // of `odd`, `empty` and `refused`: begins with "token 0x..."
  // Of `refused`: the request failed as a whole, be it for another pool's token.
  bool lost = false;
};

class TokenCheck {
 public:
  static constexpr std::size_t probes_per_trip = 100;
  static constexpr std::size_t trips_max = 10;  // of one check()

  TokenCheck(const ChainSettings& chain, Providers& providers, Fetcher& fetcher)
      : chain_(chain), providers_(providers), fetcher_(fetcher) {}

  struct Pool {
    gantry_address address{};  // or an id that begins with it
    std::span<const gantry_address> tokens;
    std::uint32_t turn = 0;  // how often it was asked for before
    std::uint32_t lost = 0;  // how often in a row its trial was lost
  };
  // One trial for each pool, read at the block. Where nobody would try a whole trip of probes,
  // where the block's state is gone after the first trip, and after trips_max of them no more are
  // sent: the rest is `not_reached`. What was lost goes in smaller trips and behind the others, so
  // that a token that no node can bear is soon alone.
  Result<std::vector<PoolTrial>> check(const gantry_context& context, const BlockPin& pin,
                                       std::span<const Pool> pools);
  // Of the last check(): it ended for its own sake, and there is more to try at the next block.
  bool goes_on() const noexcept { return goes_on_; }

 private:
  struct Held;                      // a token in a pool
  enum class Trip : std::int32_t {  // of probes
    tried = 1,
    refused = 2,  // by whoever was asked
    lost = 3,     // nobody answered
    gone = 4,     // the block's state
  };

  bool is_allowed(const gantry_address& token) const;
  Status find_holders(const gantry_context& context, std::span<const Pool> pools,
                      std::span<Held> held);
  Result<Trip> probe(const BlockPin& pin, std::span<Held* const> held,
                     std::vector<PoolTrial>& trials);
  Status probe_all(const BlockPin& pin, std::span<Held* const> held,
                   std::vector<PoolTrial>& trials);

  const ChainSettings& chain_;
  Providers& providers_;
  Fetcher& fetcher_;
  bool goes_on_ = false;
  // Of pools that wait.
  std::unordered_map<gantry_address, gantry_address, AddressHash, AddressEqual> vaults_;
};

}  // namespace gantry::host

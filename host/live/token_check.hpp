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
  not_reached = 5,  // as the one before it was refused: this one was not asked for
};

struct PoolTrial {
  TrialOutcome outcome = TrialOutcome::let_in;
  std::string reason;  // of `odd`, `empty` and `refused`: begins with "token 0x..."
};

class TokenCheck {
 public:
  static constexpr std::size_t probes_per_trip = 100;

  TokenCheck(const ChainSettings& chain, Providers& providers, Fetcher& fetcher)
      : chain_(chain), providers_(providers), fetcher_(fetcher) {}

  struct Pool {
    gantry_address address{};  // or an id that begins with it
    std::span<const gantry_address> tokens;
    std::uint32_t turn = 0;  // how often it was asked for before
  };
  // One trial for each pool, read at the block. Where nobody would try a whole trip of probes, no
  // more are sent: the rest is `not_reached`.
  Result<std::vector<PoolTrial>> check(const gantry_context& context, const BlockPin& pin,
                                       std::span<const Pool> pools);

 private:
  struct Held;  // a token in a pool

  bool is_allowed(const gantry_address& token) const;
  Status find_holders(const gantry_context& context, std::span<const Pool> pools,
                      std::span<Held> held);
  Result<bool> probe(const BlockPin& pin, std::span<Held* const> held,
                     std::vector<PoolTrial>& trials);

  const ChainSettings& chain_;
  Providers& providers_;
  Fetcher& fetcher_;
  // Of pools that wait.
  std::unordered_map<gantry_address, gantry_address, AddressHash, AddressEqual> vaults_;
};

}  // namespace gantry::host

// Whether pools hold what their books say: a pool whose contract counts more of a token than it has
// is of a token that rebases, or that was taxed on its way in, and cannot pay what it quotes.
//
// Rationale: a pool's books are its venue's view(), which is what it can pay out; so for every
// venue less may be counted than is there, and never more. Vaults keep the tokens of many pools
// together: there a token that rebases is found when less is left than one pool counts.
//
// A new pool is looked at as soon as it has a state. After that pools take turns, some at each
// block that is audited, as balances that move by themselves move later.
//
// THREADS  One at a time: the live feed's.
// ERRORS   What could not be read is looked at again with the next block.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "host/config/settings.hpp"
#include "host/live/held_tokens.hpp"
#include "host/market/snapshot.hpp"

namespace gantry::host {

class BooksCheck {
 public:
  struct Finding {
    std::uint32_t pool = 0;
    std::string reason;  // the token, what is counted and what is held
  };

  BooksCheck(const ChainSettings& chain, Fetcher& fetcher) : chain_(chain), fetcher_(fetcher) {}

  // To be looked at with the next check().
  void add(std::uint32_t pool) { due_.push_back(pool); }
  // The next `count` pools, those that come after the last ones.
  void add_next(const Snapshot& snapshot, std::size_t count);
  // Of pools that take part. The fetcher reads at the snapshot's block already.
  Result<std::vector<Finding>> check(const Snapshot& snapshot);

 private:
  const ChainSettings& chain_;
  Fetcher& fetcher_;
  std::vector<std::uint32_t> due_;
  std::uint32_t next_pool_ = 0;
};

}  // namespace gantry::host

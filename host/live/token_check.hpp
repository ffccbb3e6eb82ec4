// Keeps pools out whose tokens do not arrive as they are sent: each token of a pool that is not
// followed yet is probed where the pool's tokens lie (see tokens/token_probe.hpp). Balances that
// move by themselves are books_check.hpp's.
//
// What a node refuses to try is let in, and that is told once: a chain may have only such nodes.
//
// THREADS  One at a time: the live feed's.
// ERRORS   As chain_blocks.hpp.
#pragma once
#include <span>
#include <string>
#include <vector>

#include "host/config/settings.hpp"
#include "host/live/held_tokens.hpp"
#include "host/tokens/token_probe.hpp"

namespace gantry::host {

class TokenCheck {
 public:
  static constexpr std::size_t probes_per_trip = 100;

  TokenCheck(const ChainSettings& chain, Providers& providers, Fetcher& fetcher)
      : chain_(chain), providers_(providers), fetcher_(fetcher) {}

  struct Pool {
    gantry_address address{};  // or an id that begins with it
    std::span<const gantry_address> tokens;
  };
  // For each pool why it is to be left out; empty: it is not. Read at the block.
  Result<std::vector<std::string>> check(const gantry_context& context, const BlockPin& pin,
                                         std::span<const Pool> pools);

 private:
  struct Held;  // a token in a pool

  bool is_allowed(const gantry_address& token) const;
  Status probe(const BlockPin& pin, std::span<Held*> held, std::vector<std::string>& reasons);

  const ChainSettings& chain_;
  Providers& providers_;
  Fetcher& fetcher_;
  bool told_untried_ = false;
};

}  // namespace gantry::host

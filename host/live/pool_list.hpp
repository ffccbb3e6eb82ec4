// Which pools of a chain to follow: those of the configuration's lists, and those that venues find
// by themselves (a factory's logs), with the metadata of their tokens.
//
// THREADS  One at a time: the live feed's.
// ERRORS   As chain_blocks.hpp. A pool with a token that is none, or that does not arrive as it is
//          sent, is left out, and that is told.
// UNTRIED  A pool whose tokens could not all be tried, for it is empty or no node would, is kept
//          out too, and tried again at each find(): some at a time, the longest not tried first.
#pragma once
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>
#include <vector>

#include "host/config/settings.hpp"
#include "host/live/chain_logs.hpp"
#include "host/live/fetcher.hpp"
#include "host/live/token_check.hpp"
#include "host/market/market_state.hpp"

namespace gantry::host {

// In the handles of the whole run: tokens and pools that were told of before come first.
struct FoundPools {
  std::vector<recording::Token> tokens;
  std::vector<recording::Pool> pools;
};

// Pools that wait for their tokens to be tried.
struct UntriedPools {
  std::size_t empty = 0;      // hold too little of a token
  std::size_t refused = 0;    // no provider would try
  std::size_t unreached = 0;  // their turn comes at the next block
  // Of one that was asked for last; of `refused` where there is one.
  std::string reason;

  std::size_t count() const noexcept { return empty + refused + unreached; }
};

class PoolList {
 public:
  static constexpr std::size_t discovered_max = 20'000;      // pools of one venue
  static constexpr std::uint32_t discover_rounds_max = 256;  // at one call of find()
  static constexpr std::uint32_t decimals_max = 60;
  // Pools that wait and are tried again at one call of find(). With Multicall3, what a thousand
  // hold is some ten calls; without, each is one of its own.
  static constexpr std::size_t tried_again_max = 1000;
  static constexpr std::size_t tried_again_singly_max = 100;
  static constexpr std::size_t new_tried_max = 1000;  // the same of new pools

  PoolList(const ChainSettings& chain, std::vector<std::shared_ptr<VenueInstance>> venues,
           Providers& providers, Fetcher& fetcher)
      : chain_(chain),
        venues_(std::move(venues)),
        providers_(providers),
        fetcher_(fetcher),
        tokens_(chain, providers, fetcher) {}

  // What was not told of before, as of the block; on an error all of it comes again.
  Result<FoundPools> find(const gantry_context& context, const BlockPin& pin);
  // The last find() left pools that nothing speaks against trying at the next block. It goes on
  // with them, and venues are not asked for more before.
  bool goes_on() const noexcept { return goes_on_; }
  // As the last find() left them.
  const UntriedPools& untried() const noexcept { return waiting_; }

 private:
  struct Candidate {
    std::string venue;
    gantry_address address{};
    std::vector<gantry_address> tokens;
    recording::Bytes metadata;
    std::uint32_t turns = 0;  // trials that came to nothing
    std::uint32_t lost = 0;   // trials in a row whose request failed as a whole
    TrialOutcome last = TrialOutcome::not_reached;
  };
  struct Discovery;
  struct TokenText {
    std::uint32_t decimals = 0;
    std::string symbol;
  };

  void add_listed();
  Status discover(const gantry_context& context, const BlockPin& pin);
  Status discover(const VenueInstance& venue, const gantry_context& context, const BlockPin& pin);
  Status answer_ranges(Discovery& round, std::size_t request, const LogRange& range);
  Status read_tokens(const gantry_context& context);
  void leave_out_what_is_no_token();
  Result<std::vector<Candidate>> try_tokens(const gantry_context& context, const BlockPin& pin);
  void count_untried(std::span<const PoolTrial> trials);
  void tell_let_in(std::span<const Candidate> pools) const;

  const ChainSettings& chain_;
  std::vector<std::shared_ptr<VenueInstance>> venues_;
  Providers& providers_;
  Fetcher& fetcher_;
  TokenCheck tokens_;
  bool listed_ = false;
  std::vector<Candidate> candidates_;  // new, and not tried yet
  std::deque<Candidate> untried_;      // the longest not tried first
  UntriedPools waiting_;
  bool goes_on_ = false;
  bool told_empty_ = false;
  bool told_refused_ = false;
  std::set<std::pair<std::string, std::string>> known_;  // venue and address
  std::map<std::string, recording::Bytes> cursors_;      // by venue
  std::set<std::string> not_discoverable_;               // venues
  std::map<std::string, std::size_t> discovered_;        // by venue
  using ByAddress =
      std::unordered_map<gantry_address, std::optional<TokenText>, AddressHash, AddressEqual>;
  ByAddress texts_;  // of tokens that were read; nothing: it is no token
  std::unordered_map<gantry_address, std::uint32_t, AddressHash, AddressEqual> handles_;
};

// What symbol() returned, as bytes32 or as a string, made printable; "?" when it is neither.
std::string symbol_of(std::span<const std::uint8_t> bytes);

}  // namespace gantry::host

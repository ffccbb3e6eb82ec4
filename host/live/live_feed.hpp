// A chain as the street's input: each block once, in the chain's order, with the logs that pools
// wait for and the answers that they ask for, all read at that block's hash.
//
// It keeps a market of its own, which asks the pools what they need. The street's market is given
// the same facts, live or from a recording, and comes to the same states.
//
// GAPS      Every block between the newest and the head is fetched, one by one; more than
//           gap_blocks_max of them: the head alone, with every pool read anew.
// LOGS      A provider has a block before it has its logs, and until then says that there are none:
//           the header tells (logs_proof.hpp). Of a block whose logs nobody has for a while: every
//           pool is read anew.
// REORGS    A head whose parent is not the newest block: back to the newest block that both chains
//           have, whose states are kept; deeper than undo_blocks: every pool is read anew.
// AUDIT     At every audit_every_blocks-th block some pools are read anew and compared with what
//           logs have kept. One that differs takes no part from that block on, and a case is
//           written.
// BOOKS     A pool that holds less of a token than it counts takes no part: a new one from its
// first
//           block on, others from the block on at which their turn comes (books_check.hpp).
// ERRORS    Whatever the providers cannot give is tried again, and told once. open() fails with
//           `configuration`; next() ends early, with damage(), only when there is no pool to
//           follow.
// THREADS   next() on one thread; stop(), wake() and status() from any.
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host/config/settings.hpp"
#include "host/feed/feed.hpp"
#include "host/live/audit.hpp"
#include "host/live/books_check.hpp"
#include "host/live/chain_blocks.hpp"
#include "host/live/chain_logs.hpp"
#include "host/live/data_fee_reads.hpp"
#include "host/live/fetcher.hpp"
#include "host/live/logs_proof.hpp"
#include "host/live/pending_pool.hpp"
#include "host/live/pool_list.hpp"
#include "host/live/price_watch.hpp"
#include "host/market/past_prices.hpp"

namespace gantry::host {

struct LiveStatus {
  std::uint64_t block = 0;   // the newest that was delivered
  std::uint64_t time_s = 0;  // its own, Unix time
  std::uint64_t reorganizations = 0;
  std::uint64_t blocks_undone = 0;
  std::uint64_t fresh_reads = 0;  // of all pools
  std::uint64_t round_trips = 0;  // of pools' requests
  std::uint64_t pools_audited = 0;
  std::uint64_t pools_quarantined = 0;
  std::uint64_t pools_untried = 0;  // kept out until their tokens can be tried
  PendingCounts pending;
  std::string trouble;  // what keeps it from going on; empty: nothing
};

class LiveFeed final : public Feed {
 public:
  // Blocks that are fetched at once when some were missed.
  static constexpr std::uint64_t blocks_per_trip = 32;
  // How often venues are asked for new pools, and those are tried again that wait for it.
  static constexpr std::uint64_t discover_every_blocks = 64;

  // `venues` are those of the chain; settings and providers outlive the feed.
  static Result<std::shared_ptr<LiveFeed>> open(const ChainSettings& chain,
                                                const LiveSettings& settings,
                                                std::vector<std::shared_ptr<VenueInstance>> venues,
                                                Providers& providers);
  ~LiveFeed() override;

  const recording::Header& header() const override { return header_; }
  std::optional<BlockInput> next() override;
  const std::string& damage() const noexcept override { return damage_; }
  void stop() noexcept override;
  // There may be a new head: it is asked for at once. While heads are told of (`listening`), it is
  // asked for less often besides.
  void wake(bool listening = false) noexcept;
  LiveStatus status() const;
  // These pools did something else than they were quoted for: they are compared with the chain at
  // the next block. With a reason they take no part from then on, whatever that finds. [any thread]
  void suspect(const std::vector<gantry_address>& pools, std::string reason);
  // Pending transactions, and prices, to be told of with each block, and between blocks where
  // `between_blocks_ms` says so. Before the first next().
  void tell_pending(std::shared_ptr<PendingPool> pending) { pending_ = std::move(pending); }
  void tell_prices(std::shared_ptr<PriceWatch> prices) { prices_ = std::move(prices); }
  // What an earlier run kept of prices, to be told of with the first block. Before the first
  // next().
  void tell_past(std::vector<PastPrices> past) { past_ = std::move(past); }

 private:
  LiveFeed(const ChainSettings& chain, const LiveSettings& settings,
           std::vector<std::shared_ptr<VenueInstance>> venues, Providers& providers);

  Status begin();
  Status look_for_pools(const ChainBlock& block);
  Status look_for_more(const ChainBlock& block);
  Status follow();
  Status follow_from(std::uint64_t base, std::uint64_t head);
  Result<std::optional<std::uint64_t>> common_block(std::uint64_t top);
  Status read_anew(const Head& head);
  Status deliver(const ChainBlock& block, std::optional<gantry_amount> gas_price);
  void compare(const Snapshot& snapshot, BlockInput& input);
  void check_books(const Snapshot& snapshot, BlockInput& input);
  Audit::Suspects suspects_of(const Snapshot& snapshot);
  Result<Head> newest();
  void doubt(const Status& done);
  bool is_known(const Head& head) const;
  bool wait();
  std::vector<MarketEvent> told_events();
  void tell_between();
  void tell_mined(const ChainBlock& block, BlockInput& input);
  void tell(const Status& done);
  void tell_statistics();
  gantry_context context_of(const ChainBlock& block) const;

  const ChainSettings& chain_;
  const LiveSettings& settings_;
  std::vector<std::shared_ptr<VenueInstance>> venues_;
  Providers& providers_;
  recording::Header header_;
  std::string damage_;
  Fetcher fetcher_;
  DataFeeReads data_fee_;
  LogBlooms blooms_;
  PoolList pools_;
  Audit audit_;
  BooksCheck books_;
  std::shared_ptr<PendingPool> pending_;  // null: none
  std::shared_ptr<PriceWatch> prices_;    // null: none
  std::vector<PastPrices> past_;          // until the first block has been delivered
  // Hashes of pending transactions that were told of, the newest last; as those of blocks.
  std::deque<std::string> waiting_;
  recording::Block last_;  // that was delivered
  std::chrono::steady_clock::time_point follow_at_{};
  std::chrono::steady_clock::time_point between_at_{};  // of the next look at what waits
  std::vector<MarketEvent> quarantines_;                // to be told of with the next block
  FoundPools found_;                                    // to be told of with the next block
  std::unique_ptr<MarketState> market_;
  std::deque<ChainBlock> blocks_;  // that can be undone to, the newest last
  std::deque<BlockInput> ready_;
  std::vector<recording::Fact> input_facts_;  // of the block that is delivered next: logs, data fee
  std::optional<std::uint64_t> undo_to_;      // to be told of with the next block
  bool fresh_ = false;                        // the same
  std::uint64_t looked_for_pools_ = 0;        // the block
  bool look_failed_ = false;                  // the last, and it was told
  int missing_ = 0;                           // attempts in a row at blocks that nobody has
  std::chrono::steady_clock::time_point statistics_told_ = std::chrono::steady_clock::now();

  mutable std::mutex mutex_;  // guards the four below
  std::condition_variable moved_;
  bool woken_ = false;
  LiveStatus status_;
  std::vector<std::pair<gantry_address, std::string>> suspects_;  // and why
  std::atomic<bool> stopped_{false};
  std::atomic<bool> listening_{false};
};

}  // namespace gantry::host

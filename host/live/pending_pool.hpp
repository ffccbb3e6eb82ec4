// Transactions that wait to be included, as a provider's subscription tells of them: those to the
// routers that venues read, until the next block takes them along.
//
// A provider tells either the whole transaction or its hash alone; hashes are asked for, all that
// came since the last tick in one batch. One that the provider asked does not know, as another told
// of it, is asked for once more at a later tick.
//
// Of each its signed bytes are made again and kept for a while: what is sent behind it needs them.
//
// BOUNDS   transactions_max wait for a block and hashes_max for a tick, of which at most
//          hashes_per_tick are asked for. What comes beyond is dropped, counted, and told of in the
//          log at most once a minute; so is what was asked for in vain.
// THREADS  Has one of its own, which asks. tell() from whoever listens, drain() from the feed;
//          request_stop() from any, join() and the destructor from one.
#pragma once
#include <boost/json.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "host/base/keccak.hpp"
#include "host/market/pending_swaps.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host {

struct PendingCounts {
  std::uint64_t told = 0;     // transactions and hashes, each once
  std::uint64_t taken = 0;    // to a router, whole
  std::uint64_t dropped = 0;  // over a bound, or unknown to who was asked
};

class PendingPool {
 public:
  static constexpr std::size_t transactions_max = 1024;
  static constexpr std::size_t hashes_max = 2048;
  static constexpr std::size_t hashes_per_tick = 200;
  static constexpr std::size_t remembered_max = 32'768;  // hashes that were told of
  // Of which signed bytes are kept, the newest.
  static constexpr std::size_t signed_max = pending_window_max;
  static constexpr std::size_t signed_bytes_max = 8U << 20U;
  static constexpr std::chrono::milliseconds tick{250};

  // `providers` is used until join(), or until it ends. `chain` is for the log.
  PendingPool(std::string chain, std::vector<gantry_address> routers, Providers& providers);
  PendingPool(const PendingPool&) = delete;
  PendingPool& operator=(const PendingPool&) = delete;

  // Whose transactions are taken. None: there is nothing to listen to.
  const std::vector<gantry_address>& routers() const noexcept { return routers_; }
  // What a subscription told: a transaction or a hash. Anything else is nothing.
  void tell(const boost::json::value& told);
  // Those that wait, in the order in which they came whole. They are then the caller's.
  std::vector<PendingTransaction> drain();
  PendingCounts counts() const;
  // One that was taken. Fails, with a whole line: `not_found`: it is not known, or not any more;
  // `format`: who told of it did not tell its signature, or told what is not it.
  Result<std::vector<std::uint8_t>> signed_bytes(const Hash32& hash) const;
  // Nothing more is asked for; what is under way is waited for by join().
  void request_stop() noexcept { thread_.request_stop(); }
  // After request_stop(): from here on the providers may end, whoever still holds this.
  void join();

 private:
  struct Asked {
    std::string hash;
    bool again = false;  // somebody did not know it
  };

  void take(const boost::json::value& body);
  void keep_signed(const Hash32& hash, const boost::json::value& body);
  bool is_new(const std::string& hash);
  void dropped(std::uint64_t count);
  void run(const std::stop_token& stop);
  void ask(std::vector<Asked> hashes, const std::stop_token& stop);
  void not_known(Asked asked);

  std::string chain_;
  std::vector<gantry_address> routers_;
  Providers& providers_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable_any moved_;
  std::vector<PendingTransaction> waiting_;
  std::deque<Asked> hashes_;
  std::unordered_set<std::string> known_;
  std::deque<std::string> remembered_;  // known_, the oldest first
  struct Signed {
    Hash32 hash;
    Result<std::vector<std::uint8_t>> bytes;
  };
  std::deque<Signed> signed_;  // the oldest first
  std::size_t signed_bytes_ = 0;
  PendingCounts counts_;
  std::chrono::steady_clock::time_point complained_{};
  std::jthread thread_;  // the last: it uses the others
};

// A node's transaction as eth_getTransactionByHash gives it; nullopt: it creates a contract, is
// longer than what is kept, or is no transaction.
std::optional<PendingTransaction> parse_pending(const boost::json::value& body);

}  // namespace gantry::host

// What may be asked of a ledger, also while a host writes to it.
//
// COST     Over a million trades each takes well below 100 ms: sums are kept by day, chain, coin
// and
//          strategy or venue; what is open has an index; the newest are read backwards.
// THREADS  A reader is one thread's at a time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/ledger/records.hpp"

namespace gantry::host::ledger {

inline constexpr std::size_t open_intents_max = 10'000;  // told at once; more are an error
inline constexpr std::size_t last_trades_max = 10'000;

enum class By : std::int32_t { strategy = 1, venue = 2, day = 3, chain = 4 };
std::string_view to_string(By by);

// Days are counted from 1 January 1970, UTC, by the time of the block.
struct ProfitQuery {
  By by = By::strategy;
  std::optional<std::int64_t> from_day;
  std::optional<std::int64_t> to_day;  // inclusive
};

// Of one group and one coin: wei of different coins are not added up.
struct ProfitRow {
  std::string group;  // a strategy, venue or chain; a day as "2026-01-31"
  std::string coin;
  std::uint64_t included = 0;    // trades that succeeded
  std::uint64_t reverted = 0;    // that failed on the chain
  std::uint64_t unreckoned = 0;  // whose profit is not known yet
  std::uint64_t unvalued = 0;    // whose profit has no value in dollars
  SignedAmount wei;              // after costs, of those that are reckoned
  std::int64_t usd_e6 = 0;       // the same of those that are valued
};

struct Trade {
  StoredIntent intent;
  std::optional<StoredResult> result;  // none: it is open, or was never included
};

// A change of what is known of a trade that is in a block: what it brought, or that its block was
// taken back after that had been said.
struct ResultNews {
  std::int64_t row = 0;  // of the trail
  std::string chain;
  bool is_taken_back = false;
  // As the trail has it: of `realised`, value, cost, price and exchange; of the receipt, success
  // and block.
  StoredResult result;
};

class Connection;

class Reader {
 public:
  // Fails with not_found: there is no ledger; else as Ledger::open().
  static Result<std::unique_ptr<Reader>> open(const std::filesystem::path& path);
  ~Reader();

  Result<StoredIntent> intent(IntentId id);
  Result<std::vector<StoredAttempt>> attempts(IntentId id);
  Result<std::optional<StoredResult>> result_of(IntentId id);
  Result<std::vector<StoredIntent>> open_intents();
  Result<std::vector<StoredIntent>> watched_intents();
  Result<std::vector<StoredIntent>> intents_of(const Lane& lane, std::uint64_t nonce);
  Result<std::vector<StoredResult>> results_not_final();
  Result<std::vector<Trade>> last_trades(std::size_t count);
  // By venue a trade counts at each venue of its route, and its profit is split evenly over the
  // legs. Days oldest first, all else the most profitable first.
  Result<std::vector<ProfitRow>> profit(const ProfitQuery& query);
  // All trades between two tokens that succeeded on a chain and are reckoned, in the order of the
  // chain: positions follow from them.
  Result<std::vector<Trade>> exchanges(const std::string& chain);
  Result<std::vector<Lane>> lanes();
  // What the trail says after that row, in its order. Fails with `format`: it was changed.
  Result<std::vector<ResultNews>> result_news(std::int64_t after_row);

 private:
  Result<std::optional<ResultNews>> news_of(std::int64_t row, const std::string& facts);
  Result<std::string> facts_before(std::int64_t row, std::int64_t kind, IntentId intent,
                                   std::int64_t& found);
  explicit Reader(std::unique_ptr<Connection> connection);
  std::unique_ptr<Connection> connection_;
};

// "2026-01-31" and back; nullopt: it is no such day.
std::string day_text(std::int64_t day);
std::optional<std::int64_t> parse_day(std::string_view text);

}  // namespace gantry::host::ledger

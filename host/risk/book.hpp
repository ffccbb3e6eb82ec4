// What limits look at: exposure, results, failures, gas and equity, in total and of each chain,
// venue, strategy and library; and the breakers that follow from them.
//
// It changes by facts alone, each with its time, so that a replay of the facts is the run again.
// Two kinds: results of trades, which the street tells in the order of its groups and a replay
// finds again; and facts from outside (an operator, a provider), which begin_group() hands out to
// be recorded.
//
// UNITS    Amounts in wei of the chain's coin, exact; dollars in millionths; times in Unix seconds.
// THREADS  Any; begin_group() by the judging node alone. A published view is immutable.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/market.h"
#include "gantry/u256.hpp"
#include "host/base/result.hpp"
#include "host/risk/breaker.hpp"
#include "host/risk/positions.hpp"

namespace gantry::host {

using ScopeId = std::uint16_t;
inline constexpr ScopeId total_scope = 0;
inline constexpr ScopeId chain_scope = 1;

// Those that a trade touches: total, chain, strategy and its library, and those of each leg.
struct TradeScopes {
  static constexpr std::size_t ids_max = 4 + 2 * GANTRY_LEGS_MAX;
  std::array<ScopeId, ids_max> ids{total_scope, chain_scope};
  std::uint32_t count = 2;

  void add(ScopeId id) noexcept;  // once
  std::span<const ScopeId> all() const noexcept { return {ids.data(), count}; }
};

struct ScopeCounts {
  u256 under_way_wei;            // put into trades whose result is not known
  double under_way_var_usd = 0;  // their value at risk, summed
  u256 held_wei;                 // what open positions cost
  u256 open_loss_wei;            // less than that, as they would sell now, summed
  std::uint64_t day = 0;         // of the next five, since 1970 (UTC)
  u256 gained_wei;
  u256 lost_wei;
  u256 gas_wei;
  std::uint64_t gained_usd_e6 = 0;
  std::uint64_t lost_usd_e6 = 0;
  std::uint64_t failures_in_row = 0;
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::uint64_t first_success_s = 0;  // 0: none yet
  u256 equity_wei;
  u256 peak_wei;
};

// A scope's limits with the amounts as integers.
struct ScopeLimits : RiskLimits {
  u256 position_max_wei;
  u256 concurrent_max_wei;
  u256 gas_day_max_wei;
  u256 daily_loss_max_wei;
  u256 ramp_position_wei;
};
// Above 2^256 wei there is no limit.
u256 wei_of(double ether) noexcept;

struct ScopeView {
  ScopeLimits limits;
  ScopeCounts counts;
  TradingMode mode = TradingMode::active;
  bool own_limits = false;  // some differ from the total's
  bool in_ramp = false;     // ramp_position_eth bounds a trade
};

struct RiskView {
  std::vector<ScopeView> scopes;  // by ScopeId
  u256 capital_wei;
  std::int64_t reduced_bps = 10000;
  std::shared_ptr<const Positions> positions;
};

// Put in, with what is lost in the worst of a hundred cases.
struct TradeOpened {
  TradeScopes scopes;
  u256 put_in_wei;
  double value_at_risk_usd = 0;
};

struct TradeClosed {
  TradeOpened opened;
  bool success = false;
  bool gained = false;  // `amount` was gained, else lost: gas included
  u256 amount_wei;
  std::uint64_t amount_usd_e6 = 0;
  u256 gas_wei;
  double deviation_bps = 0;  // that it paid less than was quoted; 0 of a failure
  bool executed = true;      // false: it never was in a block, and is under way no more
  // Of the ledger's trail, that says so; 0: none does. Grows with each result of a chain.
  std::int64_t row = 0;
  std::optional<OneWayTrade> one_way;  // of a success between two tokens: it moves a position
};

// What a result was booked on, which a book needs to take it back exactly.
struct Booked {
  std::uint64_t day = 0;
  std::array<u256, TradeScopes::ids_max> peaks_before{};  // in the order of the trade's scopes
};

// A result that is on its way to the book.
struct UntoldResult {
  TradeClosed trade;
  bool is_taken_back = false;
};

// What comes from outside.
struct RiskFact {
  enum class Kind : std::int32_t {
    restore = 1,  // text: what an earlier run kept
    halt = 2,     // `gantry stop`
    resume = 3,   // `gantry resume`: all that recovers by hand or by time
    begin = 4,    // of `cause`, of the chain
    end = 5,
    trip = 6,  // `cause` of all chains together: in total, and recovers as configured
    // text: what is held by the ledger, in place of all else. From the first one on results move no
    // positions: the next one does.
    hold = 7,
  };
  Kind kind = Kind::halt;
  BreakerCause cause = BreakerCause::operator_stop;
  std::uint64_t time_s = 0;
  double measured = 0;
  double limit = 0;
  std::string text;
};
// One line, and what it says; of restore the text follows the line.
std::string to_text(const RiskFact& fact);
Result<RiskFact> parse_risk_fact(std::string_view text);

// What chains have lost together on the newest of their days, in dollars. Each keeps its own book,
// in its own coin: dollars alone can be summed.
double lost_usd(std::span<const std::shared_ptr<const RiskView>> chains);

class RiskBook {
 public:
  // `counts`: results will be told, so that the ramp holds.
  RiskBook(RiskSettings settings, std::string chain, bool counts);
  // As if it had been made so. Before the first turn.
  void count_results();

  // The scope's number, for as long as the book lives. At most 65,535; more share the total's.
  ScopeId scope(RiskScopeKind kind, std::string_view name);

  // The same of one that is known.
  std::optional<ScopeId> find_scope(RiskScopeKind kind, std::string_view name) const;

  // From outside, at once in force. Fails with `format` for a restore of what is no such text,
  // which HALTS everything (unreadable) until it is resumed by hand.
  Status apply(const RiskFact& fact);

  struct Turn {
    std::shared_ptr<const RiskView> view;
    std::vector<RiskFact> outside;  // applied since the last turn, in order
  };
  // The judging node's, before each group: time goes on, breakers whose time has come recover.
  Turn begin_group(std::uint64_t time_s);
  // The judging node's, before what it is told ahead of the first group, which is of that group's
  // time: a breaker that it trips lasts from then. A second less, so that begin_group() begins the
  // group's time. Does nothing where the book has a time.
  void begin_before(std::uint64_t group_time_s);
  bool has_time() const;
  // The judging node's. Time is that of its group.
  void opened(const TradeOpened& trade);
  Booked closed(const TradeClosed& trade);
  // What was told of that trade is not so: a reorganization took its block back. It is under way
  // again. A breaker that it tripped stays: its cause was seen. A day's sums lose it on its own day
  // alone, and a peak is never below what it was before it. `booked` is what closed() returned;
  // null, of an earlier run's: it counts as of the book's day, and the peak stays.
  void taken_back(const TradeClosed& trade, const Booked* booked = nullptr);
  void equity(ScopeId scope, const u256& wei);
  // The judging node's: what each strategy's open positions would lose now. Of those that are not
  // named: nothing. It counts against equity until they are closed.
  struct OpenLoss {
    std::string strategy;
    u256 wei;
  };
  void mark(std::span<const OpenLoss> losses);
  // The judging node's, after it was handed the fills of a group and before it tells of them: a
  // `hold` that was applied is in force from here on, and handed out with this group.
  void adopt_positions();
  // What that strategy holds counts in its library, too.
  void belongs_to(std::string_view strategy, ScopeId library);

  // Up to which row of the ledger's trail it was told results, which text() has with the counts
  // that they made; nothing: it was told of no ledger yet. A restore brings it back.
  std::optional<std::int64_t> told_row() const;
  void begin_at(std::int64_t row);
  // Whether one of these is HALTED, or would be if the book were told now what of this it was not
  // told yet. It is not changed by it.
  bool is_halted_with(std::span<const UntoldResult> untold, const TradeScopes& scopes) const;

  // The strictest mode of total and chain; changes before apply() returns.
  TradingMode mode() const noexcept { return mode_.load(std::memory_order_acquire); }
  std::shared_ptr<const RiskView> view() const;
  std::vector<TrippedBreaker> tripped() const;
  // What a restart has to know: breakers, and the counts of days and rows. Grows with changes().
  std::string text() const;
  std::uint64_t changes() const noexcept { return changes_.load(std::memory_order_acquire); }

 private:
  struct Scope {
    RiskScopeKind kind;
    std::string name;
    ScopeLimits limits;
    bool own_limits = false;
    ScopeCounts counts;
    std::array<Breaker, breaker_causes> breakers;
  };

  // mutex_ held, all of them.
  ScopeId add_scope(RiskScopeKind kind, std::string_view name);
  bool roll_day(Scope& scope) const;  // whether a new one began
  void book_result(Scope& scope, const TradeClosed& trade) const;
  Booked close_in(std::vector<Scope>& scopes, const TradeClosed& trade) const;
  static void take_back_in(std::vector<Scope>& scopes, const TradeClosed& trade,
                           const Booked* booked);
  void check_losses(Scope& scope, const TradeClosed& trade, const u256& capital) const;
  void check_equity(Scope& scope) const;
  void count_positions();
  bool counts_in(const std::string& strategy, ScopeId id) const;
  void trip(Scope& scope, BreakerCause cause, TradingMode mode, double measured,
            double limit) const;
  void recover(Scope& scope, BreakerCause cause);
  void resume_all();
  Status restore(std::string_view text);
  void publish();

  const RiskSettings settings_;
  bool counts_results_;
  mutable std::mutex mutex_;  // guards the next ten
  std::vector<Scope> scopes_;
  std::shared_ptr<const Positions> positions_ = std::make_shared<Positions>();
  std::optional<RiskFact> untold_hold_;  // applied, and not adopted
  bool is_held_by_facts_ = false;
  std::map<std::string, ScopeId, std::less<>> libraries_;  // by strategy
  std::vector<RiskFact> outside_;
  std::uint64_t now_s_ = 0;
  std::optional<std::int64_t> told_row_;
  bool changed_ = true;
  std::shared_ptr<const RiskView> view_;
  std::atomic<TradingMode> mode_{TradingMode::active};
  std::atomic<std::uint64_t> changes_{0};
};

}  // namespace gantry::host

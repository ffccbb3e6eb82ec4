#include "host/risk/book.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <sstream>

#include "gantry/u256_convert.hpp"
#include "host/risk/amounts.hpp"

namespace gantry::host {

namespace {

constexpr std::uint64_t day_s = 86'400;
constexpr std::size_t scopes_max = std::numeric_limits<ScopeId>::max();
constexpr std::string_view text_head = "gantry.risk/1";

void add_to(u256& sum, const u256& amount) {
  if (!add(sum, amount, sum)) sum = u256::max();
}

void take_from(u256& sum, const u256& amount) {
  if (!sub(sum, amount, sum)) sum = u256();
}

std::uint64_t plus(std::uint64_t a, std::uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

// Whether part / whole is above bps / 10,000, in exact integers.
bool above_bps(const u256& part, const u256& whole, std::int64_t bps) {
  u256 left;
  u256 right;
  return !mul(part, u256(10000), left) ||
         (mul(whole, u256(static_cast<std::uint64_t>(bps)), right) && left > right);
}

ScopeLimits resolved(const RiskLimits& limits) {
  return {limits,
          wei_of(limits.max_position_eth),
          wei_of(limits.max_concurrent_eth),
          wei_of(limits.max_gas_eth_day),
          wei_of(limits.max_daily_loss_eth),
          wei_of(limits.ramp_position_eth)};
}

// Words of one line, each taken once; `good` says whether all were there.
class Words {
 public:
  explicit Words(const std::string& line) : in_(line) {}
  bool good = true;

  std::string text() {
    std::string word;
    good = good && static_cast<bool>(in_ >> word);
    return word;
  }
  std::uint64_t number() {
    const std::string word = text();
    std::uint64_t value = 0;
    const auto end = std::from_chars(word.data(), word.data() + word.size(), value);
    good = good && end.ec == std::errc() && end.ptr == word.data() + word.size();
    return value;
  }
  double real() {
    const std::string word = text();
    double value = 0;
    const auto end = std::from_chars(word.data(), word.data() + word.size(), value);
    good = good && end.ec == std::errc() && end.ptr == word.data() + word.size();
    return value;
  }
  u256 amount() {
    const auto value = parse_decimal(text());
    good = good && value.has_value();
    return value.value_or(u256());
  }
  template <class Enum>
  Enum named(std::int32_t first, std::int32_t last) {
    const std::string word = text();
    for (std::int32_t i = first; i <= last; ++i) {
      if (to_string(static_cast<Enum>(i)) == word) return static_cast<Enum>(i);
    }
    good = false;
    return static_cast<Enum>(first);
  }
  bool at_end() {
    std::string more;
    return !(in_ >> more);
  }

 private:
  std::istringstream in_;
};

constexpr auto last_cause = static_cast<std::int32_t>(breaker_causes) - 1;

}  // namespace

u256 wei_of(double ether) noexcept {
  u256 wei;
  return from_double_floor(ether * 1e18, wei) ? wei : u256::max();
}

void TradeScopes::add(ScopeId id) noexcept {
  const auto known = all();
  if (count < ids.size() && std::ranges::find(known, id) == known.end()) ids[count++] = id;
}

std::string to_text(const RiskFact& fact) {
  return fmt::format("{} {} {} {} {}\n{}", static_cast<std::int32_t>(fact.kind),
                     to_string(fact.cause), fact.time_s, fact.measured, fact.limit, fact.text);
}

Result<RiskFact> parse_risk_fact(std::string_view text) {
  const std::size_t end = text.find('\n');
  Words words{std::string(text.substr(0, end))};
  RiskFact fact;
  const std::uint64_t kind = words.number();
  fact.kind = static_cast<RiskFact::Kind>(kind);
  fact.cause = words.named<BreakerCause>(0, last_cause);
  fact.time_s = words.number();
  fact.measured = words.real();
  fact.limit = words.real();
  if (end != std::string_view::npos) fact.text = text.substr(end + 1);
  const bool of_chain = kind == 4 || kind == 5;
  if (!words.good || !words.at_end() || end == std::string_view::npos || kind < 1 || kind > 7 ||
      (of_chain && !ends_with_cause(fact.cause)) ||
      (kind == 6 && fact.cause != BreakerCause::daily_loss_usd)) {
    return fail(ErrorKind::format, "a change of the risk book that is none");
  }
  return fact;
}

double lost_usd(std::span<const std::shared_ptr<const RiskView>> chains) {
  std::uint64_t day = 0;
  for (const auto& chain : chains) day = std::max(day, chain->scopes[total_scope].counts.day);
  double lost = 0;
  for (const auto& chain : chains) {
    const ScopeCounts& counts = chain->scopes[total_scope].counts;
    if (counts.day != day) continue;
    lost +=
        (static_cast<double>(counts.lost_usd_e6) - static_cast<double>(counts.gained_usd_e6)) / 1e6;
  }
  return std::max(0.0, lost);
}

RiskBook::RiskBook(RiskSettings settings, std::string chain, bool counts)
    : settings_(std::move(settings)), counts_results_(counts) {
  add_scope(RiskScopeKind::total, "");
  add_scope(RiskScopeKind::chain, chain);
  publish();
}

void RiskBook::count_results() {
  const std::lock_guard lock(mutex_);
  counts_results_ = true;
  publish();
}

ScopeId RiskBook::scope(RiskScopeKind kind, std::string_view name) {
  const std::lock_guard lock(mutex_);
  const std::size_t before = scopes_.size();
  const ScopeId id = add_scope(kind, name);
  if (scopes_.size() != before) publish();
  return id;
}

std::optional<ScopeId> RiskBook::find_scope(RiskScopeKind kind, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < scopes_.size(); ++i) {
    if (scopes_[i].kind == kind && scopes_[i].name == name) return static_cast<ScopeId>(i);
  }
  return std::nullopt;
}

ScopeId RiskBook::add_scope(RiskScopeKind kind, std::string_view name) {
  for (std::size_t i = 0; i < scopes_.size(); ++i) {
    if (scopes_[i].kind == kind && scopes_[i].name == name) return static_cast<ScopeId>(i);
  }
  if (scopes_.size() == scopes_max) return total_scope;
  const RiskLimits* limits = &settings_;
  bool own_limits = false;
  for (const RiskScope& own : settings_.scopes) {
    if (own.kind == kind && own.name == name) {
      limits = &own.limits;
      own_limits = true;
    }
  }
  Scope scope{kind, std::string(name), resolved(*limits), own_limits, {}, {}};
  scope.counts.day = now_s_ / day_s;
  scope.counts.equity_wei = scope.counts.peak_wei = wei_of(settings_.capital_eth);
  scopes_.push_back(std::move(scope));
  if (!positions_->empty()) count_positions();
  return static_cast<ScopeId>(scopes_.size() - 1);
}

Status RiskBook::apply(const RiskFact& fact) {
  const std::lock_guard lock(mutex_);
  Status done;
  const auto set = [&](Scope& scope, BreakerCause cause, TradingMode mode) {
    Breaker& breaker = scope.breakers[static_cast<std::size_t>(cause)];
    const std::uint64_t since = breaker.mode == TradingMode::active ? fact.time_s : breaker.since_s;
    breaker = mode == TradingMode::active ? Breaker()
                                          : Breaker{mode, since, 0, 0, fact.measured, fact.limit};
  };
  switch (fact.kind) {
    case RiskFact::Kind::restore:
      done = restore(fact.text);
      if (!done) set(scopes_[total_scope], BreakerCause::unreadable, TradingMode::halted);
      break;
    case RiskFact::Kind::halt:
      set(scopes_[total_scope], BreakerCause::operator_stop, TradingMode::halted);
      break;
    case RiskFact::Kind::resume:
      resume_all();
      break;
    case RiskFact::Kind::begin:
      set(scopes_[chain_scope], fact.cause, TradingMode::halted);
      break;
    case RiskFact::Kind::end:
      set(scopes_[chain_scope], fact.cause, TradingMode::active);
      break;
    case RiskFact::Kind::trip:
      if (now_s_ == 0) now_s_ = fact.time_s;  // no group yet
      trip(scopes_[total_scope], fact.cause, TradingMode::halted, fact.measured, fact.limit);
      break;
    case RiskFact::Kind::hold: {
      auto held = Positions::parse(fact.text);
      if (!held) {
        done = std::unexpected(held.error());
        set(scopes_[total_scope], BreakerCause::unreadable, TradingMode::halted);
        break;
      }
      untold_hold_ = fact;
      return {};
    }
  }
  outside_.push_back(fact);
  publish();
  return done;
}

void RiskBook::resume_all() {
  for (Scope& scope : scopes_) {
    for (std::size_t i = 0; i < breaker_causes; ++i) {
      const auto cause = static_cast<BreakerCause>(i);
      if (scope.breakers[i].mode == TradingMode::active || ends_with_cause(cause)) continue;
      recover(scope, cause);
      scope.breakers[i] = {};
    }
  }
}

// What would trip it again at once begins anew.
void RiskBook::recover(Scope& scope, BreakerCause cause) {
  ScopeCounts& counts = scope.counts;
  switch (cause) {
    case BreakerCause::failures:
      counts.failures_in_row = 0;
      break;
    case BreakerCause::drawdown:
      counts.peak_wei = excess(counts.equity_wei, counts.open_loss_wei);
      break;
    case BreakerCause::daily_loss:
      counts.lost_wei = counts.gained_wei = u256();
      break;
    case BreakerCause::daily_loss_usd:
      counts.lost_usd_e6 = counts.gained_usd_e6 = 0;
      break;
    default:
      break;
  }
}

RiskBook::Turn RiskBook::begin_group(std::uint64_t time_s) {
  const std::lock_guard lock(mutex_);
  if (time_s > now_s_) {
    now_s_ = time_s;
    for (Scope& scope : scopes_) {
      changed_ = roll_day(scope) || changed_;
      for (std::size_t i = 0; i < breaker_causes; ++i) {
        Breaker& breaker = scope.breakers[i];
        if (breaker.mode == TradingMode::halted && breaker.until_s != 0 &&
            now_s_ >= breaker.until_s) {
          recover(scope, static_cast<BreakerCause>(i));
          breaker.mode = TradingMode::reducing;
          changed_ = true;
        }
        if (breaker.mode == TradingMode::reducing && breaker.reduced_until_s != 0 &&
            now_s_ >= breaker.reduced_until_s) {
          breaker = {};
          changed_ = true;
        }
      }
    }
    // A ramp ends with time.
    changed_ = changed_ || std::ranges::any_of(view_->scopes, &ScopeView::in_ramp);
  }
  if (changed_) publish();
  return {view_, std::exchange(outside_, {})};
}

void RiskBook::begin_before(std::uint64_t group_time_s) {
  const std::lock_guard lock(mutex_);
  if (now_s_ == 0 && group_time_s > 0) now_s_ = group_time_s - 1;
}

bool RiskBook::has_time() const {
  const std::lock_guard lock(mutex_);
  return now_s_ != 0;
}

bool RiskBook::roll_day(Scope& scope) const {
  ScopeCounts& counts = scope.counts;
  const std::uint64_t day = now_s_ / day_s;
  if (day <= counts.day) return false;
  // What an earlier run left to tell is told before the first group, and is of its day.
  const bool first = counts.day == 0;
  counts.day = day;
  if (first) return true;
  counts.gained_wei = counts.lost_wei = counts.gas_wei = u256();
  counts.gained_usd_e6 = counts.lost_usd_e6 = 0;
  return true;
}

void RiskBook::opened(const TradeOpened& trade) {
  const std::lock_guard lock(mutex_);
  for (const ScopeId id : trade.scopes.all()) {
    ScopeCounts& counts = scopes_[id].counts;
    add_to(counts.under_way_wei, trade.put_in_wei);
    counts.under_way_var_usd += trade.value_at_risk_usd;
  }
  publish();
}

Booked RiskBook::closed(const TradeClosed& trade) {
  const std::lock_guard lock(mutex_);
  const Booked booked = close_in(scopes_, trade);
  if (trade.executed && trade.success && trade.one_way && !is_held_by_facts_) {
    auto after = std::make_shared<Positions>(*positions_);
    (void)after->apply(*trade.one_way);
    positions_ = std::move(after);
    count_positions();
  }
  if (trade.row > 0) told_row_ = std::max(told_row_.value_or(0), trade.row);
  publish();
  return booked;
}

Booked RiskBook::close_in(std::vector<Scope>& scopes, const TradeClosed& trade) const {
  const u256 capital = scopes[chain_scope].counts.equity_wei;  // before it
  Booked booked;
  booked.day = scopes[total_scope].counts.day;
  std::size_t at = 0;
  for (const ScopeId id : trade.opened.scopes.all()) {
    Scope& scope = scopes[id];
    booked.peaks_before[at++] = scope.counts.peak_wei;
    // What it would have lost is what it has: mark() says what the others would.
    if (trade.one_way) scope.counts.open_loss_wei = u256();
    book_result(scope, trade);
    if (!trade.executed) continue;
    check_losses(scope, trade, capital);
    check_equity(scope);
  }
  return booked;
}

void RiskBook::taken_back(const TradeClosed& trade, const Booked* booked) {
  if (!trade.executed) return;
  const std::lock_guard lock(mutex_);
  take_back_in(scopes_, trade, booked);
  if (trade.row > 0) told_row_ = std::max(told_row_.value_or(0), trade.row);
  publish();
}

void RiskBook::take_back_in(std::vector<Scope>& scopes, const TradeClosed& trade,
                            const Booked* booked) {
  std::size_t at = 0;
  for (const ScopeId id : trade.opened.scopes.all()) {
    ScopeCounts& counts = scopes[id].counts;
    const std::size_t place = at++;
    const bool is_of_day = booked == nullptr || booked->day == counts.day;
    add_to(counts.under_way_wei, trade.opened.put_in_wei);
    counts.under_way_var_usd += trade.opened.value_at_risk_usd;
    if (is_of_day) {
      take_from(counts.gas_wei, trade.gas_wei);
      take_from(trade.gained ? counts.gained_wei : counts.lost_wei, trade.amount_wei);
      std::uint64_t& usd_e6 = trade.gained ? counts.gained_usd_e6 : counts.lost_usd_e6;
      usd_e6 -= std::min(usd_e6, trade.amount_usd_e6);
    }
    if (trade.gained) {
      take_from(counts.equity_wei, trade.amount_wei);
      if (booked != nullptr) {
        // What was reached since, without it. A peak below the one before it began anew with it.
        const u256& before = booked->peaks_before[place];
        const u256 least = counts.peak_wei < before ? u256() : before;
        take_from(counts.peak_wei, trade.amount_wei);
        counts.peak_wei = std::max({counts.peak_wei, least, counts.equity_wei});
      }
    } else {
      add_to(counts.equity_wei, trade.amount_wei);
    }
    std::uint64_t& count = trade.success ? counts.successes : counts.failures;
    count -= std::min<std::uint64_t>(count, 1);
    if (!trade.success)
      counts.failures_in_row -= std::min<std::uint64_t>(counts.failures_in_row, 1);
    if (counts.successes == 0) counts.first_success_s = 0;
  }
}

std::optional<std::int64_t> RiskBook::told_row() const {
  const std::lock_guard lock(mutex_);
  return told_row_;
}

void RiskBook::begin_at(std::int64_t row) {
  const std::lock_guard lock(mutex_);
  told_row_ = row;
  publish();
}

bool RiskBook::is_halted_with(std::span<const UntoldResult> untold,
                              const TradeScopes& scopes) const {
  const auto halted = [&](const std::vector<Scope>& of) {
    return std::ranges::any_of(scopes.all(), [&](ScopeId id) {
      return std::ranges::any_of(of[id].breakers, [](const Breaker& breaker) {
        return breaker.mode == TradingMode::halted;
      });
    });
  };
  const std::lock_guard lock(mutex_);
  if (halted(scopes_)) return true;
  const auto is_told = [&](const UntoldResult& each) {
    return each.trade.row <= told_row_.value_or(0);
  };
  if (std::ranges::all_of(untold, is_told)) return false;
  std::vector<Scope> then = scopes_;
  for (const UntoldResult& each : untold) {
    if (is_told(each)) continue;
    if (each.is_taken_back) {
      take_back_in(then, each.trade, nullptr);
    } else {
      (void)close_in(then, each.trade);
    }
  }
  return halted(then);
}

void RiskBook::equity(ScopeId id, const u256& wei) {
  const std::lock_guard lock(mutex_);
  Scope& scope = scopes_[id];
  scope.counts.equity_wei = wei;
  scope.counts.peak_wei = std::max(scope.counts.peak_wei, wei);
  check_equity(scope);
  publish();
}

void RiskBook::mark(std::span<const OpenLoss> losses) {
  const std::lock_guard lock(mutex_);
  const auto set = [this](Scope& scope, const u256& wei) {
    if (scope.counts.open_loss_wei == wei) return;
    scope.counts.open_loss_wei = wei;
    changed_ = true;
    // While it is tripped it does not trip anew, or nothing could ever be closed.
    const Breaker& drawdown = scope.breakers[static_cast<std::size_t>(BreakerCause::drawdown)];
    if (drawdown.mode == TradingMode::active) check_equity(scope);
  };
  for (std::size_t i = 0; i < scopes_.size(); ++i) {
    u256 own;
    for (const OpenLoss& each : losses) {
      if (counts_in(each.strategy, static_cast<ScopeId>(i))) add_to(own, each.wei);
    }
    set(scopes_[i], own);
  }
  if (changed_) publish();
}

void RiskBook::adopt_positions() {
  const std::lock_guard lock(mutex_);
  if (!untold_hold_) return;
  // It was read when it was applied.
  if (auto held = Positions::parse(untold_hold_->text)) {
    positions_ = std::make_shared<const Positions>(std::move(*held));
  }
  is_held_by_facts_ = true;
  outside_.push_back(*std::exchange(untold_hold_, std::nullopt));
  // What was sold has lost what it lost: mark() says what the others would.
  for (Scope& scope : scopes_) scope.counts.open_loss_wei = u256();
  count_positions();
  publish();
}

void RiskBook::belongs_to(std::string_view strategy, ScopeId library) {
  const std::lock_guard lock(mutex_);
  libraries_.insert_or_assign(std::string(strategy), library);
  if (positions_->empty()) return;
  count_positions();
  publish();
}

// What they cost counts in total, of the chain, of their strategies and of those' libraries: which
// venue they were bought at is nothing that could be lost there.
void RiskBook::count_positions() {
  for (std::size_t i = 0; i < scopes_.size(); ++i) {
    scopes_[i].counts.held_wei = u256();
    for (const Position& each : positions_->all()) {
      if (counts_in(each.strategy, static_cast<ScopeId>(i))) {
        add_to(scopes_[i].counts.held_wei, each.cost_wei);
      }
    }
  }
}

bool RiskBook::counts_in(const std::string& strategy, ScopeId id) const {
  if (id == total_scope || id == chain_scope) return true;
  const Scope& scope = scopes_[id];
  if (scope.kind == RiskScopeKind::strategy) return scope.name == strategy;
  const auto library = libraries_.find(strategy);
  return library != libraries_.end() && library->second == id;
}

void RiskBook::book_result(Scope& scope, const TradeClosed& trade) const {
  ScopeCounts& counts = scope.counts;
  take_from(counts.under_way_wei, trade.opened.put_in_wei);
  counts.under_way_var_usd =
      std::max(0.0, counts.under_way_var_usd - trade.opened.value_at_risk_usd);
  if (!trade.executed) return;
  add_to(counts.gas_wei, trade.gas_wei);
  if (trade.gained) {
    add_to(counts.gained_wei, trade.amount_wei);
    add_to(counts.equity_wei, trade.amount_wei);
    counts.gained_usd_e6 = plus(counts.gained_usd_e6, trade.amount_usd_e6);
    counts.peak_wei = std::max(counts.peak_wei, counts.equity_wei);
  } else {
    add_to(counts.lost_wei, trade.amount_wei);
    take_from(counts.equity_wei, trade.amount_wei);
    counts.lost_usd_e6 = plus(counts.lost_usd_e6, trade.amount_usd_e6);
  }
  if (trade.success) {
    ++counts.successes;
    counts.failures_in_row = 0;
    if (counts.first_success_s == 0) counts.first_success_s = std::max<std::uint64_t>(now_s_, 1);
  } else {
    ++counts.failures;
    ++counts.failures_in_row;
  }
}

void RiskBook::check_losses(Scope& scope, const TradeClosed& trade, const u256& capital) const {
  const ScopeCounts& counts = scope.counts;
  const ScopeLimits& limits = scope.limits;
  if (const u256 lost = excess(counts.lost_wei, counts.gained_wei);
      lost > limits.daily_loss_max_wei) {
    trip(scope, BreakerCause::daily_loss, TradingMode::halted, ether_of(lost),
         limits.max_daily_loss_eth);
  }
  const std::uint64_t lost_usd_e6 =
      counts.lost_usd_e6 - std::min(counts.lost_usd_e6, counts.gained_usd_e6);
  if (const double usd = static_cast<double>(lost_usd_e6) / 1e6; usd > limits.max_daily_loss_usd) {
    trip(scope, BreakerCause::daily_loss_usd, TradingMode::halted, usd, limits.max_daily_loss_usd);
  }
  if (counts.failures_in_row > static_cast<std::uint64_t>(limits.max_failures)) {
    trip(scope, BreakerCause::failures, TradingMode::halted,
         static_cast<double>(counts.failures_in_row), static_cast<double>(limits.max_failures));
  }
  if (trade.deviation_bps > static_cast<double>(limits.max_quote_deviation_bps)) {
    trip(scope, BreakerCause::quote_deviation, TradingMode::reducing, trade.deviation_bps,
         static_cast<double>(limits.max_quote_deviation_bps));
  }
  if (trade.gained) return;
  const double usd = static_cast<double>(trade.amount_usd_e6) / 1e6;
  if (usd > limits.max_loss_usd) {
    trip(scope, BreakerCause::trade_loss, TradingMode::halted, usd, limits.max_loss_usd);
  }
  if (above_bps(trade.amount_wei, capital, limits.max_loss_bps)) {
    trip(scope, BreakerCause::trade_loss_share, TradingMode::halted,
         bps_of(trade.amount_wei, capital), static_cast<double>(limits.max_loss_bps));
  }
}

void RiskBook::check_equity(Scope& scope) const {
  const ScopeCounts& counts = scope.counts;
  const u256 below = excess(counts.peak_wei, excess(counts.equity_wei, counts.open_loss_wei));
  if (!above_bps(below, counts.peak_wei, scope.limits.max_drawdown_bps)) return;
  trip(scope, BreakerCause::drawdown, TradingMode::halted, bps_of(below, counts.peak_wei),
       static_cast<double>(scope.limits.max_drawdown_bps));
}

void RiskBook::trip(Scope& scope, BreakerCause cause, TradingMode mode, double measured,
                    double limit) const {
  Breaker& breaker = scope.breakers[static_cast<std::size_t>(cause)];
  if (breaker.mode == TradingMode::active) breaker.since_s = now_s_;
  breaker.mode = std::max(breaker.mode, mode);
  breaker.measured = measured;
  breaker.limit = limit;
  breaker.until_s = breaker.reduced_until_s = 0;
  if (settings_.recovery == Recovery::by_hand) return;
  std::uint64_t full_from = now_s_;
  if (mode == TradingMode::halted) {
    full_from += static_cast<std::uint64_t>(settings_.cool_down_s);
    // A day's loss is a day's.
    if (cause == BreakerCause::daily_loss || cause == BreakerCause::daily_loss_usd) {
      full_from = std::max(full_from, (now_s_ / day_s + 1) * day_s);
    }
    breaker.until_s = full_from;
  }
  breaker.reduced_until_s = full_from + static_cast<std::uint64_t>(settings_.reduced_s);
}

// Rationale: whoever judges reads without a lock for as long as its group takes.
void RiskBook::publish() {
  auto view = std::make_shared<RiskView>();
  view->capital_wei = scopes_[chain_scope].counts.equity_wei;
  view->reduced_bps = settings_.reduced_bps;
  view->positions = positions_;
  view->scopes.reserve(scopes_.size());
  for (const Scope& scope : scopes_) {
    TradingMode mode = TradingMode::active;
    for (const Breaker& breaker : scope.breakers) mode = std::max(mode, breaker.mode);
    const ScopeCounts& counts = scope.counts;
    const double ramp_s = scope.limits.ramp_hours * 3600;
    const bool in_ramp =
        counts_results_ &&
        (counts.successes < static_cast<std::uint64_t>(scope.limits.ramp_successes) ||
         (ramp_s > 0 &&
          (counts.first_success_s == 0 ||
           static_cast<double>(now_s_ - std::min(now_s_, counts.first_success_s)) < ramp_s)));
    view->scopes.push_back({scope.limits, counts, mode, scope.own_limits, in_ramp});
  }
  mode_.store(std::max(view->scopes[total_scope].mode, view->scopes[chain_scope].mode),
              std::memory_order_release);
  view_ = std::move(view);
  changed_ = false;
  changes_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const RiskView> RiskBook::view() const {
  const std::lock_guard lock(mutex_);
  return view_;
}

std::vector<TrippedBreaker> RiskBook::tripped() const {
  const std::lock_guard lock(mutex_);
  std::vector<TrippedBreaker> all;
  for (const Scope& scope : scopes_) {
    for (std::size_t i = 0; i < breaker_causes; ++i) {
      if (scope.breakers[i].mode == TradingMode::active) continue;
      all.push_back({scope.kind, scope.name, static_cast<BreakerCause>(i), scope.breakers[i]});
    }
  }
  return all;
}

std::string RiskBook::text() const {
  const std::lock_guard lock(mutex_);
  std::string out = fmt::format("{}\n", text_head);
  if (told_row_) out += fmt::format("told {}\n", *told_row_);
  for (const Scope& scope : scopes_) {
    const std::string name = scope.name.empty() ? "-" : scope.name;
    const ScopeCounts& c = scope.counts;
    out += fmt::format("counts {} {} {} {} {} {} {} {} {} {} {} {} {} {}\n", to_string(scope.kind),
                       name, c.day, to_string(c.gained_wei), to_string(c.lost_wei),
                       to_string(c.gas_wei), c.gained_usd_e6, c.lost_usd_e6, c.failures_in_row,
                       c.successes, c.failures, c.first_success_s, to_string(c.equity_wei),
                       to_string(c.peak_wei));
    for (std::size_t i = 0; i < breaker_causes; ++i) {
      const Breaker& b = scope.breakers[i];
      const auto cause = static_cast<BreakerCause>(i);
      // Whether a chain's cause still is, the next run sees; an operator's word has its own file.
      if (b.mode == TradingMode::active || ends_with_cause(cause) ||
          cause == BreakerCause::operator_stop) {
        continue;
      }
      out += fmt::format("breaker {} {} {} {} {} {} {} {} {}\n", to_string(scope.kind), name,
                         to_string(cause), to_string(b.mode), b.since_s, b.until_s,
                         b.reduced_until_s, b.measured, b.limit);
    }
  }
  return out;
}

Status RiskBook::restore(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::string line;
  const auto unreadable = [&] {
    return fail(ErrorKind::format,
                fmt::format("it holds the line \"{}\", which says nothing", line.substr(0, 80)));
  };
  if (!std::getline(in, line) || line != text_head) return unreadable();
  std::vector<Scope> restored = scopes_;
  std::swap(restored, scopes_);  // add_scope() adds to the new ones
  std::optional<std::int64_t> told;
  bool good = true;
  while (good && std::getline(in, line)) {
    Words words(line);
    const std::string what = words.text();
    if (what == "told") {
      const std::uint64_t row = words.number();
      good = words.good && words.at_end() && row <= INT64_MAX;
      told = static_cast<std::int64_t>(row);
      continue;
    }
    const auto kind = words.named<RiskScopeKind>(1, 5);
    const std::string name = words.text();
    if (!words.good) {
      good = false;
      break;
    }
    // A venue, strategy or library may have that name.
    const bool is_empty =
        name == "-" && (kind == RiskScopeKind::total || kind == RiskScopeKind::chain);
    Scope& scope = scopes_[add_scope(kind, is_empty ? "" : name)];
    if (what == "counts") {
      ScopeCounts c;
      c.day = words.number();
      c.gained_wei = words.amount();
      c.lost_wei = words.amount();
      c.gas_wei = words.amount();
      c.gained_usd_e6 = words.number();
      c.lost_usd_e6 = words.number();
      c.failures_in_row = words.number();
      c.successes = words.number();
      c.failures = words.number();
      c.first_success_s = words.number();
      c.equity_wei = words.amount();
      c.peak_wei = words.amount();
      // Where nothing is counted, the capital is what the operator says.
      if (!counts_results_) c.equity_wei = c.peak_wei = wei_of(settings_.capital_eth);
      scope.counts = c;
    } else if (what == "breaker") {
      const auto cause = words.named<BreakerCause>(0, last_cause);
      Breaker b;
      b.mode = words.named<TradingMode>(0, 2);
      b.since_s = words.number();
      b.until_s = words.number();
      b.reduced_until_s = words.number();
      b.measured = words.real();
      b.limit = words.real();
      scope.breakers[static_cast<std::size_t>(cause)] = b;
    } else {
      good = false;
    }
    good = good && words.good && words.at_end();
  }
  if (!good) {
    std::swap(restored, scopes_);
    return unreadable();
  }
  if (told) told_row_ = told;
  count_positions();
  return {};
}

}  // namespace gantry::host

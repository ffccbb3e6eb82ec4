#include "host/cli/risk_keeper.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "host/base/text.hpp"
#include "host/cli/guarded.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {

namespace {

namespace json = boost::json;

RiskFact fact_of(RiskFact::Kind kind, std::uint64_t time_s) {
  RiskFact fact;
  fact.kind = kind;
  fact.time_s = time_s;
  return fact;
}

std::uint64_t now_s() {
  return static_cast<std::uint64_t>(std::max<std::int64_t>(unix_now_s(), 0));
}

}  // namespace

void tell_risk(const RiskBook& book, json::object& told) {
  TradingMode strictest = book.mode();
  json::array rows;
  for (const TrippedBreaker& tripped : book.tripped()) {
    strictest = std::max(strictest, tripped.breaker.mode);
    rows.push_back(json::object{{"scope", to_string(tripped.kind)},
                                {"name", printable(tripped.name)},
                                {"mode", to_string(tripped.breaker.mode)},
                                {"cause", to_string(tripped.cause)},
                                {"since_s", tripped.breaker.since_s},
                                {"measured", tripped.breaker.measured},
                                {"limit", tripped.breaker.limit},
                                {"unit", unit_of(tripped.cause)},
                                {"stops", what_it_stops(tripped.breaker.mode)},
                                {"recovers", how_it_recovers(tripped)},
                                {"summary", printable(to_string(tripped))}});
  }
  told["trading"] = to_string(book.mode());
  told["breakers"] = std::move(rows);
  const auto held = book.view()->positions;
  if (held->empty()) return;
  json::array positions;
  for (const Position& each : held->all()) {
    positions.push_back(json::object{
        {"strategy", printable(each.strategy)},
        {"token", address_text(each.token)},
        {"quantity", to_string(each.quantity)},
        {"base", address_text(each.base)},
        {"cost", to_string(each.cost)},
        {"cost_wei", to_string(each.cost_wei)},
        {"since_s", each.since_s},
        {"summary", printable(fmt::format("{} holds {} of {}, bought for {} of {}", each.strategy,
                                          to_string(each.quantity), address_text(each.token),
                                          to_string(each.cost), address_text(each.base)))}});
  }
  told["positions"] = std::move(positions);
}

Result<std::unique_ptr<RiskKeeper>> RiskKeeper::start(
    const Session& session, const RiskSettings& settings,
    const std::vector<std::unique_ptr<ChainRun>>& runs, std::optional<std::int64_t> ledger_row) {
  std::optional<RiskStore> store;
  if (const auto folder = risk_folder(settings.state, session.environment)) {
    auto opened = RiskStore::open(*folder);
    if (!opened) return std::unexpected(opened.error());
    store = std::move(*opened);
  } else {
    spdlog::warn(
        "breakers and `gantry stop` do not survive this run, for HOME and XDG_STATE_HOME are not "
        "set: set `state` in [risk]");
  }
  std::unique_ptr<RiskKeeper> keeper(new RiskKeeper(std::move(store), settings, runs));
  keeper->restore();
  if (ledger_row) {
    if (auto begun = keeper->begin_at(*ledger_row); !begun) return std::unexpected(begun.error());
  }
  keeper->thread_ = std::thread([raw = keeper.get()] {
    std::unique_lock lock(raw->mutex_);
    while (!raw->ending_) {
      raw->look();
      raw->wake_.wait_for(lock, std::chrono::milliseconds(look_ms));
    }
  });
  return keeper;
}

RiskKeeper::RiskKeeper(std::optional<RiskStore> store, const RiskSettings& settings,
                       const std::vector<std::unique_ptr<ChainRun>>& runs)
    : store_(std::move(store)),
      stale_s_(settings.stale_s),
      loss_max_usd_(settings.max_daily_loss_usd) {
  for (const auto& run : runs) watched_.push_back({.run = run.get()});
}

RiskKeeper::~RiskKeeper() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  // What tripped since the last look.
  look();
}

void RiskKeeper::restore() {
  if (!store_) return;
  const auto halted = store_->halted();
  for (Watched& watched : watched_) {
    RiskBook& book = watched.run->book();
    if (watched.run->live()) {
      auto text = store_->read(watched.run->chain());
      if (!text || !text->empty()) {
        RiskFact fact = fact_of(RiskFact::Kind::restore, now_s());
        fact.text = text.value_or("");
        const auto restored = book.apply(fact);
        if (!text || !restored) {
          spdlog::error(
              "{}: what was kept of its breakers cannot be read, so it is HALTED until `gantry "
              "resume`: {}",
              watched.run->chain(), text ? restored.error().message : text.error().message);
        }
      }
    }
    if (halted) (void)book.apply(fact_of(RiskFact::Kind::halt, *halted));
  }
}

// Before anything is traded: what is realised from here on is told by somebody, whatever happens.
Status RiskKeeper::begin_at(std::int64_t ledger_row) {
  for (Watched& watched : watched_) {
    if (!watched.run->live() || watched.run->book().told_row()) continue;
    watched.run->book().begin_at(ledger_row);
    if (auto kept = keep(watched); !kept) return kept;
  }
  return {};
}

void RiskKeeper::tell(Watched& watched, const TrippedBreaker& tripped, const std::string& scope) {
  if (!watched.told.emplace(scope, tripped.cause).second) return;
  const std::string chain = watched.run->chain().empty() ? "" : watched.run->chain() + ": ";
  // What the operator asked for is no error.
  const bool asked = tripped.cause == BreakerCause::operator_stop;
  spdlog::log(asked ? spdlog::level::warn : spdlog::level::err, "{}{}; it stops {}; it goes on {}",
              chain, to_string(tripped), what_it_stops(tripped.breaker.mode),
              how_it_recovers(tripped));
}

// One chain's own losses its own book sees.
void RiskKeeper::look_at_all() {
  if (watched_.size() < 2) return;
  std::vector<std::shared_ptr<const RiskView>> views;
  for (Watched& watched : watched_) views.push_back(watched.run->book().view());
  const double lost = lost_usd(views);
  if (lost <= loss_max_usd_) return;
  for (Watched& watched : watched_) {
    RiskBook& book = watched.run->book();
    const auto tripped = book.tripped();
    if (std::ranges::any_of(tripped, [](const TrippedBreaker& one) {
          return one.kind == RiskScopeKind::total && one.cause == BreakerCause::daily_loss_usd &&
                 one.breaker.mode == TradingMode::halted;
        })) {
      continue;
    }
    RiskFact fact = fact_of(RiskFact::Kind::trip, now_s());
    fact.cause = BreakerCause::daily_loss_usd;
    fact.measured = lost;
    fact.limit = loss_max_usd_;
    (void)book.apply(fact);
  }
}

void RiskKeeper::look() {
  look_at_all();
  for (Watched& watched : watched_) {
    look_at_chain(watched);
    std::set<std::pair<std::string, BreakerCause>> now;
    for (const TrippedBreaker& tripped : watched.run->book().tripped()) {
      const std::string scope = fmt::format("{} {}", to_string(tripped.kind), tripped.name);
      now.emplace(scope, tripped.cause);
      tell(watched, tripped, scope);
    }
    std::erase_if(watched.told, [&](const auto& old) {
      if (now.contains(old)) return false;
      spdlog::info("{} of {} is over", to_string(old.second), old.first);
      return true;
    });
    if (auto kept = keep(watched); !kept) spdlog::error("{}", kept.error().message);
  }
}

// Of a chain that is followed: its providers, and since when its newest block is.
void RiskKeeper::look_at_chain(Watched& watched) {
  const auto health = watched.run->health();
  if (!health) return;
  const auto tell_book = [&](BreakerCause cause, bool is, double measured, double limit) {
    const bool was = watched.begun.contains(cause);
    if (is == was) return;
    RiskFact fact = fact_of(is ? RiskFact::Kind::begin : RiskFact::Kind::end, now_s());
    fact.cause = cause;
    fact.measured = measured;
    fact.limit = limit;
    (void)watched.run->book().apply(fact);
    if (is) {
      watched.begun.insert(cause);
    } else {
      watched.begun.erase(cause);
    }
  };
  tell_book(BreakerCause::provider_loss, health->providers_lost, 0, 0);
  // By this machine's clock: a chain's own may be ahead or behind.
  const std::uint64_t time_s = now_s();
  if (health->newest_block != watched.block || watched.block_since_s == 0) {
    watched.block = health->newest_block;
    watched.block_since_s = time_s;
  }
  const auto stale_s = static_cast<std::uint64_t>(stale_s_);
  const std::uint64_t age_s = time_s - std::min(time_s, watched.block_since_s);
  tell_book(BreakerCause::stale_state, stale_s != 0 && watched.block != 0 && age_s > stale_s,
            static_cast<double>(age_s), static_cast<double>(stale_s));
}

Status RiskKeeper::keep(Watched& watched) {
  if (!store_ || !watched.run->live()) return {};
  std::string text = watched.run->book().text();
  if (text == watched.kept) return {};
  if (auto written = store_->write(watched.run->chain(), text); !written) return written;
  watched.kept = std::move(text);
  return {};
}

Status RiskKeeper::stop() {
  // First of all: not behind a look that waits for the disk.
  for (const Watched& watched : watched_) {
    (void)watched.run->book().apply(fact_of(RiskFact::Kind::halt, now_s()));
  }
  if (!store_) {
    return fail(ErrorKind::io, "HOME and XDG_STATE_HOME are not set; set `state` in [risk]");
  }
  return store_->halt(now_s());
}

Status RiskKeeper::resume() {
  if (store_) {
    if (auto lifted = store_->lift(); !lifted) return lifted;
  }
  for (const Watched& watched : watched_) {
    (void)watched.run->book().apply(fact_of(RiskFact::Kind::resume, now_s()));
  }
  const std::lock_guard lock(mutex_);
  for (Watched& watched : watched_) {
    if (auto kept = keep(watched); !kept) return kept;
  }
  return {};
}

Result<std::vector<std::string>> resume_kept(const RiskStore& store, const RiskSettings& settings) {
  std::vector<std::string> lifted;
  if (store.halted()) lifted.emplace_back("HALTED: operator_stop of total");
  for (const std::string& chain : store.chains()) {
    const auto text = store.read(chain);
    if (!text) return std::unexpected(text.error());
    // With its counts: what would trip at once again begins anew.
    RiskBook book(settings, chain, true);
    RiskFact fact = fact_of(RiskFact::Kind::restore, now_s());
    fact.text = *text;
    (void)book.apply(fact);
    const auto tripped = book.tripped();
    if (tripped.empty()) continue;
    for (const TrippedBreaker& each : tripped) lifted.push_back(chain + ": " + to_string(each));
    (void)book.apply(fact_of(RiskFact::Kind::resume, now_s()));
    if (auto kept = store.write(chain, book.text()); !kept) return std::unexpected(kept.error());
  }
  // Last: until then a start is halted.
  if (auto done = store.lift(); !done) return std::unexpected(done.error());
  return lifted;
}

}  // namespace gantry::host::cli

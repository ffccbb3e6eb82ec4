#include "host/cli/chain_run.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "host/cli/live_trading.hpp"
#include "host/cli/risk_keeper.hpp"
#include "host/log/log.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {

namespace {

namespace json = boost::json;

constexpr std::size_t trouble_chars_max = 1024;

// One word for people who look at several chains at once.
std::string_view state_word(RunState state, bool halted, const LiveStatus& live) {
  switch (state) {
    case RunState::done:
      return "done";
    case RunState::failed:
      return "failed";
    default:
      break;
  }
  if (halted) return "HALTED";
  if (live.block == 0) return "starting";
  return live.trouble.empty() ? "following" : "trying again";
}

}  // namespace

ChainRun::ChainRun(Configuration part, StreetOptions options, bool several)
    : part_(std::move(part)),
      options_(std::move(options)),
      several_(several),
      book_(std::make_shared<RiskBook>(
          part_.risk, part_.chains.empty() ? std::string() : part_.chains.front().id,
          part_.risk.dry_run_fills == DryRunFills::next_block)) {
  if (!options_.recording.empty() || part_.chains.empty()) return;
  chain_ = part_.chains.front().id;
  name_ = part_.chains.front().name;
}

ChainRun::~ChainRun() = default;

Status ChainRun::ask(const Session& session, std::shared_ptr<HttpPool> http) {
  const LogChain named(several_ ? name_ : std::string());
  auto asked = ask_chain(session, part_.chains.front(), std::move(http));
  if (!asked) return std::unexpected(asked.error());
  live_ = std::move(*asked);
  return {};
}

Status ChainRun::prepare(const RunGround& ground) {
  const LogChain named(several_ ? name_ : std::string());
  Plugins plugins =
      make_plugins(part_, ground.store, ground.record, {{}, ground.note_lost}, ground.libraries);
  // The feed is the session's, and of the street, which ends before it.
  StreetOptions options = options_;
  options.risk = book_;
  if (live_) {
    if (auto followed = follow(*live_, part_, part_.chains.front(), plugins); !followed) {
      return followed;
    }
    options.live = live_->feed;
    if (ground.trading != nullptr) {
      auto execution = ground.trading->begin(part_, *live_, *book_);
      if (!execution) return std::unexpected(execution.error());
      execution_ = std::move(*execution);
      options.execution = execution_.get();
    }
    spdlog::info("{}: following {} live{}", name_, chain_,
                 execution_ ? ", and trading" : ", as a dry run");
  }
  street_ = std::make_unique<Street>(part_, std::move(plugins), std::move(options));
  return {};
}

void ChainRun::run() {
  const LogChain named(several_ ? name_ : std::string());
  state_ = RunState::running;
  outcome_ = street_->run();
  // What is under way is found again at the next start; what is known already is told now.
  if (execution_) {
    execution_->stop();
    street_->tell_late(execution_->take_fills());
  }
  if (several_ && !*outcome_) spdlog::error("{}: {}", name_, outcome_->error().message);
  state_ = *outcome_ ? RunState::done : RunState::failed;
}

void ChainRun::give_up(Error error) {
  const LogChain named(several_ ? name_ : std::string());
  if (several_) spdlog::error("{}: it is not followed: {}", name_, error.message);
  execution_.reset();
  live_.reset();
  outcome_ = std::unexpected(std::move(error));
  state_ = RunState::failed;
}

void ChainRun::stop() noexcept {
  if (street_) street_->request_stop();
}

std::optional<ChainHealth> ChainRun::health() const {
  if (state() != RunState::running || !live_ || !live_->feed) return std::nullopt;
  return ChainHealth{live_->providers->statistics().halted, live_->feed->status().block};
}

void ChainRun::tell(json::object& told) const {
  const StreetStatus status = street_ ? street_->status() : StreetStatus();
  told["block"] = status.block;
  told["snapshots"] = status.snapshots;
  told["skipped"] = status.skipped;
  told["opportunities"] = status.opportunities;
  told["approved"] = status.approved;
  tell_risk(*book_, told);
  if (execution_) execution_->tell(told);
  if (!chain_.empty()) {
    tell_live(told);
  } else if (!options_.recording.empty()) {
    told["recording"] = printable(options_.recording.string());
  }
}

void ChainRun::tell_live(json::object& told) const {
  const bool opened = live_ && live_->feed;
  const LiveStatus status = opened ? live_->feed->status() : LiveStatus();
  const ChainStatistics providers = opened ? live_->providers->statistics() : ChainStatistics();
  const auto now = static_cast<std::uint64_t>(wall_clock().time_since_epoch().count());
  told["chain"] = printable(chain_);
  told["state"] = state_word(state(), providers.halted, status);
  told["fetched_block"] = status.block;
  // A chain's clock may be ahead of this machine's.
  if (status.block != 0) told["block_age_s"] = now - std::min(now, status.time_s);
  told["reorganizations"] = status.reorganizations;
  told["blocks_undone"] = status.blocks_undone;
  told["fresh_reads"] = status.fresh_reads;
  told["round_trips"] = status.round_trips;
  told["pools_audited"] = status.pools_audited;
  told["pools_quarantined"] = status.pools_quarantined;
  told["pools_untried"] = status.pools_untried;
  told["pending_told"] = status.pending.told;
  told["pending_taken"] = status.pending.taken;
  told["pending_dropped"] = status.pending.dropped;
  // What is in outcome_ was written before the state.
  const std::string& trouble =
      state() == RunState::failed ? outcome_->error().message : status.trouble;
  told["trouble"] = printable(cut_to(without_secrets(trouble), trouble_chars_max));
  json::array rows;
  for (const ProviderStatistics& provider : providers.providers) {
    rows.push_back(to_json(provider));
    rows.back().as_object()["reason"] = printable(cut_to(provider.reason, trouble_chars_max));
    rows.back().as_object()["summary"] = printable(cut_to(line_of(provider), trouble_chars_max));
  }
  told["providers"] = std::move(rows);
}

}  // namespace gantry::host::cli

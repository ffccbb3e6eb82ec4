#include "host/cli/history_keeper.hpp"

#include <spdlog/spdlog.h>

#include "host/risk/store.hpp"

namespace gantry::host::cli {

HistoryKeeper::HistoryKeeper(const Session& session, const RiskSettings& settings,
                             const std::vector<std::unique_ptr<ChainRun>>& runs) {
  for (const auto& run : runs) {
    if (run->live() && run->street() != nullptr) watched_.push_back({run.get(), {}});
  }
  if (watched_.empty()) return;
  const auto folder = risk_folder(settings.state, session.environment);
  if (!folder) {
    spdlog::warn(
        "prices that strategies look back at do not survive this run, for HOME and XDG_STATE_HOME "
        "are not set: set `state` in [risk]");
    return;
  }
  auto opened = HistoryStore::open(*folder);
  if (!opened) {
    spdlog::warn("{}", opened.error().message);
    return;
  }
  store_ = std::move(*opened);
  for (const Watched& watched : watched_) restore(watched);
  thread_ = std::thread([this] {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, every, [this] { return ending_; })) keep();
  });
}

HistoryKeeper::~HistoryKeeper() {
  if (!store_) return;
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  thread_.join();
  keep();
}

void HistoryKeeper::restore(const Watched& watched) const {
  auto past = store_->read(watched.run->chain());
  if (past) {
    watched.run->tell_past(std::move(*past));
    return;
  }
  spdlog::warn("{}: prices of an earlier run cannot be read, so there are none: {}",
               watched.run->chain(), past.error().message);
  if (past.error().kind == ErrorKind::io) return;
  if (auto aside = store_->put_aside(watched.run->chain()); !aside) {
    spdlog::warn("{}", aside.error().message);
  }
}

void HistoryKeeper::keep() {
  for (Watched& watched : watched_) {
    auto now = watched.run->street()->kept_prices();
    if (now.empty()) continue;  // nothing was asked for, or no block came
    // As the file is by now: another host may follow the same chain. What cannot be read is not
    // written over.
    const auto before = store_->read(watched.run->chain());
    const Status written =
        before ? store_->write(watched.run->chain(), with_others(std::move(now), *before))
               : std::unexpected(before.error());
    const std::string trouble = written ? "" : written.error().message;
    if (!trouble.empty() && trouble != watched.trouble) spdlog::warn("{}", trouble);
    watched.trouble = trouble;
  }
}

}  // namespace gantry::host::cli

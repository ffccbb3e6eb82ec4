// The steps of a change: prepared beside the street, committed, and carried by the next snapshot.
// Of several streets all prepare before any commits.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "host/street/change_plan.hpp"
#include "host/street/run.hpp"

namespace gantry::host {

namespace {

constexpr std::chrono::seconds first_block_wait{5};

}  // namespace

Result<ChangeReport> Street::Run::change(std::shared_ptr<const Configuration> wanted) {
  const auto done = prepare(std::move(wanted));
  if (!done) return std::unexpected(done.error());
  if (done->empty()) return ChangeReport();
  commit();
  auto carried_by = carried(std::chrono::steady_clock::time_point::max());
  if (!carried_by) return std::unexpected(carried_by.error());
  return **std::move(carried_by);
}

// one_change_ held. For the first block, and the change before: a recording's block comes; a
// chain's may not, when nobody answers for it.
Status Street::Run::wait_until_ready() {
  {
    std::unique_lock lock(change_mutex_);
    const auto begun = [&] { return newest_ || ended_; };
    if (!options_.live) {
      change_moved_.wait(lock, begun);
    } else if (!change_moved_.wait_for(lock, first_block_wait, begun)) {
      return fail(ErrorKind::usage,
                  "no block of the chain was read yet, so nothing can be changed in its run; "
                  "`gantry status` says what keeps it");
    }
    if (ended_) return std::unexpected(run_is_over());
  }
  ChangeReport report;
  if (!committed_ || settle(report)) return {};
  return fail(ErrorKind::usage, "the change before it still waits for the chain's next block");
}

// one_change_ held. What is in force, or will be with the next block.
const Configuration& Street::Run::newest_configuration() const {
  return committed_ ? *committed_->wanted : *configured_;
}

Result<std::vector<std::string>> Street::Run::prepare(std::shared_ptr<const Configuration> wanted) {
  const std::lock_guard one(one_change_);
  prepared_.reset();
  if (auto ready = wait_until_ready(); !ready) {
    // What is not concerned need not wait.
    const ChangePlan differs = plan_change(newest_configuration(), *wanted);
    if (!is_over() && differs.changes.empty() && differs.refused.empty()) {
      return std::vector<std::string>();
    }
    return std::unexpected(ready.error());
  }
  if (decisions_) {
    return fail(ErrorKind::usage,
                "a replay obeys what its recording says was changed; --ignore-decisions lets it");
  }
  CheckedPlan checked = checked_plan(*wanted);
  const ChangePlan& plan = checked.plan;
  if (!plan.refused.empty()) {
    return fail(ErrorKind::configuration, fmt::format("{}", fmt::join(plan.refused, "\n")));
  }
  if (plan.changes.empty()) {
    withdrawn_ = std::move(checked.withdrawn);
    return std::vector<std::string>();
  }
  std::shared_ptr<const PluginSet> now;
  {
    const std::lock_guard lock(change_mutex_);
    now = set_;
  }
  auto next = prepare_change(plan, std::move(checked.wanted), *now, nullptr);
  if (!next) {
    let_go();
    return std::unexpected(next.error());
  }
  prepared_ = {std::move(*next), std::move(now), std::move(checked.withdrawn)};
  return prepared_->next.done;
}

void Street::Run::discard() {
  const std::lock_guard one(one_change_);
  if (!prepared_) return;
  prepared_.reset();
  let_go();
}

void Street::Run::commit() {
  const std::lock_guard one(one_change_);
  if (!prepared_) return;
  PreparedChange change = *std::exchange(prepared_, std::nullopt);
  committed_ = {change.next.wanted, change.next.lanes, std::move(change.now),
                std::move(change.withdrawn), change.next.done};
  {
    const std::lock_guard lock(change_mutex_);
    next_ = std::move(change.next);
    preparing_on_ = 0;
  }
  change_moved_.notify_all();
}

// one_change_ held. Whether the last change was carried by a snapshot: then it is in force.
bool Street::Run::settle(ChangeReport& report) {
  {
    const std::lock_guard lock(change_mutex_);
    if (next_ || (!ended_ && newest_->id < changed_at_)) return false;
    report.from = changed_at_;
  }
  CommittedChange change = *std::exchange(committed_, std::nullopt);
  report.done = std::move(change.done);
  configured_ = std::move(change.wanted);
  lane_names_ = std::move(change.lanes);
  withdrawn_ = std::move(change.withdrawn);
  retiring_.push_back({std::move(change.before), report.from});
  return true;
}

Result<std::optional<ChangeReport>> Street::Run::carried(
    std::chrono::steady_clock::time_point until) {
  const std::lock_guard one(one_change_);
  if (!committed_) return ChangeReport();
  {
    std::unique_lock lock(change_mutex_);
    const auto moved = [&] { return ended_ || (!next_ && newest_->id >= changed_at_); };
    if (until == std::chrono::steady_clock::time_point::max()) {
      change_moved_.wait(lock, moved);
    } else {
      change_moved_.wait_until(lock, until, moved);
    }
    if (ended_ && next_) {
      next_.reset();
      committed_.reset();
      return std::unexpected(run_is_over());
    }
  }
  ChangeReport report;
  if (!settle(report)) return std::nullopt;
  return report;
}

}  // namespace gantry::host

#include "host/provider/health.hpp"

#include <algorithm>
#include <utility>

namespace gantry::host {

ProviderState ProviderHealth::state(Time now) const {
  const bool could_answer = state_ == ProviderState::ready || state_ == ProviderState::suspect;
  return could_answer && now < limited_until_ ? ProviderState::limited : state_;
}

void ProviderHealth::answered(Time) {
  failures_in_row_ = 0;
  pauses_in_row_ = 0;
  if (state_ == ProviderState::suspect) {
    state_ = ProviderState::ready;
    set_back_ = false;
    reason_.clear();
  }
}

void ProviderHealth::pause_for(Time now, std::chrono::milliseconds asked) {
  if (asked.count() <= 0) {
    constexpr std::uint32_t doublings_max = 10;
    asked = std::min(times_.pause_min * (1 << std::min(pauses_in_row_, doublings_max)),
                     times_.pause_max);
  }
  ++pauses_in_row_;
  limited_until_ = std::max(limited_until_, now + std::min(asked, times_.retry_after_max));
}

void ProviderHealth::failed(Time now, FailureCause cause, std::string reason,
                            std::chrono::milliseconds pause) {
  reason_ = std::move(reason);
  cause_ = cause;
  if (cause == FailureCause::behind) return;  // it is well, and knows less
  if (cause == FailureCause::limited) return pause_for(now, pause);
  ++failures_in_row_;
  if (cause == FailureCause::wrong_chain) {
    state_ = ProviderState::wrong_chain;
    next_check_ = now + times_.recheck_every;
    return;
  }
  if (cause == FailureCause::node && failures_in_row_ < failures_in_row_max) return;
  if (state_ == ProviderState::ready) {
    state_ = ProviderState::suspect;
    suspect_since_ = now;
    check_now(now);
  }
}

void ProviderHealth::silent(Time now) {
  if (state_ != ProviderState::ready) return;
  state_ = ProviderState::suspect;
  suspect_since_ = now;
  check_now(now);
}

void ProviderHealth::check_passed(Time now, bool behind) {
  checking_ = false;
  next_check_ = now + (behind ? times_.recheck_every : times_.check_every);
  if (state_ == ProviderState::suspect) {
    // To pass checks and fail requests is no health: not yet, and then with one failure left.
    if (failures_in_row_ >= failures_in_row_max) {
      if (now - suspect_since_ < times_.check_every) {
        next_check_ = now + times_.recheck_every;
        set_back_ = true;
        return;
      }
      failures_in_row_ = failures_in_row_max - 1;
    }
  } else if (state_ != ProviderState::ready) {
    failures_in_row_ = 0;
  }
  state_ = ProviderState::ready;
  set_back_ = false;
  reason_.clear();
}

void ProviderHealth::check_failed(Time now, FailureCause cause, std::string reason,
                                  std::chrono::milliseconds pause) {
  checking_ = false;
  reason_ = std::move(reason);
  cause_ = cause;
  if (cause == FailureCause::limited) {
    // No answer to a check, but no fault either: it keeps its state, and is asked after its pause.
    pause_for(now, pause);
    next_check_ = limited_until_;
    return;
  }
  ++failures_in_row_;
  set_back_ = false;
  if (cause == FailureCause::wrong_chain) {
    state_ = ProviderState::wrong_chain;
  } else if (state_ == ProviderState::ready) {
    state_ = ProviderState::suspect;
    suspect_since_ = now;
    next_check_ = now;
    return;
  } else {
    state_ = ProviderState::down;
  }
  next_check_ = now + times_.recheck_every;
}

}  // namespace gantry::host

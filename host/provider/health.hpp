// What is thought of one provider, and when it is looked at again. Pure: time is told to it.
//
//   unchecked --passes--> ready <--passes-- down, wrong_chain
//   ready --a request or a check fails--> suspect --a check fails--> down
//
// A check is eth_chainId with the newest block. One is due at once after a failure, every 5 s
// while a provider is not ready, and every 30 s otherwise. A pause that the provider asked for
// (`limited`) lies over whatever state it is in.
#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "host/provider/statistics.hpp"

namespace gantry::host {

struct HealthTimes {
  std::chrono::milliseconds check_every{30000};
  std::chrono::milliseconds recheck_every{5000};
  std::chrono::milliseconds check_timeout{2000};
  std::chrono::milliseconds pause_min{1000};   // after "too many requests" without a time; doubles
  std::chrono::milliseconds pause_max{30000};  // what it doubles up to
  std::chrono::milliseconds retry_after_max{3600000};  // longest pause that is believed
};
// Failures in a row after which a provider that passes its checks stays behind the others, until it
// answers a request or check_every has passed.
inline constexpr std::uint32_t failures_in_row_max = 3;

class ProviderHealth {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit ProviderHealth(const HealthTimes& times, Time now) : times_(times), next_check_(now) {}

  ProviderState state(Time now) const;
  // Of what keeps it from being ready, as "no connection"; else of the last failure, or empty.
  const std::string& reason() const { return reason_; }
  // Of the reason; nullopt: there is none.
  std::optional<FailureCause> cause() const {
    return reason_.empty() ? std::nullopt : std::optional(cause_);
  }
  Time limited_until() const { return limited_until_; }
  // Never shown a chain, and has not failed either: worth waiting for.
  bool is_new() const { return state_ == ProviderState::unchecked; }
  // Behind the others for its failures in a row, though it passes its checks.
  bool is_set_back() const { return state_ == ProviderState::suspect && set_back_; }
  std::uint32_t failures_in_row() const { return failures_in_row_; }

  void answered(Time now);
  // `pause` counts for `limited` alone; 0: the provider named none.
  void failed(Time now, FailureCause cause, std::string reason,
              std::chrono::milliseconds pause = {});
  // Another one had to answer in its place, and nothing at all came from it meanwhile.
  void silent(Time now);

  // Of the checks, of which at most one is on its way.
  bool check_is_due(Time now) const { return !checking_ && now >= next_check_; }
  Time next_check() const { return checking_ ? Time::max() : next_check_; }
  bool checking() const { return checking_; }
  void check_begins() { checking_ = true; }
  void check_now(Time now) { next_check_ = std::min(next_check_, now); }
  void check_passed(Time now, bool behind);
  void check_failed(Time now, FailureCause cause, std::string reason,
                    std::chrono::milliseconds pause = {});

 private:
  void pause_for(Time now, std::chrono::milliseconds asked);

  HealthTimes times_;
  ProviderState state_ = ProviderState::unchecked;  // never `limited`
  std::string reason_;
  FailureCause cause_ = FailureCause::broken;  // of reason_
  Time next_check_;
  Time limited_until_{};
  Time suspect_since_{};
  bool checking_ = false;
  bool set_back_ = false;  // of a suspect: it has passed a check in vain
  std::uint32_t failures_in_row_ = 0;
  std::uint32_t pauses_in_row_ = 0;
};

}  // namespace gantry::host

// What is known of a chain's providers, shared by all who ask them and by the watch: who is asked
// next, how each is doing, the newest block. Internal to host/provider.
//
// THREADS  Any, all functions. Nothing is called back while the lock is held, and events are told
//          one at a time, in order.
#pragma once
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "host/config/secret.hpp"
#include "host/ports/clock.hpp"
#include "host/provider/health.hpp"
#include "host/provider/latency.hpp"
#include "host/provider/providers.hpp"

namespace gantry::host::provider {

using Time = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

inline constexpr std::size_t in_flight_max = 64;   // of one provider; then others are asked first
inline constexpr milliseconds hedge_default{150};  // before there are quantiles
inline constexpr milliseconds hedge_min{10};
inline constexpr std::size_t hedge_samples_min = 20;
inline constexpr double hedge_quantile = 0.95;
// Whoever waits for a provider that is down has it checked, but not more often than this.
inline constexpr milliseconds check_gap_min{500};
// A block that is this much newer than the newest known needs a second voice.
inline constexpr std::uint64_t head_jump_max = 1000;
inline constexpr std::uint64_t lag_blocks_max = 3;  // or 5 s of blocks, where that is more
inline constexpr double lag_s_max = 5;

struct Endpoint {
  Endpoint(const RpcProviderSettings& configured, const HealthTimes& times, Time now)
      : name(configured.name),
        priority(configured.priority),
        weight(configured.weight),
        health(times, now) {}

  std::string name;
  std::string origin;
  std::int64_t priority;
  std::int64_t weight;
  std::string unusable;  // why it is never asked, as a variable that is not set; empty: it can be
  Secret url;            // empty: subscriptions only, or unusable
  Secret websocket;      // empty: none
  ProviderHealth health;
  Latency latency;
  std::optional<bool> by_hash;  // nullopt: not known yet
  bool asks_by_hash = false;    // a check's second question, which learn_by_hash() ends
  std::string chain_told;
  std::optional<std::uint64_t> head;
  Time doubted_until{};  // until then its subscription is not believed
  std::uint64_t lag = 0;
  bool lagging = false;
  std::int64_t turn = 0;  // of the weighted round robin
  std::uint64_t requests = 0;
  std::uint64_t answers = 0;
  std::uint64_t hedges = 0;
  std::uint64_t hedges_won = 0;
  std::size_t in_flight = 0;
  std::array<std::uint64_t, failure_causes> failures{};
  Time last_answer{};
  Time last_check{};                              // when the last one ended
  ProviderState told = ProviderState::unchecked;  // what the last event said
  Time told_since{};
  std::uint64_t stumbles = 0;  // failures that no event has told
  std::string last_failure;
  Time stumble_told{};
  bool set_back_told = false;  // of this time that it is behind the others for its failures
};

// What one batch has been through: a place for each provider.
struct Course {
  std::vector<std::uint8_t> tried;      // attempts that came to nothing
  std::vector<std::uint8_t> in_flight;  // 0 or 1
};

struct Departure {
  std::size_t index = 0;
  std::string name;
  Secret url;
  bool by_hash = false;
  milliseconds hedge_after{0};
  std::size_t others = 0;  // that could be tried after it
};

enum class HeadVerdict : std::int32_t { accepted = 1, behind = 2, implausible = 3 };

class Board {
 public:
  struct Options {
    std::string chain;  // CAIP-2
    double block_time_s = 12;
    std::function<void(const ProviderEvent&)> on_event;
  };
  Board(Options options, std::vector<Endpoint> endpoints, const Clock& clock);

  const std::string& chain() const { return options_.chain; }
  std::size_t size() const { return endpoints_.size(); }
  const std::string& name(std::size_t index) const { return endpoints_[index].name; }
  const Clock& clock() const { return clock_; }
  Time now() const { return clock_.now(); }

  // Of an attempt. depart() chooses and counts; one of the others ends it.
  std::optional<Departure> depart(const Course& course, bool first, bool hedge);
  bool anybody(const Course& course) const;  // depart() would choose somebody
  void answered(std::size_t index, std::chrono::microseconds took, bool hedge);
  void failed(std::size_t index, FailureCause cause, std::string reason, milliseconds pause,
              std::string chain_told = {});
  void dropped(std::size_t index, Time sent);  // another one answered first
  // A refusal that may be its own trouble. Where another answers what it refused, refuted()
  // follows; where all refuse it, confirmed().
  void answered_unsurely(std::size_t index, std::chrono::microseconds took);
  void refuted(std::size_t index, std::string reason);
  void confirmed(std::size_t index);

  // Of a batch.
  void count_asked();
  void count_answered(bool by_another_than_first);

  // Of a check.
  struct Check {
    std::size_t index = 0;
    Secret url;
    bool wants_by_hash = false;
  };
  std::vector<Check> due_checks();
  void check_passed(std::size_t index, const Head& head, std::chrono::microseconds took);
  void check_failed(std::size_t index, FailureCause cause, std::string reason, milliseconds pause,
                    std::string chain_told);
  // nullopt: its answer does not tell.
  void learn_by_hash(std::size_t index, std::optional<bool> by_hash);
  // All at once; `quiet`: those that are not ready and were not checked just now. Returns whether
  // any check is on its way or due then.
  bool request_checks(bool quiet);
  bool any_check() const;

  HeadVerdict learn_head(std::size_t index, const Head& head);
  void note_head(const Head& head);
  void doubt_head();
  std::optional<Head> head() const;

  // When the first provider that is not used up by `course` ends its pause; nullopt: none pauses.
  std::optional<Time> pause_ends(const Course& course) const;
  bool halted() const;
  std::string reasons() const;  // "alchemy: no connection; infura: ..."
  ChainStatistics statistics() const;
  std::vector<WebSocketEndpoint> websockets() const;

  // Waits for a change of any state, or until then. False: it is stopped.
  bool wait_for_change(Time until, std::uint64_t seen);
  std::uint64_t changes() const;
  // For the watch: until a check is due or a pause ends. False: it is stopped.
  bool wait_for_work();
  void stop();
  bool stopped() const;
  void close();  // no event is told any more

 private:
  ProviderState shown(const Endpoint& endpoint, Time now) const;
  bool usable(const Endpoint& endpoint, Time now) const;
  bool is_open(std::size_t index, const Course& course, Time now) const;
  bool halted_at(Time now) const;
  std::string reasons_at(Time now) const;
  std::string reason_of(const Endpoint& endpoint, Time now) const;
  HeadVerdict learn(Endpoint& endpoint, const Head& head, Time now);
  void settle(Time now);  // notices changes, and puts events for them into the queue
  void tell(ProviderEventKind kind, const Endpoint* endpoint, std::string text);
  void tell_state(Endpoint& endpoint, ProviderState state, Time now);
  void finish(std::unique_lock<std::mutex>& lock);  // settles, unlocks and tells

  const Options options_;
  const Clock& clock_;
  const std::uint64_t lag_max_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::vector<Endpoint> endpoints_;
  std::optional<Head> head_;
  Time head_since_{};
  std::uint64_t asked_ = 0;
  std::uint64_t answered_ = 0;
  std::uint64_t failovers_ = 0;
  std::uint64_t changes_ = 0;
  bool told_halted_ = false;
  bool stopped_ = false;
  std::deque<ProviderEvent> events_;

  std::mutex telling_;  // held while an event is told; taken before mutex_
  bool closed_ = false;
};

}  // namespace gantry::host::provider

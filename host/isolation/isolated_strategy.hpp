// A strategy in a sandboxed process of its own, which the street calls like any other: the table is
// of functions that ask the child. Its quotes are made in the child, by venues that it loads
// itself, on the states in the arena.
//
// FAULTS   A child that crashes, hangs, runs out of memory or makes a system call that it may not
//          costs what it had said of that snapshot, and a strike with the reason. It is started
//          again for the next snapshot, after the second time one later, then three, seven ...; at
//          `strikes_max` its Health has retired it for the run. A new child has no memory of what
//          was: it is given a cold market.
// TRUST    What a child says is checked as if a stranger had written it; a route is quoted again in
//          the host by the runner.
// BLAME    The child loads the venues too, and before the strategy: what one does while it is
// loaded
//          is that one's own, and it is put away. In a call only the child can say in whose code it
//          was, and a strategy could have written that: when it says a venue's, nobody is put
//          away, and what the strategy's strikes retire is noted only.
// DIFFERS  A venue that faults in a child gets its strike when the host's own instance does it; and
//          what a plugin logs and counts is heard when the call is over.
// THREADS  Like the strategy's: one at a time.
// ERRORS   plugin: it could not be loaded or created, with what the child said or how it ended.
//          io: no process could be started.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/isolation/channel.hpp"
#include "host/isolation/nursery.hpp"
#include "host/isolation/order.hpp"
#include "host/market/market_view.hpp"
#include "host/plugin/instances.hpp"

namespace gantry::host {

// What isolated strategies are made of. The libraries lie in the store, checked.
struct IsolationOrder {
  std::shared_ptr<Nursery> nursery;
  PluginFile file;
  std::filesystem::path placed;
  StrategySettings settings;
  std::vector<std::shared_ptr<VenueInstance>> venues;
  std::uint64_t opportunities_max = 0;
  std::int64_t strikes_max = 0;
};

class IsolatedStrategy {
 public:
  static constexpr std::uint64_t memory_bytes_max = 1ULL << 30U;  // of a child, beyond the shared
  static constexpr std::uint64_t load_timeout_ns = 10'000'000'000;
  static constexpr std::uint64_t pause_snapshots_max = 1024;

  static Result<std::shared_ptr<StrategyInstance>> start(IsolationOrder order);
  IsolatedStrategy(const IsolatedStrategy&) = delete;
  IsolatedStrategy& operator=(const IsolatedStrategy&) = delete;
  ~IsolatedStrategy();

  // Before the first call for a snapshot: starts a child where it is time. False: there is none.
  bool wake(std::uint64_t snapshot);
  // Whether that snapshot is a new child's first, which has to catch_up() before anything else.
  bool started_for(std::uint64_t snapshot) const noexcept { return started_in_ == snapshot; }
  // What the street has done with the strategy before this child was there: subscribe(), prepare().
  // False: it refused, for which it has its strike, or was lost.
  bool catch_up(const gantry_market& market);
  // Whether its child ended while it worked on that snapshot; the strike is given.
  bool lost(std::uint64_t snapshot) const noexcept { return lost_in_ == snapshot; }
  // Of its child; 0: there is none.
  pid_t pid() const noexcept { return child_ ? child_->pid() : 0; }

 private:
  struct Table;  // the C functions
  // What a call's records and questions go to; null: there can be none, and those are ignored.
  struct Ends {
    const gantry_opportunity_sink* opportunities = nullptr;
    const gantry_instruction_sink* instructions = nullptr;
    const gantry_subscription_sink* subscriptions = nullptr;
  };
  // What was answered to subscribe(), for the next child's.
  struct Answer {
    isolation::Says to;
    std::int32_t kind;
    isolation::HistoryWish wish;
    gantry_status status;
  };
  struct Descriptors;

  explicit IsolatedStrategy(IsolationOrder order);

  Status open();
  Status launch();
  std::string where_in_loading() const;
  Phase phase_of_loading() const;
  // Ends the child, and strikes for it.
  void lose(const isolation::Fault& fault, Phase phase);
  // The library whose doing it was, where that is sure.
  void put_away(const isolation::Fault& fault, Phase phase, std::string reason) const;

  // The request's `call` and what belongs to it, sent and answered. False: the child is lost.
  bool exchange(isolation::Call what, Phase phase, const Ends& ends);
  bool await_answer(const Ends& ends, std::uint64_t timeout_ns, isolation::Fault& fault);
  bool answer_question(const Ends& ends);
  void deliver(const Ends& ends);

  bool tell(isolation::Call what, std::span<const std::uint8_t> payload, Phase phase);
  // Topology, history and snapshot, as far as the child does not know them.
  bool show(const gantry_market& market, Phase phase);

  gantry_status subscribe(const gantry_market& market, const gantry_subscription_sink& sink);
  gantry_status prepare(const gantry_market& market, gantry_error* error);
  gantry_status find(const gantry_market& market, const gantry_opportunity_sink& sink);
  gantry_status pending(const gantry_market& market, std::span<const gantry_pending_event> events,
                        std::uint64_t dropped);
  gantry_status about(isolation::Call what, Phase phase, const gantry_opportunity& opportunity,
                      const Ends& ends);
  gantry_status event(const gantry_event& event);
  gantry_status result(const gantry_result& result);
  gantry_subscription_sink earlier_answers();

  isolation::Request& request() const noexcept;
  isolation::Turn& turn() const noexcept;
  isolation::Inside& inside() const noexcept;
  // Says whose code it was, of a child that has ended.
  void find_whose(isolation::Fault& fault) const;

  IsolationOrder order_;
  std::shared_ptr<Health> health_;
  InstanceServices* services_ = nullptr;  // of the instance that this is the object of
  std::unique_ptr<Descriptors> descriptors_;
  std::unique_ptr<SharedRegion> requests_;
  std::unique_ptr<SharedRegion> replies_;
  isolation::Reply reply_{};  // a copy: the child cannot change it any more
  std::vector<Answer> answers_;
  bool subscribes_ = false;  // subscribe() was called

  std::unique_ptr<isolation::ChildProcess> child_;
  // Of this child: what it has been told.
  std::uint64_t topology_ = ~0ULL;
  std::uint64_t prepared_ = ~0ULL;  // for which topology
  std::size_t series_ = 0;
  bool subscribed_ = false;
  bool fresh_ = true;  // it has not been given a find()

  std::uint64_t at_ = 0;  // the snapshot being worked on
  std::uint64_t lost_in_ = ~0ULL;
  std::uint64_t started_in_ = ~0ULL;
  std::uint64_t wake_from_ = 0;
  std::uint32_t losses_ = 0;
  isolation::Fault loading_fault_;  // of the last launch(); its text is empty: the child lived
};

}  // namespace gantry::host

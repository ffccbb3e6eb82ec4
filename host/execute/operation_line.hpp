// The way by which a chain's user operations leave: the bundler, and the desk of those who pay.
//
// One operation at a time is sponsored and sent: whoever does it has the turn. Who pays are the
// paymasters of the newest set of plugins, which is held until the next one is noted or the turn
// ends: so a paymaster that was taken out is let go of, and its library with it.
//
// THREADS    [any thread] but for what a Turn gives, which is its holder's.
// OWNERSHIP  The pool outlives it.
// SECRETS    The bundler's URL is with it, and printed nowhere.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/config/load.hpp"
#include "host/ledger/records.hpp"
#include "host/plugin/plugin_set.hpp"
#include "host/sponsor/sender.hpp"

namespace gantry::host {

// As it is written down before it leaves.
ledger::Attempt attempt_of(const SignedOperation& operation, sign::EntryPointVersion version,
                           ledger::Purpose purpose);

class OperationLine {
 public:
  // Of a chain whose [chain.execution] sends operations. Fails with `configuration`: nobody pays,
  // [wallet] lacks the EntryPoint or the owner, an EntryPoint that is not known, a variable of the
  // bundler's URL that is not set, or a bundler that serves other EntryPoints alone. One that does
  // not answer is told in the log: it may by the first trade.
  static Result<std::unique_ptr<OperationLine>> make(const Configuration& configuration,
                                                     HttpPool& http, Environment environment);
  OperationLine(const OperationLine&) = delete;
  OperationLine& operator=(const OperationLine&) = delete;
  ~OperationLine() = default;

  const Bundler& bundler() const { return bundler_; }
  // Who was given an attempt, now or by an earlier run: the bundler, or a sponsor's own service.
  // Fails with `configuration`: that sponsor is not there any more, may not ask that address now,
  // or a value that the address needs is not set.
  Result<Bundler> service_of(const ledger::Attempt& attempt) const;
  HttpPool& http() const { return http_; }

  // An operation that was to be sponsored, unsigned, and when: see SponsorOrder.
  struct Wanted {
    sign::UserOperation operation;
    std::uint64_t snapshot = 0;
  };
  class Turn {
   public:
    SponsorDesk& desk() const { return line_.desk_; }
    // The newest, with which retired paymasters are probed.
    std::optional<Wanted>& last() const { return line_.last_; }

   private:
    friend class OperationLine;
    Turn(OperationLine& line, std::unique_lock<std::mutex> held)
        : line_(line), held_(std::move(held)) {
      line_.refresh();
    }
    OperationLine& line_;
    std::unique_lock<std::mutex> held_;
  };
  Turn take_turn() { return {*this, std::unique_lock(turn_)}; }
  // nullopt: another one has it.
  std::optional<Turn> try_turn();

  // The plugins from now on; null: none any more. Never waits.
  void note(std::shared_ptr<const PluginSet> plugins);
  // What became of an operation that `paymaster` paid for: in a block at that cost in wei, or, with
  // a reason, in none.
  void note_included(std::string paymaster, const u256& cost);
  void note_failed(std::string paymaster, std::string why);

  // {"bundler", "entry_point", "paymasters": [...]} as they were at the last turn.
  boost::json::object told() const;

 private:
  struct Outcome {
    std::string paymaster;
    u256 cost;
    std::string why;  // empty: it was included
  };
  OperationLine(HttpPool& http, Environment environment, std::string name, HttpEndpoint bundler,
                const sign::EntryPoint& entry_point);
  void refresh();

  HttpPool& http_;
  SteadyClock clock_;
  Environment environment_;
  Bundler bundler_;
  std::vector<PaymasterSettings> configured_;  // until the first set of plugins is noted

  std::mutex turn_;  // guards these three
  SponsorDesk desk_;
  std::shared_ptr<const PluginSet> used_;
  std::optional<Wanted> last_;

  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<const PluginSet> newest_;
  const PluginSet* used_now_ = nullptr;  // used_, to compare with
  std::vector<Outcome> outcomes_;
  boost::json::array paymasters_;
};

}  // namespace gantry::host

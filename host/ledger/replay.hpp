// What the trail says that the tables hold, row by row, compared with what they hold. Internal to
// host/ledger.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "host/ledger/store.hpp"
#include "host/ledger/trail.hpp"
#include "host/ledger/verify.hpp"

namespace gantry::host::ledger {

class Findings {
 public:
  void add(std::int64_t row, std::string what) {
    if (found_.size() < findings_max) {
      found_.push_back({row, std::move(what)});
    } else {
      ++more_;
    }
  }
  // By row, the first findings_max.
  std::vector<Finding> take();
  std::uint64_t more() const { return more_; }

 private:
  std::vector<Finding> found_;
  std::uint64_t more_ = 0;
};

class Replay {
 public:
  Replay(Connection& connection, Findings& findings)
      : connection_(connection), findings_(findings) {}

  // Fail when the tables cannot be read; what differs is a finding.
  Status take(const AuditRow& row);
  Status end();
  std::int64_t intents() const { return static_cast<std::int64_t>(intents_.size()); }

 private:
  // Of an intent, as the trail has it so far. A million of them are held.
  struct Held {
    State state = State::intended;
    bool holds_nonce = true;
    bool final = false;
    std::string attempts;       // a State each, as a character
    std::size_t reason = 0;     // its hash
    std::int64_t result = 0;    // the row; 0: none, or taken back
    std::int64_t realised = 0;  // likewise
    std::int64_t row = 0;       // that began it
  };
  using LaneKey = std::tuple<std::string, std::string, std::string, std::string>;
  using SumKey = std::tuple<std::int64_t, std::string, std::string, std::string>;

  Held* held(const AuditRow& row, const boost::json::object& facts);
  Status take_intent(const AuditRow& row, const boost::json::object& facts);
  Status take_attempt(const AuditRow& row, const boost::json::object& facts);
  void take_move(const AuditRow& row, const boost::json::object& facts);
  void take_lane(const boost::json::object& lane, std::int64_t next);
  Status check_intents();
  Status check_results();
  Status check_result(const StoredResult& result, const StoredIntent& intent);
  Status check_lanes();
  Status check_taken_back();
  Status check_sums(std::string_view table, std::string_view name,
                    const std::map<SumKey, Contribution>& expected);
  Result<boost::json::object> facts_of(std::int64_t row);

  Connection& connection_;
  Findings& findings_;
  std::vector<Held> intents_;
  std::vector<std::int64_t> taken_back_;  // rows of the first version that did so
  std::map<LaneKey, std::int64_t> next_;
  std::map<SumKey, Contribution> by_strategy_;
  std::map<SumKey, Contribution> by_venue_;
};

}  // namespace gantry::host::ledger

// What the trail says of each record: JSON with its members in one order, numbers that may be
// large as decimal text, bytes as 0x and digits. The same record always gives the same bytes.
// Internal to host/ledger.
//
// THREADS  Pure functions: any thread.
#pragma once
#include <boost/json.hpp>
#include <string>
#include <vector>

#include "host/ledger/records.hpp"

namespace gantry::host::ledger {

// An intent's step, with the steps of attempts of it that go along.
struct Move {
  struct OfAttempt {
    std::uint32_t number = 0;
    State to = State::intended;
  };
  IntentId intent = 0;
  State to = State::intended;
  std::vector<OfAttempt> attempts;
  std::string reason;
  bool gives_nonce_back = false;
};

std::string lane_facts(const Lane& lane, std::uint64_t next, std::string_view why);
std::string intent_facts(const StoredIntent& stored);
// Of what was signed, its SHA-256.
std::string attempt_facts(const StoredAttempt& stored);
std::string move_facts(const Move& move);
std::string result_facts(const AttemptId& id, const Receipt& receipt, const Move& move);
std::string realised_facts(IntentId intent, const Realised& realised);
std::string note_facts(IntentId intent, std::string_view reason);  // of final and left_open
std::string text_facts(std::string_view text);

// Parts of the above, to be compared with what the tables hold.
boost::json::object receipt_json(const AttemptId& id, const Receipt& receipt);
boost::json::object realised_json(const Realised& realised);
boost::json::array route_json(const std::vector<Leg>& route);
// Empty: it is no route.
std::vector<Leg> route_of(const std::string& json);

}  // namespace gantry::host::ledger

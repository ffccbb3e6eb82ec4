// Whether a ledger is what it was when it was written: its trail, and the tables that follow from
// it.
//
// FOUND    A row that was changed, taken out, put in or moved; rows cut off the end, by the head
// file
//          beside it; rows that were signed with another key; an intent, attempt, result or sum
//          that is not what the trail says.
// NOT FOUND  Whoever has the key can write any trail. Whoever puts an earlier copy of the ledger in
//          its place, with that copy's head file, or takes the head file away with the tail:
//          compare with a head noted elsewhere (`expected`). What was never recorded.
// THREADS  Any; reads one state of the file, also while a host writes to it.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/base/result.hpp"
#include "host/ledger/records.hpp"

namespace gantry::host::ledger {

inline constexpr std::size_t findings_max = 100;

// As it was noted elsewhere: that row has that hash.
struct NotedHead {
  std::int64_t row = 0;
  Hash hash{};
};
// "12:" and 64 hexadecimal digits; nullopt: it is not that.
std::optional<NotedHead> parse_noted_head(std::string_view text);
std::string to_string(const NotedHead& head);

struct VerifyOptions {
  std::filesystem::path public_key;  // empty: FILE.key.pub
  std::optional<NotedHead> expected;
  std::function<void(std::int64_t done, std::int64_t all)> progress;  // in rows; may be empty
};

struct Finding {
  std::int64_t row = 0;  // of the trail; 0: the ledger as a whole
  std::string what;      // one sentence
};

struct Verification {
  std::int64_t rows = 0;
  std::int64_t proven = 0;  // the last row up to which all is chained and signed
  NotedHead head;           // the last row
  std::int64_t intents = 0;
  std::vector<Finding> findings;   // the first findings_max; none: it is whole
  std::uint64_t more = 0;          // findings beyond
  std::vector<std::string> notes;  // no faults, but worth knowing
};

// Fails when it cannot be read at all; what is wrong with it is a finding.
Result<Verification> verify(const std::filesystem::path& path, const VerifyOptions& options = {});

}  // namespace gantry::host::ledger

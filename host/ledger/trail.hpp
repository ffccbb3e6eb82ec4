// The audit trail: rows that are only ever added, each chained to the one before by its hash, each
// commit signed, and a head file beside that says how far it goes. Internal to host/ledger.
//
// HASH     SHA-256("gantry.audit/1" | hash before | signature before | sequence | time | kind |
//          length of facts | facts), numbers as 8 bytes, most significant first; without a row or a
//          signature before, as many zeros.
// HEAD     FILE.head has two slots of 256 bytes, written in turn: a line of the number and hash of
//          the last row, signed. It is not synced: after a power cut it may be older than the
//          trail, never newer.
// THREADS  One thread's at a time.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/base/descriptor.hpp"
#include "host/ledger/records.hpp"
#include "host/ledger/signing_key.hpp"
#include "host/ledger/sqlite.hpp"

namespace gantry::host::ledger {

// Written to files by number.
enum class AuditKind : std::int32_t {
  opened = 1,  // by a host: version, key
  lane = 2,    // a nonce as the chain says it
  intent = 3,
  attempt = 4,
  moved = 5,  // an intent, and attempts of it, to another state
  result = 6,
  realised = 7,   // what a result brought, reckoned later
  final = 8,      // a result that can no longer be undone
  left_open = 9,  // why an intent is still open
  operator_command = 10,
  breaker = 11,
  configuration = 12,
  taken_back = 13,  // an intent, whose result and what it brought are so no more; waits again
};
std::string_view to_string(AuditKind kind);

struct AuditRow {
  std::int64_t sequence = 0;
  std::int64_t time_ms = 0;
  AuditKind kind = AuditKind::opened;
  std::string facts;
  Hash hash{};
  std::optional<Signature> signature;
};

Hash hash_of(const AuditRow& row, const Hash& hash_before,
             const std::optional<Signature>& signature_before);
// What is signed of a row, and of a head. They differ, so that a row's signature is no head.
std::vector<std::uint8_t> signed_of_row(std::int64_t sequence, const Hash& hash);
std::vector<std::uint8_t> signed_of_head(std::int64_t sequence, const Hash& hash);

struct TrailHead {
  std::int64_t sequence = 0;
  Hash hash{};
  Signature signature{};
};
std::filesystem::path head_file(const std::filesystem::path& ledger);
// The higher of the slots that are signed by that key. not_found: no file; format: no such slot.
Result<TrailHead> read_head(const std::filesystem::path& path, const PublicKey& key);

class Trail {
 public:
  // Goes on where the table ends.
  static Result<Trail> open(Connection& connection, SigningKey key);

  // Adds to what write() will write.
  void add(AuditKind kind, std::int64_t time_ms, std::string facts);
  std::size_t pending() const { return pending_.size(); }
  void drop_from(std::size_t pending) { pending_.resize(pending); }
  // Chains, signs and inserts, within the caller's transaction.
  Status write();
  // After the commit. A head file that cannot be written is told once in the log: the trail itself
  // is whole.
  void committed();
  // After a rollback.
  void rolled_back() { pending_.clear(); }

  const TrailHead& head() const { return head_; }
  // What was found of the head file at opening: "agrees", "older" (killed or without power before
  // it was written), "missing".
  std::string_view head_found() const { return head_found_; }
  PublicKey public_key() const { return key_.public_key(); }

 private:
  Trail(Connection& connection, SigningKey key) : connection_(&connection), key_(std::move(key)) {}
  void write_head();

  Connection* connection_;
  SigningKey key_;
  Descriptor head_file_;
  std::string_view head_found_ = "agrees";
  TrailHead head_;                      // of what is committed
  std::optional<Signature> signature_;  // of the last row that is
  TrailHead next_head_;
  std::optional<Signature> next_signature_;
  std::vector<AuditRow> pending_;
  bool head_failed_ = false;
  std::size_t slot_ = 0;  // of the head file, that is written next
};

}  // namespace gantry::host::ledger

#include "host/ledger/verify.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>

#include "host/base/text.hpp"
#include "host/ledger/ledger.hpp"
#include "host/ledger/replay.hpp"
#include "host/ledger/schema.hpp"
#include "host/ledger/signing_key.hpp"
#include "host/ledger/trail.hpp"

namespace gantry::host::ledger {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t progress_every = 1 << 14;

// The chain of hashes, row by row.
class ChainCheck {
 public:
  ChainCheck(const PublicKey& key, const VerifyOptions& options, Findings& findings)
      : key_(key), options_(options), findings_(findings) {}

  void take(const AuditRow& row) {
    const bool gap = row.sequence != last_.sequence + 1;
    if (gap) {
      const std::int64_t first = last_.sequence + 1;
      const std::int64_t end = row.sequence - 1;
      broken(first, first == end ? fmt::format("row {} is missing", first)
                                 : fmt::format("rows {} to {} are missing", first, end));
    } else if (hash_of(row, last_.hash, signature_) != row.hash) {
      broken(row.sequence, row.sequence == 1
                               ? std::string("does not fit its hash: it was changed")
                               : fmt::format("does not fit its hash: it was changed, or the hash "
                                             "or signature of row {}",
                                             row.sequence - 1));
    }
    if (options_.expected && options_.expected->row == row.sequence &&
        options_.expected->hash != row.hash) {
      findings_.add(row.sequence,
                    "is not the row that was noted elsewhere: the trail was rewritten");
    }
    last_ = {row.sequence, row.hash};
    signature_ = row.signature;
    if (row.signature) {
      signed_ = {row.sequence, row.hash};
      if (!broken_) {
        candidate_ = signed_;
        candidate_signature_ = *row.signature;
      }
    }
  }

  // What the last signature is worth. True: all rows are proven by it.
  bool end() {
    if (last_.row_missing()) return false;
    if (signed_.sequence != last_.sequence) {
      findings_.add(signed_.sequence + 1,
                    signed_.sequence + 1 == last_.sequence
                        ? std::string("is not signed: it was added by somebody else, or changed")
                        : fmt::format("and those up to {} are not signed: they were added by "
                                      "somebody else, or changed",
                                      last_.sequence));
    }
    const bool good =
        candidate_.sequence > 0 &&
        key_.verifies(signed_of_row(candidate_.sequence, candidate_.hash), candidate_signature_);
    if (good) proven_ = candidate_.sequence;
    return good || broken_;
  }

  NotedHead last() const { return {last_.sequence, last_.hash}; }
  std::int64_t proven() const { return proven_; }

 private:
  struct Place {
    std::int64_t sequence = 0;
    Hash hash{};
    bool row_missing() const { return sequence == 0; }
  };
  void broken(std::int64_t row, std::string what) {
    broken_ = true;
    findings_.add(row, std::move(what));
  }

  const PublicKey& key_;
  const VerifyOptions& options_;
  Findings& findings_;
  Place last_;
  std::optional<Signature> signature_;
  Place signed_;     // the last signed row
  Place candidate_;  // the last signed row before the chain breaks
  Signature candidate_signature_{};
  bool broken_ = false;
  std::int64_t proven_ = 0;
};

AuditRow row_of(const Statement& from) {
  AuditRow row;
  row.sequence = from.number(0);
  row.time_ms = from.number(1);
  row.kind = static_cast<AuditKind>(from.number(2));
  row.facts = from.text(3);
  row.hash = from.bytes<32>(4);
  if (!from.is_null(5)) row.signature = from.bytes<64>(5);
  return row;
}

Status for_each_row_of_trail(Connection& connection, const std::function<void(AuditRow)>& take) {
  const auto rows = connection.query(
      "SELECT sequence, time_ms, kind, facts, hash, signature FROM audit ORDER BY sequence");
  if (!rows) return std::unexpected(rows.error());
  while (true) {
    const auto row = (*rows)->step();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    take(row_of(**rows));
  }
  (*rows)->reset();
  return {};
}

// Where the key that signed is another: the first row whose signature is none of ours.
Status find_first_foreign(Connection& connection, const PublicKey& key, Findings& findings,
                          std::int64_t& proven) {
  std::int64_t foreign = 0;
  auto done = for_each_row_of_trail(connection, [&](const AuditRow& row) {
    if (foreign != 0 || !row.signature) return;
    if (key.verifies(signed_of_row(row.sequence, row.hash), *row.signature)) {
      proven = row.sequence;
    } else {
      foreign = row.sequence;
    }
  });
  if (done && foreign != 0) {
    findings.add(
        proven + 1,
        fmt::format("{} not signed with this ledger's key: the trail was "
                    "rewritten, or this is another ledger's key",
                    foreign == proven + 1 ? std::string("is")
                                          : fmt::format("or one of those up to {} is", foreign)));
  }
  return done;
}

void check_head_file(const fs::path& path, const Result<TrailHead>& head, Connection& connection,
                     Verification& out, Findings& findings) {
  if (!head) {
    if (head.error().kind == ErrorKind::not_found && out.rows <= 1) return;
    findings.add(
        0, fmt::format("{}: whether rows were cut off the end is not known: {}", path.string(),
                       head.error().kind == ErrorKind::not_found
                           ? "the file is missing"
                           : "it holds no head that this key has signed"));
    return;
  }
  if (head->sequence > out.rows) {
    findings.add(
        out.rows + 1,
        fmt::format("and those up to {} are missing: they were cut off the end", head->sequence));
    return;
  }
  const auto row = connection.query("SELECT hash FROM audit WHERE sequence = ?", head->sequence);
  if (!row) return;
  const auto stepped = (*row)->step();
  if (stepped && *stepped && (*row)->bytes<32>(0) != head->hash) {
    findings.add(head->sequence,
                 "is not the one that the head file names: the trail was rewritten");
  }
  (*row)->reset();
  if (head->sequence < out.rows) {
    out.notes.push_back(fmt::format(
        "the head file is of row {}: rows after it, had they been cut off, would not be missed",
        head->sequence));
  }
}

}  // namespace

std::optional<NotedHead> parse_noted_head(std::string_view text) {
  const auto colon = text.find(':');
  constexpr std::size_t digits = 64;
  if (colon == std::string_view::npos || text.size() != colon + 1 + digits) return std::nullopt;
  NotedHead head;
  const auto read = std::from_chars(text.data(), text.data() + colon, head.row);
  if (read.ec != std::errc() || read.ptr != text.data() + colon || head.row < 1) {
    return std::nullopt;
  }
  const auto hash = parse_hex("0x" + std::string(text.substr(colon + 1)));
  if (!hash) return std::nullopt;
  store_be(*hash, head.hash.data());
  return head;
}

std::string to_string(const NotedHead& head) {
  return fmt::format("{}:{}", head.row, hex_text(head.hash).substr(2));
}

Result<Verification> verify(const fs::path& path, const VerifyOptions& options) {
  const auto key = PublicKey::read(
      options.public_key.empty() ? public_key_file(default_key_file(path)) : options.public_key);
  auto connection = Connection::open(path, OpenAs::reader);
  if (!connection) return std::unexpected(std::move(connection.error()));
  if (auto known = check_schema(**connection); !known) return std::unexpected(known.error());
  if (!key) return std::unexpected(key.error());
  // Before the rows: a host that writes may add some meanwhile, and never takes any away.
  const auto head = read_head(head_file(path), *key);
  if (auto begun = (*connection)->run("BEGIN"); !begun) return std::unexpected(begun.error());
  const auto all = (*connection)->number("SELECT max(sequence) FROM audit");
  if (!all) return std::unexpected(all.error());

  Verification out;
  Findings findings;
  Findings of_tables;  // told after those of the trail, which they may follow from
  ChainCheck chain(*key, options, findings);
  Replay replay(**connection, of_tables);
  std::int64_t count = 0;
  Status replayed;
  auto done = for_each_row_of_trail(**connection, [&](const AuditRow& row) {
    chain.take(row);
    if (replayed) replayed = replay.take(row);
    if (++count % progress_every == 0 && options.progress) {
      options.progress(count, all->value_or(0));
    }
  });
  if (done) done = replayed;
  if (done) done = replay.end();
  if (!done) return std::unexpected(std::move(done.error()));
  const bool signatures_good = chain.end();
  out.head = chain.last();
  out.rows = out.head.row;
  out.proven = chain.proven();
  out.intents = replay.intents();
  if (!signatures_good && out.rows > 0) {
    done = find_first_foreign(**connection, *key, findings, out.proven);
    if (!done) return std::unexpected(std::move(done.error()));
  }
  check_head_file(head_file(path), head, **connection, out, findings);
  if (options.expected && options.expected->row > out.rows) {
    findings.add(out.rows + 1, fmt::format("and those up to {}, which was noted elsewhere, are "
                                           "missing: an earlier copy was put in place, or rows "
                                           "were cut off the end",
                                           options.expected->row));
  }
  out.more = findings.more() + of_tables.more();
  out.findings = findings.take();
  for (Finding& each : of_tables.take()) {
    if (out.findings.size() < findings_max) {
      out.findings.push_back(std::move(each));
    } else {
      ++out.more;
    }
  }
  return out;
}

}  // namespace gantry::host::ledger

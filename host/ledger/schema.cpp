#include "host/ledger/schema.hpp"

#include <fmt/format.h>

namespace gantry::host::ledger {
namespace {

// Amounts are blobs of 32 bytes, most significant first; those that may be negative in two's
// complement. Days are counted from 1 January 1970, times in ms of Unix time.
constexpr const char* tables_1 = R"sql(
CREATE TABLE audit (
  sequence INTEGER PRIMARY KEY,  -- from 1, without gaps
  time_ms INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  facts TEXT NOT NULL,           -- JSON
  hash BLOB NOT NULL,            -- SHA-256 of the row before, its signature and this row
  signature BLOB                 -- Ed25519, of the last row of each commit
);
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE sequence = NEW.sequence)
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;

CREATE TABLE lane (
  id INTEGER PRIMARY KEY,
  chain TEXT NOT NULL,
  sender TEXT NOT NULL,
  entry_point TEXT NOT NULL,
  key BLOB NOT NULL,
  floor INTEGER NOT NULL,  -- the chain has taken every nonce below
  next INTEGER NOT NULL,   -- no nonce from here on was given out
  UNIQUE (chain, sender, entry_point, key)
);

CREATE TABLE intent (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  strategy TEXT NOT NULL,
  coin TEXT NOT NULL,
  token_in TEXT NOT NULL,
  token_out TEXT NOT NULL,
  route TEXT NOT NULL,     -- JSON
  amount_in BLOB NOT NULL,
  planned_out BLOB NOT NULL,
  min_profit BLOB NOT NULL,
  block INTEGER NOT NULL,
  last_block INTEGER NOT NULL,
  lane INTEGER NOT NULL REFERENCES lane (id),
  nonce INTEGER NOT NULL,
  holds_nonce INTEGER NOT NULL,  -- 0: the nonce was given back
  state INTEGER NOT NULL,
  reason TEXT NOT NULL,
  recorded_ms INTEGER NOT NULL
);
CREATE UNIQUE INDEX intent_nonce ON intent (lane, nonce) WHERE holds_nonce = 1;
CREATE INDEX intent_lane ON intent (lane, nonce);
CREATE INDEX intent_open ON intent (id) WHERE state <= 2;

CREATE TABLE attempt (
  id INTEGER PRIMARY KEY,
  intent INTEGER NOT NULL REFERENCES intent (id),
  number INTEGER NOT NULL,
  purpose INTEGER NOT NULL,
  payer TEXT NOT NULL,
  destination TEXT NOT NULL,
  max_fee BLOB NOT NULL,
  priority_fee BLOB NOT NULL,
  bytes BLOB NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  state INTEGER NOT NULL,
  UNIQUE (intent, number)
);

CREATE TABLE result (
  intent INTEGER PRIMARY KEY REFERENCES intent (id),
  attempt INTEGER NOT NULL,
  purpose INTEGER NOT NULL,
  success INTEGER NOT NULL,
  block INTEGER NOT NULL,
  block_hash BLOB NOT NULL,
  block_time_s INTEGER NOT NULL,
  gas_used INTEGER NOT NULL,
  gas_price BLOB NOT NULL,
  data_fee BLOB NOT NULL,
  final INTEGER NOT NULL,
  token TEXT,               -- from here on: NULL until it is reckoned
  profit BLOB,
  value_wei BLOB,
  cost_wei BLOB,
  profit_wei BLOB,          -- value_wei - cost_wei
  price_usd_e6 INTEGER,     -- NULL: the coin had no price
  price_source TEXT,
  price_age_ms INTEGER,
  profit_usd_e6 INTEGER,
  balance_before BLOB,
  balance_after BLOB
);
CREATE INDEX result_not_final ON result (intent) WHERE final = 0;

-- Sums, kept in the same commit as the results that they are of.
CREATE TABLE profit_day (
  day INTEGER NOT NULL,
  chain TEXT NOT NULL,
  coin TEXT NOT NULL,
  strategy TEXT NOT NULL,
  included INTEGER NOT NULL,
  reverted INTEGER NOT NULL,
  unreckoned INTEGER NOT NULL,  -- without a profit in wei
  unvalued INTEGER NOT NULL,    -- without one in dollars
  wei BLOB NOT NULL,
  usd_e6 INTEGER NOT NULL,
  PRIMARY KEY (day, chain, coin, strategy)
) WITHOUT ROWID;
CREATE TABLE profit_venue (
  day INTEGER NOT NULL,
  chain TEXT NOT NULL,
  coin TEXT NOT NULL,
  venue TEXT NOT NULL,
  included INTEGER NOT NULL,
  reverted INTEGER NOT NULL,
  unreckoned INTEGER NOT NULL,
  unvalued INTEGER NOT NULL,
  wei BLOB NOT NULL,
  usd_e6 INTEGER NOT NULL,
  PRIMARY KEY (day, chain, coin, venue)
) WITHOUT ROWID;
)sql";

// Version 2: where an attempt went that the configured bundler did not get; and rows of kind
// taken_back. In a trail of version 1 a result was taken back by a row of kind moved like any other
// step to `submitted`: those rows are listed, for the trail itself cannot be changed. Of an
// intent's results and steps to `submitted` it is the one right behind a result.
constexpr const char* tables_2 = R"sql(
CREATE TABLE attempt_endpoint (
  intent INTEGER NOT NULL REFERENCES intent (id),
  number INTEGER NOT NULL,
  endpoint TEXT NOT NULL,   -- as Attempt::endpoint
  PRIMARY KEY (intent, number)
) WITHOUT ROWID;
CREATE TABLE taken_back (
  row INTEGER PRIMARY KEY   -- of the trail
);
INSERT INTO taken_back SELECT sequence FROM (
  SELECT sequence, kind,
         lag(kind) OVER (PARTITION BY json_extract(facts, '$.intent') ORDER BY sequence) AS before
  FROM audit
  WHERE kind = 6 OR (kind = 5 AND json_extract(facts, '$.state') = 'submitted'))
WHERE kind = 5 AND before = 6;
)sql";
// What a reader has in their place, of his own.
constexpr const char* no_tables_2 = R"sql(
CREATE TEMP TABLE attempt_endpoint (intent INTEGER, number INTEGER, endpoint TEXT);
CREATE TEMP TABLE taken_back (row INTEGER PRIMARY KEY);
)sql";

// Version 3: what trades between two tokens exchanged.
constexpr const char* tables_3 = R"sql(
CREATE TABLE exchange (
  intent INTEGER PRIMARY KEY REFERENCES intent (id),
  spent BLOB NOT NULL,
  received BLOB NOT NULL,
  worth_wei BLOB NOT NULL
);
)sql";
constexpr const char* no_tables_3 = R"sql(
CREATE TEMP TABLE exchange (intent INTEGER, spent BLOB, received BLOB, worth_wei BLOB);
)sql";

struct Identity {
  std::int64_t application = 0;
  std::int64_t version = 0;
  bool empty = false;
};

Result<Identity> identity_of(Connection& connection) {
  Identity identity;
  const auto application = connection.number("PRAGMA application_id");
  if (!application) return std::unexpected(application.error());
  const auto version = connection.number("PRAGMA user_version");
  if (!version) return std::unexpected(version.error());
  const auto objects = connection.number("SELECT count(*) FROM sqlite_master");
  if (!objects) return std::unexpected(objects.error());
  identity.application = application->value_or(0);
  identity.version = version->value_or(0);
  identity.empty = objects->value_or(0) == 0 && identity.application == 0;
  return identity;
}

Status check_identity(const Connection& connection, const Identity& identity) {
  const std::string name = connection.path().string();
  if (identity.application != application_id) {
    return fail(ErrorKind::format,
                fmt::format("{}: is no ledger: it is another program's database. Name another file "
                            "in [ledger]",
                            name));
  }
  if (identity.version > schema_version) {
    return fail(ErrorKind::format,
                fmt::format("{}: is a ledger of version {}, and this program knows up to {}. Run "
                            "the newer gantry that made it",
                            name, identity.version, schema_version));
  }
  if (identity.version < 1) {
    return fail(ErrorKind::format,
                fmt::format("{}: is a ledger without a version. It is damaged: restore it from a "
                            "copy",
                            name));
  }
  return {};
}

}  // namespace

Status check_schema(Connection& connection) {
  const auto identity = identity_of(connection);
  if (!identity) return std::unexpected(identity.error());
  if (auto known = check_identity(connection, *identity); !known) return known;
  Status done;
  if (identity->version < 2) done = connection.run(no_tables_2);
  if (done && identity->version < 3) done = connection.run(no_tables_3);
  return done;
}

Status prepare_schema(Connection& connection) {
  const auto identity = identity_of(connection);
  if (!identity) return std::unexpected(identity.error());
  if (!identity->empty) {
    if (auto known = check_identity(connection, *identity); !known) return known;
  }
  // A commit is on the disk when it returns; what is in the WAL is there after a crash. The
  // header's journal mode is set only now that the file is known to be ours.
  if (auto done = connection.run("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                 "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;");
      !done) {
    return done;
  }
  if (identity->empty) {
    const std::string make = fmt::format(
        "BEGIN IMMEDIATE; PRAGMA application_id = {}; PRAGMA user_version = {}; {} {} {} COMMIT;",
        application_id, schema_version, tables_1, tables_2, tables_3);
    if (auto made = connection.run(make.c_str()); !made) return made;
  } else if (identity->version < schema_version) {
    const std::string raise =
        fmt::format("BEGIN IMMEDIATE; {} {} PRAGMA user_version = {}; COMMIT;",
                    identity->version < 2 ? tables_2 : "", tables_3, schema_version);
    if (auto raised = connection.run(raise.c_str()); !raised) {
      static_cast<void>(connection.run("ROLLBACK"));  // where it had begun
      return raised;
    }
  }
  // Not of the first ledgers of this version, which read as well without it.
  return connection.run(
      "CREATE INDEX IF NOT EXISTS attempt_open ON attempt (intent) "
      "WHERE state <= 2");
}

}  // namespace gantry::host::ledger

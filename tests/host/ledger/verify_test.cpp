// Whatever is done to a ledger behind its back is found, and where it was done is told.
#include <sqlite3.h>

#include <fstream>
#include <random>

#include "fixture.hpp"
#include "host/execute/held.hpp"
#include "host/ledger/trail.hpp"

using namespace gantry::host;
using gantry::u256;
using namespace gantry::host::ledger;
using namespace gantry::host::ledger::test;
namespace fs = std::filesystem;

namespace {

// What somebody does who has the file and no key: triggers are only words to him.
void tamper(const fs::path& path, const std::string& sql) {
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  const std::string all =
      "PRAGMA foreign_keys = OFF; DROP TRIGGER IF EXISTS audit_is_not_changed;"
      "DROP TRIGGER IF EXISTS audit_is_not_deleted; DROP TRIGGER IF EXISTS audit_is_not_replaced;" +
      sql;
  char* error = nullptr;
  const int code = sqlite3_exec(handle, all.c_str(), nullptr, nullptr, &error);
  INFO((error != nullptr ? error : ""));
  REQUIRE(code == SQLITE_OK);
  REQUIRE(sqlite3_close(handle) == SQLITE_OK);
}

// A ledger with some of everything in it, closed.
class Tampered : public Desk {
 public:
  Tampered() {
    trade("a");
    trade("b", "statistical", 1);
    record("c");
    value_of(ledger->record(3, attempt(77)));
    value_of(ledger->submitted({3, 2}, "relay"));
    value_of(ledger->result({3, 2}, receipt(false)));
    record("d");
    value_of(ledger->withdraw(4, "the simulation failed"));
    record("e");
    value_of(ledger->left_open(5, "nobody answered"));
    value_of(ledger->operator_command("stop"));
    value_of(ledger->breaker("open: 3 reverts in a row"));
    value_of(ledger->configuration("risk.min_profit_usd: 1 -> 5"));
    value_of(ledger->settled(1));
    rows = ledger->last_row();
    close();
  }
  // Rows of the findings, in order.
  std::vector<std::int64_t> found() const {
    std::vector<std::int64_t> out;
    for (const Finding& each : verified().findings) out.push_back(each.row);
    return out;
  }
  std::string first() const {
    const auto all = verified().findings;
    return all.empty() ? "" : fmt::format("{}: {}", all[0].row, all[0].what);
  }
  std::int64_t rows = 0;
};

std::vector<AuditRow> rows_of(sqlite3* handle) {
  sqlite3_stmt* rows = nullptr;
  REQUIRE(sqlite3_prepare_v2(handle,
                             "SELECT sequence, time_ms, kind, facts, hash, signature FROM audit "
                             "ORDER BY sequence",
                             -1, &rows, nullptr) == SQLITE_OK);
  std::vector<AuditRow> all;
  while (sqlite3_step(rows) == SQLITE_ROW) {
    AuditRow row;
    row.sequence = sqlite3_column_int64(rows, 0);
    row.time_ms = sqlite3_column_int64(rows, 1);
    row.kind = static_cast<AuditKind>(sqlite3_column_int(rows, 2));
    row.facts = reinterpret_cast<const char*>(sqlite3_column_text(rows, 3));
    std::memcpy(row.hash.data(), sqlite3_column_blob(rows, 4), 32);
    if (sqlite3_column_bytes(rows, 5) == 64) {
      row.signature.emplace();
      std::memcpy(row.signature->data(), sqlite3_column_blob(rows, 5), 64);
    }
    all.push_back(row);
  }
  sqlite3_finalize(rows);
  return all;
}

// A closed ledger as the first version would have written it: a result is taken back by a step like
// any other, and what came later is not there.
void make_version_1(const fs::path& path) {
  const SigningKey key = value_of(SigningKey::open(default_key_file(path), KeyFile::is_there));
  tamper(path, "");
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(path.c_str(), &handle) == SQLITE_OK);
  std::vector<AuditRow> all = rows_of(handle);
  Hash before{};
  std::optional<Signature> signed_before;
  for (AuditRow& row : all) {
    if (row.kind == AuditKind::taken_back) row.kind = AuditKind::moved;
    row.hash = hash_of(row, before, signed_before);
    if (row.signature) row.signature = key.sign(signed_of_row(row.sequence, row.hash));
    before = row.hash;
    signed_before = row.signature;
    sqlite3_stmt* update = nullptr;
    sqlite3_prepare_v2(handle,
                       "UPDATE audit SET kind = ?, hash = ?, signature = ? WHERE sequence = ?", -1,
                       &update, nullptr);
    sqlite3_bind_int(update, 1, static_cast<int>(row.kind));
    sqlite3_bind_blob(update, 2, row.hash.data(), 32, SQLITE_STATIC);
    if (row.signature) sqlite3_bind_blob(update, 3, row.signature->data(), 64, SQLITE_STATIC);
    sqlite3_bind_int64(update, 4, row.sequence);
    REQUIRE(sqlite3_step(update) == SQLITE_DONE);
    sqlite3_finalize(update);
  }
  sqlite3_close(handle);
  tamper(path,
         "DROP TABLE attempt_endpoint; DROP TABLE taken_back; DROP TABLE exchange; "
         "PRAGMA user_version = 1;");
  fs::remove(head_file(path));
}

}  // namespace

TEST_CASE("a whole ledger verifies to its last row, also while a host writes to it") {
  Desk desk;
  for (int i = 0; i < 5; ++i) {
    desk.trade(fmt::to_string(i));
    desk.check_whole();
  }
  const Verification found = desk.verified();
  CHECK(found.intents == 5);
  CHECK(found.head.row == desk.ledger->last_row());
  CHECK(found.notes.empty());
  Tampered().check_whole();
}

TEST_CASE("a changed bit in any column of any row of the trail is found in that row or the next") {
  const Tampered desk;
  const fs::path copy = desk.folder / "copy.sqlite";
  std::mt19937_64 random(20261122);
  std::size_t trials = 0;
  for (std::int64_t row = 1; row <= desk.rows; ++row) {
    for (const std::string column : {"time_ms", "kind", "facts", "hash", "signature"}) {
      for (const char* suffix : {"", ".head", ".key.pub"}) {
        fs::copy_file(desk.path().string() + suffix, copy.string() + suffix,
                      fs::copy_options::overwrite_existing);
      }
      const bool number = column == "time_ms" || column == "kind";
      const int bit = static_cast<int>(random() % 8);
      // One bit of the number, or of one byte of the text or blob.
      tamper(copy, number ? fmt::format("UPDATE audit SET {0} = ({0} | {1}) - ({0} & {1}) "
                                        "WHERE sequence = {2}",
                                        column, 1 << (column == "kind" ? bit % 3 : bit), row)
                          : "");
      if (!number) {
        sqlite3* handle = nullptr;
        REQUIRE(sqlite3_open(copy.c_str(), &handle) == SQLITE_OK);
        sqlite3_blob* blob = nullptr;
        const int opened =
            sqlite3_blob_open(handle, "main", "audit", column.c_str(), row, 1, &blob);
        if (opened == SQLITE_OK) {
          const int at =
              static_cast<int>(random() % static_cast<std::uint64_t>(sqlite3_blob_bytes(blob)));
          char byte = 0;
          REQUIRE(sqlite3_blob_read(blob, &byte, 1, at) == SQLITE_OK);
          byte = static_cast<char>(byte ^ (1 << (column == "facts" ? bit % 7 : bit)));
          REQUIRE(sqlite3_blob_write(blob, &byte, 1, at) == SQLITE_OK);
        }
        sqlite3_blob_close(blob);
        sqlite3_close(handle);
        if (opened != SQLITE_OK) continue;  // a row without a signature
      }
      INFO("row " << row << ", column " << column << ", bit " << bit);
      const Verification found = value_of(verify(copy));
      REQUIRE_FALSE(found.findings.empty());
      const std::int64_t first = found.findings[0].row == 0 && found.findings.size() > 1
                                     ? found.findings[1].row
                                     : found.findings[0].row;
      CHECK((first == row || first == row + 1 || found.findings.back().row >= row));
      CHECK(found.proven < row + 1);
      ++trials;
    }
  }
  CHECK(trials > 60);
}

TEST_CASE("a row that is taken out is missed, also when those after it are numbered anew") {
  {
    const Tampered desk;
    tamper(desk.path(), "DELETE FROM audit WHERE sequence = 6");
    CHECK(desk.first() == "6: row 6 is missing");
    CHECK(desk.verified().proven == 5);
  }
  const Tampered desk;
  tamper(desk.path(),
         fmt::format("DELETE FROM audit WHERE sequence = 6;"
                     "UPDATE audit SET sequence = sequence + 1000 WHERE sequence > 6;"
                     "UPDATE audit SET sequence = sequence - 1001 WHERE sequence > 6"));
  CHECK(desk.verified().proven == 5);
  CHECK(has(desk.first(), "6: does not fit its hash"));
}

TEST_CASE("rows that change places are found, both") {
  const Tampered desk;
  tamper(desk.path(),
         "UPDATE audit SET sequence = -1 WHERE sequence = 4;"
         "UPDATE audit SET sequence = 4 WHERE sequence = 9;"
         "UPDATE audit SET sequence = 9 WHERE sequence = -1");
  const auto found = desk.found();
  CHECK(std::ranges::count(found, 4) > 0);
  CHECK(std::ranges::count(found, 9) > 0);
}

TEST_CASE("a row that is put in between or at the end is found") {
  const Tampered desk;
  tamper(desk.path(),
         fmt::format("INSERT INTO audit SELECT {}, time_ms, kind, facts, hash, NULL FROM audit "
                     "WHERE sequence = 3",
                     desk.rows + 1));
  const auto found = desk.found();
  REQUIRE_FALSE(found.empty());
  CHECK(std::ranges::count(found, desk.rows + 1) > 0);
  CHECK(desk.verified().proven == desk.rows);
}

TEST_CASE("a tail that is cut off is missed by the head file, by verify and at the next start") {
  const Tampered desk;
  tamper(desk.path(), fmt::format("DELETE FROM audit WHERE sequence > {}", desk.rows - 3));
  bool missed = false;
  for (const Finding& each : desk.verified().findings) {
    missed = missed || (each.row == desk.rows - 2 &&
                        each.what == fmt::format("and those up to {} are missing: they were cut "
                                                 "off the end",
                                                 desk.rows));
  }
  CHECK(missed);
  has(error_of(Ledger::open(desk.path())).message, "rows were cut off");
}

TEST_CASE(
    "a missing head file is told, and a head that was noted elsewhere finds a cut without it") {
  const Tampered desk;
  const NotedHead noted = desk.verified().head;
  CHECK(parse_noted_head(to_string(noted))->hash == noted.hash);
  fs::remove(head_file(desk.path()));
  has(desk.first(), "whether rows were cut off the end is not known");
  tamper(desk.path(), fmt::format("DELETE FROM audit WHERE sequence > {}", desk.rows - 3));
  const Verification found = value_of(verify(desk.path(), {.expected = noted}));
  CHECK(std::ranges::any_of(found.findings, [](const Finding& each) {
    return each.what.find("which was noted elsewhere, are missing") != std::string::npos;
  }));
  for (const char* bad : {"", "5", "5:", "x:00", "0:00"}) CHECK_FALSE(parse_noted_head(bad));
  CHECK_FALSE(parse_noted_head("5:" + std::string(64, 'g')));
}

TEST_CASE("a head cannot be made of the signature of a row") {
  const Tampered desk;
  const auto key = value_of(PublicKey::read(public_key_file(default_key_file(desk.path()))));
  const auto head = value_of(read_head(head_file(desk.path()), key));
  CHECK(head.sequence == desk.rows);
  CHECK(key.verifies(signed_of_head(head.sequence, head.hash), head.signature));
  CHECK_FALSE(key.verifies(signed_of_row(head.sequence, head.hash), head.signature));
}

TEST_CASE("an earlier copy that is put back whole is found by the noted head alone") {
  Desk desk;
  desk.trade("a");
  desk.close();
  const gantry::test::TemporaryFolder kept;
  for (const char* suffix : {"", ".head"}) {
    fs::copy_file(desk.path().string() + suffix, (kept / "ledger").string() + suffix);
  }
  desk.open();
  desk.trade("b");
  const NotedHead noted = desk.verified().head;
  desk.close();
  for (const char* suffix : {"", ".head"}) {
    fs::copy_file((kept / "ledger").string() + suffix, desk.path().string() + suffix,
                  fs::copy_options::overwrite_existing);
  }
  CHECK(desk.verified().findings.empty());  // as verify.hpp says
  CHECK_FALSE(value_of(verify(desk.path(), {.expected = noted})).findings.empty());
}

TEST_CASE("a trail that another key has signed is none of ours") {
  const Tampered desk;
  const Tampered other;
  const Verification found = value_of(
      verify(desk.path(), {.public_key = public_key_file(default_key_file(other.path()))}));
  REQUIRE_FALSE(found.findings.empty());
  CHECK(found.proven == 0);
  CHECK(std::ranges::any_of(found.findings, [](const Finding& each) {
    return each.row == 1 && each.what.find("this ledger's key") != std::string::npos;
  }));
  CHECK(error_of(verify(desk.path(), {.public_key = desk.folder / "none"})).kind ==
        ErrorKind::not_found);
}

TEST_CASE("a trail that is rewritten with right hashes is found by its signatures, at its place") {
  const Tampered desk;
  // Chained anew from row 6 on, as one would without the key.
  sqlite3* handle = nullptr;
  REQUIRE(sqlite3_open(desk.path().c_str(), &handle) == SQLITE_OK);
  sqlite3_exec(handle, "DROP TRIGGER audit_is_not_changed", nullptr, nullptr, nullptr);
  std::vector<AuditRow> all = rows_of(handle);
  for (std::size_t i = 5; i < all.size(); ++i) {
    if (i == 5) all[i].time_ms += 1;
    all[i].hash = hash_of(all[i], all[i - 1].hash, all[i - 1].signature);
    sqlite3_stmt* update = nullptr;
    sqlite3_prepare_v2(handle, "UPDATE audit SET time_ms = ?, hash = ? WHERE sequence = ?", -1,
                       &update, nullptr);
    sqlite3_bind_int64(update, 1, all[i].time_ms);
    sqlite3_bind_blob(update, 2, all[i].hash.data(), 32, SQLITE_STATIC);
    sqlite3_bind_int64(update, 3, all[i].sequence);
    REQUIRE(sqlite3_step(update) == SQLITE_DONE);
    sqlite3_finalize(update);
  }
  sqlite3_close(handle);
  const Verification found = desk.verified();
  REQUIRE_FALSE(found.findings.empty());
  CHECK(found.proven <= 5);
  CHECK(found.proven >= 3);
  CHECK(found.findings[0].row == found.proven + 1);
}

TEST_CASE("tables that are not what the trail says are found, with what differs") {
  const std::pair<const char*, const char*> cases[] = {
      {"UPDATE intent SET strategy = 'other' WHERE id = 1", "of intent 1, which the tables have"},
      {"UPDATE intent SET amount_in = zeroblob(32) WHERE id = 2", "of intent 2"},
      {"UPDATE intent SET amount_in = x'00' WHERE id = 2", "of intent 2"},
      {"UPDATE intent SET state = 6 WHERE id = 1", "intent 1, which became included"},
      {"UPDATE intent SET reason = 'x' WHERE id = 5", "intent 5"},
      {"DROP INDEX intent_nonce; UPDATE intent SET holds_nonce = 1 WHERE id = 4", "intent 4"},
      {"DELETE FROM intent WHERE id = 3", "intent 3, which was taken out"},
      {"INSERT INTO intent SELECT 99, 'z', kind, strategy, coin, token_in, token_out, route, "
       "amount_in, planned_out, min_profit, block, last_block, lane, 99, 1, state, reason, "
       "recorded_ms FROM intent WHERE id = 1",
       "intent 99 is in the tables, and not in the trail"},
      {"UPDATE attempt SET bytes = x'02' WHERE intent = 3 AND number = 1", "attempt 1 of intent 3"},
      {"UPDATE attempt SET hash = zeroblob(32) WHERE intent = 1", "attempt 1 of intent 1"},
      {"UPDATE attempt SET state = 1 WHERE intent = 3 AND number = 2",
       "whose attempt 2 became reverted"},
      {"DELETE FROM attempt WHERE intent = 3 AND number = 2", "that was taken out of the tables"},
      {"UPDATE result SET gas_used = 1 WHERE intent = 1", "result of intent 1"},
      {"UPDATE result SET profit_wei = zeroblob(32) WHERE intent = 1", "result of intent 1"},
      {"UPDATE result SET profit_usd_e6 = 99000000 WHERE intent = 1", "result of intent 1"},
      {"UPDATE result SET price_source = 'me' WHERE intent = 1", "result of intent 1"},
      {"UPDATE result SET final = 1 WHERE intent = 2", "result of intent 2"},
      {"DELETE FROM result WHERE intent = 2", "result of intent 2, which was taken out"},
      {"UPDATE profit_day SET usd_e6 = usd_e6 + 1 WHERE strategy = 'triangular'",
       "strategy triangular is not that of its trades"},
      {"DELETE FROM profit_venue", "sums by venue were taken out"},
      {"UPDATE lane SET next = next + 1", "the next nonce of"},
      {"DELETE FROM lane", "not in the tables"},
  };
  for (const auto& [sql, words] : cases) {
    const Tampered desk;
    tamper(desk.path(), sql);
    INFO(sql);
    const auto found = desk.verified().findings;
    std::string all;
    for (const Finding& each : found) all += fmt::format("{}: {}\n", each.row, each.what);
    INFO(all);
    CHECK(all.find(words) != std::string::npos);
    CHECK(desk.verified().proven == desk.rows);
  }
}

TEST_CASE("a result that was taken back is told as such, whatever its reason says") {
  Desk desk;
  desk.trade("a");
  const std::int64_t row = desk.ledger->last_row();
  value_of(desk.ledger->reorganized(1, "taken by another block"));
  value_of(desk.ledger->submitted({1, 1}, "somebody, and block 101 is no longer the chain's"));
  const auto news = value_of(desk.ledger->result_news(row));
  REQUIRE(news.size() == 1);
  CHECK(news[0].is_taken_back);
  CHECK(news[0].result.id.intent == 1);
  desk.check_whole();
}

TEST_CASE("a ledger of the first version reads as it is, and is brought up to this one") {
  Desk desk;
  desk.trade("a");
  value_of(desk.ledger->reorganized(1, "taken by another block"));
  value_of(desk.ledger->submitted({1, 1}, "relay"));
  value_of(desk.ledger->result({1, 1}, receipt(true, 1), realised()));
  desk.trade("b");
  const AttemptId unreckoned = desk.record("c");
  value_of(desk.ledger->result(unreckoned, receipt()));
  value_of(desk.ledger->reorganized(3, "block 101 is no longer the chain's"));
  value_of(desk.ledger->submitted({3, 1}, "relay"));
  const auto told = value_of(desk.ledger->result_news(0));
  REQUIRE(told.size() == 4);  // nobody was told what the third had brought
  desk.close();
  make_version_1(desk.path());

  // A reader changes nothing of it.
  CHECK(value_of(value_of(Reader::open(desk.path()))->attempts(2)).at(0).attempt.endpoint.empty());
  CHECK(value_of(value_of(Reader::open(desk.path()))->last_trades(9)).size() == 3);
  const Verification before = desk.verified();
  CHECK(before.findings.size() == 1);
  for (const Finding& each : before.findings) has(each.what, "head");
  for (int start = 0; start < 2; ++start) {
    desk.open();
    const auto now = value_of(desk.ledger->result_news(0));
    REQUIRE(now.size() == told.size());
    for (std::size_t i = 0; i < now.size(); ++i) {
      CHECK(now[i].row == told[i].row);
      CHECK(now[i].is_taken_back == told[i].is_taken_back);
      CHECK(now[i].result.id == told[i].result.id);
    }
    desk.check_whole();
  }
  value_of(desk.ledger->reorganized(2, "block 101 is no longer the chain's"));
  CHECK(value_of(desk.ledger->result_news(0)).size() == told.size() + 1);
  desk.check_whole();
  desk.close();
  tamper(desk.path(), "DELETE FROM taken_back WHERE row = (SELECT min(row) FROM taken_back)");
  const Verification lacks = desk.verified();
  REQUIRE(lacks.findings.size() == 1);
  has(lacks.findings[0].what, "takes a result back");
}

TEST_CASE("where an attempt went is kept, and a change of it is found") {
  Desk desk;
  Attempt own = attempt(1);
  own.endpoint = R"({"url":"https://example.org/${KEY}","headers":[["x-api-key","${KEY}"]]})";
  value_of(desk.ledger->record(intent("a"), value_of(desk.ledger->reserve(lane())), own));
  Attempt second = attempt(2);
  value_of(desk.ledger->record(1, second));
  desk.open();
  const auto kept = value_of(desk.ledger->attempts(1));
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].attempt == own);
  CHECK(kept[1].attempt == second);
  desk.check_whole();
  Attempt bad = attempt(3);
  bad.endpoint.assign(endpoint_bytes_max + 1, 'x');
  has(error_of(desk.ledger->record(1, bad)).message, "the endpoint has more than");
  desk.close();
  tamper(desk.path(), "UPDATE attempt_endpoint SET endpoint = 'https://example.com'");
  const Verification found = desk.verified();
  REQUIRE_FALSE(found.findings.empty());
  has(found.findings[0].what, "attempt 1 of intent 1");
}

TEST_CASE("what a trade exchanged is kept, goes with its result, and a change of it is found") {
  Desk desk;
  const auto add = [&](const std::string& key, bool closes) {
    Intent made = intent(key, "statistical");
    const std::string dollar = "0x6b175474e89094c44da98b954eedeac495271d0f";
    (closes ? made.token_in : made.token_out) = dollar;
    const AttemptId id = value_of(
        desk.ledger->record(made, value_of(desk.ledger->reserve(lane())), attempt(key[0])));
    value_of(desk.ledger->submitted(id, "relay"));
    Realised what = realised(closes ? 10'000'000'000'000'000 : 0);
    what.token = made.token_out;
    what.exchange = Exchange{u256(closes ? 20 : 1000), u256(closes ? 70 : 60), u256(500)};
    value_of(desk.ledger->result(id, receipt(), what));
    return id.intent;
  };
  const IntentId opened = add("a", false);
  const IntentId closed = add("b", true);
  desk.check_whole();
  const auto exchanges = value_of(desk.ledger->exchanges("eip155:1"));
  REQUIRE(exchanges.size() == 2);
  CHECK(exchanges[0].intent.id == opened);
  CHECK(exchanges[1].result->realised->exchange == Exchange{u256(20), u256(70), u256(500)});
  CHECK(value_of(desk.ledger->exchanges("eip155:10")).empty());
  // A run that was told nothing of them is told what they exchanged.
  const auto news = value_of(desk.ledger->result_news(0));
  REQUIRE(news.size() == 2);
  CHECK(news[1].result.realised->exchange == exchanges[1].result->realised->exchange);
  const auto held = positions_of(exchanges);
  REQUIRE(held);
  REQUIRE(held->all().size() == 1);
  CHECK(held->all().front().quantity == u256(40));
  CHECK(held->all().front().cost == u256(666));  // 1000 less a third of it, rounded up

  value_of(desk.ledger->reorganized(closed, "taken by another block"));
  CHECK(value_of(desk.ledger->exchanges("eip155:1")).size() == 1);
  desk.check_whole();
  desk.close();
  tamper(desk.path(), "UPDATE exchange SET received = zeroblob(32)");
  CHECK_FALSE(desk.verified().findings.empty());

  Desk other;
  Realised none = realised();
  none.exchange = Exchange{u256(1), u256(), u256()};
  const AttemptId id = other.record("c");
  value_of(other.ledger->submitted(id, "relay"));
  has(error_of(other.ledger->result(id, receipt(), none)).message, "nothing was spent");
}

// What cannot be opened is refused with the reason, and nothing of it is changed.
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "fixture.hpp"

using namespace gantry::host;
using namespace gantry::host::ledger;
using namespace gantry::host::ledger::test;
namespace fs = std::filesystem;

namespace {

// As another program would.
class Shell {
 public:
  explicit Shell(const fs::path& path) {
    REQUIRE(sqlite3_open(path.c_str(), &handle_) == SQLITE_OK);
  }
  Shell(const Shell&) = delete;
  Shell& operator=(const Shell&) = delete;
  ~Shell() { sqlite3_close(handle_); }
  std::string run(const char* sql) {
    char* error = nullptr;
    const bool done = sqlite3_exec(handle_, sql, nullptr, nullptr, &error) == SQLITE_OK;
    std::string text = done ? "" : error;
    sqlite3_free(error);
    return text;
  }

 private:
  sqlite3* handle_ = nullptr;
};

}  // namespace

TEST_CASE("a ledger is made with folder, key and public key, for its user alone") {
  const gantry::test::TemporaryFolder folder;
  const fs::path path = folder / "a/b/ledger.sqlite";
  value_of(Ledger::open(path));
  for (const char* suffix : {"", ".key", ".head", ".lock"}) {
    struct stat facts{};
    INFO(suffix);
    REQUIRE(::stat((path.string() + suffix).c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777U) == 0600);
  }
  CHECK(fs::exists(path.string() + ".key.pub"));
}

TEST_CASE("two hosts do not have one ledger, and readers need no lock") {
  const Desk desk;
  const Error error = error_of(Ledger::open(desk.path()));
  CHECK(error.kind == ErrorKind::io);
  has(error.message, "another host has this ledger open");
  CHECK(value_of(Reader::open(desk.path()))->open_intents());
}

TEST_CASE("what is no ledger is refused and left as it is") {
  const gantry::test::TemporaryFolder folder;
  const std::string text(5000, 'x');
  const fs::path other = folder.write("text", text);
  const Error error = error_of(Ledger::open(other));
  CHECK(error.kind == ErrorKind::format);
  has(error.message, "it is no SQLite database");
  std::ifstream file(other);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == text);

  const fs::path foreign = folder / "foreign";
  CHECK(Shell(foreign).run("CREATE TABLE mine (x)").empty());
  has(error_of(Ledger::open(foreign)).message, "it is another program's database");
  has(error_of(Reader::open(foreign)).message, "it is another program's database");
  has(error_of(verify(foreign)).message, "it is another program's database");
  CHECK(Shell(foreign).run("SELECT * FROM mine").empty());

  has(error_of(Ledger::open(folder.path())).message, "is a folder, and no ledger");
  has(error_of(Ledger::open(other / "below")).message, "Not a directory");
  CHECK(error_of(Reader::open(folder / "none")).kind == ErrorKind::not_found);
  CHECK_FALSE(fs::exists(folder / "none"));
}

TEST_CASE("a ledger of a newer version is refused by both versions' names") {
  Desk desk;
  desk.close();
  CHECK(Shell(desk.path()).run("PRAGMA user_version = 9").empty());
  has(error_of(Ledger::open(desk.path())).message, "of version 9, and this program knows up to 3");
  has(error_of(Reader::open(desk.path())).message, "of version 9");
  CHECK(Shell(desk.path()).run("PRAGMA user_version = 0").empty());
  has(error_of(Ledger::open(desk.path())).message, "without a version");
}

TEST_CASE("a damaged file is refused, not repaired") {
  Desk desk;
  for (int i = 0; i < 50; ++i) desk.trade(fmt::to_string(i));
  desk.close();
  CHECK(Shell(desk.path()).run("PRAGMA wal_checkpoint(TRUNCATE)").empty());
  {
    // The third page and those after it.
    std::fstream file(desk.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(8192);
    for (int i = 0; i < 20'000; ++i) file.put('\x5a');
  }
  const Error error = error_of(Ledger::open(desk.path()));
  CHECK(error.kind == ErrorKind::format);
  has(error.message, "is damaged");
  has(error.message, "Restore it from a copy");
  // Cut short.
  fs::resize_file(desk.path(), 5000);
  CHECK(error_of(Ledger::open(desk.path())).kind == ErrorKind::format);
}

TEST_CASE("a ledger that this user may not write is refused") {
  if (::geteuid() == 0) return;  // root may
  Desk desk;
  desk.close();
  fs::permissions(desk.path(), fs::perms::owner_read);
  has(error_of(Ledger::open(desk.path())).message, "may not write it");
  fs::permissions(desk.path(), fs::perms::none);
  has(error_of(Reader::open(desk.path())).message, "may not read it");
}

TEST_CASE("another process that holds the file locked is told of, and what it kept is not lost") {
  Desk desk;
  desk.record("a");
  Shell shell(desk.path());
  REQUIRE(shell.run("BEGIN IMMEDIATE").empty());
  const Error error = error_of(desk.ledger->submitted({1, 1}, "relay"));
  CHECK(error.kind == ErrorKind::io);
  has(error.message, "another process holds the ledger locked");
  CHECK(desk.state(1) == State::intended);
  REQUIRE(shell.run("ROLLBACK").empty());
  value_of(desk.ledger->submitted({1, 1}, "relay"));
  desk.check_whole();
}

TEST_CASE("the trail refuses to be changed by anybody's SQL") {
  Desk desk;
  desk.trade("a");
  Shell shell(desk.path());
  for (const char* sql : {"UPDATE audit SET facts = '' WHERE sequence = 2", "DELETE FROM audit",
                          "INSERT OR REPLACE INTO audit VALUES (2, 0, 1, '', x'', NULL)"}) {
    CHECK(shell.run(sql) == "the audit trail is append-only");
  }
  desk.check_whole();
}

TEST_CASE("a ledger whose key is lost is refused: another would sign what was begun with it") {
  Desk desk;
  desk.close();
  const std::string key = default_key_file(desk.path()).string();
  fs::rename(key, key + ".away");
  const Error error = error_of(Ledger::open(desk.path()));
  CHECK(error.kind == ErrorKind::not_found);
  has(error.message, "the key that this ledger is signed with is not there");
  CHECK_FALSE(fs::exists(key));

  desk.folder.write("ledger.sqlite.key", "gantry-ledger-key 1 12\n");
  has(error_of(Ledger::open(desk.path())).message, "is no key of a ledger");
  fs::rename(key + ".away", key);
  fs::permissions(key, fs::perms::group_read, fs::perm_options::add);
  has(error_of(Ledger::open(desk.path())).message, "others than its user may read");
  fs::permissions(key, fs::perms::owner_read);
  desk.open();
  desk.check_whole();
}

TEST_CASE("a key that does not belong to its public key is refused") {
  Desk desk;
  Desk other;
  desk.close();
  other.close();
  fs::copy_file(default_key_file(other.path()), default_key_file(desk.path()),
                fs::copy_options::overwrite_existing);
  has(error_of(Ledger::open(desk.path())).message, "is not the public key of");
}

// The records: what is kept of a plugin, and what is taken in of hosts that did not end well.
#include "host/quarantine/quarantine.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <map>

#include "host/quarantine/entry_json.hpp"
#include "host/quarantine/left_behind.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry::host;
using gantry::test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

const std::string hash_a(64, 'a');
const std::string hash_b(64, 'b');

QuarantineEntry entry_of(const std::string& sha256, QuarantineCause cause, std::int64_t time_s) {
  QuarantineEntry entry;
  entry.sha256 = sha256;
  entry.plugin = "my_dex";
  entry.version = "1.2.3";
  entry.file = "/plugins/my \"dex\".so";
  entry.instance = "mine";
  entry.cause = cause;
  entry.phase = "quote";
  entry.reason = "SIGSEGV in quote";
  entry.log = {"of address 0x0", "second line"};
  entry.first_s = entry.last_s = time_s;
  return entry;
}

Quarantine opened(const fs::path& folder) {
  auto quarantine = Quarantine::open(folder);
  INFO((quarantine ? std::string() : quarantine.error().message));
  REQUIRE(quarantine);
  return std::move(*quarantine);
}

void write(const fs::path& file, const std::string& text) { std::ofstream(file) << text; }

std::string left_by_host(const std::string& sha256) {
  return "sha256 " + sha256 +
         "\nplugin my_dex\nversion 1.2.3\nfile /plugins/my dex.so\ninstance mine\nphase quote\n"
         "running gantry run on market.gantry\nsignal SIGSEGV\naddress 0x0000000000000000\n";
}

}  // namespace

TEST_CASE("a quarantine entry is read back as it was written") {
  const TemporaryFolder folder;
  for (const auto cause : {QuarantineCause::signal, QuarantineCause::hang, QuarantineCause::exit,
                           QuarantineCause::rule, QuarantineCause::deadline, QuarantineCause::load,
                           QuarantineCause::unproven}) {
    const fs::path path = folder.path() / std::string(to_string(cause));
    const auto entry = entry_of(hash_a, cause, 1'700'000'000);
    REQUIRE(opened(path).put(entry));
    const Quarantine again = opened(path);
    REQUIRE(again.entries().size() == 1);
    CHECK(to_json(again.entries()[0]) == to_json(entry));
    CHECK(again.find(hash_a) != nullptr);
    CHECK(again.find(hash_b) == nullptr);
  }
}

TEST_CASE("only the user may look into the quarantine's folder") {
  const TemporaryFolder folder;
  opened(folder.path() / "a" / "b");
  CHECK(fs::status(folder.path() / "a" / "b").permissions() == fs::perms::owner_all);
}

TEST_CASE("the same library again: the first time stays, and the count grows") {
  const TemporaryFolder folder;
  Quarantine quarantine = opened(folder.path());
  REQUIRE(quarantine.put(entry_of(hash_a, QuarantineCause::signal, 100)));
  REQUIRE(quarantine.put(entry_of(hash_a, QuarantineCause::hang, 200)));
  const Quarantine again = opened(folder.path());
  REQUIRE(again.entries().size() == 1);
  CHECK(again.entries()[0].first_s == 100);
  CHECK(again.entries()[0].last_s == 200);
  CHECK(again.entries()[0].count == 2);
  CHECK(again.entries()[0].cause == QuarantineCause::hang);
}

TEST_CASE("what may come back does not replace what may not") {
  const TemporaryFolder folder;
  Quarantine quarantine = opened(folder.path());
  REQUIRE(quarantine.put(entry_of(hash_a, QuarantineCause::signal, 100)));
  REQUIRE(quarantine.put(entry_of(hash_a, QuarantineCause::deadline, 200)));
  CHECK(opened(folder.path()).find(hash_a)->cause == QuarantineCause::signal);
}

TEST_CASE("clearing frees one library, for good, and what is not there is not found") {
  const TemporaryFolder folder;
  Quarantine quarantine = opened(folder.path());
  REQUIRE(quarantine.put(entry_of(hash_a, QuarantineCause::signal, 100)));
  REQUIRE(quarantine.put(entry_of(hash_b, QuarantineCause::signal, 50)));
  CHECK(quarantine.clear(hash_a));
  const auto missing = quarantine.clear(hash_a);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().kind == ErrorKind::not_found);
  const Quarantine again = opened(folder.path());
  REQUIRE(again.entries().size() == 1);
  CHECK(again.entries()[0].sha256 == hash_b);
}

TEST_CASE("a record that cannot be read stays in force, and says so") {
  const TemporaryFolder folder;
  Quarantine quarantine = opened(folder.path());
  REQUIRE(quarantine.put(entry_of(hash_a, QuarantineCause::deadline, 100)));
  const fs::path file = folder.path() / (hash_a + ".json");
  const std::string whole =
      boost::json::serialize(to_json(entry_of(hash_a, QuarantineCause::rule, 1)));
  std::string deep = whole;
  deep.replace(deep.find("[\"of"), 1, std::string(1000, '['));
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("[1]"), whole.substr(0, whole.size() / 2),
        whole.substr(0, whole.size() - 1) + ",\"cause\":7}", std::string(100'000, ' '), deep,
        boost::json::serialize(to_json(entry_of(hash_b, QuarantineCause::rule, 1)))}) {
    write(file, text);
    Quarantine again = opened(folder.path());
    const QuarantineEntry* entry = again.find(hash_a);
    REQUIRE(entry != nullptr);
    CHECK(entry->cause == QuarantineCause::damaged);
    CHECK(entry->blocks());
    CHECK(entry->reason.find("cannot be read") != std::string::npos);
    CHECK(again.clear(hash_a));
    CHECK_FALSE(fs::exists(file));
  }
}

TEST_CASE("a record that leads elsewhere hides no other, and goes when it is cleared") {
  const TemporaryFolder folder;
  Quarantine quarantine = opened(folder.path());
  REQUIRE(quarantine.put(entry_of(hash_a, QuarantineCause::signal, 100)));
  const fs::path elsewhere = folder.path() / "elsewhere.txt";
  const fs::path link = folder.path() / (hash_b + ".json");
  write(elsewhere, "mine");
  fs::create_symlink(elsewhere, link);
  Quarantine again = opened(folder.path());
  REQUIRE(again.entries().size() == 2);
  REQUIRE(again.find(hash_a) != nullptr);
  CHECK(again.find(hash_a)->cause == QuarantineCause::signal);
  REQUIRE(again.find(hash_b) != nullptr);
  CHECK(again.find(hash_b)->cause == QuarantineCause::damaged);
  CHECK(again.find(hash_b)->blocks());
  CHECK(again.clear(hash_b));
  CHECK_FALSE(fs::is_symlink(link));
  CHECK(fs::exists(elsewhere));
}

TEST_CASE("what a host left behind is taken in once") {
  const TemporaryFolder folder;
  write(folder.path() / "abc123.host", left_by_host(hash_a));
  const Quarantine quarantine = opened(folder.path());
  REQUIRE(quarantine.entries().size() == 1);
  const QuarantineEntry& entry = quarantine.entries()[0];
  CHECK(entry.cause == QuarantineCause::signal);
  CHECK(entry.plugin == "my_dex");
  CHECK(entry.file == "/plugins/my dex.so");
  CHECK(entry.phase == "quote");
  CHECK(entry.reason == "SIGSEGV in quote");
  CHECK(entry.log[0] == "it happened in: gantry run on market.gantry");
  CHECK(entry.first_s > 1'600'000'000);
  CHECK_FALSE(fs::exists(folder.path() / "abc123.host"));
  CHECK(opened(folder.path()).entries()[0].count == 1);
}

TEST_CASE("a host that was killed before it could name anybody names nobody") {
  const TemporaryFolder folder;
  write(folder.path() / "empty.host", "");
  write(folder.path() / "garbage.host",
        "nonsense\n\n sha256\nsha256 ../../etc/passwd\nphase quote");
  const Quarantine quarantine = opened(folder.path());
  CHECK(quarantine.entries().empty());
  CHECK(fs::is_empty(folder.path()));
}

TEST_CASE("what a host that lives has written is left to it") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "alive.host";
  write(file, left_by_host(hash_a));
  const int held = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(held >= 0);
  REQUIRE(::flock(held, LOCK_EX | LOCK_NB) == 0);
  CHECK(opened(folder.path()).entries().empty());
  CHECK(fs::exists(file));
  ::close(held);
  CHECK(opened(folder.path()).entries().size() == 1);
}

TEST_CASE("a crash record that was cut short puts away whom it names") {
  const std::string whole = left_by_host(hash_a);
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const auto entry = parse_left_behind(whole.substr(0, size), 7);
    // The whole hash has to be there.
    CHECK(entry.has_value() == (size >= 7 + 64));
    if (entry) CHECK(entry->sha256 == hash_a);
  }
}

TEST_CASE("a link in the quarantine's folder is not followed") {
  const TemporaryFolder folder;
  const TemporaryFolder elsewhere;
  write(elsewhere.path() / "theirs", left_by_host(hash_a));
  fs::create_symlink(elsewhere.path() / "theirs", folder.path() / "x.host");
  CHECK_FALSE(Quarantine::open(folder.path()));
  CHECK(fs::exists(elsewhere.path() / "theirs"));
}

TEST_CASE("the quarantine is in XDG_STATE_HOME, else below HOME, else where it is said to be") {
  const auto folder_of = [](std::map<std::string, std::string> variables) {
    return default_quarantine_folder([=](std::string_view name) -> std::optional<std::string> {
      const auto found = variables.find(std::string(name));
      return found == variables.end() ? std::nullopt : std::optional(found->second);
    });
  };
  CHECK(folder_of({{"XDG_STATE_HOME", "/s"}, {"HOME", "/h"}}) == "/s/gantry/quarantine");
  CHECK(folder_of({{"HOME", "/h"}}) == "/h/.local/state/gantry/quarantine");
  CHECK(folder_of({{"XDG_STATE_HOME", "relative"}, {"HOME", "/h"}}) ==
        "/h/.local/state/gantry/quarantine");
  CHECK(folder_of({}) == std::nullopt);
  CHECK(quarantine_folder("/q", [](auto) { return std::nullopt; }) == "/q");
}

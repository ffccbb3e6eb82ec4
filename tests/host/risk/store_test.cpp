// What survives a restart, and what is made of files that were damaged.
#include "host/risk/store.hpp"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "support/temporary_folder.hpp"

using namespace gantry::host;
namespace fs = std::filesystem;

namespace {

RiskStore open_in(const fs::path& folder) {
  auto store = RiskStore::open(folder);
  REQUIRE(store);
  return std::move(*store);
}

}  // namespace

TEST_CASE("an operator's stop is there until it is lifted") {
  const gantry::test::TemporaryFolder folder;
  const RiskStore store = open_in(folder / "risk");
  CHECK_FALSE(store.halted());
  REQUIRE(store.lift());
  REQUIRE(store.halt(1234));
  CHECK(store.halted() == 1234);
  CHECK(open_in(folder / "risk").halted() == 1234);
  REQUIRE(store.lift());
  CHECK_FALSE(open_in(folder / "risk").halted());
}

TEST_CASE("a stop whose file says nothing, or is none, is a stop") {
  const gantry::test::TemporaryFolder folder;
  const RiskStore store = open_in(folder.path());
  for (const char* text : {"", "garbage", "-5"}) {
    std::ofstream(folder / "HALTED") << text;
    CHECK(store.halted() == 0);
  }
  fs::remove(folder / "HALTED");
  fs::create_directory(folder / "HALTED");
  CHECK(store.halted() == 0);
  // It cannot be lifted, and says so.
  CHECK_FALSE(store.lift());
  fs::remove(folder / "HALTED");
  fs::create_symlink("nowhere", folder / "HALTED");
  CHECK(store.halted() == 0);
}

TEST_CASE("each chain's state is kept by itself, whole and for its user alone") {
  const gantry::test::TemporaryFolder folder;
  const RiskStore store = open_in(folder / "a" / "risk");
  CHECK(store.read("eip155:1") == std::string());
  REQUIRE(store.write("eip155:1", "one\n"));
  REQUIRE(store.write("eip155:56", "two\n"));
  REQUIRE(store.write("eip155:1", "three\n"));
  CHECK(store.read("eip155:1") == std::string("three\n"));
  CHECK(store.read("eip155:56") == std::string("two\n"));
  CHECK(store.chains() == std::vector<std::string>{"eip155:1", "eip155:56"});
  struct stat facts{};
  REQUIRE(::stat((folder / "a" / "risk").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777U) == 0700);
  REQUIRE(::stat((folder / "a" / "risk" / "eip155.1.state").c_str(), &facts) == 0);
  CHECK((facts.st_mode & 0777U) == 0600);
  CHECK(std::distance(fs::directory_iterator(folder / "a" / "risk"), {}) == 2);
}

TEST_CASE("a folder that cannot be used is an error that says what to do") {
  const gantry::test::TemporaryFolder folder;
  std::ofstream(folder / "file") << "x";
  const auto store = RiskStore::open(folder / "file" / "risk");
  REQUIRE_FALSE(store);
  CHECK(store.error().kind == ErrorKind::io);
  CHECK(store.error().message.contains("set `state` in [risk]"));
}

TEST_CASE("where it is kept follows the configuration, then the environment") {
  const auto with = [](std::string name, std::string value) {
    return [name, value](std::string_view asked) -> std::optional<std::string> {
      if (asked == name) return value;
      return std::nullopt;
    };
  };
  CHECK(risk_folder("/x", with("HOME", "/own")) == fs::path("/x"));
  CHECK(risk_folder({}, with("XDG_STATE_HOME", "/s")) == fs::path("/s/gantry/risk"));
  CHECK(risk_folder({}, with("HOME", "/own")) == fs::path("/own/.local/state/gantry/risk"));
  CHECK_FALSE(risk_folder({}, with("XDG_STATE_HOME", "relative")));
  CHECK_FALSE(risk_folder({}, with("PATH", "/bin")));
}

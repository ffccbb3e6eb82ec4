// What `gantry plugin new` and `gantry plugin run` refuse, and that nothing is left behind then.
#include <catch2/catch.hpp>
#include <fstream>

#include "host/cli/new_project.hpp"
#include "program.hpp"

using namespace gantry::host;
using namespace gantry::host::tests;

namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// Also what is hidden.
std::size_t entries_of(const std::filesystem::path& folder) {
  const std::filesystem::directory_iterator all(folder);
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace

TEST_CASE("a name or an id against the rules is refused with the rule, and nothing is made") {
  const gantry::test::TemporaryFolder folder;
  const std::filesystem::path sdk = GANTRY_SOURCE "/sdk";
  const struct {
    const char* name;
    const char* id;
    const char* reason;
  } cases[] = {
      {"", "", "it is empty"},
      {"MyDex", "", "does not begin with a letter a to z"},
      {"1inch", "", "does not begin with a letter a to z"},
      {"my-dex", "", "it has something else in it"},
      {"../dex", "", "does not begin with a letter a to z"},
      {"my/dex", "", "it has something else in it"},
      {"my_dex_", "", "an underscore stands last"},
      {"my__dex", "", "an underscore stands last, or beside another"},
      {"a123456789012345678901234567890123456789012345678", "", "it is too long"},
      {"class", "", "takes this word for itself"},
      {"crate", "", "takes this word for itself"},
      {"test", "", "takes this word for itself"},
      {"good", "mine", "it has one part only"},
      {"good", "org..mine", "a part is empty"},
      {"good", "org.mine.", "a part is empty"},
      {"good", "org.Mine", "it has something else in it"},
      {"good", "org.my dex", "it has something else in it"},
  };
  for (const auto& c : cases) {
    INFO(c.name << " " << c.id);
    const auto made = cli::make_project(
        {PluginKind::dex, cli::Language::cpp, c.name, c.id, folder / "made"}, sdk);
    REQUIRE_FALSE(made);
    CHECK(made.error().kind == ErrorKind::usage);
    INFO(made.error().message);
    CHECK(contains(made.error().message, c.reason));
    CHECK(entries_of(folder.path()) == 0);
  }
}

TEST_CASE("a name whose type the template uses for another is refused there, and taken elsewhere") {
  const gantry::test::TemporaryFolder folder;
  const std::filesystem::path sdk = GANTRY_SOURCE "/sdk";
  const auto in = [&](cli::Language language, const char* name, const char* place) {
    return cli::make_project({PluginKind::dex, language, name, "", folder / place}, sdk);
  };
  const auto refused = in(cli::Language::rust, "pool_state", "one");
  REQUIRE_FALSE(refused);
  CHECK(contains(refused.error().message,
                 "would be PoolState, and the code that it begins with uses PoolState"));
  CHECK(entries_of(folder.path()) == 0);
  CHECK_FALSE(in(cli::Language::cpp, "balances", "two"));
  CHECK(in(cli::Language::cpp, "pool_state", "two"));
  CHECK(in(cli::Language::c, "balances", "four"));
  CHECK(in(cli::Language::rust, "other_pool", "three"));
}

TEST_CASE("what is there is not written over, be it a folder, a file or a link to nothing") {
  const gantry::test::TemporaryFolder folder;
  const std::filesystem::path sdk = GANTRY_SOURCE "/sdk";
  std::filesystem::create_directory(folder / "folder");
  std::ofstream(folder / "file") << "mine";
  std::filesystem::create_symlink("nowhere", folder / "link");
  for (const char* name : {"folder", "file", "link"}) {
    INFO(name);
    const auto made =
        cli::make_project({PluginKind::strategy, cli::Language::c, "mine", "", folder / name}, sdk);
    REQUIRE_FALSE(made);
    CHECK(made.error().kind == ErrorKind::io);
    CHECK(contains(made.error().message, "is there already"));
  }
  CHECK(entries_of(folder.path()) == 3);
  CHECK(std::filesystem::is_empty(folder / "folder"));
}

TEST_CASE("a project that cannot be written leaves nothing behind") {
  const gantry::test::TemporaryFolder folder;
  std::filesystem::create_directories(folder / "sdk/template/c/dex");
  std::ofstream(folder / "sdk/template/c/dex/plugin.json") << "{}";  // and no include/ to copy
  const auto made = cli::make_project(
      {PluginKind::dex, cli::Language::c, "mine", "", folder / "mine"}, folder / "sdk");
  REQUIRE_FALSE(made);
  CHECK(contains(made.error().message, "cannot be copied"));
  CHECK(entries_of(folder.path()) == 1);
}

TEST_CASE("the command says which kinds and languages there are, and where it made what") {
  const Workspace workspace;
  const auto unknown = workspace.run({"plugin", "new", "dex", "mine", "--lang", "cobol"});
  CHECK(unknown.code == 2);
  CHECK(contains(unknown.err, "c++"));
  CHECK(contains(unknown.err, "rust"));
  const std::string place = (workspace / "deep/mine").string();
  const auto made = workspace.run({"plugin", "new", "paymaster", "mine", "--into", place});
  CHECK(made.code == 0);
  CHECK(contains(made.out, place));
  CHECK(std::filesystem::exists(workspace / "deep/mine/mine_test.cpp"));
  CHECK(workspace.run({"plugin", "new", "paymaster", "mine", "--into", place}).code == 1);
}

TEST_CASE("plugin run shows what each kind is asked and answers") {
  const Workspace workspace;
  const auto run = [&](const char* name) {
    const std::string library = std::string(GANTRY_PLUGINS) + "/" + name + ".so";
    return workspace.run({"plugin", "run", library, "--blocks", "2", "--answers", "3"});
  };
  const auto venue = run("uniswap_v2");
  CHECK(venue.code == 0);
  CHECK(contains(venue.out, "10,704 pools opened"));
  CHECK(contains(venue.out, "requests(pool 0x"));
  CHECK(contains(venue.out, "not shown (--answers)"));
  const auto strategy = run("triangular");
  CHECK(strategy.code == 0);
  CHECK(contains(strategy.out, "bps by its own word"));
  CHECK(contains(strategy.out, "counted cycles"));
  const auto paymaster = run("pimlico");
  CHECK(paymaster.code == 0);
  CHECK(contains(paymaster.out, "it sends POST https://"));
  CHECK(contains(paymaster.out, "${PIMLICO_API_KEY}"));
  for (const auto* ended : {&venue, &strategy, &paymaster}) {
    CHECK(contains(ended->out, "2 blocks of "));
    CHECK(contains(ended->out, "0 strikes"));
  }
}

TEST_CASE("plugin run ends with 3 after strikes, and with 1 where there is nothing to run") {
  const Workspace workspace;
  const auto faulty = workspace.run({"plugin", "run", GANTRY_BAD_PLUGINS "/find_throws.so"});
  CHECK(faulty.code == 3);
  CHECK(contains(faulty.out, "strike at snapshot 1, find"));
  const auto unloadable = workspace.run({"plugin", "run", GANTRY_BAD_PLUGINS "/bad_magic.so"});
  CHECK(unloadable.code == 1);
  CHECK(contains(unloadable.err, "bad_magic.so"));
  const std::string none = (workspace / "none.so").string();
  CHECK(workspace.run({"plugin", "run", none}).code == 1);
  const auto recording = workspace.run({"plugin", "run", GANTRY_PLUGINS "/pimlico.so",
                                        "--recording", (workspace / "none.gantry").string()});
  CHECK(recording.code == 1);
  CHECK(contains(recording.err, "none.gantry"));
  CHECK(workspace.run({"plugin", "run", none, "--blocks", "0"}).code == 2);
}

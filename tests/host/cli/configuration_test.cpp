#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "program.hpp"

using namespace gantry::host::tests;
namespace json = boost::json;
namespace fs = std::filesystem;

TEST_CASE("a misspelt key stops every command that needs it, with file, line, column and the key") {
  const Workspace space;
  space.edit("strategies.toml", "max_hops", "max_hopps");
  space.edit("gantry.toml", "min_profit_usd", "min_profit_ust");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run"}, {"graph"}, {"config", "explain"}}) {
    const Ended ended = space.run(arguments);
    CHECK(ended.code == 2);
    CHECK(has(ended.err, "strategies.toml:"));
    CHECK(has(ended.err, "did you mean `max_hops`?"));
    CHECK(has(ended.err, "did you mean `min_profit_usd`?"));
    CHECK(ended.out.empty());
  }
  CHECK_FALSE(fs::exists(space / "home/.cache"));  // nothing was loaded
}

TEST_CASE("config check reports all faults for people and for programs") {
  const Workspace space;
  const Ended well = space.run({"config", "check"});
  CHECK(well.code == 0);
  space.edit("strategies.toml", "max_hops", "max_hopps");
  space.edit("dex_config.toml", "max_slippage_bps = 50", "max_slippage_bps = \"fifty\"");
  const Ended ill = space.run({"config", "check"});
  CHECK(ill.code == 2);
  CHECK(has(ill.out, "max_hopps"));
  CHECK(has(ill.out, "2 errors"));
  const Ended as_json = space.run({"config", "check", "--json"});
  CHECK(as_json.code == 2);
  CHECK(json::parse(as_json.out).at("errors").as_array().size() == 2);
}

TEST_CASE("a configuration folder that is not there is wrong configuration") {
  const Workspace space;
  fs::remove_all(space / "config");
  const Ended ended = space.run({"run"});
  CHECK(ended.code == 2);
  CHECK(has(ended.err, "gantry.toml"));
}

TEST_CASE("config explain shows where a value comes from") {
  const Workspace space;
  const Ended text = space.run({"config", "explain"});
  CHECK(text.code == 0);
  CHECK(has(text.out, "min_profit_usd"));
  CHECK(has(text.out, "gantry.toml:"));
  CHECK(json::parse(space.run({"config", "explain", "--json"}).out).is_object());
}

TEST_CASE("plugin list shows each library, and names a file that is no plugin") {
  const Workspace space;
  const Ended well = space.run({"plugin", "list", "--json"});
  CHECK(well.code == 0);
  CHECK(json::parse(well.out).at("plugins").as_array().size() >= 3);

  fs::create_directory(space / "plugins");
  fs::copy_file(GANTRY_PLUGINS "/uniswap_v2.so", space / "plugins/uniswap_v2.so");
  write_text(space / "plugins/text.so", "this is no library");
  write_text(space / "plugins/cut.so", read_text(GANTRY_PLUGINS "/triangular.so").substr(0, 5000));
  const Ended ended = space.run({"plugin", "list", "--plugins", (space / "plugins").string()});
  CHECK(ended.code == 3);
  CHECK(has(ended.out, "runs as uniswap_v2"));
  CHECK(has(ended.out, "text.so"));
  CHECK(has(ended.out, "cut.so"));
}

TEST_CASE("plugin inspect shows the manifest and runs nothing of the file") {
  const Workspace space;
  const std::string file = GANTRY_PLUGINS "/triangular.so";
  const Ended text = space.run({"plugin", "inspect", file});
  CHECK(text.code == 0);
  CHECK(has(text.out, "gantry.strategy/1"));
  CHECK(has(text.out, "max_hops"));
  CHECK(has(text.out, "exports     gantry_plugin"));
  const json::value as_json = json::parse(space.run({"plugin", "inspect", file, "--json"}).out);
  CHECK(as_json.at("sha256").as_string().size() == 64);
  CHECK(as_json.at("manifest").at("name") == "triangular");

  write_text(space / "text.so", "this is no library");
  const Ended no_plugin = space.run({"plugin", "inspect", (space / "text.so").string()});
  CHECK(no_plugin.code == 3);
  CHECK(has(no_plugin.err, "text.so"));
  CHECK(space.run({"plugin", "inspect", (space / "none.so").string()}).code == 1);
}

TEST_CASE("an installed program looks into its own plugin folder in place of a missing one") {
  Workspace space;
  fs::create_directories(space / "tree/bin");
  fs::create_directories(space / "tree/lib/gantry/plugins");
  fs::create_directories(space / "own");
  fs::copy_file(GANTRY_PROGRAM, space / "tree/bin/gantry");
  fs::copy_file(GANTRY_PLUGINS "/uniswap_v2.so", space / "tree/lib/gantry/plugins/uniswap_v2.so");
  fs::copy_file(GANTRY_PLUGINS "/triangular.so", space / "own/triangular.so");
  space.program = space / "tree/bin/gantry";
  space.edit("gantry.toml", "[\"" GANTRY_PLUGINS "\"]",
             "[\"../not/built\", \"" + (space / "own").string() + "\"]");
  const Ended both = space.run({"plugin", "list"});
  CHECK(both.code == 0);
  CHECK(has(both.out, "runs as uniswap_v2"));
  CHECK(has(both.out, "runs as triangular"));

  space.edit("gantry.toml", "\"../not/built\"", "\"../not/built\", \"../not/there\"");
  const Ended missing = space.run({"plugin", "list"});
  CHECK(missing.code == 3);
  CHECK(has(missing.out + missing.err, "not/there"));
}

TEST_CASE("a folder of --plugins that is not there is told as that") {
  const Workspace space;
  const Ended ended = space.run({"plugin", "list", "--json", "--plugins", "/nonexistent"});
  CHECK(ended.code == 3);
  CHECK(has(ended.out + ended.err, "Correct --plugins."));
  CHECK_FALSE(has(ended.out + ended.err, "[plugins]"));
}

TEST_CASE("config check says once what it found") {
  const Workspace space;
  space.edit("gantry.toml", "sender =", "# sender =");
  const Ended ended = space.run({"config", "check"});
  CHECK(ended.code == 0);
  CHECK(has(ended.out, "0 errors, "));
  CHECK_FALSE(has(ended.out, "no errors"));
}

TEST_CASE("an installed program finds the configuration of its installation") {
  for (const auto& [program, config] : {std::pair{"tree/bin/gantry", "tree/etc/gantry"},
                                        {"root/usr/bin/gantry", "root/etc/gantry"},
                                        {"old/bin/gantry", "old/share/gantry/config"},
                                        {"source/build/release/gantry", "source/config"}}) {
    INFO(program);
    Workspace space;
    fs::create_directories((space / program).parent_path());
    fs::create_directories((space / config).parent_path());
    fs::copy_file(GANTRY_PROGRAM, space / program);
    fs::rename(space / "config", space / config);
    // Only a build looks beside the folder it is in.
    if (program == std::string_view("root/usr/bin/gantry"))
      fs::create_directory(space / "root/config");
    space.program = space / program;
    space.names_config = false;
    const Ended ended = space.run({"doctor", "--json"});
    CHECK(ended.code == 0);
    CHECK(has(ended.out, (space / config).string()));
  }
}

TEST_CASE("a faulty configuration answers every --json with its errors") {
  const Workspace space;
  space.edit("strategies.toml", "max_hops", "max_hopps");
  const json::value expected = json::parse(space.run({"config", "check", "--json"}).out);
  REQUIRE(expected.at("errors").as_array().size() == 1);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run"},
        {"replay", GANTRY_SOURCE "/data/univ2_2020.gantry"},
        {"config", "explain"},
        {"plugin", "list"},
        {"quote", "--pool", "0x00", "--in", "WETH", "--amount", "1"}}) {
    std::vector<std::string> as_json = arguments;
    as_json.push_back("--json");
    const Ended ended = space.run(as_json);
    INFO(arguments.front());
    CHECK(ended.code == 2);
    CHECK_FALSE(ended.err.empty());
    REQUIRE_FALSE(ended.out.empty());
    CHECK(json::parse(ended.out) == expected);
    CHECK(space.run(arguments).out.empty());
  }
}

TEST_CASE("without HOME and a temporary folder it is said which variable to set") {
  Workspace space;
  space.variables["HOME"] = "";
  space.variables["TMPDIR"] = (space / "none").string();
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run", "--blocks", "2"},
        {"quote", "--pool", "0x00", "--in", "WETH", "--amount", "1"}}) {
    const Ended ended = space.run(arguments);
    CHECK(ended.code == 1);
    CHECK_FALSE(has(ended.err, "unexpected"));
    CHECK(has(ended.err, "TMPDIR=" + (space / "none").string()));
    CHECK(has(ended.err, "Set HOME"));
  }
  const Ended doctor = space.run({"doctor"});
  CHECK(doctor.code == 3);
  CHECK(has(doctor.out, "fail  plugin store"));
}

TEST_CASE("keys that are not set are told in one line, however many providers want them") {
  Workspace workspace;
  workspace.names_config = false;
  const Ended ended = workspace.run({"--config", GANTRY_SOURCE "/config/live", "run"});
  INFO(ended.err);
  CHECK(ended.code == 2);
  const auto lines_with = [&](std::string_view words) {
    std::size_t count = 0;
    for (std::size_t at = ended.err.find(words); at != std::string::npos;
         at = ended.err.find(words, at + 1)) {
      ++count;
    }
    return count;
  };
  CHECK(lines_with("not set in the environment") == 1);
  CHECK(lines_with("needs the environment variable") == 0);
  CHECK(lines_with("ALCHEMY_API_KEY") >= 1);
  CHECK(lines_with("NODEPROVIDER_FANTOM_URL") >= 1);
  // Where they stand is what the check of the configuration says.
  const Ended checked =
      workspace.run({"--config", GANTRY_SOURCE "/config/live", "config", "check"});
  CHECK(checked.out.find("INFURA_API_KEY, which is not set") != std::string::npos);
}

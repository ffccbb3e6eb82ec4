// The main job through the program itself, on the recording that ships with it.
#include <signal.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "host/report/terminal.hpp"
#include "program.hpp"

using namespace gantry::host::tests;
namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

const std::vector<std::string> short_run = {"run", "--json", "--no-timings", "--blocks", "40"};

// Asks until the host answers, or it has ended.
Ended status_of(const Workspace& space, Running& running) {
  while (!running.ended()) {
    Ended status = space.run({"status", "--json"});
    if (status.code == 0) return status;
  }
  return {};
}

}  // namespace

TEST_CASE("run prints a report that fits the terminal and says that nothing was sent") {
  const Workspace space;
  const Ended ended = space.run({"run", "--blocks", "40"});
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(has(ended.out, "10,704 pools usable"));
  CHECK(has(ended.out, "Nothing was signed and nothing was sent"));
  CHECK_FALSE(has(ended.out, "\x1b"));
  for (std::size_t begin = 0; begin < ended.out.size();) {
    const std::size_t end = ended.out.find('\n', begin);
    CHECK(gantry::host::width_of(ended.out.substr(begin, end - begin)) <= 100);
    begin = end + 1;
  }
}

TEST_CASE("a strategy that is turned off is gone from the next run") {
  const Workspace space;
  const auto names = [&] {
    std::vector<std::string> out;
    const json::value report = json::parse(space.run(short_run).out);
    for (const json::value& strategy : report.at("strategies").as_array()) {
      out.emplace_back(strategy.at("name").as_string());
    }
    return out;
  };
  CHECK(names() == std::vector<std::string>{"triangular"});
  space.edit("strategies.toml", "enabled = true", "enabled = false");
  CHECK(names().empty());
}

TEST_CASE("run twice, with one and two threads, and the replay of what was recorded agree") {
  const Workspace space;
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = short_run;
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ended ended = space.run(arguments);
    CHECK(ended.code == 0);
    return ended.out;
  };
  const std::string file = (space / "run.gantry").string();
  const std::string first = with({"--threads", "1"});
  CHECK(json::parse(first).at("opportunities").at("sightings").to_number<int>() > 0);
  CHECK(with({"--threads", "2"}) == first);
  CHECK(with({"--record", file}) == first);
  const Ended replay = space.run({"replay", file, "--json", "--no-timings"});
  CHECK(replay.code == 0);
  CHECK(replay.out == first);
}

TEST_CASE("a plugin that is not installed is a warning, one that is broken is found") {
  const Workspace space;
  space.append("dex_config.toml", "\n[[dex]]\nname = \"orca\"\nenabled = true\n");
  const Ended missing = space.run(short_run);
  CHECK(missing.code == 0);
  CHECK(has(missing.err, "orca"));

  fs::create_directory(space / "plugins");
  for (const char* name : {"uniswap_v2.so", "pimlico.so"}) {
    fs::copy_file(fs::path(GANTRY_PLUGINS) / name, space / "plugins" / name);
  }
  write_text(space / "plugins/triangular.so",
             read_text(GANTRY_PLUGINS "/triangular.so").substr(0, 20000));
  std::vector<std::string> arguments = short_run;
  arguments.push_back("--plugins=" + (space / "plugins").string());
  const Ended broken = space.run(arguments);
  CHECK(broken.code == 3);
  CHECK(has(broken.err, "triangular.so"));
  const json::value report = json::parse(broken.out);  // it went on with the others
  CHECK(report.at("market").at("snapshots") == 40);
}

TEST_CASE("a recording that is cut is replayed as far as it is whole, and fails") {
  const Workspace space;
  const std::string whole = read_text(GANTRY_SOURCE "/data/univ2_2020.gantry");
  write_text(space / "cut.gantry", whole.substr(0, whole.size() - 20));
  const Ended ended =
      space.run({"replay", (space / "cut.gantry").string(), "--json", "--blocks", "0"});
  CHECK(ended.code == 1);
  CHECK(has(ended.err, "damaged"));
  CHECK_FALSE(json::parse(ended.out).at("market").at("damage").as_string().empty());
  CHECK(space.run({"replay", (space / "none.gantry").string()}).code == 1);
}

TEST_CASE("a running host answers status, and stop ends it in good order") {
  const Workspace space;
  Running running =
      space.start({"run", "--pace", "live", "--speed", "1", "--json", "--no-timings"});
  const Ended status = status_of(space, running);
  REQUIRE(status.code == 0);
  const json::value told = json::parse(status.out);
  CHECK(told.at("running") == true);
  const std::string text = space.run({"status"}).out;
  CHECK(has(text, "pid            " + json::serialize(told.at("pid")) + "\n"));  // ungrouped
  CHECK(space.run({"stop"}).code == 0);
  const Ended ended = running.wait();
  CHECK(ended.code == 0);
  CHECK(json::parse(ended.out).at("market").at("stopped") == true);
  CHECK(space.run({"status"}).code == 1);
}

TEST_CASE("an interrupt ends a run in good order") {
  const Workspace space;
  Running running = space.start({"run", "--pace", "live", "--speed", "1", "--json"});
  REQUIRE(status_of(space, running).code == 0);
  running.signal(SIGINT);
  const Ended ended = running.wait();
  CHECK(ended.code == 0);
  CHECK(json::parse(ended.out).at("market").at("stopped") == true);
}

TEST_CASE("a quote is exact in both directions and as of a block") {
  const Workspace space;
  const std::string pool = "0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc";
  const Ended forward =
      space.run({"quote", "--pool", pool, "--in", "WETH", "--amount", "1.5", "--json"});
  INFO(forward.err);
  REQUIRE(forward.code == 0);
  const json::value quote = json::parse(forward.out);
  CHECK(quote.at("in").at("units") == "1500000000000000000");
  const std::string out(quote.at("out").at("units").as_string());
  const Ended backward = space.run(
      {"quote", "--pool", pool, "--in", "WETH", "--amount", out, "--exact-out", "--json"});
  REQUIRE(backward.code == 0);
  CHECK(json::parse(backward.out).at("out").at("units").as_string() == out);
  const Ended early = space.run({"quote", "--pool", pool, "--in", "weth", "--amount", "1.5",
                                 "--block", "10982000", "--json"});
  CHECK(json::parse(early.out).at("block") == 10982000);

  CHECK(space.run({"quote", "--pool", pool, "--in", "DAI", "--amount", "1"}).code == 2);
  CHECK(space.run({"quote", "--pool", pool, "--in", "WETH", "--amount", "1 USDC"}).code == 2);
  CHECK(space.run({"quote", "--pool", "0x00", "--in", "WETH", "--amount", "1"}).code == 1);
  CHECK(
      space.run({"quote", "--pool", pool, "--in", "WETH", "--amount", "1", "--block", "1"}).code ==
      1);
}

TEST_CASE("an imported list of pairs is a recording that replays") {
  const Workspace space;
  write_text(space / "bad.json", "[{");
  CHECK(space
            .run({"import", "univ2-pairs", (space / "bad.json").string(), "--out",
                  (space / "bad.gantry").string()})
            .code == 1);
  write_text(space / "pairs.json",
             R"([{"index":0,"address":"0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc",
"token0":{"address":"0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48","symbol":"USDC","decimal":6},
"token1":{"address":"0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2","symbol":"WETH","decimal":18},
"reserve0":350000000000000,"reserve1":1000000000000000000000000}])");
  const std::string file = (space / "small.gantry").string();
  const Ended import = space.run({"import", "univ2-pairs", (space / "pairs.json").string(), "--out",
                                  file, "--stream", "10", "--seed", "3", "--json"});
  INFO(import.err);
  REQUIRE(import.code == 0);
  CHECK(json::parse(import.out).at("swaps") == 10);
  const Ended replay = space.run({"replay", file, "--json"});
  CHECK(replay.code == 0);
  CHECK(json::parse(replay.out).at("market").at("pools") == 1);
}

TEST_CASE("without a sender the check warns, and the run says once why nothing was planned") {
  const Workspace space;
  space.edit("gantry.toml", "sender =", "# sender =");
  const Ended check = space.run({"config", "check"});
  CHECK(check.code == 0);
  CHECK(has(check.out, "wallet.sender is missing"));
  const Ended ended = space.run({"run"});
  CHECK(ended.code == 0);
  CHECK(has(ended.out, " approved, none could be planned"));
  const std::size_t first = ended.out.find("no plan without a sender");
  REQUIRE(first != std::string::npos);
  CHECK(ended.out.find("no plan without a sender", first + 1) == std::string::npos);
}

TEST_CASE("a replay with other plugins or settings names the differences in one line") {
  const Workspace space;
  const std::string file = (space / "run.gantry").string();
  REQUIRE(space.run({"run", "--blocks", "5", "--record", file}).code == 0);
  space.edit("strategies.toml", "enabled = true", "enabled = false");
  const Ended ended = space.run({"replay", file});
  INFO(ended.err);
  CHECK(ended.code == 2);
  CHECK(has(ended.err, "; recorded: setting strategies.triangular.max_hops = 4"));
  CHECK(has(ended.err, "; recorded: strategy triangular "));
  CHECK_FALSE(has(ended.err, "?"));
}

TEST_CASE("a run at live pace that is killed leaves all blocks but the one it worked on") {
  const Workspace space;
  const std::string file = (space / "run.gantry").string();
  Running running = space.start({"run", "--pace", "live", "--speed", "100", "--record", file});
  std::uint64_t block = 0;
  while (block < 10'982'004) {
    const Ended status = status_of(space, running);
    REQUIRE(status.code == 0);
    block = json::parse(status.out).at("block").to_number<std::uint64_t>();
  }
  running.signal(SIGKILL);
  CHECK(running.wait().code == 128 + SIGKILL);
  CHECK_FALSE(fs::exists(file));
  const Ended replay = space.run({"replay", file + ".partial", "--json"});
  INFO(replay.err);
  CHECK(replay.code == 1);
  CHECK(has(replay.err, "there is no end record"));
  const json::value market = json::parse(replay.out).at("market");
  CHECK(market.at("last_block").to_number<std::uint64_t>() + 1 >= block);
}

TEST_CASE("a pipe is refused as a recording, and not waited for") {
  const Workspace space;
  const std::string pipe = (space / "pipe").string();
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  space.edit("gantry.toml", GANTRY_SOURCE "/data/univ2_2020.gantry", pipe);
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"replay", pipe},
        {"run"},
        {"import", "univ2-pairs", pipe, "--out", (space / "out.gantry").string()},
        {"quote", "--pool", "0x00", "--in", "WETH", "--amount", "1"}}) {
    Running running = space.start(arguments);
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!running.ended() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    INFO(arguments.front());
    REQUIRE(running.ended());
    const Ended ended = running.wait();
    CHECK(ended.code == 1);
    CHECK(has(ended.err, pipe + ": cannot be read: it is a pipe"));
  }
}

TEST_CASE("what a command writes replaces no foreign file, and never its own input") {
  const Workspace space;
  const std::string text = "a file of somebody's";
  write_text(space / "text", text);
  const std::string foreign = (space / "text").string();
  const std::string market = (space / "market.gantry").string();
  fs::copy_file(GANTRY_SOURCE "/data/univ2_2020.gantry", market);
  const auto refused = [&](const std::vector<std::string>& arguments, const std::string& why) {
    const Ended ended = space.run(arguments);
    INFO(ended.err);
    CHECK(ended.code == 1);
    CHECK(ended.out.empty());
    CHECK(has(ended.err, why));
    CHECK_FALSE(fs::exists(space / "home/.cache"));  // before anything else: no plugin was loaded
  };
  refused({"run", "--blocks", "2", "--record", foreign}, "no recording");
  refused({"run", "--blocks", "2", "--record", space.path().string()}, "a folder");
  refused({"replay", market, "--blocks", "2", "--record", market}, "the input itself");
  refused({"import", "univ2-pairs", foreign, "--out", foreign}, "the input itself");
  refused({"import", "univ2-pairs", market, "--out", foreign}, "no recording");
  refused({"graph", "--out", foreign}, "no picture");
  fs::create_symlink("nothing", space / "link");
  refused({"graph", "--out", (space / "link").string()}, "a symbolic link");
  CHECK(read_text(space / "text") == text);
  CHECK(read_text(market) == read_text(GANTRY_SOURCE "/data/univ2_2020.gantry"));

  const std::string file = (space / "run.gantry").string();
  write_text(file, "");          // as mktemp makes it: nothing is lost
  for (int i = 0; i < 2; ++i) {  // its own kind it may replace
    CHECK(space.run({"run", "--blocks", "2", "--record", file}).code == 0);
    CHECK(space.run({"graph", "--out", (space / "street.txt").string()}).code == 0);
  }
}

TEST_CASE("what is not installed or not there for a recording's pools is told once") {
  const Workspace space;
  space.edit("dex_config.toml", "name = \"uniswap_v2\"", "name = \"unknown_dex\"");
  const Ended ended = space.run({"run", "--blocks", "2"});
  INFO(ended.err);
  CHECK(ended.code == 0);
  const auto count = [&](std::string_view what) {
    std::size_t found = 0;
    for (auto at = ended.err.find(what); at != std::string::npos;
         at = ended.err.find(what, at + 1)) {
      ++found;
    }
    return found;
  };
  CHECK(count("no [[dex]] named uniswap_v2 runs") == 1);
  CHECK(count("named but not installed") == 1);
  CHECK_FALSE(has(ended.err, "error"));
}

TEST_CASE("a recording of a chain that is not configured is refused, and doctor finds it") {
  const Workspace space;
  space.edit("gantry.toml", "id = \"eip155:1\"", "id = \"eip155:137\"");
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run", "--blocks", "2"},
        {"replay", GANTRY_SOURCE "/data/univ2_2020.gantry", "--blocks", "2"},
        {"quote", "--pool", "0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc", "--in", "WETH",
         "--amount", "1"}}) {
    const Ended ended = space.run(arguments);
    INFO(ended.err);
    CHECK(ended.code == 2);
    CHECK(has(ended.err, "is of chain eip155:1, which no [[chain]] of gantry.toml has"));
  }
  const Ended doctor = space.run({"doctor"});
  CHECK(doctor.code == 3);
  CHECK(has(doctor.out, "fail  recording"));
}

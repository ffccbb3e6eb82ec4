#include <unistd.h>

#include <array>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "program.hpp"

using namespace gantry::host::tests;
namespace json = boost::json;

TEST_CASE("an unknown option or command is refused with what was meant") {
  const Workspace space;
  const auto expect = [&](std::vector<std::string> arguments, const std::string& meant) {
    INFO(meant);
    const Ended ended = space.run(std::move(arguments));
    CHECK(ended.code == 2);
    CHECK(ended.out.empty());
    CHECK(has(ended.err, "did you mean `" + meant + "`?"));
  };
  expect({"rnu"}, "run");
  expect({"run", "--thread", "3"}, "--threads");
  expect({"run", "--jsno"}, "--json");
  expect({"run", "--confg=x"}, "--config");
  expect({"config", "chekc"}, "check");
  expect({"plugin", "inspct", "x.so"}, "inspect");
  expect({"quote", "--exactout"}, "--exact-out");
}

TEST_CASE("a wrong or missing value is wrong usage") {
  const Workspace space;
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"run", "--threads", "many"},
                                                    {"run", "--threads", "-1"},
                                                    {"run", "--pace", "slow"},
                                                    {"graph", "--format", "png"},
                                                    {"replay"},
                                                    {"plugin"},
                                                    {"plugin", "inspect"},
                                                    {"quote", "--pool", "0x00"},
                                                    {"import", "univ2-pairs", "x.json"},
                                                    {"run", "zzzzzzzz"},
                                                    {"--log-level", "loud", "status"}}) {
    const Ended ended = space.run(arguments);
    INFO(ended.err);
    CHECK(ended.code == 2);
    CHECK(has(ended.err, "--help"));
  }
}

TEST_CASE("each command has a help with an example") {
  const Workspace space;
  for (const std::vector<std::string>& command : {std::vector<std::string>{},
                                                  {"run"},
                                                  {"replay"},
                                                  {"import"},
                                                  {"import", "univ2-pairs"},
                                                  {"quote"},
                                                  {"graph"},
                                                  {"plugin"},
                                                  {"plugin", "list"},
                                                  {"plugin", "inspect"},
                                                  {"quarantine"},
                                                  {"quarantine", "list"},
                                                  {"quarantine", "explain"},
                                                  {"quarantine", "clear"},
                                                  {"key"},
                                                  {"key", "import"},
                                                  {"key", "list"},
                                                  {"key", "address"},
                                                  {"executor"},
                                                  {"executor", "deploy"},
                                                  {"executor", "fund"},
                                                  {"executor", "withdraw"},
                                                  {"executor", "status"},
                                                  {"audit"},
                                                  {"audit", "verify"},
                                                  {"audit", "report"},
                                                  {"config"},
                                                  {"config", "check"},
                                                  {"config", "explain"},
                                                  {"status"},
                                                  {"stop"},
                                                  {"doctor"}}) {
    std::vector<std::string> arguments = command;
    arguments.push_back("--help");
    const Ended ended = space.run(arguments);
    INFO(ended.out);
    CHECK(ended.code == 0);
    CHECK(has(ended.out, "Example"));
    CHECK(has(ended.out, "  gantry "));
  }
}

TEST_CASE("status and stop say when nothing runs") {
  const Workspace space;
  for (const char* command : {"status", "stop"}) {
    const Ended ended = space.run({command});
    CHECK(ended.code == 1);
    CHECK(has(ended.err, "no host is running at"));
    CHECK(has(ended.err, "gantry run"));
    const Ended as_json = space.run({command, "--json"});
    CHECK(as_json.code == 1);
    CHECK(json::parse(as_json.out).at("running") == false);
  }
}

TEST_CASE("the graph comes in three formats and goes into a file") {
  const Workspace space;
  const Ended text = space.run({"graph"});
  CHECK(text.code == 0);
  CHECK(has(text.out, "triangular"));
  CHECK(has(space.run({"graph", "--format", "dot"}).out, "digraph street"));
  const auto file = space / "street.svg";
  CHECK(space.run({"graph", "--format", "svg", "--out", file.string()}).code == 0);
  CHECK(has(read_text(file), "</svg>"));
  CHECK(space.run({"graph", "--out", (space / "no/folder").string()}).code == 1);
}

TEST_CASE("doctor is content with a whole set-up and finds what is not") {
  const Workspace space;
  const Ended well = space.run({"doctor", "--json"});
  CHECK(well.code == 0);
  const json::value checks = json::parse(well.out);
  for (const json::value& check : checks.at("checks").as_array()) {
    INFO(json::serialize(check));
    CHECK(check.at("verdict") != "fail");
  }
  write_text(space / "cut.gantry",
             read_text(GANTRY_SOURCE "/data/univ2_2020.gantry").substr(0, 99));
  space.edit("gantry.toml", GANTRY_SOURCE "/data/univ2_2020.gantry",
             (space / "cut.gantry").string());
  space.edit("gantry.toml", "# [[chain.provider]]",
             "[[chain.provider]]\nname = \"mine\"\n"
             "url = \"http://127.0.0.1:1/${GANTRY_TEST_KEY}\"\n#");
  const Ended ill = space.run({"doctor"});
  CHECK(ill.code == 3);
  CHECK(has(ill.out, "fail  recording"));
  CHECK(has(ill.out, "warn  providers of eip155:1"));
  CHECK(has(ill.out, "(GANTRY_TEST_KEY)"));
}

TEST_CASE("doctor asks providers only with --online, and never prints a key") {
  Workspace space;
  space.variables["GANTRY_TEST_KEY"] = "s3cret-0123456789";
  space.edit("gantry.toml", "# [[chain.provider]]",
             "[[chain.provider]]\nname = \"mine\"\n"
             "url = \"http://127.0.0.1:1/${GANTRY_TEST_KEY}\"\n#");
  const Ended offline = space.run({"doctor"});
  CHECK(offline.code == 0);
  CHECK(has(offline.out, "not asked"));
  const Ended online = space.run({"doctor", "--online"});
  CHECK(online.code == 3);
  CHECK(has(online.out, "http://127.0.0.1:1"));
  for (const Ended& ended : {offline, online}) CHECK_FALSE(has(ended.out + ended.err, "s3cret"));
}

TEST_CASE("doctor --online prints a URL as it is written, wherever in it the key stands") {
  for (const auto& [url, value, shown] :
       {std::array{"http://${ALCHEMY_API_KEY}.localhost:1/", "FAKEKEYabc123",
                   "http://${ALCHEMY_API_KEY}.localhost:1"},
        std::array{"${ALCHEMY_API_KEY}", "http://FAKEKEYabc123.localhost:1/FAKEKEYabc123?k=FAKEKEY",
                   "${ALCHEMY_API_KEY}: "},
        std::array{"http://${ALCHEMY_API_KEY}.localhost:1/", "FAKE",
                   "http://${ALCHEMY_API_KEY}."}}) {
    Workspace space;
    space.variables["ALCHEMY_API_KEY"] = value;
    space.edit("gantry.toml", "# [[chain.provider]]",
               std::string("[[chain.provider]]\nname = \"mine\"\nurl = \"") + url + "\"\n#");
    for (const std::vector<std::string>& arguments :
         {std::vector<std::string>{"doctor", "--online"}, {"doctor", "--online", "--json"}}) {
      const Ended ended = space.run(arguments);
      CHECK(ended.code == 3);
      CHECK(has(ended.out, shown));
      CHECK_FALSE(has(ended.out + ended.err, "FAKE"));
    }
  }
}

TEST_CASE("what a variable holds stays out of doctor's output and of the report") {
  Workspace space;
  space.edit("gantry.toml", "# [[chain.provider]]",
             "[[chain.provider]]\nname = \"mine\"\nurl = \"http://127.0.0.1:1/${SECRET}\"\n#");
  space.variables["SECRET"] = "univ2_2020";  // part of the recording's path
  CHECK_FALSE(has(space.run({"doctor"}).out, "univ2_2020"));
  space.variables["SECRET"] = "pm_sponsorUserOperation";  // part of the planned request
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"run", "--blocks", "200"}, {"run", "--blocks", "200", "--json"}}) {
    const Ended ended = space.run(arguments);
    CHECK(ended.code == 0);
    CHECK(has(ended.out, "[secret]"));
    CHECK_FALSE(has(ended.out, "pm_sponsor"));
  }
}

TEST_CASE("doctor fails for a variable that a paymaster's text needs, and not for a default's") {
  Workspace space;
  CHECK(has(space.run({"doctor"}).out, "warn  variable PIMLICO_API_KEY"));
  space.edit("gantry.toml", "# url = \"https://api.pimlico.io", "url = \"https://api.pimlico.io");
  const Ended ended = space.run({"doctor"});
  CHECK(ended.code == 3);
  CHECK(has(ended.out, "fail  variable PIMLICO_API_KEY"));
  CHECK(has(ended.out, "paymaster pimlico needs it"));
  CHECK_FALSE(has(ended.out, "CHAIN_ID"));
  space.variables["PIMLICO_API_KEY"] = "FAKEKEYabc99";
  CHECK(space.run({"doctor"}).code == 0);
}

TEST_CASE("a variable that holds no URL does not speak WebSocket") {
  Workspace space;
  space.edit("gantry.toml", "# [[chain.provider]]",
             "[[chain.provider]]\nname = \"mine\"\nurl = \"${RPC_URL}\"\n#");
  for (const char* value : {"FAKEKEYabc99", "httpFAKEKEYabc99", "wss:FAKEKEYabc99"}) {
    space.variables["RPC_URL"] = value;
    const Ended ended = space.run({"doctor"});
    CHECK(ended.code == 3);
    CHECK(has(ended.out, "fail  provider mine"));
    CHECK(has(ended.out, "${RPC_URL} stands for no URL"));
    CHECK_FALSE(has(ended.out, "FAKEKEY"));
  }
  space.variables["RPC_URL"] = "wss://127.0.0.1:1/";
  const Ended ended = space.run({"doctor", "--online"});
  CHECK(ended.code == 3);
  CHECK(has(ended.out, "fail  provider mine"));
  CHECK(has(ended.out, "warn  chain eip155:1"));
}

namespace {

// While it lives, root is nobody: root may write everywhere.
class NoRoot {
 public:
  explicit NoRoot(const std::filesystem::path& folder) {
    if (::geteuid() != 0) return;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
      REQUIRE(::chown(entry.path().c_str(), nobody, nobody) == 0);
    }
    REQUIRE(::chown(folder.c_str(), nobody, nobody) == 0);
    REQUIRE(::seteuid(nobody) == 0);
  }
  NoRoot(const NoRoot&) = delete;
  NoRoot& operator=(const NoRoot&) = delete;
  ~NoRoot() { (void)::seteuid(::getuid()); }

 private:
  static constexpr uid_t nobody = 65534;
};

}  // namespace

TEST_CASE("doctor finds a folder that a run could not make") {
  Workspace space;
#ifdef __SANITIZE_ADDRESS__
  // A process that has given up root can neither look for leaks nor read that it should not.
  if (::geteuid() == 0) {
    WARN("not as root with the address sanitizer");
    return;
  }
#endif
  std::filesystem::create_directory(space / "locked");
  std::filesystem::permissions(space / "locked", std::filesystem::perms(0500));
  write_text(space / "file", "no folder");
  const NoRoot nobody(space.path());
  if (::access(GANTRY_PROGRAM, X_OK) != 0 && ::geteuid() != ::getuid()) {
    WARN("the program is not nobody's to run");
    return;
  }
  for (const char* home : {"locked", "file"}) {
    space.variables["HOME"] = (space / home).string();
    space.variables["XDG_RUNTIME_DIR"] = (space / home / "runtime").string();
    const Ended ended = space.run({"doctor", "--json"});
    CHECK(ended.code == 3);
    const json::value found = json::parse(ended.out);
    for (const json::value& check : found.at("checks").as_array()) {
      if (check.at("check") != "plugin store" && check.at("check") != "socket folder") continue;
      INFO(json::serialize(check));
      CHECK(check.at("verdict") == "fail");
      CHECK(has(std::string(check.at("detail").as_string()), "cannot be made"));
    }
  }
  space.variables["HOME"] = (space / "home").string();
  space.variables["XDG_RUNTIME_DIR"] = (space / "runtime").string();
  CHECK(has(space.run({"doctor", "--json"}).out, "will be made"));
}

TEST_CASE("a number is read strictly: what is none, or out of range, is named with its range") {
  const Workspace space;
  const std::string out = (space / "out.gantry").string();
  const auto refused = [&](std::vector<std::string> command, const std::string& option,
                           const std::vector<std::string>& values, const std::string& range) {
    command.push_back(option);
    for (const std::string& value : values) {
      command.push_back(value);
      const Ended ended = space.run(command);
      command.pop_back();
      INFO(option << " " << value << ": " << ended.err);
      CHECK(ended.code == 2);
      CHECK(ended.out.empty());
      CHECK(has(ended.err, option));
      CHECK(has(ended.err, "`" + value + "`"));
      CHECK(has(ended.err, range));
    }
  };
  const std::string all = "from 0 to 18446744073709551615";
  refused({"run"}, "--blocks",
          {"-1", "+1", "99999999999999999999", "18446744073709551616", "1.0", "1e3", "0x10", "nan",
           "1 ", "ten"},
          all);
  refused({"replay", "x"}, "--blocks", {"-1"}, all);
  refused({"run"}, "--threads", {"-1", "1025", "2.5"}, "from 0 to 1024");
  refused({"run"}, "--top", {"-1", "4097"}, "from 0 to 4096");
  refused({"run"}, "--speed", {"nan", "-nan", "inf", "-1", "1e10", "fast", "1x"}, "from 0 to 1");
  refused({"quote", "--pool", "0x00", "--in", "WETH", "--amount", "1"}, "--block", {"-1"}, all);
  const std::vector<std::string> import = {"import", "univ2-pairs", "x.json", "--out", out};
  refused(import, "--seed", {"-1", "18446744073709551616"}, all);
  refused({"plugin", "check", "x.so"}, "--seed", {"-1", "+1", "18446744073709551616", "1.0"}, all);
  refused(import, "--stream", {"-1", "1000000001"}, "from 0 to 1000000000");
  refused(import, "--block", {"-1", "18446744073709551615"}, "from 0 to 9007199254740991");
  refused(import, "--time", {"-1", "253402300800"}, "from 0 to 253402300799");
  refused(import, "--block-interval", {"-1", "31536001"}, "from 0 to 31536000");
  CHECK(space.run({"run", "--blocks", "2", "--pace", "live", "--speed", "1.5e2", "--threads", "2"})
            .code == 0);
  const Ended no_pace = space.run({"run", "--blocks", "2", "--speed", "2"});
  CHECK(no_pace.code == 2);
  CHECK(has(no_pace.err, "add --pace live"));
}

TEST_CASE("the time of a backtest begins and ends with a block, a day or a time, UTC") {
  const Workspace space;
  const std::string recording = GANTRY_SOURCE "/data/univ2_2020.gantry";
  const auto run = [&](const std::string& from, const std::string& to) {
    return space.run({"backtest", recording, "--from", from, "--to", to, "--json"});
  };
  const auto window = [&](const std::string& from, const std::string& to) {
    const Ended ended = run(from, to);
    INFO(from << " to " << to << ": " << ended.err);
    REQUIRE(ended.code == 0);
    const json::value report = json::parse(ended.out);
    return std::array{report.at("first_block").to_number<std::uint64_t>(),
                      report.at("last_block").to_number<std::uint64_t>()};
  };
  // A block each 13 s from block 10982000 at 12:00:00 on.
  using Window = std::array<std::uint64_t, 2>;
  const Window minute{10'982'000, 10'982'004};
  CHECK(window("2020-10-03T12:00:00", "2020-10-03T12:00:52") == minute);
  CHECK(window("2020-10-03 12:00:00", "2020-10-03T12:00:52Z") == minute);
  CHECK(window("2020-10-03T14:00:00+02:00", "2020-10-03T12:01:04") == minute);
  CHECK(window("2020-10-03", "10982004") == minute);
  CHECK(window("10982000", "10982004") == minute);
  const Ended late = run("2021-01-01", "2021-01-02");
  CHECK(late.code == 2);
  // The file's own, however little of it was read.
  const std::string range =
      "it has blocks 10982000 to 10986035, 2020-10-03T12:00:00 to 2020-10-04T02:34:15 UTC";
  CHECK(has(late.err, "no block of"));
  CHECK(has(late.err, range));
  for (const auto& [from, to] :
       {std::pair("2019-01-01", "2019-01-02"), std::pair("1", "10981999")}) {
    const Ended early = run(from, to);
    CHECK(early.code == 2);
    CHECK(has(early.err, range));
  }
  const Ended backwards = run("10983000", "10982500");
  CHECK(backwards.code == 2);
  CHECK(has(backwards.err, range));

  for (const std::string wrong :
       {"yesterday", "2020-10-3", "2020-13-03", "2020-02-30", "2020-10-03T12:00",
        "2020-10-03T24:00:00", "2020-10-03T12:00:00 ", "2020-10-03Z", "1969-12-31",
        "1234567890123456789", "-1", "1e3"}) {
    for (const bool is_first : {true, false}) {
      const Ended ended =
          space.run({"backtest", recording, (is_first ? "--from=" : "--to=") + wrong, "--json"});
      INFO(wrong << ": " << ended.err);
      CHECK(ended.code == 2);
      CHECK(ended.out.empty());
      CHECK(has(ended.err, (is_first ? "--from " : "--to ") + wrong +
                               ": is no block and no time; write 19000000, 2024-05-01 or"));
    }
  }
}

TEST_CASE("a sweep refuses a page, and a key that is swept twice") {
  const Workspace space;
  const std::string recording = GANTRY_SOURCE "/data/univ2_2020.gantry";
  const std::string bps = "strategies.triangular.min_profit_bps=";
  const std::string page = (space / "page.html").string();
  const Ended paged = space.run(
      {"backtest", recording, "--to", "10982004", "--sweep", bps + "5,10", "--html", page});
  CHECK(paged.code == 2);
  CHECK(has(paged.err, "--html: a sweep writes no page"));
  CHECK_FALSE(std::filesystem::exists(page));
  const Ended twice = space.run(
      {"backtest", recording, "--to", "10982004", "--sweep", bps + "5,10", "--sweep", bps + "20"});
  CHECK(twice.code == 2);
  CHECK(twice.out.empty());
  CHECK(has(twice.err, "min_profit_bps is swept already; name all of its values in one"));
}

TEST_CASE("what would make a run of a sweep fail is said once, before any is made") {
  const Workspace space;
  const std::string recording = GANTRY_SOURCE "/data/univ2_2020.gantry";
  const auto refused = [&](const std::string& file, const std::string& swept,
                           const std::string& words, int code = 2) {
    const Ended ended = space.run({"backtest", file, "--to", "10982004", "--sweep", swept});
    INFO(swept << ": " << ended.err);
    CHECK(ended.code == code);
    CHECK(ended.out.empty());
    const std::size_t at = ended.err.find(words);
    CHECK(at != std::string::npos);
    CHECK(ended.err.find(words, at + 1) == std::string::npos);
  };
  refused(recording, "risk.nosuch=1,2,3", "unknown key nosuch in risk");
  refused(recording, "nosuch=1,2", "`nosuch=1` is no key with a value");
  refused(recording, "strategies.triangular.min_profit_bps=10,abc",
          "strategies.triangular.min_profit_bps has a value that is no TOML");
  refused(recording, "risk.min_profit_usd=1,,2", "is no KEY=V1,V2");
  refused(recording, "risk.min_profit_usd=1,", "is no KEY=V1,V2");
  refused((space / "none.gantry").string(), "risk.min_profit_usd=1,2", "none.gantry", 1);
}

TEST_CASE("a sweep draws one bar, of its runs, and its runs draw none") {
  const Workspace space;
  const Ended ended = space.shell(R"(exec script -qec "'$0' $*" /dev/null </dev/null)",
                                  {"backtest", GANTRY_SOURCE "/data/univ2_2020.gantry", "--sweep",
                                   "strategies.triangular.min_profit_bps=10,100"});
  INFO(ended.out);
  REQUIRE(ended.code == 0);
  for (const std::string done : {"0", "1", "2"}) CHECK(has(ended.out, " " + done + " of 2 runs"));
  CHECK_FALSE(has(ended.out, "snapshots"));
}

TEST_CASE("a backtest that is interrupted says so, and is no whole one") {
  const Workspace space;
  const std::string recording = GANTRY_SOURCE "/data/univ2_2020.gantry";
  const bool as_json = GENERATE(false, true);
  std::vector<std::string> words = {"backtest", recording};
  if (as_json) words.emplace_back("--json");
  // As soon as it has begun, however long that takes here.
  Ended ended;
  for (const int after_ms : {400, 900, 1600, 4000}) {
    Running running = space.start(words);
    std::this_thread::sleep_for(std::chrono::milliseconds(after_ms));
    running.signal(SIGINT);
    ended = running.wait();
    if (has(ended.err, "it was stopped behind block ")) break;
  }
  INFO(ended.err << ended.out);
  CHECK(ended.code == 1);
  REQUIRE(has(ended.err, "it was stopped behind block "));
  if (as_json) {
    CHECK(json::parse(ended.out).at("stopped") == true);
  } else {
    CHECK(has(ended.out, "STOPPED behind block "));
  }
}

TEST_CASE("output that is lost is a failure, unless its reader went away") {
  const Workspace space;
  const std::vector<std::vector<std::string>> commands = {
      {"run", "--blocks", "2"}, {"config", "explain", "--json"}, {"--help"}, {"--version"}};
  // Closed, and open for reading alone.
  for (const char* line : {R"("$0" "$@" >&-)", R"("$0" "$@" 1<"$0")"}) {
    for (const auto& command : commands) {
      const Ended ended = space.shell(line, command);
      INFO(line << " " << command.front());
      CHECK(ended.code == 1);
      CHECK(has(ended.err, "standard output: cannot be written"));
    }
  }
  for (const char* line :
       {R"("$0" "$@" | true)", R"(trap '' PIPE; { "$0" "$@" || echo failed >&2; } | true)"}) {
    for (const auto& command : commands) {
      const Ended ended = space.shell(line, command);
      INFO(line << " " << command.front());
      CHECK(ended.err.empty());
    }
  }
}

TEST_CASE("a file that is opened never stands in for a closed standard stream") {
  const Workspace space;
  Running running =
      space.start_shell(R"(exec "$0" "$@" <&- >&- 2>&-)",
                        {"run", "--pace", "live", "--record", (space / "run.gantry").string()});
  while (!running.ended() && space.run({"status"}).code != 0) continue;
  for (const int number : {0, 1, 2}) CHECK(running.file_of(number) == "/dev/null");
  CHECK(space.run({"stop"}).code == 0);
  CHECK(running.wait().code == 1);  // its report is lost
  CHECK(space.run({"replay", (space / "run.gantry").string(), "--json"}).code == 0);
}

TEST_CASE("quarantine commands say what is not there, and what they want") {
  Workspace space;
  const Ended list = space.run({"quarantine", "list"});
  CHECK(list.code == 0);
  CHECK(has(list.out, "No plugin is in quarantine."));
  for (const char* command : {"explain", "clear"}) {
    const Ended unknown = space.run({"quarantine", command, "my_dex"});
    CHECK(unknown.code == 1);
    CHECK(has(unknown.err, "my_dex: is not in quarantine; see: gantry quarantine list"));
  }
  CHECK(space.run({"quarantine", "clear"}).code == 2);
  CHECK(space.run({"quarantine", "clear", "my_dex", "--all"}).code == 2);
  space.variables["HOME"] = "";
  const Ended homeless = space.run({"quarantine", "list"});
  CHECK(homeless.code == 2);
  CHECK(has(homeless.err, "XDG_STATE_HOME"));
}

TEST_CASE("a run does not start where its quarantine cannot be kept") {
  Workspace space;
  write_text(space / "file", "no folder");
  space.edit("gantry.toml", "hang_s = 30", "hang_s = 30\nquarantine = \"../file\"");
  const Ended ended = space.run({"run", "--blocks", "1"});
  INFO(ended.err);
  CHECK(ended.code == 1);
  CHECK(has(ended.err, "the quarantine cannot be kept there"));
  CHECK(has(ended.err, "`quarantine` in [plugins]"));
  CHECK(space.run({"doctor"}).code == 3);
}

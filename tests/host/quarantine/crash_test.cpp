// Plugins that bring the host down, through the program: who it was is told, the next start runs
// without it, and it can be let in again.
#include <signal.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "host/base/sha256.hpp"
#include "support/small_market.hpp"
#include "tests/host/cli/program.hpp"

using namespace gantry;
using host::tests::Ended;
using host::tests::has;
using host::tests::read_text;
using host::tests::Workspace;
using host::tests::write_text;
namespace fs = std::filesystem;
namespace json = boost::json;

namespace {

struct Act {
  const char* name;
  const char* told;  // in the message
  const char* cause;
  int code;
};
const Act acts[] = {
    {"segv", "SIGSEGV", "signal", 128 + SIGSEGV},     {"abort", "SIGABRT", "signal", 128 + SIGABRT},
    {"overflow", "SIGSEGV", "signal", 128 + SIGSEGV}, {"divide", "SIGFPE", "signal", 128 + SIGFPE},
    {"trap", "SIGTRAP", "signal", 128 + SIGTRAP},     {"exit", "it called exit()", "exit", 1},
    {"loop", "did not come back", "hang", 1},
};

struct Place {
  const char* name;   // as the saboteur knows it
  const char* phase;  // as the host names it
};

// A market of four pools, two of them the saboteur's, with a trade between the others.
class Sabotaged {
 public:
  Sabotaged(const std::string& kind, const std::string& act, const std::string& place)
      : name_("saboteur_" + kind) {
    fs::create_directory(space / "extra");
    std::string bytes = read_text(fs::path(GANTRY_TEST_PLUGINS) / (name_ + ".so"));
    const std::size_t at = bytes.find("saboteur's order: ");
    REQUIRE(at != std::string::npos);
    bytes.replace(
        at + 18, 24,
        (act + std::string(12 - act.size(), ' ')) + place + std::string(12 - place.size(), ' '));
    write_text(library(), bytes);
    const std::string venue = kind == "dex" ? name_ : "uniswap_v2";
    std::vector<std::vector<test::SmallUpdate>> blocks;
    for (std::uint64_t i = 0; i < 12; ++i) blocks.push_back({{0, 99'000 + i, 40'400'000}});
    test::write_market(space.path() / "market.gantry", 2,
                       {{0, 1, 100'000, 40'000'000},
                        {0, 1, 100'000, 44'000'000},
                        {0, 1, 100'000, 41'000'000, venue},
                        {0, 1, 100'000, 42'000'000, venue}},
                       blocks);
    const auto config = space.path() / "config";
    write_text(
        config / "gantry.toml",
        "[[chain]]\nid = \"eip155:1\"\nname = \"ethereum\"\nblock_time_s = 13\n"
        "gas_price_gwei = 20\n"
        "wrapped_native = \"0x1000000000000000000000000000000000000000\"\n"
        "usd_tokens = [\"0x1000000000000000000000000000000000000001\"]\n"
        "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
        "entry_point = \"0x0000000071727De22E5E9d8BAf0edAc6f37da032\"\n"
        "[risk]\nmin_confidence = 0\nmin_profit_usd = 0\nmin_profit_gas = 0\nmin_success = 0\n"
        "max_composite = 1\n"
        "[market]\nrecording = \"../market.gantry\"\n"
        "[plugins]\nfolders = [\"" GANTRY_PLUGINS "\", \"../extra\"]\nhang_s = " +
            std::string(act == "loop" ? "2" : "600") + "\n" +
            (kind == "paymaster" ? "[[paymaster]]\nname = \"" + name_ + "\"\n" : ""));
    write_text(config / "dex_config.toml",
               "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\n" +
                   (kind == "dex" ? "[[dex]]\nname = \"" + name_ + "\"\nmin_liquidity_usd = 0\n"
                                  : std::string()));
    write_text(config / "strategies.toml",
               "[strategies.triangular]\nmin_profit_bps = 0\n" +
                   (kind == "strategy" ? "[strategies." + name_ + "]\n" : std::string()));
  }

  fs::path library() const { return space.path() / "extra" / (name_ + ".so"); }
  const std::string& name() const { return name_; }
  std::string sha256() const { return host::sha256_of_file(library()).value(); }
  json::array quarantined() const {
    const Ended ended = space.run({"quarantine", "list", "--json"});
    INFO(ended.err);
    REQUIRE(ended.code == 0);
    return json::parse(ended.out).at("plugins").as_array();
  }

  Workspace space;

 private:
  std::string name_;
};

// One start that is brought down, and what is known of it afterwards.
void bring_down(const std::string& kind, const Act& act, const Place& place) {
  INFO(kind << ": " << act.name << " in " << place.name);
  const Sabotaged host(kind, act.name, place.name);
  const Ended ended = host.space.run({"run"});
  INFO(ended.out << ended.err);
  CHECK(ended.code == act.code);
  CHECK(has(ended.err, "gantry: plugin " + host.name() + " 0.1.0 ("));
  CHECK(has(ended.err, host.library().string()));
  CHECK(has(ended.err, host.sha256()));
  CHECK(has(ended.err, act.told));
  CHECK(has(ended.err, std::string(" ") + place.phase));
  const json::array entries = host.quarantined();
  REQUIRE(entries.size() == 1);
  const json::object& entry = entries[0].as_object();
  CHECK(entry.at("plugin").as_string() == host.name());
  CHECK(entry.at("version").as_string() == "0.1.0");
  CHECK(entry.at("sha256").as_string() == host.sha256());
  CHECK(entry.at("cause").as_string() == act.cause);
  CHECK(entry.at("phase").as_string() == place.phase);
  CHECK(entry.at("blocks").as_bool());
  CHECK(has(json::serialize(entry.at("log")), "gantry run on"));
}

void bring_down_everywhere(const std::string& kind, const std::vector<Place>& places) {
  for (const Place& place : places) {
    for (const Act& act : acts) bring_down(kind, act, place);
  }
}

const std::vector<Place> dex_loading = {{"load", "load"},     {"init", "init"},
                                        {"create", "create"}, {"destroy", "destroy"},
                                        {"deinit", "unload"}, {"unload", "unload"}};
const std::vector<Place> dex_calls = {{"open_pool", "open_pool"},
                                      {"requests", "apply"},
                                      {"apply", "apply"},
                                      {"quote", "quote"},
                                      {"segments", "quote"}};
const std::vector<Place> strategy_calls = {
    {"create", "create"}, {"subscribe", "subscribe"}, {"prepare", "prepare"},
    {"find", "find"},     {"validate", "validate"},   {"size", "size"},
    {"plan", "plan"},     {"result", "result"},       {"destroy", "destroy"}};
const std::vector<Place> paymaster_calls = {
    {"create", "create"}, {"supports", "sponsor"}, {"request", "sponsor"}, {"destroy", "destroy"}};

}  // namespace

TEST_CASE(
    "a venue that brings the host down while it comes or goes is named, with hash and phase") {
  bring_down_everywhere("dex", dex_loading);
}
TEST_CASE("a venue that brings the host down in a call is named, with hash and phase") {
  bring_down_everywhere("dex", dex_calls);
}
TEST_CASE("a strategy that brings the host down is named, with hash and phase") {
  bring_down_everywhere("strategy", strategy_calls);
}
TEST_CASE("a paymaster that brings the host down is named, with hash and phase") {
  bring_down_everywhere("paymaster", paymaster_calls);
}

TEST_CASE("a strategy that asks venues for ever is named, not they") {
  const Sabotaged host("strategy", "loop", "services");
  const Ended ended = host.space.run({"run"});
  INFO(ended.out << ended.err);
  CHECK(ended.code == 1);
  CHECK(has(ended.err, "plugin saboteur_strategy 0.1.0 ("));
  CHECK(has(ended.err, "did not come back from find within 2000 ms"));
}

TEST_CASE("the next start runs without who brought the host down, says so, and clear lets it in") {
  for (const char* kind : {"dex", "strategy", "paymaster"}) {
    const std::string place = std::string(kind) == "dex"        ? "quote"
                              : std::string(kind) == "strategy" ? "find"
                                                                : "supports";
    INFO(kind);
    const Sabotaged host(kind, "segv", place);
    CHECK(host.space.run({"run"}).code == 128 + SIGSEGV);

    const Ended without = host.space.run({"run", "--json"});
    INFO(without.out << without.err);
    CHECK(without.code == 3);
    CHECK(has(without.err, host.name()));
    CHECK(has(without.err, "brought an earlier host down"));
    CHECK(has(without.err, "gantry quarantine explain " + host.name()));
    const json::object report = json::parse(without.out).as_object();
    CHECK(report.at("plan").is_object());  // the others traded
    const json::array& refused = report.at("plugins_refused").as_array();
    REQUIRE(refused.size() == 1);
    CHECK(has(json::serialize(refused), "quarantine"));
    CHECK(has(json::serialize(refused), "SIGSEGV in"));
    // Replays, quotes and later starts too, for they load it into their process.
    CHECK(host.space.run({"run"}).code == 3);
    const Ended replay = host.space.run({"replay", (host.space / "market.gantry").string()});
    INFO(replay.err);
    CHECK(replay.code == 3);
    CHECK(has(replay.err, "in quarantine"));

    const Ended explained = host.space.run({"quarantine", "explain", host.name()});
    INFO(explained.out << explained.err);
    CHECK(explained.code == 0);
    CHECK(has(explained.out, host.sha256()));
    CHECK(has(explained.out, "SIGSEGV in"));
    CHECK(has(explained.out, "addr2line"));
    const Ended doctor = host.space.run({"doctor"});
    CHECK(has(doctor.out, "warn  quarantined"));

    const Ended cleared = host.space.run({"quarantine", "clear", host.sha256().substr(0, 12)});
    INFO(cleared.out << cleared.err);
    CHECK(cleared.code == 0);
    CHECK(host.quarantined().empty());
    CHECK(host.space.run({"run"}).code == 128 + SIGSEGV);
    CHECK(host.quarantined().size() == 1);
  }
}

TEST_CASE("a rebuilt library starts with a clean slate, and a renamed one does not") {
  const Sabotaged host("strategy", "segv", "find");
  CHECK(host.space.run({"run"}).code == 128 + SIGSEGV);
  fs::rename(host.library(), host.space / "extra/other.so");
  const Ended renamed = host.space.run({"run"});
  INFO(renamed.out << renamed.err);
  CHECK(renamed.code == 3);
  CHECK(has(renamed.err, "in quarantine"));
  fs::remove(host.space / "extra/other.so");
  fs::copy_file(fs::path(GANTRY_TEST_PLUGINS) / "saboteur_strategy.so", host.library());
  const Ended mended = host.space.run({"run"});
  INFO(mended.out << mended.err);
  CHECK(mended.code == 0);
  CHECK(host.quarantined().size() == 1);  // what was done stays known
}

TEST_CASE("who kills the host from outside puts nobody into quarantine") {
  // SIGTERM is a wish to stop: who loops for ever, unwatched, does not hear it.
  for (const int number : {SIGKILL, SIGSEGV, SIGABRT}) {
    INFO(number);
    // It loops, so that the signal finds it in the plugin's code.
    const Sabotaged host("strategy", "loop", "find");
    host.space.edit("gantry.toml", "hang_s = 2", "hang_s = 0");
    auto running = host.space.start({"run", "--json"});
    while (!has(host.space.run({"status"}).out, "snapshots")) {
      REQUIRE_FALSE(running.ended());
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    running.signal(number);
    const Ended ended = running.wait();
    INFO(ended.err);
    CHECK(ended.code == 128 + number);
    CHECK_FALSE(has(ended.err, "brought the host down"));
    CHECK(host.quarantined().empty());
  }
}

TEST_CASE("a host that is stopped for longer than hang_s blames nobody when it goes on") {
  const Sabotaged host("strategy", "loop", "find");
  host.space.edit("gantry.toml", "hang_s = 2", "hang_s = 8");
  auto running = host.space.start({"run"});
  while (!has(host.space.run({"status"}).out, "snapshots")) {
    REQUIRE_FALSE(running.ended());
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  running.signal(SIGSTOP);
  std::this_thread::sleep_for(std::chrono::seconds(9));
  running.signal(SIGCONT);
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK_FALSE(running.ended());
  // And while it lives, its own record is not taken for one that was left behind.
  CHECK(host.quarantined().empty());
  CHECK(running.wait().code == 1);
  CHECK(host.quarantined().size() == 1);
}

TEST_CASE("a plugin that breaks the contract stays out of the next run, and not out of a replay") {
  const Sabotaged host("strategy", "nothing", "nowhere");
  fs::copy_file(fs::path(GANTRY_BAD_PLUGINS) / "find_throws.so",
                host.space / "extra/find_throws.so");
  host.space.append("strategies.toml", "[strategies.find_throws]\n");
  const std::string recording = (host.space / "day.gantry").string();
  const Ended first = host.space.run({"run", "--record", recording, "--json", "--no-timings"});
  INFO(first.out << first.err);
  CHECK(first.code == 3);
  CHECK(has(first.err, "put away"));
  const json::array entries = host.quarantined();
  REQUIRE(entries.size() == 1);
  CHECK(entries[0].at("cause").as_string() == "rule");
  CHECK(entries[0].at("phase").as_string() == "find");
  CHECK(entries[0].at("instance").as_string() == "find_throws");
  CHECK(has(json::serialize(entries[0].at("log")), "snapshot 1, find: it threw"));

  // The replay gives what the run gave, and adds nothing to the record.
  const Ended replay = host.space.run({"replay", recording, "--json", "--no-timings"});
  INFO(replay.err);
  CHECK(replay.code == 3);
  CHECK(json::parse(replay.out).at("plugins") == json::parse(first.out).at("plugins"));
  CHECK(host.quarantined()[0].at("count").to_number<int>() == 1);

  const Ended second = host.space.run({"run", "--json"});
  INFO(second.err);
  CHECK(second.code == 3);
  CHECK(has(second.out, "in quarantine"));
  CHECK_FALSE(has(second.err, "strike 1"));
  CHECK(host.space.run({"quarantine", "clear", "--all"}).code == 0);
  CHECK(has(host.space.run({"run"}).err, "strike 1"));
}

TEST_CASE("what the dynamic loader refuses is noted, with its words, and tried again") {
  const Sabotaged host("strategy", "nothing", "nowhere");
  const std::string name = "unresolved_symbol";
  fs::copy_file(fs::path(GANTRY_BAD_PLUGINS) / (name + ".so"), host.space / "extra/unresolved.so");
  host.space.append("dex_config.toml", "[[dex]]\nname = \"unresolved_symbol\"\n");
  for (int count = 1; count <= 2; ++count) {
    const Ended ended = host.space.run({"run"});
    INFO(ended.err);
    CHECK(ended.code == 3);
    CHECK(has(ended.err, "the dynamic loader says"));
    const json::array entries = host.quarantined();
    REQUIRE(entries.size() == 1);
    CHECK(entries[0].at("cause").as_string() == "load");
    CHECK_FALSE(entries[0].at("blocks").as_bool());
    CHECK(entries[0].at("count").to_number<int>() == count);
    CHECK(has(json::serialize(entries[0].at("log")), "undefined symbol"));
  }
}

TEST_CASE("what crashes in a process of its own leaves the host up, and is put away all the same") {
  for (const char* place : {"create", "prepare", "find"}) {
    INFO(place);
    const Sabotaged host("strategy", "segv", place);
    host.space.edit("strategies.toml", "[strategies.saboteur_strategy]\n",
                    "[strategies.saboteur_strategy]\nisolation = \"process\"\n");
    const Ended first = host.space.run({"run"});
    INFO(first.out << first.err);
    CHECK(first.code == 3);
    CHECK(has(first.err, "died of SIGSEGV"));
    CHECK(has(first.out, "triangular"));  // whose report is there
    const json::array entries = host.quarantined();
    REQUIRE(entries.size() == 1);
    CHECK(entries[0].at("sha256").as_string() == host.sha256());
    CHECK(entries[0].at("instance").as_string() == host.name());
    CHECK(has(json::serialize(entries[0]), "died of SIGSEGV"));
    CHECK(entries[0].at("blocks").as_bool());
    CHECK(entries[0].at("cause").as_string() == "signal");
    CHECK(entries[0].at("phase").as_string() == place);
    CHECK(entries[0].at("count").to_number<int>() == 1);

    const Ended listed = host.space.run({"plugin", "list", "--json"});
    CHECK(listed.code == 3);
    CHECK(has(listed.out, "it is in quarantine since"));
    const Ended second = host.space.run({"run"});
    INFO(second.err);
    CHECK(has(second.err, "it is in quarantine since"));
    CHECK_FALSE(has(second.err, "died of SIGSEGV (Segmentation fault) ("));
    CHECK(host.space.run({"quarantine", "clear", host.name()}).code == 0);
    CHECK_FALSE(has(host.space.run({"run"}).err, "it is in quarantine since"));
  }
}

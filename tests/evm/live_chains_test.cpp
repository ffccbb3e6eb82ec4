// Several chains in one process, as users run it: each a local node of its own chain id.
#include <fmt/format.h>
#include <signal.h>

#include <atomic>
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "evm/live_scene.hpp"
#include "host/cli/guarded.hpp"
#include "host/cli/program.hpp"
#include "host/risk/book.hpp"
#include "host/risk/store.hpp"
#include "host/street/street.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::tests::Ended;
using host::tests::has;
using host::tests::read_text;
using host::tests::Running;
using host::tests::Workspace;

constexpr int first_id = 31337;
constexpr const char* names[] = {"first", "second", "third"};

// A node with two pairs of the same tokens, whose prices part when one is traded.
struct Node {
  explicit Node(int number)
      : id(fmt::format("eip155:{}", first_id + number)),
        name(names[number]),
        chain({"--chain-id", std::to_string(first_id + number)}),
        one(chain),
        other(chain, &one.contract()) {}
  void mine(std::mt19937_64& random) {
    one.send_random(random);
    if (random() % 2 == 0) other.send_random(random);
    chain.call("evm_mine");
  }
  void die() { ::kill(chain.pid(), SIGKILL); }

  std::string id;
  std::string name;
  Anvil chain;
  TradedPair one;
  TradedPair other;
};

// Nodes, and a configuration that has them all.
class Chains {
 public:
  // `by_variable`: each node's url is the variable URL_NAME.
  explicit Chains(int count, bool by_variable = false) {
    std::vector<LiveChain> chains;
    for (int i = 0; i < count; ++i) {
      Node& node = *nodes.emplace_back(std::make_unique<Node>(i));
      const std::string variable = "URL_" + node.name;
      if (by_variable) space.variables[variable] = node.chain.url();
      chains.push_back({node.id,
                        node.name,
                        by_variable ? "${" + variable + "}" : node.chain.url(),
                        {&node.one.contract(), &node.other.contract()}});
    }
    const LiveFiles files = live_files(chains, GANTRY_PLUGINS);
    host::tests::write_text(space / "config/gantry.toml", files.gantry);
    host::tests::write_text(space / "config/dex_config.toml", files.dex);
    host::tests::write_text(space / "config/strategies.toml", files.strategies);
  }
  void mine() {
    for (const auto& node : nodes) {
      if (node.get() != dead) node->mine(random);
    }
  }
  void kill(Node& node) {
    node.die();
    dead = &node;
  }
  // Mines until the host's status, which is null as long as there is none, is as is wanted.
  template <class Wanted>
  json::object mine_until(Running& running, const Wanted& wanted) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (std::chrono::steady_clock::now() < end && !running.ended()) {
      mine();
      const Ended told = space.run({"status", "--json"});
      if (told.code != 0) continue;
      json::object status = json::parse(told.out).as_object();
      if (wanted(status)) return status;
    }
    FAIL("the host did not come to what was waited for: " << space.run({"status"}).out);
    return {};
  }
  Ended stop(Running& running) {
    CHECK(space.run({"stop"}).code == 0);
    return running.wait();
  }
  // Asks for something, and mines until it is done.
  Ended ask_while_mining(const std::vector<std::string>& words) {
    Running asked = space.start(words);
    while (!asked.ended()) mine();
    return asked.wait();
  }

  std::vector<std::unique_ptr<Node>> nodes;
  Node* dead = nullptr;
  std::mt19937_64 random{11};
  Workspace space;
};

std::string text(const json::value& value) { return json::value_to<std::string>(value); }
std::uint64_t number(const json::value& value) { return value.to_number<std::uint64_t>(); }

const json::object& chain_of(const json::object& status, const std::string& name) {
  for (const json::value& chain : status.at("chains").as_array()) {
    if (text(chain.at("name")) == name) return chain.as_object();
  }
  FAIL("status has no chain " << name);
  return status;
}

bool all_have(const json::object& status, std::uint64_t snapshots) {
  const auto* chains = status.if_contains("chains");
  if (chains == nullptr) return false;
  return std::ranges::all_of(chains->as_array(), [&](const json::value& chain) {
    return number(chain.at("snapshots")) >= snapshots;
  });
}

// What the text of a run of several chains has between a chain's heading and the next one's.
std::string part_of(const std::string& out, const std::string& heading,
                    const std::string& next_heading) {
  const std::size_t begin = out.find(heading + "\n\n");
  REQUIRE(begin != std::string::npos);
  const std::size_t from = begin + heading.size() + 2;
  if (next_heading.empty()) return out.substr(from);
  const std::size_t end = out.find("\n" + next_heading, from);
  REQUIRE(end != std::string::npos);
  return out.substr(from, end - from);
}

}  // namespace

TEST_CASE("three chains are followed and reported beside each other, each with its own plugins") {
  Chains chains(3);
  chains.space.edit("gantry.toml", "[live]\n", "[live]\nstatistics_every_s = 1\n");
  Running running =
      chains.space.start({"run", "--blocks", "40", "--json", "--no-timings", "--log-format=json"});
  while (!running.ended()) {
    chains.mine();
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const Ended ended = running.wait();
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const json::object told = json::parse(ended.out).as_object();
  CHECK(told.at("schema") == "gantry.runs/1");
  const json::array& all = told.at("chains").as_array();
  REQUIRE(all.size() == 3);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const Node& node = *chains.nodes[i];
    const json::object& chain = all[i].as_object();
    CHECK(text(chain.at("chain")) == node.id);
    CHECK(chain.at("error").is_null());
    const json::value& report = chain.at("report");
    CHECK(report.at("schema") == "gantry.run/1");
    CHECK(text(report.at("market").at("chain")) == node.id);
    CHECK(report.at("market").at("snapshots") == 40);
    CHECK(report.at("market").at("pools") == 2);
    CHECK(number(report.at("opportunities").at("sightings")) > 0);
    const json::array& plugins = report.at("plugins").as_array();
    REQUIRE(plugins.size() == 2);
    CHECK(text(plugins[0].at("instance")) == "uniswap_v2_" + node.name);
    CHECK(text(plugins[1].at("instance")) == "triangular_" + node.name);
    // Its lines of the log name it.
    CHECK(has(ended.err, fmt::format("\"message\":\"{}: following {} live, as a dry run\","
                                     "\"chain\":\"{}\"",
                                     node.name, node.id, node.name)));
    CHECK(has(ended.err, fmt::format("\"message\":\"{}: providers: local ready, ", node.name)));
  }
}

TEST_CASE("one chain's providers die and the others go on; status says which is HALTED") {
  Chains chains(2);
  Running running = chains.space.start({"run", "--json", "--no-timings"});
  json::object status = chains.mine_until(running, [](const auto& s) { return all_have(s, 3); });
  REQUIRE(status.at("chains").as_array().size() == 2);
  for (const auto& node : chains.nodes) {
    const json::object& chain = chain_of(status, node->name);
    CHECK(text(chain.at("chain")) == node->id);
    CHECK(chain.at("state") == "following");
    CHECK(number(chain.at("fetched_block")) > 0);
    CHECK(number(chain.at("block_age_s")) < 3600);
    REQUIRE(chain.at("providers").as_array().size() == 1);
    const json::value& provider = chain.at("providers").as_array().front();
    CHECK(provider.at("name") == "local");
    CHECK(provider.at("state") == "ready");
    CHECK(number(provider.at("answers")) > 3);
    CHECK(provider.at("latency_ms").at("p99").as_double() > 0);
  }
  const Ended shown = chains.space.run({"status"});
  CHECK(has(shown.out, "  first          following, block "));
  CHECK(has(shown.out, "  second         following, block "));
  CHECK(has(shown.out, "    local        ready, "));

  chains.kill(*chains.nodes[0]);
  status = chains.mine_until(
      running, [](const auto& s) { return chain_of(s, "first").at("state") == "HALTED"; });
  CHECK_FALSE(text(chain_of(status, "first").at("trouble")).empty());
  const json::value& down = chain_of(status, "first").at("providers").as_array().front();
  CHECK(down.at("state") == "down");
  CHECK_FALSE(down.at("failures").as_object().empty());
  CHECK_FALSE(text(down.at("reason")).empty());
  const auto before = number(chain_of(status, "second").at("snapshots"));
  chains.mine_until(running, [&](const auto& s) {
    return number(chain_of(s, "second").at("snapshots")) >= before + 5;
  });
  CHECK(has(chains.space.run({"status"}).out, "  first          HALTED, block "));

  const Ended ended = chains.stop(running);
  INFO(ended.err);
  CHECK(ended.code == 0);
  const json::array all = json::parse(ended.out).at("chains").as_array();
  CHECK(number(all[0].at("report").at("market").at("snapshots")) >= 3);
  CHECK(number(all[1].at("report").at("market").at("snapshots")) >= before + 5);
}

TEST_CASE("what two chains lose together, and neither alone, halts both until it is resumed") {
  Chains chains(2);
  const auto now_s = static_cast<std::uint64_t>(host::cli::unix_now_s());
  const auto store = host::RiskStore::open(chains.space / "home/.local/state/gantry/risk");
  REQUIRE(store.has_value());
  // An earlier run today lost 36,000 dollars on each; 50,000 are the limit.
  for (const auto& node : chains.nodes) {
    host::RiskBook book({}, node->id, true);
    (void)book.begin_group(now_s);
    for (int i = 0; i < 4; ++i) book.closed({{}, false, false, u256(), 9'000'000'000, u256(), 0});
    REQUIRE(book.tripped().empty());
    REQUIRE(store->write(node->id, book.text()));
  }
  Running running = chains.space.start({"run"});
  const json::object status =
      chains.mine_until(running, [](const auto& s) { return all_have(s, 2); });
  for (const auto& node : chains.nodes) {
    const json::object& chain = chain_of(status, node->name);
    CHECK(chain.at("trading") == "HALTED");
    REQUIRE(chain.at("breakers").as_array().size() == 1);
    CHECK(text(chain.at("breakers").as_array().front().at("summary")) ==
          "HALTED: daily_loss_usd of total: 72000 USD, limit 50000");
  }
  CHECK(chains.space.run({"resume"}).code == 0);
  chains.mine_until(running, [&](const auto& s) {
    return std::ranges::all_of(chains.nodes, [&](const auto& node) {
      return chain_of(s, node->name).at("trading") == "ACTIVE";
    });
  });
  CHECK(chains.stop(running).code == 0);
}

TEST_CASE("a chain that never answers is reported as failed, and the exit code is the worst") {
  Chains chains(2);
  chains.kill(*chains.nodes[1]);
  Running running = chains.space.start({"run", "--no-timings"});
  chains.mine_until(running, [](const auto& s) {
    return number(chain_of(s, "first").at("snapshots")) >= 3 &&
           number(chain_of(s, "second").at("snapshots")) == 0;
  });
  running.signal(SIGINT);
  const Ended ended = running.wait();
  INFO(ended.err);
  CHECK(ended.code == 1);
  CHECK(has(ended.out, "== first (eip155:31337) ==\n\nMarket  first (eip155:31337), blocks "));
  CHECK(has(ended.out, "\n== second (eip155:31338) ==\n\n  there is no report: it was stopped"));
  CHECK(has(ended.err, "gantry: second: it was stopped before the first block"));
}

TEST_CASE(
    "a chain without keys is left out by name, and none left is an error that says what to set") {
  Chains chains(2, true);
  chains.space.variables.erase("URL_second");
  Running running = chains.space.start({"run", "--blocks", "3", "--json", "--no-timings"});
  while (!running.ended()) chains.mine();
  const Ended ended = running.wait();
  INFO(ended.err);
  CHECK(ended.code == 0);
  CHECK(has(ended.err,
            "second (eip155:31338) is left out, for none of its providers can be asked: set one of "
            "URL_second"));
  // What is left is one chain, and is reported as one.
  CHECK(json::parse(ended.out).at("market").at("chain") == "eip155:31337");

  const Ended named = chains.space.run({"run", "--chain", "first", "--chain", "second"});
  CHECK(named.code == 2);
  CHECK(has(named.err, "none of the providers of second can be asked: set one of URL_second"));

  chains.space.variables.erase("URL_first");
  const Ended none = chains.space.run({"run"});
  CHECK(none.code == 2);
  CHECK(has(none.err,
            "there is no chain to follow, for none of the providers of first, second can be asked: "
            "set one of URL_first, URL_second"));
  const Ended drawn = chains.space.run({"graph"});
  CHECK(has(drawn.out, "first: mailbox triangular_first"));
  CHECK(drawn.out.find("first: end") < drawn.out.find("second: feed"));
  const Ended picture = chains.space.run({"graph", "--format", "dot"});
  CHECK(has(picture.out, "second: mailbox triangular_second"));
}

TEST_CASE("the chains that are named, and those that are enabled, are those that are followed") {
  Chains chains(3);
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> words = {"run", "--blocks", "2", "--json", "--no-timings"};
    words.insert(words.end(), more.begin(), more.end());
    const Ended ended = chains.ask_while_mining(words);
    INFO(ended.err);
    CHECK(ended.code == 0);
    return json::parse(ended.out);
  };
  const json::value two = run({"--chain", "third", "--chain", "31337"});
  REQUIRE(two.at("chains").as_array().size() == 2);
  CHECK(two.at("chains").as_array()[0].at("name") == "first");
  CHECK(two.at("chains").as_array()[1].at("name") == "third");
  CHECK(run({"--chain", "second"}).at("market").at("chain") == "eip155:31338");
  CHECK(chains.space.run({"run", "--chain", "fourth"}).code == 2);

  for (const char* off : {"first", "third"}) {
    chains.space.edit("gantry.toml", fmt::format("name = \"{}\"\n", off),
                      fmt::format("name = \"{}\"\nenabled = false\n", off));
  }
  CHECK(run({}).at("market").at("chain") == "eip155:31338");
  const Ended off = chains.space.run({"run", "--chain", "first"});
  CHECK(off.code == 2);
  CHECK(has(off.err, "first has enabled = false"));
}

TEST_CASE("each of two chains is recorded, and its replay prints its part of the run to the byte") {
  Chains chains(2);
  const std::string file = (chains.space / "chains.gantry").string();
  const Ended ended =
      chains.ask_while_mining({"record", "--out", file, "--blocks", "15", "--no-timings"});
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  CHECK_FALSE(std::filesystem::exists(file));
  const std::string headings[] = {"== first (eip155:31337) ==", "== second (eip155:31338) =="};
  for (std::size_t i = 0; i < 2; ++i) {
    const std::string own =
        (chains.space / fmt::format("chains.{}.gantry", chains.nodes[i]->name)).string();
    const Ended replay = chains.space.run({"replay", own, "--no-timings"});
    INFO(replay.err);
    CHECK(replay.code == 0);
    CHECK(replay.out == part_of(ended.out, headings[i], i == 0 ? headings[1] : ""));
    CHECK(has(replay.out, "15 snapshots"));
  }
  // A file that is no recording is not written over, whichever chain's it would be.
  host::tests::write_text(chains.space / "chains.second.gantry", "a letter");
  const Ended refused = chains.space.run({"record", "--out", file, "--blocks", "2"});
  CHECK(refused.code != 0);
  CHECK(read_text(chains.space / "chains.second.gantry") == "a letter");
}

TEST_CASE("a reload changes all chains or none, and replays obey it") {
  Chains chains(2);
  const std::string file = (chains.space / "changed.gantry").string();
  Running running = chains.space.start({"run", "--record", file, "--json", "--no-timings"});
  chains.mine_until(running, [](const auto& s) { return all_have(s, 3); });
  const std::string good = read_text(chains.space / "config/strategies.toml");
  const auto last = [&] {
    return text(json::parse(chains.space.run({"status", "--json"}).out).at("last_change"));
  };

  // The files are watched: what the second chain's street refuses, the first's does not do either.
  const std::string both =
      good + "[strategies.more_first]\nplugin = \"triangular\"\nchain = \"eip155:31337\"\n";
  host::tests::write_text(chains.space / "config/strategies.toml",
                          both + "[strategies.nobody]\nchain = \"eip155:31338\"\n");
  const Ended refused = chains.ask_while_mining({"reload"});
  INFO(refused.out << refused.err);
  CHECK(refused.code == 3);
  CHECK(has(refused.out, "rolled back\n"));
  CHECK(has(refused.out, "  not possible: second: strategy nobody: named but not installed"));
  CHECK(has(last(), "rolled back"));

  const std::string more =
      both + "[strategies.more_second]\nplugin = \"triangular\"\nchain = \"eip155:31338\"\n";
  host::tests::write_text(chains.space / "config/strategies.toml", more);
  chains.mine_until(running, [&](const auto& s) {
    return has(text(s.at("last_change")), "strategy more_second: enable");
  });
  CHECK(last().starts_with("changed; first from snapshot "));
  CHECK(has(last(), " on: strategy more_first: enable"));
  CHECK(has(last(), "; second from snapshot "));
  CHECK(chains.space.run({"reload"}).out == "nothing to change\n");

  // A chain that stands still holds up none that it does not concern, and learns of it later.
  const auto count = [](const json::object& s, const char* name) {
    return number(chain_of(s, name).at("snapshots"));
  };
  const json::object now = json::parse(chains.space.run({"status", "--json"}).out).as_object();
  chains.mine_until(running, [&](const auto& s) {
    return count(s, "first") >= count(now, "first") + 3 &&
           count(s, "second") >= count(now, "second") + 3;
  });
  const Ended ended = chains.stop(running);
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  const json::array all = json::parse(ended.out).at("chains").as_array();
  for (std::size_t i = 0; i < 2; ++i) {
    const json::value& report = all[i].at("report");
    REQUIRE(report.at("changes").at("count") == 1);
    CHECK(report.at("plugins").as_array().size() == 3);
    host::tests::write_text(chains.space / "config/strategies.toml", good);
    const std::string own =
        (chains.space / fmt::format("changed.{}.gantry", chains.nodes[i]->name)).string();
    const Ended replay = chains.space.run({"replay", own, "--json", "--no-timings"});
    INFO(replay.err);
    CHECK(replay.code == 0);
    CHECK(json::parse(replay.out) == report);
  }
}

TEST_CASE("a chain that stands still keeps no other from being changed") {
  Chains chains(2);
  chains.kill(*chains.nodes[0]);
  Running running = chains.space.start({"run", "--json", "--no-timings"});
  chains.mine_until(
      running, [](const auto& s) { return number(chain_of(s, "second").at("snapshots")) > 2; });
  chains.space.append("strategies.toml",
                      "[strategies.more]\nplugin = \"triangular\"\nchain = \"eip155:31338\"\n");
  chains.mine_until(running, [](const auto& s) {
    return has(text(s.at("last_change")), " on: strategy more: enable");
  });
  chains.space.append("strategies.toml",
                      "[strategies.late]\nplugin = \"triangular\"\nchain = \"eip155:31337\"\n");
  const Ended refused = chains.ask_while_mining({"reload"});
  CHECK(refused.code == 3);
  CHECK(has(refused.out, "  not possible: first: no block of the chain was read yet"));
  CHECK(chains.stop(running).code == 1);
}

TEST_CASE(
    "a change that a chain brings no block for waits, and holds up nobody who does not wait") {
  LiveScene scene(1);
  const TemporaryFolder store;
  host::Configuration configuration = scene.configuration();
  host::Plugins plugins = host::make_plugins(configuration, store / "store");
  auto feed = host::LiveFeed::open(configuration.chains.front(), configuration.live, plugins.venues,
                                   scene.providers());
  REQUIRE(feed.has_value());
  host::StreetOptions options;
  options.live = *feed;
  options.pace = host::Pace::live;
  host::Street street(configuration, std::move(plugins), options);
  std::optional<host::Result<host::RunReport>> report;
  std::thread runs([&] { report.emplace(street.run()); });
  while (street.status().snapshots == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));

  auto without = std::make_shared<host::Configuration>(configuration);
  without->strategies.front().enabled = false;
  const auto prepared = street.prepare(without);
  CHECK((prepared.has_value() && prepared->size() == 1));
  street.commit();
  auto carried = street.carried(std::chrono::steady_clock::now() + std::chrono::milliseconds(50));
  CHECK((carried.has_value() && !carried->has_value()));
  // Until it has been, there is no other.
  const auto second = street.prepare(std::make_shared<const host::Configuration>(configuration));
  REQUIRE_FALSE(second.has_value());
  CHECK(second.error().message.contains("still waits for the chain's next block"));
  CHECK_FALSE(street.plan(configuration).refused.empty());
  // What wants nothing else of it need not wait.
  const auto same = street.prepare(without);
  CHECK((same.has_value() && same->empty()));
  CHECK(street.plan(*without).refused.empty());
  CHECK(street.drain().waiting == 1);

  std::mt19937_64 random(3);
  scene.mine_random(random);
  carried = street.carried(std::chrono::steady_clock::time_point::max());
  CHECK((carried.has_value() && carried->has_value() && (*carried)->done == *prepared));
  street.request_stop();
  runs.join();
  REQUIRE((report.has_value() && report->has_value()));
  CHECK((*report)->changes_count == 1);
}

}  // namespace gantry::test

#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "program.hpp"
#include "support/rpc_server.hpp"
#include "support/temporary_folder.hpp"
#include "support/ws_server.hpp"

using namespace gantry::host::tests;
using gantry::test::RpcChain;
using gantry::test::RpcFault;
using gantry::test::RpcServer;
using gantry::test::TemporaryFolder;
using gantry::test::write_self_signed_certificate;
using gantry::test::WsFault;
using gantry::test::WsServer;
namespace json = boost::json;

TEST_CASE(
    "doctor --online says of each provider how fast, how far behind, of which chain and what "
    "is wrong") {
  RpcChain ethereum(1);
  RpcChain polygon(137);
  RpcServer good(ethereum);
  RpcServer late(ethereum);
  RpcServer foreign(polygon);
  RpcServer dead(ethereum);
  late.fail(RpcFault::old_block);
  dead.die();
  Workspace space;
  std::string providers;
  for (const auto& [name, server] : {std::pair{"good", &good}, std::pair{"late", &late},
                                     std::pair{"foreign", &foreign}, std::pair{"dead", &dead}}) {
    providers += "[[chain.provider]]\nname = \"" + std::string(name) + "\"\nurl = \"" +
                 server->origin() + "/${GANTRY_TEST_KEY}\"\n";
  }
  space.variables["GANTRY_TEST_KEY"] = "s3cret-0123456789";
  space.edit("gantry.toml", "# [[chain.provider]]", providers + "#");
  const Ended ended = space.run({"doctor", "--online", "--json"});
  CHECK(ended.code == 3);
  CHECK(ended.out.find("s3cret") == std::string::npos);
  const json::value all = json::parse(ended.out);
  const auto row = [&](const std::string& name) {
    const auto& checks = all.at("checks").as_array();
    const auto found = std::ranges::find_if(checks, [&](const json::value& check) {
      return check.at("check").as_string() == "provider " + name;
    });
    REQUIRE(found != checks.end());
    return found->as_object();
  };
  CHECK(row("good").at("verdict") == "ok");
  CHECK(row("good").at("facts").at("chain") == "eip155:1");
  CHECK(row("good").at("facts").at("head") == ethereum.head());
  CHECK(row("good").at("facts").at("latency_ms").at("p99").as_double() > 0);
  CHECK(row("late").at("verdict") == "warn");
  CHECK(row("late").at("facts").at("lag_blocks") == 50);
  CHECK(row("foreign").at("verdict") == "fail");
  CHECK(
      std::string(row("foreign").at("detail").as_string()).find("is of eip155:137, not eip155:1") !=
      std::string::npos);
  CHECK(row("dead").at("verdict") == "fail");
  CHECK(std::string(row("dead").at("detail").as_string()).find("no connection") !=
        std::string::npos);
}

namespace {

const char* const key = "s3cret-0123456789";

// A configuration without a recording: a run follows chains.
class LiveSpace : public Workspace {
 public:
  LiveSpace() { edit("gantry.toml", "recording = ", "# recording = "); }
  // `url` may hold ${GANTRY_TEST_KEY}.
  void add(const std::string& name, const std::string& url) {
    providers_ += "[[chain.provider]]\nname = \"" + name + "\"\nurl = \"" + url + "\"\n";
  }
  // To be called once, when all are added.
  void write() { edit("gantry.toml", "# [[chain.provider]]", providers_ + "#"); }

  Ended doctor(std::vector<std::string> more = {"--online", "--json"}) const {
    more.insert(more.begin(), "doctor");
    Ended ended = run(more);
    CHECK(ended.out.find("s3cret") == std::string::npos);
    CHECK(ended.err.find("s3cret") == std::string::npos);
    return ended;
  }

 private:
  std::string providers_;
};

std::vector<json::object> rows_of(const Ended& ended, const std::string& name) {
  std::vector<json::object> rows;
  const json::value all = json::parse(ended.out);
  for (const json::value& check : all.at("checks").as_array()) {
    if (check.at("check").as_string() == name) rows.push_back(check.as_object());
  }
  return rows;
}

json::object row_of(const Ended& ended, const std::string& name) {
  const auto rows = rows_of(ended, name);
  INFO(ended.out);
  REQUIRE(rows.size() == 1);
  return rows.front();
}

std::string detail_of(const json::object& row) { return std::string(row.at("detail").as_string()); }

}  // namespace

TEST_CASE("doctor --online says what to do about a provider that cannot be reached or refuses") {
  RpcChain ethereum(1);
  RpcServer dead(ethereum);
  RpcServer refusing(ethereum);
  dead.die();
  refusing.fail(RpcFault::key_refused);
  LiveSpace space;
  space.add("dead", dead.origin());
  space.add("nameless", "http://node.invalid:8545");
  space.add("refusing", refusing.origin() + "/${GANTRY_TEST_KEY}");
  space.variables["GANTRY_TEST_KEY"] = key;
  space.write();
  const Ended ended = space.doctor();
  CHECK(ended.code == 3);
  const auto ends = [&](const std::string& name, const std::string& words) {
    const auto row = row_of(ended, "provider " + name);
    CHECK(row.at("verdict") == "fail");
    CAPTURE(detail_of(row));
    CHECK(detail_of(row).ends_with(words));
  };
  ends("dead", ": no connection. Correct the host and port in its url, or start the server there");
  ends("nameless",
       ": its host has no address. Correct the host in its url, or this machine's name servers");
  ends("refusing",
       ": refuses the key (HTTP status 401). Correct the key in its url, or see whether its plan "
       "is paid for and has this chain");
}

TEST_CASE("doctor is content where each chain has one provider with its key, and warns of others") {
  RpcChain ethereum(1);
  RpcServer good(ethereum);
  LiveSpace space;
  space.add("mine", good.origin() + "/${GANTRY_TEST_KEY}");
  space.add("other", "https://127.0.0.1:1/${GANTRY_OTHER_KEY}");
  space.add("third", "${GANTRY_THIRD_URL}");
  space.write();
  space.variables["GANTRY_TEST_KEY"] = key;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--json"}, {"--online", "--json"}}) {
    const Ended ended = space.doctor(words);
    INFO(ended.out);
    CHECK(ended.code == 0);
    CHECK(row_of(ended, "provider mine").at("verdict") == "ok");
    CHECK(row_of(ended, "providers of eip155:1").at("verdict") == "warn");
    CHECK(detail_of(row_of(ended, "providers of eip155:1")) ==
          "not configured, for these are not set: other (GANTRY_OTHER_KEY), third "
          "(GANTRY_THIRD_URL)");
    CHECK(rows_of(ended, "provider other").empty());
    CHECK(row_of(ended, "variable GANTRY_TEST_KEY").at("verdict") == "ok");
    CHECK(detail_of(row_of(ended, "live chains")) == "ethereum: a provider of each is configured");
  }
  // A provider that is configured and does not answer is no such thing.
  good.die();
  const Ended dead = space.doctor();
  CHECK(dead.code == 3);
  CHECK(row_of(dead, "provider mine").at("verdict") == "fail");
  CHECK(detail_of(row_of(dead, "chain eip155:1")).starts_with("HALTED: "));
  // And without any key there is nothing to follow.
  space.variables.erase("GANTRY_TEST_KEY");
  const Ended none = space.doctor({"--json"});
  CHECK(none.code == 3);
  CHECK(detail_of(row_of(none, "providers of eip155:1")).find("mine (GANTRY_TEST_KEY), ") !=
        std::string::npos);
  CHECK(row_of(none, "live chains").at("verdict") == "fail");
  CHECK(detail_of(row_of(none, "live chains")).find("set one of GANTRY_TEST_KEY, ") !=
        std::string::npos);
}

TEST_CASE("the shipped configuration for live chains is well with one provider's key") {
  const std::string config = GANTRY_SOURCE "/config/live";
  Workspace space;
  space.names_config = false;
  space.variables["ALCHEMY_API_KEY"] = key;
  // Plugins of this build, not of the release that the file names.
  const auto told = [&] {
    return space.run({"--config", config, "--plugins", GANTRY_PLUGINS, "doctor", "--json"});
  };
  const Ended ended = told();
  INFO(ended.out);
  CHECK(ended.code == 0);
  CHECK(ended.out.find("s3cret") == std::string::npos);
  CHECK(rows_of(ended, "provider alchemy").size() >= 5);
  for (const json::object& row : rows_of(ended, "provider alchemy")) {
    CHECK(row.at("verdict") == "ok");
  }
  CHECK(rows_of(ended, "provider infura").empty());
  const json::object others = row_of(ended, "providers of eip155:1");
  CHECK(others.at("verdict") == "warn");
  CHECK(detail_of(others).find("infura (INFURA_API_KEY), ") != std::string::npos);
  // Those of whose providers none has its key are left out, which is said.
  const auto live = rows_of(ended, "live chains");
  REQUIRE_FALSE(live.empty());
  CHECK(live.front().at("verdict") == "ok");
  for (std::size_t i = 1; i < live.size(); ++i) {
    CHECK(live[i].at("verdict") == "warn");
    CHECK(detail_of(live[i]).find("is left out") != std::string::npos);
  }
  space.variables.erase("ALCHEMY_API_KEY");
  const Ended none = told();
  CHECK(none.code == 3);
  CHECK(row_of(none, "live chains").at("verdict") == "fail");
}

TEST_CASE("doctor asks a chain that is not enabled nothing, and wants no key of it") {
  LiveSpace space;
  space.add("mine", "http://127.0.0.1:1/${GANTRY_TEST_KEY}");
  space.write();
  space.edit("gantry.toml", "enabled = true", "enabled = false");
  const Ended ended = space.doctor();
  INFO(ended.out);
  CHECK(rows_of(ended, "provider mine").empty());
  CHECK(rows_of(ended, "variable GANTRY_TEST_KEY").empty());
  CHECK(detail_of(row_of(ended, "providers of eip155:1")) ==
        "not asked, for the chain has enabled = false");
}

TEST_CASE("doctor --online finds who answers its checks and refuses reads") {
  RpcChain ethereum(1);
  RpcServer good(ethereum);
  RpcServer bare(ethereum);
  RpcServer ill(ethereum);
  RpcServer odd(ethereum);
  bare.fail(RpcFault::no_read_methods);
  ill.fail(RpcFault::calls_fail);
  odd.fail(RpcFault::logs_of_bad_topics);
  LiveSpace space;
  space.variables["GANTRY_TEST_KEY"] = key;
  for (const auto& [name, server] : {std::pair{"good", &good}, std::pair{"bare", &bare},
                                     std::pair{"ill", &ill}, std::pair{"odd", &odd}}) {
    space.add(name, server->origin() + "/${GANTRY_TEST_KEY}");
  }
  space.write();
  const Ended ended = space.doctor();
  INFO(ended.out);
  CHECK(ended.code == 3);
  CHECK(row_of(ended, "provider good").at("verdict") == "ok");
  const auto refuses = [&](const std::string& name, const std::string& words) {
    const json::object row = row_of(ended, "provider " + name);
    CHECK(row.at("verdict") == "fail");
    CHECK_THAT(detail_of(row), Catch::Contains("answers for eip155:1") && Catch::Contains(words) &&
                                   Catch::Contains("it can serve no reads"));
  };
  refuses("bare", "but it refuses eth_call: 'the method is not available' (-32601)");
  refuses("ill", "but it refuses eth_call: 'Temporary internal error. Please retry' (-32000)");
  refuses("odd", "answers eth_getLogs with a log with a topic that is no 32 bytes");
}

TEST_CASE("doctor --online asks WebSockets for their chain and a subscription, and leaves again") {
  RpcChain ethereum(1);
  RpcServer http(ethereum);
  WsServer socket(ethereum);
  LiveSpace space;
  space.variables["GANTRY_TEST_KEY"] = key;
  space.add("reads", http.origin() + "/${GANTRY_TEST_KEY}");
  space.add("heads", socket.origin() + "/${GANTRY_TEST_KEY}");
  space.write();
  const Ended offline = space.doctor({"--json"});
  CHECK(offline.code == 0);
  CHECK(socket.connections() == 0);
  CHECK(detail_of(row_of(offline, "provider heads")) == "of ethereum: not asked: use --online");

  const Ended ended = space.doctor();
  INFO(ended.out);
  CHECK(ended.code == 0);
  const json::object row = row_of(ended, "provider heads");
  CHECK(row.at("verdict") == "ok");
  CHECK_THAT(detail_of(row), Catch::StartsWith(socket.origin() + ": takes a subscription to new "
                                                                 "heads of eip155:1, in "));
  const json::object& facts = row.at("facts").as_object();
  CHECK(facts.at("chain") == "eip155:1");
  CHECK(facts.at("state") == "ready");
  CHECK(facts.at("websocket") == true);
  CHECK(facts.at("connect_ms").as_double() > 0);
  CHECK(facts.at("subscribe_ms").as_double() >= facts.at("connect_ms").as_double());
  CHECK(socket.connections() == 1);
  CHECK(socket.goodbyes() == 1);
  CHECK(socket.subscribers() == 0);
}

TEST_CASE("doctor --online says of each WebSocket that is no good what is wrong with it") {
  struct Case {
    WsFault fault;
    std::string words;
  };
  const auto one = GENERATE(
      values<Case>({{WsFault::http_401, "401"},
                    {WsFault::http_404, "404"},
                    {WsFault::http_429, "429"},
                    {WsFault::http_503, "503"},
                    {WsFault::http_200, "200"},
                    {WsFault::no_http, ""},
                    {WsFault::hangs_up, ""},
                    {WsFault::wrong_accept, ""},
                    {WsFault::refuses, "it refuses the subscription: 'no eth_subscribe"},
                    {WsFault::other_chain, "it is of chain 56, not of eip155:1: correct the url"},
                    {WsFault::wrong_ids, "it answers what was not asked"},
                    {WsFault::no_answer, "it does not answer the subscription"}}));
  CAPTURE(static_cast<int>(one.fault), one.words);
  RpcChain ethereum(1);
  RpcServer http(ethereum);
  WsServer socket(ethereum);
  socket.fail(one.fault);
  LiveSpace space;
  space.variables["GANTRY_TEST_KEY"] = std::string(WsServer::key);
  space.add("reads", http.origin() + "/v2/${GANTRY_TEST_KEY}");
  space.add("heads", socket.origin() + "/v2/${GANTRY_TEST_KEY}");
  space.write();
  const Ended ended = space.doctor();
  INFO(ended.out);
  CHECK(ended.code == 3);
  CHECK(row_of(ended, "provider reads").at("verdict") == "ok");
  const json::object row = row_of(ended, "provider heads");
  CHECK(row.at("verdict") == "fail");
  CHECK_THAT(detail_of(row), Catch::StartsWith(socket.origin()) && Catch::Contains(one.words));
  CHECK(row.at("facts").at("state") == "down");
}

TEST_CASE("doctor --online names what is wrong with a WebSocket's TLS") {
  const TemporaryFolder folder;
  const std::string certificate = (folder.path() / "own.pem").string();
  write_self_signed_certificate(certificate);
  RpcChain ethereum(1);
  RpcServer http(ethereum);
  WsServer secure(ethereum, certificate);
  WsServer plain(ethereum);
  WsServer dead(ethereum);
  dead.die();
  LiveSpace space;
  space.variables["GANTRY_TEST_KEY"] = key;
  space.add("reads", http.origin() + "/${GANTRY_TEST_KEY}");
  space.add("secure", secure.origin() + "/${GANTRY_TEST_KEY}");
  space.add("plain", "wss" + plain.origin().substr(2) + "/${GANTRY_TEST_KEY}");
  space.add("dead", dead.origin() + "/${GANTRY_TEST_KEY}");
  space.write();
  const Ended ended = space.doctor();
  INFO(ended.out);
  CHECK(ended.code == 3);
  CHECK(row_of(ended, "provider reads").at("verdict") == "ok");
  CHECK_THAT(detail_of(row_of(ended, "provider secure")), Catch::Contains("self-signed"));
  CHECK_THAT(detail_of(row_of(ended, "provider plain")), Catch::Contains("TLS"));
  CHECK_THAT(detail_of(row_of(ended, "provider dead")),
             Catch::Contains("the connection was refused"));
  for (const char* name : {"secure", "plain", "dead"}) {
    CHECK(row_of(ended, std::string("provider ") + name).at("verdict") == "fail");
  }
  // With who vouches for it, it is as good as a plain one.
  space.variables["SSL_CERT_FILE"] = certificate;
  const Ended trusted = space.doctor();
  CHECK(row_of(trusted, "provider secure").at("verdict") == "ok");
}

TEST_CASE("a chain of whose providers all speak WebSocket cannot be followed, and doctor says so") {
  RpcChain ethereum(1);
  WsServer socket(ethereum);
  LiveSpace space;
  space.variables["GANTRY_TEST_KEY"] = key;
  space.add("heads", socket.origin() + "/${GANTRY_TEST_KEY}");
  space.write();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"--json"}, {"--online", "--json"}}) {
    const Ended ended = space.doctor(words);
    INFO(ended.out);
    CHECK(ended.code == 3);
    CHECK(row_of(ended, "provider heads").at("verdict") == "ok");
    CHECK_THAT(detail_of(row_of(ended, "chain eip155:1")),
               Catch::StartsWith("no provider of it can be asked, for a WebSocket tells of"));
  }
}

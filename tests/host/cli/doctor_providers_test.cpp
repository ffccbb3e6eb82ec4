#include <algorithm>
#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "program.hpp"
#include "support/rpc_server.hpp"

using namespace gantry::host::tests;
using gantry::test::RpcChain;
using gantry::test::RpcFault;
using gantry::test::RpcServer;
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

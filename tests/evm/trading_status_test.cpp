// What a run that trades tells of itself, and what its picture shows.
#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <thread>

#include "evm/integer_words.hpp"
#include "evm/trading_scene.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::tests::Ended;
using host::tests::has;
using host::tests::Running;

std::uint64_t number(const json::object& object, std::string_view key) {
  return object.at(key).to_number<std::uint64_t>();
}

}  // namespace

TEST_CASE("status tells what is under way, what became of the rest, what is held, and the times") {
  TradingScene scene(53);
  Running running = scene.start({});
  json::object told;
  // A trade that was sent waits for the next block while nobody makes one.
  const auto is_all_there = [&] {
    const Ended status = scene.space.run({"status", "--json"});
    if (status.code != 0) return false;
    const json::value said = json::parse(status.out);
    const json::value* execution = said.as_object().if_contains("execution");
    if (execution == nullptr) return false;
    told = execution->as_object();
    return number(told, "in_flight") > 0 && number(told, "filled") >= 2 &&
           !told.at("not_sent").as_object().empty();
  };
  bool there = false;
  for (int block = 0; block < 300 && !there && !running.ended(); ++block) {
    scene.market.trade(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    there = is_all_there();
  }
  REQUIRE(there);
  CHECK(text_of(told.at("executor")) == scene.executor.address());
  CHECK(told.contains("waiting"));
  CHECK(told.contains("failed"));
  for (const char* step : {"build", "sign", "bytes in to signed", "simulate", "bytes in to sent"}) {
    INFO(step);
    const json::object& time = told.at("times").at(step).as_object();
    CHECK(number(time, "count") >= number(told, "filled"));
    CHECK(number(time, "p50_ns") > 0);
    CHECK(number(time, "p99_ns") >= number(time, "p50_ns"));
  }
  std::size_t known = 0;
  for (const json::value& balance : told.at("balances").as_array()) {
    const std::string token = text_of(balance.at("token"));
    CHECK(Integer(text_of(balance.at("amount"))) ==
          scene.executor.balance(token, scene.executor.address()));
    ++known;
  }
  CHECK(known > 0);

  // The same for people.
  const Ended status = scene.space.run({"status"});
  INFO(status.out);
  CHECK(status.code == 0);
  CHECK(has(status.out, " under way, "));
  CHECK(has(status.out, " waiting; "));
  CHECK(has(status.out, " filled, "));
  CHECK(has(status.out, "    executor     " + scene.executor.address()));
  CHECK(has(status.out, "    holds        "));
  CHECK(has(status.out, "    bytes in to sent   median "));
  for (const auto& reason : told.at("not_sent").as_object()) {
    CHECK(has(status.out, std::string(reason.key())));
  }
  CHECK_FALSE(has(status.out, "{"));
  running.signal(SIGINT);
  scene.mine(20);
  CHECK(running.wait().code == 0);
}

TEST_CASE("the picture of a configuration that can trade shows what a run has beside the graph") {
  TradingScene scene(59);
  const Ended drawn = scene.space.run({"graph"});
  INFO(drawn.out);
  CHECK(drawn.code == 0);
  for (const char* line :
       {"\n  ↓ orders\n", "\norders ", "\n  ↓ send\n", "\n  ↓ confirm\n", "\n  ↑ back to risk\n"}) {
    INFO(line);
    CHECK(has(drawn.out, line));
  }
  CHECK(has(drawn.out, "transaction"));
  CHECK_FALSE(has(drawn.out, "dry run"));
  for (const char* format : {"dot", "svg"}) {
    const Ended picture = scene.space.run({"graph", "--format", format});
    CHECK(picture.code == 0);
    CHECK(has(picture.out, "confirm"));
  }
  scene.space.edit("gantry.toml", "executor = \"" + scene.executor.address() + "\"\n", "");
  const Ended without = scene.space.run({"graph"});
  CHECK(without.code == 0);
  CHECK_FALSE(has(without.out, "orders"));
  CHECK(has(without.out, "dry run"));
}

}  // namespace gantry::test

// The records that a child writes, read as if it were hostile; and what goes to it, there and back.
#include "host/isolation/channel.hpp"

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "host/isolation/order.hpp"

using namespace gantry::host;
using namespace gantry::host::isolation;

TEST_CASE("records are read as they were written, and what does not fit is left out") {
  std::vector<std::uint8_t> room(128);
  RecordWriter writer(room);
  const std::uint32_t number = 77;
  CHECK(writer.add(RecordKind::count, 5, {bytes_of(number)}));
  CHECK(writer.add(RecordKind::log, 2, {}));
  const std::vector<std::uint8_t> large(120);
  CHECK_FALSE(writer.add(RecordKind::log, 3, {large}));
  RecordReader reader({room.data(), writer.bytes()});
  RecordHead head{};
  std::span<const std::uint8_t> body;
  REQUIRE(reader.next(head, body));
  CHECK(head.kind == RecordKind::count);
  CHECK(head.number == 5);
  CHECK(body.size() == 4);
  REQUIRE(reader.next(head, body));
  CHECK(body.empty());
  CHECK_FALSE(reader.next(head, body));
}

TEST_CASE("a record that says it is longer than what is there ends the reading") {
  for (const std::uint32_t bytes : {17U, 1000U, 0x7fffffffU, 0xffffffffU}) {
    std::vector<std::uint8_t> room(32);
    const RecordHead lying{RecordKind::opportunity, bytes, 0};
    std::memcpy(room.data(), &lying, sizeof(lying));
    RecordReader reader(room);
    RecordHead head{};
    std::span<const std::uint8_t> body;
    CHECK_FALSE(reader.next(head, body));
  }
}

TEST_CASE("an opportunity arrives with the legs that it has, and a cut one is refused") {
  for (const std::uint32_t legs : {0U, 3U, 8U, 9U, 0xffffffffU}) {
    CAPTURE(legs);
    gantry_opportunity sent;
    std::memset(&sent, 0x5a, sizeof(sent));
    sent.leg_count = legs;
    std::vector<std::uint8_t> room(1024);
    RecordWriter writer(room);
    REQUIRE(add_opportunity(writer, sent));
    RecordReader reader({room.data(), writer.bytes()});
    RecordHead head{};
    std::span<const std::uint8_t> body;
    REQUIRE(reader.next(head, body));
    gantry_opportunity read;
    std::memset(&read, 0x77, sizeof(read));
    REQUIRE(read_opportunity(body, read));
    for (std::size_t i = legs; i < GANTRY_LEGS_MAX; ++i) sent.legs[i] = {};
    CHECK(std::memcmp(&read, &sent, sizeof(sent)) == 0);
    CHECK_FALSE(read_opportunity(body.first(200), read));
    const std::vector<std::uint8_t> long_body(sizeof(sent) + sizeof(gantry_leg));
    CHECK_FALSE(read_opportunity(long_body, read));
  }
}

TEST_CASE("a child that hears the bell looks for its call, and one that does not is woken by it") {
  for (const bool rung : {false, true}) {
    Turn turn{};
    turn.side = static_cast<std::uint32_t>(Side::host);
    std::thread child([&] { await_call(turn); });
    for (int call = 0; call < 20; ++call) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (rung) ring(turn);
    }
    CHECK(turn.side == static_cast<std::uint32_t>(Side::host));
    give_turn(turn, Side::child);
    child.join();
  }
}

TEST_CASE("an order arrives as it was sent, and a cut one is refused") {
  Order order;
  order.parent = 42;
  order.opportunities_max = 9;
  order.strategy = {"/a.so", "ff", "s", "eip155:1", 3, {}};
  order.strategy.parameters.push_back({"flag", ParameterType::boolean, true, true});
  order.strategy.parameters.push_back(
      {"text", ParameterType::string, std::string("${KEY}"), false});
  order.strategy.parameters.push_back({"number", ParameterType::number, 0.5, true});
  order.venues.push_back({"/v.so", "ee", "v", "eip155:1", 1, {}});
  const auto bytes = pack(order);
  Order read;
  REQUIRE(unpack(bytes, read));
  CHECK(pack(read) == bytes);
  CHECK(std::get<std::string>(read.strategy.parameters[1].value) == "${KEY}");
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    Order cut;
    CHECK_FALSE(unpack(std::span(bytes).first(size), cut));
  }
}

TEST_CASE("a topology arrives as it was sent") {
  Topology topology;
  topology.id = 5;
  topology.chain = "eip155:1";
  topology.tokens.resize(3);
  topology.tokens[1].symbol = "DAI";
  topology.tokens[1].address.bytes[0] = 1;
  topology.tokens[2].address.bytes[0] = 2;
  topology.pools.resize(2);
  topology.pools[0].tokens = {0, 1};
  topology.pools[1].tokens = {1, 2};
  topology.pools[1].use = PoolUse::usable;
  topology.value_steps.resize(3);
  topology.venue_names = {"curve", "uniswap_v2"};
  const auto bytes = pack(topology);
  Topology read;
  REQUIRE(unpack(bytes, read));
  CHECK(pack(read) == bytes);
  CHECK(read.pools_of(1).size() == 2);
  CHECK(read.venue_names == topology.venue_names);
  CHECK(read.token_by_address.at(topology.tokens[2].address) == 2);
}

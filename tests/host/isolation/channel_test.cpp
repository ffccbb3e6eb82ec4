// The records that a child writes, read as if it were hostile; and what goes to it, there and back.
#include "host/isolation/channel.hpp"

#include <catch2/catch.hpp>
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
  const auto bytes = pack(topology);
  Topology read;
  REQUIRE(unpack(bytes, read));
  CHECK(pack(read) == bytes);
  CHECK(read.pools_of(1).size() == 2);
  CHECK(read.token_by_address.at(topology.tokens[2].address) == 2);
}

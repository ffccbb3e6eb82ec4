// Answers that are not what they should be: cut, of wrong types, huge, deep, or for someone else.
#include <catch2/catch.hpp>
#include <random>

#include "plugins/pimlico/pimlico_library.hpp"

namespace gantry::test {
namespace {

const std::string good =
    R"({"jsonrpc":"2.0","id":1,"result":{"paymaster":)"
    R"("0x777777777777aec03fd955926dbf81597e66834c","paymasterData":"0x0102ff",)"
    R"("paymasterVerificationGasLimit":"0x8a39","paymasterPostOpGasLimit":"0x1",)"
    R"("preVerificationGas":"0xd3e3","verificationGasLimit":"0x60b01","callGasLimit":"0x13880"}})";

std::string with(const std::string& from, const std::string& to) {
  const auto at = good.find(from);
  REQUIRE(at != std::string::npos);
  return std::string(good).replace(at, from.size(), to);
}

TEST_CASE("an answer cut at any byte does not decode") {
  Pimlico pimlico({});
  gantry_sponsorship out{};
  REQUIRE(pimlico.response(sample_operation(7), 0, 200, good, out) == GANTRY_OK);
  for (std::size_t size = 0; size < good.size(); ++size) {
    INFO(size);
    // A copy of exactly that length, so that a read beyond it is caught.
    const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    gantry_sponsorship untouched{};
    CHECK(pimlico.response(sample_operation(7), 0, 200, {cut.data(), cut.size()}, untouched) ==
          GANTRY_BAD_STATE);
    CHECK(untouched.outcome == 0);
  }
}

TEST_CASE("fields of a wrong type, form or size do not decode") {
  Pimlico pimlico({});
  const std::string bodies[] = {
      "null",
      "[]",
      "1",
      good + good,
      R"({"jsonrpc":"2.0","id":1})",
      R"({"jsonrpc":"2.0","id":1,"result":null})",
      R"({"jsonrpc":"2.0","id":1,"result":"0x"})",
      R"({"jsonrpc":"2.0","id":1,"error":"no"})",
      R"({"jsonrpc":"2.0","id":1,"error":{"message":"no code"}})",
      R"({"jsonrpc":"2.0","id":1,"error":{"code":"-32501"}})",
      R"({"jsonrpc":"2.0","id":1,"error":{"code":-32501.5}})",
      with(R"("id":1)", R"("id":2)"),
      with(R"("id":1)", R"("id":"1")"),
      with(R"("id":1,)", ""),
      with(R"("id":1)", R"("id":1,"error":[])"),
      with("0x777777777777aec03fd955926dbf81597e66834c", "0x777777777777"),
      with("0x777777777777aec03fd955926dbf81597e66834c",
           "0x0000000000000000000000000000000000000000"),
      with("0x777777777777aec03fd955926dbf81597e66834c",
           "0x777777777777aec03fd955926dbf81597e66834cff"),
      with("0x777777777777aec03fd955926dbf81597e66834c",
           "777777777777aec03fd955926dbf81597e66834cff"),
      with(R"("0x0102ff")", R"("0x0102f")"),
      with(R"("0x0102ff")", R"("0x0102fg")"),
      with(R"("0x0102ff")", "[1,2,255]"),
      with(R"("paymasterData":"0x0102ff",)", ""),
      with(R"("0x13880")", "80000"),
      with(R"("0x13880")", R"("80000")"),
      with(R"("0x13880")", R"("0x")"),
      with(R"("0x13880")", R"("-0x1")"),
      with(R"("0x13880")", R"("0x1 ")"),
      with(R"("0x13880")", "1e400"),
      with(R"("0x13880")", "{}"),
      with(R"("0x13880")", R"("0x1)" + std::string(64, '0') + "\""),  // 2^256
      with(R"("0x13880")", R"("0x1)" + std::string(32, '0') + "\""),  // 2^128: 16 bytes in 0.7
      with(R"("0x1")", R"("0x1)" + std::string(32, '0') + "\""),
      with(R"("0x1")", R"("0x1","isFinal":"yes")"),
  };
  for (const std::string& body : bodies) {
    INFO(body);
    gantry_sponsorship out{};
    CHECK(pimlico.response(sample_operation(7), 0, 200, body, out) == GANTRY_BAD_STATE);
    CHECK(out.outcome == 0);
  }
}

TEST_CASE("an answer that is too deep or too long does not decode") {
  Pimlico pimlico({});
  gantry_sponsorship out{};
  const auto deep = with(R"("id":1)", R"("id":1,"x":)" + std::string(100'000, '['));
  CHECK(pimlico.response(sample_operation(7), 0, 200, deep, out) == GANTRY_BAD_STATE);
  const auto nested =
      with(R"("id":1)", R"("id":1,"x":)" + std::string(40, '[') + std::string(40, ']'));
  CHECK(pimlico.response(sample_operation(7), 0, 200, nested, out) == GANTRY_BAD_STATE);
  const auto padded = good + std::string(300'000, ' ');
  CHECK(pimlico.response(sample_operation(7), 0, 200, padded, out) == GANTRY_BAD_STATE);
  const auto some = good + std::string(1000, ' ');
  CHECK(pimlico.response(sample_operation(7), 0, 200, some, out) == GANTRY_OK);
}

TEST_CASE("a form of another EntryPoint version does not decode") {
  Pimlico pimlico({});
  gantry_sponsorship out{};
  CHECK(pimlico.response(sample_operation(6), 0, 200, good, out) == GANTRY_BAD_STATE);
  const std::string packed =
      R"({"id":1,"result":{"paymasterAndData":"0x777777777777aec03fd955926dbf81597e66834c"}})";
  CHECK(pimlico.response(sample_operation(7), 0, 200, packed, out) == GANTRY_BAD_STATE);
  CHECK(pimlico.response(sample_operation(6), 0, 200, packed, out) == GANTRY_OK);
}

TEST_CASE("random changes never grant at more than the cap, and never fault the plugin") {
  constexpr std::uint32_t seed = 4337;
  INFO("seed " << seed);
  std::mt19937 random(seed);
  Pimlico pimlico({.max_cost_eth = 0.02});
  const u256 cap(20'000'000'000'000'000);
  std::uint32_t granted = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string body = good;
    for (auto changes = 1U + random() % 3; changes > 0; --changes) {
      const auto at = random() % body.size();
      switch (random() % 3) {
        case 0:
          body[at] = static_cast<char>(random());
          break;
        case 1:
          body.erase(at, 1 + random() % 4);
          break;
        default:
          body.insert(at, 1, "0123456789abcdefx\"{}[],:"[random() % 24]);
          break;
      }
    }
    gantry_sponsorship out{};
    const auto status = pimlico.response(sample_operation(7), 0, 200, body, out);
    REQUIRE((status == GANTRY_OK || status == GANTRY_BAD_STATE || status == GANTRY_REFUSED));
    if (status != GANTRY_OK || out.outcome != GANTRY_SPONSOR_GRANTED) continue;
    ++granted;
    REQUIRE(amount_of(out.cost_max_wei) <= cap);
    REQUIRE(out.paymaster.kind == GANTRY_ADDRESS_EVM);
  }
  CHECK(granted > 100);
  CHECK(granted < 10'000);
}

}  // namespace
}  // namespace gantry::test

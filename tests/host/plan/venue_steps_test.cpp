// What cannot be made steps of the executor's program. What can is run in tests/evm.
#include "host/plan/venue_steps.hpp"

#include <catch2/catch.hpp>

using namespace gantry;
using namespace gantry::host;
using namespace gantry::host::executor;

namespace {

gantry_address place(std::uint8_t last) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[19] = last;
  return address;
}

Instruction built(std::int32_t input) {
  Instruction instruction;
  instruction.head.target = place(1);
  instruction.head.spender = place(1);
  instruction.head.input = input;
  instruction.data = Bytes(4 + 3 * 32);
  return instruction;
}

const SwapInput sold{place(9), u256(1000)};

std::string refusal(const Instruction& instruction, const CallbackShape* shape = nullptr) {
  const auto steps = venue_steps({&instruction, 1}, sold, shape);
  if (steps) return "";
  CHECK(steps.error().kind == ErrorKind::plugin);
  return steps.error().message;
}

bool says(const std::string& text, const char* part) { return text.find(part) != text.npos; }

}  // namespace

TEST_CASE("a swap's input is paid, allowed, sent or paid when called back for, as its venue says") {
  const Instruction paid = built(GANTRY_INPUT_TRANSFER);
  auto steps = venue_steps({&paid, 1}, sold);
  REQUIRE(steps);
  REQUIRE(steps->size() == 2);
  CHECK(std::get<Payment>(steps->at(0)).to.bytes[19] == 1);
  Instruction allowed = built(GANTRY_INPUT_APPROVE);
  allowed.head.spender = place(2);
  steps = venue_steps({&allowed, 1}, sold);
  REQUIRE(steps);
  const Call& call = std::get<Call>(steps->at(0));
  REQUIRE(call.approval);
  CHECK(call.approval->spender->bytes[19] == 2);
  Instruction sent = built(GANTRY_INPUT_NATIVE);
  sent.head.value = u256(1000);
  CHECK(venue_steps({&sent, 1}, sold));
  const Instruction called = built(GANTRY_INPUT_CALLBACK);
  for (const auto& shape : {uniswap_v3_callback, CallbackShape{{1, 2, 3, 4}, std::nullopt}}) {
    steps = venue_steps({&called, 1}, sold, &shape);
    REQUIRE(steps);
    const Call& calls_back = std::get<Call>(steps->at(0));
    REQUIRE(calls_back.callback);
    CHECK(calls_back.callback->kept == !shape.bytes_at);
    CHECK(encode_program(*steps));
  }
}

TEST_CASE("a swap that the executor cannot carry out is refused with the venue's fault") {
  CHECK(says(refusal(built(GANTRY_INPUT_CALLBACK)), "nobody knows how it calls back"));
  Instruction full = built(GANTRY_INPUT_CALLBACK);
  full.data.back() = 1;
  CHECK(says(refusal(full, &uniswap_v3_callback), "no empty bytes"));
  Instruction token = built(GANTRY_INPUT_APPROVE);
  token.head.target = place(9);
  CHECK(says(refusal(token), "calls the token"));
  Instruction coin = built(GANTRY_INPUT_TRANSFER);
  coin.head.value = u256(1);
  CHECK(says(refusal(coin), "sends coin"));
  Instruction little = built(GANTRY_INPUT_NATIVE);
  little.head.value = u256(999);
  CHECK(says(refusal(little), "sends coin"));
  const auto none = venue_steps({}, sold);
  REQUIRE_FALSE(none);
  CHECK(says(none.error().message, "no call"));
}

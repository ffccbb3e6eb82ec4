// What the encoder of executor calls refuses. What it writes is compared and run in tests/evm.
#include "host/plan/executor_call.hpp"

#include <catch2/catch.hpp>

#include "host/plan/flash_loan.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::host::executor;

namespace {

gantry_address some_address(std::uint8_t last) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[19] = last;
  return address;
}

Call some_call(std::size_t size) {
  Call call;
  call.target = some_address(1);
  call.data.resize(size);
  return call;
}

ErrorKind refusal_of(const Step& step, std::string_view word) {
  const auto program = encode_program({&step, 1});
  REQUIRE_FALSE(program);
  INFO(program.error().message);
  CHECK(program.error().message.find(word) != std::string::npos);
  return program.error().kind;
}

}  // namespace

TEST_CASE("a program with a size that its field cannot hold is refused") {
  CHECK(encode_program(std::vector<Step>{Answer{Bytes(0xffff)}}));
  CHECK(refusal_of(Answer{Bytes(0x10000)}, "an answer's size of 65536") == ErrorKind::limit);
  CHECK(refusal_of(some_call(std::size_t{1} << 24U), "a call's size") == ErrorKind::limit);
  Call call = some_call(36);
  call.patches.resize(256, {4, amount_of(u256(1))});
  CHECK(refusal_of(call, "patches") == ErrorKind::limit);
  const Payment far{some_address(1), some_address(2), word_called_with(0x10000)};
  CHECK(refusal_of(far, "a word's offset of 65536") == ErrorKind::limit);
}

TEST_CASE("a program whose parts do not fit together is refused") {
  const auto is_bug = [](const Step& step, std::string_view word) {
    CHECK(refusal_of(step, word) == ErrorKind::internal);
  };
  Call call = some_call(36);
  call.target = {};
  is_bug(call, "without a target");
  call = some_call(36);
  call.target.length = 32;
  is_bug(call, "not of an EVM chain");
  // A patch over the selector, and past the end.
  call = some_call(36);
  call.patches = {{3, amount_of(u256(1))}};
  is_bug(call, "within its call's data");
  call.patches[0].offset = 5;
  is_bug(call, "within its call's data");
  call = some_call(36);
  call.approval = Approval{};
  is_bug(call, "no token");
  call = some_call(36);
  call.callback = Callback{};
  call.callback->program = {1};
  is_bug(call, "callback's program");  // the data are zeros there
  call.data[0] = 1;
  CHECK(encode_program(std::vector<Step>{call}));
  call.callback->data_offset = 36;
  is_bug(call, "callback's program");
  call.callback->times = 0;
  is_bug(call, "may never come");
  is_bug(Payment{some_address(1), {}, amount_of(u256(1))}, "paid to nobody");
  gantry_address native{};
  native.kind = GANTRY_ADDRESS_NATIVE;
  CHECK(encode_program(std::vector<Step>{Payment{native, {}, amount_of(u256(1))}}));
}

TEST_CASE("a run that settles no token, or more than 255 bits, is refused") {
  Run run;
  run.settlements.resize(1);
  auto encoded = encode_run(run);
  REQUIRE_FALSE(encoded);
  CHECK(encoded.error().kind == ErrorKind::internal);
  run.settlements[0].token = some_address(1);
  CHECK(encode_run(run));
  run.settlements[0].least = shift_left(u256(1), 255);
  encoded = encode_run(run);
  REQUIRE_FALSE(encoded);
  CHECK(encoded.error().kind == ErrorKind::limit);
}

TEST_CASE(
    "a program is appended where a call ends with an empty bytes argument, and nowhere else") {
  Bytes data(4 + 2 * 32);
  data[4 + 31] = 32;
  const Bytes program(33, 7);
  const auto at = append_program(data, program);
  REQUIRE(at);
  CHECK(*at == 4 + 2 * 32);
  REQUIRE(data.size() == 4 + 2 * 32 + 64);
  CHECK(data[4 + 63] == 33);
  CHECK(data[4 + 64 + 32] == 7);
  CHECK(data.back() == 0);
  CHECK_FALSE(append_program(data, program));  // there is a program already
  Bytes none(4 + 32);
  CHECK_FALSE(append_program(none, program));
}

TEST_CASE("a flash loan of more than 256 bits is refused") {
  FlashLoan loan;
  loan.lender = loan.executor = loan.token = some_address(1);
  loan.amount = u256::max();
  loan.fee = u256(1);
  const auto steps = with_flash_loan(loan, {});
  REQUIRE_FALSE(steps);
  CHECK(steps.error().kind == ErrorKind::limit);
  loan.fee = u256();
  for (const auto source :
       {FlashSource::aave_v3, FlashSource::balancer_v2, FlashSource::balancer_v3,
        FlashSource::uniswap_v2, FlashSource::uniswap_v3, FlashSource::dydx_solo}) {
    loan.source = source;
    INFO(name_of(source));
    CHECK(with_flash_loan(loan, {}));
    CHECK_FALSE(with_flash_loan(loan, {Answer{Bytes(0x10000)}}));
  }
}

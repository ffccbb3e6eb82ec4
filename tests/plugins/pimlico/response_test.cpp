// What is made of an answer: grants, errors and whose turn it is, and the cap on cost.
#include <catch2/catch.hpp>

#include "plugins/pimlico/pimlico_library.hpp"

namespace gantry::test {
namespace {

const std::string paymaster = "0x777777777777aec03fd955926dbf81597e66834c";

std::string result(const std::string& fields) {
  return R"({"jsonrpc":"2.0","id":1,"result":{)" + fields + "}}";
}

std::string error(int code, const std::string& message, const std::string& data = "null") {
  return R"({"jsonrpc":"2.0","id":1,"error":{"code":)" + std::to_string(code) + R"(,"message":")" +
         message + R"(","data":)" + data + "}}";
}

const std::string grant_fields =
    R"("paymaster":")" + paymaster +
    R"(","paymasterData":"0x0102ff","paymasterVerificationGasLimit":"0x8a39",)"
    R"("paymasterPostOpGasLimit":"0x1","preVerificationGas":"0xd3e3",)"
    R"("verificationGasLimit":"0x60b01","callGasLimit":"0x13880")";

struct Case {
  std::string what;
  std::uint32_t http_status;
  std::string body;
  std::int32_t outcome;
  std::int32_t code;
};

TEST_CASE("a grant for EntryPoint 0.7 is taken over field by field") {
  Pimlico pimlico({});
  gantry_sponsorship out{};
  REQUIRE(pimlico.response(sample_operation(7), 0, 200, result(grant_fields), out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_GRANTED);
  CHECK(out.fee_mode == GANTRY_FEE_PAYMASTER);
  CHECK(hex_of(out.paymaster) == paymaster);
  CHECK(hex_of(out.paymaster_data) == "0x0102ff");
  CHECK(amount_of(out.paymaster_verification_gas_limit) == u256(0x8a39));
  CHECK(amount_of(out.paymaster_post_op_gas_limit) == u256(1));
  CHECK(amount_of(out.pre_verification_gas) == u256(0xd3e3));
  CHECK(amount_of(out.verification_gas_limit) == u256(0x60b01));
  CHECK(amount_of(out.call_gas_limit) == u256(0x13880));
  CHECK(out.submit_url.size == 0);
  CHECK(out.submit_header_count == 0);
  // Every limit at 30 gwei.
  CHECK(amount_of(out.cost_max_wei) ==
        u256((0x8a39ULL + 1 + 0xd3e3 + 0x60b01 + 0x13880) * 30'000'000'000ULL));
}

TEST_CASE("a grant for EntryPoint 0.6 is taken apart, and verification counts three times") {
  Pimlico pimlico({});
  gantry_sponsorship out{};
  const auto body = result(R"("paymasterAndData":")" + paymaster +
                           R"(00ff","preVerificationGas":"0x64","verificationGasLimit":"0xa",)"
                           R"("callGasLimit":"0x1")");
  REQUIRE(pimlico.response(sample_operation(6), 0, 200, body, out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_GRANTED);
  CHECK(hex_of(out.paymaster) == paymaster);
  CHECK(hex_of(out.paymaster_data) == "0x00ff");
  CHECK(amount_of(out.cost_max_wei) == u256((100 + 3 * 10 + 1) * 30'000'000'000ULL));
}

TEST_CASE("limits that a grant leaves out are the operation's own") {
  Pimlico pimlico({});
  gantry_sponsorship out{};
  const auto body = result(R"("paymaster":")" + paymaster +
                           R"(","paymasterData":"0x","paymasterVerificationGasLimit":"0x10")");
  REQUIRE(pimlico.response(sample_operation(8), 0, 200, body, out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_GRANTED);
  CHECK(amount_of(out.call_gas_limit).is_zero());
  CHECK(amount_of(out.cost_max_wei) ==
        u256((0x30d40ULL + 0x186a0 + 0xc350 + 0x10) * 30'000'000'000ULL));
}

TEST_CASE("a grant whose gas nobody knows has no price and does not decode") {
  Pimlico pimlico({});
  auto operation = sample_operation(7);
  operation.call_gas_limit = u256().amount();
  gantry_sponsorship out{};
  const auto body = result(R"("paymaster":")" + paymaster +
                           R"(","paymasterData":"0x","paymasterVerificationGasLimit":"0x10")");
  CHECK(pimlico.response(operation, 0, 200, body, out) == GANTRY_BAD_STATE);
  CHECK(out.outcome == 0);
}

TEST_CASE("a grant above the cap is refused, to the wei") {
  // 0.01 ETH at 1 wei a gas unit is 10^16 gas.
  auto operation = sample_operation(7);
  operation.max_fee_per_gas = u256(1).amount();
  const auto body = [](std::uint64_t call_gas) {
    return result(R"("paymaster":")" + paymaster +
                  R"(","paymasterData":"0x","paymasterVerificationGasLimit":"0x1",)"
                  R"("preVerificationGas":"0x1","verificationGasLimit":"0x1","callGasLimit":")" +
                  to_hex(u256(call_gas)) + "\"");
  };
  Pimlico pimlico({.max_cost_eth = 0.01});
  gantry_sponsorship out{};
  constexpr std::uint64_t cap = 10'000'000'000'000'000;
  CHECK(pimlico.response(operation, 0, 200, body(cap - 3), out) == GANTRY_OK);
  CHECK(amount_of(out.cost_max_wei) == u256(cap));
  CHECK(pimlico.response(operation, 0, 200, body(cap - 2), out) == GANTRY_REFUSED);
}

TEST_CASE("a cost above 256 bits is above every cap") {
  Pimlico pimlico({.max_cost_eth = 1000});
  auto operation = sample_operation(6);
  gantry_sponsorship out{};
  for (const char* gas : {"0xffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                          "0x80000000000000000000000000000000"}) {
    operation.max_fee_per_gas = u256::from_halves(0, 1).amount();
    const auto body = result(R"("paymasterAndData":")" + paymaster + R"(","preVerificationGas":")" +
                             gas + R"(","verificationGasLimit":"0x1","callGasLimit":"0x1")");
    CHECK(pimlico.response(operation, 0, 200, body, out) == GANTRY_REFUSED);
  }
}

TEST_CASE("ERC-7677's first answer is provisional, its second the grant") {
  Pimlico pimlico({.method = "erc7677"});
  auto operation = sample_operation(7);
  gantry_sponsorship out{};
  const auto first = result(R"("paymaster":")" + paymaster +
                            R"(","paymasterData":"0xaaaa","paymasterPostOpGasLimit":"0x5")");
  REQUIRE(pimlico.response(operation, 0, 200, first, out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_PROVISIONAL);
  CHECK(hex_of(out.paymaster_data) == "0xaaaa");

  // The host merges, estimates, and asks again.
  operation.paymaster = out.paymaster;
  operation.paymaster_post_op_gas_limit = out.paymaster_post_op_gas_limit;
  operation.paymaster_verification_gas_limit = u256(0x100).amount();
  const auto second = result(R"("sponsor":{"name":"x","icon":"data:"},"paymaster":")" + paymaster +
                             R"(","paymasterData":"0xbbbb")");
  REQUIRE(pimlico.response(operation, 1, 200, second, out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_GRANTED);
  CHECK(hex_of(out.paymaster_data) == "0xbbbb");
  CHECK(amount_of(out.paymaster_post_op_gas_limit) == u256(5));
  CHECK(amount_of(out.cost_max_wei) ==
        u256((0x30d40ULL + 0x186a0 + 0xc350 + 0x100 + 5) * 30'000'000'000ULL));
}

TEST_CASE("a first answer that is final needs no second") {
  Pimlico pimlico({.method = "erc7677"});
  gantry_sponsorship out{};
  REQUIRE(pimlico.response(sample_operation(7), 0, 200, result(grant_fields + R"(,"isFinal":true)"),
                           out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_GRANTED);
  REQUIRE(pimlico.response(sample_operation(7), 0, 200,
                           result(grant_fields + R"(,"isFinal":false)"), out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_PROVISIONAL);
  // Final, but what it may cost is not known before the estimate.
  auto operation = sample_operation(6);
  operation.call_gas_limit = u256().amount();
  const auto body = result(R"("paymasterAndData":")" + paymaster + R"(","isFinal":true)");
  REQUIRE(pimlico.response(operation, 0, 200, body, out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_PROVISIONAL);
}

TEST_CASE("an error says whose turn it is") {
  Pimlico pimlico({.retry_after_ms = 777});
  const std::string names = R"({"paymaster":")" + paymaster + "\"}";
  const Case cases[] = {
      {"paymaster's validation", 200, error(-32501, "no"), GANTRY_SPONSOR_RETRY_OTHER, -32501},
      {"throttled", 200, error(-32504, "no"), GANTRY_SPONSOR_RETRY_OTHER, -32504},
      {"stake", 200, error(-32505, "no"), GANTRY_SPONSOR_RETRY_OTHER, -32505},
      {"balance", 200, error(-32508, "no"), GANTRY_SPONSOR_RETRY_OTHER, -32508},
      {"signature", 200, error(-32507, "no"), GANTRY_SPONSOR_OUR_FAULT, -32507},
      {"its signature", 200, error(-32507, "AA34 signature error"), GANTRY_SPONSOR_RETRY_OTHER,
       -32507},
      {"aggregator", 200, error(-32506, "no"), GANTRY_SPONSOR_OUR_FAULT, -32506},
      {"our opcodes", 200, error(-32502, "no"), GANTRY_SPONSOR_OUR_FAULT, -32502},
      {"its opcodes", 200, error(-32502, "no", names), GANTRY_SPONSOR_RETRY_OTHER, -32502},
      {"no request", 200, error(-32600, "no"), GANTRY_SPONSOR_OUR_FAULT, -32600},
      {"no JSON", 200, error(-32700, "no"), GANTRY_SPONSOR_OUR_FAULT, -32700},
      {"fields", 200, error(-32602, "no"), GANTRY_SPONSOR_OUR_FAULT, -32602},
      {"fields, as 400", 400, error(-32602, "no"), GANTRY_SPONSOR_OUR_FAULT, -32602},
      {"account", 200, error(-32500, "AA23 reverted"), GANTRY_SPONSOR_OUR_FAULT, -32500},
      {"deposit", 200, error(-32500, "AA31 paymaster deposit too low"), GANTRY_SPONSOR_RETRY_OTHER,
       -32500},
      {"our time range", 200, error(-32503, "no"), GANTRY_SPONSOR_OUR_FAULT, -32503},
      {"its time range", 200, error(-32503, "no", names), GANTRY_SPONSOR_RETRY_OTHER, -32503},
      {"our call reverts", 200, error(-32521, "no"), GANTRY_SPONSOR_OUR_FAULT, -32521},
      {"unknown method", 200, error(-32601, "no"), GANTRY_SPONSOR_RETRY_OTHER, -32601},
      {"internal", 500, error(-32603, "no"), GANTRY_SPONSOR_RETRY_OTHER, -32603},
      {"policy", 200, error(-32000, "policy"), GANTRY_SPONSOR_RETRY_OTHER, -32000},
      {"limit", 200, error(-32005, "slow"), GANTRY_SPONSOR_RETRY_SAME, -32005},
      {"rate", 429, "slow down", GANTRY_SPONSOR_RETRY_SAME, 429},
      {"rate, as JSON", 429, error(-32602, "slow"), GANTRY_SPONSOR_RETRY_SAME, -32602},
      {"bad request", 400, "", GANTRY_SPONSOR_OUR_FAULT, 400},
      {"key", 401, "<html>", GANTRY_SPONSOR_RETRY_OTHER, 401},
      {"not found", 404, "{}", GANTRY_SPONSOR_RETRY_OTHER, 404},
      {"server", 500, "", GANTRY_SPONSOR_RETRY_OTHER, 500},
      {"gateway", 502, "<html>", GANTRY_SPONSOR_RETRY_OTHER, 502},
      {"no answer", 0, "", GANTRY_SPONSOR_RETRY_OTHER, 0},
      {"redirect with a grant", 302, result(grant_fields), GANTRY_SPONSOR_RETRY_OTHER, 302},
  };
  for (const Case& c : cases) {
    INFO(c.what);
    gantry_sponsorship out{};
    REQUIRE(pimlico.response(sample_operation(7), 0, c.http_status, c.body, out) == GANTRY_OK);
    CHECK(out.outcome == c.outcome);
    CHECK(out.provider_code == c.code);
    CHECK(out.retry_after_ms == (c.outcome == GANTRY_SPONSOR_RETRY_SAME ? 777U : 0U));
    CHECK(out.paymaster.kind == GANTRY_ADDRESS_NONE);
  }
}

TEST_CASE("a provider's text is one printable line of bounded length") {
  Pimlico pimlico({});
  gantry_sponsorship out{};
  REQUIRE(pimlico.response(sample_operation(7), 0, 200,
                           error(-32000, R"(\u001b[31mred\nline \u00e9)" + std::string(500, 'x')),
                           out) == GANTRY_OK);
  const std::string message(out.provider_message.data, out.provider_message.size);
  CHECK(message.size() == 200);
  CHECK(message.starts_with("?[31mred?line ??"));
}

TEST_CASE("a round that was never asked has no answer") {
  Pimlico pimlico({});
  gantry_sponsorship out{};
  CHECK(pimlico.response(sample_operation(7), 1, 200, result(grant_fields), out) ==
        GANTRY_BAD_ARGUMENT);
}

}  // namespace
}  // namespace gantry::test

// The two rounds of Candide's paymaster API, version 3, field by field.
#include <catch2/catch.hpp>

#include "plugins/erc4337/paymaster_plugin.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

const std::string contract = "0x8b1f6cb5d062aa2ce8d581942bbb960420d875ba";
const std::string stub_fields = R"("paymaster":")" + contract +
                                R"(","paymasterData":"0x0102","paymasterVerificationGasLimit":)"
                                R"("0x100","paymasterPostOpGasLimit":"0x20")";

class Candide : public PaymasterPlugin {
 public:
  explicit Candide(
      const std::string& policy = {}, double max_cost_eth = 0.05,
      const std::string& url = "https://api.candide.dev/api/v3/${CHAIN_ID}/${CANDIDE_API_KEY}",
      std::string_view chain = "eip155:1")
      : PaymasterPlugin(GANTRY_CANDIDE_PLUGIN,
                        {string_row("url", url), string_row("sponsorship_policy_id", policy),
                         number_row("max_cost_eth", max_cost_eth), integer_row("timeout_ms", 4000),
                         integer_row("retry_after_ms", 250)},
                        chain) {}
};

std::string result(const std::string& fields) {
  return R"({"jsonrpc":"2.0","id":1,"result":{)" + fields + "}}";
}

std::string stub(const std::string& value) {
  return result(R"("paymasterMetadata":{"name":"Candide Paymaster","address":")" + contract +
                R"(","dummyPaymasterAndData":)" + value + R"(},"tokens":[])");
}

TEST_CASE("candide first asks for the stub of the operation's EntryPoint") {
  Candide candide;
  SentRequest request;
  REQUIRE(candide.request(sample_operation(8), 0, request) == GANTRY_OK);
  CHECK(request.url == "https://api.candide.dev/api/v3/1/${CANDIDE_API_KEY}");
  CHECK(request.timeout_ms == 4000);
  CHECK(request.json().at("method") == json::value("pm_supportedERC20Tokens"));
  CHECK(request.json().at("params") ==
        json::value(json::array{"0x4337084d9e255ff0702461cf8895ce9e3b5ff108"}));
}

TEST_CASE("candide's stub is provisional, in both of its forms") {
  Candide candide;
  gantry_sponsorship out{};
  REQUIRE(candide.response(sample_operation(7), 0, 200, stub("{" + stub_fields + "}"), out) ==
          GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_PROVISIONAL);
  CHECK(hex_of(out.paymaster) == contract);
  CHECK(hex_of(out.paymaster_data) == "0x0102");
  CHECK(amount_of(out.paymaster_verification_gas_limit) == u256(0x100));
  CHECK(amount_of(out.paymaster_post_op_gas_limit) == u256(0x20));

  REQUIRE(candide.response(sample_operation(6), 0, 200, stub("\"" + contract + "ff00\""), out) ==
          GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_PROVISIONAL);
  CHECK(hex_of(out.paymaster_data) == "0xff00");
  // Not even one that calls itself final: a stub pays for nothing.
  REQUIRE(candide.response(sample_operation(7), 0, 200,
                           stub("{" + stub_fields + R"(,"isFinal":true})"), out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_PROVISIONAL);
}

TEST_CASE("candide then asks for the data of the whole operation, with chain and policy") {
  Candide candide("policy-1");
  auto operation = sample_operation(7);
  static constexpr std::uint8_t data[] = {1, 2};
  operation.paymaster = evm_address(contract);
  operation.paymaster_data = {data, sizeof(data)};
  operation.paymaster_verification_gas_limit = u256(0x100).amount();
  operation.paymaster_post_op_gas_limit = u256(0x20).amount();
  SentRequest request;
  REQUIRE(candide.request(operation, 1, request) == GANTRY_OK);
  const auto body = request.json();
  CHECK(body.at("method") == json::value("pm_getPaymasterData"));
  REQUIRE(body.at("params").as_array().size() == 4);
  CHECK(keys_of(body.at("params").at(0).as_object()) ==
        std::set<std::string>{"sender", "nonce", "callData", "callGasLimit", "verificationGasLimit",
                              "preVerificationGas", "maxFeePerGas", "maxPriorityFeePerGas",
                              "paymasterVerificationGasLimit", "paymasterPostOpGasLimit",
                              "signature"});
  CHECK(body.at("params").at(1) == json::value("0x0000000071727de22e5e9d8baf0edac6f37da032"));
  CHECK(body.at("params").at(2) == json::value("0x1"));
  CHECK(body.at("params").at(3) == json::value({{"sponsorshipPolicyId", "policy-1"}}));
  Candide open;
  REQUIRE(open.request(operation, 1, request) == GANTRY_OK);
  CHECK(request.json().at("params").at(3) == json::value(json::object()));
  CHECK(open.request(operation, 2, request) == GANTRY_UNSUPPORTED);
}

TEST_CASE("candide's data is the grant, with what it costs at the most") {
  Candide candide;
  gantry_sponsorship out{};
  REQUIRE(candide.response(sample_operation(7), 1, 200,
                           result(stub_fields + R"(,"sponsor":{"name":"x"})"), out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_GRANTED);
  CHECK(out.fee_mode == GANTRY_FEE_PAYMASTER);
  CHECK(out.submit_url.size == 0);
  CHECK(amount_of(out.cost_max_wei) ==
        u256((0x30d40ULL + 0x186a0 + 0xc350 + 0x100 + 0x20) * 30'000'000'000ULL));

  REQUIRE(candide.response(sample_operation(6), 1, 200,
                           result(R"("paymasterAndData":")" + contract + "ff\""),
                           out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_GRANTED);
  CHECK(amount_of(out.cost_max_wei) ==
        u256((0x30d40ULL + 3 * 0x186a0 + 0xc350) * 30'000'000'000ULL));
}

TEST_CASE("candide neither asks nor grants above its cap, to the wei") {
  auto operation = sample_operation(7);
  operation.max_fee_per_gas = u256(1).amount();
  const std::uint64_t known = 0x30d40ULL + 0x186a0 + 0xc350;
  const std::uint64_t cap = 1'000'000'000'000'000;
  Candide candide({}, 0.001);
  gantry_sponsorship out{};
  const auto with = [&](std::uint64_t post_op) {
    return result(R"("paymaster":")" + contract +
                  R"(","paymasterData":"0x","paymasterVerificationGasLimit":"0x1",)"
                  R"("paymasterPostOpGasLimit":")" +
                  to_hex(u256(post_op)) + "\"");
  };
  CHECK(candide.response(operation, 1, 200, with(cap - known - 1), out) == GANTRY_OK);
  CHECK(amount_of(out.cost_max_wei) == u256(cap));
  CHECK(candide.response(operation, 1, 200, with(cap - known), out) == GANTRY_REFUSED);
  SentRequest request;
  operation.max_fee_per_gas = u256(cap).amount();
  CHECK(candide.request(operation, 0, request) == GANTRY_REFUSED);
}

TEST_CASE("an answer of candide that is not one does not decode") {
  Candide candide;
  const std::string good = stub("{" + stub_fields + "}");
  gantry_sponsorship out{};
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    REQUIRE(candide.response(sample_operation(7), 0, 200, {cut.data(), cut.size()}, out) ==
            GANTRY_BAD_STATE);
  }
  for (const std::string& body :
       {stub("null"), stub("1"), stub("[]"), stub("{}"), stub("\"0x\""), stub("\"0x12\""),
        stub("\"" + contract + "\""), result(R"("paymasterMetadata":null)"),
        result(R"("paymasterMetadata":{})"), result(""), result(stub_fields)}) {
    INFO(body);
    CHECK(candide.response(sample_operation(7), 0, 200, body, out) == GANTRY_BAD_STATE);
  }
  // The form of 0.7 for an operation of 0.6, and a stub where the data is due.
  CHECK(candide.response(sample_operation(6), 0, 200, good, out) == GANTRY_BAD_STATE);
  CHECK(candide.response(sample_operation(7), 1, 200, good, out) == GANTRY_BAD_STATE);
  CHECK(candide.response(sample_operation(7), 2, 200, good, out) == GANTRY_BAD_ARGUMENT);
  CHECK(out.outcome == 0);
}

TEST_CASE("candide's errors say whose turn it is") {
  Candide candide;
  gantry_sponsorship out{};
  const auto error = [](int code) {
    return R"({"jsonrpc":"2.0","id":1,"error":{"code":)" + std::to_string(code) +
           R"(,"message":"no"}})";
  };
  REQUIRE(candide.response(sample_operation(7), 1, 200, error(-32501), out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_RETRY_OTHER);
  CHECK(out.provider_code == -32501);
  REQUIRE(candide.response(sample_operation(7), 1, 200, error(-32602), out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_OUR_FAULT);
  REQUIRE(candide.response(sample_operation(7), 0, 429, "", out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_RETRY_SAME);
  CHECK(out.retry_after_ms == 250);
  REQUIRE(candide.response(sample_operation(7), 0, 0, "", out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_RETRY_OTHER);
}

TEST_CASE("candide refuses parameters that cannot work") {
  CHECK(Candide("${POLICY}").error() ==
        "sponsorship_policy_id is sent in the body, where ${NAME} is not replaced");
  CHECK(Candide({}, 0.05, "http://api.candide.dev/").error() ==
        "url must begin with https:// (or be on this machine)");
  CHECK(Candide({}, 0.05, "https://x/", "solana:main").created() == GANTRY_REFUSED);
}

}  // namespace
}  // namespace gantry::test

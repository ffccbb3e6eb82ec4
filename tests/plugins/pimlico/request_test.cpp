// The bytes that are sent, field by field, against the published forms of ERC-4337, ERC-7677 and
// pm_sponsorUserOperation.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <limits>
#include <set>

#include "plugins/pimlico/pimlico_library.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

json::object operation_sent(const SentRequest& request) {
  return request.json().at("params").as_array().at(0).as_object();
}

TEST_CASE("pimlico posts JSON-RPC to its URL, with the chain in it and the secret by name") {
  Pimlico pimlico({.timeout_ms = 1234}, "eip155:8453");
  auto operation = sample_operation(7);
  operation.chain_id = 8453;
  SentRequest request;
  REQUIRE(pimlico.request(operation, 0, request) == GANTRY_OK);
  CHECK(request.method == "POST");
  CHECK(request.url == "https://api.pimlico.io/v2/8453/rpc?apikey=${PIMLICO_API_KEY}");
  CHECK(request.timeout_ms == 1234);
  CHECK(request.headers.at(0) ==
        std::pair<std::string, std::string>("content-type", "application/json"));
  const auto body = request.json();
  CHECK(keys_of(body) == std::set<std::string>{"jsonrpc", "id", "method", "params"});
  CHECK(body.at("jsonrpc") == json::value("2.0"));
  CHECK(body.at("id") == json::value(1));
  CHECK(body.at("method") == json::value("pm_sponsorUserOperation"));
  CHECK(body.at("params").as_array().size() == 2);
}

TEST_CASE("a secret's value is nowhere in what the plugin says, even when it could know it") {
  REQUIRE(::setenv("PIMLICO_API_KEY", "pim_very_secret", 1) == 0);
  Pimlico pimlico({.policy = "sp_one"});
  SentRequest request;
  REQUIRE(pimlico.request(sample_operation(7), 0, request) == GANTRY_OK);
  std::string all = request.url + request.body;
  for (const auto& [name, value] : request.headers) all += name + value;
  gantry_sponsorship out{};
  REQUIRE(pimlico.response(sample_operation(7), 0, 401, "", out) == GANTRY_OK);
  all.append(out.provider_message.data, out.provider_message.size);
  CHECK(all.find("pim_very_secret") == std::string::npos);
  CHECK(request.url.ends_with("${PIMLICO_API_KEY}"));
  ::unsetenv("PIMLICO_API_KEY");
}

TEST_CASE("an operation for EntryPoint 0.6 is written with initCode and paymasterAndData") {
  Pimlico pimlico({});
  SentRequest request;
  REQUIRE(pimlico.request(sample_operation(6), 0, request) == GANTRY_OK);
  const json::value expected = json::parse(R"({
    "sender": "0x00112233445566778899aabbccddeeff00112233", "nonce": "0x1", "initCode": "0x",
    "callData": "0xb61d27f6000a", "callGasLimit": "0x30d40", "verificationGasLimit": "0x186a0",
    "preVerificationGas": "0xc350", "maxFeePerGas": "0x6fc23ac00",
    "maxPriorityFeePerGas": "0x3b9aca00", "paymasterAndData": "0x", "signature": "0xff00ff1c"})");
  CHECK(json::value(operation_sent(request)) == expected);
  CHECK(request.json().at("params").at(1) ==
        json::value("0x5ff137d4b0fdcd49dca30c7cf57e578a026d2789"));
}

TEST_CASE("an operation for EntryPoint 0.7 and 0.8 has neither, and no empty factory") {
  Pimlico pimlico({});
  for (const std::uint32_t version : {7U, 8U}) {
    SentRequest request;
    REQUIRE(pimlico.request(sample_operation(version), 0, request) == GANTRY_OK);
    const json::value expected = json::parse(R"({
      "sender": "0x00112233445566778899aabbccddeeff00112233", "nonce": "0x1",
      "callData": "0xb61d27f6000a", "callGasLimit": "0x30d40", "verificationGasLimit": "0x186a0",
      "preVerificationGas": "0xc350", "maxFeePerGas": "0x6fc23ac00",
      "maxPriorityFeePerGas": "0x3b9aca00", "signature": "0xff00ff1c"})");
    CHECK(json::value(operation_sent(request)) == expected);
  }
}

TEST_CASE("an account that does not exist yet brings its factory, in the version's own form") {
  static constexpr std::uint8_t data[] = {0x5f, 0xbf, 0xb9, 0xcf};
  Pimlico pimlico({});
  SentRequest request;
  auto operation = sample_operation(6);
  operation.factory = evm_address("0x9406cc6185a346906296840746125a0e44976454");
  operation.factory_data = {data, sizeof(data)};
  REQUIRE(pimlico.request(operation, 0, request) == GANTRY_OK);
  CHECK(operation_sent(request).at("initCode") ==
        json::value("0x9406cc6185a346906296840746125a0e449764545fbfb9cf"));

  operation.entry_point_version = 7;
  REQUIRE(pimlico.request(operation, 0, request) == GANTRY_OK);
  CHECK(operation_sent(request).at("factory") ==
        json::value("0x9406cc6185a346906296840746125a0e44976454"));
  CHECK(operation_sent(request).at("factoryData") == json::value("0x5fbfb9cf"));
  CHECK_FALSE(operation_sent(request).contains("initCode"));
}

TEST_CASE("quantities have no leading zeros, and zero is 0x0") {
  Pimlico pimlico({.max_cost_eth = 1000});
  auto operation = sample_operation(6);
  operation.nonce = u256().amount();
  operation.max_priority_fee_per_gas = u256().amount();
  operation.call_gas_limit = u256(16).amount();
  SentRequest request;
  REQUIRE(pimlico.request(operation, 0, request) == GANTRY_OK);
  CHECK(operation_sent(request).at("nonce") == json::value("0x0"));
  CHECK(operation_sent(request).at("maxPriorityFeePerGas") == json::value("0x0"));
  CHECK(operation_sent(request).at("callGasLimit") == json::value("0x10"));
  operation.nonce = u256::max().amount();
  REQUIRE(pimlico.request(operation, 0, request) == GANTRY_OK);
  CHECK(operation_sent(request).at("nonce") == json::value("0x" + std::string(64, 'f')));
}

TEST_CASE("limits that nobody has estimated are left to the service") {
  Pimlico pimlico({});
  auto operation = sample_operation(7);
  operation.call_gas_limit = operation.verification_gas_limit = operation.pre_verification_gas =
      u256().amount();
  SentRequest request;
  REQUIRE(pimlico.request(operation, 0, request) == GANTRY_OK);
  const auto sent = operation_sent(request);
  CHECK_FALSE(sent.contains("callGasLimit"));
  CHECK_FALSE(sent.contains("verificationGasLimit"));
  CHECK_FALSE(sent.contains("preVerificationGas"));
}

TEST_CASE("the policy is the third parameter, and only when there is one") {
  Pimlico pimlico({.policy = "sp_\"odd\"\n"});
  SentRequest request;
  REQUIRE(pimlico.request(sample_operation(7), 0, request) == GANTRY_OK);
  CHECK(request.json().at("params").as_array().at(2) ==
        json::value({{"sponsorshipPolicyId", "sp_\"odd\"\n"}}));
}

TEST_CASE("ERC-7677 asks twice, without a signature and with chain and context") {
  Pimlico pimlico({.method = "erc7677", .policy = "sp_one"});
  auto operation = sample_operation(7);
  SentRequest request;
  REQUIRE(pimlico.request(operation, 0, request) == GANTRY_OK);
  auto body = request.json();
  CHECK(body.at("method") == json::value("pm_getPaymasterStubData"));
  REQUIRE(body.at("params").as_array().size() == 4);
  CHECK(body.at("params").at(2) == json::value("0x1"));
  CHECK(body.at("params").at(3) == json::value({{"sponsorshipPolicyId", "sp_one"}}));
  CHECK(keys_of(operation_sent(request)) ==
        std::set<std::string>{"sender", "nonce", "callData", "callGasLimit", "verificationGasLimit",
                              "preVerificationGas", "maxFeePerGas", "maxPriorityFeePerGas"});

  operation.paymaster = evm_address("0x777777777777aec03fd955926dbf81597e66834c");
  operation.paymaster_verification_gas_limit = u256(0x8a39).amount();
  operation.paymaster_post_op_gas_limit = u256(1).amount();
  REQUIRE(pimlico.request(operation, 1, request) == GANTRY_OK);
  CHECK(request.json().at("method") == json::value("pm_getPaymasterData"));
  CHECK(operation_sent(request).at("paymasterVerificationGasLimit") == json::value("0x8a39"));
  CHECK(operation_sent(request).at("paymasterPostOpGasLimit") == json::value("0x1"));
  CHECK(pimlico.request(operation, 2, request) == GANTRY_UNSUPPORTED);
}

TEST_CASE("ERC-7677's form for EntryPoint 0.6 is the published one, with an empty context") {
  Pimlico pimlico({.method = "erc7677"}, "eip155:8453");
  auto operation = sample_operation(6);
  operation.chain_id = 8453;
  SentRequest request;
  REQUIRE(pimlico.request(operation, 0, request) == GANTRY_OK);
  CHECK(keys_of(operation_sent(request)) ==
        std::set<std::string>{"sender", "nonce", "initCode", "callData", "callGasLimit",
                              "verificationGasLimit", "preVerificationGas", "maxFeePerGas",
                              "maxPriorityFeePerGas"});
  CHECK(request.json().at("params").at(2) == json::value("0x2105"));
  CHECK(request.json().at("params").at(3) == json::value(json::object()));
}

TEST_CASE("pm_sponsorUserOperation has one round") {
  Pimlico pimlico({});
  SentRequest request;
  CHECK(pimlico.request(sample_operation(7), 1, request) == GANTRY_UNSUPPORTED);
  CHECK(request.body.empty());
}

TEST_CASE("an operation of another chain or an unknown EntryPoint is not supported") {
  Pimlico pimlico({});
  auto operation = sample_operation(7);
  CHECK(pimlico.supports(operation) == GANTRY_OK);
  operation.chain_id = 10;
  CHECK(pimlico.supports(operation) == GANTRY_REFUSED);
  operation = sample_operation(7);
  for (const std::uint32_t version : {0U, 5U, 9U, std::numeric_limits<std::uint32_t>::max()}) {
    operation.entry_point_version = version;
    CHECK(pimlico.supports(operation) == GANTRY_REFUSED);
    SentRequest request;
    CHECK(pimlico.request(operation, 0, request) == GANTRY_REFUSED);
  }
}

TEST_CASE("what has no form in an EntryPoint version is the caller's fault") {
  Pimlico pimlico({.max_cost_eth = 1000});
  SentRequest request;
  u256 wide = u256::from_halves(0, 1);  // 2^128
  auto operation = sample_operation(7);
  operation.max_priority_fee_per_gas = wide.amount();
  CHECK(pimlico.request(operation, 0, request) == GANTRY_BAD_ARGUMENT);
  operation.entry_point_version = 6;
  CHECK(pimlico.request(operation, 0, request) == GANTRY_OK);
  operation.sender.kind = GANTRY_ADDRESS_SOLANA;
  CHECK(pimlico.request(operation, 0, request) == GANTRY_BAD_ARGUMENT);
  operation = sample_operation(7);
  operation.factory_data = operation.call_data;
  CHECK(pimlico.request(operation, 0, request) == GANTRY_BAD_ARGUMENT);
}

TEST_CASE("nothing is asked for an operation that is above the cap already") {
  // 400,000 gas at 30 gwei is 0.0105 ETH with 350,000 known: one wei of cap decides.
  SentRequest request;
  CHECK(Pimlico({.max_cost_eth = 0.0105}).request(sample_operation(7), 0, request) == GANTRY_OK);
  CHECK(Pimlico({.max_cost_eth = 0.0104999}).request(sample_operation(7), 0, request) ==
        GANTRY_REFUSED);
  auto operation = sample_operation(6);
  operation.max_fee_per_gas = u256::max().amount();
  CHECK(Pimlico({.max_cost_eth = 1000}).request(operation, 0, request) == GANTRY_REFUSED);
}

TEST_CASE("parameters that cannot work are refused at creation, with a text") {
  const Pimlico solana({}, "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp");
  CHECK(solana.created() == GANTRY_REFUSED);
  CHECK(solana.error().find("EVM chain") != std::string::npos);
  const Pimlico clear({.url = "http://api.pimlico.io/?apikey=${KEY}"});
  CHECK(clear.created() == GANTRY_REFUSED);
  CHECK(clear.error().find("https://") != std::string::npos);
  const Pimlico policy({.policy = "${POLICY}"});
  CHECK(policy.created() == GANTRY_REFUSED);
  CHECK(Pimlico({.url = "http://127.0.0.1:4337"}).created() == GANTRY_OK);
  CHECK(Pimlico({.url = "http://localhost.evil.example/"}).created() == GANTRY_REFUSED);
}

}  // namespace
}  // namespace gantry::test

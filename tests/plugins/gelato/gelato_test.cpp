// Gelato's quote and where an operation without fees is sent, field by field.
#include <catch2/catch.hpp>

#include "plugins/erc4337/paymaster_plugin.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

const std::string sponsored_url = "https://api.gelato.cloud/rpc/${CHAIN_ID}?payment=sponsored";

class Gelato : public PaymasterPlugin {
 public:
  explicit Gelato(double max_cost_eth = 0.05, const std::string& key = "${GELATO_API_KEY}",
                  const std::string& url = sponsored_url, std::string_view chain = "eip155:1")
      : PaymasterPlugin(GANTRY_GELATO_PLUGIN,
                        {string_row("url", url), string_row("api_key", key),
                         number_row("max_cost_eth", max_cost_eth), integer_row("timeout_ms", 4000),
                         integer_row("retry_after_ms", 250)},
                        chain) {}
};

// The example of Gelato's documentation, with an L2's fee.
std::string quote(const std::string& fee = "0x2386f26fc10000", const std::string& l1_fee = "0x10") {
  return R"({"id":1,"jsonrpc":"2.0","result":{"callGasLimit":"0x358e","fee":")" + fee +
         R"(","gas":"0x5208","preVerificationGas":"0x0","verificationGasLimit":"0x148a6",)"
         R"("l1Fee":")" +
         l1_fee + R"("}})";
}

std::pair<std::string, std::string> header_of(const gantry_sponsorship& out) {
  REQUIRE(out.submit_header_count == 1);
  const auto& header = out.submit_headers[0];
  return {{header.name.data, header.name.size}, {header.value.data, header.value.size}};
}

TEST_CASE("gelato is asked for a quote of an operation without fees, with its key in a header") {
  Gelato gelato(0.05, "${GELATO_API_KEY}", sponsored_url, "eip155:42161");
  auto operation = sample_operation(7);
  operation.chain_id = 42161;
  SentRequest request;
  REQUIRE(gelato.request(operation, 0, request) == GANTRY_OK);
  CHECK(request.method == "POST");
  CHECK(request.url == "https://api.gelato.cloud/rpc/42161?payment=sponsored");
  CHECK(request.headers.back() ==
        std::pair<std::string, std::string>("x-api-key", "${GELATO_API_KEY}"));
  const auto body = request.json();
  CHECK(body.at("method") == json::value("gelato_getUserOperationQuote"));
  REQUIRE(body.at("params").as_array().size() == 2);
  const auto& sent = body.at("params").at(0).as_object();
  CHECK(sent.at("maxFeePerGas") == json::value("0x0"));
  CHECK(sent.at("maxPriorityFeePerGas") == json::value("0x0"));
  CHECK_FALSE(sent.contains("paymaster"));
  CHECK(body.at("params").at(1) == json::value("0x0000000071727de22e5e9d8baf0edac6f37da032"));
  CHECK(gelato.request(operation, 1, request) == GANTRY_UNSUPPORTED);
}

TEST_CASE("gelato's quote is the grant: zero fees, its limits, and where to send it") {
  Gelato gelato;
  gantry_sponsorship out{};
  REQUIRE(gelato.response(sample_operation(7), 0, 200, quote(), out) == GANTRY_OK);
  CHECK(out.outcome == GANTRY_SPONSOR_GRANTED);
  CHECK(out.fee_mode == GANTRY_FEE_ZERO);
  CHECK(out.paymaster.kind == GANTRY_ADDRESS_NONE);
  CHECK(amount_of(out.call_gas_limit) == u256(0x358e));
  CHECK(amount_of(out.verification_gas_limit) == u256(0x148a6));
  CHECK(amount_of(out.pre_verification_gas).is_zero());
  CHECK(amount_of(out.cost_max_wei) == u256(10'000'000'000'000'016));
  CHECK(std::string(out.submit_url.data, out.submit_url.size) ==
        "https://api.gelato.cloud/rpc/1?payment=sponsored");
  CHECK(header_of(out) == std::pair<std::string, std::string>("x-api-key", "${GELATO_API_KEY}"));
}

TEST_CASE("gelato neither asks nor grants above its cap, to the wei") {
  Gelato gelato(0.01);
  gantry_sponsorship out{};
  CHECK(gelato.response(sample_operation(7), 0, 200, quote("0x2386f26fc10000", "0x0"), out) ==
        GANTRY_OK);
  CHECK(gelato.response(sample_operation(7), 0, 200, quote("0x2386f26fc10000", "0x1"), out) ==
        GANTRY_REFUSED);
  CHECK(gelato.response(sample_operation(7), 0, 200, quote("0x" + std::string(64, 'f'), "0x1"),
                        out) == GANTRY_BAD_STATE);
  auto operation = sample_operation(7);
  operation.max_fee_per_gas = u256(1'000'000'000'000).amount();
  SentRequest request;
  CHECK(gelato.request(operation, 0, request) == GANTRY_REFUSED);
}

TEST_CASE("an answer of gelato that is not one does not decode") {
  Gelato gelato;
  const std::string good = quote();
  gantry_sponsorship out{};
  for (std::size_t size = 0; size < good.size(); ++size) {
    const std::vector<char> cut(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(size));
    REQUIRE(gelato.response(sample_operation(7), 0, 200, {cut.data(), cut.size()}, out) ==
            GANTRY_BAD_STATE);
  }
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string body = good;
    return body.replace(body.find(from), from.size(), to);
  };
  for (const std::string& body :
       {quote("0x0"), quote("0x"), quote("1"), quote("0x1", "zero"),
        with(R"("fee":"0x2386f26fc10000",)", ""), with(R"("0x358e")", R"("0x0")"),
        with(R"("0x358e")", "13710"), with(R"("0x148a6")", "null"),
        with(R"("0x358e")", R"("0x1)" + std::string(32, '0') + "\""),
        std::string(R"({"id":1,"result":{}})"), std::string(R"({"id":1,"result":[]})")}) {
    INFO(body);
    CHECK(gelato.response(sample_operation(7), 0, 200, body, out) == GANTRY_BAD_STATE);
  }
  CHECK(gelato.response(sample_operation(7), 1, 200, good, out) == GANTRY_BAD_ARGUMENT);
  CHECK(out.outcome == 0);
}

TEST_CASE("gelato's own errors say whose turn it is") {
  struct Case {
    int code;
    std::int32_t outcome;
  };
  Gelato gelato;
  for (const Case& c : {Case{4100, GANTRY_SPONSOR_RETRY_OTHER},    // its key
                        Case{4205, GANTRY_SPONSOR_RETRY_OTHER},    // an empty tank
                        Case{4206, GANTRY_SPONSOR_RETRY_OTHER},    // not on this chain
                        Case{-32070, GANTRY_SPONSOR_RETRY_OTHER},  // it took too long
                        Case{4210, GANTRY_SPONSOR_OUR_FAULT},      // our authorization
                        Case{4211, GANTRY_SPONSOR_OUR_FAULT},      // the call reverts
                        Case{-32521, GANTRY_SPONSOR_OUR_FAULT},    //
                        Case{-32507, GANTRY_SPONSOR_OUR_FAULT}}) {
    INFO(c.code);
    gantry_sponsorship out{};
    REQUIRE(gelato.response(sample_operation(7), 0, 200,
                            R"({"jsonrpc":"2.0","id":1,"error":{"code":)" + std::to_string(c.code) +
                                R"(,"message":"no"}})",
                            out) == GANTRY_OK);
    CHECK(out.outcome == c.outcome);
    CHECK(out.submit_url.size == 0);
  }
}

TEST_CASE("gelato refuses parameters that cannot work") {
  CHECK(Gelato(0.05, "sk_written_out").error() ==
        "api_key must name a variable of the environment, as ${GELATO_API_KEY}");
  CHECK(Gelato(0.05, "${KEY}", "https://api.gelato.cloud/rpc/1").error() ==
        "url must hold payment=sponsored: without it the account itself pays");
  CHECK(Gelato(0.05, "${KEY}", "http://api.gelato.cloud/rpc/1?payment=sponsored").error() ==
        "url must begin with https:// (or be on this machine)");
}

}  // namespace
}  // namespace gantry::test

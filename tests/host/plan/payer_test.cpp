// Who pays for a plan, with paymasters that are made up here.
#include "host/plan/plan.hpp"
#include "tests/host/plan/plan_fixture.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

// A paymaster that answers as it is told.
struct Payer {
  gantry_status supports = GANTRY_OK;
  gantry_status answer = GANTRY_OK;
  std::uint32_t requests = 1;
  const gantry_http_request* request = nullptr;  // in place of its own
  std::uint32_t asked = 0;
  std::vector<gantry_status> emitted;
  gantry_user_operation operation{};
  Bytes call_data;

  static Payer& self(gantry_paymaster_instance* object) {
    return *reinterpret_cast<Payer*>(object);
  }
  static gantry_status on_supports(gantry_paymaster_instance* object, const gantry_context*,
                                   const gantry_user_operation* operation) {
    Payer& payer = self(object);
    ++payer.asked;
    payer.operation = *operation;
    payer.call_data.assign(operation->call_data.data,
                           operation->call_data.data + operation->call_data.size);
    return payer.supports;
  }
  static gantry_status on_request(gantry_paymaster_instance* object, const gantry_context*,
                                  const gantry_user_operation*, std::uint32_t round,
                                  const gantry_http_sink* sink) {
    Payer& payer = self(object);
    const std::string_view method = "POST", url = "https://payer.test/?key=${PAYER_KEY}",
                           name = "accept", value = "json", body = "{}";
    const auto c = [](std::string_view s) { return gantry_string{s.data(), s.size()}; };
    const gantry_http_header header{c(name), c(value)};
    const gantry_http_request request{
        c(method), c(url), &header,
        1,         0,      {reinterpret_cast<const std::uint8_t*>(body.data()), body.size()}};
    for (std::uint32_t i = 0; i < payer.requests; ++i) {
      payer.emitted.push_back(
          sink->emit(sink->self, payer.request != nullptr ? payer.request : &request));
    }
    return round == 0 ? payer.answer : GANTRY_UNSUPPORTED;
  }
  static inline const gantry_paymaster_v1 table = {
      nullptr, [](gantry_paymaster_instance*) {}, &on_supports, &on_request, nullptr, nullptr};

  std::shared_ptr<PaymasterInstance> instance(const std::string& name) {
    auto made = std::make_shared<PaymasterInstance>(
        nullptr, nullptr, &table, reinterpret_cast<gantry_paymaster_instance*>(this),
        std::make_shared<Health>(name, "", 1));
    made->settings.capabilities = {{"http:payer.test"}};
    return made;
  }
};

}  // namespace

TEST_CASE("without a paymaster the sender pays") {
  const Case c;
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  CHECK(plan->payer == "sender");
  CHECK(plan->passed.empty());
  CHECK(plan->sponsorship.empty());
}

TEST_CASE("the first paymaster that would pays, and who would not is named with the reason") {
  Case c;
  Payer elsewhere, capped, silent, pays, spare;
  elsewhere.supports = GANTRY_REFUSED;
  capped.answer = GANTRY_REFUSED;
  silent.requests = 0;
  pays.requests = 2;
  c.market.plugins.paymasters = {elsewhere.instance("elsewhere"), capped.instance("capped"),
                                 silent.instance("silent"), pays.instance("pays"),
                                 spare.instance("spare")};
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  CHECK(plan->payer == "pays");
  CHECK(plan->passed ==
        std::vector<std::string>{"elsewhere: not for this chain or entry point (REFUSED)",
                                 "capped: refused (REFUSED)", "silent: refused (OK)"});
  CHECK(spare.asked == 0);
  // What the one before asked for is not sent.
  REQUIRE(plan->sponsorship.size() == 2);
  const PlannedRequest& request = plan->sponsorship[0];
  CHECK(request.method == "POST");
  CHECK(request.url == "https://payer.test/?key=${PAYER_KEY}");
  CHECK(request.headers == std::vector<std::pair<std::string, std::string>>{{"accept", "json"}});
  CHECK(request.body == "{}");
}

TEST_CASE("when no paymaster would, the sender pays") {
  Case c;
  Payer capped, faulty;
  capped.answer = GANTRY_REFUSED;
  faulty.supports = GANTRY_PLUGIN_FAULT;
  c.market.plugins.paymasters = {capped.instance("capped"), faulty.instance("faulty")};
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  CHECK(plan->payer == "sender");
  CHECK(plan->sponsorship.empty());
  REQUIRE(plan->passed.size() == 2);
  // A fault retires it, and then it is not asked.
  CHECK_FALSE(c.market.plugins.paymasters[1]->health().usable(c.market.snapshot->id));
  CHECK(c.plan(c.three_legs())->passed ==
        std::vector<std::string>{"capped: refused (REFUSED)", "faulty: retired for its faults"});
  CHECK(faulty.asked == 1);
}

TEST_CASE("a paymaster's requests are bounded") {
  Case c;
  Payer eager;
  eager.requests = 6;
  c.market.plugins.paymasters = {eager.instance("eager")};
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  CHECK(plan->sponsorship.size() == 4);
  CHECK(eager.emitted == std::vector<gantry_status>{GANTRY_OK, GANTRY_OK, GANTRY_OK, GANTRY_OK,
                                                    GANTRY_REFUSED, GANTRY_REFUSED});
}

TEST_CASE("a paymaster that asks a host that it may not is passed over, with the remedy") {
  Case c;
  Payer curious, pays;
  c.market.plugins.paymasters = {curious.instance("curious"), pays.instance("pays")};
  c.market.plugins.paymasters[0]->settings.capabilities = {{"http:payer.example"}};
  const auto plan = c.plan(c.three_legs());
  REQUIRE(plan);
  CHECK(curious.emitted == std::vector<gantry_status>{GANTRY_REFUSED});
  CHECK(plan->payer == "pays");
  CHECK(plan->passed ==
        std::vector<std::string>{
            "curious: refused (it may not ask http:payer.test: add it to its `capabilities`)"});
}

TEST_CASE("a paymaster's request that is none is refused, and not read") {
  const std::string large(9U << 10U, 'x');
  const std::string url = "https://payer.test/";
  const gantry_string fine{url.data(), url.size()};
  gantry_http_header header{fine, fine};
  const gantry_http_request good{fine, fine, &header, 1, 0, {}};
  std::vector<gantry_http_request> bad(7, good);
  bad[0].url = {large.data(), large.size()};
  bad[1].url = {nullptr, 5};
  bad[2].method = {nullptr, 5};
  bad[3].headers = nullptr;
  bad[4].header_count = 33;
  bad[5].body = {nullptr, 1};
  bad[6].body = {reinterpret_cast<const std::uint8_t*>(large.data()), (1U << 20U) + 1};
  for (const gantry_http_request& request : bad) {
    Case c;
    Payer payer;
    payer.request = &request;
    c.market.plugins.paymasters = {payer.instance("payer")};
    const auto plan = c.plan(c.three_legs());
    REQUIRE(plan);
    CHECK(payer.emitted == std::vector<gantry_status>{GANTRY_BAD_ARGUMENT});
    CHECK(plan->payer == "sender");
  }
}

TEST_CASE("a paymaster is shown the operation as it would be sent") {
  Case c;
  Payer payer;
  c.market.plugins.paymasters = {payer.instance("payer")};
  const Ranked ranked = c.three_legs();
  const auto plan = c.plan(ranked);
  REQUIRE(plan);
  const gantry_user_operation& operation = payer.operation;
  CHECK(payer.call_data == plan->user_operation_call);
  CHECK(number(operation.sender) == number(c.sender()));
  CHECK(operation.chain_id == 1);
  CHECK(operation.entry_point_version == 7);
  CHECK(big(operation.call_gas_limit) == 3 * 90'000 + 60'000);
  CHECK(big(operation.max_fee_per_gas) == Integer(20'000'000'000));
  CHECK(big(operation.max_priority_fee_per_gas) == Integer(20'000'000'000));  // no base fee
  CHECK(operation.stub_signature == 1);
  CHECK(operation.signature.size == 65);

  // The deployments of v0.6, v0.8 and v0.9, and any other, which has the form of v0.7.
  const std::pair<std::array<std::uint8_t, 3>, std::uint32_t> deployments[] = {
      {{0x5f, 0xf1, 0x37}, 6},
      {{0x43, 0x37, 0x08}, 8},
      {{0x43, 0x37, 0x09}, 9},
      {{0x12, 0x34, 0x56}, 7}};
  for (const auto& [bytes, version] : deployments) {
    std::copy(bytes.begin(), bytes.end(), c.market.configuration.wallet.entry_point.bytes);
    REQUIRE(c.plan(ranked));
    CHECK(payer.operation.entry_point_version == version);
  }
}

TEST_CASE("an EVM chain's number is read from its name, and of any other it is 0") {
  CHECK(evm_chain_id("eip155:1") == 1);
  CHECK(evm_chain_id("eip155:42161") == 42161);
  CHECK(evm_chain_id("eip155:18446744073709551609") == 18446744073709551609U);
  for (const char* other :
       {"", "eip155", "eip155:", "eip155:0", "eip155:-1", "eip155:+1", "eip155: 1", "eip155:1 ",
        "eip155:0x1", "eip155:1a", "EIP155:1", "solana:1", "eip155:18446744073709551616",
        "eip155:18446744073709551617", "eip155:184467440737095516150",
        "eip155:99999999999999999999999"}) {
    CAPTURE(other);
    CHECK(evm_chain_id(other) == 0);
  }
}

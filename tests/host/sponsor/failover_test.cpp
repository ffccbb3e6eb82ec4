// A paymaster fails, in each way and at each step: the operation takes effect once or not at all.
#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>

#include "host/base/text.hpp"
#include "host/execute/operation_line.hpp"
#include "host/ledger/ledger.hpp"
#include "host/live/chain_text.hpp"
#include "tests/host/sponsor/sponsor_scene.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;
using namespace std::chrono_literals;

namespace {

const std::vector<std::string> all_paymasters = {"pimlico", "candide", "gelato"};

// Every operation that left has the account and nonce that were asked for, so that the chain takes
// one of them; and each carries the signature of its own hash.
void check_all_of_one_nonce(const SendReport& report) {
  sign::EntryPoint entry_point{sign::EntryPointVersion::v0_7, {}, 1};
  entry_point.address.fill(0x71);
  for (const SignedOperation& left : report.left) {
    CHECK(left.operation.nonce == u256(7));
    CHECK(left.operation.sender[0] == 0x51);
    CHECK(user_operation_hash(left.operation, entry_point) == left.hash);
    CHECK(std::equal(left.hash.begin(), left.hash.end(), left.operation.signature.begin()));
  }
}

std::string next_of(const std::string& paymaster) {
  return paymaster == "pimlico" ? "candide" : "pimlico";
}

}  // namespace

TEST_CASE("each paymaster sponsors an operation, which leaves once") {
  for (const std::string& name : all_paymasters) {
    INFO(name);
    SponsorScene scene({name});
    const SendReport report = scene.send();
    INFO(report.message);
    REQUIRE(report.verdict == SendVerdict::sent);
    CHECK(scene.taken() == std::vector<std::string>{name});
    REQUIRE(report.left.size() == 1);
    CHECK(scene.written() == 1);
    check_all_of_one_nonce(report);
    const auto& operation = report.left[0].operation;
    CHECK(operation.max_fee.is_zero() == (name == "gelato"));
    CHECK(operation.paymaster.has_value() == (name != "gelato"));
  }
}

TEST_CASE("a paymaster that fails in any way before the operation leaves is passed over") {
  for (const std::string& name : all_paymasters) {
    for (const PayStep step : {PayStep::first, PayStep::last}) {
      for (const PayFault fault : pay_faults) {
        INFO(name << " " << to_string(fault) << " at step " << static_cast<int>(step));
        SponsorScene scene({name, next_of(name)});
        scene.plan(name, {fault, step});
        const SendReport report = scene.send(8000);
        INFO(report.message);
        REQUIRE(report.verdict == SendVerdict::sent);
        CHECK(scene.taken() == std::vector<std::string>{next_of(name)});
        CHECK(report.left.size() == 1);
        check_all_of_one_nonce(report);
        REQUIRE(report.attempts.size() == 2);
        INFO(report.attempts[0].message);
        CHECK(report.attempts[0].paymaster == name);
        const auto expected = fault == PayFault::times_out  ? SponsorVerdict::no_answer
                              : fault == PayFault::bad_json ? SponsorVerdict::garbage
                              : fault == PayFault::over_cap ? SponsorVerdict::over_cap
                                                            : SponsorVerdict::refused;
        CHECK(report.attempts[0].verdict == expected);
      }
    }
  }
}

TEST_CASE(
    "a sponsorship that a bundler does not take is replaced, signed anew, in the same nonce") {
  for (const std::string& name : all_paymasters) {
    for (const PayFault fault : {PayFault::refuses, PayFault::over_cap, PayFault::expired,
                                 PayFault::dry, PayFault::wrong_entry_point}) {
      INFO(name << " " << to_string(fault));
      SponsorScene scene({name, next_of(name)});
      scene.plan(name, {fault, PayStep::submission});
      const SendReport report = scene.send();
      INFO(report.message);
      REQUIRE(report.verdict == SendVerdict::sent);
      CHECK(scene.taken() == std::vector<std::string>{next_of(name)});
      REQUIRE(report.left.size() == 2);
      CHECK(report.left[0].hash != report.left[1].hash);
      CHECK(report.left[0].paymaster == name);
      CHECK(scene.written() == 2);
      CHECK(report.refused.size() == 1);
      check_all_of_one_nonce(report);
    }
  }
}

TEST_CASE("what may have been taken is sent again byte for byte, and never replaced") {
  for (const std::string& name : all_paymasters) {
    for (const PayFault fault : {PayFault::times_out, PayFault::bad_json}) {
      INFO(name << " " << to_string(fault));
      SponsorScene scene({name, next_of(name)});
      scene.plan(name, {fault, PayStep::submission});
      const SendReport report = scene.send(1500);
      CHECK(report.verdict == SendVerdict::maybe);
      CHECK(scene.hashes().size() == 1);
      CHECK(scene.taken() == std::vector<std::string>{name});
      CHECK(report.left.size() == 1);
      CHECK(scene.written() == 1);
      check_all_of_one_nonce(report);
    }
  }
}

TEST_CASE("an operation is sent again to whoever was given it, after a restart too") {
  for (const std::string& name : {"gelato", "pimlico"}) {
    INFO(name);
    const bool own = name == "gelato";
    const std::string to = own ? name : std::string();
    SponsorScene scene({name});
    scene.plan(name, {PayFault::times_out, PayStep::submission});
    const SendReport report = scene.send(1500);
    REQUIRE(report.verdict == SendVerdict::maybe);
    const SignedOperation& left = report.left.at(0);
    CHECK(left.destination == (own ? "gelato" : "local"));
    CHECK(left.submit.has_value() == own);
    scene.plan(name, {});

    // Written down as whoever executes trades does, and read by the next run.
    const TemporaryFolder folder;
    namespace books = host::ledger;
    const books::Lane lane{
        "eip155:1", "0x" + std::string(40, '5'), "0x0000000071727de22e5e9d8baf0edac6f37da032", {}};
    {
      const auto ledger = std::move(*books::Ledger::open(folder / "ledger.sqlite"));
      REQUIRE(ledger->observe_nonce(lane, 7).get());
      books::Intent intent;
      intent.key = "one";
      intent.kind = books::Kind::user_operation;
      intent.strategy = "test";
      intent.token_in = intent.token_out = "0x01";
      intent.route = {{"venue", "pool", "0x01", "0x01"}};
      const auto id =
          ledger
              ->record(intent, std::move(*ledger->reserve(lane)),
                       attempt_of(left, sign::EntryPointVersion::v0_7, books::Purpose::trade))
              .get();
      REQUIRE(id);
    }
    const auto ledger = std::move(*books::Ledger::open(folder / "ledger.sqlite"));
    const books::Attempt attempt = ledger->attempts(1).value().at(0).attempt;
    CHECK(attempt.endpoint.empty() != own);
    CHECK(attempt.endpoint.find("sk-very-secret") == std::string::npos);

    Configuration configuration = scene.configuration();
    configuration.chains.front().bundler = {"local", *TemplatedUrl::parse(scene.bundler_url())};
    configuration.wallet.entry_point = evm_address(*bytes_of_hex(lane.entry_point));
    configuration.wallet.owner = evm_address(*bytes_of_hex("0x" + std::string(40, '6')));
    const auto line = OperationLine::make(configuration, scene.http(), scene.environment());
    if (!line) FAIL(line.error().message);
    const auto service = (*line)->service_of(attempt);
    if (!service) FAIL(service.error().message);
    CHECK(service->name() == attempt.destination);
    const std::size_t given = scene.sent_to(to);
    const std::size_t others = scene.sent_to(own ? "" : "gelato");
    const auto sent =
        service->send_again(attempt.bytes, attempt.hash, std::chrono::steady_clock::now() + 2s);
    CHECK(sent.has_value());
    CHECK(scene.sent_to(to) == given + 1);
    CHECK(scene.sent_to(own ? "" : "gelato") == others);
    CHECK(scene.hashes().size() == 1);  // the very same one
    if (!own) continue;

    // What it needs is not there any more: it goes to nobody else.
    const auto refused = [&](const Configuration& changed, const Environment& environment) {
      const auto made = OperationLine::make(changed, scene.http(), environment);
      if (!made) FAIL(made.error().message);
      const auto none = (*made)->service_of(attempt);
      REQUIRE_FALSE(none);
      CHECK(none.error().message.find("sk-very-secret") == std::string::npos);
      return none.error().message;
    };
    Configuration other = configuration;
    other.paymasters.front().name = "another";
    CHECK(refused(other, scene.environment()).find("not configured any more") != std::string::npos);
    other = configuration;
    other.paymasters.front().capabilities.emplace();
    CHECK(refused(other, scene.environment()).find("may not send to") != std::string::npos);
    CHECK(refused(configuration, [](std::string_view) {
            return std::nullopt;
          }).find("GELATO_KEY") != std::string::npos);
    CHECK(scene.sent_to("") == others);
  }
}

TEST_CASE("when nobody pays nothing leaves") {
  SponsorScene scene;
  for (const std::string& name : all_paymasters) scene.plan(name, {PayFault::dry, PayStep::first});
  const SendReport report = scene.send();
  CHECK(report.verdict == SendVerdict::no_sponsor);
  CHECK(report.attempts.size() == 3);
  CHECK(report.left.empty());
  CHECK(scene.taken().empty());
  CHECK(scene.written() == 0);
}

TEST_CASE("an operation that cannot be written down does not leave") {
  SponsorScene scene({"pimlico"});
  scene.refuse_to_write = true;
  const SendReport report = scene.send();
  CHECK(report.verdict == SendVerdict::not_written);
  CHECK(report.message == "the disk is full");
  CHECK(scene.taken().empty());
}

TEST_CASE("after a stop an operation is not delivered again, and may have been taken before") {
  SponsorScene scene({"pimlico"});
  scene.plan("pimlico", {PayFault::bad_json, PayStep::submission});
  // Without a stop it is delivered three times.
  REQUIRE(scene.send(8000).verdict == SendVerdict::maybe);
  REQUIRE(scene.sent_to("") == 3);
  int looks = 0;
  scene.may_leave = [&looks] { return ++looks == 1; };  // stopped after the first delivery
  const SendReport report = scene.send(8000);
  CHECK(report.verdict == SendVerdict::maybe);
  CHECK(report.left.size() == 1);
  CHECK(scene.sent_to("") == 4);
  CHECK(looks == 2);
}

TEST_CASE("a stop before the first delivery lets nothing leave") {
  SponsorScene scene({"pimlico"});
  scene.may_leave = [] { return false; };
  const SendReport report = scene.send();
  CHECK(report.verdict == SendVerdict::withheld);
  CHECK(report.left.empty());
  CHECK(scene.sent_to("") == 0);
  CHECK(scene.written() == 1);
}

TEST_CASE("a sponsored trade pays no more than it may") {
  SponsorScene scene({"gelato", "pimlico"});
  auto order = scene.order();
  order.cost_max = u256(100'000'000'000'000);  // what gelato quotes
  const auto enough = scene.desk().sponsor(order);
  REQUIRE(enough.granted);
  CHECK(enough.granted->paymaster == "gelato");
  order.cost_max = u256(99'999'999'999'999);
  const auto none = scene.desk().sponsor(order);
  CHECK_FALSE(none.granted);
  REQUIRE(none.attempts.size() == 2);
  CHECK(none.attempts[0].verdict == SponsorVerdict::over_cap);
  CHECK(none.attempts[1].verdict == SponsorVerdict::over_cap);
}

TEST_CASE("more than five failures retire a paymaster, which is not asked then") {
  SponsorScene scene({"pimlico"});
  scene.plan("pimlico", {PayFault::dry, PayStep::first});
  for (int i = 0; i < 5; ++i) REQUIRE(scene.send().verdict == SendVerdict::no_sponsor);
  CHECK_FALSE(scene.desk().services()[0].health.retired());
  CHECK(scene.send().verdict == SendVerdict::no_sponsor);
  CHECK(scene.desk().services()[0].health.retired());
  scene.plan("pimlico", {});
  const std::size_t asked = scene.requests("pimlico");
  const auto report = scene.send();
  CHECK(scene.requests("pimlico") == asked);
  REQUIRE(report.attempts.size() == 1);
  CHECK(report.attempts[0].verdict == SponsorVerdict::retired);
}

TEST_CASE("no secret is in what is told of a sponsored operation") {
  SponsorScene scene({"gelato"});
  for (const PayFault fault : pay_faults) {
    scene.plan("gelato", {fault, PayStep::first});
    const auto report = scene.send(400);
    REQUIRE(report.attempts.size() == 1);
    CHECK(report.attempts[0].message.find("sk-very-secret") == std::string::npos);
    CHECK(report.message.find("sk-very-secret") == std::string::npos);
  }
}

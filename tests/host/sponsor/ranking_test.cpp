// Who is asked first, and who is not asked any more.
#include <catch2/catch.hpp>

#include "host/sponsor/bundler.hpp"
#include "host/sponsor/service_health.hpp"

using namespace gantry;
using namespace gantry::host;

namespace {

const ServiceHealth::Time start{};

}  // namespace

TEST_CASE("paymasters are ranked by health, success rate, gas cost and priority, in that order") {
  ServiceHealth fresh, failed_last, often_failed, dear, cheap;
  failed_last.succeeded(u256(1));
  failed_last.failed("no", start);
  for (int i = 0; i < 8; ++i) often_failed.failed("no", start);
  often_failed.succeeded(u256(1000));
  dear.succeeded(u256(2000));
  cheap.succeeded(u256(1000));
  CHECK(ranked({{&failed_last, 1}, {&fresh, 9}}) == std::vector<std::size_t>{1, 0});
  CHECK(ranked({{&often_failed, 1}, {&dear, 9}}) == std::vector<std::size_t>{1, 0});
  CHECK(ranked({{&dear, 1}, {&cheap, 9}}) == std::vector<std::size_t>{1, 0});
  CHECK(ranked({{&cheap, 2}, {&cheap, 1}}) == std::vector<std::size_t>{1, 0});
  CHECK(ranked({{&cheap, 1}, {&cheap, 1}}) == std::vector<std::size_t>{0, 1});
}

TEST_CASE("the sixth failure in a row retires, a success in between does not let it come to that") {
  ServiceHealth health;
  for (int i = 0; i < 5; ++i) health.failed("no", start);
  CHECK_FALSE(health.retired());
  health.succeeded(u256(1));
  for (int i = 0; i < 5; ++i) health.failed("no", start);
  CHECK_FALSE(health.retired());
  health.failed("the last one", start);
  CHECK(health.retired());
  CHECK(health.last_failure() == "the last one");
}

TEST_CASE("a paymaster that is retired is probed now and then, and comes back when that succeeds") {
  ServiceHealth health;
  CHECK_FALSE(health.take_probe(start + service_probe_interval));
  for (int i = 0; i < 6; ++i) health.failed("no", start);
  CHECK_FALSE(health.take_probe(start + service_probe_interval - std::chrono::milliseconds(1)));
  CHECK(health.take_probe(start + service_probe_interval));
  CHECK_FALSE(health.take_probe(start + service_probe_interval));
  CHECK(health.retired());
  health.recovered();
  CHECK_FALSE(health.retired());
}

TEST_CASE("a paymaster's success is counted over its last 32") {
  ServiceHealth health;
  CHECK(health.success_tenths() == 10);
  for (int i = 0; i < 32; ++i) health.failed("no", start);
  CHECK(health.success_tenths() == 0);
  for (int i = 0; i < 16; ++i) health.succeeded(u256(1));
  CHECK(health.success_tenths() == 5);
  for (int i = 0; i < 16; ++i) health.succeeded(u256(1));
  CHECK(health.success_tenths() == 10);
}

TEST_CASE("a bundler's error says whose fault it is") {
  struct Case {
    std::int64_t code;
    const char* message;
    bool names_paymaster;
    BundlerFault fault;
    bool sponsored = false;
  };
  for (const Case& c : {
           Case{-32500, "AA21 didn't pay prefund", false, BundlerFault::operation},
           Case{-32500, "AA25 invalid account nonce", false, BundlerFault::operation},
           Case{-32500, "AA31 paymaster deposit too low", false, BundlerFault::paymaster},
           Case{-32501, "", false, BundlerFault::paymaster},
           Case{-32502, "", false, BundlerFault::operation},
           Case{-32502, "", true, BundlerFault::paymaster},
           Case{-32503, "expires too soon", false, BundlerFault::operation},
           Case{-32503, "expires too soon", false, BundlerFault::paymaster, true},
           Case{-32503, "", true, BundlerFault::paymaster},
           Case{-32504, "paymaster throttled", false, BundlerFault::paymaster},
           Case{-32508, "", false, BundlerFault::paymaster},
           Case{-32507, "", false, BundlerFault::operation},
           Case{-32507, "reverted with reason: AA34 signature error", false,
                BundlerFault::paymaster, true},
           Case{-32507, "reverted with reason: AA24 signature error", false,
                BundlerFault::operation, true},
           Case{-32507, "Invalid UserOp signature", false, BundlerFault::operation, true},
           Case{-32507, "Invalid UserOp paymasterData", false, BundlerFault::paymaster, true},
           Case{-32507, "Invalid UserOperation signature or paymaster signature", false,
                BundlerFault::paymaster, true},
           Case{-32521, "", false, BundlerFault::operation},
           Case{-32602, "missing field", false, BundlerFault::operation},
           Case{-32602, "EntryPoint not supported", false, BundlerFault::entry_point},
           Case{-32602, "Already known", false, BundlerFault::known},
           Case{-32005, "", false, BundlerFault::busy},
           Case{-32601, "", false, BundlerFault::unavailable},
       }) {
    INFO(c.code << " " << c.message);
    CHECK(fault_of_code(c.code, c.message, {c.names_paymaster, c.sponsored}) == c.fault);
  }
}

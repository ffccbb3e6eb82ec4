#include "host/provider/health.hpp"

#include <catch2/catch.hpp>

#include "host/provider/latency.hpp"

using namespace gantry::host;
using namespace std::chrono_literals;

namespace {

const ProviderHealth::Time start = ProviderHealth::Time{} + 1000h;

ProviderHealth ready_since(ProviderHealth::Time now) {
  ProviderHealth health(HealthTimes{}, now);
  health.check_begins();
  health.check_passed(now, false);
  return health;
}

}  // namespace

TEST_CASE("a provider is asked only after it has shown its chain") {
  ProviderHealth health(HealthTimes{}, start);
  CHECK(health.state(start) == ProviderState::unchecked);
  CHECK(health.check_is_due(start));
  health.check_begins();
  CHECK_FALSE(health.check_is_due(start));
  health.check_passed(start, false);
  CHECK(health.state(start) == ProviderState::ready);
}

TEST_CASE("a provider is checked every 30 s, at once after a failure, and every 5 s while down") {
  ProviderHealth health = ready_since(start);
  CHECK_FALSE(health.check_is_due(start + 29s));
  CHECK(health.check_is_due(start + 30s));
  health.failed(start + 1s, FailureCause::refused, "no connection");
  CHECK(health.state(start + 1s) == ProviderState::suspect);
  CHECK(health.check_is_due(start + 1s));
  health.check_begins();
  health.check_failed(start + 2s, FailureCause::refused, "no connection");
  CHECK(health.state(start + 2s) == ProviderState::down);
  CHECK(health.reason() == "no connection");
  CHECK_FALSE(health.check_is_due(start + 6s));
  CHECK(health.check_is_due(start + 7s));
  health.check_begins();
  health.check_passed(start + 7s, false);
  CHECK(health.state(start + 7s) == ProviderState::ready);
  CHECK_FALSE(health.check_is_due(start + 36s));
}

TEST_CASE("a ready provider whose check fails once is checked again before it is down") {
  ProviderHealth health = ready_since(start);
  health.check_begins();
  health.check_failed(start + 30s, FailureCause::timed_out, "no answer");
  CHECK(health.state(start + 30s) == ProviderState::suspect);
  CHECK(health.check_is_due(start + 30s));
}

TEST_CASE("a pause is kept to, doubles without a time, and ends with an answer") {
  ProviderHealth health = ready_since(start);
  health.failed(start, FailureCause::limited, "429");
  CHECK(health.state(start + 999ms) == ProviderState::limited);
  CHECK(health.state(start + 1s) == ProviderState::ready);
  health.failed(start + 1s, FailureCause::limited, "429");
  CHECK(health.state(start + 2999ms) == ProviderState::limited);
  CHECK(health.state(start + 3s) == ProviderState::ready);
  for (int i = 0; i < 40; ++i) health.failed(start + 3s, FailureCause::limited, "429");
  CHECK(health.limited_until() == start + 33s);
  health.answered(start + 33s);
  health.failed(start + 40s, FailureCause::limited, "429");
  CHECK(health.limited_until() == start + 41s);
}

TEST_CASE("the time of Retry-After is kept to, up to an hour") {
  ProviderHealth health = ready_since(start);
  health.failed(start, FailureCause::limited, "429", 7s);
  CHECK(health.limited_until() == start + 7s);
  health.failed(start, FailureCause::limited, "429", 48h);
  CHECK(health.limited_until() == start + 1h);
}

TEST_CASE("a provider that passes its checks and fails requests stays behind the others") {
  ProviderHealth health = ready_since(start);
  for (std::uint32_t i = 0; i < failures_in_row_max; ++i) {
    health.failed(start, FailureCause::garbage, "no JSON");
    health.check_begins();
    health.check_passed(start, false);
  }
  CHECK(health.state(start) == ProviderState::suspect);
  CHECK(health.is_set_back());
  SECTION("until it answers") {
    health.answered(start + 1s);
    CHECK(health.state(start + 1s) == ProviderState::ready);
    CHECK_FALSE(health.is_set_back());
  }
  SECTION("and where it fails a check it is down, and no more than that") {
    health.check_begins();
    health.check_failed(start + 1s, FailureCause::refused, "no connection");
    CHECK(health.state(start + 1s) == ProviderState::down);
    CHECK_FALSE(health.is_set_back());
  }
  SECTION("or some time has passed, and then with one failure left") {
    health.check_begins();
    health.check_passed(start + 31s, false);
    CHECK(health.state(start + 31s) == ProviderState::ready);
    health.failed(start + 32s, FailureCause::garbage, "no JSON");
    health.check_begins();
    health.check_passed(start + 32s, false);
    CHECK(health.state(start + 32s) == ProviderState::suspect);
  }
}

TEST_CASE("another chain's endpoint is not used until a check shows the right one") {
  ProviderHealth health = ready_since(start);
  health.failed(start, FailureCause::wrong_chain, "is of eip155:56");
  CHECK(health.state(start) == ProviderState::wrong_chain);
  health.answered(start);  // of a request that was on its way
  CHECK(health.state(start) == ProviderState::wrong_chain);
  health.check_begins();
  health.check_passed(start + 5s, false);
  CHECK(health.state(start + 5s) == ProviderState::ready);
}

TEST_CASE("a provider without the block is well") {
  ProviderHealth health = ready_since(start);
  for (int i = 0; i < 10; ++i) health.failed(start, FailureCause::behind, "no block");
  CHECK(health.state(start) == ProviderState::ready);
}

TEST_CASE("quantiles are of the last answers, and the average follows") {
  Latency latency;
  CHECK(latency.quantile_ms(0.99) == 0);
  for (int i = 1; i <= 100; ++i) latency.add(std::chrono::milliseconds(i));
  CHECK(latency.quantile_ms(0.5) == 50);
  CHECK(latency.quantile_ms(0.95) == 95);
  CHECK(latency.quantile_ms(0.99) == 99);
  CHECK(latency.quantile_ms(1) == 100);
  CHECK(latency.ewma_ms() == Approx(91).margin(1));
  for (std::size_t i = 0; i < Latency::window; ++i) latency.add(5ms);
  CHECK(latency.quantile_ms(0.99) == 5);
  CHECK(latency.count() == Latency::window);
}

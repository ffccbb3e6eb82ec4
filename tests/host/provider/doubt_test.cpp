// Answers that only whoever asks knows to be wrong.
#include <catch2/catch.hpp>

#include "fixture.hpp"

using namespace gantry::host;
using gantry::test::patient;
using gantry::test::Street;

TEST_CASE("a provider whose answers whoever asks knows to be wrong is passed over") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  RpcOptions options = patient;
  options.doubt = [](std::span<const RpcAnswer> answers,
                     const std::string& provider) -> std::optional<AnswerFault> {
    CHECK(answers.size() == 1);  // the caller's own
    if (provider == "a") return AnswerFault{FailureCause::garbage, "is wrong"};
    return std::nullopt;
  };
  const RpcCall call = Street::call_latest("0x01");
  const auto batch = providers.ask(std::span(&call, 1), options);
  REQUIRE(batch);
  CHECK(batch->provider == "b");
  CHECK(batch->attempts == 2);
  CHECK(street.stats("a").failures[static_cast<std::size_t>(FailureCause::garbage)] == 1);
}

TEST_CASE("one that only whoever asks knows to be behind is asked again, each time later") {
  Street street(1);
  Providers& providers = street.start();
  int asked = 0;
  RpcOptions options = patient;
  options.doubt = [&](std::span<const RpcAnswer>,
                      const std::string&) -> std::optional<AnswerFault> {
    if (++asked < 6) return AnswerFault{FailureCause::behind, "is behind"};
    return std::nullopt;
  };
  const RpcCall call = Street::call_latest("0x01");
  const auto batch = providers.ask(std::span(&call, 1), options);
  REQUIRE(batch);
  CHECK(asked == 6);
  // Two attempts at a time.
  CHECK(batch->took >= std::chrono::milliseconds(50 + 100));

  // Until the time is over, and then the reason is told.
  asked = -1000;
  options.deadline = std::chrono::milliseconds(500);
  const auto never = providers.ask(std::span(&call, 1), options);
  REQUIRE_FALSE(never);
  CHECK(never.error().kind == RpcErrorKind::no_block);
  CHECK(never.error().message.find("a: is behind") != std::string::npos);
}

TEST_CASE("an answer that turned out to be wrong counts as a failure of who gave it, and is told") {
  Street street(2);
  Providers& providers = street.start();
  providers.refute("b", "answered with what is not so");
  const auto node = static_cast<std::size_t>(FailureCause::node);
  CHECK(street.stats("a").failures[node] == 0);
  CHECK(street.stats("b").failures[node] == 1);
  CHECK(street.events.count_told(ProviderEventKind::stumbled, "b") == 1);
  providers.refute("nobody", "is unknown");
  CHECK(street.stats("a").failures[node] == 0);
}

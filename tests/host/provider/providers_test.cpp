#include "host/provider/providers.hpp"

#include <atomic>
#include <catch2/catch.hpp>
#include <random>
#include <thread>

#include "fixture.hpp"
#include "host/provider/health.hpp"
#include "host/provider/json_rpc.hpp"
#include "support/temporary_folder.hpp"

using namespace gantry::host;
using gantry::test::patient;
using gantry::test::RpcFault;
using gantry::test::Street;
using gantry::test::TemporaryFolder;
using namespace std::chrono_literals;

namespace {

bool names_no_key(const Street& street) {
  return std::ranges::none_of(street.events.all(), [](const ProviderEvent& event) {
    return event.message.find("s3cret") != std::string::npos;
  });
}

RpcOptions pinned_to(const BlockPin& pin, std::chrono::milliseconds deadline = 20s) {
  RpcOptions options = patient;
  options.deadline = deadline;
  options.pin = pin;
  return options;
}

}  // namespace

TEST_CASE("a batch is answered in its order, at the block that it is pinned to") {
  Street street(1);
  Providers& providers = street.start();
  const BlockPin pin = street.pin();
  street.chain.advance(5);
  const std::vector<RpcCall> calls = {Street::call("0x01"), Street::call("0xdead"),
                                      Street::call("0x02")};
  const auto batch = providers.ask(calls, pinned_to(pin));
  REQUIRE(batch);
  CHECK(batch->provider == "a");
  REQUIRE(batch->answers.size() == 3);
  CHECK(batch->answers[0].value() == street.chain.truth(pin.number, "0x01"));
  CHECK(batch->answers[2].value() == street.chain.truth(pin.number, "0x02"));
  REQUIRE_FALSE(batch->answers[1]);
  CHECK(batch->answers[1].error().code == 3);
}

TEST_CASE("a revert and a missing method at one provider never count as its failure") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  const RpcCall reverts = Street::call_latest("0xdead");
  const auto batch = providers.ask(std::span(&reverts, 1), patient);
  REQUIRE(batch);
  CHECK(batch->provider == "a");
  CHECK(batch->attempts == 1);
  const RpcCall missing{"eth_teapot", {}};
  const auto nowhere = providers.ask(std::span(&missing, 1), patient);
  REQUIRE(nowhere);
  CHECK(nowhere->attempts == 2);
  CHECK(nowhere->answers.at(0).error().code == -32601);
  CHECK(street.stats("a").failures_total() == 0);
  CHECK(street.stats("b").failures_total() == 0);
}

TEST_CASE("whatever the first provider does, the second answers, and the cause is counted") {
  struct Case {
    RpcFault fault;
    FailureCause cause;
  };
  const auto [fault, cause] =
      GENERATE(values<Case>({{RpcFault::close, FailureCause::broken},
                             {RpcFault::reset, FailureCause::broken},
                             {RpcFault::garbage, FailureCause::garbage},
                             {RpcFault::html, FailureCause::garbage},
                             {RpcFault::wrong_ids, FailureCause::wrong_ids},
                             {RpcFault::twice, FailureCause::wrong_ids},
                             {RpcFault::missing, FailureCause::wrong_ids},
                             {RpcFault::huge, FailureCause::too_long},
                             {RpcFault::other_chain, FailureCause::wrong_chain},
                             {RpcFault::limited, FailureCause::limited},
                             {RpcFault::limited_for_1_s, FailureCause::limited},
                             {RpcFault::limited_in_json, FailureCause::limited},
                             {RpcFault::unavailable, FailureCause::status},
                             {RpcFault::key_refused, FailureCause::key_refused},
                             {RpcFault::node_fails, FailureCause::node}}));
  CAPTURE(to_string(fault));
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(fault);
  const RpcCall call = Street::call_latest("0x01");
  const auto batch = providers.ask(std::span(&call, 1), patient);
  REQUIRE(batch);
  CHECK(batch->provider == "b");
  CHECK(batch->answers.at(0).value() == street.chain.truth(street.chain.head(), "0x01"));
  CHECK(street.stats("a").failures[static_cast<std::size_t>(cause)] >= 1);
  CHECK(street.stats("b").failures_total() == 0);
  CHECK(names_no_key(street));
}

TEST_CASE("a provider that refuses connections is told once, and again when it answers") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).die();
  const RpcCall call = Street::call_latest("0x01");
  for (int i = 0; i < 10; ++i) CHECK(providers.ask(std::span(&call, 1), patient));
  providers.check_now(20s);
  CHECK(street.stats("a").state == ProviderState::down);
  CHECK(street.stats("a").reason == "no connection");
  CHECK(street.events.count_told(ProviderEventKind::down, "a") == 1);
  const auto told = street.events.all();
  const auto down = std::ranges::find(told, ProviderEventKind::down, &ProviderEvent::kind);
  REQUIRE(down != told.end());
  CHECK_THAT(down->message,
             Catch::EndsWith("is down: no connection. Correct the host and port in its url, or "
                             "start the server there. It is checked every 5 s"));
  CHECK(street.events.count(ProviderEventKind::halted, "") == 0);
  street.server(0).come_back();
  providers.check_now(20s);
  CHECK(street.stats("a").state == ProviderState::ready);
  CHECK(street.events.count_told(ProviderEventKind::recovered, "a") == 1);
  const auto batch = providers.ask(std::span(&call, 1), patient);
  REQUIRE(batch);
  CHECK(batch->provider == "a");
}

TEST_CASE(
    "a provider that hangs costs no more than its usual time, and then comes after the others") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(RpcFault::hang);
  const RpcCall call = Street::call_latest("0x01");
  RpcOptions hedged = patient;
  hedged.hedge = true;
  const auto first = providers.ask(std::span(&call, 1), hedged);
  REQUIRE(first);
  CHECK(first->provider == "b");
  CHECK(first->attempts == 2);
  CHECK(street.stats("b").hedges == 1);
  CHECK(street.stats("b").hedges_won == 1);
  const auto second = providers.ask(std::span(&call, 1), patient);
  REQUIRE(second);
  CHECK(second->provider == "b");
  CHECK(second->attempts == 1);
}

TEST_CASE("an endpoint of another chain is named as such and never used") {
  gantry::test::RpcChain polygon(137);
  gantry::test::RpcServer wrong(polygon);
  Street street(1);
  street.add(wrong.url());
  Providers& providers = street.start();
  CHECK(street.stats("b").state == ProviderState::wrong_chain);
  CHECK(street.stats("b").chain_told == "eip155:137");
  CHECK(street.stats("b").reason == "is of eip155:137, not eip155:1");
  CHECK(street.events.count_told(ProviderEventKind::wrong_chain, "b") == 1);
  const std::uint64_t asked = wrong.requests();
  const RpcCall call = Street::call_latest("0x01");
  for (int i = 0; i < 10; ++i) {
    const auto batch = providers.ask(std::span(&call, 1), patient);
    REQUIRE(batch);
    CHECK(batch->provider == "a");
  }
  CHECK(wrong.requests() == asked);
}

TEST_CASE("when all are down the chain is HALTED with each reason, and goes on by itself") {
  Street street(2);
  Providers& providers = street.start();
  street.server(0).die();
  street.server(1).fail(RpcFault::key_refused);
  const RpcCall call = Street::call_latest("0x01");
  const auto none = providers.ask(std::span(&call, 1), patient);
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == RpcErrorKind::halted);
  CHECK_THAT(none.error().message, Catch::Contains("HALTED") &&
                                       Catch::Contains("a: no connection") &&
                                       Catch::Contains("b: refuses the key (HTTP status 401)"));
  CHECK(none.error().message.find("s3cret") == std::string::npos);
  CHECK(providers.statistics().halted);
  CHECK(street.events.count_told(ProviderEventKind::halted, "") == 1);
  street.server(1).fail(RpcFault::none);
  // Whoever asks has those that are down checked, so nobody waits for the next turn of the watch.
  std::this_thread::sleep_for(600ms);
  const auto batch = providers.ask(std::span(&call, 1), patient);
  REQUIRE(batch);
  CHECK(batch->provider == "b");
  CHECK_FALSE(providers.statistics().halted);
  CHECK(street.events.count_told(ProviderEventKind::resumed, "") == 1);
}

TEST_CASE("a chain that is down is found again without anybody asking") {
  Street street(1);
  street.server(0).die();
  street.start();
  CHECK(street.stats("a").state == ProviderState::down);
  street.server(0).come_back();
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (street.stats("a").state != ProviderState::ready &&
         std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(20ms);
  }
  CHECK(street.stats("a").state == ProviderState::ready);
}

TEST_CASE("a provider without the pinned block is passed over") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(RpcFault::old_block);
  street.chain.advance();
  const RpcCall call = Street::call("0x01");
  const auto batch = providers.ask(std::span(&call, 1), pinned_to(street.pin()));
  REQUIRE(batch);
  CHECK(batch->provider == "b");
  CHECK(batch->answers.at(0).value() == street.chain.truth(street.chain.head(), "0x01"));
  CHECK(street.stats("a").failures[static_cast<std::size_t>(FailureCause::behind)] == 1);
}

TEST_CASE("who has no answer to a block that is there is passed over, and else null is an answer") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(RpcFault::old_block);
  street.chain.advance();
  const RpcCall call{"eth_getBlockByNumber", {quantity_text(street.chain.head()), false}};
  RpcOptions options = patient;
  const auto null = providers.ask(std::span(&call, 1), options);
  REQUIRE(null);
  CHECK(null->provider == "a");
  CHECK(null->answers.at(0).value().is_null());
  options.blocks_are_there = true;
  const auto block = providers.ask(std::span(&call, 1), options);
  REQUIRE(block);
  CHECK(block->provider == "b");
  const auto& hash = block->answers.at(0).value().at("hash");
  CHECK(std::string(hash.as_string()) == street.chain.hash(street.chain.head()));
  // Where nobody has it, that is the error.
  street.server(1).fail(RpcFault::old_block);
  const auto none = providers.ask(std::span(&call, 1), options);
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == RpcErrorKind::no_block);
  CHECK(none.error().message.find("does not have the block") != std::string::npos);
}

TEST_CASE("blocks and logs that are none are passed over, in a line that names who gave them") {
  struct Case {
    RpcFault fault;
    FailureCause cause;
    std::string words;
  };
  const auto one = GENERATE(values<Case>(
      {{RpcFault::null_logs, FailureCause::garbage, "answers eth_getLogs with no list of logs"},
       {RpcFault::logs_of_no_block, FailureCause::garbage, "not of the block"},
       {RpcFault::logs_of_another_block, FailureCause::garbage, "not of the block"},
       {RpcFault::logs_not_in_plan, FailureCause::node, "is not available on your plan' (-32600)"},
       {RpcFault::logs_of_bad_address, FailureCause::garbage,
        "answers eth_getLogs with a log whose address is no 20 bytes"},
       {RpcFault::logs_of_bad_topics, FailureCause::garbage, "with a topic that is no 32 bytes"},
       {RpcFault::logs_of_bad_data, FailureCause::garbage, "a log whose data are no bytes"},
       {RpcFault::logs_without_index, FailureCause::garbage, "a log without a logIndex"},
       {RpcFault::block_without_parent, FailureCause::garbage, "without number, time, hash or"},
       {RpcFault::other_block, FailureCause::garbage, "with another block"}}));
  CAPTURE(to_string(one.fault));
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(one.fault);
  const std::uint64_t newest = street.chain.head();
  const std::string hash = street.chain.hash(newest);
  const RpcCall calls[] = {{"eth_getBlockByNumber", {quantity_text(newest), false}},
                           {"eth_getLogs", {boost::json::object{{"blockHash", hash}}}}};
  RpcOptions options = patient;
  options.blocks_are_there = true;
  const auto batch = providers.ask(calls, options);
  REQUIRE(batch);
  CHECK(batch->provider == "b");
  CHECK(batch->attempts == 2);
  CHECK(head_of(batch->answers.at(0).value(), "b")->hash == hash);
  CHECK(batch->answers.at(1).value().as_array().size() == 1);
  const ProviderStatistics failing = street.stats("a");
  CHECK(failing.failures[static_cast<std::size_t>(one.cause)] >= 1);
  CHECK(street.stats("b").failures_total() == 0);
  // Who passes its checks all the same is asked again, and whoever does not is down.
  const bool down = one.fault == RpcFault::block_without_parent;
  const auto kind = down ? ProviderEventKind::down : ProviderEventKind::stumbled;
  REQUIRE(street.events.count_told(kind, "a") == 1);
  for (const ProviderEvent& event : street.events.all()) {
    if (event.kind != kind) continue;
    CHECK_THAT(event.message, Catch::StartsWith("provider a ("));
    if (!down) CHECK_THAT(event.message, Catch::Contains(one.words));
  }
  // Where nobody has better ones the error says of each what is wrong.
  street.server(1).fail(one.fault);
  options.deadline = 500ms;
  const auto none = providers.ask(calls, options);
  REQUIRE_FALSE(none);
  CHECK_THAT(none.error().message, Catch::Contains("a: ") && Catch::Contains("b: "));
  // A check that came in between says that in words of its own.
  if (!down) CHECK_THAT(none.error().message, Catch::Contains(one.words));
}

TEST_CASE(
    "an eth_call that is refused in unknown words is asked of the next, and told if it has it") {
  const RpcFault fault = GENERATE(RpcFault::calls_fail, RpcFault::calls_are_null);
  CAPTURE(to_string(fault));
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(fault);
  const RpcCall call = Street::call("0x01");
  const auto batch = providers.ask(std::span(&call, 1), pinned_to(street.pin()));
  REQUIRE(batch);
  CHECK(batch->provider == "b");
  CHECK(batch->answers.at(0).value() == street.chain.truth(street.chain.head(), "0x01"));
  CHECK(street.stats("a").failures[static_cast<std::size_t>(FailureCause::node)] == 1);
  REQUIRE(street.events.count_told(ProviderEventKind::stumbled, "a") == 1);
  // Where all say so it is what the chain has to say, and nobody's fault.
  street.server(1).fail(fault);
  const auto all = providers.ask(std::span(&call, 1), pinned_to(street.pin()));
  REQUIRE(all);
  CHECK(all->provider == "a");
  if (fault == RpcFault::calls_fail) {
    CHECK(all->answers.at(0).error().message == "Temporary internal error. Please retry");
  } else {
    CHECK(all->answers.at(0).value().is_null());
  }
  CHECK(street.stats("a").failures_total() == 1);
  CHECK(street.stats("b").failures_total() == 0);
  // What reverts is an answer, which refutes the other.
  street.server(1).fail(RpcFault::none);
  const RpcCall reverting = Street::call("0xdead");
  const auto reverted = providers.ask(std::span(&reverting, 1), pinned_to(street.pin()));
  REQUIRE(reverted);
  CHECK(reverted->provider == "b");
  CHECK(reverted->answers.at(0).error().code == 3);
}

TEST_CASE("logs of a range have all their fields, whatever the filter names") {
  const auto [fault, words] = GENERATE(table<RpcFault, std::string>(
      {{RpcFault::logs_of_no_block, "a log without a blockHash"},
       {RpcFault::logs_of_bad_address, "a log whose address is no 20 bytes"},
       {RpcFault::logs_of_bad_topics, "a log with a topic that is no 32 bytes"}}));
  CAPTURE(to_string(fault));
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(fault);
  const std::uint64_t newest = street.chain.head();
  const RpcCall call{"eth_getLogs",
                     {boost::json::object{{"fromBlock", quantity_text(newest - 3)},
                                          {"toBlock", quantity_text(newest)}}}};
  const auto batch = providers.ask(std::span(&call, 1), patient);
  REQUIRE(batch);
  CHECK(batch->provider == "b");
  CHECK(batch->answers.at(0).value().as_array().size() == 4);
  CHECK(street.stats("a").failures[static_cast<std::size_t>(FailureCause::garbage)] == 1);
  REQUIRE(street.events.count_told(ProviderEventKind::stumbled, "a") == 1);
  for (const ProviderEvent& event : street.events.all()) {
    if (event.kind != ProviderEventKind::stumbled) continue;
    CHECK_THAT(event.message, Catch::StartsWith("provider a (") && Catch::Contains(words));
  }
}

TEST_CASE("who says that it has no eth_call is told by name, and the next one answers") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(RpcFault::no_read_methods);
  const RpcCall call = Street::call_latest("0x01");
  const auto batch = providers.ask(std::span(&call, 1), patient);
  REQUIRE(batch);
  CHECK(batch->provider == "b");
  CHECK(batch->answers.at(0).value() == street.chain.truth(street.chain.head(), "0x01"));
  CHECK(street.stats("a").failures[static_cast<std::size_t>(FailureCause::node)] == 1);
  REQUIRE(street.events.count_told(ProviderEventKind::stumbled, "a") == 1);
  for (const ProviderEvent& event : street.events.all()) {
    if (event.kind != ProviderEventKind::stumbled) continue;
    CHECK_THAT(event.message, Catch::StartsWith("provider a (") &&
                                  Catch::Contains("does not have eth_call: 'the method is not "
                                                  "available' (-32601)"));
  }
  // Where nobody has it, it is what the chain's nodes say, and nobody's fault.
  street.server(1).fail(RpcFault::no_read_methods);
  const auto nowhere = providers.ask(std::span(&call, 1), patient);
  REQUIRE(nowhere);
  CHECK(nowhere->answers.at(0).error().code == -32601);
  CHECK(street.stats("b").failures_total() == 0);
  CHECK(street.stats("a").failures_total() == 1);
}

TEST_CASE("who passes its checks and refuses all reads comes after the others, with a word why") {
  const RpcFault fault = GENERATE(RpcFault::calls_fail, RpcFault::calls_are_null,
                                  RpcFault::no_read_methods, RpcFault::logs_of_bad_topics);
  CAPTURE(to_string(fault));
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(fault);
  const std::string hash = street.chain.hash(street.chain.head());
  const RpcCall call = fault == RpcFault::logs_of_bad_topics
                           ? RpcCall{"eth_getLogs", {boost::json::object{{"blockHash", hash}}}}
                           : Street::call_latest("0x01");
  std::size_t failed_over = 0;
  for (std::uint32_t i = 0; i < failures_in_row_max + 6; ++i) {
    const auto batch = providers.ask(std::span(&call, 1), patient);
    REQUIRE(batch);
    CHECK(batch->provider == "b");
    if (batch->attempts == 2) ++failed_over;
    providers.check_now(20s);  // which it passes
  }
  CHECK(failed_over == failures_in_row_max);
  CHECK(street.stats("a").state == ProviderState::suspect);
  CHECK(street.stats("b").failures_total() == 0);
  const auto events = street.events.all();
  CHECK(std::ranges::count_if(events, [](const ProviderEvent& event) {
          return event.kind == ProviderEventKind::stumbled &&
                 event.message.find("failed 3 times in a row: ") != std::string::npos &&
                 event.message.find("Others are asked before it") != std::string::npos;
        }) == 1);
  // It is still there for what nobody else answers, and a good answer makes it one of them again.
  street.server(0).fail(RpcFault::none);
  street.server(1).die();
  const auto last = providers.ask(std::span(&call, 1), patient);
  REQUIRE(last);
  CHECK(last->provider == "a");
  CHECK(street.stats("a").state == ProviderState::ready);
}

TEST_CASE("reverts and refused parameters never make another provider answer, however many") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  const RpcCall reverting = Street::call_latest("0xdead");
  const RpcCall unreadable{"eth_getLogs",
                           {boost::json::object{{"fromBlock", "0x1"}, {"toBlock", "0x100"}}}};
  for (std::uint32_t i = 0; i < 2 * failures_in_row_max; ++i) {
    for (const RpcCall& call : {reverting, unreadable}) {
      const auto batch = providers.ask(std::span(&call, 1), patient);
      REQUIRE(batch);
      CHECK(batch->provider == "a");
      CHECK(batch->attempts == 1);
      CHECK_FALSE(batch->answers.at(0));
    }
  }
  CHECK(street.stats("a").state == ProviderState::ready);
  CHECK(street.stats("a").failures_total() == 0);
  CHECK(street.stats("b").answers == street.stats("b").requests);
}

TEST_CASE("with state overrides a revert is an answer, and no bytes are another provider's turn") {
  Street street(2);
  street.by_priority();
  std::atomic<bool> takes_overrides{true};
  std::atomic<int> asked{0};
  street.chain.answer_first(
      [&](const std::string& method,
          const boost::json::array& params) -> std::optional<boost::json::value> {
        if (method != "eth_call" || params.size() < 3) return std::nullopt;
        if (++asked % 2 == 0 || takes_overrides) return std::nullopt;
        return "0x";
      });
  Providers& providers = street.start();
  const boost::json::object overrides{{"0x1", {{"code", "0x00"}}}};
  RpcCall call = Street::call_latest("0xdead");
  call.params.push_back(overrides);
  const auto reverted = providers.ask(std::span(&call, 1), patient);
  REQUIRE(reverted);
  CHECK(reverted->attempts == 1);
  CHECK_FALSE(reverted->answers.at(0).has_value());

  // The first is as if there were none, the second runs it.
  asked = 0;
  takes_overrides = false;
  call = Street::call_latest("0x01");
  call.params.push_back(overrides);
  const auto other = providers.ask(std::span(&call, 1), patient);
  REQUIRE(other);
  CHECK(other->provider == "b");
  CHECK(other->attempts == 2);
  CHECK(other->answers.at(0) == street.chain.truth(street.chain.head(), "0x01"));
  CHECK(street.stats("a").failures_total() == 0);
  CHECK(street.stats("b").failures_total() == 0);
}

TEST_CASE("whoever asks while the first check ends is answered") {
  // Between that nobody can be asked and the look for a check that is on its way the check may end.
  constexpr int askers = 4;
  constexpr int turns = 750;
  gantry::test::RpcChain chain(1);
  gantry::test::RpcServer server(chain);
  ChainSettings settings;
  RpcProviderSettings& only = settings.providers.emplace_back();
  only.name = "only";
  only.url = TemplatedUrl::parse(server.url()).value();
  const SteadyClock clock;
  const Environment environment = [](std::string_view) { return std::nullopt; };
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < askers; ++i) {
    threads.emplace_back([&, i] {
      std::mt19937_64 random(static_cast<std::uint64_t>(i));
      const auto http = make_curl_http_pool().value();
      const RpcCall call = Street::call_latest("0x01");
      for (int turn = 0; turn < turns; ++turn) {
        auto providers = Providers::make(settings, {*http, clock, environment},
                                         {.watch = true, .on_event = [](const ProviderEvent&) {}});
        // About as long as a check takes.
        const auto begin = clock.now() + std::chrono::microseconds(random() % 1000);
        while (clock.now() < begin) {
        }
        if (providers && (*providers)->ask(std::span(&call, 1), patient)) ++answered;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(answered == askers * turns);
}

TEST_CASE("a range of logs that finds too much is an answer, one that a plan refuses is not") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  const auto logs = [&](std::uint64_t first, std::uint64_t last) {
    return RpcCall{"eth_getLogs",
                   {boost::json::object{{"fromBlock", quantity_text(first)},
                                        {"toBlock", quantity_text(last)}}}};
  };
  const RpcCall wide = logs(100, 200);
  const auto too_much = providers.ask(std::span(&wide, 1), patient);
  REQUIRE(too_much);
  CHECK(too_much->provider == "a");
  CHECK(too_much->attempts == 1);
  CHECK(too_much->answers.at(0).error().code == -32005);
  CHECK(street.stats("a").failures_total() == 0);
  const RpcCall narrow = logs(100, 104);
  for (const RpcFault fault : {RpcFault::logs_not_in_plan, RpcFault::null_logs}) {
    CAPTURE(to_string(fault));
    street.server(0).fail(fault);
    const auto batch = providers.ask(std::span(&narrow, 1), patient);
    REQUIRE(batch);
    CHECK(batch->provider == "b");
    CHECK(batch->answers.at(0).value().as_array().size() == 5);
  }
}

TEST_CASE("a block that nobody has is an error of its own, and one that comes in time is read") {
  Street street(2);
  Providers& providers = street.start();
  const BlockPin next{street.chain.head() + 1, street.chain.hash(street.chain.head() + 1)};
  const RpcCall call = Street::call("0x01");
  const auto none = providers.ask(std::span(&call, 1), pinned_to(next, 300ms));
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == RpcErrorKind::no_block);
  std::thread later([&] {
    std::this_thread::sleep_for(120ms);
    street.chain.advance();
  });
  const auto batch = providers.ask(std::span(&call, 1), pinned_to(next));
  later.join();
  REQUIRE(batch);
  CHECK(batch->answers.at(0).value() == street.chain.truth(next.number, "0x01"));
}

TEST_CASE("where blocks cannot be named by hash, another block of the number is noticed") {
  Street street(1);
  street.server(0).fail(RpcFault::no_blocks_by_hash);
  Providers& providers = street.start();
  CHECK_FALSE(street.stats("a").by_hash);
  const RpcCall call = Street::call("0x01");
  const auto batch = providers.ask(std::span(&call, 1), pinned_to(street.pin()));
  REQUIRE(batch);
  REQUIRE(batch->answers.size() == 1);
  CHECK(batch->answers[0].value() == street.chain.truth(street.chain.head(), "0x01"));
  BlockPin reorganized = street.pin();
  reorganized.hash = "0x" + std::string(64, '7');
  const auto none = providers.ask(std::span(&call, 1), pinned_to(reorganized, 300ms));
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == RpcErrorKind::no_block);
  CHECK_THAT(none.error().message, Catch::Contains("has another block"));
}

TEST_CASE("the head never goes back when the provider changes") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.chain.advance(3);
  const auto newest = providers.poll_head(20s);
  REQUIRE(newest);
  CHECK(newest->number == street.chain.head());
  CHECK(newest->hash == street.chain.hash(street.chain.head()));
  street.server(0).die();
  street.server(1).fail(RpcFault::old_block);
  const auto after = providers.poll_head(20s);
  REQUIRE(after);
  CHECK(after->number == newest->number);
  CHECK(providers.head()->number == newest->number);
}

TEST_CASE("what a subscription tells is believed as an answer is, and not for long") {
  Street street(2);
  Providers& providers = street.start();
  const std::uint64_t newest = street.chain.head();
  const auto told = [&](std::uint64_t number, const std::string& by) {
    return Head{number, street.chain.hash(newest), street.chain.hash(newest - 1), 0, by};
  };
  // Far ahead of all others, of nobody, or above what a number can be.
  for (const Head& lie : {told(newest + 1'000'000, "a"), told(newest + 5, "nobody"),
                          told(block_number_max, "b"), told(~std::uint64_t{0}, "a")}) {
    providers.note_head(lie);
    REQUIRE(providers.head());
    CHECK(providers.head()->number == newest);
  }
  providers.note_head(told(newest + 500, "a"));
  CHECK(providers.head()->number == newest + 500);
  // Nobody has it.
  providers.doubt_head();
  CHECK_FALSE(providers.head());
  providers.note_head(told(newest + 500, "a"));
  CHECK_FALSE(providers.head());
  const auto polled = providers.poll_head(20s);
  REQUIRE(polled);
  CHECK(polled->number == newest);
  providers.note_head(told(newest + 1, "b"));
  CHECK(providers.head()->number == newest + 1);
}

TEST_CASE("a provider that is stuck on an old block is told, and asked after the others") {
  Street street(2);
  street.by_priority();
  street.server(0).fail(RpcFault::old_block);
  Providers& providers = street.start();
  providers.check_now(20s);
  CHECK(street.stats("a").state == ProviderState::behind);
  CHECK(street.stats("a").lag_blocks == 50);
  CHECK(street.events.count_told(ProviderEventKind::behind, "a") == 1);
  const RpcCall call = Street::call_latest("0x01");
  const auto batch = providers.ask(std::span(&call, 1), patient);
  REQUIRE(batch);
  CHECK(batch->provider == "b");
}

TEST_CASE("priority comes first, and weights share what is of one priority") {
  Street street(3);
  street.settings.providers[0].weight = 3;
  street.settings.providers[1].weight = 1;
  street.settings.providers[2].priority = 2;
  Providers& providers = street.start();
  const RpcCall call = Street::call_latest("0x01");
  std::string order;
  for (int i = 0; i < 8; ++i) order += providers.ask(std::span(&call, 1), patient)->provider;
  CHECK(order == "aabaaaba");
}

TEST_CASE("a pause is kept to: nothing is sent before its end") {
  Street street(1);
  Providers& providers = street.start();
  street.server(0).fail(RpcFault::limited_for_1_s);
  const RpcCall call = Street::call_latest("0x01");
  RpcOptions soon = patient;
  soon.deadline = 100ms;
  const auto none = providers.ask(std::span(&call, 1), soon);
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == RpcErrorKind::halted);
  CHECK_THAT(none.error().message, Catch::Contains("pauses for 1 s more"));
  const std::uint64_t sent = street.server(0).requests();
  const auto begun = std::chrono::steady_clock::now();
  CHECK_FALSE(providers.ask(std::span(&call, 1), soon));
  CHECK(street.server(0).requests() == sent);
  street.server(0).fail(RpcFault::none);
  CHECK(providers.ask(std::span(&call, 1), patient));
  CHECK(std::chrono::steady_clock::now() - begun > 500ms);
  CHECK(street.events.count_told(ProviderEventKind::limited, "a") == 1);
}

TEST_CASE("a write that waits for a provider does not leave after a stop") {
  Street street(1);
  Providers& providers = street.start();
  street.server(0).fail(RpcFault::limited_for_1_s);
  const RpcCall call{"eth_sendRawTransaction", {"0x02f8"}};
  RpcOptions options = patient;
  options.kind = RpcKind::write;
  bool is_stopped = false;
  int looks = 0;
  options.may_leave = [&] {
    ++looks;
    return !is_stopped;
  };
  RpcOptions soon = options;
  soon.deadline = 100ms;
  REQUIRE_FALSE(providers.ask(std::span(&call, 1), soon));
  CHECK(looks == 1);
  street.server(0).fail(RpcFault::none);
  const std::uint64_t sent = street.server(0).requests();
  is_stopped = true;
  const auto withheld = providers.ask(std::span(&call, 1), options);
  REQUIRE_FALSE(withheld);
  CHECK(withheld.error().kind == RpcErrorKind::withheld);
  CHECK_THAT(withheld.error().message, Catch::Contains("nobody has it"));
  CHECK(looks == 2);
  CHECK(street.server(0).requests() == sent);
  is_stopped = false;
  CHECK(providers.ask(std::span(&call, 1), options));
}

TEST_CASE("a write goes on to the next provider only while it may leave") {
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  street.server(0).fail(RpcFault::limited_for_1_s);
  const RpcCall call{"eth_sendRawTransaction", {"0x02f8"}};
  RpcOptions options = patient;
  options.kind = RpcKind::write;
  int looks = 0;
  options.may_leave = [&] { return ++looks == 1; };
  const std::uint64_t sent = street.server(1).requests();
  const auto withheld = providers.ask(std::span(&call, 1), options);
  REQUIRE_FALSE(withheld);
  CHECK(withheld.error().kind == RpcErrorKind::withheld);
  CHECK(looks == 2);
  CHECK(street.server(1).requests() == sent);
}

TEST_CASE("a write that may have left is not sent again, and its error says so") {
  const RpcFault fault =
      GENERATE(RpcFault::close, RpcFault::reset, RpcFault::garbage, RpcFault::wrong_ids,
               RpcFault::unavailable, RpcFault::node_fails, RpcFault::hang,
               RpcFault::refused_on_its_way, RpcFault::refused_on_its_way_502);
  CAPTURE(to_string(fault));
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  // A connection that is kept: a request that finds it dead would be sent again by itself.
  const RpcCall read = Street::call_latest("0x01");
  CHECK(providers.ask(std::span(&read, 1), patient));
  const std::uint64_t before = street.server(0).requests();
  street.server(0).fail(fault);
  const RpcCall write{"eth_sendRawTransaction", {"0xf86c"}};
  const auto sent = providers.ask(
      std::span(&write, 1),
      {.deadline = fault == RpcFault::hang ? 300ms : 20000ms, .kind = RpcKind::write});
  REQUIRE_FALSE(sent);
  CHECK(sent.error().kind == RpcErrorKind::unknown_outcome);
  CHECK_THAT(sent.error().message, Catch::Contains("may have taken eth_sendRawTransaction"));
  std::size_t writes = 0;
  for (const auto& one : street.chain.transactions()) writes += one == "0xf86c" ? 1U : 0U;
  CHECK(writes <= 1);
  CHECK(street.server(1).requests() <= 4);  // its checks
  CHECK(street.server(0).requests() >= before + 1);
}

TEST_CASE("a write that surely did not leave goes to the next provider, once") {
  // None: nobody listens.
  const RpcFault fault = GENERATE(RpcFault::limited, RpcFault::not_understood, RpcFault::none);
  CAPTURE(to_string(fault));
  Street street(2);
  street.by_priority();
  Providers& providers = street.start();
  if (fault == RpcFault::none) {
    street.server(0).die();
  } else {
    street.server(0).fail(fault);
  }
  const RpcCall write{"eth_sendRawTransaction", {"0xf86c"}};
  const auto sent =
      providers.ask(std::span(&write, 1), {.deadline = 20000ms, .kind = RpcKind::write});
  REQUIRE(sent);
  CHECK(sent->provider == "b");
  CHECK(street.chain.transactions() == std::vector<std::string>{"0xf86c"});
}

TEST_CASE("TLS faults are told apart, and a trusted server answers") {
  const TemporaryFolder folder;
  const std::string certificate = (folder / "server.pem").string();
  gantry::test::write_self_signed_certificate(certificate);
  Street street(1);                                              // a: plain
  street.add_server(certificate);                                // b: TLS
  street.add("https://" + street.server(0).origin().substr(7));  // c: a plain server behind https
  SECTION("to a machine that does not know the certificate") {
    street.start();
    CHECK(street.stats("a").state == ProviderState::ready);
    CHECK(street.stats("b").state == ProviderState::down);
    CHECK(street.stats("b").reason == "its certificate is self-signed");
    CHECK(street.stats("c").state == ProviderState::down);
    CHECK_THAT(street.stats("c").reason, Catch::Contains("TLS handshake failed"));
    CHECK(street.stats("b").failures[static_cast<std::size_t>(FailureCause::certificate)] >= 1);
    CHECK(street.stats("c").failures[static_cast<std::size_t>(FailureCause::tls_handshake)] >= 1);
  }
  SECTION("to one that does") {
    street.start({.certificates = certificate});
    CHECK(street.stats("b").state == ProviderState::ready);
  }
}

TEST_CASE("keys are taken from the environment, and whoever lacks one is left out by name") {
  Street street(1);
  const std::string origin = street.server(0).origin();
  street.settings.providers.clear();
  street.add(origin + "/v2/${ALCHEMY_API_KEY}");
  street.add(origin + "/v3/${INFURA_API_KEY}");
  street.environment = [](std::string_view name) -> std::optional<std::string> {
    if (name == "ALCHEMY_API_KEY") return "k3y-of-alchemy";
    return std::nullopt;
  };
  street.start();
  CHECK(street.stats("a").state == ProviderState::ready);
  CHECK(street.stats("a").origin == origin);
  CHECK(street.stats("b").state == ProviderState::down);
  CHECK_THAT(street.stats("b").reason, Catch::Contains("INFURA_API_KEY is not set"));
  street.environment = [](std::string_view) { return std::nullopt; };
  const auto none =
      Providers::make(street.settings, {*street.http, street.clock, street.environment});
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ErrorKind::configuration);
  CHECK_THAT(none.error().message,
             Catch::Contains("ALCHEMY_API_KEY") && Catch::Contains("INFURA_API_KEY"));
}

TEST_CASE("a batch out of bounds is refused before anybody is asked") {
  Street street(1);
  Providers& providers = street.start();
  const std::uint64_t asked = street.server(0).requests();
  const auto kind = [&](const std::vector<RpcCall>& calls, const RpcOptions& options) {
    const auto batch = providers.ask(calls, options);
    return batch ? std::optional<RpcErrorKind>() : batch.error().kind;
  };
  const RpcCall one = Street::call_latest("0x01");
  CHECK(kind({}, {}) == RpcErrorKind::usage);
  CHECK(kind(std::vector<RpcCall>(rpc_calls_max + 1, one), {}) == RpcErrorKind::usage);
  CHECK(kind({one}, {.deadline = 0ms}) == RpcErrorKind::usage);
  CHECK(kind({one}, {.deadline = 61s}) == RpcErrorKind::usage);
  CHECK(kind({one, one}, {.kind = RpcKind::write}) == RpcErrorKind::usage);
  CHECK(kind({one}, pinned_to({1, "0x12"})) == RpcErrorKind::usage);
  CHECK(kind({one}, pinned_to(street.pin())) == RpcErrorKind::usage);  // names a block of its own
  CHECK(street.server(0).requests() == asked);
}

TEST_CASE("a stop ends those who wait") {
  Street street(1);
  Providers& providers = street.start();
  street.server(0).fail(RpcFault::hang);
  const RpcCall call = Street::call_latest("0x01");
  std::expected<RpcBatch, RpcError> answer;
  std::thread waiting([&] { answer = providers.ask(std::span(&call, 1), patient); });
  std::this_thread::sleep_for(50ms);
  providers.stop();
  waiting.join();
  REQUIRE_FALSE(answer);
  CHECK(answer.error().kind == RpcErrorKind::stopped);
  CHECK(providers.ask(std::span(&call, 1), patient).error().kind == RpcErrorKind::stopped);
}

TEST_CASE("connections are kept from one batch to the next") {
  Street street(1);
  Providers& providers = street.start();
  const RpcCall call = Street::call_latest("0x01");
  for (int i = 0; i < 20; ++i) CHECK(providers.ask(std::span(&call, 1), patient));
  CHECK(street.server(0).connections() <= 2);  // the checks may have had one beside
  CHECK(street.server(0).requests() >= 20);
}

TEST_CASE("how providers do is one line for people, with the causes of their failures") {
  ProviderStatistics good;
  good.name = "alchemy";
  good.state = ProviderState::ready;
  good.latency_ewma_ms = 38.2;
  good.latency_p99_ms = 61;
  good.lag_blocks = 1;
  good.answers = 4012;
  good.failures[static_cast<std::size_t>(FailureCause::timed_out)] = 2;
  good.failures[static_cast<std::size_t>(FailureCause::limited)] = 1;
  ProviderStatistics bad;
  bad.name = "infura";
  bad.state = ProviderState::down;
  bad.reason = "no connection";
  ChainStatistics chain;
  chain.providers = {good, bad};
  CHECK(line_of(chain) ==
        "alchemy ready, 38 ms (p99 61 ms), 1 block behind, 4,012 answers, 3 failures (timed_out 2, "
        "limited 1); infura down: no connection, 0 answers");
}

// What is recorded is there, exact, after a restart; what is not legal is refused and leaves
// nothing.
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "fixture.hpp"

using gantry::u256;
using namespace gantry::host;
using namespace gantry::host::ledger;
using namespace gantry::host::ledger::test;

TEST_CASE("an intent is on the disk before its id is told, and is the same after a restart") {
  Desk desk;
  const AttemptId id = desk.record("block 100, triangular, 0");
  CHECK(id == AttemptId{1, 1});
  desk.open();
  const StoredIntent found = value_of(desk.ledger->intent(1));
  CHECK(found.intent == intent("block 100, triangular, 0"));
  CHECK(found.lane == lane());
  CHECK(found.nonce == 0);
  CHECK(found.state == State::intended);
  const auto attempts = value_of(desk.ledger->attempts(1));
  REQUIRE(attempts.size() == 1);
  CHECK(attempts[0].attempt == attempt(1));
  CHECK(value_of(desk.ledger->open_intents()).size() == 1);
  desk.check_whole();
}

TEST_CASE("a result is kept exact, with what it brought in wei and dollars") {
  Desk desk;
  const AttemptId id = desk.record("a");
  value_of(desk.ledger->submitted(id, "relay"));
  Receipt exact = receipt();
  exact.data_fee = u256::max();
  value_of(desk.ledger->result(id, exact));
  CHECK(desk.state(1) == State::included);
  auto found = value_of(desk.ledger->result_of(1));
  REQUIRE(found);
  CHECK(found->receipt == exact);
  CHECK_FALSE(found->realised);

  value_of(desk.ledger->realised(1, realised()));
  desk.open();
  found = value_of(desk.ledger->result_of(1));
  REQUIRE(found->realised);
  CHECK(*found->realised == realised());
  CHECK(to_string(*found->profit_wei) == "6000000000000000");
  CHECK(*found->profit_usd_e6 == 12'000'000);
  CHECK(has(error_of(desk.ledger->realised(1, realised())).message, "recorded already"));
  desk.check_whole();
}

TEST_CASE("a loss is rounded away from zero, and never hidden") {
  Realised loss = realised(0);
  loss.cost_wei = u256(1);
  CHECK(to_string(value_of(net_wei(loss))) == "-1");
  CHECK(value_of(usd_e6_of(value_of(net_wei(loss)), *loss.price)) == -1);
  CHECK(value_of(usd_e6_of(amount(1), *loss.price)) == 0);
}

TEST_CASE("signed amounts are exact to their bounds and refuse what is beyond") {
  SignedAmount least;
  const u256 half = shift_left(u256(1), 255);
  REQUIRE(SignedAmount::from_magnitude(half, true, least));
  SignedAmount out;
  CHECK_FALSE(SignedAmount::from_magnitude(half, false, out));
  CHECK_FALSE(negate(least, out));
  CHECK_FALSE(add(least, amount(-1), out));
  CHECK(out == SignedAmount());
  REQUIRE(add(amount(-7), amount(5), out));
  CHECK(to_string(out) == "-2");
  CHECK(parse_signed(to_string(least)) == least);
  CHECK_FALSE(parse_signed("--1"));
  CHECK_FALSE(parse_signed(""));
  for (const std::int64_t number : {-7, 7, 0, -1}) {
    const EvenSplit parts = split_evenly(amount(number), 3);
    SignedAmount sum;
    REQUIRE(add(parts.first, parts.other, sum));
    REQUIRE(add(sum, parts.other, sum));
    CHECK(sum == amount(number));
  }
}

TEST_CASE("steps that are not legal are refused with the state, and leave nothing") {
  Desk desk;
  const AttemptId id = desk.trade("a");
  const std::int64_t rows = desk.ledger->last_row();
  CHECK(has(error_of(desk.ledger->submitted(id, "x")).message,
            "attempt 1 of intent 1 is included: it cannot become submitted"));
  CHECK(has(error_of(desk.ledger->result(id, receipt())).message, "has its result already"));
  CHECK(has(error_of(desk.ledger->dropped(1, "x")).message,
            "intent 1 is included: it cannot become dropped"));
  CHECK(has(error_of(desk.ledger->withdraw(1, "x")).message, "cannot be given back"));
  CHECK(has(error_of(desk.ledger->left_open(1, "x")).message, "included, not open"));
  CHECK(has(error_of(desk.ledger->record(1, attempt(9))).message, "takes no more attempts"));
  CHECK(error_of(desk.ledger->submitted({7, 1}, "x")).kind == ErrorKind::not_found);
  CHECK(error_of(desk.ledger->realised(7, realised())).kind == ErrorKind::not_found);
  CHECK(desk.ledger->last_row() == rows);
  desk.check_whole();
}

TEST_CASE("the table of steps is what it says, and no state follows itself") {
  const auto all = {State::intended, State::submitted, State::included, State::reverted,
                    State::replaced, State::dropped,   State::expired};
  int count = 0;
  for (const State from : all) {
    CHECK_FALSE(may_follow(from, from));
    CHECK_FALSE(may_follow(from, State::intended));
    for (const State to : all) count += may_follow(from, to) ? 1 : 0;
  }
  CHECK(count == 18);
  // A block alone brings back what was given up.
  for (const State from : {State::dropped, State::expired}) {
    for (const State to : all) CHECK(may_follow(from, to) == is_in_block(to));
  }
}

TEST_CASE("a trade cannot be recorded twice: by its key, its nonce or its bytes") {
  Desk desk;
  desk.record("a");
  CHECK(has(error_of(desk.ledger->record(intent("a"), value_of(desk.ledger->reserve(lane())),
                                         attempt(50)))
                .message,
            "is recorded already: it is number 1"));
  CHECK(has(
      error_of(desk.ledger->record(intent("b"), value_of(desk.ledger->reserve(lane())), attempt(1)))
          .message,
      "is recorded already, as an attempt of intent 1"));
  CHECK(has(error_of(desk.ledger->record(1, attempt(1))).message, "as an attempt of intent 1"));
  // All or nothing: the intent whose attempt was refused is not there, and its nonce is free.
  CHECK(error_of(desk.ledger->intent(2)).kind == ErrorKind::not_found);
  CHECK(value_of(desk.ledger->reserve(lane())).nonce() == 1);
  desk.check_whole();
}

TEST_CASE("what cannot be recorded is refused with the field that is wrong") {
  Desk desk;
  const auto refused = [&](const std::function<void(Intent&)>& spoil, std::string_view why) {
    Intent bad = intent("a");
    spoil(bad);
    const Error error =
        error_of(desk.ledger->record(bad, value_of(desk.ledger->reserve(lane())), attempt(1)));
    CHECK(error.kind == ErrorKind::usage);
    has(error.message, why);
  };
  refused([](Intent& i) { i.key.clear(); }, "the key is empty");
  refused([](Intent& i) { i.strategy = std::string(257, 'a'); }, "the strategy has more than 256");
  refused([](Intent& i) { i.strategy = "a\nb"; }, "no printable ASCII");
  refused([](Intent& i) { i.route.clear(); }, "has not 1 to 16 legs");
  refused([](Intent& i) { i.route.resize(17, i.route[0]); }, "has not 1 to 16 legs");
  refused([](Intent& i) { i.route[1].venue.clear(); }, "a leg's venue is empty");
  refused([](Intent& i) { i.kind = Kind::user_operation; }, "is not of an entry point");
  refused([](Intent& i) { i.block = ~std::uint64_t{0}; }, "above 2^63 - 1");
  Attempt empty = attempt(1);
  empty.bytes.clear();
  has(error_of(desk.ledger->record(intent("a"), value_of(desk.ledger->reserve(lane())), empty))
          .message,
      "has not 1 to 1048576 bytes");
  has(error_of(desk.ledger->observe_nonce({"eip155:1", "0xAB", "", {}}, 0)).message,
      "0x and 40 lower-case digits");
  has(error_of(desk.ledger->observe_nonce(lane("2"), ~std::uint64_t{0})).message, "is none");
  CHECK(error_of(desk.ledger->reserve(lane("2"))).kind == ErrorKind::not_found);
  const AttemptId id = desk.record("b");
  Receipt before_time = receipt();
  before_time.block_time_s = -1;
  has(error_of(desk.ledger->result(id, before_time)).message, "time is none");
  Realised free_coin = realised();
  free_coin.price->usd_e6 = 0;
  has(error_of(desk.ledger->result(id, receipt(), free_coin)).message, "the price is none");
  Realised huge = realised();
  huge.value_wei = SignedAmount::from_bits(shift_right(u256::max(), 1));
  has(error_of(desk.ledger->result(id, receipt(), huge)).message, "beyond 9.2e12");
  CHECK_FALSE(value_of(desk.ledger->result_of(id.intent)));
  desk.check_whole();
}

TEST_CASE(
    "all attempts of an intent have its nonce, and when one is in a block the others are "
    "replaced") {
  Desk desk;
  const AttemptId first = desk.record("a");
  value_of(desk.ledger->submitted(first, "relay"));
  const AttemptId second = value_of(desk.ledger->record(first.intent, attempt(70)));
  CHECK(second == AttemptId{1, 2});
  value_of(desk.ledger->submitted(second, "relay"));
  value_of(desk.ledger->submitted(second, "relay"));  // the same bytes, again
  value_of(desk.ledger->result(second, receipt(false)));
  CHECK(desk.state(1) == State::reverted);
  const auto attempts = value_of(desk.ledger->attempts(1));
  CHECK(attempts[0].state == State::replaced);
  CHECK(attempts[1].state == State::reverted);
  desk.check_whole();
}

TEST_CASE("a cancellation that is included replaces the intent, and is no trade") {
  Desk desk;
  const AttemptId first = desk.record("a");
  Attempt cancel = attempt(70);
  cancel.purpose = Purpose::cancellation;
  const AttemptId second = value_of(desk.ledger->record(first.intent, cancel));
  Realised cost = realised(0);
  value_of(desk.ledger->result(second, receipt(), cost));
  CHECK(desk.state(1) == State::replaced);
  const auto rows = value_of(desk.ledger->profit({}));
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].included == 0);
  CHECK(to_string(rows[0].wei) == "-4000000000000000");
  CHECK(rows[0].usd_e6 == -8'000'000);
  desk.check_whole();
}

TEST_CASE("the many attempts of an intent have a bound") {
  Desk desk;
  desk.record("a");
  for (std::uint32_t i = 2; i <= attempts_max; ++i) {
    value_of(desk.ledger->record(1, attempt(100 + i)));
  }
  CHECK(error_of(desk.ledger->record(1, attempt(999))).kind == ErrorKind::limit);
}

TEST_CASE("nonces follow each other, and one that was not used comes back first") {
  Desk desk;
  {
    const Reservation lost = value_of(desk.ledger->reserve(lane()));
    CHECK(lost.nonce() == 0);
    CHECK(desk.record("a").intent == 1);
    CHECK(value_of(desk.ledger->intent(1)).nonce == 1);
  }
  // The gap outlives the host too.
  desk.open();
  desk.record("b");
  CHECK(value_of(desk.ledger->intent(2)).nonce == 0);
  desk.record("c");
  CHECK(value_of(desk.ledger->intent(3)).nonce == 2);
  // Others have used the account: theirs are skipped, whatever an older word of the chain says.
  value_of(desk.ledger->observe_nonce(lane(), 10));
  value_of(desk.ledger->observe_nonce(lane(), 4));
  desk.open();
  desk.record("d");
  CHECK(value_of(desk.ledger->intent(4)).nonce == 10);
  // Each account, and each key of an entry point, counts by itself.
  Lane operations = lane();
  operations.entry_point = fmt::format("0x{:0>40}", "e");
  operations.key[23] = 7;
  value_of(desk.ledger->observe_nonce(operations, 3));
  CHECK(value_of(desk.ledger->reserve(operations)).nonce() == 3);
  desk.check_whole();
}

TEST_CASE("a withdrawn intent gives its nonce back, and one that may have left does not") {
  Desk desk;
  desk.record("a");
  desk.record("b");
  value_of(desk.ledger->withdraw(1, "the simulation failed"));
  CHECK(desk.state(1) == State::dropped);
  desk.open();
  desk.record("c");
  CHECK(value_of(desk.ledger->intent(3)).nonce == 0);
  const AttemptId left{2, 1};
  value_of(desk.ledger->submitted(left, "relay"));
  has(error_of(desk.ledger->withdraw(2, "x")).message, "its nonce cannot be given back");
  has(error_of(desk.ledger->expired(2, "x")).message, "while its nonce is free it may be included");
  has(error_of(desk.ledger->dropped(2, "")).message, "without a reason");
  desk.check_whole();
}

TEST_CASE("an expired bundle gives its nonce back, and may still turn out to be included") {
  Desk desk;
  Intent bundle = intent("a");
  bundle.kind = Kind::bundle;
  const AttemptId id =
      value_of(desk.ledger->record(bundle, value_of(desk.ledger->reserve(lane())), attempt(500)));
  value_of(desk.ledger->submitted(id, "builder"));
  value_of(desk.ledger->expired(id.intent, "block 102 is over"));
  desk.record("b");
  CHECK(value_of(desk.ledger->intent(2)).nonce == 0);
  CHECK(value_of(desk.ledger->intents_of(lane(), 0)).size() == 2);
  value_of(desk.ledger->result(id, receipt(), realised()));
  CHECK(desk.state(1) == State::included);
  desk.check_whole();
}

TEST_CASE("a reorganization takes a result and its profit back, and a final one stays") {
  Desk desk;
  const AttemptId id = desk.trade("a");
  value_of(desk.ledger->reorganized(1, "block 101 is gone"));
  CHECK(desk.state(1) == State::submitted);
  CHECK_FALSE(value_of(desk.ledger->result_of(1)));
  CHECK(value_of(desk.ledger->profit({})).empty());
  CHECK(value_of(desk.ledger->open_intents()).size() == 1);
  desk.check_whole();
  value_of(desk.ledger->result(id, receipt(true, 1), realised()));
  CHECK(value_of(desk.ledger->results_not_final()).size() == 1);
  value_of(desk.ledger->settled(1));
  CHECK(value_of(desk.ledger->results_not_final()).empty());
  has(error_of(desk.ledger->reorganized(1, "x")).message, "is final");
  CHECK(value_of(desk.ledger->profit({.by = By::day})).at(0).group ==
        day_text(day_0_s / 86'400 + 1));
  desk.check_whole();
}

TEST_CASE("profit is told by strategy, venue, day and chain, and the parts add up") {
  Desk desk;
  desk.trade("a", "triangular", 0);
  desk.trade("b", "triangular", 1);
  desk.trade("c", "statistical", 1);
  const AttemptId failed = desk.record("d", "statistical");
  value_of(desk.ledger->result(failed, receipt(false, 1)));
  const auto by_strategy = value_of(desk.ledger->profit({.by = By::strategy}));
  REQUIRE(by_strategy.size() == 2);
  CHECK(by_strategy[0].group == "triangular");
  CHECK(by_strategy[0].included == 2);
  CHECK(to_string(by_strategy[0].wei) == "12000000000000000");
  CHECK(by_strategy[0].usd_e6 == 24'000'000);
  CHECK(by_strategy[1].included == 1);
  CHECK(by_strategy[1].reverted == 1);
  CHECK(by_strategy[1].unreckoned == 1);
  CHECK(by_strategy[1].unvalued == 1);
  // Two of three legs are Uniswap's.
  const auto by_venue = value_of(desk.ledger->profit({.by = By::venue}));
  REQUIRE(by_venue.size() == 2);
  CHECK(by_venue[0].group == "uniswap_v2");
  CHECK(by_venue[0].included == 3);
  CHECK(to_string(by_venue[0].wei) == "12000000000000000");
  CHECK(to_string(by_venue[1].wei) == "6000000000000000");
  const auto by_day = value_of(desk.ledger->profit({.by = By::day}));
  REQUIRE(by_day.size() == 2);
  CHECK(by_day[0].group == "2020-09-13");
  CHECK(by_day[1].usd_e6 == 24'000'000);
  const std::int64_t first = day_0_s / 86'400;
  CHECK(value_of(desk.ledger->profit({.by = By::day, .from_day = first + 1})).size() == 1);
  CHECK(value_of(desk.ledger->profit({.by = By::day, .to_day = first - 1})).empty());
  const auto by_chain = value_of(desk.ledger->profit({.by = By::chain}));
  REQUIRE(by_chain.size() == 1);
  CHECK(by_chain[0].group == "eip155:1");
  CHECK(by_chain[0].usd_e6 == 36'000'000);
  const auto last = value_of(desk.ledger->last_trades(2));
  REQUIRE(last.size() == 2);
  CHECK(last[0].intent.id == 4);
  CHECK(last[1].result->profit_usd_e6 == 12'000'000);
  desk.check_whole();
}

TEST_CASE("days are read as days and nothing else") {
  CHECK(parse_day("1970-01-02") == 1);
  CHECK(day_text(parse_day("2024-02-29").value()) == "2024-02-29");
  for (const char* bad : {"", "2023-02-29", "2023-2-01", "20230201", "2023-02-1x", "2023-13-01"}) {
    CHECK_FALSE(parse_day(bad));
  }
}

TEST_CASE("records of many threads share commits, and each is there when it is told so") {
  Desk desk;
  constexpr std::uint64_t threads = 8;
  constexpr std::uint64_t each = 25;
  std::atomic<std::uint64_t> wrong{0};
  std::vector<std::thread> running;
  for (std::uint64_t t = 0; t < threads; ++t) {
    running.emplace_back([&, t] {
      for (std::uint64_t i = 0; i < each; ++i) {
        const std::uint64_t number = 1'000 + t * each + i;
        auto nonce = desk.ledger->reserve(lane());
        if (!nonce) ++wrong;
        if (!nonce) continue;
        const auto id =
            desk.ledger->record(intent(fmt::to_string(number)), std::move(*nonce), attempt(number))
                .get();
        if (!id || !desk.ledger->intent(id->intent)) ++wrong;
      }
    });
  }
  for (std::thread& one : running) one.join();
  CHECK(wrong == 0);
  const auto open = value_of(desk.ledger->open_intents());
  CHECK(open.size() == threads * each);
  std::vector<std::uint64_t> nonces;
  for (const StoredIntent& one : open) nonces.push_back(one.nonce);
  std::ranges::sort(nonces);
  for (std::size_t i = 0; i < nonces.size(); ++i) CHECK(nonces[i] == i);
  desk.check_whole();
}

TEST_CASE("one refused record costs none of those that share its commit") {
  Desk desk;
  std::vector<Pending<AttemptId>> all;
  for (std::uint64_t i = 0; i < 40; ++i) {
    all.push_back(desk.ledger->record(intent(i % 4 == 3 ? "same" : fmt::to_string(i)),
                                      value_of(desk.ledger->reserve(lane())), attempt(100 + i)));
  }
  int refused = 0;
  for (auto& each : all) refused += each.get() ? 0 : 1;
  CHECK(refused == 9);
  CHECK(value_of(desk.ledger->open_intents()).size() == 31);
  desk.check_whole();
}

TEST_CASE("what waits for a disk that is too slow has a bound") {
  gantry::test::TemporaryFolder folder;
  const Error error = error_of(Ledger::open(folder / "l", {.queue_max = 0}));
  CHECK(error.kind == ErrorKind::limit);
  has(error.message, "the disk is too slow");
}

TEST_CASE(
    "a ledger that waits for company writes a whole batch at once, and one alone at the end") {
  gantry::test::TemporaryFolder folder;
  LedgerOptions options;
  options.batch_max = 2;
  options.batch_wait = std::chrono::seconds(2);
  const auto ledger = value_of(Ledger::open(folder / "l", options));
  const Ledger::Written before = ledger->written();
  auto first = ledger->operator_command("one");
  auto second = ledger->operator_command("two");
  value_of(first.get());
  value_of(second.get());
  const Ledger::Written both = ledger->written();
  CHECK(both.records == before.records + 2);
  CHECK(both.commits == before.commits + 1);
  value_of(ledger->operator_command("three"));
  CHECK(ledger->written().commits == both.commits + 1);
}

// Providers that fail at random, by a seed: whatever they do, one that is good is enough.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <random>
#include <thread>

#include "fixture.hpp"

using namespace gantry::host;
using gantry::test::patient;
using gantry::test::RpcFault;
using gantry::test::Street;

namespace {

constexpr std::uint32_t trials = 24;
constexpr std::size_t providers_of_a_trial = 4;
constexpr int rounds = 4;  // in each of which every provider but the good one may change
constexpr int batches_of_a_round = 3;
constexpr int askers = 2;

// Everything that a provider does wrong, and to be dead, which is no answer's fault.
constexpr std::array<RpcFault, 16> faults = {RpcFault::none,
                                             RpcFault::hang,
                                             RpcFault::close,
                                             RpcFault::reset,
                                             RpcFault::garbage,
                                             RpcFault::html,
                                             RpcFault::wrong_ids,
                                             RpcFault::twice,
                                             RpcFault::missing,
                                             RpcFault::old_block,
                                             RpcFault::other_chain,
                                             RpcFault::limited,
                                             RpcFault::limited_for_1_s,
                                             RpcFault::limited_in_json,
                                             RpcFault::unavailable,
                                             RpcFault::node_fails};

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return engine_() % bound; }

 private:
  std::mt19937 engine_;
};

// What came back is right, whole and of the block that was asked for.
std::string wrong(const Street& street, const BlockPin& pin, int salt, const RpcBatch& batch) {
  if (batch.answers.size() != 3) return "a batch has another length";
  const auto& reverts = batch.answers[1];
  if (reverts || reverts.error().code != 3) return "a revert was not handed on";
  for (const int i : {0, 2}) {
    const auto& answer = batch.answers[static_cast<std::size_t>(i)];
    const std::string data = "0x" + std::to_string(10 * salt + i);
    if (!answer) return "a call failed: " + answer.error().message;
    if (*answer != street.chain.truth(pin.number, data)) return "a wrong answer";
  }
  return {};
}

std::vector<RpcCall> calls_of(int salt) {
  return {Street::call("0x" + std::to_string(10 * salt)), Street::call("0xdead"),
          Street::call("0x" + std::to_string(10 * salt + 2))};
}

// The first fault of an asker, or empty.
std::string ask_in_a_round(Street& street, int asker) {
  std::uint64_t last_head = 0;
  for (int i = 0; i < batches_of_a_round; ++i) {
    const auto head = street.providers->poll_head(patient.deadline);
    if (!head) return "no head: " + head.error().message;
    if (head->number < last_head) return "the head went back";
    if (head->hash != street.chain.hash(head->number)) return "a head of another chain";
    last_head = head->number;
    RpcOptions options = patient;
    options.hedge = true;
    options.pin = head->pin();
    const int salt = 100 * asker + i + 1;
    const auto calls = calls_of(salt);
    const auto begun = std::chrono::steady_clock::now();
    const auto batch = street.providers->ask(calls, options);
    if (!batch) return "no answer though one is good: " + batch.error().message;
    if (std::chrono::steady_clock::now() - begun > options.deadline) return "after the deadline";
    std::string fault = wrong(street, *options.pin, salt, *batch);
    if (!fault.empty()) return fault + " of " + batch->provider;
  }
  return {};
}

// Sets every provider but the good one to something of the dice's choice.
std::string disturb(Street& street, std::size_t good, Dice& dice) {
  std::string schedule;
  for (std::size_t i = 0; i < providers_of_a_trial; ++i) {
    if (i == good) continue;
    if (dice.below(6) == 0) {
      street.server(i).die();
      schedule += " dead";
      continue;
    }
    street.server(i).come_back();
    const RpcFault fault = faults[dice.below(faults.size())];
    street.server(i).fail(fault);
    schedule += " " + std::string(to_string(fault));
  }
  return schedule + ";";
}

// All are well again, as far as no pause is on.
void mend(Street& street) {
  for (std::size_t i = 0; i < providers_of_a_trial; ++i) {
    street.server(i).fail(RpcFault::none);
    street.server(i).come_back();
  }
  street.providers->check_now(patient.deadline);
}

// One clear line each: what is told alternates between trouble and its end, and names who, of
// which chain, and never a key.
void check_events(Street& street) {
  for (std::size_t i = 0; i < providers_of_a_trial; ++i) {
    const std::string& name = street.settings.providers[i].name;
    std::optional<ProviderEventKind> last;
    for (const ProviderEvent& event : street.events.all()) {
      if (event.provider != name) continue;
      CAPTURE(event.message);
      CHECK(event.message.starts_with("provider " + name + " (" + street.server(i).origin() +
                                      ") of eip155:1 "));
      CHECK(event.message.find("s3cret") == std::string::npos);
      CHECK(event.message.find('\n') == std::string::npos);
      if (event.kind == ProviderEventKind::stumbled) continue;
      CHECK(event.kind != last);
      last = event.kind;
    }
  }
}

struct Totals {
  std::array<std::uint64_t, failure_causes> failures{};
  std::uint64_t hedges_won = 0;
};

void one_trial(std::uint32_t seed, Totals& totals) {
  Dice dice(seed);
  Street street(providers_of_a_trial);
  const std::size_t good = dice.below(providers_of_a_trial);
  for (std::size_t i = 0; i < providers_of_a_trial; ++i) {
    auto& provider = street.settings.providers[i];
    provider.priority = i == good ? 3 : 1 + static_cast<std::int64_t>(dice.below(2));
    provider.weight = 1 + static_cast<std::int64_t>(dice.below(3));
    if (dice.below(3) == 0) street.server(i).know_numbers_only();
  }
  street.start();
  std::string schedule = "good: " + street.settings.providers[good].name + ";";
  for (int round = 0; round < rounds; ++round) {
    mend(street);
    schedule += disturb(street, good, dice);
    street.chain.advance(dice.below(3));
    std::vector<std::string> fault(askers);
    std::vector<std::thread> threads;
    for (int asker = 0; asker < askers; ++asker) {
      threads.emplace_back(
          [&, asker] { fault[static_cast<std::size_t>(asker)] = ask_in_a_round(street, asker); });
    }
    // And once more while they ask.
    std::this_thread::sleep_for(std::chrono::milliseconds(dice.below(20)));
    schedule += disturb(street, good, dice);
    for (auto& thread : threads) thread.join();
    INFO(schedule);
    for (const auto& one : fault) CHECK(one == "");
  }
  check_events(street);
  const ProviderStatistics one = street.stats(street.settings.providers[good].name);
  const auto late = one.failures[static_cast<std::size_t>(FailureCause::timed_out)];
  CHECK(one.failures_total() == late);
  // A machine that stands still for seconds makes everybody late.
  if (late == 0) CHECK(street.events.count(ProviderEventKind::halted, "") == 0);
  for (const ProviderStatistics& each : street.providers->statistics().providers) {
    totals.hedges_won += each.hedges_won;
    for (std::size_t i = 0; i < failure_causes; ++i) totals.failures[i] += each.failures[i];
  }
}

}  // namespace

TEST_CASE("with one good provider among failing ones no answer is wrong, late or missing") {
  Totals totals;
  for (std::uint32_t seed = 1; seed <= trials; ++seed) {
    CAPTURE(seed);
    one_trial(seed, totals);
  }
  // It was no calm day.
  for (const FailureCause cause :
       {FailureCause::refused, FailureCause::timed_out, FailureCause::broken, FailureCause::status,
        FailureCause::limited, FailureCause::garbage, FailureCause::wrong_ids, FailureCause::node,
        FailureCause::behind, FailureCause::wrong_chain}) {
    CAPTURE(to_string(cause));
    CHECK(totals.failures[static_cast<std::size_t>(cause)] > 0);
  }
  CHECK(totals.hedges_won > 0);
}

TEST_CASE("a schedule with nobody good gives an error in time, and never a wrong answer") {
  const std::uint32_t seed = GENERATE(range(101U, 109U));
  CAPTURE(seed);
  Dice dice(seed);
  Street street(2);
  street.start();
  for (std::size_t i = 0; i < 2; ++i) {
    street.server(i).fail(faults[1 + dice.below(faults.size() - 1)]);
  }
  street.chain.advance();
  RpcOptions options{.deadline = std::chrono::milliseconds(400), .pin = street.pin()};
  for (int i = 1; i < 4; ++i) {
    const auto batch = street.providers->ask(calls_of(i), options);
    if (batch) {
      CHECK(wrong(street, *options.pin, i, *batch) == "");
    } else {
      CHECK(batch.error().kind != RpcErrorKind::usage);
      CHECK(batch.error().message.find("a: ") != std::string::npos);
      CHECK(batch.error().message.find("b: ") != std::string::npos);
      CHECK(batch.error().message.find("s3cret") == std::string::npos);
    }
  }
}

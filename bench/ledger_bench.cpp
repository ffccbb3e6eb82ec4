// The ledger: what a record costs that gates a submission, alone and in company; when a trade can
// be seen; and what may be asked over a million trades. The disk's sync is in the first three: that
// is what they are about.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <stdexcept>

#include "host/ledger/ledger.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace gantry::host;
using namespace gantry::host::ledger;
using gantry::u256;

constexpr std::int64_t first_day = 20'000;
constexpr std::uint64_t days = 365;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// A million, or what a small run among the tests has time for.
std::uint64_t trades_wanted() {
  const char* given = std::getenv("GANTRY_BENCH_TRADES");
  return given != nullptr ? std::strtoull(given, nullptr, 10) : 1'000'000;
}

std::string name_of(const char* what, std::uint64_t number) {
  return fmt::format("{}_{}", what, number);
}

Lane lane_of(std::uint64_t number) {
  return {fmt::format("eip155:{}", number % 3 + 1),
          "0x70997970c51812dc3a010c7d01b50e0d17dc79c8",
          "",
          {}};
}

Intent intent_of(std::uint64_t number) {
  Intent out;
  out.key = fmt::format("run 1, snapshot {}, triangular, 0", number);
  out.strategy = name_of("strategy", number % 7);
  out.token_in = out.token_out = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";
  for (std::uint64_t leg = 0; leg < 3; ++leg) {
    out.route.push_back({name_of("venue", (number + leg * 5) % 12),
                         "0xb4e16d0168e52d35cacd2c6185b44281ec28c9dc", out.token_in,
                         out.token_out});
  }
  out.amount_in = u256(1'000'000'000'000'000'000U + number);
  out.planned_out = out.amount_in;
  out.block = number;
  out.last_block = number + 2;
  return out;
}

Attempt attempt_of(std::uint64_t number) {
  Attempt out;
  out.destination = "relay";
  out.bytes.assign(300, static_cast<std::uint8_t>(number));
  for (std::size_t i = 0; i < 8; ++i) {
    out.hash[i] = static_cast<std::uint8_t>((number + 1) >> (8 * i));
  }
  return out;
}

Receipt receipt_of(std::uint64_t number) {
  return {true,
          number,
          attempt_of(number).hash,
          (first_day + static_cast<std::int64_t>(number % days)) * 86'400,
          300'000,
          u256(20'000'000'000),
          u256()};
}

// 0.001 of the coin after costs, 2 dollars.
Realised realised_of() {
  Realised out;
  out.token = "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2";
  out.value_wei = SignedAmount::from_bits(u256(7'000'000'000'000'000));
  out.profit = out.value_wei;
  out.cost_wei = u256(6'000'000'000'000'000);
  out.price = CoinPrice{2'000'000'000, "median of 3 pools", 12'000};
  return out;
}

class Scene {
 public:
  explicit Scene(LedgerOptions options = {}) {
    ledger = must(Ledger::open(folder / "ledger.sqlite", std::move(options)));
    for (std::uint64_t i = 0; i < 3; ++i) must(ledger->observe_nonce(lane_of(i), 0).get());
  }
  Pending<AttemptId> record() {
    const std::uint64_t number = count++;
    return ledger->record(intent_of(number), must(ledger->reserve(lane_of(number))),
                          attempt_of(number));
  }

  gantry::test::TemporaryFolder folder;
  std::unique_ptr<Ledger> ledger;
  std::uint64_t count = 0;
};

void tell_percentiles(benchmark::State& state, std::vector<double>& us) {
  std::ranges::sort(us);
  const auto at = [&](double share) {
    return us[static_cast<std::size_t>(share * static_cast<double>(us.size() - 1))];
  };
  state.counters["p50_us"] = at(0.5);
  state.counters["p99_us"] = at(0.99);
}

double us_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin)
      .count();
}

// One record by itself, until it is on the disk: latency.
void ledger_record_one(benchmark::State& state) {
  Scene scene;
  std::vector<double> us;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    must(scene.record().get());
    us.push_back(us_since(begin));
  }
  if (must(scene.ledger->open_intents()).size() != scene.count) {
    state.SkipWithError("a record is not there");
  }
  tell_percentiles(state, us);
}
BENCHMARK(ledger_record_one)->Iterations(100)->UseRealTime();

// So many at once, which share commits: a record of them, throughput.
void ledger_record_batch(benchmark::State& state) {
  Scene scene;
  const auto size = static_cast<std::uint64_t>(state.range(0));
  for (auto _ : state) {
    std::vector<Pending<AttemptId>> pending;
    for (std::uint64_t i = 0; i < size; ++i) pending.push_back(scene.record());
    for (auto& each : pending) must(each.get());
  }
  if (must(scene.ledger->open_intents()).size() != scene.count) {
    state.SkipWithError("a record is not there");
  }
  state.counters["per_call"] = benchmark::Counter(
      static_cast<double>(scene.count), benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}
BENCHMARK(ledger_record_batch)->Arg(16)->Arg(200)->Iterations(10)->UseRealTime();

// From the word that a trade is in a block until a query shows it and its profit.
void ledger_trade_visible(benchmark::State& state) {
  Scene scene;
  std::vector<double> us;
  for (auto _ : state) {
    state.PauseTiming();
    const AttemptId id = must(scene.record().get());
    state.ResumeTiming();
    const auto begin = std::chrono::steady_clock::now();
    auto written = scene.ledger->result(id, receipt_of(scene.count), realised_of());
    while (true) {
      const auto trades = must(scene.ledger->last_trades(1));
      if (!trades.empty() && trades[0].intent.id == id.intent && trades[0].result) break;
    }
    us.push_back(us_since(begin));
    must(written.get());
  }
  tell_percentiles(state, us);
}
BENCHMARK(ledger_trade_visible)->Iterations(50)->UseRealTime();

// A year of trades on three chains; a few of the last are still open.
class Year {
 public:
  Year() : scene_({.batch_max = 4'000, .queue_max = 40'000}) {
    constexpr std::uint64_t at_once = 250;  // of a lane, that are reserved and not recorded
    const std::uint64_t wanted = trades_wanted();
    std::vector<Pending<void>> results;
    while (scene_.count < wanted) {
      std::vector<Pending<AttemptId>> recorded;
      const std::uint64_t first = scene_.count;
      const std::uint64_t end = std::min(wanted, first + 3 * at_once);
      while (scene_.count < end) recorded.push_back(scene_.record());
      for (auto& each : results) must(each.get());
      results.clear();
      for (std::uint64_t i = 0; i < recorded.size(); ++i) {
        const AttemptId id = must(recorded[i].get());
        if (first + i + 20 >= wanted) continue;
        results.push_back(scene_.ledger->result(id, receipt_of(first + i), realised_of()));
      }
    }
    for (auto& each : results) must(each.get());
  }
  const Ledger& ledger() const { return *scene_.ledger; }
  std::uint64_t settled() const { return scene_.count - 20; }

 private:
  Scene scene_;
};
const Year& year() {
  static const Year made;
  return made;
}

void ledger_profit(benchmark::State& state, By by) {
  const Year& of = year();
  std::vector<ProfitRow> rows;
  for (auto _ : state) rows = must(of.ledger().profit({.by = by}));
  u256 sum;
  std::int64_t usd = 0;
  std::uint64_t trades = 0;
  for (const ProfitRow& row : rows) {
    static_cast<void>(add(sum, row.wei.magnitude(), sum));
    usd += row.usd_e6;
    trades += row.included;
  }
  // By venue a trade counts at each of its three.
  const bool right = sum == wrapping_mul(u256(1'000'000'000'000'000), u256(of.settled())) &&
                     usd == static_cast<std::int64_t>(of.settled()) * 2'000'000 &&
                     trades == of.settled() * (by == By::venue ? 3 : 1);
  if (!right) state.SkipWithError("the sums are not those of the trades");
  state.counters["trades"] = static_cast<double>(of.settled());
}
BENCHMARK_CAPTURE(ledger_profit, by_strategy, By::strategy);
BENCHMARK_CAPTURE(ledger_profit, by_venue, By::venue);
BENCHMARK_CAPTURE(ledger_profit, by_day, By::day);
BENCHMARK_CAPTURE(ledger_profit, by_chain, By::chain);

void ledger_last_100_trades(benchmark::State& state) {
  const Year& of = year();
  std::vector<Trade> trades;
  for (auto _ : state) trades = must(of.ledger().last_trades(100));
  if (trades.size() != 100 || trades[30].result->profit_usd_e6 != 2'000'000) {
    state.SkipWithError("they are not the last trades");
  }
}
BENCHMARK(ledger_last_100_trades);

void ledger_open_intents(benchmark::State& state) {
  const Year& of = year();
  std::size_t count = 0;
  for (auto _ : state) count = must(of.ledger().open_intents()).size();
  if (count != 20) state.SkipWithError("they are not the open ones");
}
BENCHMARK(ledger_open_intents);

}  // namespace

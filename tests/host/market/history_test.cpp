// Samples of snapshots whose states repeat: what is tested is which samples count, and how.
#include "host/market/history.hpp"

#include <catch2/catch.hpp>
#include <cmath>

#include "host/market/market_event.hpp"
#include "support/applied_market.hpp"

using namespace gantry;
using namespace gantry::host;
using namespace gantry::test;

namespace {

constexpr std::uint64_t start_s = 1000;

std::vector<BlockInput> moving_inputs() {
  // Token 2 against token 1 moves like token 3, against token 4 the other way round; in the last
  // state token 2 has no price.
  std::vector<std::vector<SmallUpdate>> blocks;
  const std::uint64_t moves[] = {1010, 1007, 1033, 998, 1002, 987, 1044};
  for (const std::uint64_t move : moves) {
    blocks.push_back({{1, 1'000'000, 1000 * move},
                      {2, 1'000'000, 2000 * move + 777 * (move % 5)},
                      {3, 1000 * move, 1'000'000}});
  }
  blocks.push_back({{1, 0, 0}});
  return market_inputs(5,
                       {{0, 1, 100'000, 40'000'000},
                        {2, 1, 1'000'000, 1'000'000},
                        {3, 1, 1'000'000, 2'000'000},
                        {4, 1, 1'000'000, 1'000'000}},
                       blocks);
}

// Snapshot `id` with the states of another.
struct Repeated : Snapshot {
  Repeated(std::shared_ptr<LiveVersions> live, std::uint64_t number, const Snapshot& like)
      : Snapshot(std::move(live), number) {
    topology = like.topology;
    states = like.states;
    context = like.context;
    context.state_time_s = start_s + number;
  }
};

// Any number of snapshots, whose states are those of a few blocks in turn.
class Turning {
 public:
  Turning() : market_(moving_inputs()) {
    states_.push_back(market_.snapshot);
    for (std::size_t i = 1; i < market_.inputs.size(); ++i) {
      market_.advance();
      states_.push_back(market_.snapshot);
    }
  }

  std::size_t priced_states() const { return states_.size() - 1; }

  // Snapshot `id` at second start_s + id, with the states of block `state`.
  Repeated make(std::uint64_t id, std::size_t state) const {
    return Repeated(live_, id, *states_[state]);
  }

  void add(History& history, std::uint64_t id, std::size_t state) const {
    history.add(make(id, state));
  }
  // Ids first to last, the states that have prices in turn.
  void fill(History& history, std::uint64_t first, std::uint64_t last) const {
    for (std::uint64_t id = first; id <= last; ++id) add(history, id, turn(id));
  }
  std::size_t turn(std::uint64_t id) const { return id % priced_states(); }

  // The geometric mean of bid and ask.
  double middle(std::size_t state, std::uint32_t token) const {
    MarketView view;
    view.bind(*states_[state], {}, true);
    gantry_price price{};
    REQUIRE(view.price(token, 1, price) == GANTRY_OK);
    return std::sqrt(price.bid * price.ask);
  }

 private:
  AppliedMarket market_;
  std::vector<SnapshotPtr> states_;
  std::shared_ptr<LiveVersions> live_ = std::make_shared<LiveVersions>();
};

gantry_history_query query(std::int32_t what, std::uint32_t token, std::uint32_t other = 0) {
  return {what, token, 1, other, 0, UINT64_MAX, 0, 0};
}

struct Answer {
  gantry_status status;
  std::vector<gantry_sample> samples;
};

Answer ask(const History& history, const Snapshot& snapshot, const gantry_history_query& query,
           std::size_t capacity = 10'000) {
  std::vector<gantry_sample> samples(capacity);
  std::uint32_t count = 0;
  const auto status = history.read(snapshot, query, samples, count);
  samples.resize(count);
  return {status, samples};
}

double one(const Answer& answer) {
  REQUIRE(answer.status == GANTRY_OK);
  REQUIRE(answer.samples.size() == 1);
  return answer.samples[0].value;
}

// In two passes, as the text books have it.
double deviation(const std::vector<double>& values) {
  double mean = 0;
  for (const double value : values) mean += value / static_cast<double>(values.size());
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto n = static_cast<double>(a.size());
  double mean_a = 0, mean_b = 0, sum = 0;
  for (const double value : a) mean_a += value / n;
  for (const double value : b) mean_b += value / n;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / (n - 1) / (deviation(a) * deviation(b));
}

std::vector<double> log_returns(const std::vector<double>& prices) {
  std::vector<double> returns;
  for (std::size_t i = 1; i < prices.size(); ++i) {
    returns.push_back(std::log(prices[i] / prices[i - 1]));
  }
  return returns;
}

}  // namespace

TEST_CASE("history keeps so many series and no more, and one that it has costs nothing") {
  History history;
  CHECK(history.empty());
  for (std::uint32_t i = 0; i < History::series_max; ++i) REQUIRE(history.subscribe(i, 1000));
  CHECK_FALSE(history.subscribe(0, 1001));
  CHECK_FALSE(history.subscribe(1000, 0));
  CHECK(history.subscribe(0, 1000));
  CHECK(history.subscribe(History::series_max - 1, 1000));
  CHECK_FALSE(history.empty());
}

TEST_CASE("a sample is the middle of bid and ask at the snapshot's time, oldest first") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1));
  market.fill(history, 1, 20);
  const auto answer = ask(history, market.make(20, 0), query(GANTRY_HISTORY_PRICE, 2));
  REQUIRE(answer.status == GANTRY_OK);
  REQUIRE(answer.samples.size() == 20);
  for (std::uint64_t id = 1; id <= 20; ++id) {
    CHECK(answer.samples[id - 1].time_s == start_s + id);
    CHECK(answer.samples[id - 1].value == market.middle(market.turn(id), 2));
  }
}

TEST_CASE("a reader of a snapshot sees the samples up to it, whatever was added since") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1));
  market.fill(history, 1, 10);
  const auto then = ask(history, market.make(10, 0), query(GANTRY_HISTORY_PRICE, 2));
  const double volatility =
      one(ask(history, market.make(10, 0), query(GANTRY_HISTORY_VOLATILITY, 2)));
  market.fill(history, 11, 500);
  const auto later = ask(history, market.make(10, 0), query(GANTRY_HISTORY_PRICE, 2));
  REQUIRE(later.samples.size() == 10);
  CHECK(later.samples.back().time_s == start_s + 10);
  for (std::size_t i = 0; i < 10; ++i) CHECK(later.samples[i].value == then.samples[i].value);
  CHECK(one(ask(history, market.make(10, 0), query(GANTRY_HISTORY_VOLATILITY, 2))) == volatility);
}

TEST_CASE("history keeps its window for every reader that lags by no more than its bound") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1));
  constexpr std::uint64_t newest = History::samples_kept + 2 * History::reader_lag_max;
  market.fill(history, 1, newest);
  for (const std::uint64_t lag : {std::uint64_t{0}, History::reader_lag_max}) {
    CAPTURE(lag);
    const std::uint64_t id = newest - lag;
    const auto answer = ask(history, market.make(id, 0), query(GANTRY_HISTORY_PRICE, 2));
    REQUIRE(answer.samples.size() == History::samples_kept);
    CHECK(answer.samples.front().time_s == start_s + id - History::samples_kept + 1);
    CHECK(answer.samples.back().time_s == start_s + id);
  }
  // One further behind loses the oldest, and is given no other in its place.
  const std::uint64_t late = newest - History::reader_lag_max - 1;
  const auto answer = ask(history, market.make(late, 0), query(GANTRY_HISTORY_PRICE, 2));
  CHECK(answer.samples.size() == History::samples_kept - 1);
  CHECK(answer.samples.back().time_s == start_s + late);
}

TEST_CASE("a window has both its ends, and no more samples than were asked for") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1));
  market.fill(history, 1, 20);
  auto asked = query(GANTRY_HISTORY_PRICE, 2);
  asked.from_s = start_s + 5;
  asked.to_s = start_s + 9;
  const auto snapshot = market.make(20, 0);
  const auto window = ask(history, snapshot, asked);
  REQUIRE(window.samples.size() == 5);
  CHECK(window.samples.front().time_s == start_s + 5);
  CHECK(window.samples.back().time_s == start_s + 9);

  CHECK(ask(history, snapshot, asked, 3).samples.size() == 3);
  asked.samples_max = 2;
  const auto two = ask(history, snapshot, asked);
  REQUIRE(two.samples.size() == 2);
  CHECK(two.samples[1].time_s == start_s + 6);
  asked.samples_max = 0;
  asked.to_s = asked.from_s;
  CHECK(ask(history, snapshot, asked).samples.size() == 1);
}

TEST_CASE("what history cannot answer it says") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1));
  market.fill(history, 1, 20);
  const auto snapshot = market.make(20, 0);
  CHECK(ask(history, snapshot, query(GANTRY_HISTORY_PRICE, 3)).status == GANTRY_UNSUPPORTED);
  CHECK(ask(history, snapshot, query(GANTRY_HISTORY_CORRELATION, 2, 3)).status ==
        GANTRY_UNSUPPORTED);
  CHECK(ask(history, snapshot, query(99, 2)).status == GANTRY_BAD_ARGUMENT);
  CHECK(ask(history, snapshot, query(GANTRY_HISTORY_VOLATILITY, 2), 0).status == GANTRY_NEED_SIZE);
  auto asked = query(GANTRY_HISTORY_PRICE, 2);
  asked.from_s = start_s + 21;
  CHECK(ask(history, snapshot, asked).status == GANTRY_NO_LIQUIDITY);
  // Two returns are the least that deviate.
  asked = query(GANTRY_HISTORY_VOLATILITY, 2);
  asked.from_s = start_s + 19;
  CHECK(ask(history, snapshot, asked).status == GANTRY_NO_LIQUIDITY);
  asked.from_s = start_s + 18;
  CHECK(ask(history, snapshot, asked).status == GANTRY_OK);
}

TEST_CASE("a snapshot in which the token had no price is no sample") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1));
  const std::size_t unpriced = market.priced_states();
  const std::vector<std::size_t> states = {0, 1, unpriced, 2, unpriced, unpriced, 3};
  for (std::size_t i = 0; i < states.size(); ++i) market.add(history, i + 1, states[i]);
  const auto answer = ask(history, market.make(states.size(), 0), query(GANTRY_HISTORY_PRICE, 2));
  REQUIRE(answer.samples.size() == 4);
  CHECK(answer.samples[2].time_s == start_s + 4);
  CHECK(one(ask(history, market.make(states.size(), 0), query(GANTRY_HISTORY_VOLATILITY, 2))) ==
        Approx(deviation(log_returns({market.middle(0, 2), market.middle(1, 2), market.middle(2, 2),
                                      market.middle(3, 2)})))
            .epsilon(1e-9));
}

TEST_CASE("a snapshot that was never added takes no sample's place") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1));
  const std::uint64_t slots = History::samples_kept + History::reader_lag_max;
  market.fill(history, 1, slots + 4);
  market.fill(history, slots + 6, slots + 10);
  const auto answer = ask(history, market.make(slots + 10, 0), query(GANTRY_HISTORY_PRICE, 2));
  REQUIRE(answer.samples.size() == History::samples_kept);
  for (std::size_t i = 1; i < answer.samples.size(); ++i) {
    REQUIRE(answer.samples[i].time_s > answer.samples[i - 1].time_s);
  }
}

TEST_CASE("a series that was asked for so many seconds covers them, however fast blocks come") {
  const Turning market;
  constexpr std::uint64_t day_s = 86'400;
  // Seconds from one block to the next, and samples of a day: 11 s hold one at most.
  const auto [step_s, samples] = GENERATE(
      std::pair<std::uint64_t, std::size_t>{1, (day_s + 10) / 11}, std::pair{12, day_s / 12 + 1});
  CAPTURE(step_s);
  History history;
  REQUIRE(history.subscribe(2, 1, day_s));
  const std::uint64_t blocks = 3 * day_s / step_s;
  for (std::uint64_t id = 1; id <= blocks; ++id) {
    auto snapshot = market.make(id, market.turn(id));
    snapshot.context.state_time_s = start_s + id * step_s;
    history.add(snapshot);
  }
  auto now = market.make(blocks, 0);
  now.context.state_time_s = start_s + blocks * step_s;
  auto asked = query(GANTRY_HISTORY_PRICE, 2);
  asked.from_s = now.context.state_time_s - day_s;
  const auto answer = ask(history, now, asked);
  CHECK(answer.samples.size() >= samples - 1);
  CHECK(answer.samples.size() <= samples + 1);
  CHECK(answer.samples.size() <= History::samples_kept);
  CHECK(answer.samples.front().time_s <= asked.from_s + std::max<std::uint64_t>(step_s, 11));
  for (std::size_t i = 1; i < answer.samples.size(); ++i) {
    const std::uint64_t between = answer.samples[i].time_s - answer.samples[i - 1].time_s;
    REQUIRE(between >= (step_s == 1 ? 11 : 12));
    REQUIRE(between <= 12);
  }
  // Each is the price of its own block.
  for (const gantry_sample& sample : answer.samples) {
    const std::uint64_t id = (sample.time_s - start_s) / step_s;
    REQUIRE(sample.value == market.middle(market.turn(id), 2));
  }
}

TEST_CASE("what a reader sees of a sampled series does not depend on how far others are") {
  const Turning market;
  std::vector<std::vector<gantry_sample>> seen;
  for (const std::uint64_t ahead : {std::uint64_t{0}, std::uint64_t{3}, History::reader_lag_max}) {
    History history;
    REQUIRE(history.subscribe(2, 1, 3 * History::samples_kept));
    market.fill(history, 1, 500 + ahead);
    const auto answer = ask(history, market.make(500, 0), query(GANTRY_HISTORY_PRICE, 2));
    seen.push_back(answer.samples);
  }
  // Seconds 1001 to 1500 touch the spans of three seconds from number 333 to 500.
  REQUIRE(seen[0].size() == 168);
  for (const auto& samples : seen) {
    REQUIRE(samples.size() == seen[0].size());
    for (std::size_t i = 0; i < samples.size(); ++i) {
      CHECK(samples[i].time_s == seen[0][i].time_s);
      CHECK(samples[i].value == seen[0][i].value);
    }
  }
}

TEST_CASE("of several series of two tokens the finest answers that reaches back so far") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1, 8192));       // each second
  REQUIRE(history.subscribe(2, 1, 10 * 8192));  // each tenth
  REQUIRE(history.subscribe(2, 1, 10 * 8192));  // the same again
  CHECK(history.size() == 2);
  market.fill(history, 1, 20'000);
  const auto now = market.make(20'000, 0);
  auto asked = query(GANTRY_HISTORY_PRICE, 2);
  asked.from_s = start_s + 20'000 - 1000;
  CHECK(ask(history, now, asked, 30'000).samples.size() == 1001);
  asked.from_s = start_s + 20'000 - 10'000;
  const auto coarse = ask(history, now, asked, 30'000);
  CHECK(coarse.samples.size() >= 1000);
  CHECK(coarse.samples.size() <= 1001);
  CHECK(coarse.samples.front().time_s <= asked.from_s + 10);
}

TEST_CASE("a series begins with what an earlier run kept, of before its first snapshot") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1, 3 * History::samples_kept));  // one each 3 s
  REQUIRE(history.subscribe(3, 1));
  REQUIRE(history.subscribe(4, 1));
  const auto first = market.make(30, market.turn(30));
  const auto& tokens = first.topology->tokens;
  PastPrices each{tokens[2].address, tokens[1].address, 0, {}};
  for (std::uint64_t time_s = start_s; time_s < start_s + 40; ++time_s) {
    each.samples.push_back({time_s, static_cast<double>(time_s)});
  }
  PastPrices other{tokens[3].address, tokens[1].address, 0, {{start_s - 500, 2}, {start_s, 3}}};
  PastPrices unknown = other;
  unknown.token.bytes[0] ^= 1;

  const auto warmth = history.warm(first, std::vector{each, other, unknown});
  CHECK(warmth.series == 3);
  CHECK(warmth.warm == 2);
  CHECK(warmth.oldest_s == start_s - 500);
  CHECK(warmth.newest_s < start_s + 30);
  history.add(first);

  // The first of each 3 s of the chain's clock, and the snapshot's own behind them.
  const auto answer = ask(history, first, query(GANTRY_HISTORY_PRICE, 2));
  REQUIRE(answer.status == GANTRY_OK);
  std::vector<std::uint64_t> times = {start_s};
  while (times.back() + 3 < start_s + 30 + 2) times.push_back((times.back() / 3 + 1) * 3);
  const bool own = times.back() > start_s + 30;
  if (own) times.pop_back();
  REQUIRE(answer.samples.size() == times.size());
  CHECK(warmth.samples == times.size() - (times.back() == start_s + 30 ? 1 : 0) + 2);
  for (std::size_t i = 0; i < times.size(); ++i) {
    CHECK(answer.samples[i].time_s == times[i]);
    if (times[i] == start_s + 30) continue;
    CHECK(answer.samples[i].value == static_cast<double>(times[i]));
  }
  const auto second = ask(history, first, query(GANTRY_HISTORY_PRICE, 3));
  REQUIRE(second.samples.size() == 3);
  CHECK(second.samples[1].value == 3);
  CHECK(second.samples[2].time_s == start_s + 30);
  CHECK(ask(history, first, query(GANTRY_HISTORY_PRICE, 4)).samples.size() == 1);
}

TEST_CASE("of several pasts the one that was sampled alike counts, else the longest") {
  const Turning market;
  const auto first = market.make(1, 0);
  const auto& tokens = first.topology->tokens;
  const PastPrices coarse{tokens[2].address, tokens[1].address, 9, {{100, 9}, {900, 9}}};
  const PastPrices fine{tokens[2].address, tokens[1].address, 1, {{800, 1}, {900, 1}}};
  const PastPrices middle{tokens[2].address, tokens[1].address, 4, {{500, 4}, {900, 4}}};
  for (const auto& [lookback_s, value] :
       {std::pair<std::uint64_t, double>{History::samples_kept, 1},
        std::pair<std::uint64_t, double>{4 * History::samples_kept, 4},
        std::pair<std::uint64_t, double>{2 * History::samples_kept, 9}}) {
    for (const auto& past :
         {std::vector{coarse, fine, middle}, std::vector{middle, fine, coarse}}) {
      History history;
      REQUIRE(history.subscribe(2, 1, lookback_s));
      CHECK(history.warm(first, past).warm == 1);
      history.add(first);
      const auto answer = ask(history, first, query(GANTRY_HISTORY_PRICE, 2));
      REQUIRE(answer.samples.size() == 3);
      CHECK(answer.samples.front().value == value);
    }
  }
}

TEST_CASE("of several pasts the one that goes on for longest counts, however it was sampled") {
  const Turning market;
  const auto first = market.make(1, 0);
  const auto& tokens = first.topology->tokens;
  const PastPrices stale{tokens[2].address, tokens[1].address, 1, {{100, 1}, {200, 1}}};
  const PastPrices fresh{tokens[2].address, tokens[1].address, 7, {{800, 7}, {900, 7}}};
  for (const auto& past : {std::vector{stale, fresh}, std::vector{fresh, stale}}) {
    History history;
    REQUIRE(history.subscribe(2, 1, History::samples_kept));
    history.warm(first, past);
    history.add(first);
    CHECK(ask(history, first, query(GANTRY_HISTORY_PRICE, 2)).samples.front().value == 7);
  }
}

TEST_CASE("what is kept for the next run is what a reader sees, in order of time") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1));
  REQUIRE(history.subscribe(3, 1, 5 * History::samples_kept));
  REQUIRE(history.subscribe(1, 1));  // has no price in itself
  market.fill(history, 1, 20);
  // As of a chain that was reorganized: back by three seconds.
  auto again = market.make(21, market.turn(2));
  again.context.state_time_s = start_s + 18;
  history.add(again);
  market.fill(history, 22, 30);  // which a reader of snapshot 21 does not see
  const auto kept = history.kept(again);
  REQUIRE(kept.size() == 2);
  CHECK(kept[0].interval_s == 0);
  REQUIRE(kept[0].samples.size() == 18);
  CHECK(kept[0].samples.back().time_s == start_s + 18);
  CHECK(kept[0].samples.back().value == market.middle(market.turn(2), 2));
  CHECK(kept[1].interval_s == 5);
  CHECK(kept[1].samples.size() == 5);
  for (const PastPrices& one : kept) {
    CHECK(makes_sense(one));
    const auto back = decode_past(encode(one));
    REQUIRE(back);
    CHECK(encode(*back) == encode(one));
  }
}

TEST_CASE("prices of the past that cannot be are refused") {
  const Turning market;
  const auto first = market.make(1, 0);
  const auto& tokens = first.topology->tokens;
  const PastPrices good{tokens[2].address, tokens[1].address, 9, {{100, 9}, {900, 9}}};
  REQUIRE(decode_past(encode(good)));
  REQUIRE(decode(encode(MarketEvent{MarketEventKind::past, 0, 0, {}, encode(good)})));
  const auto refuses = [&](auto&& change) {
    PastPrices bad = good;
    change(bad);
    CHECK_FALSE(makes_sense(bad));
    CHECK_FALSE(decode_past(encode(bad)));
    CHECK_FALSE(decode(encode(MarketEvent{MarketEventKind::past, 0, 0, {}, encode(bad)})));
  };
  refuses([](PastPrices& past) { past.samples.clear(); });
  refuses([](PastPrices& past) { past.samples[1].time_s = past.samples[0].time_s; });
  refuses([](PastPrices& past) { past.samples[1].time_s = 99; });
  refuses([](PastPrices& past) { past.samples[0].value = 0; });
  refuses([](PastPrices& past) { past.samples[0].value = -1; });
  refuses([](PastPrices& past) { past.samples[0].value = std::nan(""); });
  refuses([](PastPrices& past) { past.samples[0].value = HUGE_VAL; });
  refuses([](PastPrices& past) { past.quote = past.token; });
  refuses([](PastPrices& past) { past.interval_s = past_interval_s_max + 1; });
  refuses([](PastPrices& past) {
    past.samples.clear();
    for (std::uint64_t i = 0; i <= past_samples_max; ++i) past.samples.push_back({i, 1});
  });
  const auto bytes = encode(good);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const bool whole = size == bytes.size() - 16;  // without the last sample
    CHECK(decode_past({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)})
              .has_value() == whole);
  }
}

TEST_CASE("a lookback beyond the bound is refused") {
  History history;
  CHECK(history.subscribe(2, 1, History::lookback_s_max));
  CHECK_FALSE(history.subscribe(3, 1, History::lookback_s_max + 1));
  CHECK_FALSE(history.subscribe(3, 1, UINT64_MAX));
}

TEST_CASE("volatility is the standard deviation of log returns, at the time of the last") {
  const Turning market;
  History history;
  REQUIRE(history.subscribe(2, 1));
  market.fill(history, 1, 30);
  std::vector<double> prices;
  for (std::uint64_t id = 1; id <= 30; ++id) prices.push_back(market.middle(market.turn(id), 2));
  const auto answer = ask(history, market.make(30, 0), query(GANTRY_HISTORY_VOLATILITY, 2));
  CHECK(one(answer) == Approx(deviation(log_returns(prices))).epsilon(1e-9));
  CHECK(answer.samples[0].time_s == start_s + 30);

  History still;
  REQUIRE(still.subscribe(2, 1));
  for (std::uint64_t id = 1; id <= 5; ++id) market.add(still, id, 0);
  CHECK(one(ask(still, market.make(5, 0), query(GANTRY_HISTORY_VOLATILITY, 2))) == 0);
}

TEST_CASE("correlation is of log returns at the times when both tokens have a price") {
  const Turning market;
  History history;
  for (const std::uint32_t token : {0U, 2U, 3U, 4U}) REQUIRE(history.subscribe(token, 1));
  const std::size_t unpriced = market.priced_states();
  const std::vector<std::size_t> states = {0, 1, 2, unpriced, 3, 4, unpriced, 5, 6, 7, 1};
  std::vector<double> second, third;
  for (std::size_t i = 0; i < states.size(); ++i) {
    market.add(history, i + 1, states[i]);
    if (states[i] == unpriced) continue;
    second.push_back(market.middle(states[i], 2));
    third.push_back(market.middle(states[i], 3));
  }
  const auto now = market.make(states.size(), 0);
  const double expected = correlation(log_returns(second), log_returns(third));
  CHECK(expected < 0.999999);
  CHECK(one(ask(history, now, query(GANTRY_HISTORY_CORRELATION, 2, 3))) ==
        Approx(expected).epsilon(1e-9));
  CHECK(one(ask(history, now, query(GANTRY_HISTORY_CORRELATION, 3, 2))) ==
        Approx(expected).epsilon(1e-9));
  CHECK(one(ask(history, now, query(GANTRY_HISTORY_CORRELATION, 2, 2))) == Approx(1).epsilon(1e-9));
  CHECK(one(ask(history, now, query(GANTRY_HISTORY_CORRELATION, 2, 4))) ==
        Approx(-1).epsilon(1e-9));

  // Who does not move is correlated with nobody.
  History still;
  for (const std::uint32_t token : {2U, 3U}) REQUIRE(still.subscribe(token, 1));
  for (std::uint64_t id = 1; id <= 5; ++id) market.add(still, id, 0);
  CHECK(ask(still, market.make(5, 0), query(GANTRY_HISTORY_CORRELATION, 2, 3)).status ==
        GANTRY_NO_LIQUIDITY);
  CHECK(ask(history, now, query(GANTRY_HISTORY_CORRELATION, 2, 0)).status == GANTRY_NO_LIQUIDITY);
  CHECK(ask(history, now, query(GANTRY_HISTORY_CORRELATION, 0, 2)).status == GANTRY_NO_LIQUIDITY);
}

TEST_CASE("the same samples give the same double to the bit, wherever in the ring they lie") {
  const Turning market;
  std::vector<double> volatilities, correlations;
  // A replay that starts elsewhere, a ring that was never full, one that was overwritten midway.
  const std::uint64_t cycle = market.priced_states();
  const std::uint64_t slots = History::samples_kept + History::reader_lag_max;
  for (const std::uint64_t end : {100 * cycle, slots / cycle * cycle + 5 * cycle}) {
    History history;
    for (const std::uint32_t token : {2U, 3U}) REQUIRE(history.subscribe(token, 1));
    market.fill(history, 1, end);
    auto asked = query(GANTRY_HISTORY_VOLATILITY, 2);
    asked.from_s = start_s + end - 50 * cycle;
    volatilities.push_back(one(ask(history, market.make(end, 0), asked)));
    asked.what = GANTRY_HISTORY_CORRELATION;
    asked.other = 3;
    correlations.push_back(one(ask(history, market.make(end, 0), asked)));
  }
  CHECK(volatilities[0] == volatilities[1]);
  CHECK(correlations[0] == correlations[1]);
  // From old to new: the sum of the same returns the other way round differs in its last bits.
  std::vector<double> prices;
  for (std::uint64_t i = 0; i <= 50 * cycle; ++i) prices.push_back(market.middle(i % cycle, 2));
  double n = 0, sum = 0, squares = 0;
  for (const double value : log_returns(prices)) {
    n += 1;
    sum += value;
    squares += value * value;
  }
  CHECK(volatilities[0] == std::sqrt((squares - sum * sum / n) / (n - 1)));
}

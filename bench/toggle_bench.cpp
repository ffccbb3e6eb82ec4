// From a saved file to its effect: strategies.toml or dex_config.toml is written, all three files
// are read again, every plugin is found and hashed, what is new is loaded and prepared on the
// recorded market of 10,704 pools, and the first snapshot carries it. Meanwhile the street replays
// that market as fast as it can, with a strategy that keeps it busy.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <thread>
#include <vector>

#include "support/small_market.hpp"

namespace {

using namespace gantry::host;
using namespace gantry::test;
using Clock = std::chrono::steady_clock;

const std::string busy = "[strategies.slow_strategy]\nrounds = 2000\n";

ConfigurationTexts texts(const std::string& strategies, const std::string& liquidity) {
  return {"", "[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = " + liquidity + "\n", strategies,
          "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2",
          "0x6B175474E89094C44Da98b954EedeAC495271d0F"};
}

// The recording has an end, and is replayed again then.
class Replayed {
 public:
  explicit Replayed(const ConfigurationTexts& base) : base_(read(base)) {}
  Replayed(const Replayed&) = delete;
  Replayed& operator=(const Replayed&) = delete;
  ~Replayed() { end(); }

  Configuration read(const ConfigurationTexts& all) const {
    return configure(folder_.path(), all, {GANTRY_TEST_PLUGIN_FOLDER});
  }
  // Seconds from the edit to its effect; nothing when the recording was at its end.
  std::optional<double> change(const ConfigurationTexts& all) {
    if (!street_) begin();
    const auto start = Clock::now();
    auto wanted = std::make_shared<const Configuration>(read(all));
    read_s = std::chrono::duration<double>(Clock::now() - start).count();
    const auto done = street_->change(std::move(wanted));
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    if (done && done->done.size() == 1) return took;
    end();
    return std::nullopt;
  }
  double read_s = 0;  // of the last change, for reading and checking the files
  bool drained() {
    Drained drained = street_->drain();
    while (drained.waiting > 0) drained = street_->drain();
    return drained.stayed.empty();
  }

 private:
  void begin() {
    StreetOptions options;
    options.recording = GANTRY_RECORDING;
    street_.emplace(base_, make_plugins(base_, store_.path()), options);
    thread_ = std::thread([this] { (void)street_->run(); });
  }
  void end() {
    if (!street_) return;
    street_->request_stop();
    thread_.join();
    street_.reset();
  }

  TemporaryFolder folder_;
  TemporaryFolder store_;
  Configuration base_;
  std::optional<Street> street_;
  std::thread thread_;
};

// There and back; the way there is what is measured.
void toggle(benchmark::State& state, const ConfigurationTexts& base,
            const ConfigurationTexts& other) {
  constexpr int attempts_max = 100;
  Replayed replayed(base);
  std::vector<double> took;
  double read_s = 0;
  for (auto _ : state) {
    std::optional<double> seconds;
    for (int attempt = 0; !seconds && attempt < attempts_max; ++attempt) {
      seconds = replayed.change(other);
    }
    if (!seconds) {
      state.SkipWithError("the change was refused");
      break;
    }
    took.push_back(*seconds * 1e6);
    read_s += replayed.read_s;
    state.SetIterationTime(*seconds);
    if (replayed.change(base) && !replayed.drained()) state.SkipWithError("a library stayed");
  }
  if (took.empty()) return;
  std::ranges::sort(took);
  const auto at = [&](double share) {
    return took[static_cast<std::size_t>(share * static_cast<double>(took.size() - 1))];
  };
  state.counters["p50_us"] = at(0.50);
  state.counters["p99_us"] = at(0.99);
  state.counters["read_us"] = read_s / static_cast<double>(took.size()) * 1e6;
}

// What the host adds: the strategy has nothing to prepare.
void toggle_to_effect(benchmark::State& state) {
  toggle(state, texts(busy, "10000"), texts(busy + "[strategies.idle_strategy]\n", "10000"));
}

// The strategy first finds all cycles of four pools: see index_build.
void toggle_triangular_to_effect(benchmark::State& state) {
  toggle(state, texts(busy, "10000"),
         texts(busy + "[strategies.triangular]\nmax_hops = 4\n", "10000"));
}

// The market is made again, from the recording's first block on.
void venue_to_effect(benchmark::State& state) {
  toggle(state, texts(busy, "10000"), texts(busy, "20000"));
}

BENCHMARK(toggle_to_effect)->Unit(benchmark::kMillisecond)->UseManualTime();
BENCHMARK(toggle_triangular_to_effect)->Unit(benchmark::kMillisecond)->UseManualTime();
BENCHMARK(venue_to_effect)->Unit(benchmark::kMillisecond)->UseManualTime();

}  // namespace

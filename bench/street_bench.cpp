// What the host adds to a snapshot: the whole street over blocks of one update each with a strategy
// that finds nothing, beside an empty graph of the same shape. The time of the venue's plugin is in
// the street's, as it is small. One iteration is one run; times are a snapshot's.
#include <benchmark/benchmark.h>
#include <oneapi/tbb/flow_graph.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>

#include <chrono>
#include <random>
#include <semaphore>
#include <thread>

#include "support/small_market.hpp"

namespace {

using namespace gantry::host;
using namespace gantry::test;
namespace flow = tbb::flow;

constexpr std::size_t block_count = 10'000;
constexpr std::ptrdiff_t in_flight = 4;  // as [street] snapshots_in_flight has it by default

struct Quiet {
  Quiet() {
    std::mt19937_64 random(3);
    std::vector<SmallPool> pools;
    for (std::uint32_t a = 0; a < 12; ++a) {
      for (std::uint32_t b = a + 1; b < 12; ++b) pools.push_back({a, b, 100'000'000, 100'000'000});
    }
    std::vector<std::vector<SmallUpdate>> blocks(block_count);
    for (auto& block : blocks) {
      block.push_back({static_cast<std::uint32_t>(random() % pools.size()),
                       100'000'000 + random() % 100'000, 100'000'000 + random() % 100'000});
    }
    write_market(recording, 12, pools, blocks);
  }
  TemporaryFolder folder;
  std::filesystem::path recording = folder.path() / "quiet.gantry";
  Configuration configuration =
      configure(folder.path(), {"", ConfigurationTexts().dex, "[strategies.idle_strategy]\n"},
                {GANTRY_TEST_PLUGIN_FOLDER});
};

Quiet& quiet() {
  static Quiet instance;
  return instance;
}

void street_snapshot(benchmark::State& state) {
  StreetOptions options;
  options.recording = quiet().recording;
  options.threads = state.range(0);
  double seconds = 0;
  for (auto _ : state) {
    const RunReport report = run_market(quiet().configuration, options);
    if (report.snapshots != block_count + 1 ||
        report.strategies.front().snapshots != report.snapshots) {
      state.SkipWithError("the street lost a block");
    }
    seconds += report.stream_s;
    state.SetIterationTime(report.stream_s);
    const auto per_snapshot_ns = [&](Stage stage) {
      const Histogram& times = report.stages[static_cast<std::size_t>(stage)];
      return static_cast<double>(times.sum_ns()) / static_cast<double>(times.count());
    };
    state.counters["apply_ns"] = per_snapshot_ns(Stage::apply);
    state.counters["strategies_ns"] = per_snapshot_ns(Stage::strategies);
    state.counters["rank_ns"] = per_snapshot_ns(Stage::rank);
    state.counters["risk_ns"] = per_snapshot_ns(Stage::risk);
  }
  state.counters["per_call"] =
      seconds / static_cast<double>(state.iterations()) / static_cast<double>(block_count);
}

// The street's nodes and edges for one strategy, its feeder and its bound on snapshots in flight.
class EmptyGraph {
 public:
  explicit EmptyGraph(tbb::task_arena& arena) {
    arena.execute([&] { graph_ = std::make_unique<flow::graph>(); });
    flow::graph& g = *graph_;
    const auto pass = [](const int& message, auto& out) { std::get<0>(out).try_put(message); };
    apply_ = std::make_unique<One>(g, flow::serial, pass);
    post_ = std::make_unique<Two>(g, flow::serial, [](const int& message, auto& out) {
      if (message == snapshot) std::get<0>(out).try_put(message);
    });
    think_ = std::make_unique<Two>(g, flow::serial, [](const int& message, auto& out) {
      std::get<0>(out).try_put(message);
      std::get<1>(out).try_put(free);
    });
    for (auto* stage : {&merge_, &rank_, &risk_, &plan_}) {
      *stage = std::make_unique<One>(g, flow::serial, pass);
    }
    end_ = std::make_unique<flow::function_node<int>>(g, flow::serial, [this](const int&) {
      ++ended;
      post_->try_put(outcome);
      tokens_.release();
      return flow::continue_msg();
    });
    flow::make_edge(flow::output_port<0>(*apply_), *post_);
    flow::make_edge(flow::output_port<0>(*post_), *think_);
    flow::make_edge(flow::output_port<1>(*post_), *merge_);
    flow::make_edge(flow::output_port<0>(*think_), *merge_);
    flow::make_edge(flow::output_port<1>(*think_), *post_);
    flow::make_edge(flow::output_port<0>(*merge_), *rank_);
    flow::make_edge(flow::output_port<0>(*rank_), *risk_);
    flow::make_edge(flow::output_port<0>(*risk_), *plan_);
    flow::make_edge(flow::output_port<0>(*plan_), *end_);
  }

  void run(tbb::task_arena& arena) {
    graph_->reserve_wait();
    std::thread feeder([this] {
      for (std::size_t i = 0; i < block_count; ++i) {
        tokens_.acquire();
        apply_->try_put(snapshot);
      }
      graph_->release_wait();
    });
    arena.execute([this] { graph_->wait_for_all(); });
    feeder.join();
  }

  std::size_t ended = 0;

 private:
  static constexpr int snapshot = 1;
  static constexpr int outcome = 2;
  static constexpr int free = 3;
  using One = flow::multifunction_node<int, std::tuple<int>>;
  using Two = flow::multifunction_node<int, std::tuple<int, int>>;

  std::counting_semaphore<> tokens_{in_flight};
  std::unique_ptr<flow::graph> graph_;
  std::unique_ptr<One> apply_;
  std::unique_ptr<Two> post_;
  std::unique_ptr<Two> think_;
  std::unique_ptr<One> merge_;
  std::unique_ptr<One> rank_;
  std::unique_ptr<One> risk_;
  std::unique_ptr<One> plan_;
  std::unique_ptr<flow::function_node<int>> end_;
};

void empty_graph_snapshot(benchmark::State& state) {
  using Clock = std::chrono::steady_clock;
  const auto threads = static_cast<int>(state.range(0));
  const tbb::global_control workers(tbb::global_control::max_allowed_parallelism,
                                    static_cast<std::size_t>(threads));
  tbb::task_arena arena(threads);
  double seconds = 0;
  for (auto _ : state) {
    EmptyGraph graph(arena);
    const auto start = Clock::now();
    graph.run(arena);
    const double took = std::chrono::duration<double>(Clock::now() - start).count();
    seconds += took;
    state.SetIterationTime(took);
    if (graph.ended != block_count) state.SkipWithError("the empty graph lost a message");
  }
  state.counters["per_call"] =
      seconds / static_cast<double>(state.iterations()) / static_cast<double>(block_count);
}

BENCHMARK(empty_graph_snapshot)->ArgName("threads")->Arg(1)->Arg(2)->UseManualTime();
BENCHMARK(street_snapshot)->ArgName("threads")->Arg(1)->Arg(2)->UseManualTime();

}  // namespace

// A trade on a local node, as `gantry run --live` carries it out: from the arrival of a block's
// bytes to signed bytes, without I/O between, and to a node having them; beside what the second
// cannot do without, one eth_call and one synced write.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "evm/integer_words.hpp"
#include "evm/playground_market.hpp"
#include "evm/plugin_venue.hpp"
#include "host/base/text.hpp"
#include "host/config/load.hpp"
#include "host/deploy/executor.hpp"
#include "host/execute/execution.hpp"
#include "host/live/live_feed.hpp"
#include "host/plugin/library.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/random.hpp"
#include "host/street/street.hpp"
#include "support/temporary_folder.hpp"

namespace {

using namespace gantry::host;
using namespace gantry::test;
namespace json = boost::json;
using Steady = std::chrono::steady_clock;

constexpr const char* owner = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
constexpr const char* owner_key =
    "59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// Blocks that are traded; few among the tests.
std::uint64_t blocks_wanted() {
  const char* given = std::getenv("GANTRY_BENCH_TRADES");
  return given != nullptr ? std::strtoull(given, nullptr, 10) / 50 : 400;
}

class TradedRun {
 public:
  TradedRun() {
    const auto data = deploy::creation_data(to_address(owner));
    executor_ = deployer_.deploy(hex_text(data));
    for (const PlaygroundToken& token : market_.tokens()) {
      Integer amount = token.usd == 1 ? 1'000'000 : 50;
      for (unsigned i = 0; i < token.decimals; ++i) amount *= 10;
      deployer_.send(token.address, deployer_.selector("transfer(address,uint256)") +
                                        address_word(executor_) + word(amount));
    }
    configure();
    trade();
    floor();
  }

  Histogram times[execution_steps];
  Histogram stages[stage_count];  // of the street, of all blocks
  Histogram floor_times;          // one eth_call and one synced write
  std::uint64_t filled = 0;

 private:
  void configure() {
    std::string gantry = fmt::format(
        "[[chain]]\nid = \"eip155:31337\"\nblock_time_s = 1\nwrapped_native = \"{}\"\nusd_tokens = "
        "[",
        market_.tokens().front().address);
    for (const PlaygroundToken& token : market_.tokens()) {
      if (token.usd == 1) gantry += fmt::format("\"{}\", ", token.address);
    }
    gantry += fmt::format(
        "]\n[[chain.provider]]\nname = \"local\"\nurl = \"{}\"\n[chain.execution]\nexecutor = "
        "\"{}\"\n[wallet]\nsender = \"{}\"\n[risk]\nmin_profit_usd = 1\nmin_profit_gas = 0\n"
        "min_success = 0\nmax_failures = 1000\nmax_volatility_bps = 100000\nmax_slippage_bps = "
        "10000\nmax_composite = 1\nmax_drawdown_bps = 10000\nmax_quote_deviation_bps = 10000\n"
        "[plugins]\nfolders = [\"{}\"]\n[street]\npace = \"live\"\n[live]\npoll_ms = 10\n",
        chain_.url(), executor_, owner, GANTRY_PLUGIN_FOLDER);
    std::string dex;
    for (std::size_t i = 0; i < 2; ++i) {
      dex += fmt::format(
          "[[dex]]\nname = \"venue{}\"\nplugin = \"uniswap_v2\"\nfactory = \"{}\"\n"
          "init_code_hash = \"{}\"\n",
          i, market_.factory(i).address(), market_.factory(i).init_code_hash());
    }
    std::ofstream(folder_ / "gantry.toml") << gantry;
    std::ofstream(folder_ / "dex_config.toml") << dex;
    std::ofstream(folder_ / "strategies.toml")
        << "[strategies.triangular]\nmin_profit_bps = 5\nmax_hops = 4\n";
    auto loaded = load_configuration(ConfigFiles::in_folder(folder_.path()),
                                     scan_plugin_folders({GANTRY_PLUGIN_FOLDER}).plugins,
                                     process_environment());
    if (!loaded) throw std::runtime_error(render_text(loaded.error(), false));
    configuration_ = std::move(*loaded);
    const ChainSettings& chain = configuration_.chains.front();
    environment_ = process_environment();
    http_ = must(make_curl_http_pool());
    providers_ = must(Providers::make(chain, {*http_, clock_, environment_}));
    ledger_ = must(ledger::Ledger::open(folder_ / "ledger.sqlite"));
    const auto key = bytes_of_hex(std::string("0x") + owner_key);
    sign::SecretBytes secret(32);
    std::copy(key->begin(), key->end(), secret.data());
    signer_ =
        must(sign::make_local_signer(std::move(secret), must(sign::Curve::make(system_random()))));
  }

  void trade() {
    const ChainSettings& chain = configuration_.chains.front();
    auto book = std::make_shared<RiskBook>(configuration_.risk, chain.id, true);
    Plugins plugins = make_plugins(configuration_, folder_ / "store");
    if (!plugins.refused.empty()) throw std::runtime_error(plugins.refused.front().reason);
    auto feed = must(LiveFeed::open(chain, configuration_.live, plugins.venues, *providers_));
    const auto execution = must(
        Execution::start(chain, configuration_.wallet,
                         {*providers_,
                          *ledger_,
                          *signer_,
                          *book,
                          [this](const Outgoing& outgoing, const MayLeave& may_leave) {
                            return submit_transaction(*providers_, outgoing.bytes,
                                                      std::chrono::milliseconds(2000), may_leave);
                          },
                          {}}));
    StreetOptions options;
    options.live = feed;
    options.pace = Pace::live;
    options.risk = book;
    options.execution = execution.get();
    options.blocks_max = blocks_wanted();
    Street street(configuration_, std::move(plugins), options);
    RunReport report;
    std::thread running([&street, &report] { report = must(street.run()); });
    while (!street.is_over()) {
      market_.trade(true);
      std::this_thread::sleep_for(std::chrono::milliseconds(25));
    }
    running.join();
    execution->stop();
    for (std::size_t i = 0; i < execution_steps; ++i) {
      times[i] = execution->times(static_cast<ExecutionStep>(i));
    }
    std::ranges::copy(report.stages, stages);
    filled = times[static_cast<std::size_t>(ExecutionStep::to_sent)].count();
  }

  void floor() {
    const RpcCall call{"eth_call",
                       {json::object{{"to", executor_}, {"data", "0x8da5cb5b"}}, "latest"}};
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(blocks_wanted(), 100); ++i) {
      const auto begin = Steady::now();
      const auto answered = providers_->ask({&call, 1});
      if (!answered || !answered->answers.front()) throw std::runtime_error("no answer");
      must(ledger_->operator_command("a synced write").get());
      floor_times.add(static_cast<std::uint64_t>((Steady::now() - begin).count()));
    }
  }

  Anvil chain_;
  Deployer deployer_{chain_};
  PlaygroundMarket market_{deployer_, 41};
  std::string executor_;
  TemporaryFolder folder_;
  SteadyClock clock_;
  Environment environment_;
  Configuration configuration_;
  std::unique_ptr<HttpPool> http_;
  std::unique_ptr<Providers> providers_;
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<sign::Signer> signer_;
};

const TradedRun& traded() {
  static const TradedRun run;
  return run;
}

void tell(benchmark::State& state, const Histogram& times) {
  for (auto _ : state) {
    state.SetIterationTime(static_cast<double>(times.quantile_ns(0.5)) * 1e-9);
  }
  state.counters["p50_us"] = static_cast<double>(times.quantile_ns(0.50)) * 1e-3;
  state.counters["p99_us"] = static_cast<double>(times.quantile_ns(0.99)) * 1e-3;
  state.counters["trades"] = static_cast<double>(times.count());
  if (times.count() == 0) state.SkipWithError("nothing was traded");
}

template <ExecutionStep step>
void trade_step(benchmark::State& state) {
  tell(state, traded().times[static_cast<std::size_t>(step)]);
}
template <Stage stage>
void trade_stage(benchmark::State& state) {
  tell(state, traded().stages[static_cast<std::size_t>(stage)]);
}
void one_call_and_one_synced_write(benchmark::State& state) { tell(state, traded().floor_times); }

BENCHMARK(trade_stage<Stage::apply>)->Name("trade_apply")->UseManualTime()->Iterations(1);
BENCHMARK(trade_stage<Stage::strategies>)->Name("trade_find")->UseManualTime()->Iterations(1);
BENCHMARK(trade_stage<Stage::risk>)->Name("trade_risk")->UseManualTime()->Iterations(1);
BENCHMARK(trade_stage<Stage::plan>)->Name("trade_plan")->UseManualTime()->Iterations(1);
BENCHMARK(trade_step<ExecutionStep::to_planned>)
    ->Name("trade_bytes_in_to_planned")
    ->UseManualTime()
    ->Iterations(1);
BENCHMARK(trade_step<ExecutionStep::build>)->Name("trade_build")->UseManualTime()->Iterations(1);
BENCHMARK(trade_step<ExecutionStep::sign>)->Name("trade_sign")->UseManualTime()->Iterations(1);
BENCHMARK(trade_step<ExecutionStep::to_signed>)
    ->Name("trade_bytes_in_to_signed")
    ->UseManualTime()
    ->Iterations(1);
BENCHMARK(one_call_and_one_synced_write)->UseManualTime()->Iterations(1);
BENCHMARK(trade_step<ExecutionStep::to_sent>)
    ->Name("trade_bytes_in_to_sent")
    ->UseManualTime()
    ->Iterations(1);

}  // namespace

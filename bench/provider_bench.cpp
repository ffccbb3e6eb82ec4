// The primary provider dies under load: how long until whoever asks has the next good answer.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <stdexcept>
#include <thread>

#include "host/provider/providers.hpp"
#include "support/rpc_server.hpp"

namespace {

using namespace gantry::host;
using gantry::test::RpcChain;
using gantry::test::RpcFault;
using gantry::test::RpcServer;
using Moment = std::chrono::steady_clock::time_point;

constexpr int askers = 4;
constexpr int deaths = 25;
constexpr std::chrono::milliseconds under_load{60};  // before a death, and after it
constexpr std::chrono::milliseconds patience{10000};

RpcProviderSettings provider(const std::string& name, std::int64_t priority,
                             const RpcServer& server) {
  RpcProviderSettings settings;
  settings.name = name;
  settings.url = TemplatedUrl::parse(server.url()).value();
  settings.priority = priority;
  return settings;
}

class Load {
 public:
  explicit Load(RpcChain& chain) : chain_(chain), primary_(chain), secondary_(chain) {
    ChainSettings settings;
    settings.providers = {provider("primary", 1, primary_), provider("secondary", 2, secondary_)};
    http_ = make_curl_http_pool().value();
    ProviderOptions options;
    options.on_event = [](const ProviderEvent&) {};
    const Environment none = [](std::string_view) { return std::nullopt; };
    providers_ = Providers::make(settings, {*http_, clock_, none}, options).value();
    providers_->check_now(patience);
  }

  // Of each asker the time from the death to its next good answer, in microseconds.
  std::vector<double> one_death(RpcFault fault) {
    answered_.assign(askers, Moment{});
    death_ = Moment::max();
    stop_ = false;
    std::vector<std::thread> threads;
    for (int i = 0; i < askers; ++i) threads.emplace_back([this, i] { ask(i); });
    std::this_thread::sleep_for(under_load);
    const Moment death = std::chrono::steady_clock::now();
    death_ = death;
    if (fault == RpcFault::none) {
      primary_.die();
    } else {
      primary_.fail(fault);
    }
    std::this_thread::sleep_for(under_load);
    stop_ = true;
    for (auto& thread : threads) thread.join();
    std::vector<double> waited;
    for (const Moment& at : answered_) {
      waited.push_back(std::chrono::duration<double, std::micro>(at - death).count());
    }
    return waited;
  }

  void recover() {
    primary_.fail(RpcFault::none);
    primary_.come_back();
    const Moment give_up = std::chrono::steady_clock::now() + patience;
    while (providers_->statistics().providers[0].state != ProviderState::ready) {
      if (std::chrono::steady_clock::now() > give_up) wrong_ = "the primary did not come back";
      if (!wrong_.empty()) return;
      providers_->check_now(patience);
    }
  }
  std::string wrong() const { return wrong_; }

 private:
  // Goes on until it has had an answer after the death.
  void ask(int number) {
    const std::size_t self = static_cast<std::size_t>(number);
    RpcOptions options;
    options.deadline = patience;
    options.pin = BlockPin{chain_.head(), chain_.hash(chain_.head())};
    for (int i = 0; !stop_ || answered_[self] == Moment{}; ++i) {
      const std::string data = "0x" + std::to_string(1000 * number + i);
      const RpcCall call{"eth_call", {boost::json::object{{"to", "0x1"}, {"data", data}}}};
      const auto batch = providers_->ask(std::span(&call, 1), options);
      const Moment now = std::chrono::steady_clock::now();
      if (!batch || !batch->answers[0] ||
          *batch->answers[0] != chain_.truth(options.pin->number, data)) {
        const std::lock_guard lock(mutex_);
        wrong_ = batch ? "a wrong answer" : batch.error().message;
        answered_[self] = now;
        return;
      }
      if (now > death_.load() && answered_[self] == Moment{}) answered_[self] = now;
    }
  }

  RpcChain& chain_;
  RpcServer primary_;
  RpcServer secondary_;
  SteadyClock clock_;
  std::unique_ptr<HttpPool> http_;
  std::unique_ptr<Providers> providers_;
  std::atomic<Moment> death_{Moment::max()};
  std::atomic<bool> stop_{false};
  std::vector<Moment> answered_;  // each asker its own
  std::mutex mutex_;              // guards wrong_
  std::string wrong_;
};

// p50 and p99 are over all deaths and askers.
void next_good_answer(benchmark::State& state, RpcFault fault) {
  RpcChain chain(1);
  std::vector<double> waited_us;
  for (auto _ : state) {
    Load load(chain);
    for (int i = 0; i < deaths; ++i) {
      const auto some = load.one_death(fault);
      waited_us.insert(waited_us.end(), some.begin(), some.end());
      load.recover();
      if (!load.wrong().empty()) return state.SkipWithError(load.wrong().c_str());
    }
    std::ranges::sort(waited_us);
    state.SetIterationTime(waited_us[waited_us.size() / 2] * 1e-6);
  }
  const auto at = [&](double share) {
    return waited_us[static_cast<std::size_t>(share * static_cast<double>(waited_us.size() - 1))];
  };
  state.counters["p50_us"] = at(0.50);
  state.counters["p99_us"] = at(0.99);
}
BENCHMARK_CAPTURE(next_good_answer, refused, RpcFault::none)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);
BENCHMARK_CAPTURE(next_good_answer, reset, RpcFault::reset)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);
BENCHMARK_CAPTURE(next_good_answer, hangs, RpcFault::hang)
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace

// How many trials of tokens are sent at one block, and what is done when their request fails.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/live/token_check.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/http.hpp"
#include "host/provider/providers.hpp"
#include "support/rpc_server.hpp"

using namespace gantry::host;
using namespace std::chrono_literals;
namespace json = boost::json;

namespace {

const std::string tried_hash = "0x" + std::string(64, 'a');

std::string word_of(std::uint64_t value) { return fmt::format("{:064x}", value); }

gantry_address made_up_address(std::uint64_t value) {
  return *evm_address_of(json::value(json::string(fmt::format("0x{:040x}", value))));
}

constexpr std::uint64_t first_token = 0x700000;
constexpr std::uint64_t first_pool = 0x900000;

// A chain whose tokens are all plain, and each pool of which holds a million of each.
class TrialNode final : public gantry::test::RpcNode {
 public:
  json::array answer(const json::array& calls, const Manner&) override {
    json::array replies;
    const auto is_trial = [](const json::value& call) {
      const auto& params = call.as_object().at("params").as_array();
      return call.as_object().at("method") == "eth_call" && params.size() > 2;
    };
    const auto trials = static_cast<std::size_t>(std::ranges::count_if(calls, is_trial));
    if (trials != 0) ++trips;
    for (const json::value& each : calls) {
      const json::object& call = each.as_object();
      const std::string method(call.at("method").as_string());
      json::object reply{{"jsonrpc", "2.0"}, {"id", call.at("id")}};
      const auto error = [&](std::int64_t code, std::string_view words) {
        reply["error"] = json::object{{"code", code}, {"message", words}};
      };
      if (method == "eth_chainId") {
        reply["result"] = "0x1";
      } else if (method.starts_with("eth_getBlockBy")) {
        reply["result"] = json::object{{"number", "0x3e8"},
                                       {"hash", tried_hash},
                                       {"parentHash", "0x" + std::string(64, 'b')},
                                       {"timestamp", "0x5"}};
      } else if (method == "eth_getCode") {
        reply["result"] = "0x";
      } else if (method != "eth_call") {
        error(-32601, "no such method");
      } else if (!is_trial(each)) {
        reply["result"] = "0x" + word_of(1000000);
      } else if (trials > trials_max) {
        error(429, "too many requests");
      } else if (trips > trips_until_gone) {
        error(-32000, "missing trie node");
      } else if (bad_token != 0 && json::serialize(call.at("params").as_array()[0])
                                       .contains(fmt::format("{:040x}", bad_token.load()))) {
        error(-32603, "execution timeout");
      } else {
        std::string all = "0x";
        for (const auto& [first, second] : {std::pair{1000000, 0},
                                            {0, 0},
                                            {1, 1},
                                            {999000, 0},
                                            {1000, 0},
                                            {1, 0},
                                            {999500, 0},
                                            {500, 0}}) {
          all += word_of(1) + word_of(static_cast<std::uint64_t>(first)) +
                 word_of(static_cast<std::uint64_t>(second));
        }
        reply["result"] = all;
      }
      replies.push_back(std::move(reply));
    }
    return replies;
  }

  std::atomic<std::size_t> trips{0};  // requests with trials
  std::atomic<std::size_t> trials_max{1000};
  std::atomic<std::size_t> trips_until_gone{1'000'000};
  std::atomic<std::uint64_t> bad_token{0};
};

// Two providers of one such chain. A pool has one token.
class TrialScene {
 public:
  TrialScene() {
    settings_.id = "eip155:1";
    settings_.name = "test";
    for (const auto* server : {&one_, &two_}) {
      auto& provider = settings_.providers.emplace_back();
      provider.name = server == &one_ ? "a" : "b";
      provider.url = TemplatedText::parse(server->url()).value();
    }
    http_ = make_curl_http_pool().value();
    providers_ = Providers::make(settings_, {*http_, clock_, environment_}).value();
    providers_->check_now(30s);
    fetcher_ = std::make_unique<Fetcher>(*providers_);
    check = std::make_unique<TokenCheck>(settings_, *providers_, *fetcher_);
  }
  ~TrialScene() { providers_->stop(); }

  struct Waiting {
    std::uint64_t index = 0;
    std::uint32_t lost = 0;
  };
  static std::vector<Waiting> pools(std::uint64_t count) {
    std::vector<Waiting> out;
    for (std::uint64_t i = 0; i < count; ++i) out.push_back({i, 0});
    return out;
  }
  Result<std::vector<PoolTrial>> trials(const std::vector<Waiting>& pools) {
    std::vector<gantry_address> tokens;
    for (const Waiting& pool : pools) tokens.push_back(made_up_address(first_token + pool.index));
    std::vector<TokenCheck::Pool> asked;
    for (std::size_t i = 0; i < pools.size(); ++i) {
      asked.push_back({made_up_address(first_pool + pools[i].index),
                       std::span(tokens).subspan(i, 1), 0, pools[i].lost});
    }
    gantry_context context{};
    context.state_block = 1000;
    return check->check(context, {1000, tried_hash}, asked);
  }
  static std::size_t count(const std::vector<PoolTrial>& trials, TrialOutcome outcome) {
    return static_cast<std::size_t>(std::ranges::count(trials, outcome, &PoolTrial::outcome));
  }

  TrialNode node;
  std::unique_ptr<TokenCheck> check;

 private:
  TrialNode other_;
  gantry::test::RpcServer one_{node, other_};
  gantry::test::RpcServer two_{node, other_};
  ChainSettings settings_;
  SteadyClock clock_;
  Environment environment_ = [](std::string_view) { return std::nullopt; };
  std::unique_ptr<HttpPool> http_;
  std::unique_ptr<Providers> providers_;
  std::unique_ptr<Fetcher> fetcher_;
};

}  // namespace

TEST_CASE("providers that all want a pause after a trip of trials end the turn, and no more") {
  TrialScene scene;
  scene.node.trials_max = 20;
  const auto trials = scene.trials(TrialScene::pools(150));
  REQUIRE(trials);
  CHECK(TrialScene::count(*trials, TrialOutcome::refused) == 100);
  CHECK(TrialScene::count(*trials, TrialOutcome::not_reached) == 50);
  CHECK(trials->front().reason.contains("could not be tried"));
  CHECK_FALSE(scene.check->goes_on());
}

TEST_CASE("a token that no node can bear is alone after some turns, and the others get in") {
  constexpr std::uint64_t bad = 70;
  TrialScene scene;
  scene.node.bad_token = first_token + bad;
  // As a list of pools does it: what is not reached comes first, what was refused last.
  std::vector<TrialScene::Waiting> waiting = TrialScene::pools(120);
  int turns = 0;
  for (; waiting.size() > 1 && turns < 20; ++turns) {
    const auto trials = scene.trials(waiting);
    if (!trials || !scene.check->goes_on()) {
      std::this_thread::sleep_for(200ms);  // a provider is being checked
    }
    if (!trials) continue;
    std::vector<TrialScene::Waiting> next;
    for (const TrialOutcome outcome : {TrialOutcome::not_reached, TrialOutcome::refused}) {
      for (std::size_t i = 0; i < waiting.size(); ++i) {
        if ((*trials)[i].outcome != outcome) continue;
        const bool lost = outcome == TrialOutcome::refused && (*trials)[i].lost;
        next.push_back({waiting[i].index, waiting[i].lost + (lost ? 1 : 0)});
      }
    }
    waiting = std::move(next);
  }
  REQUIRE(waiting.size() == 1);
  CHECK(waiting.front().index == bad);
  CHECK(turns <= 8);
}

TEST_CASE("of many pools a thousand are tried at one block, and the others at the next") {
  TrialScene scene;
  constexpr std::size_t at_once = TokenCheck::trips_max * TokenCheck::probes_per_trip;
  const auto trials = scene.trials(TrialScene::pools(at_once + 1));
  REQUIRE(trials);
  CHECK(scene.node.trips == TokenCheck::trips_max);
  CHECK(TrialScene::count(*trials, TrialOutcome::let_in) == at_once);
  CHECK(trials->back().outcome == TrialOutcome::not_reached);
  CHECK(scene.check->goes_on());
  // As many as that are no more than that.
  REQUIRE(scene.trials(TrialScene::pools(at_once)));
  CHECK_FALSE(scene.check->goes_on());
}

TEST_CASE("what was tried before the block's state was gone is kept, and it goes on at the next") {
  TrialScene scene;
  scene.node.trips_until_gone = 2;
  const auto trials = scene.trials(TrialScene::pools(350));
  REQUIRE(trials);
  CHECK(TrialScene::count(*trials, TrialOutcome::let_in) == 200);
  CHECK(TrialScene::count(*trials, TrialOutcome::not_reached) == 150);
  CHECK(scene.check->goes_on());
  const auto none = scene.trials(TrialScene::pools(10));
  REQUIRE_FALSE(none);
  CHECK(none.error().kind == ErrorKind::not_found);
}

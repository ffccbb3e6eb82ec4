// Which pools of a real chain are left out for their tokens, asked through the providers.
#include "host/live/token_check.hpp"

#include <catch2/catch.hpp>
#include <span>

#include "evm/odd_market.hpp"
#include "evm/untrying_node.hpp"
#include "host/base/text.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/http.hpp"
#include "host/provider/providers.hpp"
#include "support/rpc_server.hpp"

using namespace gantry;
using namespace gantry::test;
using host::TrialOutcome;

namespace {

template <class T, class E>
T must(std::expected<T, E> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

class Asked {
 public:
  explicit Asked(OddMarket& market) : Asked(market.chain().url()) {}
  explicit Asked(const std::string& url) : environment_(host::process_environment()) {
    settings.id = "eip155:31337";
    settings.name = "anvil";
    settings.providers.resize(1);
    settings.providers[0].name = "local";
    settings.providers[0].url = must(host::TemplatedText::parse(url));
    http_ = must(host::make_curl_http_pool());
    providers_ = must(host::Providers::make(settings, {*http_, clock_, environment_}));
    fetcher_ = std::make_unique<host::Fetcher>(*providers_);
    check_ = std::make_unique<host::TokenCheck>(settings, *providers_, *fetcher_);
  }
  ~Asked() { providers_->stop(); }

  host::PoolTrial trial(const gantry_address& pool, std::span<const gantry_address> tokens,
                        std::uint32_t turn = 0) {
    const host::TokenCheck::Pool asked{pool, tokens, turn};
    return trials({&asked, 1}).at(0);
  }
  std::string reason(const gantry_address& pool, std::span<const gantry_address> tokens) {
    return trial(pool, tokens).reason;
  }
  std::vector<host::PoolTrial> trials(std::span<const host::TokenCheck::Pool> pools) {
    const auto head = must(providers_->poll_head(std::chrono::seconds(10)));
    gantry_context context{};
    context.state_block = head.number;
    return must(check_->check(context, head.pin(), pools));
  }

  host::ChainSettings settings;

 private:
  host::SteadyClock clock_;
  host::Environment environment_;
  std::unique_ptr<host::HttpPool> http_;
  std::unique_ptr<host::Providers> providers_;
  std::unique_ptr<host::Fetcher> fetcher_;
  std::unique_ptr<host::TokenCheck> check_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a pool of a token that is taxed or cannot be sold is left out, unless it is let in") {
  OddMarket market;
  Asked asked(market);
  const gantry_address pool = to_address(market.pool());
  const std::string taxed_token = market.make(Oddity::taxes_sales);
  const gantry_address plain = to_address(market.make(Oddity::none));
  const gantry_address taxed = to_address(taxed_token);
  const gantry_address trap = to_address(market.make(Oddity::forbids_sales));

  CHECK(asked.reason(pool, std::array{plain, plain}).empty());
  const std::string reason = asked.reason(pool, std::array{plain, taxed});
  INFO(reason);
  CHECK(has(reason, host::address_text(taxed)));
  CHECK(has(reason, "is taxed: of "));
  CHECK(has(reason, "arrive when it is sold"));
  CHECK(has(asked.reason(pool, std::array{trap, plain}), "can be bought and not be sold"));

  asked.settings.odd_tokens = {taxed};
  CHECK(asked.reason(pool, std::array{plain, taxed}).empty());
  CHECK_FALSE(asked.reason(pool, std::array{plain, trap}).empty());
  asked.settings.check_tokens = false;
  CHECK(asked.reason(pool, std::array{plain, trap}).empty());
}

TEST_CASE("the tokens of a pool that holds none itself are tried in its vault") {
  OddMarket market;
  Asked asked(market);
  const std::string vaulted =
      market.deployer().deploy(compiled("VaultPool") + address_word(market.pool()));
  const gantry_address plain = to_address(market.make(Oddity::none));
  const gantry_address taxed = to_address(market.make(Oddity::taxes_all));
  CHECK(asked.reason(to_address(vaulted), std::array{plain}).empty());
  CHECK(has(asked.reason(to_address(vaulted), std::array{plain, taxed}), "is taxed"));
  // An id of 32 bytes begins with the pool's contract.
  const gantry_address id = to_address(vaulted + std::string(24, '0'));
  CHECK(has(asked.reason(id, std::array{plain, taxed}), "is taxed"));
}

TEST_CASE("a pool that holds too little of a token is not let in, whatever else it holds") {
  OddMarket market;
  Asked asked(market);
  const gantry_address nobody = to_address("0x00000000000000000000000000000000000000bb");
  const std::string plain = market.make(Oddity::none);
  const std::string taxed = market.make(Oddity::taxes_all);
  const std::string word_of_nobody = address_word("0x00000000000000000000000000000000000000bb");
  const auto check_empty = [&](const std::string& token) {
    const auto trial = asked.trial(nobody, std::array{to_address(token)});
    CHECK(trial.outcome == TrialOutcome::empty);
    CHECK(trial.reason == "token " + host::address_text(to_address(token)) +
                              " could not be tried: the pool holds too little of it");
  };
  check_empty(plain);
  check_empty(taxed);
  // What a thousandth of is no more than one unit.
  market.send(plain, "transfer(address,uint256)", word_of_nobody + word(1999));
  check_empty(plain);
  market.send(plain, "transfer(address,uint256)", word_of_nobody + word(1));
  CHECK(asked.trial(nobody, std::array{to_address(plain)}).outcome == TrialOutcome::let_in);
  // One of two is there.
  const auto half = asked.trial(nobody, std::array{to_address(plain), to_address(taxed)});
  CHECK(half.outcome == TrialOutcome::empty);
  CHECK(has(half.reason, host::address_text(to_address(taxed))));
  market.send(taxed, "transfer(address,uint256)", word_of_nobody + word(pool_is_sent));
  CHECK(asked.trial(nobody, std::array{to_address(plain), to_address(taxed)}).outcome ==
        TrialOutcome::odd);
  // No token at all: nobody says what is held of it.
  const auto silent = asked.trial(nobody, std::array{nobody});
  CHECK(silent.outcome == TrialOutcome::empty);
  CHECK(has(silent.reason, "does not tell what the pool holds of it"));
}

TEST_CASE("a pool is asked for its vault less and less often, and one that has named it no more") {
  OddMarket market;
  Asked asked(market);
  const gantry_address pool =
      to_address(market.deployer().deploy(compiled("VaultPool") + address_word(market.pool())));
  const std::array plain{to_address(market.make(Oddity::none))};
  CHECK(asked.trial(pool, plain, 3).outcome == TrialOutcome::empty);
  CHECK(asked.trial(pool, plain, 4).outcome == TrialOutcome::let_in);
  CHECK(asked.trial(pool, plain, 7).outcome == TrialOutcome::empty);

  const std::string late = market.deployer().deploy(compiled("OddToken") + word(0));
  CHECK(asked.trial(pool, std::array{to_address(late)}).outcome == TrialOutcome::empty);
  market.send(late, "transfer(address,uint256)", address_word(market.pool()) + word(pool_is_sent));
  CHECK(asked.trial(pool, std::array{to_address(late)}, 3).outcome == TrialOutcome::let_in);
}

TEST_CASE("what no node would try is not let in, and one refused trip of trials is enough") {
  OddMarket market;
  UntryingNode node(market.chain());
  UntryingNode other(market.chain());
  RpcServer server(node, other);
  Asked asked(server.url());
  const std::array plain{to_address(market.make(Oddity::none)),
                         to_address(market.make(Oddity::none))};
  constexpr std::size_t per_trip = host::TokenCheck::probes_per_trip / 2;
  const std::vector<host::TokenCheck::Pool> pools(per_trip + 10,
                                                  {to_address(market.pool()), plain, 0});
  for (const Untrying way : {Untrying::refuses, Untrying::fails, Untrying::ignores}) {
    CAPTURE(static_cast<int>(way));
    node.be(way);
    const std::uint64_t before = node.trials();
    const auto trials = asked.trials(pools);
    CHECK(node.trials() == before + 2 * per_trip);
    REQUIRE(trials.size() == pools.size());
    for (std::size_t i = 0; i < trials.size(); ++i) {
      CHECK(trials[i].outcome ==
            (i < per_trip ? TrialOutcome::refused : TrialOutcome::not_reached));
      CHECK(has(trials[i].reason, "could not be tried: the node") == (i < per_trip));
    }
  }
  // Who hangs up does not keep the chain from being followed.
  node.be(Untrying::hangs_up);
  CHECK(asked.trial(to_address(market.pool()), plain).outcome == TrialOutcome::refused);
  node.be(Untrying::not_at_all);
  for (const auto& trial : asked.trials(pools)) CHECK(trial.outcome == TrialOutcome::let_in);
}

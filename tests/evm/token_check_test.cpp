// Which pools of a real chain are left out for their tokens, asked through the providers.
#include "host/live/token_check.hpp"

#include <catch2/catch.hpp>
#include <span>

#include "evm/odd_market.hpp"
#include "host/base/text.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/http.hpp"
#include "host/provider/providers.hpp"

using namespace gantry;
using namespace gantry::test;

namespace {

template <class T, class E>
T must(std::expected<T, E> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

class Asked {
 public:
  explicit Asked(OddMarket& market) : environment_(host::process_environment()) {
    settings.id = "eip155:31337";
    settings.name = "anvil";
    settings.providers.resize(1);
    settings.providers[0].name = "local";
    settings.providers[0].url = must(host::TemplatedText::parse(market.chain().url()));
    http_ = must(host::make_curl_http_pool());
    providers_ = must(host::Providers::make(settings, {*http_, clock_, environment_}));
  }
  ~Asked() { providers_->stop(); }

  std::string reason(const gantry_address& pool, std::span<const gantry_address> tokens) {
    const auto head = must(providers_->poll_head(std::chrono::seconds(10)));
    host::Fetcher fetcher(*providers_);
    host::TokenCheck check(settings, *providers_, fetcher);
    gantry_context context{};
    context.state_block = head.number;
    const host::TokenCheck::Pool asked{pool, tokens};
    return must(check.check(context, head.pin(), {&asked, 1})).at(0);
  }

  host::ChainSettings settings;

 private:
  host::SteadyClock clock_;
  host::Environment environment_;
  std::unique_ptr<host::HttpPool> http_;
  std::unique_ptr<host::Providers> providers_;
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
  // Nothing to try with: an empty pool is not traded anyway.
  const gantry_address nobody = to_address("0x00000000000000000000000000000000000000bb");
  CHECK(asked.reason(nobody, std::array{taxed}).empty());
}

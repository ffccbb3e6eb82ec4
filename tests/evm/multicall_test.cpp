// The real Multicall3 between the host and contracts that answer in every way: what comes through
// it is what each says by itself.
#include <catch2/catch.hpp>

#include "evm/multicall3_contract.hpp"
#include "evm/pair_contract.hpp"
#include "evm/plugin_venue.hpp"
#include "evm/v2_factory_contract.hpp"
#include "host/live/fetcher.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/http.hpp"
#include "host/provider/providers.hpp"

namespace gantry::test {
namespace {

constexpr std::uint32_t long_answer_bytes = 600'000;

// PUSH3 size, PUSH1 0, RETURN: so many zeros.
std::string deploy_that_says_much(Deployer& chain) {
  return deploy_runtime(chain, "62" + word(long_answer_bytes).substr(word_digits - 6) + "6000f3");
}
// JUMPDEST, PUSH1 0, JUMP: until no gas is left.
std::string deploy_that_never_ends(Deployer& chain) { return deploy_runtime(chain, "5b600056"); }

class Scene {
 public:
  Scene() : deployer_(chain_), pair_(chain_) {
    pair_.add_liquidity(Integer(1) << 80, Integer(1) << 70);
    settings_.id = "eip155:31337";
    host::RpcProviderSettings provider;
    provider.name = "local";
    provider.url = host::TemplatedUrl::parse(chain_.url()).value();
    settings_.providers.push_back(std::move(provider));
    http_ = host::make_curl_http_pool().value();
    providers_ = host::Providers::make(settings_, {*http_, clock_, environment_}).value();
  }
  ~Scene() { providers_->stop(); }

  Deployer& deployer() { return deployer_; }
  Anvil& chain() { return chain_; }
  const std::string& pair() const { return pair_.address(); }

  // getReserves() of each, by a fetcher that knows of nothing yet.
  std::vector<host::recording::Fact> ask(const std::vector<std::string>& targets) {
    std::vector<host::PoolRequest> requests;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      requests.push_back({static_cast<std::uint32_t>(i), GANTRY_SOURCE_EVM_CALL, 0,
                          to_address(targets[i]), to_bytes("0x0902f1ac")});
    }
    return ask_as_it_is(requests);
  }
  std::vector<host::recording::Fact> ask_as_it_is(const std::vector<host::PoolRequest>& requests) {
    host::Fetcher fetcher(*providers_);
    const auto block = chain_.call("eth_getBlockByNumber", {"latest", false});
    const auto number = to_integer(text_of(block.at("number"))).convert_to<std::uint64_t>();
    fetcher.read_at({number, text_of(block.at("hash"))});
    const std::uint64_t asked = providers_->statistics().asked;
    auto facts = fetcher.answer({}, requests);
    REQUIRE(facts);
    // One of them is whether there is a Multicall3.
    round_trips_ = fetcher.round_trips() - 1;
    CHECK(providers_->statistics().asked - asked == round_trips_ + 1);
    return std::move(*facts);
  }
  std::uint64_t round_trips() const { return round_trips_; }

 private:
  Anvil chain_;
  Deployer deployer_;
  PairContract pair_;
  host::ChainSettings settings_;
  host::SteadyClock clock_;
  host::Environment environment_ = [](std::string_view) { return std::nullopt; };
  std::unique_ptr<host::HttpPool> http_;
  std::unique_ptr<host::Providers> providers_;
  std::uint64_t round_trips_ = 0;
};

void check_same(const std::vector<host::recording::Fact>& one,
                const std::vector<host::recording::Fact>& other) {
  REQUIRE(one.size() == other.size());
  for (std::size_t i = 0; i < one.size(); ++i) {
    CAPTURE(i);
    CHECK(one[i].status == other[i].status);
    CHECK(one[i].data == other[i].data);
  }
}

}  // namespace

TEST_CASE("what contracts say through Multicall3 is what they say one by one, in one round trip") {
  Scene scene;
  std::vector<std::string> targets(40, scene.pair());
  for (std::size_t i = 0; i < 300; ++i) {  // more than one of its calls has room for
    targets.push_back(deploy_that_answers(scene.deployer(), 7 * i));
  }
  targets.push_back("0x00000000000000000000000000000000000000ee");  // no contract
  targets.push_back(deploy_that_says_much(scene.deployer()));
  const auto alone = scene.ask(targets);
  CHECK(scene.round_trips() == 1);
  install_multicall3(scene.deployer());
  const auto together = scene.ask(targets);
  CHECK(scene.round_trips() == 1);
  check_same(alone, together);
  CHECK(together[0].data.size() == 96);
  CHECK(together[targets.size() - 2].data.empty());
  CHECK(together.back().data.size() == long_answer_bytes);
}

TEST_CASE(
    "contracts that revert, or eat all gas, cost those that Multicall3 asks beside them nothing") {
  Scene scene;
  install_multicall3(scene.deployer());
  const std::string reverts = deploy_that_reverts(scene.deployer());
  const auto with_a_revert = scene.ask({reverts, scene.pair(), scene.pair()});
  CHECK(with_a_revert[0].status == GANTRY_REFUSED);
  CHECK(with_a_revert[1].status == GANTRY_OK);
  CHECK(scene.round_trips() == 2);  // the one that says nothing is heard by itself

  const std::string endless = deploy_that_never_ends(scene.deployer());
  std::vector<std::string> targets = {endless};
  targets.insert(targets.end(), 100, scene.pair());
  const auto facts = scene.ask(targets);
  CHECK(facts[0].status == GANTRY_REFUSED);
  for (std::size_t i = 1; i < facts.size(); ++i) {
    CAPTURE(i);
    CHECK(facts[i].status == GANTRY_OK);
    CHECK(facts[i].data.size() == 96);
  }
  CHECK(scene.round_trips() == 2);
}

TEST_CASE("the code hashes of many contracts come in one call, and are those of their code") {
  Scene scene;
  std::vector<std::string> targets = {scene.pair(), "0x00000000000000000000000000000000000000ee"};
  for (std::size_t i = 0; i < 600; ++i) {  // more than one call has room for
    targets.push_back(deploy_that_answers(scene.deployer(), i));
  }
  std::vector<host::PoolRequest> requests;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    requests.push_back({static_cast<std::uint32_t>(i),
                        GANTRY_SOURCE_EVM_CODE_HASH,
                        5,
                        to_address(targets[i]),
                        {}});
  }
  requests.push_back(
      {0, GANTRY_SOURCE_EVM_CALL, 6, to_address(scene.pair()), to_bytes("0x0902f1ac")});
  const auto facts = scene.ask_as_it_is(requests);
  CHECK(scene.round_trips() == 1);
  REQUIRE(facts.size() == requests.size());
  for (std::size_t i = 0; i < targets.size(); ++i) {
    CAPTURE(i);
    CHECK(facts[i].status == GANTRY_OK);
    CHECK(facts[i].tag == 5);
    const std::string code = text_of(scene.chain().call("eth_getCode", {targets[i], "latest"}));
    CHECK(facts[i].data == to_bytes(scene.deployer().sha3(code)));
  }
  CHECK(facts[0].data != facts[1].data);
  CHECK(facts.back().data.size() == 96);
}

TEST_CASE("a venue that asks an address of another length than the chain's is refused") {
  Scene scene;
  install_multicall3(scene.deployer());
  gantry_address longer = to_address(scene.pair());
  longer.length = 233;
  const std::vector<std::uint8_t> call = to_bytes("0x0902f1ac");
  const auto facts =
      scene.ask_as_it_is({{0, GANTRY_SOURCE_EVM_CALL, 0, longer, call},
                          {1, GANTRY_SOURCE_EVM_CALL, 0, longer, call},
                          {2, GANTRY_SOURCE_EVM_CALL, 0, to_address(scene.pair()), call}});
  CHECK(facts[0].status == GANTRY_REFUSED);
  CHECK(facts[1].status == GANTRY_REFUSED);
  CHECK(facts[2].status == GANTRY_OK);
}

}  // namespace gantry::test

// Pools among tokens that the operator names: what the plugins find of real factories, pool by pool
// what the factories themselves say.
#include <algorithm>
#include <catch2/catch.hpp>
#include <set>

#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"
#include "evm/v2_factory_contract.hpp"
#include "support/anvil.hpp"

namespace gantry::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t requests_max = 256;  // of one round
constexpr std::uint32_t decimals[] = {18, 6, 8, 0, 77};

std::string text(const gantry_address& address) { return to_hex({address.bytes, address.length}); }

struct Scene {
  Anvil chain;
  Deployer deployer{chain};
  V2FactoryContract v2{deployer};
  std::string v3 = deployer.deploy(
      "0x" +
      text_of(read_artifact(
                  "@uniswap/v3-core/artifacts/contracts/UniswapV3Factory.sol/UniswapV3Factory.json")
                  .at("bytecode"))
          .substr(2));
  std::vector<std::string> tokens;

  explicit Scene(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      tokens.push_back(deploy_that_answers(deployer, decimals[i % std::size(decimals)]));
    }
  }
  std::string list(const std::string& between = " ") const {
    std::string joined;
    for (const std::string& token : tokens) joined += (joined.empty() ? "" : between) + token;
    return joined;
  }
  std::string create_v3(const std::string& a, const std::string& b, unsigned fee) {
    const std::string arguments = address_word(a) + address_word(b) + word(fee);
    deployer.send(v3, deployer.selector("createPool(address,address,uint24)") + arguments);
    return "0x" +
           deployer.read(v3, deployer.selector("getPool(address,address,uint24)") + arguments)
               .substr(26, 40);
  }
};

struct Search {
  const Scene& scene;
  Bytes cursor;
  std::vector<EmittedPool> pools;
  std::size_t rounds = 0;

  gantry_status step(PluginVenue& venue, std::vector<EmittedRequest>& asked) {
    std::vector<OwnedFact> facts = venue.fetch(scene.deployer, asked);
    asked.clear();
    Bytes next;
    std::vector<EmittedPool> found;
    const auto status = venue.discover(cursor, facts, asked, found, next);
    CHECK(asked.size() <= requests_max);
    if (status != GANTRY_OK && status != GANTRY_NEED_STATE) return status;
    pools.insert(pools.end(), found.begin(), found.end());
    cursor = std::move(next);
    ++rounds;
    REQUIRE(rounds < 200);
    return status;
  }
  void run(PluginVenue& venue) {
    std::vector<EmittedRequest> asked;
    auto status = step(venue, asked);
    while (status == GANTRY_NEED_STATE) status = step(venue, asked);
    REQUIRE(status == GANTRY_OK);
    CHECK(asked.empty());
  }
  std::set<std::string> addresses() const {
    std::set<std::string> all;
    for (const EmittedPool& pool : pools) CHECK(all.insert(pool.address).second);
    return all;
  }
};

void check_tokens(const Scene& scene, const EmittedPool& pool) {
  REQUIRE(pool.tokens.size() == 2);
  CHECK(text(pool.tokens[0].address) < text(pool.tokens[1].address));
  for (const gantry_pool_token& token : pool.tokens) {
    const auto at = std::ranges::find(scene.tokens, text(token.address));
    REQUIRE(at != scene.tokens.end());
    CHECK(token.decimals ==
          decimals[static_cast<std::size_t>(at - scene.tokens.begin()) % std::size(decimals)]);
  }
}

gantry_status first_refusal(PluginVenue& venue, const Scene& scene) {
  Search search{scene, {}, {}, 0};
  std::vector<EmittedRequest> asked;
  auto status = search.step(venue, asked);
  while (status == GANTRY_NEED_STATE) status = search.step(venue, asked);
  return status;
}

}  // namespace

TEST_CASE("uniswap_v3 finds the pools of every fee among the tokens that are named") {
  Scene scene(9);  // 36 pairs of eight fees: two rounds of questions
  std::set<std::string> created;
  for (std::size_t i = 0; i < 8; ++i) {
    for (const unsigned fee : {500U, 3000U, 10000U}) {
      if ((i + fee / 500) % 3 == 0) continue;
      created.insert(scene.create_v3(scene.tokens[i + 1], scene.tokens[i % 3], fee));
    }
  }
  const std::string stranger = deploy_that_answers(scene.deployer, 18);
  scene.create_v3(stranger, scene.tokens[0], 500);
  REQUIRE(created.size() > 10);

  PluginVenue venue(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                    {{"factory", scene.v3}, {"discover_tokens", scene.list(", ")}});
  Search search{scene, {}, {}, 0};
  search.run(venue);
  CHECK(search.addresses() == created);
  CHECK(search.rounds == 1 + 2 + 1);  // the decimals, the questions, the last answers
  for (const EmittedPool& pool : search.pools) check_tokens(scene, pool);

  SECTION("they are what open_pool() takes and the factory confirms") {
    const EmittedPool& pool = search.pools.front();
    scene.deployer.send(pool.address,
                        scene.deployer.selector("initialize(uint160)") + word(Integer(1) << 96));
    REQUIRE(venue.open_pool(pool.address,
                            {{text(pool.tokens[0].address), pool.tokens[0].decimals},
                             {text(pool.tokens[1].address), pool.tokens[1].decimals}},
                            pool.metadata) == GANTRY_OK);
    CHECK(venue.refresh(scene.deployer) == GANTRY_OK);
  }
  SECTION("asked again it finds those created since, without the decimals") {
    const std::string later = scene.create_v3(scene.tokens[7], scene.tokens[8], 500);
    search.pools.clear();
    search.rounds = 0;
    search.run(venue);
    created.insert(later);
    CHECK(search.addresses() == created);
    CHECK(search.rounds == 2 + 1);
  }
  SECTION("a restart between any two rounds loses no pool and finds none twice") {
    for (std::size_t restart = 1; restart < search.rounds; ++restart) {
      Search cut{scene, {}, {}, 0};
      std::vector<EmittedRequest> asked;
      for (std::size_t i = 0; i < restart; ++i) cut.step(venue, asked);
      PluginVenue after(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                        {{"factory", scene.v3}, {"discover_tokens", scene.list()}});
      cut.run(after);
      CHECK(cut.addresses() == created);
    }
  }
}

TEST_CASE("uniswap_v2 finds the pairs among the tokens that are named, not all of its factory") {
  Scene scene(5);
  std::set<std::string> created;
  for (std::size_t i = 0; i < 4; ++i) {
    created.insert(scene.v2.create_pair(scene.tokens[i], scene.tokens[i + 1]));
  }
  scene.v2.create_pair(deploy_that_answers(scene.deployer, 18), scene.tokens[0]);
  PluginVenue venue(GANTRY_UNISWAP_V2_PLUGIN, "uniswap_v2",
                    {{"factory", scene.v2.address()}, {"discover_tokens", scene.list()}});
  Search search{scene, {}, {}, 0};
  search.run(venue);
  CHECK(search.addresses() == created);
  for (const EmittedPool& pool : search.pools) check_tokens(scene, pool);
}

TEST_CASE("a token that does not say its decimals has no pools, and the others theirs") {
  Scene scene(2);
  const std::string pool = scene.create_v3(scene.tokens[0], scene.tokens[1], 500);
  std::string list = scene.list();
  for (const std::string& silent :
       {deploy_that_is_silent(scene.deployer), deploy_that_reverts(scene.deployer),
        deploy_that_answers(scene.deployer, 78),
        std::string("0x00000000000000000000000000000000000000ee")}) {
    list += " " + silent;
    scene.create_v3(silent, scene.tokens[0], 500);
  }
  PluginVenue venue(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                    {{"factory", scene.v3}, {"discover_tokens", list}});
  Search search{scene, {}, {}, 0};
  search.run(venue);
  CHECK(search.addresses() == std::set<std::string>{pool});
}

TEST_CASE("a search at what is no factory, with a damaged cursor, and with no list") {
  Scene scene(3);
  for (const std::string& odd :
       {deploy_that_is_silent(scene.deployer), deploy_that_reverts(scene.deployer),
        deploy_that_answers(scene.deployer, Integer(1) << 200),
        std::string("0x00000000000000000000000000000000000000ee")}) {
    PluginVenue venue(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                      {{"factory", odd}, {"discover_tokens", scene.list()}});
    CHECK(first_refusal(venue, scene) == GANTRY_BAD_STATE);
  }

  PluginVenue venue(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                    {{"factory", scene.v3}, {"discover_tokens", scene.list()}});
  Search begun{scene, {}, {}, 0};
  std::vector<EmittedRequest> asked;
  REQUIRE(begun.step(venue, asked) == GANTRY_NEED_STATE);
  REQUIRE(begun.step(venue, asked) == GANTRY_NEED_STATE);
  std::vector<OwnedFact> none;
  std::vector<EmittedRequest> said;
  std::vector<EmittedPool> pools;
  Bytes next;
  for (std::size_t size = 1; size < begun.cursor.size(); ++size) {
    const Bytes cut(begun.cursor.begin(), begun.cursor.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(venue.discover(cut, none, said, pools, next) == GANTRY_BAD_STATE);
  }
  CHECK(venue.discover(begun.cursor, none, said, pools, next, 8) == GANTRY_NEED_SIZE);
  CHECK(said.empty());
  // Of another list: it begins anew, with the decimals.
  scene.tokens.pop_back();
  PluginVenue other(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                    {{"factory", scene.v3}, {"discover_tokens", scene.list()}});
  CHECK(other.discover(begun.cursor, none, said, pools, next) == GANTRY_NEED_STATE);
  CHECK(said.size() == 2);

  PluginVenue listed(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3", {{"factory", scene.v3}});
  CHECK(listed.discover({}, none, said, pools, next) == GANTRY_UNSUPPORTED);
}

TEST_CASE("a list of tokens that is none is refused by name") {
  const auto refused = [](const std::string& list, const std::string& why) {
    CHECK_THROWS_WITH(
        PluginVenue(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3", {{"discover_tokens", list}}),
        Catch::Contains(why));
  };
  const std::string weth = "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2";
  refused(weth, "names 1 tokens");
  refused(weth + " " + weth, "names 1 tokens");
  refused(weth + " 0x12", "`0x12` is not 0x and 40 hexadecimal digits");
  refused(weth + ", 0xC02AaA39b223FE8D0A0e5C4F27eAD9083C756Cc2", "checksum");
  std::string many;
  for (int i = 0; i < 65; ++i) many += " 0x" + word(i + 1).substr(24);
  refused(many, "names 65 tokens");
  CHECK_THROWS_WITH(
      PluginVenue(GANTRY_UNISWAP_V3_PLUGIN, "uniswap_v3",
                  {{"factory", std::string()}, {"discover_tokens", weth + many.substr(0, 43)}}),
      Catch::Contains("factory is not"));
}

}  // namespace gantry::test

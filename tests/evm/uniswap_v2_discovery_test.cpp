// The uniswap_v2 plugin finds what a real factory has, through the C table: more pairs than one
// batch, tokens of all sorts, restarts between any two rounds, and pairs that are created later.
#include <algorithm>
#include <catch2/catch.hpp>

#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"
#include "evm/v2_factory_contract.hpp"
#include "support/anvil.hpp"

namespace gantry::test {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t requests_max = 256;  // of one round
constexpr std::size_t rounds_max = 64;
constexpr std::size_t tokens_known = 17;  // 136 pairs among them: more than a batch

struct Venue : PluginVenue {
  explicit Venue(const std::string& factory)
      : PluginVenue(GANTRY_UNISWAP_V2_PLUGIN, "uniswap_v2", {{"factory", factory}}) {}
};

std::string text(const gantry_address& address) { return to_hex({address.bytes, address.length}); }

struct Token {
  std::string address;
  std::optional<std::uint32_t> decimals;  // none: it does not say
};

struct Scene {
  Anvil chain;
  Deployer deployer{chain};
  V2FactoryContract factory{deployer};
  std::vector<Token> tokens;

  void add_token(std::uint32_t decimals) {
    tokens.push_back({deploy_that_answers(deployer, decimals), decimals});
  }
  void add_silent_tokens() {
    const Integer word_of_text = Integer("0x3138") << 240;  // "18", as bytes32
    tokens.push_back({deploy_that_is_silent(deployer), std::nullopt});
    tokens.push_back({deploy_that_reverts(deployer), std::nullopt});
    tokens.push_back({deploy_that_answers(deployer, word_of_text), std::nullopt});
    tokens.push_back({deploy_that_answers(deployer, 78), std::nullopt});
    tokens.push_back({"0x00000000000000000000000000000000000000ee", std::nullopt});  // no code
  }
  std::optional<std::uint32_t> decimals_of(const std::string& token) const {
    const auto found = std::ranges::find(tokens, token, &Token::address);
    return found == tokens.end() ? std::nullopt : found->decimals;
  }
};

struct Discovery {
  const Scene& scene;
  Bytes cursor;
  std::vector<EmittedPool> pools;
  std::vector<EmittedRequest> standing;
  std::size_t rounds = 0;

  // One round: the answers to `asked` go in, what is asked next comes out.
  gantry_status step(PluginVenue& venue, std::vector<EmittedRequest>& asked,
                     const std::vector<ChainLog>& logs = {}) {
    std::vector<OwnedFact> facts = venue.fetch(scene.deployer, asked);
    for (const ChainLog& log : logs) facts.push_back(fact_of(log));
    asked.clear();
    Bytes next;
    std::vector<EmittedPool> found;
    const auto status = venue.discover(cursor, facts, asked, found, next);
    REQUIRE((status == GANTRY_OK || status == GANTRY_NEED_STATE));
    CHECK(asked.size() <= requests_max);
    for (const EmittedRequest& request : asked) {
      if (request.source == GANTRY_SOURCE_EVM_LOG) standing.push_back(request);
    }
    pools.insert(pools.end(), found.begin(), found.end());
    cursor = std::move(next);
    ++rounds;
    REQUIRE(rounds < rounds_max);
    return status;
  }

  void run(PluginVenue& venue, const std::vector<ChainLog>& logs = {}) {
    std::vector<EmittedRequest> asked;
    auto status = step(venue, asked, logs);
    while (status == GANTRY_NEED_STATE) status = step(venue, asked);
    CHECK(asked.empty());
  }
};

// All pairs of which both tokens say their decimals, in the factory's order.
void check_found(const Scene& scene, const std::vector<EmittedPool>& pools) {
  std::size_t i = 0;
  for (const std::string& pair : scene.factory.all_pairs()) {
    const auto [token0, token1] = scene.factory.tokens_of(pair);
    const auto decimals0 = scene.decimals_of(token0);
    const auto decimals1 = scene.decimals_of(token1);
    if (!decimals0 || !decimals1) continue;
    INFO("pair " << pair);
    REQUIRE(i < pools.size());
    const EmittedPool& pool = pools[i++];
    REQUIRE(pool.address == pair);
    REQUIRE(pool.tokens.size() == 2);
    CHECK(text(pool.tokens[0].address) == token0);
    CHECK(text(pool.tokens[1].address) == token1);
    CHECK(pool.tokens[0].decimals == *decimals0);
    CHECK(pool.tokens[1].decimals == *decimals1);
  }
  CHECK(i == pools.size());
}

void create_all_pairs(Scene& scene) {
  for (std::size_t i = 0; i < scene.tokens.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!scene.tokens[i].decimals && !scene.tokens[j].decimals) continue;
      scene.factory.create_pair(scene.tokens[i].address, scene.tokens[j].address);
    }
  }
}

}  // namespace

TEST_CASE("the uniswap_v2 plugin finds every pair of a real factory, in bounded rounds") {
  Scene scene;
  constexpr std::uint32_t usual[] = {18, 6, 8, 0, 77, 2};
  for (std::size_t i = 0; i < tokens_known; ++i) scene.add_token(usual[i % 6]);
  create_all_pairs(scene);
  const std::size_t known = tokens_known * (tokens_known - 1) / 2;

  Venue venue(scene.factory.address());
  Discovery all{scene, {}, {}, {}, 0};
  all.run(venue);
  CHECK(all.pools.size() == known);
  check_found(scene, all.pools);
  CHECK(all.rounds == 1 + 3 * 2 + 1);  // the length, two batches, the last answers
  REQUIRE(all.standing.size() == 1);
  CHECK(all.standing[0].target == scene.factory.address());
  CHECK(all.standing[0].payload ==
        scene.deployer.topic("PairCreated(address,address,address,uint256)"));

  // The pools are what open_pool() takes, and what is then quotable.
  for (const std::size_t i : {std::size_t{0}, known / 2, known - 1}) {
    const EmittedPool& pool = all.pools[i];
    REQUIRE(venue.open_pool(pool.address,
                            {{text(pool.tokens[0].address), pool.tokens[0].decimals},
                             {text(pool.tokens[1].address), pool.tokens[1].decimals}},
                            pool.metadata) == GANTRY_OK);
    CHECK(venue.refresh(scene.deployer) == GANTRY_OK);
  }

  SECTION("a restart between any two rounds loses no pair and finds none twice") {
    for (std::size_t restart = 1; restart < all.rounds; ++restart) {
      INFO("restart after round " << restart);
      Discovery cut{scene, {}, {}, {}, 0};
      std::vector<EmittedRequest> asked;
      for (std::size_t i = 0; i < restart; ++i) cut.step(venue, asked);
      Venue later(scene.factory.address());  // which has nothing but the cursor
      cut.run(later);
      CHECK(cut.pools.size() == known);
      check_found(scene, cut.pools);
      CHECK(cut.standing.size() == 2);  // the new process hears of new pairs too
    }
  }
  SECTION("from the end on only new pairs are found, without or with their log") {
    scene.add_token(9);
    const std::string& newest = scene.tokens.back().address;
    std::vector<ChainLog> logs;
    scene.factory.create_pair(newest, scene.tokens[0].address, &logs);
    Discovery asks{scene, all.cursor, {}, {}, 0};
    asks.run(venue);
    CHECK(asks.pools.size() == 1);
    CHECK(asks.rounds == 1 + 3 + 1);
    Discovery hears{scene, all.cursor, {}, {}, 0};
    hears.run(venue, logs);
    CHECK(hears.rounds == 3 + 1);  // the log says how many there are
    REQUIRE(hears.pools.size() == 1);
    CHECK(hears.pools[0].address == asks.pools[0].address);
    CHECK(hears.cursor == asks.cursor);

    // A log that another factory emitted says nothing: the length is asked.
    for (ChainLog& log : logs) log.emitter = newest;
    Discovery deaf{scene, all.cursor, {}, {}, 0};
    deaf.run(venue, logs);
    CHECK(deaf.rounds == 1 + 3 + 1);

    // One that comes between rounds is not lost.
    scene.factory.create_pair(newest, scene.tokens[1].address, &logs);
    for (std::size_t round = 1; round <= 4; ++round) {
      Discovery between{scene, all.cursor, {}, {}, 0};
      std::vector<EmittedRequest> asked;
      auto status = between.step(venue, asked);
      while (status == GANTRY_NEED_STATE) {
        status =
            between.step(venue, asked, between.rounds == round ? logs : std::vector<ChainLog>{});
      }
      CHECK(between.pools.size() == 2);
    }
  }
}

TEST_CASE("a pair of which a token does not say its decimals is left out, and the others found") {
  Scene scene;
  for (const std::uint32_t decimals : {18U, 6U, 8U}) scene.add_token(decimals);
  scene.add_silent_tokens();
  create_all_pairs(scene);
  REQUIRE(scene.factory.all_pairs().size() == 3 + 3 * 5);
  Venue venue(scene.factory.address());
  Discovery all{scene, {}, {}, {}, 0};
  all.run(venue);
  CHECK(all.pools.size() == 3);
  check_found(scene, all.pools);
}

TEST_CASE("a factory without pairs, and one that is none") {
  Scene scene;
  Venue venue(scene.factory.address());
  Discovery none{scene, {}, {}, {}, 0};
  none.run(venue);
  CHECK(none.pools.empty());
  CHECK(none.rounds == 2);

  for (const std::string& odd :
       {deploy_that_is_silent(scene.deployer), deploy_that_reverts(scene.deployer),
        deploy_that_answers(scene.deployer, Integer(1) << 64),
        std::string("0x00000000000000000000000000000000000000ee")}) {
    Venue wrong(odd);
    std::vector<OwnedFact> facts;
    std::vector<EmittedRequest> asked;
    std::vector<EmittedPool> pools;
    Bytes cursor;
    REQUIRE(wrong.discover({}, facts, asked, pools, cursor) == GANTRY_NEED_STATE);
    facts = wrong.fetch(scene.deployer, asked);
    asked.clear();
    Bytes next;
    CHECK(wrong.discover(cursor, facts, asked, pools, next) == GANTRY_BAD_STATE);
    CHECK(asked.empty());
  }
}

TEST_CASE("discovery without a factory is unsupported: pools come from a list") {
  PluginVenue venue(GANTRY_UNISWAP_V2_PLUGIN, "uniswap_v2");
  std::vector<OwnedFact> facts;
  std::vector<EmittedRequest> asked;
  std::vector<EmittedPool> pools;
  Bytes next;
  CHECK(venue.discover({}, facts, asked, pools, next) == GANTRY_UNSUPPORTED);
  CHECK(asked.empty());
}

TEST_CASE(
    "cursors: too little room says how much, damage is found, another factory's begins anew") {
  Scene scene;
  scene.add_token(18);
  scene.add_token(6);
  create_all_pairs(scene);
  Venue venue(scene.factory.address());
  Discovery begun{scene, {}, {}, {}, 0};
  std::vector<EmittedRequest> asked;
  for (int i = 0; i < 3; ++i) REQUIRE(begun.step(venue, asked) == GANTRY_NEED_STATE);

  std::vector<OwnedFact> facts = venue.fetch(scene.deployer, asked);
  const Bytes& cursor = begun.cursor;
  std::vector<EmittedRequest> said;
  std::vector<EmittedPool> pools;
  Bytes next;
  CHECK(venue.discover(cursor, facts, said, pools, next, 8) == GANTRY_NEED_SIZE);
  const std::size_t needed = next.size();
  CHECK(needed > 8);
  CHECK(said.empty());
  CHECK(venue.discover(cursor, facts, said, pools, next, needed) == GANTRY_NEED_STATE);
  CHECK_FALSE(said.empty());

  facts.clear();
  for (std::size_t size = 1; size < cursor.size(); ++size) {
    const Bytes cut(cursor.begin(), cursor.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(venue.discover(cut, facts, said, pools, next) == GANTRY_BAD_STATE);
  }
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}}) {
    Bytes damaged = cursor;
    damaged[at] = 0xff;
    CHECK(venue.discover(damaged, facts, said, pools, next) == GANTRY_BAD_STATE);
  }

  const V2FactoryContract other(scene.deployer);
  Venue elsewhere(other.address());
  said.clear();
  CHECK(elsewhere.discover(cursor, facts, said, pools, next) == GANTRY_NEED_STATE);
  REQUIRE(said.size() == 2);
  CHECK(said[1].target == other.address());
  CHECK(said[1].payload == scene.deployer.selector("allPairsLength()"));
}

}  // namespace gantry::test

// Whose pairs the uniswap_v2 plugin takes on: by the code hash, against pools that are known to be
// of a factory; without it, against real factories on a test chain.
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <memory>
#include <sstream>

#include "evm/plugin_venue.hpp"
#include "evm/v2_factory_contract.hpp"
#include "host/recording/reader.hpp"
#include "plugins/dex/evm/keccak.hpp"
#include "support/anvil.hpp"

namespace gantry::test {
namespace {

constexpr const char* uniswap_factory = "0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f";
constexpr const char* uniswap_hash =
    "0x96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f";
constexpr const char* sushi_hash =
    "0xe18a34eb0e04b04f7a0ac29a6e80748dca96319b42c54d679cb821dca90c6303";

// Pools that explorers show as these exchanges', with their tokens. An address is a hash of
// factory, tokens and code hash, so a wrong digit in any of them could not give it.
struct KnownPool {
  const char* exchange;
  const char* factory;
  const char* init_code_hash;
  const char* pool;
  const char* token0;
  const char* token1;
};
constexpr KnownPool known_pools[] = {
    {"Uniswap V2 on Base, WETH/USDC", "0x8909Dc15e40173Ff4699343b6eB8132c65e18eC6", uniswap_hash,
     "0x88A43bbDF9D098eEC7bCEda4e2494615dfD9bB9C", "0x4200000000000000000000000000000000000006",
     "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"},
    {"SushiSwap on Ethereum, USDC/WETH", "0xC0AEe478e3658e2610c5F7A4A2E1777cE9e4f2Ac", sushi_hash,
     "0x397FF1542f962076d0BFE58eA045FfA2d347ACa0", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
     "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"},
    {"SushiSwap on Polygon, WMATIC/WETH", "0xc35DADB65012eC5796536bD9864eD8773aBc74C4", sushi_hash,
     "0xc4e595acDD7d12feC385E5dA5D43160e8A0bAC0E", "0x0d500B1d8E8eF31E21C99d1Db9A6444d3ADf1270",
     "0x7ceB23fD6bC0adD59E62ac25578270cFf1b9f619"},
    {"SushiSwap on Arbitrum, WETH/USDC.e", "0xc35DADB65012eC5796536bD9864eD8773aBc74C4", sushi_hash,
     "0x905dfCD5649217c42684f23958568e533C711Aa3", "0x82aF49447D8a07e3bd95BD0d56f35241523fBab1",
     "0xFF970A61A04b1cA14834A43f5dE4533eBDDB5CC8"},
    {"PancakeSwap V2 on Ethereum, USDC/WETH", "0x1097053Fd2ea711dad45caCcc45EfF7548fCB362",
     "0x57224589c67f3f30a6b0d7a1b54cf3153ab84563bc609ef41dfb34f8b2974d2d",
     "0x2E8135bE71230c6B1B4045696d41C09Db0414226", "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48",
     "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"},
    {"PancakeSwap V2 on BSC, WBNB/BUSD", "0xcA143Ce32Fe78f1f7019d7d551a6402fC5350c73",
     "0x00fb7f630766e6a796048ea87d01acd3068e8ff67d078148a3fa3f4a84f69bd5",
     "0x58F876857a02D6762E0101bb5C46A8c1ED44Dc16", "0xbb4CdB9CBd36B01bD1cBaEBF2De08d9173bc095c",
     "0xe9e7CEA3DedcA5984780Bafc599bD69ADd087D56"},
    {"QuickSwap on Polygon, WMATIC/USDC.e", "0x5757371414417b8C6CAad45bAeF941aBc7d3Ab32",
     uniswap_hash, "0x6e7a5FAFcec6BB1e78bAE2A1F0B612012BF14827",
     "0x0d500B1d8E8eF31E21C99d1Db9A6444d3ADf1270", "0x2791Bca1f2de4661ED88A30C99A7a9449Aa84174"},
    {"Trader Joe V1 on Avalanche, WAVAX/USDC", "0x9Ad6C38BE94206cA50bb0d90783181662f0Cfa10",
     "0x0bbca9af0511ad1a1da383135cf3a8d2ac620e549ef9f6ae3a4c33c2fed0af91",
     "0xf4003F4efBE8691B60249E6afbD307aBE7758adb", "0xB31f66AA3C1e785363F0875A1B74E27b85FD66c7",
     "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E"},
    {"SpookySwap on Fantom, USDC/WFTM", "0x152eE697f2E276fA89E96742e9bB9aB1F2E61bE3",
     "0xcdf2deca40a0bd56de8e3ce5c7df6727e5b1bf2ac96f283fa9c4b3e6b42ea9d2",
     "0x2b4C76d0dc16BE1C31D4C1DC53bF9B45987Fc75c", "0x04068DA6C83AFCFA0e13ba15A6696662335D5B75",
     "0x21be370D5312f44cB42ce377BC9b8a0cEF1A4C83"},
};

VenueParameters of(const std::string& factory, const std::string& hash = "") {
  return {{"factory", factory}, {"init_code_hash", hash}};
}

struct Venue : PluginVenue {
  explicit Venue(const VenueParameters& parameters)
      : PluginVenue(GANTRY_UNISWAP_V2_PLUGIN, "uniswap_v2", parameters) {}
};

std::string why_not_made(const VenueParameters& parameters) {
  try {
    const Venue venue(parameters);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "made";
}

// What the plugin logs meanwhile.
class Logged {
 public:
  Logged() {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)));
  }
  ~Logged() { spdlog::set_default_logger(before_); }
  Logged(const Logged&) = delete;
  Logged& operator=(const Logged&) = delete;
  std::string text() const { return out_.str(); }

 private:
  std::ostringstream out_;
  std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

}  // namespace

TEST_CASE("with factory and code hash a known pool of each exchange is taken on, offline") {
  for (const KnownPool& known : known_pools) {
    INFO(known.exchange);
    Venue venue(of(known.factory, known.init_code_hash));
    CHECK(venue.open_pool(known.pool, {{known.token0}, {known.token1}}) == GANTRY_OK);
    // Nothing of the factory is asked, and nothing else is needed.
    std::vector<EmittedRequest> requests;
    CHECK(venue.requests(0, requests) == GANTRY_OK);
    CHECK(requests.size() == 2);
  }
}

TEST_CASE("with factory and code hash another exchange's pool is refused by name") {
  for (const KnownPool& known : known_pools) {
    INFO(known.exchange);
    const bool is_uniswap = std::string_view(known.factory) == uniswap_factory;
    REQUIRE_FALSE(is_uniswap);
    Venue venue(of(uniswap_factory, uniswap_hash));
    CHECK(venue.open_pool(known.pool, {{known.token0}, {known.token1}}) == GANTRY_REFUSED);
    CHECK_THAT(venue.refusal(), Catch::Contains(std::string(known.pool) +
                                                " is no pair of factory " + uniswap_factory));
    // The right factory with the other's hash, and tokens the wrong way round.
    Venue other(of(known.factory, uniswap_hash == std::string_view(known.init_code_hash)
                                      ? sushi_hash
                                      : uniswap_hash));
    CHECK(other.open_pool(known.pool, {{known.token0}, {known.token1}}) == GANTRY_REFUSED);
    Venue own(of(known.factory, known.init_code_hash));
    CHECK(own.open_pool(known.pool, {{known.token1}, {known.token0}}) == GANTRY_REFUSED);
    CHECK_THAT(own.refusal(), Catch::Contains("order of the contract"));
  }
}

TEST_CASE("the factories and code hashes that the documentation names are those of known pools") {
  std::ostringstream page;
  page << std::ifstream(GANTRY_DOCUMENTATION "/operating.md").rdbuf();
  for (const KnownPool& known : known_pools) {
    INFO(known.exchange);
    CHECK_THAT(page.str(), Catch::Contains(known.factory) && Catch::Contains(known.init_code_hash));
  }
  CHECK_THAT(page.str(), Catch::Contains(uniswap_factory));
}

TEST_CASE("every pair of the recorded market is one of Uniswap's factory") {
  Venue venue(of(uniswap_factory, uniswap_hash));
  auto reader = host::RecordingReader::open(GANTRY_MARKET_FILE);
  REQUIRE(reader);
  std::vector<std::string> tokens;
  std::size_t pools = 0;
  while (true) {
    auto next = reader->next();
    REQUIRE(next);
    if (!*next) break;
    if (const auto* token = std::get_if<host::recording::Token>(&**next)) {
      tokens.push_back(to_hex({token->address.bytes, token->address.length}));
    } else if (const auto* pool = std::get_if<host::recording::Pool>(&**next)) {
      ++pools;
      const std::string address = to_hex({pool->address.bytes, pool->address.length});
      const auto opened =
          venue.open_pool(address, {{tokens.at(pool->tokens[0])}, {tokens.at(pool->tokens[1])}});
      if (opened != GANTRY_OK) FAIL(venue.refusal());
    }
  }
  CHECK(pools == 10'704);
}

TEST_CASE("factory and code hash that cannot be are refused before anything is asked") {
  const std::string wrong_case = "0x5c69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f";
  CHECK(why_not_made(of(uniswap_factory, uniswap_hash)) == "made");
  CHECK(why_not_made(of(lower(uniswap_factory))) == "made");
  CHECK_THAT(why_not_made(of("", uniswap_hash)), Catch::Contains("factory is not"));
  CHECK_THAT(why_not_made(of(wrong_case)), Catch::Contains("fails its checksum"));
  for (const char* wrong : {"0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6", "5C69bEe701", "0x",
                            "0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6g"}) {
    CHECK_THAT(why_not_made(of(wrong)),
               Catch::Contains(wrong) && Catch::Contains("40 hexadecimal digits"));
  }
  CHECK_THAT(why_not_made(of(uniswap_factory, "0x96e8")), Catch::Contains("64 hexadecimal digits"));
}

TEST_CASE("the plugins' Keccak-256 is the chain's") {
  Anvil chain;
  const Deployer deployer(chain);
  std::vector<std::uint8_t> bytes;
  for (std::size_t size = 0; size <= 410; ++size) {
    // Each around the block of 136 bytes, and some others.
    const std::size_t past = size % 136;
    if (past <= 2 || past >= 133 || size % 29 == 0) {
      const evm::Topic hash = evm::keccak256(bytes);
      INFO(size << " bytes");
      REQUIRE(to_hex(hash) == deployer.sha3(to_hex(bytes)));
    }
    bytes.push_back(static_cast<std::uint8_t>(size * 37 + 11));
  }
}

TEST_CASE("without the code hash the factory is asked for the pair, once") {
  Anvil chain;
  Deployer deployer(chain);
  V2FactoryContract ours(deployer);
  V2FactoryContract theirs(deployer);
  const std::string token_a = deploy_that_answers(deployer, 18);
  const std::string token_b = deploy_that_answers(deployer, 6);
  const std::string pair = ours.create_pair(token_a, token_b);
  const std::string foreign = theirs.create_pair(token_a, token_b);
  const auto [token0, token1] = ours.tokens_of(pair);
  Venue venue(of(ours.address()));
  REQUIRE(venue.open_pool(pair, {{token0}, {token1}}) == GANTRY_OK);
  gantry_quote quote{};
  gantry_swap swap{.amount = {{1000}}, .token_in = 0, .token_out = 1};

  SECTION("its own pair is taken on, and not asked for again") {
    std::vector<EmittedRequest> first;
    REQUIRE(venue.requests(0, first) == GANTRY_OK);
    CHECK(first.size() == 3);
    CHECK(venue.refresh(deployer) == GANTRY_OK);
    CHECK(venue.rounds_taken() == 1);
    CHECK(venue.quote(swap, quote) == GANTRY_NO_LIQUIDITY);
    std::vector<EmittedRequest> again;
    REQUIRE(venue.requests(0, again) == GANTRY_OK);
    CHECK(again.size() == 2);
  }
  SECTION("reserves alone make no state") {
    std::vector<EmittedRequest> asked;
    REQUIRE(venue.requests(0, asked) == GANTRY_OK);
    std::erase_if(asked, [&](const EmittedRequest& r) { return r.target != pair; });
    auto facts = venue.fetch(deployer, asked);
    REQUIRE(facts.size() == 1);
    CHECK(venue.apply(facts) == GANTRY_NEED_STATE);
    CHECK(venue.quote(swap, quote) == GANTRY_BAD_STATE);
    CHECK(venue.refresh(deployer) == GANTRY_OK);
    CHECK(venue.quote(swap, quote) == GANTRY_NO_LIQUIDITY);
  }
  SECTION("another factory's pair is refused, and the log names all three") {
    REQUIRE(venue.open_pool(foreign, {{token0}, {token1}}) == GANTRY_OK);
    const Logged logged;
    CHECK(venue.refresh(deployer) == GANTRY_REFUSED);
    CHECK(venue.quote(swap, quote) == GANTRY_BAD_STATE);
    const std::string line = lower(logged.text());
    CHECK_THAT(line, Catch::Contains(foreign + " is refused: it is no pair of factory " +
                                     ours.address() + ", whose pair of these tokens is " + pair));
  }
  SECTION("a contract that only says that it is of the factory is refused") {
    const std::string liar = deploy_that_answers(deployer, to_integer(ours.address()));
    REQUIRE(deployer.read(liar, deployer.selector("factory()")) ==
            "0x" + address_word(ours.address()));
    REQUIRE(venue.open_pool(liar, {{token0}, {token1}}) == GANTRY_OK);
    CHECK(venue.refresh(deployer) == GANTRY_REFUSED);
    const std::string unpaired = deploy_that_answers(deployer, 8);
    const bool below = to_integer(token0) < to_integer(unpaired);
    REQUIRE(venue.open_pool(liar, {{below ? token0 : unpaired}, {below ? unpaired : token0}}) ==
            GANTRY_OK);
    const Logged logged;
    CHECK(venue.refresh(deployer) == GANTRY_REFUSED);
    CHECK_THAT(logged.text(), Catch::Contains("whose pair of these tokens is none"));
  }
  SECTION("a factory that is none, or answers nonsense, gives no state") {
    for (const std::string& odd :
         {deploy_that_is_silent(deployer), deploy_that_reverts(deployer),
          deploy_that_answers(deployer, (Integer(1) << 255) + to_integer(pair))}) {
      Venue odd_venue(of(odd));
      REQUIRE(odd_venue.open_pool(pair, {{token0}, {token1}}) == GANTRY_OK);
      CHECK(odd_venue.refresh(deployer) == GANTRY_BAD_STATE);
      CHECK(odd_venue.quote(swap, quote) == GANTRY_BAD_STATE);
    }
  }
  SECTION("with the real code hash the same is known without asking") {
    Venue offline(of(ours.address(), ours.init_code_hash()));
    CHECK(offline.open_pool(pair, {{token0}, {token1}}) == GANTRY_OK);
    CHECK(offline.open_pool(foreign, {{token0}, {token1}}) == GANTRY_REFUSED);
    CHECK(ours.init_code_hash() == uniswap_hash);
  }
}

}  // namespace gantry::test

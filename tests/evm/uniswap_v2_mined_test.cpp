// The uniswap_v2 plugin beside a real pair in mined blocks: it decodes the bytes that the chain
// gives, and the chain accepts the calls that it builds.
#include <catch2/catch.hpp>
#include <random>

#include "evm/integer_words.hpp"
#include "evm/pair_contract.hpp"
#include "evm/plugin_pair.hpp"
#include "evm/seeded_random.hpp"
#include "evm/v2_fork_makes.hpp"
#include "support/anvil.hpp"

namespace gantry::test {
namespace {

constexpr std::uint64_t default_seed = 20201021;
constexpr int swaps = 24;

// A live pair with the plugin at its side.
struct Scene {
  explicit Scene(const PairMake& made_by = uniswap_make()) : make(made_by) {}

  const PairMake& make;
  Anvil chain;
  PairContract pair{chain, nullptr, make};
  PluginPair plugin{pair.address(), pair.token(0), pair.token(1), make.fee_bps()};
  std::vector<EmittedRequest> requests;

  PairReservesSeen seen() {
    PairReservesSeen reserves;
    REQUIRE(plugin.reserves(reserves) == GANTRY_OK);
    return reserves;
  }
  // What the pair's own getReserves() says, found through the calldata that the plugin emitted.
  std::string returned() {
    for (const EmittedRequest& request : requests) {
      if (request.source == GANTRY_SOURCE_EVM_CALL) {
        return pair.read(request.target, request.payload);
      }
    }
    FAIL("the plugin asked for no call");
    return {};
  }
  PairReservesSeen on_chain() {
    const std::string words = returned();
    return {{word_at(words, 0), word_at(words, 1)}};
  }
  void apply_logs(const std::vector<ChainLog>& logs) {
    std::vector<OwnedFact> facts;
    for (const ChainLog& log : logs) {
      if (log.emitter == pair.address()) facts.push_back(fact_of(log));
    }
    REQUIRE(facts.size() >= 2);  // Sync is never the only event
    REQUIRE(plugin.apply(facts) == GANTRY_OK);
  }
};

gantry_swap_order order_of(const Scene& scene, const gantry_swap& swap, const gantry_quote& quote) {
  gantry_swap_order order{};
  order.swap = swap;
  order.swap.mode = GANTRY_EXACT_IN;
  order.swap.amount = quote.amount_in;
  order.out = quote.amount_out;
  order.min_out = quote.amount_out;
  order.sender = to_address(scene.pair.trader());
  order.recipient = to_address(scene.pair.trader());
  return order;
}

// The calldata with the amount at `offset` replaced, as a planner replaces it.
std::string patched(const EmittedInstruction& call, std::uint32_t offset, const Integer& amount) {
  std::string data = call.data;
  return data.replace(2 + 2 * offset, word_digits, word(amount));
}

std::string reason_of(PairContract& pair, const std::string& to, const std::string& data) {
  try {
    pair.read(to, data);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "accepted";
}

Integer most_out(Scene& scene, const gantry_swap& exact_in) {
  gantry_quote quote{};
  REQUIRE(scene.plugin.quote(exact_in, quote) == GANTRY_OK);
  return to_integer(quote.amount_out);
}

void swap_once(Scene& scene, const gantry_swap& swap) {
  gantry_quote quote{};
  std::vector<std::uint8_t> next;
  REQUIRE(scene.plugin.quote(swap, quote, nullptr, &next) == GANTRY_OK);
  PairReservesSeen predicted;
  REQUIRE(scene.plugin.reserves(predicted, &next) == GANTRY_OK);
  std::vector<EmittedInstruction> calls;
  const gantry_swap_order order = order_of(scene, swap, quote);
  REQUIRE(scene.plugin.build_swap(order, calls) == GANTRY_OK);
  REQUIRE(calls.size() == 1);
  const EmittedInstruction& call = calls[0];
  REQUIRE(call.target == scene.pair.address());
  REQUIRE(call.fields.input == GANTRY_INPUT_TRANSFER);
  REQUIRE(call.spender == scene.pair.address());

  const Integer out = to_integer(quote.amount_out);
  const int token_in = static_cast<int>(swap.token_in);
  const int token_out = static_cast<int>(swap.token_out);
  scene.pair.transfer_to_pair(token_in, to_integer(quote.amount_in));
  const std::uint32_t offset = call.fields.amount_out_offset;
  REQUIRE(offset != GANTRY_NO_OFFSET);
  REQUIRE(patched(call, offset, out) == call.data);
  // An input rounded up for an exact output can pay more than was asked for.
  const Integer most = most_out(scene, order.swap);
  CHECK(most >= out);
  CHECK(reason_of(scene.pair, call.target, patched(call, offset, most)) == "accepted");
  CHECK(reason_of(scene.pair, call.target, patched(call, offset, most + 1)) ==
        scene.make.name + ": K");

  const Integer before = scene.pair.trader_balance(token_out);
  scene.apply_logs(scene.pair.send(call.target, call.data));
  CHECK(scene.pair.trader_balance(token_out) - before == out);
  CHECK(scene.seen() == scene.on_chain());
  CHECK(scene.seen() == predicted);
}

void follow_mined_swaps(const PairMake& make) {
  const std::uint64_t seed = test_seed(default_seed);
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  Scene scene(make);

  // What it asks for is what the chain knows by that name.
  REQUIRE(scene.plugin.requests(0, scene.requests) == GANTRY_OK);
  bool standing_sync = false;
  for (const EmittedRequest& request : scene.requests) {
    CHECK(request.target == scene.pair.address());
    if (request.source != GANTRY_SOURCE_EVM_LOG) continue;
    CHECK(request.payload == scene.pair.sync_topic());
    standing_sync = true;
  }
  CHECK(standing_sync);

  // From getReserves() first, then from logs alone; minting is a Sync too.
  scene.pair.add_liquidity(Integer(random()) << 20, Integer(random()) << 30);
  for (const EmittedRequest& request : scene.requests) {
    if (request.source != GANTRY_SOURCE_EVM_CALL) continue;
    std::vector<OwnedFact> facts;
    facts.push_back(fact_of(request, scene.pair.read(request.target, request.payload)));
    REQUIRE(scene.plugin.apply(facts) == GANTRY_OK);
  }
  REQUIRE(scene.seen() == scene.on_chain());

  for (int i = 0; i < swaps; ++i) {
    if (i == swaps / 2) {
      scene.apply_logs(scene.pair.add_liquidity(Integer(random()), Integer(random())));
      REQUIRE(scene.seen() == scene.on_chain());
    }
    gantry_swap swap{};
    swap.token_in = static_cast<std::uint32_t>(random() % 2);
    swap.token_out = 1 - swap.token_in;
    swap.mode = i % 2 == 0 ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT;
    const std::uint32_t token = i % 2 == 0 ? swap.token_in : swap.token_out;
    swap.amount = to_amount((scene.seen().reserve[token] >> (1 + i % 7)) + random() % 1000);
    swap_once(scene, swap);
  }
}

}  // namespace

TEST_CASE("the uniswap_v2 plugin follows a real pair through mined swaps") {
  follow_mined_swaps(uniswap_make());
}

TEST_CASE("the uniswap_v2 plugin follows pairs of forks through mined swaps") {
  for (const PairMake* make : {&sushiswap_make(), &pancakeswap_v1_make(), &pancakeswap_v2_make()}) {
    INFO(make->name << " at " << make->fee_bps() << " bps");
    follow_mined_swaps(*make);
  }
}

TEST_CASE("the uniswap_v2 plugin refuses bytes that no pair gives, and keeps its state") {
  Scene scene;
  REQUIRE(scene.plugin.requests(0, scene.requests) == GANTRY_OK);
  const std::vector<ChainLog> logs = scene.pair.add_liquidity(1'000'000, 2'000'000);
  scene.apply_logs(logs);
  const PairReservesSeen before = scene.seen();
  for (const ChainLog& log : logs) {
    if (log.topics != scene.pair.sync_topic()) continue;
    const std::size_t digits = log.data.size();
    for (std::size_t size = 2; size < digits; size += 2) {
      ChainLog cut = log;
      cut.data.resize(size);
      std::vector<OwnedFact> facts{fact_of(cut)};
      CHECK(scene.plugin.apply(facts) == GANTRY_BAD_STATE);
    }
    ChainLog wide = log;
    wide.data = hex_word(Integer(1) << 112) + word(1);
    std::vector<OwnedFact> facts{fact_of(wide)};
    CHECK(scene.plugin.apply(facts) == GANTRY_BAD_STATE);
  }
  for (const EmittedRequest& request : scene.requests) {
    if (request.source != GANTRY_SOURCE_EVM_CALL) continue;
    std::vector<OwnedFact> reverted{fact_of(request, scene.returned())};
    reverted[0].fields.status = GANTRY_REFUSED;
    CHECK(scene.plugin.apply(reverted) == GANTRY_BAD_STATE);
    std::vector<OwnedFact> empty{fact_of(request, "0x")};
    CHECK(scene.plugin.apply(empty) == GANTRY_BAD_STATE);
  }
  CHECK(scene.seen() == before);
  CHECK(scene.seen() == scene.on_chain());
}

}  // namespace gantry::test

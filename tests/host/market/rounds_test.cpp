// A market that asks: rounds of requests, blocks that are undone, and a replay that finds the same
// answers. The venue is the test's own: its state is a number, which it reads in two rounds.
#include <catch2/catch.hpp>
#include <cstring>
#include <map>

#include "host/market/market_state.hpp"
#include "host/plugin/instances.hpp"
#include "host/recording/format.hpp"

using namespace gantry::host;

namespace {

// Chunk 0. A pool of this venue knows its price window: a log that leaves it needs another read.
struct NumberState {
  std::uint64_t value;
  std::uint64_t window;  // 0: not known yet
};

constexpr std::uint64_t window_size = 100;
std::uint32_t pool_flags = 0;  // of pools that are opened

recording::Bytes number_bytes(std::uint64_t number) {
  recording::Bytes bytes(8);
  recording::store_word(number, bytes.data());
  return bytes;
}

gantry_status apply(gantry_dex_instance*, const gantry_context*, const gantry_state* old,
                    const gantry_fact* facts, std::uint32_t count,
                    const gantry_state_writer* writer) {
  NumberState state{};
  if (old->chunk_count != 0) std::memcpy(&state, old->chunks[0].data, sizeof state);
  for (std::uint32_t i = 0; i < count; ++i) {
    if (facts[i].data.size != 8) return GANTRY_BAD_STATE;
    const auto number = recording::load_word<std::uint64_t>(facts[i].data.data);
    if (facts[i].source == GANTRY_SOURCE_EVM_LOG || facts[i].tag == 0) {
      state.value = number;
      if (facts[i].source != GANTRY_SOURCE_EVM_LOG) state.window = 0;
    } else {
      state.window = number;
    }
  }
  auto* chunk = writer->chunk(writer->self, 0, sizeof state);
  if (chunk == nullptr) return GANTRY_HOST_FAULT;
  std::memcpy(chunk, &state, sizeof state);
  return state.window / window_size == 1 + state.value / window_size ? GANTRY_OK
                                                                     : GANTRY_NEED_STATE;
}

// Round 0: the value. Round 1: the window, whose place depends on the value.
gantry_status requests(gantry_dex_instance*, const gantry_context*, const gantry_pool_spec* spec,
                       const gantry_state* state, std::uint32_t round,
                       const gantry_request_sink* sink) {
  const auto bytes = [](const recording::Bytes& from) {
    return gantry_bytes{from.data(), from.size()};
  };
  if (round == 0) {
    const gantry_request log{GANTRY_SOURCE_EVM_LOG, 7, spec->address, {}};
    const gantry_request call{GANTRY_SOURCE_EVM_CALL, 0, spec->address, {}};
    if (sink->emit(sink->self, &log) != GANTRY_OK) return GANTRY_BAD_STATE;
    return sink->emit(sink->self, &call) == GANTRY_OK ? GANTRY_NEED_STATE : GANTRY_BAD_STATE;
  }
  NumberState now{};
  std::memcpy(&now, state->chunks[0].data, sizeof now);
  const recording::Bytes place = number_bytes(now.value / window_size);
  const gantry_request call{GANTRY_SOURCE_EVM_CALL, 1, spec->address, bytes(place)};
  return sink->emit(sink->self, &call);
}

gantry_status open_pool(gantry_dex_instance*, const gantry_pool_spec*,
                        const gantry_state_writer* writer, gantry_pool_traits* out, gantry_error*) {
  if (writer->chunk(writer->self, 0, sizeof(NumberState)) == nullptr) return GANTRY_HOST_FAULT;
  *out = {pool_flags, 0, 1};
  return GANTRY_OK;
}

constexpr gantry_dex_v1 number_table = {
    nullptr,
    [](gantry_dex_instance*) {},
    nullptr,
    &open_pool,
    &requests,
    &apply,
    [](const gantry_dex_instance*, const gantry_pool_state*, const gantry_swap*, gantry_quote*,
       gantry_buffer*) -> gantry_status { return GANTRY_NO_LIQUIDITY; },
    nullptr,
    [](const gantry_dex_instance*, const gantry_pool_state*, std::uint32_t, std::uint32_t,
       gantry_swap_limits*) -> gantry_status { return GANTRY_NO_LIQUIDITY; },
    [](const gantry_dex_instance*, const gantry_pool_state*, std::uint32_t, std::uint32_t,
       gantry_segment*, std::uint32_t,
       std::uint32_t*) -> gantry_status { return GANTRY_UNSUPPORTED; },
    [](const gantry_dex_instance*, const gantry_pool_state*,
       gantry_pool_view* out) -> gantry_status {
      for (std::uint32_t i = 0; i < out->token_count; ++i) out->balances[i] = {};
      return GANTRY_OK;
    },
    nullptr,
    nullptr,
};

gantry_address address_of(std::uint8_t number) {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = 20;
  address.bytes[0] = 1;
  address.bytes[19] = number;
  return address;
}

// What the contracts hold, and how often they were asked.
class Chain final : public Answers {
 public:
  Result<std::vector<recording::Fact>> answer(const gantry_context&,
                                              std::span<const PoolRequest> asked) override {
    ++trips;
    if (gone) return fail(ErrorKind::not_found, "the block is gone");
    std::vector<recording::Fact> facts;
    for (const PoolRequest& request : asked) {
      recording::Fact fact;
      fact.pool = request.pool;
      fact.kind = static_cast<recording::FactKind>(request.source);
      fact.tag = request.tag;
      fact.source = request.target;
      fact.data = number_bytes(
          request.tag == 0
              ? values[request.pool]
              : (1 + recording::load_word<std::uint64_t>(request.payload.data())) * window_size);
      facts.push_back(std::move(fact));
    }
    return facts;
  }

  std::map<std::uint32_t, std::uint64_t> values;
  int trips = 0;
  bool gone = false;
};

struct Scene {
  explicit Scene(std::uint32_t flags) {
    pool_flags = flags;
    venue = std::make_shared<VenueInstance>(nullptr, std::make_unique<InstanceServices>("numbers"),
                                            &number_table, nullptr,
                                            std::make_shared<Health>("numbers", "test.so", 3));
    live = std::make_unique<MarketState>(settings, std::vector{venue});
    replayed = std::make_unique<MarketState>(settings, std::vector{venue});
    first.tokens = {{address_of(100), "A", 18}, {address_of(101), "B", 18}};
    for (std::uint8_t i = 0; i < 3; ++i)
      first.pools.push_back({"numbers", address_of(i), {0, 1}, {}});
    first.events = {{MarketEventKind::keep, 8, 0, {}}};
    first.block.number = 1;
    for (std::uint32_t i = 0; i < 3; ++i) chain.values[i] = 10 * i;
  }

  void log(BlockInput& input, std::uint32_t pool, std::uint64_t value) {
    chain.values[pool] = value;
    recording::Fact fact;
    fact.pool = pool;
    fact.kind = recording::FactKind::evm_log;
    fact.tag = 7;
    fact.source = address_of(static_cast<std::uint8_t>(pool));
    fact.data = number_bytes(value);
    input.facts.push_back(std::move(fact));
  }
  // Live, and then as a replay is given it.
  void advance(BlockInput input) {
    auto seen = live->advance(input, chain);
    REQUIRE(seen);
    snapshot = *seen;
    auto again = replayed->advance(input);
    REQUIRE(again);
    for (std::uint32_t pool = 0; pool < 3; ++pool) {
      CHECK(value_in(*again, pool) == value_in(snapshot, pool));
    }
    CHECK((*again)->changed == snapshot->changed);
    CHECK((*again)->cold == snapshot->cold);
  }
  static std::optional<std::uint64_t> value_in(const SnapshotPtr& snapshot, std::uint32_t pool) {
    const gantry_state* state = snapshot->states.find(pool);
    if (state == nullptr) return std::nullopt;
    NumberState numbers{};
    std::memcpy(&numbers, state->chunks[0].data, sizeof numbers);
    return numbers.value;
  }
  std::optional<std::uint64_t> value(std::uint32_t pool) const { return value_in(snapshot, pool); }

  ChainSettings settings;
  std::shared_ptr<VenueInstance> venue;
  std::unique_ptr<MarketState> live;
  std::unique_ptr<MarketState> replayed;
  BlockInput first;
  Chain chain;
  SnapshotPtr snapshot;
};

BlockInput block(std::uint64_t number) {
  BlockInput input;
  input.block.number = number;
  return input;
}

}  // namespace

TEST_CASE("pools are read in rounds, all of them in one trip each, and logs keep them after that") {
  Scene scene(GANTRY_POOL_FOLLOWS_LOGS);
  scene.advance(scene.first);
  CHECK(scene.chain.trips == 2);
  CHECK(scene.value(2) == 20);
  CHECK(scene.snapshot->topology->pools[2].use == PoolUse::usable);
  CHECK(scene.live->standing()[1].size() == 1);
  BlockInput next = block(2);
  scene.log(next, 1, 77);
  scene.advance(next);
  CHECK(scene.chain.trips == 2);
  CHECK(scene.value(1) == 77);
  CHECK(scene.snapshot->changed == std::vector<std::uint32_t>{1});
}

TEST_CASE("a state that no longer suffices is read again in the same block") {
  Scene scene(GANTRY_POOL_FOLLOWS_LOGS);
  scene.advance(scene.first);
  BlockInput next = block(2);
  scene.log(next, 0, 512);  // out of its window
  scene.advance(next);
  CHECK(scene.chain.trips == 4);
  CHECK(scene.value(0) == 512);
}

TEST_CASE("facts that do not decode cost a live pool a read, and not its place") {
  Scene scene(GANTRY_POOL_FOLLOWS_LOGS);
  scene.advance(scene.first);
  BlockInput next = block(2);
  scene.log(next, 0, 55);
  next.facts.back().data.pop_back();
  scene.advance(next);
  CHECK(scene.value(0) == 55);
}

TEST_CASE("a pool that does not follow logs is asked at each block") {
  Scene scene(0);
  scene.advance(scene.first);
  scene.chain.values[1] = 31;
  scene.advance(block(2));
  CHECK(scene.value(1) == 31);
  CHECK(scene.chain.trips == 4);
}

TEST_CASE("undone blocks leave what was before them, and a new branch goes on from there") {
  Scene scene(GANTRY_POOL_FOLLOWS_LOGS);
  scene.advance(scene.first);
  for (std::uint64_t number = 2; number < 6; ++number) {
    BlockInput next = block(number);
    scene.log(next, static_cast<std::uint32_t>(number % 3), 30 + number);
    scene.advance(next);
  }
  CHECK(scene.value(0) == 33);
  CHECK(scene.value(1) == 34);
  CHECK(scene.value(2) == 35);
  BlockInput branch = block(3);
  branch.events = {{MarketEventKind::undo, 2, 0, {}}};
  scene.log(branch, 1, 99);
  scene.advance(branch);
  CHECK(scene.value(0) == 0);
  CHECK(scene.value(1) == 99);
  CHECK(scene.value(2) == 32);
  CHECK(scene.snapshot->changed == std::vector<std::uint32_t>{0, 1, 2});
  // What was undone is not kept any more.
  BlockInput too_far = block(9);
  too_far.events = {{MarketEventKind::undo, 5, 0, {}}};
  CHECK_FALSE(scene.replayed->advance(too_far));
}

TEST_CASE("a block that cannot be read leaves the market as it was") {
  Scene scene(0);
  scene.advance(scene.first);
  scene.chain.gone = true;
  BlockInput lost = block(2);
  scene.chain.values[0] = 64;
  CHECK_FALSE(scene.live->advance(lost, scene.chain));
  REQUIRE(scene.live->drop_block());
  scene.chain.gone = false;
  scene.advance(block(2));
  CHECK(scene.value(0) == 64);
}

TEST_CASE("a branch that cannot be read leaves the common block, and comes again as another") {
  Scene scene(GANTRY_POOL_FOLLOWS_LOGS);
  scene.advance(scene.first);
  for (std::uint64_t number = 2; number < 6; ++number) {
    BlockInput next = block(number);
    scene.log(next, static_cast<std::uint32_t>(number % 3), 30 + number);
    scene.advance(next);
  }
  BlockInput lost = block(3);
  lost.events = {{MarketEventKind::undo, 2, 0, {}}};
  scene.log(lost, 0, 66);
  scene.log(lost, 1, 512);  // out of its window: it has to ask
  scene.chain.gone = true;
  CHECK_FALSE(scene.live->advance(lost, scene.chain));
  REQUIRE(scene.live->drop_block());
  CHECK(scene.live->can_undo_to(2));
  CHECK_FALSE(scene.live->can_undo_to(3));
  scene.chain.gone = false;
  BlockInput branch = block(3);
  branch.events = {{MarketEventKind::undo, 2, 0, {}}};
  scene.log(branch, 2, 44);
  const auto seen = scene.live->advance(branch, scene.chain);
  REQUIRE(seen);
  const auto again = scene.replayed->advance(branch);
  REQUIRE(again);
  // Of neither the undone blocks nor the lost one anything is left.
  const std::uint64_t expected[] = {0, 10, 44};
  for (std::uint32_t pool = 0; pool < 3; ++pool) {
    CHECK(Scene::value_in(*seen, pool) == expected[pool]);
    CHECK(Scene::value_in(*again, pool) == expected[pool]);
  }
}

TEST_CASE("reading all anew and keeping a pool out are done in their place") {
  Scene scene(GANTRY_POOL_FOLLOWS_LOGS);
  scene.advance(scene.first);
  scene.chain.values[0] = 41;  // no log told of it
  BlockInput fresh = block(9);
  fresh.events = {{MarketEventKind::fresh, 0, 0, {}}};
  scene.advance(fresh);
  CHECK(scene.value(0) == 41);
  BlockInput quarantine = block(10);
  quarantine.events = {{MarketEventKind::quarantine, 0, 2, "a test's"}};
  scene.advance(quarantine);
  CHECK(scene.snapshot->topology->pools[2].use == PoolUse::quarantined);
  CHECK(scene.snapshot->topology->pools[1].use == PoolUse::usable);
  CHECK(scene.snapshot->cold);
}

TEST_CASE("a market's events are bytes and back, and other bytes are none") {
  const std::vector<MarketEvent> events = {{MarketEventKind::keep, 64, 0, {}},
                                           {MarketEventKind::undo, 123456789, 0, {}},
                                           {MarketEventKind::fresh, 0, 0, {}},
                                           {MarketEventKind::quarantine, 0, 5, "why"}};
  for (const MarketEvent& event : events) {
    const auto read = decode(encode(event));
    REQUIRE(read);
    CHECK(read->kind == event.kind);
    CHECK(read->number == event.number);
    CHECK(read->pool == event.pool);
    CHECK(read->reason == event.reason);
  }
  CHECK_FALSE(decode({0, {}}));
  CHECK_FALSE(decode({5, {}}));
  CHECK_FALSE(decode({2, {1, 2, 3}}));
  CHECK_FALSE(decode({3, {1}}));
  CHECK_FALSE(decode({4, {1, 2, 3}}));
  CHECK_FALSE(decode(encode({MarketEventKind::keep, undo_blocks_max + 1, 0, {}})));
}

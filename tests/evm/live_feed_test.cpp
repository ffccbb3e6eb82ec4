// A chain that is followed, on a real node: what logs and reorganizations leave is what the chain
// says.
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "evm/integer_words.hpp"
#include "evm/live_scene.hpp"
#include "evm/recorded_blocks.hpp"
#include "host/feed/recording_feed.hpp"
#include "host/live/head_watch.hpp"
#include "host/live/multicall.hpp"
#include "host/market/compiled_by.hpp"
#include "host/recording/writer.hpp"

namespace gantry::test {
namespace {

using host::MarketState;
using host::MarketView;
using host::SnapshotPtr;

constexpr std::uint64_t default_seed = 20261121;

std::uint64_t seed() {
  const char* text = std::getenv("GANTRY_SEED");
  const std::uint64_t value = text == nullptr ? default_seed : std::strtoull(text, nullptr, 10);
  UNSCOPED_INFO("GANTRY_SEED=" << value);
  return value;
}

std::vector<std::uint8_t> state_bytes(const SnapshotPtr& snapshot, std::uint32_t pool) {
  std::vector<std::uint8_t> bytes;
  const gantry_state* state = snapshot->states.find(pool);
  REQUIRE(state != nullptr);
  for (std::uint32_t i = 0; i < state->chunk_count; ++i) {
    const gantry_bytes& chunk = state->chunks[i];
    bytes.insert(bytes.end(), chunk.data, chunk.data + chunk.size);
  }
  return bytes;
}

// Of both markets: reserves, and quotes of amounts of every size in both directions.
void check_same_pool(const MarketView& one, const MarketView& other, std::uint32_t pool) {
  gantry_amount balances[2][2] = {};
  gantry_pool_view views[2] = {{0, 2, balances[0]}, {0, 2, balances[1]}};
  REQUIRE(one.view(pool, views[0]) == GANTRY_OK);
  REQUIRE(other.view(pool, views[1]) == GANTRY_OK);
  for (int i = 0; i < 2; ++i) {
    CHECK(to_integer(balances[0][i]) == to_integer(balances[1][i]));
  }
  for (unsigned bits = 1; bits < 112; bits += 3) {
    for (std::uint32_t in = 0; in < 2; ++in) {
      for (const int mode : {GANTRY_EXACT_IN, GANTRY_EXACT_OUT}) {
        gantry_swap swap{to_amount(Integer(1) << bits), in, 1 - in, mode, 0};
        gantry_quote quotes[2] = {};
        const auto status = one.quote(pool, swap, quotes[0]);
        REQUIRE(other.quote(pool, swap, quotes[1]) == status);
        if (status != GANTRY_OK) continue;
        CHECK(to_integer(quotes[0].amount_in) == to_integer(quotes[1].amount_in));
        CHECK(to_integer(quotes[0].amount_out) == to_integer(quotes[1].amount_out));
      }
    }
  }
}

// The market as a new feed reads it now, and as the contracts themselves say.
void check_against_the_chain(LiveScene& scene, Follower& follower, std::size_t pairs) {
  Follower fresh(scene);
  fresh.go_to(block_number(scene.chain()));
  REQUIRE(fresh.inputs.size() == 1);
  MarketView kept_view;
  MarketView fresh_view;
  kept_view.bind(*follower.snapshot, {}, true);
  fresh_view.bind(*fresh.snapshot, {}, true);
  for (std::uint32_t pool = 0; pool < pairs; ++pool) {
    check_same_pool(kept_view, fresh_view, pool);
    gantry_amount balances[2] = {};
    gantry_pool_view view{0, 2, balances};
    REQUIRE(kept_view.view(pool, view) == GANTRY_OK);
    scene.pair(pool).reread();
    for (int i = 0; i < 2; ++i) {
      CHECK(to_integer(balances[i]) == scene.pair(pool).reserve(i));
    }
  }
}

// As a compiled recording says it.
std::shared_ptr<const host::recording::Compiled> compiled_by(const host::Snapshot& snapshot,
                                                             const host::ChainSettings& chain) {
  host::recording::Compiled compiled;
  compiled.source.resize(32);
  compiled.venues = host::compiled_line(chain) + "\n";
  for (const host::VenueInstance* venue : snapshot.topology->venues) {
    compiled.venues += host::compiled_line(*venue) + "\n";
  }
  return std::make_shared<const host::recording::Compiled>(std::move(compiled));
}

}  // namespace

TEST_CASE("states kept by logs through reorganizations are those that are read fresh") {
  constexpr std::size_t pairs = 3;
  constexpr int rounds = 20;
  constexpr int blocks_between = 44;  // with those of the reorganizations above 1,000 blocks
  std::mt19937_64 random(seed());
  LiveScene scene(pairs);
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  std::size_t mined = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < blocks_between; ++i, ++mined) scene.mine_random(random);
    follower.go_to(block_number(scene.chain()));
    const std::string before = scene.snapshot();
    const int depth = 1 + static_cast<int>(random() % 6);
    // Any log of a pair carries its whole reserves and would mend what was not undone. So one pair
    // is traded in the blocks that go and in none that take their place, and in every other round
    // no pair is traded there.
    const std::size_t idle = static_cast<std::size_t>(round) % pairs;
    scene.pair(idle).send_random(random);
    for (int i = 0; i < depth; ++i, ++mined) scene.mine_random(random);
    follower.go_to(block_number(scene.chain()));
    scene.revert(before);
    for (int i = 0; i <= depth; ++i, ++mined) {
      if (round % 2 == 0) {
        scene.mine();
      } else {
        scene.mine_random(random, idle);
      }
    }
    follower.go_to(block_number(scene.chain()));
    CAPTURE(round, depth);
    check_against_the_chain(scene, follower, pairs);
  }
  CHECK(mined >= 1000);
  for (std::size_t i = 0; i < pairs; ++i) {
    const TradedPair::Tally& tally = scene.pair(i).tally();
    CAPTURE(i, tally.swaps, tally.mints, tally.burns);
    CHECK(tally.swaps >= 400);
    CHECK(tally.mints >= 40);
    CHECK(tally.burns >= 40);
  }
  const host::LiveStatus status = follower.feed->status();
  CHECK(status.reorganizations == rounds);
  CHECK(status.fresh_reads == 0);
  // Logs alone kept them: but for audits, pools were asked at the first block and never again.
  CHECK(status.pools_audited >= 3 * pairs);
  CHECK(status.pools_quarantined == 0);
  // What pools hold is asked besides, for each that is read.
  CHECK(status.round_trips <= 5 + 2 * status.pools_audited / pairs);

  // Whoever is given the same blocks, from memory or from a file, ends in the same states.
  MarketState again = scene.market();
  MarketState compiling = scene.market();
  MarketState taking = scene.market();
  SnapshotPtr end;
  for (const auto& input : through_a_file(follower.feed->header(), follower.inputs)) {
    auto snapshot = again.advance(input);
    REQUIRE(snapshot);
    end = *snapshot;
    // A compiled recording's changes leave the same after each block, those undone too.
    auto compiled = compiling.compile(input);
    REQUIRE(compiled);
    host::BlockInput changes = input;
    std::erase_if(changes.facts, [](const auto& fact) { return fact.pool < pairs; });
    changes.changes = std::move(compiled->changes);
    if (end->id == 1) changes.compiled = compiled_by(*end, scene.configuration().chains.front());
    auto taken = taking.advance(changes);
    REQUIRE(taken);
    REQUIRE((*taken)->changed == end->changed);
    for (std::uint32_t pool = 0; pool < pairs; ++pool) {
      REQUIRE(state_bytes(*taken, pool) == state_bytes(end, pool));
    }
  }
  CHECK(end->id == follower.snapshot->id);
  for (std::uint32_t pool = 0; pool < pairs; ++pool) {
    CHECK(state_bytes(end, pool) == state_bytes(follower.snapshot, pool));
  }
}

TEST_CASE("a reorganization deeper than what is kept reads every pool anew") {
  std::mt19937_64 random(seed() + 1);
  LiveScene scene(2);
  scene.configuration().live.undo_blocks = 4;
  Follower follower(scene);
  const std::string before = scene.snapshot();
  scene.mine_random(random);
  follower.go_to(block_number(scene.chain()));
  for (int i = 0; i < 9; ++i) scene.mine_random(random);
  follower.go_to(block_number(scene.chain()));
  scene.revert(before);
  for (int i = 0; i < 12; ++i) scene.mine_random(random);
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.feed->status().fresh_reads == 1);
  CHECK(follower.inputs.back().events.size() == 1);
  for (int i = 0; i < 5; ++i) scene.mine_random(random);
  follower.go_to(block_number(scene.chain()));
  check_against_the_chain(scene, follower, 2);
}

TEST_CASE("a reorganization of more blocks than a trip fetches is undone and followed") {
  constexpr int undone = static_cast<int>(host::LiveFeed::blocks_per_trip) + 13;
  std::mt19937_64 random(seed() + 5);
  LiveScene scene(2);
  Follower follower(scene);
  for (int i = 0; i < 5; ++i) scene.mine_random(random);
  follower.go_to(block_number(scene.chain()));
  const std::uint64_t common = block_number(scene.chain());
  const std::string before = scene.snapshot();
  for (int i = 0; i < undone; ++i) scene.mine_random(random);
  follower.go_to(block_number(scene.chain()));
  const std::size_t known = follower.inputs.size();
  scene.revert(before);
  // One pair is traded in blocks that go alone: no log of the branch mends it.
  for (int i = 0; i < undone + 20; ++i) scene.mine_random(random, 1);
  follower.go_to(block_number(scene.chain()));
  const host::LiveStatus status = follower.feed->status();
  CHECK(status.fresh_reads == 0);
  CHECK(status.reorganizations == 1);
  CHECK(status.blocks_undone == undone);
  REQUIRE(follower.inputs.size() == known + undone + 20);
  for (std::size_t i = known; i < follower.inputs.size(); ++i) {
    CHECK(follower.inputs[i].block.number == common + 1 + (i - known));
  }
  REQUIRE(follower.inputs[known].events.size() == 1);
  CHECK(follower.inputs[known].events.front().kind == host::MarketEventKind::undo);
  CHECK(follower.inputs[known].events.front().number == common);
  check_against_the_chain(scene, follower, 2);
}

TEST_CASE("blocks that were missed are fetched one by one, and too many of them are not") {
  std::mt19937_64 random(seed() + 2);
  LiveScene scene(2);
  scene.configuration().live.gap_blocks_max = 50;
  Follower follower(scene);
  const std::uint64_t first = block_number(scene.chain());
  follower.go_to(first);
  for (int i = 0; i < 45; ++i) scene.mine_random(random);
  follower.go_to(first + 45);
  CHECK(follower.inputs.size() == 46);
  for (std::size_t i = 0; i < follower.inputs.size(); ++i) {
    CHECK(follower.inputs[i].block.number == first + i);
  }
  CHECK(follower.feed->status().fresh_reads == 0);
  check_against_the_chain(scene, follower, 2);
  for (int i = 0; i < 60; ++i) scene.mine_random(random);
  follower.go_to(first + 105);
  CHECK(follower.inputs.size() == 47);
  CHECK(follower.feed->status().fresh_reads == 1);
  check_against_the_chain(scene, follower, 2);
}

TEST_CASE("a head that nobody has costs a moment, and no block") {
  std::mt19937_64 random(seed() + 3);
  LiveScene scene(1);
  Follower follower(scene);
  const std::uint64_t first = block_number(scene.chain());
  follower.go_to(first);
  const std::string by = scene.configuration().chains.front().providers.front().name;
  const std::string hash = "0x" + std::string(64, 'f');
  // Nearer than what is read anew, further, and so far that no clock explains it.
  std::uint64_t newest = first;
  for (const std::uint64_t lie : {first + 20, first + 900, ~std::uint64_t{0}}) {
    scene.providers().note_head({lie, hash, hash, 0, by});
    scene.mine_random(random);
    follower.go_to(++newest);
  }
  CHECK(follower.inputs.size() == 4);
  CHECK(follower.feed->status().fresh_reads == 0);
  check_against_the_chain(scene, follower, 1);
}

TEST_CASE("a subscription to new heads wakes a feed that would not ask for an hour") {
  std::mt19937_64 random(seed() + 4);
  LiveScene scene(1);
  scene.add_websocket();
  scene.configuration().live.poll_ms = 3'600'000;
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  host::HeadWatch watch(scene.configuration().chains.front(), scene.providers(),
                        [&](bool connected) { follower.feed->wake(connected); });
  while (!watch.connected()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  for (int i = 0; i < 5; ++i) {
    scene.mine_random(random);
    follower.go_to(block_number(scene.chain()));
  }
  CHECK(follower.inputs.size() == 6);
  check_against_the_chain(scene, follower, 1);
}

TEST_CASE("an audit finds a state that no log told of, keeps the pool out and writes the case") {
  std::mt19937_64 random(seed() + 3);
  LiveScene scene(2);
  TemporaryFolder cases;
  scene.configuration().live.audit_every_blocks = 4;
  scene.configuration().live.cases = cases / "audit";
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  for (int i = 0; i < 9; ++i) scene.mine_random(random);
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.feed->status().pools_audited >= 4);
  CHECK(follower.feed->status().pools_quarantined == 0);

  // The pair's reserves, by force: one unit more of token 0.
  const std::string pair = scene.pair(1).contract().address();
  boost::json::array params;
  params.push_back(boost::json::string(pair));
  params.push_back(boost::json::string(hex_word(8)));
  params.push_back(boost::json::string(
      hex_word((scene.pair(1).reserve(0) + 1) | (scene.pair(1).reserve(1) << 112))));
  scene.chain().call("anvil_setStorageAt", std::move(params));
  for (int i = 0; i < 9; ++i) {
    scene.pair(0).send_random(random);
    scene.mine();
  }
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.feed->status().pools_quarantined == 1);
  const auto& topology = *follower.snapshot->topology;
  CHECK(topology.pools[0].use == host::PoolUse::usable);
  CHECK(topology.pools[1].use == host::PoolUse::quarantined);
  MarketView view;
  view.bind(*follower.snapshot, {}, true);
  gantry_quote quote{};
  CHECK(view.quote(1, {to_amount(1000), 0, 1, GANTRY_EXACT_IN, 0}, quote) != GANTRY_OK);
  CHECK(view.quote(0, {to_amount(1000), 0, 1, GANTRY_EXACT_IN, 0}, quote) == GANTRY_OK);

  // The case shows both: pool 0 as it was kept, pool 1 as the chain has it.
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(cases / "audit")) {
    files.push_back(entry.path());
  }
  REQUIRE(files.size() == 1);
  auto feed = host::RecordingFeed::open(files.front());
  REQUIRE(feed);
  MarketState market = scene.market();
  SnapshotPtr end;
  while (const auto input = feed->next()) {
    auto snapshot = market.advance(*input);
    REQUIRE(snapshot);
    end = *snapshot;
  }
  CHECK(feed->damage().empty());
  view.bind(*end, {}, true);
  gantry_amount balances[2][2] = {};
  gantry_pool_view views[2] = {{0, 2, balances[0]}, {0, 2, balances[1]}};
  REQUIRE(view.view(0, views[0]) == GANTRY_OK);
  REQUIRE(view.view(1, views[1]) == GANTRY_OK);
  CHECK(to_integer(balances[0][0]) + 1 == to_integer(balances[1][0]));
  CHECK(to_integer(balances[0][1]) == to_integer(balances[1][1]));
}

TEST_CASE("many calls in one are what Multicall3's ABI says") {
  std::vector<host::multicall::Call> calls(2);
  const std::vector<std::uint8_t> data = {1, 2, 3, 4};
  for (auto& call : calls) {
    call.target.kind = GANTRY_ADDRESS_EVM;
    call.target.length = 20;
    call.target.bytes[19] = 7;
    call.data = data;
  }
  const std::string hex = to_hex(host::multicall::encode(calls));
  CHECK(hex.substr(0, 10) == "0x82ad56cb");
  const std::string words = "0x" + hex.substr(10);
  CHECK(word_at(words, 0) == 32);
  CHECK(word_at(words, 1) == 2);
  CHECK(word_at(words, 2) == 64);        // the first tuple, after both offsets
  CHECK(word_at(words, 3) == 64 + 160);  // the second, five words on
  CHECK(word_at(words, 4) == 7);
  CHECK(word_at(words, 5) == 1);
  CHECK(word_at(words, 6) == 96);
  CHECK(word_at(words, 7) == 4);
  CHECK(words.substr(2 + 8 * word_digits, 8) == "01020304");

  // success and a word; then a failure without bytes.
  const std::string answer = "0x" + word(32) + word(2) + word(64) + word(192) + word(1) + word(64) +
                             word(32) + word(9) + word(0) + word(64) + word(0);
  const auto decoded = host::multicall::decode(to_bytes(answer), 2);
  REQUIRE(decoded);
  CHECK((*decoded)[0].success);
  CHECK(word_at(to_hex((*decoded)[0].data), 0) == 9);
  CHECK_FALSE((*decoded)[1].success);
  CHECK((*decoded)[1].data.empty());
  CHECK_FALSE(host::multicall::decode(to_bytes(answer), 3));
  for (std::size_t cut = 2; cut < answer.size(); cut += 2) {
    CHECK_FALSE(host::multicall::decode(to_bytes(answer.substr(0, cut)), 2));
  }
}

}  // namespace gantry::test

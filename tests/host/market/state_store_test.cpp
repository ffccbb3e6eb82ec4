#include "host/market/state_store.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <list>
#include <map>
#include <vector>

#include "host/import/random.hpp"

using namespace gantry::host;

namespace {

using Bytes = std::vector<std::uint8_t>;
using Chunks = std::vector<Bytes>;

Bytes filled(std::uint64_t size, std::uint8_t with) { return Bytes(size, with); }

Bytes random_bytes(Random& random, std::uint64_t size) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random.next());
  return bytes;
}

// Takes a chunk of the open pool and writes it.
void put(StateStore& store, std::uint32_t index, const Bytes& bytes) {
  auto* chunk = store.chunk(index, bytes.size());
  REQUIRE(chunk != nullptr);
  std::memcpy(chunk, bytes.data(), bytes.size());
}

// One pool's whole update of one chunk.
void commit(StateStore& store, std::uint32_t pool, std::uint32_t index, const Bytes& bytes) {
  store.open(pool);
  put(store, index, bytes);
  store.commit();
}

// The chunks as they read, those that do not exist empty. No state: none.
Chunks read(const StateTree& tree, std::uint32_t pool) {
  Chunks chunks;
  const gantry_state* state = tree.find(pool);
  if (state == nullptr) return chunks;
  for (std::uint32_t i = 0; i < state->chunk_count; ++i) {
    const gantry_bytes& chunk = state->chunks[i];
    chunks.emplace_back(chunk.data, chunk.data + chunk.size);
  }
  return chunks;
}

const std::uint8_t* data_of(const StateTree& tree, std::uint32_t pool, std::uint32_t index) {
  const gantry_state* state = tree.find(pool);
  REQUIRE(state != nullptr);
  REQUIRE(index < state->chunk_count);
  return state->chunks[index].data;
}

bool aligned(const void* data) { return reinterpret_cast<std::uintptr_t>(data) % 16 == 0; }

}  // namespace

TEST_CASE("an older version of the states reads its own bytes after later commits") {
  StateStore store;
  store.begin(1, 1);
  commit(store, 7, 0, filled(48, 1));
  commit(store, 7, 1, filled(4096, 2));
  const StateTree first = store.tree();
  store.begin(2, 1);
  commit(store, 7, 0, filled(48, 3));
  commit(store, 8, 0, filled(16, 4));
  const StateTree second = store.tree();
  store.begin(3, 1);
  commit(store, 7, 1, filled(4096, 5));
  commit(store, 7, 2, filled(1, 6));

  CHECK(read(first, 7) == Chunks{filled(48, 1), filled(4096, 2)});
  CHECK(first.find(8) == nullptr);
  CHECK(read(second, 7) == Chunks{filled(48, 3), filled(4096, 2)});
  CHECK(read(second, 8) == Chunks{filled(16, 4)});
  CHECK(read(store.tree(), 7) == Chunks{filled(48, 3), filled(4096, 5), filled(1, 6)});
}

TEST_CASE("a large chunk that nobody asks for is carried by pointer and a small one by copy") {
  StateStore store;
  store.begin(1, 1);
  store.open(3);
  put(store, 0, filled(small_chunk_bytes_max, 1));
  put(store, 1, filled(small_chunk_bytes_max + 1, 2));
  put(store, 2, filled(8, 3));
  store.commit();
  const StateTree first = store.tree();
  store.begin(2, 1);
  commit(store, 3, 2, filled(8, 4));
  const StateTree second = store.tree();

  CHECK(read(second, 3) == Chunks{filled(small_chunk_bytes_max, 1),
                                  filled(small_chunk_bytes_max + 1, 2), filled(8, 4)});
  CHECK(data_of(second, 3, 0) != data_of(first, 3, 0));
  CHECK(data_of(second, 3, 1) == data_of(first, 3, 1));
  // Small ones lie in the block of the list that names them.
  const auto* list = reinterpret_cast<const std::uint8_t*>(second.find(3)->chunks);
  CHECK(data_of(second, 3, 0) == list + 3 * sizeof(gantry_bytes));
  CHECK(data_of(second, 3, 2) == list + 3 * sizeof(gantry_bytes) + small_chunk_bytes_max);
}

TEST_CASE("every chunk is handed out and published aligned to 16 bytes, and handed out zeroed") {
  StateStore store;
  const std::uint64_t sizes[] = {1, 15, 16, 17, 63, 127, 128, 129, 4096, chunk_bytes_max};
  for (std::uint64_t version = 1; version <= 6; ++version) {
    // Nobody reads: memory full of ones comes back at once.
    store.begin(version, version);
    store.open(1);
    std::uint32_t index = 0;
    for (const std::uint64_t size : sizes) {
      auto* chunk = store.chunk(index++, size);
      REQUIRE(chunk != nullptr);
      CHECK(aligned(chunk));
      CHECK(std::all_of(chunk, chunk + size, [](std::uint8_t byte) { return byte == 0; }));
      std::memset(chunk, 0xff, size);
    }
    if (version % 3 == 0) {
      store.abandon();
    } else {
      store.commit();
    }
    const gantry_state* state = store.tree().find(1);
    REQUIRE(state != nullptr);
    for (std::uint32_t i = 0; i < state->chunk_count; ++i) CHECK(aligned(state->chunks[i].data));
  }
}

TEST_CASE("what is over a bound of the state store is null, and changes nothing") {
  StateStore store;
  store.begin(1, 1);
  store.open(0);
  CHECK(store.chunk(chunks_max, 8) == nullptr);
  CHECK(store.chunk(UINT32_MAX, 8) == nullptr);
  CHECK(store.chunk(0, 0) == nullptr);
  CHECK(store.chunk(0, chunk_bytes_max + 1) == nullptr);
  CHECK(store.chunk(0, UINT64_MAX) == nullptr);
  store.commit();
  CHECK(store.tree().find(0) == nullptr);

  store.open(0);
  auto* last = store.chunk(chunks_max - 1, chunk_bytes_max);
  REQUIRE(last != nullptr);
  // Asked for again, it is the same memory with what was written; another size is a mistake.
  last[0] = 1;
  CHECK(store.chunk(chunks_max - 1, chunk_bytes_max) == last);
  CHECK(last[0] == 1);
  CHECK(store.chunk(chunks_max - 1, chunk_bytes_max - 1) == nullptr);
  auto* small = store.chunk(4, 32);
  REQUIRE(small != nullptr);
  CHECK(store.chunk(4, 32) == small);
  CHECK(store.chunk(4, 33) == nullptr);
  store.commit();
  const auto chunks = read(store.tree(), 0);
  REQUIRE(chunks.size() == chunks_max);
  CHECK(chunks[4] == filled(32, 0));
  CHECK(chunks[chunks_max - 1].size() == chunk_bytes_max);
  CHECK(chunks[5].empty());
  CHECK(store.tree().find(0)->chunks[5].data == nullptr);

  CHECK(store.tree().find(StateTree::pools_max) == nullptr);
  CHECK(store.tree().find(UINT32_MAX) == nullptr);
  CHECK(StateTree().find(0) == nullptr);
}

TEST_CASE("the next version may give a chunk another size") {
  StateStore store;
  store.begin(1, 1);
  commit(store, 0, 0, filled(100, 1));
  store.begin(2, 1);
  commit(store, 0, 0, filled(5000, 2));
  CHECK(read(store.tree(), 0) == Chunks{filled(5000, 2)});
  store.begin(3, 1);
  commit(store, 0, 0, filled(1, 3));
  CHECK(read(store.tree(), 0) == Chunks{filled(1, 3)});
}

TEST_CASE("abandoned chunks leave the old state, and their memory is used again") {
  StateStore store;
  store.begin(1, 1);
  commit(store, 9, 0, filled(48, 1));
  commit(store, 9, 1, filled(4096, 2));
  const auto* before = store.tree().find(9);
  const auto taken = [&] {
    store.open(9);
    put(store, 0, filled(48, 7));
    put(store, 1, filled(4096, 8));
    put(store, 2, filled(9000, 9));
    store.abandon();
    return store.bytes();
  };
  const std::uint64_t once = taken();
  CHECK(store.tree().find(9) == before);
  CHECK(read(store.tree(), 9) == Chunks{filled(48, 1), filled(4096, 2)});
  for (int i = 0; i < 100; ++i) CHECK(taken() == once);
  // The next pool that is opened has none of it.
  commit(store, 10, 0, filled(8, 3));
  CHECK(read(store.tree(), 10) == Chunks{filled(8, 3)});
}

TEST_CASE("current() is the state being built, for the pool that is open") {
  StateStore store;
  store.begin(1, 1);
  store.open(5);
  CHECK(store.current().chunks == nullptr);
  CHECK(store.current().chunk_count == 0);
  put(store, 0, filled(10, 1));
  CHECK(store.current().chunks == nullptr);
  store.commit();
  CHECK(store.current().chunk_count == 1);
  CHECK(store.current().chunks == store.tree().find(5)->chunks);
  store.open(6);
  CHECK(store.current().chunks == nullptr);
}

TEST_CASE("what a version replaced is reused when no older version is live, and not before") {
  // A size class that no node of the tree is in.
  constexpr std::uint64_t size = 40'000;
  StateStore store;
  store.begin(1, 1);
  commit(store, 0, 0, filled(size, 1));
  const StateTree first = store.tree();
  const auto* replaced = data_of(first, 0, 0);
  store.begin(2, 1);
  commit(store, 0, 0, filled(size, 2));
  store.begin(3, 1);  // version 1, which reads what 2 replaced, is live
  commit(store, 0, 0, filled(size, 3));
  CHECK(data_of(store.tree(), 0, 0) != replaced);
  CHECK(read(first, 0) == Chunks{filled(size, 1)});
  store.begin(4, 2);  // version 2 is the oldest: what it replaced is free, what 3 replaced is not
  const StateTree third = store.tree();
  commit(store, 0, 0, filled(size, 4));
  CHECK(data_of(store.tree(), 0, 0) == replaced);
  CHECK(read(third, 0) == Chunks{filled(size, 3)});
}

TEST_CASE("a long stream of updates of random sizes keeps the store's memory bounded") {
  Random random(41);
  StateStore store;
  constexpr std::uint32_t pools = 300;
  constexpr std::uint64_t in_flight = 4;
  std::uint64_t version = 0;
  const auto stream = [&](int blocks) {
    for (int i = 0; i < blocks; ++i) {
      ++version;
      store.begin(version, version > in_flight ? version - in_flight : 1);
      for (int n = 0; n < 8; ++n) {
        store.open(static_cast<std::uint32_t>(random.below(pools)));
        for (std::uint64_t chunk = random.below(3) + 1; chunk > 0; --chunk) {
          const auto index = static_cast<std::uint32_t>(random.below(6));
          // May be null: the index was drawn before, with another size.
          store.chunk(index, 1 + random.below(random.below(2) == 0 ? 200 : 5000));
        }
        if (random.below(10) == 0) {
          store.abandon();
        } else {
          store.commit();
        }
      }
    }
    return store.bytes();
  };
  const std::uint64_t warm = stream(3000);
  const std::uint64_t later = stream(30'000);
  CAPTURE(warm, later);
  // Only rare highs of a size class are new.
  CHECK(later < warm + warm / 4);
  CHECK(later < std::uint64_t{pools} * 6 * 8192);
}

namespace {

// What a version has to read: chunks of pools, by number.
using Contents = std::map<std::uint32_t, Chunks>;

struct Version {
  std::uint64_t number;
  StateTree tree;
  Contents contents;
};

bool reads(const Version& version, const std::vector<std::uint32_t>& pools) {
  return std::ranges::all_of(pools, [&](std::uint32_t pool) {
    const auto found = version.contents.find(pool);
    if (found == version.contents.end()) return version.tree.find(pool) == nullptr;
    return read(version.tree, pool) == found->second;
  });
}

class Differential {
 public:
  explicit Differential(std::uint64_t seed) : random_(seed) {}

  void step() {
    // Anyone may let go at any time, the newest too.
    while (!live_.empty() && (live_.size() > 6 || random_.below(3) == 0)) {
      live_.erase(
          std::next(live_.begin(), static_cast<std::ptrdiff_t>(random_.below(live_.size()))));
    }
    ++version_;
    std::uint64_t oldest = version_;
    for (const Version& version : live_) oldest = std::min(oldest, version.number);
    store_.begin(version_, oldest);
    std::uint32_t pool = 0;
    for (std::uint64_t n = random_.below(6); n > 0; --n) {
      // One in four is the pool of the last commit again.
      if (random_.below(4) != 0) pool = pools[random_.below(pools.size())];
      update(pool);
    }
    live_.push_back({version_, store_.tree(), contents_});
  }

  bool every_version_reads() const {
    return std::ranges::all_of(live_, [](const Version& version) { return reads(version, pools); });
  }

 private:
  void update(std::uint32_t pool) {
    static constexpr std::uint64_t sizes[] = {0, 1, 16, 48, 127, 128, 129, 1000, 4095, 4096, 4097};
    auto next = contents_[pool];
    store_.open(pool);
    std::map<std::uint32_t, std::uint64_t> asked;
    for (std::uint64_t n = random_.below(4); n > 0; --n) {
      const auto index = static_cast<std::uint32_t>(
          random_.below(8) == 0 ? random_.below(chunks_max) : random_.below(4));
      const std::uint64_t size = sizes[random_.below(std::size(sizes))];
      auto* chunk = store_.chunk(index, size);
      const bool allowed = size != 0 && (!asked.contains(index) || asked[index] == size);
      REQUIRE((chunk != nullptr) == allowed);
      if (!allowed) continue;
      asked[index] = size;
      const Bytes bytes = random_bytes(random_, size);
      std::memcpy(chunk, bytes.data(), size);
      if (next.size() <= index) next.resize(index + 1);
      next[index] = bytes;
    }
    if (random_.below(5) == 0) {
      store_.abandon();
    } else {
      store_.commit();
      contents_[pool] = next;
    }
    if (contents_[pool].empty()) contents_.erase(pool);
  }

  static inline const std::vector<std::uint32_t> pools = {
      0,    1,    2,    62,   63,   64,   65,      127,     128,     4094,
      4095, 4096, 4097, 4160, 8191, 8192, 100'000, 131'071, 200'000, StateTree::pools_max - 1};

  Random random_;
  StateStore store_;
  std::uint64_t version_ = 0;
  Contents contents_;
  std::list<Version> live_;
};

}  // namespace

TEST_CASE("every live version of the store reads what a plain map of all of them holds") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Differential differential(seed);
    CAPTURE(seed);
    for (int step = 0; step < 150; ++step) {
      differential.step();
      CAPTURE(step);
      REQUIRE(differential.every_version_reads());
    }
  }
}

TEST_CASE("a revised chunk is its version's own, and changed in place where nobody reads another") {
  StateStore store;
  store.begin(1, 1);
  store.open(5);
  put(store, 0, filled(48, 1));
  put(store, 1, filled(4096, 2));
  put(store, 3, filled(20, 3));
  store.commit();
  const StateTree first = store.tree();
  const Chunks then = read(first, 5);

  store.begin(2, 1);
  store.open(5);
  CHECK(store.revise(1) == nullptr);  // not small
  CHECK(store.revise(2) == nullptr);  // not there
  CHECK(store.revise(4) == nullptr);
  CHECK(store.tree().find(5) == first.find(5));
  std::uint8_t* chunk = store.revise(3);
  REQUIRE(chunk != nullptr);
  chunk[19] = 9;
  const StateTree second = store.tree();
  Chunks now = then;
  now[3][19] = 9;
  CHECK(read(first, 5) == then);
  CHECK(read(second, 5) == now);
  CHECK(data_of(second, 5, 1) == data_of(first, 5, 1));

  // It is seen again, as after a commit.
  REQUIRE(store.withhold());
  REQUIRE(store.tree().find(5) == nullptr);
  REQUIRE(store.revise(0) != nullptr);
  CHECK(read(store.tree(), 5) == now);

  store.begin(3, 3);
  store.open(5);
  const std::uint8_t* place = data_of(store.tree(), 5, 0);
  std::uint8_t* same = store.revise(0);
  CHECK(same == place);
  same[0] = 7;
  now[0][0] = 7;
  const StateTree third = store.tree();
  CHECK(read(third, 5) == now);
  // Whoever holds that one keeps it.
  store.begin(4, 3);
  commit(store, 6, 0, filled(8, 1));
  store.open(5);
  REQUIRE(store.revise(0) != nullptr);
  store.revise(0)[0] = 8;
  CHECK(read(third, 5) == now);
  CHECK(third.find(6) == nullptr);
  CHECK(read(store.tree(), 5)[0][0] == 8);
}

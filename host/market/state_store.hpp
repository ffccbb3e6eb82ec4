// The pools' states of every live snapshot: one tree of immutable nodes, copied along the path that
// a block changes, so that a snapshot costs what changed and not what exists.
//
// THREADS    One writer (the snapshot stage). Any number of readers of published roots.
// OWNERSHIP  Memory belongs to the store. What a new version replaces is retired with that version
//            and reused once no snapshot older than it is alive (release()).
// ERRORS     Bounds are reported as null or false, never thrown; memory exhaustion may throw, and
//            only at start-up, when the store takes its pages.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "gantry/state.h"
#include "host/isolation/shared_memory.hpp"

namespace gantry::host {

inline constexpr std::uint32_t chunks_max = 64;
inline constexpr std::uint64_t chunk_bytes_max = 1U << 20U;
// A chunk up to this size lies behind its pool's list of chunks, and is copied into the next
// version instead of carried: a simple pool is one cache line.
inline constexpr std::uint64_t small_chunk_bytes_max = 128;

// Reuses memory blocks by size class, so that a steady stream of updates calls malloc only while it
// grows. Not thread-safe: the writer's.
class BlockPool {
 public:
  // With an arena, blocks lie where another process can be shown them.
  explicit BlockPool(std::shared_ptr<SharedArena> arena = {}) : arena_(std::move(arena)) {}
  BlockPool(const BlockPool&) = delete;
  BlockPool& operator=(const BlockPool&) = delete;
  ~BlockPool();

  // 16-aligned, contents undefined. `size` > 0.
  void* take(std::uint64_t size);
  void give(void* block, std::uint64_t size) noexcept;
  std::uint64_t bytes_taken() const noexcept { return bytes_taken_; }

 private:
  static constexpr std::size_t classes = 22;  // 64 bytes to 128 MiB
  static std::size_t class_of(std::uint64_t size) noexcept;

  void* new_slab();

  std::shared_ptr<SharedArena> arena_;
  std::array<std::vector<void*>, classes> free_;
  std::array<std::size_t, classes> made_{};
  std::vector<std::unique_ptr<std::uint8_t[]>> slabs_;
  std::uint8_t* slab_next_ = nullptr;
  std::uint64_t slab_left_ = 0;
  std::vector<void*> large_;
  std::uint64_t bytes_taken_ = 0;
};

// A version of all pools' states. Cheap to copy: a pointer.
class StateTree {
 public:
  static constexpr std::uint32_t fan_bits = 6;
  static constexpr std::uint32_t fan = 1U << fan_bits;
  static constexpr std::uint32_t pools_max = fan * fan * fan;

  // Null: this pool has no state yet, or the one it has is withheld.
  const gantry_state* find(std::uint32_t pool) const noexcept;
  // Where its root lies; null: no pool has a state.
  const void* root() const noexcept { return root_; }

 private:
  friend class StateStore;
  // In gantry_state::reserved: kept for the next apply(), shown to nobody else.
  static constexpr std::uint32_t withheld = 1;
  const gantry_state* find_any(std::uint32_t pool) const noexcept;
  struct Leaf {
    std::array<gantry_state, fan> pools;  // {null, 0}: none yet
    std::uint64_t version;
  };
  struct Branch {
    std::array<Leaf*, fan> leaves;
    std::uint64_t version;
  };
  struct Root {
    std::array<Branch*, fan> branches;
    std::uint64_t version;
  };
  const Root* root_ = nullptr;
};

class StateStore {
 public:
  explicit StateStore(std::shared_ptr<SharedArena> arena = {});
  StateStore(const StateStore&) = delete;
  StateStore& operator=(const StateStore&) = delete;
  ~StateStore();

  // Starts the next version. `oldest_live` is the oldest version that a reader may still hold:
  // what was retired before it is reused. Where that is the new version itself, nobody holds any,
  // and what it changes is changed in place.
  void begin(std::uint64_t version, std::uint64_t oldest_live);

  // Collects chunks that a plugin writes for `pool`, over its state in the version being built:
  // each 16-aligned and zeroed; null: over a bound, or asked for again with another size.
  void open(std::uint32_t pool) noexcept;
  std::uint8_t* chunk(std::uint32_t index, std::uint64_t size) noexcept;
  // The bytes of a small chunk in this version's own copy of the state, to be changed at once and
  // without commit(); seen by readers, whether it was before or not. Null: there is no such chunk.
  std::uint8_t* revise(std::uint32_t index);
  // The state as it stands, for apply(old): {null, 0} when the pool has none.
  gantry_state current() const noexcept;
  // Publishes what was collected, or drops it.
  void commit();
  void abandon() noexcept;
  // Keeps the state from readers until the next commit(): it is known to be out of date. False:
  // there was none to be seen.
  bool withhold();
  // Makes the pool's state what it was in an older version, which somebody still holds; it is
  // withheld or none where it was that then.
  void restore(const StateTree& then);

  // The version being built, readable by others once the caller shares it.
  StateTree tree() const noexcept { return tree_; }
  std::uint64_t bytes() const noexcept { return blocks_.bytes_taken(); }

 private:
  struct Retired {
    std::uint64_t version;
    void* block;
    std::uint64_t size;
  };
  struct Pending {
    std::uint8_t* data;
    std::uint64_t size;
    std::uint32_t index;
  };
  struct alignas(16) SmallChunk {
    std::uint8_t bytes[small_chunk_bytes_max];
  };

  template <class Node>
  Node* own(Node* node);
  gantry_state& slot(std::uint32_t pool);
  void retire_state(const gantry_state& state, bool with_chunks);
  void place(std::span<const gantry_bytes> chunks, gantry_state& slot);
  void retire(void* block, std::uint64_t size);

  BlockPool blocks_;
  std::deque<Retired> retired_;
  StateTree tree_;
  std::uint64_t version_ = 0;
  std::uint32_t pool_ = 0;
  bool is_alone_ = false;  // nobody reads an older version
  std::vector<Pending> pending_;
  std::vector<SmallChunk> small_;  // the memory of pending small chunks, by index
};

}  // namespace gantry::host

#include "host/market/state_store.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <new>

namespace gantry::host {

namespace {
constexpr std::uint64_t block_bytes_min = 64;
constexpr std::uint64_t slab_bytes = 1U << 20U;
constexpr std::align_val_t block_alignment{64};

constexpr bool is_small(std::uint64_t size) { return size <= small_chunk_bytes_max; }
constexpr std::uint64_t align_16(std::uint64_t offset) {
  return (offset + 15) & ~std::uint64_t{15};
}

// A pool's block is the list, and behind it the small chunks: place(index, offset) is called for
// each of those. Returns the block's bytes.
template <class Place>
std::uint64_t lay_out(std::span<const gantry_bytes> chunks, Place place) {
  std::uint64_t end = chunks.size_bytes();
  for (std::uint32_t i = 0; i < chunks.size(); ++i) {
    if (chunks[i].size == 0 || !is_small(chunks[i].size)) continue;
    const std::uint64_t begin = align_16(end);
    place(i, begin);
    end = begin + chunks[i].size;
  }
  return end;
}

std::uint64_t block_bytes(std::span<const gantry_bytes> chunks) {
  return lay_out(chunks, [](std::uint32_t, std::uint64_t) {});
}
}  // namespace

BlockPool::~BlockPool() {
  for (void* block : large_) ::operator delete(block, block_alignment);
}

std::size_t BlockPool::class_of(std::uint64_t size) noexcept {
  const std::uint64_t rounded = std::bit_ceil(std::max(size, block_bytes_min));
  return static_cast<std::size_t>(std::countr_zero(rounded) - std::countr_zero(block_bytes_min));
}

void* BlockPool::take(std::uint64_t size) {
  const std::size_t index = class_of(size);
  assert(index < classes);
  auto& free = free_[index];
  if (!free.empty()) {
    void* block = free.back();
    free.pop_back();
    return block;
  }
  const std::uint64_t bytes = block_bytes_min << index;
  // Room on the free list for every block of the class, so that give() never allocates.
  if (++made_[index] > free.capacity()) free.reserve(2 * made_[index] + 16);
  bytes_taken_ += bytes;
  if (bytes > slab_bytes / 4) {
    if (arena_) return arena_->take(bytes);
    void* block = ::operator new(bytes, block_alignment);
    large_.push_back(block);
    return block;
  }
  if (slab_left_ < bytes) {
    slab_next_ = static_cast<std::uint8_t*>(new_slab());
    slab_left_ = slab_bytes;
  }
  void* block = slab_next_;
  slab_next_ += bytes;
  slab_left_ -= bytes;
  return block;
}

void* BlockPool::new_slab() {
  if (arena_) return arena_->take(slab_bytes);
  slabs_.push_back(std::make_unique_for_overwrite<std::uint8_t[]>(slab_bytes + 64));
  const auto address = reinterpret_cast<std::uintptr_t>(slabs_.back().get());
  return slabs_.back().get() + (64 - address % 64) % 64;
}

void BlockPool::give(void* block, std::uint64_t size) noexcept {
  free_[class_of(size)].push_back(block);
}

const gantry_state* StateTree::find(std::uint32_t pool) const noexcept {
  const gantry_state* state = find_any(pool);
  return state != nullptr && state->reserved != withheld ? state : nullptr;
}

const gantry_state* StateTree::find_any(std::uint32_t pool) const noexcept {
  if (root_ == nullptr || pool >= pools_max) return nullptr;
  const Branch* branch = root_->branches[pool >> (2 * fan_bits)];
  if (branch == nullptr) return nullptr;
  const Leaf* leaf = branch->leaves[(pool >> fan_bits) % fan];
  if (leaf == nullptr || leaf->pools[pool % fan].chunks == nullptr) return nullptr;
  return &leaf->pools[pool % fan];
}

StateStore::StateStore(std::shared_ptr<SharedArena> arena)
    : blocks_(std::move(arena)), small_(chunks_max) {
  pending_.reserve(chunks_max);
}
StateStore::~StateStore() = default;

void StateStore::begin(std::uint64_t version, std::uint64_t oldest_live) {
  assert(version > version_);
  version_ = version;
  is_alone_ = oldest_live >= version;
  while (!retired_.empty() && retired_.front().version <= oldest_live) {
    blocks_.give(retired_.front().block, retired_.front().size);
    retired_.pop_front();
  }
}

void StateStore::retire(void* block, std::uint64_t size) {
  retired_.push_back({version_, block, size});
}

// The node as this version's own: itself when this version made it or nobody else reads it, else a
// copy.
template <class Node>
Node* StateStore::own(Node* node) {
  if (node != nullptr && (is_alone_ || node->version == version_)) return node;
  auto* copy = static_cast<Node*>(blocks_.take(sizeof(Node)));
  if (node == nullptr) {
    copy = new (copy) Node{};
  } else {
    copy = new (copy) Node(*node);
    retire(node, sizeof(Node));
  }
  copy->version = version_;
  return copy;
}

gantry_state& StateStore::slot(std::uint32_t pool) {
  using Tree = StateTree;
  auto* root = own(const_cast<Tree::Root*>(tree_.root_));
  tree_.root_ = root;
  auto*& branch = root->branches[pool >> (2 * Tree::fan_bits)];
  branch = own(branch);
  auto*& leaf = branch->leaves[(pool >> Tree::fan_bits) % Tree::fan];
  leaf = own(leaf);
  return leaf->pools[pool % Tree::fan];
}

void StateStore::open(std::uint32_t pool) noexcept {
  assert(pool < StateTree::pools_max && pending_.empty());
  pool_ = pool;
}

std::uint8_t* StateStore::chunk(std::uint32_t index, std::uint64_t size) noexcept {
  if (index >= chunks_max || size == 0 || size > chunk_bytes_max) return nullptr;
  for (const Pending& pending : pending_) {
    if (pending.index == index) return pending.size == size ? pending.data : nullptr;
  }
  try {
    auto* data =
        is_small(size) ? small_[index].bytes : static_cast<std::uint8_t*>(blocks_.take(size));
    std::memset(data, 0, size);
    pending_.push_back({data, size, index});
    return data;
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

gantry_state StateStore::current() const noexcept {
  const gantry_state* state = tree_.find_any(pool_);
  return state == nullptr ? gantry_state{} : gantry_state{state->chunks, state->chunk_count, 0};
}

// A pool's block has the list and all small chunks: it is copied as it is, and the list mended.
std::uint8_t* StateStore::revise(std::uint32_t index) {
  const gantry_state old = current();
  if (index >= old.chunk_count) return nullptr;
  const std::span<const gantry_bytes> chunks(old.chunks, old.chunk_count);
  if (chunks[index].size == 0 || !is_small(chunks[index].size)) return nullptr;
  if (is_alone_) {
    slot(pool_).reserved = 0;
    return const_cast<std::uint8_t*>(chunks[index].data);
  }
  const std::uint64_t bytes = block_bytes(chunks);
  auto* block = static_cast<std::uint8_t*>(blocks_.take(bytes));
  std::memcpy(block, chunks.data(), bytes);
  auto* list = reinterpret_cast<gantry_bytes*>(block);
  lay_out(chunks, [&](std::uint32_t i, std::uint64_t offset) { list[i].data = block + offset; });
  slot(pool_) = {list, old.chunk_count, 0};
  retire(const_cast<gantry_bytes*>(old.chunks), bytes);
  return block + (list[index].data - block);
}

void StateStore::commit() {
  const gantry_state old = current();
  if (pending_.empty()) {
    // As it was is how it is.
    if (old.chunks != nullptr && tree_.find(pool_) == nullptr) slot(pool_).reserved = 0;
    return;
  }
  std::array<gantry_bytes, chunks_max> all{};
  std::copy_n(old.chunks, old.chunk_count, all.begin());
  std::uint32_t count = old.chunk_count;
  for (const Pending& pending : pending_) {
    count = std::max(count, pending.index + 1);
    gantry_bytes& chunk = all[pending.index];
    if (!is_small(chunk.size)) retire(const_cast<std::uint8_t*>(chunk.data), chunk.size);
    chunk = {pending.data, pending.size};
  }

  gantry_state& mine = slot(pool_);
  const gantry_state before = mine;
  place({all.data(), count}, mine);
  retire_state(before, false);
  pending_.clear();
}

// Writes the list, and the small chunks behind it; others stay where they are.
void StateStore::place(std::span<const gantry_bytes> chunks, gantry_state& slot) {
  auto* block = static_cast<std::uint8_t*>(blocks_.take(block_bytes(chunks)));
  auto* list = reinterpret_cast<gantry_bytes*>(block);
  std::ranges::copy(chunks, list);
  lay_out(chunks, [&](std::uint32_t i, std::uint64_t offset) {
    std::memcpy(block + offset, chunks[i].data, chunks[i].size);
    list[i].data = block + offset;
  });
  slot = {list, static_cast<std::uint32_t>(chunks.size()), 0};
}

void StateStore::retire_state(const gantry_state& state, bool with_chunks) {
  if (state.chunks == nullptr) return;
  const std::span<const gantry_bytes> chunks(state.chunks, state.chunk_count);
  for (const gantry_bytes& chunk : chunks) {
    if (!with_chunks || chunk.size == 0 || is_small(chunk.size)) continue;
    retire(const_cast<std::uint8_t*>(chunk.data), chunk.size);
  }
  retire(const_cast<gantry_bytes*>(state.chunks), block_bytes(chunks));
}

// Rationale: what is copied could be shared, but then no block would know when the last version
// that reads it is gone. It is done for the pools of undone blocks alone.
void StateStore::restore(const StateTree& then) {
  const gantry_state* old = then.find_any(pool_);
  const gantry_state now = current();
  if (old == nullptr) {
    if (now.chunks == nullptr) return;
    slot(pool_) = {};
    retire_state(now, true);
    return;
  }
  gantry_state& mine = slot(pool_);
  if (mine.chunks != old->chunks) {
    std::array<gantry_bytes, chunks_max> all{};
    for (std::uint32_t i = 0; i < old->chunk_count; ++i) {
      all[i] = old->chunks[i];
      if (all[i].size == 0 || is_small(all[i].size)) continue;
      auto* copy = static_cast<std::uint8_t*>(blocks_.take(all[i].size));
      std::memcpy(copy, all[i].data, all[i].size);
      all[i].data = copy;
    }
    place({all.data(), old->chunk_count}, mine);
    retire_state(now, true);
  }
  mine.reserved = old->reserved;
}

bool StateStore::withhold() {
  if (tree_.find(pool_) == nullptr) return false;
  slot(pool_).reserved = StateTree::withheld;
  return true;
}

void StateStore::abandon() noexcept {
  for (const Pending& pending : pending_) {
    if (!is_small(pending.size)) blocks_.give(pending.data, pending.size);
  }
  pending_.clear();
}

}  // namespace gantry::host

#include "host/market/state_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "host/recording/format.hpp"

namespace gantry::host {

namespace {

using recording::Bytes;

// A record is closed when it has as many: frames stay small, and with them what is read at once.
constexpr std::size_t record_bytes = 64U << 10U;
constexpr std::uint8_t form_whole = 0;
constexpr std::uint8_t form_patch = 1;
constexpr std::size_t word_bytes = 8;
// A patch's head.
constexpr unsigned skip_max = 7;  // and the number follows
constexpr unsigned length_shift = 3;
constexpr std::uint8_t takes_away = 64;
constexpr std::uint8_t is_last = 128;

void add_number(Bytes& out, std::uint64_t value) { recording::write_number(value, out); }

void add_bytes(Bytes& out, const std::uint8_t* data, std::size_t size) {
  out.insert(out.end(), data, data + size);
}

gantry_bytes chunk_of(const gantry_state& state, std::uint32_t index) {
  return index < state.chunk_count ? state.chunks[index] : gantry_bytes{};
}

std::uint64_t load(const std::uint8_t* bytes, std::uint64_t size) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, size);
  return word;
}
std::uint64_t mask_of(std::uint64_t size) {
  return size == word_bytes ? ~std::uint64_t{0} : (std::uint64_t{1} << (8 * size)) - 1;
}

// Adds to the word at `at`, or takes away, and carries on. False: the word is not so wide.
bool change_word(std::uint8_t* bytes, std::uint64_t size, std::uint64_t at, std::uint64_t by,
                 bool less) {
  for (; size - at >= word_bytes; at += word_bytes) {
    const std::uint64_t old = load(bytes + at, word_bytes);
    const std::uint64_t now = less ? old - by : old + by;
    std::memcpy(bytes + at, &now, word_bytes);
    if (less ? now <= old : now >= old) return true;
    by = 1;
    if (at + word_bytes == size) return true;
  }
  const std::uint64_t rest = size - at;
  if (by > mask_of(rest)) return false;
  const std::uint64_t old = load(bytes + at, rest);
  const std::uint64_t now = less ? old - by : old + by;
  std::memcpy(bytes + at, &now, rest);
  return true;
}

void add_whole(Bytes& out, const gantry_bytes& chunk) {
  out.push_back(form_whole);
  add_number(out, chunk.size);
  add_bytes(out, chunk.data, chunk.size);
}

// What makes `before` the chunk, which has as many bytes and others.
void add_patch(Bytes& out, const gantry_bytes& before, const gantry_bytes& chunk) {
  Bytes work(before.data, before.data + before.size);
  std::size_t head = 0;
  std::uint64_t next = 0;  // the word behind the last that was written
  for (std::uint64_t at = 0; at < chunk.size; at += word_bytes) {
    const std::uint64_t width = std::min<std::uint64_t>(chunk.size - at, word_bytes);
    const std::uint64_t old = load(work.data() + at, width);
    const std::uint64_t now = load(chunk.data + at, width);
    if (old == now) continue;
    const std::uint64_t more = (now - old) & mask_of(width);
    const std::uint64_t fewer = (old - now) & mask_of(width);
    const bool less = fewer < more;
    const std::uint64_t by = std::min(more, fewer);
    change_word(work.data(), chunk.size, at, by, less);
    const std::uint64_t skip = at / word_bytes - next;
    next = at / word_bytes + 1;
    const unsigned length = static_cast<unsigned>(std::bit_width(by) + 7) / 8;
    head = out.size();
    out.push_back(static_cast<std::uint8_t>(std::min<std::uint64_t>(skip, skip_max) |
                                            (length - 1) << length_shift |
                                            (less ? takes_away : 0U)));
    if (skip >= skip_max) add_number(out, skip);
    add_bytes(out, reinterpret_cast<const std::uint8_t*>(&by), length);
  }
  out[head] |= is_last;
}

// The chunks in which they differ. A chunk that is gone cannot be written so: see keeps_chunks().
std::uint32_t add_chunks(Bytes& out, const gantry_state& before, const gantry_state& after) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < after.chunk_count; ++i) {
    const gantry_bytes old = chunk_of(before, i);
    const gantry_bytes& now = after.chunks[i];
    if (now.size == 0) continue;
    if (old.size == now.size) {
      if (std::memcmp(old.data, now.data, now.size) == 0) continue;
      add_number(out, i);
      out.push_back(form_patch);
      add_patch(out, old, now);
    } else {
      add_number(out, i);
      add_whole(out, now);
    }
    ++count;
  }
  return count;
}

bool keeps_chunks(const gantry_state& before, const gantry_state& after) {
  for (std::uint32_t i = 0; i < before.chunk_count; ++i) {
    if (before.chunks[i].size != 0 && chunk_of(after, i).size == 0) return false;
  }
  return true;
}

}  // namespace

Status ChangeWriter::add(PoolChange change, const Seen& before, const Seen& after) {
  const bool anew = !keeps_chunks(before.state, after.state);
  if (anew) change.marks |= change_marks::anew;
  Bytes chunks;
  const auto count = add_chunks(chunks, anew ? gantry_state{} : before.state, after.state);
  if (count != 0) change.marks |= change_marks::written;
  if (after.state.chunks != nullptr) {
    if (anew || count != 0) {
      if (!after.seen) change.marks |= change_marks::withheld;
    } else if (before.seen != after.seen) {
      change.marks |= after.seen ? change_marks::shown : change_marks::withheld;
    }
  }
  if (change.marks == 0) return {};
  // Most changes: its index and form are not said.
  const bool one_patch = count == 1 && chunks[0] == 0 && chunks[1] == form_patch;
  if (one_patch) change.marks |= change_marks::one_patch;
  // A new record counts pools from 0.
  const auto head_of = [&](std::uint32_t pool_before) {
    return std::uint64_t{change.pool - pool_before} << 1U |
           (change.marks == change_marks::plain ? 1U : 0U);
  };
  next_.clear();
  if (change.marks != change_marks::plain) next_.push_back(change.marks);
  if ((change.marks & change_marks::withheld_now) != 0) {
    next_.push_back(static_cast<std::uint8_t>(change.status));
  }
  if (one_patch) {
    add_bytes(next_, chunks.data() + 2, chunks.size() - 2);
  } else if (count != 0) {
    add_number(next_, count);
    add_bytes(next_, chunks.data(), chunks.size());
  }
  // What stands around the bytes in a record is less than so much.
  constexpr std::size_t around = 128;
  if (next_.size() + around > recording::record_bytes_max) {
    return fail(ErrorKind::limit,
                fmt::format("the state of pool {} changes by {} bytes in one block, and a record "
                            "has at most {}",
                            change.pool, next_.size(), recording::record_bytes_max));
  }
  if (done_.empty() || done_.back().bytes.size() + next_.size() > record_bytes) {
    done_.emplace_back();
    sum_ = 0;
    pool_ = 0;
  }
  add_number(done_.back().bytes, head_of(pool_));
  pool_ = change.pool;
  add_bytes(done_.back().bytes, next_.data(), next_.size());
  sum_ = sum_state(sum_, change.pool, after.state);
  done_.back().check = fold_sum(sum_);
  return {};
}

std::vector<recording::Changes> ChangeWriter::take(std::uint32_t facts) {
  if (done_.empty() && facts != 0) done_.emplace_back();
  if (!done_.empty()) done_.front().facts = facts;
  return std::exchange(done_, {});
}

bool ChangeReader::number(std::uint64_t& value) { return recording::read_number(at_, end_, value); }

bool ChangeReader::next(PoolChange& change) {
  std::uint64_t head = 0;
  if (!number(head) || head >> 33U != 0 || at_ == end_) return false;
  pool_ += static_cast<std::uint32_t>(head >> 1U);
  if (pool_ >= StateTree::pools_max) return false;
  change.pool = pool_;
  const std::uint8_t marks = (head & 1U) != 0 ? change_marks::plain : *at_++;
  one_patch_ = (marks & change_marks::one_patch) != 0;
  change.marks = marks & change_marks::all;
  change.status = GANTRY_OK;
  if (change.marks == 0 || (one_patch_ && (change.marks & change_marks::written) == 0)) {
    return false;
  }
  if ((change.marks & change_marks::withheld_now) != 0) {
    if (at_ == end_) return false;
    change.status = *at_++;
  }
  return true;
}

// chunk(index, size, is_patch) gives the memory of a chunk, size 0 in a patch being what it has; a
// null is an error. What it gives for a patch has the old bytes.
template <class Chunk>
bool ChangeReader::chunks(const Chunk& chunk) {
  std::uint64_t count = 0;
  if (!number(count) || count == 0 || count > chunks_max) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t index = 0;
    std::uint64_t size = 0;
    if (!number(index) || index >= chunks_max || at_ == end_) return false;
    const std::uint8_t form = *at_++;
    if (form == form_whole) {
      if (!number(size) || size == 0 || size > chunk_bytes_max ||
          size > static_cast<std::uint64_t>(end_ - at_)) {
        return false;
      }
      std::uint8_t* bytes = nullptr;
      if (!chunk(static_cast<std::uint32_t>(index), size, false, bytes)) return false;
      if (bytes != nullptr) std::memcpy(bytes, at_, size);
      at_ += size;
      continue;
    }
    if (form != form_patch) return false;
    std::uint8_t* bytes = nullptr;
    if (!chunk(static_cast<std::uint32_t>(index), size, true, bytes)) return false;
    if (!patch(bytes, size)) return false;
  }
  return true;
}

// Over the old bytes; null: leaves it out.
bool ChangeReader::patch(std::uint8_t* bytes, std::uint64_t size) {
  for (std::uint64_t at = 0;; at += word_bytes) {
    if (at_ == end_) return false;
    const std::uint8_t head = *at_++;
    std::uint64_t skip = head & skip_max;
    if (skip == skip_max && (!number(skip) || skip > chunk_bytes_max)) return false;
    at += skip * word_bytes;
    const unsigned length = ((head >> length_shift) & 7U) + 1;
    if (static_cast<std::uint64_t>(end_ - at_) < length) return false;
    // Of a known size where there are so many bytes, which need not be asked of the library.
    const std::uint64_t by = end_ - at_ >= std::ptrdiff_t{word_bytes}
                                 ? load(at_, word_bytes) & mask_of(length)
                                 : load(at_, length);
    at_ += length;
    if (bytes != nullptr &&
        (at >= size || !change_word(bytes, size, at, by, (head & takes_away) != 0))) {
      return false;
    }
    if ((head & is_last) != 0) return true;
  }
}

bool ChangeReader::apply(StateStore& store) {
  const gantry_state old = store.current();
  if (one_patch_) {
    const gantry_bytes before = chunk_of(old, 0);
    if (before.size == 0) return false;
    std::uint8_t* bytes = store.revise(0);
    if (bytes == nullptr) {
      bytes = store.chunk(0, before.size);
      if (bytes == nullptr) return false;
      std::memcpy(bytes, before.data, before.size);
    }
    return patch(bytes, before.size);
  }
  return chunks([&](std::uint32_t index, std::uint64_t& size, bool patch, std::uint8_t*& bytes) {
    const gantry_bytes before = chunk_of(old, index);
    if (patch) size = before.size;
    if (size == 0) return false;
    bytes = store.chunk(index, size);
    if (bytes != nullptr && patch) std::memcpy(bytes, before.data, size);
    return bytes != nullptr;
  });
}

bool ChangeReader::skip() {
  if (one_patch_) return patch(nullptr, 0);
  return chunks([](std::uint32_t, std::uint64_t&, bool, std::uint8_t*& bytes) {
    return bytes = nullptr, true;
  });
}

std::uint64_t sum_state(std::uint64_t sum, std::uint32_t pool, const gantry_state& state) noexcept {
  // Each word in turn: xor, multiply by an odd constant, fold the high half down.
  const auto add = [&sum](std::uint64_t word) {
    sum = (sum ^ word) * 0x9E3779B97F4A7C15ULL;
    sum ^= sum >> 32U;
  };
  add((std::uint64_t{pool} << 32U) | state.chunk_count);
  for (std::uint32_t i = 0; i < state.chunk_count; ++i) {
    const gantry_bytes& chunk = state.chunks[i];
    add(chunk.size);
    std::uint64_t at = 0;
    for (; at + 8 <= chunk.size; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, chunk.data + at, 8);
      add(word);
    }
    if (at == chunk.size) continue;
    std::uint64_t word = 0;
    std::memcpy(&word, chunk.data + at, chunk.size - at);
    add(word);
  }
  return sum;
}

}  // namespace gantry::host

#include "host/market/state_changes.hpp"

#include <fmt/format.h>

#include <algorithm>
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
// Equal bytes between two runs that cost less than a run of their own.
constexpr std::size_t gap_min = 3;

void add_number(Bytes& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<std::uint8_t>(value | 0x80U));
  out.push_back(static_cast<std::uint8_t>(value));
}

void add_bytes(Bytes& out, const std::uint8_t* data, std::size_t size) {
  out.insert(out.end(), data, data + size);
}

gantry_bytes chunk_of(const gantry_state& state, std::uint32_t index) {
  return index < state.chunk_count ? state.chunks[index] : gantry_bytes{};
}

struct Span {
  std::size_t begin;
  std::size_t end;
};

std::vector<Span> differing_runs(const gantry_bytes& before, const gantry_bytes& after) {
  std::vector<Span> runs;
  for (std::size_t i = 0; i < after.size; ++i) {
    if (before.data[i] == after.data[i]) continue;
    if (!runs.empty() && i - runs.back().end < gap_min) {
      runs.back().end = i + 1;
    } else {
      runs.push_back({i, i + 1});
    }
  }
  return runs;
}

void add_whole(Bytes& out, const gantry_bytes& chunk) {
  out.push_back(form_whole);
  add_number(out, chunk.size);
  add_bytes(out, chunk.data, chunk.size);
}

void add_patch(Bytes& out, const std::vector<Span>& runs, const gantry_bytes& chunk) {
  out.push_back(form_patch);
  add_number(out, runs.size());
  std::size_t end = 0;
  for (const Span& run : runs) {
    add_number(out, run.begin - end);
    add_number(out, run.end - run.begin);
    add_bytes(out, chunk.data + run.begin, run.end - run.begin);
    end = run.end;
  }
}

// The chunks in which they differ. A chunk that is gone cannot be written so: see keeps_chunks().
std::uint32_t add_chunks(Bytes& out, const gantry_state& before, const gantry_state& after) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < after.chunk_count; ++i) {
    const gantry_bytes old = chunk_of(before, i);
    const gantry_bytes& now = after.chunks[i];
    if (now.size == 0) continue;
    if (old.size == now.size) {
      const auto runs = differing_runs(old, now);
      if (runs.empty()) continue;
      add_number(out, i);
      add_patch(out, runs, now);
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
  next_.clear();
  add_number(next_, change.pool);
  next_.push_back(change.marks);
  if ((change.marks & change_marks::withheld_now) != 0) {
    next_.push_back(static_cast<std::uint8_t>(change.status));
  }
  if (count != 0) {
    add_number(next_, count);
    add_bytes(next_, chunks.data(), chunks.size());
  }
  // What stands around the bytes in a record is less than so much.
  constexpr std::size_t around = 64;
  if (next_.size() + around > recording::record_bytes_max) {
    return fail(ErrorKind::limit,
                fmt::format("the state of pool {} changes by {} bytes in one block, and a record "
                            "has at most {}",
                            change.pool, next_.size(), recording::record_bytes_max));
  }
  if (done_.empty() || done_.back().bytes.size() + next_.size() > record_bytes) {
    done_.emplace_back();
  }
  add_bytes(done_.back().bytes, next_.data(), next_.size());
  done_.back().check = sum_state(done_.back().check, change.pool, after.state);
  return {};
}

std::vector<recording::Changes> ChangeWriter::take(std::uint32_t facts) {
  if (done_.empty() && facts != 0) done_.emplace_back();
  if (!done_.empty()) done_.front().facts = facts;
  return std::exchange(done_, {});
}

bool ChangeReader::number(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (at_ == end_) return false;
    const std::uint8_t byte = *at_++;
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return shift != 63 || byte <= 1;
  }
  return false;
}

bool ChangeReader::next(PoolChange& change) {
  std::uint64_t pool = 0;
  if (!number(pool) || pool >= StateTree::pools_max || at_ == end_) return false;
  change.pool = static_cast<std::uint32_t>(pool);
  change.marks = *at_++;
  change.status = GANTRY_OK;
  if (change.marks == 0 || change.marks > change_marks::all) return false;
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
    std::uint64_t runs = 0;
    if (form != form_patch || !number(runs) || runs == 0) return false;
    std::uint8_t* bytes = nullptr;
    if (!chunk(static_cast<std::uint32_t>(index), size, true, bytes)) return false;
    std::uint64_t at = 0;
    for (std::uint64_t run = 0; run < runs; ++run) {
      std::uint64_t left = 0;
      std::uint64_t fresh = 0;
      if (!number(left) || !number(fresh) || left > chunk_bytes_max || fresh == 0 ||
          fresh > static_cast<std::uint64_t>(end_ - at_)) {
        return false;
      }
      at += left;
      if (bytes != nullptr) {
        if (at + fresh > size) return false;
        std::memcpy(bytes + at, at_, fresh);
      }
      at += fresh;
      at_ += fresh;
    }
  }
  return true;
}

bool ChangeReader::apply(StateStore& store) {
  const gantry_state old = store.current();
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

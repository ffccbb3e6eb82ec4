// What a block's facts did to pools' states, as bytes: a compiled recording holds them in the place
// of the facts, and a market takes them over without asking a venue.
//
// LAYOUT  One change after the other until the bytes end; a pool at most once. Numbers are LEB128
//         varints, at most 64 bits.
//         change = head, and if that is not odd marks (u8), status (u8; with `withheld_now` alone),
//         and with `written`
//           chunks: how many, then for each its index, u8 form, and
//             whole (0): size, bytes
//             patch (1): see below
//           or, with `one_patch` too, nothing but a patch of chunk 0
//         head = 2 (pool - the pool before, modulo 2^32, from 0), odd: as with the marks `written`,
//           `changed` and `one_patch`, which most changes have.
//         patch = for each word (8 bytes, little-endian; the last of a chunk may have fewer) that
//           differs: a head (u8), words to leave since the one before (with skip 7), and what is to
//           be added or taken away, as few bytes as it has. The chunk keeps its size.
//           head = skip (bits 0 to 2) | bytes - 1 (bits 3 to 5) | 64: take away | 128: the last.
//         A word that overflows carries into the next one, as a number of several words does.
// ERRORS  Bytes that do not decode, or do not fit the states that they meet, are `format`; what was
//         applied before stands, so the market is of no use then.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "host/market/state_store.hpp"
#include "host/recording/records.hpp"

namespace gantry::host {

// What became of a pool besides its bytes. Values are on disk.
namespace change_marks {
inline constexpr std::uint8_t anew = 1;          // what it had is dropped first
inline constexpr std::uint8_t written = 2;       // chunks follow
inline constexpr std::uint8_t shown = 4;         // its state can be seen, however it was before
inline constexpr std::uint8_t withheld_now = 8;  // it was kept from readers in this block
inline constexpr std::uint8_t withheld = 16;     // it is kept from readers after it
inline constexpr std::uint8_t changed = 32;      // readers are told that it moved
inline constexpr std::uint8_t settled = 64;      // it has come to a state for the first time
inline constexpr std::uint8_t all = 127;
inline constexpr std::uint8_t one_patch = 128;  // of the bytes alone: how chunks are written
inline constexpr std::uint8_t plain = one_patch | written | changed;
}  // namespace change_marks

struct PoolChange {
  std::uint32_t pool = 0;
  std::uint8_t marks = 0;
  gantry_status status = GANTRY_OK;  // why it was withheld
};

// Writes changes of one block into records of bounded size.
class ChangeWriter {
 public:
  // A pool's state, whether readers see it, and none where there is none.
  struct Seen {
    gantry_state state;
    bool seen;
  };
  // Marks of what the pool became, `changed`, `settled` and `withheld_now`, are the caller's; the
  // others are set here. Fails with `limit`: the change does not fit into a record.
  Status add(PoolChange change, const Seen& before, const Seen& after);
  // All of them, in whose place so many facts stood.
  std::vector<recording::Changes> take(std::uint32_t facts);

 private:
  std::vector<recording::Changes> done_;
  recording::Bytes next_;   // one pool's
  std::uint64_t sum_ = 0;   // of the last record's states
  std::uint32_t pool_ = 0;  // its last
};

// Reads them again, one after the other.
class ChangeReader {
 public:
  explicit ChangeReader(std::span<const std::uint8_t> bytes)
      : at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool done() const noexcept { return at_ == end_; }
  // The next change; its chunks have to be applied or skipped before the one after it. False: the
  // bytes do not decode.
  bool next(PoolChange& change);
  // Writes its chunks over the state of the pool that the store has open, without commit(). False:
  // they do not decode, or do not fit.
  bool apply(StateStore& store);
  bool skip();

 private:
  bool number(std::uint64_t& value);
  bool patch(std::uint8_t* bytes, std::uint64_t size);
  template <class Chunk>
  bool chunks(const Chunk& chunk);

  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool one_patch_ = false;  // of the change that is open
  std::uint32_t pool_ = 0;  // likewise
};

// A sum over a pool's state, to be chained over all that a record changes: it finds states that the
// changes were not made for. No signature.
std::uint64_t sum_state(std::uint64_t sum, std::uint32_t pool, const gantry_state& state) noexcept;

// What a record keeps of such a sum.
constexpr std::uint32_t fold_sum(std::uint64_t sum) noexcept {
  return static_cast<std::uint32_t>(sum ^ (sum >> 32U));
}

}  // namespace gantry::host

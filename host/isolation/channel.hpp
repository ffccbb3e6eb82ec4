// How host and child speak: two regions of shared memory and whose turn it is.
//
//   requests  the host writes, the child can only read: a Request, and behind it a payload
//   replies   the child writes: a Turn, a Reply, and behind them records
//
// One side speaks at a time, so neither needs a lock: who waits first looks for some microseconds,
// then sleeps on the turn (a futex). The child may ask something in the middle of a call; the host
// answers in the request, and the turn goes back.
//
// TRUST    The host believes nothing in the replies: each word is copied before it is looked at,
//          and every length is checked against what is there.
// THREADS  One on each side.
#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "gantry/pending.h"
#include "host/market/state_store.hpp"
#include "host/plugin/call_guard.hpp"

namespace gantry::host::isolation {

// The child's descriptors, from exec on.
inline constexpr int report_descriptor = 3;
inline constexpr int requests_descriptor = 4;
inline constexpr int replies_descriptor = 5;
inline constexpr int arena_descriptor = 6;
inline constexpr int first_library_descriptor = 7;  // the strategy's, then the venues'

enum class Call : std::uint32_t {
  load = 1,      // payload: an Order
  topology = 2,  // payload: pools and tokens
  history = 3,   // payload: History::SharedSeries
  subscribe = 4,
  prepare = 5,
  find = 6,
  validate = 7,
  size = 8,
  plan = 9,
  result = 10,
  stop = 11,
  pending = 12,  // payload: behind the market's, at `pending_offset`, gantry_pending_events
  event = 13,    // of an outside price: `event`, whose payload is `price`
};

// The snapshot that a call is about. What it points to lies in the arena.
struct Market {
  std::uint64_t snapshot;
  std::uint64_t topology;
  StateTree states;
  gantry_context context;  // its chain is the child's own
  std::uint64_t ether_usd_e6;
  std::uint64_t time_ms;
  std::uint32_t cold;
  std::uint32_t changed_count;  // in the payload, behind the words of mined_count
  std::uint32_t venue_count;    // words at the payload's beginning: retired_from
  std::uint32_t mined_count;    // words behind them: PendingWindow::mined
};

struct Request {
  Call call;
  std::uint32_t bind;  // 1: `market` is another one than the last call's
  std::uint64_t payload_bytes;
  Market market;
  gantry_opportunity opportunity;
  gantry_sizing_limits limits;
  gantry_result result;
  gantry_event event;  // without its payload
  gantry_outside_price price;
  std::uint64_t pending_offset;
  std::uint64_t pending_dropped;
  gantry_status answer;  // to what the child asked
  std::uint32_t pending_count;
};
inline constexpr std::uint64_t payload_offset = 4096;
inline constexpr std::uint64_t requests_bytes = 1ULL << 28U;
static_assert(sizeof(Request) <= payload_offset);

enum class Side : std::uint32_t { child = 1, host = 2 };

// In the replies, as a futex works on memory that both may write. What the child writes there harms
// nobody but itself.
struct Turn {
  std::atomic<std::uint32_t> side;
  std::atomic<std::uint32_t> sleeping;  // bits: who may have to be woken
  std::atomic<std::uint32_t> stage;     // what it does with the library that it loads
  std::atomic<std::uint32_t> bell;      // counts ring()s
};
enum class Stage : std::uint32_t { starting = 0, loading = 1, creating = 2, running = 3 };

// The line in its report, with a number, before it loads a library: 0 the strategy's, which is the
// last, 1 and on the venues'. Nothing takes back what is in the report, so as long as the
// strategy's line is not there, no code of the strategy's has run.
inline constexpr std::string_view loads_mark = "!loads ";

enum class Says : std::uint32_t {
  done = 1,
  events = 2,   // asks for events of a kind: the record is its number
  history = 3,  // asks for a series: the record is a HistoryWish
};

struct HistoryWish {
  gantry_history_query query;
  std::uint64_t lookback_s;
};

struct Reply {
  Says says;
  gantry_status status;
  std::uint64_t record_bytes;
  std::uint64_t beyond;  // opportunities above the bound, which are only counted
  gantry_error error;
  gantry_opportunity sized;  // of size()
  std::uint32_t offers;      // of load: offers_pending
  std::uint32_t reserved;
};
inline constexpr std::uint32_t offers_pending = 1;
inline constexpr std::uint64_t reply_offset = 64;
inline constexpr std::uint64_t records_offset = 4096;
static_assert(sizeof(Turn) <= reply_offset);

// In whose code the child is, for when it does not come back: its one thread's slot is here instead
// of in its own memory, so that the host can read it however the child ended. A strategy can write
// here what it likes, as everywhere in the child.
struct Inside {
  CallSlot slot;  // `inner` is an address in the child; null: nobody's but the strategy's
  std::array<std::atomic<std::uint64_t>, 64> venues;  // the addresses of their culprits
};
inline constexpr std::uint64_t inside_offset = 2048;
static_assert(reply_offset + sizeof(Reply) <= inside_offset &&
              inside_offset + sizeof(Inside) <= records_offset);
static_assert(std::atomic<const Culprit*>::is_always_lock_free);

enum class RecordKind : std::uint32_t {
  opportunity = 1,  // see add_opportunity()
  log = 2,          // a number: severity; then text
  count = 3,        // a number: increment; then the name
  observe = 4,      // a number: the double's bits; then the name
  instruction = 5,  // a gantry_instruction, its data, its accounts
};
struct RecordHead {
  RecordKind kind;
  std::uint32_t bytes;  // of what follows, unpadded
  std::uint64_t number;
};
constexpr std::uint64_t padded(std::uint64_t bytes) { return (bytes + 7) & ~std::uint64_t{7}; }
// Log lines and counters of one call; what is over that is dropped.
inline constexpr std::uint64_t notes_bytes_max = 1ULL << 19U;
// Room for what a call of so many opportunities may say; a plan's instructions are bounded by
// InstructionList.
constexpr std::uint64_t replies_bytes(std::uint64_t opportunities_max) {
  return records_offset + (1ULL << 21U) +
         opportunities_max * (sizeof(RecordHead) + sizeof(gantry_opportunity));
}

// Appends records; what does not fit is left out, and false says so.
class RecordWriter {
 public:
  explicit RecordWriter(std::span<std::uint8_t> room) : room_(room) {}
  void clear() noexcept { used_ = 0; }
  std::uint64_t bytes() const noexcept { return used_; }
  bool add(RecordKind kind, std::uint64_t number,
           std::initializer_list<std::span<const std::uint8_t>> parts) noexcept;

 private:
  std::span<std::uint8_t> room_;
  std::uint64_t used_ = 0;
};

// Walks records in memory that another process may be changing; stops where they make no sense.
class RecordReader {
 public:
  explicit RecordReader(std::span<const std::uint8_t> records) : rest_(records) {}
  bool next(RecordHead& head, std::span<const std::uint8_t>& body) noexcept;

 private:
  std::span<const std::uint8_t> rest_;
};

template <class T>
std::span<const std::uint8_t> bytes_of(const T& value) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(&value), sizeof(T)};
}
// False: there are fewer bytes than that.
template <class T>
bool copy_from(std::span<const std::uint8_t> bytes, T& out) noexcept {
  if (bytes.size() < sizeof(T)) return false;
  std::memcpy(&out, bytes.data(), sizeof(T));
  // From here on only the copy is looked at, whatever the compiler would like.
  std::atomic_signal_fence(std::memory_order_seq_cst);
  return true;
}

// Without the legs that it does not have: what is written in one core's cache and read in another's
// costs more than the rest of a call. As read, those are zero. False: there is no room; there are
// too few bytes.
bool add_opportunity(RecordWriter& records, const gantry_opportunity& opportunity) noexcept;
bool read_opportunity(std::span<const std::uint8_t> body, gantry_opportunity& out) noexcept;

// Gives the turn to the other side, and wakes it where it sleeps.
void give_turn(Turn& turn, Side to) noexcept;
// Looks for it, and then sleeps at most so long. True: it is `side`'s turn.
bool await_turn(Turn& turn, Side side, std::uint32_t looks, std::uint64_t sleep_ns) noexcept;
// A call will come soon: a child that sleeps wakes and looks for it, so that the call itself need
// not wait for that.
void ring(Turn& turn) noexcept;
// The child's wait for the next call, or for an answer.
void await_call(Turn& turn) noexcept;

// A look is some 20 ns. The child looks for the next call for some tens of microseconds, and after
// the bell for about as long as a block takes to apply; the host for an answer about as long as a
// find() takes, since to be woken costs more than a call may. Who looks for long yields the core
// between looks, as the other side may need it.
inline constexpr std::uint32_t child_looks_max = 1'000;
inline constexpr std::uint32_t bell_looks_max = 50'000;
inline constexpr std::uint32_t host_looks_max = 200'000;
inline constexpr std::uint32_t looks_unyielding = 2'000;
inline constexpr std::uint32_t looks_between_yields = 128;

}  // namespace gantry::host::isolation

#include "host/isolation/channel.hpp"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace gantry::host::isolation {
namespace {

constexpr std::uint32_t bit_of(Side side) { return static_cast<std::uint32_t>(side); }

void relax() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

long futex(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value,
           const timespec* timeout) noexcept {
  return ::syscall(SYS_futex, &word, operation, value, timeout, nullptr, 0);
}

bool look(const Turn& turn, Side side, std::uint32_t looks) noexcept {
  const auto mine = static_cast<std::uint32_t>(side);
  for (std::uint32_t i = 0; i < looks; ++i) {
    if (turn.side.load(std::memory_order_acquire) == mine) return true;
    relax();
    if (i > looks_unyielding && i % looks_between_yields == 0) ::sched_yield();
  }
  return false;
}

// One look, and a sleep where it is not `side`'s turn.
bool sleep(Turn& turn, Side side, std::uint64_t nanoseconds) noexcept {
  const auto mine = static_cast<std::uint32_t>(side);
  turn.sleeping.fetch_or(bit_of(side), std::memory_order_seq_cst);
  const std::uint32_t seen = turn.side.load(std::memory_order_seq_cst);
  if (seen != mine) {
    const timespec timeout{static_cast<time_t>(nanoseconds / 1'000'000'000),
                           static_cast<long>(nanoseconds % 1'000'000'000)};
    futex(turn.side, FUTEX_WAIT, seen, &timeout);
  }
  turn.sleeping.fetch_and(~bit_of(side), std::memory_order_seq_cst);
  return turn.side.load(std::memory_order_acquire) == mine;
}

}  // namespace

void give_turn(Turn& turn, Side to) noexcept {
  turn.side.store(static_cast<std::uint32_t>(to), std::memory_order_seq_cst);
  if ((turn.sleeping.load(std::memory_order_seq_cst) & bit_of(to)) != 0) {
    futex(turn.side, FUTEX_WAKE, 1, nullptr);
  }
}

bool await_turn(Turn& turn, Side side, std::uint32_t looks, std::uint64_t sleep_ns) noexcept {
  return look(turn, side, looks) || sleep(turn, side, sleep_ns);
}

void ring(Turn& turn) noexcept {
  turn.bell.fetch_add(1, std::memory_order_seq_cst);
  if ((turn.sleeping.load(std::memory_order_seq_cst) & bit_of(Side::child)) != 0) {
    futex(turn.side, FUTEX_WAKE, 1, nullptr);
  }
}

void await_call(Turn& turn) noexcept {
  std::uint32_t heard = turn.bell.load(std::memory_order_relaxed);
  std::uint32_t looks = child_looks_max;
  while (!look(turn, Side::child, looks)) {
    const bool rung = turn.bell.load(std::memory_order_seq_cst) != heard;
    // A bell between these two lines is missed: then the call waits for the child to wake.
    if (!rung && sleep(turn, Side::child, 1'000'000'000)) return;
    const std::uint32_t bell = turn.bell.load(std::memory_order_seq_cst);
    looks = bell != heard ? bell_looks_max : 0;
    heard = bell;
  }
}

bool RecordWriter::add(RecordKind kind, std::uint64_t number,
                       std::initializer_list<std::span<const std::uint8_t>> parts) noexcept {
  std::uint64_t bytes = 0;
  for (const auto part : parts) bytes += part.size();
  const std::uint64_t left = room_.size() - used_;
  if (bytes > UINT32_MAX || sizeof(RecordHead) + padded(bytes) > left) return false;
  const RecordHead head{kind, static_cast<std::uint32_t>(bytes), number};
  std::uint8_t* at = room_.data() + used_;
  std::memcpy(at, &head, sizeof(head));
  at += sizeof(head);
  for (const auto part : parts) at = std::copy(part.begin(), part.end(), at);
  used_ += sizeof(head) + padded(bytes);
  return true;
}

bool RecordReader::next(RecordHead& head, std::span<const std::uint8_t>& body) noexcept {
  if (!copy_from(rest_, head)) return false;
  const std::uint64_t bytes = padded(head.bytes);
  if (bytes > rest_.size() - sizeof(head)) return false;
  body = rest_.subspan(sizeof(head), head.bytes);
  rest_ = rest_.subspan(sizeof(head) + bytes);
  return true;
}

}  // namespace gantry::host::isolation

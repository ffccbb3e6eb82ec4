// What brings a host down, and where: `order` lies in the library as text, and a test writes over
// it in a copy. So each is another library with a hash of its own, and constructors know it too.
#pragma once
#include <csignal>
#include <cstdlib>
#include <string_view>

namespace gantry::test {

// The test finds it by its first two words; each field is 12 letters wide.
[[gnu::used]] inline const volatile char order[] = "saboteur's order: nothing     nowhere     ";
inline constexpr std::size_t act_at = 18;
inline constexpr std::size_t phase_at = 30;
inline constexpr std::size_t field_size = 12;

inline bool ordered(std::size_t at, std::string_view word) {
  for (std::size_t i = 0; i < field_size; ++i) {
    if (order[at + i] != (i < word.size() ? word[i] : ' ')) return false;
  }
  return true;
}

[[gnu::noinline]] inline int dig(volatile int* above) {
  volatile int room[1024];
  room[0] = *above;
  if (room[0] < 0) return 0;
  return dig(room) + room[0];
}

inline void sabotage() {
  static volatile int* volatile nowhere = nullptr;
  volatile int zero = 0;
  if (ordered(act_at, "segv")) *nowhere = 7;
  if (ordered(act_at, "abort")) std::abort();
  if (ordered(act_at, "overflow")) dig(&zero);
  if (ordered(act_at, "exit")) std::exit(0);
  if (ordered(act_at, "trap")) std::raise(SIGTRAP);
  if (ordered(act_at, "divide")) zero = 10 / zero;
  if (ordered(act_at, "loop")) {
    while (zero == 0) {
    }
  }
}

inline void reach(std::string_view phase) {
  if (ordered(phase_at, phase)) sabotage();
}

}  // namespace gantry::test

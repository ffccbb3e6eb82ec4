// The memory that a plugin's call is given. Plain: one buffer that is used again for each call.
// Guarded: each argument on pages of its own that end where it ends; inputs are read-only during
// the call, and after it nobody can reach any of it, so that a write to an input, a read or write
// past an end, and a pointer that was kept each are a SIGSEGV that explain_fault() can name.
//
// THREADS  One.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "gantry/abi.h"

namespace gantry::host::kit {

class CallMemory {
 public:
  explicit CallMemory(bool guarded);
  ~CallMemory();
  CallMemory(const CallMemory&) = delete;
  CallMemory& operator=(const CallMemory&) = delete;

  void begin();
  template <class T>
  const T* in(const T& value) {
    return static_cast<const T*>(input(&value, sizeof(T), alignof(T)));
  }
  gantry_bytes in_bytes(std::span<const std::uint8_t> bytes, std::size_t align = 1);
  gantry_string in_text(std::string_view text);
  // An array of T; null when there is none.
  template <class T>
  const T* in_array(std::span<const T> values) {
    if (values.empty()) return nullptr;
    return static_cast<const T*>(input(values.data(), values.size_bytes(), alignof(T)));
  }
  // Memory to be filled by the plugin, itself filled with `fill` first.
  template <class T>
  T* out(std::uint8_t fill) {
    return reinterpret_cast<T*>(room(sizeof(T), alignof(T), fill));
  }
  std::uint8_t* room(std::size_t size, std::size_t align, std::uint8_t fill);

  // Inputs become read-only: the call may begin.
  void seal();
  // The call is over: nothing of it can be reached from now on. Throws Finding when it wrote beside
  // the room it was given.
  void end();

 private:
  struct Piece {
    std::uint8_t* data;
    std::size_t size;
    std::uint8_t* base;  // of the mapping, guarded only
    std::size_t mapped;
    bool input;
  };
  const void* input(const void* from, std::size_t size, std::size_t align);
  std::uint8_t* take(std::size_t size, std::size_t align, bool is_input);

  bool guarded_;
  std::vector<std::uint8_t> plain_;
  std::size_t used_ = 0;
  std::vector<Piece> pieces_;
  std::vector<Piece> gone_;  // a ring of what can no longer be reached, still mapped
  std::size_t gone_next_ = 0;
};

// What a SIGSEGV at `address` was, for a signal handler: null when it is none of these pages.
const char* explain_fault(const void* address) noexcept;

// Overwrites the stack below, so that what is read uninitialised differs from call to call.
void dirty_stack(std::uint8_t fill) noexcept;

}  // namespace gantry::host::kit

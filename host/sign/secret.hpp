// Bytes that nobody else may see: keys and passwords. Their memory is wiped when it is given back,
// and locked against being written to swap as far as the machine allows (RLIMIT_MEMLOCK).
//
// THREADS  Any.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace gantry::host::sign {

void* take_secret_memory(std::size_t bytes);
void wipe_and_give_back(void* memory, std::size_t bytes) noexcept;

template <class T>
struct SecretAllocator {
  using value_type = T;
  SecretAllocator() = default;
  template <class U>
  SecretAllocator(const SecretAllocator<U>&) noexcept {}
  T* allocate(std::size_t count) { return static_cast<T*>(take_secret_memory(count * sizeof(T))); }
  void deallocate(T* memory, std::size_t count) noexcept {
    wipe_and_give_back(memory, count * sizeof(T));
  }
  friend bool operator==(const SecretAllocator&, const SecretAllocator&) { return true; }
};
// A vector, for a short std::string would keep its text in itself.
using SecretBytes = std::vector<std::uint8_t, SecretAllocator<std::uint8_t>>;

SecretBytes secret_of(std::string_view text);
std::string_view text_of(const SecretBytes& secret);
// Overwrites what a copy had to be made in.
void wipe(void* memory, std::size_t bytes) noexcept;

}  // namespace gantry::host::sign

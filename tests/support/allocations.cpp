#include "support/allocations.hpp"

#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

namespace {

thread_local constinit bool counting = false;
thread_local constinit std::uint64_t calls = 0;

void note() noexcept {
  if (counting) ++calls;
}

}  // namespace

namespace gantry::test {

std::uint64_t open_allocation_count() noexcept {
  calls = 0;
  counting = true;
  return calls;
}

std::uint64_t close_allocation_count() noexcept {
  counting = false;
  return calls;
}

}  // namespace gantry::test

#define GANTRY_EXPORTED extern "C" __attribute__((visibility("default")))

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_calloc(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void __libc_free(void*);
}

GANTRY_EXPORTED void* malloc(std::size_t size) noexcept {
  note();
  return __libc_malloc(size);
}

GANTRY_EXPORTED void* calloc(std::size_t count, std::size_t size) noexcept {
  note();
  return __libc_calloc(count, size);
}

GANTRY_EXPORTED void* realloc(void* block, std::size_t size) noexcept {
  note();
  return __libc_realloc(block, size);
}

GANTRY_EXPORTED void free(void* block) noexcept { __libc_free(block); }

GANTRY_EXPORTED void* memalign(std::size_t alignment, std::size_t size) noexcept {
  note();
  return __libc_memalign(alignment, size);
}

GANTRY_EXPORTED void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  note();
  return __libc_memalign(alignment, size);
}

GANTRY_EXPORTED int posix_memalign(void** out, std::size_t alignment, std::size_t size) noexcept {
  note();
  void* block = __libc_memalign(alignment, size);
  if (block == nullptr) return ENOMEM;
  *out = block;
  return 0;
}

GANTRY_EXPORTED void* mmap(void* address, std::size_t size, int protection, int flags, int file,
                           off_t offset) noexcept {
  note();
  return reinterpret_cast<void*>(
      ::syscall(SYS_mmap, address, size, protection, flags, file, offset));
}

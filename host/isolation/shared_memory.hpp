// Memory that another process can be shown: a file without a name (memfd), mapped here for writing.
// Pages that nobody touched cost nothing, so a region is made as large as it may ever be.
//
// OWNERSHIP  A region unmaps and closes its own. What SharedArena gives lasts as long as it does.
// ERRORS     io: the system refused, with what it said.
// THREADS    Const members from any thread; SharedArena::take() from one at a time.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include "host/base/result.hpp"

namespace gantry::host {

class SharedRegion {
 public:
  // At an address that is likely to be free in another process too.
  static Result<std::unique_ptr<SharedRegion>> make(const char* name, std::uint64_t bytes);
  SharedRegion(const SharedRegion&) = delete;
  SharedRegion& operator=(const SharedRegion&) = delete;
  ~SharedRegion();

  std::uint8_t* data() const noexcept { return data_; }
  std::uint64_t size() const noexcept { return bytes_; }
  int descriptor() const noexcept { return writable_; }
  // Whoever maps through this one cannot write, nor make it writable later.
  int read_only_descriptor() const noexcept { return read_only_; }
  // Gives the pages from there on back to the system; they read as zeros.
  void forget(std::uint64_t offset) noexcept;

 private:
  SharedRegion() = default;

  std::uint8_t* data_ = nullptr;
  std::uint64_t bytes_ = 0;
  int writable_ = -1;
  int read_only_ = -1;
};

// Gives out a region from its beginning on, and takes nothing back before its end.
class SharedArena {
 public:
  static constexpr std::uint64_t bytes_max = 1ULL << 36U;

  static Result<std::shared_ptr<SharedArena>> make();
  // 64-aligned and zero. Throws std::bad_alloc beyond bytes_max, as operator new would.
  void* take(std::uint64_t bytes);
  bool holds(const void* address) const noexcept;
  const SharedRegion& region() const noexcept { return *region_; }

 private:
  explicit SharedArena(std::unique_ptr<SharedRegion> region) : region_(std::move(region)) {}

  std::unique_ptr<SharedRegion> region_;
  std::uint64_t used_ = 0;
};

}  // namespace gantry::host

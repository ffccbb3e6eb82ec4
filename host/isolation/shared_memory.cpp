#include "host/isolation/shared_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <new>

namespace gantry::host {
namespace {

// Far from where programs, libraries, stacks and sanitizers lie. A wish: the kernel may give
// another, and the child then tries to map the same.
constexpr std::uint64_t first_address = 0x2000'0000'0000;
std::atomic<std::uint64_t> next_address{first_address};

std::unexpected<Error> refused(const char* what) {
  return fail(ErrorKind::io, fmt::format("shared memory for plugins in processes of their own "
                                         "cannot be made: {}: {}; set isolation = \"inproc\"",
                                         what, std::strerror(errno)));
}

}  // namespace

Result<std::unique_ptr<SharedRegion>> SharedRegion::make(const char* name, std::uint64_t bytes) {
  std::unique_ptr<SharedRegion> region(new SharedRegion());
  region->writable_ = ::memfd_create(name, MFD_CLOEXEC);
  if (region->writable_ < 0) return refused("memfd_create");
  if (::ftruncate(region->writable_, static_cast<off_t>(bytes)) != 0) return refused("ftruncate");
  region->read_only_ =
      ::open(fmt::format("/proc/self/fd/{}", region->writable_).c_str(), O_RDONLY | O_CLOEXEC);
  if (region->read_only_ < 0) return refused("open of /proc/self/fd");
  const std::uint64_t wish = next_address.fetch_add((bytes + 0x1fffff) & ~std::uint64_t{0x1fffff});
  void* data = ::mmap(reinterpret_cast<void*>(wish), bytes, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_NORESERVE, region->writable_, 0);
  if (data == MAP_FAILED) return refused("mmap");
  region->data_ = static_cast<std::uint8_t*>(data);
  region->bytes_ = bytes;
  return region;
}

SharedRegion::~SharedRegion() {
  if (data_ != nullptr) ::munmap(data_, bytes_);
  if (read_only_ >= 0) ::close(read_only_);
  if (writable_ >= 0) ::close(writable_);
}

void SharedRegion::forget(std::uint64_t offset) noexcept {
  static_cast<void>(::fallocate(writable_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                                static_cast<off_t>(offset), static_cast<off_t>(bytes_ - offset)));
}

Result<std::shared_ptr<SharedArena>> SharedArena::make() {
  auto region = SharedRegion::make("gantry states", bytes_max);
  if (!region) return std::unexpected(region.error());
  return std::shared_ptr<SharedArena>(new SharedArena(std::move(*region)));
}

void* SharedArena::take(std::uint64_t bytes) {
  const std::uint64_t rounded = (bytes + 63) & ~std::uint64_t{63};
  if (rounded < bytes || rounded > region_->size() - used_) throw std::bad_alloc();
  void* given = region_->data() + used_;
  used_ += rounded;
  return given;
}

bool SharedArena::holds(const void* address) const noexcept {
  const auto* byte = static_cast<const std::uint8_t*>(address);
  return byte >= region_->data() && byte < region_->data() + region_->size();
}

}  // namespace gantry::host

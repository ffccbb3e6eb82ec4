#include "host/kit/memory.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "host/kit/check.hpp"

namespace gantry::host::kit {
namespace {

constexpr std::size_t plain_bytes = 4U << 20U;
constexpr std::size_t gone_max = 512;
constexpr std::size_t canary_bytes = 32;
constexpr std::uint8_t canary = 0xC5;
constexpr std::size_t regions_max = 2048;

// What the signal handler reads. Filled in order, oldest overwritten.
struct Region {
  const std::uint8_t* begin = nullptr;
  const std::uint8_t* end = nullptr;  // of the pages that hold it; the guard page follows
  bool input = false;
  bool live = false;
};
std::array<Region, regions_max> regions;
std::size_t next_region = 0;

std::size_t page_bytes() {
  static const auto size = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

void retire(const std::uint8_t* begin) {
  for (Region& region : regions) {
    if (region.begin == begin && region.live) region.live = false;
  }
}

}  // namespace

const char* explain_fault(const void* address) noexcept {
  const auto* at = static_cast<const std::uint8_t*>(address);
  for (std::size_t i = 0; i < regions_max; ++i) {
    const Region& region = regions[(next_region + regions_max - 1 - i) % regions_max];
    if (region.begin == nullptr) continue;
    if (at >= region.begin && at < region.end) {
      if (!region.live) return "it used memory of an earlier call, which it must not keep";
      return region.input ? "it wrote to its input" : "it misused its output";
    }
    if (at >= region.end && at < region.end + page_bytes()) {
      if (!region.live) return "it used memory of an earlier call, which it must not keep";
      return region.input ? "it read beyond its input" : "it went beyond the room for its output";
    }
  }
  return nullptr;
}

[[gnu::noinline]] void dirty_stack(std::uint8_t fill) noexcept {
  volatile std::uint8_t waste[8192];
  for (volatile std::uint8_t& byte : waste) byte = fill;
}

CallMemory::CallMemory(bool guarded) : guarded_(guarded) {
  if (!guarded_) plain_.resize(plain_bytes);
  pieces_.reserve(64);
  gone_.reserve(gone_max);
}

CallMemory::~CallMemory() {
  for (const Piece& piece : pieces_) {
    if (guarded_) ::munmap(piece.base, piece.mapped);
  }
  for (const Piece& piece : gone_) ::munmap(piece.base, piece.mapped);
}

void CallMemory::begin() {
  pieces_.clear();
  used_ = 0;
}

std::uint8_t* CallMemory::take(std::size_t size, std::size_t align, bool is_input) {
  if (!guarded_) {
    used_ = (used_ + 15) & ~std::size_t{15};
    if (used_ + size + canary_bytes + 16 > plain_.size())
      throw Skipped{"the call needs too much memory"};
    std::uint8_t* data =
        plain_.data() + ((16 - reinterpret_cast<std::uintptr_t>(plain_.data())) & 15) + used_;
    used_ += size + canary_bytes;
    if (!is_input) std::memset(data + size, canary, canary_bytes - 16);
    pieces_.push_back({data, size, nullptr, 0, is_input});
    return data;
  }
  const std::size_t page = page_bytes();
  const std::size_t held = std::max((size + page - 1) / page, std::size_t{1}) * page;
  void* mapped =
      ::mmap(nullptr, held + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) throw Skipped{"there is no memory for guarded pages"};
  auto* base = static_cast<std::uint8_t*>(mapped);
  ::mprotect(base + held, page, PROT_NONE);
  std::memset(base, canary, held);
  const std::size_t offset = (held - size) & ~(align - 1);
  pieces_.push_back({base + offset, size, base, held + page, is_input});
  regions[next_region % regions_max] = {base, base + held, is_input, true};
  next_region = (next_region + 1) % regions_max;
  return base + offset;
}

const void* CallMemory::input(const void* from, std::size_t size, std::size_t align) {
  std::uint8_t* data = take(size, align, true);
  if (size > 0) std::memcpy(data, from, size);
  return data;
}

gantry_bytes CallMemory::in_bytes(std::span<const std::uint8_t> bytes, std::size_t align) {
  if (bytes.empty()) return {nullptr, 0};
  return {static_cast<const std::uint8_t*>(input(bytes.data(), bytes.size(), align)), bytes.size()};
}

gantry_string CallMemory::in_text(std::string_view text) {
  if (text.empty()) return {nullptr, 0};
  return {static_cast<const char*>(input(text.data(), text.size(), 1)), text.size()};
}

std::uint8_t* CallMemory::room(std::size_t size, std::size_t align, std::uint8_t fill) {
  std::uint8_t* data = take(size, align, false);
  std::memset(data, fill, size);
  return data;
}

void CallMemory::seal() {
  if (!guarded_) return;
  for (const Piece& piece : pieces_) {
    if (piece.input) ::mprotect(piece.base, piece.mapped - page_bytes(), PROT_READ);
  }
}

void CallMemory::end() {
  bool beside = false;
  for (const Piece& piece : pieces_) {
    if (!guarded_) {
      if (piece.input) continue;
      for (std::size_t i = 0; i < canary_bytes - 16; ++i) {
        beside = beside || piece.data[piece.size + i] != canary;
      }
      continue;
    }
    if (!piece.input) {
      const std::uint8_t* last = piece.base + piece.mapped - page_bytes();
      beside = beside || std::any_of(piece.base, piece.data, [](auto b) { return b != canary; });
      beside = beside || std::any_of(piece.data + piece.size, const_cast<std::uint8_t*>(last),
                                     [](auto b) { return b != canary; });
    }
    ::mprotect(piece.base, piece.mapped, PROT_NONE);
    retire(piece.base);
    if (gone_.size() < gone_max) {
      gone_.push_back(piece);
    } else {
      Piece& oldest = gone_[gone_next_++ % gone_max];
      ::munmap(oldest.base, oldest.mapped);
      for (Region& region : regions) {
        if (region.begin == oldest.base && !region.live) region = {};
      }
      oldest = piece;
    }
  }
  pieces_.clear();
  if (beside) broken(fmt::format("{} wrote beside the room that it was given", phase()));
}

}  // namespace gantry::host::kit

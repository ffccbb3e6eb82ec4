// A fuzzer's bytes as values: ends in zeros, so that every input means something.
#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <source_location>
#include <span>
#include <vector>

#include "gantry/abi.h"

namespace gantry::fuzz {

inline void must(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: does not hold\n", where.file_name(), where.line());
  std::abort();
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size) : left_(data, size) {}

  bool empty() const { return left_.empty(); }

  template <class T>
  T value() {
    T value{};
    fill(&value, sizeof(value));
    return value;
  }
  // Below `count`, which is above 0.
  std::uint32_t below(std::uint32_t count) { return value<std::uint8_t>() % count; }
  bool one_in(std::uint32_t count) { return below(count) == count - 1; }

  // Often small, often one of the edges: uniform bits would hardly ever be within a reserve.
  gantry_amount amount() {
    gantry_amount amount{};
    switch (below(8)) {
      case 0:
        fill(&amount, sizeof(amount));
        break;
      case 1:
        std::memset(&amount, 0xff, sizeof(amount));
        break;
      case 2:
        break;
      case 3:
        fill(&amount, 14);  // 112 bits
        break;
      default:
        amount.limb[0] = value<std::uint64_t>();
        break;
    }
    return amount;
  }

  // A handle or an index: mostly one that exists.
  std::uint32_t handle(std::uint32_t count) {
    return one_in(16) ? value<std::uint32_t>() : below(count + 1);
  }

  // In memory of its own, so that one byte too far is seen.
  std::vector<std::uint8_t> bytes(std::size_t size) {
    std::vector<std::uint8_t> bytes(size);
    fill(bytes.data(), size);
    return bytes;
  }

  void fill(void* to, std::size_t size) {
    const std::size_t got = std::min(size, left_.size());
    if (got != 0) std::memcpy(to, left_.data(), got);
    left_ = left_.subspan(got);
  }

 private:
  std::span<const std::uint8_t> left_;
};

inline gantry_address address_of(std::uint8_t kind, std::uint8_t number) {
  gantry_address address{};
  address.kind = kind;
  address.length = kind == GANTRY_ADDRESS_EVM ? 20 : 32;
  address.bytes[0] = 0x10;
  address.bytes[19] = number;
  return address;
}

// Mostly a contract's.
inline gantry_address address(Input& in) {
  if (!in.one_in(8)) return address_of(GANTRY_ADDRESS_EVM, in.value<std::uint8_t>());
  return in.value<gantry_address>();
}

}  // namespace gantry::fuzz

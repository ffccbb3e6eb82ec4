#include "host/live/logs_bloom.hpp"

#include <algorithm>

#include "host/base/keccak.hpp"
#include "host/live/chain_text.hpp"

namespace gantry::host {

namespace {

constexpr std::size_t byte_of(std::uint16_t bit) { return LogsBloom::size_bytes - 1 - bit / 8; }
constexpr std::uint8_t mask_of(std::uint16_t bit) {
  return static_cast<std::uint8_t>(1U << (bit % 8U));
}

}  // namespace

std::optional<LogsBloom> LogsBloom::parse(const boost::json::value& value) {
  const auto bytes = bytes_of(value);
  if (!bytes || bytes->size() != size_bytes) return std::nullopt;
  LogsBloom bloom;
  std::ranges::copy(*bytes, bloom.bytes_.begin());
  return bloom;
}

LogsBloom::Bits LogsBloom::bits_of(std::span<const std::uint8_t> item) {
  const Hash32 hash = keccak_of(item);
  Bits bits{};
  for (std::size_t i = 0; i < bits.size(); ++i) {
    bits[i] = static_cast<std::uint16_t>((hash[2 * i] << 8U | hash[2 * i + 1]) & 2047U);
  }
  return bits;
}

void LogsBloom::add(const Bits& bits) {
  for (const std::uint16_t bit : bits) bytes_[byte_of(bit)] |= mask_of(bit);
}

bool LogsBloom::may_hold(const Bits& bits) const {
  return std::ranges::all_of(
      bits, [&](std::uint16_t bit) { return (bytes_[byte_of(bit)] & mask_of(bit)) != 0; });
}

bool LogsBloom::is_empty() const {
  return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == 0; });
}

bool LogsBloom::is_full() const {
  return std::ranges::all_of(bytes_, [](std::uint8_t byte) { return byte == 0xff; });
}

}  // namespace gantry::host

// What the header of a block says of its logs: a Bloom filter of 2048 bits over the emitters and
// topics of all of them (`logsBloom`: the yellow paper's M3:2048, section 4.3.1). What is not in it
// is in no log of the block; what is in it may be.
#pragma once
#include <array>
#include <boost/json.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace gantry::host {

class LogsBloom {
 public:
  static constexpr std::size_t size_bytes = 256;

  // nullopt: it is no text of 256 bytes, as where a chain's blocks have none.
  static std::optional<LogsBloom> parse(const boost::json::value& value);

  // The bits of one emitter (its 20 bytes) or topic (32): of each of the first three pairs of bytes
  // of its keccak-256, the low 11 bits.
  using Bits = std::array<std::uint16_t, 3>;
  static Bits bits_of(std::span<const std::uint8_t> item);

  void add(const Bits& bits);
  // False: no log of the block has it.
  bool may_hold(const Bits& bits) const;
  // No bit, as of a block without logs, and of all blocks where a chain leaves it out.
  bool is_empty() const;
  // Every bit: it says nothing.
  bool is_full() const;
  std::span<const std::uint8_t, size_bytes> bytes() const { return bytes_; }

 private:
  std::array<std::uint8_t, size_bytes> bytes_{};  // bit 0 is the lowest of the last byte
};

}  // namespace gantry::host

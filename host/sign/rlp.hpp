// RLP, Ethereum's encoding of nested lists of bytes: written into the caller's buffer, and read
// with every rule checked, so that what reads has one encoding only.
//
// THREADS  Any. Nothing here allocates.
// SOURCE   The Yellow Paper, appendix B.
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "gantry/u256.hpp"

namespace gantry::host::sign::rlp {

using Bytes = std::span<const std::uint8_t>;

inline constexpr std::size_t header_bytes_max = 9;

// Of a list whose items take `payload` bytes, the header alone.
std::size_t list_header_size(std::size_t payload);
std::size_t size_of(Bytes text);
std::size_t size_of(const u256& number);  // big endian, without leading zeros; zero is empty

// Writes one item after the other. What does not fit is counted, and not written.
class Writer {
 public:
  explicit Writer(std::span<std::uint8_t> out) : out_(out) {}
  void list(std::size_t payload);  // its header; its items come next
  void text(Bytes text);
  void number(const u256& number);
  void raw(Bytes encoded);

  std::size_t size() const { return size_; }
  bool fits() const { return size_ <= out_.size(); }

 private:
  void byte(std::uint8_t value);
  void header(std::uint8_t short_base, std::size_t length);

  std::span<std::uint8_t> out_;
  std::size_t size_ = 0;
};

// Reads one item after the other. nullopt: the next is not of that kind, is cut short, is written
// longer than it need be, or there is none. After that nothing more should be read.
class Reader {
 public:
  explicit Reader(Bytes in) : rest_(in) {}
  std::optional<Bytes> text();
  std::optional<u256> number();
  std::optional<Reader> list();
  bool at_end() const { return rest_.empty(); }

 private:
  std::optional<Bytes> item(bool wants_list);
  Bytes rest_;
};

}  // namespace gantry::host::sign::rlp

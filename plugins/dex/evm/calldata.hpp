// A call's arguments as Solidity's ABI lays them out, read with nothing believed: whatever is not
// there, or is more than its type holds, is nullopt.
#pragma once
#include <cstdint>
#include <optional>
#include <span>

#include "gantry/u256.hpp"
#include "plugins/dex/evm/abi.hpp"
#include "plugins/dex/evm/address.hpp"

namespace gantry::evm {

using Span = std::span<const std::uint8_t>;

// The words of a tuple, of an array behind its length, or of a call behind its selector. What is
// dynamic stands elsewhere, and its word says where, counted from the first one.
class Arguments {
 public:
  explicit Arguments(Span bytes) noexcept : bytes_(bytes) {}

  std::optional<u256> word(std::size_t index) const noexcept {
    if (index >= bytes_.size() / word_bytes) return std::nullopt;
    return read_word(bytes_.subspan(index * word_bytes, word_bytes));
  }
  std::optional<Address> address(std::size_t index) const noexcept {
    if (index >= bytes_.size() / word_bytes) return std::nullopt;
    return read_address(bytes_.subspan(index * word_bytes, word_bytes));
  }
  // uint8 to uint64, by `bits`.
  std::optional<std::uint64_t> number(std::size_t index, unsigned bits) const noexcept {
    const auto value = word(index);
    if (!value || bit_width(*value) > bits) return std::nullopt;
    return value->limb(0);
  }
  // A dynamic tuple.
  std::optional<Arguments> tuple(std::size_t index) const noexcept {
    const auto at = tail(index);
    return at ? std::optional<Arguments>(Arguments(*at)) : std::nullopt;
  }
  struct Array;
  std::optional<Array> array(std::size_t index) const noexcept;
  std::optional<Span> bytes(std::size_t index) const noexcept {
    const auto at = tail(index);
    if (!at) return std::nullopt;
    const auto size = Arguments(*at).number(0, 32);
    if (!size || *size > at->size() - word_bytes) return std::nullopt;
    return at->subspan(word_bytes, *size);
  }

 private:
  std::optional<Span> tail(std::size_t index) const noexcept {
    const auto offset = number(index, 32);
    if (!offset || *offset > bytes_.size()) return std::nullopt;
    return bytes_.subspan(*offset);
  }

  Span bytes_;
};

struct Arguments::Array {
  Arguments items;  // all there
  std::size_t count;
};

inline std::optional<Arguments::Array> Arguments::array(std::size_t index) const noexcept {
  const auto at = tail(index);
  if (!at) return std::nullopt;
  const auto count = Arguments(*at).number(0, 32);
  if (!count || *count > at->size() / word_bytes - 1) return std::nullopt;
  return Array{Arguments(at->subspan(word_bytes)), *count};
}

}  // namespace gantry::evm

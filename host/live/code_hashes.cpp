#include "host/live/code_hashes.hpp"

#include <algorithm>

#include "host/live/chain_text.hpp"

namespace gantry::host::code_hashes {

namespace {

constexpr std::uint8_t push_1 = 0x60;
constexpr std::uint8_t push_2 = 0x61;
constexpr std::uint8_t push_20 = 0x73;
constexpr std::uint8_t ext_code_hash = 0x3f;
constexpr std::uint8_t memory_store = 0x52;
constexpr std::uint8_t return_memory = 0xf3;

void push(recording::Bytes& code, std::size_t number) {
  code.insert(code.end(), {push_2, static_cast<std::uint8_t>(number >> 8U),
                           static_cast<std::uint8_t>(number & 0xffU)});
}

}  // namespace

// The first word stays zero: what begins with 0xEF is no code that a chain takes (EIP-3541).
recording::Bytes encode(std::span<const gantry_address> targets) {
  recording::Bytes code;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    code.push_back(push_20);
    code.insert(code.end(), targets[i].bytes, targets[i].bytes + 20);
    code.push_back(ext_code_hash);
    push(code, (i + 1) * word_bytes);
    code.push_back(memory_store);
  }
  push(code, (targets.size() + 1) * word_bytes);
  code.insert(code.end(), {push_1, 0, return_memory});
  return code;
}

std::optional<std::vector<recording::Bytes>> decode(std::span<const std::uint8_t> bytes,
                                                    std::size_t count) {
  const auto is_zero = [](std::uint8_t byte) { return byte == 0; };
  if (bytes.size() != (count + 1) * word_bytes) return std::nullopt;
  if (!std::ranges::all_of(bytes.first(word_bytes), is_zero)) return std::nullopt;
  const recording::Bytes of_nothing = keccak({});
  std::vector<recording::Bytes> hashes;
  hashes.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto word = bytes.subspan((i + 1) * word_bytes, word_bytes);
    // Of an account that does not exist EXTCODEHASH is zero (EIP-1052); its code is empty.
    hashes.push_back(std::ranges::all_of(word, is_zero)
                         ? of_nothing
                         : recording::Bytes(word.begin(), word.end()));
  }
  return hashes;
}

}  // namespace gantry::host::code_hashes

#include "host/plan/abi.hpp"

#include <initializer_list>

#include "host/plan/abi_words.hpp"

namespace gantry::host::abi {

namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes amount_to(std::initializer_list<std::uint8_t> selector, const gantry_address& to,
                const u256& amount) {
  Bytes out(selector);
  append_address(out, to);
  append_word(out, amount);
  return out;
}

}  // namespace

Bytes transfer(const gantry_address& to, const u256& amount) {
  return amount_to({0xa9, 0x05, 0x9c, 0xbb}, to, amount);
}

Bytes approve(const gantry_address& spender, const u256& amount) {
  return amount_to({0x09, 0x5e, 0xa7, 0xb3}, spender, amount);
}

Bytes account_execute(const Call& call) {
  Bytes out{0xb6, 0x1d, 0x27, 0xf6};
  append_address(out, call.target);
  append_word(out, call.value);
  append_word(out, u256(3 * word_bytes));  // where the bytes are
  append_bytes(out, call.data);
  return out;
}

Bytes execute_batch(std::span<const Call> calls) {
  Bytes out{0x47, 0xe1, 0xda, 0x2a};
  const std::size_t n = calls.size();
  const std::size_t array_bytes = (1 + n) * word_bytes;
  // Heads: where each of the three arrays starts.
  append_word(out, u256(3 * word_bytes));
  append_word(out, u256(3 * word_bytes + array_bytes));
  append_word(out, u256(3 * word_bytes + 2 * array_bytes));
  append_word(out, u256(n));
  for (const Call& call : calls) append_address(out, call.target);
  append_word(out, u256(n));
  for (const Call& call : calls) append_word(out, call.value);
  append_word(out, u256(n));
  std::size_t offset = n * word_bytes;
  for (const Call& call : calls) {
    append_word(out, u256(offset));
    offset += word_bytes + call.data.size() + padding_of(call.data.size());
  }
  for (const Call& call : calls) append_bytes(out, call.data);
  return out;
}

}  // namespace gantry::host::abi

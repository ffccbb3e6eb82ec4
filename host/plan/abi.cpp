#include "host/plan/abi.hpp"

#include <cstring>
#include <initializer_list>

namespace gantry::host::abi {

namespace {

constexpr std::size_t word = 32;

class Encoder {
 public:
  explicit Encoder(std::initializer_list<std::uint8_t> selector) : bytes_(selector) {}

  void number(const u256& value) {
    for (std::size_t i = word; i-- > 0;) {
      bytes_.push_back(static_cast<std::uint8_t>(value.limb(i / 8) >> (8 * (i % 8))));
    }
  }
  void address(const gantry_address& value) {
    bytes_.insert(bytes_.end(), word - value.length, 0);
    bytes_.insert(bytes_.end(), value.bytes, value.bytes + value.length);
  }
  void blob(std::span<const std::uint8_t> data) {
    number(u256(data.size()));
    bytes_.insert(bytes_.end(), data.begin(), data.end());
    bytes_.insert(bytes_.end(), padded(data.size()) - data.size(), 0);
  }
  static std::size_t padded(std::size_t size) { return (size + word - 1) / word * word; }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

}  // namespace

std::vector<std::uint8_t> transfer(const gantry_address& to, const u256& amount) {
  Encoder out{0xa9, 0x05, 0x9c, 0xbb};
  out.address(to);
  out.number(amount);
  return out.take();
}

std::vector<std::uint8_t> approve(const gantry_address& spender, const u256& amount) {
  Encoder out{0x09, 0x5e, 0xa7, 0xb3};
  out.address(spender);
  out.number(amount);
  return out.take();
}

std::vector<std::uint8_t> account_execute(const Call& call) {
  Encoder out{0xb6, 0x1d, 0x27, 0xf6};
  out.address(call.target);
  out.number(call.value);
  out.number(u256(3 * word));  // where the bytes are
  out.blob(call.data);
  return out.take();
}

std::vector<std::uint8_t> execute_batch(std::span<const Call> calls) {
  Encoder out{0x47, 0xe1, 0xda, 0x2a};
  const std::size_t n = calls.size();
  const std::size_t array_bytes = (1 + n) * word;
  // Heads: where each of the three arrays starts.
  out.number(u256(3 * word));
  out.number(u256(3 * word + array_bytes));
  out.number(u256(3 * word + 2 * array_bytes));
  out.number(u256(n));
  for (const Call& call : calls) out.address(call.target);
  out.number(u256(n));
  for (const Call& call : calls) out.number(call.value);
  out.number(u256(n));
  std::size_t offset = n * word;
  for (const Call& call : calls) {
    out.number(u256(offset));
    offset += word + Encoder::padded(call.data.size());
  }
  for (const Call& call : calls) out.blob(call.data);
  return out.take();
}

}  // namespace gantry::host::abi

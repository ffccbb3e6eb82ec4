// What differs between the venues that tests/fuzz/venue/target.cpp drives: pools of theirs, and
// what contracts might answer to their questions. Most of it makes sense, so that decoders get to
// their end; the driver spoils it. Each fuzz_venue_<name> is one <name>.cpp, the driver and the
// plugin.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/u256_convert.hpp"
#include "tests/fuzz/dex_instance.hpp"

namespace gantry::fuzz {

using Bytes = std::vector<std::uint8_t>;

// For venues that look for pools among tokens.
inline constexpr const char* three_tokens =
    "0x1000000000000000000000000000000000000001 0x1000000000000000000000000000000000000002 "
    "0x1000000000000000000000000000000000000003";

struct Question {
  std::int32_t source = 0;
  std::uint32_t tag = 0;
  gantry_address target{};
  Bytes payload;

  // The first four bytes, as one reads them; 0: fewer.
  std::uint32_t selector() const {
    if (source != GANTRY_SOURCE_EVM_CALL || payload.size() < 4) return 0;
    return std::uint32_t{payload[0]} << 24U | std::uint32_t{payload[1]} << 16U |
           std::uint32_t{payload[2]} << 8U | payload[3];
  }
  // The low 64 bits of an argument.
  std::uint64_t argument(std::size_t index) const {
    const std::size_t end = 4 + 32 * (index + 1);
    return payload.size() < end ? 0 : load_be(payload.data() + end - 32).limb(0);
  }
};

struct Log {
  Bytes topics;
  Bytes data;
};

// Words of an ABI, one after the other.
class WordList {
 public:
  WordList& add(const u256& value) {
    bytes_.resize(bytes_.size() + 32);
    store_be(value, bytes_.data() + bytes_.size() - 32);
    return *this;
  }
  WordList& add(const gantry_amount& amount) { return add(u256(amount)); }
  WordList& add_signed(std::int64_t value) {
    const std::uint64_t sign = value < 0 ? ~std::uint64_t{0} : 0;
    return add(u256::from_limbs(static_cast<std::uint64_t>(value), sign, sign, sign));
  }
  WordList& add(const gantry_address& address) {
    bytes_.resize(bytes_.size() + 12);
    bytes_.insert(bytes_.end(), address.bytes, address.bytes + 20);
    return *this;
  }
  WordList& add_text(std::string_view text) {
    add(u256(32)).add(u256(text.size()));
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    bytes_.resize((bytes_.size() + 31) / 32 * 32);
    return *this;
  }
  // Arrays of one length, as a function returns them.
  WordList& add_arrays(const std::vector<std::vector<u256>>& arrays) {
    std::size_t at = 32 * arrays.size();
    for (const auto& array : arrays) {
      add(u256(at));
      at += 32 * (array.size() + 1);
    }
    for (const auto& array : arrays) {
      add(u256(array.size()));
      for (const u256& value : array) add(value);
    }
    return *this;
  }
  operator Bytes() const { return bytes_; }

 private:
  Bytes bytes_;
};

inline u256 word_of(const gantry_address& address) {
  Bytes word(32);
  std::copy_n(address.bytes, 20, word.begin() + 12);
  return load_be(word.data());
}

// One pool of the venue, as the bytes choose it. The venue's own file has these.
class Scene {
 public:
  // Of each instance that is tried. Made once.
  static std::vector<std::vector<Parameter>> instances();

  explicit Scene(Input& in);

  std::string metadata;
  std::vector<std::uint32_t> decimals;
  std::uint64_t time_s = 0;  // of the state; 0: any
  gantry_address address = pool();

  static gantry_address pool() { return address_of(GANTRY_ADDRESS_EVM, 0xaa); }
  static gantry_address token(std::size_t index) {
    return address_of(GANTRY_ADDRESS_EVM, static_cast<std::uint8_t>(index + 1));
  }

  // Empty: the contract reverts.
  Bytes answer(const Question& question, Input& in);
  Log log(Input& in);

 private:
  std::vector<u256> numbers_;  // the venue's own
  std::size_t kind_ = 0;       // likewise
};

}  // namespace gantry::fuzz

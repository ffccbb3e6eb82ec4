// The words of an abi.encode() of plain values, hashed as they come. Internal to host/sign.
#pragma once
#include <algorithm>
#include <cstdint>

#include "gantry/u256.hpp"
#include "gantry/u256_convert.hpp"
#include "host/base/keccak.hpp"
#include "host/sign/curve.hpp"

namespace gantry::host::sign {

class AbiWords {
 public:
  void add(const Hash32& word) { keccak_.add(word); }
  void add(const u256& number) {
    Hash32 word;
    store_be(number, word.data());
    add(word);
  }
  void add(const EvmAddress& address) {
    Hash32 word{};
    std::copy(address.begin(), address.end(), word.begin() + 12);
    add(word);
  }
  Hash32 hash() { return keccak_.finish(); }

 private:
  Keccak keccak_;
};

}  // namespace gantry::host::sign

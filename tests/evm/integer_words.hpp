// Integer to and from the boundary's amounts.
#pragma once
#include <stdexcept>

#include "evm/abi_words.hpp"
#include "gantry/abi.h"

namespace gantry::test {

// Throws if the value needs more than 256 bits: a case that was made wrongly.
inline gantry_amount to_amount(const Integer& value) {
  if (value < 0 || (value >> 256) != 0) throw std::runtime_error("not a 256-bit amount");
  gantry_amount amount{};
  for (unsigned i = 0; i < 4; ++i) {
    const Integer limb = (value >> (64 * i)) & Integer(UINT64_MAX);
    amount.limb[i] = limb.convert_to<std::uint64_t>();
  }
  return amount;
}

inline Integer to_integer(const gantry_amount& amount) {
  Integer value = 0;
  for (unsigned i = 4; i-- > 0;) value = (value << 64) | amount.limb[i];
  return value;
}

}  // namespace gantry::test

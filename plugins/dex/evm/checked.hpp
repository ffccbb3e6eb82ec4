// Arithmetic as the contracts' compiler does it: what would revert there is remembered here, so
// that formulas read as they stand in the contract and are asked once, at the end, whether they
// failed. After a failure the values mean nothing, but nothing traps.
//
// THREADS  A value of the call's own. Allocates nothing.
#pragma once
#include <cstdint>

#include "gantry/u256.hpp"

namespace gantry::evm {

class Checked {
 public:
  bool failed() const noexcept { return failed_; }
  void fail() noexcept { failed_ = true; }
  void require(bool condition) noexcept { failed_ |= !condition; }

  GANTRY_HOT u256 add(const u256& a, const u256& b) noexcept {
    const u256 sum = wrapping_add(a, b);
    failed_ |= sum < a;
    return sum;
  }
  GANTRY_HOT u256 sub(const u256& a, const u256& b) noexcept {
    failed_ |= a < b;
    return wrapping_sub(a, b);
  }
  GANTRY_HOT u256 mul(const u256& a, const u256& b) noexcept {
    u256 product;
    if (!gantry::mul(a, b, product)) [[unlikely]]
      failed_ = true;
    return product;
  }
  GANTRY_HOT u256 mul(const u256& a, std::uint64_t b) noexcept {
    u256 product;
    if (!gantry::mul(a, b, product)) [[unlikely]]
      failed_ = true;
    return product;
  }
  GANTRY_HOT u256 div(const u256& a, const u256& b) noexcept {
    u256 quotient;
    if (!div_floor(a, b, quotient)) [[unlikely]]
      failed_ = true;
    return quotient;
  }
  GANTRY_HOT u256 mul_div(const u256& a, const u256& b, const u256& divisor) noexcept {
    return div(mul(a, b), divisor);
  }

 private:
  bool failed_ = false;
};

}  // namespace gantry::evm

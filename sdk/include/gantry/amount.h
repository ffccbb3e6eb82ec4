/* gantry/amount.h: 256-bit arithmetic for plugins in C. C++ has u256.hpp, which is faster.
 *
 * UNITS      Whatever the caller counts, in the smallest unit; a division names its rounding.
 * ERRORS     What can leave 0 .. 2^256 - 1, or divide by zero, returns 0 and leaves *out untouched;
 *            else it returns 1. `out` may be one of the operands.
 * THREADS    Pure functions: any thread, no allocation. */
#ifndef GANTRY_AMOUNT_H
#define GANTRY_AMOUNT_H
#include <string.h>

#include "gantry/abi.h"

__extension__ typedef unsigned __int128 gantry_wide;

static inline gantry_amount gantry_amount_of(uint64_t value) {
  gantry_amount amount;
  memset(&amount, 0, sizeof(amount));
  amount.limb[0] = value;
  return amount;
}

static inline int gantry_amount_is_zero(gantry_amount a) {
  return (a.limb[0] | a.limb[1] | a.limb[2] | a.limb[3]) == 0;
}

/* -1, 0, 1. */
static inline int gantry_amount_compare(gantry_amount a, gantry_amount b) {
  for (int i = 3; i >= 0; --i) {
    if (a.limb[i] != b.limb[i]) return a.limb[i] < b.limb[i] ? -1 : 1;
  }
  return 0;
}

static inline int gantry_amount_add(gantry_amount a, gantry_amount b, gantry_amount* out) {
  gantry_wide carry = 0;
  for (int i = 0; i < 4; ++i) {
    carry += (gantry_wide)a.limb[i] + b.limb[i];
    a.limb[i] = (uint64_t)carry;
    carry >>= 64;
  }
  if (carry != 0) return 0;
  *out = a;
  return 1;
}

static inline int gantry_amount_sub(gantry_amount a, gantry_amount b, gantry_amount* out) {
  uint64_t borrow = 0;
  if (gantry_amount_compare(a, b) < 0) return 0;
  for (int i = 0; i < 4; ++i) {
    const gantry_wide taken = (gantry_wide)b.limb[i] + borrow;
    borrow = a.limb[i] < taken;
    a.limb[i] = (uint64_t)(a.limb[i] - taken);
  }
  *out = a;
  return 1;
}

/* All 512 bits of a * b, the least significant first. */
static inline void gantry_amount_mul_wide(gantry_amount a, gantry_amount b, uint64_t product[8]) {
  memset(product, 0, 8 * sizeof(uint64_t));
  for (int i = 0; i < 4; ++i) {
    gantry_wide carry = 0;
    for (int j = 0; j < 4; ++j) {
      /* Below 2^128: (2^64 - 1)^2 + 2 * (2^64 - 1). */
      carry += (gantry_wide)a.limb[i] * b.limb[j] + product[i + j];
      product[i + j] = (uint64_t)carry;
      carry >>= 64;
    }
    product[i + 4] = (uint64_t)carry;
  }
}

static inline int gantry_amount_mul(gantry_amount a, gantry_amount b, gantry_amount* out) {
  uint64_t product[8];
  gantry_amount_mul_wide(a, b, product);
  if ((product[4] | product[5] | product[6] | product[7]) != 0) return 0;
  memcpy(out->limb, product, sizeof(out->limb));
  return 1;
}

/* The bits that a division begins with: `high` and what `low` gives it. */
static inline uint64_t gantry_amount_join(uint64_t high, uint64_t low, int shift) {
  return shift == 0 ? high : high << shift | low >> (64 - shift);
}

/* One digit of a quotient: `rest`, of n + 1 digits, loses that many times `by`, of n digits whose
 * highest bit is set. Knuth's algorithm D. */
static inline uint64_t gantry_amount_digit(uint64_t* rest, const uint64_t* by, int n) {
  const gantry_wide top = (gantry_wide)rest[n] << 64 | rest[n - 1];
  gantry_wide digit = top / by[n - 1];
  gantry_wide left = top % by[n - 1];
  while (digit >> 64 != 0 || (n > 1 && digit * by[n - 2] > (left << 64 | rest[n - 2]))) {
    --digit;
    left += by[n - 1];
    if (left >> 64 != 0) break;
  }
  gantry_wide carry = 0;
  uint64_t borrow = 0;
  for (int i = 0; i <= n; ++i) {
    carry += i < n ? digit * by[i] : 0;
    const gantry_wide taken = (gantry_wide)(uint64_t)carry + borrow;
    borrow = rest[i] < taken;
    rest[i] = (uint64_t)(rest[i] - taken);
    carry >>= 64;
  }
  if (borrow == 0) return (uint64_t)digit;
  carry = 0;
  for (int i = 0; i <= n; ++i) {
    carry += (gantry_wide)rest[i] + (i < n ? by[i] : 0);
    rest[i] = (uint64_t)carry;
    carry >>= 64;
  }
  return (uint64_t)digit - 1;
}

/* floor(a * b / divisor), the product in full; *exact says whether nothing was left. */
static inline int gantry_amount_mul_div(gantry_amount a, gantry_amount b, gantry_amount divisor,
                                        gantry_amount* out, int* exact) {
  uint64_t value[9];
  uint64_t by[4];
  gantry_amount high;
  int n = 4;
  while (n > 0 && divisor.limb[n - 1] == 0) --n;
  if (n == 0) return 0;
  gantry_amount_mul_wide(a, b, value);
  memcpy(high.limb, &value[4], sizeof(high.limb));
  if (gantry_amount_compare(high, divisor) >= 0) return 0;
  const int shift = __builtin_clzll(divisor.limb[n - 1]);
  value[8] = 0;
  for (int i = 8; i >= 0; --i) {
    value[i] = gantry_amount_join(value[i], i > 0 ? value[i - 1] : 0, shift);
  }
  for (int i = n - 1; i >= 0; --i) {
    by[i] = gantry_amount_join(divisor.limb[i], i > 0 ? divisor.limb[i - 1] : 0, shift);
  }
  for (int at = 8 - n; at >= 0; --at) {
    const uint64_t digit = gantry_amount_digit(&value[at], by, n);
    if (at < 4) out->limb[at] = digit; /* those above are 0, as high < divisor */
  }
  *exact = 1;
  for (int i = 0; i < n; ++i) *exact = *exact && value[i] == 0;
  return 1;
}

static inline int gantry_amount_mul_div_floor(gantry_amount a, gantry_amount b,
                                              gantry_amount divisor, gantry_amount* out) {
  int exact;
  return gantry_amount_mul_div(a, b, divisor, out, &exact);
}

static inline int gantry_amount_mul_div_ceil(gantry_amount a, gantry_amount b,
                                             gantry_amount divisor, gantry_amount* out) {
  int exact;
  gantry_amount quotient;
  if (!gantry_amount_mul_div(a, b, divisor, &quotient, &exact)) return 0;
  return gantry_amount_add(quotient, gantry_amount_of(exact ? 0 : 1), out);
}

/* For signals, never for amounts. */
static inline double gantry_amount_to_double(gantry_amount a) {
  double value = 0;
  for (int i = 3; i >= 0; --i) value = value * 18446744073709551616.0 + (double)a.limb[i];
  return value;
}

/* A word of an EVM chain: 32 bytes, big-endian. */
static inline gantry_amount gantry_amount_load_be(const uint8_t* bytes) {
  gantry_amount amount;
  for (int i = 0; i < 4; ++i) {
    amount.limb[3 - i] = 0;
    for (int j = 0; j < 8; ++j) amount.limb[3 - i] = amount.limb[3 - i] << 8 | bytes[8 * i + j];
  }
  return amount;
}

static inline void gantry_amount_store_be(gantry_amount amount, uint8_t* bytes) {
  for (int i = 0; i < 32; ++i) {
    bytes[i] = (uint8_t)(amount.limb[3 - i / 8] >> (8 * (7 - i % 8)));
  }
}
#endif

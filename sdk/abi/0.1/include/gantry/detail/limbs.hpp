// gantry/detail/limbs.hpp: multiplication and division on 64-bit limbs, least significant first.
//
// Not an interface: use gantry/u256.hpp. Everything is constexpr, allocates nothing and has no
// state. x86-64 divides 128 by 64 bits with its own instruction; elsewhere the compiler's runtime
// does. Division is Knuth's algorithm D (The Art of Computer Programming 2, section 4.3.1).
#ifndef GANTRY_DETAIL_LIMBS_HPP
#define GANTRY_DETAIL_LIMBS_HPP
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// GANTRY_PORTABLE leaves out what is written for one processor; the results are the same.
#if defined(__x86_64__) && !defined(GANTRY_PORTABLE)
#define GANTRY_X86_64
#endif

// A value that has been to memory limb by limb and is read back as vectors stalls the processor for
// longer than the arithmetic takes: what is hot stays in registers, and what is rare stays out.
#define GANTRY_HOT [[gnu::always_inline]] inline
#define GANTRY_APART [[gnu::noinline]]

namespace gantry::detail {

__extension__ typedef unsigned __int128 uint128;  // `using` cannot carry __extension__

constexpr std::uint64_t low64(uint128 value) { return static_cast<std::uint64_t>(value); }
constexpr std::uint64_t high64(uint128 value) { return static_cast<std::uint64_t>(value >> 64); }
constexpr uint128 join(std::uint64_t high, std::uint64_t low) {
  return (static_cast<uint128>(high) << 64) | low;
}
constexpr uint128 mul64(std::uint64_t a, std::uint64_t b) { return static_cast<uint128>(a) * b; }

// All ones or all zeros: selects without a branch what no branch predictor can know.
constexpr std::uint64_t mask64(bool condition) { return 0 - static_cast<std::uint64_t>(condition); }
GANTRY_HOT constexpr uint128 masked(uint128 value, std::uint64_t mask) {
  return join(high64(value) & mask, low64(value) & mask);
}

// Requires value != 0. No branch: in shuffled pools it would be wrong every other time.
GANTRY_HOT constexpr unsigned leading_zeros(uint128 value) {
  const std::uint64_t narrow = mask64(high64(value) == 0);
  const std::uint64_t top = high64(value) | (low64(value) & narrow);
  return static_cast<unsigned>(__builtin_clzll(top)) + static_cast<unsigned>(narrow & 64);
}

// value << count for count < 128, which compilers do with slow instructions and a branch.
GANTRY_HOT constexpr uint128 shift_left_128(uint128 value, unsigned count) {
  const std::uint64_t whole = mask64((count & 64) != 0);
  const std::uint64_t high = (high64(value) & ~whole) | (low64(value) & whole);
  const std::uint64_t low = low64(value) & ~whole;
  const unsigned part = count & 63;
  return join(high << part | low >> 1 >> (63 - part), low << part);
}

struct Quotient64 {
  std::uint64_t quotient;
  std::uint64_t remainder;
};

// Requires high < divisor: else the quotient does not fit, and the instruction traps.
GANTRY_HOT constexpr Quotient64 div_2by1(std::uint64_t high, std::uint64_t low,
                                         std::uint64_t divisor) {
#ifdef GANTRY_X86_64
  if (!std::is_constant_evaluated()) {
    Quotient64 result{low, high};
    __asm__("divq %[divisor]"
            : "+a"(result.quotient), "+d"(result.remainder)
            : [divisor] "r"(divisor)
            : "cc");
    return result;
  }
#endif
  const uint128 value = join(high, low);
  return {low64(value / divisor), low64(value % divisor)};
}

struct Difference {
  uint128 value;              // modulo 2^128
  std::uint64_t below;        // all ones if have < take, and `back` was added
  std::uint64_t below_twice;  // all ones if that was still not enough
};

// have - take, and + back if that is negative, without a branch. Compilers need twice as many
// instructions, and this is the inner part of every division.
GANTRY_HOT constexpr Difference sub_or_add_back(uint128 have, uint128 take, uint128 back) {
#ifdef GANTRY_X86_64
  if (!std::is_constant_evaluated()) {
    std::uint64_t value_low = low64(have);
    std::uint64_t value_high = high64(have);
    std::uint64_t back_low = low64(back);
    std::uint64_t back_high = high64(back);
    std::uint64_t below;
    std::uint64_t below_twice;
    __asm__(
        "subq %[take_low], %[value_low]\n\t"
        "sbbq %[take_high], %[value_high]\n\t"
        "sbbq %[below], %[below]\n\t"
        "movq %[below], %[below_twice]\n\t"
        "andq %[below], %[back_low]\n\t"
        "andq %[below], %[back_high]\n\t"
        "addq %[back_low], %[value_low]\n\t"
        "adcq %[back_high], %[value_high]\n\t"
        "adcq $0, %[below_twice]"
        : [value_low] "+&r"(value_low), [value_high] "+&r"(value_high), [back_low] "+&r"(back_low),
          [back_high] "+&r"(back_high), [below] "=&r"(below), [below_twice] "=&r"(below_twice)
        : [take_low] "r"(low64(take)), [take_high] "r"(high64(take))
        : "cc");
    return {join(value_high, value_low), below, below_twice};
  }
#endif
  const std::uint64_t below = mask64(have < take);
  const uint128 once = have - take;
  const uint128 value = once + masked(back, below);
  return {value, below, below & mask64(value >= once)};
}

struct Digit {
  std::uint64_t quotient;
  uint128 remainder;
};

// (top * 2^64 + low) / divisor. Requires divisor >= 2^127 and top < divisor.
// The estimate by the divisor's high limb is at most 2 too large. With `rarely`, the caller knows
// that it seldom is, and a branch is cheaper; else, about every third time is too often for one.
enum class TooLarge { often, rarely };

template <TooLarge estimates>
GANTRY_HOT constexpr Digit div_3by2(uint128 top, std::uint64_t low, uint128 divisor) {
  const std::uint64_t divisor_high = high64(divisor);
  Quotient64 estimate{};
  if (high64(top) == divisor_high) [[unlikely]] {
    estimate = {~std::uint64_t{0}, low64(top) + divisor_high};
    if (estimate.remainder < divisor_high) {  // above 2^64, more than can be taken away below
      return {estimate.quotient,
              join(estimate.remainder, low) - mul64(estimate.quotient, low64(divisor))};
    }
  } else {
    estimate = div_2by1(high64(top), low64(top), divisor_high);
  }
  const uint128 have = join(estimate.remainder, low);
  const uint128 take = mul64(estimate.quotient, low64(divisor));
  if constexpr (estimates == TooLarge::rarely) {
    Digit digit{estimate.quotient, 0};
    bool below = __builtin_sub_overflow(have, take, &digit.remainder);
    while (below) [[unlikely]] {
      digit.quotient -= 1;
      below = !__builtin_add_overflow(digit.remainder, divisor, &digit.remainder);
    }
    return digit;
  }
  const Difference rest = sub_or_add_back(have, take, divisor);
  return {estimate.quotient + rest.below + rest.below_twice,
          rest.value + masked(divisor, rest.below_twice)};
}

struct Product256 {
  uint128 low;
  uint128 high;
};

// Compilers spend a third more instructions on the carries, and this is half of every quote.
GANTRY_HOT constexpr Product256 mul_128(uint128 a, uint128 b) {
#ifdef GANTRY_X86_64
  if (!std::is_constant_evaluated()) {
    std::uint64_t limb0, limb1, limb2, limb3;
    __asm__(
        "movq %[a0], %%rax\n\t"
        "mulq %[b0]\n\t"
        "movq %%rax, %[limb0]\n\t"
        "movq %%rdx, %[limb1]\n\t"
        "movq %[a1], %%rax\n\t"
        "mulq %[b1]\n\t"
        "movq %%rax, %[limb2]\n\t"
        "movq %%rdx, %[limb3]\n\t"
        "movq %[a0], %%rax\n\t"
        "mulq %[b1]\n\t"
        "addq %%rax, %[limb1]\n\t"
        "adcq %%rdx, %[limb2]\n\t"
        "adcq $0, %[limb3]\n\t"
        "movq %[a1], %%rax\n\t"
        "mulq %[b0]\n\t"
        "addq %%rax, %[limb1]\n\t"
        "adcq %%rdx, %[limb2]\n\t"
        "adcq $0, %[limb3]"
        : [limb0] "=&r"(limb0), [limb1] "=&r"(limb1), [limb2] "=&r"(limb2), [limb3] "=&r"(limb3)
        : [a0] "r"(low64(a)), [a1] "r"(high64(a)), [b0] "rm"(low64(b)), [b1] "rm"(high64(b))
        : "rax", "rdx", "cc");
    return {join(limb1, limb0), join(limb3, limb2)};
  }
#endif
  const uint128 low = mul64(low64(a), low64(b));
  const uint128 cross = mul64(high64(a), low64(b)) + high64(low);  // cannot overflow
  const uint128 middle = mul64(low64(a), high64(b)) + low64(cross);
  const uint128 high = mul64(high64(a), high64(b)) + high64(cross) + high64(middle);
  return {join(low64(middle), low64(low)), high};
}

struct Quotient128 {
  uint128 quotient;
  uint128 remainder;
};

// (high * 2^128 + low) / divisor. Requires high < divisor.
GANTRY_HOT constexpr Quotient128 div_256_by_128(uint128 high, uint128 low, uint128 divisor) {
  const unsigned shift = leading_zeros(divisor);
  const uint128 scaled = shift_left_128(divisor, shift);
  const uint128 carried = shift == 0 ? 0 : low >> (128 - shift);
  const uint128 top = shift_left_128(high, shift) | carried;
  const uint128 bottom = shift_left_128(low, shift);
  const Digit first = div_3by2<TooLarge::often>(top, high64(bottom), scaled);
  const Digit second = div_3by2<TooLarge::often>(first.remainder, low64(bottom), scaled);
  return {join(first.quotient, second.quotient), second.remainder >> shift};
}

// (high * 2^128 + low) / (divisor_high * 2^128 + divisor_low); the quotient fits 128 bits as
// divisor_high is required not to be zero. The remainder is left to the caller.
GANTRY_HOT constexpr uint128 div_256_by_256(uint128 high, uint128 low, uint128 divisor_high,
                                            uint128 divisor_low) {
  // By the divisor's first 128 bits, dropping as many bits of the dividend: 0 to 2 too large.
  const unsigned shift = leading_zeros(divisor_high);
  const unsigned dropped = 128 - shift;
  const uint128 top = shift == 0 ? 0 : high >> dropped;
  const uint128 bottom = shift == 0 ? high : high << shift | low >> dropped;
  const uint128 scaled = shift == 0 ? divisor_high : divisor_high << shift | divisor_low >> dropped;
  const Digit first = div_3by2<TooLarge::often>(top, high64(bottom), scaled);
  const Digit second = div_3by2<TooLarge::often>(first.remainder, low64(bottom), scaled);
  uint128 quotient = join(first.quotient, second.quotient);
  const Product256 product_low = mul_128(quotient, divisor_low);
  const Product256 product_high = mul_128(quotient, divisor_high);
  uint128 limb0 = product_low.low;
  uint128 limb1 = product_low.high + product_high.low;
  uint128 limb2 = product_high.high + static_cast<std::uint64_t>(limb1 < product_high.low);
  while (limb2 != 0 || limb1 > high || (limb1 == high && limb0 > low)) [[unlikely]] {
    --quotient;
    const auto borrow0 = static_cast<std::uint64_t>(limb0 < divisor_low);
    limb0 -= divisor_low;
    const auto borrow1 =
        static_cast<std::uint64_t>(limb1 < divisor_high || (limb1 == divisor_high && borrow0 != 0));
    limb1 -= divisor_high + borrow0;
    limb2 -= borrow1;
  }
  return quotient;
}

// floor(value / divisor) without a division, for an even divisor known to the compiler: the
// "round up" method of Granlund and Montgomery (1994). With the factors of 2 taken out, what the
// rounding adds stays below the unit that is cut off.
template <std::uint32_t divisor>
GANTRY_HOT constexpr uint128 div_128_by_constant(uint128 value) {
  static_assert(divisor % 2 == 0 && !std::has_single_bit(divisor));
  constexpr int twos = std::countr_zero(divisor);
  constexpr uint128 odd = divisor >> twos;
  constexpr int extra = std::bit_width(divisor >> twos) - 1;  // 2^extra < odd < 2^(extra + 1)
  constexpr uint128 reciprocal =                              // ceil(2^(128 + extra) / odd)
      div_256_by_128((uint128{1} << extra) - 1, ~uint128{0}, odd).quotient + 1;
  return mul_128(value >> twos, reciprocal).high >> extra;
}

// floor(a * b / divisor). Requires a <= divisor and divisor != 0, so that the quotient is at most
// b. Scaling a instead of the product spares the shift of 256 bits.
GANTRY_HOT constexpr uint128 mul_ratio_128(uint128 a, uint128 b, uint128 divisor) {
  // Where the divisor's high limb is zero, so is that of a: both move up by a limb first.
  const std::uint64_t narrow = mask64(high64(divisor) == 0);
  const std::uint64_t divisor_high = high64(divisor) | (low64(divisor) & narrow);
  const std::uint64_t divisor_low = low64(divisor) & ~narrow;
  const std::uint64_t a_high = high64(a) | (low64(a) & narrow);
  const std::uint64_t a_low = low64(a) & ~narrow;
  const auto shift = static_cast<unsigned>(__builtin_clzll(divisor_high));
  const uint128 scaled =
      join(divisor_high << shift | divisor_low >> 1 >> (63 ^ shift), divisor_low << shift);
  const uint128 a_scaled = join(a_high << shift | a_low >> 1 >> (63 ^ shift), a_low << shift);
  const Product256 product = mul_128(a_scaled, b);
  // The first digit is below 2^48 where b is below 2^112, and its estimate then as good as exact.
  const Digit first = div_3by2<TooLarge::rarely>(product.high, high64(product.low), scaled);
  const Digit second = div_3by2<TooLarge::often>(first.remainder, low64(product.low), scaled);
  return join(first.quotient, second.quotient);
}

// result[0 .. a_size + b_size - 1] = a * b. The result may not overlap the operands.
constexpr void multiply(const std::uint64_t* a, std::size_t a_size, const std::uint64_t* b,
                        std::size_t b_size, std::uint64_t* result) {
  for (std::size_t i = 0; i < a_size; ++i) result[i] = 0;
  for (std::size_t j = 0; j < b_size; ++j) {
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < a_size; ++i) {
      const uint128 sum = mul64(a[i], b[j]) + result[i + j] + carry;
      result[i + j] = low64(sum);
      carry = high64(sum);
    }
    result[j + a_size] = carry;
  }
}

constexpr std::size_t significant(const std::uint64_t* limbs, std::size_t size) {
  while (size != 0 && limbs[size - 1] == 0) --size;
  return size;
}

// Knuth's steps D3 to D6: one quotient digit of window[0 .. size] by divisor[0 .. size - 1], whose
// highest bit is set; the window becomes the remainder. Requires size >= 3.
constexpr std::uint64_t divide_step(std::uint64_t* window, const std::uint64_t* divisor,
                                    std::size_t size) {
  const uint128 divisor_top = join(divisor[size - 1], divisor[size - 2]);
  const uint128 top = join(window[size], window[size - 1]);
  std::uint64_t quotient = ~std::uint64_t{0};
  if (top < divisor_top)
    quotient = div_3by2<TooLarge::often>(top, window[size - 2], divisor_top).quotient;
  std::uint64_t carry = 0;
  std::uint64_t borrow = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const uint128 product = mul64(quotient, divisor[i]) + carry;
    carry = high64(product);
    const uint128 difference = static_cast<uint128>(window[i]) - low64(product) - borrow;
    window[i] = low64(difference);
    borrow = high64(difference) & 1;
  }
  const uint128 last = static_cast<uint128>(window[size]) - carry - borrow;
  window[size] = low64(last);
  if (high64(last) != 0) [[unlikely]] {  // one too large: give one divisor back
    --quotient;
    std::uint64_t over = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const uint128 sum = static_cast<uint128>(window[i]) + divisor[i] + over;
      window[i] = low64(sum);
      over = high64(sum);
    }
    window[size] += over;
  }
  return quotient;
}

// quotient[0 .. 7] and remainder[0 .. 3] of value[0 .. 7] / divisor[0 .. 3]. Requires a divisor
// that is not zero. No overlap.
constexpr void divide_512(const std::uint64_t* value, const std::uint64_t* divisor,
                          std::uint64_t* quotient, std::uint64_t* remainder) {
  const std::size_t value_size = significant(value, 8);
  const std::size_t size = significant(divisor, 4);
  for (std::size_t i = 0; i < 8; ++i) quotient[i] = 0;
  for (std::size_t i = 0; i < 4; ++i) remainder[i] = 0;
  const auto shift = static_cast<unsigned>(std::countl_zero(divisor[size - 1]));
  std::uint64_t dividend[9] = {};  // shifted left like the divisor, as the estimates require
  std::uint64_t scaled[4] = {};
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < size; ++i) {
    scaled[i] = divisor[i] << shift | carry;
    carry = divisor[i] >> 1 >> (63 - shift);
  }
  carry = 0;
  for (std::size_t i = 0; i < value_size; ++i) {
    dividend[i] = value[i] << shift | carry;
    carry = value[i] >> 1 >> (63 - shift);
  }
  dividend[value_size] = carry;
  if (size == 1) {
    for (std::size_t i = value_size; i-- > 0;) {
      const Quotient64 digit = div_2by1(dividend[i + 1], dividend[i], scaled[0]);
      quotient[i] = digit.quotient;
      dividend[i] = digit.remainder;
      dividend[i + 1] = 0;
    }
  } else if (size == 2) {
    const uint128 wide = join(scaled[1], scaled[0]);
    for (std::size_t i = value_size; i-- > 1;) {
      const Digit digit =
          div_3by2<TooLarge::often>(join(dividend[i + 1], dividend[i]), dividend[i - 1], wide);
      quotient[i - 1] = digit.quotient;
      dividend[i + 1] = 0;
      dividend[i] = high64(digit.remainder);
      dividend[i - 1] = low64(digit.remainder);
    }
  } else {
    for (std::size_t i = value_size + 1; i-- > size;) {
      quotient[i - size] = divide_step(dividend + (i - size), scaled, size);
    }
  }
  for (std::size_t i = 0; i < size; ++i) {
    remainder[i] = dividend[i] >> shift | dividend[i + 1] << 1 << (63 - shift);
  }
}

}  // namespace gantry::detail
#endif

//! Unsigned 256-bit integers, the type of every amount.
//!
//! There are no fractions: a division names its rounding. There is no `+`: an operation that can
//! leave the range answers `None`, and nobody wraps by accident.
use std::cmp::Ordering;
use std::fmt;

/// An amount in the smallest unit of its token. It has the layout of `gantry_amount`.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct U256 {
    /// The least significant first.
    pub limb: [u64; 4],
}

/// A product in full.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct U512 {
    pub low: U256,
    pub high: U256,
}

impl U256 {
    pub const ZERO: U256 = U256 { limb: [0; 4] };
    pub const ONE: U256 = U256 { limb: [1, 0, 0, 0] };
    pub const MAX: U256 = U256 { limb: [u64::MAX; 4] };

    #[inline]
    pub const fn from_u128(value: u128) -> U256 {
        U256 { limb: [value as u64, (value >> 64) as u64, 0, 0] }
    }

    #[inline]
    pub fn is_zero(&self) -> bool {
        *self == U256::ZERO
    }

    /// `None`: it is 2^64 or more.
    #[inline]
    pub fn to_u64(self) -> Option<u64> {
        match self.limb {
            [low, 0, 0, 0] => Some(low),
            _ => None,
        }
    }

    /// `None`: it is 2^128 or more.
    #[inline]
    pub fn to_u128(self) -> Option<u128> {
        match self.limb {
            [low, high, 0, 0] => Some(u128::from(high) << 64 | u128::from(low)),
            _ => None,
        }
    }

    /// The nearest double: for signals, never for amounts.
    #[inline]
    pub fn to_f64(self) -> f64 {
        self.limb
            .iter()
            .rev()
            .fold(0.0, |sum, limb| sum * 18_446_744_073_709_551_616.0 + *limb as f64)
    }

    /// `None`: it is 2^256 or more.
    #[inline]
    pub fn checked_add(self, other: U256) -> Option<U256> {
        let (sum, carry) = self.wrapping_add(other);
        if carry {
            None
        } else {
            Some(sum)
        }
    }

    /// `None`: `other` is greater.
    #[inline]
    pub fn checked_sub(self, other: U256) -> Option<U256> {
        let mut limb = [0; 4];
        let mut borrow = false;
        for (i, out) in limb.iter_mut().enumerate() {
            let (first, a) = self.limb[i].overflowing_sub(other.limb[i]);
            let (second, b) = first.overflowing_sub(u64::from(borrow));
            *out = second;
            borrow = a || b;
        }
        if borrow {
            None
        } else {
            Some(U256 { limb })
        }
    }

    /// `None`: the product is 2^256 or more.
    #[inline]
    pub fn checked_mul(self, other: U256) -> Option<U256> {
        let product = self.mul_wide(other);
        if product.high.is_zero() {
            Some(product.low)
        } else {
            None
        }
    }

    /// The product in full: it cannot overflow.
    #[inline]
    pub fn mul_wide(self, other: U256) -> U512 {
        let mut limbs = [0u64; 8];
        for i in 0..4 {
            let mut carry = 0u128;
            for j in 0..4 {
                // Below 2^128: (2^64 - 1)^2 + 2 * (2^64 - 1).
                let sum = u128::from(self.limb[i]) * u128::from(other.limb[j])
                    + u128::from(limbs[i + j])
                    + carry;
                limbs[i + j] = sum as u64;
                carry = sum >> 64;
            }
            limbs[i + 4] = carry as u64;
        }
        let [a, b, c, d, e, f, g, h] = limbs;
        U512 { low: U256 { limb: [a, b, c, d] }, high: U256 { limb: [e, f, g, h] } }
    }

    /// Quotient, rounded down, and what is left. `None`: the divisor is zero.
    #[inline]
    pub fn div_rem(self, divisor: U256) -> Option<(U256, U256)> {
        U512 { low: self, high: U256::ZERO }.div_rem(divisor)
    }

    /// Rounded down. `None`: the divisor is zero.
    #[inline]
    pub fn div_floor(self, divisor: U256) -> Option<U256> {
        Some(self.div_rem(divisor)?.0)
    }

    /// Rounded up. `None`: the divisor is zero.
    #[inline]
    pub fn div_ceil(self, divisor: U256) -> Option<U256> {
        let (quotient, rest) = self.div_rem(divisor)?;
        quotient.checked_add(if rest.is_zero() { U256::ZERO } else { U256::ONE })
    }

    /// `self * other / divisor`, the product in full, rounded down. `None`: the divisor is zero, or
    /// the result is 2^256 or more.
    #[inline]
    pub fn mul_div_floor(self, other: U256, divisor: U256) -> Option<U256> {
        Some(self.mul_wide(other).div_rem(divisor)?.0)
    }

    /// The same, rounded up.
    #[inline]
    pub fn mul_div_ceil(self, other: U256, divisor: U256) -> Option<U256> {
        let (quotient, rest) = self.mul_wide(other).div_rem(divisor)?;
        quotient.checked_add(if rest.is_zero() { U256::ZERO } else { U256::ONE })
    }

    /// The number of bits up to the highest one; 0 for zero.
    #[inline]
    pub fn bits(self) -> u32 {
        (0..4)
            .rev()
            .find(|i| self.limb[*i] != 0)
            .map_or(0, |i| 64 * (i as u32 + 1) - self.limb[i].leading_zeros())
    }

    /// Rounded down.
    #[inline]
    pub fn half(self) -> U256 {
        let [a, b, c, d] = self.limb;
        U256 { limb: [a >> 1 | b << 63, b >> 1 | c << 63, c >> 1 | d << 63, d >> 1] }
    }

    /// As a word of an EVM chain has it.
    #[inline]
    pub fn from_be_bytes(bytes: [u8; 32]) -> U256 {
        let mut limb = [0; 4];
        for (i, part) in bytes.chunks_exact(8).enumerate() {
            limb[3 - i] = part.iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
        }
        U256 { limb }
    }

    #[inline]
    pub fn to_be_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (i, part) in bytes.chunks_exact_mut(8).enumerate() {
            part.copy_from_slice(&self.limb[3 - i].to_be_bytes());
        }
        bytes
    }

    /// The first 32 of `bytes`, big-endian. `None`: there are fewer.
    #[inline]
    pub fn read_be(bytes: &[u8]) -> Option<U256> {
        let mut word = [0; 32];
        word.copy_from_slice(bytes.get(..32)?);
        Some(U256::from_be_bytes(word))
    }

    #[inline]
    pub fn to_le_bytes(self) -> [u8; 32] {
        let mut bytes = self.to_be_bytes();
        bytes.reverse();
        bytes
    }

    /// The first 32 of `bytes`, little-endian. `None`: there are fewer.
    #[inline]
    pub fn read_le(bytes: &[u8]) -> Option<U256> {
        let mut word = [0; 32];
        word.copy_from_slice(bytes.get(..32)?);
        word.reverse();
        Some(U256::from_be_bytes(word))
    }

    #[inline]
    fn wrapping_add(self, other: U256) -> (U256, bool) {
        let mut limb = [0; 4];
        let mut carry = false;
        for (i, out) in limb.iter_mut().enumerate() {
            let (first, a) = self.limb[i].overflowing_add(other.limb[i]);
            let (second, b) = first.overflowing_add(u64::from(carry));
            *out = second;
            carry = a || b;
        }
        (U256 { limb }, carry)
    }
}

impl U512 {
    /// Quotient, rounded down, and what is left. `None`: the divisor is zero, or the quotient is
    /// 2^256 or more. Knuth's algorithm D, on 64-bit digits.
    #[inline]
    pub fn div_rem(self, divisor: U256) -> Option<(U256, U256)> {
        if self.high >= divisor {
            return None; // also a divisor of zero
        }
        if let (true, Some(value), Some(by)) =
            (self.high.is_zero(), self.low.to_u128(), divisor.to_u128())
        {
            return Some((U256::from_u128(value / by), U256::from_u128(value % by)));
        }
        let digits = (divisor.bits() as usize + 63) / 64;
        if digits == 1 {
            return Some(self.div_rem_by_digit(divisor.limb[0]));
        }
        // Both are shifted so that the divisor's highest bit is set: then no digit that is guessed
        // is more than two too great.
        let shift = divisor.limb[digits - 1].leading_zeros();
        let shifted = |high: u64, low: u64| {
            if shift == 0 {
                high
            } else {
                high << shift | low >> (64 - shift)
            }
        };
        let mut by = [0u64; 4];
        for (i, digit) in by.iter_mut().enumerate().take(digits) {
            *digit = shifted(divisor.limb[i], if i == 0 { 0 } else { divisor.limb[i - 1] });
        }
        let limbs = self.limbs();
        let mut rest = [0u64; 9];
        for i in 0..9 {
            rest[i] =
                shifted(if i < 8 { limbs[i] } else { 0 }, if i == 0 { 0 } else { limbs[i - 1] });
        }
        let mut quotient = [0u64; 8];
        for at in (0..=8 - digits).rev() {
            quotient[at] = next_digit(&mut rest[at..=at + digits], &by[..digits]);
        }
        let mut left = U256::ZERO;
        for i in 0..digits {
            let high = if i + 1 < 9 { rest[i + 1] } else { 0 };
            left.limb[i] =
                if shift == 0 { rest[i] } else { rest[i] >> shift | high << (64 - shift) };
        }
        let [a, b, c, d, ..] = quotient;
        Some((U256 { limb: [a, b, c, d] }, left))
    }

    fn limbs(self) -> [u64; 8] {
        let [a, b, c, d] = self.low.limb;
        let [e, f, g, h] = self.high.limb;
        [a, b, c, d, e, f, g, h]
    }

    // Requires high < divisor.
    fn div_rem_by_digit(self, divisor: u64) -> (U256, U256) {
        let mut quotient = [0u64; 8];
        let mut rest = 0u128;
        for (i, limb) in self.limbs().iter().enumerate().rev() {
            let value = rest << 64 | u128::from(*limb);
            quotient[i] = (value / u128::from(divisor)) as u64;
            rest = value % u128::from(divisor);
        }
        let [a, b, c, d, ..] = quotient;
        (U256 { limb: [a, b, c, d] }, U256::from_u128(rest))
    }
}

// One digit of the quotient: `rest`, a digit longer than `by`, loses that many times `by`.
fn next_digit(rest: &mut [u64], by: &[u64]) -> u64 {
    let n = by.len();
    let top = u128::from(rest[n]) << 64 | u128::from(rest[n - 1]);
    let first = u128::from(by[n - 1]);
    let mut digit = top / first;
    let mut left = top % first;
    while digit >> 64 != 0 || digit * u128::from(by[n - 2]) > (left << 64 | u128::from(rest[n - 2]))
    {
        digit -= 1;
        left += first;
        if left >> 64 != 0 {
            break;
        }
    }
    let mut borrow = 0u128;
    let mut carry = 0u128;
    for i in 0..=n {
        let product = carry + if i < n { digit * u128::from(by[i]) } else { 0 };
        carry = product >> 64;
        let taken = u128::from(product as u64) + borrow;
        let (value, under) = u128::from(rest[i]).overflowing_sub(taken);
        rest[i] = value as u64;
        borrow = u128::from(under);
    }
    if borrow == 0 {
        return digit as u64;
    }
    let mut carry = 0u128;
    for i in 0..=n {
        let sum = u128::from(rest[i]) + if i < n { u128::from(by[i]) } else { 0 } + carry;
        rest[i] = sum as u64;
        carry = sum >> 64;
    }
    digit as u64 - 1
}

impl From<u64> for U256 {
    fn from(value: u64) -> U256 {
        U256 { limb: [value, 0, 0, 0] }
    }
}

impl From<u32> for U256 {
    fn from(value: u32) -> U256 {
        U256::from(u64::from(value))
    }
}

impl Ord for U256 {
    fn cmp(&self, other: &U256) -> Ordering {
        self.limb.iter().rev().cmp(other.limb.iter().rev())
    }
}

impl PartialOrd for U256 {
    fn partial_cmp(&self, other: &U256) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = Vec::new();
        let mut value = *self;
        while let Some((rest, digit)) = value.div_rem(U256::from(10u64)) {
            digits.push(b'0' + digit.limb[0] as u8);
            value = rest;
            if value.is_zero() {
                break;
            }
        }
        digits.reverse();
        f.pad_integral(true, "", &String::from_utf8_lossy(&digits))
    }
}

impl fmt::Debug for U256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Numbers whose limbs are often all zeros, all ones or a lone bit: what breaks carries and
    // guessed digits.
    struct Numbers(u64);

    impl Numbers {
        fn limb(&mut self) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            match self.0 % 5 {
                0 => 0,
                1 => u64::MAX,
                2 => 1 << (self.0 >> 58),
                _ => self.0,
            }
        }
        fn next(&mut self) -> U256 {
            let mut limb = [self.limb(), self.limb(), self.limb(), self.limb()];
            let zeros = self.limb() % 4;
            limb.iter_mut().rev().take(zeros as usize).for_each(|limb| *limb = 0);
            U256 { limb }
        }
    }

    #[test]
    fn a_quotient_times_its_divisor_and_the_rest_is_the_product() {
        let mut numbers = Numbers(20201021);
        let (mut fits, mut refused) = (0, 0);
        for _ in 0..200_000 {
            let (a, b, divisor) = (numbers.next(), numbers.next(), numbers.next());
            let product = a.mul_wide(b);
            let (quotient, rest) = match product.div_rem(divisor) {
                Some(both) => both,
                None => {
                    assert!(product.high >= divisor);
                    refused += 1;
                    continue;
                }
            };
            assert!(rest < divisor);
            let back = quotient.mul_wide(divisor);
            let (low, carry) = back.low.wrapping_add(rest);
            let high = if carry { back.high.checked_add(U256::ONE) } else { Some(back.high) };
            assert_eq!(
                (low, high),
                (product.low, Some(product.high)),
                "{} * {} / {}",
                a,
                b,
                divisor
            );
            let up = if rest.is_zero() { Some(quotient) } else { quotient.checked_add(U256::ONE) };
            assert_eq!(
                (a.mul_div_floor(b, divisor), a.mul_div_ceil(b, divisor)),
                (Some(quotient), up)
            );
            fits += 1;
        }
        assert!(fits > 10_000 && refused > 10_000, "{} {}", fits, refused);
    }

    #[test]
    fn sums_and_differences_undo_each_other_or_are_refused() {
        let mut numbers = Numbers(7);
        for _ in 0..100_000 {
            let (a, b) = (numbers.next(), numbers.next());
            match a.checked_add(b) {
                Some(sum) => {
                    assert_eq!((sum.checked_sub(a), sum.checked_sub(b)), (Some(b), Some(a)))
                }
                None => assert!(U256::MAX.checked_sub(a).unwrap() < b),
            }
            assert_eq!(a.checked_sub(b).is_none(), a < b);
            assert_eq!(a.half(), a.div_floor(U256::from(2u64)).unwrap());
            assert_eq!(U256::from_be_bytes(a.to_be_bytes()), a);
            assert_eq!(U256::read_le(&a.to_le_bytes()), Some(a));
        }
    }

    #[test]
    fn numbers_print_all_their_digits() {
        let max = "115792089237316195423570985008687907853269984665640564039457584007913129639935";
        assert_eq!(U256::MAX.to_string(), max);
        assert_eq!(U256::ZERO.to_string(), "0");
        assert_eq!(U256::from_u128(u128::MAX).to_string(), u128::MAX.to_string());
    }
}

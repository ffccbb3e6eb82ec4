// Balancer's swaps in unbounded signed integers, step by step as the contracts' sources tell it.
// Slow, and shares no code with the product, which is compared with it.
#pragma once
#include <boost/multiprecision/cpp_int.hpp>
#include <optional>
#include <vector>

namespace gantry::test::balancer_reference {

using Integer = boost::multiprecision::cpp_int;
using Maybe = std::optional<Integer>;  // nothing: the contract reverts

inline const Integer e18("1000000000000000000");
inline const Integer e20 = e18 * 100;
inline const Integer e36 = e18 * e18;

inline Integer ceil_division(const Integer& a, const Integer& b) {
  return a == 0 ? Integer(0) : Integer((a - 1) / b + 1);
}
inline Integer mul_down(const Integer& a, const Integer& b) { return a * b / e18; }
inline Integer mul_up(const Integer& a, const Integer& b) { return ceil_division(a * b, e18); }
inline Integer div_down(const Integer& a, const Integer& b) { return a * e18 / b; }
inline Integer div_up(const Integer& a, const Integer& b) { return ceil_division(a * e18, b); }

// x_n = 2^(7 - n) and e^(x_n); the first two as 18-decimal and plain numbers, then with 20
// decimals.
struct PowersOfE {
  std::vector<Integer> x;
  std::vector<Integer> a;
  PowersOfE() {
    for (std::size_t n = 0; n < 12; ++n) {
      x.push_back((n < 2 ? e18 : e20) * 128 / (Integer(1) << n));
    }
    for (const char* text :
         {"38877084059945950922200000000000000000000000000000000000",
          "6235149080811616882910000000", "7896296018268069516100000000000000",
          "888611052050787263676000000", "298095798704172827474000", "5459815003314423907810",
          "738905609893065022723", "271828182845904523536", "164872127070012814685",
          "128402541668774148407", "113314845306682631683", "106449445891785942956"}) {
      a.emplace_back(text);
    }
  }
};

inline const PowersOfE& powers() {
  static const PowersOfE table;
  return table;
}

// 2 * (z + z^3/3 + z^5/5 ..), of `terms` terms.
inline Integer atanh_series(const Integer& z, const Integer& scale, int terms) {
  const Integer squared = z * z / scale;
  Integer numerator = z;
  Integer sum = z;
  for (int k = 1; k < terms; ++k) {
    numerator = numerator * squared / scale;
    sum += numerator / (2 * k + 1);
  }
  return sum * 2;
}

inline Integer natural_log(Integer a) {
  if (a < e18) return -natural_log(e36 / a);
  Integer sum = 0;
  for (std::size_t n = 0; n < 2; ++n) {
    if (a >= powers().a[n] * e18) {
      a /= powers().a[n];
      sum += powers().x[n];
    }
  }
  sum *= 100;
  a *= 100;
  for (std::size_t n = 2; n < 12; ++n) {
    if (a >= powers().a[n]) {
      a = a * e20 / powers().a[n];
      sum += powers().x[n];
    }
  }
  const Integer z = (a - e20) * e20 / (a + e20);
  return (sum + atanh_series(z, e20, 6)) / 100;
}

inline Integer natural_exp(Integer x) {
  if (x < 0) return e36 / natural_exp(-x);
  Integer plain = 1;
  for (std::size_t n = 0; n < 2; ++n) {
    if (plain == 1 && x >= powers().x[n]) {
      x -= powers().x[n];
      plain = powers().a[n];
    }
  }
  x *= 100;
  Integer product = e20;
  for (std::size_t n = 2; n < 10; ++n) {
    if (x >= powers().x[n]) {
      x -= powers().x[n];
      product = product * powers().a[n] / e20;
    }
  }
  Integer term = e20;
  Integer sum = e20;
  for (int k = 1; k <= 12; ++k) {
    term = k == 1 ? x : Integer(term * x / e20 / k);
    sum += term;
  }
  return product * sum / e20 * plain / 100;
}

inline Maybe power(const Integer& x, const Integer& y) {
  if (y == 0) return e18;
  if (x == 0) return Integer(0);
  Integer log_times_y;
  if (x > e18 - e18 / 10 && x < e18 + e18 / 10) {
    const Integer wide = x * e18;
    const Integer log = atanh_series((wide - e36) * e36 / (wide + e36), e36, 8);
    log_times_y = log / e18 * y + log % e18 * y / e18;
  } else {
    log_times_y = natural_log(x) * y;
  }
  log_times_y /= e18;
  if (log_times_y < -41 * e18 || log_times_y > 130 * e18) return std::nullopt;
  return natural_exp(log_times_y);
}

inline Maybe power_up(const Integer& x, const Integer& y, bool shortcuts) {
  if (shortcuts && y == e18) return x;
  if (shortcuts && y == 2 * e18) return mul_up(x, x);
  if (shortcuts && y == 4 * e18) return mul_up(mul_up(x, x), mul_up(x, x));
  const Maybe raw = power(x, y);
  if (!raw) return raw;
  return *raw + mul_up(*raw, 10'000) + 1;
}

struct WeightedPair {
  Integer balance_in, weight_in, balance_out, weight_out;
  bool shortcuts = true;
};

inline Maybe weighted_out(const WeightedPair& pool, const Integer& in) {
  if (in > mul_down(pool.balance_in, e18 * 3 / 10)) return std::nullopt;
  const Maybe part = power_up(div_up(pool.balance_in, pool.balance_in + in),
                              div_down(pool.weight_in, pool.weight_out), pool.shortcuts);
  if (!part) return part;
  return mul_down(pool.balance_out, *part < e18 ? Integer(e18 - *part) : Integer(0));
}

inline Maybe weighted_in(const WeightedPair& pool, const Integer& out) {
  if (out > mul_down(pool.balance_out, e18 * 3 / 10)) return std::nullopt;
  const Maybe part = power_up(div_up(pool.balance_out, pool.balance_out - out),
                              div_up(pool.weight_out, pool.weight_in), pool.shortcuts);
  if (!part) return part;
  return mul_up(pool.balance_in, *part - e18);
}

enum class Invariant { up, vyper };

inline Maybe invariant(const std::vector<Integer>& balances, const Integer& amp, Invariant rule) {
  const Integer n = balances.size();
  Integer sum = 0;
  for (const Integer& balance : balances) sum += balance;
  const Integer ann = amp * n;
  Integer d = sum;
  for (int i = 0; i < 255; ++i) {
    const Integer before = d;
    if (rule == Invariant::up) {
      Integer p = balances[0] * n;
      for (std::size_t j = 1; j < balances.size(); ++j) {
        p = ceil_division(p * balances[j] * n, d);
      }
      d = ceil_division(n * d * d + ceil_division(ann * sum * p, 1000),
                        (n + 1) * d + (ann - 1000) * p / 1000);
    } else {
      Integer p = d;
      for (const Integer& balance : balances) {
        if (balance == 0) return std::nullopt;
        p = p * d / (balance * n);
      }
      d = (ann * sum / 1000 + p * n) * d / ((ann - 1000) * d / 1000 + (n + 1) * p);
    }
    if (abs(d - before) <= 1) return d;
  }
  return std::nullopt;
}

inline Maybe balance_at(const std::vector<Integer>& balances, const Integer& amp, const Integer& d,
                        std::size_t token, bool third_vault) {
  const Integer n = balances.size();
  const Integer ann = amp * n;
  Integer p = balances[0] * n;
  Integer others = balances[0];
  for (std::size_t j = 1; j < balances.size(); ++j) {
    p = p * balances[j] * n / d;
    others += balances[j];
  }
  if (p == 0) return std::nullopt;
  others -= balances[token];
  const Integer c = third_vault ? Integer(ceil_division(d * d * 1000, ann * p) * balances[token])
                                : Integer(ceil_division(d * d, ann * p) * 1000 * balances[token]);
  const Integer b = others + (third_vault ? Integer(d * 1000 / ann) : Integer(d / ann * 1000));
  Integer y = ceil_division(d * d + c, d + b);
  for (int i = 0; i < 255; ++i) {
    const Integer before = y;
    const Integer divisor = 2 * y + b - d;
    if (divisor <= 0) return std::nullopt;
    y = ceil_division(y * y + c, divisor);
    if (abs(y - before) <= 1) return y;
  }
  return std::nullopt;
}

struct StablePool {
  std::vector<Integer> balances;
  Integer amp;  // with three more digits
  Invariant rule = Invariant::vyper;
  bool third_vault = false;
};

inline Maybe stable_out(StablePool pool, std::size_t in, std::size_t out, const Integer& amount) {
  const Maybe d = invariant(pool.balances, pool.amp, pool.rule);
  if (!d || *d == 0) return std::nullopt;
  pool.balances[in] += amount;
  const Maybe left = balance_at(pool.balances, pool.amp, *d, out, pool.third_vault);
  if (!left || pool.balances[out] < *left + 1) return std::nullopt;
  return pool.balances[out] - *left - 1;
}

inline Maybe stable_in(StablePool pool, std::size_t in, std::size_t out, const Integer& amount) {
  const Maybe d = invariant(pool.balances, pool.amp, pool.rule);
  if (!d || *d == 0 || amount > pool.balances[out]) return std::nullopt;
  pool.balances[out] -= amount;
  const Maybe needed = balance_at(pool.balances, pool.amp, *d, in, pool.third_vault);
  if (!needed || *needed < pool.balances[in]) return std::nullopt;
  return *needed - pool.balances[in] + 1;
}

}  // namespace gantry::test::balancer_reference

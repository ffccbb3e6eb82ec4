// Between the reference's numbers and the product's.
#pragma once
#include <string>
#include <vector>

#include "gantry/search/sizing.hpp"
#include "plugins/triangular/reference.hpp"

namespace convert {

inline gantry::u256 to_u256(const reference::cpp_int& value) {
  return gantry::parse_decimal(value.str()).value();
}

inline reference::cpp_int to_int(const gantry::u256& value) {
  return reference::cpp_int(gantry::to_string(value));
}

// Exactly: a finite long double is an integer over a power of two.
inline reference::cpp_rational to_rational(long double value) {
  int exponent = 0;
  const long double fraction = std::frexp(value, &exponent);
  reference::cpp_rational result(reference::cpp_int(std::ldexp(fraction, 64)));
  const reference::cpp_rational two_to_the_n(reference::cpp_int(1) << std::abs(exponent - 64));
  return exponent >= 64 ? reference::cpp_rational(result * two_to_the_n)
                        : reference::cpp_rational(result / two_to_the_n);
}

inline gantry::ConstantProduct to_pool(const reference::Leg& leg) {
  return {to_u256(leg.reserve_in), to_u256(leg.reserve_out), leg.fee, leg.denominator};
}

inline std::vector<gantry::search::Leg> to_legs(const std::vector<reference::Leg>& legs) {
  std::vector<gantry::search::Leg> result;
  for (const reference::Leg& leg : legs) {
    result.push_back({to_pool(leg), gantry::u256::max()});
  }
  return result;
}

}  // namespace convert

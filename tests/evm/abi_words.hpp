// The chain's words in the tests' own terms: hexadecimal, 32-byte ABI words, Integer.
// Shares no code with the product, which is compared with what is made here.
#pragma once
#include <boost/multiprecision/cpp_int.hpp>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gantry::test {

using Integer = boost::multiprecision::cpp_int;

constexpr std::size_t word_digits = 64;  // hexadecimal digits of a 32-byte word

// 64 digits without "0x". Throws if the value needs more than 256 bits.
inline std::string word(const Integer& value) {
  if (value < 0 || (value >> 256) != 0) throw std::runtime_error("not a 256-bit word");
  std::string digits = value.str(0, std::ios_base::hex);
  for (char& digit : digits) {
    if (digit >= 'A' && digit <= 'F') digit = static_cast<char>(digit - 'A' + 'a');
  }
  return std::string(word_digits - digits.size(), '0') + digits;
}

inline std::string hex_word(const Integer& value) { return "0x" + word(value); }

// An address ("0x" and 40 digits) as an ABI word.
inline std::string address_word(std::string_view address) {
  return std::string(24, '0') + std::string(address.substr(2));
}

// "0x..." of any length.
inline Integer to_integer(std::string_view hex) {
  return hex.size() <= 2 ? Integer(0) : Integer(std::string(hex));
}

// The index-th word of "0x..." return data or log data.
inline Integer word_at(std::string_view hex, std::size_t index) {
  const std::size_t begin = 2 + index * word_digits;
  if (hex.size() < begin + word_digits) throw std::runtime_error("short ABI data");
  return to_integer("0x" + std::string(hex.substr(begin, word_digits)));
}

// "0x" and two digits for each byte.
inline std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string hex = "0x";
  for (const std::uint8_t byte : bytes) {
    hex.push_back(digits[byte >> 4U]);
    hex.push_back(digits[byte & 15U]);
  }
  return hex;
}

inline std::vector<std::uint8_t> to_bytes(std::string_view hex) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 2; i + 1 < hex.size(); i += 2) {
    const std::string digits(hex.substr(i, 2));
    bytes.push_back(static_cast<std::uint8_t>(std::stoul(digits, nullptr, 16)));
  }
  return bytes;
}

}  // namespace gantry::test

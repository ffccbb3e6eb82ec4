// The arguments of a call, or what one returns, in the ABI's encoding.
#pragma once
#include <string>
#include <vector>

#include "evm/abi_words.hpp"

namespace gantry::test {

class AbiArguments {
 public:
  AbiArguments& word(const Integer& value) { return add(test::word(value), false); }
  AbiArguments& address(const std::string& value) { return add(address_word(value), false); }
  AbiArguments& bytes(const std::string& hex_digits) {
    std::string padded = hex_digits;
    padded.resize((padded.size() + word_digits - 1) / word_digits * word_digits, '0');
    return tail(test::word(hex_digits.size() / 2) + padded);
  }
  AbiArguments& text(const std::string& value) {
    return bytes(
        to_hex({reinterpret_cast<const std::uint8_t*>(value.data()), value.size()}).substr(2));
  }
  AbiArguments& words(const std::vector<Integer>& values) {
    std::string digits = test::word(values.size());
    for (const Integer& value : values) digits += test::word(value);
    return tail(digits);
  }
  AbiArguments& addresses(const std::vector<std::string>& values) {
    std::vector<Integer> numbers;
    for (const std::string& value : values) numbers.push_back(to_integer(value));
    return words(numbers);
  }
  // An argument of dynamic size that is encoded already.
  AbiArguments& tail(const std::string& hex_digits) { return add(hex_digits, true); }

  // Without "0x".
  std::string digits() const {
    std::string head;
    std::string tails;
    for (const Part& part : parts_) {
      if (part.dynamic) {
        head += test::word(parts_.size() * 32 + tails.size() / 2);
        tails += part.digits;
      } else {
        head += part.digits;
      }
    }
    return head + tails;
  }

 private:
  struct Part {
    std::string digits;
    bool dynamic;
  };
  AbiArguments& add(std::string digits, bool dynamic) {
    parts_.push_back({std::move(digits), dynamic});
    return *this;
  }
  std::vector<Part> parts_;
};

}  // namespace gantry::test

// The fields of a market event's bytes: accounts of 20 bytes, words of 8, little-endian. Sizes are
// the caller's to check.
#pragma once
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "host/market/pending_rules.hpp"
#include "host/recording/format.hpp"

namespace gantry::host {

class EventWriter {
 public:
  explicit EventWriter(std::size_t bytes) { bytes_.reserve(bytes); }
  void account(const gantry_address& address) { raw({address.bytes, pending_account_bytes}); }
  void word(std::uint64_t value) {
    std::uint8_t bytes[sizeof(value)];
    recording::store_word(value, bytes);
    raw(bytes);
  }
  void raw(std::span<const std::uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  }
  recording::Bytes take() { return std::move(bytes_); }

 private:
  recording::Bytes bytes_;
};

class EventReader {
 public:
  explicit EventReader(const recording::Bytes& bytes) : at_(bytes.data()) {}
  gantry_address account() {
    gantry_address address{GANTRY_ADDRESS_EVM, pending_account_bytes, {}, {}};
    std::memcpy(address.bytes, at_, pending_account_bytes);
    at_ += pending_account_bytes;
    return address;
  }
  std::uint64_t word() {
    at_ += sizeof(std::uint64_t);
    return recording::load_word<std::uint64_t>(at_ - sizeof(std::uint64_t));
  }
  const std::uint8_t* raw(std::size_t bytes) {
    at_ += bytes;
    return at_ - bytes;
  }

 private:
  const std::uint8_t* at_;
};

}  // namespace gantry::host

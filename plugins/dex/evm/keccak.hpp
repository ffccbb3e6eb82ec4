// Keccak-256 as the EVM has it (the padding of before SHA-3), of a message in pieces.
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "plugins/dex/evm/abi.hpp"

namespace gantry::evm {

// Keccak-f[1600]: FIPS 202, section 3.2, the steps in one pass over the 25 lanes. The constants are
// derived, not listed: the round constants' bits from the shift register of its section 3.2.5, the
// rotations from the walk of its section 3.2.2.
class Keccak256 {
 public:
  void update(std::span<const std::uint8_t> bytes) noexcept {
    for (const std::uint8_t byte : bytes) {
      lanes_[filled_ / 8] ^= std::uint64_t{byte} << (8 * (filled_ % 8));
      if (++filled_ == rate_bytes) {
        permute();
        filled_ = 0;
      }
    }
  }

  Topic digest() noexcept {
    lanes_[filled_ / 8] ^= std::uint64_t{0x01} << (8 * (filled_ % 8));
    lanes_[rate_bytes / 8 - 1] ^= std::uint64_t{0x80} << 56U;
    permute();
    Topic result{};
    for (std::size_t i = 0; i < result.size(); ++i) {
      result[i] = static_cast<std::uint8_t>(lanes_[i / 8] >> (8 * (i % 8)));
    }
    return result;
  }

 private:
  static constexpr std::size_t rate_bytes = 136;  // 1600 bits less twice 256
  static constexpr std::size_t rounds = 24;
  using Lanes = std::array<std::uint64_t, 25>;  // of column x and row y: 5 * y + x

  static constexpr std::array<std::uint64_t, rounds> round_constants() noexcept {
    std::array<std::uint64_t, rounds> constants{};
    unsigned shift_register = 1;
    for (std::uint64_t& constant : constants) {
      for (unsigned bit = 0; bit < 7; ++bit) {
        if ((shift_register & 1U) != 0) constant |= std::uint64_t{1} << ((1U << bit) - 1U);
        shift_register <<= 1U;
        if ((shift_register & 0x100U) != 0) shift_register ^= 0x171U;
      }
    }
    return constants;
  }

  static constexpr std::array<int, 25> rotations() noexcept {
    std::array<int, 25> by_lane{};
    std::size_t x = 1;
    std::size_t y = 0;
    for (std::size_t t = 0; t < 24; ++t) {
      by_lane[5 * y + x] = static_cast<int>((t + 1) * (t + 2) / 2 % 64);
      const std::size_t down = (2 * x + 3 * y) % 5;
      x = y;
      y = down;
    }
    return by_lane;
  }

  void permute() noexcept {
    static constexpr auto constants = round_constants();
    static constexpr auto turns = rotations();
    for (const std::uint64_t constant : constants) {
      std::array<std::uint64_t, 5> parity{};
      for (std::size_t i = 0; i < 25; ++i) parity[i % 5] ^= lanes_[i];
      Lanes moved{};
      for (std::size_t y = 0; y < 5; ++y) {
        for (std::size_t x = 0; x < 5; ++x) {
          const std::uint64_t lane =
              lanes_[5 * y + x] ^ parity[(x + 4) % 5] ^ std::rotl(parity[(x + 1) % 5], 1);
          moved[5 * ((2 * x + 3 * y) % 5) + y] = std::rotl(lane, turns[5 * y + x]);
        }
      }
      for (std::size_t y = 0; y < 5; ++y) {
        for (std::size_t x = 0; x < 5; ++x) {
          lanes_[5 * y + x] =
              moved[5 * y + x] ^ (~moved[5 * y + (x + 1) % 5] & moved[5 * y + (x + 2) % 5]);
        }
      }
      lanes_[0] ^= constant;
    }
  }

  Lanes lanes_{};
  std::size_t filled_ = 0;  // bytes of the block that is being taken
};

inline Topic keccak256(std::span<const std::uint8_t> bytes) noexcept {
  Keccak256 hash;
  hash.update(bytes);
  return hash.digest();
}

}  // namespace gantry::evm

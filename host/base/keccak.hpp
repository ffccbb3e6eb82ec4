// Keccak-256 as Ethereum has it, which is not SHA3-256; and what is made of it: EIP-55 addresses.
//
// THREADS  A Keccak belongs to one thread at a time; the functions may be called from any.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace gantry::host {

using Hash32 = std::array<std::uint8_t, 32>;

// One hash after the other; only making it allocates.
class Keccak {
 public:
  Keccak();
  Keccak(Keccak&&) noexcept;
  Keccak& operator=(Keccak&&) noexcept;
  ~Keccak();

  void add(std::span<const std::uint8_t> bytes);
  // Of all that was added since the last one.
  Hash32 finish();
  Hash32 of(std::span<const std::uint8_t> bytes) {
    add(bytes);
    return finish();
  }

 private:
  struct Hash;
  std::unique_ptr<Hash> hash_;
};

// Where no Keccak is at hand: makes one.
Hash32 keccak_of(std::span<const std::uint8_t> bytes);
Hash32 keccak_of(std::string_view text);
// The first four bytes of a signature's hash, as of "fund(address,uint256)".
std::array<std::uint8_t, 4> selector_of(std::string_view signature);

// "0x" and 40 digits, of which a letter is upper case where the same digit of the hash of the
// lower-case text is 8 or more (EIP-55).
std::string checksummed_address(std::span<const std::uint8_t, 20> address);

}  // namespace gantry::host

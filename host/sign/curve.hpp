// secp256k1: signatures that Ethereum takes, and whose they are. libsecp256k1 is behind this and
// nowhere else.
//
// Signing takes the same time whatever the key, its nonce is that of RFC 6979, and s is in the
// lower half of the group's order (EIP-2).
// THREADS  [any thread], at once too: a curve does not change once it is made.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "gantry/abi.h"
#include "host/base/keccak.hpp"
#include "host/base/result.hpp"
#include "host/ports/random.hpp"
#include "host/sign/secret.hpp"

struct secp256k1_context_struct;

namespace gantry::host::sign {

using EvmAddress = std::array<std::uint8_t, 20>;
EvmAddress evm_address(const gantry_address& address);  // of an EVM address
gantry_address to_gantry(const EvmAddress& address);

struct Signature {
  Hash32 r{};
  Hash32 s{};
  std::uint8_t y_parity = 0;  // 0 or 1

  friend bool operator==(const Signature&, const Signature&) = default;
};
// r, s, and 27 or 28: how messages and user operations carry a signature.
std::array<std::uint8_t, 65> signature_bytes(const Signature& signature);
// The same read, with 0 and 1 taken for 27 and 28. Fails with `format`.
Result<Signature> parse_signature(std::span<const std::uint8_t> bytes);

class Curve {
 public:
  // Its blinding against side channels is drawn from `random`. Fails as that does.
  static Result<Curve> make(const Random& random);

  // Whether these are 32 bytes of a number from 1 to the group's order less 1.
  bool is_key(const SecretBytes& key) const;
  // Of a key.
  EvmAddress address_of(const SecretBytes& key) const;
  Signature sign(const SecretBytes& key, const Hash32& hash) const;
  // Whose signature of `hash` it is. Fails with `format`: nobody's, or s is in the upper half.
  Result<EvmAddress> recover(const Hash32& hash, const Signature& signature) const;

 private:
  struct End {
    void operator()(secp256k1_context_struct* context) const;
  };
  explicit Curve(secp256k1_context_struct* context) : context_(context) {}
  std::unique_ptr<secp256k1_context_struct, End> context_;
};

}  // namespace gantry::host::sign

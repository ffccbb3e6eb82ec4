#include "host/sign/curve.hpp"

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace gantry::host::sign {
namespace {

constexpr std::size_t key_bytes = 32;
constexpr std::size_t point_bytes = 65;  // uncompressed: 4, x, y
// Half the group's order, rounded down: s may be that, and no more (EIP-2).
constexpr Hash32 half_order = {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                               0xff, 0xff, 0xff, 0xff, 0xff, 0x5d, 0x57, 0x6e, 0x73, 0x57, 0xa4,
                               0x50, 0x1d, 0xdf, 0xe9, 0x2f, 0x46, 0x68, 0x1b, 0x20, 0xa0};

EvmAddress address_of_point(const secp256k1_context* context, const secp256k1_pubkey& key) {
  std::array<std::uint8_t, point_bytes> point{};
  std::size_t size = point.size();
  secp256k1_ec_pubkey_serialize(context, point.data(), &size, &key, SECP256K1_EC_UNCOMPRESSED);
  const Hash32 hash = keccak_of(std::span<const std::uint8_t>(point).subspan(1));
  EvmAddress address;
  std::copy(hash.begin() + 12, hash.end(), address.begin());
  return address;
}

}  // namespace

EvmAddress evm_address(const gantry_address& address) {
  EvmAddress out;
  std::copy_n(address.bytes, out.size(), out.begin());
  return out;
}

gantry_address to_gantry(const EvmAddress& address) {
  gantry_address out{};
  out.kind = GANTRY_ADDRESS_EVM;
  out.length = static_cast<std::uint8_t>(address.size());
  std::ranges::copy(address, out.bytes);
  return out;
}

std::array<std::uint8_t, 65> signature_bytes(const Signature& signature) {
  std::array<std::uint8_t, 65> out;
  std::ranges::copy(signature.r, out.begin());
  std::ranges::copy(signature.s, out.begin() + 32);
  out[64] = static_cast<std::uint8_t>(27 + signature.y_parity);
  return out;
}

Result<Signature> parse_signature(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != 65) {
    return fail(ErrorKind::format, "it has another length than the 65 bytes of a signature");
  }
  Signature out;
  std::copy_n(bytes.begin(), 32, out.r.begin());
  std::copy_n(bytes.begin() + 32, 32, out.s.begin());
  const std::uint8_t v = bytes[64];
  if (v > 1 && v != 27 && v != 28) {
    return fail(ErrorKind::format, "its last byte is none of 0, 1, 27 and 28");
  }
  out.y_parity = v >= 27 ? static_cast<std::uint8_t>(v - 27) : v;
  return out;
}

void Curve::End::operator()(secp256k1_context_struct* context) const {
  secp256k1_context_destroy(context);
}

Result<Curve> Curve::make(const Random& random) {
  std::array<std::uint8_t, 32> seed{};
  if (auto drawn = random(seed); !drawn) return std::unexpected(std::move(drawn.error()));
  Curve curve(secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY));
  const int blinded = secp256k1_context_randomize(curve.context_.get(), seed.data());
  wipe(seed.data(), seed.size());
  if (blinded != 1) return fail(ErrorKind::internal, "libsecp256k1 took no randomness");
  return curve;
}

bool Curve::is_key(const SecretBytes& key) const {
  return key.size() == key_bytes && secp256k1_ec_seckey_verify(context_.get(), key.data()) == 1;
}

EvmAddress Curve::address_of(const SecretBytes& key) const {
  secp256k1_pubkey point;
  if (key.size() != key_bytes ||
      secp256k1_ec_pubkey_create(context_.get(), &point, key.data()) != 1) {
    throw std::logic_error("no key of secp256k1: is_key() was not asked");
  }
  return address_of_point(context_.get(), point);
}

Signature Curve::sign(const SecretBytes& key, const Hash32& hash) const {
  secp256k1_ecdsa_recoverable_signature made;
  if (key.size() != key_bytes ||
      secp256k1_ecdsa_sign_recoverable(context_.get(), &made, hash.data(), key.data(),
                                       secp256k1_nonce_function_rfc6979, nullptr) != 1) {
    throw std::logic_error("no key of secp256k1: is_key() was not asked");
  }
  std::array<std::uint8_t, 64> compact;
  int parity = 0;
  secp256k1_ecdsa_recoverable_signature_serialize_compact(context_.get(), compact.data(), &parity,
                                                          &made);
  Signature out;
  std::copy_n(compact.begin(), 32, out.r.begin());
  std::copy_n(compact.begin() + 32, 32, out.s.begin());
  // 2 and 3 would be for an r above the order, which one signature of 2^128 has.
  out.y_parity = static_cast<std::uint8_t>(parity & 1);
  return out;
}

Result<EvmAddress> Curve::recover(const Hash32& hash, const Signature& signature) const {
  if (signature.s > half_order) {
    return fail(ErrorKind::format, "the signature's s is in the upper half, which no chain takes");
  }
  std::array<std::uint8_t, 64> compact;
  std::ranges::copy(signature.r, compact.begin());
  std::ranges::copy(signature.s, compact.begin() + 32);
  secp256k1_ecdsa_recoverable_signature parsed;
  secp256k1_pubkey point;
  if (signature.y_parity > 1 ||
      secp256k1_ecdsa_recoverable_signature_parse_compact(context_.get(), &parsed, compact.data(),
                                                          signature.y_parity) != 1 ||
      secp256k1_ecdsa_recover(context_.get(), &point, &parsed, hash.data()) != 1) {
    return fail(ErrorKind::format, "the signature is nobody's");
  }
  return address_of_point(context_.get(), point);
}

}  // namespace gantry::host::sign

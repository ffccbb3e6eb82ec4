// What is signed besides transactions: personal messages (EIP-191) and typed data (EIP-712), as far
// as user operations and relays want them.
//
// THREADS  [any thread]
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "host/base/keccak.hpp"
#include "host/sign/curve.hpp"

namespace gantry::host::sign {

// keccak256("\x19Ethereum Signed Message:\n" || length in decimal || message): EIP-191, version
// 0x45, as wallets sign messages.
Hash32 message_hash(std::span<const std::uint8_t> message);

// The EIP-712 domains that have just these four members.
struct TypedDataDomain {
  std::string_view name;
  std::string_view version;
  std::uint64_t chain_id = 0;
  EvmAddress verifying_contract{};
};
Hash32 domain_separator(const TypedDataDomain& domain);
// keccak256(0x1901 || separator || hash of the struct): what is signed.
Hash32 typed_data_hash(const Hash32& domain_separator, const Hash32& struct_hash);

// What relays that speak Flashbots' protocol want signed of a request's body: the text "0x..." of
// its hash, as a personal message. To be given to Signer::sign_message().
std::string relay_message(std::string_view body);
// The header X-Flashbots-Signature: "<address>:<signature>".
std::string relay_header(const EvmAddress& address, const Signature& signature);

}  // namespace gantry::host::sign

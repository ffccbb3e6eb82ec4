#include "host/sign/message.hpp"

#include <fmt/format.h>

#include <array>

#include "host/base/text.hpp"
#include "host/sign/abi_words.hpp"

namespace gantry::host::sign {
namespace {

std::span<const std::uint8_t> bytes_of_text(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

}  // namespace

Hash32 message_hash(std::span<const std::uint8_t> message) {
  Keccak keccak;
  keccak.add(
      bytes_of_text(fmt::format("\x19"
                                "Ethereum Signed Message:\n{}",
                                message.size())));
  keccak.add(message);
  return keccak.finish();
}

Hash32 domain_separator(const TypedDataDomain& domain) {
  AbiWords words;
  words.add(keccak_of(std::string_view(
      "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")));
  words.add(keccak_of(domain.name));
  words.add(keccak_of(domain.version));
  words.add(u256(domain.chain_id));
  words.add(domain.verifying_contract);
  return words.hash();
}

Hash32 typed_data_hash(const Hash32& domain_separator, const Hash32& struct_hash) {
  constexpr std::array<std::uint8_t, 2> prefix = {0x19, 0x01};
  Keccak keccak;
  keccak.add(prefix);
  keccak.add(domain_separator);
  keccak.add(struct_hash);
  return keccak.finish();
}

std::string relay_message(std::string_view body) { return hex_text(keccak_of(body)); }

std::string relay_header(const EvmAddress& address, const Signature& signature) {
  return checksummed_address(address) + ":" + hex_text(signature_bytes(signature));
}

}  // namespace gantry::host::sign

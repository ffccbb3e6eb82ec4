// Signed transactions as a remote signer sends them, and keystores. The first byte chooses which.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "host/sign/keystore.hpp"
#include "host/sign/remote_signer.hpp"
#include "input.hpp"

namespace {

using namespace gantry::host;
using namespace gantry::host::sign;
using gantry::fuzz::must;

// What reads has one encoding, differs from itself in nothing, and is somebody's or nobody's.
void read_transaction(std::span<const std::uint8_t> bytes) {
  static const Curve curve = Curve::make([](std::span<std::uint8_t> out) -> Status {
                               std::ranges::fill(out, std::uint8_t{7});
                               return {};
                             }).value();
  const auto decoded = decode_transaction(bytes);
  if (!decoded) return;
  const Transaction& transaction = decoded->transaction;
  must(check_transaction(transaction).has_value());
  must(difference(transaction, transaction).empty());
  std::vector<std::uint8_t> buffer(TransactionEncoder::buffer_size(transaction));
  TransactionEncoder encoder(transaction, buffer);
  must(std::ranges::equal(encoder.signed_bytes(decoded->signature), bytes));
  must(keccak_of(encoder.unsigned_bytes()) == signing_hash(transaction));
  static_cast<void>(sender_of(*decoded, curve));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> rest(data + 1, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(rest.data()), rest.size());
  switch (data[0] % 3) {
    case 0:
      read_transaction(rest);
      return 0;
    case 1: {
      const auto keystore = Keystore::parse(text, "fuzz");
      if (keystore) must(keystore->derivation() == "scrypt" || keystore->derivation() == "pbkdf2");
      return 0;
    }
    default: {
      const auto signature = parse_signature(rest);
      if (signature) must(parse_signature(signature_bytes(*signature)).value() == *signature);
      static_cast<void>(parse_key(secret_of(text), "fuzz"));
      return 0;
    }
  }
}

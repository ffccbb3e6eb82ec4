#include <utility>

#include "host/sign/message.hpp"
#include "host/sign/signer.hpp"

namespace gantry::host::sign {
namespace {

class LocalSigner final : public Signer {
 public:
  LocalSigner(SecretBytes key, Curve curve)
      : key_(std::move(key)), curve_(std::move(curve)), address_(curve_.address_of(key_)) {}

  const EvmAddress& address() const override { return address_; }
  bool is_local() const override { return true; }

  Result<SignedTransaction> sign(const Transaction& transaction,
                                 std::span<std::uint8_t> buffer) override {
    if (auto checked = check_transaction(transaction); !checked) {
      return std::unexpected(std::move(checked.error()));
    }
    TransactionEncoder encoder(transaction, buffer);
    if (!encoder.fits()) {
      return fail(ErrorKind::limit, "the buffer is too small for the signed transaction");
    }
    const Signature signature = curve_.sign(key_, keccak_.of(encoder.unsigned_bytes()));
    SignedTransaction out{.bytes = encoder.signed_bytes(signature)};
    out.hash = keccak_.of(out.bytes);
    return out;
  }

  Result<Signature> sign_message(std::span<const std::uint8_t> message) override {
    return curve_.sign(key_, message_hash(message));
  }

  Result<Signature> sign_user_operation(const UserOperation& operation,
                                        const EntryPoint& entry_point) override {
    if (auto checked = check_user_operation(operation, entry_point.version); !checked) {
      return std::unexpected(std::move(checked.error()));
    }
    const Hash32 hash = user_operation_hash(operation, entry_point);
    if (entry_point.version == EntryPointVersion::v0_8) return curve_.sign(key_, hash);
    return sign_message(hash);
  }

 private:
  SecretBytes key_;
  Curve curve_;
  EvmAddress address_;
  Keccak keccak_;
};

}  // namespace

Result<std::unique_ptr<Signer>> make_local_signer(SecretBytes key, Curve curve) {
  if (!curve.is_key(key)) {
    return fail(ErrorKind::format,
                "is no key: 32 bytes of a number from 1 to the order of secp256k1 less 1");
  }
  return std::make_unique<LocalSigner>(std::move(key), std::move(curve));
}

}  // namespace gantry::host::sign

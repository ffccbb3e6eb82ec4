// Who signs for the account: a key of this process, or a signer elsewhere.
//
// ERRORS   `format`: what is to be signed could not be taken by any chain. `limit`: the buffer is
//          too small. Of a remote signer also `io`, when it does not answer or refuses, and
//          `plugin`, when it signed something else than was asked.
// THREADS  [one thread at a time]
#pragma once
#include <cstdint>
#include <memory>
#include <span>

#include "host/base/result.hpp"
#include "host/sign/curve.hpp"
#include "host/sign/transaction.hpp"
#include "host/sign/user_operation.hpp"

namespace gantry::host::sign {

class Signer {
 public:
  virtual ~Signer() = default;

  // Of the key that signs. A smart account of which it is the owner has another.
  virtual const EvmAddress& address() const = 0;
  // Whether signing takes a computation, and nobody has to be asked.
  virtual bool is_local() const = 0;
  // Into `buffer`, of which TransactionEncoder::buffer_size() bytes are enough.
  virtual Result<SignedTransaction> sign(const Transaction& transaction,
                                         std::span<std::uint8_t> buffer) = 0;
  // As a personal message (EIP-191).
  virtual Result<Signature> sign_message(std::span<const std::uint8_t> message) = 0;
  // As eth-infinitism's SimpleAccount of that version has its owner sign: the operation's hash as a
  // personal message up to v0.7, as typed data from v0.8 on.
  virtual Result<Signature> sign_user_operation(const UserOperation& operation,
                                                const EntryPoint& entry_point) = 0;
};

// With a key of this process, which is wiped with it. Signing a transaction allocates nothing.
// Fails with `format` when those are no bytes of a key.
Result<std::unique_ptr<Signer>> make_local_signer(SecretBytes key, Curve curve);

}  // namespace gantry::host::sign

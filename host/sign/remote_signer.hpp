// A signer elsewhere: web3signer, or clef of go-ethereum, over JSON-RPC.
//
// Nothing that it answers is believed. A transaction is decoded and compared with what was asked,
// field by field, and whoever signed it, or a message, has to be the address that was configured.
// ERRORS   See signer.hpp; each names the signer's origin, never a key in its URL.
// THREADS  [one thread at a time]
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/config/secret.hpp"
#include "host/config/settings.hpp"
#include "host/ports/http.hpp"
#include "host/sign/signer.hpp"

namespace gantry::host::sign {

struct RemoteSignerOptions {
  Secret url;  // http or https
  RemoteSignerKind kind = RemoteSignerKind::web3signer;
  std::int64_t timeout_ms = 10000;  // a human may have to say yes
  EvmAddress address{};             // whose signatures it is to make
};

class RemoteSigner final : public Signer {
 public:
  // `http` outlives it.
  RemoteSigner(Http& http, RemoteSignerOptions options, Curve curve);

  const EvmAddress& address() const override { return options_.address; }
  bool is_local() const override { return false; }
  Result<SignedTransaction> sign(const Transaction& transaction,
                                 std::span<std::uint8_t> buffer) override;
  Result<Signature> sign_message(std::span<const std::uint8_t> message) override;
  Result<Signature> sign_user_operation(const UserOperation& operation,
                                        const EntryPoint& entry_point) override;
  // Whether it answers and has the address among its accounts; signs nothing.
  Status check();

 private:
  Result<boost::json::value> ask(std::string_view method, boost::json::array params);
  Result<Signature> checked(const Result<boost::json::value>& answer, const Hash32& hash) const;
  // An error of this signer's.
  std::unexpected<Error> refuse(ErrorKind kind, std::string_view what) const;

  Http& http_;
  RemoteSignerOptions options_;
  Curve curve_;
  std::uint64_t next_id_ = 1;
};

// The first field in which two transactions differ, as "its nonce is 8, and 7 was asked for";
// empty: none.
std::string difference(const Transaction& asked, const Transaction& got);

}  // namespace gantry::host::sign

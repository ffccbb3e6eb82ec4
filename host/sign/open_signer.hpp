// The signer that [wallet] names.
//
// ERRORS   As those of keystore.hpp and signer.hpp; `configuration` when [wallet] names none, when
//          its key is of another account, or when the password is nowhere to be had.
// THREADS  [main]
#pragma once
#include <functional>
#include <memory>
#include <optional>

#include "host/config/secret.hpp"
#include "host/config/settings.hpp"
#include "host/ports/http.hpp"
#include "host/ports/random.hpp"
#include "host/sign/keystore.hpp"
#include "host/sign/signer.hpp"

namespace gantry::host::sign {

// Asks whoever is at the terminal, unseen; nullopt: there is none.
using AskPassword = std::function<std::optional<SecretBytes>()>;

// The password of `keystore`: from the variable, where one is named, else asked for.
Result<SecretBytes> password_for(const Keystore& keystore, std::string_view variable,
                                 const Environment& environment, const AskPassword& ask);

// That the keystore is of the account that [wallet] names, as far as it says without its password.
Status check_account(const Keystore& keystore, const WalletSettings& wallet);

// What it needs of the world; all outlive the signer but `ask`.
struct SignerPorts {
  Http& http;
  const Environment& environment;
  const Random& random;
  AskPassword ask;
};
// A remote one is asked whether it has the account.
Result<std::unique_ptr<Signer>> open_signer(const WalletSettings& wallet, const SignerPorts& ports);

}  // namespace gantry::host::sign

#include "host/sign/open_signer.hpp"

#include <fmt/format.h>

#include <utility>

#include "host/sign/remote_signer.hpp"

namespace gantry::host::sign {
namespace {

std::unexpected<Error> of_another(std::string_view name, const EvmAddress& key,
                                  const EvmAddress& wanted) {
  return fail(ErrorKind::configuration,
              fmt::format("{}: holds the key of {}, and [wallet] wants that of {}. Name its own "
                          "keystore, or, where sender is a smart account, set owner to the address "
                          "whose key signs for it",
                          name, checksummed_address(key), checksummed_address(wanted)));
}

bool is_evm(const gantry_address& address) { return address.kind == GANTRY_ADDRESS_EVM; }

Result<std::unique_ptr<Signer>> open_keystore(const WalletSettings& wallet,
                                              const SignerPorts& ports, Curve curve) {
  const auto keystore = Keystore::read(wallet.keystore);
  if (!keystore) return std::unexpected(keystore.error());
  // Before the password is asked for.
  if (auto same = check_account(*keystore, wallet); !same) return std::unexpected(same.error());
  const auto password =
      password_for(*keystore, wallet.password_variable, ports.environment, ports.ask);
  if (!password) return std::unexpected(password.error());
  auto key = keystore->decrypt(*password, curve);
  if (!key) return std::unexpected(std::move(key.error()));
  const EvmAddress address = curve.address_of(*key);
  if (is_evm(wallet.signer()) && evm_address(wallet.signer()) != address) {
    return of_another(keystore->name(), address, evm_address(wallet.signer()));
  }
  return make_local_signer(std::move(*key), std::move(curve));
}

Result<std::unique_ptr<Signer>> open_remote(const WalletSettings& wallet, const SignerPorts& ports,
                                            Curve curve) {
  if (!is_evm(wallet.signer())) {
    return fail(ErrorKind::configuration,
                "[wallet] names a remote signer, but no account of an EVM chain that it signs for: "
                "set owner or sender");
  }
  auto url = wallet.remote_signer.resolve(ports.environment);
  if (!url) {
    return fail(ErrorKind::configuration, "wallet.remote_signer: " + url.error().message);
  }
  auto signer = std::make_unique<RemoteSigner>(
      ports.http,
      RemoteSignerOptions{.url = std::move(*url),
                          .kind = wallet.remote_signer_kind,
                          .timeout_ms = wallet.remote_signer_timeout_ms,
                          .address = evm_address(wallet.signer())},
      std::move(curve));
  if (auto has = signer->check(); !has) return std::unexpected(std::move(has.error()));
  return signer;
}

}  // namespace

Result<SecretBytes> password_for(const Keystore& keystore, std::string_view variable,
                                 const Environment& environment, const AskPassword& ask) {
  if (variable.empty()) {
    if (auto password = ask()) return std::move(*password);
    return fail(ErrorKind::configuration,
                fmt::format("{}: its password is needed, and there is no terminal to ask for it. "
                            "Name the variable of the environment that holds it: password_variable "
                            "in [wallet], or --password-env",
                            keystore.name()));
  }
  auto text = environment(variable);
  if (!text || text->empty()) {
    return fail(ErrorKind::configuration,
                fmt::format("{}: its password is needed, and the environment variable {} is not "
                            "set. Set it before the start",
                            keystore.name(), variable));
  }
  SecretBytes password = secret_of(*text);
  wipe(text->data(), text->size());
  return password;
}

Status check_account(const Keystore& keystore, const WalletSettings& wallet) {
  const auto& says = keystore.address();
  if (!says || !is_evm(wallet.signer()) || evm_address(wallet.signer()) == *says) return {};
  return of_another(keystore.name(), *says, evm_address(wallet.signer()));
}

Result<std::unique_ptr<Signer>> open_signer(const WalletSettings& wallet,
                                            const SignerPorts& ports) {
  if (!wallet.signs()) {
    return fail(ErrorKind::configuration,
                "[wallet] of gantry.toml names nobody who signs: set keystore or remote_signer. A "
                "dry run needs neither");
  }
  auto curve = Curve::make(ports.random);
  if (!curve) return std::unexpected(std::move(curve.error()));
  return wallet.keystore.empty() ? open_remote(wallet, ports, std::move(*curve))
                                 : open_keystore(wallet, ports, std::move(*curve));
}

}  // namespace gantry::host::sign

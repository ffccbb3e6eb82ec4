// Who signs for the account, for gantry doctor.
#include <fmt/format.h>
#include <sys/stat.h>

#include "host/cli/doctor.hpp"
#include "host/sign/open_signer.hpp"

namespace gantry::host::cli {
namespace {

constexpr mode_t others = 077;

Check check_keystore(const WalletSettings& wallet) {
  const auto keystore = sign::Keystore::read(wallet.keystore);
  if (!keystore) return {"signer", Verdict::bad, keystore.error().message};
  if (const auto same = sign::check_account(*keystore, wallet); !same) {
    return {"signer", Verdict::bad, same.error().message};
  }
  const std::string name = wallet.keystore.string();
  struct stat facts{};
  if (::stat(wallet.keystore.c_str(), &facts) == 0 && (facts.st_mode & others) != 0) {
    return {"signer", Verdict::bad,
            fmt::format("{}: others may read or write it, who can then guess its password: chmod "
                        "600 {}",
                        name, name)};
  }
  return {
      "signer", Verdict::ok,
      fmt::format("keystore {}{}", name,
                  keystore->address() ? ", the key of " + checksummed_address(*keystore->address())
                                      : std::string(", which does not say whose key it is"))};
}

}  // namespace

void check_signer(const Session& session, const WalletSettings& wallet, bool online,
                  Checks& checks) {
  if (!wallet.keystore.empty()) {
    checks.push_back(check_keystore(wallet));
  } else if (!wallet.remote_signer.empty()) {
    const std::string origin = printable_origin(wallet.remote_signer.text());
    if (!online) {
      checks.push_back({"signer", Verdict::ok, origin + ": is asked with --online"});
      return;
    }
    const auto http = make_curl_http();
    const auto signer = sign::open_signer(
        wallet, {*http, session.environment, system_random(), [] { return std::nullopt; }});
    checks.push_back(
        signer ? Check{"signer", Verdict::ok,
                       fmt::format("{}: has {}", origin, checksummed_address((*signer)->address()))}
               : Check{"signer", Verdict::bad, signer.error().message});
  }
}

}  // namespace gantry::host::cli

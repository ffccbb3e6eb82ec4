// The rows of gantry doctor. Internal to host/cli.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "host/cli/command.hpp"

namespace gantry::host::cli {

enum class Verdict : std::int32_t { ok = 0, warning = 1, bad = 2 };

struct Check {
  std::string name;
  Verdict verdict = Verdict::ok;
  std::string detail;              // and the remedy
  boost::json::object facts = {};  // for a program to read, beside what the others have
};
using Checks = std::vector<Check>;

// Who of the RPC providers answers, how fast, how far behind, of which chain, and what is wrong.
// Without `online` nobody is asked.
void check_providers(const Session& session, const Configuration& configuration, bool online,
                     Checks& checks);

// Who signs for the account, and whether the keystore is of it and nobody else's to read. Asks for
// no password; with `online` a remote signer is asked whether it has the account.
void check_signer(const Session& session, const WalletSettings& wallet, bool online,
                  Checks& checks);

}  // namespace gantry::host::cli

// What the actions of `gantry executor` share: their options, the chain and the account that they
// are of, and how amounts and addresses are written. Internal to host/cli.
//
// ERRORS   `usage` and `configuration` for what the operator wrote; else as of host/deploy.
// THREADS  [main]
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/cli/command.hpp"
#include "host/deploy/executor.hpp"
#include "host/deploy/owner_account.hpp"
#include "host/ports/clock.hpp"

namespace gantry::host::cli {

enum class ExecutorAction : std::int32_t { deploy = 1, fund = 2, withdraw = 3, status = 4 };
std::string_view to_string(ExecutorAction action);

struct ExecutorOptions {
  std::string chain;
  std::string executor;  // of status and withdraw; empty: that of [chain.execution]
  std::string token;
  std::string amount;
  std::string password_variable;
  std::uint64_t wait_s = 300;
  bool live = false;
  bool as_json = false;
};

// What every action begins with. The settings outlive the rest.
struct ExecutorDesk {
  Configuration configuration;
  const ChainSettings* chain = nullptr;
  gantry_address executor{};  // none: not deployed yet
  SteadyClock clock;
  std::unique_ptr<HttpPool> http;
  std::unique_ptr<Providers> providers;

  ~ExecutorDesk() {
    if (providers) providers->stop();
  }
  const gantry_address& sender() const { return configuration.wallet.sender; }
};
Result<std::unique_ptr<ExecutorDesk>> open_desk(const Session& session,
                                                const ExecutorOptions& options,
                                                Configuration configuration, ExecutorAction action);

bool is_same(const gantry_address& one, const gantry_address& other);
std::string shown(const gantry_address& address);  // with its checksum
Result<gantry_address> evm_address_of(std::string_view text, std::string_view what);
std::string coin_text(const u256& wei, const ChainSettings& chain);
std::string amount_text(const u256& amount, const TokenInfo& token);

// What the transactions of an action are.
Result<std::vector<deploy::Want>> wants_of(ExecutorAction action, deploy::OwnerAccount& account,
                                           const ExecutorDesk& desk,
                                           const ExecutorOptions& options);
// Says what would be sent.
ExitCode tell_dry(const ExecutorDesk& desk, ExecutorAction action, const ExecutorOptions& options,
                  const deploy::OwnerAccount& account, const std::vector<deploy::Draft>& drafts);
// Signs, writes down, sends and waits, one after the other.
ExitCode send_all(const Session& session, const ExecutorDesk& desk, ExecutorAction action,
                  const ExecutorOptions& options, deploy::OwnerAccount& account,
                  const std::vector<deploy::Want>& wants);
ExitCode show_executor(const Session& session, const ExecutorOptions& options);

}  // namespace gantry::host::cli

// What a run needs to trade: the ledger, and who signs. One for all chains of a process.
//
// THREADS    Made and destroyed on [main], as begin() is called.
// OWNERSHIP  Outlives what begin() returns.
#pragma once
#include <memory>

#include "host/cli/command.hpp"
#include "host/cli/live_session.hpp"
#include "host/execute/execution.hpp"
#include "host/ledger/ledger.hpp"
#include "host/sign/signer.hpp"

namespace gantry::host::cli {

class LiveTrading {
 public:
  // Opens both, and asks for the keystore's password where no variable holds it. Fails with
  // `configuration`: no account, nobody who signs, or nowhere to write; else as the parts do.
  static Result<std::unique_ptr<LiveTrading>> open(const Session& session,
                                                   const Configuration& configuration);

  // Of a chain that is followed already, whose part of the configuration this is. Fails with
  // `configuration`: the chain has no [chain.execution]; else as OperationLine::make and
  // Execution::start.
  Result<std::unique_ptr<Execution>> begin(const Configuration& configuration, LiveSession& live,
                                           RiskBook& book);
  // Of the ledger's trail, committed.
  std::int64_t last_row() const { return ledger_->last_row(); }

 private:
  LiveTrading(std::unique_ptr<Http> http, std::unique_ptr<ledger::Ledger> ledger,
              std::unique_ptr<sign::Signer> signer)
      : http_(std::move(http)), ledger_(std::move(ledger)), signer_(std::move(signer)) {}

  std::unique_ptr<Http> http_;  // of a remote signer
  std::unique_ptr<ledger::Ledger> ledger_;
  std::unique_ptr<sign::Signer> signer_;
};

}  // namespace gantry::host::cli

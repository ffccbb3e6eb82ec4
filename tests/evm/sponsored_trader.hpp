// Trades as a host does that pays no gas: the operation planned and sponsored, written into the
// ledger, signed by the account's owner, sent to a bundler, and looked for on the chain.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evm/alto_node.hpp"
#include "evm/sponsored_market.hpp"
#include "host/config/load.hpp"
#include "host/ledger/chain_view.hpp"
#include "host/ledger/ledger.hpp"
#include "host/ledger/reconcile.hpp"
#include "host/plugin/instances.hpp"
#include "host/sign/signer.hpp"
#include "host/sponsor/sender.hpp"

namespace gantry::test {

namespace hl = host::ledger;

// An instance of the plugin `pimlico`, in the order in which they are to be asked.
struct PaymasterEntry {
  std::string name;
  std::string url;
  std::string method = "pm_sponsorUserOperation";  // or "erc7677"
};

// What a service may rely on that grants in one call: the node's own estimate of the trade, and a
// quarter.
enum class CallLimit { none, given };

struct SponsoredTradeResult {
  host::SendReport report;
  PlannedTrade planned;
  std::optional<hl::IntentId> intent;  // nullopt: nothing was written down
  hl::Lane lane;
  std::uint64_t block = 0;                     // before it was sent
  std::chrono::steady_clock::time_point sent;  // when it began to be
};

class SponsoredTrader {
 public:
  // Of an account that the owner has at that EntryPoint; it is made by its first operation.
  SponsoredTrader(EntryPointChain& chain, EntryPointVersion version,
                  const std::vector<PaymasterEntry>& paymasters, const std::string& bundler_url);
  ~SponsoredTrader();

  const std::string& account() const { return account_; }
  SponsoredMarket& market() { return *market_; }
  host::SponsorDesk& desk() { return *desk_; }
  hl::Ledger& ledger() { return *ledger_; }
  hl::ChainView& chain_view() { return *view_; }
  const std::filesystem::path& ledger_file() const { return ledger_file_; }

  // Another bundler from now on.
  void use_bundler(const std::string& url);
  // Plans a trade of `amount_in`, and sends it within that time.
  SponsoredTradeResult trade(const Integer& amount_in, std::chrono::milliseconds within,
                             CallLimit limit = CallLimit::none);
  // An operation that has not been signed, of that trade; nothing of it is written down.
  host::SponsorOrder order(const PlannedTrade& trade, std::uint64_t nonce,
                           std::chrono::milliseconds within, CallLimit limit);
  // Waits until the chain has it.
  hl::Receipt receipt(const SponsoredTradeResult& trade, const host::Hash32& hash);
  // What the chain has of it now.
  std::optional<hl::Receipt> look_for(const SponsoredTradeResult& trade, const host::Hash32& hash);
  // The same bytes again, as they are in the ledger.
  host::BundlerResult<void> send_again(const hl::AttemptId& attempt);

  // As after a restart: closed, opened, and what is open asked of the chain.
  hl::Reconciliation restart();
  std::uint64_t next_nonce();

 private:
  hl::Lane lane() const;
  host::Status write_down(const host::SignedOperation& operation, SponsoredTradeResult& trade,
                          std::optional<hl::Reservation>& nonce);

  EntryPointChain& chain_;
  host::sign::EntryPoint entry_point_;
  std::unique_ptr<host::sign::Signer> signer_;
  std::string account_;
  std::optional<SponsoredMarket> market_;
  TemporaryFolder folder_;
  std::filesystem::path ledger_file_;
  host::Environment environment_;
  host::Configuration configuration_;
  host::Plugins plugins_;
  std::unique_ptr<host::HttpPool> http_;
  host::SteadyClock clock_;
  std::unique_ptr<host::Providers> providers_;
  std::unique_ptr<hl::ChainView> view_;
  std::unique_ptr<hl::Ledger> ledger_;
  std::unique_ptr<host::Bundler> bundler_;
  std::unique_ptr<host::SponsorDesk> desk_;
  gantry_context context_{};
  std::uint64_t trades_ = 0;
};

}  // namespace gantry::test

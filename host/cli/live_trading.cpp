#include "host/cli/live_trading.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <mutex>

#include "host/cli/prompt.hpp"
#include "host/ports/random.hpp"
#include "host/sign/open_signer.hpp"
#include "host/submit/submitter.hpp"

namespace gantry::host::cli {

namespace {

constexpr std::chrono::milliseconds submit_deadline{2000};
// A relay that hangs holds the chain's next trade no longer than this part of a block.
constexpr double relay_share_of_block = 0.25;

std::chrono::milliseconds relay_deadline(const ChainSettings& chain) {
  const double ms = std::clamp(chain.block_time_s * relay_share_of_block * 1000, 100.0,
                               static_cast<double>(submit_deadline.count()));
  return std::chrono::milliseconds(static_cast<std::int64_t>(ms));
}

// One signer for the threads of several chains.
class SharedSigner final : public sign::Signer {
 public:
  explicit SharedSigner(std::unique_ptr<sign::Signer> signer) : signer_(std::move(signer)) {}

  const sign::EvmAddress& address() const override { return signer_->address(); }
  bool is_local() const override { return signer_->is_local(); }
  Result<sign::SignedTransaction> sign(const sign::Transaction& transaction,
                                       std::span<std::uint8_t> buffer) override {
    const std::lock_guard lock(mutex_);
    return signer_->sign(transaction, buffer);
  }
  Result<sign::Signature> sign_message(std::span<const std::uint8_t> message) override {
    const std::lock_guard lock(mutex_);
    return signer_->sign_message(message);
  }
  Result<sign::Signature> sign_user_operation(const sign::UserOperation& operation,
                                              const sign::EntryPoint& entry_point) override {
    const std::lock_guard lock(mutex_);
    return signer_->sign_user_operation(operation, entry_point);
  }

 private:
  std::mutex mutex_;  // guards signer_
  std::unique_ptr<sign::Signer> signer_;
};

using Submit = std::function<SubmitReport(const Outgoing&, const MayLeave&)>;

Result<Submit> submit_of(const ChainSettings& chain, LiveSession& live) {
  switch (chain.execution->send) {
    case SendKind::transaction:
      return Submit([&live](const Outgoing& outgoing, const MayLeave& may_leave) -> SubmitReport {
        // Alone it would be anywhere.
        if (!outgoing.behind.empty()) {
          return {SubmitVerdict::refused, {}, "only a bundle is behind another's transaction"};
        }
        return submit_transaction(*live.providers, outgoing.bytes, submit_deadline, may_leave);
      });
    case SendKind::bundle: {
      auto key = make_relay_key(system_random());
      if (!key) return std::unexpected(key.error());
      auto made = RelaySubmitter::make(*live.http, chain, live.environment, std::move(*key));
      if (!made) return std::unexpected(made.error());
      auto line = std::make_shared<BundleLine>(std::move(*made), relay_deadline(chain));
      return Submit([line](const Outgoing& outgoing, const MayLeave& may_leave) {
        return line->submit(outgoing, may_leave);
      });
    }
    case SendKind::operation:
      break;
  }
  return Submit();
}

// Pending transactions that a trade may be sent behind; null: nobody listens to them.
Result<std::function<Result<SignedPending>(const Hash32&)>> transactions_of(
    const LiveSession& live) {
  if (!live.pending) return nullptr;
  auto made = sign::Curve::make(system_random());
  if (!made) return std::unexpected(made.error());
  const auto curve = std::make_shared<sign::Curve>(*std::move(made));
  return [pending = live.pending, curve](const Hash32& hash) -> Result<SignedPending> {
    auto bytes = pending->signed_bytes(hash);
    if (!bytes) return std::unexpected(bytes.error());
    return read_signed(*std::move(bytes), *curve);
  };
}

}  // namespace

Result<std::unique_ptr<LiveTrading>> LiveTrading::open(const Session& session,
                                                       const Configuration& configuration) {
  const WalletSettings& wallet = configuration.wallet;
  if (wallet.sender.kind == GANTRY_ADDRESS_NONE || !wallet.signs()) {
    return fail(ErrorKind::configuration,
                "--live needs an account and who signs for it: set `sender`, and `keystore` or "
                "`remote_signer`, in [wallet] of gantry.toml");
  }
  std::filesystem::path path = configuration.ledger.path;
  if (path.empty()) {
    const auto known = ledger::default_ledger(session.environment);
    if (!known) {
      return fail(ErrorKind::configuration,
                  "--live needs a ledger: set `path` in [ledger] of gantry.toml, or HOME");
    }
    path = *known;
  }
  ledger::LedgerOptions options;
  options.key = configuration.ledger.key;
  options.batch_max = static_cast<std::size_t>(configuration.ledger.batch_max);
  options.batch_wait = std::chrono::milliseconds(configuration.ledger.batch_wait_ms);
  auto books = ledger::Ledger::open(path, std::move(options));
  if (!books) return std::unexpected(books.error());
  auto http = make_curl_http();
  auto signer = sign::open_signer(
      wallet, {*http, session.environment, system_random(), ask_keystore_password()});
  if (!signer) return std::unexpected(signer.error());
  return std::unique_ptr<LiveTrading>(new LiveTrading(
      std::move(http), std::move(*books), std::make_unique<SharedSigner>(std::move(*signer))));
}

Result<std::unique_ptr<Execution>> LiveTrading::begin(const Configuration& configuration,
                                                      LiveSession& live, RiskBook& book) {
  const ChainSettings& chain = configuration.chains.front();
  if (!chain.execution) {
    return fail(ErrorKind::configuration,
                fmt::format("--live: {} has no [chain.execution] in gantry.toml, which says with "
                            "what executor to trade; or name the chains to trade on with --chain",
                            chain.id));
  }
  auto submit = submit_of(chain, live);
  if (!submit) return std::unexpected(submit.error());
  std::unique_ptr<OperationLine> operations;
  if (chain.execution->send == SendKind::operation) {
    auto made = OperationLine::make(configuration, *live.http, live.environment);
    if (!made) return std::unexpected(made.error());
    operations = std::move(*made);
  }
  auto pending = transactions_of(live);
  if (!pending) return std::unexpected(pending.error());
  if (*pending && chain.execution->send != SendKind::bundle) {
    spdlog::info(
        "{}: what is found behind pending transactions is not sent: that takes send = \"bundle\" "
        "in "
        "[chain.execution] and a [[chain.relay]]",
        chain.id);
  }
  const auto on_mismatch = [feed = live.feed](const Mismatch& found) {
    feed->suspect(found.pools, found.reason.empty() ? "" : "a trade through it: " + found.reason);
  };
  return Execution::start(chain, configuration.wallet,
                          {*live.providers, *ledger_, *signer_, book, std::move(*submit),
                           on_mismatch, std::move(operations), std::move(*pending)});
}

}  // namespace gantry::host::cli

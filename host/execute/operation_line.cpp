#include "host/execute/operation_line.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>

#include "host/base/text.hpp"
#include "host/config/capabilities.hpp"
#include "host/log/log.hpp"
#include "host/plan/plan.hpp"

namespace gantry::host {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds bundler_asked{5000};

Result<sign::EntryPoint> entry_point_of(const ChainSettings& chain, const WalletSettings& wallet) {
  const std::string where = fmt::format("{} sends user operations", chain.id);
  if (wallet.entry_point.kind == GANTRY_ADDRESS_NONE) {
    return fail(ErrorKind::configuration,
                where +
                    ", and no EntryPoint is known: set `entry_point` in [wallet] to the one "
                    "that the account obeys");
  }
  if (wallet.owner.length == 0) {
    return fail(ErrorKind::configuration,
                where +
                    " of a smart account: set `sender` in [wallet] to the account, and `owner` "
                    "to the address whose key signs for it");
  }
  const std::uint32_t version = entry_point_version(wallet.entry_point);
  if (version > static_cast<std::uint32_t>(sign::EntryPointVersion::v0_8)) {
    return fail(ErrorKind::configuration,
                fmt::format("{}: the EntryPoint {} is of a version that this host does not know: "
                            "it knows 0.6, 0.7 and 0.8",
                            where, address_text(wallet.entry_point)));
  }
  sign::EntryPoint out;
  out.version = static_cast<sign::EntryPointVersion>(version);
  out.address = sign::evm_address(wallet.entry_point);
  out.chain_id = evm_chain_id(chain.id);
  return out;
}

}  // namespace

OperationLine::OperationLine(HttpPool& http, Environment environment, std::string name,
                             HttpEndpoint bundler, const sign::EntryPoint& entry_point)
    : http_(http),
      environment_(std::move(environment)),
      bundler_(http, std::move(name), std::move(bundler), entry_point),
      desk_({}, {http_, clock_, environment_}, bundler_) {}

Result<std::unique_ptr<OperationLine>> OperationLine::make(const Configuration& configuration,
                                                           HttpPool& http,
                                                           Environment environment) {
  const ChainSettings& chain = configuration.chains.front();
  const auto entry_point = entry_point_of(chain, configuration.wallet);
  if (!entry_point) return std::unexpected(entry_point.error());
  if (std::ranges::none_of(configuration.paymasters, &InstanceSettings::runs)) {
    return fail(ErrorKind::configuration,
                fmt::format("{} sends user operations, and nobody pays for them: add a "
                            "[[paymaster]] of that chain to gantry.toml, or set send to "
                            "\"transaction\" with an account that has coin",
                            chain.id));
  }
  if (!chain.bundler) {
    return fail(ErrorKind::configuration, fmt::format("{} has no [chain.bundler]", chain.id));
  }
  Environment of_chain = with_chain(std::move(environment), chain.id);
  auto url = chain.bundler->url.resolve(of_chain);
  if (!url) {
    return fail(ErrorKind::configuration,
                fmt::format("bundler {}: {}", chain.bundler->name, url.error().message));
  }
  for (const std::string& variable : chain.bundler->url.variables()) {
    if (const auto value = of_chain(variable)) hide_from_logs({*value});
  }
  if (!is_private_url(url->reveal())) {
    return fail(ErrorKind::configuration,
                fmt::format("bundler {}: its url is neither https nor on this machine, so what is "
                            "sent there could be read on the way",
                            chain.bundler->name));
  }
  std::unique_ptr<OperationLine> line(new OperationLine(
      http, std::move(of_chain), chain.bundler->name, {std::move(*url), {}}, *entry_point));
  line->configured_ = configuration.paymasters;
  const auto serves = line->bundler_.serves(std::chrono::steady_clock::now() + bundler_asked);
  if (!serves && serves.error().fault == BundlerFault::entry_point) {
    return fail(ErrorKind::configuration,
                fmt::format("{}: check `entry_point` in [wallet]", serves.error().message));
  }
  if (!serves) {
    spdlog::warn("{}: nothing is sent on {} until it answers", serves.error().message, chain.id);
  }
  return line;
}

ledger::Attempt attempt_of(const SignedOperation& operation, sign::EntryPointVersion version,
                           ledger::Purpose purpose) {
  ledger::Attempt attempt;
  attempt.purpose = purpose;
  attempt.payer = operation.paymaster;
  attempt.destination = operation.destination;
  if (operation.submit) attempt.endpoint = to_text(*operation.submit);
  attempt.max_fee = operation.operation.max_fee;
  attempt.priority_fee = operation.operation.max_priority_fee;
  attempt.bytes = user_operation_bytes(operation.operation, version);
  attempt.hash = operation.hash;
  return attempt;
}

Result<Bundler> OperationLine::service_of(const ledger::Attempt& attempt) const {
  if (attempt.endpoint.empty()) return bundler_;
  std::optional<InstanceSettings> sponsor;
  {
    const std::lock_guard lock(mutex_);
    if (newest_) {
      for (const auto& each : newest_->paymasters) {
        if (each->name() == attempt.payer) sponsor = each->settings;
      }
    } else {
      const auto found = std::ranges::find(configured_, attempt.payer, &PaymasterSettings::name);
      if (found != configured_.end() && found->runs()) sponsor = *found;
    }
  }
  if (!sponsor) {
    return fail(ErrorKind::configuration,
                fmt::format("it was sent through the service of paymaster {}, which is not "
                            "configured any more: add it again until the operation is decided",
                            attempt.payer));
  }
  auto endpoint = resolve_endpoint_text(attempt.endpoint, sponsor->parameters, environment_);
  if (!endpoint) return std::unexpected(endpoint.error());
  if (!may_request(*sponsor, endpoint->url.written())) {
    return fail(ErrorKind::configuration,
                fmt::format("paymaster {} may not send to {} any more: add \"http:{}\" to its "
                            "`capabilities`",
                            attempt.payer, host_of_url(endpoint->url.written()),
                            host_of_url(endpoint->url.written())));
  }
  return Bundler(http_, attempt.destination, std::move(*endpoint), bundler_.entry_point());
}

std::optional<OperationLine::Turn> OperationLine::try_turn() {
  std::unique_lock held(turn_, std::try_to_lock);
  if (!held) return std::nullopt;
  return Turn(*this, std::move(held));
}

void OperationLine::note(std::shared_ptr<const PluginSet> plugins) {
  {
    const std::lock_guard lock(mutex_);
    if (newest_ == plugins && used_now_ == plugins.get()) return;
    newest_ = std::move(plugins);
  }
  // Else whoever has it takes it over, or the next note does.
  static_cast<void>(try_turn());
}

void OperationLine::note_included(std::string paymaster, const u256& cost) {
  const std::lock_guard lock(mutex_);
  outcomes_.push_back({std::move(paymaster), cost, {}});
}

void OperationLine::note_failed(std::string paymaster, std::string why) {
  const std::lock_guard lock(mutex_);
  outcomes_.push_back({std::move(paymaster), {}, std::move(why)});
}

// The turn is held.
void OperationLine::refresh() {
  std::shared_ptr<const PluginSet> before;  // let go of last, without a lock
  const std::lock_guard lock(mutex_);
  if (newest_ != used_) {
    desk_.use(newest_ ? newest_->paymasters : std::vector<std::shared_ptr<PaymasterInstance>>());
    before = std::exchange(used_, newest_);
    used_now_ = used_.get();
  }
  for (const Outcome& outcome : std::exchange(outcomes_, {})) {
    if (outcome.why.empty()) {
      desk_.included(outcome.paymaster, outcome.cost);
    } else {
      desk_.failed(outcome.paymaster, outcome.why);
    }
  }
  paymasters_.clear();
  for (const SponsorDesk::Service& service : desk_.services()) {
    paymasters_.push_back({{"name", service.instance->name()},
                           {"retired", service.health.retired()},
                           {"failures", service.health.consecutive_failures()},
                           {"last_failure", service.health.last_failure()}});
  }
}

json::object OperationLine::told() const {
  const std::lock_guard lock(mutex_);
  return {{"bundler", bundler_.name()},
          {"entry_point", hex_text(bundler_.entry_point().address)},
          {"paymasters", paymasters_}};
}

}  // namespace gantry::host

// gantry audit resolve: what an operator knows of a trade that the chain's nodes do not say.
#include "host/cli/audit_resolve.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "host/base/text.hpp"
#include "host/cli/live_session.hpp"
#include "host/ledger/chain_view.hpp"
#include "host/ledger/ledger.hpp"
#include "host/report/terminal.hpp"

namespace gantry::host::cli {
namespace {

namespace fs = std::filesystem;

struct ResolveOptions {
  std::int64_t intent = 0;
  std::string included;  // a transaction's hash; empty: dropped
  bool dropped = false;
  bool yes = false;
};

struct Resolved {
  std::string what;  // for the trail, and for people
  std::optional<std::pair<ledger::AttemptId, ledger::Receipt>> result;
};

std::optional<ledger::Hash> hash_of_text(const std::string& text) {
  const auto bytes = bytes_of_hex(text);
  ledger::Hash hash{};
  if (!bytes || bytes->size() != hash.size()) return std::nullopt;
  std::ranges::copy(*bytes, hash.begin());
  return hash;
}

// Nothing of it is in a block, as far as the chain says, and its nonce is taken for good.
Result<Resolved> check_dropped(ledger::ChainView& chain, std::uint64_t final_block,
                               const ledger::StoredIntent& intent,
                               const std::vector<ledger::StoredAttempt>& attempts) {
  const auto next = chain.next_nonce(intent.lane, final_block);
  if (!next) return std::unexpected(next.error());
  if (*next <= intent.nonce) {
    return fail(
        ErrorKind::usage,
        fmt::format("the nonce {} of intent {} is free in block {}, which is the newest that "
                    "counts as final: it may still be included. Take the nonce with "
                    "something else, and wait",
                    intent.nonce, intent.id, final_block));
  }
  std::string unsaid;
  for (const ledger::StoredAttempt& each : attempts) {
    const auto receipt = intent.intent.kind == ledger::Kind::user_operation
                             ? chain.user_operation(intent.lane, each.attempt.hash, intent.nonce,
                                                    intent.intent.block)
                             : chain.transaction(each.attempt.hash);
    if (!receipt) {
      unsaid = receipt.error().message;
    } else if (*receipt) {
      return fail(ErrorKind::usage,
                  fmt::format("attempt {} of intent {} is in block {}: it was not dropped",
                              each.id.number, intent.id, (*receipt)->block));
    }
  }
  return Resolved{fmt::format("intent {} is dropped: its nonce {} was taken by what is not of this "
                              "ledger{}",
                              intent.id, intent.nonce,
                              unsaid.empty() ? "" : "; the chain did not say so: " + unsaid),
                  std::nullopt};
}

// The transaction is one of its attempts, or carried one that is a user operation.
Result<Resolved> check_included(ledger::ChainView& chain, const ledger::Hash& hash,
                                const ledger::StoredIntent& intent,
                                const std::vector<ledger::StoredAttempt>& attempts) {
  const auto carrier = chain.transaction(hash);
  if (!carrier) return std::unexpected(carrier.error());
  if (!*carrier) {
    return fail(
        ErrorKind::not_found,
        fmt::format("the chain has no transaction {}: add a provider that keeps receipts of "
                    "old blocks",
                    hex_text(hash)));
  }
  for (const ledger::StoredAttempt& each : attempts) {
    ledger::Receipt receipt = **carrier;
    if (intent.intent.kind == ledger::Kind::user_operation) {
      const auto carried = chain.carrier(intent.lane, each.attempt.hash, receipt.block);
      if (!carried) return std::unexpected(carried.error());
      if (*carried != hash) continue;
      const auto own =
          chain.user_operation(intent.lane, each.attempt.hash, intent.nonce, receipt.block - 1);
      if (!own) return std::unexpected(own.error());
      if (!*own) continue;
      receipt = **own;
    } else if (each.attempt.hash != hash) {
      continue;
    }
    return Resolved{
        fmt::format("attempt {} of intent {} is in block {}, {}", each.id.number, intent.id,
                    receipt.block, receipt.success ? "and succeeded" : "and failed there"),
        std::pair(each.id, receipt)};
  }
  return fail(ErrorKind::usage, fmt::format("the transaction {} is of no attempt of intent {}",
                                            hex_text(hash), intent.id));
}

Result<Resolved> check_with_chain(const Session& session, const Configuration& configuration,
                                  ledger::Ledger& books, const ledger::StoredIntent& intent,
                                  const ResolveOptions& options) {
  const auto attempts = books.attempts(intent.id);
  if (!attempts) return std::unexpected(attempts.error());
  const auto chain = live_chain(configuration, intent.lane.chain);
  if (!chain) return std::unexpected(chain.error());
  auto http = make_curl_http_pool();
  if (!http) return std::unexpected(http.error());
  auto live = ask_chain(session, **chain, std::move(*http));
  if (!live) return std::unexpected(live.error());
  const auto view = ledger::chain_view_of(*(*live)->providers);
  const auto head = view->head();
  if (!head) return std::unexpected(head.error());
  const auto depth =
      static_cast<std::uint64_t>((*chain)->execution.value_or(ExecutionSettings()).confirm_blocks);
  if (options.dropped) {
    return check_dropped(*view, *head - std::min(*head, depth), intent, *attempts);
  }
  const auto hash = hash_of_text(options.included);
  if (!hash) {
    return fail(ErrorKind::usage,
                fmt::format("--included {}: is no hash: 0x and 64 digits", options.included));
  }
  return check_included(*view, *hash, intent, *attempts);
}

Status resolve(const Session& session, const Configuration& configuration,
               const ResolveOptions& options) {
  fs::path path = configuration.ledger.path;
  if (path.empty()) path = ledger::default_ledger(session.environment).value_or(fs::path());
  std::error_code error;
  if (path.empty() || !fs::exists(path, error)) {
    return fail(ErrorKind::not_found,
                fmt::format("{}: there is no ledger: set `path` in [ledger] of gantry.toml",
                            path.string()));
  }
  ledger::LedgerOptions keys;
  keys.key = configuration.ledger.key;
  auto books = ledger::Ledger::open(path, std::move(keys));
  if (!books) return std::unexpected(books.error());
  const auto intent = (*books)->intent(options.intent);
  if (!intent) return std::unexpected(intent.error());
  if (!ledger::is_open(intent->state)) {
    return fail(ErrorKind::usage, fmt::format("intent {} is {}: there is nothing to resolve{}{}",
                                              intent->id, to_string(intent->state),
                                              intent->reason.empty() ? "" : ": ", intent->reason));
  }
  const auto found = check_with_chain(session, configuration, **books, *intent, options);
  if (!found) return std::unexpected(found.error());
  if (!options.yes) {
    return fail(ErrorKind::usage,
                fmt::format("nothing is written yet. It would be: {}. If that is so, add --yes",
                            found->what));
  }
  const std::string said = "gantry audit resolve: " + found->what;
  if (auto noted = (*books)->operator_command(said).get(); !noted) return noted;
  auto done = found->result
                  ? (*books)->result(found->result->first, found->result->second).get()
                  : (*books)->dropped(intent->id, "the operator says so: " + found->what).get();
  if (done) print(printable(found->what) + "\n");
  return done;
}

}  // namespace

void add_audit_resolve(CLI::App& audit, CommandLine& line) {
  auto options = std::make_shared<ResolveOptions>();
  CLI::App* command = add_command(
      audit, "resolve",
      "Close an intent of which the chain's nodes do not say what became of it. Asks them what it "
      "can, while no host runs; what the intent brought, the next `gantry run --live` reckons",
      "audit resolve 12 --dropped --yes");
  command->add_option("intent", options->intent, "Its number, as the log and the trail say it")
      ->required()
      ->check(CLI::PositiveNumber)
      ->type_name("INTENT");
  auto* dropped =
      command->add_flag("--dropped", options->dropped, "Its nonce was taken by something else");
  auto* included =
      command
          ->add_option("--included", options->included,
                       "The transaction that it is, or that carried it as a user operation")
          ->type_name("HASH");
  dropped->excludes(included);
  command->add_flag("--yes", options->yes, "Write it; without this it is only said");
  command->callback([&line, options] {
    line.chosen = [&line, options]() -> ExitCode {
      if (!options->dropped && options->included.empty()) {
        return report_error({ErrorKind::usage, "say what became of it: --dropped or --included"});
      }
      const auto loaded = load(line.session, false);
      if (!loaded) return ExitCode::usage;
      const auto done = resolve(line.session, loaded->configuration, *options);
      return done ? ExitCode::done : report_error(done.error());
    };
  });
}

}  // namespace gantry::host::cli

// What the owner's transactions would be, and, with --live, their way to a block.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/cli/executor_desk.hpp"
#include "host/cli/prompt.hpp"
#include "host/ledger/ledger.hpp"
#include "host/report/json_text.hpp"
#include "host/report/terminal.hpp"
#include "host/sign/open_signer.hpp"

namespace gantry::host::cli {
namespace {

namespace json = boost::json;
using deploy::Draft;
using deploy::IncludedIn;
using deploy::OwnerAccount;
using deploy::SentTransaction;
using deploy::Want;

constexpr std::uint32_t gwei_digits = 9;

json::object draft_json(const Draft& draft) {
  const sign::Transaction& transaction = draft.transaction;
  json::object out{
      {"what", draft.what},
      {"to", transaction.to ? json::value(checksummed_address(*transaction.to)) : json::value()},
      {"nonce", transaction.nonce},
      {"value_wei", to_string(transaction.value)}};
  out["gas_limit"] = draft.gas_known ? json::value(transaction.gas_limit) : json::value();
  out["max_fee_wei"] = to_string(deploy::price_max(transaction));
  out["cost_max_wei"] = draft.gas_known ? json::value(to_string(draft.cost_max)) : json::value();
  return out;
}

std::string draft_text(const Draft& draft, const ChainSettings& chain) {
  const sign::Transaction& transaction = draft.transaction;
  std::string out = fmt::format("{}\n  nonce  {}\n", draft.what, transaction.nonce);
  if (transaction.to) out += fmt::format("  to     {}\n", checksummed_address(*transaction.to));
  if (!transaction.value.is_zero()) {
    out += fmt::format("  value  {}\n", coin_text(transaction.value, chain));
  }
  const std::string price =
      fmt::format("at {} gwei at most", decimal_text(deploy::price_max(transaction), gwei_digits));
  out += draft.gas_known
             ? fmt::format("  gas    {} {}: {} at most{}\n", grouped(transaction.gas_limit), price,
                           coin_text(draft.cost_max, chain),
                           transaction.value.is_zero() ? "" : " with the value")
             : fmt::format("  gas    known once the ones before it are included, {}\n", price);
  return out;
}

json::object about(const ExecutorDesk& desk, ExecutorAction action,
                   const ExecutorOptions& options) {
  return {{"action", to_string(action)},
          {"chain", desk.chain->id},
          {"live", options.live},
          {"sender", shown(desk.sender())}};
}

// One line that is written over at a terminal, or one for all.
class WaitingLine {
 public:
  WaitingLine(const Session& session, std::string what)
      : terminal_(session.terminal_err),
        what_(std::move(what)),
        begin_(std::chrono::steady_clock::now()) {}
  ~WaitingLine() {
    if (terminal_ && told_) std::fputs("\r\x1b[K", stderr);
  }
  void tell() {
    const auto seconds =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - begin_)
            .count();
    if (terminal_) {
      std::fputs(fmt::format("\r\x1b[K{}, {} s", what_, seconds).c_str(), stderr);
    } else if (!told_) {
      std::fputs((what_ + "\n").c_str(), stderr);
    }
    told_ = true;
  }

 private:
  bool terminal_;
  std::string what_;
  std::chrono::steady_clock::time_point begin_;
  bool told_ = false;
};

Result<std::unique_ptr<ledger::Ledger>> open_ledger(const Session& session,
                                                    const ExecutorDesk& desk) {
  const LedgerSettings& settings = desk.configuration.ledger;
  std::filesystem::path path = settings.path;
  if (path.empty()) path = ledger::default_ledger(session.environment).value_or(path);
  if (path.empty()) {
    return fail(ErrorKind::configuration,
                "there is no ledger, for HOME and XDG_STATE_HOME are not set: set one of them, or "
                "`path` in [ledger] of gantry.toml");
  }
  ledger::LedgerOptions options;
  options.key = settings.key;
  auto opened = ledger::Ledger::open(path, std::move(options));
  if (!opened) {
    return fail(opened.error().kind,
                fmt::format("nothing was sent, for the account's nonces are in the ledger, and it "
                            "cannot be opened: {}",
                            opened.error().message));
  }
  const auto open = (*opened)->open_intents();
  if (!open) return std::unexpected(open.error());
  const auto own = std::ranges::count_if(*open, [&](const ledger::StoredIntent& intent) {
    return intent.lane.chain == desk.chain->id &&
           intent.lane.sender == address_text(desk.sender()) && intent.lane.entry_point.empty();
  });
  if (own > 0) {
    return fail(ErrorKind::usage,
                fmt::format("{} of the ledger are still open, and have nonces of the account: "
                            "`gantry run` finds out what became of them",
                            counted(static_cast<std::uint64_t>(own), "trade")));
  }
  return opened;
}

// What is under way of one action.
struct Sending {
  const Session& session;
  const ExecutorDesk& desk;
  const ExecutorOptions& options;
  OwnerAccount& account;
  ledger::Ledger& ledger;
  sign::Signer& signer;
  json::array told;  // of each transaction
};

// What is signed stands in the trail before it leaves, and what became of it after.
Status note(Sending& sending, std::string line) {
  return sending.ledger.operator_command(std::move(line)).get();
}

Result<IncludedIn> send_one(Sending& sending, const Draft& draft) {
  const auto line = [&](const SentTransaction& sent, std::string_view became) {
    return fmt::format("{} on {}: transaction {} of nonce {}: {}", draft.what,
                       sending.desk.chain->id, hex_text(sent.hash), sent.nonce, became);
  };
  const auto before = [&](const SentTransaction& sent) {
    return note(sending, line(sent, "signed"));
  };
  const auto sent = sending.account.send(draft, sending.signer, before);
  if (!sent) {
    // Whether the trail takes that too is of no weight: it has that it was signed.
    static_cast<void>(note(sending, fmt::format("{} on {}: nonce {}: not sent", draft.what,
                                                sending.desk.chain->id, draft.transaction.nonce)));
    return std::unexpected(sent.error());
  }
  if (!sending.options.as_json) {
    print(fmt::format("{}: sent {}{}\n", printable(draft.what), hex_text(sent->hash),
                      sent->message.empty() ? "" : ": " + printable(sent->message)));
    static_cast<void>(std::fflush(stdout));
  }
  std::optional<IncludedIn> found;
  {
    WaitingLine waiting(sending.session,
                        fmt::format("waiting for {} to be included", hex_text(sent->hash)));
    auto waited = sending.account.wait_for(*sent, std::chrono::seconds(sending.options.wait_s),
                                           [&] { waiting.tell(); });
    if (!waited) {
      return fail(waited.error().kind,
                  fmt::format("transaction {} was sent, and what became of it cannot be read: {}",
                              hex_text(sent->hash), waited.error().message));
    }
    found = *waited;
  }
  if (!found) {
    static_cast<void>(note(sending, line(*sent, "not included in time")));
    return fail(ErrorKind::io,
                fmt::format("transaction {} of nonce {} is in no block after {}: it may be in one "
                            "later. Look for it before anything else is sent{}",
                            hex_text(sent->hash), sent->nonce,
                            with_unit(fmt::to_string(sending.options.wait_s), "seconds"),
                            sent->message.empty() ? "" : "; " + sent->message));
  }
  json::object told = draft_json(draft);
  told["hash"] = hex_text(sent->hash);
  told["block"] = found->block;
  told["gas_used"] = found->gas_used;
  u256 paid;
  const bool known = mul(found->gas_price, found->gas_used, paid);
  told["fee_paid_wei"] = known ? json::value(to_string(paid)) : json::value();
  sending.told.emplace_back(std::move(told));
  const std::string_view became = found->reverted ? "reverted" : "included";
  if (auto noted = note(sending, line(*sent, fmt::format("{} in block {}", became, found->block)));
      !noted) {
    // It is in the chain, whatever the ledger says.
    report_error(noted.error());
  }
  if (found->reverted) {
    return fail(ErrorKind::io, fmt::format("transaction {} reverted in block {}: nothing of it was "
                                           "done, and its gas is paid",
                                           hex_text(sent->hash), found->block));
  }
  if (!sending.options.as_json) {
    print(fmt::format("  in block {}, gas {}{}\n", found->block, grouped(found->gas_used),
                      known ? ": " + coin_text(paid, *sending.desk.chain) : std::string()));
  }
  return *found;
}

ExitCode tell_deployed(Sending& sending, const gantry_address& executor) {
  const auto code =
      deploy::executor_code_at(sending.account.reads(), executor, sending.desk.sender());
  if (!code) return report_error(code.error());
  if (*code != deploy::CodeFound::matches) {
    return report_error(
        {ErrorKind::io, fmt::format("the code at {} is not what was deployed ({}): do not use it",
                                    shown(executor), to_string(*code))});
  }
  if (sending.options.as_json) {
    json::object out = about(sending.desk, ExecutorAction::deploy, sending.options);
    out["executor"] = shown(executor);
    out["code"] = to_string(*code);
    out["transactions"] = std::move(sending.told);
    print(json_text(out));
    return ExitCode::done;
  }
  print(fmt::format(
      "{}  is the executor of {}, its code as this program has it.\n"
      "In gantry.toml, below the [[chain]] {}:\n\n"
      "[chain.execution]\nexecutor = \"{}\"\n",
      shown(executor), shown(sending.desk.sender()), sending.desk.chain->id, shown(executor)));
  return ExitCode::done;
}

}  // namespace

ExitCode tell_dry(const ExecutorDesk& desk, ExecutorAction action, const ExecutorOptions& options,
                  const OwnerAccount& account, const std::vector<Draft>& drafts) {
  const gantry_address executor = action == ExecutorAction::deploy
                                      ? sign::to_gantry(deploy::created_address(
                                            sign::evm_address(desk.sender()), account.next_nonce()))
                                      : desk.executor;
  if (options.as_json) {
    json::object out = about(desk, action, options);
    out["executor"] = shown(executor);
    json::array transactions;
    for (const Draft& draft : drafts) transactions.push_back(draft_json(draft));
    out["transactions"] = std::move(transactions);
    print(json_text(out));
    return ExitCode::done;
  }
  std::string out = fmt::format("{} would, on {} ({}):\n", shown(desk.sender()),
                                printable(desk.chain->name), desk.chain->id);
  for (const Draft& draft : drafts) out += draft_text(draft, *desk.chain);
  if (action == ExecutorAction::deploy)
    out += fmt::format("The executor would be {}\n", shown(executor));
  print(out + "Nothing was signed or sent: --live does.\n");
  return ExitCode::done;
}

ExitCode send_all(const Session& session, const ExecutorDesk& desk, ExecutorAction action,
                  const ExecutorOptions& options, OwnerAccount& account,
                  const std::vector<Want>& wants) {
  if (!desk.configuration.wallet.signs()) {
    return report_error(
        {ErrorKind::configuration, "nobody signs: set `keystore` or `remote_signer` in [wallet]"});
  }
  const auto trail = open_ledger(session, desk);
  if (!trail) return report_error(trail.error());
  const auto http = make_curl_http();
  const Random random = system_random();
  const auto signer = sign::open_signer(
      desk.configuration.wallet, {*http, session.environment, random, ask_keystore_password()});
  if (!signer) return report_error(signer.error());
  if ((*signer)->address() != sign::evm_address(desk.sender())) {
    return report_error(
        {ErrorKind::configuration,
         fmt::format("the key is of {}, and not of sender {}",
                     checksummed_address((*signer)->address()), shown(desk.sender()))});
  }
  Sending sending{session, desk, options, account, **trail, **signer, {}};
  const auto created =
      deploy::created_address(sign::evm_address(desk.sender()), account.next_nonce());
  for (const Want& want : wants) {
    // Anew each time: the gas of one is known when those before it are included.
    const auto drafts = account.draft({&want, 1});
    if (!drafts) return report_error(drafts.error());
    if (const auto done = send_one(sending, drafts->front()); !done) {
      return report_error(done.error());
    }
  }
  if (action == ExecutorAction::deploy) return tell_deployed(sending, sign::to_gantry(created));
  if (options.as_json) {
    json::object out = about(desk, action, options);
    out["executor"] = shown(desk.executor);
    out["transactions"] = std::move(sending.told);
    print(json_text(out));
  }
  return ExitCode::done;
}

}  // namespace gantry::host::cli

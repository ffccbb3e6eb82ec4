// gantry executor deploy|fund|withdraw|status: the contract that carries trades out, by its owner.
// Without --live nothing is signed and nothing is sent.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/cli/command.hpp"
#include "host/cli/number.hpp"
#include "host/cli/prompt.hpp"
#include "host/cli/quoted_market.hpp"
#include "host/deploy/executor.hpp"
#include "host/deploy/owner_account.hpp"
#include "host/ledger/ledger.hpp"
#include "host/plan/abi.hpp"
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

constexpr std::uint32_t coin_decimals = 18;
constexpr std::uint32_t gwei_digits = 9;

enum class Action : std::int32_t { deploy = 1, fund = 2, withdraw = 3, status = 4 };

std::string_view to_string(Action action) {
  switch (action) {
    case Action::deploy:
      return "deploy";
    case Action::fund:
      return "fund";
    case Action::withdraw:
      return "withdraw";
    case Action::status:
      return "status";
  }
  return "?";
}

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
struct Desk {
  Configuration configuration;
  const ChainSettings* chain = nullptr;
  gantry_address executor{};  // none: not deployed yet
  SteadyClock clock;
  std::unique_ptr<HttpPool> http;
  std::unique_ptr<Providers> providers;

  ~Desk() {
    if (providers) providers->stop();
  }
  const gantry_address& sender() const { return configuration.wallet.sender; }
};

bool same(const gantry_address& one, const gantry_address& other) {
  return address_text(one) == address_text(other);
}

std::string shown(const gantry_address& address) {
  return checksummed_address(sign::evm_address(address));
}

Result<gantry_address> evm_address_of(std::string_view text, std::string_view what) {
  const auto bytes = bytes_of_hex(text);
  if (!bytes || bytes->size() != 20) {
    return fail(ErrorKind::usage,
                fmt::format("{} `{}` is no address: 0x and 40 hexadecimal digits", what, text));
  }
  sign::EvmAddress address{};
  std::ranges::copy(*bytes, address.begin());
  // Digits of both cases carry a checksum (EIP-55).
  const bool mixed =
      std::ranges::any_of(text.substr(2), [](char c) { return c >= 'a' && c <= 'f'; }) &&
      std::ranges::any_of(text, [](char c) { return c >= 'A' && c <= 'F'; });
  if (mixed && checksummed_address(address) != text) {
    return fail(ErrorKind::usage, fmt::format("{} `{}` has a wrong digit: its checksum (EIP-55) is "
                                              "another",
                                              what, text));
  }
  return sign::to_gantry(address);
}

Status choose_chain(Desk& desk, const ExecutorOptions& options) {
  const auto& chains = desk.configuration.chains;
  const auto at = options.chain.empty()
                      ? chains.begin()
                      : std::ranges::find_if(chains, [&](const ChainSettings& chain) {
                          return chain.id == options.chain || chain.name == options.chain;
                        });
  if (at == chains.end()) {
    return fail(ErrorKind::usage,
                fmt::format("no [[chain]] of gantry.toml is `{}`", options.chain));
  }
  desk.chain = &*at;
  if (at->execution) desk.executor = at->execution->executor;
  if (options.executor.empty()) return {};
  const auto given = evm_address_of(options.executor, "--executor");
  if (!given) return std::unexpected(given.error());
  desk.executor = *given;
  return {};
}

Status check_wallet(const Desk& desk, Action action) {
  const WalletSettings& wallet = desk.configuration.wallet;
  if (wallet.sender.length == 0) {
    return fail(ErrorKind::configuration,
                "[wallet] has no sender: the executor's owner is not known");
  }
  if (action != Action::status && wallet.owner.length != 0 && !same(wallet.owner, wallet.sender)) {
    return fail(ErrorKind::configuration,
                "[wallet] has an owner besides the sender, which is then a smart account: an "
                "executor of its own cannot be managed here yet");
  }
  if (action == Action::deploy) {
    if (desk.executor.length == 0) return {};
    return fail(ErrorKind::usage,
                fmt::format("[chain.execution] of {} names the executor {} already: take that line "
                            "out to deploy another",
                            desk.chain->id, shown(desk.executor)));
  }
  if (desk.executor.length != 0) return {};
  return fail(ErrorKind::configuration,
              fmt::format("[chain.execution] of {} names no executor: `gantry executor deploy` "
                          "makes one",
                          desk.chain->id));
}

Result<std::unique_ptr<Desk>> open_desk(const Session& session, const ExecutorOptions& options,
                                        Configuration configuration, Action action) {
  auto desk = std::make_unique<Desk>();
  desk->configuration = std::move(configuration);
  if (!options.password_variable.empty()) {
    desk->configuration.wallet.password_variable = options.password_variable;
  }
  if (auto chosen = choose_chain(*desk, options); !chosen) {
    return std::unexpected(chosen.error());
  }
  if (auto checked = check_wallet(*desk, action); !checked) {
    return std::unexpected(checked.error());
  }
  auto http = make_curl_http_pool();
  if (!http) return std::unexpected(std::move(http.error()));
  desk->http = std::move(*http);
  ProviderOptions of_providers;
  of_providers.watch = false;
  of_providers.on_event = [](const ProviderEvent&) {};  // what fails is told by who asked
  auto providers = Providers::make(*desk->chain, {*desk->http, desk->clock, session.environment},
                                   std::move(of_providers));
  if (!providers) return std::unexpected(std::move(providers.error()));
  desk->providers = std::move(*providers);
  return desk;
}

// ---- what is wanted -----------------------------------------------------------------------------

bool is_coin(std::string_view token, const ChainSettings& chain) {
  return token == "native" || token == chain.native_symbol;
}

// The token, or the chain's coin as the native address.
Result<TokenInfo> find_named(deploy::ChainReads& reads, const ChainSettings& chain,
                             const std::string& text) {
  if (is_coin(text, chain)) {
    TokenInfo coin{.address = {}, .symbol = chain.native_symbol, .decimals = coin_decimals};
    coin.address.kind = GANTRY_ADDRESS_NATIVE;
    return coin;
  }
  const auto address = evm_address_of(text, "token");
  if (!address) {
    return fail(ErrorKind::usage,
                fmt::format("{}; the chain's coin is `native`", address.error().message));
  }
  return deploy::token_at(reads, *address);
}

Result<u256> balance_at(deploy::ChainReads& reads, const TokenInfo& token,
                        const gantry_address& holder) {
  if (token.address.kind == GANTRY_ADDRESS_NATIVE) return reads.balance(holder);
  return deploy::token_balance(reads, token.address, holder);
}

std::string amount_text(const u256& amount, const TokenInfo& token) {
  return fmt::format("{} {}", decimal_text(amount, token.decimals), short_symbol(token.symbol));
}

Result<u256> amount_to_move(const std::string& text, const TokenInfo& token, const u256& there,
                            std::string_view holder) {
  const auto amount = parse_amount_of(text, token);
  if (!amount) return std::unexpected(amount.error());
  if (*amount <= there) return *amount;
  return fail(ErrorKind::usage,
              fmt::format("{} has {}, and not {}", holder, amount_text(there, token),
                          amount_text(*amount, token)));
}

Result<std::vector<Want>> wants_to_fund(OwnerAccount& account, const Desk& desk,
                                        const ExecutorOptions& options) {
  deploy::ChainReads& reads = account.reads();
  const auto code = deploy::executor_code_at(reads, desk.executor, desk.sender());
  if (!code) return std::unexpected(code.error());
  if (*code != deploy::CodeFound::matches) {
    return fail(ErrorKind::usage,
                fmt::format("{} is not the executor of {} that this version deploys: nothing is "
                            "sent to it. See `gantry executor status`",
                            shown(desk.executor), shown(desk.sender())));
  }
  const auto token = find_named(reads, *desk.chain, options.token);
  if (!token) return std::unexpected(token.error());
  const auto there = balance_at(reads, *token, desk.sender());
  if (!there) return std::unexpected(there.error());
  const auto amount = amount_to_move(options.amount, *token, *there, shown(desk.sender()));
  if (!amount) return std::unexpected(amount.error());
  const std::string funding =
      fmt::format("fund the executor with {}", amount_text(*amount, *token));
  std::vector<Want> wants;
  if (token->address.kind == GANTRY_ADDRESS_NATIVE) {
    wants.push_back({funding, desk.executor, *amount, deploy::fund_data({}, *amount)});
    return wants;
  }
  const auto allowed = deploy::token_allowance(reads, token->address, desk.sender(), desk.executor);
  if (!allowed) return std::unexpected(allowed.error());
  const auto approve = [&](const u256& wanted) {
    wants.push_back({fmt::format("allow the executor {}", amount_text(wanted, *token)),
                     token->address, u256(), abi::approve(desk.executor, wanted)});
  };
  if (*allowed < *amount) {
    // Some tokens, Tether among them, want an allowance to be nothing before it is changed.
    if (!allowed->is_zero()) approve(u256());
    approve(*amount);
  }
  wants.push_back({funding, desk.executor, u256(), deploy::fund_data(token->address, *amount)});
  return wants;
}

Result<std::vector<Want>> wants_to_withdraw(OwnerAccount& account, const Desk& desk,
                                            const ExecutorOptions& options) {
  deploy::ChainReads& reads = account.reads();
  const auto owner = deploy::owner_of(reads, desk.executor);
  if (!owner) return std::unexpected(owner.error());
  if (!same(*owner, desk.sender())) {
    return fail(ErrorKind::usage,
                fmt::format("{} is the executor of {}, and not of {}", shown(desk.executor),
                            shown(*owner), shown(desk.sender())));
  }
  const auto token = find_named(reads, *desk.chain, options.token);
  if (!token) return std::unexpected(token.error());
  const auto there = balance_at(reads, *token, desk.executor);
  if (!there) return std::unexpected(there.error());
  const bool all = options.amount == "all";
  u256 amount = *there;
  if (all && there->is_zero()) {
    return fail(ErrorKind::usage,
                fmt::format("the executor has no {}", short_symbol(token->symbol)));
  }
  if (!all) {
    const auto asked = amount_to_move(options.amount, *token, *there, "the executor");
    if (!asked) return std::unexpected(asked.error());
    amount = *asked;
  }
  gantry_address moved{};
  if (token->address.kind != GANTRY_ADDRESS_NATIVE) moved = token->address;
  return std::vector<Want>{
      {fmt::format("withdraw {}{}", amount_text(amount, *token), all ? ", all of it," : ""),
       desk.executor, u256(), deploy::withdraw_data(moved, all ? u256::max() : amount)}};
}

Result<std::vector<Want>> wants_of(Action action, OwnerAccount& account, const Desk& desk,
                                   const ExecutorOptions& options) {
  if (action == Action::fund) return wants_to_fund(account, desk, options);
  if (action == Action::withdraw) return wants_to_withdraw(account, desk, options);
  return std::vector<Want>{
      {"deploy the executor", std::nullopt, u256(), deploy::creation_data(desk.sender())}};
}

// ---- what is told -------------------------------------------------------------------------------

std::string coin_text(const u256& wei, const ChainSettings& chain) {
  return fmt::format("{} {}", decimal_text(wei, coin_decimals), chain.native_symbol);
}

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

json::object about(const Desk& desk, Action action, const ExecutorOptions& options) {
  return {{"action", to_string(action)},
          {"chain", desk.chain->id},
          {"live", options.live},
          {"sender", shown(desk.sender())}};
}

ExitCode tell_dry(const Desk& desk, Action action, const ExecutorOptions& options,
                  const OwnerAccount& account, const std::vector<Draft>& drafts) {
  const gantry_address executor = action == Action::deploy
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
  if (action == Action::deploy) out += fmt::format("The executor would be {}\n", shown(executor));
  print(out + "Nothing was signed or sent: --live does.\n");
  return ExitCode::done;
}

// ---- what is sent -------------------------------------------------------------------------------

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

Result<std::unique_ptr<ledger::Ledger>> open_ledger(const Session& session, const Desk& desk) {
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
  const Desk& desk;
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
    print(fmt::format("{}: sent {}\n", printable(draft.what), hex_text(sent->hash)));
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
    json::object out = about(sending.desk, Action::deploy, sending.options);
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

ExitCode send_all(const Session& session, const Desk& desk, Action action,
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
  const auto signer = sign::open_signer(desk.configuration.wallet,
                                        {*http, session.environment, random,
                                         [] { return ask_unseen("Password of the keystore: "); }});
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
  if (action == Action::deploy) return tell_deployed(sending, sign::to_gantry(created));
  if (options.as_json) {
    json::object out = about(desk, action, options);
    out["executor"] = shown(desk.executor);
    out["transactions"] = std::move(sending.told);
    print(json_text(out));
  }
  return ExitCode::done;
}

ExitCode act(const Session& session, const ExecutorOptions& options, Action action) {
  auto loaded = load(session, options.as_json);
  if (!loaded) return ExitCode::usage;
  const auto desk = open_desk(session, options, std::move(loaded->configuration), action);
  if (!desk) return report_error(desk.error());
  auto account = OwnerAccount::open(*(*desk)->chain, *(*desk)->providers, (*desk)->sender());
  if (!account) return report_error(account.error());
  const auto wants = wants_of(action, *account, **desk, options);
  if (!wants) return report_error(wants.error());
  if (options.live) return send_all(session, **desk, action, options, *account, *wants);
  const auto drafts = account->draft(*wants);
  if (!drafts) return report_error(drafts.error());
  return tell_dry(**desk, action, options, *account, *drafts);
}

// ---- status -------------------------------------------------------------------------------------

struct ExecutorState {
  std::uint64_t block = 0;
  gantry_address owner{};
  deploy::CodeFound code = deploy::CodeFound::none;
  u256 coin;
  std::vector<deploy::Held> watched;
};

Result<ExecutorState> read_state(deploy::ChainReads& reads, const Desk& desk) {
  if (auto begun = reads.begin(); !begun) return std::unexpected(begun.error());
  ExecutorState out{.block = reads.head().number};
  const auto owner = deploy::owner_of(reads, desk.executor);
  if (!owner) return std::unexpected(owner.error());
  const auto code = deploy::executor_code_at(reads, desk.executor, *owner);
  if (!code) return std::unexpected(code.error());
  const auto coin = reads.balance(desk.executor);
  if (!coin) return std::unexpected(coin.error());
  auto watched = deploy::watched_by(reads, desk.executor);
  if (!watched) return std::unexpected(watched.error());
  out.owner = *owner;
  out.code = *code;
  out.coin = *coin;
  out.watched = std::move(*watched);
  return out;
}

std::string state_text(const ExecutorState& state, const Desk& desk, const Style& style) {
  const bool own = same(state.owner, desk.sender());
  const bool matches = state.code == deploy::CodeFound::matches;
  std::string out = fmt::format(
      "executor {} on {} ({}), block {}\nowner  {}{}\ncode   {}\n{:24} {}\n", shown(desk.executor),
      printable(desk.chain->name), desk.chain->id, state.block, shown(state.owner),
      own ? style(Ink::good, "  the sender of [wallet]")
          : style(Ink::bad, "  not the sender of [wallet]: nothing can be executed with it"),
      matches ? style(Ink::good, "as this program deploys it")
              : style(Ink::bad, "another than this program deploys"),
      "coin", coin_text(state.coin, *desk.chain));
  for (const deploy::Held& held : state.watched) {
    out += fmt::format(
        "{}  {}\n", shown(held.token.address),
        held.amount ? amount_text(*held.amount, held.token) : style(Ink::bad, "does not say"));
  }
  return out;
}

std::string state_json(const ExecutorState& state, const Desk& desk) {
  json::array tokens;
  for (const deploy::Held& held : state.watched) {
    tokens.push_back(json::object{
        {"address", shown(held.token.address)},
        {"symbol", short_symbol(held.token.symbol)},
        {"units", held.amount ? json::value(to_string(*held.amount)) : json::value()},
        {"amount", held.amount ? json::value(decimal_text(*held.amount, held.token.decimals))
                               : json::value()}});
  }
  return json_text(json::object{{"chain", desk.chain->id},
                                {"block", state.block},
                                {"executor", shown(desk.executor)},
                                {"owner", shown(state.owner)},
                                {"owner_is_sender", same(state.owner, desk.sender())},
                                {"code", to_string(state.code)},
                                {"coin_wei", to_string(state.coin)},
                                {"tokens", std::move(tokens)}});
}

ExitCode show_status(const Session& session, const ExecutorOptions& options) {
  auto loaded = load(session, options.as_json);
  if (!loaded) return ExitCode::usage;
  const auto desk = open_desk(session, options, std::move(loaded->configuration), Action::status);
  if (!desk) return report_error(desk.error());
  deploy::ChainReads reads(*(*desk)->providers);
  const auto state = read_state(reads, **desk);
  if (!state) return report_error(state.error());
  print(options.as_json ? state_json(*state, **desk)
                        : state_text(*state, **desk, Style(session.colour_out)));
  const bool fine =
      state->code == deploy::CodeFound::matches && same(state->owner, (*desk)->sender());
  return fine ? ExitCode::done : ExitCode::found;
}

// ---- the command line ---------------------------------------------------------------------------

CLI::App* add_one(CLI::App& group, CommandLine& line, Action action, const std::string& summary,
                  const std::string& example, const std::shared_ptr<ExecutorOptions>& options) {
  CLI::App* command = add_command(group, std::string(to_string(action)), summary, example);
  command->add_option("--chain", options->chain, "A [[chain]] by id or name; without it the first")
      ->type_name("CHAIN");
  command->add_flag("--json", options->as_json, "For a program to read");
  command->callback([&line, options, action] {
    line.chosen = [&line, options, action] {
      return action == Action::status ? show_status(line.session, *options)
                                      : act(line.session, *options, action);
    };
  });
  if (action == Action::status) return command;
  command->add_flag("--live", options->live, "Sign and send; without it nothing leaves");
  command
      ->add_option("--password-env", options->password_variable,
                   "Variable of the environment that holds the keystore's password")
      ->type_name("NAME");
  add_whole_number(*command, "--wait-s", "Seconds to wait for a block, of each transaction; 300",
                   Range<std::uint64_t>{1, 86'400}, options->wait_s);
  return command;
}

void add_executor_address(CLI::App& command, ExecutorOptions& options) {
  command
      .add_option("--executor", options.executor, "Another contract than that of [chain.execution]")
      ->type_name("ADDRESS");
}

}  // namespace

void add_executor(CLI::App& app, CommandLine& line) {
  CLI::App* group = add_command(
      app, "executor", "The contract that carries trades out, by its owner", "executor status");
  group->require_subcommand(1);
  add_one(*group, line, Action::deploy,
          "Deploy the contract, owned by the sender of [wallet]; a dry run without --live",
          "executor deploy --live", std::make_shared<ExecutorOptions>());
  auto funded = std::make_shared<ExecutorOptions>();
  CLI::App* fund = add_one(*group, line, Action::fund,
                           "Give it a token, or the chain's coin; a dry run without --live",
                           "executor fund native 0.5 --live", funded);
  auto taken = std::make_shared<ExecutorOptions>();
  CLI::App* withdraw =
      add_one(*group, line, Action::withdraw,
              "Take a token or the coin back to its owner; a dry run without --live",
              "executor withdraw native all --live", taken);
  add_executor_address(*withdraw, *taken);
  for (const auto& [command, options, all] :
       {std::tuple{fund, funded.get(), ""}, std::tuple{withdraw, taken.get(), ", or all"}}) {
    command->add_option("token", options->token, "Its address, or `native`")
        ->type_name("TOKEN")
        ->required();
    command
        ->add_option("amount", options->amount,
                     std::string("1500000 is in the smallest unit, 1.5 in whole ones") + all)
        ->type_name("AMOUNT")
        ->required();
  }
  auto asked = std::make_shared<ExecutorOptions>();
  CLI::App* status = add_one(*group, line, Action::status,
                             "Its owner, its code, and what it holds; exit code 3 where something "
                             "is not as it has to be",
                             "executor status --json", asked);
  add_executor_address(*status, *asked);
}

}  // namespace gantry::host::cli

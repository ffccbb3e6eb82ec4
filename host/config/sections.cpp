// gantry.toml, section by section. The order here is the order of `config explain`.
#include "host/config/sections.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "host/config/address.hpp"

namespace gantry::host::config {
namespace {

void read_provider(TableReader& chain, const Node& node, const Environment& environment,
                   std::vector<RpcProviderSettings>& out) {
  TableReader reader(chain.loading(), chain.document(), node, chain.path() + ".provider");
  RpcProviderSettings provider;
  const bool named = reader.name({.key = "name", .help = "what logs call it"}, provider.name);
  if (named) reader.set_path(fmt::format("{}.provider.{}", chain.path(), provider.name));
  const auto same = std::ranges::find(out, provider.name, &RpcProviderSettings::name);
  if (named && same != out.end()) {
    reader.fault(Severity::error, node.find("name")->value.place, "name",
                 {"is there twice", "another name for each provider of a chain", {}});
  }
  if (node.find("url") == nullptr) {
    reader.fault(Severity::error, node.place, "url",
                 {"is missing", "the provider's address, as \"https://...\"", {}});
  }
  reader.url({.key = "url", .help = "where JSON-RPC requests go; keys as ${NAME}"}, provider.url,
             true, environment);
  reader.integer({.key = "priority", .help = "1 is tried first", .min = 1, .max = 1000},
                 provider.priority);
  reader.integer({.key = "weight",
                  .help = "share of the calls among providers of one priority",
                  .min = 1,
                  .max = 1000},
                 provider.weight);
  reader.refuse_unknown();
  if (named) out.push_back(std::move(provider));
}

void read_chain(TableReader& root, const Node& node, const Environment& environment,
                std::vector<ChainSettings>& out) {
  TableReader reader(root.loading(), root.document(), node, "chain");
  ChainSettings chain;
  const Member* id = reader.take("id");
  if (id == nullptr || id->value.kind != Node::Kind::text || !is_chain_id(id->value.text)) {
    reader.fault(Severity::error, id == nullptr ? node.place : id->value.place, "id",
                 {id == nullptr ? "is missing" : "is " + describe(id->value),
                  "a CAIP-2 id in quotes, as \"eip155:1\" for Ethereum",
                  {}});
    chain.id.clear();
  } else {
    chain.id = id->value.text;
    reader.set_path("chain." + chain.id);
    if (std::ranges::find(out, chain.id, &ChainSettings::id) != out.end()) {
      reader.fault(Severity::error, id->value.place, "id",
                   {"is there twice", "one [[chain]] for each chain", {}});
    }
  }
  reader.text({.key = "name", .help = "what the output calls the chain"}, chain.name);
  reader.boolean({.key = "enabled", .help = "false: it is not followed live"}, chain.enabled);
  reader.number({.key = "block_time_s",
                 .help = "from one block to the next: how far ahead a trade executes",
                 .unit = "seconds",
                 .min = 0.01,
                 .max = 3600},
                chain.block_time_s);
  reader.number({.key = "gas_price_gwei",
                 .help = "what a trade is charged per gas where the market brings no price",
                 .unit = "gwei",
                 .min = 0,
                 .max = 1e6},
                chain.gas_price_gwei);
  reader.choice(
      {.key = "data_fee",
       .help = "what the chain charges for a trade's bytes besides its gas: op_stack (Optimism, "
               "Base) and arbitrum are asked of the chain at each block"},
      std::array{DataFeeKind::none, DataFeeKind::op_stack, DataFeeKind::arbitrum}, chain.data_fee);
  reader.text({.key = "native_symbol", .help = "symbol of the chain's own coin"},
              chain.native_symbol);
  reader.address({.key = "wrapped_native", .help = "the token that stands for the coin"}, chain.id,
                 chain.wrapped_native);
  reader.addresses(
      {.key = "usd_tokens",
       .help = "each counts as one dollar; the coin's price is the median over their pools with "
               "it, and all other tokens are valued through the coin"},
      chain.id, chain.usd_tokens);
  reader.boolean({.key = "check_tokens",
                  .help = "try each token of a live pool before it is followed: pools of tokens "
                          "that are taxed on the way or cannot be sold are left out, and so are, "
                          "until they can be tried, empty pools and those that no provider tries"},
                 chain.check_tokens);
  reader.addresses({.key = "odd_tokens",
                    .help = "let in without being tried: their pools are quoted as if all that is "
                            "sent arrived"},
                   chain.id, chain.odd_tokens);
  for (const Node* provider : reader.tables("provider")) {
    read_provider(reader, *provider, environment, chain.providers);
  }
  std::ranges::stable_sort(chain.providers, {}, &RpcProviderSettings::priority);
  read_execution(reader, environment, chain);
  reader.refuse_unknown();
  if (!chain.id.empty()) out.push_back(std::move(chain));
}

bool is_signer_variable(std::string_view name) {
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

// The name of a variable, never a password: what is no name is not repeated.
void read_password_variable(TableReader& reader, const Environment& environment, std::string& out) {
  static constexpr std::string_view key = "password_variable";
  reader.text({.key = key,
               .help = "variable of the environment that holds the keystore's password; empty: "
                       "the terminal is asked"},
              out);
  const Member* member = reader.node().find(key);
  if (member == nullptr || out.empty() || reader.is_faulty(key)) return;
  if (!is_signer_variable(out)) {
    out.clear();
    reader.fault(Severity::error, member->value.place, key,
                 {"is no name of a variable",
                  "a name of A to Z, 0 to 9 and _, as \"GANTRY_PASSWORD\"; the password itself "
                  "never stands in a file",
                  {}});
    return;
  }
  const auto set = environment(out);
  if (set && !set->empty()) return;
  reader.fault(Severity::warning, member->value.place, key,
               {fmt::format("names the environment variable {}, which is not set", out),
                fmt::format("set {} before the start; until then nothing can be signed", out),
                {},
                out});
}

// What was set needs something else that was not, or was.
void check_signer(TableReader& reader, const WalletSettings& wallet) {
  const auto refuse = [&](std::string_view key, std::string message, std::string expected) {
    const Member* member = reader.node().find(key);
    if (member == nullptr || reader.is_faulty(key)) return;
    reader.fault(Severity::error, member->value.place, key,
                 {std::move(message), std::move(expected), {}});
  };
  const bool remote = !wallet.remote_signer.empty();
  if (remote && !wallet.keystore.empty()) {
    refuse("remote_signer", "is set beside keystore", "one of the two: who signs");
  }
  if (remote && wallet.signer().length == 0) {
    refuse("remote_signer", "is set, but no account that it signs for",
           "owner = \"0x...\" or sender in [wallet]");
  }
  if (wallet.remote_signer.text().starts_with("ws")) {
    refuse("remote_signer", "is no URL of HTTP", "a URL that begins with https:// or http://");
  }
  if (wallet.keystore.empty()) {
    refuse("password_variable", "is set without keystore", "keystore = \"FILE\" beside it");
  }
  if (remote) return;
  for (const std::string_view key : {"remote_signer_kind", "remote_signer_timeout_ms"}) {
    refuse(key, "is set without remote_signer", "remote_signer = \"https://...\" beside it");
  }
}

void read_wallet(TableReader& root, std::string_view chain, const Environment& environment,
                 WalletSettings& wallet) {
  TableReader reader(root.loading(), root.document(), root.table("wallet"), "wallet");
  reader.address({.key = "sender", .help = "the account that trades; none: nothing is planned"},
                 chain, wallet.sender);
  if (wallet.sender.kind == GANTRY_ADDRESS_NONE && !reader.is_faulty("sender")) {
    const Member* member = reader.node().find("sender");
    reader.fault(Severity::warning, member != nullptr ? member->value.place : reader.node().place,
                 "sender",
                 {"is missing: what the risk gate approves cannot be planned",
                  "sender = \"0x...\" in [wallet], the address of your account",
                  {}});
  }
  reader.address({.key = "entry_point", .help = "ERC-4337 contract for user operations"}, chain,
                 wallet.entry_point);
  reader.address({.key = "owner",
                  .help = "whose key signs for sender, where that is a smart account; none: "
                          "sender's own"},
                 chain, wallet.owner);
  reader.path({.key = "keystore", .help = "file with the key, encrypted (Keystore V3)"},
              wallet.keystore);
  read_password_variable(reader, environment, wallet.password_variable);
  reader.url({.key = "remote_signer",
              .help = "where a signer elsewhere takes requests, in place of a keystore"},
             wallet.remote_signer, true, environment);
  reader.choice({.key = "remote_signer_kind",
                 .help = "what it speaks: web3signer (eth_signTransaction) or clef "
                         "(account_signTransaction)"},
                std::array{RemoteSignerKind::web3signer, RemoteSignerKind::clef},
                wallet.remote_signer_kind);
  reader.integer({.key = "remote_signer_timeout_ms",
                  .help = "how long it may take to sign; longer where a human says yes",
                  .unit = "ms",
                  .min = 100,
                  .max = 600'000},
                 wallet.remote_signer_timeout_ms);
  check_signer(reader, wallet);
  reader.refuse_unknown();
}

void read_live(TableReader& root, LiveSettings& live) {
  TableReader reader(root.loading(), root.document(), root.table("live"), "live");
  reader.integer({.key = "poll_ms",
                  .help = "how often a chain without a subscription is asked for its newest block; "
                          "0: four times in a block",
                  .unit = "ms",
                  .min = 0,
                  .max = 60'000},
                 live.poll_ms);
  reader.integer({.key = "undo_blocks",
                  .help = "blocks that are kept to be undone; a deeper reorganization reads all "
                          "pools anew",
                  .unit = "blocks",
                  .min = 1,
                  .max = 1024},
                 live.undo_blocks);
  reader.integer({.key = "gap_blocks_max",
                  .help = "blocks that were missed are fetched one by one up to so many; more: "
                          "all pools are read anew",
                  .unit = "blocks",
                  .min = 1,
                  .max = 10'000},
                 live.gap_blocks_max);
  reader.integer({.key = "audit_every_blocks",
                  .help = "how often states are compared with the chain's; 0: never",
                  .unit = "blocks",
                  .min = 0,
                  .max = 1'000'000},
                 live.audit_every_blocks);
  reader.integer({.key = "audit_pools",
                  .help = "pools that are compared at each audit, in turn",
                  .unit = "pools",
                  .min = 1,
                  .max = 10'000},
                 live.audit_pools);
  reader.integer({.key = "statistics_every_s",
                  .help = "how often the log says how each provider does; 0: never",
                  .unit = "seconds",
                  .min = 0,
                  .max = 86'400},
                 live.statistics_every_s);
  reader.boolean({.key = "pending",
                  .help = "listen to transactions that wait to be included, and tell strategies of "
                          "the swaps in them; needs a provider with a wss:// url"},
                 live.pending);
  reader.integer({.key = "between_blocks_ms",
                  .help = "what comes between two blocks, as pending transactions, is told to "
                          "strategies at most this often; 0: with the next block alone",
                  .unit = "ms",
                  .min = 0,
                  .max = 60'000},
                 live.between_blocks_ms);
  reader.path({.key = "cases",
               .help = "where an audit that finds a difference writes it down; empty: "
                       "gantry/cases in $XDG_STATE_HOME"},
              live.cases);
  reader.refuse_unknown();
}

void read_street(TableReader& root, StreetSettings& street) {
  TableReader reader(root.loading(), root.document(), root.table("street"), "street");
  reader.integer({.key = "threads",
                  .help = "workers of the task graph; 0: one per core",
                  .unit = "threads",
                  .min = 0,
                  .max = 256},
                 street.threads);
  reader.integer({.key = "snapshots_in_flight",
                  .help = "snapshots worked on at once; more wait",
                  .unit = "snapshots",
                  .min = 1,
                  .max = 1024},
                 street.snapshots_in_flight);
  reader.integer({.key = "opportunities_per_snapshot",
                  .help = "taken from one strategy for one snapshot; more are cut and counted",
                  .unit = {},
                  .min = 1,
                  .max = 1'000'000},
                 street.opportunities_per_snapshot);
  reader.choice({.key = "pace",
                 .help = "back_pressure: every snapshot to every strategy; live: newest wins, "
                         "skips are counted"},
                std::array{Pace::back_pressure, Pace::live}, street.pace);
  reader.integer({.key = "strategy_deadline_ms",
                  .help = "at live pace: longer on one snapshot costs the strategy a strike",
                  .unit = "ms",
                  .min = 1,
                  .max = 600'000},
                 street.strategy_deadline_ms);
  reader.refuse_unknown();
}

}  // namespace

void read_gantry(TableReader& root, const Environment& environment, Configuration& out) {
  Loading& loading = root.loading();
  const Document& document = root.document();
  for (const Node* chain : root.tables("chain")) read_chain(root, *chain, environment, out.chains);
  if (root.node().find("chain") == nullptr && out.chains.empty()) {
    root.fault(Severity::error, {}, "chain",
               {"is missing: nothing can run without a chain",
                "[[chain]] with its id, as id = \"eip155:1\"",
                {}});
  }
  // Addresses elsewhere are of the first chain's kind.
  const std::string chain = out.chains.empty() ? "eip155:1" : out.chains.front().id;
  {
    TableReader reader(loading, document, root.table("market"), "market");
    reader.path({.key = "recording", .help = "the market that `gantry run` replays"},
                out.market.recording);
    reader.refuse_unknown();
  }
  read_wallet(root, chain, environment, out.wallet);
  read_risk(root, out.risk);
  {
    TableReader reader(loading, document, root.table("plugins"), "plugins");
    reader.paths({.key = "folders", .help = "searched for plugins (*.so), in this order"},
                 out.plugin.folders);
    reader.integer({.key = "strikes_max",
                    .help = "faults before a plugin is retired for this run",
                    .unit = "strikes",
                    .min = 1,
                    .max = 1000},
                   out.plugin.strikes_max);
    reader.choice(
        {.key = "trust",
         .help = "any: what is in the folders is loaded; pinned: what plugins.lock names; "
                 "signed: what a key of keys.toml signed"},
        std::array{Trust::any, Trust::pinned, Trust::signed_}, out.plugin.trust);
    reader.path(
        {.key = "store", .help = "where bundles are installed; empty: gantry in $XDG_DATA_HOME"},
        out.plugin.store);
    out.plugin.keys = document.folder / "keys.toml";
    reader.path({.key = "keys", .help = "whose signatures on bundles count"}, out.plugin.keys);
    reader.boolean({.key = "require_checked",
                    .help = "load only libraries that `gantry plugin check` has passed"},
                   out.plugin.require_checked);
    reader.path({.key = "quarantine",
                 .help = "where plugins that were put away are written down; empty: "
                         "gantry/quarantine in $XDG_STATE_HOME"},
                out.plugin.quarantine);
    reader.integer({.key = "hang_s",
                    .help = "a call into a plugin that takes longer ends the host, which starts "
                            "without that plugin next time; 0: none is too long",
                    .unit = "seconds",
                    .min = 0,
                    .max = 86'400},
                   out.plugin.hang_s);
    reader.refuse_unknown();
  }
  read_street(root, out.street);
  {
    TableReader reader(loading, document, root.table("log"), "log");
    reader.choice({.key = "level", .help = "the least severe that is written"},
                  std::array{LogLevel::trace, LogLevel::debug, LogLevel::info, LogLevel::warning,
                             LogLevel::error},
                  out.log.level);
    reader.choice({.key = "format", .help = "automatic: human on a terminal, JSON otherwise"},
                  std::array{LogFormat::automatic, LogFormat::human, LogFormat::json},
                  out.log.format);
    reader.refuse_unknown();
  }
  read_live(root, out.live);
  {
    TableReader reader(loading, document, root.table("ledger"), "ledger");
    reader.path({.key = "path",
                 .help = "the file of what was sent and what became of it; empty: "
                         "gantry/ledger.sqlite in $XDG_STATE_HOME"},
                out.ledger.path);
    reader.path({.key = "key",
                 .help = "the key that its audit trail is signed with; empty: beside the file"},
                out.ledger.key);
    reader.integer({.key = "batch_max",
                    .help = "records that share one synced commit",
                    .unit = "records",
                    .min = 1,
                    .max = 10'000},
                   out.ledger.batch_max);
    reader.integer({.key = "batch_wait_ms",
                    .help = "how long a record waits for others to share its commit, at most; 0: "
                            "those that came meanwhile share the next one",
                    .unit = "ms",
                    .min = 0,
                    .max = 100},
                   out.ledger.batch_wait_ms);
    reader.refuse_unknown();
  }
  TableReader reader(loading, document, root.table("api"), "api");
  reader.path({.key = "socket",
               .help = "where `status` and `stop` reach a running host; empty: gantry.sock in "
                       "$XDG_RUNTIME_DIR"},
              out.api.socket);
  reader.refuse_unknown();
}

}  // namespace gantry::host::config

// What the operator decides: one plain struct per stage, defaults in place. load.hpp fills them
// from config/*.toml and checks every range named here.
//
// UNITS  In the name, as everywhere; bps are hundredths of a percent.
#pragma once
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.h"
#include "host/config/secret.hpp"
#include "host/plugin/manifest.hpp"

namespace gantry::host {

// [[chain.provider]]
struct RpcProviderSettings {
  std::string name;
  TemplatedUrl url;           // https, http, wss or ws; keys as ${NAME}
  std::int64_t priority = 1;  // 1 = tried first
  std::int64_t weight = 1;    // share of the calls among providers of one priority
};

// What a chain charges for a transaction's bytes, besides its gas.
enum class DataFeeKind : std::int32_t {
  none = 1,
  op_stack = 2,  // as GasPriceOracle says: Optimism, Base
  arbitrum = 3,  // as ArbGasInfo says
};
std::string_view to_string(DataFeeKind kind);

// How a signed trade leaves the host.
enum class SendKind : std::int32_t {
  transaction = 1,  // to the chain's providers, for everybody to see
  bundle = 2,       // to [[chain.relay]]s alone
  operation = 3,    // as an ERC-4337 user operation, to [chain.bundler]
};
std::string_view to_string(SendKind kind);

// [chain.execution]: without it nothing is sent on a chain. Every trade is simulated before.
struct ExecutionSettings {
  gantry_address executor{};  // the deployed contract; none: nothing can be executed
  SendKind send = SendKind::transaction;
  double max_priority_fee_gwei = 1;  // what is offered to whoever makes the block, per gas
  double max_fee_gwei = 300;         // most that is paid in all, per gas; never below the former
  std::int64_t blocks_max = 3;       // not included so many blocks after its plan: taken back
  std::int64_t confirm_blocks = 12;  // depth at which a result is final
  // What was built for a trade, and that the chain refused it, is kept for the same trade at the
  // same states of its pools: so long, and of so many trades. 0: not at all.
  std::int64_t prepared_ttl_ms = 5000;
  std::int64_t prepared_max = 1000;
};

// Who lends for one transaction. As host/plan names them.
enum class LenderKind : std::int32_t {
  aave_v3 = 1,
  balancer_v2 = 2,
  balancer_v3 = 3,
  uniswap_v2 = 4,
  uniswap_v3 = 5,
  dydx_solo = 6,
};
std::string_view to_string(LenderKind kind);

// [[chain.lender]]
struct LenderSettings {
  LenderKind source = LenderKind::aave_v3;
  gantry_address address{};  // pool, vault or pair
  bool enabled = true;       // false by default for dydx_solo, which was left by its makers
};

// [[chain.relay]]: takes bundles (eth_sendBundle).
struct RelaySettings {
  std::string name;
  TemplatedUrl url;  // https, or http to this machine; keys as ${NAME}
};

// [[chain.price]]: a price from outside the chain, asked for over and over (GET, JSON).
struct PriceSettings {
  std::string name;  // up to 31 characters
  gantry_address token{};
  gantry_address quote{};
  TemplatedUrl url;  // https, or http to this machine; keys as ${NAME}
  std::string bid;   // where it is in the answer, as a JSON pointer: "/bidPrice"
  std::string ask;
  std::int64_t every_ms = 250;  // also how long an answer may take
};

// [chain.bundler]: takes user operations (eth_sendUserOperation).
struct BundlerSettings {
  std::string name = "bundler";
  TemplatedUrl url;  // as a relay's
};

// [[chain]]: the first one is where a DEX, strategy or paymaster runs that names none.
struct ChainSettings {
  std::string id = "eip155:1";  // CAIP-2
  std::string name = "ethereum";
  bool enabled = true;         // false: it is not followed live
  double block_time_s = 12;    // from one block to the next: how far ahead a trade would execute
  double gas_price_gwei = 30;  // what a trade is charged per gas where the market brings no price
  DataFeeKind data_fee = DataFeeKind::none;  // what a trade is charged for its bytes besides
  std::string native_symbol = "ETH";
  gantry_address wrapped_native{};             // the token that stands for the chain's own coin
  std::vector<gantry_address> usd_tokens;      // their median price is the dollar's
  bool check_tokens = true;                    // pools of taxed or unsellable tokens stay out
  std::vector<gantry_address> odd_tokens;      // but for these
  std::vector<RpcProviderSettings> providers;  // in the order they are tried
  std::optional<ExecutionSettings> execution;
  std::vector<LenderSettings> lenders;     // in the order of the file
  std::vector<RelaySettings> relays;       // in the order of the file; all are asked at once
  std::vector<PriceSettings> prices;       // in the order of the file
  std::optional<BundlerSettings> bundler;  // none: no user operation can be sent
};

// [market]: what is replayed when no chain is live.
struct MarketSettings {
  std::filesystem::path recording;  // absolute; the file says it relative to itself; or empty
};

// [live]: how a chain is followed.
struct LiveSettings {
  std::int64_t poll_ms = 0;           // 0: a quarter of the chain's block time, 100 ms to 2 s
  std::int64_t undo_blocks = 64;      // kept to be undone; a deeper reorganization reads all anew
  std::int64_t gap_blocks_max = 256;  // missed and fetched one by one; more: all is read anew
  std::int64_t audit_every_blocks = 64;  // 0: never
  std::int64_t audit_pools = 8;          // compared with the chain at each audit, in turn
  std::int64_t statistics_every_s = 60;  // how often the log says how providers do; 0: never
  bool pending = false;                  // transactions that wait are told to strategies
  std::int64_t between_blocks_ms = 0;  // they and prices are told of so soon; 0: with blocks alone
  std::filesystem::path cases;  // absolute: of audits that found something; empty: see cases_folder
};

// The JSON-RPC that a remote signer speaks.
enum class RemoteSignerKind : std::int32_t {
  web3signer = 1,  // eth_signTransaction; also of geth and others
  clef = 2,        // account_signTransaction, of go-ethereum's clef
};
std::string_view to_string(RemoteSignerKind kind);

// [wallet]: the account, and who signs for it: a keystore, a remote signer, or nobody.
struct WalletSettings {
  gantry_address sender{};         // the account that trades; none: nothing is planned
  gantry_address entry_point{};    // ERC-4337 contract that user operations go through
  gantry_address owner{};          // whose key signs; none: sender's own, which is no smart account
  std::filesystem::path keystore;  // absolute; Keystore V3; or empty
  std::string password_variable;   // holds its password; empty: the terminal is asked
  TemplatedUrl remote_signer;      // http or https; or empty
  RemoteSignerKind remote_signer_kind = RemoteSignerKind::web3signer;
  std::int64_t remote_signer_timeout_ms = 10000;

  // The address that signatures have to be of.
  const gantry_address& signer() const { return owner.length != 0 ? owner : sender; }
  bool signs() const { return !keystore.empty() || !remote_signer.empty(); }
};

// What bounds trades: of all, [risk], and of one chain, venue, strategy or library, as
// [risk.venue.NAME]. A trade has to meet those of every scope that it touches.
struct RiskLimits {
  // One trade.
  std::int64_t pool_concentration_bps = 1000;  // most of a pool's reserve that it may put in
  double min_profit_usd = 1000;                // least profit after fees and gas
  double max_position_eth = 1000;              // most that it may put in, in the coin
  double max_position_usd = 10'000'000;        // the same in dollars
  double min_confidence = 0.5;                 // 0 to 1, as the strategy states it
  double max_risk_score = 0.8;                 // 0 to 1, as the strategy states it
  std::int64_t max_snapshot_age_blocks = 2;    // older than this is stale
  double min_profit_gas = 5;                   // least profit after gas, in times the gas
  double max_loss_usd = 10'000;                // most that it may lose
  std::int64_t max_loss_bps = 200;             // the same, of the capital
  double min_success = 0.85;                   // least forecast of its success, 0 to 1
  std::int64_t max_slippage_bps = 100;         // most that its prices are expected to move
  std::int64_t max_crossing_bps = 100;         // most that it costs to open or close a position
  std::int64_t max_volatility_bps = 500;       // standard deviation of that
  double max_value_at_risk_usd = 250'000;      // with all that is under way
  double max_composite = 0.75;                 // 0 to 1: mean of what is used up of the limits
  // All that is under way.
  double max_concurrent_eth = 3000;  // put in, in the coin
  std::int64_t reserve_bps = 2000;   // of the capital, that is never put in
  double max_gas_eth_day = 10;       // spent on gas in a day (UTC)
  // Breakers: what trips when it is exceeded.
  double max_daily_loss_eth = 100;             // of a day (UTC), less what was gained
  double max_daily_loss_usd = 50'000;          // the same in dollars
  std::int64_t max_drawdown_bps = 250;         // of equity, below its highest
  std::int64_t max_failures = 5;               // one after the other
  std::int64_t max_quote_deviation_bps = 100;  // a fill below what was quoted
  // The ramp: until both are reached, ramp_position_eth bounds a trade.
  std::int64_t ramp_successes = 20;
  double ramp_hours = 24;
  double ramp_position_eth = 10;
};

enum class RiskScopeKind : std::int32_t {
  total = 1,
  chain = 2,     // CAIP-2
  venue = 3,     // a [[dex]]
  strategy = 4,  // a [strategies.NAME]
  plugin = 5,    // a library, by its manifest's name, in all its instances
};
std::string_view to_string(RiskScopeKind kind);

struct RiskScope {
  RiskScopeKind kind = RiskScopeKind::total;
  std::string name;
  RiskLimits limits;  // whole: what is not given is [risk]'s
};

// How trading goes on after a breaker of losses, failures or deviations.
enum class Recovery : std::int32_t {
  automatic = 1,  // after cool_down_s HALTED, reduced_s REDUCING
  by_hand = 2,    // with `gantry resume`
};
std::string_view to_string(Recovery recovery);

// What a dry run counts as the result of a trade that it planned.
enum class DryRunFills : std::int32_t {
  none = 1,        // nothing: no capital moves
  next_block = 2,  // what its route pays in the block in which it would have been executed
};
std::string_view to_string(DryRunFills fills);

// [risk]
struct RiskSettings : RiskLimits {
  double capital_eth = 3750;  // as the operator says: no balance is read for it
  Recovery recovery = Recovery::automatic;
  std::int64_t cool_down_s = 3600;
  std::int64_t reduced_s = 3600;
  std::int64_t reduced_bps = 2500;  // of every limit of size, while REDUCING
  bool unwind = true;               // positions are closed while REDUCING
  std::int64_t stale_s = 120;       // a chain without a newer block for so long is HALTED; 0: never
  DryRunFills dry_run_fills = DryRunFills::none;
  std::filesystem::path state;  // absolute: of breakers; empty: gantry/risk in $XDG_STATE_HOME
  std::vector<RiskScope> scopes;
};

// What a library has to show before any of it is loaded.
enum class Trust : std::int32_t {
  any = 1,      // that it fits this host; whoever may write to the plugin folders is trusted
  pinned = 2,   // and that plugins.lock names its hash
  signed_ = 3,  // and that the bundle it came in is signed by a key of keys.toml
};
std::string_view to_string(Trust trust);

// [plugins]
struct PluginSettings {
  std::vector<std::filesystem::path> folders;  // absolute; searched in this order for *.so
  std::int64_t strikes_max = 3;                // faults before a plugin is retired for this run
  Trust trust = Trust::any;
  std::filesystem::path store;   // of installed bundles, absolute; empty: see default_bundle_store
  std::filesystem::path keys;    // absolute; keys.toml beside gantry.toml
  bool require_checked = false;  // load only what the conformance kit has passed
  // Of plugins that were put away, absolute; empty: see default_quarantine_folder.
  std::filesystem::path quarantine;
  std::int64_t hang_s = 30;  // a call into a plugin that takes longer ends the host; 0: never
};

enum class Pace : std::int32_t {
  back_pressure = 1,  // every snapshot to every strategy, however long it takes
  live = 2,           // newest wins; a slow strategy skips, and skips are counted
};
std::string_view to_string(Pace pace);

// [street]
struct StreetSettings {
  std::int64_t threads = 0;  // workers of the task graph; 0 = one per core
  std::int64_t snapshots_in_flight = 4;
  std::int64_t opportunities_per_snapshot = 1024;  // of one strategy; more are cut and counted
  Pace pace = Pace::back_pressure;
  std::int64_t strategy_deadline_ms = 250;  // live only: longer costs the strategy a strike
};

enum class LogLevel : std::int32_t { trace = 0, debug = 1, info = 2, warning = 3, error = 4 };
std::string_view to_string(LogLevel level);
enum class LogFormat : std::int32_t { automatic = 1, human = 2, json = 3 };
std::string_view to_string(LogFormat format);

// [log]
struct LogSettings {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::automatic;  // human on a terminal, JSON otherwise
};

// [api]
struct ApiSettings {
  // Socket that `status` and `stop` talk to; empty: gantry.sock in $XDG_RUNTIME_DIR.
  std::filesystem::path socket;
};

// [ledger]: what was sent, what became of it, and the signed trail of it.
struct LedgerSettings {
  std::filesystem::path path;   // absolute; empty: see default_ledger
  std::filesystem::path key;    // absolute, what the trail is signed with; empty: beside the ledger
  std::int64_t batch_max = 50;  // records that share one synced commit
  std::int64_t batch_wait_ms = 0;  // that the first of them waits for others, at most
};

// A parameter on its way to a plugin: all that its manifest declares and that has a value.
struct ParameterSetting {
  std::string name;
  ParameterType type = ParameterType::string;
  ParameterValue value;  // texts as written: see resolve_text
  bool given = false;    // by the operator; false: the plugin's default
};

// Where a plugin runs.
enum class Isolation : std::int32_t {
  inproc = 1,   // in the host's own process: a crash of it is the host's
  process = 2,  // in a sandboxed process of its own, which may die
};
std::string_view to_string(Isolation isolation);

// What every named instance of a plugin has.
struct InstanceSettings {
  std::string name;
  bool enabled = true;
  std::string plugin;         // the library's manifest name or id; the instance's name by default
  std::string chain;          // CAIP-2; the first chain by default
  std::int64_t priority = 0;  // see the structs below: which end comes first depends on the kind
  Isolation isolation = Isolation::inproc;
  std::int64_t call_timeout_ms = 5000;  // in a process of its own: it is ended after that
  // What it may do beyond answering; none given: see capabilities.hpp.
  std::optional<std::vector<std::string>> capabilities;
  std::vector<ParameterSetting> parameters;  // in the manifest's order; none if not installed
  std::optional<std::size_t> installed;      // into Configuration::plugins; none: not installed

  bool runs() const { return enabled && installed.has_value(); }
};

// [[dex.pool]]: a pool that is known, for live chains.
struct ListedPool {
  gantry_address address{};
  std::vector<gantry_address> tokens;  // in the contract's order
  std::string metadata;                // as the plugin wants it; bytes
};

// [[dex]]
struct DexSettings : InstanceSettings {  // priority: higher = first
  double min_liquidity_usd = 0;          // pools that hold less are left out
  std::int64_t max_slippage_bps = 100;   // minimum out = quote less this
  std::optional<std::int64_t> fee_bps;   // where the pool's state does not say its fee
  std::vector<ListedPool> pools;         // in the order of the file
  bool discover = true;                  // live: ask the plugin for pools of its factory
  // Of pools that take their input by calling back: what they call, with its types.
  std::string callback = "uniswapV3SwapCallback(int256,int256,bytes)";
};

// [strategies.NAME], and its number in [strategy_priorities]
struct StrategySettings : InstanceSettings {  // priority: higher = first
  std::int64_t min_profit_bps = 0;            // opportunities that promise less are dropped
  std::optional<std::int64_t> deadline_ms;    // in place of street.strategy_deadline_ms
};

// [[paymaster]]
struct PaymasterSettings : InstanceSettings {};  // priority: 1 = first

}  // namespace gantry::host

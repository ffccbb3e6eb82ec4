#include "evm/sponsored_trader.hpp"

#include <fmt/format.h>

#include <stdexcept>
#include <thread>

#include "evm/plugin_venue.hpp"
#include "host/plan/abi.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
namespace sign = host::sign;

constexpr std::string_view chain_text = "eip155:31337";
const std::string owner_key = "4646464646464646464646464646464646464646464646464646464646464646";
constexpr std::chrono::seconds receipt_bound{30};  // against a hang
constexpr std::chrono::milliseconds receipt_poll{5};

template <class T>
T must(host::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
template <class T>
T must(hl::Pending<T> pending) {
  return must(pending.get());
}

sign::EvmAddress evm(const std::string& hex) {
  const auto bytes = to_bytes(hex);
  sign::EvmAddress out{};
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

host::HttpEndpoint endpoint_of(const std::string& url) { return {host::Secret(url, url), {}}; }

std::unique_ptr<sign::Signer> owner() {
  const auto key = to_bytes("0x" + owner_key);
  return must(sign::make_local_signer(sign::SecretBytes(key.begin(), key.end()),
                                      must(sign::Curve::make(host::system_random()))));
}

}  // namespace

SponsoredTrader::SponsoredTrader(EntryPointChain& chain, EntryPointVersion version,
                                 const std::vector<PaymasterEntry>& paymasters,
                                 const std::string& bundler_url)
    : chain_(chain), entry_point_(chain.entry_point(version)), signer_(owner()) {
  account_ = chain.account_of(version, to_hex(signer_->address()));
  market_.emplace(chain.deployer(), account_);
  std::string settings = fmt::format(
      "[[chain]]\nid = \"{}\"\nname = \"local\"\nblock_time_s = 1\n"
      "wrapped_native = \"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"\n"
      "[[chain.provider]]\nname = \"anvil\"\nurl = \"{}\"\n"
      "[plugins]\nfolders = [\"{}\"]\n",
      chain_text, chain.anvil().url(), GANTRY_PLUGINS);
  for (std::size_t i = 0; i < paymasters.size(); ++i) {
    settings += fmt::format(
        "[[paymaster]]\nname = \"{}\"\nplugin = \"pimlico\"\npriority = {}\nurl = \"{}\"\n"
        "method = \"{}\"\ntimeout_ms = 4000\n",
        paymasters[i].name, i + 1, paymasters[i].url, paymasters[i].method);
  }
  folder_.write("gantry.toml", settings);
  folder_.write("dex_config.toml", "");
  folder_.write("strategies.toml", "");
  environment_ = host::process_environment();
  auto configuration = host::load_configuration(
      host::ConfigFiles::in_folder(folder_.path()),
      host::scan_plugin_folders({std::filesystem::path(GANTRY_PLUGINS)}).plugins, environment_);
  if (!configuration) throw std::runtime_error(host::render_text(configuration.error(), false));
  configuration_ = std::move(*configuration);
  plugins_ = host::make_plugins(configuration_, folder_ / "store");
  if (plugins_.paymasters.size() != paymasters.size()) {
    throw std::runtime_error("a paymaster's plugin is not there");
  }
  http_ = must(host::make_curl_http_pool());
  providers_ =
      must(host::Providers::make(configuration_.chains.front(), {*http_, clock_, environment_}));
  view_ = hl::chain_view_of(*providers_);
  ledger_file_ = folder_ / "ledger.sqlite";
  ledger_ = must(hl::Ledger::open(ledger_file_));
  context_.chain = {chain_text.data(), chain_text.size()};
  use_bundler(bundler_url);
}

SponsoredTrader::~SponsoredTrader() { providers_->stop(); }

void SponsoredTrader::use_bundler(const std::string& url) {
  bundler_ = std::make_unique<host::Bundler>(*http_, "alto", endpoint_of(url), entry_point_);
  desk_ = std::make_unique<host::SponsorDesk>(
      plugins_.paymasters, host::DeskPorts{*http_, clock_, environment_}, *bundler_);
}

hl::Lane SponsoredTrader::lane() const {
  return {std::string(chain_text), account_, entry_point_text(entry_point_.version), {}};
}

std::uint64_t SponsoredTrader::next_nonce() {
  const std::uint64_t head = must(view_->head());
  return must(view_->next_nonce(lane(), head));
}

host::SponsorOrder SponsoredTrader::order(const PlannedTrade& trade, std::uint64_t nonce,
                                          std::chrono::milliseconds within, CallLimit limit) {
  const json::value block = chain_.anvil().call("eth_getBlockByNumber", {"latest", false});
  context_.execution_time_s =
      to_integer(text_of(block.at("timestamp"))).convert_to<std::uint64_t>();
  host::SponsorOrder order;
  sign::UserOperation& operation = order.operation;
  operation.sender = evm(account_);
  operation.nonce = u256(nonce);
  if (chain_.deployer().code_of(account_).size() <= 2) {
    operation.factory = evm(chain_.factory(entry_point_.version));
    operation.factory_data = to_bytes(chain_.create_account_data(to_hex(signer_->address())));
  }
  operation.call_data =
      host::abi::account_execute({to_address(market_->executor().address()), u256(), trade.run});
  if (limit == CallLimit::given) {
    const json::object call = {
        {"from", account_}, {"to", market_->executor().address()}, {"data", to_hex(trade.run)}};
    const auto gas = to_integer(text_of(chain_.anvil().call("eth_estimateGas", {call})));
    operation.call_gas_limit = to_u256(gas * 5 / 4);
  }
  const auto deadline = std::chrono::steady_clock::now() + within;
  const auto fees = bundler_->fees(deadline);
  if (!fees) throw std::runtime_error(fees.error().message);
  // The base fee may rise until a block has it; what is paid is that block's.
  if (!add(fees->max, fees->max, operation.max_fee))
    throw std::runtime_error("fees beyond 256 bits");
  operation.max_priority_fee = fees->max_priority;
  operation.signature = sign::stub_signature();
  order.context = &context_;
  order.cost_max = u256(20'000'000'000'000'000);  // 0.02 ether
  order.deadline = deadline;
  return order;
}

host::Status SponsoredTrader::write_down(const host::SignedOperation& operation,
                                         SponsoredTradeResult& trade,
                                         std::optional<hl::Reservation>& nonce) {
  hl::Attempt attempt;
  attempt.payer = operation.paymaster;
  attempt.destination = "alto";
  attempt.max_fee = operation.operation.max_fee;
  attempt.priority_fee = operation.operation.max_priority_fee;
  attempt.bytes = user_operation_bytes(operation.operation, entry_point_.version);
  attempt.hash = operation.hash;
  if (trade.intent) {
    auto recorded = ledger_->record(*trade.intent, std::move(attempt)).get();
    if (!recorded) return std::unexpected(recorded.error());
    return {};
  }
  hl::Intent intent;
  intent.key = fmt::format("trade {}", ++trades_);
  intent.kind = hl::Kind::user_operation;
  intent.strategy = "two_pairs";
  intent.token_in = intent.token_out = market_->token(0);
  intent.route = {{"uniswap_v2", market_->pair(0), market_->token(0), market_->token(1)},
                  {"uniswap_v2", market_->pair(1), market_->token(1), market_->token(0)}};
  intent.amount_in = to_u256(trade.planned.amount_in);
  intent.planned_out = to_u256(trade.planned.amount_in + trade.planned.profit);
  intent.min_profit = to_u256(trade.planned.profit);
  intent.block = trade.block;
  auto recorded = ledger_->record(intent, std::move(*nonce), std::move(attempt)).get();
  if (!recorded) return std::unexpected(recorded.error());
  trade.intent = recorded->intent;
  return {};
}

SponsoredTradeResult SponsoredTrader::trade(const Integer& amount_in,
                                            std::chrono::milliseconds within, CallLimit limit) {
  SponsoredTradeResult out;
  out.lane = lane();
  out.planned = market_->plan(amount_in);
  out.block = must(view_->head());
  must(ledger_->observe_nonce(out.lane, must(view_->next_nonce(out.lane, out.block))));
  std::optional<hl::Reservation> nonce(must(ledger_->reserve(out.lane)));
  host::OperationSender sender(
      *desk_, *bundler_, *http_,
      {[&](const sign::UserOperation& operation) -> host::Result<std::vector<std::uint8_t>> {
         const auto signature = signer_->sign_user_operation(operation, entry_point_);
         if (!signature) return std::unexpected(signature.error());
         const auto bytes = sign::signature_bytes(*signature);
         return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
       },
       [&](const host::SignedOperation& operation) { return write_down(operation, out, nonce); }});
  auto ready = order(out.planned, nonce->nonce(), within, limit);
  out.sent = std::chrono::steady_clock::now();
  out.report = sender.send(std::move(ready));
  if (out.report.verdict == host::SendVerdict::sent) {
    const auto attempts = must(ledger_->attempts(*out.intent));
    must(ledger_->submitted(attempts.back().id, "alto"));
  }
  return out;
}

std::optional<hl::Receipt> SponsoredTrader::look_for(const SponsoredTradeResult& trade,
                                                     const host::Hash32& hash) {
  return must(view_->user_operation(trade.lane, hash, must(ledger_->intent(*trade.intent)).nonce,
                                    trade.block));
}

hl::Receipt SponsoredTrader::receipt(const SponsoredTradeResult& trade, const host::Hash32& hash) {
  const auto give_up = std::chrono::steady_clock::now() + receipt_bound;
  while (std::chrono::steady_clock::now() < give_up) {
    if (auto found = look_for(trade, hash)) return *found;
    std::this_thread::sleep_for(receipt_poll);
  }
  throw std::runtime_error("no block has the operation " + to_hex(hash));
}

host::BundlerResult<void> SponsoredTrader::send_again(const hl::AttemptId& attempt) {
  for (const hl::StoredAttempt& each : must(ledger_->attempts(attempt.intent))) {
    if (each.id != attempt) continue;
    return bundler_->send_again(each.attempt.bytes, each.attempt.hash,
                                std::chrono::steady_clock::now() + std::chrono::seconds(10));
  }
  throw std::runtime_error("the ledger has no such attempt");
}

hl::Reconciliation SponsoredTrader::restart() {
  ledger_.reset();
  ledger_ = must(hl::Ledger::open(ledger_file_));
  return must(hl::reconcile(*ledger_, *view_, std::string(chain_text)));
}

}  // namespace gantry::test

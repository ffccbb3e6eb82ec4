#include "host/execute/execution.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <string_view>

#include "host/base/text.hpp"
#include "host/deploy/executor.hpp"
#include "host/ledger/reconcile.hpp"
#include "host/live/chain_text.hpp"
#include "host/log/log.hpp"
#include "host/plugin/instances.hpp"

namespace gantry::host {

namespace {

namespace json = boost::json;
using std::chrono::milliseconds;

constexpr milliseconds executor_read{5000};

// What the venues' calls and the quotes are made of, besides the amounts.
std::uint64_t states_of(const Snapshot& snapshot, const gantry_opportunity& o) {
  std::uint64_t hash = 0;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_state* state = snapshot.states.find(o.legs[i].hop.pool);
    const std::uint64_t chunks = state == nullptr ? 0 : state->chunk_count;
    for (std::uint64_t at = 0; at < chunks; ++at) {
      const auto& chunk = state->chunks[at];
      const std::string_view bytes(reinterpret_cast<const char*>(chunk.data), chunk.size);
      hash = (hash ^ std::hash<std::string_view>()(bytes)) * 0x9e3779b97f4a7c15ULL + at + 1;
    }
  }
  return hash;
}

}  // namespace

TradeOrder order_of(const MarketView& view, const Plan& plan, std::uint64_t group,
                    const std::string& strategy) {
  const Snapshot& snapshot = view.snapshot();
  const Topology& topology = *snapshot.topology;
  const gantry_opportunity& o = plan.trade.opportunity;
  TradeOrder order;
  order.group = group;
  order.key = o.key;
  order.lane = plan.trade.strategy;
  order.strategy = strategy;
  order.route = plan.route;
  order.behind = plan.behind;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_hop& hop = o.legs[i].hop;
    const PoolInfo& pool = topology.pools[hop.pool];
    order.legs.push_back({topology.venue_of(pool).name(), address_text(pool.address),
                          address_text(topology.tokens[hop.token_in].address),
                          address_text(topology.tokens[hop.token_out].address)});
  }
  order.amount_in = u256(o.amount_in);
  order.amount_out = u256(o.amount_out);
  order.least_out = plan.min_out;
  order.value_token = plan.trade.gross_token;
  order.value_wei = u256(plan.trade.gross.ether_wei);
  order.stake_wei = u256(plan.trade.stake.ether_wei);
  order.cost_wei = plan.trade.gas_cost;
  order.gas = o.gas + gas_overhead;
  order.data_fee = plan.data_fee;
  order.block = plan.block;
  order.opportunity_block = o.block;
  order.execution_block = plan.execution_block;
  order.execution_time_s = snapshot.context.execution_time_s;
  order.base_fee = u256(snapshot.context.base_fee);
  order.pool_states = states_of(snapshot, o);
  order.ether_usd_e6 = snapshot.ether_usd_e6;
  order.arrived = snapshot.arrived;
  return order;
}

Execution::Execution(const ChainSettings& chain, const WalletSettings& wallet, ExecutionPorts ports)
    : chain_(chain),
      settings_(chain.execution.value_or(ExecutionSettings())),
      wallet_(wallet),
      ports_(std::move(ports)),
      chain_id_(evm_chain_id(chain.id)),
      lane_{chain.id,
            address_text(wallet.sender),
            ports_.operations ? address_text(wallet.entry_point) : std::string(),
            {}},
      view_(ledger::chain_view_of(ports_.providers)),
      prepared_({milliseconds(settings_.prepared_ttl_ms),
                 static_cast<std::size_t>(settings_.prepared_max)}),
      lenders_(chain.lenders, settings_.executor) {}

Result<std::unique_ptr<Execution>> Execution::start(const ChainSettings& chain,
                                                    const WalletSettings& wallet,
                                                    ExecutionPorts ports) {
  std::unique_ptr<Execution> made(new Execution(chain, wallet, std::move(ports)));
  if (auto checked = made->check_executor(); !checked) return std::unexpected(checked.error());
  if (made->ports_.operations) {
    if (auto checked = made->check_account(); !checked) return std::unexpected(checked.error());
  }
  if (auto found = made->reconcile_once(); !found) return std::unexpected(found.error());
  made->read_usual_tokens();
  made->orders_thread_ = std::thread([run = made.get(), name = log_chain()] {
    const LogChain named(name);
    run->take_orders();
  });
  made->chain_thread_ = std::thread([run = made.get(), name = log_chain()] {
    const LogChain named(name);
    run->follow_chain();
  });
  return made;
}

Execution::~Execution() { stop(); }

void Execution::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  moved_.notify_all();
  ordered_.notify_all();
  if (!orders_thread_.joinable()) return;
  orders_thread_.join();
  if (const std::string times = times_text(); !times.empty()) {
    const PreparedCache::Counts prepared = prepared_.counts();
    spdlog::info("trades, median/p99: {}; built before: {} of {} ({:.1f} %)", times, prepared.hits,
                 prepared.hits + prepared.misses, 100 * prepared.hit_rate());
  }
  if (chain_thread_.joinable()) chain_thread_.join();
  if (ports_.operations) ports_.operations->note(nullptr);
}

// The contract is there, and it is this account's.
Status Execution::check_executor() {
  const std::string where = fmt::format("[chain.execution] of {}", chain_.id);
  if (settings_.executor.kind == GANTRY_ADDRESS_NONE) {
    return fail(ErrorKind::configuration,
                where +
                    ": there is no executor to trade with: deploy one with `gantry executor "
                    "deploy`, and put its address there");
  }
  const std::string executor = address_text(settings_.executor);
  // The creation code makes the runtime code that this program knows, for this account.
  const std::string made = hex_text(deploy::creation_data(wallet_.sender));
  const std::array calls{
      RpcCall{"eth_getCode", {executor, "latest"}},
      RpcCall{"eth_call", {json::object{{"to", executor}, {"data", "0x8da5cb5b"}}, "latest"}},
      RpcCall{"eth_call",
              {json::object{{"from", address_text(wallet_.sender)}, {"data", made}}, "latest"}}};
  const auto answers = ask(ports_.providers, calls, {.deadline = executor_read});
  if (!answers) return std::unexpected(answers.error());
  const auto code = (*answers)[0] ? bytes_of(*(*answers)[0]) : std::nullopt;
  if (!code || code->empty()) {
    return fail(ErrorKind::configuration,
                fmt::format("{}: there is no contract at {}: check `executor`", where, executor));
  }
  const auto owner = (*answers)[1] ? bytes_of(*(*answers)[1]) : std::nullopt;
  if (!owner || owner->size() != word_bytes) {
    return fail(
        ErrorKind::configuration,
        fmt::format("{}: the contract at {} is no executor: check `executor`", where, executor));
  }
  const gantry_address known = evm_address(std::span(*owner).last(20));
  if (!AddressEqual{}(known, wallet_.sender)) {
    return fail(ErrorKind::configuration,
                fmt::format("{}: the executor {} obeys {}, and the account of [wallet] is {}",
                            where, executor, address_text(known), address_text(wallet_.sender)));
  }
  const auto runtime = (*answers)[2] ? bytes_of(*(*answers)[2]) : std::nullopt;
  if (!runtime || runtime->empty()) {
    return fail(ErrorKind::io,
                fmt::format("{}: nobody says which code the executor should have: {}", where,
                            (*answers)[2] ? "the answer is none"
                                          : said_line((*answers)[2].error().message)));
  }
  if (*runtime == *code) return {};
  return fail(ErrorKind::configuration,
              fmt::format("{}: the contract at {} is not the executor that this program was built "
                          "with, and nothing is signed for it: deploy one with `gantry executor "
                          "deploy`, and put its address there",
                          where, executor));
}

// What may be taken back: the risk book was told of it, or is now.
Status Execution::remember_told() {
  const auto results = ports_.ledger.results_not_final();
  if (!results) return std::unexpected(results.error());
  for (const ledger::StoredResult& result : *results) {
    if (!result.realised) continue;
    auto fill = earlier_fill_of(result);
    if (fill) told_.emplace(result.id.intent, std::move(*fill));
  }
  return {};
}

// So that the first trades with them need not wait for it. What cannot be read now is with its
// first trade.
void Execution::read_usual_tokens() {
  const auto head = ports_.providers.head();
  if (!head) return;
  Lenders fresh = lenders_;
  if (chain_.wrapped_native.length != 0) fresh.want(chain_.wrapped_native);
  for (const gantry_address& token : chain_.usd_tokens) fresh.want(token);
  if (fresh.read(ports_.providers, *head)) lenders_.take(fresh);
}

// An earlier run may have ended after it wrote down what a trade brought, and before the risk book
// was told and that was kept.
Status Execution::tell_untold() {
  const auto told_row = ports_.book.told_row();
  if (!told_row) {
    ports_.book.begin_at(ports_.ledger.last_row());
    return {};
  }
  const auto news = ports_.ledger.result_news(*told_row);
  if (!news) return std::unexpected(news.error());
  for (const ledger::ResultNews& each : *news) {
    if (each.chain != chain_.id) continue;
    auto fill = earlier_fill_of(each.result);
    if (!fill) return std::unexpected(fill.error());
    const auto before = told_.find(each.result.id.intent);
    fill->row = each.row;
    if (each.is_taken_back) {
      fill->telling = Telling::taken_back;
    } else if (before != told_.end() && before->second.is_taken_back()) {
      fill->telling = Telling::again;
    }
    told_.insert_or_assign(each.result.id.intent, *fill);
    spdlog::info("trade {} of an earlier run is told to the risk book: {}{}", each.result.id.intent,
                 each.is_taken_back ? "taken back: " : "", to_string(fill->reason));
    push(std::move(*fill));
  }
  return {};
}

void Execution::note_earlier(const ledger::StoredIntent& intent) {
  if (intent.lane.chain != chain_.id || intent.intent.token_in == intent.intent.token_out) return;
  const std::lock_guard lock(mutex_);
  earlier_exchanges_.insert(intent.id);
}

Status Execution::reconcile_once() {
  if (auto known = remember_told(); !known) return known;
  if (auto told = tell_untold(); !told) return told;
  const std::int64_t row = ports_.ledger.last_row();
  const auto found = ledger::reconcile(ports_.ledger, *view_, chain_.id, reconcile_options());
  if (!found) return std::unexpected(found.error());
  if (found->head == 0) {
    return fail(ErrorKind::io, fmt::format("{}: nobody says what became of earlier trades, so none "
                                           "is begun",
                                           chain_.id));
  }
  take_back_all(found->taken_back, row);
  const auto next = view_->next_nonce(lane_, found->head);
  if (!next) return std::unexpected(next.error());
  if (auto noted = ports_.ledger.observe_nonce(lane_, *next).get(); !noted) return noted;
  const auto trades = ports_.ledger.last_trades(ledger::last_trades_max);
  if (!trades) return std::unexpected(trades.error());
  for (const ledger::Trade& trade : *trades) {
    if (trade.intent.lane.chain == chain_.id && trade.result && !trade.result->realised) {
      unreckoned_.insert(trade.intent.id);
      note_earlier(trade.intent);
    }
  }
  const auto open = ports_.ledger.open_intents();
  if (!open) return std::unexpected(open.error());
  for (const ledger::StoredIntent& intent : *open) note_earlier(intent);
  if (auto told = tell_positions(); !told) return told;
  for (const Position& each : held_->all()) {
    spdlog::info("{} holds {} of {}, bought for {} of {}", each.strategy, to_string(each.quantity),
                 address_text(each.token), to_string(each.cost), address_text(each.base));
  }
  for (const ledger::Reconciled& each : found->intents) {
    spdlog::info("trade {} of an earlier run: {}: {}", each.intent, to_string(each.verdict),
                 each.reason);
  }
  return {};
}

// ---- orders -------------------------------------------------------------------------------------

// Another order is not carried out meanwhile, for nobody else offers any.
bool Execution::may_begin_at_once(const TradeOrder& order) const {
  if (ports_.operations || !ports_.signer.is_local()) return false;
  const std::lock_guard lock(mutex_);
  return !stopping_ && !carrying_ && orders_.empty() && lenders_.knows(order.route->tokens.front());
}

void Execution::offer(TradeOrder order) {
  time(ExecutionStep::to_planned, order.arrived);
  std::optional<Begun> begun;
  if (may_begin_at_once(order)) {
    if (auto may = may_begin(order); !may) return end(order, may.error().first, may.error().second);
    auto made = begin(order, true);
    if (!made) return end(order, made.error().first, made.error().second);
    begun.emplace(std::move(*made));
  }
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && orders_.size() < orders_max) {
      orders_.push_back({std::move(order), std::move(begun)});
      ordered_.notify_one();
      return;
    }
  }
  end(order, FillReason::busy, fmt::format("{} orders wait already", orders_max));
}

void Execution::refuse(Fill fill) { push(std::move(fill)); }

void Execution::push(Fill fill, const TradeScopes& scopes) {
  const std::lock_guard lock(mutex_);
  if (fill.executed()) {
    UntoldResult untold{closed_of(fill), fill.is_taken_back()};
    untold.trade.opened.scopes = fill.group == Fill::no_group ? scopes_of(fill) : scopes;
    untold_.push_back(std::move(untold));
    std::uint64_t& count = fill.filled() ? filled_ : failed_;
    // Of an earlier run's, another one counted it.
    count = fill.is_taken_back() ? count - std::min<std::uint64_t>(count, 1) : count + 1;
  } else {
    ++refused_[fill.reason];
  }
  fills_.push_back(std::move(fill));
}

void Execution::note_prices(const MarketView& view) {
  const Snapshot& snapshot = view.snapshot();
  ether_usd_e6_.store(snapshot.ether_usd_e6);
  has_prices_.store(true);
  if (ports_.operations) ports_.operations->note(snapshot.plugins);
  if (!wants_prices_.exchange(false)) return;
  const std::lock_guard lock(mutex_);
  for (auto& [token, worth] : worth_) {
    if (worth) continue;
    const auto address = evm_address_of(json::value(token));
    if (!address) continue;
    const auto known = snapshot.topology->token_by_address.find(*address);
    if (known == snapshot.topology->token_by_address.end()) continue;
    u256 one = u256(1);
    for (std::uint32_t i = 0; i < snapshot.topology->tokens[known->second].decimals; ++i) {
      if (!mul(one, u256(10), one)) break;
    }
    gantry_value value{};
    if (view.value(known->second, one, value) == GANTRY_OK) {
      worth = Worth{one, u256(value.ether_wei)};
    }
  }
}

std::vector<Fill> Execution::take_fills() {
  const std::lock_guard lock(mutex_);
  return std::exchange(fills_, {});
}

void Execution::end(const TradeOrder& order, FillReason reason, const std::string& why) {
  spdlog::info("{}: a trade of block {} is not sent: {}: {}", order.strategy, order.block,
               to_string(reason), why);
  Fill fill;
  fill.group = order.group;
  fill.strategy = order.lane;
  fill.key = order.key;
  fill.block = order.opportunity_block;
  fill.reason = reason;
  fill.amount_in = order.amount_in;
  push(std::move(fill));
}

void Execution::take_orders() {
  while (true) {
    std::optional<Waiting> next;
    {
      std::unique_lock lock(mutex_);
      carrying_ = false;
      being_sent_.clear();
      ordered_.wait(lock, [this] { return stopping_ || !orders_.empty(); });
      if (stopping_) break;
      next.emplace(std::move(orders_.front()));
      orders_.pop_front();
      carrying_ = true;
    }
    carry_out(std::move(*next));
  }
  std::deque<Waiting> left;
  {
    const std::lock_guard lock(mutex_);
    left.swap(orders_);
  }
  for (const Waiting& each : left) end(each.order, FillReason::halted, "the host stops");
}

void Execution::tell(json::object& told) const {
  const std::string waits_for = ports_.operations ? operation_under_way() : std::string();
  const std::lock_guard lock(mutex_);
  json::object out;
  out["executor"] = address_text(settings_.executor);
  out["waiting"] = orders_.size();
  out["in_flight"] = flights_.size();
  out["filled"] = filled_;
  out["failed"] = failed_;
  json::object refused;
  for (const auto& [reason, count] : refused_) refused[to_string(reason)] = count;
  out["not_sent"] = std::move(refused);
  if (ports_.operations) {
    json::object operations = ports_.operations->told();
    if (!waits_for.empty()) operations["waits_for"] = waits_for;
    out["operations"] = std::move(operations);
  }
  const PreparedCache::Counts prepared = prepared_.counts();
  out["prepared"] = {{"entries", prepared.entries},
                     {"hits", prepared.hits},
                     {"misses", prepared.misses},
                     {"refused", prepared.refused},
                     {"hit_rate", prepared.hit_rate()}};
  json::array balances;
  for (const auto& [token, amount] : lenders_.own()) {
    balances.push_back({{"token", address_text(token)}, {"amount", gantry::to_string(amount)}});
  }
  out["balances"] = std::move(balances);
  json::object times;
  for (std::size_t i = 0; i < times_.size(); ++i) {
    if (times_[i].count() == 0) continue;
    times[to_string(static_cast<ExecutionStep>(i))] = {{"count", times_[i].count()},
                                                       {"p50_ns", times_[i].quantile_ns(0.50)},
                                                       {"p99_ns", times_[i].quantile_ns(0.99)}};
  }
  out["times"] = std::move(times);
  told["execution"] = std::move(out);
}

void Execution::time(ExecutionStep step, std::chrono::steady_clock::time_point since) {
  const auto took = std::chrono::steady_clock::now() - since;
  const std::lock_guard lock(mutex_);
  times_[static_cast<std::size_t>(step)].add(static_cast<std::uint64_t>(took.count()));
}

Histogram Execution::times(ExecutionStep step) const {
  const std::lock_guard lock(mutex_);
  return times_[static_cast<std::size_t>(step)];
}

std::string Execution::times_text() const {
  const std::lock_guard lock(mutex_);
  std::string out;
  for (std::size_t i = 0; i < times_.size(); ++i) {
    if (times_[i].count() == 0) continue;
    out += fmt::format("{}{} {:.1f}/{:.1f} us", out.empty() ? "" : ", ",
                       to_string(static_cast<ExecutionStep>(i)),
                       static_cast<double>(times_[i].quantile_ns(0.50)) * 1e-3,
                       static_cast<double>(times_[i].quantile_ns(0.99)) * 1e-3);
  }
  return out;
}

std::string_view to_string(ExecutionStep step) {
  switch (step) {
    case ExecutionStep::build:
      return "build";
    case ExecutionStep::sign:
      return "sign";
    case ExecutionStep::to_signed:
      return "bytes in to signed";
    case ExecutionStep::simulate:
      return "simulate";
    case ExecutionStep::to_sent:
      return "bytes in to sent";
    case ExecutionStep::to_planned:
      return "bytes in to planned";
  }
  return "unknown";
}

}  // namespace gantry::host

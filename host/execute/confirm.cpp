// What the chain says of the trades that are under way: looked at with every block, and written
// down. The rules are those of ledger::reconcile(); this carries out what follows from them.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "gantry/u256_convert.hpp"
#include "host/base/keccak.hpp"
#include "host/base/text.hpp"
#include "host/execute/cancellation.hpp"
#include "host/execute/execution.hpp"
#include "host/execute/held.hpp"
#include "host/execute/simulation.hpp"
#include "host/ledger/reconcile.hpp"
#include "host/live/chain_text.hpp"
#include "host/plan/abi_words.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/risk/amounts.hpp"
#include "host/submit/fees.hpp"

namespace gantry::host {

namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds look_every{25};  // at the newest block that is known
constexpr std::chrono::milliseconds result_deadline{5000};
constexpr std::uint64_t transfer_gas = 21'000;
// A cancellation that is not in a block after so many is sent again with a higher fee.
constexpr std::uint64_t cancellation_blocks = 3;
// Trades of which it is remembered what was told: what is older is not reorganized.
constexpr std::size_t told_max = 4096;

RpcCall balance_call(const std::string& token, const std::string& owner, std::uint64_t block) {
  const std::string data = "0x70a08231" + std::string(24, '0') + owner.substr(2);
  return {"eth_call", {json::object{{"to", token}, {"data", data}}, quantity_text(block)}};
}

std::optional<u256> word_of(const RpcAnswer& answer) {
  const auto bytes = answer ? bytes_of(*answer) : std::nullopt;
  if (!bytes || bytes->size() != word_bytes) return std::nullopt;
  return load_be(bytes->data());
}

bool is_text(const json::value& value, std::string_view text) {
  return value.is_string() && std::string_view(value.get_string()) == text;
}

// What the executor's Settled(token, gain) in that receipt says of the token; nothing gained is not
// logged. nullopt: the log is none. Of the executor's alone: anybody may log the same.
std::optional<ledger::SignedAmount> settled_gain(const json::value& receipt,
                                                 const std::string& executor,
                                                 const std::string& token) {
  static const std::string settled = hex_text(keccak_of("Settled(address,int256)"));
  const std::string of_token = "0x" + std::string(24, '0') + token.substr(2);
  const json::value* logs = member(receipt, "logs");
  if (logs == nullptr || !logs->is_array()) return ledger::SignedAmount();
  for (const json::value& log : logs->get_array()) {
    const json::value* from = member(log, "address");
    const json::value* topics = member(log, "topics");
    const json::value* data = member(log, "data");
    if (from == nullptr || !is_text(*from, executor) || data == nullptr || topics == nullptr ||
        !topics->is_array() || topics->get_array().size() != 2 ||
        !is_text(topics->get_array()[0], settled) || !is_text(topics->get_array()[1], of_token)) {
      continue;
    }
    const auto bytes = bytes_of(*data);
    if (!bytes || bytes->size() != word_bytes) return std::nullopt;
    return ledger::SignedAmount::from_bits(load_be(bytes->data()));
  }
  return ledger::SignedAmount();
}

// amount * part / whole with the amount's sign.
std::optional<ledger::SignedAmount> scaled(const ledger::SignedAmount& amount, const u256& part,
                                           const u256& whole) {
  u256 magnitude;
  ledger::SignedAmount out;
  if (whole.is_zero() || !mul_div_floor(amount.magnitude(), part, whole, magnitude) ||
      !ledger::SignedAmount::from_magnitude(magnitude, amount.is_negative(), out)) {
    return std::nullopt;
  }
  return out;
}

// What it counts in: this run knows no group of it.
void name_trade(Fill& fill, const ledger::Intent& intent) {
  fill.of_strategy = intent.strategy;
  for (const ledger::Leg& leg : intent.route) {
    if (std::ranges::find(fill.of_venues, leg.venue) == fill.of_venues.end()) {
      fill.of_venues.push_back(leg.venue);
    }
  }
}

}  // namespace

void Execution::follow_chain() {
  std::uint64_t looked = 0;
  std::string hash;
  while (true) {
    {
      std::unique_lock lock(mutex_);
      if (moved_.wait_for(lock, look_every, [this] { return stopping_; })) return;
    }
    const auto head = ports_.providers.head();
    if (!head || (head->number == looked && head->hash == hash)) continue;
    looked = head->number;
    hash = head->hash;
    look(*head);
  }
}

void Execution::read_lenders(const Head& head) {
  std::unique_lock lock(mutex_);
  Lenders fresh = lenders_;
  lock.unlock();
  if (auto read = fresh.read(ports_.providers, head); !read) {
    spdlog::warn("lenders were not read at block {}: {}", head.number, read.error().message);
    return;
  }
  lock.lock();
  lenders_.take(fresh);
}

ledger::ReconcileOptions Execution::reconcile_options() const {
  const std::lock_guard lock(mutex_);
  return {.depth = static_cast<std::uint64_t>(settings_.confirm_blocks), .being_sent = being_sent_};
}

void Execution::look(const Head& head) {
  read_lenders(head);
  const std::int64_t row = ports_.ledger.last_row();
  const auto found = ledger::reconcile(ports_.ledger, *view_, chain_.id, reconcile_options());
  if (!found) {
    spdlog::error("trades under way could not be looked at: {}", found.error().message);
    return;
  }
  take_back_all(found->taken_back, row);
  for (const ledger::Reconciled& each : found->intents) act(each, head);
  reckon();
  if (ports_.operations) probe_paymasters(head);
}

// Until it is known what each that is in a block has brought.
void Execution::reckon() {
  for (auto at = unreckoned_.begin(); at != unreckoned_.end();) {
    const auto result = ports_.ledger.result_of(*at);
    // Without one it was taken back with its block, and comes anew.
    bool done = result && (!*result || (*result)->realised);
    if (result && *result && !done) {
      const auto known = realise(**result);
      if (!known) {
        spdlog::warn("trade {} is in block {}, and what it brought is not known yet: {}", *at,
                     (*result)->receipt.block, known.error().message);
      }
      done = known && *known;
    }
    at = done ? unreckoned_.erase(at) : std::next(at);
  }
}

void Execution::act(const ledger::Reconciled& what, const Head& head) {
  switch (what.verdict) {
    case ledger::Verdict::send_again:
      return send_again(what, head);
    case ledger::Verdict::cancel:
      if (auto done = cancel(what.intent, head); !done) {
        spdlog::warn("trade {} could not be cancelled: {}", what.intent, done.error().message);
      }
      return;
    case ledger::Verdict::dropped:
    case ledger::Verdict::expired: {
      spdlog::info("trade {} is {}: {}", what.intent, to_string(what.verdict), what.reason);
      Fill fill;
      fill.reason =
          what.verdict == ledger::Verdict::dropped ? FillReason::dropped : FillReason::expired;
      return conclude(what.intent, std::move(fill));
    }
    case ledger::Verdict::included:
    case ledger::Verdict::reverted:
    case ledger::Verdict::replaced:
      unreckoned_.insert(what.intent);
      return;
    default:
      return;
  }
}

// The very bytes that were sent. Those that may never have left, of a run that was killed before it
// sent them, stay: they were not simulated to their end.
void Execution::send_again(const ledger::Reconciled& what, const Head& head) {
  if (is_stopped()) return;
  const auto intent = ports_.ledger.intent(what.intent);
  if (!intent || intent->state != ledger::State::submitted || what.send_again.empty()) return;
  TradeScopes scopes;
  {
    const std::lock_guard lock(mutex_);
    const auto flight = flights_.find(what.intent);
    if (flight != flights_.end()) {
      if (flight->second.sent_at >= head.number) return;
      flight->second.sent_at = head.number;
      scopes = flight->second.order.scopes;
    }
  }
  // What left for relays alone, by a run that was set so, is not for everybody to see.
  if (intent->intent.kind == ledger::Kind::bundle && settings_.send != SendKind::bundle) return;
  const auto attempts = ports_.ledger.attempts(what.intent);
  if (!attempts) return;
  const auto attempt =
      std::ranges::find(*attempts, what.send_again.front(), &ledger::StoredAttempt::id);
  if (attempt == attempts->end()) return;
  // Without what it was to be behind it is nothing; its one block is the only one.
  if (is_behind(attempt->attempt)) return;
  const auto may_leave = [&] { return !is_stopped_for(scopes); };
  if (!may_leave()) return;
  const auto report = ports_.operations
                          ? send_operation_again(attempt->attempt)
                          : ports_.submit({attempt->attempt.bytes, head.number + 1}, may_leave);
  if (report.verdict == SubmitVerdict::withheld) return;
  spdlog::info("trade {} was not in block {}: sent again as {} ({})", what.intent, head.number,
               hex_text(attempt->attempt.hash),
               report.by.empty() ? report.message : fmt::format("{}", fmt::join(report.by, ", ")));
}

// Of a payment of nothing to itself: more than elsewhere where a chain counts its data in gas. By a
// quarter above what it would take now, for that price moves.
std::uint64_t Execution::cancellation_gas() const {
  const std::string self = address_text(wallet_.sender);
  const std::array calls{
      RpcCall{"eth_estimateGas", {json::object{{"from", self}, {"to", self}, {"value", "0x0"}}}}};
  const auto answers = ask(ports_.providers, calls, {.deadline = result_deadline});
  const auto said = answers && answers->front() ? quantity(*answers->front()) : std::nullopt;
  if (!said || *said <= transfer_gas) return transfer_gas;
  return *said > UINT64_MAX / 2 ? *said : *said + *said / 4;
}

// Takes the nonce with a payment of nothing to itself, at a fee that replaces the trade.
Status Execution::cancel(ledger::IntentId id, const Head& head) {
  if (is_stopped()) return {};
  const auto intent = ports_.ledger.intent(id);
  if (!intent) return std::unexpected(intent.error());
  if (intent->lane != lane_) return {};
  const auto attempts = ports_.ledger.attempts(id);
  if (!attempts) return std::unexpected(attempts.error());
  if (attempts->empty()) return {};
  const ledger::StoredAttempt& newest = attempts->back();
  bool never_left = false;
  {
    const std::lock_guard lock(mutex_);
    never_left = unsent_ == newest.id;
    const auto before = cancelled_at_.find(id);
    if (before != cancelled_at_.end() && before->second + cancellation_blocks > head.number) {
      return {};
    }
    cancelled_at_[id] = head.number;
  }
  const Cancellation next = cancellation_after(*attempts, never_left, fee_bound(settings_));
  if (next.again != nullptr) return cancel_again(*next.again, head);
  if (ports_.operations) return cancel_operation(*intent, next.fees);
  sign::Transaction transaction;
  transaction.chain_id = chain_id_;
  transaction.nonce = intent->nonce;
  transaction.max_fee = next.fees.max_fee;
  transaction.max_priority_fee = next.fees.priority;
  transaction.gas_limit = cancellation_gas();
  sign::EvmAddress self{};
  std::copy_n(wallet_.sender.bytes, self.size(), self.begin());
  transaction.to = self;
  const auto bytes = sign(transaction);
  if (!bytes) return std::unexpected(bytes.error());
  ledger::Attempt attempt;
  attempt.purpose = ledger::Purpose::cancellation;
  attempt.destination = std::string(to_string(settings_.send));
  attempt.max_fee = transaction.max_fee;
  attempt.priority_fee = transaction.max_priority_fee;
  attempt.bytes = bytes->bytes;
  attempt.hash = bytes->hash;
  const auto recorded = ports_.ledger.record(id, std::move(attempt)).get();
  if (!recorded) return std::unexpected(recorded.error());
  return send_cancellation(*recorded, bytes->hash, head, [&] {
    return ports_.submit({bytes->bytes, head.number + 1}, [this] { return !is_stopped(); });
  });
}

// The very bytes of the newest one.
Status Execution::cancel_again(const ledger::StoredAttempt& attempt, const Head& head) {
  const ledger::Attempt& sent = attempt.attempt;
  return send_cancellation(attempt.id, sent.hash, head, [&] {
    if (ports_.operations) return send_operation_again(sent);
    return ports_.submit({sent.bytes, head.number + 1}, [this] { return !is_stopped(); });
  });
}

Status Execution::send_cancellation(ledger::AttemptId id, const Hash32& hash, const Head& head,
                                    const std::function<SubmitReport()>& submit) {
  SubmitReport report{SubmitVerdict::withheld, {}, {}};
  if (!is_stopped()) report = submit();
  if (report.verdict == SubmitVerdict::withheld) {
    const std::lock_guard lock(mutex_);
    unsent_ = id;
    return {};
  }
  {
    const std::lock_guard lock(mutex_);
    if (unsent_ == id) unsent_.reset();
  }
  const std::string by = fmt::format("{}", fmt::join(report.by, ", "));
  spdlog::info("trade {} is in no block up to {}: cancelled by {} ({})", id.intent, head.number,
               hex_text(hash), by.empty() ? report.message : by);
  if (report.verdict != SubmitVerdict::taken) return {};
  const auto noted = ports_.ledger.submitted(id, by).get();
  // It was taken before, or is in a block already.
  return noted || noted.error().kind == ErrorKind::usage ? Status() : noted;
}

// The same run once more, as the block left the chain: what was traded before it in that block is
// there too.
std::string Execution::why_reverted(const ledger::Attempt& attempt,
                                    const ledger::Receipt& receipt) const {
  if (ports_.operations) return why_operation_reverted(attempt, receipt);
  const auto sent = sign::decode_transaction(attempt.bytes);
  if (!sent) return {};
  return why_run_reverted(sent->transaction.data, sent->transaction.gas_limit, receipt);
}

std::string Execution::why_run_reverted(const executor::Bytes& run, std::uint64_t gas,
                                        const ledger::Receipt& receipt) const {
  const Rehearsal rehearsal{wallet_.sender, settings_.executor,
                            &run,           gas,
                            u256(),         {receipt.block, hex_text(receipt.block_hash)}};
  const Simulation again = simulate(ports_.providers, rehearsal, result_deadline);
  if (again.verdict == SimulationVerdict::unknown) return {};
  return " (" + (again.verdict == SimulationVerdict::as_planned ? "gains nothing" : again.why) +
         ")";
}

// As it was when the trade was planned; of an earlier run's trade, as it is now.
std::optional<ledger::SignedAmount> Execution::value_of(const std::string& token,
                                                        const ledger::SignedAmount& amount,
                                                        const std::optional<Flight>& flight) {
  if (token == address_text(chain_.wrapped_native) || amount.magnitude().is_zero()) return amount;
  if (flight) return scaled(amount, flight->order.value_wei, flight->order.value_token);
  const std::lock_guard lock(mutex_);
  const auto& worth = worth_[token];
  if (worth) return scaled(amount, worth->wei, worth->token);
  wants_prices_.store(true);
  return std::nullopt;
}

// Of a user operation, the one that carried it.
Result<Hash32> Execution::transaction_of(const ledger::StoredIntent& intent,
                                         const ledger::Attempt& attempt,
                                         const ledger::Receipt& receipt) const {
  if (intent.intent.kind != ledger::Kind::user_operation) return attempt.hash;
  const auto carrier = view_->carrier(intent.lane, attempt.hash, receipt.block);
  if (!carrier) return std::unexpected(carrier.error());
  if (!*carrier) return fail(ErrorKind::io, "the transaction that carried it was not told");
  return **carrier;
}

// As far as the ledger knows it.
Result<Fill> Execution::fill_of(const ledger::StoredResult& result,
                                const ledger::Realised& realised) {
  const auto net = net_wei(realised);
  if (!net) return std::unexpected(net.error());
  Fill fill;
  fill.in_block = result.receipt.block;
  fill.gas_wei = realised.cost_wei;
  fill.gained = !net->is_negative() && !net->magnitude().is_zero();
  fill.amount_wei = net->magnitude();
  if (realised.price) {
    fill.amount_usd_e6 = usd_e6_of(usd_e6_of_wei(fill.amount_wei, realised.price->usd_e6));
  } else if (!fill.gained && !fill.amount_wei.is_zero()) {
    fill.amount_usd_e6 = Fill::no_price;
  }
  if (result.purpose == ledger::Purpose::cancellation) {
    fill.reason = FillReason::expired;
  } else if (!result.receipt.success) {
    fill.reason = FillReason::reverted;
  }
  return fill;
}

Result<Fill> Execution::earlier_fill_of(const ledger::StoredResult& result) const {
  auto fill = fill_of(result, *result.realised);
  if (!fill) return fill;
  const auto intent = ports_.ledger.intent(result.id.intent);
  if (!intent) return std::unexpected(intent.error());
  name_trade(*fill, intent->intent);
  return fill;
}

// As the ledger has it now; it is asked again after each exchange, and when one is taken back.
Status Execution::tell_positions() {
  auto trades = ports_.ledger.exchanges(chain_.id);
  auto held = trades ? positions_of(*trades) : std::unexpected(trades.error());
  {
    const std::lock_guard lock(mutex_);
    held_.reset();
    if (held) held_ = *held;
  }
  if (!held) return std::unexpected(held.error());
  RiskFact fact;
  fact.kind = RiskFact::Kind::hold;
  fact.text = held->text();
  return ports_.book.apply(fact);
}

Result<bool> Execution::reckon_exchange(const ledger::StoredIntent& intent, const u256& received,
                                        const std::optional<Flight>& flight,
                                        ledger::Realised& realised) {
  const auto in = parse_evm_address(intent.intent.token_in);
  const auto out = parse_evm_address(intent.intent.token_out);
  if (!in || !out || received.is_zero()) {
    return fail(ErrorKind::format, "it is in a block, and its executor has seen nothing come");
  }
  ledger::Exchange exchange{intent.intent.amount_in, received, {}};
  if (flight) {
    exchange.worth_wei = flight->order.stake_wei;
  } else {
    // Of an earlier run: as much as what came is worth now.
    ledger::SignedAmount came;
    (void)ledger::SignedAmount::from_magnitude(received, false, came);
    const auto worth = value_of(intent.intent.token_out, came, flight);
    if (!worth) return false;
    exchange.worth_wei = worth->magnitude();
  }
  // Written by this thread alone.
  if (!held_) {
    if (auto held = tell_positions(); !held) return std::unexpected(held.error());
  }
  const Position* closes = held_->closed_by(intent.intent.strategy, *in, *out);
  if (closes != nullptr) {
    const u256 cost = cost_of(*closes, exchange.spent).cost;
    const bool lost = cost > received;
    const u256 gap = lost ? wrapping_sub(cost, received) : wrapping_sub(received, cost);
    if (!ledger::SignedAmount::from_magnitude(gap, lost, realised.profit)) {
      return fail(ErrorKind::limit, "what it won is out of range");
    }
  }
  realised.exchange = exchange;
  return true;
}

// As far as the risk book knows them yet: until it does they have counted nothing.
TradeScopes Execution::scopes_of(const Fill& fill) const {
  TradeScopes scopes;
  const auto add = [&](RiskScopeKind kind, const std::string& name) {
    if (const auto known = ports_.book.find_scope(kind, name)) scopes.add(*known);
  };
  if (!fill.of_strategy.empty()) add(RiskScopeKind::strategy, fill.of_strategy);
  for (const std::string& venue : fill.of_venues) add(RiskScopeKind::venue, venue);
  return scopes;
}

// What a trade that is in a block brought and cost, by the chain's own word; false: a price is
// waited for.
Result<bool> Execution::realise(const ledger::StoredResult& result) {
  const ledger::IntentId id = result.id.intent;
  const auto intent = ports_.ledger.intent(id);
  if (!intent) return std::unexpected(intent.error());
  const auto attempts = ports_.ledger.attempts(id);
  if (!attempts) return std::unexpected(attempts.error());
  const auto attempt = std::ranges::find(*attempts, result.id, &ledger::StoredAttempt::id);
  if (attempt == attempts->end()) return fail(ErrorKind::internal, "a result of no attempt");

  const ledger::Receipt& receipt = result.receipt;
  const std::string& token = intent->intent.token_out;
  const auto transaction = transaction_of(*intent, attempt->attempt, receipt);
  if (!transaction) return std::unexpected(transaction.error());
  // Where it ends in another token, that stays with the executor.
  const bool is_exchange = intent->intent.token_in != token;
  const std::string holder = is_exchange ? address_text(settings_.executor) : intent->lane.sender;
  const std::array calls{RpcCall{"eth_getTransactionReceipt", {hex_text(*transaction)}},
                         balance_call(token, holder, receipt.block - 1),
                         balance_call(token, holder, receipt.block)};
  const auto answers = ask(ports_.providers, calls, {.deadline = result_deadline});
  if (!answers) return std::unexpected(answers.error());
  const auto before = word_of((*answers)[1]);
  const auto after = word_of((*answers)[2]);
  if (!(*answers)[0] || (*answers)[0]->is_null() || !before || !after) {
    return fail(ErrorKind::io, "its receipt or the balances around it were not answered");
  }
  const auto gain = settled_gain(*(*answers)[0], address_text(settings_.executor), token);
  if (!gain) return fail(ErrorKind::format, "the executor's log of it is none");

  std::optional<Flight> flight;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = flights_.find(id); at != flights_.end()) flight = at->second;
  }
  ledger::Realised realised;
  realised.token = token;
  if (!is_exchange) {
    realised.profit = *gain;
  } else if (receipt.success && result.purpose == ledger::Purpose::trade) {
    if (gain->is_negative()) return fail(ErrorKind::format, "it lost the token that it ends in");
    const auto known = reckon_exchange(*intent, gain->magnitude(), flight, realised);
    if (!known || !*known) return known;
  }
  realised.balance_before = *before;
  realised.balance_after = *after;
  u256 gas_wei;
  if (!mul(receipt.gas_price, u256(receipt.gas_used), gas_wei) ||
      !add(gas_wei, receipt.data_fee, gas_wei)) {
    return fail(ErrorKind::format, "its receipt tells of more gas than there is");
  }
  if (attempt->attempt.payer == "sender") realised.cost_wei = gas_wei;
  const auto value = value_of(token, realised.profit, flight);
  if (!value) return false;
  realised.value_wei = *value;
  if (const std::uint64_t now = ether_usd_e6_.load(); now != 0) {
    realised.price = ledger::CoinPrice{now, "market", 0};
  } else if (flight && flight->order.ether_usd_e6 != 0) {
    // Of no market now: what it was when it was planned.
    const auto planned_s = static_cast<std::int64_t>(flight->order.execution_time_s);
    realised.price =
        ledger::CoinPrice{flight->order.ether_usd_e6, "plan",
                          std::max<std::int64_t>(receipt.block_time_s - planned_s, 0) * 1000};
  } else if (!flight && !has_prices_.load()) {
    return false;  // a run that has just begun has not looked at the market yet
  }
  if (auto done = ports_.ledger.realised(id, realised).get(); !done) {
    return std::unexpected(done.error());
  }
  // Nobody else writes of this chain's results, so no later one stands at or before it.
  const std::int64_t row = ports_.ledger.last_row();

  if (ports_.operations && attempt->attempt.payer != "sender") {
    ports_.operations->note_included(attempt->attempt.payer, gas_wei);
    if (result.purpose == ledger::Purpose::cancellation) {
      ports_.operations->note_failed(attempts->front().attempt.payer,
                                     "what it paid for was in no block in time");
    }
  }
  auto told = fill_of(result, realised);
  if (!told) return std::unexpected(told.error());
  Fill fill = std::move(*told);
  fill.row = row;
  if (!flight) name_trade(fill, intent->intent);
  // Before it is told what the trade brought, the risk book is told what is held now.
  if (is_exchange) {
    if (auto held = tell_positions(); !held) return std::unexpected(held.error());
  }
  if (fill.amount_usd_e6 == Fill::no_price) {
    spdlog::error(
        "trade {} lost {} wei, and nobody knows the dollars: it counts as above every "
        "limit in dollars",
        id, to_string(fill.amount_wei));
  }
  if (fill.filled() && flight) {
    // Of an exchange the gain is all that came.
    const double planned = to_double(flight->gain);
    const double paid = to_double(gain->magnitude());
    fill.deviation_bps =
        std::max(0.0, (planned - paid) / to_double(flight->order.amount_out) * 1e4);
    u256 out = flight->order.amount_out;  // more or less by as much as the gain is
    out = wrapping_add(wrapping_sub(out, flight->gain), gain->bits());
    fill.amount_out = out;
  }
  spdlog::info("trade {} of {} is in block {}: {}{}; {}{} wei after costs", id,
               intent->intent.strategy, receipt.block, to_string(fill.reason),
               fill.reason == FillReason::reverted ? why_reverted(attempt->attempt, receipt) : "",
               fill.gained ? "+" : "-", to_string(fill.amount_wei));
  conclude(id, std::move(fill));
  return true;
}

// What was told of it holds until its block is taken back.
void Execution::conclude(ledger::IntentId id, Fill fill) {
  TradeScopes scopes;
  {
    const std::lock_guard lock(mutex_);
    cancelled_at_.erase(id);
    earlier_exchanges_.erase(id);
    const auto at = flights_.find(id);
    const auto told = told_.find(id);
    if (at != flights_.end()) {
      const TradeOrder& order = at->second.order;
      fill.group = order.group;
      fill.strategy = order.lane;
      fill.key = order.key;
      fill.block = order.opportunity_block;
      fill.amount_in = order.amount_in;
      scopes = order.scopes;
      flights_.erase(at);
    } else if (told != told_.end()) {
      fill.group = told->second.group;
      fill.strategy = told->second.strategy;
      fill.key = told->second.key;
      fill.block = told->second.block;
      fill.amount_in = told->second.amount_in;
    }
    if (fill.group != Fill::no_group) {
      fill.of_strategy.clear();
      fill.of_venues.clear();
    }
    // What was given up or expired may be in a block after all.
    const bool late = told != told_.end() && !told->second.executed() && fill.executed();
    if (told != told_.end() && !told->second.is_taken_back() && !late) return;
    if (told != told_.end()) fill.telling = Telling::again;
    told_.insert_or_assign(id, fill);
    while (told_.size() > told_max) told_.erase(told_.begin());
  }
  push(std::move(fill), scopes);
}

// Of results that the ledger took back after that row.
void Execution::take_back_all(const std::vector<ledger::IntentId>& ids, std::int64_t before) {
  if (ids.empty()) return;
  if (const auto held = tell_positions(); !held) {
    spdlog::error("what is held could not be read: {}", held.error().message);
  }
  const auto news = ports_.ledger.result_news(before);
  if (!news) {
    spdlog::error("what was taken back could not be read: {}", news.error().message);
    return;
  }
  for (const ledger::ResultNews& each : *news) {
    if (each.chain == chain_.id && each.is_taken_back) take_back(each.result.id.intent, each.row);
  }
}

// Its block is no longer the chain's: whoever was told what it brought is told that it is not so.
void Execution::take_back(ledger::IntentId id, std::int64_t row) {
  Fill fill;
  {
    const std::lock_guard lock(mutex_);
    const auto told = told_.find(id);
    if (told == told_.end() || !told->second.executed() || told->second.is_taken_back()) return;
    told->second.telling = Telling::taken_back;
    told->second.row = row;
    fill = told->second;
  }
  spdlog::info("trade {}: what it brought in block {} is taken back with its block", id,
               fill.in_block);
  push(std::move(fill));
}

}  // namespace gantry::host

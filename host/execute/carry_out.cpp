// One order after the other: funded, prepared, signed while the chain says what it would do,
// written down, sent.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <future>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/execute/execution.hpp"
#include "host/execute/simulation.hpp"
#include "host/plan/abi_words.hpp"
#include "host/risk/amounts.hpp"
#include "host/submit/fees.hpp"

namespace gantry::host {

namespace {

constexpr std::chrono::milliseconds simulation_deadline{2000};
// By the chain's clock: a run that comes later than this undoes itself.
constexpr std::uint64_t deadline_slack_s = 60;
// One that was built before may undo itself so much sooner.
constexpr std::uint64_t deadline_nearer_s = 10;
// In the ledger, of what was sent right behind a pending transaction, whose hash follows.
constexpr const char* behind_words = " behind ";

sign::EvmAddress evm_bytes(const gantry_address& address) {
  sign::EvmAddress out{};
  std::copy_n(address.bytes, out.size(), out.begin());
  return out;
}

u256 product_or_max(const u256& a, const u256& b) {
  u256 out;
  return mul(a, b, out) ? out : u256::max();
}

// amount * part / whole.
u256 share_up(const u256& amount, const u256& part, const u256& whole) {
  u256 out;
  return !whole.is_zero() && mul_div_ceil(amount, part, whole, out) ? out : u256::max();
}
u256 share_down(const u256& amount, const u256& part, const u256& whole) {
  u256 out;
  return !whole.is_zero() && mul_div_floor(amount, part, whole, out) ? out : u256();
}

// What the base fee may be in the next block: an eighth more (EIP-1559).
u256 next_base_fee(const u256& base_fee) {
  return sum_of(base_fee, share_up(base_fee, u256(1), u256(8)));
}

// Estimates are of ordinary tokens and of ticks that are near. The most; the gain may allow less.
std::uint64_t gas_limit_of(std::uint64_t gas) { return 2 * gas + 100'000; }

ledger::Kind kind_of(SendKind send) {
  switch (send) {
    case SendKind::bundle:
      return ledger::Kind::bundle;
    case SendKind::operation:
      return ledger::Kind::user_operation;
    case SendKind::transaction:
      break;
  }
  return ledger::Kind::transaction;
}

// All that a run's bytes depend on, but its deadline. As it is: to hash it takes as long as to
// build the run.
class RunKey {
 public:
  RunKey() { bytes_.reserve(key_bytes_usual); }
  RunKey& number(const u256& value) {
    std::array<std::uint8_t, abi::word_bytes> word;
    store_be(value, word.data());
    return add(word);
  }
  RunKey& address(const gantry_address& value) { return add({value.bytes, abi::address_bytes}); }
  RunKey& bytes(std::span<const std::uint8_t> value) {
    return number(u256(value.size())).add(value);
  }
  std::string take() { return std::move(bytes_); }

 private:
  static constexpr std::size_t key_bytes_usual = 2048;
  RunKey& add(std::span<const std::uint8_t> value) {
    bytes_.append(reinterpret_cast<const char*>(value.data()), value.size());
    return *this;
  }
  std::string bytes_;
};

std::string key_of(const TradeOrder& order, const Funding& funding, const u256& least_gain) {
  RunKey key;
  if (order.behind) key.bytes(*order.behind);
  key.number(order.amount_in).number(order.amount_out).number(least_gain);
  key.number(u256(order.pool_states)).number(order.base_fee).number(order.data_fee);
  for (const gantry_address& token : order.route->tokens) key.address(token);
  if (order.route->token_out) key.address(*order.route->token_out);
  key.number(u256(order.route->tokens.size()));
  for (const gantry_address& pool : order.route->pools) key.address(pool);
  key.number(u256(order.route->pools.size()));
  for (const PlannedCall& call : order.route->calls) {
    key.address(call.target).number(call.value).bytes(call.data);
  }
  key.number(u256(funding.loan ? 1 : 0));
  if (!funding.loan) return key.take();
  const executor::FlashLoan& loan = *funding.loan;
  key.number(u256(static_cast<std::uint64_t>(loan.source))).address(loan.lender);
  key.number(loan.amount).number(loan.fee).number(u256(loan.token_is_0 ? 1 : 0));
  key.number(u256(loan.solo_market));
  return key.take();
}

std::unexpected<std::pair<FillReason, std::string>> refused(FillReason reason, std::string why) {
  return std::unexpected(std::pair(reason, std::move(why)));
}

}  // namespace

bool Execution::is_stopped() const { return is_stopped_for({}); }

bool Execution::is_stopped_for(const TradeScopes& scopes) const {
  const std::lock_guard lock(mutex_);
  if (stopping_) return true;
  const std::int64_t told = ports_.book.told_row().value_or(0);
  std::erase_if(untold_, [&](const UntoldResult& each) { return each.trade.row <= told; });
  return ports_.book.is_halted_with(untold_, scopes);
}

// What another trade changes was quoted before it did.
bool Execution::touches_flight(const TradeRoute& route) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, flight] : flights_) {
    for (const gantry_address& pool : flight.order.route->pools) {
      const auto same = [&](const gantry_address& one) { return AddressEqual{}(one, pool); };
      if (std::ranges::any_of(route.pools, same)) return true;
    }
  }
  return false;
}

// It was judged by what the street had been told, which may be a block behind, and knows nothing of
// what an earlier run had under way.
std::expected<void, Execution::Refusal> Execution::is_as_held(const TradeOrder& order,
                                                              const gantry_address& token) const {
  if (!held_) return refused(FillReason::not_as_held, "what is held could not be read");
  if (!earlier_exchanges_.empty()) {
    return refused(
        FillReason::not_as_held,
        fmt::format("trade {} of an earlier run is not reckoned yet, and may change what "
                    "is held",
                    *earlier_exchanges_.begin()));
  }
  const Position* closes = held_->closed_by(order.strategy, token, *order.route->token_out);
  u256 left = closes == nullptr ? u256() : closes->quantity;
  for (const auto& [id, flight] : flights_) {
    const TradeRoute& route = *flight.order.route;
    const bool sells_it = flight.order.strategy == order.strategy && route.token_out &&
                          AddressEqual{}(route.tokens.front(), token) &&
                          AddressEqual{}(*route.token_out, *order.route->token_out);
    if (sells_it && !sub(left, flight.order.amount_in, left)) left = u256();
  }
  if (order.closes == (closes != nullptr) && (!order.closes || order.amount_in <= left)) return {};
  return refused(FillReason::not_as_held,
                 fmt::format("it {} a position of which {} are left",
                             order.closes ? "closes" : "is to open", to_string(left)));
}

// What positions hold of a token, but for the one that the trade closes, and what trades under way
// will hold of it, which is perhaps there already.
u256 Execution::others_own(const TradeOrder& order, const gantry_address& token) const {
  u256 sum = held_->held(token);
  const Position* closes = held_->closed_by(order.strategy, token, *order.route->token_out);
  if (closes != nullptr && !sub(sum, closes->quantity, sum)) sum = u256();
  for (const auto& [id, flight] : flights_) {
    const auto& out = flight.order.route->token_out;
    if (out && AddressEqual{}(*out, token)) sum = sum_of(sum, flight.order.amount_out);
  }
  return sum;
}

std::expected<Funding, Execution::Refusal> Execution::fund(const TradeOrder& order,
                                                           const u256& gas_price) {
  const gantry_address& token = order.route->tokens.front();
  std::unique_lock lock(mutex_);
  if (lenders_.want(token)) {
    // The first trade with this token: what there is of it was never read.
    Lenders fresh = lenders_;
    lock.unlock();
    const auto head = ports_.providers.head();
    const Status read =
        head ? fresh.read(ports_.providers, *head) : fail(ErrorKind::io, "no block is known yet");
    lock.lock();
    if (!read) {
      return refused(FillReason::no_funds, "the lenders were not read: " + read.error().message);
    }
    lenders_.take(fresh);
  }
  // What trades under way begin with is theirs.
  u256 spoken_for;
  for (const auto& [id, flight] : flights_) {
    if (flight.own_funds && AddressEqual{}(flight.order.route->tokens.front(), token)) {
      spoken_for = sum_of(spoken_for, flight.order.amount_in);
    }
  }
  if (order.route->token_out) {
    // Nobody lends for it: what it ends in does not pay back.
    if (const auto good = is_as_held(order, token); !good) return std::unexpected(good.error());
    spoken_for = sum_of(spoken_for, others_own(order, token));
    const u256 own = lenders_.own_of(token);
    u256 free;
    if (sub(own, spoken_for, free) && free >= order.amount_in) return Funding{};
    return refused(FillReason::no_funds,
                   fmt::format("it takes {} of {}, and the executor holds {}, of which {} are "
                               "others': see gantry executor fund",
                               to_string(order.amount_in), address_text(token), to_string(own),
                               to_string(spoken_for)));
  }
  const auto found = lenders_.cheapest(*order.route, order.amount_in,
                                       {gas_price, order.value_token, order.value_wei}, spoken_for);
  if (found) return *found;
  return refused(FillReason::no_funds,
                 fmt::format("nobody lends {} of {}, and the executor holds less",
                             to_string(order.amount_in), address_text(token)));
}

// Its gain has to pay for the loan and for the gas, at the most that the gas may cost. One that
// ends in another token has no gain before it is undone: it has to bring what was planned.
std::expected<Execution::Prepared, Execution::Refusal> Execution::reckon_costs(
    const TradeOrder& order, Fees& fees) {
  const u256 gas_price = sum_of(next_base_fee(order.base_fee), fees.priority);
  auto funding = fund(order, gas_price);
  if (!funding) return std::unexpected(funding.error());
  Prepared out;
  out.funding = *funding;
  out.gas = order.gas + funding->gas;
  if (order.route->token_out) {
    out.gain = order.amount_out;
    out.least_gain = order.least_out;
    // It was judged by what it is expected to cost: twice that is the most that a unit of gas may,
    // and a sponsor may ask.
    out.gain_wei = sum_of(order.cost_wei, order.cost_wei);
    u256 rest;
    u256 affordable;
    if (sub(out.gain_wei, order.data_fee, rest) && div_floor(rest, u256(out.gas), affordable)) {
      fees.max_fee = std::min(fees.max_fee, std::max(gas_price, affordable));
    }
    out.transaction.gas_limit = gas_limit_of(out.gas);
    return out;
  }
  const u256 fee = funding->loan ? funding->loan->fee : u256();
  const u256 owed = sum_of(order.amount_in, fee);
  if (!sub(order.amount_out, owed, out.gain)) {
    return refused(FillReason::no_profit, "the loan costs more than the trade brings");
  }
  const u256 cost_wei = sum_of(product_or_max(gas_price, u256(out.gas)), order.data_fee);
  const u256 cost = share_up(cost_wei, order.value_token, order.value_wei);
  if (out.gain <= cost) {
    return refused(FillReason::no_profit,
                   fmt::format("it would gain {} after the loan, and cost {}", to_string(out.gain),
                               to_string(cost)));
  }
  out.least_gain = cost;
  if (u256 planned; sub(order.least_out, owed, planned)) out.least_gain = std::max(cost, planned);
  out.gain_wei = share_down(out.gain, order.value_wei, order.value_token);
  // The limits have seen it without a loan, at the cost that it was judged by.
  const u256 judged_wei = sum_of(order.cost_wei, product_or_max(gas_price, u256(funding->gas)));
  u256 net_wei;
  if (funding->loan &&
      (!sub(out.gain_wei, judged_wei, net_wei) || !order.limits.allow(net_wei, judged_wei))) {
    return refused(
        FillReason::no_profit,
        fmt::format("after the loan it would leave {} wei, which is less than its limits "
                    "of profit ask for",
                    to_string(net_wei)));
  }
  // What the least gain is worth for the gas that is expected: whatever it is settled with pays for
  // that.
  u256 affordable;
  if (u256 rest;
      sub(share_down(out.least_gain, order.value_wei, order.value_token), order.data_fee, rest) &&
      div_floor(rest, u256(out.gas), affordable)) {
    fees.max_fee = std::min(fees.max_fee, std::max(gas_price, affordable));
  }
  // Whatever it takes, up to its limit, it pays no more than it was to gain.
  std::uint64_t limit = gas_limit_of(out.gas);
  if (u256 rest, most; !fees.max_fee.is_zero() && sub(out.gain_wei, order.data_fee, rest) &&
                       div_floor(rest, fees.max_fee, most) && most < u256(limit)) {
    limit = most.limb(0);
  }
  if (limit < out.gas) return refused(FillReason::no_profit, "its gain does not pay for its gas");
  out.transaction.gas_limit = limit;
  return out;
}

std::expected<Execution::Prepared, Execution::Refusal> Execution::prepare(const TradeOrder& order) {
  auto fees = fees_for(order.base_fee, settings_);
  if (!fees) return refused(FillReason::no_profit, fees.error().message);
  auto reckoned = reckon_costs(order, *fees);
  if (!reckoned) return std::unexpected(reckoned.error());
  Prepared out = std::move(*reckoned);
  auto calldata = run_for(order, out);
  if (!calldata) return std::unexpected(calldata.error());
  out.run = std::move(*calldata);
  out.transaction.chain_id = chain_id_;
  out.transaction.max_fee = fees->max_fee;
  out.transaction.max_priority_fee = std::min(fees->priority, fees->max_fee);
  out.transaction.to = evm_bytes(settings_.executor);
  out.transaction.data = out.run;
  return out;
}

// As it was built for the same trade before, if it was.
std::expected<executor::Bytes, Execution::Refusal> Execution::run_for(const TradeOrder& order,
                                                                      Prepared& prepared) {
  const auto now = std::chrono::steady_clock::now();
  const std::uint64_t time_s = order.execution_time_s;
  prepared.key = key_of(order, prepared.funding, prepared.least_gain);
  if (auto found =
          prepared_.find(prepared.key, u256(time_s + deadline_slack_s - deadline_nearer_s), now)) {
    if (found->refusal.empty()) return std::move(found->run);
    return refused(FillReason::simulation, found->refusal + ", as it was said a moment ago");
  }
  RunOrder run;
  run.deadline_s = u256(time_s + deadline_slack_s);
  run.least_gain = prepared.least_gain;
  run.loan = prepared.funding.loan;
  auto calldata = run_of(*order.route, run);
  if (!calldata) return refused(FillReason::not_planned, calldata.error().message);
  prepared_.put(prepared.key, {*calldata, run.deadline_s, {}}, now);
  return std::move(*calldata);
}

Result<Execution::Signed> Execution::sign(const sign::Transaction& transaction) {
  std::vector<std::uint8_t> buffer(sign::TransactionEncoder::buffer_size(transaction));
  const std::lock_guard lock(signing_);
  const auto made = ports_.signer.sign(transaction, buffer);
  if (!made) return std::unexpected(made.error());
  return Signed{{made->bytes.begin(), made->bytes.end()}, made->hash};
}

ledger::Intent Execution::intent_of(const TradeOrder& order, const Prepared& prepared,
                                    const Hash32& hash) const {
  ledger::Intent intent;
  intent.key = hex_text(hash);
  intent.kind = kind_of(settings_.send);
  intent.strategy = order.strategy;
  intent.coin = chain_.native_symbol;
  intent.token_in = address_text(order.route->tokens.front());
  intent.token_out =
      order.route->token_out ? address_text(*order.route->token_out) : intent.token_in;
  intent.route = order.legs;
  intent.amount_in = order.amount_in;
  intent.planned_out = order.amount_out;
  intent.min_profit = prepared.least_gain;
  intent.block = order.block;
  intent.last_block = last_block_of(order);
  return intent;
}

// At the block that the trade was planned on, by its hash where that is known.
std::future<Simulation> Execution::begin_simulation(const TradeOrder& order,
                                                    const Prepared& prepared,
                                                    const Theirs& theirs) {
  Rehearsal rehearsal{wallet_.sender, settings_.executor,
                      &prepared.run,  prepared.transaction.gas_limit,
                      prepared.gain,  {order.block, {}}};
  if (const auto head = ports_.providers.head(); head && head->number == order.block) {
    rehearsal.block = head->pin();
  }
  const InFront front{theirs ? &*theirs : nullptr, order.execution_time_s,
                      prepared.transaction.max_fee, prepared.transaction.max_priority_fee};
  return std::async(std::launch::async, [this, rehearsal, front] {
    const auto asked = std::chrono::steady_clock::now();
    Simulation said =
        front.theirs == nullptr
            ? simulate(ports_.providers, rehearsal, simulation_deadline)
            : simulate_behind(ports_.providers, rehearsal, front, simulation_deadline);
    time(ExecutionStep::simulate, asked);
    return said;
  });
}

// Whether the trade may leave after what the chain would make of it.
std::expected<void, Execution::Refusal> Execution::judge(const Simulation& simulation,
                                                         const TradeOrder& order,
                                                         const Prepared& prepared) {
  switch (simulation.verdict) {
    case SimulationVerdict::as_planned:
      return {};
    case SimulationVerdict::not_behind:
      return refused(FillReason::not_behind, simulation.why);
    case SimulationVerdict::pools_differ:
      prepared_.refuse(prepared.key, simulation.why);
      // What is in front may do more than venues read of it, and is no pool's fault.
      if (ports_.on_mismatch && !order.behind) {
        ports_.on_mismatch({order.route->pools, simulation.why});
      }
      return refused(FillReason::simulation, simulation.why);
    case SimulationVerdict::refused:
      prepared_.refuse(prepared.key, simulation.why);
      // Perhaps for another reason than its pools: whether they are what they were taken for is
      // looked at.
      if (ports_.on_mismatch && !order.behind) ports_.on_mismatch({order.route->pools, {}});
      return refused(FillReason::simulation, simulation.why);
    case SimulationVerdict::unknown:
      break;
  }
  return refused(FillReason::not_simulated, simulation.why);
}

void Execution::withdraw(ledger::IntentId id, const std::string& why) {
  if (auto done = ports_.ledger.withdraw(id, why).get(); !done) {
    spdlog::error("trade {} could not be withdrawn: {}", id, done.error().message);
  }
}

// It was handed over, and not taken, as was said: it is watched.
void Execution::give_up(ledger::IntentId id, const TradeOrder& order, FillReason reason,
                        const std::string& why) {
  if (auto done = ports_.ledger.given_up(id, why).get(); !done) {
    // The chain was quicker: what it says of it is told instead.
    spdlog::warn("trade {} was not given up: {}", id, done.error().message);
    return;
  }
  spdlog::info("{}: trade {} of block {} is given up: {}: {}", order.strategy, id, order.block,
               to_string(reason), why);
  Fill fill;
  fill.reason = reason;
  conclude(id, std::move(fill));
}

std::uint64_t Execution::last_block_of(const TradeOrder& order) const {
  // What is behind a pending transaction holds for one block.
  if (order.behind) return order.execution_block;
  return order.execution_block + static_cast<std::uint64_t>(settings_.blocks_max) - 1;
}

bool Execution::is_over(const TradeOrder& order) const {
  const auto head = ports_.providers.head();
  return head && head->number >= last_block_of(order);
}

// A bundle alone has what is in it in its order, and nobody else sees it.
std::expected<Execution::Theirs, Execution::Refusal> Execution::theirs_of(
    const TradeOrder& order) const {
  if (!order.behind) return Theirs();
  if (settings_.send != SendKind::bundle) {
    return refused(FillReason::not_behind,
                   "only a bundle can be behind a pending transaction: send = \"bundle\"");
  }
  if (!ports_.pending) {
    return refused(FillReason::not_behind, "nobody listens to pending transactions");
  }
  auto theirs = ports_.pending(*order.behind);
  if (!theirs) return refused(FillReason::not_behind, theirs.error().message);
  return std::move(*theirs);
}

std::string Execution::destination_of(const TradeOrder& order) const {
  std::string out(to_string(settings_.send));
  if (order.behind) out += behind_words + hex_text(*order.behind);
  return out;
}

bool Execution::is_behind(const ledger::Attempt& attempt) {
  return attempt.destination.find(behind_words) != std::string::npos;
}

std::optional<Execution::Refusal> Execution::kept_back(const TradeOrder& order) const {
  if (is_stopped_for(order.scopes)) {
    return Refusal(FillReason::halted, "trading was stopped before it left");
  }
  if (order.behind && is_over(order)) {
    return Refusal(
        FillReason::expired,
        fmt::format("block {}, the only one that it is good for, is over", last_block_of(order)));
  }
  return std::nullopt;
}

std::expected<void, Execution::Refusal> Execution::may_begin(const TradeOrder& order) const {
  if (is_stopped_for(order.scopes)) {
    return refused(FillReason::halted, "trading is HALTED: see gantry status");
  }
  if (touches_flight(*order.route)) {
    return refused(FillReason::pool_in_flight,
                   "a trade that is under way changes one of its pools");
  }
  if (is_over(order)) {
    return refused(FillReason::expired,
                   fmt::format("its last block {} is over", last_block_of(order)));
  }
  return {};
}

Result<Execution::Signed> Execution::sign_for(const TradeOrder& order,
                                              const sign::Transaction& transaction) {
  const auto signing = std::chrono::steady_clock::now();
  auto bytes = sign(transaction);
  time(ExecutionStep::sign, signing);
  time(ExecutionStep::to_signed, order.arrived);
  return bytes;
}

std::expected<Execution::Begun, Execution::Refusal> Execution::begin(const TradeOrder& order,
                                                                     bool and_sign) {
  const auto taken = std::chrono::steady_clock::now();
  auto prepared = prepare(order);
  if (!prepared) return std::unexpected(prepared.error());
  auto reservation = ports_.ledger.reserve(lane_);
  if (!reservation) return refused(FillReason::not_written, reservation.error().message);
  prepared->transaction.nonce = reservation->nonce();
  time(ExecutionStep::build, taken);
  Begun begun{std::move(*prepared), std::move(*reservation), {}};
  if (and_sign) begun.bytes = sign_for(order, begun.prepared.transaction);
  return begun;
}

void Execution::carry_out(Waiting waiting) {
  const TradeOrder& order = waiting.order;
  if (const auto may = may_begin(order); !may) {
    return end(order, may.error().first, may.error().second);
  }
  const auto theirs = theirs_of(order);
  if (!theirs) return end(order, theirs.error().first, theirs.error().second);
  if (ports_.operations) return carry_operation(order);
  if (!waiting.begun) {
    auto begun = begin(order, false);
    if (!begun) return end(order, begun.error().first, begun.error().second);
    waiting.begun.emplace(std::move(*begun));
  }
  const Prepared& prepared = waiting.begun->prepared;

  // What it would do is asked while it is written down, and signed where that takes its time.
  auto simulated = begin_simulation(order, prepared, *theirs);
  auto& made = waiting.begun->bytes;
  if (!made) made = sign_for(order, prepared.transaction);
  const Result<Signed>& bytes = *made;
  if (!bytes) {
    simulated.wait();
    return end(order, FillReason::not_signed, bytes.error().message);
  }
  ledger::Attempt attempt;
  attempt.destination = destination_of(order);
  attempt.max_fee = prepared.transaction.max_fee;
  attempt.priority_fee = prepared.transaction.max_priority_fee;
  attempt.bytes = bytes->bytes;
  attempt.hash = bytes->hash;
  {
    const std::lock_guard lock(mutex_);
    being_sent_ = hex_text(bytes->hash);
  }
  auto recorded = ports_.ledger.record(intent_of(order, prepared, bytes->hash),
                                       std::move(waiting.begun->nonce), std::move(attempt));
  const Simulation simulation = simulated.get();
  const auto id = recorded.get();
  if (!id) return end(order, FillReason::not_written, id.error().message);

  const auto refuse = [&](FillReason reason, const std::string& why) {
    withdraw(id->intent, why);
    end(order, reason, why);
  };
  if (const auto good = judge(simulation, order, prepared); !good) {
    return refuse(good.error().first, good.error().second);
  }
  if (const auto why = kept_back(order)) return refuse(why->first, why->second);
  send(order, prepared, *id, *bytes, *theirs);
}

void Execution::send(const TradeOrder& order, const Prepared& prepared, ledger::AttemptId id,
                     const Signed& bytes, const Theirs& theirs) {
  const auto head = ports_.providers.head();
  {
    const std::lock_guard lock(mutex_);
    flights_[id.intent] = {order, prepared.gain, !prepared.funding.loan,
                           head ? head->number : order.block};
  }
  // No block that is over can be asked for.
  const std::uint64_t next = head ? head->number + 1 : order.execution_block;
  Outgoing outgoing{bytes.bytes, std::max(next, order.execution_block)};
  if (theirs) outgoing.behind = theirs->bytes;
  std::optional<Refusal> kept;
  const SubmitReport report = ports_.submit(outgoing, [&] {
    kept = kept_back(order);
    return !kept;
  });
  if (report.verdict == SubmitVerdict::withheld) {
    {
      const std::lock_guard lock(mutex_);
      flights_.erase(id.intent);
    }
    if (!kept) kept = Refusal(FillReason::halted, report.message);
    withdraw(id.intent, kept->second);
    return end(order, kept->first, kept->second);
  }
  time(ExecutionStep::to_sent, order.arrived);
  if (report.verdict == SubmitVerdict::refused) {
    return give_up(id.intent, order, FillReason::not_taken, report.message);
  }
  const std::string by = fmt::format("{}", fmt::join(report.by, ", "));
  spdlog::info("trade {} of {} was sent as {} ({}), for a gain of {}", id.intent, order.strategy,
               hex_text(bytes.hash), by.empty() ? report.message : by, to_string(prepared.gain));
  Status noted;
  if (report.verdict == SubmitVerdict::taken) {
    noted = ports_.ledger.submitted(id, by).get();
  } else {
    noted = ports_.ledger.left_open(id.intent, report.message).get();
  }
  if (!noted) spdlog::error("trade {}: {}", id.intent, noted.error().message);
}

}  // namespace gantry::host

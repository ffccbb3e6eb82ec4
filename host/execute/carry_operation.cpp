// A trade as a user operation that somebody else pays for: funded, sponsored while the chain says
// what it would do, signed, written down, sent; and what follows when it is in no block.
//
// All attempts of an intent have the account's one nonce, so the EntryPoint takes one of them. What
// may have left is never given up before its nonce is taken: when its time is over, an operation
// that does nothing takes it, which somebody has to pay for too.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <future>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/execute/execution.hpp"
#include "host/live/chain_text.hpp"
#include "host/plan/abi.hpp"
#include "host/plan/abi_words.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/submit/fees.hpp"

namespace gantry::host {

namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using Steady = std::chrono::steady_clock;

constexpr milliseconds account_read{5000};
// Of an operation that is sent again, and of one that takes a nonce.
constexpr milliseconds operation_again{3000};
// Those who pay are asked as long as the trade may be in a block, within these.
constexpr milliseconds sponsoring_min{2000};
constexpr milliseconds sponsoring_max{8000};
// What a call of the account that does nothing may use, at least.
constexpr std::uint64_t nothing_gas = 50'000;

milliseconds time_to_sponsor(const ChainSettings& chain, const ExecutionSettings& settings) {
  const double ms = chain.block_time_s * 1e3 * static_cast<double>(settings.blocks_max);
  return std::clamp(milliseconds(static_cast<std::int64_t>(std::min(ms, 1e6))), sponsoring_min,
                    sponsoring_max);
}

// Of an account's execute(address,uint256,bytes), the bytes; empty: it is another call.
executor::Bytes executed_by(std::span<const std::uint8_t> call) {
  constexpr std::size_t head = 4 + 3 * word_bytes;
  if (call.size() < head + word_bytes) return {};
  const u256 size = load_be(call.data() + head);
  const auto bytes = call.subspan(head + word_bytes);
  if (size > u256(bytes.size())) return {};
  const auto run = bytes.first(size.limb(0));
  return {run.begin(), run.end()};
}

// Who was asked to pay, and what came of it: for the end of a line.
std::string asked_text(const std::vector<SponsorAttempt>& attempts) {
  std::string out;
  for (const SponsorAttempt& each : attempts) {
    out += fmt::format("; {}: {}{}{}", each.paymaster, to_string(each.verdict),
                       each.message.empty() ? "" : ": ", each.message);
  }
  return out;
}

}  // namespace

// One operation on its way to the bundler.
struct Execution::Leaving {
  const TradeOrder& order;
  const Prepared& prepared;
  std::optional<ledger::Reservation> nonce;
  std::future<Simulation> simulation;
  std::optional<ledger::AttemptId> id;  // the newest that is written down
  std::optional<Refusal> refusal;       // why it may not leave
};

// The account is a contract that obeys this EntryPoint.
Status Execution::check_account() {
  const std::string account = address_text(wallet_.sender);
  const std::string entry_point = lane_.entry_point;
  const std::array calls{
      RpcCall{"eth_getCode", {account, "latest"}}, RpcCall{"eth_getCode", {entry_point, "latest"}},
      RpcCall{"eth_call",
              {json::object{{"to", account}, {"data", "0xb0d691fe"}}, "latest"}}};  // entryPoint()
  const auto answers = ask(ports_.providers, calls, {.deadline = account_read});
  if (!answers) return std::unexpected(answers.error());
  const auto has_code = [&](std::size_t i) {
    const auto code = (*answers)[i] ? bytes_of(*(*answers)[i]) : std::nullopt;
    return code && !code->empty();
  };
  if (!has_code(1)) {
    return fail(ErrorKind::configuration,
                fmt::format("[wallet]: there is no EntryPoint at {} on {}: check `entry_point`",
                            entry_point, chain_.id));
  }
  if (!has_code(0)) {
    return fail(ErrorKind::configuration,
                fmt::format("[wallet]: there is no smart account at {} on {}: create it first, or "
                            "set send to \"transaction\"",
                            account, chain_.id));
  }
  const auto obeys = (*answers)[2] ? bytes_of(*(*answers)[2]) : std::nullopt;
  if (!obeys || obeys->size() != word_bytes) return {};  // it does not say
  const std::string known = address_text(evm_address(std::span(*obeys).last(20)));
  if (known == entry_point) return {};
  return fail(ErrorKind::configuration,
              fmt::format("[wallet]: the account {} obeys the EntryPoint {}, and `entry_point` is "
                          "{}",
                          account, known, entry_point));
}

std::string Execution::operation_under_way() const {
  const auto open = ports_.ledger.open_intents();
  if (!open) return open.error().message;
  for (const ledger::StoredIntent& intent : *open) {
    if (intent.lane != lane_) continue;
    const auto attempts = ports_.ledger.attempts(intent.id);
    const bool known = attempts && !attempts->empty();
    return fmt::format("operation {} of this account is under way{}{}{}{}", intent.id,
                       known ? " at " : "", known ? attempts->back().attempt.destination : "",
                       intent.reason.empty() ? "" : ": ", intent.reason);
  }
  return {};
}

// But for its nonce.
std::expected<sign::UserOperation, Execution::Refusal> Execution::operation_of(
    const Prepared& prepared, Deadline deadline) const {
  sign::UserOperation out;
  out.sender = sign::evm_address(wallet_.sender);
  out.call_data = abi::account_execute({settings_.executor, u256(), prepared.run});
  // Once and a half: what is left over of more is charged in part, by EntryPoint 0.7 and later.
  out.call_gas_limit = u256(prepared.gas + prepared.gas / 2);
  out.max_fee = prepared.transaction.max_fee;
  out.max_priority_fee = prepared.transaction.max_priority_fee;
  const auto asked = ports_.operations->bundler().fees(deadline);
  if (asked) {
    out.max_fee = std::max(out.max_fee, asked->max);
    out.max_priority_fee = std::max(out.max_priority_fee, asked->max_priority);
  } else if (asked.error().fault != BundlerFault::unavailable || asked.error().code == 0) {
    // It is not that it has no such method.
    return std::unexpected(Refusal(FillReason::not_taken, asked.error().message));
  }
  if (out.max_fee > fee_bound(settings_)) {
    return std::unexpected(
        Refusal(FillReason::no_profit,
                fmt::format("the bundler takes operations for {} wei per gas, and max_fee_gwei "
                            "allows {}",
                            to_string(out.max_fee), to_string(fee_bound(settings_)))));
  }
  out.signature = sign::stub_signature();
  return out;
}

SenderHooks Execution::operation_hooks(std::function<Status(const SignedOperation&)> write,
                                       MayLeave may_leave) {
  return {[this](const sign::UserOperation& operation) -> Result<std::vector<std::uint8_t>> {
            const std::lock_guard lock(signing_);
            const auto signature = ports_.signer.sign_user_operation(
                operation, ports_.operations->bundler().entry_point());
            if (!signature) return std::unexpected(signature.error());
            const auto bytes = sign::signature_bytes(*signature);
            return std::vector<std::uint8_t>(bytes.begin(), bytes.end());
          },
          std::move(write), std::move(may_leave)};
}

// Right before it leaves. The first one waits for the simulation, which a later one has behind it.
Status Execution::write_operation(const SignedOperation& operation, Leaving& leaving) {
  const auto refuse = [&](Refusal refusal) -> Status {
    leaving.refusal = std::move(refusal);
    return fail(ErrorKind::usage, leaving.refusal->second);
  };
  time(ExecutionStep::to_signed, leaving.order.arrived);
  if (leaving.simulation.valid()) {
    const auto good = judge(leaving.simulation.get(), leaving.order, leaving.prepared);
    if (!good) return refuse(good.error());
  }
  ledger::Attempt attempt = attempt_of(
      operation, ports_.operations->bundler().entry_point().version, ledger::Purpose::trade);
  if (!leaving.id) {
    const std::lock_guard lock(mutex_);
    being_sent_ = hex_text(operation.hash);
  }
  auto recorded =
      leaving.id ? ports_.ledger.record(leaving.id->intent, std::move(attempt))
                 : ports_.ledger.record(intent_of(leaving.order, leaving.prepared, operation.hash),
                                        *std::move(leaving.nonce), std::move(attempt));
  leaving.nonce.reset();
  const auto id = recorded.get();
  if (!id) return std::unexpected(id.error());
  leaving.id = *id;
  const auto head = ports_.providers.head();
  {
    const std::lock_guard lock(mutex_);
    flights_[id->intent] = {leaving.order, leaving.prepared.gain, !leaving.prepared.funding.loan,
                            head ? head->number : leaving.order.block};
  }
  if (is_stopped_for(leaving.order.scopes)) {
    return refuse({FillReason::halted, "trading was stopped before it left"});
  }
  return {};
}

void Execution::carry_operation(const TradeOrder& order) {
  const auto taken = Steady::now();
  OperationLine& line = *ports_.operations;
  if (const std::string waits_for = operation_under_way(); !waits_for.empty()) {
    return end(order, FillReason::busy, waits_for);
  }
  const auto prepared = prepare(order);
  if (!prepared) return end(order, prepared.error().first, prepared.error().second);
  const Deadline deadline = taken + time_to_sponsor(chain_, settings_);
  auto operation = operation_of(*prepared, deadline);
  if (!operation) return end(order, operation.error().first, operation.error().second);
  auto reservation = ports_.ledger.reserve(lane_);
  if (!reservation) return end(order, FillReason::not_written, reservation.error().message);
  operation->nonce = u256(reservation->nonce());
  time(ExecutionStep::build, taken);

  const auto head = ports_.providers.head();
  gantry_context context{};
  context.chain = {chain_.id.data(), chain_.id.size()};
  context.state_block = order.block;
  context.state_time_s = head && head->number == order.block
                             ? static_cast<std::uint64_t>(head->time_s)
                             : order.execution_time_s;
  context.execution_block = order.execution_block;
  context.execution_time_s = order.execution_time_s;
  context.base_fee = order.base_fee.amount();
  context.gas_price = operation->max_fee.amount();

  Leaving leaving{order, *prepared, std::move(*reservation), {}, {}, {}};
  leaving.simulation = begin_simulation(order, *prepared, {});
  const OperationLine::Turn turn = line.take_turn();
  turn.last() = {*operation, order.group};
  OperationSender sender(turn.desk(), line.bundler(), line.http(),
                         operation_hooks(
                             [this, &leaving](const SignedOperation& signed_one) {
                               return write_operation(signed_one, leaving);
                             },
                             [this, &order] { return !is_stopped_for(order.scopes); }));
  SponsorOrder wanted;
  wanted.operation = std::move(*operation);
  wanted.context = &context;
  wanted.cost_max = prepared->gain_wei;
  wanted.deadline = deadline;
  wanted.snapshot = order.group;
  const SendReport report = sender.send(std::move(wanted));
  if (leaving.simulation.valid()) leaving.simulation.wait();
  end_operation(report, leaving);
}

void Execution::end_operation(const SendReport& report, const Leaving& leaving) {
  const TradeOrder& order = leaving.order;
  const std::string who = asked_text(report.attempts);
  if (report.verdict == SendVerdict::sent || report.verdict == SendVerdict::maybe) {
    time(ExecutionStep::to_sent, order.arrived);
    const SignedOperation& last = report.left.back();
    const std::string& by = last.destination;
    const bool sent = report.verdict == SendVerdict::sent;
    spdlog::info("trade {} of {} was sent as operation {} ({}), paid by {}, for a gain of {}{}",
                 leaving.id->intent, order.strategy, hex_text(last.hash),
                 sent ? by : report.message, last.paymaster, to_string(leaving.prepared.gain),
                 report.attempts.size() > 1 ? who : "");
    const Status noted = sent ? ports_.ledger.submitted(*leaving.id, by).get()
                              : ports_.ledger.left_open(leaving.id->intent, report.message).get();
    // It may be in a block already, and said to be so.
    if (!noted && noted.error().kind != ErrorKind::usage) {
      spdlog::error("trade {}: {}", leaving.id->intent, noted.error().message);
    }
    return;
  }
  Refusal refusal{FillReason::not_taken, report.message + who};
  if (leaving.refusal) {
    refusal = *leaving.refusal;
  } else if (report.verdict == SendVerdict::withheld) {
    refusal.first = FillReason::halted;
  } else if (report.verdict == SendVerdict::not_written) {
    refusal.first = FillReason::not_written;
  } else if (report.verdict == SendVerdict::not_signed) {
    refusal.first = FillReason::not_signed;
  } else if (!report.attempts.empty() &&
             std::ranges::all_of(report.attempts, [](const SponsorAttempt& each) {
               return each.verdict == SponsorVerdict::over_cap;
             })) {
    refusal.first = FillReason::no_profit;
  }
  for (const std::string& each : report.refused) {
    if (refusal.second.find(each) == std::string::npos) refusal.second += "; " + each;
  }
  if (leaving.id && !report.left.empty()) {
    return give_up(leaving.id->intent, order, refusal.first, refusal.second);
  }
  if (leaving.id) {
    {
      const std::lock_guard lock(mutex_);
      flights_.erase(leaving.id->intent);
    }
    withdraw(leaving.id->intent, refusal.second);
  }
  end(order, refusal.first, refusal.second);
}

SubmitReport Execution::send_operation_again(const ledger::Attempt& attempt) const {
  SubmitReport report;
  const auto service = ports_.operations->service_of(attempt);
  if (!service) {
    report.verdict = SubmitVerdict::refused;
    report.message = service.error().message;
    return report;
  }
  const auto sent =
      service->send_again(attempt.bytes, attempt.hash, Steady::now() + operation_again);
  report.verdict = SubmitVerdict::taken;
  if (sent || sent.error().fault == BundlerFault::known) {
    report.by.push_back(service->name());
    return report;
  }
  report.verdict = sent.error().maybe_taken() ? SubmitVerdict::maybe : SubmitVerdict::refused;
  report.message = sent.error().message;
  return report;
}

// Takes the nonce with an operation in which the account sends itself nothing, at a fee that
// replaces the trade where a bundler still has it.
Status Execution::cancel_operation(const ledger::StoredIntent& intent, Fees fees) {
  OperationLine& line = *ports_.operations;
  const auto turn = line.try_turn();
  if (!turn) return {};  // a trade that is being sent may be the very one
  const Deadline deadline = Steady::now() + operation_again;
  if (const auto asked = line.bundler().fees(deadline)) {
    fees.max_fee = std::max(fees.max_fee, asked->max);
    fees.priority = std::max(fees.priority, asked->max_priority);
  }
  SponsorOrder order;
  sign::UserOperation& operation = order.operation;
  operation.sender = sign::evm_address(wallet_.sender);
  operation.nonce = u256(intent.nonce);
  operation.call_data = abi::account_execute({wallet_.sender, u256(), {}});
  operation.call_gas_limit = u256(nothing_gas);
  operation.max_fee = fees.max_fee;
  operation.max_priority_fee = fees.priority;
  operation.signature = sign::stub_signature();
  gantry_context context{};
  context.chain = {chain_.id.data(), chain_.id.size()};
  if (const auto head = ports_.providers.head()) {
    context.state_block = head->number;
    context.state_time_s = context.execution_time_s = static_cast<std::uint64_t>(head->time_s);
    context.execution_block = head->number + 1;
  }
  context.gas_price = operation.max_fee.amount();
  order.context = &context;
  order.cost_max = u256::max();  // each sponsor has a bound of its own
  if (turn->last()) order.snapshot = turn->last()->snapshot;
  order.deadline = deadline;
  std::optional<ledger::AttemptId> id;
  OperationSender sender(
      turn->desk(), line.bundler(), line.http(),
      operation_hooks(
          [&](const SignedOperation& signed_one) -> Status {
            const auto recorded =
                ports_.ledger
                    .record(intent.id, attempt_of(signed_one, line.bundler().entry_point().version,
                                                  ledger::Purpose::cancellation))
                    .get();
            if (!recorded) return std::unexpected(recorded.error());
            id = *recorded;
            return {};
          },
          [this] { return !is_stopped(); }));
  const SendReport report = sender.send(std::move(order));
  if (report.verdict == SendVerdict::withheld) {
    const std::lock_guard lock(mutex_);
    unsent_ = id;
    return {};
  }
  if (report.verdict != SendVerdict::sent && report.verdict != SendVerdict::maybe) {
    std::string why = report.message + asked_text(report.attempts);
    for (const std::string& each : report.refused) why += "; " + each;
    return fail(ErrorKind::io, why);
  }
  spdlog::info("trade {} is in no block in time: operation {} takes its nonce, paid by {}",
               intent.id, hex_text(report.left.back().hash), report.left.back().paymaster);
  if (report.verdict == SendVerdict::maybe) return {};
  const auto noted = ports_.ledger.submitted(*id, report.left.back().destination).get();
  return noted || noted.error().kind == ErrorKind::usage ? Status() : noted;
}

// With what was last asked for, while nothing is being sent.
void Execution::probe_paymasters(const Head& head) {
  if (is_stopped()) return;
  const auto turn = ports_.operations->try_turn();
  if (!turn || !turn->last()) return;
  const sign::UserOperation& last = turn->last()->operation;
  gantry_context context{};
  context.chain = {chain_.id.data(), chain_.id.size()};
  context.state_block = head.number;
  context.state_time_s = context.execution_time_s = static_cast<std::uint64_t>(head.time_s);
  context.execution_block = head.number + 1;
  context.gas_price = last.max_fee.amount();
  SponsorOrder order;
  order.operation = last;
  order.snapshot = turn->last()->snapshot;
  order.context = &context;
  order.cost_max = u256::max();
  order.deadline = Steady::now() + operation_again;
  turn->desk().probe(order);
}

std::string Execution::why_operation_reverted(const ledger::Attempt& attempt,
                                              const ledger::Receipt& receipt) const {
  json::error_code bad;
  const json::value operation =
      json::parse({reinterpret_cast<const char*>(attempt.bytes.data()), attempt.bytes.size()}, bad);
  const json::value* call = bad ? nullptr : member(operation, "callData");
  const json::value* limit = bad ? nullptr : member(operation, "callGasLimit");
  const auto bytes = call != nullptr ? bytes_of(*call) : std::nullopt;
  const auto gas = limit != nullptr ? quantity(*limit) : std::nullopt;
  if (!bytes || !gas) return {};
  const executor::Bytes run = executed_by(*bytes);
  return run.empty() ? std::string() : why_run_reverted(run, *gas, receipt);
}

}  // namespace gantry::host

#include "host/provider/ask.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "host/log/log.hpp"
#include "host/provider/content.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/provider/pin.hpp"

namespace gantry::host::provider {
namespace {

using Outcome = std::expected<RpcBatch, RpcError>;

// The batch as it is sent, with the calls that are not the caller's.
struct Encoded {
  PinnedBatch batch;
  std::string body;
  std::uint64_t first_id = 0;
};

std::unexpected<RpcError> error(RpcErrorKind kind, std::string message) {
  return std::unexpected(RpcError{kind, without_secrets(std::move(message))});
}

class Ask {
 public:
  Ask(const AskContext& context, std::span<const RpcCall> calls, const RpcOptions& options,
      const Accept& accept)
      : context_(context),
        board_(context.board),
        calls_(calls),
        options_(options),
        accept_(accept),
        begun_(board_.now()),
        deadline_(begun_ + options.deadline),
        course_{std::vector<std::uint8_t>(board_.size()), std::vector<std::uint8_t>(board_.size())},
        behind_(board_.size()),
        faults_(board_.size()),
        unsure_(board_.size()) {
    context_.mailboxes.add(mailbox_.get());
  }
  ~Ask() { context_.mailboxes.remove(mailbox_.get()); }
  Ask(const Ask&) = delete;
  Ask& operator=(const Ask&) = delete;

  Outcome run();

 private:
  struct Attempt {
    Departure to;
    HttpPool::Id id = 0;
    Time sent;
    const Encoded* encoded = nullptr;
    bool hedge = false;
    bool flying = true;
  };

  bool is_write() const { return options_.kind == RpcKind::write; }
  std::expected<const Encoded*, std::string> encoded(bool by_hash);
  std::size_t flying() const;
  std::expected<bool, RpcError> launch(Time now);
  void give_up(Attempt& attempt, Time now);
  std::optional<Outcome> receive(Mailbox::Arrival arrival);
  void check_answers(Attempt& attempt, AnswerVerdict& verdict, std::string& chain_told,
                     std::string& unsure);
  std::vector<RpcAnswer> own_answers(const Attempt& attempt, std::vector<RpcAnswer> answers) const;
  Outcome finish(Attempt& attempt, std::vector<RpcAnswer> answers, Time at);
  Outcome second_best(Time now);
  std::optional<Outcome> wait_without_anybody(Time now);
  Outcome out_of_time(Time now);
  Outcome nobody(const std::string& when) const;
  bool lacks_block() const {
    return std::ranges::any_of(behind_, [](std::uint8_t one) { return one != 0; });
  }
  std::string faults() const;

  const AskContext& context_;
  Board& board_;
  const std::span<const RpcCall> calls_;
  const RpcOptions& options_;
  const Accept& accept_;
  const Time begun_;
  const Time deadline_;
  const std::shared_ptr<Mailbox> mailbox_ = std::make_shared<Mailbox>();

  Course course_;
  std::vector<std::uint8_t> behind_;  // 1: its last attempt said that it lacks the block
  std::vector<std::string> faults_;   // of each provider, the last
  std::vector<Attempt> attempts_;
  std::optional<Encoded> by_hash_;
  std::optional<Encoded> by_number_;
  // The first answers that another provider might have better: the best there is, if none has.
  std::optional<std::vector<RpcAnswer>> second_best_;
  std::string second_best_of_;
  std::vector<std::string> unsure_;  // of each provider, what it refused in its own words
  Time next_launch_{};               // while something flies
  milliseconds block_retry_wait_{block_retry_every};
};

std::expected<const Encoded*, std::string> Ask::encoded(bool by_hash) {
  const bool hashed = by_hash && options_.pin && !options_.pin->hash.empty();
  std::optional<Encoded>& place = hashed ? by_hash_ : by_number_;
  if (place) return &*place;
  Encoded made;
  if (options_.pin) {
    auto batch = pinned(calls_, *options_.pin, hashed ? PinForm::hash : PinForm::number);
    if (!batch) return std::unexpected(std::move(batch.error()));
    made.batch = *std::move(batch);
  } else {
    made.batch.calls.assign(calls_.begin(), calls_.end());
  }
  // A block's hash is of one chain only. Where none is named, the chain is asked along.
  if (!is_write() && !hashed && made.batch.guards_before == 0) {
    made.batch.calls.insert(made.batch.calls.begin(), RpcCall{"eth_chainId", {}});
    made.batch.guards_before = 1;
  }
  const std::size_t count = made.batch.calls.size();
  made.first_id = context_.next_id.fetch_add(count, std::memory_order_relaxed) % rpc_id_max + 1;
  made.body = encode_batch(made.batch.calls, made.first_id);
  if (made.body.size() > rpc_request_bytes_max) {
    return std::unexpected(fmt::format("the batch has {} bytes, more than {}: split it",
                                       made.body.size(), rpc_request_bytes_max));
  }
  place = std::move(made);
  return &*place;
}

std::size_t Ask::flying() const {
  return static_cast<std::size_t>(std::ranges::count(attempts_, true, &Attempt::flying));
}

// False: there is nobody to ask now.
std::expected<bool, RpcError> Ask::launch(Time now) {
  const bool hedge = flying() > 0;
  const auto departure = board_.depart(course_, attempts_.empty(), hedge);
  if (!departure) return false;
  const auto content = encoded(departure->by_hash);
  if (!content) {
    board_.dropped(departure->index, Time::min());
    return error(RpcErrorKind::usage, content.error());
  }
  // Of a write nothing flies, and whoever was tried before surely does not have it.
  if (is_write() && options_.may_leave && !options_.may_leave()) {
    board_.dropped(departure->index, Time::min());
    return error(RpcErrorKind::withheld,
                 fmt::format("{}: {} may not leave any more, and nobody has it", board_.chain(),
                             calls_.front().method));
  }
  const auto left = std::chrono::ceil<milliseconds>(deadline_ - now);
  // Everyone that is still to be tried gets a like share of what is left.
  const auto share = std::max(milliseconds(1), left / static_cast<int>(departure->others + 1));
  Attempt attempt{*departure, 0, now, *content, hedge};
  course_.in_flight[departure->index] = 1;
  HttpRequest request = rpc_request(departure->url, (*content)->body, left);
  if (is_write()) request.connect_timeout_ms = share.count();
  attempt.id = context_.http.start(
      std::move(request),
      [box = mailbox_, index = attempts_.size(), &clock = board_.clock()](HttpOutcome outcome) {
        box->put({index, clock.now(), std::move(outcome)});
      },
      is_write());
  attempts_.push_back(std::move(attempt));
  const std::size_t up = flying();
  if (is_write() || departure->others == 0) {
    next_launch_ = Time::max();
  } else if (options_.hedge && up < overlap_max) {
    // One more as soon as this one is slower than it usually is, the next with more patience.
    next_launch_ = now + std::min(departure->hedge_after * static_cast<int>(up), share);
  } else {
    next_launch_ = now + share;
  }
  return true;
}

// It has had its share of the time, and the place is another's.
void Ask::give_up(Attempt& attempt, Time now) {
  attempt.flying = false;
  course_.in_flight[attempt.to.index] = 0;
  ++course_.tried[attempt.to.index];
  context_.http.cancel(attempt.id);
  const auto waited = std::chrono::round<milliseconds>(now - attempt.sent).count();
  faults_[attempt.to.index] = fmt::format("no answer within {} ms", waited);
  board_.failed(attempt.to.index, FailureCause::timed_out, faults_[attempt.to.index], {});
}

void Ask::check_answers(Attempt& attempt, AnswerVerdict& verdict, std::string& chain_told,
                        std::string& unsure) {
  const PinnedBatch& batch = attempt.encoded->batch;
  const auto doubt = [&](FailureCause cause, std::string reason) {
    verdict.cause = cause;
    verdict.reason = std::move(reason);
    verdict.answers.clear();
  };
  if (batch.guards_after > 0) {
    std::string fault = guards_fault(batch, *options_.pin, verdict.answers);
    if (!fault.empty()) return doubt(FailureCause::behind, std::move(fault));
  } else if (batch.guards_before > 0) {
    const RpcAnswer& chain = verdict.answers.front();
    const auto number = chain ? quantity(*chain) : std::nullopt;
    if (!number) return doubt(FailureCause::garbage, "did not say its chain");
    chain_told = fmt::format("eip155:{}", *number);
    if (chain_told != board_.chain()) {
      return doubt(FailureCause::wrong_chain,
                   fmt::format("is of {}, not {}", chain_told, board_.chain()));
    }
  }
  const auto own = std::span(verdict.answers).subspan(batch.guards_before);
  const auto sent = std::span(batch.calls).subspan(batch.guards_before, calls_.size());
  const auto answered = own.first(calls_.size());
  if (auto fault = content_fault(sent, answered, options_.blocks_are_there)) {
    return doubt(fault->cause, std::move(fault->reason));
  }
  if (options_.doubt) {
    if (auto fault = options_.doubt(answered, attempt.to.name)) {
      return doubt(fault->cause, std::move(fault->reason));
    }
  }
  if (lacks_overrides(sent, answered)) {
    verdict.no_method = true;
    return;
  }
  unsure = unsure_answer(sent, answered);
  if (!accept_) return;
  std::string fault = accept_(attempt.to.index, own, attempt.to.name);
  if (!fault.empty()) doubt(FailureCause::behind, std::move(fault));
}

std::optional<Outcome> Ask::receive(Mailbox::Arrival arrival) {
  Attempt& attempt = attempts_[arrival.attempt];
  if (!attempt.flying) return std::nullopt;  // it had been given up
  attempt.flying = false;
  const std::size_t index = attempt.to.index;
  course_.in_flight[index] = 0;
  AnswerVerdict verdict = judge(std::move(arrival.outcome), attempt.encoded->first_id,
                                attempt.encoded->batch.calls.size());
  std::string chain_told;
  std::string unsure;
  if (!verdict.cause) check_answers(attempt, verdict, chain_told, unsure);
  if (!verdict.cause && !verdict.no_method && unsure.empty()) {
    return finish(attempt, std::move(verdict.answers), arrival.at);
  }
  next_launch_ = Time::min();  // somebody else, at once
  if (!verdict.cause) {
    const auto took =
        std::chrono::duration_cast<std::chrono::microseconds>(arrival.at - attempt.sent);
    unsure_[index] = without_secrets(std::move(unsure));
    behind_[index] = 0;
    if (unsure_[index].empty()) {
      board_.answered(index, took, false);
    } else {
      board_.answered_unsurely(index, took);
    }
    course_.tried[index] = rpc_attempts_per_provider_max;
    faults_[index] = unsure_[index].empty() ? "does not have the method" : unsure_[index];
    if (second_best_) return std::nullopt;
    second_best_ = own_answers(attempt, std::move(verdict.answers));
    second_best_of_ = attempt.to.name;
    return std::nullopt;
  }
  verdict.reason = without_secrets(std::move(verdict.reason));
  faults_[index] = verdict.reason;
  behind_[index] = *verdict.cause == FailureCause::behind ? 1 : 0;
  ++course_.tried[index];
  board_.failed(index, *verdict.cause, verdict.reason, verdict.pause, std::move(chain_told));
  if (is_write() && verdict.maybe_taken) {
    return error(
        RpcErrorKind::unknown_outcome,
        fmt::format("{}: provider {} may have taken {}, but did not say so: {}. Look for "
                    "it on the chain before it is sent again",
                    board_.chain(), attempt.to.name, calls_.front().method, verdict.reason));
  }
  return std::nullopt;
}

// Without the guards, and with nothing secret in what the node says.
std::vector<RpcAnswer> Ask::own_answers(const Attempt& attempt,
                                        std::vector<RpcAnswer> answers) const {
  const auto guards = static_cast<std::ptrdiff_t>(attempt.encoded->batch.guards_before);
  answers.erase(answers.begin(), answers.begin() + guards);
  answers.resize(calls_.size());
  for (RpcAnswer& answer : answers) {
    if (!answer) answer.error().message = without_secrets(std::move(answer.error().message));
  }
  return answers;
}

// Nobody had better ones: what they refuse is the call's own.
Outcome Ask::second_best(Time now) {
  board_.count_answered(false);
  for (std::size_t i = 0; i < unsure_.size(); ++i) {
    if (!unsure_[i].empty()) board_.confirmed(i);
  }
  return RpcBatch{*std::move(second_best_), second_best_of_, attempts_.size(),
                  std::chrono::duration_cast<std::chrono::microseconds>(now - begun_)};
}

Outcome Ask::finish(Attempt& attempt, std::vector<RpcAnswer> answers, Time at) {
  const auto us = [](auto time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time);
  };
  board_.answered(attempt.to.index, us(at - attempt.sent), attempt.hedge);
  for (Attempt& other : attempts_) {
    if (!other.flying) continue;
    other.flying = false;
    context_.http.cancel(other.id);
    board_.dropped(other.to.index, other.sent);
  }
  board_.count_answered(attempt.to.index != attempts_.front().to.index);
  // Here is an answer to what they refused.
  for (std::size_t i = 0; i < unsure_.size(); ++i) {
    if (!unsure_[i].empty()) board_.refuted(i, std::move(unsure_[i]));
  }
  return RpcBatch{own_answers(attempt, std::move(answers)), attempt.to.name, attempts_.size(),
                  us(at - begun_)};
}

std::string Ask::faults() const {
  std::string all;
  const ChainStatistics known = board_.statistics();
  for (std::size_t i = 0; i < faults_.size(); ++i) {
    const std::string& fault = faults_[i].empty() ? known.providers[i].reason : faults_[i];
    all += fmt::format("{}{}: {}", i == 0 ? "" : "; ", known.providers[i].name,
                       fault.empty() ? "was not asked" : fault);
  }
  return all;
}

Outcome Ask::out_of_time(Time now) {
  std::string name;
  for (Attempt& attempt : attempts_) {
    if (!attempt.flying) continue;
    name = attempt.to.name;
    give_up(attempt, now);
  }
  if (is_write() && !name.empty()) {
    return error(
        RpcErrorKind::unknown_outcome,
        fmt::format("{}: provider {} may have taken {}, but did not say so in {} ms. Look "
                    "for it on the chain before it is sent again",
                    board_.chain(), name, calls_.front().method, options_.deadline.count()));
  }
  if (second_best_) return second_best(now);
  return nobody(fmt::format("within {} ms", options_.deadline.count()));
}

// What is said when there is no answer: the worst that holds.
Outcome Ask::nobody(const std::string& when) const {
  if (board_.halted()) {
    return error(RpcErrorKind::halted, fmt::format("{} is HALTED, no provider can be asked: {}",
                                                   board_.chain(), board_.reasons()));
  }
  if (lacks_block()) {
    const std::string block = options_.pin ? fmt::format("block {}", options_.pin->number)
                                           : std::string("the block that was asked for");
    return error(RpcErrorKind::no_block,
                 fmt::format("{}: no provider has {}: {}", board_.chain(), block, faults()));
  }
  return error(RpcErrorKind::unanswered,
               fmt::format("{}: nobody answered {}: {}", board_.chain(), when, faults()));
}

// Nothing flies and nobody can be asked. Waits for what may change that; or there is no more to
// wait for.
std::optional<Outcome> Ask::wait_without_anybody(Time now) {
  const std::uint64_t seen = board_.changes();
  if (lacks_block() && (options_.pin || options_.doubt) && now + block_retry_wait_ < deadline_) {
    for (std::size_t i = 0; i < behind_.size(); ++i) {
      if (behind_[i] != 0) course_.tried[i] = 0;
    }
    if (board_.anybody(course_)) {
      (void)mailbox_->take(now + block_retry_wait_);
      // Of what only whoever asks knows to be late, nobody says for how long.
      if (!options_.pin) block_retry_wait_ = std::min(2 * block_retry_wait_, block_retry_max);
      return std::nullopt;
    }
  }
  if (second_best_) return second_best(now);
  const auto pause_ends = board_.pause_ends(course_);
  if (board_.request_checks(true)) {
    board_.wait_for_change(std::min(deadline_, pause_ends.value_or(deadline_)), seen);
    return std::nullopt;
  }
  if (pause_ends && *pause_ends < deadline_) {
    board_.wait_for_change(*pause_ends, seen);
    return std::nullopt;
  }
  // No check is on its way; one may have been passed since nobody was found.
  if (board_.anybody(course_)) return std::nullopt;
  return nobody("when asked");
}

Outcome Ask::run() {
  board_.count_asked();
  while (true) {
    const Time now = board_.now();
    if (board_.stopped()) {
      for (Attempt& attempt : attempts_) {
        if (!attempt.flying) continue;
        context_.http.cancel(attempt.id);
        board_.dropped(attempt.to.index, Time::min());
      }
      return error(RpcErrorKind::stopped, board_.chain() + ": the providers were stopped");
    }
    if (now >= deadline_) return out_of_time(now);
    const std::size_t up = flying();
    if (up == 0 || now >= next_launch_) {
      if (up >= overlap_max && board_.anybody(course_)) {
        give_up(*std::ranges::find(attempts_, true, &Attempt::flying), now);
      }
      const auto launched = launch(now);
      if (!launched) return std::unexpected(launched.error());
      if (*launched) continue;
      if (up == 0) {
        if (auto end = wait_without_anybody(now)) return *std::move(end);
        continue;
      }
      next_launch_ = Time::max();
    }
    for (Mailbox::Arrival& arrival : mailbox_->take(std::min(deadline_, next_launch_))) {
      if (auto end = receive(std::move(arrival))) return *std::move(end);
    }
  }
}

bool is_hash(const std::string& text) {
  return block_hash(boost::json::value(boost::json::string(text))) == text;
}

}  // namespace

void Mailbox::put(Arrival arrival) {
  const std::lock_guard lock(mutex_);
  arrivals_.push_back(std::move(arrival));
  arrived_.notify_one();
}

void Mailbox::stop() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  arrived_.notify_one();
}

std::vector<Mailbox::Arrival> Mailbox::take(Time until) {
  std::unique_lock lock(mutex_);
  // Time::max() would overflow on its way into another clock.
  until = std::min(until, std::chrono::steady_clock::now() + rpc_deadline_max);
  arrived_.wait_until(lock, until, [&] { return stopped_ || !arrivals_.empty(); });
  return std::exchange(arrivals_, {});
}

void Mailboxes::add(Mailbox* box) {
  const std::lock_guard lock(mutex_);
  boxes_.insert(box);
}
void Mailboxes::remove(Mailbox* box) {
  const std::lock_guard lock(mutex_);
  boxes_.erase(box);
}
void Mailboxes::stop() {
  const std::lock_guard lock(mutex_);
  for (Mailbox* box : boxes_) box->stop();
}

HttpRequest rpc_request(Secret url, std::string body, milliseconds timeout) {
  HttpRequest request;
  request.method = "POST";
  request.url = std::move(url);
  request.headers = {{"Content-Type", "application/json"}, {"Accept", "application/json"}};
  request.body = std::move(body);
  request.timeout_ms = timeout.count();
  request.answer_bytes_max = rpc_answer_bytes_max;
  return request;
}

Outcome ask(const AskContext& context, std::span<const RpcCall> calls, const RpcOptions& options,
            const Accept& accept) {
  const auto usage = [&](std::string what) { return error(RpcErrorKind::usage, std::move(what)); };
  if (calls.empty()) return usage("a batch has at least one call");
  if (calls.size() > rpc_calls_max) {
    return usage(
        fmt::format("a batch has {} calls, more than {}: split it", calls.size(), rpc_calls_max));
  }
  if (options.deadline.count() < 1 || options.deadline > rpc_deadline_max) {
    return usage(fmt::format("a deadline of {} ms is not from 1 to {} ms", options.deadline.count(),
                             rpc_deadline_max.count()));
  }
  if (options.kind == RpcKind::write && (calls.size() != 1 || options.pin)) {
    return usage("a write is one call and names no block");
  }
  if (options.pin && !options.pin->hash.empty() && !is_hash(options.pin->hash)) {
    return usage("a block's hash is 0x and 64 lower-case digits");
  }
  if (options.pin) {
    if (const auto batch = pinned(calls, *options.pin, PinForm::number); !batch) {
      return usage(batch.error());
    }
  }
  return Ask(context, calls, options, accept).run();
}

}  // namespace gantry::host::provider

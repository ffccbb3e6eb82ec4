// Sends a user operation that somebody else pays for: sponsored, signed, written down, sent; and
// all of that again with another paymaster where the first one's sponsorship is not taken.
//
// Every operation that leaves has the same sender and nonce, so the EntryPoint takes one of them at
// the most. What may have been taken is sent again byte for byte, and never replaced by another.
//
// THREADS  One thread at a time.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/sponsor/desk.hpp"

namespace gantry::host {

struct SignedOperation {
  sign::UserOperation operation;
  Hash32 hash{};
  std::string paymaster;
  u256 cost_max;
  std::string destination;             // who is to take it: the bundler's name, or the paymaster's
  std::optional<HttpEndpoint> submit;  // whose own service takes it; none: the bundler does
};

enum class SendVerdict : std::int32_t {
  sent = 1,         // a bundler has it
  maybe = 2,        // it may have it: look for the hash before anything is done with the nonce
  no_sponsor = 3,   // nobody pays, or nobody whose sponsorship was taken. Nothing can take effect
  our_fault = 4,    // the operation is bad. Nothing can take effect
  not_written = 5,  // it could not be written down, so it did not leave
  not_signed = 6,
  withheld = 7,  // it may not leave any more, and did not
};
std::string_view to_string(SendVerdict verdict);

struct SendReport {
  SendVerdict verdict = SendVerdict::no_sponsor;
  std::vector<SignedOperation> left;     // all that left, the last one last
  std::vector<SponsorAttempt> attempts;  // who was asked to pay
  std::vector<std::string> refused;      // by bundlers: one line each
  std::string message;                   // why it is not `sent`
};

struct SenderHooks {
  // The owner's signature of an operation, or why there is none.
  std::function<Result<std::vector<std::uint8_t>>(const sign::UserOperation&)> sign;
  // Writes down what is about to leave, and returns when it is on the disk.
  std::function<Status(const SignedOperation&)> write;
  // Whether it still may leave, asked right before each time that it does; empty: it may. What may
  // have been taken by then is `maybe`.
  std::function<bool()> may_leave = {};
};

class OperationSender {
 public:
  OperationSender(SponsorDesk& desk, const Bundler& bundler, HttpPool& http, SenderHooks hooks)
      : desk_(desk), bundler_(bundler), http_(http), hooks_(std::move(hooks)) {}

  SendReport send(SponsorOrder order);

 private:
  // Sends until it is known what became of it, the deadline passes, or it may leave no more.
  BundlerResult<void> deliver(const Bundler& bundler, const SignedOperation& operation,
                              Deadline deadline) const;
  bool may_leave() const { return !hooks_.may_leave || hooks_.may_leave(); }

  SponsorDesk& desk_;
  const Bundler& bundler_;
  HttpPool& http_;
  SenderHooks hooks_;
};

}  // namespace gantry::host

#include "host/sponsor/sender.hpp"

#include <fmt/format.h>

#include <optional>
#include <thread>

namespace gantry::host {

namespace {

// The same bytes again where nobody said what became of them.
constexpr std::uint32_t deliveries_max = 3;
constexpr std::chrono::milliseconds between_deliveries{100};

}  // namespace

std::string_view to_string(SendVerdict verdict) {
  switch (verdict) {
    case SendVerdict::sent:
      return "sent";
    case SendVerdict::maybe:
      return "maybe sent";
    case SendVerdict::no_sponsor:
      return "nobody pays";
    case SendVerdict::our_fault:
      return "the operation is bad";
    case SendVerdict::not_written:
      return "not written down";
    case SendVerdict::not_signed:
      return "not signed";
    case SendVerdict::withheld:
      return "withheld";
  }
  return "?";
}

BundlerResult<void> OperationSender::deliver(const Bundler& bundler,
                                             const SignedOperation& operation,
                                             Deadline deadline) const {
  bool maybe = false;
  for (std::uint32_t tries = 1;; ++tries) {
    auto sent = bundler.send(operation.operation, operation.hash, deadline);
    if (sent || sent.error().fault == BundlerFault::known) return {};
    const bool again = sent.error().maybe_taken() || sent.error().fault == BundlerFault::busy;
    // A refusal after a delivery that may have been taken says nothing of that one.
    maybe = maybe || sent.error().maybe_taken();
    if (maybe) sent.error().fault = BundlerFault::no_answer;
    const auto next = std::chrono::steady_clock::now() + between_deliveries;
    if (!again || tries == deliveries_max || next >= deadline) return sent;
    std::this_thread::sleep_until(next);
    if (!may_leave()) return sent;
  }
}

SendReport OperationSender::send(SponsorOrder order) {
  SendReport report;
  std::vector<std::string> done;  // paymasters whose sponsorship was not taken
  const auto end = [&](SendVerdict verdict, std::string message) {
    report.verdict = verdict;
    report.message = std::move(message);
    return std::move(report);
  };
  for (;;) {
    order.except = done;
    SponsorResult sponsored = desk_.sponsor(order);
    report.attempts.insert(report.attempts.end(), sponsored.attempts.begin(),
                           sponsored.attempts.end());
    if (!sponsored.granted) {
      const bool bad = !sponsored.attempts.empty() &&
                       sponsored.attempts.back().verdict == SponsorVerdict::our_fault;
      if (bad) return end(SendVerdict::our_fault, sponsored.attempts.back().message);
      return end(SendVerdict::no_sponsor,
                 fmt::format("none of {} paymasters pays for it", desk_.services().size()));
    }
    SponsoredOperation& granted = *sponsored.granted;
    SignedOperation ready{std::move(granted.operation),
                          {},
                          granted.paymaster,
                          granted.cost_max,
                          granted.submit ? granted.paymaster : bundler_.name(),
                          granted.submit};
    auto signature = hooks_.sign(ready.operation);
    if (!signature) return end(SendVerdict::not_signed, signature.error().message);
    ready.operation.signature = std::move(*signature);
    ready.hash = user_operation_hash(ready.operation, bundler_.entry_point());
    if (auto written = hooks_.write(ready); !written) {
      return end(SendVerdict::not_written, written.error().message);
    }
    std::optional<Bundler> own;
    if (granted.submit) {
      own.emplace(http_, granted.paymaster, *granted.submit, bundler_.entry_point());
    }
    if (!may_leave()) return end(SendVerdict::withheld, "trading was stopped before it left");
    const auto delivered = deliver(own ? *own : bundler_, ready, order.deadline);
    report.left.push_back(std::move(ready));
    if (delivered) return end(SendVerdict::sent, {});
    const BundlerFailure& failure = delivered.error();
    report.refused.push_back(failure.message);
    if (failure.maybe_taken()) return end(SendVerdict::maybe, failure.message);
    if (failure.fault == BundlerFault::operation) {
      return end(SendVerdict::our_fault, failure.message);
    }
    // The configured bundler's own troubles are not its paymaster's; a sponsor's endpoint is its
    // own.
    if (failure.fault == BundlerFault::paymaster || granted.submit) {
      desk_.failed(granted.paymaster, failure.message);
    }
    done.push_back(granted.paymaster);
  }
}

}  // namespace gantry::host

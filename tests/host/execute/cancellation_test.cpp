// A trade's nonce is taken, whatever was tried before and whatever the operator's bound is.
#include "host/execute/cancellation.hpp"

#include <catch2/catch.hpp>
#include <vector>

using namespace gantry;
using namespace gantry::host;

namespace {

ledger::StoredAttempt attempt_at(ledger::Purpose purpose, std::uint64_t max_fee,
                                 std::uint64_t priority) {
  ledger::StoredAttempt out;
  out.attempt.purpose = purpose;
  out.attempt.max_fee = u256(max_fee);
  out.attempt.priority_fee = u256(priority);
  return out;
}

}  // namespace

TEST_CASE("a cancellation offers more than the one before, and at the bound is sent again") {
  const u256 bound(150);
  std::vector attempts{attempt_at(ledger::Purpose::trade, 100, 10)};
  std::size_t made = 0;
  for (int round = 0; round < 20; ++round) {
    const Cancellation next = cancellation_after(attempts, false, bound);
    if (next.again != nullptr) {
      CHECK(next.again == &attempts.back());
      continue;
    }
    ++made;
    REQUIRE(next.fees.max_fee <= bound);
    CHECK(next.fees.max_fee > attempts.back().attempt.max_fee);
    attempts.push_back(attempt_at(ledger::Purpose::cancellation, next.fees.max_fee.limb(0),
                                  next.fees.priority.limb(0)));
  }
  CHECK(made == 3);  // 113, 128, 144
}

TEST_CASE("a trade that offers nearly all is cancelled at the bound") {
  const std::vector attempts{attempt_at(ledger::Purpose::trade, 140, 10)};
  const Cancellation first = cancellation_after(attempts, false, u256(150));
  CHECK(first.again == nullptr);
  CHECK(first.fees == Fees{u256(150), u256(10)});
  // The operator allows less than before.
  CHECK(cancellation_after(attempts, false, u256(5)).fees == Fees{u256(5), u256(5)});
}

TEST_CASE("nothing is offered above a cancellation that never left") {
  const std::vector attempts{attempt_at(ledger::Purpose::trade, 100, 10),
                             attempt_at(ledger::Purpose::cancellation, 113, 12)};
  CHECK(cancellation_after(attempts, true, u256(150)).again == &attempts.back());
  CHECK(cancellation_after(attempts, false, u256(150)).fees == Fees{u256(128), u256(14)});
  // It is the trade that is replaced, wherever it is.
  const std::vector trade{attempts.front()};
  CHECK(cancellation_after(trade, true, u256(150)).fees == Fees{u256(113), u256(12)});
}

// What a transaction asks of Uniswap's Universal Router: commands of a byte each and an input for
// each of them, as its Dispatcher.sol reads them from 1.0 to 2.1. Only swaps through V2 and V3 are
// told of, also those of plans within the plan.
#pragma once
#include <algorithm>

#include "gantry/pending.hpp"
#include "plugins/dex/evm/router_call.hpp"

namespace gantry::evm {

// execute(bytes,bytes[]), and with a deadline.
inline constexpr Selector execute_selector = {0x24, 0x85, 0x6b, 0xc3};
inline constexpr Selector execute_deadline_selector = {0x35, 0x93, 0x56, 0x4c};

// Without the topmost bit, which says that it may fail.
enum class UniversalType : std::uint8_t {
  v3_exact_in = 0x00,
  v3_exact_out = 0x01,
  v2_exact_in = 0x08,
  v2_exact_out = 0x09,
  sub_plan = 0x21,
};

// A swap. Its arguments are (recipient, amount, limit, path, payer_is_user): of exact in the amount
// in and the least out, of exact out the amount out and the most in.
struct UniversalSwap {
  UniversalType type = UniversalType::v3_exact_in;
  u256 amount;
  u256 limit;
  Arguments arguments{Span()};
  std::uint64_t deadline_s = 0;  // of the plan; 0: none

  static constexpr std::size_t path_at = 3;
  bool is_v2() const noexcept {
    return type == UniversalType::v2_exact_in || type == UniversalType::v2_exact_out;
  }
  bool exact_in() const noexcept {
    return type == UniversalType::v3_exact_in || type == UniversalType::v2_exact_in;
  }
  // Nothing, or all that the router holds: how much that will be, nobody knows yet.
  bool is_of_what_it_holds() const noexcept {
    return amount.is_zero() || (exact_in() && amount == shift_left(u256(1), 255));
  }
  gantry_pending_swap to_swap() const noexcept {
    return exact_in() ? swap_of(GANTRY_EXACT_IN, amount, limit, deadline_s)
                      : swap_of(GANTRY_EXACT_OUT, limit, amount, deadline_s);
  }
};

namespace detail {

// Plans within plans, and commands of all of them: a hostile input may name one plan many times.
inline constexpr int plans_deep_max = 4;
inline constexpr std::size_t commands_max = 256;

template <class Decode>
class PlanReader {
 public:
  PlanReader(const Decode& decode, std::uint64_t deadline_s) noexcept
      : decode_(decode), deadline_s_(deadline_s) {}

  gantry_status read(const Arguments& plan, int depth = 1) {
    const auto commands = plan.bytes(0);
    const auto inputs = plan.array(1);
    if (!commands || !inputs || inputs->count != commands->size()) return GANTRY_BAD_STATE;
    gantry_status all = GANTRY_UNSUPPORTED;
    for (std::size_t i = 0; i < commands->size(); ++i) {
      if (++commands_ > commands_max) return GANTRY_REFUSED;
      const auto type = static_cast<UniversalType>((*commands)[i] & 0x7fU);
      const auto input = inputs->items.bytes(i);
      if (!input) return GANTRY_BAD_STATE;
      gantry_status status = GANTRY_UNSUPPORTED;
      switch (type) {
        case UniversalType::sub_plan:
          if (depth < plans_deep_max) status = read(Arguments(*input), depth + 1);
          break;
        case UniversalType::v3_exact_in:
        case UniversalType::v3_exact_out:
        case UniversalType::v2_exact_in:
        case UniversalType::v2_exact_out:
          status = read_swap(type, Arguments(*input));
          break;
      }
      if (status == GANTRY_OK) all = GANTRY_OK;
      if (status != GANTRY_OK && status != GANTRY_UNSUPPORTED) return status;
    }
    return all;
  }

 private:
  gantry_status read_swap(UniversalType type, const Arguments& arguments) {
    const auto amount = arguments.word(1);
    const auto limit = arguments.word(2);
    if (!amount || !limit || !arguments.word(4)) return GANTRY_BAD_STATE;
    return decode_(UniversalSwap{type, *amount, *limit, arguments, deadline_s_});
  }

  const Decode& decode_;
  const std::uint64_t deadline_s_;
  std::size_t commands_ = 0;
};

}  // namespace detail

// Calls `decode(UniversalSwap)` for each swap in the transaction's plan, and returns the first
// status that is neither GANTRY_OK nor GANTRY_UNSUPPORTED. GANTRY_OK: one was GANTRY_OK.
// GANTRY_UNSUPPORTED also where it is no plan; GANTRY_REFUSED: one of more commands than anybody
// sends.
template <class Decode>
gantry_status each_universal_swap(const gantry_pending_transaction& transaction,
                                  const Decode& decode) {
  const auto call = RouterCall::of({transaction.input.data, transaction.input.size});
  if (!call) return GANTRY_UNSUPPORTED;
  const bool with_deadline = call->selector == execute_deadline_selector;
  if (!with_deadline && call->selector != execute_selector) return GANTRY_UNSUPPORTED;
  std::uint64_t deadline_s = 0;
  if (with_deadline) {
    const auto deadline = call->arguments.word(2);
    if (!deadline) return GANTRY_BAD_STATE;
    deadline_s = to_deadline(*deadline);
  }
  return detail::PlanReader<Decode>(decode, deadline_s).read(call->arguments);
}

}  // namespace gantry::evm

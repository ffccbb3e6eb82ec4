#include "plugins/dex/uniswap_v2/pending.hpp"

#include <algorithm>
#include <array>

namespace gantry::uniswap_v2 {

namespace {

// Where a function has what; amounts come before the path, and of two the fixed one comes first.
struct Function {
  evm::Selector selector;
  bool exact_in;
  bool pays_value;    // the amount in, exact or at most, is the transaction's value
  bool has_deadline;  // behind path and recipient; else it is SwapRouter02's
};
constexpr std::array<Function, 11> functions = {{
    {{0x38, 0xed, 0x17, 0x39}, true, false, true},   // swapExactTokensForTokens
    {{0x18, 0xcb, 0xaf, 0xe5}, true, false, true},   // swapExactTokensForETH
    {{0x7f, 0xf3, 0x6a, 0xb5}, true, true, true},    // swapExactETHForTokens
    {{0x88, 0x03, 0xdb, 0xee}, false, false, true},  // swapTokensForExactTokens
    {{0x4a, 0x25, 0xd9, 0x4a}, false, false, true},  // swapTokensForExactETH
    {{0xfb, 0x3b, 0xdb, 0x41}, false, true, true},   // swapETHForExactTokens
    // ...SupportingFeeOnTransferTokens
    {{0x5c, 0x11, 0xd7, 0x95}, true, false, true},
    {{0x79, 0x1a, 0xc9, 0x47}, true, false, true},
    {{0xb6, 0xf9, 0xde, 0x95}, true, true, true},
    // SwapRouter02
    {{0x47, 0x2b, 0x43, 0xf3}, true, false, false},
    {{0x42, 0x71, 0x2a, 0x67}, false, false, false},
}};

// False: a path that the library reverts on.
bool add_hops(const Factory& factory, const evm::Arguments::Array& path,
              gantry_pending_swap& swap) {
  swap.hop_count = static_cast<std::uint32_t>(path.count - 1);
  for (std::uint32_t i = 0; i < swap.hop_count; ++i) {
    const auto in = path.items.address(i);
    const auto out = path.items.address(i + 1);
    if (!in || !out || *in == *out || *in == evm::Address{} || *out == evm::Address{}) return false;
    const auto& [low, high] = std::minmax(*in, *out);
    swap.hops[i] = {evm::to_sdk(factory.pair_of(low, high)), evm::to_sdk(*in), evm::to_sdk(*out)};
  }
  return true;
}

}  // namespace

gantry_status decode_call(const Factory& factory, const evm::RouterCall& call, PendingSink sink) {
  const auto function = std::ranges::find(functions, call.selector, &Function::selector);
  if (function == functions.end()) return GANTRY_UNSUPPORTED;
  // Router02 has no multicall, and SwapRouter02 none of Router02's functions.
  if (call.inside && function->has_deadline) return GANTRY_BAD_STATE;
  if (function->has_deadline && !function->pays_value && !call.value.is_zero()) {
    return GANTRY_BAD_STATE;
  }
  const std::size_t path_at = function->pays_value ? 1 : 2;
  const auto fixed = call.arguments.word(0);
  const auto limit = function->pays_value ? call.value : call.arguments.word(1).value_or(u256());
  const auto path = call.arguments.array(path_at);
  const auto recipient = call.arguments.address(path_at + 1);
  const auto deadline = function->has_deadline ? call.arguments.word(path_at + 2) : u256();
  if (!fixed || !path || !recipient || !deadline || path->count < 2) return GANTRY_BAD_STATE;
  // swapExactETHForTokens has the least amount out alone, behind which comes the value.
  const u256 exact = function->exact_in && function->pays_value ? call.value : *fixed;
  const u256 other = function->exact_in && function->pays_value ? *fixed : limit;
  // Of nothing, SwapRouter02 swaps what it holds: how much that will be, nobody knows yet.
  if (exact.is_zero() || path->count > GANTRY_PENDING_HOPS_MAX + 1) return GANTRY_OK;
  const std::uint64_t deadline_s =
      function->has_deadline ? evm::to_deadline(*deadline) : call.deadline_s;
  gantry_pending_swap swap = function->exact_in
                                 ? evm::swap_of(GANTRY_EXACT_IN, exact, other, deadline_s)
                                 : evm::swap_of(GANTRY_EXACT_OUT, other, exact, deadline_s);
  if (!add_hops(factory, *path, swap)) return GANTRY_BAD_STATE;
  return sink.emit(swap);
}

gantry_status decode_universal(const Factory& factory, const evm::UniversalSwap& wanted,
                               PendingSink sink) {
  if (!wanted.is_v2()) return GANTRY_UNSUPPORTED;
  const auto path = wanted.arguments.array(evm::UniversalSwap::path_at);
  if (!path || path->count < 2) return GANTRY_BAD_STATE;
  if (wanted.is_of_what_it_holds() || path->count > GANTRY_PENDING_HOPS_MAX + 1) return GANTRY_OK;
  gantry_pending_swap swap = wanted.to_swap();
  if (!add_hops(factory, *path, swap)) return GANTRY_BAD_STATE;
  return sink.emit(swap);
}

}  // namespace gantry::uniswap_v2

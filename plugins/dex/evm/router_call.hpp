// What a transaction calls of a router of Uniswap's, through multicall too, and the list of routers
// as an operator writes it.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/pending.hpp"
#include "plugins/dex/evm/address_list.hpp"
#include "plugins/dex/evm/calldata.hpp"

namespace gantry::evm {

// multicall(bytes[]) of SwapRouter and SwapRouter02, and of the latter also with a deadline and
// with the hash of the block before.
inline constexpr Selector multicall_selector = {0xac, 0x96, 0x50, 0xd8};
inline constexpr Selector multicall_deadline_selector = {0x5a, 0xe4, 0x01, 0xdc};
inline constexpr Selector multicall_block_selector = {0x1f, 0x04, 0x64, 0xd1};

struct RouterCall {
  Selector selector{};
  Arguments arguments{Span()};
  u256 value;                    // of the transaction
  std::uint64_t deadline_s = 0;  // of the multicall that it is in; 0: none
  bool inside = false;           // of a multicall

  static std::optional<RouterCall> of(Span input) noexcept {
    RouterCall call;
    if (input.size() < call.selector.size()) return std::nullopt;
    std::copy_n(input.begin(), call.selector.size(), call.selector.begin());
    call.arguments = Arguments(input.subspan(call.selector.size()));
    return call;
  }
};

// As gantry_pending_swap has it.
inline std::uint64_t to_deadline(const u256& seconds) noexcept {
  return !seconds.fits_u64() ? UINT64_MAX : std::max<std::uint64_t>(seconds.limb(0), 1);
}

// The pool of a hop, and so on, are for the venue to fill in.
inline gantry_pending_swap swap_of(std::int32_t mode, const u256& in, const u256& out,
                                   std::uint64_t deadline_s) noexcept {
  gantry_pending_swap swap{};
  swap.mode = mode;
  swap.amount_in = in.amount();
  swap.amount_out = out.amount();
  swap.deadline_s = deadline_s;
  return swap;
}

// Calls `decode(RouterCall)` for the call itself, or for each in its multicall, and returns the
// first status that is neither GANTRY_OK nor GANTRY_UNSUPPORTED. GANTRY_OK: one was GANTRY_OK.
template <class Decode>
gantry_status each_call(const gantry_pending_transaction& transaction, const Decode& decode) {
  auto call = RouterCall::of({transaction.input.data, transaction.input.size});
  if (!call) return GANTRY_UNSUPPORTED;
  call->value = u256(transaction.value);
  const bool plain = call->selector == multicall_selector;
  const bool with_deadline = call->selector == multicall_deadline_selector;
  if (!plain && !with_deadline && call->selector != multicall_block_selector) return decode(*call);
  const auto calls = call->arguments.array(plain ? 0 : 1);
  if (!calls) return GANTRY_BAD_STATE;
  std::uint64_t deadline_s = 0;
  if (with_deadline) deadline_s = to_deadline(*call->arguments.word(0));
  gantry_status all = GANTRY_UNSUPPORTED;
  for (std::size_t i = 0; i < calls->count; ++i) {
    const auto bytes = calls->items.bytes(i);
    if (!bytes) return GANTRY_BAD_STATE;
    auto inner = RouterCall::of(*bytes);
    if (!inner) continue;
    inner->value = call->value;
    inner->deadline_s = deadline_s;
    inner->inside = true;
    const gantry_status status = decode(*inner);
    if (status == GANTRY_OK) all = GANTRY_OK;
    if (status != GANTRY_OK && status != GANTRY_UNSUPPORTED) return status;
  }
  return all;
}

// Addresses between spaces or commas. Throws Refused.
inline std::vector<Address> parse_routers(std::string_view text) {
  return parse_address_list("pending_routers", text, " ,");
}

inline gantry_status emit_routers(const std::vector<Address>& routers, AddressSink sink) noexcept {
  for (const Address& router : routers) {
    if (const auto status = sink.emit(to_sdk(router)); status != GANTRY_OK) return status;
  }
  return GANTRY_OK;
}

}  // namespace gantry::evm

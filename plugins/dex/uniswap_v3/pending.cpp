#include "plugins/dex/uniswap_v3/pending.hpp"

#include <algorithm>
#include <array>

namespace gantry::uniswap_v3 {

namespace {

constexpr std::size_t fee_bytes = 3;
constexpr std::size_t step_bytes = evm::address_bytes + fee_bytes;  // of a path

struct Function {
  evm::Selector selector;
  bool exact_in;
  bool single;
  bool has_deadline;  // SwapRouter's
};
constexpr std::array<Function, 8> functions = {{
    {{0x41, 0x4b, 0xf3, 0x89}, true, true, true},    // exactInputSingle
    {{0xc0, 0x4b, 0x8d, 0x59}, true, false, true},   // exactInput
    {{0xdb, 0x3e, 0x21, 0x98}, false, true, true},   // exactOutputSingle
    {{0xf2, 0x8c, 0x04, 0x98}, false, false, true},  // exactOutput
    {{0x04, 0xe4, 0x5a, 0xaf}, true, true, false},   // SwapRouter02's, in the same order
    {{0xb8, 0x58, 0x18, 0x3f}, true, false, false},
    {{0x50, 0x23, 0xb4, 0xdf}, false, true, false},
    {{0x09, 0xb8, 0x13, 0x46}, false, false, false},
}};

bool add_hop(const PoolMaker& maker, const evm::Address& in, const evm::Address& out,
             std::uint64_t fee, gantry_pending_hop& hop) {
  if (in == out || in == evm::Address{} || out == evm::Address{}) return false;
  hop = {evm::to_sdk(maker.pool_of(in, out, fee)), evm::to_sdk(in), evm::to_sdk(out)};
  return true;
}

evm::Address address_at(evm::Span path, std::size_t at) {
  evm::Address address;
  std::copy_n(path.begin() + static_cast<std::ptrdiff_t>(at), address.size(), address.begin());
  return address;
}

// token, fee, token ...: of exactOutput from the last token to the first.
bool add_hops(const PoolMaker& maker, evm::Span path, bool turned, gantry_pending_swap& swap) {
  const std::size_t hops = (path.size() - evm::address_bytes) / step_bytes;
  swap.hop_count = static_cast<std::uint32_t>(hops);
  for (std::size_t i = 0; i < hops; ++i) {
    const std::size_t at = i * step_bytes;
    const evm::Span fee = path.subspan(at + evm::address_bytes, fee_bytes);
    const std::uint64_t tier = std::uint64_t{fee[0]} << 16U | std::uint64_t{fee[1]} << 8U | fee[2];
    const evm::Address left = address_at(path, at);
    const evm::Address right = address_at(path, at + step_bytes);
    if (!add_hop(maker, turned ? right : left, turned ? left : right, tier,
                 swap.hops[turned ? hops - 1 - i : i])) {
      return false;
    }
  }
  return true;
}

}  // namespace

evm::Address PoolMaker::pool_of(const evm::Address& one, const evm::Address& other,
                                std::uint64_t fee) const {
  std::array<std::uint8_t, 3 * evm::word_bytes> words{};
  const std::span<std::uint8_t> all(words);
  evm::write_address(all.first(evm::word_bytes), std::min(one, other));
  evm::write_address(all.subspan(evm::word_bytes, evm::word_bytes), std::max(one, other));
  evm::write_word(all.last(evm::word_bytes), u256(fee));
  return evm::create2_address(factory, evm::keccak256(words), init_code_hash);
}

gantry_status decode_call(const PoolMaker& maker, const evm::RouterCall& call, PendingSink sink) {
  const auto function = std::ranges::find(functions, call.selector, &Function::selector);
  if (function == functions.end()) return GANTRY_UNSUPPORTED;
  // Of a single pool the parameters stand in the call itself; with a path they are elsewhere.
  const auto parameters =
      function->single ? std::optional(call.arguments) : call.arguments.tuple(0);
  if (!parameters) return GANTRY_BAD_STATE;
  const std::size_t recipient_at = function->single ? 3 : 1;
  const std::size_t fixed_at = recipient_at + (function->has_deadline ? 2 : 1);
  const auto deadline = function->has_deadline ? parameters->word(recipient_at + 1) : u256();
  const auto fixed = parameters->word(fixed_at);
  const auto limit = parameters->word(fixed_at + 1);
  if (!parameters->address(recipient_at) || !deadline || !fixed || !limit) return GANTRY_BAD_STATE;
  // The pool takes signed amounts.
  if (bit_width(*fixed) > 255) return GANTRY_BAD_STATE;
  std::uint64_t deadline_s = call.deadline_s;
  if (function->has_deadline) deadline_s = evm::to_deadline(*deadline);
  gantry_pending_swap swap = function->exact_in
                                 ? evm::swap_of(GANTRY_EXACT_IN, *fixed, *limit, deadline_s)
                                 : evm::swap_of(GANTRY_EXACT_OUT, *limit, *fixed, deadline_s);
  if (function->single) {
    const auto in = parameters->address(0);
    const auto out = parameters->address(1);
    const auto fee = parameters->number(2, 24);
    const auto price = parameters->word(fixed_at + 2);
    if (!in || !out || !fee || !price || bit_width(*price) > 160) return GANTRY_BAD_STATE;
    if (!price->is_zero()) swap.flags |= GANTRY_PENDING_MAY_STOP;
    swap.hop_count = 1;
    if (!add_hop(maker, *in, *out, *fee, swap.hops[0])) return GANTRY_BAD_STATE;
  } else {
    const auto path = parameters->bytes(0);
    if (!path || path->size() < evm::address_bytes + step_bytes ||
        (path->size() - evm::address_bytes) % step_bytes != 0) {
      return GANTRY_BAD_STATE;
    }
    if ((path->size() - evm::address_bytes) / step_bytes > GANTRY_PENDING_HOPS_MAX)
      return GANTRY_OK;
    if (!add_hops(maker, *path, !function->exact_in, swap)) return GANTRY_BAD_STATE;
  }
  // Of nothing, SwapRouter02 swaps what it holds: how much that will be, nobody knows yet.
  return fixed->is_zero() ? GANTRY_OK : sink.emit(swap);
}

gantry_status decode_universal(const PoolMaker& maker, const evm::UniversalSwap& wanted,
                               PendingSink sink) {
  if (wanted.is_v2()) return GANTRY_UNSUPPORTED;
  auto path = wanted.arguments.bytes(evm::UniversalSwap::path_at);
  if (!path || path->size() < evm::address_bytes + step_bytes) return GANTRY_BAD_STATE;
  // The router looks at whole steps alone.
  const std::size_t hops = (path->size() - evm::address_bytes) / step_bytes;
  path = path->first(evm::address_bytes + hops * step_bytes);
  if (wanted.is_of_what_it_holds() || hops > GANTRY_PENDING_HOPS_MAX) return GANTRY_OK;
  if (bit_width(wanted.amount) > 255) return GANTRY_BAD_STATE;
  gantry_pending_swap swap = wanted.to_swap();
  if (!add_hops(maker, *path, !wanted.exact_in(), swap)) return GANTRY_BAD_STATE;
  return sink.emit(swap);
}

}  // namespace gantry::uniswap_v3

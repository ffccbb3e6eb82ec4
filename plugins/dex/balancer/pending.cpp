#include "plugins/dex/balancer/pending.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "plugins/dex/balancer/abi.hpp"

namespace gantry::balancer {

namespace {

using evm::Address;
using evm::Arguments;

constexpr std::size_t funds_words = 4;  // sender, fromInternalBalance, recipient, toInternalBalance

// In the order of the swap, with the indices of the Vault's batch where it is one.
struct Hop {
  Address pool{};
  Address token_in{};
  Address token_out{};
};

bool is_funds(const Arguments& arguments, std::size_t at) {
  return arguments.address(at) && arguments.number(at + 1, 1) && arguments.address(at + 2) &&
         arguments.number(at + 3, 1);
}

// A pool's id begins with its address.
Address pool_of(const u256& id) {
  std::array<std::uint8_t, evm::word_bytes> word{};
  evm::write_word(word, id);
  Address pool;
  std::copy_n(word.begin(), pool.size(), pool.begin());
  return pool;
}

void set_hop(gantry_pending_swap& swap, std::size_t index, const Hop& hop) {
  swap.hops[index] = {evm::to_sdk(hop.pool), evm::to_sdk(hop.token_in), evm::to_sdk(hop.token_out)};
}

gantry_status emit_single(bool exact_in, const u256& amount, const u256& limit,
                          std::uint64_t deadline_s, const Hop& hop, PendingSink sink) {
  gantry_pending_swap swap = exact_in ? evm::swap_of(GANTRY_EXACT_IN, amount, limit, deadline_s)
                                      : evm::swap_of(GANTRY_EXACT_OUT, limit, amount, deadline_s);
  swap.hop_count = 1;
  set_hop(swap, 0, hop);
  return sink.emit(swap);
}

gantry_status decode_single_2(const Address& wrapped, const Arguments& arguments,
                              PendingSink sink) {
  const auto single = arguments.tuple(0);
  const auto limit = arguments.word(1 + funds_words);
  const auto deadline = arguments.word(2 + funds_words);
  if (!single || !is_funds(arguments, 1) || !limit || !deadline) return GANTRY_BAD_STATE;
  const auto id = single->word(0);
  const auto out = single->number(1, 1);
  auto token_in = single->address(2);
  auto token_out = single->address(3);
  const auto amount = single->word(4);
  if (!id || !out || !token_in || !token_out || !amount || !single->bytes(5)) {
    return GANTRY_BAD_STATE;
  }
  if (amount->is_zero()) return GANTRY_BAD_STATE;
  for (auto* token : {&*token_in, &*token_out}) {
    if (*token != Address{}) continue;
    if (wrapped == Address{}) return GANTRY_OK;
    *token = wrapped;
  }
  if (*token_in == *token_out) return GANTRY_BAD_STATE;
  return emit_single(*out == 0, *amount, *limit, evm::to_deadline(*deadline),
                     {pool_of(*id), *token_in, *token_out}, sink);
}

// Steps of a batch: an amount begins a chain, and a step of none takes what the one before it has
// made, backwards where the amounts out are given.
class Batch {
 public:
  Batch(bool exact_in, const Address& wrapped, PendingSink sink)
      : exact_in_(exact_in), wrapped_(wrapped), sink_(sink) {}

  gantry_status read(const Arguments& arguments) {
    const auto steps = arguments.array(1);
    const auto assets = arguments.array(2);
    const auto limits = arguments.array(3 + funds_words);
    const auto deadline = arguments.word(4 + funds_words);
    if (!steps || !assets || !is_funds(arguments, 3) || !limits || !deadline ||
        assets->count != limits->count) {
      return GANTRY_BAD_STATE;
    }
    deadline_s_ = evm::to_deadline(*deadline);
    std::size_t chains = 0;
    for (std::size_t i = 0; i < steps->count; ++i) {
      const auto amount = amount_of(*steps, i);
      if (!amount) return GANTRY_BAD_STATE;
      if (!amount->is_zero()) ++chains;
    }
    for (std::size_t i = 0; i < steps->count; ++i) {
      const u256 amount = *amount_of(*steps, i);
      if (!amount.is_zero()) {
        if (const auto status = emit(); status != GANTRY_OK) return status;
        amount_ = amount;
      } else if (i == 0) {
        return GANTRY_BAD_STATE;
      }
      const auto status = add(*steps->items.tuple(i), *assets, chains == 1 ? &*limits : nullptr);
      if (status != GANTRY_OK) return status;
    }
    return emit();
  }

 private:
  static std::optional<u256> amount_of(const Arguments::Array& steps, std::size_t index) {
    const auto step = steps.items.tuple(index);
    return step && step->bytes(4) ? step->word(3) : std::nullopt;
  }

  // Nothing, where there is no chain, or one of more hops or of other tokens than are told of.
  gantry_status emit() {
    const std::size_t hops = std::exchange(hops_, 0);
    if (hops == 0 || hops > GANTRY_PENDING_HOPS_MAX || std::exchange(is_unknown_, false)) {
      return GANTRY_OK;
    }
    gantry_pending_swap swap = exact_in_
                                   ? evm::swap_of(GANTRY_EXACT_IN, amount_, least_out_, deadline_s_)
                                   : evm::swap_of(GANTRY_EXACT_OUT, most_in_, amount_, deadline_s_);
    swap.hop_count = static_cast<std::uint32_t>(hops);
    for (std::size_t i = 0; i < hops; ++i) set_hop(swap, i, chain_[exact_in_ ? i : hops - 1 - i]);
    return sink_.emit(swap);
  }

  // `limits`: those of the batch where this is its only chain; else they are of several together.
  gantry_status add(const Arguments& step, const Arguments::Array& assets,
                    const Arguments::Array* limits) {
    const auto id = step.word(0);
    const auto in = step.number(1, 32);
    const auto out = step.number(2, 32);
    if (!id || !in || !out || *in >= assets.count || *out >= assets.count) return GANTRY_BAD_STATE;
    auto token_in = assets.items.address(*in);
    auto token_out = assets.items.address(*out);
    if (!token_in || !token_out) return GANTRY_BAD_STATE;
    for (auto* token : {&*token_in, &*token_out}) {
      if (*token != Address{}) continue;
      *token = wrapped_;
      is_unknown_ = is_unknown_ || wrapped_ == Address{};
    }
    if (*token_in == *token_out) return GANTRY_BAD_STATE;
    const bool is_first = hops_ == 0;
    if (!is_first && (exact_in_ ? *token_in : *token_out) != joint_) return GANTRY_BAD_STATE;
    joint_ = exact_in_ ? *token_out : *token_in;
    if (is_first) begins_at_ = exact_in_ ? *in : *out;
    least_out_ = u256();
    most_in_ = u256::max();
    const std::size_t ends_at = exact_in_ ? *out : *in;
    if (limits != nullptr && ends_at != begins_at_) {
      // int256 of what the Vault is given, so of what it pays below zero.
      const u256 limit = *limits->items.word(ends_at);
      const bool is_negative = bit_width(limit) == 256;
      if (is_negative) least_out_ = wrapping_sub(u256(), limit);
      most_in_ = is_negative ? u256() : limit;
    }
    if (hops_ < chain_.size()) chain_[hops_] = {pool_of(*id), *token_in, *token_out};
    ++hops_;
    return GANTRY_OK;
  }

  const bool exact_in_;
  const Address& wrapped_;
  const PendingSink sink_;
  std::uint64_t deadline_s_ = 0;
  // Of the chain that is read.
  std::array<Hop, GANTRY_PENDING_HOPS_MAX> chain_{};
  std::size_t hops_ = 0;
  bool is_unknown_ = false;  // goes through the coin, whose token is not known
  u256 amount_;
  u256 least_out_;
  u256 most_in_;
  Address joint_{};              // the token that the next step begins with
  std::uint64_t begins_at_ = 0;  // of the assets
};

gantry_status decode_single_3(bool exact_in, bool of_coin, const Arguments& arguments,
                              PendingSink sink) {
  const auto pool = arguments.address(0);
  const auto token_in = arguments.address(1);
  const auto token_out = arguments.address(2);
  const auto amount = arguments.word(3);
  const auto limit = arguments.word(4);
  const auto deadline = arguments.word(5);
  if (!pool || !token_in || !token_out || !amount || !limit || !deadline) return GANTRY_BAD_STATE;
  if (of_coin && !arguments.number(6, 1)) return GANTRY_BAD_STATE;
  if (!arguments.bytes(of_coin ? 7 : 6)) return GANTRY_BAD_STATE;
  if (amount->is_zero() || *token_in == *token_out) return GANTRY_BAD_STATE;
  return emit_single(exact_in, *amount, *limit, evm::to_deadline(*deadline),
                     {*pool, *token_in, *token_out}, sink);
}

}  // namespace

gantry_status decode_call(const Address& wrapped, const evm::RouterCall& call, PendingSink sink) {
  const bool of_vault = call.selector == selector::swap || call.selector == selector::batch_swap;
  if (call.inside && of_vault) return GANTRY_BAD_STATE;  // the Vault has no multicall
  if (call.selector == selector::swap) return decode_single_2(wrapped, call.arguments, sink);
  if (call.selector == selector::batch_swap) {
    const auto out = call.arguments.number(0, 1);
    if (!out) return GANTRY_BAD_STATE;
    return Batch(*out == 0, wrapped, sink).read(call.arguments);
  }
  const bool prepaid =
      call.selector == selector::swap_prepaid || call.selector == selector::swap_prepaid_out;
  const bool exact_in =
      call.selector == selector::swap_single_in || call.selector == selector::swap_prepaid;
  if (!prepaid && !exact_in && call.selector != selector::swap_single_out) {
    return GANTRY_UNSUPPORTED;
  }
  return decode_single_3(exact_in, !prepaid, call.arguments, sink);
}

}  // namespace gantry::balancer

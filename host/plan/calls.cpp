#include "host/plan/calls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "host/market/legs.hpp"
#include "host/plan/abi.hpp"
#include "host/plan/route.hpp"
#include "host/rank/ranking.hpp"

namespace gantry::host {

namespace {

// What stands around a batch in a transaction, unsigned: type, list head, chain id, nonce, two
// fees, gas limit, target, value, the data's length and an access list.
constexpr std::size_t envelope_bytes = 80;
// And around it in a user operation that EntryPoint's handleOps takes: selector, offsets, account,
// nonce, gas limits and fees, the paymaster's data, two signatures, the beneficiary.
constexpr std::size_t operation_bytes = 512;

// amount * (10000 - bps) / 10000, rounded down.
u256 less_bps(const u256& amount, std::uint64_t bps) {
  u256 out;
  if (!mul_div_floor(amount, u256(10000 - std::min<std::uint64_t>(bps, 10000)), u256(10000), out)) {
    return u256();
  }
  return out;
}

// Not every venue pays others than who calls it: then the sender is paid, all that the next leg
// takes at the least, so that nothing of the sender's own goes on with it.
gantry_status build_leg(const MarketView& view, const PoolInfo& pool, const VenueInstance& venue,
                        const gantry_pool_state& state, gantry_swap_order& order, LegCalls& out) {
  const gantry_pool_spec spec = pool.spec();
  const auto build = [&] {
    InstructionList collected;
    const gantry_instruction_sink sink = collected.sink();
    const auto status =
        venue.call<&gantry_dex_v1::build_swap>(Phase::plan, &spec, &state, &order, &sink);
    out.calls = std::move(collected.all());
    return status;
  };
  out.pays_sender = AddressEqual{}(order.recipient, order.sender);
  auto status = build();
  if (status == GANTRY_UNSUPPORTED && !out.pays_sender) {
    order.recipient = order.sender;
    order.min_out = order.out;
    out.pays_sender = true;
    status = build();
  }
  if (status != GANTRY_OK) venue.health().accept(Phase::plan, status, view.snapshot().id);
  return status;
}

bool ends_there(const gantry_opportunity& o, std::uint32_t leg) {
  const auto takes = [&](const gantry_leg& later) {
    return later.hop.token_in == o.legs[leg].hop.token_out;
  };
  return std::none_of(o.legs + leg + 1, o.legs + o.leg_count, takes);
}

// What the last legs have to pay together: the rest is there before them.
u256 least_of_last(const gantry_opportunity& o, const u256& min_out, u256& paid) {
  paid = u256();
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    if (ends_there(o, i)) paid = wrapping_add(paid, u256(o.legs[i].amount_out));
  }
  u256 before;
  u256 least;
  return sub(u256(o.amount_out), paid, before) && sub(min_out, before, least) ? least : u256();
}

// What a batch of plain calls can carry out safely: nobody pays a pool that calls back, and nothing
// but the last call itself holds the minimum.
Status check_safe(const std::vector<Instruction>& calls, const u256& min_out,
                  const VenueInstance& venue) {
  for (const Instruction& call : calls) {
    if (call.head.input == GANTRY_INPUT_CALLBACK) {
      return fail(ErrorKind::plugin,
                  fmt::format("venue {} wants to call back for its input, which a batch of calls "
                              "cannot answer",
                              venue.name()));
    }
  }
  const gantry_instruction& last = calls.back().head;
  if (last.min_out_enforced == 0 || u256(last.min_out) < min_out) {
    return fail(ErrorKind::plugin,
                fmt::format("venue {}: its call does not hold the minimum out", venue.name()));
  }
  return {};
}

}  // namespace

Result<TradeLegs> build_legs(const MarketView& view, const gantry_opportunity& o,
                             const CallOrder& wanted) {
  const Topology& topology = *view.snapshot().topology;
  TradeLegs out;
  u256 paid_last;
  const u256 least_last = least_of_last(o, wanted.min_out, paid_last);
  // From the last leg to the first: each pays straight to whom the next wants paid.
  gantry_address recipient = wanted.sender;
  for (std::uint32_t i = o.leg_count; i-- > 0;) {
    const gantry_leg& leg = o.legs[i];
    const PoolInfo& pool = topology.pools[leg.hop.pool];
    const VenueInstance& venue = topology.venue_of(pool);
    gantry_pool_state state;
    if (!view.snapshot().pool_state(leg.hop.pool, state)) {
      return fail(ErrorKind::internal, "an approved pool has no state");
    }
    gantry_swap_order order{};
    order.swap = {leg.amount_in, pool.index_of(leg.hop.token_in), pool.index_of(leg.hop.token_out),
                  GANTRY_EXACT_IN, 0};
    order.out = leg.amount_out;
    const auto slippage_bps = static_cast<std::uint64_t>(venue.settings.max_slippage_bps);
    u256 min_out = less_bps(u256(leg.amount_out), slippage_bps);
    const bool last = ends_there(o, i);
    out.legs[i].is_last = last;
    u256 share;
    if (last && mul_div_ceil(least_last, u256(leg.amount_out), paid_last, share)) {
      min_out = std::max(min_out, share);
    }
    const bool straight = next_takes_it(o, i);
    // The later legs take it in parts, which have to be there.
    if (!last && !straight) min_out = u256(leg.amount_out);
    order.min_out = min_out;
    order.sender = wanted.sender;
    order.recipient = straight ? recipient : wanted.sender;
    const auto status = build_leg(view, pool, venue, state, order, out.legs[i]);
    if (status != GANTRY_OK || out.legs[i].calls.empty()) {
      return fail(ErrorKind::plugin, fmt::format("venue {} cannot build the swap of leg {}: {}",
                                                 venue.name(), i + 1, status_name(status)));
    }
    out.legs[i].min_out = u256(order.min_out);
    if (last) out.min_out = wrapping_add(out.min_out, u256(order.min_out));
    const gantry_instruction& first = out.legs[i].calls.front().head;
    recipient = first.input == GANTRY_INPUT_TRANSFER ? first.spender : wanted.sender;
  }
  return out;
}

std::string purpose_of(const Topology& topology, const gantry_leg& leg) {
  return fmt::format("swap {} for {} on {}", topology.tokens[leg.hop.token_in].symbol,
                     topology.tokens[leg.hop.token_out].symbol,
                     topology.venue_of(topology.pools[leg.hop.pool]).name());
}

Result<TradeCalls> build_calls(const MarketView& view, const gantry_opportunity& o,
                               const CallOrder& wanted) {
  const Topology& topology = *view.snapshot().topology;
  auto built = build_legs(view, o, wanted);
  if (!built) return std::unexpected(built.error());
  auto& legs = built->legs;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const VenueInstance& venue = topology.venue_of(topology.pools[o.legs[i].hop.pool]);
    if (auto safe = check_safe(legs[i].calls, legs[i].min_out, venue); !safe) {
      return std::unexpected(safe.error());
    }
  }
  TradeCalls out;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    if (!legs[i].is_last) continue;
    out.min_out = wrapping_add(out.min_out, u256(legs[i].calls.back().head.min_out));
  }
  if (wanted.before != nullptr) {
    for (const Instruction& instruction : *wanted.before) {
      out.calls.push_back({"as the strategy planned", instruction.head.target,
                           u256(instruction.head.value), instruction.data,
                           u256(instruction.head.min_out)});
    }
  }
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_leg& leg = o.legs[i];
    const TokenInfo& token_in = topology.tokens[leg.hop.token_in];
    const gantry_instruction& first = legs[i].calls.front().head;
    // Later legs that want a transfer were paid by the leg before, where its venue can.
    if (first.input == GANTRY_INPUT_TRANSFER && (i == 0 || legs[i - 1].pays_sender)) {
      out.calls.push_back(
          {fmt::format("transfer {} to the {} pool", token_in.symbol, i == 0 ? "first" : "next"),
           token_in.address, u256(), abi::transfer(first.spender, u256(leg.amount_in)), u256()});
    } else if (first.input == GANTRY_INPUT_APPROVE) {
      out.calls.push_back({fmt::format("approve {}", token_in.symbol), token_in.address, u256(),
                           abi::approve(first.spender, u256(leg.amount_in)), u256()});
    }
    for (Instruction& instruction : legs[i].calls) {
      out.calls.push_back({purpose_of(topology, leg), instruction.head.target,
                           u256(instruction.head.value), std::move(instruction.data),
                           u256(instruction.head.min_out)});
    }
  }
  return out;
}

std::vector<std::uint8_t> batch_of(std::span<const PlannedCall> calls) {
  std::vector<abi::Call> all;
  for (const PlannedCall& call : calls) all.push_back({call.target, call.value, call.data});
  return abi::execute_batch(all);
}

Sender sender_of(const Configuration& configuration) {
  Sender sender{configuration.wallet.sender,
                std::ranges::any_of(configuration.paymasters, &InstanceSettings::runs),
                gas_overhead_of(configuration)};
  if (const auto executor = executor_of(configuration)) sender.executor = *executor;
  if (sender.address.kind != GANTRY_ADDRESS_NONE) return sender;
  // Nothing is planned without one, but what it would cost can be said.
  sender.address = {};
  sender.address.kind = GANTRY_ADDRESS_EVM;
  sender.address.length = 20;
  std::ranges::fill_n(sender.address.bytes, 20, std::uint8_t{0xff});
  return sender;
}

std::optional<gantry_address> executor_of(const Configuration& configuration) {
  if (configuration.chains.empty()) return std::nullopt;
  const auto& execution = configuration.chains.front().execution;
  if (!execution || execution->executor.kind == GANTRY_ADDRESS_NONE) return std::nullopt;
  return execution->executor;
}

std::vector<std::uint8_t> published_bytes(std::span<const std::uint8_t> batch, bool sponsored) {
  std::vector<std::uint8_t> bytes(envelope_bytes + (sponsored ? operation_bytes : 0));
  // No zero byte, and no three bytes twice.
  std::uint32_t noise = 1;
  for (std::uint8_t& byte : bytes) {
    noise = noise * 1'664'525U + 1'013'904'223U;
    byte = static_cast<std::uint8_t>((noise >> 24U) | 1U);
  }
  bytes.insert(bytes.end(), batch.begin(), batch.end());
  return bytes;
}

bool data_fee_of(const MarketView& view, const gantry_opportunity& opportunity,
                 const Sender& sender, const std::vector<Instruction>* before, u256& wei) {
  wei = u256();
  const DataFee& fee = view.snapshot().data_fee;
  if (fee.rule == DataFeeRule::none) return true;
  if (fee.rule == DataFeeRule::unknown) return false;
  const auto published = [&]() -> Result<std::vector<std::uint8_t>> {
    if (sender.executor) {
      const auto route = build_route(view, opportunity, {*sender.executor, u256(), before});
      return route ? run_of(*route) : std::unexpected(route.error());
    }
    const auto built = build_calls(view, opportunity, {sender.address, u256(), before});
    if (!built) return std::unexpected(built.error());
    return batch_of(built->calls);
  }();
  return published && data_fee_of(fee, published_bytes(*published, sender.sponsored),
                                  opportunity.gas + sender.gas, wei);
}

}  // namespace gantry::host

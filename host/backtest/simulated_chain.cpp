#include "host/backtest/simulated_chain.hpp"

#include <algorithm>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/market/legs.hpp"
#include "host/plugin/plugin_set.hpp"
#include "host/risk/amounts.hpp"

namespace gantry::host {
namespace {

constexpr std::uint64_t parts_per_million = 1'000'000;

// splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014): a number
// in [0, 1) that a trade's place in the run makes, and nothing else.
double drawn(std::uint64_t seed, std::uint64_t group, std::uint64_t which) {
  std::uint64_t z = seed + (2 * group + which + 1) * 0x9e3779b97f4a7c15ULL;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebULL;
  z ^= z >> 31U;
  return static_cast<double>(z >> 11U) * 0x1p-53;
}

// Rounded up, as who lends does.
u256 loan_fee_of(const u256& amount, std::uint64_t ppm) {
  u256 fee;
  return mul_div_ceil(amount, u256(ppm), u256(parts_per_million), fee) ? fee : u256::max();
}

// What the loan costs.
struct LoanCost {
  u256 fee;  // of the token
  u256 gas_wei;
  u256 gas_token;  // what that is worth of it
  u256 wei;        // of fee and gas
};
// At the price that valued the trade's gain. Nothing: it has none.
std::optional<LoanCost> loan_cost_of(const Snapshot& snapshot, const Ranked& trade,
                                     const SimulationSettings& settings) {
  LoanCost cost;
  cost.fee = loan_fee_of(u256(trade.opportunity.amount_in), settings.loan_fee_ppm);
  const u256 gross_wei(trade.gross.ether_wei);
  u256 fee_wei;
  if (gross_wei.is_zero() || trade.gross_token.is_zero() ||
      !mul(u256(settings.loan_gas), u256(snapshot.context.gas_price), cost.gas_wei) ||
      !mul_div_ceil(cost.fee, gross_wei, trade.gross_token, fee_wei) ||
      !mul_div_ceil(cost.gas_wei, trade.gross_token, gross_wei, cost.gas_token)) {
    return std::nullopt;
  }
  cost.wei = sum_of(fee_wei, cost.gas_wei);
  return cost;
}

BacktestTrade begin_record(const Snapshot& snapshot, const Ranked& trade, std::uint64_t group) {
  const Topology& topology = *snapshot.topology;
  const gantry_opportunity& o = trade.opportunity;
  BacktestTrade record;
  record.group = group;
  const auto* strategy =
      snapshot.plugins == nullptr ? nullptr : snapshot.plugins->find(trade.strategy);
  if (strategy != nullptr) record.strategy = strategy->instance->name();
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_hop& hop = o.legs[i].hop;
    const PoolInfo& pool = topology.pools[hop.pool];
    record.legs.push_back({topology.venue_names[pool.venue], address_text(pool.address),
                           topology.tokens[hop.token_in].symbol,
                           topology.tokens[hop.token_out].symbol});
  }
  record.token = topology.tokens[o.token_in].symbol;
  record.decimals = topology.tokens[o.token_in].decimals;
  record.found_block = snapshot.context.state_block;
  record.amount_in = u256(o.amount_in);
  record.predicted_out = u256(o.amount_out);
  record.stake_wei = u256(trade.stake.ether_wei);
  return record;
}

}  // namespace

// Nobody lends for a trade that ends in another token: what it begins with is taken to be there.
void SimulatedChain::offer(const MarketView& view, const Ranked& trade, std::uint64_t group,
                           const ProfitLimits& limits) {
  const Snapshot& snapshot = view.snapshot();
  Sent sent{trade,
            group,
            snapshot.context.state_block + settings_.latency_blocks,
            begin_record(snapshot, trade, group),
            u256(),
            least_out(trade),
            drawn(settings_.seed, group, 0),
            drawn(settings_.seed, group, 1)};
  if (trade.one_way) {
    sent.record.one_way = true;
    sent_.push_back(std::move(sent));
    return;
  }
  // The loan comes off what the gate has seen; in the token, as the least that it must pay.
  const auto loan = loan_cost_of(snapshot, trade, settings_);
  if (!loan || !sub(trade.net, loan->wei, sent.record.predicted_wei) ||
      !limits.allow(sent.record.predicted_wei, sum_of(trade.gas_cost, loan->gas_wei))) {
    return refuse(fill_of(trade, group, FillReason::no_profit));
  }
  sent.loan_fee = loan->fee;
  sent.least_out = sum_of(sent.least_out, sum_of(loan->fee, loan->gas_token));
  if (sent.least_out > sent.record.predicted_out) {
    return refuse(fill_of(trade, group, FillReason::no_profit));
  }
  sent_.push_back(std::move(sent));
}

// On the states of `state`, in the block that it is for.
bool SimulatedChain::decide(Sent& sent, const Snapshot& state, std::uint64_t time_s) {
  BacktestTrade& record = sent.record;
  const gantry_opportunity& o = sent.trade.opportunity;
  record.block = sent.block;
  record.time_s = time_s;
  record.ether_usd = static_cast<double>(state.ether_usd_e6) * 1e-6;
  view_.bind(state, {}, true);
  const auto now = with_amount_in(view_, o, record.amount_in);
  const u256 paid = now ? u256(now->amount_out) : u256();
  const bool pays = now && paid >= sent.least_out;
  // Who takes it first leaves nothing of it; the pools have his trade then. What does not pay any
  // more nobody takes.
  record.was_taken = pays && sent.competitor < settings_.competition;
  if (record.was_taken) own_.add(sent.block, {now->legs, now->leg_count});
  const bool is_filled = pays && !record.was_taken;

  gantry_opportunity real = o;
  real.amount_out = is_filled ? wrapping_sub(paid, sent.loan_fee) : u256();
  const Ranked priced = price_opportunity(view_, real, sent.trade.strategy, sent.trade.index,
                                          {transaction_gas(record.one_way), sent.trade.data_fee});
  Fill fill = fill_of(sent.trade, sent.group, FillReason::none);
  if (sent.inclusion < settings_.missed) {
    fill.reason = FillReason::expired;
  } else {
    fill.in_block = sent.block;
    fill.gas_wei = priced.gas_cost;
    fill.reason = is_filled ? FillReason::none : FillReason::reverted;
    fill.gained = is_filled && priced.pays;
    fill.amount_wei = is_filled ? priced.net : priced.gas_cost;
    fill.amount_usd_e6 = usd_e6_of(is_filled ? priced.net_usd_e6 : priced.gas_usd_e6);
    if (is_filled) {
      fill.amount_out = paid;
      record.loan_fee = sent.loan_fee;
      if (record.one_way) exchange(priced, record, fill);
      const double quoted = to_double(record.predicted_out);
      fill.deviation_bps = std::max(0.0, (quoted - to_double(paid)) / quoted * 1e4);
      own_.add(sent.block, {now->legs, now->leg_count});
    }
  }
  record.reason = fill.reason;
  record.amount_out = fill.amount_out;
  record.gained = fill.gained;
  record.result_wei = fill.amount_wei;
  record.gas_wei = fill.gas_wei;
  trades_.push_back(record);
  fills_.push_back(std::move(fill));
  return pays;
}

// Into a position, which costs its gas, or out of one.
void SimulatedChain::exchange(const Ranked& priced, BacktestTrade& record, Fill& fill) {
  const auto& tokens = view_.snapshot().topology->tokens;
  const gantry_opportunity& o = priced.opportunity;
  const auto closed =
      held_.apply({record.strategy, tokens[o.token_in].address, tokens[o.token_out].address,
                   fill.amount_in, fill.amount_out, record.stake_wei, record.time_s});
  std::optional<u256> cost;
  if (closed) cost = closed->cost;
  record.opens = !closed;
  const OneWayResult result = result_of_one_way(view_, priced, cost);
  fill.gained = result.gained;
  fill.amount_wei = result.wei;
  fill.amount_usd_e6 = usd_e6_of(result.usd_e6);
}

void SimulatedChain::end() {
  if (before_ == nullptr) return;
  view_.bind(*before_, {}, true);
  const auto& known = before_->topology->token_by_address;
  for (const Position& each : held_.all()) {
    ++open_.count;
    open_.cost_wei = sum_of(open_.cost_wei, each.cost_wei);
    const auto token = known.find(each.token);
    gantry_value worth{};
    if (token == known.end() || view_.value(token->second, each.quantity, worth) != GANTRY_OK) {
      ++open_.unvalued;
      continue;
    }
    open_.worth_wei = sum_of(open_.worth_wei, u256(worth.ether_wei));
  }
  before_.reset();
}

void SimulatedChain::meet(const std::shared_ptr<Snapshot>& snapshot) {
  const gantry_context& context = snapshot->context;
  const std::uint64_t block = context.state_block;
  if (is_open(context)) {
    if (!window_) window_ = Window{block, block, context.state_time_s, context.state_time_s};
    window_->last_block = block;
    window_->last_time_s = context.state_time_s;
  }
  // Between two snapshots blocks are taken to be as far from each other as they are on average.
  const auto time_of = [&](std::uint64_t of) {
    if (of >= block) return context.state_time_s;
    const gantry_context& last = before_->context;
    const std::uint64_t seconds = context.state_time_s - last.state_time_s;
    return last.state_time_s + seconds * (of - last.state_block) / (block - last.state_block);
  };
  // Each on what those before it have left. Whether there were any.
  const auto settle = [&](const auto& is_due, Snapshot& state) {
    for (Sent& sent : sent_) {
      if (is_due(sent) && decide(sent, state, time_of(sent.block))) own_.put_on(state);
    }
    return std::erase_if(sent_, is_due) != 0;
  };
  if (before_ != nullptr) {
    // In a block without a snapshot, or before all of this one's: nothing but these had moved since
    // the last, which nobody else looks at any more.
    settle(
        [&](const Sent& sent) {
          return sent.block < block ||
                 (sent.block == block && settings_.place == BlockPlace::first);
        },
        *before_);
  }
  own_.meet(*snapshot);
  if (settle([&](const Sent& sent) { return sent.block == block; }, *snapshot)) {
    own_.meet(*snapshot);
  }
  before_ = snapshot;
}

}  // namespace gantry::host

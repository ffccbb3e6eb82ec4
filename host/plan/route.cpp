#include "host/plan/route.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/plan/venue_steps.hpp"
#include "host/plugin/instances.hpp"

namespace gantry::host {

namespace {

void add_once(std::vector<gantry_address>& all, const gantry_address& address) {
  const auto same = [&](const gantry_address& one) { return AddressEqual{}(one, address); };
  if (std::ranges::none_of(all, same)) all.push_back(address);
}

// Nothing in a program may move what the executor holds but by a payment or an allowance, which
// are steps of its own: so no token is called, and the executor itself neither.
Status check_targets(const Topology& topology, const LegCalls& leg, const gantry_address& executor,
                     const VenueInstance& venue) {
  for (const Instruction& call : leg.calls) {
    const gantry_address& target = call.head.target;
    if (topology.token_by_address.contains(target) || AddressEqual{}(target, executor)) {
      return fail(ErrorKind::plugin,
                  fmt::format("venue {}: its swap calls a token or the executor, and no pool, "
                              "router or vault",
                              venue.name()));
    }
  }
  return {};
}

}  // namespace

Result<TradeRoute> build_route(const MarketView& view, const gantry_opportunity& o,
                               const CallOrder& order) {
  const Topology& topology = *view.snapshot().topology;
  if (o.leg_count == 0) return fail(ErrorKind::usage, "a trade without a swap");
  if (order.before != nullptr && !order.before->empty()) {
    return fail(ErrorKind::usage, "the executor carries out no calls of a strategy's own");
  }
  auto built = build_legs(view, o, order);
  if (!built) return std::unexpected(built.error());
  TradeRoute out;
  out.min_out = built->min_out;
  out.amount_in = u256(o.amount_in);
  if (o.token_in != o.token_out) out.token_out = topology.tokens[o.token_out].address;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_leg& leg = o.legs[i];
    const LegCalls& calls = built->legs[i];
    const PoolInfo& pool = topology.pools[leg.hop.pool];
    const VenueInstance& venue = topology.venue_of(pool);
    if (auto safe = check_targets(topology, calls, order.sender, venue); !safe) {
      return std::unexpected(safe.error());
    }
    executor::SwapInput input{topology.tokens[leg.hop.token_in].address, u256(leg.amount_in)};
    input.is_paid = i > 0 && !built->legs[i - 1].pays_sender &&
                    calls.calls.front().head.input == GANTRY_INPUT_TRANSFER;
    const auto shape = executor::callback_shape(venue.settings.callback);
    auto steps = executor::venue_steps(calls.calls, input, shape ? &*shape : nullptr);
    if (!steps) {
      return fail(steps.error().kind,
                  fmt::format("venue {}: {}", venue.name(), steps.error().message));
    }
    std::ranges::move(*steps, std::back_inserter(out.steps));
    add_once(out.tokens, input.token);
    out.pools.push_back(pool.address);
    for (const Instruction& call : calls.calls) {
      add_once(out.targets, call.head.target);
      out.calls.push_back({purpose_of(topology, leg), call.head.target, u256(call.head.value),
                           call.data, u256(call.head.min_out)});
    }
  }
  return out;
}

Result<executor::Bytes> run_of(const TradeRoute& route, const RunOrder& order) {
  std::vector<executor::Step> steps = route.steps;
  if (order.loan && route.token_out) {
    return fail(ErrorKind::internal, "nobody lends for a trade that ends in another token");
  }
  if (order.loan) {
    auto borrowed = executor::with_flash_loan(*order.loan, std::move(steps));
    if (!borrowed) return std::unexpected(borrowed.error());
    steps.assign(1, std::move(*borrowed));
  }
  auto program = executor::encode_program(steps);
  if (!program) return std::unexpected(program.error());
  executor::Run run;
  run.deadline_s = order.deadline_s;
  if (route.token_out) {
    run.settlements.push_back({*route.token_out, order.least_gain, false, executor::Settle::keep});
  }
  for (const gantry_address& token : route.tokens) {
    const bool is_input = &token == &route.tokens.front();
    if (!route.token_out) {
      run.settlements.push_back({token, is_input ? order.least_gain : u256()});
    } else if (is_input) {
      run.settlements.push_back({token, route.amount_in, true, executor::Settle::keep});
    } else if (!AddressEqual{}(token, *route.token_out)) {
      run.settlements.push_back({token, u256()});
    }
  }
  run.program = std::move(*program);
  return executor::encode_run(run);
}

}  // namespace gantry::host

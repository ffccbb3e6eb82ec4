#include "host/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "host/config/capabilities.hpp"
#include "host/plan/abi.hpp"
#include "host/plan/instructions.hpp"
#include "host/plugin/plugin_set.hpp"

namespace gantry::host {

namespace {

// Bounds of one paymaster's round.
constexpr std::uint64_t requests_max = 4;
constexpr std::uint64_t text_bytes_max = 8U << 10U;  // a URL, a header's name or value
constexpr std::uint32_t headers_max = 32;
constexpr std::uint64_t body_bytes_max = 1U << 20U;

std::string_view text(gantry_string s) {
  return s.data == nullptr ? std::string_view() : std::string_view(s.data, s.size);
}

// amount * (10000 - bps) / 10000, rounded down.
u256 less_bps(const u256& amount, std::uint64_t bps) {
  u256 out;
  if (!mul_div_floor(amount, u256(10000 - std::min<std::uint64_t>(bps, 10000)), u256(10000), out)) {
    return u256();
  }
  return out;
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

struct Requests {
  const PaymasterSettings& settings;
  std::vector<PlannedRequest> all;
  std::string refused;  // why one of them was

  static gantry_status emit(void* self, const gantry_http_request* request) {
    auto& own = *static_cast<Requests*>(self);
    auto& requests = own.all;
    if (requests.size() == requests_max) return GANTRY_REFUSED;
    const auto holds = [](gantry_string s) {
      return s.size <= text_bytes_max && (s.size == 0 || s.data != nullptr);
    };
    bool whole = holds(request->method) && holds(request->url) &&
                 request->header_count <= headers_max && request->body.size <= body_bytes_max &&
                 (request->header_count == 0 || request->headers != nullptr) &&
                 (request->body.size == 0 || request->body.data != nullptr);
    for (std::uint32_t i = 0; whole && i < request->header_count; ++i) {
      whole = holds(request->headers[i].name) && holds(request->headers[i].value);
    }
    if (!whole) {
      own.refused = "a request that is none, or over a bound";
      return GANTRY_BAD_ARGUMENT;
    }
    if (!may_request(own.settings, text(request->url))) {
      const std::string host = host_of_url(text(request->url));
      own.refused = fmt::format("it may not ask {}: add it to its `capabilities`",
                                host.empty() ? "a URL without a host" : "http:" + host);
      return GANTRY_REFUSED;
    }
    PlannedRequest copy{
        std::string(text(request->method)), std::string(text(request->url)), {}, {}};
    for (std::uint32_t i = 0; i < request->header_count; ++i) {
      copy.headers.emplace_back(text(request->headers[i].name), text(request->headers[i].value));
    }
    const auto* body = reinterpret_cast<const char*>(request->body.data);
    if (body != nullptr) copy.body.assign(body, request->body.size);
    requests.push_back(std::move(copy));
    return GANTRY_OK;
  }
};

}  // namespace

Result<Plan> Planner::plan(const MarketView& view, const Approved<Ranked>& trade) const {
  if (configuration_.wallet.sender.kind == GANTRY_ADDRESS_NONE) {
    return fail(ErrorKind::configuration,
                "no plan without a sender: set wallet.sender in gantry.toml");
  }
  Plan plan;
  plan.trade = trade.value();
  plan.block = view.snapshot().context.state_block;
  plan.execution_block = view.snapshot().context.execution_block;
  plan.payer = "sender";
  if (auto added = add_calls(view, plan.trade, plan); !added) {
    return std::unexpected(added.error());
  }
  add_sponsorship(view, plan);
  return plan;
}

Status Planner::add_calls(const MarketView& view, const Ranked& trade, Plan& plan) const {
  const Topology& topology = *view.snapshot().topology;
  const gantry_opportunity& o = trade.opportunity;
  const gantry_address& sender = configuration_.wallet.sender;
  // Never below what went in and what the gas costs: an arbitrage that loses must revert.
  u256 even;
  if (o.token_in != o.token_out ||
      !add(u256(o.amount_in), wrapping_sub(trade.gross_token, trade.net_token), even)) {
    even = u256();
  }
  // From the last leg to the first: each pays straight to whom the next wants paid.
  std::array<std::vector<Instruction>, GANTRY_LEGS_MAX> legs;
  gantry_address recipient = sender;
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
    const bool last = i + 1 == o.leg_count;
    if (last) min_out = std::max(min_out, even);
    order.min_out = min_out;
    order.sender = sender;
    order.recipient = recipient;
    const gantry_pool_spec spec = pool.spec();
    InstructionList collected;
    const gantry_instruction_sink sink = collected.sink();
    const auto status =
        venue.call<&gantry_dex_v1::build_swap>(Phase::plan, &spec, &state, &order, &sink);
    if (status != GANTRY_OK || collected.all().empty()) {
      venue.health().accept(Phase::plan, status, view.snapshot().id);
      return fail(ErrorKind::plugin, fmt::format("venue {} cannot build the swap of leg {}: {}",
                                                 venue.name(), i + 1, status_name(status)));
    }
    legs[i] = std::move(collected.all());
    const gantry_instruction& first = legs[i].front().head;
    if (auto safe = check_safe(legs[i], min_out, venue); !safe) return safe;
    if (last) plan.min_out = u256(legs[i].back().head.min_out);
    recipient = first.input == GANTRY_INPUT_TRANSFER ? first.spender : sender;
  }
  if (trade.before) {
    for (const Instruction& instruction : *trade.before) {
      plan.calls.push_back({"as the strategy planned", instruction.head.target,
                            u256(instruction.head.value), instruction.data,
                            u256(instruction.head.min_out)});
    }
  }
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_leg& leg = o.legs[i];
    const TokenInfo& token_in = topology.tokens[leg.hop.token_in];
    const gantry_instruction& first = legs[i].front().head;
    // Later legs that want a transfer were paid by the leg before.
    if (first.input == GANTRY_INPUT_TRANSFER && i == 0) {
      plan.calls.push_back({fmt::format("transfer {} to the first pool", token_in.symbol),
                            token_in.address, u256(),
                            abi::transfer(first.spender, u256(leg.amount_in)), u256()});
    } else if (first.input == GANTRY_INPUT_APPROVE) {
      plan.calls.push_back({fmt::format("approve {}", token_in.symbol), token_in.address, u256(),
                            abi::approve(first.spender, u256(leg.amount_in)), u256()});
    }
    for (Instruction& instruction : legs[i]) {
      plan.calls.push_back({fmt::format("swap {} for {} on {}", token_in.symbol,
                                        topology.tokens[leg.hop.token_out].symbol,
                                        topology.venue_of(topology.pools[leg.hop.pool]).name()),
                            instruction.head.target, u256(instruction.head.value),
                            std::move(instruction.data), u256(instruction.head.min_out)});
    }
  }
  return {};
}

void Planner::add_sponsorship(const MarketView& view, Plan& plan) const {
  std::vector<abi::Call> calls;
  for (const PlannedCall& call : plan.calls) calls.push_back({call.target, call.value, call.data});
  plan.user_operation_call = abi::execute_batch(calls);

  const gantry_context& context = view.snapshot().context;
  gantry_user_operation operation{};
  operation.entry_point = configuration_.wallet.entry_point;
  operation.entry_point_version = entry_point_version(operation.entry_point);
  operation.stub_signature = 1;
  operation.sender = configuration_.wallet.sender;
  operation.call_data = {plan.user_operation_call.data(), plan.user_operation_call.size()};
  operation.call_gas_limit = wrapping_add(u256(plan.trade.opportunity.gas), u256(gas_overhead));
  operation.verification_gas_limit = u256(verification_gas);
  operation.pre_verification_gas = u256(pre_verification_gas);
  operation.max_fee_per_gas = context.gas_price;
  u256 priority;
  operation.max_priority_fee_per_gas =
      sub(u256(context.gas_price), u256(context.base_fee), priority) ? priority : u256();
  // A signature's length is what a sponsor's gas estimate depends on.
  static constexpr std::array<std::uint8_t, 65> stub_signature = [] {
    std::array<std::uint8_t, 65> bytes{};
    bytes.fill(0xff);
    bytes[64] = 0x1c;
    return bytes;
  }();
  operation.signature = {stub_signature.data(), stub_signature.size()};
  operation.chain_id = evm_chain_id(text(context.chain));

  const std::uint64_t snapshot = view.snapshot().id;
  const auto& set = view.snapshot().plugins;
  for (const auto& paymaster : set ? set->paymasters : plugins_.paymasters) {
    Health& health = paymaster->health();
    if (!health.usable(snapshot)) {
      plan.passed.push_back(fmt::format("{}: retired for its faults", paymaster->name()));
      continue;
    }
    const auto supported =
        paymaster->call<&gantry_paymaster_v1::supports>(Phase::sponsor, &context, &operation);
    if (supported != GANTRY_OK) {
      health.accept(Phase::sponsor, supported, snapshot);
      plan.passed.push_back(fmt::format("{}: not for this chain or entry point ({})",
                                        paymaster->name(), status_name(supported)));
      continue;
    }
    Requests requests{paymaster->settings, {}, {}};
    const gantry_http_sink sink{&requests, &Requests::emit};
    const auto status = paymaster->call<&gantry_paymaster_v1::request>(Phase::sponsor, &context,
                                                                       &operation, 0U, &sink);
    if (status != GANTRY_OK || requests.all.empty() || !requests.refused.empty()) {
      health.accept(Phase::sponsor, status, snapshot);
      plan.passed.push_back(fmt::format(
          "{}: refused ({})", paymaster->name(),
          requests.refused.empty() ? std::string(status_name(status)) : requests.refused));
      continue;
    }
    plan.payer = paymaster->name();
    plan.sponsorship = std::move(requests.all);
    return;
  }
}

std::uint32_t entry_point_version(const gantry_address& address) {
  // The first bytes of the four deployments tell them apart; 0.7 is the form of any other.
  switch (address.bytes[0]) {
    case 0x5f:
      return 6;
    case 0x43:
      return address.bytes[2] == 0x08 ? 8 : 9;
    default:
      return 7;
  }
}

std::uint64_t evm_chain_id(std::string_view caip2) {
  constexpr std::string_view prefix = "eip155:";
  if (!caip2.starts_with(prefix)) return 0;
  std::uint64_t id = 0;
  for (const char c : caip2.substr(prefix.size())) {
    if (c < '0' || c > '9' || id > UINT64_MAX / 10 - 1) return 0;
    id = id * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return id;
}

}  // namespace gantry::host

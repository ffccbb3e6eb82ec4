#include "host/plan/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "host/plan/instructions.hpp"
#include "host/plugin/plugin_set.hpp"

namespace gantry::host {

namespace {

std::string_view text(gantry_string s) {
  return s.data == nullptr ? std::string_view() : std::string_view(s.data, s.size);
}

// Never below what went in and what the gas costs: an arbitrage that loses must revert.
u256 even(const Ranked& trade) {
  const gantry_opportunity& o = trade.opportunity;
  u256 amount;
  if (o.token_in != o.token_out ||
      !add(u256(o.amount_in), wrapping_sub(trade.gross_token, trade.net_token), amount)) {
    return u256();
  }
  return amount;
}

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
  const Sender sender = sender_of(configuration_);
  if (auto built =
          sender.executor ? add_route(view, *sender.executor, plan) : add_calls(view, plan);
      !built) {
    return std::unexpected(built.error());
  }
  const auto published = published_bytes(plan.user_operation_call, sender.sponsored);
  plan.published_bytes = published.size();
  const std::uint64_t gas = plan.trade.opportunity.gas + sender.gas;
  if (!data_fee_of(view.snapshot().data_fee, published, gas, plan.data_fee)) {
    return fail(ErrorKind::internal, "an approved trade has no data fee");
  }
  add_sponsorship(view, plan);
  return plan;
}

// A batch of plain calls, for an account that can carry one out.
Status Planner::add_calls(const MarketView& view, Plan& plan) const {
  auto built =
      build_calls(view, plan.trade.opportunity,
                  {configuration_.wallet.sender, even(plan.trade), plan.trade.before.get()});
  if (!built) return std::unexpected(built.error());
  plan.calls = std::move(built->calls);
  plan.min_out = built->min_out;
  plan.user_operation_call = batch_of(plan.calls);
  return {};
}

Status Planner::add_route(const MarketView& view, const gantry_address& executor,
                          Plan& plan) const {
  auto route = build_route(view, plan.trade.opportunity,
                           {executor, even(plan.trade), plan.trade.before.get()});
  if (!route) return std::unexpected(route.error());
  const auto run = run_of(*route);
  if (!run) return std::unexpected(run.error());
  plan.calls = route->calls;
  plan.min_out = route->min_out;
  plan.user_operation_call = *run;
  plan.route = std::make_shared<const TradeRoute>(std::move(*route));
  return {};
}

void Planner::add_sponsorship(const MarketView& view, Plan& plan) const {
  const auto& chains = configuration_.chains;
  if (!chains.empty() && chains.front().execution &&
      chains.front().execution->send == SendKind::operation) {
    // Asked when it leaves, by host/execute, which alone calls them then: an answer depends on
    // services, and a plan must not.
    plan.payer = "a paymaster";
    return;
  }
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
    RequestList requests(paymaster->settings);
    const gantry_http_sink sink = requests.sink();
    const auto status = paymaster->call<&gantry_paymaster_v1::request>(Phase::sponsor, &context,
                                                                       &operation, 0U, &sink);
    if (status != GANTRY_OK || requests.all().empty() || !requests.refused().empty()) {
      health.accept(Phase::sponsor, status, snapshot);
      plan.passed.push_back(fmt::format(
          "{}: refused ({})", paymaster->name(),
          requests.refused().empty() ? std::string(status_name(status)) : requests.refused()));
      continue;
    }
    plan.payer = paymaster->name();
    plan.sponsorship = std::move(requests.all());
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

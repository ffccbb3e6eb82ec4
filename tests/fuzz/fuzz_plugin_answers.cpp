// What plugins answer and emit, when they mean harm or are broken: a venue, a strategy and a
// paymaster made of the fuzzer's bytes, on the host's way from facts to a plan. The host may give
// strikes; it may not be hurt. (What a plugin writes outside the memory it was given is not here:
// that nobody in the same process survives.)
#include <spdlog/spdlog.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "gantry/u256.hpp"
#include "host/market/market_state.hpp"
#include "host/plan/plan.hpp"
#include "host/street/strategy_runner.hpp"
#include "tests/fuzz/input.hpp"

namespace {

using namespace gantry;
using namespace gantry::host;
using gantry::fuzz::Input;
using gantry::fuzz::must;

constexpr std::uint32_t token_count = 4;
constexpr std::array<std::array<std::uint8_t, 2>, 5> pairs{
    {{0, 1}, {1, 2}, {2, 0}, {0, 1}, {3, 0}}};

Input* input = nullptr;        // of the run that is under way
std::uint64_t quote_seed = 0;  // an honest venue's quotes depend on what was asked alone

gantry_status any_status() { return input->one_in(12) ? input->value<gantry_status>() : GANTRY_OK; }

double any_double() {
  switch (input->below(4)) {
    case 0:
      return input->value<double>();
    case 1:
      return NAN;
    default:
      return input->below(101) / 100.0;
  }
}

gantry_string any_string() {
  static constexpr char text[] = "https://bundler.example/v2?key=${KEY}\n\x1b[31m\xff\xfe";
  return {input->one_in(8) ? nullptr : text, input->below(sizeof(text))};
}

gantry_bytes any_bytes() {
  static constexpr std::array<std::uint8_t, 96> bytes{0x02, 0x2c, 0x0d, 0x9f};
  const std::uint64_t size = input->below(sizeof(bytes) + 1);
  return {input->one_in(8) ? nullptr : bytes.data(), size};
}

void write_error(gantry_error* error) {
  if (error != nullptr) input->fill(error->message, input->below(2) * sizeof(error->message));
}

// ---- a venue ----------------------------------------------------------------------------------

gantry_status emit_instructions(const gantry_instruction_sink* sink) {
  std::array<gantry_account_meta, 4> accounts{};
  for (std::uint32_t n = input->below(4); n > 0; --n) {
    gantry_instruction call{};
    call.target = fuzz::address(*input);
    call.value = input->amount();
    call.data = any_bytes();
    call.accounts = input->below(2) == 0 ? accounts.data() : nullptr;
    call.account_count = input->below(5);
    call.input = input->one_in(8) ? input->value<std::int32_t>()
                                  : static_cast<std::int32_t>(1 + input->below(4));
    call.spender = fuzz::address(*input);
    call.min_out_enforced = input->below(4) != 0 ? 1 : 0;
    call.min_out = input->amount();
    if (input->below(2) == 0) call.min_out.limb[3] = ~0ULL;  // enough for any minimum
    static_cast<void>(sink->emit(sink->self, &call));
  }
  return any_status();
}

gantry_status write_chunks(const gantry_state_writer* writer) {
  for (std::uint32_t n = input->below(3); n > 0; --n) {
    const std::uint32_t index = input->one_in(8) ? input->value<std::uint32_t>() : input->below(3);
    const std::uint64_t size =
        input->one_in(16) ? input->value<std::uint64_t>() : input->below(200);
    std::uint8_t* chunk = writer->chunk(writer->self, index, size);
    if (chunk != nullptr) input->fill(chunk, std::min<std::uint64_t>(size, 8));
  }
  return any_status();
}

void fill_quote(const gantry_swap& swap, gantry_quote& out) {
  const bool honest = quote_seed % 4 != 0;
  out = {};
  out.amount_in = honest || swap.mode == GANTRY_EXACT_IN ? swap.amount : input->amount();
  out.amount_out = input->amount();
  if (honest) {
    // More than went in, sometimes, so that there is something to find.
    out.amount_out = swap.amount;
    std::uint64_t& low = out.amount_out.limb[0];
    low += low / 64 * ((quote_seed >> (8 * (swap.token_in & 3U))) & 7U);
  }
  out.fee = input->amount();
  out.gas = honest ? 90000 : input->value<std::uint64_t>();
  out.price_impact = any_double();
}

constexpr gantry_dex_v1 venue_table = {
    nullptr,
    [](gantry_dex_instance*) {},
    nullptr,
    [](gantry_dex_instance*, const gantry_pool_spec*, const gantry_state_writer* writer,
       gantry_pool_traits* out, gantry_error* error) -> gantry_status {
      out->flags = input->value<std::uint8_t>() & ~8U;
      out->overlay_bytes = input->one_in(16) ? input->value<std::uint32_t>() : 48;
      out->swap_gas = input->value<std::uint32_t>();
      write_error(error);
      return write_chunks(writer);
    },
    [](gantry_dex_instance*, const gantry_context*, const gantry_pool_spec*, const gantry_state*,
       std::uint32_t, const gantry_request_sink* sink) -> gantry_status {
      if (input->one_in(4)) {
        gantry_request request{input->value<std::int32_t>(), input->below(2),
                               input->value<gantry_address>(), any_bytes()};
        static_cast<void>(sink->emit(sink->self, &request));
      }
      return any_status();
    },
    [](gantry_dex_instance*, const gantry_context*, const gantry_state*, const gantry_fact*,
       std::uint32_t,
       const gantry_state_writer* writer) -> gantry_status { return write_chunks(writer); },
    [](const gantry_dex_instance*, const gantry_pool_state*, const gantry_swap* swap,
       gantry_quote* out, gantry_buffer* next) -> gantry_status {
      fill_quote(*swap, *out);
      if (next != nullptr) {
        input->fill(next->data, std::min<std::uint64_t>(next->capacity, 8));
        next->size = input->one_in(16) ? input->value<std::uint64_t>() : 48;
      }
      return any_status();
    },
    [](const gantry_dex_instance*, const gantry_pool_state*, const gantry_swap* swaps,
       std::uint32_t count, gantry_quote* out, gantry_status* statuses) -> gantry_status {
      for (std::uint32_t i = 0; i < count; ++i) {
        fill_quote(swaps[i], out[i]);
        statuses[i] = any_status();
      }
      return any_status();
    },
    [](const gantry_dex_instance*, const gantry_pool_state*, std::uint32_t, std::uint32_t,
       gantry_swap_limits* out) -> gantry_status {
      *out = {input->amount(), input->amount(), input->amount()};
      return any_status();
    },
    [](const gantry_dex_instance*, const gantry_pool_state*, std::uint32_t, std::uint32_t,
       gantry_segment* out, std::uint32_t capacity, std::uint32_t* count) -> gantry_status {
      for (std::uint32_t i = 0; i < capacity; ++i) {
        out[i] = {input->amount(),
                  input->amount(),
                  input->amount(),
                  input->value<std::uint16_t>(),
                  input->one_in(8) ? 0 : 10000U,
                  0,
                  0};
      }
      *count = input->one_in(8) ? input->value<std::uint32_t>() : capacity;
      return any_status();
    },
    [](const gantry_dex_instance*, const gantry_pool_state*,
       gantry_pool_view* out) -> gantry_status {
      for (std::uint32_t i = 0; i < std::min(out->token_count, 2U); ++i) {
        out->balances[i] = input->amount();
        if (quote_seed % 4 != 0) out->balances[i].limb[2] = 1;  // deep enough
      }
      out->fee = input->one_in(8) ? input->value<std::uint32_t>() : 3000;
      out->token_count = input->one_in(16) ? input->value<std::uint32_t>() : 2;
      return any_status();
    },
    [](const gantry_dex_instance*, const gantry_pool_spec*, const gantry_pool_state*,
       const gantry_swap_order*,
       const gantry_instruction_sink* sink) -> gantry_status { return emit_instructions(sink); },
    nullptr,
};

// ---- a strategy -------------------------------------------------------------------------------

gantry_hop any_hop(std::uint32_t from) {
  const std::uint32_t pool = input->handle(pairs.size() - 1);
  if (input->one_in(16)) return {pool, input->handle(3), input->handle(3), 0};
  const auto& pair = pairs[pool % pairs.size()];
  return {pool, from, pair[0] == from ? pair[1] : pair[0], 0};
}

// Half of them as an honest strategy would make them, a byte of each off now and then.
gantry_opportunity any_opportunity(const gantry_market* market) {
  gantry_opportunity o{};
  if (input->one_in(8)) {
    input->fill(&o, sizeof(o));
    return o;
  }
  o.key = input->below(4);
  o.kind = static_cast<std::int32_t>(1 + (input->one_in(4) ? input->below(5) : 0));
  o.leg_count = 1 + input->below(GANTRY_LEGS_MAX);
  o.token_in = input->below(token_count);
  std::array<gantry_hop, GANTRY_LEGS_MAX> hops{};
  std::uint32_t at = o.token_in;
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    hops[i] = any_hop(at);
    at = hops[i].token_out;
  }
  o.token_out = at;
  o.amount_in = input->amount();
  gantry_route_quote route{};
  static_cast<void>(market->services->quote_route(market, hops.data(), o.leg_count, &o.amount_in,
                                                  GANTRY_EXACT_IN, &route));
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    o.legs[i] = {hops[i], route.amounts[i], route.amounts[i + 1]};
  }
  o.amount_out = route.amounts[o.leg_count];
  o.gas = input->one_in(8) ? input->value<std::uint64_t>() : 100000;
  o.block = market->context->state_block;
  o.valid_until_block = input->one_in(8) ? input->value<std::uint64_t>() : o.block + 1;
  o.expected_profit_bps = any_double();
  o.confidence = input->one_in(4) ? any_double() : 1;
  o.risk_score = input->one_in(4) ? any_double() : 0;
  if (input->one_in(8)) {
    reinterpret_cast<std::uint8_t*>(&o)[input->value<std::uint16_t>() % sizeof(o)] ^=
        input->value<std::uint8_t>();
  }
  return o;
}

// Everything a strategy may ask, with any arguments that its own memory allows.
void ask(const gantry_market* market) {
  const gantry_market_services& services = *market->services;
  const std::uint32_t pool = input->handle(pairs.size());
  const std::uint32_t token = input->handle(token_count);
  const std::uint32_t other = input->handle(token_count);
  std::array<gantry_swap, 3> swaps{};
  for (auto& swap : swaps) {
    swap = {input->amount(), input->handle(2), input->handle(2), input->below(3) == 2 ? 1 : 0, 0};
  }
  switch (input->below(13)) {
    case 0: {
      gantry_token out{};
      if (services.token(market, token, &out) == GANTRY_OK) must(token < token_count);
      break;
    }
    case 1: {
      gantry_pool out{};
      if (services.pool(market, pool, &out) == GANTRY_OK) must(out.token_count == 2);
      break;
    }
    case 2: {
      const gantry_address address = fuzz::address(*input);
      std::uint32_t out = 0;
      if (services.find_token(market, &address, &out) == GANTRY_OK) must(out < token_count);
      break;
    }
    case 3: {
      gantry_quote out{};
      static_cast<void>(services.quote(market, pool, swaps.data(), &out));
      break;
    }
    case 4: {
      std::array<gantry_quote, 3> out{};
      std::array<gantry_status, 3> statuses{};
      static_cast<void>(services.quote_many(market, pool, swaps.data(), input->below(4), out.data(),
                                            statuses.data()));
      break;
    }
    case 5: {
      gantry_swap_limits out{};
      static_cast<void>(services.limits(market, pool, token, other, &out));
      break;
    }
    case 6: {
      std::vector<gantry_segment> out(input->below(4));
      std::uint32_t count = 0;
      const auto capacity = static_cast<std::uint32_t>(out.size());
      const auto status = services.segments(market, pool, input->below(3), input->below(3),
                                            out.data(), capacity, &count);
      if (status == GANTRY_OK) must(count <= capacity);
      break;
    }
    case 7: {
      std::vector<gantry_amount> balances(2);
      gantry_pool_view out{0, 2, balances.data()};
      static_cast<void>(services.view(market, pool, &out));
      break;
    }
    case 8: {
      gantry_state out{};
      static_cast<void>(services.state(market, pool, &out));
      break;
    }
    case 9: {
      std::vector<gantry_hop> hops(input->below(GANTRY_LEGS_MAX + 3));
      std::uint32_t at = input->below(token_count);
      for (auto& hop : hops) {
        hop = any_hop(at);
        at = hop.token_out;
      }
      gantry_route_quote out{};
      const gantry_amount amount = input->amount();
      static_cast<void>(services.quote_route(market, hops.data(),
                                             static_cast<std::uint32_t>(hops.size()), &amount,
                                             static_cast<std::int32_t>(input->below(3)), &out));
      break;
    }
    case 10: {
      gantry_value out{};
      const gantry_amount amount = input->amount();
      static_cast<void>(services.value(market, token, &amount, &out));
      break;
    }
    case 11: {
      gantry_price out{};
      static_cast<void>(services.price(market, token, other, &out));
      break;
    }
    default: {
      std::vector<gantry_sample> out(input->below(4));
      std::uint32_t count = 0;
      gantry_history_query query{static_cast<std::int32_t>(input->below(5)),
                                 token,
                                 other,
                                 input->handle(token_count),
                                 input->value<std::uint64_t>(),
                                 input->value<std::uint64_t>(),
                                 input->below(5),
                                 0};
      if (input->below(2) == 0) query.from_s = 0;
      if (input->below(2) == 0) query.to_s = ~0ULL;
      const auto status = services.history(market, &query, out.data(),
                                           static_cast<std::uint32_t>(out.size()), &count);
      if (status == GANTRY_OK) must(count <= out.size());
      break;
    }
  }
}

constexpr gantry_strategy_v1 strategy_table = {
    nullptr,
    [](gantry_strategy_instance*) {},
    [](gantry_strategy_instance*, const gantry_market*,
       const gantry_subscription_sink* sink) -> gantry_status {
      for (std::uint32_t n = input->below(4); n > 0; --n) {
        static_cast<void>(sink->events(sink->self, static_cast<std::int32_t>(input->below(6))));
        const gantry_history_query query{static_cast<std::int32_t>(input->below(5)),
                                         input->handle(token_count),
                                         input->handle(token_count),
                                         input->handle(token_count),
                                         0,
                                         0,
                                         0,
                                         0};
        static_cast<void>(sink->history(sink->self, &query, input->value<std::uint16_t>()));
      }
      return any_status();
    },
    [](gantry_strategy_instance*, const gantry_market* market,
       gantry_error* error) -> gantry_status {
      ask(market);
      write_error(error);
      return any_status();
    },
    [](gantry_strategy_instance*, const gantry_market* market,
       const gantry_opportunity_sink* sink) -> gantry_status {
      for (std::uint32_t n = input->below(4); n > 0; --n) ask(market);
      for (std::uint32_t n = input->below(5); n > 0; --n) {
        const gantry_opportunity o = any_opportunity(market);
        static_cast<void>(sink->emit(sink->self, &o));
      }
      return any_status();
    },
    [](gantry_strategy_instance*, const gantry_market* market,
       const gantry_opportunity*) -> gantry_status {
      if (input->one_in(4)) ask(market);
      return any_status();
    },
    [](gantry_strategy_instance*, const gantry_market* market, const gantry_opportunity* o,
       const gantry_sizing_limits*, gantry_opportunity* out) -> gantry_status {
      *out = input->below(2) == 0 ? *o : any_opportunity(market);
      return any_status();
    },
    [](gantry_strategy_instance*, const gantry_market*, const gantry_opportunity*,
       const gantry_instruction_sink* sink) -> gantry_status {
      if (input->below(2) == 0) return GANTRY_UNSUPPORTED;
      return emit_instructions(sink);
    },
    nullptr,
    [](gantry_strategy_instance*, const gantry_result*) -> gantry_status { return any_status(); },
    nullptr,
    nullptr,
    nullptr,
};

// ---- a paymaster ------------------------------------------------------------------------------

constexpr gantry_paymaster_v1 paymaster_table = {
    nullptr,
    [](gantry_paymaster_instance*) {},
    [](gantry_paymaster_instance*, const gantry_context*,
       const gantry_user_operation*) -> gantry_status { return any_status(); },
    [](gantry_paymaster_instance*, const gantry_context*, const gantry_user_operation*,
       std::uint32_t, const gantry_http_sink* sink) -> gantry_status {
      for (std::uint32_t n = input->below(7); n > 0; --n) {
        const std::array<gantry_http_header, 2> headers{
            {{any_string(), any_string()}, {any_string(), any_string()}}};
        const gantry_http_request request{any_string(),
                                          any_string(),
                                          input->one_in(4) ? nullptr : headers.data(),
                                          input->below(3),
                                          input->value<std::uint32_t>(),
                                          any_bytes()};
        static_cast<void>(sink->emit(sink->self, &request));
      }
      return any_status();
    },
    nullptr,
    nullptr,
};

template <class Instance, class Table>
std::shared_ptr<Instance> make(const char* name, const Table& table) {
  const std::int64_t strikes_max = 1 + 8 * static_cast<std::int64_t>(input->below(8));
  return std::make_shared<Instance>(nullptr, std::make_unique<InstanceServices>(name), &table,
                                    nullptr,
                                    std::make_shared<Health>(name, "fuzz.so", strikes_max));
}

BlockInput first_block() {
  BlockInput block;
  for (std::uint8_t i = 0; i < token_count; ++i) {
    block.tokens.push_back({fuzz::address_of(GANTRY_ADDRESS_EVM, i), "T", 18});
  }
  for (std::uint8_t i = 0; i < pairs.size(); ++i) {
    block.pools.push_back({"venue",
                           fuzz::address_of(GANTRY_ADDRESS_EVM, static_cast<std::uint8_t>(32 + i)),
                           {pairs[i][0], pairs[i][1]},
                           {}});
  }
  return block;
}

void add_facts(BlockInput& block, std::uint64_t number) {
  block.block.number = number;
  block.block.time_s = 1'600'000'000 + 13 * number;
  for (std::uint32_t i = 0; i < pairs.size(); ++i) {
    if (number > 1 && input->below(2) == 0) continue;
    recording::Fact fact;
    fact.pool = i;
    fact.data = {1, 2, 3};
    block.facts.push_back(fact);
  }
}

// From a batch to plans, as the street's stages do it.
void decide(const Configuration& configuration, const Plugins& plugins, const MarketView& view,
            Batch& batch) {
  rank(batch.ranked);
  for (const Ranked& ranked : batch.ranked) {
    must(!std::isnan(ranked.score));
    const auto verdict = RiskGate(configuration.risk)
                             .check(view, ranked, plugins.strategies.front()->settings,
                                    view.snapshot().context.state_block);
    if (!verdict) continue;
    const auto plan = Planner(configuration, plugins).plan(view, *verdict);
    if (plan) must(!plan->calls.empty());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = (spdlog::set_level(spdlog::level::off), true);
  static_cast<void>(quiet);
  Input in(data, size);
  input = &in;
  quote_seed = in.value<std::uint32_t>();

  Configuration configuration;
  ChainSettings& chain = configuration.chains.emplace_back();
  chain.wrapped_native = fuzz::address_of(GANTRY_ADDRESS_EVM, 0);
  chain.usd_tokens = {fuzz::address_of(GANTRY_ADDRESS_EVM, 1)};
  configuration.wallet.sender = fuzz::address_of(GANTRY_ADDRESS_EVM, 99);
  configuration.wallet.entry_point = fuzz::address_of(GANTRY_ADDRESS_EVM, 98);
  configuration.risk.min_confidence = 0;
  configuration.risk.max_risk_score = 1;
  configuration.risk.min_profit_usd = 0;
  configuration.risk.min_profit_gas = 0;
  configuration.risk.min_success = 0;
  configuration.risk.max_composite = 1;
  configuration.risk.reserve_bps = 0;
  configuration.risk.max_concurrent_eth = 1e15;
  configuration.risk.capital_eth = 1e15;
  configuration.risk.max_position_eth = in.one_in(4) ? 1 : 1e15;
  configuration.risk.max_position_usd = 1e18;
  configuration.risk.pool_concentration_bps = 10000;

  Plugins plugins;
  plugins.venues.push_back(make<VenueInstance>("venue", venue_table));
  plugins.strategies.push_back(make<StrategyInstance>("strategy", strategy_table));
  plugins.paymasters.push_back(make<PaymasterInstance>("paymaster", paymaster_table));
  if (in.below(4) != 0) {
    plugins.strategies.front()->settings.capabilities = {{"calls"}};
    plugins.paymasters.front()->settings.capabilities = {{"http:bundler.example"}};
  }

  MarketState state(chain, plugins.venues);
  ChangeLog changes;
  History history;
  RunnerOptions options;
  options.opportunities_max = 3;
  options.pool_share_max_bps = 10000;
  options.position_max_eth = configuration.risk.max_position_eth;
  options.history_s_max = 1000;
  StrategyRunner runner(plugins.strategies.front(), changes, history, options);
  BlockInput block = first_block();
  for (std::uint64_t number = 1; number <= 4; ++number) {
    add_facts(block, number);
    auto snapshot = state.advance(block);
    must(snapshot.has_value());
    block = {};
    changes.add(**snapshot);
    if (number == 1) runner.subscribe(**snapshot);
    history.add(**snapshot);
    Delivery delivery{*snapshot, 0, {}, 0};
    if (number > 1) delivery.results.push_back({1, number, GANTRY_RESULT_PLANNED, 0, {}, {}});
    Batch batch = runner.run(delivery, false);
    MarketView view(&history);
    view.bind(**snapshot, {}, true);
    decide(configuration, plugins, view, batch);
    if (in.empty()) break;
  }
  input = nullptr;
  return 0;
}

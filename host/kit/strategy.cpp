#include "host/kit/strategy.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "host/base/text.hpp"
#include "host/market/legs.hpp"
#include "host/market/market_services.hpp"
#include "host/market/outside_prices.hpp"
#include "host/risk/gate.hpp"

namespace gantry::host::kit {
namespace {

constexpr std::size_t saved_bytes_max = 1U << 20U;

// The host's services, some of whose answers are refusals. One strategy is under test at a time.
struct Injector {
  std::uint32_t refuse_percent = 0;
  Random random{0};

  bool refuses(gantry_status& status) {
    if (refuse_percent == 0 || random.below(100) >= refuse_percent) return false;
    constexpr gantry_status all[] = {GANTRY_REFUSED,     GANTRY_UNSUPPORTED, GANTRY_NO_LIQUIDITY,
                                     GANTRY_BAD_STATE,   GANTRY_HOST_FAULT,  GANTRY_NEED_STATE,
                                     GANTRY_OUT_OF_RANGE};
    status = all[random.below(std::size(all))];
    return true;
  }
};
Injector injector;

template <auto Member>
struct Faulty;
template <class... Arguments, gantry_status (*gantry_market_services::*Member)(Arguments...)>
struct Faulty<Member> {
  static gantry_status call(Arguments... arguments) {
    gantry_status status = GANTRY_OK;
    if (injector.refuses(status)) return status;
    return (market_services().*Member)(arguments...);
  }
};

const gantry_market_services& faulty_services() {
  using S = gantry_market_services;
  static const S services{
      &Faulty<&S::token>::call,       &Faulty<&S::pool>::call,       &Faulty<&S::find_token>::call,
      &Faulty<&S::quote>::call,       &Faulty<&S::quote_many>::call, &Faulty<&S::limits>::call,
      &Faulty<&S::segments>::call,    &Faulty<&S::view>::call,       &Faulty<&S::state>::call,
      &Faulty<&S::quote_route>::call, &Faulty<&S::value>::call,      &Faulty<&S::price>::call,
      &Faulty<&S::history>::call,     &Faulty<&S::balance>::call};
  return services;
}

std::string text(const u256& amount) { return to_string(amount); }
bool fraction(double value) { return value >= 0 && value <= 1; }

}  // namespace

Strategy::Strategy(Loaded& library, void* object, bool guarded, std::string* transcript)
    : table_(static_cast<const gantry_strategy_v1*>(library.table())),
      object_(static_cast<gantry_strategy_instance*>(object)),
      memory_(guarded),
      transcript_(transcript),
      view_(&history_),
      after_(&history_),
      pending_(static_cast<const gantry_strategy_pending_v1*>(
          library.get_extension(object, GANTRY_STRATEGY_PENDING_ID))) {
  injector = {};
}

void Strategy::set_services(const Services& services) {
  injector.refuse_percent = services.refuse_percent;
  injector.random = Random(services.seed);
}

void Strategy::tell(const char* call, gantry_status status, std::span<const std::uint8_t> answer) {
  if (transcript_ == nullptr) return;
  *transcript_ += fmt::format("{} {} {}\n", call, status, hex_text(answer));
}

// The market of this call: gone when it returns.
const gantry_market* Strategy::market() {
  gantry_market copy = *view_.market();
  gantry_context context = *copy.context;
  context.chain = memory_.in_text({context.chain.data, context.chain.size});
  copy.context = memory_.in(context);
  copy.changed_pools = memory_.in_array<std::uint32_t>({copy.changed_pools, copy.changed_count});
  copy.services = &faulty_services();
  return memory_.in(copy);
}

void Strategy::meet(const Snapshot& snapshot) {
  cold_ = first_ || always_cold_ || topology_ != snapshot.topology->id;
  changed_ = snapshot.changed;
  view_.bind(snapshot, changed_, cold_);
  view_.show_positions(&held_);
  if (first_) {
    memory_.begin();
    const auto* given = market();
    const auto* sink = memory_.in(gantry_subscription_sink{
        this,
        [](void* self, std::int32_t kind) -> gantry_status {
          if (kind == GANTRY_EVENT_OUTSIDE_PRICE) {
            static_cast<Strategy*>(self)->wants_prices_ = true;
          }
          const bool known =
              kind >= GANTRY_EVENT_PENDING_SWAP && kind <= GANTRY_EVENT_OUTSIDE_PRICE;
          return known ? GANTRY_OK : GANTRY_BAD_ARGUMENT;
        },
        [](void* self, const gantry_history_query* query,
           std::uint64_t lookback_s) -> gantry_status {
          auto& strategy = *static_cast<Strategy*>(self);
          const auto tokens = strategy.view_.snapshot().topology->tokens.size();
          if (query->token >= tokens || query->quote >= tokens) return GANTRY_BAD_ARGUMENT;
          return strategy.history_.subscribe(query->token, query->quote, lookback_s)
                     ? GANTRY_OK
                     : GANTRY_REFUSED;
        }});
    memory_.seal();
    set_phase("subscribe()");
    const auto status = table_->subscribe(object_, given, sink);
    memory_.end();
    expect_status(status, {GANTRY_REFUSED, GANTRY_UNSUPPORTED}, "subscribe()");
    tell("subscribe", status);
    first_ = false;
  }
  history_.add(snapshot);
  if (topology_ == snapshot.topology->id && prepared_) return;
  topology_ = snapshot.topology->id;
  memory_.begin();
  const auto* given = market();
  auto* error = memory_.out<gantry_error>(0);
  memory_.seal();
  set_phase("prepare()");
  const auto status = table_->prepare(object_, given, error);
  memory_.end();
  prepared_ = status == GANTRY_OK;
  if (injector.refuse_percent == 0) {
    expect_status(status, {GANTRY_REFUSED}, "prepare()");
  } else {
    require(status != GANTRY_PLUGIN_FAULT,
            "prepare() answered GANTRY_PLUGIN_FAULT: it threw, or says that it is broken");
  }
  tell("prepare", status);
}

// The swaps that wait in the generated market. What is told beside them is another check's.
void Strategy::tell_pending() {
  const PendingWindow* window = view_.snapshot().pending.get();
  if (pending_ == nullptr || pending_->on_pending == nullptr || window == nullptr) return;
  const auto news =
      std::min<std::uint64_t>(window->last - std::min(told_, window->last), window->events.size());
  told_ = window->last;
  if (news == 0) return;
  memory_.begin();
  const auto* given = market();
  const auto* events = memory_.in_array<gantry_pending_event>(std::span(window->events).last(news));
  memory_.seal();
  set_phase("on_pending()");
  const auto status =
      pending_->on_pending(object_, given, events, static_cast<std::uint32_t>(news), 0);
  memory_.end();
  expect_status(status, {GANTRY_UNSUPPORTED, GANTRY_REFUSED, GANTRY_BAD_STATE}, "on_pending()");
  tell("on_pending", status);
}

// As the host does: before find(), each once.
void Strategy::tell_prices() {
  const PriceWindow* window = view_.snapshot().prices.get();
  if (!wants_prices_ || window == nullptr) return;
  const std::uint64_t before_window = window->last - window->prices.size();
  for (std::uint64_t at = std::max(prices_told_, before_window); at < window->last; ++at) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&window->prices[at - before_window]);
    send(GANTRY_EVENT_OUTSIDE_PRICE, no_handle, at + 1, {bytes, sizeof(gantry_outside_price)});
  }
  prices_told_ = window->last;
}

void Strategy::fill(const gantry_opportunity& position) {
  const auto closed = std::ranges::find_if(held_, [&](const gantry_position& one) {
    return one.token == position.token_in && one.base == position.token_out;
  });
  if (closed == held_.end()) {
    held_.push_back({position.token_in, position.token_out, position.amount_out, position.amount_in,
                     view_.snapshot().context.state_time_s, 0});
    return;
  }
  const u256 sold(position.amount_in);
  const u256 quantity(closed->quantity);
  u256 cost;
  if (sold >= quantity || !mul_div_ceil(u256(closed->cost), sold, quantity, cost)) {
    held_.erase(closed);
    return;
  }
  closed->quantity = wrapping_sub(quantity, sold);
  closed->cost = wrapping_sub(u256(closed->cost), cost);
}

const std::vector<gantry_opportunity>& Strategy::find(std::size_t room) {
  tell_pending();
  tell_prices();
  found_.clear();
  room_ = room;
  emitted_after_ = 0;
  memory_.begin();
  const auto* given = market();
  const auto* sink = memory_.in(gantry_opportunity_sink{
      this, [](void* self, const gantry_opportunity* opportunity) -> gantry_status {
        auto& strategy = *static_cast<Strategy*>(self);
        if (strategy.found_.size() == strategy.room_) {
          ++strategy.emitted_after_;
          return GANTRY_REFUSED;
        }
        strategy.found_.push_back(*opportunity);
        return GANTRY_OK;
      }});
  memory_.seal();
  set_phase("find()");
  dirty_stack(static_cast<std::uint8_t>(view_.snapshot().id * 37));
  const auto status = table_->find(object_, given, sink);
  memory_.end();
  expect_status(status, {GANTRY_BAD_STATE, GANTRY_REFUSED}, "find()");
  tell("find", status);
  for (const auto& found : found_) {
    tell("found", status, {reinterpret_cast<const std::uint8_t*>(&found), sizeof(found)});
  }
  return found_;
}

gantry_status Strategy::validate(const gantry_opportunity& opportunity) {
  memory_.begin();
  const auto* given = market();
  const auto* one = memory_.in(opportunity);
  memory_.seal();
  set_phase("validate()");
  const auto status = table_->validate(object_, given, one);
  memory_.end();
  require(status >= GANTRY_OK && status <= GANTRY_BAD_ARGUMENT,
          fmt::format("validate() answered {}", status_text(status)));
  tell("validate", status);
  return status;
}

gantry_status Strategy::size(const gantry_opportunity& opportunity,
                             const gantry_sizing_limits& limits, gantry_opportunity& out) {
  memory_.begin();
  const auto* given = market();
  const auto* one = memory_.in(opportunity);
  const auto* most = memory_.in(limits);
  auto* answer = memory_.out<gantry_opportunity>(0);
  *answer = opportunity;
  memory_.seal();
  set_phase("size()");
  dirty_stack(0x77);
  const auto status = table_->size(object_, given, one, most, answer);
  out = *answer;
  memory_.end();
  require(
      status >= GANTRY_OK && status <= GANTRY_BAD_ARGUMENT,
      fmt::format("size() answered {}: it threw, or says that it is broken", status_text(status)));
  tell("size", status);
  if (status == GANTRY_OK) {
    tell("sized", status, {reinterpret_cast<const std::uint8_t*>(&out), sizeof(out)});
  }
  return status;
}

gantry_status Strategy::plan(const gantry_opportunity& opportunity) {
  memory_.begin();
  const auto* given = market();
  const auto* one = memory_.in(opportunity);
  const auto* sink = memory_.in(gantry_instruction_sink{
      nullptr, [](void*, const gantry_instruction*) -> gantry_status { return GANTRY_OK; }});
  memory_.seal();
  set_phase("plan()");
  const auto status = table_->plan(object_, given, one, sink);
  memory_.end();
  expect_status(status, {GANTRY_UNSUPPORTED, GANTRY_REFUSED, GANTRY_BAD_ARGUMENT}, "plan()");
  tell("plan", status);
  return status;
}

gantry_status Strategy::on_result(const gantry_result& result) {
  memory_.begin();
  const auto* one = memory_.in(result);
  memory_.seal();
  set_phase("on_result()");
  const auto status = table_->on_result(object_, one);
  memory_.end();
  expect_status(status, {GANTRY_UNSUPPORTED}, "on_result()");
  tell("on_result", status);
  return status;
}

gantry_status Strategy::on_event(std::int32_t kind, std::span<const std::uint8_t> payload) {
  return send(kind, 0, 1, payload);
}

gantry_status Strategy::send(std::int32_t kind, std::uint32_t pool, std::uint64_t sequence,
                             std::span<const std::uint8_t> payload) {
  memory_.begin();
  gantry_event event{kind, pool, sequence, 1'700'000'000, memory_.in_bytes(payload, 8)};
  const auto* one = memory_.in(event);
  memory_.seal();
  set_phase("on_event()");
  const auto status = table_->on_event(object_, one);
  memory_.end();
  expect_status(status, {GANTRY_UNSUPPORTED, GANTRY_BAD_STATE}, "on_event()");
  tell("on_event", status);
  return status;
}

gantry_status Strategy::save(std::vector<std::uint8_t>& out) {
  const auto once = [&](std::size_t room, std::uint64_t& size) {
    memory_.begin();
    auto* bytes = memory_.room(room, 8, 0x5A);
    auto* buffer = memory_.out<gantry_buffer>(0);
    *buffer = {bytes, room, 0};
    memory_.seal();
    set_phase("save()");
    const auto status = table_->save(object_, buffer);
    size = buffer->size;
    if (status == GANTRY_OK) {
      require(size <= room, fmt::format("save() says that it wrote {} bytes into {}", size, room));
      out.assign(bytes, bytes + size);
    }
    memory_.end();
    expect_status(status, {GANTRY_NEED_SIZE, GANTRY_UNSUPPORTED}, "save()");
    return status;
  };
  std::uint64_t needed = 0;
  auto status = once(0, needed);
  if (status == GANTRY_NEED_SIZE) {
    require(needed > 0 && needed <= saved_bytes_max, fmt::format("save() needs {} bytes", needed));
    std::uint64_t wrote = 0;
    if (needed > 1) {
      require(once(needed - 1, wrote) == GANTRY_NEED_SIZE,
              "save() with one byte too little room is not GANTRY_NEED_SIZE");
    }
    status = once(needed, wrote);
    require(status == GANTRY_OK, "save() does not fit into the room that it asked for");
  }
  tell("save", status, status == GANTRY_OK ? out : std::vector<std::uint8_t>{});
  return status;
}

gantry_status Strategy::load(std::span<const std::uint8_t> saved) {
  memory_.begin();
  const gantry_bytes bytes = memory_.in_bytes(saved, 8);
  memory_.seal();
  set_phase("load()");
  const auto status = table_->load(object_, bytes);
  memory_.end();
  expect_status(status, {GANTRY_BAD_STATE, GANTRY_UNSUPPORTED}, "load()");
  tell("load", status);
  return status;
}

void Strategy::require_chained(const gantry_opportunity& o, const char* call) const {
  const Topology& topology = *view_.snapshot().topology;
  const auto say = [&](bool holds, std::string what) {
    if (!holds) broken(fmt::format("{} emits an opportunity {}", call, what));
  };
  const bool liquidation = o.kind == GANTRY_OPPORTUNITY_LIQUIDATION;
  say(o.kind >= GANTRY_OPPORTUNITY_ARBITRAGE && o.kind <= GANTRY_OPPORTUNITY_POSITION,
      fmt::format("of kind {}, which there is not", o.kind));
  say(o.leg_count <= GANTRY_LEGS_MAX && (o.leg_count > 0 || liquidation),
      fmt::format("of {} legs", o.leg_count));
  say(o.token_in < topology.tokens.size() && o.token_out < topology.tokens.size(),
      fmt::format("from token {} to token {}, and there are {}", o.token_in, o.token_out,
                  topology.tokens.size()));
  say(o.kind == GANTRY_OPPORTUNITY_POSITION || o.token_in == o.token_out,
      "that begins and ends in different tokens and is no position");
  say(std::isfinite(o.expected_profit_bps), "whose expected_profit_bps is no number");
  say(fraction(o.confidence), fmt::format("with a confidence of {}", o.confidence));
  say(fraction(o.risk_score), fmt::format("with a risk_score of {}", o.risk_score));
  say(!u256(o.amount_in).is_zero(), "with nothing that goes in");
  say(o.gas <= 1'000'000'000, fmt::format("of {} gas", o.gas));
  say(o.block == view_.snapshot().context.state_block,
      fmt::format("of block {} in a snapshot of block {}", o.block,
                  view_.snapshot().context.state_block));
  say(o.valid_until_block >= o.block, "that is not valid even in its own block");
  if (o.leg_count == 0) return;
  LegBalances balances(liquidation ? o.legs[0].hop.token_in : o.token_in,
                       u256(liquidation ? o.legs[0].amount_in : o.amount_in));
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    const gantry_leg& leg = o.legs[i];
    say(leg.hop.pool < topology.pools.size(),
        fmt::format("through pool {}, and there are {}", leg.hop.pool, topology.pools.size()));
    const PoolInfo& pool = topology.pools[leg.hop.pool];
    say(pool.index_of(leg.hop.token_in) != no_handle &&
            pool.index_of(leg.hop.token_out) != no_handle && leg.hop.token_in != leg.hop.token_out,
        fmt::format("whose leg {} swaps tokens that its pool has not got", i));
    say(!u256(leg.amount_in).is_zero() && balances.take(leg.hop.token_in, u256(leg.amount_in)),
        fmt::format("whose leg {} takes what those before it have not left", i));
    say(balances.put(leg.hop.token_out, u256(leg.amount_out)),
        fmt::format("whose leg {} pays more than 256 bits hold", i));
  }
  say(balances.end_in(o.token_out, u256(o.amount_out)),
      "whose legs do not end in what it says comes out");
}

void Strategy::require_quoted(const gantry_opportunity& o, const char* call) const {
  if (o.kind == GANTRY_OPPORTUNITY_LIQUIDATION || o.leg_count == 0) return;
  gantry_leg legs[GANTRY_LEGS_MAX];
  std::copy_n(o.legs, o.leg_count, legs);
  std::uint64_t gas = 0;
  std::uint32_t before = 0;
  if (o.kind == GANTRY_OPPORTUNITY_BACKRUN) {
    before = backrun_of(o).legs_before;
    require(
        before < o.leg_count && (before == 0 || (o.flags & GANTRY_OPPORTUNITY_SIMULATE_ONLY) != 0),
        fmt::format("{} emits a back-run with {} of its {} legs in front of what it is behind, "
                    "and is not GANTRY_OPPORTUNITY_SIMULATE_ONLY",
                    call, before, o.leg_count));
  }
  auto status = before == 0 ? GANTRY_OK : view_.quote_legs({legs, before}, gas);
  const MarketView* at = status == GANTRY_OK ? market_of(o, {legs, before}) : &view_;
  require(at != nullptr,
          fmt::format("{} emits a back-run behind a swap that it was not told of, or that would "
                      "fail",
                      call));
  if (status == GANTRY_OK) status = at->quote_legs({legs + before, o.leg_count - before}, gas);
  require(status == GANTRY_OK, fmt::format("{} emits a route that the venues answer with {}", call,
                                           status_text(status)));
  for (std::uint32_t i = 0; i < o.leg_count; ++i) {
    require(u256(legs[i].amount_out) == u256(o.legs[i].amount_out),
            fmt::format("{} says that leg {} pays {}, and its venue quotes {}", call, i,
                        text(u256(o.legs[i].amount_out)), text(u256(legs[i].amount_out))));
  }
}

const MarketView* Strategy::market_of(const gantry_opportunity& o,
                                      std::span<const gantry_leg> before) const {
  if (o.kind != GANTRY_OPPORTUNITY_BACKRUN) return &view_;
  const auto status = after_.bind(view_.snapshot(), backrun_of(o).pending, before);
  return status == GANTRY_OK ? &after_.view() : nullptr;
}

void Strategy::require_within(const gantry_opportunity& sized,
                              const gantry_sizing_limits& limits) const {
  require(u256(sized.amount_in) <= u256(limits.amount_in_max),
          fmt::format("size() answers {}, and no more than {} may go in",
                      text(u256(sized.amount_in)), text(u256(limits.amount_in_max))));
  const Topology& topology = *view_.snapshot().topology;
  const bool is_behind =
      sized.kind == GANTRY_OPPORTUNITY_BACKRUN && backrun_of(sized).legs_before == 0;
  const MarketView* behind = is_behind ? market_of(sized, {}) : nullptr;
  const MarketView& view = behind == nullptr ? view_ : *behind;
  for (std::uint32_t i = 0; i < sized.leg_count; ++i) {
    gantry_amount balances[8];
    gantry_pool_view pool{0, 8, balances};
    const gantry_hop& hop = sized.legs[i].hop;
    if (view.view(hop.pool, pool) != GANTRY_OK) continue;
    const u256 held(balances[topology.pools[hop.pool].index_of(hop.token_in)]);
    require(!above_share(amount_into_pool(sized, i), held, limits.pool_share_max_bps),
            fmt::format("size() puts {} into pool {}, which has {}: more than {} bps of it",
                        text(amount_into_pool(sized, i)), hop.pool, text(held),
                        limits.pool_share_max_bps));
  }
}

}  // namespace gantry::host::kit

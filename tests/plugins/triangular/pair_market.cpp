#include "plugins/triangular/pair_market.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "gantry/plugin.hpp"

extern "C" const gantry_plugin_entry gantry_plugin;

namespace pair_market {

using gantry::ConstantProduct;
using gantry::u256;

namespace {

ConstantProduct second_of(const Pair& pair, const ConstantProduct& first) {
  u256 paid;
  if (gantry::amount_out(first, pair.range, paid) != GANTRY_OK) return {};
  const u256 in = gantry::wrapping_add(first.reserve_in, pair.range);
  const u256 out = gantry::wrapping_sub(first.reserve_out, paid);
  return pair.deepens ? ConstantProduct{gantry::shift_left(in, 3), gantry::shift_left(out, 3)}
                      : ConstantProduct{gantry::shift_right(in, 3), gantry::shift_right(out, 3)};
}

// Its invariant is Ann (x + y) + D = Ann D + D^3 / (4 x y), in closed form for the other balance.
gantry_status stable_paid_by(const Pair& pair, std::uint32_t side, const u256& in, u256& out) {
  const long double ann = pair.amplification;
  const long double x = gantry::to_double(pair.reserves[side]);
  const long double y = gantry::to_double(pair.reserves[side ^ 1U]);
  long double d = x + y;
  for (int turn = 0; turn < 64; ++turn) {
    const long double product = d * d * d / (4 * x * y);
    const long double next = (ann * (x + y) + 2 * product) * d / ((ann - 1) * d + 3 * product);
    if (std::fabs(next - d) < 1) break;
    d = next;
  }
  const long double after = x + static_cast<long double>(gantry::to_double(in));
  const long double b = after + d / ann - d;
  const long double rest = (std::sqrt(b * b + d * d * d / (after * ann)) - b) / 2;
  constexpr long double lost = 4096;  // more than a long double is off by
  const long double paid = (y - rest) * 0.9996L - lost;
  return paid >= 1 && gantry::from_double_floor(static_cast<double>(paid), out)
             ? gantry_status{GANTRY_OK}
             : gantry_status{GANTRY_NO_LIQUIDITY};
}

}  // namespace

gantry_status paid_by(const Pair& pair, std::uint32_t side, const u256& in, u256& out) {
  if (pair.amplification != 0) return stable_paid_by(pair, side, in, out);
  const ConstantProduct first{pair.reserves[side], pair.reserves[side ^ 1U]};
  if (pair.range.is_zero() || in <= pair.range) return gantry::amount_out(first, in, out);
  u256 of_first;
  u256 of_second;
  if (gantry::amount_out(first, pair.range, of_first) != GANTRY_OK) return GANTRY_REFUSED;
  const gantry_status paid =
      gantry::amount_out(second_of(pair, first), gantry::wrapping_sub(in, pair.range), of_second);
  out = gantry::wrapping_add(of_first, of_second);
  return paid;
}

struct PairMarket::Services {
  static const PairMarket& self(const gantry_market* market) {
    return *static_cast<const PairMarket*>(market->self);
  }
  static gantry_address address(std::uint8_t first, std::uint32_t number) {
    gantry_address result{GANTRY_ADDRESS_EVM, 20, {}, {}};
    result.bytes[0] = first;
    result.bytes[1] = static_cast<std::uint8_t>(number >> 8U);
    result.bytes[2] = static_cast<std::uint8_t>(number);
    return result;
  }
  static bool hop(const PairMarket& market, std::uint32_t pool, std::uint32_t in,
                  ConstantProduct& out) {
    if (pool >= market.pairs.size() || in > 1 || !market.pairs[pool].usable) return false;
    out = {market.pairs[pool].reserves[in], market.pairs[pool].reserves[in ^ 1U]};
    return true;
  }

  static gantry_status token(const gantry_market* market, std::uint32_t token, gantry_token* out) {
    if (token >= self(market).flags.size()) return GANTRY_BAD_ARGUMENT;
    *out = {address(1, token), {"T", 1}, 18, self(market).flags[token]};
    return GANTRY_OK;
  }
  static gantry_status pool(const gantry_market* market, std::uint32_t pool, gantry_pool* out) {
    if (pool >= self(market).pairs.size()) return GANTRY_BAD_ARGUMENT;
    const Pair& pair = self(market).pairs[pool];
    *out = {address(2, pool),     pair.tokens, 2, 0, {GANTRY_POOL_SEGMENTS, 64, 100'000}, 1,
            pair.usable ? 1U : 0U};
    return GANTRY_OK;
  }
  // As venues answer: all that a pair can hold is where its only range ends.
  static gantry_status segments(const gantry_market* market, std::uint32_t pool, std::uint32_t in,
                                std::uint32_t out, gantry_segment* segments, std::uint32_t room,
                                std::uint32_t* count) {
    ConstantProduct curve;
    if (in == out || !hop(self(market), pool, in, curve)) return GANTRY_REFUSED;
    const Pair& pair = self(market).pairs[pool];
    const u256 most = gantry::wrapping_sub(gantry::shift_left(u256(1), 140), curve.reserve_in);
    if (pair.amplification != 0) {
      // A shape that has its price, and not its bend.
      *count = std::min(room, 1U);
      const u256 little = gantry::shift_right(curve.reserve_in, 16);
      u256 paid;
      if (*count == 0 || paid_by(pair, in, little, paid) != GANTRY_OK) return GANTRY_REFUSED;
      // The fee is in what was paid.
      segments[0] = {
          gantry::shift_left(little, 18), gantry::shift_left(paid, 18), most, 0, 1, 0, 0};
      return GANTRY_OK;
    }
    const u256 first_end = pair.range.is_zero() ? most : pair.range;
    *count = std::min(room, pair.range.is_zero() ? 1U : 2U);
    if (*count > 0) {
      segments[0] = {
          curve.reserve_in, curve.reserve_out, first_end, 3, 1000, GANTRY_SEGMENT_EXACT, 0};
    }
    if (*count > 1) {
      const ConstantProduct second = second_of(pair, curve);
      segments[1] = {second.reserve_in, second.reserve_out, most, 3, 1000, GANTRY_SEGMENT_EXACT, 0};
    }
    return GANTRY_OK;
  }
  static gantry_status limits(const gantry_market* market, std::uint32_t pool, std::uint32_t in,
                              std::uint32_t out, gantry_swap_limits* limits) {
    ConstantProduct curve;
    if (in == out || !hop(self(market), pool, in, curve)) return GANTRY_REFUSED;
    const Pair& pair = self(market).pairs[pool];
    // All that both ranges hold.
    const u256 most = pair.range.is_zero() ? curve.reserve_out : shift_left(curve.reserve_out, 3);
    *limits = {u256(1), u256::max(), most};
    return GANTRY_OK;
  }
  static gantry_status quote_many(const gantry_market* market, std::uint32_t pool,
                                  const gantry_swap* swaps, std::uint32_t count, gantry_quote* out,
                                  gantry_status* statuses) {
    if (pool >= self(market).pairs.size()) return GANTRY_BAD_ARGUMENT;
    self(market).quoted += count;
    for (std::uint32_t i = 0; i < count; ++i) {
      u256 paid;
      statuses[i] =
          paid_by(self(market).pairs[pool], swaps[i].token_in, u256(swaps[i].amount), paid);
      out[i] = {};
      out[i].amount_out = paid;
    }
    return GANTRY_OK;
  }
  static gantry_status view(const gantry_market* market, std::uint32_t pool,
                            gantry_pool_view* out) {
    if (pool >= self(market).pairs.size() || out->token_count < 2) return GANTRY_BAD_ARGUMENT;
    out->fee = 3'000;
    out->token_count = 2;
    for (const unsigned side : {0U, 1U}) {
      out->balances[side] = self(market).pairs[pool].reserves[side];
    }
    return GANTRY_OK;
  }
  static gantry_status quote_route(const gantry_market* market, const gantry_hop* hops,
                                   std::uint32_t count, const gantry_amount* amount, std::int32_t,
                                   gantry_route_quote* out) {
    u256 at(*amount);
    out->amount_in = at;
    out->amounts[0] = at;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (hops[i].pool >= self(market).pairs.size()) return GANTRY_BAD_ARGUMENT;
      const Pair& pair = self(market).pairs[hops[i].pool];
      if (!pair.usable ||
          paid_by(pair, pair.tokens[0] == hops[i].token_in ? 0 : 1, at, at) != GANTRY_OK) {
        return GANTRY_REFUSED;
      }
      out->amounts[i + 1] = at;
    }
    out->amount_out = at;
    out->gas = 100'000 * count;
    return GANTRY_OK;
  }
  static gantry_status value(const gantry_market* market, std::uint32_t token,
                             const gantry_amount* amount, gantry_value* out) {
    const double price = self(market).ether_per_unit[token];
    u256 wei;
    if (price == 0 ||
        !gantry::from_double_floor(gantry::to_double(u256(*amount)) * price * 1e18, wei)) {
      return GANTRY_UNSUPPORTED;
    }
    *out = {wei, wei, 0, 1, GANTRY_OK, 0};
    return GANTRY_OK;
  }
  static gantry_status balance(const gantry_market*, std::uint32_t, gantry_amount* out) {
    *out = u256::max();
    return GANTRY_OK;
  }

  // What the strategy has no business calling is not there.
  static constexpr gantry_market_services table = {
      &token, &pool,   nullptr,      nullptr, &quote_many, &limits, &segments,
      &view,  nullptr, &quote_route, &value,  nullptr,     nullptr, &balance};
};

PairMarket::PairMarket(std::uint32_t tokens, std::vector<Pair> new_pairs)
    : pairs(std::move(new_pairs)), ether_per_unit(tokens, 1e-18), flags(tokens, 0) {
  context.chain = {"eip155:1", 8};
  context.state_block = 100;
  context.execution_block = 101;
}

const gantry_market* PairMarket::snapshot(std::vector<std::uint32_t> changed, bool cold) {
  changed_ = std::move(changed);
  market_.self = this;
  market_.services = &Services::table;
  market_.context = &context;
  ++market_.snapshot;
  market_.topology = 1;
  market_.token_count = static_cast<std::uint32_t>(flags.size());
  market_.pool_count = static_cast<std::uint32_t>(pairs.size());
  market_.venue_count = 1;
  market_.wrapped_token = 0;
  market_.changed_pools = cold ? nullptr : changed_.data();
  market_.changed_count = cold ? 0 : static_cast<std::uint32_t>(changed_.size());
  market_.cold = cold ? 1 : 0;
  market_.pending = pending;
  return &market_;
}

Strategy::Strategy(const Parameters& parameters) {
  host_.self = this;
  host_.log = [](void* self, std::int32_t severity, gantry_string message) {
    if (severity == GANTRY_LOG_WARNING) {
      static_cast<Strategy*>(self)->warnings.emplace_back(gantry::view(message));
    }
  };
  host_.count = [](void* self, gantry_string name, std::uint64_t increment) {
    auto& all = static_cast<Strategy*>(self)->counters;
    const auto known = all.find(gantry::view(name));
    if (known != all.end()) {
      known->second += increment;
    } else {
      all.emplace(gantry::view(name), increment);
    }
  };
  host_.observe = [](void*, gantry_string, double) {};
  host_.get_service = [](void*, const char*) -> const void* { return nullptr; };

  const auto integer = [](std::string_view name, std::int32_t type, std::int64_t value) {
    gantry_parameter parameter{};
    parameter.name = gantry::c_string(name);
    parameter.type = type;
    parameter.integer = value;
    return parameter;
  };
  const gantry_parameter all[] = {
      integer("min_profit_bps", GANTRY_PARAMETER_INTEGER, parameters.min_profit_bps),
      integer("max_hops", GANTRY_PARAMETER_INTEGER, parameters.max_hops),
      integer("prefer_high_liquidity", GANTRY_PARAMETER_BOOLEAN,
              parameters.prefer_high_liquidity ? 1 : 0),
      integer("max_opportunities", GANTRY_PARAMETER_INTEGER, parameters.max_opportunities)};
  const gantry_instance_config config{{"triangular", 10}, {"eip155:1", 8}, all, 4, 0};
  table_ = static_cast<const gantry_strategy_v1*>(gantry_plugin.get_interface(GANTRY_STRATEGY_ID));
  gantry_error error{};
  if (table_ == nullptr || table_->create(&host_, &config, &instance_, &error) != GANTRY_OK) {
    throw std::runtime_error(error.message);
  }
  found.reserve(256);
}

Strategy::~Strategy() { table_->destroy(instance_); }

gantry_status Strategy::prepare(const gantry_market* market) {
  gantry_error error{};
  return table_->prepare(instance_, market, &error);
}

gantry_status Strategy::find(const gantry_market* market) {
  found.clear();
  const gantry_opportunity_sink sink{this, [](void* self, const gantry_opportunity* opportunity) {
                                       static_cast<Strategy*>(self)->found.push_back(*opportunity);
                                       return gantry_status{GANTRY_OK};
                                     }};
  return table_->find(instance_, market, &sink);
}

gantry_status Strategy::validate(const gantry_market* market,
                                 const gantry_opportunity& opportunity) {
  return table_->validate(instance_, market, &opportunity);
}

gantry_status Strategy::size(const gantry_market* market, const gantry_opportunity& opportunity,
                             const gantry_sizing_limits& limits, gantry_opportunity& out) {
  return table_->size(instance_, market, &opportunity, &limits, &out);
}

}  // namespace pair_market

#include "plugins/pair_trades/pool_market.hpp"

#include <algorithm>
#include <stdexcept>
#include <string_view>

#include "gantry/plugin.hpp"

extern "C" const gantry_plugin_entry gantry_plugin;

namespace pool_market {

using gantry::ConstantProduct;
using gantry::u256;

namespace {

gantry_address address(std::uint8_t first, std::uint32_t number) {
  gantry_address result{GANTRY_ADDRESS_EVM, 20, {}, {}};
  result.bytes[0] = first;
  result.bytes[1] = static_cast<std::uint8_t>(number >> 8U);
  result.bytes[2] = static_cast<std::uint8_t>(number);
  return result;
}

std::uint32_t place_of(const Pool& pool, std::uint32_t token) {
  return static_cast<std::uint32_t>(std::ranges::find(pool.tokens, token) - pool.tokens.begin());
}

// The second range of a pool that has one.
ConstantProduct second_of(const Pool& pool, const ConstantProduct& first) {
  u256 paid;
  if (gantry::amount_out(first, pool.range, paid) != GANTRY_OK) return {};
  return {gantry::shift_right(gantry::wrapping_add(first.reserve_in, pool.range), 3),
          gantry::shift_right(gantry::wrapping_sub(first.reserve_out, paid), 3)};
}

}  // namespace

u256 ether(std::uint64_t thousandths) {
  return gantry::wrapping_mul(u256(thousandths), u256(1'000'000'000'000'000ULL));
}

u256 paid_by(const Pool& pool, std::uint32_t token_in, std::uint32_t token_out, const u256& in) {
  const std::uint32_t i = place_of(pool, token_in);
  const std::uint32_t o = place_of(pool, token_out);
  if (!pool.usable || !pool.quotes || i == pool.tokens.size() || o == pool.tokens.size()) {
    return u256();
  }
  const ConstantProduct first{pool.reserves[i], pool.reserves[o]};
  u256 paid;
  u256 square;
  if (pool.shape == Shape::loan) {
    const bool is_taken = i == 0 && in <= pool.reserves[0] &&
                          gantry::mul_div_floor(in, pool.reserves[1], pool.reserves[0], paid);
    return is_taken ? paid : u256();
  }
  if (pool.shape == Shape::stable) {
    if (in >= pool.reserves[i]) return u256();
    static_cast<void>(gantry::mul_div_floor(in, u256(9996), u256(10000), paid));
    static_cast<void>(
        gantry::mul_div_ceil(in, in, gantry::wrapping_mul(pool.reserves[i], u256(20)), square));
    return gantry::sub(paid, square, paid) ? paid : u256();
  }
  if (pool.shape == Shape::pair || in <= pool.range) {
    return gantry::amount_out(first, in, paid) == GANTRY_OK ? paid : u256();
  }
  u256 more;
  if (gantry::amount_out(first, pool.range, paid) != GANTRY_OK ||
      gantry::amount_out(second_of(pool, first), gantry::wrapping_sub(in, pool.range), more) !=
          GANTRY_OK) {
    return u256();
  }
  return gantry::wrapping_add(paid, more);
}

struct Services {
  static const PoolMarket& self(const gantry_market* market) {
    return *static_cast<const PoolMarket*>(market->self);
  }
  static gantry_status token(const gantry_market* market, std::uint32_t token, gantry_token* out) {
    if (token >= self(market).flags.size()) return GANTRY_BAD_ARGUMENT;
    *out = {address(1, token), {"T", 1}, 18, self(market).flags[token]};
    return GANTRY_OK;
  }
  static gantry_status pool(const gantry_market* market, std::uint32_t pool, gantry_pool* out) {
    if (pool >= self(market).pools.size()) return GANTRY_BAD_ARGUMENT;
    const Pool& one = self(market).pools[pool];
    const std::uint32_t one_way = one.shape == Shape::loan ? GANTRY_POOL_ONE_WAY : 0;
    gantry_address id = address(2, pool);
    if (one.shape == Shape::loan) {
      id = {GANTRY_ADDRESS_ID32, 32, {}, {}};
      id.bytes[20] = one.account;
      id.bytes[31] = static_cast<std::uint8_t>(pool);
    }
    *out = {id,
            one.tokens.data(),
            static_cast<std::uint32_t>(one.tokens.size()),
            one.venue,
            {GANTRY_POOL_SEGMENTS | one_way, 64, 100'000},
            1,
            one.usable ? 1U : 0U};
    return GANTRY_OK;
  }
  static gantry_status quote(const gantry_market* market, std::uint32_t pool,
                             const gantry_swap* swap, gantry_quote* out) {
    if (pool >= self(market).pools.size()) return GANTRY_REFUSED;
    const Pool& one = self(market).pools[pool];
    if (swap->token_in >= one.tokens.size() || swap->token_out >= one.tokens.size()) {
      return GANTRY_BAD_ARGUMENT;
    }
    const u256 paid =
        paid_by(one, one.tokens[swap->token_in], one.tokens[swap->token_out], u256(swap->amount));
    if (paid.is_zero()) return GANTRY_NO_LIQUIDITY;
    *out = {};
    out->amount_in = swap->amount;
    out->amount_out = paid;
    out->gas = 100'000;
    return GANTRY_OK;
  }
  static gantry_status quote_many(const gantry_market* market, std::uint32_t pool,
                                  const gantry_swap* swaps, std::uint32_t count, gantry_quote* out,
                                  gantry_status* statuses) {
    for (std::uint32_t i = 0; i < count; ++i) {
      statuses[i] = quote(market, pool, &swaps[i], &out[i]);
    }
    return GANTRY_OK;
  }
  static gantry_status limits(const gantry_market* market, std::uint32_t pool, std::uint32_t in,
                              std::uint32_t out_token, gantry_swap_limits* out) {
    if (pool >= self(market).pools.size()) return GANTRY_REFUSED;
    const Pool& one = self(market).pools[pool];
    if (!one.usable || !one.quotes) return GANTRY_REFUSED;
    const bool is_loan = one.shape == Shape::loan;
    if (is_loan && in != 0) return GANTRY_UNSUPPORTED;
    if (one.reserves[in].is_zero()) return GANTRY_NO_LIQUIDITY;
    *out = {u256(1), is_loan ? one.reserves[0] : u256::max(), one.reserves[out_token]};
    return GANTRY_OK;
  }
  static gantry_status segments(const gantry_market* market, std::uint32_t pool, std::uint32_t in,
                                std::uint32_t out, gantry_segment* segments, std::uint32_t room,
                                std::uint32_t* count) {
    if (pool >= self(market).pools.size()) return GANTRY_REFUSED;
    const Pool& one = self(market).pools[pool];
    if (!one.usable || in == out || in >= one.tokens.size() || out >= one.tokens.size()) {
      return GANTRY_REFUSED;
    }
    *count = 0;
    if (!one.has_segments) return GANTRY_UNSUPPORTED;
    if (room == 0) return GANTRY_OK;
    const u256 end = one.shape == Shape::ranges ? one.range : u256::max();
    const ConstantProduct first{one.reserves[in], one.reserves[out]};
    if (one.shape == Shape::loan) {
      if (in != 0 || one.reserves[0].is_zero()) return GANTRY_NO_LIQUIDITY;
      const u256 deep = gantry::shift_left(one.reserves[0], 20);
      segments[0] = {deep, gantry::shift_left(one.reserves[1], 20), end, 0, 1, 0, 0};
    } else if (one.shape == Shape::stable) {
      // Its price at the beginning, and bends four times as much as it does.
      const u256 deep = gantry::shift_left(one.reserves[in], 1);
      segments[0] = {deep, deep, end, 4, 10'000, 0, 0};
    } else {
      segments[0] = {first.reserve_in, first.reserve_out, end, 3, 1000, GANTRY_SEGMENT_EXACT, 0};
    }
    *count = 1;
    // One curve, told of in slices.
    if (one.shape == Shape::pair && !one.range.is_zero()) {
      ConstantProduct at = first;
      for (std::uint32_t i = 0; i < room && i < 100; ++i) {
        segments[i] = {at.reserve_in, at.reserve_out, one.range, 3, 1000, 0, 0};
        u256 paid;
        if (gantry::amount_out(at, one.range, paid) != GANTRY_OK) break;
        u256 kept;
        static_cast<void>(gantry::mul_div_floor(one.range, u256(997), u256(1000), kept));
        at.reserve_in = gantry::wrapping_add(at.reserve_in, kept);
        at.reserve_out = gantry::wrapping_sub(at.reserve_out, paid);
        *count = i + 1;
      }
      return GANTRY_OK;
    }
    if (one.shape == Shape::ranges && room > 1) {
      const ConstantProduct second = second_of(one, first);
      segments[1] = {
          second.reserve_in, second.reserve_out, u256::max(), 3, 1000, GANTRY_SEGMENT_EXACT, 0};
      *count = 2;
    }
    return GANTRY_OK;
  }
  static gantry_status view(const gantry_market* market, std::uint32_t pool,
                            gantry_pool_view* out) {
    if (pool >= self(market).pools.size()) return GANTRY_REFUSED;
    const Pool& one = self(market).pools[pool];
    if (out->token_count < one.tokens.size()) return GANTRY_NEED_SIZE;
    out->fee = 3'000;
    out->token_count = static_cast<std::uint32_t>(one.tokens.size());
    for (std::size_t i = 0; i < one.tokens.size(); ++i) out->balances[i] = one.reserves[i];
    return GANTRY_OK;
  }
  static gantry_status quote_route(const gantry_market* market, const gantry_hop* hops,
                                   std::uint32_t count, const gantry_amount* amount, std::int32_t,
                                   gantry_route_quote* out) {
    u256 at(*amount);
    out->amount_in = out->amounts[0] = at;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (hops[i].pool >= self(market).pools.size()) return GANTRY_REFUSED;
      at = paid_by(self(market).pools[hops[i].pool], hops[i].token_in, hops[i].token_out, at);
      if (at.is_zero()) return GANTRY_NO_LIQUIDITY;
      out->amounts[i + 1] = at;
    }
    out->amount_out = at;
    out->gas = 100'000 * count;
    return GANTRY_OK;
  }
  static gantry_status value(const gantry_market* market, std::uint32_t token,
                             const gantry_amount* amount, gantry_value* out) {
    if (token >= self(market).ether_per_unit.size()) return GANTRY_BAD_ARGUMENT;
    const double price = self(market).ether_per_unit[token];
    u256 wei;
    if (price == 0 ||
        !gantry::from_double_floor(gantry::to_double(u256(*amount)) * price * 1e18, wei)) {
      return GANTRY_UNSUPPORTED;
    }
    *out = {wei, wei, 0, 1, GANTRY_OK, 0};
    return GANTRY_OK;
  }

  // What the strategies have no business calling is not there.
  static constexpr gantry_market_services table = {
      &token, &pool,   nullptr,      &quote, &quote_many, &limits, &segments,
      &view,  nullptr, &quote_route, &value, nullptr,     nullptr, nullptr};
  static constexpr gantry_split_draft_v1 split = {
      [](const gantry_market* market, gantry_leg* legs, std::uint32_t count, std::uint64_t* gas) {
        for (std::uint32_t i = 0; i < count; ++i) {
          gantry_route_quote paid;
          const auto status =
              quote_route(market, &legs[i].hop, 1, &legs[i].amount_in, GANTRY_EXACT_IN, &paid);
          if (status != GANTRY_OK) return status;
          legs[i].amount_out = paid.amount_out;
        }
        *gas = 100'000 * count;
        return gantry_status{GANTRY_OK};
      }};
  static constexpr gantry_venues_draft_v1 venues = {
      [](const gantry_market* market, std::uint32_t venue, gantry_string* out) -> gantry_status {
        if (venue >= self(market).venues.size()) return GANTRY_BAD_ARGUMENT;
        *out = gantry::c_string(self(market).venues[venue]);
        return GANTRY_OK;
      }};
};

PoolMarket::PoolMarket(std::uint32_t tokens, std::vector<Pool> new_pools)
    : pools(std::move(new_pools)), ether_per_unit(tokens, 1e-18), flags(tokens, 0) {
  context.chain = {"eip155:1", 8};
  context.state_block = 100;
  context.execution_block = 101;
}

gantry_address PoolMarket::token_address(std::uint32_t token) { return address(1, token); }

const gantry_market* PoolMarket::snapshot(std::vector<std::uint32_t> changed, bool cold) {
  changed_ = std::move(changed);
  market_.self = this;
  market_.services = &Services::table;
  market_.context = &context;
  ++market_.snapshot;
  market_.topology = 1;
  market_.token_count = static_cast<std::uint32_t>(flags.size());
  market_.pool_count = static_cast<std::uint32_t>(pools.size());
  market_.venue_count = static_cast<std::uint32_t>(venues.size());
  market_.wrapped_token = 0;
  market_.changed_pools = cold ? nullptr : changed_.data();
  market_.changed_count = cold ? 0 : static_cast<std::uint32_t>(changed_.size());
  market_.cold = cold ? 1 : 0;
  return &market_;
}

bool PoolMarket::adds_up(const gantry_opportunity& found) const {
  std::map<std::uint32_t, u256> balances{{found.token_in, u256(found.amount_in)}};
  bool used_up = false;
  for (std::uint32_t i = 0; i < found.leg_count; ++i) {
    const gantry_leg& leg = found.legs[i];
    const u256 in(leg.amount_in);
    const u256 out(leg.amount_out);
    u256& from = balances[leg.hop.token_in];
    if (leg.hop.pool >= pools.size() || in.is_zero() || !gantry::sub(from, in, from)) return false;
    used_up = used_up || (leg.hop.token_in == found.token_in && from.is_zero());
    if (paid_by(pools[leg.hop.pool], leg.hop.token_in, leg.hop.token_out, in) != out) return false;
    u256& to = balances[leg.hop.token_out];
    to = gantry::wrapping_add(to, out);
  }
  const u256 end = balances[found.token_out];
  balances.erase(found.token_out);
  const auto empty = [](const auto& balance) { return balance.second.is_zero(); };
  return used_up && std::ranges::all_of(balances, empty) && end == u256(found.amount_out) &&
         found.token_in == found.token_out && end > u256(found.amount_in) &&
         found.confidence >= 0 && found.confidence <= 1 && found.risk_score >= 0 &&
         found.risk_score <= 1 && found.block == context.state_block;
}

Strategy::Strategy(Options options) {
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
  if (options.services) {
    host_.get_service = [](void*, const char* id) -> const void* {
      const std::string_view wanted = id;
      if (wanted == GANTRY_SPLIT_DRAFT_ID) return &Services::split;
      return wanted == GANTRY_VENUES_DRAFT_ID ? &Services::venues : nullptr;
    };
  }
  std::vector<gantry_parameter> rows;
  const auto row = [&](const std::string& name, std::int32_t type) -> gantry_parameter& {
    gantry_parameter& parameter = rows.emplace_back();
    parameter.name = gantry::c_string(name);
    parameter.type = type;
    return parameter;
  };
  for (const auto& [name, value] : options.integers) {
    row(name, GANTRY_PARAMETER_INTEGER).integer = value;
  }
  for (const auto& [name, value] : options.booleans) {
    row(name, GANTRY_PARAMETER_BOOLEAN).integer = value ? 1 : 0;
  }
  for (const auto& [name, value] : options.strings) {
    row(name, GANTRY_PARAMETER_STRING).string = gantry::c_string(value);
  }
  const gantry_instance_config config{
      {"tested", 6}, {"eip155:1", 8}, rows.data(), static_cast<std::uint32_t>(rows.size()), 0};
  table_ = static_cast<const gantry_strategy_v1*>(gantry_plugin.get_interface(GANTRY_STRATEGY_ID));
  gantry_error error{};
  if (table_ == nullptr || table_->create(&host_, &config, &instance_, &error) != GANTRY_OK) {
    throw std::runtime_error(error.message);
  }
  found.reserve(1024);
}

Strategy::~Strategy() { table_->destroy(instance_); }

const std::vector<gantry_opportunity>& Strategy::look(PoolMarket& market) {
  gantry_error error{};
  if (table_->prepare(instance_, market.snapshot({}, true), &error) != GANTRY_OK ||
      find(market.snapshot({}, true)) != GANTRY_OK) {
    throw std::runtime_error("prepare() or find() failed");
  }
  return found;
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

}  // namespace pool_market

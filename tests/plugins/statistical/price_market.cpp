#include "plugins/statistical/price_market.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>

#include "gantry/constant_product.hpp"
#include "gantry/plugin.hpp"
#include "gantry/u256_convert.hpp"

extern "C" const gantry_plugin_entry gantry_plugin;

namespace price_market {

using gantry::u256;

namespace {

gantry_address address(std::uint8_t first, std::uint32_t number) {
  gantry_address result{GANTRY_ADDRESS_EVM, 20, {}, {}};
  result.bytes[0] = first;
  result.bytes[19] = static_cast<std::uint8_t>(number);
  return result;
}

u256 wei(double ether) {
  u256 out;
  if (!gantry::from_double_floor(ether * 1e18, out)) throw std::runtime_error("no amount");
  return out;
}

}  // namespace

struct Services {
  static const PriceMarket& self(const gantry_market* market) {
    return *static_cast<const PriceMarket*>(market->self);
  }
  static gantry_status token(const gantry_market* market, std::uint32_t token, gantry_token* out) {
    if (token >= market->token_count) return GANTRY_BAD_ARGUMENT;
    *out = {PriceMarket::token_address(token), {"T", 1}, 18, GANTRY_TOKEN_VALUED};
    return GANTRY_OK;
  }
  static gantry_status pool(const gantry_market* market, std::uint32_t pool, gantry_pool* out) {
    if (pool >= self(market).pools_.size()) return GANTRY_BAD_ARGUMENT;
    const auto& one = self(market).pools_[pool];
    *out = {address(2, pool),    one.tokens, 2, 0, {GANTRY_POOL_SEGMENTS, 64, 100'000}, 1,
            one.usable ? 1U : 0U};
    return GANTRY_OK;
  }
  static gantry_status find_token(const gantry_market* market, const gantry_address* wanted,
                                  std::uint32_t* out) {
    for (std::uint32_t i = 0; i < market->token_count; ++i) {
      if (wanted->bytes[0] != 1 || wanted->bytes[19] != i) continue;
      *out = i;
      return GANTRY_OK;
    }
    return GANTRY_UNSUPPORTED;
  }
  static gantry_status view(const gantry_market* market, std::uint32_t pool,
                            gantry_pool_view* out) {
    if (pool >= self(market).pools_.size() || out->token_count < 2) return GANTRY_BAD_ARGUMENT;
    out->fee = 3'000;
    out->token_count = 2;
    for (const int side : {0, 1}) out->balances[side] = self(market).pools_[pool].reserves[side];
    return GANTRY_OK;
  }
  static gantry_status quote_route(const gantry_market* market, const gantry_hop* hops,
                                   std::uint32_t count, const gantry_amount* amount, std::int32_t,
                                   gantry_route_quote* out) {
    if (count != 1) return GANTRY_BAD_ARGUMENT;
    const u256 paid = self(market).paid(hops->token_in, hops->token_out, u256(*amount));
    if (paid.is_zero()) return GANTRY_NO_LIQUIDITY;
    out->amount_in = out->amounts[0] = *amount;
    out->amount_out = out->amounts[1] = paid;
    out->gas = 100'000;
    return GANTRY_OK;
  }
  static gantry_status value(const gantry_market* market, std::uint32_t token,
                             const gantry_amount* amount, gantry_value* out) {
    if (token != 0) return GANTRY_UNSUPPORTED;  // all amounts are turned into the base first
    static_cast<void>(market);
    *out = {*amount, *amount, 0, 1, GANTRY_OK, 0};
    return GANTRY_OK;
  }
  static gantry_status price(const gantry_market* market, std::uint32_t token, std::uint32_t quote,
                             gantry_price* out) {
    const auto& prices = self(market).prices_;
    if (token == 0 || token > prices.size() || quote != 0) return GANTRY_BAD_ARGUMENT;
    const double middle = prices[token - 1];
    if (!(middle > 0)) return GANTRY_UNSUPPORTED;
    *out = {};
    out->bid = middle * 0.997;
    out->ask = middle / 0.997;
    return GANTRY_OK;
  }
  static gantry_status history(const gantry_market* market, const gantry_history_query* query,
                               gantry_sample* out, std::uint32_t capacity, std::uint32_t* count) {
    const PriceMarket& all = self(market);
    const auto series = all.series_.find(query->token);
    if (!all.keeps_history || series == all.series_.end()) return GANTRY_UNSUPPORTED;
    std::uint32_t written = 0;
    for (const gantry_sample& sample : series->second) {
      if (written == capacity) break;
      if (sample.time_s < query->from_s || sample.time_s > query->to_s) continue;
      out[written++] = sample;
    }
    if (written == 0) return GANTRY_NO_LIQUIDITY;
    *count = written;
    return GANTRY_OK;
  }

  // What the strategy has no business calling is not there.
  static constexpr gantry_market_services table = {
      &token, &pool,   &find_token,  nullptr, nullptr, nullptr,  nullptr,
      &view,  nullptr, &quote_route, &value,  &price,  &history, nullptr};
  static constexpr gantry_positions_draft_v1 positions = {
      [](const gantry_market* market, gantry_position* out, std::uint32_t capacity,
         std::uint32_t* count) -> gantry_status {
        const PriceMarket& all = self(market);
        if (all.positions_known != GANTRY_OK) return all.positions_known;
        *count = static_cast<std::uint32_t>(all.positions.size());
        std::copy_n(all.positions.begin(), std::min(capacity, *count), out);
        return GANTRY_OK;
      }};
};

PriceMarket::PriceMarket(std::uint32_t tokens, double depth_ether) : depth_ether_(depth_ether) {
  context.chain = {"eip155:1", 8};
  context.state_block = 100;
  for (std::uint32_t i = 0; i < tokens; ++i) pools_.push_back({{i + 1, 0}, {u256(), u256()}});
}

gantry_address PriceMarket::token_address(std::uint32_t token) { return address(1, token); }

const gantry_market* PriceMarket::at(std::uint64_t time_s, const std::vector<double>& prices) {
  prices_ = prices;
  context.state_block += 1;
  context.execution_block = context.state_block + 1;
  context.state_time_s = time_s;
  for (std::size_t i = 0; i < pools_.size(); ++i) {
    Pool& pool = pools_[i];
    pool.usable = prices[i] > 0;
    if (!pool.usable) continue;
    pool.reserves[0] = wei(depth_ether_ / prices[i]);
    pool.reserves[1] = wei(depth_ether_);
    const auto series = series_.find(static_cast<std::uint32_t>(i) + 1);
    const double kept = std::sqrt(prices[i] * 0.997 * (prices[i] / 0.997));
    if (series != series_.end()) series->second.push_back({time_s, kept});
  }
  market_.self = this;
  market_.services = &Services::table;
  market_.context = &context;
  ++market_.snapshot;
  market_.topology = 1;
  market_.token_count = static_cast<std::uint32_t>(pools_.size()) + 1;
  market_.pool_count = static_cast<std::uint32_t>(pools_.size());
  market_.venue_count = 1;
  market_.wrapped_token = 0;
  market_.cold = 1;
  return &market_;
}

u256 PriceMarket::paid(std::uint32_t in, std::uint32_t out, const u256& amount) const {
  for (const Pool& pool : pools_) {
    const bool sells = pool.tokens[0] == in && pool.tokens[1] == out;
    if (!pool.usable || (!sells && (pool.tokens[1] != in || pool.tokens[0] != out))) continue;
    const std::size_t side = sells ? 0 : 1;
    u256 result;
    const auto status = gantry::amount_out(
        gantry::ConstantProduct{pool.reserves[side], pool.reserves[side ^ 1U]}, amount, result);
    return status == GANTRY_OK ? result : u256();
  }
  return u256();
}

void PriceMarket::fill(const gantry_opportunity& trade, std::uint64_t time_s) {
  if (trade.token_in == 0) {
    positions.push_back({0, trade.token_out, trade.amount_out, trade.amount_in, time_s, 0});
    return;
  }
  std::erase_if(positions, [&](const auto& each) { return each.token == trade.token_in; });
}

gantry_subscription_sink PriceMarket::sink() {
  return {this, [](void*, std::int32_t) { return gantry_status{GANTRY_OK}; },
          [](void* self, const gantry_history_query* query, std::uint64_t) -> gantry_status {
            auto& market = *static_cast<PriceMarket*>(self);
            if (market.subscription != GANTRY_OK) return market.subscription;
            market.series_[query->token].reserve(100'000);
            return GANTRY_OK;
          }};
}

Trader::Trader(const Options& options) {
  host_.self = this;
  host_.log = [](void* self, std::int32_t severity, gantry_string message) {
    if (severity == GANTRY_LOG_WARNING) {
      static_cast<Trader*>(self)->warnings.emplace_back(gantry::view(message));
    }
  };
  host_.count = [](void* self, gantry_string name, std::uint64_t increment) {
    auto& all = static_cast<Trader*>(self)->counters_;
    const auto known = all.find(gantry::view(name));
    if (known != all.end()) {
      known->second += increment;
    } else {
      all.emplace(gantry::view(name), increment);
    }
  };
  host_.observe = [](void*, gantry_string, double) {};
  host_.get_service = [](void*, const char*) -> const void* { return nullptr; };
  if (options.has_positions) {
    host_.get_service = [](void*, const char* id) -> const void* {
      return std::string_view(id) == GANTRY_POSITIONS_DRAFT_ID ? &Services::positions : nullptr;
    };
  }
  std::map<std::string, std::int64_t> integers = {
      {"lookback_hours", 24},    {"min_profit_bps", 30}, {"rebalance_interval_hours", 6},
      {"max_holding_hours", 72}, {"max_positions", 4},   {"max_tokens", 24},
      {"sample_minutes", 5},     {"min_samples", 20},    {"warm_up_percent", 50},
      {"patience_snapshots", 16}};
  std::map<std::string, double> numbers = {{"z_score_threshold", 2.5},
                                           {"correlation_threshold", 0.7},
                                           {"exit_z_score", 0.5},
                                           {"stop_z_score", 4},
                                           {"position_eth", 1}};
  for (const auto& [name, value] : options.integers) integers.at(name) = value;
  for (const auto& [name, value] : options.numbers) numbers.at(name) = value;
  std::vector<gantry_parameter> rows;
  const auto row = [&](const std::string& name, std::int32_t type) -> gantry_parameter& {
    gantry_parameter& parameter = rows.emplace_back();
    parameter.name = gantry::c_string(name);
    parameter.type = type;
    return parameter;
  };
  for (const auto& [name, value] : integers) row(name, GANTRY_PARAMETER_INTEGER).integer = value;
  for (const auto& [name, value] : numbers) row(name, GANTRY_PARAMETER_NUMBER).number = value;
  const std::string base = "base";
  row(base, GANTRY_PARAMETER_STRING).string = gantry::c_string(options.base);
  const gantry_instance_config config{{"statistical", 11},
                                      {"eip155:1", 8},
                                      rows.data(),
                                      static_cast<std::uint32_t>(rows.size()),
                                      0};
  table_ = static_cast<const gantry_strategy_v1*>(gantry_plugin.get_interface(GANTRY_STRATEGY_ID));
  gantry_error error{};
  if (table_ == nullptr || table_->create(&host_, &config, &instance_, &error) != GANTRY_OK) {
    throw std::runtime_error(error.message);
  }
  found.reserve(256);
}

Trader::~Trader() { table_->destroy(instance_); }

const std::vector<gantry_opportunity>& Trader::look(PriceMarket& market,
                                                    const gantry_market* snapshot) {
  if (!ready_) {
    const auto sink = market.sink();
    gantry_error error{};
    if (table_->subscribe(instance_, snapshot, &sink) != GANTRY_OK ||
        table_->prepare(instance_, snapshot, &error) != GANTRY_OK) {
      throw std::runtime_error("subscribe() or prepare() failed");
    }
    ready_ = true;
  }
  found.clear();
  const gantry_opportunity_sink sink{this, [](void* self, const gantry_opportunity* opportunity) {
                                       static_cast<Trader*>(self)->found.push_back(*opportunity);
                                       return gantry_status{GANTRY_OK};
                                     }};
  if (table_->find(instance_, snapshot, &sink) != GANTRY_OK) {
    throw std::runtime_error("find() failed");
  }
  return found;
}

void Trader::hear(std::uint64_t key, std::int32_t kind) {
  gantry_result result{};
  result.key = key;
  result.kind = kind;
  if (table_->on_result(instance_, &result) != GANTRY_OK) throw std::runtime_error("on_result()");
}

gantry_status Trader::size(const gantry_market* market, const gantry_opportunity& opportunity,
                           const gantry_sizing_limits& limits, gantry_opportunity& out) {
  return table_->size(instance_, market, &opportunity, &limits, &out);
}
gantry_status Trader::validate(const gantry_market* market, const gantry_opportunity& opportunity) {
  return table_->validate(instance_, market, &opportunity);
}

std::uint64_t Trader::counted(const std::string& name) const {
  const auto known = counters_.find(name);
  return known == counters_.end() ? 0 : known->second;
}

}  // namespace price_market

#include "plugins/strategies/triangular/universe.hpp"

#include <algorithm>

namespace gantry::triangular {
namespace {

constexpr std::uint32_t kNone = ~std::uint32_t{0};
// A token's value moves with pools it is not in, too: so many are looked at anew in each snapshot,
// in turn. What is emitted is valued by the host at that moment, whatever is kept here.
constexpr std::uint32_t kValuesPerSnapshot = 32;

// FNV-1a, 64 bit.
std::uint64_t hash_of(const gantry_address& address) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  const auto add = [&](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3ULL; };
  add(address.kind);
  for (std::size_t i = 0; i < std::min<std::size_t>(address.length, sizeof(address.bytes)); ++i) {
    add(address.bytes[i]);
  }
  return hash;
}

bool trades(const Market& market, const gantry_pool& pool) {
  if (pool.usable == 0 || (pool.traits.flags & GANTRY_POOL_SEGMENTS) == 0) return false;
  for (std::uint32_t i = 0; i < pool.token_count; ++i) {
    gantry_token token;
    if (market.token(pool.tokens[i], token) != GANTRY_OK) return false;
    if ((token.flags & GANTRY_TOKEN_AVOID) != 0) return false;
  }
  return true;
}

}  // namespace

std::optional<Leg> read_leg(const Market& market, std::uint32_t pool, std::uint32_t token_in,
                            std::uint32_t token_out) {
  gantry_segment segment;
  std::uint32_t count = 0;
  if (market.segments(pool, token_in, token_out, {&segment, 1}, count) != GANTRY_OK || count == 0) {
    return std::nullopt;
  }
  const u256 end(segment.in_end);
  if (end.is_zero() || segment.fee >= segment.fee_denominator) return std::nullopt;
  const u256 in_max = end == u256::max() ? end : wrapping_sub(end, u256(1));
  return Leg{
      {u256(segment.reserve_in), u256(segment.reserve_out), segment.fee, segment.fee_denominator},
      in_max};
}

void Universe::prepare(const Market& market, const CycleLimits& limits) {
  handle_.clear();
  place_.assign(market.pool_count(), kNone);
  pool_hash_.assign(market.pool_count(), 0);
  token_hash_.assign(market.token_count(), 0);
  std::vector<PoolTokens> pools;
  std::vector<double> gas;
  for (std::uint32_t handle = 0; handle < market.pool_count(); ++handle) {
    gantry_pool pool;
    if (market.pool(handle, pool) != GANTRY_OK) continue;
    pool_hash_[handle] = hash_of(pool.address);
    if (!trades(market, pool)) continue;
    place_[handle] = static_cast<std::uint32_t>(handle_.size());
    handle_.push_back(handle);
    pools.push_back({{pool.tokens, pool.token_count}});
    gas.push_back(static_cast<double>(pool.traits.swap_gas));
  }
  for (std::uint32_t token = 0; token < market.token_count(); ++token) {
    gantry_token info;
    if (market.token(token, info) == GANTRY_OK) token_hash_[token] = hash_of(info.address);
  }
  index_.build(pools, limits);
  screen_.attach(index_);
  list_edges(market);
  for (std::uint32_t edge = 0; edge < index_.edges().size(); ++edge) {
    screen_.set_gas(edge, gas[index_.edges()[edge].pool]);
  }
  changed_.assign(handle_.size(), 0);
  next_value_ = 0;
  refresh_all(market);
}

void Universe::list_edges(const Market& market) {
  token_places_.clear();
  legs_.assign(index_.edges().size() * 2, Leg{});
  traded_.assign(market.token_count(), 0);
  for (const Edge& edge : index_.edges()) {
    gantry_pool pool{};
    const bool known = market.pool(handle_[edge.pool], pool) == GANTRY_OK;
    const auto place = [&](std::uint32_t token) {
      const auto* end = pool.tokens + pool.token_count;
      return known ? static_cast<std::uint32_t>(std::find(pool.tokens, end, token) - pool.tokens)
                   : 0;
    };
    token_places_.push_back({place(edge.token0), place(edge.token1)});
    traded_[edge.token0] = 1;
    traded_[edge.token1] = 1;
  }
}

std::span<const std::uint32_t> Universe::refresh(const Market& market,
                                                 std::span<const std::uint32_t> pools) {
  std::size_t count = 0;
  for (const std::uint32_t handle : pools) {
    if (handle >= place_.size() || place_[handle] == kNone || count == changed_.size()) continue;
    const std::uint32_t place = place_[handle];
    changed_[count++] = place;
    read_pool(market, place);
    const CycleIndex::EdgeRange edges = index_.edges_of(place);
    for (std::uint32_t edge = edges.first; edge < edges.last; ++edge) {
      read_value(market, index_.edges()[edge].token0);
      read_value(market, index_.edges()[edge].token1);
    }
  }
  for (std::uint32_t i = 0; i < kValuesPerSnapshot && i < traded_.size(); ++i) {
    next_value_ = next_value_ + 1 < traded_.size() ? next_value_ + 1 : 0;
    if (traded_[next_value_] != 0) read_value(market, next_value_);
  }
  return {changed_.data(), count};
}

void Universe::refresh_all(const Market& market) {
  for (std::uint32_t place = 0; place < handle_.size(); ++place) read_pool(market, place);
  for (std::uint32_t token = 0; token < traded_.size(); ++token) {
    if (traded_[token] != 0) read_value(market, token);
  }
}

void Universe::read_pool(const Market& market, std::uint32_t place) {
  const CycleIndex::EdgeRange edges = index_.edges_of(place);
  for (std::uint32_t edge = edges.first; edge < edges.last; ++edge) {
    const TokenPlaces& at = token_places_[edge];
    for (const unsigned direction : {0U, 1U}) {
      const auto leg = read_leg(market, handle_[place], direction == 0 ? at.token0 : at.token1,
                                direction == 0 ? at.token1 : at.token0);
      legs_[edge << 1 | direction] = leg.value_or(Leg{});
      if (leg) {
        screen_.set_hop(edge, direction, leg->pool);
      } else {
        screen_.close_hop(edge, direction);
      }
    }
  }
}

void Universe::read_value(const Market& market, std::uint32_t token) {
  // Large, so that the integers lose nothing that counts, and far from 256 bits.
  constexpr unsigned amount_bits = 90;
  gantry_value value;
  const bool known = market.value(token, shift_left(u256(1), amount_bits), value) == GANTRY_OK &&
                     value.status == GANTRY_OK;
  screen_.set_value(token, known ? to_double(u256(value.ether_wei)) * 1e-18 * 0x1p-90 : 0);
}

gantry_hop Universe::hop(std::uint32_t directed) const {
  const Edge& edge = index_.edges()[directed >> 1];
  const bool up = (directed & 1U) == 0;
  return {handle_[edge.pool], up ? edge.token0 : edge.token1, up ? edge.token1 : edge.token0, 0};
}

double Universe::depth_ether(std::uint32_t directed) const {
  return std::max(screen_.depth_ether(directed >> 1, 0), screen_.depth_ether(directed >> 1, 1));
}

}  // namespace gantry::triangular

#include "plugins/dex/curve/pending.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace gantry::curve {

namespace {

using evm::Address;
using evm::Arguments;

// exchange() of a pool: numbers of two coins, what goes in, the least that comes out, and then
// whether the coin is the chain's own, and who is paid.
struct Exchange {
  evm::Selector selector;
  bool has_use_eth;
  bool has_receiver;
};
constexpr std::array<Exchange, 6> exchanges = {{
    {{0x3d, 0xf0, 0x21, 0x24}, false, false},  // (int128,int128,uint256,uint256)
    {{0xdd, 0xc1, 0xf5, 0x9d}, false, true},
    {{0x5b, 0x41, 0xb9, 0x08}, false, false},  // (uint256,uint256,uint256,uint256)
    {{0xa6, 0x48, 0x33, 0xa0}, false, true},
    {{0x39, 0x47, 0x47, 0xc5}, true, false},
    {{0xce, 0x7d, 0x65, 0x03}, true, true},
}};

// exchange(address[11],uint256[5][5],uint256,uint256) of the router, with pools of zaps, and with
// a receiver.
constexpr std::size_t route_words = 11;
constexpr std::size_t hops_max = 5;
constexpr std::size_t amount_at = route_words + 5 * hops_max;
constexpr std::size_t pools_at = amount_at + 2;
struct Route {
  evm::Selector selector;
  std::size_t words;
};
constexpr std::array<Route, 3> routes = {{
    {{0x37, 0x1d, 0xc4, 0x47}, pools_at},
    {{0x5c, 0x9c, 0x18, 0xe2}, pools_at + hops_max},
    {{0xc8, 0x72, 0xa3, 0xc5}, pools_at + hops_max + 1},
}};
// What the router takes for the chain's coin.
constexpr Address coin_of_chain = {0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee,
                                   0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee};
constexpr std::uint64_t swap_types = 9;  // from 1

}  // namespace

std::vector<PendingPool> parse_pending_pools(std::string_view text) {
  constexpr std::string_view between = " ,";
  std::vector<PendingPool> pools;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(between), text.size()));
    if (text.empty()) return pools;
    const std::string_view one = text.substr(0, text.find_first_of(between));
    text.remove_prefix(one.size());
    auto addresses = evm::parse_address_list("pending_pools", one, ":");
    if (addresses.size() < 3) {
      throw Refused("pending_pools: `" + std::string(one) +
                    "` is not a pool and its coins, as pool:coin0:coin1");
    }
    PendingPool& pool = pools.emplace_back();
    pool.address = addresses.front();
    pool.coins.assign(addresses.begin() + 1, addresses.end());
  }
}

gantry_status decode_pool_call(const PendingPool& pool, const evm::RouterCall& call,
                               PendingSink sink) {
  const auto exchange = std::ranges::find(exchanges, call.selector, &Exchange::selector);
  if (exchange == exchanges.end()) return GANTRY_UNSUPPORTED;
  const auto in = call.arguments.number(0, 8);
  const auto out = call.arguments.number(1, 8);
  const auto amount = call.arguments.word(2);
  const auto least = call.arguments.word(3);
  if (!in || !out || !amount || !least) return GANTRY_BAD_STATE;
  std::size_t next = 4;
  if (exchange->has_use_eth && !call.arguments.number(next++, 1)) return GANTRY_BAD_STATE;
  if (exchange->has_receiver && !call.arguments.address(next)) return GANTRY_BAD_STATE;
  if (*in >= pool.coins.size() || *out >= pool.coins.size()) return GANTRY_BAD_STATE;
  const Address& token_in = pool.coins[*in];
  const Address& token_out = pool.coins[*out];
  if (token_in == token_out) return GANTRY_BAD_STATE;
  if (amount->is_zero()) return GANTRY_OK;
  gantry_pending_swap swap = evm::swap_of(GANTRY_EXACT_IN, *amount, *least, 0);
  swap.hop_count = 1;
  swap.hops[0] = {evm::to_sdk(pool.address), evm::to_sdk(token_in), evm::to_sdk(token_out)};
  return sink.emit(swap);
}

gantry_status decode_router_call(const evm::RouterCall& call, PendingSink sink) {
  const auto form = std::ranges::find(routes, call.selector, &Route::selector);
  if (form == routes.end()) return GANTRY_UNSUPPORTED;
  if (!call.arguments.word(form->words - 1)) return GANTRY_BAD_STATE;
  for (std::size_t i = pools_at; i < form->words; ++i) {
    if (!call.arguments.address(i)) return GANTRY_BAD_STATE;
  }
  const u256 amount = *call.arguments.word(amount_at);
  gantry_pending_swap swap =
      evm::swap_of(GANTRY_EXACT_IN, amount, *call.arguments.word(amount_at + 1), 0);
  std::array<Address, route_words> route;
  for (std::size_t i = 0; i < route.size(); ++i) {
    const auto address = call.arguments.address(i);
    if (!address) return GANTRY_BAD_STATE;
    route[i] = *address;
  }
  if (call.value != (route[0] == coin_of_chain ? amount : u256())) return GANTRY_BAD_STATE;
  // The first hop is made whatever the route says; the next where it names one.
  do {
    const std::size_t hop = swap.hop_count++;
    const Address& token_in = route[2 * hop];
    const Address& token_out = route[2 * hop + 2];
    const auto type = call.arguments.word(route_words + 5 * hop + 2);
    if (type->is_zero() || *type > u256(swap_types)) return GANTRY_BAD_STATE;
    if (token_in == token_out || token_in == Address{} || token_out == Address{}) {
      return GANTRY_BAD_STATE;
    }
    swap.hops[hop] = {evm::to_sdk(route[2 * hop + 1]), evm::to_sdk(token_in),
                      evm::to_sdk(token_out)};
  } while (swap.hop_count < hops_max && route[2 * swap.hop_count + 1] != Address{});
  return amount.is_zero() ? GANTRY_OK : sink.emit(swap);
}

}  // namespace gantry::curve

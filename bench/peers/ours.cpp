// What the peers are asked, and what our answers to it are and cost: pools and swaps of each venue,
// and searches (searches.hpp), as one JSON file. The V3 pool is a real one on a local node, whose
// own quoter is asked too, as are the pools of Balancer V2. Curve's are those whose contracts'
// answers are recorded.
//   gantry_peers FILE MILLISECONDS
#include <dlfcn.h>
#include <fmt/format.h>

#include <boost/json.hpp>
#include <chrono>
#include <fstream>
#include <random>
#include <span>

#include "bench/mixed_cycle.hpp"
#include "bench/peers/searches.hpp"
#include "evm/balancer_v2_contracts.hpp"
#include "evm/integer_words.hpp"
#include "evm/uniswap_v3_contract.hpp"
#include "evm/uniswap_v3_model.hpp"
#include "gantry/plugin.h"
#include "plugins/balancer/told_pool.hpp"
#include "plugins/curve/answers.hpp"

namespace {

using namespace gantry;
using namespace gantry::test;
namespace json = boost::json;
using Steady = std::chrono::steady_clock;
using Time = std::chrono::milliseconds;

constexpr std::size_t swaps_of_a_pool = 64;
constexpr std::size_t pools_of_a_venue = 64;
constexpr std::size_t quotes_of_the_node = 200;
const Integer unit("1000000000000000000");

// A venue's library by its C table, without anything of the tests around it.
class Library {
 public:
  Library(const std::string& name, std::vector<gantry_parameter> parameters) {
    void* handle = ::dlopen((GANTRY_PLUGIN_FOLDER "/" + name + ".so").c_str(), RTLD_NOW);
    if (handle == nullptr) throw std::runtime_error(::dlerror());
    const auto* entry =
        static_cast<const gantry_plugin_entry*>(::dlsym(handle, GANTRY_PLUGIN_SYMBOL));
    table_ = static_cast<const gantry_dex_v1*>(entry->get_interface(GANTRY_DEX_ID));
    const gantry_instance_config config{{name.data(), name.size()},
                                        {"eip155:1", 8},
                                        parameters.data(),
                                        static_cast<std::uint32_t>(parameters.size()),
                                        0};
    gantry_error error{};
    static const gantry_host silent{nullptr,
                                    {"peers", 5},
                                    [](void*, std::int32_t, gantry_string) {},
                                    [](void*, gantry_string, std::uint64_t) {},
                                    [](void*, gantry_string, double) {},
                                    [](void*, const char*) -> const void* { return nullptr; }};
    if (table_->create(&silent, &config, &instance_, &error) != GANTRY_OK) {
      throw std::runtime_error(error.message);
    }
  }
  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap,
                      gantry_quote& out) const {
    return table_->quote(instance_, &state, &swap, &out, nullptr);
  }
  const gantry_dex_v1& table() const { return *table_; }
  const gantry_dex_instance* instance() const { return instance_; }

 private:
  const gantry_dex_v1* table_ = nullptr;
  gantry_dex_instance* instance_ = nullptr;
};

gantry_parameter parameter(std::string_view name, std::string_view text) {
  gantry_parameter one{};
  one.name = {name.data(), name.size()};
  one.type = GANTRY_PARAMETER_STRING;
  one.string = {text.data(), text.size()};
  return one;
}
gantry_parameter parameter(std::string_view name, std::int64_t number,
                           std::int32_t type = GANTRY_PARAMETER_INTEGER) {
  gantry_parameter one{};
  one.name = {name.data(), name.size()};
  one.type = type;
  one.integer = number;
  return one;
}

struct Pool {
  json::object described;
  StateBytes bytes;
  std::vector<gantry_bytes> chunks;
  gantry_context context{};
  std::vector<gantry_swap> swaps;
  std::vector<Integer> answers;

  gantry_pool_state state() {
    chunks.clear();
    for (auto& chunk : bytes)
      chunks.push_back({chunk.empty() ? nullptr : chunk.data(), chunk.size()});
    return {{chunks.data(), static_cast<std::uint32_t>(chunks.size()), 0}, {}, &context};
  }
};

// Swaps that the pool takes, of any size up to `most` of each token.
void draw_swaps(const Library& library, Pool& pool, const std::vector<Integer>& most,
                std::mt19937_64& random) {
  const gantry_pool_state state = pool.state();
  while (pool.swaps.size() < swaps_of_a_pool) {
    const auto in = static_cast<std::uint32_t>(random() % most.size());
    const auto out =
        static_cast<std::uint32_t>((in + 1 + random() % (most.size() - 1)) % most.size());
    const Integer amount = most[in] * (1 + random() % 1'000'000) / 1'000'000 >> (random() % 20);
    gantry_swap swap{to_amount(amount), in, out, GANTRY_EXACT_IN, 0};
    gantry_quote quote{};
    if (amount == 0 || library.quote(state, swap, quote) != GANTRY_OK) continue;
    pool.swaps.push_back(swap);
    pool.answers.push_back(to_integer(quote.amount_out));
  }
}

double time_ns(const Library& library, std::vector<Pool>& pools, Time time) {
  std::vector<gantry_pool_state> states;
  for (Pool& pool : pools) states.push_back(pool.state());
  std::uint64_t quotes = 0;
  std::uint64_t sum = 0;
  const auto begin = Steady::now();
  while (Steady::now() - begin < time) {
    for (std::size_t s = 0; s < swaps_of_a_pool; ++s) {
      for (std::size_t p = 0; p < pools.size(); ++p) {
        if (s >= pools[p].swaps.size()) continue;
        gantry_quote quote;
        library.quote(states[p], pools[p].swaps[s], quote);
        sum += quote.amount_out.limb[0];
        ++quotes;
      }
    }
  }
  const double ns = std::chrono::duration<double, std::nano>(Steady::now() - begin).count();
  if (sum == 0) throw std::runtime_error("nothing was quoted");
  return ns / static_cast<double>(quotes);
}

json::object venue_of(const char* name, double ns, std::vector<Pool>& pools) {
  json::array list;
  for (Pool& pool : pools) {
    json::array swaps;
    for (std::size_t i = 0; i < pool.swaps.size(); ++i) {
      swaps.push_back(json::array{pool.swaps[i].token_in, pool.swaps[i].token_out,
                                  to_integer(pool.swaps[i].amount).str(), pool.answers[i].str()});
    }
    pool.described["swaps"] = std::move(swaps);
    list.push_back(pool.described);
  }
  return {{"venue", name}, {"ours_ns", ns}, {"pools", std::move(list)}};
}

json::object of_uniswap_v2(std::mt19937_64& random, Time time) {
  const Library library(
      "uniswap_v2",
      {parameter("fee_bps", 30), parameter("factory", ""), parameter("discover_tokens", ""),
       parameter("init_code_hash", ""), parameter("pending_routers", "")});
  std::vector<Pool> pools(pools_of_a_venue);
  for (Pool& pool : pools) {
    PluginVenue venue(GANTRY_PLUGIN_FOLDER "/uniswap_v2.so", "uniswap_v2");
    std::vector<Integer> reserves;
    for (int i = 0; i < 2; ++i) reserves.push_back(Integer(random()) << (16 + random() % 24));
    venue.open_pool("0x00000000000000000000000000000000000000aa", told_tokens({18, 18}));
    std::vector<EmittedRequest> requests;
    venue.requests(0, requests);
    std::vector<OwnedFact> facts = {
        fact_of(requests.front(), "0x" + word(reserves[0]) + word(reserves[1]) + word(1))};
    if (venue.apply(facts) != GANTRY_OK) throw std::runtime_error("no pair");
    pool.bytes = venue.state_bytes();
    pool.described["reserves"] = {reserves[0].str(), reserves[1].str()};
    draw_swaps(library, pool, {reserves[0] / 2, reserves[1] / 2}, random);
  }
  return venue_of("uniswap_v2", time_ns(library, pools, time), pools);
}

Library balancer_library() {
  constexpr const char* nobody = "0x00000000000000000000000000000000000000f3";
  return Library("balancer", {parameter("variant", ""), parameter("vault", nobody),
                              parameter("vault_v3", nobody), parameter("router_v3", ""),
                              parameter("pending_routers", ""), parameter("wrapped_native", "")});
}

json::array texts(const std::vector<Integer>& numbers) {
  json::array list;
  for (const Integer& number : numbers) list.push_back(json::string(number.str()));
  return list;
}

json::object of_balancer_v3(bool weighted, std::mt19937_64& random, Time time) {
  const Library library = balancer_library();
  std::vector<Pool> pools(pools_of_a_venue);
  for (Pool& pool : pools) {
    ToldPool told;
    told.variant = weighted ? "20241205-v3-weighted-pool" : "20241205-v3-stable-pool";
    told.tokens = told_tokens({18, 18});
    const Integer first = unit / 100 * (10 + random() % 81);
    if (weighted) {
      told.weights = {first, unit - first};
    } else {
      told.amp = 1'000 * (10 + random() % 2'000);
    }
    told.fee = unit / 1000 * 3;
    for (int i = 0; i < 2; ++i) {
      told.balances.push_back(weighted ? unit + (Integer(random()) << 16)
                                       : unit * (1'000'000 + random() % 1'000'000));
    }
    PluginVenue venue(GANTRY_PLUGIN_FOLDER "/balancer.so", "balancer");
    if (tell(venue, told) != GANTRY_OK) throw std::runtime_error("no pool of " + told.variant);
    pool.bytes = venue.state_bytes();
    pool.described = {{"balances", texts(told.balances)},
                      {"weights", texts(told.weights)},
                      {"amp", told.amp.str()},
                      {"fee", told.fee.str()}};
    draw_swaps(library, pool, {told.balances[0] / 4, told.balances[1] / 4}, random);
  }
  return venue_of(weighted ? "balancer_v3_weighted" : "balancer_v3_stable",
                  time_ns(library, pools, time), pools);
}

// What a call reads: code and storage by account, added to what is there.
void add_accounts(Anvil& chain, const BalancerV2::Call& call, json::object& accounts) {
  const json::value seen = chain.call(
      "debug_traceCall", {json::object{{"from", call.from}, {"to", call.to}, {"data", call.data}},
                          "latest", json::object{{"tracer", "prestateTracer"}}});
  for (const auto& [address, account] : seen.as_object()) {
    const json::value* code = account.as_object().if_contains("code");
    if (code == nullptr) continue;
    json::object& to = accounts[address].is_null() ? accounts[address].emplace_object()
                                                   : accounts[address].as_object();
    to["code"] = *code;
    json::object& slots =
        to["storage"].is_null() ? to["storage"].emplace_object() : to["storage"].as_object();
    if (const json::value* storage = account.as_object().if_contains("storage")) {
      for (const auto& [slot, value] : storage->as_object()) slots[slot] = value;
    }
  }
}

// Four real pools of the V2 Vault's, each at sixteen balances.
json::object of_balancer_v2(bool weighted, std::mt19937_64& random, Time time) {
  const Library library = balancer_library();
  Anvil chain({"--code-size-limit", "60000"});
  BalancerV2 contracts(chain);
  std::vector<BalancerPool> real;
  std::vector<ToldPool> told;
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t count = 2 + i % 3;
    BalancerPoolOrder order;
    order.deployment = weighted ? "20230206-weighted-pool-v3" : "20220609-stable-pool-v2";
    order.tokens = contracts.make_tokens(std::vector<std::uint32_t>(count, 18));
    order.fee = unit / 1000 * 3;
    if (weighted) {
      order.weights.assign(count, unit / 10);
      order.weights[0] = unit - unit / 10 * (count - 1);
    } else {
      order.amp = 10 + random() % 2'000;
    }
    real.push_back(contracts.create(order));
    ToldPool& one = told.emplace_back();
    one.variant = order.deployment;
    one.address = real.back().address;
    one.tokens = order.tokens;
    one.weights = order.weights;
    one.amp = order.amp * 1'000;
    one.fee = order.fee;
  }
  json::object accounts;
  double ns = 0;
  std::size_t asked = 0;
  std::vector<Pool> pools(pools_of_a_venue);
  for (std::size_t p = 0; p < pools.size(); ++p) {
    Pool& pool = pools[p];
    ToldPool& one = told[p % told.size()];
    std::vector<Integer> most;
    one.balances.clear();
    for (std::size_t i = 0; i < one.tokens.size(); ++i) {
      one.balances.push_back(unit * (1'000'000 + random() % 1'000'000) + random());
      most.push_back(one.balances.back() / 4);
    }
    PluginVenue venue(GANTRY_PLUGIN_FOLDER "/balancer.so", "balancer");
    if (tell(venue, one) != GANTRY_OK) throw std::runtime_error("no pool of " + one.variant);
    pool.bytes = venue.state_bytes();
    draw_swaps(library, pool, most, random);
    json::array calls;
    for (std::size_t s = 0; s < pool.swaps.size(); ++s) {
      const BalancerQuery query{&real[p % real.size()], true, pool.swaps[s].token_in,
                                pool.swaps[s].token_out, to_integer(pool.swaps[s].amount)};
      const BalancerV2::Call call = contracts.on_swap_call(query, one.balances);
      calls.push_back(json::string(call.data));
      if (p >= real.size() || s >= quotes_of_the_node / real.size()) continue;
      const auto begin = Steady::now();
      const auto verdict = contracts.on_swap({query}, {one.balances}).front();
      ns += std::chrono::duration<double, std::nano>(Steady::now() - begin).count();
      ++asked;
      if (!verdict.accepted || verdict.amount != pool.answers[s]) {
        throw std::runtime_error("onSwap of " + one.variant + " differs");
      }
      add_accounts(chain, call, accounts);
    }
    pool.described = {{"address", one.address}, {"calls", std::move(calls)}};
  }
  json::object out = venue_of(weighted ? "balancer_v2_weighted" : "balancer_v2_stable",
                              time_ns(library, pools, time), pools);
  out["vault"] = contracts.vault();
  out["time"] = std::to_string(contracts.time());
  out["accounts"] = std::move(accounts);
  out["node"] = "onSwap by eth_call, local node";
  out["node_ns"] = ns / static_cast<double>(asked);
  return out;
}

// Cycles of a weighted pool of Balancer V2 and a constant product.
json::object of_mixed_cycles(std::mt19937_64& random, Time time) {
  struct Ask {
    gantry_pool_state state;
    gantry_swap swap;
  };
  const Library library = balancer_library();
  std::vector<Pool> pools(pools_of_a_venue);
  json::array cycles;
  double ns = 0;
  for (Pool& pool : pools) {
    ToldPool told;
    told.variant = "20230206-weighted-pool-v3";
    told.tokens = told_tokens({18, 18});
    told.weights = {unit / 2, unit / 2};
    told.fee = unit / 1000 * 3;
    for (int i = 0; i < 2; ++i) told.balances.push_back(unit + (Integer(random()) << 16));
    PluginVenue venue(GANTRY_PLUGIN_FOLDER "/balancer.so", "balancer");
    if (tell(venue, told) != GANTRY_OK) throw std::runtime_error("no pool of " + told.variant);
    pool.bytes = venue.state_bytes();
    draw_swaps(library, pool, {told.balances[0] / 10, told.balances[1] / 10}, random);
    std::vector<Ask> asks;
    std::vector<const Ask*> all;
    for (const gantry_swap& swap : pool.swaps) asks.push_back({pool.state(), swap});
    for (const Ask& ask : asks) all.push_back(&ask);
    const auto mixed = bench::mixed_cycles(library.table(), library.instance(), all);
    for (const bench::MixedCycle& cycle : mixed) {
      search::RouteSizing sizing;
      if (bench::size_mixed(library.table(), library.instance(), cycle, sizing) != GANTRY_OK) {
        sizing = {};
      }
      cycles.push_back(json::array{
          told.balances[cycle.swap.token_in].str(), told.balances[cycle.swap.token_out].str(),
          told.fee.str(), to_string(cycle.back.reserve_in), to_string(cycle.back.reserve_out),
          to_integer(sizing.quote.amount_in).str(), to_string(sizing.profit),
          fmt::format("{:.0f}", std::ceil(sizing.shortfall_max))});
    }
    ns += peers::time_ns(time / pools.size(), mixed.size() * pools.size(), [&] {
      for (const bench::MixedCycle& cycle : mixed) {
        search::RouteSizing sizing;
        bench::size_mixed(library.table(), library.instance(), cycle, sizing);
      }
    });
  }
  return {{"venue", "mixed_cycle"}, {"ours_ns", ns}, {"cycles", std::move(cycles)}};
}

// Big-endian.
Integer integer_of(std::span<const std::uint8_t> bytes) {
  Integer number;
  boost::multiprecision::import_bits(number, bytes.begin(), bytes.end());
  return number;
}

// StableSwap-NG pools of two to four coins whose A is at rest: what the contracts answered, by
// get_dy() and exchange() alike.
json::object of_curve(Time time) {
  const Library library("curve", {parameter("variant", ""), parameter("pending_routers", ""),
                                  parameter("pending_pools", "")});
  std::vector<Pool> pools;
  for (const RecordedPool& recorded : read_answers(GANTRY_CURVE_ANSWERS "/ng.zst")) {
    const std::size_t count = recorded.decimals.size();
    if (count > 4) continue;
    // balances(), initial_A(), future_A(), both times, fee(), stored_rates(),
    // offpeg_fee_multiplier(), version()
    if (recorded.asks.size() != count + 8) throw std::runtime_error("ng.zst asks something else");
    for (const RecordedState& state : recorded.states) {
      const auto answer = [&](std::size_t i) { return integer_of(state.answers[i]); };
      if (answer(count) != answer(count + 1)) continue;
      PluginVenue venue(GANTRY_PLUGIN_FOLDER "/curve.so", "curve");
      const std::string metadata = "variant=ng";
      if (venue.open_pool("0x00000000000000000000000000000000000000cc",
                          told_tokens(recorded.decimals),
                          {metadata.begin(), metadata.end()}) != GANTRY_OK) {
        throw std::runtime_error(venue.refusal());
      }
      Pool& pool = pools.emplace_back();
      pool.context.execution_time_s = state.time_s;
      venue.context() = pool.context;
      std::vector<EmittedRequest> requests;
      venue.requests(0, requests);
      std::vector<OwnedFact> facts;
      for (const EmittedRequest& request : requests) {
        if (request.source == GANTRY_SOURCE_EVM_CODE_HASH) {
          // Each pool's code has its own immutables, so that any hash is as good.
          facts.push_back(fact_of(request, "0x"));
          facts.back().data.assign(32, 1);
          continue;
        }
        for (std::size_t i = 0; i < recorded.asks.size(); ++i) {
          if (to_bytes(request.payload) != recorded.asks[i].payload) continue;
          facts.push_back(fact_of(request, "0x"));
          facts.back().data = state.answers[i];
        }
      }
      if (venue.apply(facts) != GANTRY_OK) throw std::runtime_error("no pool of Curve");
      pool.bytes = venue.state_bytes();
      std::vector<Integer> balances;
      std::vector<Integer> rates;
      for (std::size_t i = 0; i < count; ++i) {
        balances.push_back(answer(i));
        const auto* at = state.answers[count + 5].data() + 32 * (2 + i);
        rates.push_back(integer_of({at, 32}));
      }
      pool.described = {{"balances", texts(balances)},
                        {"rates", texts(rates)},
                        {"amp", answer(count).str()},
                        {"fee", answer(count + 4).str()},
                        {"offpeg_fee_multiplier", answer(count + 6).str()}};
      const gantry_pool_state quoted = pool.state();
      for (const RecordedSwap& swap : state.swaps) {
        if (!swap.first.paid || swap.first.paid->is_zero() || swap.get_dy != swap.first.paid) {
          continue;
        }
        const gantry_swap asked{swap.first.amount, swap.first.in, swap.first.out, GANTRY_EXACT_IN,
                                0};
        gantry_quote quote{};
        if (library.quote(quoted, asked, quote) != GANTRY_OK ||
            u256(quote.amount_out) != *swap.first.paid) {
          throw std::runtime_error("a quote of Curve differs from what exchange() paid");
        }
        pool.swaps.push_back(asked);
        pool.answers.push_back(to_integer(quote.amount_out));
      }
    }
  }
  return venue_of("curve_stable_ng", time_ns(library, pools, time), pools);
}

// One pool on the chain, 64 times in memory of its own.
json::object of_uniswap_v3(std::mt19937_64& random, Time time) {
  constexpr unsigned fee = 3000;
  constexpr int spacing = 60;
  constexpr int centre = 1200;
  Anvil chain;
  V3Chain contracts(chain);
  const std::string at =
      contracts.create_pool(fee, spacing, reference_sqrt_at(centre * spacing + 7));
  std::map<int, std::pair<Integer, Integer>> ticks;  // gross and net
  for (int i = 0; i < 60; ++i) {
    const int lower = centre - 40 + static_cast<int>(random() % 79);
    const int upper = lower + 1 + static_cast<int>(random() % 12);
    const Integer amount = (Integer(random()) << 6) + 1;
    contracts.mint(at, lower * spacing, upper * spacing, amount);
    for (const auto& [tick, net] : {std::pair(lower, amount), std::pair(upper, Integer(-amount))}) {
      ticks[tick * spacing].first += amount;
      ticks[tick * spacing].second += net;
    }
  }
  contracts.mint(at, -887220, 887220, Integer(1) << 50);
  ticks[-887220] = {Integer(1) << 50, Integer(1) << 50};
  ticks[887220] = {Integer(1) << 50, -(Integer(1) << 50)};
  V3Venue venue({{"factory", contracts.factory()}});
  venue.open(at, contracts.token(0), contracts.token(1));
  if (venue.refresh(contracts.deployer()) != GANTRY_OK) throw std::runtime_error("no V3 pool");
  const Deployer& node = contracts.deployer();
  const std::string slot0 = node.read(at, node.selector("slot0()"));
  json::array list;
  for (const auto& [tick, both] : ticks) {
    list.push_back(json::array{tick, both.first.str(), both.second.str()});
  }
  const json::object described{
      {"fee", fee},
      {"spacing", spacing},
      {"sqrt", word_at(slot0, 0).str()},
      {"tick", to_signed(word_at(slot0, 1)).convert_to<int>()},
      {"liquidity", word_at(node.read(at, node.selector("liquidity()")), 0).str()},
      {"ticks", std::move(list)}};
  const Library library("uniswap_v3",
                        {parameter("factory", ""), parameter("router", ""),
                         parameter("router_deadline", 1, GANTRY_PARAMETER_BOOLEAN),
                         parameter("discover_tokens", ""), parameter("words_around", 4),
                         parameter("pending_routers", ""), parameter("init_code_hash", "")});
  const Integer balances[2] = {Integer(1) << 72, Integer(1) << 72};
  std::vector<Pool> pools(pools_of_a_venue);
  for (Pool& pool : pools) {
    pool.bytes = venue.state_bytes();
    pool.described = described;
    draw_swaps(library, pool, {balances[0], balances[1]}, random);
  }
  json::object out = venue_of("uniswap_v3", time_ns(library, pools, time), pools);
  // The same of the chain's own quoter, one call after the other.
  const std::string quote =
      node.selector("quoteExactInputSingle((address,address,uint256,uint24,uint160))");
  const std::string& quoter = contracts.quoter();
  double ns = 0;
  for (std::size_t i = 0; i < quotes_of_the_node; ++i) {
    const Pool& pool = pools[i % pools.size()];
    const std::size_t s = i / pools.size();
    const gantry_swap& swap = pool.swaps[s];
    const std::string data = quote +
                             address_word(contracts.token(static_cast<int>(swap.token_in))) +
                             address_word(contracts.token(static_cast<int>(swap.token_out))) +
                             word(to_integer(swap.amount)) + word(fee) + word(0);
    const auto begin = Steady::now();
    const std::string answer = node.read(quoter, data);
    ns += std::chrono::duration<double, std::nano>(Steady::now() - begin).count();
    if (word_at(answer, 0) != pool.answers[s]) throw std::runtime_error("QuoterV2 differs");
  }
  out["node"] = "QuoterV2 by eth_call, local node";
  out["node_ns"] = ns / quotes_of_the_node;
  return out;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const Time time(std::stoul(arguments[2]));
  std::mt19937_64 random(4096);
  json::array all{of_uniswap_v2(random, time),
                  of_uniswap_v3(random, time),
                  of_curve(time),
                  of_balancer_v3(true, random, time),
                  of_balancer_v3(false, random, time),
                  of_balancer_v2(true, random, time),
                  of_balancer_v2(false, random, time),
                  peers::two_hops(time),
                  of_mixed_cycles(random, time)};
  peers::cycles_of_a_market(time, all);
  all.push_back(peers::backtest(time));
  std::ofstream file(arguments[1]);
  file << json::serialize(all);
  return file.flush() ? 0 : 1;
}

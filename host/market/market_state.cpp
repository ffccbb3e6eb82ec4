#include "host/market/market_state.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "host/market/valuation.hpp"

namespace gantry::host {

namespace {

gantry_state_writer writer_of(StateStore& store) {
  return {&store, [](void* self, std::uint32_t index, std::uint64_t size) {
            return static_cast<StateStore*>(self)->chunk(index, size);
          }};
}

// The recording's kinds are the SDK's sources: the same words by value.
static_assert(static_cast<std::int32_t>(recording::FactKind::evm_call) == GANTRY_SOURCE_EVM_CALL);
static_assert(static_cast<std::int32_t>(recording::FactKind::evm_storage) ==
              GANTRY_SOURCE_EVM_STORAGE);
static_assert(static_cast<std::int32_t>(recording::FactKind::evm_log) == GANTRY_SOURCE_EVM_LOG);
static_assert(static_cast<std::int32_t>(recording::FactKind::solana_account) ==
              GANTRY_SOURCE_SOLANA_ACCOUNT);
static_assert(static_cast<std::int32_t>(recording::FactKind::http) == GANTRY_SOURCE_HTTP);

}  // namespace

struct MarketState::Facts {
  std::vector<gantry_fact> rows;

  void clear() { rows.clear(); }
  void add(const recording::Fact& fact, std::uint64_t block) {
    rows.push_back({static_cast<std::int32_t>(fact.kind),
                    fact.tag,
                    fact.status,
                    fact.log_index,
                    block,
                    fact.source,
                    {fact.topics.data(), fact.topics.size()},
                    {fact.data.data(), fact.data.size()}});
  }
};

MarketState::MarketState(const ChainSettings& chain,
                         std::vector<std::shared_ptr<VenueInstance>> venues,
                         std::uint64_t first_topology, std::shared_ptr<SharedArena> arena)
    : chain_(chain),
      venues_(std::move(venues)),
      store_(std::move(arena)),
      facts_(std::make_unique<Facts>()) {
  if (!from_double_floor(std::round(chain_.gas_price_gwei * 1e9), gas_price_)) gas_price_ = u256();
  growing_ = std::make_shared<Topology>();
  growing_->id = first_topology;
  growing_->chain = chain_.id;
  for (const auto& venue : venues_) {
    growing_->venues.push_back(venue.get());
    growing_->venue_names.push_back(venue->name());
  }
}

MarketState::~MarketState() = default;

void MarketState::catch_up(bool begins, const std::vector<std::shared_ptr<VenueInstance>>& known) {
  known_.clear();
  if (!begins) return;
  for (const auto& venue : known) known_.insert(venue.get());
}

bool MarketState::accept(const VenueInstance& venue, Phase phase, gantry_status status) const {
  if (!known_.empty() && known_.contains(&venue)) return status == GANTRY_OK;
  return venue.health().accept(phase, status, version_);
}

gantry_context MarketState::context_of(const recording::Block& block) const {
  gantry_context context{};
  const std::string& chain = growing_ ? growing_->chain : topology_->chain;
  context.chain = {chain.data(), chain.size()};
  context.state_block = block.number;
  context.state_time_s = block.time_s;
  context.execution_block = block.number + 1;
  context.execution_time_s =
      block.time_s + static_cast<std::uint64_t>(std::llround(chain_.block_time_s));
  context.base_fee = block.base_fee;
  context.gas_price = block.gas_price ? *block.gas_price : gas_price_.amount();
  return context;
}

Result<std::shared_ptr<Snapshot>> MarketState::advance(const BlockInput& input) {
  if (!input.tokens.empty() || !input.pools.empty()) {
    if (auto extended = extend(input); !extended) return std::unexpected(extended.error());
  }
  ++version_;
  store_.begin(version_, live_->oldest(version_));
  auto snapshot = std::make_shared<Snapshot>(live_, version_);
  snapshot->arrived = input.arrived;
  const bool cold = growing_ != nullptr;
  snapshot->topology = cold ? growing_ : topology_;
  snapshot->context = context_of(input.block);
  snapshot->cold = cold;
  if (cold) {
    auto& pools = growing_->pools;
    for (std::uint32_t i = topology_ ? static_cast<std::uint32_t>(topology_->pools.size()) : 0;
         i < pools.size(); ++i) {
      open_pool(*growing_, i);
    }
  }
  apply_facts(input, *snapshot);
  snapshot->states = store_.tree();
  if (cold) {
    settle_topology(*snapshot);
    topology_ = std::exchange(growing_, nullptr);
  }
  if (cold || moves_ether_price(*snapshot)) ether_usd_e6_ = median_ether_usd_e6(*snapshot);
  snapshot->ether_usd_e6 = ether_usd_e6_;
  return snapshot;
}

bool MarketState::moves_ether_price(const Snapshot& snapshot) {
  const Topology& topology = *snapshot.topology;
  return std::ranges::any_of(topology.usd_tokens, [&](std::uint32_t token) {
    const std::uint32_t pool = topology.value_steps[token].pool;
    if (pool == no_handle) return false;
    const VenueInstance& venue = topology.venue_of(topology.pools[pool]);
    return std::ranges::binary_search(snapshot.changed, pool) ||
           !venue.health().usable(snapshot.id);
  });
}

Status MarketState::extend(const BlockInput& input) {
  if (!growing_) {
    growing_ = std::make_shared<Topology>(*topology_);
    ++growing_->id;
  }
  for (const recording::Token& token : input.tokens) {
    const auto handle = static_cast<std::uint32_t>(growing_->tokens.size());
    growing_->tokens.push_back({token.address, token.symbol, token.decimals, 0});
    growing_->token_by_address.emplace(token.address, handle);
  }
  for (const recording::Pool& pool : input.pools) {
    if (auto added = add_pool(*growing_, pool); !added) return added;
  }
  return {};
}

Status MarketState::add_pool(Topology& topology, const recording::Pool& pool) {
  if (topology.pools.size() >= StateTree::pools_max) {
    return fail(ErrorKind::limit, fmt::format("more than {} pools: split the recording by venue",
                                              StateTree::pools_max));
  }
  PoolInfo info;
  info.address = pool.address;
  info.tokens = pool.tokens;
  info.metadata = pool.spec;
  for (const std::uint32_t token : pool.tokens) {
    if (token >= topology.tokens.size()) {
      return fail(ErrorKind::format, fmt::format("pool {} names token {} before it was declared",
                                                 topology.pools.size(), token));
    }
    info.contract_tokens.push_back(
        {topology.tokens[token].address, topology.tokens[token].decimals, 0});
  }
  for (std::uint32_t venue = 0; venue < venues_.size(); ++venue) {
    if (venues_[venue]->name() == pool.venue) info.venue = venue;
  }
  if (info.venue == no_handle) {
    info.use = PoolUse::no_venue;
    if (missing_venues_.insert(pool.venue).second) {
      spdlog::warn("no [[dex]] named {} runs: its pools take no part", pool.venue);
    }
  }
  topology.pools.push_back(std::move(info));
  return {};
}

void MarketState::open_pool(Topology& topology, std::uint32_t handle) {
  PoolInfo& pool = topology.pools[handle];
  if (pool.venue == no_handle) return;
  const VenueInstance& venue = topology.venue_of(pool);
  if (!venue.health().usable(version_)) return;
  const gantry_pool_spec spec = pool.spec();
  const gantry_state_writer writer = writer_of(store_);
  gantry_error error{};
  store_.open(handle);
  const auto status = [&] {
    const auto main = venue.main_role();
    return venue.call<&gantry_dex_v1::open_pool>(Phase::open_pool, &spec, &writer, &pool.traits,
                                                 &error);
  }();
  if (accept(venue, Phase::open_pool, status)) {
    if (pool.traits.overlay_bytes <= GANTRY_OVERLAY_BYTES_MAX) {
      store_.commit();
      return;
    }
    if (!known_.contains(&venue)) {
      venue.health().strike(Phase::open_pool, "its overlays are larger than the bound", version_);
    }
  }
  store_.abandon();
  pool.use = PoolUse::refused;
  error.message[sizeof(error.message) - 1] = '\0';
  spdlog::debug("venue {}: pool {} refused: {}", venue.name(), handle, error.message);
}

// Whether the facts hold an answer to each request that the venue makes for the pool.
bool MarketState::answered(const gantry_context& context, std::uint32_t handle,
                           const Facts& facts) const {
  struct Check {
    const Facts& facts;
    bool complete = true;
  } check{facts};
  const gantry_request_sink sink{
      &check, [](void* self, const gantry_request* request) -> gantry_status {
        auto& all = *static_cast<Check*>(self);
        if (request->source == GANTRY_SOURCE_EVM_LOG) return GANTRY_OK;  // standing
        const bool found = std::ranges::any_of(all.facts.rows, [&](const gantry_fact& fact) {
          return fact.source == request->source && fact.tag == request->tag &&
                 AddressEqual()(fact.emitter, request->target);
        });
        all.complete = all.complete && found;
        return GANTRY_OK;
      }};
  const PoolInfo& pool = growing_->pools[handle];
  const VenueInstance& venue = growing_->venue_of(pool);
  const gantry_pool_spec spec = pool.spec();
  const gantry_state state = store_.current();
  const auto status =
      venue.call<&gantry_dex_v1::requests>(Phase::apply, &context, &spec, &state, 0U, &sink);
  if (status != GANTRY_NEED_STATE) accept(venue, Phase::apply, status);
  return check.complete && (status == GANTRY_OK || status == GANTRY_NEED_STATE);
}

void MarketState::apply_facts(const BlockInput& input, Snapshot& snapshot) {
  order_.resize(input.facts.size());
  std::iota(order_.begin(), order_.end(), 0U);
  std::ranges::stable_sort(order_, {}, [&](std::uint32_t i) { return input.facts[i].pool; });
  for (std::size_t begin = 0; begin < order_.size();) {
    const std::uint32_t pool = input.facts[order_[begin]].pool;
    facts_->clear();
    std::size_t end = begin;
    for (; end < order_.size() && input.facts[order_[end]].pool == pool; ++end) {
      facts_->add(input.facts[order_[end]], input.block.number);
    }
    if (pool < snapshot.topology->pools.size()) apply_pool(snapshot, pool, *facts_);
    begin = end;
  }
}

void MarketState::apply_pool(Snapshot& snapshot, std::uint32_t pool, const Facts& facts) {
  const PoolInfo& info = snapshot.topology->pools[pool];
  if (info.venue == no_handle || info.use == PoolUse::refused) return;
  const VenueInstance& venue = snapshot.topology->venue_of(info);
  if (!venue.health().usable(version_)) return;
  store_.open(pool);
  if (growing_ && info.use == PoolUse::no_state && !answered(snapshot.context, pool, facts)) {
    return;
  }
  const gantry_state old = store_.current();
  const gantry_state_writer writer = writer_of(store_);
  const auto status =
      venue.call<&gantry_dex_v1::apply>(Phase::apply, &snapshot.context, &old, facts.rows.data(),
                                        static_cast<std::uint32_t>(facts.rows.size()), &writer);
  if (status != GANTRY_OK && status != GANTRY_NEED_STATE) {
    store_.abandon();
    accept(venue, Phase::apply, status);
    // What is known to be out of date is not traded on.
    if (!store_.withhold()) return;
    if (!growing_) snapshot.changed.push_back(pool);
    if (known_.contains(&venue)) return;
    spdlog::warn("venue {}: pool {} takes no part from block {} on, until its facts decode: {}",
                 venue.name(), pool, snapshot.context.state_block, status_name(status));
    return;
  }
  store_.commit();
  if (growing_) {
    if (status == GANTRY_OK && info.use == PoolUse::no_state) {
      growing_->pools[pool].use = PoolUse::usable;
    }
  } else if (info.use == PoolUse::usable) {
    snapshot.changed.push_back(pool);
  }
}

void MarketState::settle_topology(Snapshot& snapshot) {
  Topology& topology = *growing_;
  topology.index_pools();
  const auto wrapped = topology.token_by_address.find(chain_.wrapped_native);
  if (wrapped != topology.token_by_address.end()) {
    topology.wrapped_token = wrapped->second;
    topology.tokens[wrapped->second].flags |= GANTRY_TOKEN_WRAPPED;
  }
  topology.usd_tokens.clear();
  for (const gantry_address& address : chain_.usd_tokens) {
    const auto found = topology.token_by_address.find(address);
    if (found == topology.token_by_address.end()) continue;
    topology.usd_tokens.push_back(found->second);
    topology.tokens[found->second].flags |= GANTRY_TOKEN_USD;
  }
  plan_valuation(topology, snapshot);
  for (PoolInfo& pool : topology.pools) {
    if (pool.use != PoolUse::usable) continue;
    const double minimum = topology.venue_of(pool).settings.min_liquidity_usd;
    if (minimum <= 0 || pool.liquidity_usd >= minimum) continue;
    pool.use = pool.liquidity_usd > 0 ? PoolUse::low_liquidity : PoolUse::no_value;
  }
}

}  // namespace gantry::host

#include "host/market/market_state.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "host/base/text.hpp"
#include "host/market/market_facts.hpp"
#include "host/market/valuation.hpp"

namespace gantry::host {

namespace {

constexpr std::size_t refusals_told_max = 20;  // of one market, a line each
constexpr std::size_t named_max = 3;           // in a line of pools without a value

// The recording's kinds are the SDK's sources: the same words by value.
static_assert(static_cast<std::int32_t>(recording::FactKind::evm_call) == GANTRY_SOURCE_EVM_CALL);
static_assert(static_cast<std::int32_t>(recording::FactKind::evm_storage) ==
              GANTRY_SOURCE_EVM_STORAGE);
static_assert(static_cast<std::int32_t>(recording::FactKind::evm_log) == GANTRY_SOURCE_EVM_LOG);
static_assert(static_cast<std::int32_t>(recording::FactKind::solana_account) ==
              GANTRY_SOURCE_SOLANA_ACCOUNT);
static_assert(static_cast<std::int32_t>(recording::FactKind::http) == GANTRY_SOURCE_HTTP);

// The first of them: a venue that finds its pools finds thousands.
void tell_without_value(const VenueInstance& venue, std::span<const PoolInfo* const> pools) {
  std::string named;
  for (const PoolInfo* pool : pools.first(std::min(pools.size(), named_max))) {
    named += (named.empty() ? "" : ", ") + address_text(pool->address);
  }
  if (pools.size() > named_max) named += fmt::format(" and {} more", pools.size() - named_max);
  const bool one = pools.size() == 1;
  spdlog::info(
      "venue {}: {} left out, for nothing leads from {} tokens to the coin or a dollar: {}. "
      "min_liquidity_usd = 0 lets {} in",
      venue.name(), one ? "a pool is" : fmt::format("{} pools are", pools.size()),
      one ? "its" : "their", named, one ? "it" : "them");
}

}  // namespace

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
  return advance_with(input, nullptr, nullptr);
}

Result<std::shared_ptr<Snapshot>> MarketState::advance(BlockInput& input, Answers& answers) {
  return advance_with(input, &input, &answers);
}

Result<std::shared_ptr<Snapshot>> MarketState::advance_with(const BlockInput& input,
                                                            BlockInput* grows, Answers* answers) {
  touched_.clear();
  settling_.clear();
  if (auto same = begin_compiled(input); !same) return std::unexpected(same.error());
  if (!input.tokens.empty() || !input.pools.empty()) {
    if (auto extended = extend(input); !extended) return std::unexpected(extended.error());
  }
  ++version_;
  store_.begin(version_, live_->oldest(version_));
  auto snapshot = std::make_shared<Snapshot>(live_, version_);
  snapshot->arrived = input.arrived;
  snapshot->context = context_of(input.block);
  snapshot->topology = growing_ ? growing_ : topology_;
  if (growing_) {
    const auto& pools = growing_->pools;
    for (std::uint32_t i = topology_ ? static_cast<std::uint32_t>(topology_->pools.size()) : 0;
         i < pools.size(); ++i) {
      open_new_pool(i);
    }
  }
  for (const MarketEvent& event : input.events) {
    if (auto taken = take(event, *snapshot); !taken) return std::unexpected(taken.error());
  }
  Status done;
  if (snapshot->between) {
    // Pools have not moved, and nobody asks for them.
    if (!topology_ || !input.facts.empty() || !input.changes.empty()) {
      return fail(ErrorKind::format, "what came between two blocks has a block's facts");
    }
  } else {
    data_fee_ = read_data_fee(chain_.data_fee, input.facts);
    done = compiled_by_ ? apply_changes(input, *snapshot)
                        : apply_facts(input, *snapshot, grows, answers);
  }
  if (!done) return std::unexpected(done.error());
  snapshot->data_fee = data_fee_;
  // Ascending and each once, whatever was undone before or came in several rounds.
  auto& changed = snapshot->changed;
  if (std::ranges::adjacent_find(changed, std::ranges::greater_equal()) != changed.end()) {
    std::ranges::sort(changed);
    const auto repeated = std::ranges::unique(changed);
    changed.erase(repeated.begin(), repeated.end());
  }
  for (const std::uint32_t pool : settling_) grow().pools[pool].use = PoolUse::usable;
  const bool cold = growing_ != nullptr;
  snapshot->cold = cold;
  snapshot->topology = cold ? growing_ : topology_;
  snapshot->states = store_.tree();
  if (cold) {
    settle_topology(*snapshot);
    topology_ = std::exchange(growing_, nullptr);
  }
  if (cold || moves_ether_price(*snapshot)) ether_usd_e6_ = median_ether_usd_e6(*snapshot);
  snapshot->ether_usd_e6 = ether_usd_e6_;
  pending_.take(input.events, *snapshot, [&](const VenueInstance& venue, gantry_status status) {
    return accept(venue, Phase::pending, status);
  });
  snapshot->pending = pending_.window();
  prices_.take(input.events, *snapshot->topology);
  snapshot->prices = prices_.window();
  if (undo_blocks_ != 0 && !snapshot->between) keep(*snapshot);
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

Topology& MarketState::grow() {
  if (!growing_) {
    growing_ = std::make_shared<Topology>(*topology_);
    ++growing_->id;
  }
  return *growing_;
}

Status MarketState::extend(const BlockInput& input) {
  grow();
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
  if (info.venue != no_handle) {
    if (auto known = check_venue_compiled(pool); !known) return known;
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

void MarketState::open_new_pool(std::uint32_t handle) {
  PoolInfo& pool = growing_->pools[handle];
  if (pool.venue == no_handle) return;
  if (!growing_->venue_of(pool).health().usable(version_)) return;
  if (open_pool(*growing_, handle, pool.traits)) return;
  pool.use = PoolUse::refused;
  pool.refusal = refusal_;
  const VenueInstance& venue = growing_->venue_of(pool);
  if (quiet_ || known_.contains(&venue) || refusals_told_ > refusals_told_max) return;
  if (refusals_told_++ == refusals_told_max) {
    spdlog::warn("more pools are refused by their venues: `gantry quote --pool` says why of each");
    return;
  }
  spdlog::warn("venue {}: pool {} takes no part: {}", venue.name(), address_text(pool.address),
               pool.refusal.empty() ? "its venue refused it" : pool.refusal);
}

bool MarketState::open_pool(const Topology& topology, std::uint32_t handle,
                            gantry_pool_traits& traits) {
  const PoolInfo& pool = topology.pools[handle];
  const VenueInstance& venue = topology.venue_of(pool);
  const gantry_pool_spec spec = pool.spec();
  const gantry_state_writer writer = writer_of(store_);
  gantry_error error{};
  store_.open(handle);
  const auto status = [&] {
    const auto main = venue.main_role();
    return venue.call<&gantry_dex_v1::open_pool>(Phase::open_pool, &spec, &writer, &traits, &error);
  }();
  if (accept(venue, Phase::open_pool, status)) {
    if (traits.overlay_bytes <= GANTRY_OVERLAY_BYTES_MAX) {
      store_.commit();
      touched_.push_back(handle);
      return true;
    }
    if (!known_.contains(&venue)) {
      venue.health().strike(Phase::open_pool, "its overlays are larger than the bound", version_);
    }
  }
  store_.abandon();
  error.message[sizeof(error.message) - 1] = '\0';
  refusal_ = error.message;
  return false;
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
  std::map<std::uint32_t, std::vector<const PoolInfo*>> without_value;  // by venue
  for (PoolInfo& pool : topology.pools) {
    if (pool.use != PoolUse::usable) continue;
    const double minimum = topology.venue_of(pool).settings.min_liquidity_usd;
    if (minimum <= 0 || pool.liquidity_usd >= minimum) continue;
    pool.use = pool.liquidity_usd > 0 ? PoolUse::low_liquidity : PoolUse::no_value;
    if (pool.use == PoolUse::no_value) without_value[pool.venue].push_back(&pool);
  }
  // A recording's report counts them.
  const bool is_live = undo_blocks_ != 0;
  for (const auto& [venue, pools] : without_value) {
    if (!is_live || quiet_ || known_.contains(topology.venues[venue])) continue;
    tell_without_value(*topology.venues[venue], pools);
  }
}

}  // namespace gantry::host

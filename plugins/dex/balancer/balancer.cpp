// Balancer's weighted and stable pools: of the V2 Vault (all versions of weighted pools, stable,
// meta-stable, phantom and composable stable pools) and of the V3 Vault. Which version a pool is
// of, its metadata, the parameter `variant` or its own version() say; an unknown one is refused.
//
// A composable pool's own token is among its tokens. Swaps of it are joins and exits: unsupported.
#include <optional>

#include "gantry/dex.hpp"
#include "plugins/dex/balancer/abi.hpp"
#include "plugins/dex/balancer/facts.hpp"
#include "plugins/dex/balancer/pending.hpp"
#include "plugins/dex/balancer/swap.hpp"
#include "plugins/dex/evm/address.hpp"

namespace gantry::balancer {
namespace {

// What a swap adds to a run of the executor, by receipts on a local chain, and some 20,000 more for
// tokens whose transfers do more than plain ones. `each_token` are those beyond two; of the V2
// Vault a weighted pool is told of the two that are swapped alone.
struct SwapGas {
  std::uint64_t swap;
  std::uint64_t each_token;
  std::uint64_t each_rate;
};
constexpr SwapGas weighted_2_gas = {105'000, 0, 0};
constexpr SwapGas stable_2_gas = {120'000, 9'000, 2'500};
constexpr std::uint64_t own_token_gas = 25'000;  // of a composable pool
constexpr SwapGas weighted_3_gas = {165'000, 11'000, 5'500};
constexpr SwapGas stable_3_gas = {178'000, 11'000, 5'500};

constexpr SwapGas swap_gas_of(const Variant& kind) noexcept {
  if (kind.vault == 3) return kind.curve == Curve::weighted ? weighted_3_gas : stable_3_gas;
  return kind.curve == Curve::weighted ? weighted_2_gas : stable_2_gas;
}

// What one call of the boundary looks at.
struct Look {
  const Market* market = nullptr;
  const Variant* kind = nullptr;
};

class Balancer final : public DexPlugin {
 public:
  Balancer(Host host, const Config& config) : host_(host) {
    try {
      if (!config.string("variant").empty()) variant_ = require_variant(config.string("variant"));
      vaults_[0] = parse_address(config.string("vault"));
      vaults_[1] = parse_address(config.string("vault_v3"));
      if (!config.string("router_v3").empty()) {
        router_v3_ = parse_address(config.string("router_v3"));
      }
      if (!config.string("wrapped_native").empty()) {
        wrapped_ = parse_address(config.string("wrapped_native"));
      }
    } catch (const Refused& refused) {
      throw Refused(std::string("variant, vault, vault_v3, router_v3 or wrapped_native: ") +
                    refused.what());
    }
    routers_ = evm::parse_routers(config.string("pending_routers"));
  }

  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    if (spec.address.kind != GANTRY_ADDRESS_EVM) throw Refused("a pool has an EVM address");
    if (spec.token_count < 2 || spec.token_count > tokens_max) {
      throw Refused("a pool that is known has 2 to " + std::to_string(tokens_max) + " tokens");
    }
    Setup setup = describe(spec);
    Market market{};
    market.token_count = setup.token_count;
    market.bpt = setup.bpt;
    for (std::uint32_t i = 0; i < setup.token_count; ++i) {
      std::uint64_t scaling = 1;
      for (unsigned digit = setup.decimals[i]; digit < 18; ++digit) scaling *= 10;
      market.tokens[i].scaling = scaling;
      store(market.tokens[i].rate, one);
      store(market.tokens[i].fresh_rate, one);
      market.expires[i] = ~std::uint64_t{0};
    }
    market.first_expiry = ~std::uint64_t{0};
    if (!write(writer, setup, market)) return GANTRY_HOST_FAULT;
    // Exact out is quoted, as the contract does: with an error of its own, so that the amount in
    // that it asks for may pay a little less than what was wanted. GANTRY_POOL_EXACT_OUT, by which
    // others take one for the inverse of the other, is therefore not set.
    traits.flags = setup.bpt != no_token ? GANTRY_POOL_ONE_WAY : 0;
    traits.overlay_bytes = sizeof(Market);
    const Variant* kind = setup.kind();
    traits.swap_gas = kind == nullptr ? stable_2_gas.swap : gas_of({&market, kind});
    return GANTRY_OK;
  }

  gantry_status requests(const gantry_context&, const gantry_pool_spec& spec,
                         const gantry_state& state, std::uint32_t,
                         const gantry_request_sink* sink) const override {
    const auto* setup = setup_of(state);
    const auto* market = chunk_as<Market>(state, 1);
    if (setup == nullptr || market == nullptr) return GANTRY_BAD_STATE;
    return emit_requests(spec, *setup, *market, sink);
  }

  gantry_status apply(const gantry_context& context, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    const auto* setup_before = setup_of(old);
    const auto* market_before = chunk_as<Market>(old, 1);
    if (setup_before == nullptr || market_before == nullptr) return GANTRY_BAD_STATE;
    Setup setup = *setup_before;
    Market market = *market_before;
    const Applied applied = apply_facts(context, facts, setup, market);
    if (applied.reason != nullptr) tell(setup, " is refused: ", applied.reason);
    if (applied.note != nullptr) tell(setup, ": ", applied.note);
    if (applied.status != GANTRY_OK && applied.status != GANTRY_NEED_STATE) return applied.status;
    return write(writer, setup, market) ? applied.status : gantry_status{GANTRY_HOST_FAULT};
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    Look at;
    const auto status = look(state, swap.token_in, swap.token_out, at);
    if (status != GANTRY_OK) return status;
    if (next != nullptr && next->capacity < sizeof(Market)) {
      next->size = sizeof(Market);
      return GANTRY_NEED_SIZE;
    }
    Swap computed(*at.market, *at.kind, {swap.token_in, swap.token_out}, time_of(state));
    Moved moved;
    const auto done = run(computed, swap, moved);
    if (done != GANTRY_OK) return done;
    out.amount_in = moved.in;
    out.amount_out = moved.out;
    out.fee = moved.fee;
    out.gas = gas_of(at);
    out.price_impact = (swap.wants & GANTRY_WANT_IMPACT) != 0 ? computed.price_impact(moved) : 0;
    out.fee_on_out = 0;
    out.crossings = 0;
    if (next != nullptr) {
      Market after = *at.market;
      Token& in = after.tokens[swap.token_in];
      Token& paid = after.tokens[swap.token_out];
      store(in.balance, join(in.balance) + moved.in.low128() - moved.leaves.low128());
      store(paid.balance, join(paid.balance) - moved.out.low128());
      std::fill_n(after.invariant, 4, 0);
      renew_rates(after, time_of(state));
      std::memcpy(next->data, &after, sizeof(after));
      next->size = sizeof(after);
    }
    return GANTRY_OK;
  }

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    Look at;
    const auto status = look(state, token_in, token_out, at);
    if (status != GANTRY_OK) return status;
    Swap swap(*at.market, *at.kind, {token_in, token_out}, time_of(state));
    return find_limits(swap, *at.market, token_in, out);
  }

  gantry_status pool_view(const gantry_pool_state& state, gantry_pool_view& out) const override {
    Look at;
    const auto status = look(state, at);
    if (status != GANTRY_OK && status != GANTRY_REFUSED) return status;
    const std::uint32_t count = at.market->token_count;
    if (out.token_count < count) {
      out.token_count = count;
      return GANTRY_NEED_SIZE;
    }
    constexpr std::uint64_t per_million = one / 1'000'000;
    out.fee = static_cast<std::uint32_t>(at.market->fee / per_million);
    out.token_count = count;
    for (std::uint32_t i = 0; i < count; ++i) {
      out.balances[i] = u256::from_u128(join(at.market->tokens[i].balance));
    }
    return GANTRY_OK;
  }

  gantry_status build_swap(const gantry_pool_spec& spec, const gantry_pool_state& state,
                           const gantry_swap_order& order,
                           const gantry_instruction_sink* sink) const override {
    const auto* setup = setup_of(state.base);
    const Variant* kind = setup == nullptr ? nullptr : setup->kind();
    if (kind == nullptr) return GANTRY_BAD_STATE;
    const auto is_account = [](const gantry_address& address) {
      return address.kind == GANTRY_ADDRESS_EVM && address.length == evm::address_bytes;
    };
    const std::uint32_t in = order.swap.token_in;
    const std::uint32_t paid = order.swap.token_out;
    if (in >= spec.token_count || paid >= spec.token_count || in == paid ||
        spec.token_count != setup->token_count || !is_account(order.sender) ||
        !is_account(order.recipient)) {
      return GANTRY_BAD_ARGUMENT;
    }
    if (order.swap.mode != GANTRY_EXACT_IN || in == setup->bpt || paid == setup->bpt) {
      return GANTRY_UNSUPPORTED;
    }
    return kind->vault == 2 ? build_of_vault(*setup, *kind, order, sink)
                            : build_prepaid(spec, *setup, *kind, order, sink);
  }

  gantry_status routers(AddressSink sink) const { return evm::emit_routers(routers_, sink); }
  gantry_status decode(const gantry_pending_transaction& transaction, PendingSink sink) const {
    return evm::each_call(transaction, [&](const evm::RouterCall& call) {
      return decode_call(wrapped_, call, sink);
    });
  }
  const void* get_extension(const char* id) const override {
    return routers_.empty() ? nullptr : dex_pending<Balancer>(id);
  }

 private:
  static gantry_status build_of_vault(const Setup& setup, const Variant& kind,
                                      const gantry_swap_order& order,
                                      const gantry_instruction_sink* sink) {
    VaultSwapCall call;
    call.set(1, {order.sender.bytes, evm::address_bytes});
    call.set(3, {order.recipient.bytes, evm::address_bytes});
    call.set(5, u256(order.min_out));
    call.set(6, order.deadline_s == 0 ? u256::max() : u256(order.deadline_s));
    call.set(7, setup.pool_id);
    call.set(9, setup.tokens[order.swap.token_in]);  // word 8: given in
    call.set(10, setup.tokens[order.swap.token_out]);
    call.set(11, u256(order.swap.amount));
    gantry_instruction instruction{};
    instruction.target = evm::to_sdk(setup.vault(kind));
    instruction.data = c_bytes(call.bytes);
    instruction.input = GANTRY_INPUT_APPROVE;
    instruction.spender = instruction.target;
    instruction.amount_in_offset = VaultSwapCall::amount_offset;
    instruction.amount_out_offset = GANTRY_NO_OFFSET;
    instruction.min_out_offset = VaultSwapCall::limit_offset;
    instruction.min_out_enforced = 1;
    instruction.min_out = order.min_out;
    return emit(sink, instruction);
  }

  // By the router that takes what was sent to the vault before: all others want a permit of another
  // contract for their input. It pays its caller, and nobody else.
  gantry_status build_prepaid(const gantry_pool_spec& spec, const Setup& setup, const Variant& kind,
                              const gantry_swap_order& order,
                              const gantry_instruction_sink* sink) const {
    if (!router_v3_ || !is_same(order.sender, order.recipient)) return GANTRY_UNSUPPORTED;
    PrepaidSwapCall call;
    call.set(0, {spec.address.bytes, evm::address_bytes});
    call.set(1, setup.tokens[order.swap.token_in]);
    call.set(2, setup.tokens[order.swap.token_out]);
    call.set(3, u256(order.swap.amount));
    call.set(4, u256(order.min_out));
    call.set(5, order.deadline_s == 0 ? u256::max() : u256(order.deadline_s));
    gantry_instruction instruction{};
    instruction.target = evm::to_sdk(*router_v3_);
    instruction.data = c_bytes(call.bytes);
    instruction.input = GANTRY_INPUT_TRANSFER;
    instruction.spender = evm::to_sdk(setup.vault(kind));
    instruction.amount_in_offset = PrepaidSwapCall::amount_offset;
    instruction.amount_out_offset = GANTRY_NO_OFFSET;
    instruction.min_out_offset = PrepaidSwapCall::limit_offset;
    instruction.min_out_enforced = 1;
    instruction.min_out = order.min_out;
    return emit(sink, instruction);
  }

  static bool is_same(const gantry_address& a, const gantry_address& b) noexcept {
    return std::memcmp(a.bytes, b.bytes, evm::address_bytes) == 0;
  }

  Setup describe(const gantry_pool_spec& spec) const {
    const auto text = view(spec.metadata);
    const Metadata metadata =
        parse_metadata({reinterpret_cast<const char*>(text.data()), text.size()});
    Setup setup{};
    setup.variant = metadata.variant != 0 ? metadata.variant : variant_;
    std::copy_n(spec.address.bytes, evm::address_bytes, setup.pool.begin());
    setup.token_count = static_cast<std::uint8_t>(spec.token_count);
    setup.bpt = no_token;
    setup.vaults[0] = metadata.vault.value_or(vaults_[0]);
    setup.vaults[1] = metadata.vault.value_or(vaults_[1]);
    if (metadata.pool_id) {
      std::ranges::copy(*metadata.pool_id, setup.pool_id);
      setup.flags |= has_pool_id;
      if (!setup.owns_pool_id()) {
        throw Refused("its pool_id does not begin with its address: it is another pool's");
      }
    }
    if (metadata.factory) {
      setup.factory = *metadata.factory;
      setup.flags |= has_factory;
    }
    if (metadata.provider_count != 0) {
      if (metadata.provider_count != spec.token_count) {
        throw Refused("rate_providers names another number than there are tokens");
      }
      std::ranges::copy(metadata.providers, setup.providers);
      setup.flags |= has_providers;
    }
    for (std::uint32_t i = 0; i < spec.token_count; ++i) {
      const gantry_pool_token& token = spec.tokens[i];
      if (token.address.kind != GANTRY_ADDRESS_EVM) throw Refused("a token has an EVM address");
      if (token.decimals > 18) throw Refused("the vaults take no token of more than 18 decimals");
      std::copy_n(token.address.bytes, evm::address_bytes, setup.tokens[i].begin());
      setup.decimals[i] = static_cast<std::uint8_t>(token.decimals);
      if (std::equal(setup.tokens[i].begin(), setup.tokens[i].end(), spec.address.bytes)) {
        setup.bpt = static_cast<std::uint8_t>(i);
      }
    }
    if (setup.bpt != no_token && spec.token_count == 2) {
      throw Refused("of its two tokens one is its own");
    }
    return setup;
  }

  // "pool 0x... is refused: why", without memory of the heap.
  void tell(const Setup& setup, std::string_view how, std::string_view what) const noexcept {
    constexpr std::string_view digits = "0123456789abcdef";
    char line[240];
    std::size_t size = 0;
    const auto add = [&](std::string_view text) {
      const std::size_t fits = std::min(text.size(), sizeof(line) - size);
      std::memcpy(line + size, text.data(), fits);
      size += fits;
    };
    add("pool 0x");
    for (const std::uint8_t byte : setup.pool) {
      add(digits.substr(byte >> 4U, 1));
      add(digits.substr(byte & 15U, 1));
    }
    add(how);
    add(what);
    const bool by_itself = how == ": " && setup.has(says_version);
    host_.log(by_itself ? GANTRY_LOG_INFO : GANTRY_LOG_WARNING, {line, size});
  }

  static bool write(const StateWriter& writer, const Setup& setup, const Market& market) noexcept {
    auto* first = writer.chunk(0, sizeof(setup));
    auto* second = writer.chunk(1, sizeof(market));
    if (first == nullptr || second == nullptr) return false;
    std::memcpy(first, &setup, sizeof(setup));
    std::memcpy(second, &market, sizeof(market));
    return true;
  }

  static const Setup* setup_of(const gantry_state& state) noexcept {
    const auto* setup = chunk_as<Setup>(state, 0);
    const bool good = setup != nullptr && setup->token_count >= 2 &&
                      setup->token_count <= tokens_max &&
                      (setup->variant == 0 || setup->kind() != nullptr);
    return good ? setup : nullptr;
  }

  // Quotes hold for the block in which they are executed.
  static std::uint64_t time_of(const gantry_pool_state& state) noexcept {
    return state.context->execution_time_s;
  }

  static gantry_status look(const gantry_pool_state& state, Look& at) noexcept {
    const auto* market = chunk_as<Market>(state.base, 1);
    if (market == nullptr || chunk_as<Setup>(state.base, 0) == nullptr) return GANTRY_BAD_STATE;
    if (state.overlay.size != 0) {
      if (state.overlay.size != sizeof(Market)) return GANTRY_BAD_STATE;
      market = reinterpret_cast<const Market*>(state.overlay.data);
    }
    if (market->variant > variants().size() || market->token_count < 2 ||
        market->token_count > tokens_max) {
      return GANTRY_BAD_STATE;
    }
    if (market->variant == 0) return GANTRY_NEED_STATE;
    at = {market, &variants()[market->variant - 1U]};
    return market->paused == 0 ? GANTRY_OK : GANTRY_REFUSED;
  }

  static gantry_status look(const gantry_pool_state& state, std::uint32_t token_in,
                            std::uint32_t token_out, Look& at) noexcept {
    const auto status = look(state, at);
    if (status != GANTRY_OK) return status;
    if (token_in >= at.market->token_count || token_out >= at.market->token_count ||
        token_in == token_out) {
      return GANTRY_BAD_ARGUMENT;
    }
    if (token_in == at.market->bpt || token_out == at.market->bpt) return GANTRY_UNSUPPORTED;
    if (at.kind->curve == Curve::weighted &&
        (at.market->tokens[token_in].weight == 0 || at.market->tokens[token_out].weight == 0)) {
      return GANTRY_BAD_STATE;
    }
    return GANTRY_OK;
  }

  static gantry_status run(Swap& swap, const gantry_swap& asked, Moved& moved) noexcept {
    const u256 amount(asked.amount);
    if (asked.mode != GANTRY_EXACT_IN && asked.mode != GANTRY_EXACT_OUT) return GANTRY_UNSUPPORTED;
    if (amount.is_zero()) return GANTRY_NO_LIQUIDITY;
    return asked.mode == GANTRY_EXACT_IN ? swap.exact_in(amount, moved)
                                         : swap.exact_out(amount, moved);
  }

  // A swap leaves the caches that had run out with what the providers say.
  static void renew_rates(Market& market, std::uint64_t time_s) noexcept {
    for (std::uint32_t i = 0; i < market.token_count && time_s > market.first_expiry; ++i) {
      if (time_s <= market.expires[i]) continue;
      store(market.tokens[i].rate, join(market.tokens[i].fresh_rate));
      market.expires[i] = ~std::uint64_t{0};
    }
  }

  static std::uint64_t gas_of(const Look& at) noexcept {
    const SwapGas each = swap_gas_of(*at.kind);
    const Market& market = *at.market;
    const bool has_own = market.bpt != no_token;
    std::uint64_t gas = each.swap + (has_own ? own_token_gas : 0);
    const std::uint32_t traded = market.token_count - (has_own ? 1U : 0U);
    if (traded > 2) gas += each.each_token * (traded - 2);
    for (std::uint32_t i = 0; i < market.token_count; ++i) {
      if (join(market.tokens[i].rate) != one) gas += each.each_rate;
    }
    return gas;
  }

  // By bisection: the formulas have no closed inverse to the unit. Needs about 200 quotes.
  static gantry_status find_limits(Swap& swap, const Market& market, std::uint32_t token_in,
                                   gantry_swap_limits& out) noexcept {
    Moved moved;
    u256 refused = swap.in_end();
    // A thousandth of the balance is taken by any pool that takes anything of use.
    u256 good = shift_right(u256::from_u128(join(market.tokens[token_in].balance)), 10);
    if (good.is_zero()) good = u256(1);
    for (unsigned i = 0; swap.exact_in(good, moved) != GANTRY_OK; ++i) {
      constexpr unsigned doublings_max = 9;
      if (i == doublings_max || good >= refused) return GANTRY_NO_LIQUIDITY;
      good = shift_left(good, 1);
    }
    u256 most = good;
    while (wrapping_sub(refused, most) > u256(1)) {
      // Doubles first, as most pools end near their balance and not near 2^112.
      const u256 twice = shift_left(most, 1);
      const u256 middle = shift_right(wrapping_add(most, refused), 1);
      const u256 tried = std::min(twice, middle);
      (swap.exact_in(tried, moved) == GANTRY_OK ? most : refused) = tried;
    }
    u256 least = good;
    u256 nothing;
    while (wrapping_sub(least, nothing) > u256(1)) {
      const u256 tried = shift_right(wrapping_add(least, nothing), 1);
      (swap.exact_in(tried, moved) == GANTRY_OK ? least : nothing) = tried;
    }
    if (swap.exact_in(most, moved) != GANTRY_OK) return GANTRY_NO_LIQUIDITY;
    out = {least, most, moved.out};
    return GANTRY_OK;
  }

  Host host_;
  std::uint16_t variant_ = 0;
  Address vaults_[2]{};
  std::optional<Address> router_v3_;
  std::vector<Address> routers_;  // whose pending swaps are read
  Address wrapped_{};             // in them the chain's coin; zero: not known
};

}  // namespace
}  // namespace gantry::balancer

GANTRY_PLUGIN(gantry::balancer::Balancer);

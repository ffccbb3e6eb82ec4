// Curve's pools. Each generation is named, and one that is not is refused: a pool's variant comes
// with its metadata or the parameter, and the contract's own version() must agree where it has one.
//
// A quote is what exchange() pays, which in the 3pool generation can be one unit less than get_dy().
#include <charconv>

#include "gantry/dex.hpp"
#include "plugins/dex/curve/abi.hpp"
#include "plugins/dex/curve/search.hpp"
#include "plugins/dex/curve/stable.hpp"

namespace gantry::curve {
namespace {

// Bounds of what a contract can hold, wide enough for every generation and narrow enough that the
// arithmetic on 64 bits cannot wrap.
constexpr std::uint64_t amplification_max = 1'000'000'000'000ULL;
constexpr std::uint64_t offpeg_max = 1'000'000'000'000'000'000ULL;

bool in_bounds(const u256& value, std::uint64_t most, std::uint64_t& out) noexcept {
  if (value > u256(most)) return false;
  out = value.limb(0);
  return true;
}

class Curve final : public DexPlugin {
 public:
  Curve(Host, const Config& config) : variant_(config.string("variant")) {
    if (!variant_.empty() && find_variant(variant_) == variants.size()) {
      throw Refused("there is no variant '" + variant_ + "'; known are " + variant_names());
    }
  }

  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    Metadata metadata;
    if (!read_metadata(spec.metadata, metadata)) return GANTRY_BAD_STATE;
    const std::string_view name = metadata.variant.empty() ? variant_ : metadata.variant;
    if (name.empty()) {
      throw Refused("its variant is unknown: say variant=NAME in the pool's metadata, one of " +
                    variant_names());
    }
    const std::size_t index = find_variant(name);
    if (index == variants.size()) {
      throw Refused("there is no variant '" + std::string(name) + "'; known are " +
                    variant_names());
    }
    const Variant& variant = variants[index];
    if (spec.address.kind != GANTRY_ADDRESS_EVM) throw Refused("a pool has an EVM address");
    if (spec.token_count < variant.coins_min || spec.token_count > variant.coins_max) {
      throw Refused("a pool of the variant " + std::string(name) + " has " +
                    std::to_string(variant.coins_min) + " to " + std::to_string(variant.coins_max) +
                    " coins, not " + std::to_string(spec.token_count));
    }
    if (has_base_pool(variant) && metadata.base_pool.kind != GANTRY_ADDRESS_EVM) {
      throw Refused("a pool of the variant " + std::string(name) +
                    " needs base_pool=0x... in its metadata");
    }
    StableState state{};
    state.variant = static_cast<std::uint32_t>(index + 1);
    state.coins = spec.token_count;
    state.admin_fee = half_of_fee;
    for (std::uint32_t i = 0; i < spec.token_count; ++i) {
      if (spec.tokens[i].decimals > 18) throw Refused("a coin has at most 18 decimals");
      state.rates[i] = power_of_ten(36 - spec.tokens[i].decimals);
    }
    find_multiples(variant.stable, state);
    if (!write(writer, state)) return GANTRY_HOST_FAULT;
    traits.flags = GANTRY_POOL_EXACT_OUT;
    traits.overlay_bytes = static_cast<std::uint32_t>(sizeof(u256)) * state.coins;
    traits.swap_gas = variant.gas;
    return GANTRY_OK;
  }

  gantry_status requests(const gantry_context&, const gantry_pool_spec& spec,
                         const gantry_state& state, std::uint32_t round,
                         const gantry_request_sink* sink) const override {
    if (round != 0) return GANTRY_OK;
    const StableState* pool = pool_of(state);
    Metadata metadata;
    if (pool == nullptr || !read_metadata(spec.metadata, metadata)) return GANTRY_BAD_STATE;
    std::uint32_t tag = 0;
    for (const Question& question : Questions(variant_of(*pool), pool->coins).all()) {
      std::array<std::uint8_t, 4 + word_bytes> data{};
      const Selector selector = selector_of(question.what);
      std::memcpy(data.data(), selector.data(), selector.size());
      data.back() = question.argument;
      const std::size_t size = question.what == Ask::balance ? data.size() : selector.size();
      const bool of_base = question.what == Ask::base_price;
      const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag++,
                                   of_base ? metadata.base_pool : spec.address,
                                   {data.data(), size}};
      if (const auto status = emit(sink, request); status != GANTRY_OK) return status;
    }
    return GANTRY_OK;
  }

  gantry_status apply(const gantry_context& context, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    const StableState* before = pool_of(old);
    if (before == nullptr) return GANTRY_BAD_STATE;
    const Variant& variant = variant_of(*before);
    const Questions questions(variant, before->coins);
    StableState state = *before;
    for (const gantry_fact& fact : facts) {
      if (fact.source != GANTRY_SOURCE_EVM_CALL || fact.status != GANTRY_OK ||
          fact.tag >= questions.all().size()) {
        return GANTRY_BAD_STATE;
      }
      const Question& question = questions.all()[fact.tag];
      const auto data = view(fact.data);
      if (question.what == Ask::version) {
        if (data.size() < 3 * word_bytes) return GANTRY_BAD_STATE;
        if (!reads_as(data, variant.version)) return GANTRY_REFUSED;
      } else if (!decode(question, data, state)) {
        return GANTRY_BAD_STATE;
      }
      state.seen |= 1U << fact.tag;
      state.block = fact.block;
    }
    state.ready = state.seen == questions.every() ? 1 : 0;
    if (state.ready != 0) {
      find_multiples(variant.stable, state);
      solve(variant.stable, context.execution_time_s, state);
    }
    if (!write(writer, state)) return GANTRY_HOST_FAULT;
    return state.ready != 0 ? GANTRY_OK : GANTRY_NEED_STATE;
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const StableState* base = nullptr;
    const u256* balances = nullptr;
    if (const auto status = look(state, swap.token_in, swap.token_out, base, balances);
        status != GANTRY_OK) {
      return status;
    }
    const std::uint64_t overlay_bytes = base->coins * sizeof(u256);
    if (next != nullptr && next->capacity < overlay_bytes) {
      next->size = overlay_bytes;
      return GANTRY_NEED_SIZE;
    }
    const Variant& variant = variant_of(*base);
    const StablePool pool{*base, variant.stable, balances, state.context->execution_time_s};
    StableBasis basis;
    if (const auto status = prepare(pool, basis); status != GANTRY_OK) return status;
    const u256 amount(swap.amount);
    if (amount.is_zero()) return GANTRY_NO_LIQUIDITY;
    StableSwap done;
    u256 in = amount;
    if (swap.mode == GANTRY_EXACT_OUT) {
      if (!find_in(pool, basis, swap.token_in, swap.token_out, amount, in)) {
        return GANTRY_NO_LIQUIDITY;
      }
    } else if (swap.mode != GANTRY_EXACT_IN) {
      return GANTRY_UNSUPPORTED;
    }
    const auto status = exchange(pool, basis, swap.token_in, swap.token_out, in, done);
    if (status != GANTRY_OK) return status;
    out.amount_in = in;
    out.amount_out = swap.mode == GANTRY_EXACT_OUT ? amount : done.paid;
    out.fee = done.fee;
    out.gas = variant.gas;
    out.price_impact = 0;
    out.fee_on_out = 1;
    out.crossings = 0;
    if ((swap.wants & GANTRY_WANT_IMPACT) != 0) {
      out.price_impact = price_impact(pool, basis, swap.token_in, swap.token_out, done);
    }
    if (next != nullptr) {
      auto* after = reinterpret_cast<u256*>(next->data);
      std::copy_n(balances, base->coins, after);
      after[swap.token_in] = done.balance_in;
      after[swap.token_out] = done.balance_out;
      next->size = overlay_bytes;
    }
    return GANTRY_OK;
  }

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    const StableState* base = nullptr;
    const u256* balances = nullptr;
    if (const auto status = look(state, token_in, token_out, base, balances);
        status != GANTRY_OK) {
      return status;
    }
    const StablePool pool{*base, variant_of(*base).stable, balances,
                          state.context->execution_time_s};
    StableBasis basis;
    if (const auto status = prepare(pool, basis); status != GANTRY_OK) return status;
    u256 least;
    if (!find_in(pool, basis, token_in, token_out, u256(1), least)) return GANTRY_NO_LIQUIDITY;
    StableSwap done;
    const u256 beyond = least_not_too_little(
        [&](const u256& amount) {
          const bool too_much =
              exchange(pool, basis, token_in, token_out, amount, done) == GANTRY_OUT_OF_RANGE;
          return too_much ? Verdict::too_much : Verdict::too_little;
        },
        least);
    const u256 most = beyond.is_zero() ? u256::max() : wrapping_sub(beyond, u256(1));
    if (exchange(pool, basis, token_in, token_out, most, done) != GANTRY_OK) {
      return GANTRY_NO_LIQUIDITY;
    }
    out = {least, most, done.paid};
    return GANTRY_OK;
  }

  gantry_status pool_view(const gantry_pool_state& state, gantry_pool_view& out) const override {
    const StableState* base = nullptr;
    const u256* balances = nullptr;
    if (const auto status = look(state, 0, 1, base, balances); status != GANTRY_OK) return status;
    if (out.token_count < base->coins) {
      out.token_count = base->coins;
      return GANTRY_NEED_SIZE;
    }
    out.token_count = base->coins;
    out.fee = static_cast<std::uint32_t>(base->fee / 10'000);  // of 10^10 to parts of a million
    for (std::uint32_t i = 0; i < base->coins; ++i) out.balances[i] = balances[i];
    return GANTRY_OK;
  }

  gantry_status build_swap(const gantry_pool_spec& spec, const gantry_pool_state& state,
                           const gantry_swap_order& order,
                           const gantry_instruction_sink* sink) const override {
    const StableState* pool = pool_of(state.base);
    if (pool == nullptr) return GANTRY_BAD_STATE;
    if (order.swap.mode != GANTRY_EXACT_IN || order.swap.token_in >= pool->coins ||
        order.swap.token_out >= pool->coins || order.swap.token_in == order.swap.token_out ||
        !is_account(order.recipient) || !is_account(order.sender)) {
      return GANTRY_BAD_ARGUMENT;
    }
    // Older contracts pay only whoever calls them.
    const bool can_name_receiver = !variant_of(*pool).stable.asks_admin_fee;
    const bool to_sender =
        std::memcmp(&order.sender, &order.recipient, sizeof(order.sender)) == 0;
    if (!to_sender && !can_name_receiver) return GANTRY_UNSUPPORTED;
    ExchangeCall call(to_sender ? exchange_int128 : exchange_int128_to, order.swap.token_in,
                      order.swap.token_out, u256(order.swap.amount), u256(order.min_out));
    if (!to_sender) call.add_receiver({order.recipient.bytes, order.recipient.length});
    gantry_instruction instruction{};
    instruction.target = spec.address;
    instruction.data = {call.bytes.data(), call.size};
    instruction.input = GANTRY_INPUT_APPROVE;
    instruction.spender = spec.address;
    instruction.amount_in_offset = ExchangeCall::amount_in_offset;
    instruction.amount_out_offset = GANTRY_NO_OFFSET;
    instruction.min_out_offset = ExchangeCall::min_out_offset;
    instruction.min_out_enforced = 1;
    instruction.min_out = order.min_out;
    return emit(sink, instruction);
  }

 private:
  static bool is_account(const gantry_address& address) noexcept {
    return address.kind == GANTRY_ADDRESS_EVM && address.length == evm::address_bytes;
  }
  static const Variant& variant_of(const StableState& state) noexcept {
    return variants[state.variant - 1];
  }
  static bool has_base_pool(const Variant& variant) noexcept {
    return variant.stable.rates == Rates::meta_cached || variant.stable.rates == Rates::meta_fresh;
  }

  // Chunk 0, or null: it is not one that open_pool() and apply() write.
  static const StableState* pool_of(const gantry_state& state) noexcept {
    const auto* pool = chunk_as<StableState>(state, 0);
    if (pool == nullptr || pool->variant == 0 || pool->variant > variants.size()) return nullptr;
    const Variant& variant = variant_of(*pool);
    const bool whole = pool->coins >= variant.coins_min && pool->coins <= variant.coins_max &&
                       pool->fee <= fee_denominator && pool->admin_fee <= fee_denominator &&
                       pool->offpeg_multiplier <= offpeg_max &&
                       pool->ramp.initial <= amplification_max &&
                       pool->ramp.future <= amplification_max;
    return whole ? pool : nullptr;
  }

  static gantry_status look(const gantry_pool_state& state, std::uint32_t token_in,
                            std::uint32_t token_out, const StableState*& base,
                            const u256*& balances) noexcept {
    base = pool_of(state.base);
    if (base == nullptr || base->ready != 1) return GANTRY_BAD_STATE;
    balances = base->balances;
    if (state.overlay.size != 0) {
      if (state.overlay.size != base->coins * sizeof(u256)) return GANTRY_BAD_STATE;
      balances = reinterpret_cast<const u256*>(state.overlay.data);
    }
    if (token_in >= base->coins || token_out >= base->coins || token_in == token_out) {
      return GANTRY_BAD_ARGUMENT;
    }
    return GANTRY_OK;
  }

  static bool write(const StateWriter& writer, const StableState& state) noexcept {
    auto* chunk = writer.chunk(0, sizeof(state));
    if (chunk != nullptr) std::memcpy(chunk, &state, sizeof(state));
    return chunk != nullptr;
  }

  // A base pool's price moves with time: the last coin then has no multiple.
  static void find_multiples(const StableRules& rules, StableState& state) noexcept {
    const bool moves = rules.rates == Rates::meta_cached || rules.rates == Rates::meta_fresh;
    for (std::uint32_t i = 0; i < state.coins; ++i) {
      state.multiples[i] = moves && i + 1 == state.coins ? 0 : multiple_of(state.rates[i]);
    }
  }

  // D of the pool as it stands, so that quotes on it need not solve it again.
  static void solve(const StableRules& rules, std::uint64_t time_s, StableState& state) noexcept {
    state.d = {};
    const StablePool pool{state, rules, state.balances, time_s};
    StableBasis basis;
    if (prepare(pool, basis) != GANTRY_OK) return;
    state.d = basis.d;
    state.d_amplification = basis.amplification;
    state.d_last_rate = pool.rate(pool.last());
  }

  static bool find_in(const StablePool& pool, const StableBasis& basis, std::size_t in,
                      std::size_t out, const u256& wanted, u256& amount) noexcept {
    StableSwap done;
    const auto judge = [&](const u256& probe) {
      const auto status = exchange(pool, basis, in, out, probe, done);
      if (status == GANTRY_OUT_OF_RANGE) return Verdict::too_much;
      return status == GANTRY_OK && done.paid >= wanted ? Verdict::enough : Verdict::too_little;
    };
    amount = least_not_too_little(judge, guess_in(pool, basis, in, out, wanted));
    return !amount.is_zero() && judge(amount) == Verdict::enough;
  }

  static bool decode(const Question& question, std::span<const std::uint8_t> data,
                     StableState& state) noexcept {
    if (question.what == Ask::stored_rates) return read_array(data, state.coins, state.rates);
    if (data.size() != word_bytes) return false;
    const u256 value = evm::read_word(data);
    switch (question.what) {
      case Ask::balance:
        state.balances[question.argument] = value;
        return true;
      case Ask::initial_a:
        return in_bounds(value, amplification_max, state.ramp.initial);
      case Ask::future_a:
        return in_bounds(value, amplification_max, state.ramp.future);
      case Ask::initial_a_time:
        return in_bounds(value, ~std::uint64_t{0}, state.ramp.initial_time_s);
      case Ask::future_a_time:
        return in_bounds(value, ~std::uint64_t{0}, state.ramp.future_time_s);
      case Ask::fee:
        return in_bounds(value, fee_denominator, state.fee);
      case Ask::admin_fee:
        return in_bounds(value, fee_denominator, state.admin_fee);
      case Ask::base_price_cached:
        state.base_price_cached = value;
        return true;
      case Ask::base_cached_at:
        return in_bounds(value, ~std::uint64_t{0}, state.base_cached_at_s);
      case Ask::base_price:
        state.base_price = value;
        return true;
      case Ask::offpeg_multiplier:
        return in_bounds(value, offpeg_max, state.offpeg_multiplier);
      default:
        return false;
    }
  }

  std::string variant_;
};

}  // namespace
}  // namespace gantry::curve

GANTRY_PLUGIN(gantry::curve::Curve);

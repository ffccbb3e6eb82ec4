// Curve's pools. Each generation is named, and one that is not is refused: a pool's variant comes
// with its metadata or the parameter, and the contract's own version() must agree where it has one.
//
// A quote is what exchange() pays, which is not always what get_dy() says: in the 3pool generation
// that can be one unit more, and later ones read A with fewer digits while it ramps.
#include "gantry/dex.hpp"
#include "plugins/dex/curve/code.hpp"
#include "plugins/dex/curve/model.hpp"
#include "plugins/dex/curve/pending.hpp"
#include "plugins/dex/curve/search.hpp"

namespace gantry::curve {
namespace {

const Variant& variant_of(std::uint32_t number) noexcept { return variants[number - 1]; }

// f(Model) of a variant.
template <class F>
auto with_model(const Variant& variant, F&& f) {
  if (variant.family == Family::stable) return f(StableModel());
  if (variant.coins_max == 2) return f(CryptoModel<Twocrypto>());
  return f(CryptoModel<Tricrypto>());
}

// The variant that chunk 0 is of, or null: it is not one that open_pool() and apply() write.
const Variant* variant_in(const gantry_state& state) noexcept {
  if (state.chunk_count == 0 || state.chunks[0].size < sizeof(std::uint32_t)) return nullptr;
  std::uint32_t number = 0;
  std::memcpy(&number, state.chunks[0].data, sizeof(number));
  return number == 0 || number > variants.size() ? nullptr : &variant_of(number);
}

template <class Model>
const typename Model::State* state_in(const gantry_state& state, const Variant& variant) noexcept {
  const auto* pool = chunk_as<typename Model::State>(state, 0);
  const bool whole = pool != nullptr && pool->coins >= variant.coins_min &&
                     pool->coins <= variant.coins_max && Model::is_whole(*pool);
  return whole ? pool : nullptr;
}

// f(Model, Pool) of a pool that can be quoted.
template <class F>
gantry_status with_pool(const gantry_pool_state& state, F&& f) {
  const Variant* variant = variant_in(state.base);
  if (variant == nullptr) return GANTRY_BAD_STATE;
  return with_model(*variant, [&](auto model) -> gantry_status {
    using Model = decltype(model);
    const auto* base = state_in<Model>(state.base, *variant);
    if (base == nullptr || base->ready != 1) return GANTRY_BAD_STATE;
    const bool later = state.overlay.size != 0;
    if (later && state.overlay.size != Model::overlay_bytes(*base)) return GANTRY_BAD_STATE;
    return f(model, Model::pool(*base, *variant, later ? state.overlay.data : nullptr,
                                state.context->execution_time_s));
  });
}

template <class Pool, class Basis, class Swap>
bool find_in(const Pool& pool, const Basis& basis, std::size_t in, std::size_t out,
             const u256& wanted, Swap& done, u256& amount) noexcept {
  const auto judge = [&](const u256& probe) {
    const auto status = exchange(pool, basis, in, out, probe, done);
    if (status == GANTRY_OUT_OF_RANGE) return Verdict::too_much;
    return status == GANTRY_OK && done.paid >= wanted ? Verdict::enough : Verdict::too_little;
  };
  const u256 guess = guess_in(pool, basis, in, out, wanted);
  amount = least_not_too_little(judge, guess);
  if (!amount.is_zero() && judge(amount) == Verdict::enough) return true;
  if (!has_growing_fee(pool) || wanted >= pool_balance(pool, out)) return false;
  const auto paid = [&](const u256& probe) {
    return exchange(pool, basis, in, out, probe, done) == GANTRY_OK ? done.paid : u256();
  };
  const u256 peak = peak_of(paid, shift_left(guess, 8));
  if (paid(peak) < wanted) return false;
  amount = least_not_too_little(judge, peak);
  return judge(amount) == Verdict::enough;
}

bool is_direction(std::uint32_t coins, std::uint32_t in, std::uint32_t out) noexcept {
  return in < coins && out < coins && in != out;
}

template <class Model>
gantry_status quote_in(const typename Model::Pool& pool, const gantry_swap& swap, gantry_quote& out,
                       gantry_buffer* next) noexcept {
  if (!is_direction(pool.state.coins, swap.token_in, swap.token_out)) return GANTRY_BAD_ARGUMENT;
  const std::uint64_t overlay_bytes = Model::overlay_bytes(pool.state);
  if (next != nullptr && next->capacity < overlay_bytes) {
    next->size = overlay_bytes;
    return GANTRY_NEED_SIZE;
  }
  typename Model::Basis basis;
  if (const auto status = prepare(pool, basis); status != GANTRY_OK) return status;
  const u256 amount(swap.amount);
  if (amount.is_zero()) return GANTRY_NO_LIQUIDITY;
  typename Model::Swap done;
  u256 in = amount;
  if (swap.mode == GANTRY_EXACT_OUT) {
    if (!find_in(pool, basis, swap.token_in, swap.token_out, amount, done, in)) {
      return GANTRY_NO_LIQUIDITY;
    }
  } else if (swap.mode == GANTRY_EXACT_IN) {
    const auto status = exchange(pool, basis, swap.token_in, swap.token_out, in, done);
    if (status != GANTRY_OK) return status;
  } else {
    return GANTRY_UNSUPPORTED;
  }
  out.amount_in = in;
  out.amount_out = swap.mode == GANTRY_EXACT_OUT ? amount : done.paid;
  out.fee = done.fee;
  out.gas = variant_of(pool.state.variant).gas;
  out.price_impact = 0;
  out.fee_on_out = 1;
  out.crossings = 0;
  if ((swap.wants & GANTRY_WANT_IMPACT) != 0) {
    out.price_impact = price_impact(pool, basis, swap.token_in, swap.token_out, done);
  }
  if (next != nullptr) {
    Model::write_overlay(pool, swap.token_in, swap.token_out, done, next->data);
    next->size = overlay_bytes;
  }
  return GANTRY_OK;
}

template <class Model>
gantry_status limits_in(const typename Model::Pool& pool, std::uint32_t token_in,
                        std::uint32_t token_out, gantry_swap_limits& out) noexcept {
  if (!is_direction(pool.state.coins, token_in, token_out)) return GANTRY_BAD_ARGUMENT;
  typename Model::Basis basis;
  if (const auto status = prepare(pool, basis); status != GANTRY_OK) return status;
  typename Model::Swap done;
  u256 least;
  if (!find_in(pool, basis, token_in, token_out, u256(1), done, least)) return GANTRY_NO_LIQUIDITY;
  const auto beyond_all = [&](const u256& amount) {
    return exchange(pool, basis, token_in, token_out, amount, done) == GANTRY_OUT_OF_RANGE
               ? Verdict::too_much
               : Verdict::too_little;
  };
  const u256 beyond = least_not_too_little(beyond_all, least);
  const u256 most = beyond.is_zero() ? u256::max() : wrapping_sub(beyond, u256(1));
  if (exchange(pool, basis, token_in, token_out, most, done) != GANTRY_OK) {
    return GANTRY_NO_LIQUIDITY;
  }
  u256 out_max = done.paid;
  if (has_growing_fee(pool)) {
    const auto paid = [&](const u256& amount) {
      return exchange(pool, basis, token_in, token_out, amount, done) == GANTRY_OK ? done.paid
                                                                                   : u256();
    };
    out_max = std::max(out_max, paid(peak_of(paid, most)));
  }
  out = {least, most, out_max};
  return GANTRY_OK;
}

// Not a member: clang 19 does not find those in the generic lambdas of functions before them.
template <class State>
bool write(const StateWriter& writer, const State& state) noexcept {
  auto* chunk = writer.chunk(0, sizeof(state));
  if (chunk != nullptr) std::memcpy(chunk, &state, sizeof(state));
  return chunk != nullptr;
}

class Curve final : public DexPlugin {
 public:
  Curve(Host host, const Config& config)
      : host_(host),
        variant_(config.string("variant")),
        routers_(evm::parse_routers(config.string("pending_routers"))),
        pending_pools_(parse_pending_pools(config.string("pending_pools"))) {
    if (!variant_.empty() && find_variant(variant_) == variants.size()) {
      throw Refused("there is no variant '" + variant_ + "'; known are " + variant_names());
    }
    constexpr std::size_t read_max = 64;  // that a host takes of one venue
    if (routers_.size() + pending_pools_.size() > read_max) {
      throw Refused("pending_routers and pending_pools name more than " + std::to_string(read_max) +
                    " contracts together");
    }
  }

  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    Metadata metadata;
    if (!read_metadata(spec.metadata, metadata)) return GANTRY_BAD_STATE;
    const std::size_t index = check(spec, metadata);
    const Variant& variant = variants[index];
    return with_model(variant, [&](auto model) -> gantry_status {
      using Model = decltype(model);
      typename Model::State state{};
      state.variant = static_cast<std::uint32_t>(index + 1);
      state.coins = spec.token_count;
      Model::begin(spec, variant, state);
      if (!write(writer, state) || !write_identity(writer, spec, metadata)) {
        return GANTRY_HOST_FAULT;
      }
      traits.flags = GANTRY_POOL_EXACT_OUT;
      traits.overlay_bytes = static_cast<std::uint32_t>(Model::overlay_bytes(state));
      traits.swap_gas = variant.gas;
      return GANTRY_OK;
    });
  }

  gantry_status requests(const gantry_context&, const gantry_pool_spec& spec,
                         const gantry_state& state, std::uint32_t round,
                         const gantry_request_sink* sink) const override {
    if (round != 0) return GANTRY_OK;
    const Variant* variant = variant_in(state);
    Metadata metadata;
    if (variant == nullptr || !read_metadata(spec.metadata, metadata)) return GANTRY_BAD_STATE;
    // First, so that what is no pool at all is refused by name.
    if (const auto status = ask_code(spec, metadata, state, *variant, sink); status != GANTRY_OK) {
      return status;
    }
    const Questions questions(*variant, spec.token_count);
    std::uint32_t tag = 0;
    for (const Question& question : questions.all()) {
      const auto status = ask(question, spec, metadata, tag++, sink);
      if (status != GANTRY_OK) return status;
    }
    return GANTRY_OK;
  }

  gantry_status apply(const gantry_context& context, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    const Variant* variant = variant_in(old);
    if (variant == nullptr) return GANTRY_BAD_STATE;
    return with_model(*variant, [&](auto model) -> gantry_status {
      using Model = decltype(model);
      const auto* before = state_in<Model>(old, *variant);
      const auto* identity = chunk_as<Identity>(old, 1);
      if (before == nullptr || identity == nullptr) return GANTRY_BAD_STATE;
      auto state = *before;
      const Questions questions(*variant, state.coins);
      for (const gantry_fact& fact : facts) {
        if (fact.source == GANTRY_SOURCE_EVM_CODE_HASH) {
          const auto status = take_code(*identity, *variant, fact);
          if (status != GANTRY_OK) return status;
          state.seen |= 1U << fact.tag;
          continue;
        }
        if (fact.status != GANTRY_OK || fact.tag >= questions.all().size()) return GANTRY_BAD_STATE;
        const Question& question = questions.all()[fact.tag];
        if (fact.source != source_of(question)) return GANTRY_BAD_STATE;
        const auto data = view(fact.data);
        if (question.what == Ask::version) {
          if (data.size() < 3 * word_bytes) return GANTRY_BAD_STATE;
          if (!reads_as(data, variant->version)) return refuse_version(fact, *variant);
        } else if (!Model::decode(question, data, state)) {
          return GANTRY_BAD_STATE;
        }
        state.seen |= 1U << fact.tag;
        state.block = fact.block;
      }
      state.ready = state.seen == (questions.every() | identity->awaited()) ? 1 : 0;
      Model::finish(*variant, context.execution_time_s, state);
      if (!write(writer, state)) return GANTRY_HOST_FAULT;
      return state.ready != 0 ? GANTRY_OK : GANTRY_NEED_STATE;
    });
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    return with_pool(state, [&](auto model, const auto& pool) {
      return quote_in<decltype(model)>(pool, swap, out, next);
    });
  }

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    return with_pool(state, [&](auto model, const auto& pool) {
      return limits_in<decltype(model)>(pool, token_in, token_out, out);
    });
  }

  gantry_status pool_view(const gantry_pool_state& state, gantry_pool_view& out) const override {
    return with_pool(state, [&](auto model, const auto& pool) -> gantry_status {
      using Model = decltype(model);
      const std::uint32_t room = out.token_count;
      out.token_count = pool.state.coins;
      if (room < pool.state.coins) return GANTRY_NEED_SIZE;
      const u256 fee = Model::fee_now(pool);  // of 10^10; parts of a million are asked for
      out.fee = static_cast<std::uint32_t>(std::min(fee, u256(fee_denominator)).limb(0) / 10'000);
      std::copy_n(Model::balances(pool), pool.state.coins, out.balances);
      return GANTRY_OK;
    });
  }

  gantry_status build_swap(const gantry_pool_spec& spec, const gantry_pool_state& state,
                           const gantry_swap_order& order,
                           const gantry_instruction_sink* sink) const override {
    const Variant* variant = variant_in(state.base);
    if (variant == nullptr) return GANTRY_BAD_STATE;
    if (order.swap.mode != GANTRY_EXACT_IN || !is_account(order.recipient) ||
        !is_account(order.sender) ||
        !is_direction(spec.token_count, order.swap.token_in, order.swap.token_out)) {
      return GANTRY_BAD_ARGUMENT;
    }
    const bool to_sender = std::memcmp(&order.sender, &order.recipient, sizeof(order.sender)) == 0;
    if (!to_sender && !variant->pays_others) return GANTRY_UNSUPPORTED;
    const bool stable = variant->family == Family::stable;
    const Selector selector = to_sender ? (stable ? exchange_int128 : exchange_uint256)
                                        : (stable ? exchange_int128_to : exchange_uint256_to);
    ExchangeCall call(selector, order.swap.token_in, order.swap.token_out, u256(order.swap.amount),
                      u256(order.min_out));
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

  gantry_status routers(AddressSink sink) const {
    for (const PendingPool& pool : pending_pools_) {
      if (const auto status = sink.emit(evm::to_sdk(pool.address)); status != GANTRY_OK) {
        return status;
      }
    }
    return evm::emit_routers(routers_, sink);
  }
  gantry_status decode(const gantry_pending_transaction& transaction, PendingSink sink) const {
    auto call = evm::RouterCall::of({transaction.input.data, transaction.input.size});
    if (!call) return GANTRY_UNSUPPORTED;
    call->value = u256(transaction.value);
    const auto to = evm::to_address(transaction.to);
    const auto pool = std::ranges::find(pending_pools_, to, &PendingPool::address);
    return pool != pending_pools_.end() ? decode_pool_call(*pool, *call, sink)
                                        : decode_router_call(*call, sink);
  }
  const void* get_extension(const char* id) const override {
    return routers_.empty() && pending_pools_.empty() ? nullptr : dex_pending<Curve>(id);
  }

 private:
  static bool is_account(const gantry_address& address) noexcept {
    return address.kind == GANTRY_ADDRESS_EVM && address.length == evm::address_bytes;
  }

  // Which variant a pool is, by index; throws Refused when it is none or cannot be of it.
  std::size_t check(const gantry_pool_spec& spec, const Metadata& metadata) const {
    const std::string name(metadata.variant.empty() ? variant_ : metadata.variant);
    if (name.empty()) {
      throw Refused("its variant is unknown: say variant=NAME in the pool's metadata, one of " +
                    variant_names());
    }
    const std::size_t index = find_variant(name);
    if (index == variants.size()) {
      throw Refused("there is no variant '" + name + "'; known are " + variant_names());
    }
    const Variant& variant = variants[index];
    if (spec.address.kind != GANTRY_ADDRESS_EVM) throw Refused("a pool has an EVM address");
    if (spec.token_count < variant.coins_min || spec.token_count > variant.coins_max) {
      throw Refused("a pool of the variant " + name + " has " + std::to_string(variant.coins_min) +
                    " to " + std::to_string(variant.coins_max) + " coins, not " +
                    std::to_string(spec.token_count));
    }
    const bool on_base =
        variant.stable.rates == Rates::meta_cached || variant.stable.rates == Rates::meta_fresh;
    if (on_base && metadata.base_pool.kind != GANTRY_ADDRESS_EVM) {
      throw Refused("a pool of the variant " + name + " needs base_pool=0x... in its metadata");
    }
    if (variant.stable.first_is_redeemed && !evm::is_contract(metadata.redemption_price)) {
      throw Refused("a pool of the variant " + name +
                    " needs redemption_price_snap=0x... in its metadata: what the pool's "
                    "redemption_price_snap() answers");
    }
    for (std::uint32_t i = 0; i < spec.token_count; ++i) {
      if (spec.tokens[i].decimals > 18) throw Refused("a coin has at most 18 decimals");
    }
    return index;
  }

  static bool write_identity(const StateWriter& writer, const gantry_pool_spec& spec,
                             const Metadata& metadata) noexcept {
    Identity identity{};
    identity.coins = spec.token_count;
    if (metadata.code_hash) {
      identity.flags |= Identity::has_pin;
      identity.pin = *metadata.code_hash;
    }
    if (evm::is_contract(metadata.implementation)) {
      identity.flags |= Identity::has_implementation;
      identity.proxies = proxies_of(metadata.implementation);
    }
    auto* chunk = writer.chunk(1, sizeof(identity));
    if (chunk != nullptr) std::memcpy(chunk, &identity, sizeof(identity));
    return chunk != nullptr;
  }

  // Code does not change: what has been judged is not asked for again.
  static gantry_status ask_code(const gantry_pool_spec& spec, const Metadata& metadata,
                                const gantry_state& state, const Variant& variant,
                                const gantry_request_sink* sink) noexcept {
    const auto* identity = chunk_as<Identity>(state, 1);
    if (identity == nullptr) return GANTRY_BAD_STATE;
    const std::uint32_t seen = with_model(variant, [&](auto model) -> std::uint32_t {
      const auto* pool = state_in<decltype(model)>(state, variant);
      return pool == nullptr ? 0 : pool->seen;
    });
    const std::uint32_t missing = identity->awaited() & ~seen;
    for (const std::uint32_t tag : {tag_code, tag_implementation_code}) {
      if ((missing >> tag & 1U) == 0) continue;
      const gantry_request request{GANTRY_SOURCE_EVM_CODE_HASH,
                                   tag,
                                   tag == tag_code ? spec.address : metadata.implementation,
                                   {}};
      if (const auto status = emit(sink, request); status != GANTRY_OK) return status;
    }
    return GANTRY_OK;
  }

  // GANTRY_REFUSED: it contradicts what the pool is listed as, and the log says how.
  gantry_status take_code(const Identity& identity, const Variant& variant,
                          const gantry_fact& fact) const noexcept {
    const bool known = fact.tag == tag_code || fact.tag == tag_implementation_code;
    if (!known || (identity.awaited() >> fact.tag & 1U) == 0 || fact.status != GANTRY_OK ||
        fact.data.size != evm::word_bytes) {
      return GANTRY_BAD_STATE;
    }
    evm::Topic hash;
    std::memcpy(hash.data(), fact.data.data, hash.size());
    Line why;
    const Finding finding = judge_code(identity, variant, fact.tag, hash, why);
    if (finding == Finding::fits) return GANTRY_OK;
    Line line;
    line << (fact.tag == tag_code ? "pool " : "a pool of the implementation ");
    line.hex({fact.emitter.bytes, evm::address_bytes})
        << (finding == Finding::contradicts ? " is refused: " : ": ") << why.text();
    if (finding == Finding::contradicts) {
      host_.warning(line.text());
      return GANTRY_REFUSED;
    }
    host_.log(finding == Finding::by_name_alone ? GANTRY_LOG_WARNING : GANTRY_LOG_INFO,
              line.text());
    return GANTRY_OK;
  }

  gantry_status refuse_version(const gantry_fact& fact, const Variant& variant) const noexcept {
    Line line;
    line << "pool ";
    line.hex({fact.emitter.bytes, evm::address_bytes})
        << " is refused: its version() is not " << variant.version << ", and the variant '"
        << variant.name << "' is of no other: correct its metadata";
    host_.warning(line.text());
    return GANTRY_REFUSED;
  }

  static std::int32_t source_of(const Question& question) noexcept {
    return question.what == Ask::price_oracle_raw ? GANTRY_SOURCE_EVM_STORAGE
                                                  : GANTRY_SOURCE_EVM_CALL;
  }

  static gantry_status ask(const Question& question, const gantry_pool_spec& spec,
                           const Metadata& metadata, std::uint32_t tag,
                           const gantry_request_sink* sink) noexcept {
    std::array<std::uint8_t, 4 + word_bytes> data{};
    std::size_t size = word_bytes;
    if (question.what == Ask::price_oracle_raw) {
      data[word_bytes - 1] =
          spec.token_count == 2 ? price_oracle_slot_of_two : price_oracle_slot_of_three;
    } else {
      const Selector selector = selector_of(question.what, spec.token_count);
      std::memcpy(data.data(), selector.data(), selector.size());
      data.back() = question.argument;
      size = question.takes_argument ? data.size() : selector.size();
    }
    const gantry_address& asked = question.what == Ask::base_price ? metadata.base_pool
                                  : question.what == Ask::redemption_price
                                      ? metadata.redemption_price
                                      : spec.address;
    return emit(sink, gantry_request{source_of(question), tag, asked, {data.data(), size}});
  }

  Host host_;
  std::string variant_;
  std::vector<evm::Address> routers_;  // whose pending swaps are read
  std::vector<PendingPool> pending_pools_;
};

}  // namespace
}  // namespace gantry::curve

GANTRY_PLUGIN(gantry::curve::Curve);

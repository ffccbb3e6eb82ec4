// Uniswap V2 and every constant-product fork of it, told apart by `fee_bps` and `factory`.
// Formulas: UniswapV2Library.getAmountOut/getAmountIn and the checks of UniswapV2Pair.swap.
#include "gantry/dex.hpp"
#include "plugins/dex/evm/pair_search.hpp"
#include "plugins/dex/uniswap_v2/abi.hpp"
#include "plugins/dex/uniswap_v2/discovery.hpp"
#include "plugins/dex/uniswap_v2/factory.hpp"
#include "plugins/dex/uniswap_v2/pair.hpp"
#include "plugins/dex/uniswap_v2/pending.hpp"

namespace gantry::uniswap_v2 {
namespace {

// Tags of a pool's requests.
constexpr std::uint32_t tag_reserves = 0;
constexpr std::uint32_t tag_pair = 1;  // the factory's getPair()

// Chunk 1, of a pool whose factory has to be asked: what apply() is not told.
struct Identity {
  std::uint8_t pair[evm::address_bytes];
};

class UniswapV2 final : public DexPlugin {
 public:
  UniswapV2(Host host, const Config& config)
      : host_(host),
        fee_bps_(static_cast<std::uint16_t>(config.integer("fee_bps"))),
        factory_(Factory::parse(config.string("factory"), config.string("init_code_hash"))),
        discover_tokens_(
            evm::parse_token_list("discover_tokens", config.string("discover_tokens"))),
        routers_(evm::parse_routers(config.string("pending_routers"))) {
    if (!factory_ && !discover_tokens_.empty()) {
      throw Refused("discover_tokens is set and factory is not: who is to be asked for pairs?");
    }
    if (!routers_.empty() && (!factory_ || asks_factory())) {
      throw Refused(
          "pending_routers is set, and factory or init_code_hash is not: a pair's address follows "
          "from both");
    }
  }

  gantry_status discover(const gantry_context&, gantry_bytes cursor,
                         std::span<const gantry_fact> facts, const gantry_request_sink* requests,
                         const gantry_pool_sink* pools, gantry_buffer* next_cursor) override {
    if (!factory_) return GANTRY_UNSUPPORTED;
    if (!discover_tokens_.empty()) {
      const evm::PairSearch search{host_, factory_->address, discover_tokens_, 1};
      return evm::search_pairs(search, view(cursor), facts, {requests, pools, next_cursor},
                               [](const evm::Address& token0, const evm::Address& token1,
                                  std::uint32_t) { return GetPairCall(token0, token1).bytes; });
    }
    const DiscoverySinks sinks{requests, pools, next_cursor};
    return uniswap_v2::discover(host_, factory_->address, view(cursor), facts, sinks);
  }

  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    if (spec.token_count != 2) throw Refused("a pair has two tokens");
    if (!evm::is_contract(spec.address)) throw Refused("a pair has an EVM address");
    if (factory_) factory_->check(spec);
    PairState pair{};
    pair.fee_bps = fee_bps_;
    pair.known = asks_factory() ? awaits_factory : 0;
    if (!write(writer, pair)) return GANTRY_HOST_FAULT;
    if (asks_factory()) {
      auto* identity = writer.chunk(1, sizeof(Identity));
      if (identity == nullptr) return GANTRY_HOST_FAULT;
      std::memcpy(identity, spec.address.bytes, sizeof(Identity));
    }
    traits.flags = GANTRY_POOL_EXACT_OUT | GANTRY_POOL_SEGMENTS | GANTRY_POOL_FOLLOWS_LOGS;
    traits.overlay_bytes = sizeof(PairState);
    traits.swap_gas = swap_gas;
    return GANTRY_OK;
  }

  gantry_status requests(const gantry_context&, const gantry_pool_spec& spec,
                         const gantry_state& state, std::uint32_t round,
                         const gantry_request_sink* sink) const override {
    if (round != 0) return GANTRY_OK;
    // First, so that its answer is the first: what is no pair at all is refused by name.
    const auto* pair = chunk_as<PairState>(state, 0);
    if (asks_factory() && (pair == nullptr || (pair->known & awaits_factory) != 0)) {
      if (const auto status = ask_factory(spec, sink); status != GANTRY_OK) return status;
    }
    gantry_request call{GANTRY_SOURCE_EVM_CALL, tag_reserves, spec.address,
                        c_bytes(get_reserves_selector)};
    if (const auto status = emit(sink, call); status != GANTRY_OK) return status;
    gantry_request logs{GANTRY_SOURCE_EVM_LOG, tag_reserves, spec.address, c_bytes(sync_topic)};
    return emit(sink, logs);
  }

  gantry_status apply(const gantry_context&, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    const auto* before = chunk_as<PairState>(old, 0);
    if (before == nullptr) return GANTRY_BAD_STATE;
    PairState pair = *before;
    for (const gantry_fact& fact : facts) {
      if (is_foreign_log(fact)) continue;
      if (fact.source == GANTRY_SOURCE_EVM_CALL && fact.tag == tag_pair) {
        if (!asks_factory()) continue;  // recorded when the operator still wanted it
        if (const auto status = recognise(old, fact); status != GANTRY_OK) return status;
        pair.known &= static_cast<std::uint16_t>(~awaits_factory);
        continue;
      }
      if (!decode(fact, pair)) return GANTRY_BAD_STATE;
      pair.known |= has_reserves;
    }
    if (!write(writer, pair)) return GANTRY_HOST_FAULT;
    return quotable(pair) ? GANTRY_OK : GANTRY_NEED_STATE;
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const PairState* pair = nullptr;
    Side side{};
    if (const auto status = look(state, swap.token_in, swap.token_out, pair, side);
        status != GANTRY_OK) {
      return status;
    }
    if (next != nullptr && next->capacity < sizeof(PairState)) {
      next->size = sizeof(PairState);
      return GANTRY_NEED_SIZE;
    }
    const auto status = quote_pair(side, swap, out);
    if (status != GANTRY_OK || next == nullptr) return status;
    PairState after = *pair;
    store(after.reserves[swap.token_in], side.reserve_in + u256(out.amount_in).low128());
    store(after.reserves[swap.token_out], side.reserve_out - u256(out.amount_out).low128());
    std::memcpy(next->data, &after, sizeof(after));
    next->size = sizeof(after);
    return GANTRY_OK;
  }

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    const PairState* pair = nullptr;
    Side side{};
    const auto status = look(state, token_in, token_out, pair, side);
    if (status != GANTRY_OK) return status;
    const u256 in_max = u256::from_u128(reserve_max - side.reserve_in);
    u256 in_min;
    if (amount_in(side.curve(), u256(1), in_min) != GANTRY_OK) return GANTRY_NO_LIQUIDITY;
    // getAmountIn adds one to an exact quotient, too: one less may pay already.
    const u256 less = wrapping_sub(in_min, u256(1));
    u256 paid;
    if (amount_out(side.curve(), less, paid) == GANTRY_OK && !paid.is_zero()) in_min = less;
    if (in_min > in_max) return GANTRY_NO_LIQUIDITY;
    u256 out_max;
    if (amount_out(side.curve(), in_max, out_max) != GANTRY_OK) return GANTRY_NO_LIQUIDITY;
    out = {in_min, in_max, out_max};
    return GANTRY_OK;
  }

  std::optional<std::uint32_t> segments(const gantry_pool_state& state, std::uint32_t token_in,
                                        std::uint32_t token_out,
                                        std::span<gantry_segment> out) const override {
    const PairState* pair = nullptr;
    Side side{};
    if (look(state, token_in, token_out, pair, side) != GANTRY_OK) return 0;
    // An empty pair quotes nothing, but the segment's formula would pay where only one side is
    // empty.
    if (out.empty() || side.reserve_in == 0 || side.reserve_out == 0) return 0;
    out[0] = {u256::from_u128(side.reserve_in),
              u256::from_u128(side.reserve_out),
              u256::from_u128(reserve_max - side.reserve_in + 1),
              side.fee_bps,
              fee_denominator,
              GANTRY_SEGMENT_EXACT,
              0};
    return 1;
  }

  gantry_status pool_view(const gantry_pool_state& state, gantry_pool_view& out) const override {
    if (out.token_count < 2) {
      out.token_count = 2;
      return GANTRY_NEED_SIZE;
    }
    const PairState* pair = nullptr;
    Side side{};
    const auto status = look(state, 0, 1, pair, side);
    if (status != GANTRY_OK) return status;
    out.fee = side.fee_bps * 100;
    out.token_count = 2;
    out.balances[0] = u256::from_u128(side.reserve_in);
    out.balances[1] = u256::from_u128(side.reserve_out);
    return GANTRY_OK;
  }

  gantry_status build_swap(const gantry_pool_spec& spec, const gantry_pool_state&,
                           const gantry_swap_order& order,
                           const gantry_instruction_sink* sink) const override {
    if (order.swap.token_out > 1 || order.recipient.kind != GANTRY_ADDRESS_EVM ||
        order.recipient.length != 20) {
      return GANTRY_BAD_ARGUMENT;
    }
    const SwapCall call(order.swap.token_out, u256(order.out),
                        {order.recipient.bytes, order.recipient.length});
    gantry_instruction instruction{};
    instruction.target = spec.address;
    instruction.data = c_bytes(call.bytes);
    instruction.input = GANTRY_INPUT_TRANSFER;
    instruction.spender = spec.address;
    instruction.amount_in_offset = GANTRY_NO_OFFSET;
    instruction.amount_out_offset =
        order.swap.token_out == 0 ? SwapCall::amount0_offset : SwapCall::amount1_offset;
    // The pair pays exactly what it is told, here the quote, or reverts with K.
    if (u256(order.out) < u256(order.min_out)) return GANTRY_BAD_ARGUMENT;
    instruction.min_out_offset = instruction.amount_out_offset;
    instruction.min_out_enforced = 1;
    instruction.min_out = order.out;
    return emit(sink, instruction);
  }

  gantry_status routers(AddressSink sink) const { return evm::emit_routers(routers_, sink); }
  gantry_status decode(const gantry_pending_transaction& transaction, PendingSink sink) const {
    const auto status = evm::each_universal_swap(transaction, [&](const evm::UniversalSwap& swap) {
      return decode_universal(*factory_, swap, sink);
    });
    if (status != GANTRY_UNSUPPORTED) return status;
    return evm::each_call(transaction, [&](const evm::RouterCall& call) {
      return decode_call(*factory_, call, sink);
    });
  }
  const void* get_extension(const char* id) const override {
    return routers_.empty() ? nullptr : dex_pending<UniswapV2>(id);
  }

 private:
  static void store(std::uint64_t (&limbs)[2], uint128 value) noexcept {
    limbs[0] = static_cast<std::uint64_t>(value);
    limbs[1] = static_cast<std::uint64_t>(value >> 64U);
  }

  static bool write(const StateWriter& writer, const PairState& pair) noexcept {
    auto* chunk = writer.chunk(0, sizeof(pair));
    if (chunk != nullptr) std::memcpy(chunk, &pair, sizeof(pair));
    return chunk != nullptr;
  }

  static bool is_foreign_log(const gantry_fact& fact) noexcept {
    return fact.source == GANTRY_SOURCE_EVM_LOG &&
           (fact.topics.size < sync_topic.size() ||
            std::memcmp(fact.topics.data, sync_topic.data(), sync_topic.size()) != 0);
  }

  static bool decode(const gantry_fact& fact, PairState& out) noexcept {
    const bool log = fact.source == GANTRY_SOURCE_EVM_LOG;
    if (!log && fact.source != GANTRY_SOURCE_EVM_CALL) return false;
    if (fact.status != GANTRY_OK) return false;
    if (fact.data.size != (log ? sync_bytes : get_reserves_bytes)) return false;
    uint128 reserve0 = 0;
    uint128 reserve1 = 0;
    const auto data = view(fact.data);
    if (!read_reserve(data.subspan(0, word_bytes), reserve0) ||
        !read_reserve(data.subspan(word_bytes, word_bytes), reserve1)) {
      return false;
    }
    store(out.reserves[0], reserve0);
    store(out.reserves[1], reserve1);
    out.block = fact.block;
    out.log_index = fact.log_index;
    return true;
  }

  // Whether the chain has to say that a pool is the factory's.
  bool asks_factory() const noexcept { return factory_ && !factory_->init_code_hash; }

  gantry_status ask_factory(const gantry_pool_spec& spec, const gantry_request_sink* sink) const {
    if (spec.token_count != 2) return GANTRY_BAD_STATE;
    const GetPairCall call(evm::to_address(spec.tokens[0].address),
                           evm::to_address(spec.tokens[1].address));
    const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag_pair, evm::to_sdk(factory_->address),
                                 c_bytes(call.bytes)};
    return emit(sink, request);
  }

  // Whether the factory's answer names this very pool. GANTRY_REFUSED: another one, or none.
  gantry_status recognise(const gantry_state& state, const gantry_fact& fact) const {
    const auto* identity = chunk_as<Identity>(state, 1);
    if (identity == nullptr || fact.status != GANTRY_OK || fact.data.size != word_bytes) {
      return GANTRY_BAD_STATE;
    }
    const auto named = evm::read_address(view(fact.data));
    if (!named) return GANTRY_BAD_STATE;
    evm::Address own;
    std::memcpy(own.data(), identity->pair, own.size());
    if (*named == own) return GANTRY_OK;
    host_.warning(evm::checksummed(own) + " is refused: it is no pair of factory " +
                  factory_->name() + ", whose pair of these tokens is " +
                  (*named == evm::Address{} ? "none" : evm::checksummed(*named)));
    return GANTRY_REFUSED;
  }

  // The pair in one direction, from the overlay when there is one. The direction indexes, it does
  // not branch: no predictor could know it.
  static gantry_status look(const gantry_pool_state& state, std::uint32_t token_in,
                            std::uint32_t token_out, const PairState*& pair, Side& out) noexcept {
    pair = chunk_as<PairState>(state.base, 0);
    if (pair == nullptr || !quotable(*pair)) return GANTRY_BAD_STATE;
    if (state.overlay.size != 0) {
      if (state.overlay.size != sizeof(PairState)) return GANTRY_BAD_STATE;
      pair = reinterpret_cast<const PairState*>(state.overlay.data);
    }
    if (token_in > 1 || token_out != (token_in ^ 1U)) return GANTRY_BAD_ARGUMENT;
    out.reserve_in = join(pair->reserves[token_in]);
    out.reserve_out = join(pair->reserves[token_out]);
    out.fee_bps = pair->fee_bps;
    if (out.reserve_in > reserve_max || out.reserve_out > reserve_max ||
        out.fee_bps >= fee_denominator) {
      return GANTRY_BAD_STATE;
    }
    return GANTRY_OK;
  }

  Host host_;
  std::uint16_t fee_bps_;
  std::optional<Factory> factory_;             // whose pairs are taken; none: any
  std::vector<evm::Address> discover_tokens_;  // empty: all pairs of the factory
  std::vector<evm::Address> routers_;          // whose pending swaps are read
};

}  // namespace
}  // namespace gantry::uniswap_v2

GANTRY_PLUGIN(gantry::uniswap_v2::UniswapV2);

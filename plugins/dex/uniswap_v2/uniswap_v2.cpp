// Uniswap V2 and every constant-product fork of it, told apart by `fee_bps`. Formulas:
// UniswapV2Library.getAmountOut/getAmountIn and the checks of UniswapV2Pair.swap.
#include "gantry/dex.hpp"
#include "plugins/dex/uniswap_v2/abi.hpp"
#include "plugins/dex/uniswap_v2/pair.hpp"

namespace gantry::uniswap_v2 {
namespace {

class UniswapV2 final : public DexPlugin {
 public:
  UniswapV2(Host, const Config& config)
      : fee_bps_(static_cast<std::uint16_t>(config.integer("fee_bps"))) {}

  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    if (spec.token_count != 2) throw Refused("a pair has two tokens");
    if (spec.address.kind != GANTRY_ADDRESS_EVM) throw Refused("a pair has an EVM address");
    PairState pair{};
    pair.fee_bps = fee_bps_;
    if (!write(writer, pair)) return GANTRY_HOST_FAULT;
    traits.flags = GANTRY_POOL_EXACT_OUT | GANTRY_POOL_SEGMENTS | GANTRY_POOL_FOLLOWS_LOGS;
    traits.overlay_bytes = sizeof(PairState);
    traits.swap_gas = swap_gas;
    return GANTRY_OK;
  }

  gantry_status requests(const gantry_context&, const gantry_pool_spec& spec, const gantry_state&,
                         std::uint32_t round, const gantry_request_sink* sink) const override {
    if (round != 0) return GANTRY_OK;
    gantry_request call{GANTRY_SOURCE_EVM_CALL, 0, spec.address, c_bytes(get_reserves_selector)};
    if (const auto status = emit(sink, call); status != GANTRY_OK) return status;
    gantry_request logs{GANTRY_SOURCE_EVM_LOG, 0, spec.address, c_bytes(sync_topic)};
    return emit(sink, logs);
  }

  gantry_status apply(const gantry_context&, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    const auto* before = chunk_as<PairState>(old, 0);
    if (before == nullptr) return GANTRY_BAD_STATE;
    PairState pair = *before;
    for (const gantry_fact& fact : facts) {
      if (is_foreign_log(fact)) continue;
      if (!decode(fact, pair)) return GANTRY_BAD_STATE;
      pair.known = 1;
    }
    if (pair.known == 0) return GANTRY_NEED_STATE;
    return write(writer, pair) ? GANTRY_OK : GANTRY_HOST_FAULT;
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

  // The pair in one direction, from the overlay when there is one. The direction indexes, it does
  // not branch: no predictor could know it.
  static gantry_status look(const gantry_pool_state& state, std::uint32_t token_in,
                            std::uint32_t token_out, const PairState*& pair, Side& out) noexcept {
    pair = chunk_as<PairState>(state.base, 0);
    if (pair == nullptr || pair->known == 0) return GANTRY_BAD_STATE;
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

  std::uint16_t fee_bps_;
};

}  // namespace
}  // namespace gantry::uniswap_v2

GANTRY_PLUGIN(gantry::uniswap_v2::UniswapV2);

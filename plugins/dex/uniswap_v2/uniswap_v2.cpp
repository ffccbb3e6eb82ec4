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
      : fee_bps_(static_cast<std::uint32_t>(config.integer("fee_bps"))) {}

  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    if (spec.token_count != 2) throw Refused("a pair has two tokens");
    if (spec.address.kind != GANTRY_ADDRESS_EVM) throw Refused("a pair has an EVM address");
    auto* chunk = writer.chunk(0, sizeof(PairTraits));
    if (chunk == nullptr) return GANTRY_HOST_FAULT;
    const PairTraits pair{fee_bps_, 0};
    std::memcpy(chunk, &pair, sizeof(pair));
    traits.flags = GANTRY_POOL_EXACT_OUT | GANTRY_POOL_SEGMENTS | GANTRY_POOL_FOLLOWS_LOGS;
    traits.overlay_bytes = sizeof(PairReserves);
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
    if (chunk_as<PairTraits>(old, 0) == nullptr) return GANTRY_BAD_STATE;
    PairReserves reserves{};
    const auto* before = chunk_as<PairReserves>(old, 1);
    if (before != nullptr) reserves = *before;
    bool complete = before != nullptr;
    for (const gantry_fact& fact : facts) {
      if (is_foreign_log(fact)) continue;
      if (!decode(fact, reserves)) return GANTRY_BAD_STATE;
      complete = true;
    }
    if (!complete) return GANTRY_NEED_STATE;
    auto* chunk = writer.chunk(1, sizeof(PairReserves));
    if (chunk == nullptr) return GANTRY_HOST_FAULT;
    std::memcpy(chunk, &reserves, sizeof(reserves));
    return GANTRY_OK;
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const PairReserves* reserves = nullptr;
    Side side{};
    if (const auto status = look(state, swap.token_in, swap.token_out, reserves, side);
        status != GANTRY_OK) {
      return status;
    }
    if (next != nullptr && next->capacity < sizeof(PairReserves)) {
      next->size = sizeof(PairReserves);
      return GANTRY_NEED_SIZE;
    }
    const auto status = quote_pair(side, swap, out);
    if (status != GANTRY_OK || next == nullptr) return status;
    PairReserves after = *reserves;
    store(swap.token_in == 0 ? after.reserve0 : after.reserve1,
          side.reserve_in + u256(out.amount_in).low128());
    store(swap.token_in == 0 ? after.reserve1 : after.reserve0,
          side.reserve_out - u256(out.amount_out).low128());
    std::memcpy(next->data, &after, sizeof(after));
    next->size = sizeof(after);
    return GANTRY_OK;
  }

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    const PairReserves* reserves = nullptr;
    Side side{};
    const auto status = look(state, token_in, token_out, reserves, side);
    if (status != GANTRY_OK) return status;
    const u256 in_max = u256::from_u128(reserve_max - side.reserve_in);
    u256 in_min;
    if (amount_in(side.curve(), u256(1), in_min) != GANTRY_OK || in_min > in_max) {
      return GANTRY_NO_LIQUIDITY;
    }
    u256 out_max;
    if (amount_out(side.curve(), in_max, out_max) != GANTRY_OK) return GANTRY_NO_LIQUIDITY;
    out = {in_min, in_max, out_max};
    return GANTRY_OK;
  }

  std::optional<std::uint32_t> segments(const gantry_pool_state& state, std::uint32_t token_in,
                                        std::uint32_t token_out,
                                        std::span<gantry_segment> out) const override {
    const PairReserves* reserves = nullptr;
    Side side{};
    if (look(state, token_in, token_out, reserves, side) != GANTRY_OK) return 0;
    if (out.empty()) return 0;
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
    const PairReserves* reserves = nullptr;
    Side side{};
    const auto status = look(state, 0, 1, reserves, side);
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
    // The pair pays exactly what it is told, or reverts with K.
    instruction.min_out_offset = instruction.amount_out_offset;
    instruction.min_out_enforced = 1;
    instruction.min_out = order.min_out;
    return emit(sink, instruction);
  }

 private:
  static void store(std::uint64_t (&limbs)[2], uint128 value) noexcept {
    limbs[0] = static_cast<std::uint64_t>(value);
    limbs[1] = static_cast<std::uint64_t>(value >> 64U);
  }

  static bool is_foreign_log(const gantry_fact& fact) noexcept {
    return fact.source == GANTRY_SOURCE_EVM_LOG &&
           (fact.topics.size < sync_topic.size() ||
            std::memcmp(fact.topics.data, sync_topic.data(), sync_topic.size()) != 0);
  }

  static bool decode(const gantry_fact& fact, PairReserves& out) noexcept {
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
    store(out.reserve0, reserve0);
    store(out.reserve1, reserve1);
    out.block = fact.block;
    out.log_index = fact.log_index;
    return true;
  }

  // The pair in one direction, from the overlay when there is one.
  static gantry_status look(const gantry_pool_state& state, std::uint32_t token_in,
                            std::uint32_t token_out, const PairReserves*& reserves,
                            Side& out) noexcept {
    const auto* traits = chunk_as<PairTraits>(state.base, 0);
    reserves = chunk_as<PairReserves>(state.base, 1);
    if (state.overlay.size != 0) {
      if (state.overlay.size != sizeof(PairReserves)) return GANTRY_BAD_STATE;
      reserves = reinterpret_cast<const PairReserves*>(state.overlay.data);
    }
    if (traits == nullptr || reserves == nullptr) return GANTRY_BAD_STATE;
    if (token_in + token_out != 1 || token_in > 1) return GANTRY_BAD_ARGUMENT;
    const bool forward = token_in == 0;
    out.reserve_in = join(forward ? reserves->reserve0 : reserves->reserve1);
    out.reserve_out = join(forward ? reserves->reserve1 : reserves->reserve0);
    out.fee_bps = traits->fee_bps;
    if (out.reserve_in > reserve_max || out.reserve_out > reserve_max) return GANTRY_BAD_STATE;
    return GANTRY_OK;
  }

  std::uint32_t fee_bps_;
};

}  // namespace
}  // namespace gantry::uniswap_v2

GANTRY_PLUGIN(gantry::uniswap_v2::UniswapV2);

// A constant-product pair that is as it should be: what a bad one differs from in one thing.
#pragma once
#include "gantry/constant_product.hpp"
#include "gantry/dex.hpp"

namespace gantry::bad {

class FairPair : public DexPlugin {
 public:
  struct Reserves {
    gantry_amount of[2];
  };

  FairPair(Host, const Config&) {}

  gantry_status open_pool(const gantry_pool_spec&, StateWriter,
                          gantry_pool_traits& traits) override {
    traits.overlay_bytes = sizeof(Reserves);
    traits.flags = GANTRY_POOL_SEGMENTS | GANTRY_POOL_EXACT_OUT | GANTRY_POOL_FOLLOWS_LOGS;
    return GANTRY_OK;
  }

  gantry_status requests(const gantry_context&, const gantry_pool_spec& spec, const gantry_state&,
                         std::uint32_t, const gantry_request_sink* sink) const override {
    static constexpr std::uint8_t get_reserves[] = {0x09, 0x02, 0xf1, 0xac};
    const gantry_request call{GANTRY_SOURCE_EVM_CALL, 0, spec.address, c_bytes(get_reserves)};
    if (const auto status = emit(sink, call); status != GANTRY_OK) return status;
    const gantry_request logs{GANTRY_SOURCE_EVM_LOG, 0, spec.address, {nullptr, 0}};
    return emit(sink, logs);
  }

  gantry_status apply(const gantry_context&, const gantry_state&,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    Reserves reserves{};
    if (facts.empty()) return GANTRY_NEED_STATE;
    for (const gantry_fact& fact : facts) {
      if (fact.data.size < 64 || fact.status != GANTRY_OK) return GANTRY_BAD_STATE;
      reserves = {{load_be(fact.data.data), load_be(fact.data.data + 32)}};
    }
    auto* chunk = writer.chunk(0, sizeof(reserves));
    if (chunk == nullptr) return GANTRY_HOST_FAULT;
    std::memcpy(chunk, &reserves, sizeof(reserves));
    return GANTRY_OK;
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    Reserves now{};
    if (!look(state, now)) return GANTRY_BAD_STATE;
    if (!is_direction(swap.token_in, swap.token_out)) return GANTRY_BAD_ARGUMENT;
    const ConstantProduct pair = curve(now, swap.token_in, swap.token_out);
    u256 in(swap.amount);
    u256 pays(swap.amount);
    const auto status = swap.mode == GANTRY_EXACT_IN    ? amount_out(pair, in, pays)
                        : swap.mode == GANTRY_EXACT_OUT ? amount_in(pair, pays, in)
                                                        : GANTRY_UNSUPPORTED;
    if (status != GANTRY_OK) return status;
    if (pays.is_zero()) return GANTRY_NO_LIQUIDITY;
    u256 full;
    if (!add(pair.reserve_in, in, full) || full > reserve_max()) return GANTRY_OUT_OF_RANGE;
    if (next != nullptr) {
      next->size = sizeof(now);
      if (next->capacity < sizeof(now)) return GANTRY_NEED_SIZE;
      now.of[swap.token_in] = full;
      now.of[swap.token_out] = wrapping_sub(u256(now.of[swap.token_out]), pays);
      std::memcpy(next->data, &now, sizeof(now));
    }
    out = {};
    out.amount_in = in;
    out.amount_out = pays;
    u256 fee;
    if (fee_of(pair, in, fee) == GANTRY_OK) out.fee = fee;
    out.gas = 90000;
    return GANTRY_OK;
  }

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    Reserves now{};
    if (!look(state, now)) return GANTRY_BAD_STATE;
    if (!is_direction(token_in, token_out)) return GANTRY_BAD_ARGUMENT;
    const ConstantProduct pair = curve(now, token_in, token_out);
    u256 in_min;
    if (amount_in(pair, u256(1), in_min) != GANTRY_OK) return GANTRY_NO_LIQUIDITY;
    // amount_in() adds one to an exact quotient, too: one less may pay already.
    const u256 less = wrapping_sub(in_min, u256(1));
    u256 pays;
    if (amount_out(pair, less, pays) == GANTRY_OK && !pays.is_zero()) in_min = less;
    const u256 in_max = wrapping_sub(reserve_max(), pair.reserve_in);
    if (in_min > in_max) return GANTRY_NO_LIQUIDITY;
    out = {in_min, in_max, now.of[token_out]};
    return GANTRY_OK;
  }

  std::optional<std::uint32_t> segments(const gantry_pool_state& state, std::uint32_t token_in,
                                        std::uint32_t token_out,
                                        std::span<gantry_segment> out) const override {
    Reserves now{};
    if (!look(state, now) || out.empty() || !is_direction(token_in, token_out)) return 0;
    if (u256(now.of[0]).is_zero() || u256(now.of[1]).is_zero()) return 0;
    const u256 end = wrapping_sub(wrapping_add(reserve_max(), u256(1)), u256(now.of[token_in]));
    out[0] = {now.of[token_in], now.of[token_out], end, 30, 10000, GANTRY_SEGMENT_EXACT, 0};
    return 1;
  }

  gantry_status pool_view(const gantry_pool_state& state, gantry_pool_view& out) const override {
    Reserves now{};
    if (!look(state, now)) return GANTRY_BAD_STATE;
    const bool room = out.token_count >= 2;
    out.token_count = 2;
    if (!room) return GANTRY_NEED_SIZE;
    out.fee = 3000;
    out.balances[0] = now.of[0];
    out.balances[1] = now.of[1];
    return GANTRY_OK;
  }

  gantry_status build_swap(const gantry_pool_spec&, const gantry_pool_state&,
                           const gantry_swap_order&,
                           const gantry_instruction_sink*) const override {
    return GANTRY_UNSUPPORTED;
  }

 protected:
  static bool look(const gantry_pool_state& state, Reserves& out) {
    gantry_bytes bytes = state.overlay;
    if (bytes.size == 0 && state.base.chunk_count > 0) bytes = state.base.chunks[0];
    if (bytes.size != sizeof(out)) return false;
    std::memcpy(&out, bytes.data, sizeof(out));
    return u256(out.of[0]) <= reserve_max() && u256(out.of[1]) <= reserve_max();
  }
  static u256 reserve_max() { return u256::from_u128((uint128{1} << 112U) - 1); }
  static bool is_direction(std::uint32_t in, std::uint32_t out) { return in < 2 && out == 1 - in; }
  static ConstantProduct curve(const Reserves& now, std::uint32_t in, std::uint32_t out) {
    return {u256(now.of[in]), u256(now.of[out]), 30, 10000};
  }
};

}  // namespace gantry::bad

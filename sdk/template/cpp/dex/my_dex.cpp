// A venue in its smallest form: two tokens of equal decimals that trade one for one, less a fee,
// until the pool has no more of the one. out = in - ceil(in * fee_bps / 10000).
#include <array>

#include "gantry/dex.hpp"
#include "gantry/u256.hpp"

namespace my_dex {
namespace {

using gantry::u256;

constexpr std::uint64_t bps = 10000;
constexpr std::uint64_t swap_gas = 80000;
constexpr std::size_t word_bytes = 32;

// Chunk 0, and the overlay: numbers only, so that the host may copy and share it.
struct Balances {
  gantry_amount of[2];
};

// A pool of this venue swaps by swap(uint256 tokenIn, uint256 amountIn, uint256 minOut, address
// to), and pulls its input, so it has to be approved first.
std::array<std::uint8_t, 4 + 4 * word_bytes> swap_call(const gantry_swap_order& order) {
  std::array<std::uint8_t, 4 + 4 * word_bytes> data{0x7a, 0x76, 0xf1, 0x9b};
  gantry::store_be(u256(order.swap.token_in), &data[4]);
  gantry::store_be(u256(order.swap.amount), &data[4 + word_bytes]);
  gantry::store_be(u256(order.min_out), &data[4 + 2 * word_bytes]);
  std::memcpy(&data[4 + 4 * word_bytes - 20], order.recipient.bytes, 20);
  return data;
}

class MyDex final : public gantry::DexPlugin {
 public:
  MyDex(gantry::Host, const gantry::Config& config)
      : fee_bps_(static_cast<std::uint64_t>(config.integer("fee_bps"))) {}

  gantry_status open_pool(const gantry_pool_spec& spec, gantry::StateWriter,
                          gantry_pool_traits& traits) override {
    if (spec.token_count != 2) throw gantry::Refused("a pool has two tokens");
    if (spec.tokens[0].decimals != spec.tokens[1].decimals) {
      throw gantry::Refused("one for one needs tokens of equal decimals");
    }
    traits.overlay_bytes = sizeof(Balances);
    traits.swap_gas = swap_gas;
    return GANTRY_OK;
  }

  // balanceOf(pool) of both tokens; tags tell the answers apart.
  gantry_status requests(const gantry_context&, const gantry_pool_spec& spec, const gantry_state&,
                         std::uint32_t, const gantry_request_sink* sink) const override {
    std::array<std::uint8_t, 4 + word_bytes> call{0x70, 0xa0, 0x82, 0x31};
    std::memcpy(&call[4 + word_bytes - 20], spec.address.bytes, 20);
    for (std::uint32_t token = 0; token < 2; ++token) {
      const gantry_request request{GANTRY_SOURCE_EVM_CALL, token, spec.tokens[token].address,
                                   gantry::c_bytes(call)};
      if (const auto status = gantry::emit(sink, request); status != GANTRY_OK) return status;
    }
    return GANTRY_OK;
  }

  gantry_status apply(const gantry_context&, const gantry_state& old,
                      std::span<const gantry_fact> facts,
                      gantry::StateWriter writer) const override {
    const auto* before = gantry::chunk_as<Balances>(old, 0);
    Balances balances = before != nullptr ? *before : Balances{};
    unsigned known = before != nullptr ? 3 : 0;
    for (const gantry_fact& fact : facts) {
      if (fact.tag > 1 || fact.status != GANTRY_OK || fact.data.size != word_bytes) {
        return GANTRY_BAD_STATE;
      }
      balances.of[fact.tag] = gantry::load_be(fact.data.data);
      known |= 1U << fact.tag;
    }
    if (known != 3) return GANTRY_NEED_STATE;
    auto* chunk = writer.chunk(0, sizeof(balances));
    if (chunk == nullptr) return GANTRY_HOST_FAULT;
    std::memcpy(chunk, &balances, sizeof(balances));
    return GANTRY_OK;
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    const Balances* balances = look(state);
    if (balances == nullptr) return GANTRY_BAD_STATE;
    if (!is_direction(swap.token_in, swap.token_out)) return GANTRY_BAD_ARGUMENT;
    if (swap.mode != GANTRY_EXACT_IN) return GANTRY_UNSUPPORTED;
    const u256 in(swap.amount);
    u256 fee;
    u256 pays;
    if (!mul_div_ceil(in, u256(fee_bps_), u256(bps), fee) || !sub(in, fee, pays)) {
      return GANTRY_OUT_OF_RANGE;
    }
    u256 balance_in(balances->of[swap.token_in]);
    u256 balance_out(balances->of[swap.token_out]);
    if (pays.is_zero() || !sub(balance_out, pays, balance_out)) return GANTRY_NO_LIQUIDITY;
    if (!add(balance_in, in, balance_in)) return GANTRY_OUT_OF_RANGE;
    if (next != nullptr) {
      next->size = sizeof(Balances);
      if (next->capacity < sizeof(Balances)) return GANTRY_NEED_SIZE;
      Balances after{};
      after.of[swap.token_in] = balance_in;
      after.of[swap.token_out] = balance_out;
      std::memcpy(next->data, &after, sizeof(after));
    }
    out = {};
    out.amount_in = in;
    out.amount_out = pays;
    out.fee = fee;
    out.gas = swap_gas;
    return GANTRY_OK;
  }

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    const Balances* balances = look(state);
    if (balances == nullptr) return GANTRY_BAD_STATE;
    if (!is_direction(token_in, token_out)) return GANTRY_BAD_ARGUMENT;
    // The least of which one unit is left: ceil(10000 / (10000 - fee)).
    const std::uint64_t kept = bps - fee_bps_;
    out.in_min = u256((bps + kept - 1) / kept);
    out.out_max = balances->of[token_out];
    // The most that pays no more than there is: ceil((balance + 1) * 10000 / (10000 - fee)) - 1.
    u256 in_max;
    if (!add(u256(out.out_max), u256(1), in_max) ||
        !mul_div_ceil(in_max, u256(bps), u256(kept), in_max) || !sub(in_max, u256(1), in_max) ||
        in_max < u256(out.in_min)) {
      return GANTRY_NO_LIQUIDITY;
    }
    out.in_max = in_max;
    return GANTRY_OK;
  }

  gantry_status pool_view(const gantry_pool_state& state, gantry_pool_view& out) const override {
    const Balances* balances = look(state);
    if (balances == nullptr) return GANTRY_BAD_STATE;
    const bool room = out.token_count >= 2;
    out.token_count = 2;
    if (!room) return GANTRY_NEED_SIZE;
    out.fee = static_cast<std::uint32_t>(fee_bps_ * 100);
    out.balances[0] = balances->of[0];
    out.balances[1] = balances->of[1];
    return GANTRY_OK;
  }

  gantry_status build_swap(const gantry_pool_spec& spec, const gantry_pool_state&,
                           const gantry_swap_order& order,
                           const gantry_instruction_sink* sink) const override {
    if (order.recipient.kind != GANTRY_ADDRESS_EVM) return GANTRY_BAD_ARGUMENT;
    const auto data = swap_call(order);
    gantry_instruction instruction{};
    instruction.target = spec.address;
    instruction.data = gantry::c_bytes(data);
    instruction.input = GANTRY_INPUT_APPROVE;
    instruction.spender = spec.address;
    instruction.amount_in_offset = 4 + word_bytes;
    instruction.amount_out_offset = GANTRY_NO_OFFSET;
    instruction.min_out_offset = 4 + 2 * word_bytes;
    instruction.min_out_enforced = 1;
    instruction.min_out = order.min_out;
    return gantry::emit(sink, instruction);
  }

 private:
  static bool is_direction(std::uint32_t in, std::uint32_t out) { return in < 2 && out == 1 - in; }

  // The pool now, or after the swaps that the overlay stands for.
  static const Balances* look(const gantry_pool_state& state) {
    if (state.overlay.size == 0) return gantry::chunk_as<Balances>(state.base, 0);
    if (state.overlay.size != sizeof(Balances)) return nullptr;
    return reinterpret_cast<const Balances*>(state.overlay.data);
  }

  std::uint64_t fee_bps_;
};

}  // namespace
}  // namespace my_dex

GANTRY_PLUGIN(my_dex::MyDex);

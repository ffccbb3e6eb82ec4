// Borrowers of an Aave V3 market as pools: each is one account's debt and collateral, and a swap
// from the debt to the collateral repays the one for the other, liquidationCall() without aTokens.
// It goes one way, while the account's health factor is below 1, and up to the close factor.
// Of three releases of the market: see math_later.hpp.
#include <algorithm>
#include <cstring>
#include <string>

#include "gantry/dex.hpp"
#include "plugins/dex/aave_v3/discovery.hpp"
#include "plugins/dex/aave_v3/liquidation.hpp"
#include "plugins/dex/aave_v3/position.hpp"
#include "plugins/dex/evm/address_list.hpp"

namespace gantry::aave_v3 {
namespace {

// An estimate for plain tokens and a plain oracle; more where those are proxies.
constexpr std::uint64_t liquidation_gas = 330'000;
constexpr std::uint64_t reserve_gas = 45'000;  // each reserve besides the two

const Overlay* overlay_in(gantry_bytes bytes) noexcept {
  return reinterpret_cast<const Overlay*>(bytes.data);
}

std::uint64_t gas_of(const Position& position) noexcept {
  return liquidation_gas + reserve_gas * (std::max(position.reserve_count, 2U) - 2);
}

class AaveV3 final : public DexPlugin {
 public:
  AaveV3(Host host, const Config& config) : host_(host) {
    const std::string pool(config.string("market"));
    if (const char* wrong = evm::parse_address(pool, search_.pool)) {
      throw Refused("market: `" + pool + "` " + wrong);
    }
    search_.accounts = evm::parse_address_list("accounts", config.string("accounts"), " \t\n,");
    search_.accounts_max = static_cast<std::uint32_t>(config.integer("accounts_max"));
    if (search_.accounts.size() > search_.accounts_max) {
      throw Refused("accounts names " + std::to_string(search_.accounts.size()) +
                    " borrowers, and accounts_max is " + std::to_string(search_.accounts_max) +
                    ": raise it, or watch fewer");
    }
    const std::int64_t from = config.integer("borrows_from_block");
    if (from >= 0) search_.from_block = static_cast<std::uint64_t>(from);
  }

  gantry_status discover(const gantry_context& context, gantry_bytes cursor,
                         std::span<const gantry_fact> facts, const gantry_request_sink* requests,
                         const gantry_pool_sink* pools, gantry_buffer* next_cursor) override {
    return find_positions(host_, search_, context, cursor, facts, {requests, pools}, next_cursor);
  }

  gantry_status open_pool(const gantry_pool_spec& spec, StateWriter writer,
                          gantry_pool_traits& traits) override {
    const auto account = account_in(spec.metadata);
    if (!account) return GANTRY_BAD_STATE;
    if (spec.address.kind != GANTRY_ADDRESS_ID32 || spec.address.length != position_id_bytes) {
      throw Refused("a position's address is an id of 32 bytes, as discovery makes it");
    }
    if (std::memcmp(spec.address.bytes, search_.pool.data(), search_.pool.size()) != 0) {
      throw Refused("it is a position of another market than the one that `market` names");
    }
    if (spec.token_count != 2 || !evm::is_contract(spec.tokens[0].address) ||
        !evm::is_contract(spec.tokens[1].address)) {
      throw Refused("a position has two tokens, its debt and its collateral");
    }
    Position position;
    position.pool = search_.pool;
    position.account = *account;
    position.asset[debt_token] = evm::to_address(spec.tokens[debt_token].address);
    position.asset[collateral_token] = evm::to_address(spec.tokens[collateral_token].address);
    if (position.asset[0] == position.asset[1]) {
      throw Refused("debt and collateral are one token: nothing can be traded");
    }
    if (!write(writer, position)) return GANTRY_HOST_FAULT;
    traits.flags = GANTRY_POOL_ONE_WAY;
    traits.overlay_bytes = sizeof(Overlay);
    traits.swap_gas = gas_of(position);
    return GANTRY_OK;
  }

  gantry_status requests(const gantry_context&, const gantry_pool_spec&, const gantry_state& state,
                         std::uint32_t, const gantry_request_sink* sink) const override {
    const Position* position = position_in(state);
    if (position == nullptr) return GANTRY_BAD_STATE;
    if (const auto status = emit_questions(*position, sink); status != GANTRY_OK) return status;
    const bool is_last =
        position->stage == Stage::whole || position->refusal == Refusal::many_reserves;
    return is_last ? GANTRY_OK : GANTRY_NEED_STATE;
  }

  gantry_status apply(const gantry_context&, const gantry_state& old,
                      std::span<const gantry_fact> facts, StateWriter writer) const override {
    const Position* before = position_in(old);
    if (before == nullptr) return GANTRY_BAD_STATE;
    Position position = *before;
    const Applied applied = apply_facts(facts, position);
    if (applied.told != nullptr) {
      host_.warning("account " + evm::checksummed(position.account) + " " + applied.told);
    }
    if (applied.status != GANTRY_OK && applied.status != GANTRY_NEED_STATE) return applied.status;
    return write(writer, position) ? applied.status : gantry_status{GANTRY_HOST_FAULT};
  }

  gantry_status quote(const gantry_pool_state& state, const gantry_swap& swap, gantry_quote& out,
                      gantry_buffer* next) const override {
    Look at;
    if (const auto status = look(state, swap.token_in, swap.token_out, at); status != GANTRY_OK) {
      return status;
    }
    if (next != nullptr && next->capacity < sizeof(Overlay)) {
      next->size = sizeof(Overlay);
      return GANTRY_NEED_SIZE;
    }
    if (swap.mode != GANTRY_EXACT_IN) return GANTRY_UNSUPPORTED;
    Basis basis;
    if (const auto status = prepare(*at.position, at.later, *state.context, basis);
        status != GANTRY_OK) {
      return status;
    }
    const u256 amount(swap.amount);
    if (amount.is_zero()) return GANTRY_NO_LIQUIDITY;
    Liquidation done;
    if (const auto status = liquidate(basis, amount, done); status != GANTRY_OK) return status;
    out.amount_in = done.repaid;
    out.amount_out = done.paid;
    out.fee = done.fee;
    out.gas = gas_of(*at.position);
    out.price_impact = 0;
    out.fee_on_out = 1;
    out.crossings = 0;
    if (next != nullptr) {
      const Overlay later = after(basis, done);
      std::memcpy(next->data, &later, sizeof(later));
      next->size = sizeof(later);
    }
    return GANTRY_OK;
  }

  gantry_status limits(const gantry_pool_state& state, std::uint32_t token_in,
                       std::uint32_t token_out, gantry_swap_limits& out) const override {
    Look at;
    if (const auto status = look(state, token_in, token_out, at); status != GANTRY_OK) {
      return status;
    }
    Basis basis;
    if (const auto status = prepare(*at.position, at.later, *state.context, basis);
        status != GANTRY_OK) {
      return status;
    }
    u256 least;
    u256 most;
    if (const auto status = range_of(basis, least, most); status != GANTRY_OK) return status;
    Liquidation done;
    if (liquidate(basis, most, done) != GANTRY_OK) return GANTRY_NO_LIQUIDITY;
    out = {least, most, done.paid};
    return GANTRY_OK;
  }

  // What the two reserves hold: what is repaid goes to the one, and comes out of the other.
  gantry_status pool_view(const gantry_pool_state& state, gantry_pool_view& out) const override {
    const Position* position = position_in(state.base);
    if (position == nullptr || !is_overlay(state.overlay)) return GANTRY_BAD_STATE;
    const std::uint32_t room = out.token_count;
    out.token_count = 2;
    if (room < 2) return GANTRY_NEED_SIZE;
    const bool is_later = state.overlay.size != 0;
    const Books books = books_of(*position, is_later ? overlay_in(state.overlay) : nullptr);
    out.fee = 0;
    out.balances[debt_token] = books.held_debt;
    out.balances[collateral_token] = books.held_collateral;
    return GANTRY_OK;
  }

  gantry_status build_swap(const gantry_pool_spec&, const gantry_pool_state& state,
                           const gantry_swap_order& order,
                           const gantry_instruction_sink* sink) const override {
    const Position* position = position_in(state.base);
    if (position == nullptr) return GANTRY_BAD_STATE;
    if (order.swap.mode != GANTRY_EXACT_IN || !evm::is_contract(order.recipient) ||
        !evm::is_contract(order.sender) || order.swap.token_in != debt_token ||
        order.swap.token_out != collateral_token) {
      return GANTRY_BAD_ARGUMENT;
    }
    // The market pays whoever calls.
    if (evm::to_address(order.sender) != evm::to_address(order.recipient)) {
      return GANTRY_UNSUPPORTED;
    }
    const LiquidationCall call(position->asset[collateral_token], position->asset[debt_token],
                               position->account, u256(order.swap.amount));
    gantry_instruction instruction{};
    instruction.target = evm::to_sdk(position->pool);
    instruction.data = {call.bytes.data(), call.bytes.size()};
    instruction.input = GANTRY_INPUT_APPROVE;
    instruction.spender = instruction.target;
    instruction.amount_in_offset = LiquidationCall::amount_offset;
    instruction.amount_out_offset = GANTRY_NO_OFFSET;
    instruction.min_out_offset = GANTRY_NO_OFFSET;
    instruction.min_out = order.min_out;
    return emit(sink, instruction);
  }

 private:
  struct Look {
    const Position* position = nullptr;
    const Overlay* later = nullptr;
  };

  static bool is_overlay(gantry_bytes bytes) noexcept {
    return bytes.size == 0 || bytes.size == sizeof(Overlay);
  }

  static gantry_status look(const gantry_pool_state& state, std::uint32_t in, std::uint32_t out,
                            Look& at) noexcept {
    at.position = position_in(state.base);
    if (at.position == nullptr || !is_overlay(state.overlay)) return GANTRY_BAD_STATE;
    if (in > collateral_token || out > collateral_token || in == out) return GANTRY_BAD_ARGUMENT;
    if (in != debt_token) return GANTRY_UNSUPPORTED;
    if (state.overlay.size != 0) at.later = overlay_in(state.overlay);
    return GANTRY_OK;
  }

  static bool write(const StateWriter& writer, const Position& position) noexcept {
    auto* chunk = writer.chunk(0, sizeof(position));
    if (chunk != nullptr) std::memcpy(chunk, &position, sizeof(position));
    return chunk != nullptr;
  }

  Host host_;
  Search search_;
};

}  // namespace
}  // namespace gantry::aave_v3

GANTRY_PLUGIN(gantry::aave_v3::AaveV3);

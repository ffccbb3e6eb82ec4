// The requests of a pool: for what it is, once, and for what may have changed, in each block.
#include "plugins/dex/balancer/abi.hpp"
#include "plugins/dex/balancer/asks.hpp"
#include "plugins/dex/balancer/facts.hpp"

namespace gantry::balancer {
namespace {

gantry_address evm_address(const Address& bytes) noexcept {
  gantry_address address{};
  address.kind = GANTRY_ADDRESS_EVM;
  address.length = evm::address_bytes;
  std::memcpy(address.bytes, bytes.data(), bytes.size());
  return address;
}

// Emits until one is not taken.
class Emitter {
 public:
  Emitter(const gantry_pool_spec& spec, const Address& vault, const gantry_request_sink* sink)
      : pool_(spec.address), vault_(evm_address(vault)), sink_(sink) {}

  void pool(Ask ask, const Call& call, std::uint32_t token = 0) {
    send(tag_of(ask, token), pool_, call);
  }
  void vault(Ask ask, const Call& call, std::uint32_t token = 0) {
    send(tag_of(ask, token), vault_, call);
  }
  void factory(const Address& address, const Address& pool) {
    send(tag_of(Ask::is_from_factory), evm_address(address),
         Call(selector::is_pool_from_factory).with(pool));
  }
  void provider(const Address& address, std::uint32_t token) {
    send(tag_of(Ask::fresh_rate, token), evm_address(address), Call(selector::get_rate));
  }
  void storage(Ask ask, std::uint64_t slot) {
    if (status_ != GANTRY_OK) return;
    std::array<std::uint8_t, word_bytes> word{};
    evm::write_word(word, u256(slot));
    const gantry_request request{GANTRY_SOURCE_EVM_STORAGE, tag_of(ask), pool_, c_bytes(word)};
    status_ = emit(sink_, request);
  }
  gantry_status status() const { return status_; }

 private:
  void send(std::uint32_t tag, const gantry_address& target, const Call& call) {
    if (status_ != GANTRY_OK) return;
    const gantry_request request{GANTRY_SOURCE_EVM_CALL, tag, target, c_bytes(call.span())};
    status_ = emit(sink_, request);
  }

  gantry_address pool_;
  gantry_address vault_;
  const gantry_request_sink* sink_;
  gantry_status status_ = GANTRY_OK;
};

void ask_v2(Emitter& ask, const Setup& setup, const Variant& kind) {
  ask.vault(Ask::balances, Call(selector::get_pool_tokens).with(setup.pool_id));
  ask.pool(Ask::fee, Call(selector::get_swap_fee_percentage));
  ask.pool(Ask::pool_paused, Call(selector::get_paused_state));
  ask.vault(Ask::vault_paused, Call(selector::get_paused_state));
  if (kind.curve == Curve::stable) {
    ask.pool(Ask::amp, Call(selector::get_amplification_parameter));
    ask.storage(Ask::amp_ramp, amp_slot);
  }
  for (std::uint32_t i = 0; i < setup.token_count; ++i) {
    if (kind.rates != Rates::none && setup.has_provider(i)) {
      const Selector& cache = kind.rates == Rates::pair_cache ? selector::get_price_rate_cache
                                                              : selector::get_token_rate_cache;
      ask.pool(Ask::rate_cache, Call(cache).with(setup.tokens[i]), i);
      ask.provider(setup.providers[i], i);
    }
    if (setup.has(is_verified)) continue;
    ask.vault(Ask::token_info,
              Call(selector::get_pool_token_info_2).with(setup.pool_id).with(setup.tokens[i]), i);
  }
}

void ask_v3(Emitter& ask, const Setup& setup, const Variant& kind, const Address& pool) {
  const auto of_pool = [&](const Selector& selector) { return Call(selector).with(pool); };
  ask.vault(Ask::balances, of_pool(selector::get_pool_token_info_3));
  ask.vault(Ask::rates, of_pool(selector::get_pool_token_rates));
  ask.vault(Ask::config, of_pool(selector::get_pool_config));
  ask.vault(Ask::live_balances, of_pool(selector::get_current_live_balances));
  ask.vault(Ask::pool_paused, of_pool(selector::is_pool_paused));
  ask.vault(Ask::vault_paused, Call(selector::is_vault_paused));
  if (kind.curve == Curve::stable) ask.pool(Ask::amp, Call(selector::get_amplification_state));
  if (setup.has(is_verified)) return;
  ask.vault(Ask::hooks, of_pool(selector::get_hooks_config));
  ask.vault(Ask::trade_min, Call(selector::get_minimum_trade_amount));
}

}  // namespace

gantry_status emit_requests(const gantry_pool_spec& spec, const Setup& setup, const Market& market,
                            const gantry_request_sink* sink) {
  const Variant* kind = setup.kind();
  Emitter ask(spec, kind == nullptr ? Address{} : setup.vault(*kind), sink);
  if (needs_identity(setup)) {
    if (kind == nullptr) ask.pool(Ask::version, Call(selector::version));
    if (!setup.has(has_pool_id)) ask.pool(Ask::pool_id, Call(selector::get_pool_id));
    if (!setup.has(has_providers)) ask.pool(Ask::providers, Call(selector::get_rate_providers));
    return ask.status() == GANTRY_OK ? gantry_status{GANTRY_NEED_STATE} : ask.status();
  }
  // First, so that what is no pool of it is refused by name.
  if (setup.has(has_factory) && (market.known & bit(Ask::is_from_factory)) == 0) {
    ask.factory(setup.factory, setup.pool);
  }
  if (kind->vault == 2) {
    ask_v2(ask, setup, *kind);
  } else {
    ask_v3(ask, setup, *kind, setup.pool);
  }
  if ((market.known & bit(Ask::weights)) == 0 && kind->curve == Curve::weighted) {
    ask.pool(Ask::weights, Call(selector::get_normalized_weights));
  }
  if ((market.known & bit(Ask::minimum_balances)) == 0 && kind->minimum_balances) {
    ask.pool(Ask::minimum_balances, Call(selector::get_min_token_balances));
  }
  return ask.status();
}

}  // namespace gantry::balancer

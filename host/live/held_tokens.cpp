#include "host/live/held_tokens.hpp"

#include "gantry/u256_convert.hpp"
#include "host/live/chain_text.hpp"
#include "host/market/topology.hpp"

namespace gantry::host {
namespace {

constexpr std::uint8_t balance_of_selector[] = {0x70, 0xa0, 0x82, 0x31};  // balanceOf(address)
constexpr std::uint8_t get_vault_selector[] = {0x8d, 0x92, 0x8a, 0xf8};   // getVault()

PoolRequest balance_request(const HeldToken& held) {
  PoolRequest request{0, GANTRY_SOURCE_EVM_CALL, 0, held.token, {}};
  request.payload.assign(std::begin(balance_of_selector), std::end(balance_of_selector));
  request.payload.resize(request.payload.size() + word_bytes - address_bytes);
  request.payload.insert(request.payload.end(), held.holder.bytes,
                         held.holder.bytes + address_bytes);
  return request;
}

}  // namespace

Status read_balances(Fetcher& fetcher, const gantry_context& context,
                     std::span<HeldToken* const> held) {
  if (held.empty()) return {};
  std::vector<PoolRequest> requests;
  for (const HeldToken* each : held) requests.push_back(balance_request(*each));
  const auto answers = fetcher.answer(context, requests);
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t i = 0; i < held.size(); ++i) {
    const recording::Fact& fact = (*answers)[i];
    held[i]->balance.reset();
    if (fact.status != GANTRY_OK || fact.data.size() != word_bytes) continue;
    held[i]->balance = load_be(fact.data.data());
  }
  return {};
}

Status read_in_vaults(Fetcher& fetcher, const gantry_context& context,
                      std::span<HeldToken* const> held) {
  if (held.empty()) return {};
  std::vector<PoolRequest> requests;
  for (const HeldToken* each : held) {
    requests.push_back({0,
                        GANTRY_SOURCE_EVM_CALL,
                        0,
                        each->holder,
                        {std::begin(get_vault_selector), std::end(get_vault_selector)}});
  }
  const auto answers = fetcher.answer(context, requests);
  if (!answers) return std::unexpected(answers.error());
  std::vector<HeldToken*> in_vaults;
  for (std::size_t i = 0; i < held.size(); ++i) {
    const recording::Fact& fact = (*answers)[i];
    if (fact.status != GANTRY_OK || fact.data.size() != word_bytes) continue;
    held[i]->holder = evm_address(
        std::span(fact.data).subspan(word_bytes - address_bytes).first<address_bytes>());
    in_vaults.push_back(held[i]);
  }
  return read_balances(fetcher, context, in_vaults);
}

}  // namespace gantry::host

#include "host/live/held_tokens.hpp"

#include <algorithm>

#include "gantry/u256_convert.hpp"
#include "host/live/chain_text.hpp"
#include "host/market/topology.hpp"

namespace gantry::host {
namespace {

constexpr std::uint8_t balance_of_selector[] = {0x70, 0xa0, 0x82, 0x31};  // balanceOf(address)
constexpr std::uint8_t reserve_selector[] = {0x35, 0xea, 0x6a, 0x75};     // getReserveData(address)
constexpr std::uint8_t get_vault_selector[] = {0x8d, 0x92, 0x8a, 0xf8};   // getVault()

// A function of one address.
PoolRequest request_of(const gantry_address& target, std::span<const std::uint8_t> selector,
                       const gantry_address& argument) {
  PoolRequest request{0, GANTRY_SOURCE_EVM_CALL, 0, target,
                      recording::Bytes(selector.size() + word_bytes)};
  std::ranges::copy(selector, request.payload.begin());
  std::copy_n(argument.bytes, address_bytes, request.payload.end() - address_bytes);
  return request;
}

// The word of an answer that names a holder, and how many it has.
struct Where {
  std::size_t word;
  std::size_t words;
};
constexpr Where in_vault{0, 1};
constexpr Where in_reserve{8, 15};  // the aToken

// Reads the balances of those whose holder is told.
Status read_where_told(Fetcher& fetcher, const gantry_context& context,
                       std::span<HeldToken* const> held, std::span<const PoolRequest> requests,
                       const Where& where) {
  const auto answers = fetcher.answer(context, requests);
  if (!answers) return std::unexpected(answers.error());
  std::vector<HeldToken*> found;
  for (std::size_t i = 0; i < held.size(); ++i) {
    const recording::Fact& fact = (*answers)[i];
    if (fact.status != GANTRY_OK || fact.data.size() != where.words * word_bytes) continue;
    held[i]->holder = evm_address(std::span(fact.data)
                                      .subspan((where.word + 1) * word_bytes - address_bytes)
                                      .first<address_bytes>());
    found.push_back(held[i]);
  }
  return read_balances(fetcher, context, found);
}

}  // namespace

Status read_balances(Fetcher& fetcher, const gantry_context& context,
                     std::span<HeldToken* const> held) {
  if (held.empty()) return {};
  std::vector<PoolRequest> requests;
  for (const HeldToken* each : held) {
    requests.push_back(request_of(each->token, balance_of_selector, each->holder));
  }
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
  return read_where_told(fetcher, context, held, requests, in_vault);
}

Status read_in_reserves(Fetcher& fetcher, const gantry_context& context,
                        std::span<HeldToken* const> held) {
  if (held.empty()) return {};
  std::vector<PoolRequest> requests;
  for (const HeldToken* each : held) {
    requests.push_back(request_of(each->holder, reserve_selector, each->token));
  }
  return read_where_told(fetcher, context, held, requests, in_reserve);
}

}  // namespace gantry::host

#include "host/live/token_check.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "gantry/u256_convert.hpp"
#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"
#include "host/market/topology.hpp"

namespace gantry::host {
namespace {

constexpr std::size_t address_bytes = 20;
constexpr std::uint8_t balance_of_selector[] = {0x70, 0xa0, 0x82, 0x31};  // balanceOf(address)
constexpr std::uint8_t get_vault_selector[] = {0x8d, 0x92, 0x8a, 0xf8};   // getVault()

PoolRequest balance_request(const gantry_address& token, const gantry_address& holder) {
  PoolRequest request{0, GANTRY_SOURCE_EVM_CALL, 0, token, {}};
  request.payload.assign(std::begin(balance_of_selector), std::end(balance_of_selector));
  request.payload.resize(request.payload.size() + word_bytes - address_bytes);
  request.payload.insert(request.payload.end(), holder.bytes, holder.bytes + address_bytes);
  return request;
}

bool same(const gantry_address& a, const gantry_address& b) { return AddressEqual()(a, b); }

}  // namespace

struct TokenCheck::Held {
  std::size_t pool = 0;
  gantry_address token{};
  gantry_address holder{};  // the pool's contract, or the vault that keeps its tokens
  u256 balance;
};

bool TokenCheck::is_allowed(const gantry_address& token) const {
  return std::ranges::any_of(chain_.odd_tokens,
                             [&](const gantry_address& allowed) { return same(allowed, token); });
}

Status TokenCheck::read_balances(const gantry_context& context, std::span<Held*> held) {
  if (held.empty()) return {};
  std::vector<PoolRequest> requests;
  for (const Held* each : held) requests.push_back(balance_request(each->token, each->holder));
  const auto answers = fetcher_.answer(context, requests);
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t i = 0; i < held.size(); ++i) {
    const recording::Fact& fact = (*answers)[i];
    const bool told = fact.status == GANTRY_OK && fact.data.size() == word_bytes;
    held[i]->balance = told ? load_be(fact.data.data()) : u256(0);
  }
  return {};
}

// Of pools that hold nothing themselves: Balancer's tell who holds their tokens.
Status TokenCheck::read_vaults(const gantry_context& context, std::span<Held*> held) {
  if (held.empty()) return {};
  std::vector<PoolRequest> requests;
  for (const Held* each : held) {
    requests.push_back({0,
                        GANTRY_SOURCE_EVM_CALL,
                        0,
                        each->holder,
                        {std::begin(get_vault_selector), std::end(get_vault_selector)}});
  }
  const auto answers = fetcher_.answer(context, requests);
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t i = 0; i < held.size(); ++i) {
    const recording::Fact& fact = (*answers)[i];
    if (fact.status != GANTRY_OK || fact.data.size() != word_bytes) continue;
    held[i]->holder = evm_address(
        std::span(fact.data).subspan(word_bytes - address_bytes).first<address_bytes>());
  }
  return read_balances(context, held);
}

Status TokenCheck::probe(const BlockPin& pin, std::span<Held*> held,
                         std::vector<std::string>& reasons) {
  std::vector<TokenProbe> probes;
  std::vector<RpcCall> calls;
  for (const Held* each : held) {
    probes.push_back({each->token, each->holder, probe_amount(each->balance), u256(0)});
    calls.push_back(probe_call(probes.back()));
  }
  RpcOptions options;
  options.pin = pin;
  const auto answers = ask(providers_, calls, options);
  if (!answers) return std::unexpected(answers.error());
  for (std::size_t i = 0; i < held.size(); ++i) {
    const TokenVerdict verdict = read_probe(probes[i], (*answers)[i]);
    const std::string token = address_text(held[i]->token);
    if (verdict.conduct == TokenConduct::plain) continue;
    if (verdict.conduct == TokenConduct::unknown) {
      if (std::exchange(told_untried_, true)) continue;
      spdlog::warn("{}: token {} {}; pools with what cannot be tried are let in", chain_.name,
                   token, verdict.reason);
      continue;
    }
    std::string& reason = reasons[held[i]->pool];
    if (reason.empty()) {
      reason = fmt::format("token {} is {}: {}", token, to_string(verdict.conduct), verdict.reason);
    }
  }
  return {};
}

Result<std::vector<std::string>> TokenCheck::check(const gantry_context& context,
                                                   const BlockPin& pin,
                                                   std::span<const Pool> pools) {
  std::vector<std::string> reasons(pools.size());
  if (!chain_.check_tokens) return reasons;
  std::vector<Held> all;
  for (std::size_t i = 0; i < pools.size(); ++i) {
    for (const gantry_address& token : pools[i].tokens) {
      if (token.kind != GANTRY_ADDRESS_EVM || is_allowed(token)) continue;
      all.push_back({i, token,
                     evm_address(std::span(pools[i].address.bytes).first<address_bytes>()),
                     u256(0)});
    }
  }
  std::vector<Held*> held;
  for (Held& each : all) held.push_back(&each);
  fetcher_.read_at(pin);
  if (auto done = read_balances(context, held); !done) return std::unexpected(done.error());
  const auto is_empty = [](const Held* each) { return each->balance == u256(0); };
  std::vector<Held*> elsewhere;
  std::ranges::copy_if(held, std::back_inserter(elsewhere), is_empty);
  if (auto done = read_vaults(context, elsewhere); !done) return std::unexpected(done.error());
  // An empty pool has nothing to trade, and nothing to try with.
  std::erase_if(held, [](const Held* each) { return probe_amount(each->balance) == u256(0); });
  for (std::size_t from = 0; from < held.size(); from += probes_per_trip) {
    const std::size_t count = std::min(probes_per_trip, held.size() - from);
    if (auto done = probe(pin, std::span(held).subspan(from, count), reasons); !done) {
      return std::unexpected(done.error());
    }
  }
  return reasons;
}

}  // namespace gantry::host

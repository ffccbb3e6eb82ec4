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

u256 amount_of(const HeldToken& held) { return probe_amount(held.balance.value_or(u256(0))); }

bool same(const gantry_address& a, const gantry_address& b) { return AddressEqual()(a, b); }

}  // namespace

struct TokenCheck::Held : HeldToken {
  std::size_t pool = 0;
};

bool TokenCheck::is_allowed(const gantry_address& token) const {
  return std::ranges::any_of(chain_.odd_tokens,
                             [&](const gantry_address& allowed) { return same(allowed, token); });
}

Status TokenCheck::probe(const BlockPin& pin, std::span<Held*> held,
                         std::vector<std::string>& reasons) {
  std::vector<TokenProbe> probes;
  std::vector<RpcCall> calls;
  for (const Held* each : held) {
    probes.push_back({each->token, each->holder, amount_of(*each)});
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
      Held held;
      held.token = token;
      held.holder = evm_address(std::span(pools[i].address.bytes).first<address_bytes>());
      held.pool = i;
      all.push_back(held);
    }
  }
  std::vector<HeldToken*> read;
  for (Held& each : all) read.push_back(&each);
  fetcher_.read_at(pin);
  if (auto done = read_balances(fetcher_, context, read); !done) {
    return std::unexpected(done.error());
  }
  std::erase_if(read,
                [](const HeldToken* each) { return each->balance.value_or(u256(0)) != u256(0); });
  if (auto done = read_in_vaults(fetcher_, context, read); !done) {
    return std::unexpected(done.error());
  }
  std::vector<Held*> held;
  // An empty pool has nothing to trade, and nothing to try with.
  for (Held& each : all) {
    if (amount_of(each) != u256(0)) held.push_back(&each);
  }
  for (std::size_t from = 0; from < held.size(); from += probes_per_trip) {
    const std::size_t count = std::min(probes_per_trip, held.size() - from);
    if (auto done = probe(pin, std::span(held).subspan(from, count), reasons); !done) {
      return std::unexpected(done.error());
    }
  }
  return reasons;
}

}  // namespace gantry::host

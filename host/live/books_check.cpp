#include "host/live/books_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/text.hpp"
#include "host/live/chain_text.hpp"

namespace gantry::host {
namespace {

// A token in a pool, and what the pool counts as its own.
struct Counted : HeldToken {
  std::uint32_t pool = 0;
  u256 counted;
};

// What the pool can pay out, by token; empty: it does not say, or not exactly.
std::vector<gantry_amount> books_of(const Snapshot& snapshot, std::uint32_t handle) {
  const PoolInfo& pool = snapshot.topology->pools[handle];
  gantry_pool_state state{};
  if (pool.use != PoolUse::usable || (pool.traits.flags & GANTRY_POOL_APPROXIMATE) != 0 ||
      pool.address.kind != GANTRY_ADDRESS_EVM || !snapshot.pool_state(handle, state)) {
    return {};
  }
  std::vector<gantry_amount> balances(pool.tokens.size());
  gantry_pool_view view{0, static_cast<std::uint32_t>(balances.size()), balances.data()};
  const auto status =
      snapshot.topology->venue_of(pool).call<&gantry_dex_v1::view>(Phase::quote, &state, &view);
  if (status != GANTRY_OK) balances.clear();
  return balances;
}

bool is_short(const Counted& token) { return token.balance && *token.balance < token.counted; }

}  // namespace

void BooksCheck::add_next(const Snapshot& snapshot, std::size_t count) {
  const auto pools = static_cast<std::uint32_t>(snapshot.topology->pools.size());
  for (std::size_t i = 0; i < std::min<std::size_t>(count, pools); ++i) {
    next_pool_ %= pools;
    due_.push_back(next_pool_++);
  }
}

Result<std::vector<BooksCheck::Finding>> BooksCheck::check(const Snapshot& snapshot) {
  std::vector<Finding> findings;
  if (!chain_.check_tokens) due_.clear();
  if (due_.empty()) return findings;
  std::ranges::sort(due_);
  const auto repeated = std::ranges::unique(due_);
  due_.erase(repeated.begin(), repeated.end());
  std::vector<Counted> all;
  for (const std::uint32_t handle : due_) {
    const PoolInfo& pool = snapshot.topology->pools[handle];
    const auto books = books_of(snapshot, handle);
    for (std::size_t i = 0; i < books.size(); ++i) {
      const gantry_address& token = snapshot.topology->tokens[pool.tokens[i]].address;
      const bool is_let_in = std::ranges::any_of(
          chain_.odd_tokens, [&](const auto& allowed) { return AddressEqual()(allowed, token); });
      if (token.kind != GANTRY_ADDRESS_EVM || is_let_in) continue;
      Counted counted;
      counted.token = token;
      counted.holder = evm_address(std::span(pool.address.bytes).first<address_bytes>());
      counted.pool = handle;
      counted.counted = u256(books[i]);
      all.push_back(counted);
    }
  }
  std::vector<HeldToken*> held;
  for (Counted& each : all) held.push_back(&each);
  if (auto done = read_balances(fetcher_, snapshot.context, held); !done) {
    return std::unexpected(done.error());
  }
  held.clear();
  for (Counted& each : all) {
    if (is_short(each)) held.push_back(&each);
  }
  if (auto done = read_in_vaults(fetcher_, snapshot.context, held); !done) {
    return std::unexpected(done.error());
  }
  for (const Counted& each : all) {
    if (!is_short(each) || (!findings.empty() && findings.back().pool == each.pool)) continue;
    findings.push_back(
        {each.pool,
         fmt::format("token {} is shrunk: the pool counts {} and holds {}",
                     address_text(each.token), to_string(each.counted), to_string(*each.balance))});
  }
  due_.clear();
  return findings;
}

}  // namespace gantry::host

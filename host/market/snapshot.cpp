#include "host/market/snapshot.hpp"

#include <algorithm>
#include <cstring>

namespace gantry::host {

void LiveVersions::add(std::uint64_t version) {
  const std::lock_guard lock(mutex_);
  versions_.push_back(version);
}

void LiveVersions::remove(std::uint64_t version) noexcept {
  const std::lock_guard lock(mutex_);
  // One of them: a snapshot and the market may both hold a version.
  if (const auto one = std::ranges::find(versions_, version); one != versions_.end()) {
    versions_.erase(one);
  }
}

std::uint64_t LiveVersions::oldest(std::uint64_t newest) const {
  const std::lock_guard lock(mutex_);
  return versions_.empty() ? newest : std::ranges::min(versions_);
}

void ChangeLog::add(const Snapshot& snapshot) {
  const std::lock_guard lock(mutex_);
  Entry& entry = entries_[snapshot.id % entries_.size()];
  entry.id = snapshot.id;
  entry.cold = snapshot.cold;
  entry.changed.assign(snapshot.changed.begin(), snapshot.changed.end());
}

bool ChangeLog::since(std::uint64_t last, std::uint64_t now,
                      std::vector<std::uint32_t>& out) const {
  out.clear();
  if (last == 0 || last >= now || now - last >= kept) return false;
  const std::lock_guard lock(mutex_);
  for (std::uint64_t id = last + 1; id <= now; ++id) {
    const Entry& entry = entries_[id % entries_.size()];
    if (entry.id != id || entry.cold) return false;
    out.insert(out.end(), entry.changed.begin(), entry.changed.end());
  }
  std::ranges::sort(out);
  const auto repeated = std::ranges::unique(out);
  out.erase(repeated.begin(), repeated.end());
  return true;
}

std::size_t AddressHash::operator()(const gantry_address& address) const noexcept {
  // Addresses are hashes already; mix the kind in.
  std::uint64_t word = 0;
  std::memcpy(&word, address.bytes + 4, sizeof(word));
  return static_cast<std::size_t>(word ^ (std::uint64_t{address.kind} << 56U));
}

bool AddressEqual::operator()(const gantry_address& a, const gantry_address& b) const noexcept {
  return std::memcmp(&a, &b, sizeof(gantry_address)) == 0;
}

std::string_view to_string(PoolUse use) {
  switch (use) {
    case PoolUse::usable:
      return "usable";
    case PoolUse::refused:
      return "refused by its venue";
    case PoolUse::no_state:
      return "no state";
    case PoolUse::low_liquidity:
      return "below min_liquidity_usd";
    case PoolUse::no_venue:
      return "no such venue enabled";
    case PoolUse::no_value:
      return "liquidity cannot be valued";
    case PoolUse::quarantined:
      return "quarantined: its state or what it holds was not as the chain says";
  }
  return "unknown";
}

gantry_pool_spec PoolInfo::spec() const noexcept {
  return {address,
          contract_tokens.data(),
          static_cast<std::uint32_t>(contract_tokens.size()),
          0,
          {metadata.data(), metadata.size()}};
}

std::uint32_t PoolInfo::index_of(std::uint32_t token) const noexcept {
  for (std::uint32_t i = 0; i < tokens.size(); ++i) {
    if (tokens[i] == token) return i;
  }
  return no_handle;
}

void Topology::index_pools() {
  token_pools_begin.assign(tokens.size() + 1, 0);
  for (const PoolInfo& pool : pools) {
    for (const std::uint32_t token : pool.tokens) ++token_pools_begin[token + 1];
  }
  for (std::size_t i = 0; i < tokens.size(); ++i) token_pools_begin[i + 1] += token_pools_begin[i];
  token_pools.resize(token_pools_begin.back());
  auto next = token_pools_begin;
  for (std::uint32_t i = 0; i < pools.size(); ++i) {
    for (const std::uint32_t token : pools[i].tokens) token_pools[next[token]++] = i;
  }
}

}  // namespace gantry::host

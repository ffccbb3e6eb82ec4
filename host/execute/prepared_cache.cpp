#include "host/execute/prepared_cache.hpp"

#include <utility>

namespace gantry::host {

double PreparedCache::Counts::hit_rate() const {
  const std::uint64_t all = hits + misses;
  return all == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(all);
}

// What is first in order_ is the oldest, for no entry's time begins anew.
void PreparedCache::drop_old(Time now) {
  while (!order_.empty()) {
    const auto oldest = order_.front();
    if (now - oldest->second.since < options_.ttl && kept_.size() <= options_.entries_max) return;
    kept_.erase(oldest);
    order_.pop_front();
  }
}

std::optional<PreparedRun> PreparedCache::find(const std::string& key, const u256& deadline_min_s,
                                               Time now) {
  const std::lock_guard lock(mutex_);
  drop_old(now);
  const auto found = kept_.find(key);
  if (found == kept_.end() || found->second.made.deadline_s < deadline_min_s) {
    ++counts_.misses;
    return std::nullopt;
  }
  ++counts_.hits;
  if (!found->second.made.refusal.empty()) ++counts_.refused;
  return found->second.made;
}

void PreparedCache::put(const std::string& key, PreparedRun made, Time now) {
  const std::lock_guard lock(mutex_);
  if (const auto before = kept_.find(key); before != kept_.end()) {
    std::erase(order_, before);
    kept_.erase(before);
  }
  order_.push_back(kept_.emplace(key, Kept{std::move(made), now}).first);
  drop_old(now);
}

void PreparedCache::refuse(const std::string& key, const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (const auto found = kept_.find(key); found != kept_.end()) found->second.made.refusal = why;
}

PreparedCache::Counts PreparedCache::counts() const {
  const std::lock_guard lock(mutex_);
  Counts out = counts_;
  out.entries = kept_.size();
  return out;
}

}  // namespace gantry::host

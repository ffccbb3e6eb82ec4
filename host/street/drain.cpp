// Sets of plugins that a change has replaced: kept until nobody works with them, then destroyed,
// and their libraries unloaded.
#include "host/street/run.hpp"

namespace gantry::host {

Drained Street::Run::drain() {
  const std::lock_guard one(one_change_);
  ChangeReport report;
  if (committed_) settle(report);
  return drain_sets();
}

// one_change_ held. Destroys the sets that nobody else holds, and says which libraries went with
// them. A set waits for those before it: what was in them too has ended its work then.
Drained Street::Run::drain_sets() {
  const auto in_use = std::ranges::find_if(
      retiring_, [](const Retiring& retiring) { return retiring.set.use_count() != 1; });
  note_taken_out(static_cast<std::size_t>(in_use - retiring_.begin()));
  std::map<std::string, std::filesystem::path> paths;  // by hash
  for (auto retiring = retiring_.begin(); retiring != in_use; ++retiring) {
    const PluginSet& set = *retiring->set;
    for (const auto& venue : set.venues)
      paths[venue->file().sha256] = venue->library()->mapped_path();
    for (const auto& strategy : set.strategies) {
      const Library* library = strategy.instance->library();
      if (library != nullptr) paths[library->file().sha256] = library->mapped_path();
    }
    for (const auto& paymaster : set.paymasters) {
      paths[paymaster->file().sha256] = paymaster->library()->mapped_path();
    }
  }
  retiring_.erase(retiring_.begin(), in_use);
  Drained drained;
  for (const auto& [hash, path] : paths) {
    const auto library = libraries_->find(hash);
    if (library == libraries_->end() || !library->second.expired()) continue;
    libraries_->erase(library);
    (is_mapped(path) ? drained.stayed : drained.unmapped).push_back(path.string());
  }
  drained.waiting = retiring_.size() + (committed_ ? 1 : 0);
  return drained;
}

// one_change_ held. Of the first so many retiring sets, which nobody works with any more.
void Street::Run::note_taken_out(std::size_t sets) {
  if (sets == 0) return;
  std::shared_ptr<const PluginSet> newest;
  {
    const std::lock_guard lock(change_mutex_);
    newest = set_;
  }
  for (std::size_t i = 0; i < sets; ++i) {
    const auto& next = i + 1 < retiring_.size() ? retiring_[i + 1].set : newest;
    taken_out_.note(*retiring_[i].set, *next, retiring_[i].until);
  }
}

// After the street's work.
std::vector<PluginReport> Street::Run::taken_out() {
  const std::lock_guard one(one_change_);
  note_taken_out(retiring_.size());
  return taken_out_.rows();
}

}  // namespace gantry::host

#include "host/plugin/health.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace gantry::host {

std::string_view to_string(Phase phase) {
  switch (phase) {
    case Phase::load:
      return "load";
    case Phase::create:
      return "create";
    case Phase::open_pool:
      return "open_pool";
    case Phase::apply:
      return "apply";
    case Phase::quote:
      return "quote";
    case Phase::prepare:
      return "prepare";
    case Phase::find:
      return "find";
    case Phase::validate:
      return "validate";
    case Phase::size:
      return "size";
    case Phase::plan:
      return "plan";
    case Phase::sponsor:
      return "sponsor";
    case Phase::result:
      return "result";
    case Phase::subscribe:
      return "subscribe";
    case Phase::init:
      return "init";
    case Phase::destroy:
      return "destroy";
    case Phase::unload:
      return "unload";
    case Phase::event:
      return "event";
    case Phase::pending:
      return "pending";
  }
  return "unknown";
}

std::string_view status_name(gantry_status status) {
  switch (status) {
    case GANTRY_OK:
      return "OK";
    case GANTRY_NO_LIQUIDITY:
      return "NO_LIQUIDITY";
    case GANTRY_OUT_OF_RANGE:
      return "OUT_OF_RANGE";
    case GANTRY_NEED_SIZE:
      return "NEED_SIZE";
    case GANTRY_NEED_STATE:
      return "NEED_STATE";
    case GANTRY_UNSUPPORTED:
      return "UNSUPPORTED";
    case GANTRY_REFUSED:
      return "REFUSED";
    case GANTRY_BAD_STATE:
      return "BAD_STATE";
    case GANTRY_BAD_ARGUMENT:
      return "BAD_ARGUMENT";
    case GANTRY_PLUGIN_FAULT:
      return "PLUGIN_FAULT";
    case GANTRY_HOST_FAULT:
      return "HOST_FAULT";
    default:
      return "an unknown status";
  }
}

namespace {

// Inserts in order, and drops what is then beyond the bound.
template <class T>
void keep_earliest(std::vector<T>& all, T one, std::size_t count_max) {
  all.insert(std::ranges::upper_bound(all, one), std::move(one));
  if (all.size() > count_max) all.pop_back();
}

}  // namespace

void Health::strike(Phase phase, std::string_view reason, std::uint64_t snapshot) {
  const bool at_once = phase == Phase::open_pool || phase == Phase::apply;
  const auto count = count_.fetch_add(1, std::memory_order_relaxed) + 1;
  if (strikes_max_ == 0) return;
  bool retired = false;
  {
    const std::lock_guard lock(mutex_);
    keep_earliest(kept_, Strike{snapshot, phase, std::string(reason)}, kept_max);
    keep_earliest(counts_from_, snapshot + (at_once ? 0 : lag_), strikes_max_);
    if (counts_from_.size() == strikes_max_) {
      retired = !this->retired();
      retired_from_.store(counts_from_.back(), std::memory_order_relaxed);
    }
  }
  if (count > strikes_max_) return;
  spdlog::warn("plugin {}: strike {} of {} in {}: {} ({})", instance_, count, strikes_max_,
               to_string(phase), reason, file_);
  if (retired) {
    spdlog::error("plugin {}: retired for the rest of this run after {} strikes", instance_, count);
  }
}

bool Health::accept(Phase phase, gantry_status status, std::uint64_t snapshot) {
  if (status == GANTRY_OK) return true;
  if (status == GANTRY_PLUGIN_FAULT) {
    strike(phase, "it threw, or reported a fault of its own", snapshot);
  } else if (status == GANTRY_BAD_ARGUMENT) {
    strike(phase, "it rejected an argument that the host had checked", snapshot);
  } else if (status < GANTRY_OK || status > GANTRY_HOST_FAULT ||
             (status > GANTRY_BAD_STATE && status < GANTRY_BAD_ARGUMENT)) {
    strike(phase, fmt::format("it returned {}, which is no status", status), snapshot);
  }
  return false;
}

void Health::strike_late(Phase phase, std::uint64_t snapshot) {
  late_.fetch_add(1, std::memory_order_relaxed);
  strike(phase, "it missed its deadline", snapshot);
}

void Health::strike_unproven(Phase phase, std::string_view reason, std::uint64_t snapshot) {
  unproven_.fetch_add(1, std::memory_order_relaxed);
  strike(phase, reason, snapshot);
}

std::vector<Strike> Health::kept() const {
  const std::lock_guard lock(mutex_);
  return kept_;
}

}  // namespace gantry::host

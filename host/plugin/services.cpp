#include "host/plugin/services.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>

#include "host/base/version.hpp"
#include "host/market/optional_services.hpp"

namespace gantry::host {

namespace {

std::string_view text(gantry_string s) {
  return s.data == nullptr ? std::string_view() : std::string_view(s.data, s.size);
}

// Plugins' bytes are printed: control characters would let one write over other lines.
std::string printable(std::string_view raw, std::size_t bytes_max) {
  std::string line(raw.substr(0, bytes_max));
  std::ranges::replace_if(line, [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return line;
}

spdlog::level::level_enum level_of(std::int32_t severity) {
  switch (severity) {
    case GANTRY_LOG_DEBUG:
      return spdlog::level::debug;
    case GANTRY_LOG_INFO:
      return spdlog::level::info;
    case GANTRY_LOG_WARNING:
      return spdlog::level::warn;
    default:
      return spdlog::level::err;
  }
}

}  // namespace

InstanceServices::InstanceServices(std::string instance) : instance_(std::move(instance)) {
  table_.self = this;
  table_.version = {version_text.data(), version_text.size()};
  table_.log = [](void* self, std::int32_t severity, gantry_string message) {
    static_cast<InstanceServices*>(self)->log(severity, message);
  };
  table_.count = [](void* self, gantry_string name, std::uint64_t increment) {
    static_cast<InstanceServices*>(self)->count(name, increment);
  };
  table_.observe = [](void* self, gantry_string name, double value) {
    static_cast<InstanceServices*>(self)->observe(name, value);
  };
  table_.get_service = [](void*, const char* id) { return optional_service(id); };
}

void InstanceServices::log(std::int32_t severity, gantry_string message) {
  {
    const std::lock_guard lock(mutex_);
    if (++lines_ > lines_max) {
      ++dropped_;
      return;
    }
  }
  spdlog::log(level_of(severity), "plugin {}: {}", instance_,
              printable(text(message), line_bytes_max));
}

void InstanceServices::count(gantry_string name, std::uint64_t increment) {
  std::string key = printable(text(name), name_bytes_max);
  const std::lock_guard lock(mutex_);
  const auto found = counters_.find(key);
  if (found != counters_.end()) {
    found->second += increment;
  } else if (counters_.size() < names_max) {
    counters_.emplace(std::move(key), increment);
  } else {
    ++dropped_;
  }
}

void InstanceServices::observe(gantry_string name, double value) {
  std::string key = printable(text(name), name_bytes_max);
  const std::lock_guard lock(mutex_);
  auto found = distributions_.find(key);
  if (!std::isfinite(value) ||
      (found == distributions_.end() && distributions_.size() >= names_max)) {
    ++dropped_;
    return;
  }
  if (found == distributions_.end()) {
    found = distributions_.emplace(std::move(key), Distribution{0, 0, value, value}).first;
  }
  Distribution& d = found->second;
  ++d.count;
  d.sum += value;
  d.min = std::min(d.min, value);
  d.max = std::max(d.max, value);
}

std::map<std::string, std::uint64_t> InstanceServices::counters() const {
  const std::lock_guard lock(mutex_);
  return {counters_.begin(), counters_.end()};
}

std::map<std::string, InstanceServices::Distribution> InstanceServices::distributions() const {
  const std::lock_guard lock(mutex_);
  return {distributions_.begin(), distributions_.end()};
}

std::uint64_t InstanceServices::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

}  // namespace gantry::host

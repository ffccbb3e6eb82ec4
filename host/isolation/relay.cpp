#include "host/isolation/relay.hpp"

#include <algorithm>
#include <bit>

#include "host/base/version.hpp"
#include "host/market/optional_services.hpp"
#include "host/plugin/services.hpp"

namespace gantry::host::isolation {

Relay::Relay(RecordWriter& records) : records_(records) {
  table_.self = this;
  table_.version = {version_text.data(), version_text.size()};
  table_.log = [](void* self, std::int32_t severity, gantry_string message) {
    static_cast<Relay*>(self)->note(RecordKind::log, static_cast<std::uint32_t>(severity), message);
  };
  table_.count = [](void* self, gantry_string name, std::uint64_t increment) {
    static_cast<Relay*>(self)->note(RecordKind::count, increment, name);
  };
  table_.observe = [](void* self, gantry_string name, double value) {
    static_cast<Relay*>(self)->note(RecordKind::observe, std::bit_cast<std::uint64_t>(value), name);
  };
  table_.get_service = [](void*, const char* id) { return optional_service(id); };
}

void Relay::note(RecordKind kind, std::uint64_t number, gantry_string text) noexcept {
  const std::size_t bytes_max =
      kind == RecordKind::log ? InstanceServices::line_bytes_max : InstanceServices::name_bytes_max;
  const std::size_t size = text.data == nullptr ? 0 : std::min<std::size_t>(text.size, bytes_max);
  if (bytes_ + sizeof(RecordHead) + padded(size) > notes_bytes_max) return;
  const auto* data = reinterpret_cast<const std::uint8_t*>(text.data);
  if (records_.add(kind, number, {std::span(data, size)})) {
    bytes_ += sizeof(RecordHead) + padded(size);
  }
}

}  // namespace gantry::host::isolation

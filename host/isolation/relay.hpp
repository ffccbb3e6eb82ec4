// The gantry_host that a plugin is given in a child: what it logs and counts becomes records, which
// the real host's InstanceServices take when the call has returned.
//
// THREADS  The child's only one.
#pragma once
#include "gantry/plugin.h"
#include "host/isolation/channel.hpp"

namespace gantry::host::isolation {

class Relay {
 public:
  explicit Relay(RecordWriter& records);
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  const gantry_host* table() const noexcept { return &table_; }
  // A new call: it may say as much again.
  void clear() noexcept { bytes_ = 0; }

 private:
  void note(RecordKind kind, std::uint64_t number, gantry_string text) noexcept;

  RecordWriter& records_;
  gantry_host table_{};
  std::uint64_t bytes_ = 0;
};

}  // namespace gantry::host::isolation

// What a child has to know before it runs anything: written by the host, which it trusts.
//
// THREADS  Any thread.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/config/settings.hpp"
#include "host/market/topology.hpp"

namespace gantry::host::isolation {

struct PluginOrder {
  std::string file;    // where it was installed, for messages
  std::string sha256;  // of the bytes behind its descriptor
  std::string name;
  std::string chain;
  std::int64_t priority = 0;
  std::vector<ParameterSetting> parameters;
};

struct Order {
  std::int64_t parent = 0;  // the host's process
  std::uint64_t arena_address = 0;
  std::uint64_t arena_bytes = 0;
  std::uint64_t replies_bytes = 0;
  std::uint64_t opportunities_max = 0;
  std::uint64_t memory_bytes_max = 0;
  PluginOrder strategy;
  std::vector<PluginOrder> venues;
};

PluginOrder order_of(const PluginFile& file, const InstanceSettings& settings);
std::vector<std::uint8_t> pack(const Order& order);
// False: the bytes are not what pack() wrote.
bool unpack(std::span<const std::uint8_t> bytes, Order& order);

// Without venues, but for their names, and what only they need to take a pool on; unpack_topology()
// takes those of the child.
std::vector<std::uint8_t> pack(const Topology& topology);
bool unpack(std::span<const std::uint8_t> bytes, Topology& topology);

}  // namespace gantry::host::isolation

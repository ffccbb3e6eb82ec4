#include "host/isolation/order.hpp"

#include <cstring>
#include <type_traits>
#include <variant>

namespace gantry::host::isolation {
namespace {

// Both ends are one program: values go as they lie in memory. One list of fields serves both ways.
class Writer {
 public:
  static constexpr bool reads = false;
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void field(const T& value) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    out_.insert(out_.end(), bytes, bytes + sizeof(T));
  }
  void field(const std::string& text) {
    field(std::uint64_t{text.size()});
    out_.insert(out_.end(), text.begin(), text.end());
  }
  template <class T, class Each>
  void list(const std::vector<T>& all, Each each) {
    field(std::uint64_t{all.size()});
    for (const T& one : all) each(one);
  }
  std::vector<std::uint8_t> take() { return std::move(out_); }

 private:
  std::vector<std::uint8_t> out_;
};

class Reader {
 public:
  static constexpr bool reads = true;
  explicit Reader(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  template <class T>
    requires std::is_trivially_copyable_v<T>
  void field(T& value) {
    if (rest_.size() < sizeof(T)) return cut();
    std::memcpy(&value, rest_.data(), sizeof(T));
    rest_ = rest_.subspan(sizeof(T));
  }
  void field(std::string& text) {
    std::uint64_t size = 0;
    field(size);
    if (size > rest_.size()) return cut();
    text.assign(reinterpret_cast<const char*>(rest_.data()), size);
    rest_ = rest_.subspan(size);
  }
  template <class T, class Each>
  void list(std::vector<T>& all, Each each) {
    std::uint64_t size = 0;
    field(size);
    if (size > rest_.size()) return cut();  // each takes a byte at least
    all.resize(size);
    for (T& one : all) each(one);
  }
  bool whole() const { return !cut_ && rest_.empty(); }
  void cut() {
    cut_ = true;
    rest_ = {};
  }

 private:
  std::span<const std::uint8_t> rest_;
  bool cut_ = false;
};

template <class Bytes>
void parameter(Bytes& bytes, auto& setting) {
  bytes.field(setting.name);
  bytes.field(setting.type);
  bytes.field(setting.given);
  auto index = static_cast<std::uint64_t>(setting.value.index());
  bytes.field(index);
  const auto value = [&]<class T>(T of) {
    if constexpr (Bytes::reads) setting.value = std::move(of);
    bytes.field(std::get<T>(setting.value));
  };
  if (index == ParameterValue(bool()).index()) return value(bool());
  if (index == ParameterValue(std::int64_t()).index()) return value(std::int64_t());
  if (index == ParameterValue(double()).index()) return value(double());
  if (index == ParameterValue(std::string()).index()) return value(std::string());
  if (index == ParameterValue(gantry_amount()).index()) return value(gantry_amount());
  if constexpr (Bytes::reads) bytes.cut();
}

void plugin(auto& bytes, auto& plugin) {
  bytes.field(plugin.file);
  bytes.field(plugin.sha256);
  bytes.field(plugin.name);
  bytes.field(plugin.chain);
  bytes.field(plugin.priority);
  bytes.list(plugin.parameters, [&](auto& setting) { parameter(bytes, setting); });
}

void whole_order(auto& bytes, auto& order) {
  bytes.field(order.parent);
  bytes.field(order.arena_address);
  bytes.field(order.arena_bytes);
  bytes.field(order.replies_bytes);
  bytes.field(order.opportunities_max);
  bytes.field(order.memory_bytes_max);
  plugin(bytes, order.strategy);
  bytes.list(order.venues, [&](auto& venue) { plugin(bytes, venue); });
}

void whole_topology(auto& bytes, auto& topology) {
  bytes.field(topology.id);
  bytes.field(topology.chain);
  bytes.list(topology.tokens, [&](auto& token) {
    bytes.field(token.address);
    bytes.field(token.symbol);
    bytes.field(token.decimals);
    bytes.field(token.flags);
  });
  bytes.list(topology.pools, [&](auto& pool) {
    bytes.field(pool.address);
    bytes.list(pool.tokens, [&](auto& token) { bytes.field(token); });
    bytes.field(pool.venue);
    bytes.field(pool.traits);
    bytes.field(pool.use);
    bytes.field(pool.liquidity_usd);
  });
  bytes.list(topology.venue_names, [&](auto& name) { bytes.field(name); });
  bytes.field(topology.wrapped_token);
  bytes.list(topology.usd_tokens, [&](auto& token) { bytes.field(token); });
  bytes.list(topology.value_steps, [&](auto& step) { bytes.field(step); });
}

}  // namespace

PluginOrder order_of(const PluginFile& file, const InstanceSettings& settings) {
  return {file.path.string(), file.sha256,       settings.name,
          settings.chain,     settings.priority, settings.parameters};
}

std::vector<std::uint8_t> pack(const Order& order) {
  Writer writer;
  whole_order(writer, order);
  return writer.take();
}

bool unpack(std::span<const std::uint8_t> bytes, Order& order) {
  Reader reader(bytes);
  whole_order(reader, order);
  return reader.whole();
}

std::vector<std::uint8_t> pack(const Topology& topology) {
  Writer writer;
  whole_topology(writer, topology);
  return writer.take();
}

bool unpack(std::span<const std::uint8_t> bytes, Topology& topology) {
  Reader reader(bytes);
  whole_topology(reader, topology);
  if (!reader.whole()) return false;
  for (std::uint32_t i = 0; i < topology.tokens.size(); ++i) {
    topology.token_by_address.emplace(topology.tokens[i].address, i);
  }
  topology.index_pools();
  return true;
}

}  // namespace gantry::host::isolation

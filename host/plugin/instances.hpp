// Running instances of plugins: a table, the plugin's own object, and what the host knows of both.
//
// THREADS    Made and destroyed on the main thread; how each may be called is the SDK's to say.
// OWNERSHIP  An instance holds its library, so that no table outlives its code.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "gantry/dex.h"
#include "gantry/paymaster.h"
#include "gantry/strategy.h"
#include "host/config/load.hpp"
#include "host/isolation/put_away.hpp"
#include "host/plugin/health.hpp"
#include "host/plugin/library.hpp"
#include "host/plugin/services.hpp"

namespace gantry::host {

class IsolatedStrategy;
class Nursery;
class SharedArena;

// What the three kinds share; `Table` and `Object` are a kind's C types.
template <class Table, class Object>
class PluginInstance {
 public:
  PluginInstance(std::shared_ptr<Library> library, std::unique_ptr<InstanceServices> services,
                 const Table* table, Object* object, std::shared_ptr<Health> health)
      : library_(std::move(library)),
        file_(library_, &library_->file()),
        services_(std::move(services)),
        table_(table),
        object_(object),
        health_(std::move(health)) {}
  // One whose library is in another process: `table` is of the host's own functions.
  PluginInstance(const PluginFile& file, std::unique_ptr<InstanceServices> services,
                 const Table* table, Object* object, std::shared_ptr<Health> health)
      : file_(std::make_shared<PluginFile>(file)),
        services_(std::move(services)),
        table_(table),
        object_(object),
        health_(std::move(health)) {}
  PluginInstance(const PluginInstance&) = delete;
  PluginInstance& operator=(const PluginInstance&) = delete;
  ~PluginInstance() { table_->destroy(object_); }

  const Table& table() const noexcept { return *table_; }
  Object* object() const noexcept { return object_; }
  Health& health() const noexcept { return *health_; }
  const std::string& name() const noexcept { return health_->instance(); }
  const PluginFile& file() const noexcept { return *file_; }
  // Null: it is in another process.
  const Library* library() const noexcept { return library_.get(); }
  const InstanceServices& services() const noexcept { return *services_; }

 private:
  std::shared_ptr<Library> library_;  // outlives the object
  std::shared_ptr<const PluginFile> file_;
  std::unique_ptr<InstanceServices> services_;
  const Table* table_;
  Object* object_;
  std::shared_ptr<Health> health_;
};

struct VenueInstance : PluginInstance<gantry_dex_v1, gantry_dex_instance> {
  using PluginInstance::PluginInstance;
  DexSettings settings;
};
struct StrategyInstance : PluginInstance<gantry_strategy_v1, gantry_strategy_instance> {
  using PluginInstance::PluginInstance;
  StrategySettings settings;
  IsolatedStrategy* isolated = nullptr;  // its object, when it runs in a process of its own
};
struct PaymasterInstance : PluginInstance<gantry_paymaster_v1, gantry_paymaster_instance> {
  using PluginInstance::PluginInstance;
  PaymasterSettings settings;
};

// create() of a library's instance. `host` is what the plugin is given, and must live as long;
// `services` may be null where it is not theirs.
template <class Instance>
Result<std::shared_ptr<Instance>> create_instance(std::shared_ptr<Library> library,
                                                  const InstanceSettings& settings,
                                                  const gantry_host* host,
                                                  std::unique_ptr<InstanceServices> services,
                                                  std::int64_t strikes_max);

// An instance that the operator wanted and did not get.
struct Refusal {
  std::string instance;
  std::string kind;
  std::string reason;  // what, where and the remedy
};

// All that runs, in the operator's order of precedence.
struct Plugins {
  std::vector<std::shared_ptr<VenueInstance>> venues;
  std::vector<std::shared_ptr<StrategyInstance>> strategies;
  std::vector<std::shared_ptr<PaymasterInstance>> paymasters;
  std::vector<Refusal> refused;
  // Where the market's states must lie so that isolated strategies see them; null: there are none.
  std::shared_ptr<Nursery> nursery;
  std::shared_ptr<SharedArena> arena() const;
};

// Loads each library once and makes every enabled instance. One that fails is in `refused`; the
// others go on.
Plugins make_plugins(const Configuration& configuration, const std::filesystem::path& store,
                     const IsolationOptions& isolation = {});

}  // namespace gantry::host

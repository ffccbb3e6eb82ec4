// Running instances of plugins: a table, the plugin's own object, and what the host knows of both.
//
// THREADS    Made and destroyed by one thread at a time: the main one, or the one that changes what
//            runs. How each may be called is the SDK's to say.
// OWNERSHIP  An instance holds its library, so that no table outlives its code.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "gantry/dex.h"
#include "gantry/paymaster.h"
#include "gantry/pending.h"
#include "gantry/strategy.h"
#include "host/config/load.hpp"
#include "host/isolation/put_away.hpp"
#include "host/plugin/call_guard.hpp"
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
        file_(library_, library_ ? &library_->file() : nullptr),
        services_(std::move(services)),
        table_(table),
        object_(object),
        health_(std::move(health)) {
    if (library_ != nullptr) culprit_ = library_->culprit();
    culprit_.instance = health_->instance();
  }
  // One whose library is in another process: `table` is of the host's own functions.
  PluginInstance(const PluginFile& file, std::unique_ptr<InstanceServices> services,
                 const Table* table, Object* object, std::shared_ptr<Health> health)
      : elsewhere_(true),
        file_(std::make_shared<PluginFile>(file)),
        services_(std::move(services)),
        table_(table),
        object_(object),
        health_(std::move(health)) {}
  PluginInstance(const PluginInstance&) = delete;
  PluginInstance& operator=(const PluginInstance&) = delete;
  ~PluginInstance() {
    if (elsewhere_) {
      table_->destroy(object_);
      return;
    }
    const auto main = main_role();
    const CallGuard guard(culprit_, Phase::destroy);
    table_->destroy(object_);
  }

  // Calls a function of its table with its object, as call<&gantry_dex_v1::quote>(Phase::quote,
  // ...). The host calls in no other way, so that who crashes or hangs is known. What is in another
  // process is watched where it is waited for.
  template <auto Function, class... Arguments>
  gantry_status call(Phase phase, Arguments... arguments) const {
    if (elsewhere_) return (table_->*Function)(object_, arguments...);
    const CallGuard guard(culprit_, phase);
    return (table_->*Function)(object_, arguments...);
  }
  // For tests and benches: nobody is named for what is called here.
  const Table& table() const noexcept { return *table_; }
  Object* object() const noexcept { return object_; }
  Health& health() const noexcept { return *health_; }
  const std::string& name() const noexcept { return health_->instance(); }
  // Whom its guards name.
  const Culprit& culprit() const noexcept { return culprit_; }
  const PluginFile& file() const noexcept { return *file_; }
  // Null: it is in another process.
  const Library* library() const noexcept { return library_.get(); }
  const InstanceServices& services() const noexcept { return *services_; }
  // Held around its [main] functions; holds nothing where a test has made the table.
  std::unique_lock<std::mutex> main_role() const {
    return library_ ? std::unique_lock(library_->main_role()) : std::unique_lock<std::mutex>();
  }

 private:
  bool elsewhere_ = false;  // in a process of its own
  Culprit culprit_;
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
  const gantry_dex_pending_v1* pending = nullptr;  // null: it does not offer it
};
struct StrategyInstance : PluginInstance<gantry_strategy_v1, gantry_strategy_instance> {
  using PluginInstance::PluginInstance;
  StrategySettings settings;
  IsolatedStrategy* isolated = nullptr;  // its object, when it runs in a process of its own
  const gantry_strategy_pending_v1* pending = nullptr;  // null: it does not offer it
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

// The libraries that are loaded, by hash: an instance that is made later shares them, and so do all
// streets of a process, for a library is there once. Used, and libraries unloaded, by one thread at
// a time.
using LoadedLibraries = std::map<std::string, std::weak_ptr<Library>>;

// What is known of libraries from earlier runs; see quarantine/plugin_record.hpp.
struct PluginRecord {
  // Why it must not be loaded, with the remedy; nothing: it may.
  std::function<std::optional<std::string>(const PluginFile&)> why_not;
  // It could not be loaded, and why.
  std::function<void(const PluginFile&, const std::string& reason)> not_loaded;
};

// All that runs, in the operator's order of precedence.
struct Plugins {
  std::vector<std::shared_ptr<VenueInstance>> venues;
  std::vector<std::shared_ptr<StrategyInstance>> strategies;
  std::vector<std::shared_ptr<PaymasterInstance>> paymasters;
  std::vector<Refusal> refused;
  std::shared_ptr<LoadedLibraries> libraries;
  std::filesystem::path store;  // where the libraries were loaded from
  PluginRecord record;
  // Where the market's states must lie so that isolated strategies see them; null: there are none.
  std::shared_ptr<Nursery> nursery;
  std::shared_ptr<SharedArena> arena() const;
};

// Loads each library once and makes every enabled instance. One that fails is in `refused`; the
// others go on. `libraries`: of the process's other streets; null: there are none.
Plugins make_plugins(const Configuration& configuration, const std::filesystem::path& store,
                     const PluginRecord& record = {}, const IsolationOptions& isolation = {},
                     std::shared_ptr<LoadedLibraries> libraries = nullptr);

// Makes single instances, for a change of what runs; `libraries` grows by what it loads. All four
// outlive it.
class InstanceMaker {
 public:
  InstanceMaker(const Configuration& configuration, const std::filesystem::path& store,
                LoadedLibraries& libraries, const PluginRecord& record);
  ~InstanceMaker();
  // Fail with `not_found` (not installed) or what the library is to blame for.
  Result<std::shared_ptr<VenueInstance>> make(const DexSettings& settings);
  Result<std::shared_ptr<StrategyInstance>> make(const StrategySettings& settings);
  Result<std::shared_ptr<PaymasterInstance>> make(const PaymasterSettings& settings);

 private:
  class Maker;
  friend Plugins make_plugins(const Configuration& configuration,
                              const std::filesystem::path& store, const PluginRecord& record,
                              const IsolationOptions& isolation,
                              std::shared_ptr<LoadedLibraries> libraries);
  std::unique_ptr<Maker> maker_;
};

}  // namespace gantry::host

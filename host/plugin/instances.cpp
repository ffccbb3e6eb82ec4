#include "host/plugin/instances.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <type_traits>
#include <variant>

#include "host/isolation/isolated_strategy.hpp"
#include "host/isolation/nursery.hpp"
#include "host/plugin/admission.hpp"

namespace gantry::host {

namespace {

gantry_string text(const std::string& s) { return {s.data(), s.size()}; }

// The C view of an instance's parameters; it borrows their texts.
class ParameterTable {
 public:
  explicit ParameterTable(const std::vector<ParameterSetting>& settings) {
    for (const auto& setting : settings) add(setting);
  }
  const std::vector<gantry_parameter>& rows() const { return rows_; }

 private:
  void add(const ParameterSetting& setting) {
    gantry_parameter row{};
    row.name = text(setting.name);
    if (const auto* flag = std::get_if<bool>(&setting.value)) {
      row.type = GANTRY_PARAMETER_BOOLEAN;
      row.integer = *flag ? 1 : 0;
    } else if (const auto* integer = std::get_if<std::int64_t>(&setting.value)) {
      row.type = GANTRY_PARAMETER_INTEGER;
      row.integer = *integer;
    } else if (const auto* number = std::get_if<double>(&setting.value)) {
      row.type = GANTRY_PARAMETER_NUMBER;
      row.number = *number;
    } else if (const auto* string = std::get_if<std::string>(&setting.value)) {
      row.type = GANTRY_PARAMETER_STRING;
      row.string = text(*string);
    } else {
      row.type = GANTRY_PARAMETER_AMOUNT;
      row.amount = std::get<gantry_amount>(setting.value);
    }
    rows_.push_back(row);
  }

  std::vector<gantry_parameter> rows_;
};

template <class Instance>
struct Kind;
template <>
struct Kind<VenueInstance> {
  static constexpr const char* id = GANTRY_DEX_ID;
  static constexpr const char* word = "dex";
  static constexpr PluginKind of = PluginKind::dex;
  using Table = gantry_dex_v1;
  using Object = gantry_dex_instance;
};
template <>
struct Kind<StrategyInstance> {
  static constexpr const char* id = GANTRY_STRATEGY_ID;
  static constexpr const char* word = "strategy";
  static constexpr PluginKind of = PluginKind::strategy;
  using Table = gantry_strategy_v1;
  using Object = gantry_strategy_instance;
};
template <>
struct Kind<PaymasterInstance> {
  static constexpr const char* id = GANTRY_PAYMASTER_ID;
  static constexpr const char* word = "paymaster";
  static constexpr PluginKind of = PluginKind::paymaster;
  using Table = gantry_paymaster_v1;
  using Object = gantry_paymaster_instance;
};

// Every function of a table is filled, whatever the plugin can do: what it cannot answers
// GANTRY_UNSUPPORTED.
bool has_hole(const void* table, std::size_t bytes) {
  const auto* slots = static_cast<void* const*>(table);
  return std::any_of(slots, slots + bytes / sizeof(void*), [](void* slot) { return !slot; });
}

// The table of an optional interface, or null. One with holes is none.
template <class Table, class Instance>
const Table* extension_of(const Instance& instance, const char* id) {
  const auto main = instance.main_role();
  const CallGuard guard(instance.culprit(), Phase::create);
  const void* table = instance.table().get_extension(instance.object(), id);
  return table == nullptr || has_hole(table, sizeof(Table)) ? nullptr
                                                            : static_cast<const Table*>(table);
}

}  // namespace

template <class Instance>
Result<std::shared_ptr<Instance>> create_instance(std::shared_ptr<Library> library,
                                                  const InstanceSettings& settings,
                                                  const gantry_host* host,
                                                  std::unique_ptr<InstanceServices> services,
                                                  std::int64_t strikes_max) {
  using K = Kind<Instance>;
  const auto& file = library->file();
  const auto* table = static_cast<const typename K::Table*>(library->interface(K::id));
  if (table == nullptr) {
    return fail(ErrorKind::plugin,
                fmt::format("{}: it has no interface {}, its manifest lists {}; build it with an "
                            "SDK that has it",
                            file.path.string(), K::id, fmt::join(file.manifest.interfaces, ", ")));
  }
  if (has_hole(table, sizeof(*table))) {
    return fail(ErrorKind::plugin,
                fmt::format("{}: its table for {} has an empty function; fill every one",
                            file.path.string(), K::id));
  }
  const ParameterTable parameters(settings.parameters);
  const gantry_instance_config config{text(settings.name), text(settings.chain),
                                      parameters.rows().data(),
                                      static_cast<std::uint32_t>(parameters.rows().size()), 0};
  typename K::Object* object = nullptr;
  gantry_error error{};
  Culprit culprit = library->culprit();
  culprit.instance = settings.name;
  const auto status = [&] {
    const std::lock_guard main(library->main_role());
    const CallGuard guard(culprit, Phase::create);
    return table->create(host, &config, &object, &error);
  }();
  error.message[sizeof(error.message) - 1] = '\0';
  if (status != GANTRY_OK || object == nullptr) {
    return fail(ErrorKind::plugin,
                fmt::format("{}: create() answered {}: {}; correct its parameters, or ask "
                            "its author",
                            file.path.string(), status_name(status), error.message));
  }
  auto health = std::make_shared<Health>(settings.name, file.path.string(), strikes_max);
  auto instance = std::make_shared<Instance>(std::move(library), std::move(services), table, object,
                                             std::move(health));
  if constexpr (std::is_same_v<Instance, VenueInstance>) {
    instance->pending = extension_of<gantry_dex_pending_v1>(*instance, GANTRY_DEX_PENDING_ID);
  } else if constexpr (std::is_same_v<Instance, StrategyInstance>) {
    instance->pending =
        extension_of<gantry_strategy_pending_v1>(*instance, GANTRY_STRATEGY_PENDING_ID);
  }
  return instance;
}

template Result<std::shared_ptr<VenueInstance>> create_instance(std::shared_ptr<Library>,
                                                                const InstanceSettings&,
                                                                const gantry_host*,
                                                                std::unique_ptr<InstanceServices>,
                                                                std::int64_t);
template Result<std::shared_ptr<StrategyInstance>> create_instance(
    std::shared_ptr<Library>, const InstanceSettings&, const gantry_host*,
    std::unique_ptr<InstanceServices>, std::int64_t);
template Result<std::shared_ptr<PaymasterInstance>> create_instance(
    std::shared_ptr<Library>, const InstanceSettings&, const gantry_host*,
    std::unique_ptr<InstanceServices>, std::int64_t);

class InstanceMaker::Maker {
 public:
  // `whole`: what is being made from the start; null: a change beside the street.
  Maker(const Configuration& configuration, std::filesystem::path store, LoadedLibraries& loaded,
        const PluginRecord& record, Plugins* whole = nullptr, IsolationOptions isolation = {})
      : configuration_(configuration),
        store_(std::move(store)),
        loaded_(loaded),
        record_(record),
        whole_(whole),
        isolation_(std::move(isolation)),
        admission_(configuration, record, whole ? Moment::start : Moment::change) {}

  template <class Instance, class Settings>
  void make_all(const std::vector<Settings>& all, std::vector<std::shared_ptr<Instance>>& out,
                std::vector<Refusal>& refused) {
    for (const Settings& settings : all) {
      if (!settings.enabled) continue;
      auto made = make<Instance>(settings);
      if (made) {
        out.push_back(std::move(*made));
      } else {
        // Of what is not there the configuration has warned.
        if (made.error().kind != ErrorKind::not_found) {
          spdlog::error("{} {}: {}", Kind<Instance>::word, settings.name, made.error().message);
        }
        refused.push_back({settings.name, Kind<Instance>::word, made.error().message});
      }
    }
  }

  template <class Instance, class Settings>
  Result<std::shared_ptr<Instance>> make(const Settings& settings) {
    const auto admitted = admission_.check(Kind<Instance>::of, settings);
    if (!admitted) return std::unexpected(admitted.error());
    auto made = settings.isolation == Isolation::process ? isolate<Instance>(settings)
                                                         : create<Instance>(settings);
    if (made) (*made)->settings = settings;
    return made;
  }

 private:
  // After the venues: the child loads them too.
  template <class Instance, class Settings>
  Result<std::shared_ptr<Instance>> isolate(const Settings& settings) {
    if constexpr (!std::is_same_v<Instance, StrategyInstance>) {
      return fail(ErrorKind::internal, "only a strategy is admitted to a process of its own");
    } else {
      const PluginFile& file = configuration_.plugins[*settings.installed];
      auto placed = Library::place(file, store_);
      if (!placed) return std::unexpected(placed.error());
      if (!whole_->nursery) {
        auto nursery = Nursery::make(isolation_);
        if (!nursery) return std::unexpected(nursery.error());
        whole_->nursery = std::move(*nursery);
      }
      return IsolatedStrategy::start(
          {whole_->nursery, file, *placed, settings, whole_->venues,
           static_cast<std::uint64_t>(configuration_.street.opportunities_per_snapshot),
           configuration_.plugin.strikes_max});
    }
  }

  Result<std::shared_ptr<Library>> library(std::size_t index) {
    if (const auto found = libraries_.find(index); found != libraries_.end()) return found->second;
    const PluginFile& file = configuration_.plugins[index];
    if (auto running = loaded_[file.sha256].lock()) {
      return libraries_.emplace(index, std::move(running)).first->second;
    }
    // init() gets services of the library's own name; instances get theirs in create().
    auto services = std::make_shared<InstanceServices>(file.manifest.name);
    auto loaded = Library::load(file, store_, services->table());
    if (loaded) {
      // The deleter keeps the services until deinit() has run.
      *loaded = std::shared_ptr<Library>(
          loaded->get(), [keep = *loaded, services](Library*) mutable { keep.reset(); });
      loaded_[file.sha256] = *loaded;
    } else if (record_.not_loaded && loaded.error().kind == ErrorKind::plugin) {
      record_.not_loaded(file, loaded.error().message);
    }
    return libraries_.emplace(index, std::move(loaded)).first->second;
  }

  template <class Instance>
  Result<std::shared_ptr<Instance>> create(const InstanceSettings& settings) {
    auto lib = library(*settings.installed);
    if (!lib) return std::unexpected(lib.error());
    auto services = std::make_unique<InstanceServices>(settings.name);
    const gantry_host* host = services->table();
    return create_instance<Instance>(*lib, settings, host, std::move(services),
                                     configuration_.plugin.strikes_max);
  }

  const Configuration& configuration_;
  std::filesystem::path store_;
  LoadedLibraries& loaded_;
  const PluginRecord& record_;
  Plugins* whole_;
  IsolationOptions isolation_;
  Admission admission_;
  std::unordered_map<std::size_t, Result<std::shared_ptr<Library>>> libraries_;
};

InstanceMaker::InstanceMaker(const Configuration& configuration, const std::filesystem::path& store,
                             LoadedLibraries& libraries, const PluginRecord& record)
    : maker_(std::make_unique<Maker>(configuration, store, libraries, record)) {}
InstanceMaker::~InstanceMaker() = default;

Result<std::shared_ptr<VenueInstance>> InstanceMaker::make(const DexSettings& settings) {
  return maker_->make<VenueInstance>(settings);
}

Result<std::shared_ptr<StrategyInstance>> InstanceMaker::make(const StrategySettings& settings) {
  return maker_->make<StrategyInstance>(settings);
}

Result<std::shared_ptr<PaymasterInstance>> InstanceMaker::make(const PaymasterSettings& settings) {
  return maker_->make<PaymasterInstance>(settings);
}

std::shared_ptr<SharedArena> Plugins::arena() const { return nursery ? nursery->arena() : nullptr; }

Plugins make_plugins(const Configuration& configuration, const std::filesystem::path& store,
                     const PluginRecord& record, const IsolationOptions& isolation,
                     std::shared_ptr<LoadedLibraries> libraries) {
  Plugins plugins;
  plugins.libraries = libraries ? std::move(libraries) : std::make_shared<LoadedLibraries>();
  plugins.store = store;
  plugins.record = record;
  InstanceMaker::Maker maker(configuration, store, *plugins.libraries, plugins.record, &plugins,
                             isolation);
  maker.make_all(configuration.dexes, plugins.venues, plugins.refused);
  maker.make_all(configuration.strategies, plugins.strategies, plugins.refused);
  maker.make_all(configuration.paymasters, plugins.paymasters, plugins.refused);
  return plugins;
}

}  // namespace gantry::host

#include "host/kit/loaded.hpp"

#include <dlfcn.h>
#include <malloc.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "gantry/u256_convert.hpp"
#include "host/kit/memory.hpp"
#include "host/market/optional_services.hpp"

namespace gantry::host::kit {
namespace {

// The first two functions of every kind's table, and where the last one is.
using Create = gantry_status (*)(const gantry_host*, const gantry_instance_config*, void**,
                                 gantry_error*);
using Destroy = void (*)(void*);
using GetExtension = const void* (*)(const void*, const char*);

void* slot(const void* table, std::size_t index) { return static_cast<void* const*>(table)[index]; }

gantry_string text(const std::string& s) { return {s.data(), s.size()}; }

}  // namespace

const gantry_host* silent_host() noexcept {
  static const gantry_host host{nullptr,
                                {"0.1.0", 5},
                                [](void*, std::int32_t, gantry_string) {},
                                [](void*, gantry_string, std::uint64_t) {},
                                [](void*, gantry_string, double) {},
                                [](void*, const char* id) { return optional_service(id); }};
  return &host;
}

const char* interface_of(PluginKind kind) {
  switch (kind) {
    case PluginKind::dex:
      return GANTRY_DEX_ID;
    case PluginKind::strategy:
      return GANTRY_STRATEGY_ID;
    case PluginKind::paymaster:
      return GANTRY_PAYMASTER_ID;
  }
  return "";
}

std::size_t slots_of(PluginKind kind) {
  switch (kind) {
    case PluginKind::dex:
      return sizeof(gantry_dex_v1) / sizeof(void*);
    case PluginKind::strategy:
      return sizeof(gantry_strategy_v1) / sizeof(void*);
    case PluginKind::paymaster:
      return sizeof(gantry_paymaster_v1) / sizeof(void*);
  }
  return 0;
}

std::uint64_t heap_bytes_in_use() noexcept {
  const auto info = ::mallinfo2();
  return info.uordblks + info.hblkhd;
}

Parameters::Parameters(const Manifest& manifest, Pick pick, Random& random) : manifest_(&manifest) {
  for (const ParameterSchema& schema : manifest.parameters) add(schema, pick, random);
}

void Parameters::add(const ParameterSchema& schema, Pick pick, Random& random) {
  if (pick == Pick::random) pick = static_cast<Pick>(random.below(3));
  gantry_parameter row{};
  row.name = text(schema.name);
  const bool least = pick == Pick::least;
  const auto& given = schema.default_value;
  const bool use_default = pick == Pick::defaults && given.has_value();
  const double low = schema.min.value_or(0);
  const double high = schema.max.value_or(std::max(low, 1e6));
  const auto put_text = [&](std::string value) {
    row.type = GANTRY_PARAMETER_STRING;
    row.string = text(texts_.emplace_back(std::move(value)));
  };
  switch (schema.type) {
    case ParameterType::boolean:
      row.type = GANTRY_PARAMETER_BOOLEAN;
      row.integer = use_default ? std::get<bool>(*given) : !least;
      break;
    case ParameterType::integer:
      row.type = GANTRY_PARAMETER_INTEGER;
      row.integer = use_default ? std::get<std::int64_t>(*given)
                                : static_cast<std::int64_t>(least ? low : high);
      break;
    case ParameterType::number:
      row.type = GANTRY_PARAMETER_NUMBER;
      row.number = use_default ? std::get<double>(*given) : (least ? low : high);
      break;
    case ParameterType::choice:
      put_text(use_default ? std::get<std::string>(*given)
                           : (least ? schema.choices.front() : schema.choices.back()));
      break;
    case ParameterType::string:
      put_text(given ? std::get<std::string>(*given) : std::string("kit"));
      break;
    case ParameterType::secret:
      put_text("${KIT_SECRET}");
      break;
    case ParameterType::amount: {
      row.type = GANTRY_PARAMETER_AMOUNT;
      u256 value;
      if (use_default) {
        value = u256(std::get<gantry_amount>(*given));
      } else {
        static_cast<void>(from_double_floor(least ? low : schema.max.value_or(1e18), value));
      }
      row.amount = value;
      break;
    }
  }
  rows_.push_back(row);
}

Loaded::Loaded(const Subject& subject) : file_(*subject.file) {
  set_phase("loading (its constructors)");
  handle_ = ::dlopen(subject.library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle_ == nullptr) {
    const char* reason = ::dlerror();
    broken(fmt::format("the dynamic loader says: {}", reason == nullptr ? "nothing" : reason));
  }
  set_phase("reading its entry");
  entry_ = static_cast<const gantry_plugin_entry*>(::dlsym(handle_, GANTRY_PLUGIN_SYMBOL));
  require(entry_ != nullptr, "it has no gantry_plugin");
  Dl_info info{};
  require(::dladdr(entry_, &info) != 0 && info.dli_fname != nullptr &&
              subject.library == info.dli_fname,
          "its gantry_plugin belongs to another library that it links to");
  require(entry_->magic == GANTRY_PLUGIN_MAGIC, "its gantry_plugin has the wrong magic");
  require(entry_->revision == GANTRY_PLUGIN_REVISION,
          fmt::format("its entry has revision {}, this host knows {}", entry_->revision,
                      GANTRY_PLUGIN_REVISION));
  require(entry_->init != nullptr && entry_->deinit != nullptr && entry_->get_interface != nullptr,
          "its entry lacks init, deinit or get_interface");
  set_phase("init()");
  gantry_error error{};
  const auto status = entry_->init(silent_host(), &error);
  error.message[sizeof(error.message) - 1] = '\0';
  require(status == GANTRY_OK,
          fmt::format("init() answered {}: {}", status_text(status), error.message));
  set_phase("get_interface()");
  const char* id = interface_of(file_.manifest.kind);
  table_ = entry_->get_interface(id);
  require(table_ != nullptr,
          fmt::format("its manifest says that it is a {}, but get_interface(\"{}\") is null",
                      to_string(file_.manifest.kind), id));
  for (std::size_t i = 0; i < slots_of(file_.manifest.kind); ++i) {
    require(slot(table_, i) != nullptr,
            fmt::format("function {} of its table for {} is missing", i, id));
  }
}

Loaded::~Loaded() {
  if (entry_ != nullptr && table_ != nullptr) {
    set_phase("deinit()");
    entry_->deinit();
  }
  if (handle_ != nullptr) {
    set_phase("unloading (its destructors)");
    ::dlclose(handle_);
  }
  set_phase("after unloading");
}

void* Loaded::create(const Parameters& parameters, bool may_refuse) {
  // The configuration lasts until create() returns: what is kept of it is gone.
  CallMemory memory(true);
  memory.begin();
  std::vector<gantry_parameter> rows = parameters.rows();
  for (gantry_parameter& row : rows) {
    row.name = memory.in_text({row.name.data, row.name.size});
    if (row.type == GANTRY_PARAMETER_STRING) {
      row.string = memory.in_text({row.string.data, row.string.size});
    }
  }
  const gantry_instance_config config{memory.in_text("under_test"), memory.in_text("eip155:1"),
                                      memory.in_array<gantry_parameter>(rows),
                                      static_cast<std::uint32_t>(rows.size()), 0};
  const auto* given = memory.in(config);
  auto* error = memory.out<gantry_error>(0xEE);
  auto** object = memory.out<void*>(0);
  memory.seal();
  set_phase("create()");
  const auto create = reinterpret_cast<Create>(slot(table_, 0));
  const auto status = create(silent_host(), given, object, error);
  void* made = *object;
  gantry_error said = *error;
  memory.end();
  said.message[sizeof(said.message) - 1] = '\0';
  if (status == GANTRY_REFUSED && may_refuse) return nullptr;
  if (status != GANTRY_OK) {
    broken(fmt::format("create() answered {}: {}", status_text(status),
                       said.message[0] == '\xEE' ? "" : said.message));
  }
  require(made != nullptr, "create() answered GANTRY_OK, and made nothing");
  return made;
}

void Loaded::destroy(void* object) {
  set_phase("destroy()");
  reinterpret_cast<Destroy>(slot(table_, 1))(object);
}

const void* Loaded::get_extension(void* object, const char* id) const {
  set_phase("get_extension()");
  return reinterpret_cast<GetExtension>(slot(table_, slots_of(file_.manifest.kind) - 1))(object,
                                                                                         id);
}

Instance::Instance(Loaded& library, Pick pick, std::uint64_t seed) : library_(library) {
  Random random(seed);
  const Manifest& manifest = library_.file().manifest;
  // Values that are each in their range may not fit together.
  object_ = library_.create(Parameters(manifest, pick, random), pick != Pick::defaults);
  if (object_ == nullptr) {
    object_ = library_.create(Parameters(manifest, Pick::defaults, random));
  }
}

Instance::~Instance() { library_.destroy(object_); }

void expect_status(gantry_status status, std::initializer_list<gantry_status> allowed,
                   const char* call) {
  if (status == GANTRY_OK || std::ranges::find(allowed, status) != allowed.end()) return;
  if (status == GANTRY_PLUGIN_FAULT) {
    broken(
        fmt::format("{} answered GANTRY_PLUGIN_FAULT: it threw, or says that it is broken", call));
  }
  broken(
      fmt::format("{} answered {}, which is none of its statuses here", call, status_text(status)));
}

}  // namespace gantry::host::kit

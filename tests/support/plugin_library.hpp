// A built plugin library, loaded as a host would, for tests that drive its C tables.
#pragma once
#include <dlfcn.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "gantry/plugin.h"

namespace gantry::test {

class PluginLibrary {
 public:
  explicit PluginLibrary(const std::filesystem::path& path)
      : handle_(::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL)) {
    INFO((handle_ == nullptr ? ::dlerror() : ""));
    REQUIRE(handle_ != nullptr);
    entry_ = static_cast<const gantry_plugin_entry*>(::dlsym(handle_, GANTRY_PLUGIN_SYMBOL));
    REQUIRE(entry_ != nullptr);
    REQUIRE(entry_->magic == GANTRY_PLUGIN_MAGIC);
    gantry_error error{};
    REQUIRE(entry_->init(&silent_host(), &error) == GANTRY_OK);
  }
  PluginLibrary(const PluginLibrary&) = delete;
  PluginLibrary& operator=(const PluginLibrary&) = delete;
  ~PluginLibrary() {
    entry_->deinit();
    ::dlclose(handle_);
  }

  template <class Table>
  const Table* table(const char* interface) const {
    const auto* table = static_cast<const Table*>(entry_->get_interface(interface));
    REQUIRE(table != nullptr);
    return table;
  }

  // A host that keeps nothing of what it is told.
  static const gantry_host& silent_host() {
    static const gantry_host host{nullptr,
                                  {"test", 4},
                                  [](void*, std::int32_t, gantry_string) {},
                                  [](void*, gantry_string, std::uint64_t) {},
                                  [](void*, gantry_string, double) {},
                                  [](void*, const char*) -> const void* { return nullptr; }};
    return host;
  }

 private:
  void* handle_;
  const gantry_plugin_entry* entry_ = nullptr;
};

}  // namespace gantry::test

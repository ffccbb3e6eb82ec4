// gantry/plugin.hpp: what the C++ faces of all kinds share: the barrier that keeps every throw
// inside, the host's services as a small class, and parameters by name.
//
// Header-only C++20 over the C tables; nothing of it crosses the boundary. Derive from DexPlugin
// (dex.hpp), TradingStrategy (strategy.hpp) or Paymaster (paymaster.hpp), make the class `final`,
// and write GANTRY_PLUGIN(YourClass) once in one source file.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <exception>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "gantry/plugin.h"

namespace gantry {

inline std::string_view view(gantry_string s) noexcept {
  return {s.data, static_cast<std::size_t>(s.size)};
}
inline gantry_string c_string(std::string_view s) noexcept { return {s.data(), s.size()}; }
inline std::span<const std::uint8_t> view(gantry_bytes b) noexcept {
  return {b.data, static_cast<std::size_t>(b.size)};
}
inline gantry_bytes c_bytes(std::span<const std::uint8_t> b) noexcept {
  return {b.data(), b.size()};
}

// Fills *error, when there is one, and returns `code`. The message is cut to fit.
inline gantry_status report(gantry_error* error, gantry_status code, std::int32_t fault,
                            std::string_view message) noexcept {
  if (error != nullptr) {
    error->code = code;
    error->fault = fault;
    const std::size_t size = std::min(message.size(), sizeof(error->message) - 1);
    std::memcpy(error->message, message.data(), size);
    error->message[size] = '\0';
  }
  return code;
}

// The barrier: runs `f`, and turns anything thrown into GANTRY_PLUGIN_FAULT.
template <class F>
inline gantry_status guarded(F&& f) noexcept {
  try {
    return f();
  } catch (...) {
    return GANTRY_PLUGIN_FAULT;
  }
}

// The same, with the exception's text in *error.
template <class F>
inline gantry_status guarded(gantry_error* error, F&& f) noexcept {
  try {
    return f();
  } catch (const std::exception& e) {
    return report(error, GANTRY_PLUGIN_FAULT, GANTRY_FAULT_PLUGIN, e.what());
  } catch (...) {
    return report(error, GANTRY_PLUGIN_FAULT, GANTRY_FAULT_PLUGIN, "threw something unknown");
  }
}

// The host's services. A copyable view of a table that outlives the instance.
class Host {
 public:
  Host() = default;
  explicit Host(const gantry_host* host) noexcept : host_(host) {}

  void debug(std::string_view line) const noexcept { log(GANTRY_LOG_DEBUG, line); }
  void info(std::string_view line) const noexcept { log(GANTRY_LOG_INFO, line); }
  void warning(std::string_view line) const noexcept { log(GANTRY_LOG_WARNING, line); }
  void error(std::string_view line) const noexcept { log(GANTRY_LOG_ERROR, line); }
  void log(std::int32_t severity, std::string_view line) const noexcept {
    if (host_ != nullptr) host_->log(host_->self, severity, c_string(line));
  }
  void count(std::string_view name, std::uint64_t increment = 1) const noexcept {
    if (host_ != nullptr) host_->count(host_->self, c_string(name), increment);
  }
  void observe(std::string_view name, double value) const noexcept {
    if (host_ != nullptr) host_->observe(host_->self, c_string(name), value);
  }
  const void* service(const char* id) const noexcept {
    return host_ != nullptr ? host_->get_service(host_->self, id) : nullptr;
  }

 private:
  const gantry_host* host_ = nullptr;
};

// What create() is told. Valid only during the constructor: copy what you keep.
class Config {
 public:
  explicit Config(const gantry_instance_config* config) noexcept : config_(config) {}

  std::string_view name() const noexcept { return view(config_->name); }
  std::string_view chain() const noexcept { return view(config_->chain); }

  // A parameter of the manifest. Asking for one that the manifest lacks, or as another type, is a
  // bug of the plugin: it throws, and create() fails with the text.
  bool boolean(std::string_view key) const {
    return find(key, GANTRY_PARAMETER_BOOLEAN).integer != 0;
  }
  std::int64_t integer(std::string_view key) const {
    return find(key, GANTRY_PARAMETER_INTEGER).integer;
  }
  double number(std::string_view key) const { return find(key, GANTRY_PARAMETER_NUMBER).number; }
  std::string_view string(std::string_view key) const {
    return view(find(key, GANTRY_PARAMETER_STRING).string);
  }
  gantry_amount amount(std::string_view key) const {
    return find(key, GANTRY_PARAMETER_AMOUNT).amount;
  }

 private:
  class Missing final : public std::exception {
   public:
    explicit Missing(std::string text) : text_(std::move(text)) {}
    const char* what() const noexcept override { return text_.c_str(); }

   private:
    std::string text_;
  };

  const gantry_parameter& find(std::string_view key, std::int32_t type) const {
    for (std::uint32_t i = 0; i < config_->parameter_count; ++i) {
      const gantry_parameter& parameter = config_->parameters[i];
      if (view(parameter.name) == key && parameter.type == type) return parameter;
    }
    throw Missing("the manifest declares no parameter '" + std::string(key) +
                  "' of the type asked for");
  }

  const gantry_instance_config* config_;
};

// A refusal with a text, from a constructor or open_pool(): "these parameters do not fit together",
// "this variant is unknown".
class Refused final : public std::exception {
 public:
  explicit Refused(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

namespace detail {

template <class Plugin, class Instance>
gantry_status create(const gantry_host* host, const gantry_instance_config* config, Instance** out,
                     gantry_error* error) noexcept {
  try {
    *out = reinterpret_cast<Instance*>(new Plugin(Host(host), Config(config)));
    return GANTRY_OK;
  } catch (const Refused& e) {
    return report(error, GANTRY_REFUSED, GANTRY_FAULT_OPERATOR, e.what());
  } catch (const std::exception& e) {
    return report(error, GANTRY_PLUGIN_FAULT, GANTRY_FAULT_PLUGIN, e.what());
  } catch (...) {
    return report(error, GANTRY_PLUGIN_FAULT, GANTRY_FAULT_PLUGIN, "threw something unknown");
  }
}

template <class Plugin>
const void* get_interface(const char* id) noexcept {
  return std::strcmp(id, Plugin::interface_id) == 0 ? Plugin::template table<Plugin>() : nullptr;
}

}  // namespace detail
}  // namespace gantry

// Exports the one symbol of the library. `Plugin` is the final class.
#define GANTRY_PLUGIN(Plugin)                                                                \
  extern "C" {                                                                               \
  GANTRY_EXPORT extern const gantry_plugin_entry gantry_plugin;                              \
  const gantry_plugin_entry gantry_plugin = {                                                \
      GANTRY_PLUGIN_MAGIC,                                                                   \
      GANTRY_PLUGIN_REVISION,                                                                \
      0,                                                                                     \
      [](const gantry_host*, gantry_error*) noexcept -> gantry_status { return GANTRY_OK; }, \
      []() noexcept {},                                                                      \
      &gantry::detail::get_interface<Plugin>};                                               \
  }                                                                                          \
  static_assert(std::is_final_v<Plugin>, "GANTRY_PLUGIN takes a final class")

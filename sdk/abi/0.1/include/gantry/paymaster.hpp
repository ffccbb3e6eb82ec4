// gantry/paymaster.hpp: write a paymaster as a C++ class. Derive from Paymaster, override request()
// and response(), and write GANTRY_PLUGIN(YourPaymaster). The rules of each call are paymaster.h's.
#pragma once
#include "gantry/paymaster.h"
#include "gantry/plugin.hpp"

namespace gantry {

class Paymaster {
 public:
  static constexpr const char* interface_id = GANTRY_PAYMASTER_ID;

  virtual ~Paymaster() = default;
  Paymaster(const Paymaster&) = delete;
  Paymaster& operator=(const Paymaster&) = delete;

  virtual gantry_status supports(const gantry_context&, const gantry_user_operation&) = 0;
  virtual gantry_status request(const gantry_context&, const gantry_user_operation&,
                                std::uint32_t round, const gantry_http_sink*) = 0;
  // Pointers in `out` are this instance's and last until its next call.
  virtual gantry_status response(const gantry_context&, const gantry_user_operation&,
                                 std::uint32_t round, std::uint32_t http_status, gantry_bytes body,
                                 gantry_sponsorship& out) = 0;
  virtual const void* get_extension(const char* /*id*/) const { return nullptr; }

  template <class Plugin>
  static const void* table() noexcept;

 protected:
  Paymaster() = default;
};

namespace detail {

// The C functions of one paymaster class. Plugin is final, so its calls are direct.
template <class Plugin>
struct PaymasterFace {
  using Instance = gantry_paymaster_instance;
  static Plugin& self(Instance* instance) { return *reinterpret_cast<Plugin*>(instance); }

  static void destroy(Instance* instance) noexcept { delete reinterpret_cast<Plugin*>(instance); }
  static gantry_status supports(Instance* instance, const gantry_context* context,
                                const gantry_user_operation* operation) noexcept {
    return guarded([&] { return self(instance).supports(*context, *operation); });
  }
  static gantry_status request(Instance* instance, const gantry_context* context,
                               const gantry_user_operation* operation, std::uint32_t round,
                               const gantry_http_sink* sink) noexcept {
    return guarded([&] { return self(instance).request(*context, *operation, round, sink); });
  }
  static gantry_status response(Instance* instance, const gantry_context* context,
                                const gantry_user_operation* operation, std::uint32_t round,
                                std::uint32_t http_status, gantry_bytes body,
                                gantry_sponsorship* out) noexcept {
    return guarded([&] {
      gantry_sponsorship sponsorship{};
      const auto status =
          self(instance).response(*context, *operation, round, http_status, body, sponsorship);
      if (status == GANTRY_OK) *out = sponsorship;
      return status;
    });
  }
  static const void* get_extension(const Instance* instance, const char* id) noexcept {
    try {
      return reinterpret_cast<const Plugin*>(instance)->get_extension(id);
    } catch (...) {
      return nullptr;
    }
  }

  static constexpr gantry_paymaster_v1 table = {
      &create<Plugin, Instance>, &destroy, &supports, &request, &response, &get_extension};
};

}  // namespace detail

template <class Plugin>
const void* Paymaster::table() noexcept {
  return &detail::PaymasterFace<Plugin>::table;
}

}  // namespace gantry

// gantry/pending.hpp: offer the interfaces of pending.h from a C++ class. No throw gets out.
//
// A venue has these two, const, and offers them:
//   gantry_status routers(AddressSink) const;
//   gantry_status decode(const gantry_pending_transaction&, PendingSink) const;
//   const void* get_extension(const char* id) const override { return dex_pending<MyVenue>(id); }
// A strategy has this one:
//   gantry_status on_pending(const Market&, std::span<const gantry_pending_event>,
//                            std::uint64_t dropped);
//   const void* get_extension(const char* id) const override {
//     return strategy_pending<MyStrategy>(id);
//   }
#pragma once
#include <span>
#include <string_view>

#include "gantry/dex.hpp"
#include "gantry/pending.h"
#include "gantry/strategy.hpp"

namespace gantry {

class AddressSink {
 public:
  explicit AddressSink(const gantry_address_sink* sink) noexcept : sink_(sink) {}
  gantry_status emit(const gantry_address& address) const noexcept {
    return sink_->emit(sink_->self, &address);
  }

 private:
  const gantry_address_sink* sink_;
};

class PendingSink {
 public:
  explicit PendingSink(const gantry_pending_sink* sink) noexcept : sink_(sink) {}
  gantry_status emit(const gantry_pending_swap& swap) const noexcept {
    return sink_->emit(sink_->self, &swap);
  }

 private:
  const gantry_pending_sink* sink_;
};

namespace detail {

template <class Plugin>
struct DexPendingFace {
  static const Plugin& self(const gantry_dex_instance* instance) {
    return *reinterpret_cast<const Plugin*>(instance);
  }
  static gantry_status routers(const gantry_dex_instance* instance,
                               const gantry_address_sink* sink) noexcept {
    return guarded([&] { return self(instance).routers(AddressSink(sink)); });
  }
  static gantry_status decode(const gantry_dex_instance* instance,
                              const gantry_pending_transaction* transaction,
                              const gantry_pending_sink* sink) noexcept {
    return guarded([&] { return self(instance).decode(*transaction, PendingSink(sink)); });
  }
  static constexpr gantry_dex_pending_v1 table = {&routers, &decode};
};

template <class Plugin>
struct StrategyPendingFace {
  static gantry_status on_pending(gantry_strategy_instance* instance, const gantry_market* market,
                                  const gantry_pending_event* events, std::uint32_t count,
                                  std::uint64_t dropped) noexcept {
    return guarded([&] {
      return reinterpret_cast<Plugin*>(instance)->on_pending(
          Market(market), std::span<const gantry_pending_event>(events, count), dropped);
    });
  }
  static constexpr gantry_strategy_pending_v1 table = {&on_pending};
};

}  // namespace detail

// The table, where `id` asks for it, else null.
template <class Plugin>
const void* dex_pending(std::string_view id) noexcept {
  return id == GANTRY_DEX_PENDING_ID ? &detail::DexPendingFace<Plugin>::table : nullptr;
}
template <class Plugin>
const void* strategy_pending(std::string_view id) noexcept {
  return id == GANTRY_STRATEGY_PENDING_ID ? &detail::StrategyPendingFace<Plugin>::table : nullptr;
}

}  // namespace gantry

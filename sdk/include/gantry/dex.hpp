// gantry/dex.hpp: write a venue as a C++ class. Derive from DexPlugin, override what the venue can
// do, and write GANTRY_PLUGIN(YourVenue). The rules of each call are dex.h's. This face keeps two
// of its promises for you: no throw gets out, and what create(), open_pool(), limits() and
// segments() answer is written only with GANTRY_OK. quote(), quote_many() and view() get the
// caller's own memory, and segments() its array: without GANTRY_OK these may hold anything.
#pragma once
#include <optional>

#include "gantry/dex.h"
#include "gantry/plugin.hpp"

namespace gantry {

// The next state's chunks; null memory means a bound was exceeded.
class StateWriter {
 public:
  explicit StateWriter(const gantry_state_writer* writer) noexcept : writer_(writer) {}
  std::uint8_t* chunk(std::uint32_t index, std::uint64_t size) const noexcept {
    return writer_->chunk(writer_->self, index, size);
  }

 private:
  const gantry_state_writer* writer_;
};

template <class Sink, class Item>
gantry_status emit(const Sink* sink, const Item& item) noexcept {
  return sink->emit(sink->self, &item);
}

// A chunk of the state as a trivially copyable T, or null when it is not one.
template <class T>
const T* chunk_as(const gantry_state& state, std::uint32_t index) noexcept {
  static_assert(std::is_trivially_copyable_v<T>);
  if (index >= state.chunk_count || state.chunks[index].size != sizeof(T)) return nullptr;
  return reinterpret_cast<const T*>(state.chunks[index].data);
}

class DexPlugin {
 public:
  static constexpr const char* interface_id = GANTRY_DEX_ID;

  virtual ~DexPlugin() = default;
  DexPlugin(const DexPlugin&) = delete;
  DexPlugin& operator=(const DexPlugin&) = delete;

  virtual gantry_status discover(const gantry_context&, gantry_bytes /*cursor*/,
                                 std::span<const gantry_fact>, const gantry_request_sink*,
                                 const gantry_pool_sink*, gantry_buffer* /*next_cursor*/) {
    return GANTRY_UNSUPPORTED;
  }
  // May throw Refused("what this variant is, and what is known").
  virtual gantry_status open_pool(const gantry_pool_spec&, StateWriter, gantry_pool_traits&) = 0;
  virtual gantry_status requests(const gantry_context&, const gantry_pool_spec&,
                                 const gantry_state&, std::uint32_t round,
                                 const gantry_request_sink*) const = 0;
  virtual gantry_status apply(const gantry_context&, const gantry_state& old,
                              std::span<const gantry_fact>, StateWriter) const = 0;
  // The hot call: the quote is the caller's own memory, and holds nothing unless this returns
  // GANTRY_OK.
  virtual gantry_status quote(const gantry_pool_state&, const gantry_swap&, gantry_quote&,
                              gantry_buffer* next) const = 0;
  virtual gantry_status limits(const gantry_pool_state&, std::uint32_t token_in,
                               std::uint32_t token_out, gantry_swap_limits&) const = 0;
  // Writes at most out.size() segments and returns how many; nothing: GANTRY_UNSUPPORTED.
  virtual std::optional<std::uint32_t> segments(const gantry_pool_state&,
                                                std::uint32_t /*token_in*/,
                                                std::uint32_t /*token_out*/,
                                                std::span<gantry_segment> /*out*/) const {
    return std::nullopt;
  }
  virtual gantry_status pool_view(const gantry_pool_state&, gantry_pool_view&) const = 0;
  virtual gantry_status build_swap(const gantry_pool_spec&, const gantry_pool_state&,
                                   const gantry_swap_order&,
                                   const gantry_instruction_sink*) const = 0;
  virtual const void* get_extension(const char* /*id*/) const { return nullptr; }

  template <class Plugin>
  static const void* table() noexcept;

 protected:
  DexPlugin() = default;
};

namespace detail {

// The C functions of one venue class. Plugin is final, so its calls are direct.
template <class Plugin>
struct DexFace {
  using Instance = gantry_dex_instance;
  static Plugin& self(Instance* instance) { return *reinterpret_cast<Plugin*>(instance); }
  static const Plugin& self(const Instance* instance) {
    return *reinterpret_cast<const Plugin*>(instance);
  }

  static void destroy(Instance* instance) noexcept { delete reinterpret_cast<Plugin*>(instance); }

  static gantry_status discover(Instance* instance, const gantry_context* context,
                                gantry_bytes cursor, const gantry_fact* facts, std::uint32_t n,
                                const gantry_request_sink* requests, const gantry_pool_sink* pools,
                                gantry_buffer* next) noexcept {
    return guarded([&] {
      return self(instance).discover(*context, cursor, {facts, n}, requests, pools, next);
    });
  }
  static gantry_status open_pool(Instance* instance, const gantry_pool_spec* spec,
                                 const gantry_state_writer* writer, gantry_pool_traits* out,
                                 gantry_error* error) noexcept {
    try {
      gantry_pool_traits traits{};
      const auto status = self(instance).open_pool(*spec, StateWriter(writer), traits);
      if (status == GANTRY_OK) *out = traits;
      return status;
    } catch (const Refused& e) {
      return report(error, GANTRY_REFUSED, GANTRY_FAULT_WORLD, e.what());
    } catch (const std::exception& e) {
      return report(error, GANTRY_PLUGIN_FAULT, GANTRY_FAULT_PLUGIN, e.what());
    } catch (...) {
      return report(error, GANTRY_PLUGIN_FAULT, GANTRY_FAULT_PLUGIN, "threw something");
    }
  }
  static gantry_status requests(Instance* instance, const gantry_context* context,
                                const gantry_pool_spec* spec, const gantry_state* state,
                                std::uint32_t round, const gantry_request_sink* sink) noexcept {
    return guarded([&] { return self(instance).requests(*context, *spec, *state, round, sink); });
  }
  static gantry_status apply(Instance* instance, const gantry_context* context,
                             const gantry_state* old, const gantry_fact* facts, std::uint32_t n,
                             const gantry_state_writer* writer) noexcept {
    return guarded(
        [&] { return self(instance).apply(*context, *old, {facts, n}, StateWriter(writer)); });
  }
  static gantry_status quote(const Instance* instance, const gantry_pool_state* state,
                             const gantry_swap* swap, gantry_quote* out,
                             gantry_buffer* next) noexcept {
    return guarded([&] { return self(instance).quote(*state, *swap, *out, next); });
  }
  static gantry_status quote_many(const Instance* instance, const gantry_pool_state* state,
                                  const gantry_swap* swaps, std::uint32_t count, gantry_quote* out,
                                  gantry_status* statuses) noexcept {
    return guarded([&] {
      gantry_status all = count == 0 ? GANTRY_OK : GANTRY_BAD_STATE;
      for (std::uint32_t i = 0; i < count; ++i) {
        statuses[i] = self(instance).quote(*state, swaps[i], out[i], nullptr);
        if (statuses[i] != GANTRY_BAD_STATE) all = GANTRY_OK;
      }
      return all;
    });
  }
  static gantry_status limits(const Instance* instance, const gantry_pool_state* state,
                              std::uint32_t token_in, std::uint32_t token_out,
                              gantry_swap_limits* out) noexcept {
    return guarded([&] {
      gantry_swap_limits limits{};
      const auto status = self(instance).limits(*state, token_in, token_out, limits);
      if (status == GANTRY_OK) *out = limits;
      return status;
    });
  }
  static gantry_status segments(const Instance* instance, const gantry_pool_state* state,
                                std::uint32_t token_in, std::uint32_t token_out,
                                gantry_segment* out, std::uint32_t capacity,
                                std::uint32_t* count) noexcept {
    return guarded([&]() -> gantry_status {
      const auto n = self(instance).segments(*state, token_in, token_out, {out, capacity});
      if (!n) return GANTRY_UNSUPPORTED;
      *count = *n;
      return GANTRY_OK;
    });
  }
  static gantry_status view(const Instance* instance, const gantry_pool_state* state,
                            gantry_pool_view* out) noexcept {
    return guarded([&] { return self(instance).pool_view(*state, *out); });
  }
  static gantry_status build_swap(const Instance* instance, const gantry_pool_spec* spec,
                                  const gantry_pool_state* state, const gantry_swap_order* order,
                                  const gantry_instruction_sink* sink) noexcept {
    return guarded([&] { return self(instance).build_swap(*spec, *state, *order, sink); });
  }
  static const void* get_extension(const Instance* instance, const char* id) noexcept {
    try {
      return self(instance).get_extension(id);
    } catch (...) {
      return nullptr;
    }
  }

  static constexpr gantry_dex_v1 table = {&create<Plugin, Instance>,
                                          &destroy,
                                          &discover,
                                          &open_pool,
                                          &requests,
                                          &apply,
                                          &quote,
                                          &quote_many,
                                          &limits,
                                          &segments,
                                          &view,
                                          &build_swap,
                                          &get_extension};
};

}  // namespace detail

template <class Plugin>
const void* DexPlugin::table() noexcept {
  return &detail::DexFace<Plugin>::table;
}

}  // namespace gantry

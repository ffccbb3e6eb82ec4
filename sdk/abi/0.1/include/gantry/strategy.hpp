// gantry/strategy.hpp: write a strategy as a C++ class. Derive from TradingStrategy, override
// find(), size() and what else applies, and write GANTRY_PLUGIN(YourStrategy). The rules of each
// call are strategy.h's.
#pragma once
#include "gantry/market.hpp"
#include "gantry/strategy.h"

namespace gantry {

// Where find() puts what it found.
class OpportunitySink {
 public:
  explicit OpportunitySink(const gantry_opportunity_sink* sink) noexcept : sink_(sink) {}
  // False: the host takes no more of this snapshot.
  bool emit(const gantry_opportunity& opportunity) const noexcept {
    return sink_->emit(sink_->self, &opportunity) == GANTRY_OK;
  }

 private:
  const gantry_opportunity_sink* sink_;
};

class TradingStrategy {
 public:
  static constexpr const char* interface_id = GANTRY_STRATEGY_ID;

  virtual ~TradingStrategy() = default;
  TradingStrategy(const TradingStrategy&) = delete;
  TradingStrategy& operator=(const TradingStrategy&) = delete;

  virtual gantry_status subscribe(const Market&, const gantry_subscription_sink*) {
    return GANTRY_OK;
  }
  // The only call of these that may allocate.
  virtual gantry_status prepare(const Market&) { return GANTRY_OK; }
  virtual gantry_status find(const Market&, OpportunitySink) = 0;
  // By default an opportunity holds while its route still pays more than it costs in tokens.
  virtual gantry_status validate(const Market& market, const gantry_opportunity& opportunity) {
    gantry_hop hops[GANTRY_LEGS_MAX];
    for (std::uint32_t i = 0; i < opportunity.leg_count; ++i) hops[i] = opportunity.legs[i].hop;
    gantry_route_quote quote;
    const auto status =
        market.quote_route({hops, opportunity.leg_count}, opportunity.amount_in, quote);
    if (status != GANTRY_OK) return status;
    for (int i = 3; i >= 0; --i) {
      if (quote.amount_out.limb[i] != opportunity.amount_out.limb[i])
        return quote.amount_out.limb[i] > opportunity.amount_out.limb[i] ? GANTRY_OK
                                                                         : GANTRY_REFUSED;
    }
    return GANTRY_OK;
  }
  virtual gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                             gantry_opportunity& out) = 0;
  virtual gantry_status plan(const Market&, const gantry_opportunity&,
                             const gantry_instruction_sink*) {
    return GANTRY_UNSUPPORTED;
  }
  virtual gantry_status on_event(const gantry_event&) { return GANTRY_OK; }
  virtual gantry_status on_result(const gantry_result&) { return GANTRY_OK; }
  virtual gantry_status save(gantry_buffer&) { return GANTRY_UNSUPPORTED; }
  virtual gantry_status load(gantry_bytes) { return GANTRY_UNSUPPORTED; }
  virtual const void* get_extension(const char* /*id*/) const { return nullptr; }

  template <class Plugin>
  static const void* table() noexcept;

 protected:
  TradingStrategy() = default;
};

namespace detail {

// The C functions of one strategy class. Plugin is final, so its calls are direct.
template <class Plugin>
struct StrategyFace {
  using Instance = gantry_strategy_instance;
  static Plugin& self(Instance* instance) { return *reinterpret_cast<Plugin*>(instance); }

  static void destroy(Instance* instance) noexcept { delete reinterpret_cast<Plugin*>(instance); }
  static gantry_status subscribe(Instance* instance, const gantry_market* market,
                                 const gantry_subscription_sink* sink) noexcept {
    return guarded([&] { return self(instance).subscribe(Market(market), sink); });
  }
  static gantry_status prepare(Instance* instance, const gantry_market* market,
                               gantry_error* error) noexcept {
    return guarded(error, [&] { return self(instance).prepare(Market(market)); });
  }
  static gantry_status find(Instance* instance, const gantry_market* market,
                            const gantry_opportunity_sink* sink) noexcept {
    return guarded([&] { return self(instance).find(Market(market), OpportunitySink(sink)); });
  }
  static gantry_status validate(Instance* instance, const gantry_market* market,
                                const gantry_opportunity* opportunity) noexcept {
    return guarded([&] { return self(instance).validate(Market(market), *opportunity); });
  }
  static gantry_status size(Instance* instance, const gantry_market* market,
                            const gantry_opportunity* opportunity,
                            const gantry_sizing_limits* limits, gantry_opportunity* out) noexcept {
    return guarded([&] {
      gantry_opportunity sized = *opportunity;
      const auto status = self(instance).size(Market(market), *opportunity, *limits, sized);
      if (status == GANTRY_OK) *out = sized;
      return status;
    });
  }
  static gantry_status plan(Instance* instance, const gantry_market* market,
                            const gantry_opportunity* opportunity,
                            const gantry_instruction_sink* sink) noexcept {
    return guarded([&] { return self(instance).plan(Market(market), *opportunity, sink); });
  }
  static gantry_status on_event(Instance* instance, const gantry_event* event) noexcept {
    return guarded([&] { return self(instance).on_event(*event); });
  }
  static gantry_status on_result(Instance* instance, const gantry_result* result) noexcept {
    return guarded([&] { return self(instance).on_result(*result); });
  }
  static gantry_status save(Instance* instance, gantry_buffer* out) noexcept {
    return guarded([&] { return self(instance).save(*out); });
  }
  static gantry_status load(Instance* instance, gantry_bytes saved) noexcept {
    return guarded([&] { return self(instance).load(saved); });
  }
  static const void* get_extension(const Instance* instance, const char* id) noexcept {
    try {
      return reinterpret_cast<const Plugin*>(instance)->get_extension(id);
    } catch (...) {
      return nullptr;
    }
  }

  static constexpr gantry_strategy_v1 table = {&create<Plugin, Instance>,
                                               &destroy,
                                               &subscribe,
                                               &prepare,
                                               &find,
                                               &validate,
                                               &size,
                                               &plan,
                                               &on_event,
                                               &on_result,
                                               &save,
                                               &load,
                                               &get_extension};
};

}  // namespace detail

template <class Plugin>
const void* TradingStrategy::table() noexcept {
  return &detail::StrategyFace<Plugin>::table;
}

}  // namespace gantry

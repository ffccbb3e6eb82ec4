// Finds nothing, and counts the pending swaps that it is told of: how many, how many were dropped,
// and a digest of all they say, so that two runs can be compared by their reports.
#include <cstdlib>

#include "gantry/pending.hpp"

namespace {

using namespace gantry;

class PendingStrategy final : public TradingStrategy {
 public:
  PendingStrategy(Host host, const Config& config)
      : host_(host), dies_at_call_(config.integer("dies_at_call")) {}

  gantry_status on_pending(const Market& market, std::span<const gantry_pending_event> events,
                           std::uint64_t dropped) {
    if (++calls_ == dies_at_call_) std::abort();
    host_.count("calls", 1);
    host_.count("swaps", events.size());
    host_.count("dropped", dropped);
    std::uint64_t digest = 14695981039346656037U;
    const auto* bytes = reinterpret_cast<const unsigned char*>(events.data());
    for (std::size_t i = 0; i < events.size_bytes(); ++i) {
      digest = (digest ^ bytes[i]) * 1099511628211U;
    }
    host_.count("digest", digest >> 16U);
    for (const gantry_pending_event& event : events) {
      for (std::uint32_t i = 0; i < event.hop_count; ++i) {
        gantry_pool pool{};
        const std::uint32_t handle = event.hops[i].pool;
        if (handle != UINT32_MAX && market.pool(handle, pool) != GANTRY_OK) {
          host_.count("unknown pools", 1);
        }
      }
    }
    return GANTRY_OK;
  }
  const void* get_extension(const char* id) const override {
    return strategy_pending<PendingStrategy>(id);
  }

  gantry_status find(const Market&, OpportunitySink) override { return GANTRY_OK; }
  gantry_status size(const Market&, const gantry_opportunity&, const gantry_sizing_limits&,
                     gantry_opportunity&) override {
    return GANTRY_REFUSED;
  }

 private:
  Host host_;
  std::int64_t dies_at_call_;
  std::int64_t calls_ = 0;
};

}  // namespace

GANTRY_PLUGIN(PendingStrategy);

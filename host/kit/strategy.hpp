// A strategy under test on the kit's market: its calls, and what must hold of what it emits.
#pragma once
#include <string>
#include <vector>

#include "gantry/positions.h"
#include "gantry/strategy.h"
#include "host/kit/market.hpp"
#include "host/kit/memory.hpp"
#include "host/kit/work.hpp"
#include "host/market/after_pending.hpp"
#include "host/market/history.hpp"
#include "host/market/market_view.hpp"

namespace gantry::host::kit {

// How well the host's services answer the strategy.
struct Services {
  std::uint32_t refuse_percent = 0;  // of the calls
  std::uint64_t seed = 0;
};

class Strategy {
 public:
  Strategy(Loaded& library, void* object, bool guarded, std::string* transcript = nullptr);

  void set_services(const Services& services);
  // From now on every snapshot comes as the first after a restart does.
  void set_cold() { always_cold_ = true; }
  // Binds to the next snapshot; subscribe() with the first, prepare() with each new topology.
  void meet(const Snapshot& snapshot);
  // find(), with a sink that refuses from opportunity `room` on. What was emitted, unchecked.
  const std::vector<gantry_opportunity>& find(std::size_t room = 1024);
  // A position that it found is opened, or closed: it holds that from the next snapshot on.
  void fill(const gantry_opportunity& position);
  // How many it emitted after it was refused one.
  std::size_t emitted_after_refusal() const { return emitted_after_; }

  gantry_status validate(const gantry_opportunity& opportunity);
  gantry_status size(const gantry_opportunity& opportunity, const gantry_sizing_limits& limits,
                     gantry_opportunity& out);
  gantry_status plan(const gantry_opportunity& opportunity);
  gantry_status on_result(const gantry_result& result);
  gantry_status on_event(std::int32_t kind, std::span<const std::uint8_t> payload);
  // GANTRY_UNSUPPORTED: it has no memory.
  gantry_status save(std::vector<std::uint8_t>& out);
  gantry_status load(std::span<const std::uint8_t> saved);

  // Throws Finding unless handles exist, legs follow each other, numbers are in their ranges.
  void require_chained(const gantry_opportunity& opportunity, const char* call) const;
  // ... and unless the venues quote what it says. Liquidations begin with a call of their own.
  void require_quoted(const gantry_opportunity& opportunity, const char* call) const;
  // ... and unless it is within the limits.
  void require_within(const gantry_opportunity& sized, const gantry_sizing_limits& limits) const;
  const MarketView& view() const { return view_; }
  bool prepared() const { return prepared_; }

 private:
  const gantry_market* market();
  void tell(const char* call, gantry_status status, std::span<const std::uint8_t> answer = {});
  void tell_pending();
  void tell_prices();
  gantry_status send(std::int32_t kind, std::uint32_t pool, std::uint64_t sequence,
                     std::span<const std::uint8_t> payload);
  // The market that it is in: as it is, or behind what waits. Null: it is in none.
  const MarketView* market_of(const gantry_opportunity& opportunity,
                              std::span<const gantry_leg> before) const;

  const gantry_strategy_v1* table_;
  gantry_strategy_instance* object_;
  CallMemory memory_;
  std::string* transcript_;
  History history_;
  MarketView view_;
  mutable AfterPending after_;
  const gantry_strategy_pending_v1* pending_;  // null: it is not told of what waits
  std::uint64_t told_ = 0;
  bool wants_prices_ = false;  // it subscribed to those of outside
  std::uint64_t prices_told_ = 0;
  std::vector<gantry_position> held_;
  std::vector<std::uint32_t> changed_;
  bool first_ = true;
  bool cold_ = true;
  bool always_cold_ = false;
  bool prepared_ = false;
  std::uint64_t topology_ = ~0ULL;
  std::vector<gantry_opportunity> found_;
  std::size_t room_ = 0;
  std::size_t emitted_after_ = 0;
};

}  // namespace gantry::host::kit

// One pool's facts of a block, as the SDK wants them. Internal to host/market.
#pragma once
#include <vector>

#include "host/market/market_state.hpp"

namespace gantry::host {

struct MarketState::Facts {
  std::vector<gantry_fact> rows;

  static gantry_fact row(const recording::Fact& fact, std::uint64_t block) {
    return {static_cast<std::int32_t>(fact.kind),
            fact.tag,
            fact.status,
            fact.log_index,
            block,
            fact.source,
            {fact.topics.data(), fact.topics.size()},
            {fact.data.data(), fact.data.size()}};
  }
};

// What a venue writes a state with.
inline gantry_state_writer writer_of(StateStore& store) {
  return {&store, [](void* self, std::uint32_t index, std::uint64_t size) {
            return static_cast<StateStore*>(self)->chunk(index, size);
          }};
}

}  // namespace gantry::host

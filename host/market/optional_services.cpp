#include "host/market/optional_services.hpp"

#include <string_view>

#include "gantry/after_pending.h"
#include "gantry/positions.h"
#include "gantry/split.h"
#include "host/market/market_view.hpp"

namespace gantry::host {

namespace {

constexpr gantry_split_draft_v1 split_service{
    [](const gantry_market* market, gantry_leg* legs, std::uint32_t count, std::uint64_t* gas) {
      return MarketView::of(market).quote_legs({legs, count}, *gas);
    }};

constexpr gantry_venues_draft_v1 venues_service{
    [](const gantry_market* market, std::uint32_t venue, gantry_string* out) -> gantry_status {
      const auto& names = MarketView::of(market).snapshot().topology->venue_names;
      if (venue >= names.size()) return GANTRY_BAD_ARGUMENT;
      *out = {names[venue].data(), names[venue].size()};
      return GANTRY_OK;
    }};

constexpr gantry_after_pending_draft_v1 after_pending_service{
    [](const gantry_market* market, std::uint64_t sequence, const gantry_leg* before,
       std::uint32_t count, void* self,
       gantry_status (*with)(void* self, const gantry_market* after)) -> gantry_status {
      return MarketView::of(market).look(sequence, {before, count}, self, with);
    }};

constexpr gantry_positions_draft_v1 positions_service{
    [](const gantry_market* market, gantry_position* out, std::uint32_t capacity,
       std::uint32_t* count) { return MarketView::of(market).positions({out, capacity}, *count); }};

}  // namespace

const void* optional_service(const char* id) noexcept {
  const std::string_view wanted = id == nullptr ? "" : id;
  if (wanted == GANTRY_SPLIT_DRAFT_ID) return &split_service;
  if (wanted == GANTRY_VENUES_DRAFT_ID) return &venues_service;
  if (wanted == GANTRY_AFTER_PENDING_DRAFT_ID) return &after_pending_service;
  if (wanted == GANTRY_POSITIONS_DRAFT_ID) return &positions_service;
  return nullptr;
}

}  // namespace gantry::host

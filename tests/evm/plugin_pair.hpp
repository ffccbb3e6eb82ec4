// The uniswap_v2 plugin as the host loads it, holding one pair.
//
// ERRORS  As PluginVenue; throws too when the pair is not opened.
#pragma once
#include <optional>
#include <stdexcept>
#include <string>

#include "evm/plugin_venue.hpp"

namespace gantry::test {

struct PairReservesSeen {
  Integer reserve[2];
  bool operator==(const PairReservesSeen&) const = default;
};

class PluginPair final : public PluginVenue {
 public:
  // `fee_bps`: the operator's setting; unset, the manifest's default holds.
  PluginPair(const std::string& pair, const std::string& token0, const std::string& token1,
             std::optional<std::int64_t> fee_bps = std::nullopt)
      : PluginVenue(GANTRY_UNISWAP_V2_PLUGIN, "uniswap_v2",
                    fee_bps ? VenueParameters{{"fee_bps", *fee_bps}} : VenueParameters{}) {
    if (open_pool(pair, {{token0}, {token1}}) != GANTRY_OK) throw std::runtime_error(refusal());
  }

  gantry_status reserves(PairReservesSeen& out, const Overlay* overlay = nullptr) {
    std::uint32_t fee = 0;
    std::vector<Integer> balances;
    const gantry_status status = view(fee, balances, overlay);
    if (status == GANTRY_OK) out = {{balances.at(0), balances.at(1)}};
    return status;
  }
};

}  // namespace gantry::test

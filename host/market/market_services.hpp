// The C table behind gantry_market: one for all snapshots and strategies.
#pragma once
#include "gantry/market.h"

namespace gantry::host {
const gantry_market_services& market_services() noexcept;
}

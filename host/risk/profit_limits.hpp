// What a trade has to leave, as the gate asks of it. What it borrows is chosen after the gate, so
// the same limits are asked again once the loan's fee and gas are known.
//
// UNITS    wei.
// THREADS  Pure functions: any thread.
#pragma once
#include <cstdint>

#include "gantry/u256.hpp"

namespace gantry::host {

struct ProfitLimits {
  u256 least;  // of min_profit_usd and the strategy's min_profit_bps the more
  std::uint64_t gas_thousandths = 0;  // min_profit_gas, times 1000

  // `net` is what is left after `gas` and all else.
  bool allow(const u256& net, const u256& gas) const {
    u256 wanted;
    u256 profit;
    if (net < least || !mul(gas, u256(gas_thousandths), wanted)) return false;
    return !mul(net, u256(1000), profit) || profit >= wanted;
  }
};

}  // namespace gantry::host

// Loans that last for one transaction, as steps of the executor's program.
//
// THREADS  Pure: any.
#pragma once
#include <span>
#include <string_view>

#include "host/plan/executor_call.hpp"

namespace gantry::host::executor {

enum class FlashSource : std::uint8_t {
  aave_v3,
  balancer_v2,
  balancer_v3,
  uniswap_v2,  // a pair that is paid back in the token it lent
  uniswap_v3,
  // Solo Margin. Off by default: dYdX closed it to new deposits when it moved to a chain of its
  // own, so what can be borrowed there is what nobody has withdrawn yet.
  dydx_solo
};

std::string_view name_of(FlashSource source);
bool on_by_default(FlashSource source);

struct FlashLoan {
  FlashSource source = FlashSource::aave_v3;
  gantry_address lender{};    // pool, vault or pair
  gantry_address executor{};  // who is lent to
  gantry_address token{};
  u256 amount;
  // What is owed above the amount. Aave: FLASHLOAN_PREMIUM_TOTAL of it, rounded half up. V2 pairs:
  // enough for their K. V3 pools and the vaults say it themselves, and it is not read.
  u256 fee;
  bool token_is_0 = true;  // of V2 pairs and V3 pools
  // V2 forks name their callback otherwise.
  Selector v2_callback{0x10, 0xd1, 0xe8, 0x5c};  // uniswapV2Call
  std::uint32_t solo_market = 0;                 // the token's number at Solo Margin
};

// Borrows, does `steps`, and pays back. Fails as encode_program() does.
Result<Step> with_flash_loan(const FlashLoan& loan, std::vector<Step> steps);

}  // namespace gantry::host::executor

// What a venue's plugin built for one swap, as steps of the executor's program.
//
// THREADS  Pure: any.
#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "host/plan/executor_call.hpp"
#include "host/plan/instructions.hpp"

namespace gantry::host::executor {

// What goes into a swap.
struct SwapInput {
  gantry_address token{};
  u256 amount;
  bool is_paid = false;  // by the leg before: no payment is made to a venue that wants one
};

// How a venue calls back for its input, which its instructions do not say.
struct CallbackShape {
  Selector selector{};
  // Where in the callback's calldata the bytes begin that the venue was given as the last argument
  // of its call, which is empty as the plugin built it. None: it gives no bytes back.
  std::optional<std::uint32_t> bytes_at;
};
// uniswapV3SwapCallback and pancakeV3SwapCallback, each (int256,int256,bytes).
// Of a callback's signature, as "uniswapV3SwapCallback(int256,int256,bytes)"; nullopt: it is none.
// Of one whose last argument is bytes, these begin behind its words; of any other, none come back.
std::optional<CallbackShape> callback_shape(std::string_view signature);

inline constexpr CallbackShape uniswap_v3_callback{{0xfa, 0x46, 0x1e, 0x33}, 4 + 3 * 32 + 32};
inline constexpr CallbackShape pancake_v3_callback{{0x23, 0xa6, 0x9e, 0x75}, 4 + 3 * 32 + 32};

// The first of the calls takes the input, as it says: paid before, allowed, sent along, or paid
// within its callback. That is the planned amount, never what the pool says that it is owed. Fails
// with `plugin` when the calls cannot be carried out so: there are none, a callback of unknown
// shape (`callback` is null), a target that is the token itself, an amount of the coin that is not
// the input.
Result<std::vector<Step>> venue_steps(std::span<const Instruction> calls, const SwapInput& input,
                                      const CallbackShape* callback = nullptr);

}  // namespace gantry::host::executor

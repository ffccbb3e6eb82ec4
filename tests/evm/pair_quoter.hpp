// What is compared with the real pair: anything that can quote a constant-product pair.
#pragma once
#include <string>

#include "evm/uniswap_v2_cases.hpp"
#include "gantry/abi.h"

namespace gantry::test {

class PairQuoter {
 public:
  virtual ~PairQuoter() = default;
  virtual std::string name() const = 0;
  // Whether it knows that the pair's reserves are uint112, or is the bare formula.
  virtual bool knows_uint112() const = 0;
  // `swap.amount` goes in; `out` is written with GANTRY_OK only.
  virtual gantry_status amount_out(const SwapCase& swap, Integer& out) = 0;
  // `swap.amount` comes out; `in` is written with GANTRY_OK only.
  virtual gantry_status amount_in(const SwapCase& swap, Integer& in) = 0;
};

}  // namespace gantry::test

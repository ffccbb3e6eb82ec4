// Forks of Uniswap V2, for tests: compiled from their exchanges' sources, once in a process.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include "evm/pair_make.hpp"

namespace gantry::test {

// Compiled from SushiSwap's package. Its pair keeps 0.3 %, as Uniswap's.
const PairMake& sushiswap_make();

// The first PancakeSwap, from the bytecode in its package: 0.2 %.
const PairMake& pancakeswap_v1_make();

// No package has it: the first one's sources, changed where PancakeSwap V2 changed them. 0.25 %.
const PairMake& pancakeswap_v2_make();

}  // namespace gantry::test

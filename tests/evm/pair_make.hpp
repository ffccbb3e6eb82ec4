// The contracts of one exchange that is Uniswap V2 or a fork of it. v2_fork_makes.hpp has forks.
#pragma once
#include <cstdint>
#include <string>

#include "evm/deployer.hpp"

namespace gantry::test {

struct PairMake {
  std::string factory_code;    // creation code, hexadecimal digits
  std::string pair_code;       // the same, of what the factory deploys
  std::string name;            // what its reasons to revert begin with, as "UniswapV2"
  unsigned fee_numerator = 3;  // of the amount in, as the check of K has it
  unsigned fee_denominator = 1000;

  std::int64_t fee_bps() const { return fee_numerator * 10'000 / fee_denominator; }
};

// From Uniswap's package. Throws std::runtime_error when it is not installed.
inline const PairMake& uniswap_make() {
  const auto code = [](const std::string& contract) {
    return text_of(read_artifact("@uniswap/v2-core/build/" + contract + ".json").at("bytecode"));
  };
  static const PairMake make = {.factory_code = code("UniswapV2Factory"),
                                .pair_code = code("UniswapV2Pair"),
                                .name = "UniswapV2"};
  return make;
}

}  // namespace gantry::test

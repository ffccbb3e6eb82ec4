#include "evm/v2_fork_makes.hpp"

#include "evm/node_output.hpp"

namespace gantry::test {
namespace {

PairMake compiled_make(const std::string& exchange, PairMake make) {
  const auto codes = boost::json::parse(node_output("compile_v2_fork.mjs", exchange)).as_object();
  make.factory_code = text_of(codes.at("factory"));
  make.pair_code = text_of(codes.at("pair"));
  return make;
}

}  // namespace

const PairMake& sushiswap_make() {
  static const PairMake make = compiled_make("SushiSwap", {.name = "UniswapV2"});
  return make;
}

const PairMake& pancakeswap_v1_make() {
  const auto code = [](const std::string& contract) {
    const std::string folder = "@pancakeswap-libs/pancake-swap-core/build/";
    return text_of(read_artifact(folder + contract + ".json").at("bytecode"));
  };
  static const PairMake make = {.factory_code = code("PancakeFactory"),
                                .pair_code = code("PancakePair"),
                                .name = "Pancake",
                                .fee_numerator = 2};
  return make;
}

const PairMake& pancakeswap_v2_make() {
  static const PairMake make = compiled_make(
      "PancakeSwapV2", {.name = "Pancake", .fee_numerator = 25, .fee_denominator = 10'000});
  return make;
}

}  // namespace gantry::test

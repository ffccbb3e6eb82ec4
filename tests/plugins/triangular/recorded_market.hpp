// The recorded market as raw numbers.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

namespace recorded {

struct Pair {
  std::uint32_t token0;
  std::uint32_t token1;
  std::string reserve0;  // decimal
  std::string reserve1;
};

struct Market {
  std::vector<Pair> pairs;  // with both reserves above zero
  std::uint32_t token_count = 0;
  std::uint32_t weth = 0;
};

Market load();

}  // namespace recorded

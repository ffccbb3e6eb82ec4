#include "plugins/triangular/recorded_market.hpp"

#include <fstream>
#include <stdexcept>

namespace recorded {

Market load() {
  std::ifstream file(GANTRY_MARKET_TEXT);
  Market market;
  std::size_t count = 0;
  file >> count >> market.token_count >> market.weth;
  market.pairs.resize(count);
  for (Pair& pair : market.pairs) {
    file >> pair.token0 >> pair.token1 >> pair.reserve0 >> pair.reserve1;
  }
  if (!file || count == 0) throw std::runtime_error("cannot read " GANTRY_MARKET_TEXT);
  return market;
}

}  // namespace recorded

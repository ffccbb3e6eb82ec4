// A real Uniswap V3 pool that is traded at random, an operation a block.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

#include "evm/integer_words.hpp"
#include "evm/uniswap_v3_contract.hpp"

namespace gantry::test {

// A pool of spacing 1, of whose ticks a word to either side of the price's is read.
class TradedV3 {
 public:
  static constexpr int word_ticks = 256;
  static constexpr int reach = 8 * word_ticks;  // the price turns back there

  TradedV3(Anvil& chain, std::uint64_t seed)
      : random_(seed), contracts_(chain), pool_(contracts_.create_pool(100, 1, Integer(1) << 96)) {
    mint({-reference_tick_max, reference_tick_max, depth});
  }

  const std::string& pool() const { return pool_; }
  V3Chain& contracts() { return contracts_; }
  const std::string& token(int index) const { return contracts_.token(index); }

  // Of dex_config.toml.
  std::string venue_section() const {
    return fmt::format(
        "[[dex]]\nname = \"uniswap_v3\"\nchain = \"eip155:31337\"\n"
        "min_liquidity_usd = 0\nfactory = \"{}\"\nwords_around = 1\n"
        "[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n",
        contracts_.factory(), pool_, token(0), token(1));
  }

  struct Position {
    int lower = 0;
    int upper = 0;
    Integer liquidity;
  };

  // A swap, a mint or a burn in a block of its own.
  void trade() {
    const auto kind = random_() % 10;
    if (kind < 6) {
      swap();
    } else if (kind < 8 || positions.empty()) {
      const int lower = tick() + between(-2 * word_ticks, word_ticks);
      positions.push_back({lower, lower + between(1, 2 * word_ticks), part(depth, 1)});
      mint(positions.back());
    } else {
      const std::size_t at = random_() % positions.size();
      Position& position = positions[at];
      const Integer taken = random_() % 2 == 0 ? position.liquidity : part(position.liquidity, 1);
      contracts_.burn(pool_, position.lower, position.upper, taken);
      position.liquidity -= taken;
      if (position.liquidity == 0) positions.erase(positions.begin() + static_cast<long>(at));
    }
  }

  int tick() {
    Deployer& deployer = contracts_.deployer();
    const Integer tick = word_at(deployer.read(pool_, deployer.selector("slot0()")), 1);
    return (tick >> 255 == 0 ? tick : Integer(tick - (Integer(1) << 256))).convert_to<int>();
  }

  // Of liquidity that is everywhere: a swap of a hundredth of it moves the price by 200 ticks.
  const Integer depth = Integer(1) << 80;
  std::vector<Position> positions;  // but for the first
  int words_left = 0;               // swaps that ended in another word of ticks

 private:
  int between(int least, int most) {
    return least + static_cast<int>(random_() % static_cast<unsigned>(most - least + 1));
  }
  // More than nothing, at most one of `of`.
  Integer part(const Integer& value, unsigned of) {
    const Integer share = value * between(1, 1000) / (Integer(1000) * of);
    return share == 0 ? Integer(1) : share;
  }

  void mint(const Position& position) {
    contracts_.mint(pool_, position.lower, position.upper, position.liquidity);
  }

  void swap() {
    const int before = tick();
    const bool falls = std::abs(before) > reach ? before > 0 : random_() % 2 == 0;
    contracts_.swap(pool_, {falls, random_() % 2 == 0, part(depth, 25)});
    words_left += floor_quotient(before, word_ticks) != floor_quotient(tick(), word_ticks) ? 1 : 0;
  }

  std::mt19937_64 random_;
  V3Chain contracts_;
  std::string pool_;
};

}  // namespace gantry::test

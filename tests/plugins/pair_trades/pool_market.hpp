// A host for one strategy: pools of several venues and shapes in plain arrays behind the C
// services, with the optional services of gantry/split.h.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "gantry/constant_product.hpp"
#include "gantry/split.h"

namespace pool_market {

enum class Shape {
  pair,    // a constant product
  ranges,  // as with ticks: after `range` of what goes in a second one begins, an eighth as deep
  stable,  // nearly one for one: x pays x (1 - 4 bps) - x^2 / (20 reserve); its segment only fits
  loan     // its first token for its second at their reserves' price, up to the first's; one way
};

struct Pool {
  std::vector<std::uint32_t> tokens;
  std::vector<gantry::u256> reserves;
  std::uint32_t venue = 0;
  Shape shape = Shape::pair;
  gantry::u256 range = {};
  bool usable = true;
  bool has_segments = true;
  bool quotes = true;
  std::uint8_t account = 0;  // of a loan: whose it is
};

gantry::u256 ether(std::uint64_t thousandths);
// What the pool pays, rounded down in each range; 0: nothing, or it cannot be swapped.
gantry::u256 paid_by(const Pool& pool, std::uint32_t token_in, std::uint32_t token_out,
                     const gantry::u256& in);

class PoolMarket {
 public:
  PoolMarket(std::uint32_t tokens, std::vector<Pool> new_pools);

  std::vector<Pool> pools;
  std::vector<std::string> venues = {"alpha", "beta", "gamma", "curve"};
  std::vector<double> ether_per_unit;  // by token; 0: cannot be valued
  std::vector<std::uint32_t> flags;    // by token
  gantry_context context{};

  // Valid until the next call or change.
  const gantry_market* snapshot(std::vector<std::uint32_t> changed, bool cold = false);
  static gantry_address token_address(std::uint32_t token);

  // Whether the legs add up, to the unit, by what paid_by() says, and gain.
  bool adds_up(const gantry_opportunity& found) const;

 private:
  friend struct Services;
  std::vector<std::uint32_t> changed_;
  gantry_market market_{};
};

// An instance of the plugin that is linked into this program.
class Strategy {
 public:
  struct Options {
    std::map<std::string, std::int64_t> integers;
    std::map<std::string, bool> booleans;
    std::map<std::string, std::string> strings;
    bool services = true;  // the host has the optional ones
  };
  explicit Strategy(Options options);
  Strategy(const Strategy&) = delete;
  Strategy& operator=(const Strategy&) = delete;
  ~Strategy();

  // prepare() and find() on a cold snapshot, or find() alone.
  const std::vector<gantry_opportunity>& look(PoolMarket& market);
  gantry_status find(const gantry_market* market);
  gantry_status validate(const gantry_market* market, const gantry_opportunity& opportunity);
  gantry_status size(const gantry_market* market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out);

  std::vector<gantry_opportunity> found;
  std::map<std::string, std::uint64_t, std::less<>> counters;
  std::vector<std::string> warnings;

 private:
  const gantry_strategy_v1* table_ = nullptr;
  gantry_strategy_instance* instance_ = nullptr;
  gantry_host host_{};
};

inline gantry_sizing_limits no_limits() {
  return {gantry::u256::max(), 10'000, 0, gantry::u256(0), 0};
}

}  // namespace pool_market

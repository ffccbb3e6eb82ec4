// A host for the strategy: a pool of each token with the base, whose prices a test sets, their
// history as the host keeps it, and the positions that it says are held.
#pragma once
#include <map>
#include <string>
#include <vector>

#include "gantry/positions.h"
#include "gantry/strategy.h"
#include "gantry/u256.hpp"

namespace price_market {

class PriceMarket {
 public:
  // Token 0 is the base and the wrapped coin. Each other one has a pool with so much ether in it.
  explicit PriceMarket(std::uint32_t tokens, double depth_ether = 1000);

  // The next snapshot, a block later than the one before. prices[i]: of token i + 1, in the base;
  // 0: its pool is not usable. Valid until the next call.
  const gantry_market* at(std::uint64_t time_s, const std::vector<double>& prices);

  static gantry_address token_address(std::uint32_t token);
  // What the pool of a token pays, with a fee of 0.3 %; 0: nothing.
  gantry::u256 paid(std::uint32_t token_in, std::uint32_t token_out, const gantry::u256& in) const;
  // Holds what an opportunity bought, or no more what it sold.
  void fill(const gantry_opportunity& trade, std::uint64_t time_s);

  std::vector<gantry_position> positions;
  gantry_status positions_known = GANTRY_OK;
  gantry_status subscription = GANTRY_OK;  // what the sink says to a series
  bool keeps_history = true;
  gantry_context context{};
  gantry_subscription_sink sink();

 private:
  friend struct Services;
  struct Pool {
    std::uint32_t tokens[2];
    gantry::u256 reserves[2];
    bool usable = true;
  };
  std::vector<Pool> pools_;
  double depth_ether_;
  std::vector<double> prices_;
  std::map<std::uint32_t, std::vector<gantry_sample>> series_;  // by token
  gantry_market market_{};
};

// An instance of the plugin that is linked into this program.
class Trader {
 public:
  struct Options {
    std::map<std::string, std::int64_t> integers;
    std::map<std::string, double> numbers;
    std::string base;
    bool has_positions = true;  // the host has the service
  };
  // The manifest's defaults and positions of one ether, but for what is given.
  explicit Trader(const Options& options);
  Trader(const Trader&) = delete;
  Trader& operator=(const Trader&) = delete;
  ~Trader();

  // find(), with subscribe() and prepare() before the first.
  const std::vector<gantry_opportunity>& look(PriceMarket& market, const gantry_market* snapshot);
  void hear(std::uint64_t key, std::int32_t kind);
  gantry_status size(const gantry_market* market, const gantry_opportunity& opportunity,
                     const gantry_sizing_limits& limits, gantry_opportunity& out);
  gantry_status validate(const gantry_market* market, const gantry_opportunity& opportunity);
  std::uint64_t counted(const std::string& name) const;

  std::vector<gantry_opportunity> found;
  std::vector<std::string> warnings;

 private:
  std::map<std::string, std::uint64_t, std::less<>> counters_;
  const gantry_strategy_v1* table_ = nullptr;
  gantry_strategy_instance* instance_ = nullptr;
  gantry_host host_{};
  bool ready_ = false;
};

}  // namespace price_market

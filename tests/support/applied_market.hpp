// A small market applied block by block in this process, with the real plugins; and its amounts in
// Boost.Multiprecision, which shares no code with the product's.
//
// ERRORS  std::runtime_error, which fails a test.
#pragma once
#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "host/market/market_state.hpp"
#include "host/market/market_view.hpp"
#include "support/small_market.hpp"

namespace gantry::test {

using Integer = boost::multiprecision::cpp_int;

inline Integer big(const u256& value) {
  Integer result = 0;
  for (std::size_t i = 4; i-- > 0;) result = (result << 64) | value.limb(i);
  return result;
}
inline Integer big(const gantry_amount& value) { return big(u256(value)); }

inline u256 amount(const Integer& value) {
  if (value < 0 || (value >> 256) != 0) throw std::runtime_error("not a 256-bit amount");
  const auto limb = [&](unsigned i) {
    return ((value >> (64 * i)) & Integer(UINT64_MAX)).convert_to<std::uint64_t>();
  };
  return u256::from_limbs(limb(0), limb(1), limb(2), limb(3));
}

// A pool's reserves, or any whole number of thousandths, in the smallest unit of 18 decimals.
inline Integer thousandths(std::uint64_t value) { return Integer(value) * 1'000'000'000'000'000; }

// UniswapV2Library.getAmountOut as the contract has it, with the fee in bps.
inline Integer pair_pays(const Integer& in, const Integer& reserve_in, const Integer& reserve_out,
                         unsigned fee_bps = 30) {
  const Integer kept = in * (10000 - fee_bps);
  return kept * reserve_out / (reserve_in * 10000 + kept);
}

class AppliedMarket {
 public:
  explicit AppliedMarket(std::vector<host::BlockInput> blocks, const ConfigurationTexts& texts = {})
      : configuration(configure(folder_.path(), texts)),
        plugins(host::make_plugins(configuration, folder_.path() / "store")),
        state(configuration.chains.front(), plugins.venues),
        inputs(std::move(blocks)) {
    if (!plugins.refused.empty()) throw std::runtime_error(plugins.refused.front().reason);
    advance();
  }

  // The next block becomes `snapshot`, and `view` is bound to it.
  void advance() {
    auto next = state.advance(inputs.at(next_input_++));
    if (!next) throw std::runtime_error(next.error().message);
    snapshot = std::move(*next);
    view.bind(*snapshot, {}, true);
  }
  host::Health& venue_health() { return plugins.venues.front()->health(); }
  void retire_venue() {
    while (venue_health().usable(snapshot->id)) {
      venue_health().strike(host::Phase::quote, "a test's", snapshot->id);
    }
  }

 private:
  TemporaryFolder folder_;
  std::size_t next_input_ = 0;

 public:
  host::Configuration configuration;
  host::Plugins plugins;
  host::MarketState state;
  std::vector<host::BlockInput> inputs;
  host::SnapshotPtr snapshot;
  host::MarketView view;
};

// Overwrites the reserves that a fact tells, in the smallest unit of tokens of any decimals.
inline void set_reserves(host::recording::Fact& fact, const Integer& reserve0,
                         const Integer& reserve1) {
  for (std::size_t i = 0; i < 32; ++i) {
    const unsigned shift = 8 * static_cast<unsigned>(31 - i);
    fact.data[i] = ((reserve0 >> shift) & 0xff).convert_to<std::uint8_t>();
    fact.data[32 + i] = ((reserve1 >> shift) & 0xff).convert_to<std::uint8_t>();
  }
}

}  // namespace gantry::test

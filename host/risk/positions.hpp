// What strategies hold. A trade that ends in another token than it began with opens a position, or
// adds to one; a trade back closes it, or a part of it.
//
// A position is so much of a token that a strategy bought with another one, its base. Every unit of
// it cost the same: what is sold takes its share of the cost along, rounded up, so that no gain is
// told too high.
//
// Tokens are EVM chains'.
//
// UNITS    Amounts in the smallest unit, wei of the chain's coin where it says so; times in Unix
//          seconds.
// THREADS  Plain values.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/abi.h"
#include "gantry/u256.hpp"
#include "host/base/result.hpp"

namespace gantry::host {

struct Position {
  std::string strategy;
  gantry_address base{};  // what it was bought with, and is sold for
  gantry_address token{};
  u256 quantity;              // of the token
  u256 cost;                  // of the base
  u256 cost_wei;              // the same, at the prices at which it was bought
  std::uint64_t since_s = 0;  // when it was opened
};

// A trade between two tokens that was filled.
struct OneWayTrade {
  std::string strategy;
  gantry_address token_in{};
  gantry_address token_out{};
  u256 amount_in;
  u256 amount_out;
  u256 worth_wei;  // of what went in
  std::uint64_t time_s = 0;
};

// What a trade took off a position: the cost of what it sold.
struct PositionClosed {
  u256 cost;
  u256 cost_wei;
};

class Positions {
 public:
  // Which a trade of that strategy between these would close, or a part of it; null: it would open
  // one. Lasts until the next change.
  const Position* closed_by(std::string_view strategy, const gantry_address& token_in,
                            const gantry_address& token_out) const;
  // All that strategies hold of a token. The largest integer when it does not fit.
  u256 held(const gantry_address& token) const;
  std::span<const Position> all() const noexcept { return all_; }
  bool empty() const noexcept { return all_.empty(); }

  // Nothing: it opened one. What sells more than is held sells all of it.
  std::optional<PositionClosed> apply(const OneWayTrade& trade);

  // A line each, in their order, and back. Fails with `format`.
  std::string text() const;
  static Result<Positions> parse(std::string_view text);

 private:
  Position* find(std::string_view strategy, const gantry_address& base,
                 const gantry_address& token);

  std::vector<Position> all_;  // in the order in which they were opened
};

// The cost of so much of a position.
PositionClosed cost_of(const Position& position, const u256& quantity);

}  // namespace gantry::host

// The list of pairs that an importer reads: a JSON array of
//   {"index", "address", "token0": {"address", "symbol", "decimal"}, "token1": {...},
//    "reserve0", "reserve1"}
// with reserves as JSON numbers of any size, which are read as text and never as doubles.
#pragma once
#include <gantry/abi.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <gantry/u256.hpp>
#include <string>
#include <vector>

#include "host/base/result.hpp"
#include "host/recording/byte_stream.hpp"

namespace gantry::host {

inline constexpr std::size_t pairs_max = 1U << 19U;

struct PairToken {
  gantry_address address{};
  std::string symbol;  // printable ASCII; see sanitised_symbols
  std::uint8_t decimals = 0;
};

struct PairEntry {
  gantry_address address{};
  std::array<PairToken, 2> tokens;
  std::array<u256, 2> reserves;  // each below 2^112, as the contract keeps them
};

struct PairList {
  std::vector<PairEntry> pairs;  // as in the file, empty ones too
  // Symbols that held something else than printable ASCII: that became '?', and blanks at either
  // end '_', so that nothing can move a terminal's cursor or look like another token's symbol.
  std::uint64_t sanitised_symbols = 0;
};

// Fails with io, or with format: what is wrong, at which line, column and byte, and in which pair.
Result<PairList> read_pairs(recording::ByteSource& source, const std::string& name);

// The symbol as it may be printed: at most 64 bytes of printable ASCII, never empty.
std::string printable_symbol(const std::string& symbol);

}  // namespace gantry::host

// The market that ships with the repository, as plain data: read with the product's reader, but
// decoded here, by Boost.Multiprecision and nothing of the product's arithmetic.
#pragma once
#include <array>
#include <boost/multiprecision/cpp_int.hpp>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "host/recording/records.hpp"

namespace gantry::test {

using boost::multiprecision::cpp_int;

struct MarketToken {
  std::string symbol;
  std::string address;  // 0x and 40 lower-case digits
  unsigned decimals = 0;
};

struct MarketPool {
  std::string address;
  std::array<std::uint32_t, 2> tokens{};  // handles
  std::array<cpp_int, 2> reserves;        // of the first block
};

struct MarketSync {
  std::uint64_t block = 0;
  std::uint64_t time_s = 0;
  std::uint32_t log_index = 0;
  std::uint32_t pool = 0;
  std::array<cpp_int, 2> reserves;
};

struct Market {
  host::recording::Header header;
  std::vector<MarketToken> tokens;
  std::vector<MarketPool> pools;
  std::vector<MarketSync> syncs;
  std::vector<std::uint64_t> blocks;  // their numbers
  host::recording::End end;
};

// Where the shipped market is: GANTRY_MARKET_FILE, which the build sets.
std::filesystem::path market_file();

// Throws std::runtime_error when the recording is not whole, or holds what a market of V2 pairs
// does not.
Market load_market(const std::filesystem::path& path = market_file());

// A big-endian word of the ABI.
cpp_int word_at(std::span<const std::uint8_t> bytes, std::size_t index);

}  // namespace gantry::test

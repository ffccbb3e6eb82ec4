// What Curve's contracts answered, as tests/evm/record/record_curve.py wrote it down.
//
// FORMAT  Text, zstd-compressed. "pool VARIANT DECIMALS...", "source", "compiler" and "code" (the
//         hash of the deployed code) open a section; "ask TARGET CALLDATA" lists what a state
//         answers; "state TIME ANSWERS..." is one state; "swap I J DX DY PAID BALANCES... K L DX2
//         PAID2 BALANCES..." is one swap on it: get_dy(), what exchange() paid, the balances that
//         it left, and a second exchange() on those. Numbers are hexadecimal but for I, J and TIME;
//         "-" is a revert, "x..." are bytes that are no single word.
// ERRORS  Throws std::runtime_error when a file does not read so.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gantry/u256.hpp"

namespace gantry::test {

struct RecordedExchange {
  std::uint32_t in = 0;
  std::uint32_t out = 0;
  u256 amount;
  std::optional<u256> paid;  // none: it reverts
  std::vector<u256> balances;
};

struct RecordedSwap {
  std::optional<u256> get_dy;
  RecordedExchange first;
  RecordedExchange second;  // on what the first left
};

struct RecordedState {
  std::uint64_t time_s = 0;
  std::vector<std::vector<std::uint8_t>> answers;  // in the order of `asks`
  std::vector<RecordedSwap> swaps;
};

struct RecordedQuestion {
  bool of_base = false;  // of the base pool, or of who keeps the redemption price
  std::vector<std::uint8_t> payload;
};

struct RecordedPool {
  std::string variant;
  std::vector<std::uint32_t> decimals;
  std::string source;
  std::string compiler;
  std::string code;
  std::vector<RecordedQuestion> asks;
  std::vector<RecordedState> states;
};

std::vector<RecordedPool> read_answers(const std::filesystem::path& path);

}  // namespace gantry::test

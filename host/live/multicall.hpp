// Multicall3's aggregate3: many reads in one eth_call. Internal to host/live.
//
// The contract has the same address on every chain that has it (EIP-1014 through a keyless
// deployment); where there is no code, calls go one by one in the same batch.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "gantry/abi.h"
#include "host/recording/records.hpp"

namespace gantry::host::multicall {

inline constexpr std::string_view address = "0xca11bde05977b3631167028862be2a173976ca11";

struct Call {
  gantry_address target{};
  std::span<const std::uint8_t> data;
};
struct Answer {
  bool success = false;
  recording::Bytes data;
};

// aggregate3((target, true, data)[]): each may fail by itself.
recording::Bytes encode(std::span<const Call> calls);
// Of `count` calls; nullopt: it is no such answer.
std::optional<std::vector<Answer>> decode(std::span<const std::uint8_t> bytes, std::size_t count);

}  // namespace gantry::host::multicall

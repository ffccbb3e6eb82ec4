// The code hashes of many contracts in one eth_call. Internal to host/live.
//
// A call without `to` runs its data as creation code, here one that asks EXTCODEHASH of each
// address. Rationale: eth_getCode answers with up to 24 KB of each contract, to be hashed here, and
// pools of a venue are asked by the hundred.
#pragma once
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "gantry/abi.h"
#include "host/recording/records.hpp"

namespace gantry::host::code_hashes {

// In one call: the answer may not be longer than a contract's code (EIP-170).
inline constexpr std::size_t targets_max = 512;

// The creation code, of at most targets_max EVM addresses.
recording::Bytes encode(std::span<const gantry_address> targets);
// keccak-256 of the code of each of `count`, in their order; nullopt: it is no such answer.
std::optional<std::vector<recording::Bytes>> decode(std::span<const std::uint8_t> bytes,
                                                    std::size_t count);

}  // namespace gantry::host::code_hashes

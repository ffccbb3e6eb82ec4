// ABI encoding of the few calls that the host itself makes: transfer, approve, and a smart
// account's execute and executeBatch.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "gantry/abi.h"
#include "gantry/u256.hpp"

namespace gantry::host::abi {

struct Call {
  gantry_address target;
  u256 value;
  std::span<const std::uint8_t> data;
};

// ERC-20 transfer(address,uint256) and approve(address,uint256).
std::vector<std::uint8_t> transfer(const gantry_address& to, const u256& amount);
std::vector<std::uint8_t> approve(const gantry_address& spender, const u256& amount);
// execute(address,uint256,bytes), as ERC-4337's SimpleAccount has it in every version.
std::vector<std::uint8_t> account_execute(const Call& call);
// executeBatch(address[],uint256[],bytes[]), as ERC-4337's SimpleAccount has it since v0.7.
std::vector<std::uint8_t> execute_batch(std::span<const Call> calls);

}  // namespace gantry::host::abi

// What a chain charges for a transaction besides its gas price, as of one block: for its bytes, and
// what the chain's operator takes.
//
// UNITS    Wei, bytes and gas units.
// SOURCES  op_stack: GasPriceOracle.sol 1.3.0 of the OP stack, getL1Fee(bytes), to the wei: the
//          rule (Bedrock, Ecotone or Fjord) is the one that the chain's own oracle is at. And the
//          operator's fee as the OP stack's specification has it, gas * operatorFeeScalar / 10^6 +
//          operatorFeeConstant since Isthmus, gas * operatorFeeScalar * 100 + operatorFeeConstant
//          since Jovian, with what the chain's L1Block says of both.
//          arbitrum: Nitro's l1pricing.go as it estimates gas: 16 units a byte as Brotli packs the
//          transaction at level 1, 256 units more, one percent more, at the price of a unit. FastLZ
//          and 96 bytes stand in for Brotli: somewhat more than what is charged.
// ERRORS   What the chain does not answer, or answers with what cannot be, leaves the fee unknown.
//          It is never taken for zero.
// THREADS  Pure functions: any thread.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "gantry/u256.hpp"
#include "host/config/settings.hpp"
#include "host/market/answers.hpp"

namespace gantry::host {

enum class DataFeeRule : std::int32_t {
  none = 1,     // the chain charges for gas alone
  unknown = 2,  // it does charge, and what is not known: nothing can be priced
  bedrock = 3,
  ecotone = 4,
  fjord = 5,
  arbitrum = 6,
};

struct DataFee {
  DataFeeRule rule = DataFeeRule::none;
  u256 price;     // of bedrock: the L1's base fee; ecotone, fjord: scaled sum; arbitrum: of a unit
  u256 overhead;  // bedrock: gas units
  u256 scalar;    // bedrock: millionths
  // The operator's: millionths of a wei for each unit of gas, and wei for a transaction.
  u256 operator_scalar;
  u256 operator_constant;
};

// What to ask of the chain at each block, of no pool. Empty: nothing.
std::vector<PoolRequest> data_fee_requests(DataFeeKind kind);
// From a block's facts, those of pools among them.
DataFee read_data_fee(DataFeeKind kind, std::span<const recording::Fact> facts);
// Of an unsigned transaction's bytes; a signature's are added where the rule adds them. `gas` is
// what it uses. False: it is not known.
[[nodiscard]] bool data_fee_of(const DataFee& fee, std::span<const std::uint8_t> transaction,
                               std::uint64_t gas, u256& wei);

// How long FastLZ's level 1 makes it, as Solady's LibZip.flzCompress does and op-geth counts.
std::uint64_t fastlz_size(std::span<const std::uint8_t> bytes);

}  // namespace gantry::host

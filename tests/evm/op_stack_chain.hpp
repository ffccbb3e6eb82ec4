// The OP stack's own fee contracts on a test chain: GasPriceOracle and L1Block at their addresses,
// with the bytecode of the protocol's own package and storage as a test wants it. And Multicall3
// where every such chain has it. The package's contracts are of before Isthmus: what that and
// Jovian brought is answered by code in front of them, from the slots that the specification names.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "evm/abi_words.hpp"
#include "support/anvil.hpp"

namespace gantry::test {

enum class OpUpgrade { bedrock, ecotone, fjord, isthmus, jovian };

// What the L1 tells the chain.
struct OpFees {
  Integer l1_base_fee = 20'000'000'000;
  Integer blob_base_fee = 1'000'000'000;
  std::uint32_t base_fee_scalar = 5'227;
  std::uint32_t blob_base_fee_scalar = 1'014'213;
  Integer overhead = 188;
  Integer scalar = 684'000;
  std::uint32_t operator_scalar = 1'000;  // since Isthmus
  std::uint64_t operator_constant = 500;
};

class OpStackChain {
 public:
  static constexpr const char* oracle = "0x420000000000000000000000000000000000000f";

  explicit OpStackChain(Anvil& chain);

  void set(OpUpgrade upgrade, const OpFees& fees);
  // This code at the oracle's address; "0x": none.
  void set_oracle_code(const std::string& code);
  void restore_oracle();
  void set_l1_block_code(const std::string& code);
  void add_multicall();
  // getL1Fee(bytes) of each, as the contract answers.
  std::vector<Integer> fees_of(const std::vector<std::vector<std::uint8_t>>& transactions);

 private:
  void put_isthmus_in_front(bool wanted);
  void set_code(const std::string& address, const std::string& code);
  void store(const std::string& address, unsigned slot, const Integer& value);

  Anvil& chain_;
  std::string oracle_code_;
  bool has_isthmus_ = false;
};

}  // namespace gantry::test

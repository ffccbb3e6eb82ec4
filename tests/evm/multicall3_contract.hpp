// The real Multicall3, put where every chain has it, from the creation code that viem carries.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "evm/deployer.hpp"
#include "host/live/multicall.hpp"

namespace gantry::test {

inline std::string multicall3_creation_code() {
  std::ifstream file(evm_package_file("viem/_cjs/constants/contracts.js"));
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const std::string begin = "exports.multicall3Bytecode = '0x";
  const std::size_t at = text.find(begin);
  if (at == std::string::npos) throw std::runtime_error("viem carries no Multicall3");
  const std::size_t from = at + begin.size();
  return "0x" + text.substr(from, text.find('\'', from) - from);
}

inline void install_multicall3(Deployer& chain) {
  const std::string deployed = chain.deploy(multicall3_creation_code());
  chain.chain().call("anvil_setCode", {boost::json::string(host::multicall::address),
                                       boost::json::string(chain.code_of(deployed))});
}

}  // namespace gantry::test

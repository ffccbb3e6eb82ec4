// What a script of this folder prints, run by Node.
// ERRORS  Throws std::runtime_error when it prints nothing.
#pragma once
#include <array>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "support/anvil.hpp"

namespace gantry::test {

inline std::string node_output(const std::string& script, const std::string& argument = {}) {
  const std::string path = evm_package_file("../" + script).string();
  const std::string command = "node '" + path + "' " + argument;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen(command.c_str(), "r"), &::pclose);
  if (!pipe) throw std::runtime_error("node cannot be started");
  std::string out;
  std::array<char, 4096> part{};
  for (std::size_t got = 0; (got = std::fread(part.data(), 1, part.size(), pipe.get())) > 0;) {
    out.append(part.data(), got);
  }
  if (out.empty()) throw std::runtime_error(script + " " + argument + " prints nothing");
  return out;
}

}  // namespace gantry::test

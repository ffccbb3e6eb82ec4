// Addresses in one parameter of a plugin.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "gantry/dex.hpp"
#include "plugins/dex/evm/address.hpp"

namespace gantry::evm {

// In their order, with any of `between` between them. Throws Refused, with the key and what is no
// address.
inline std::vector<Address> parse_address_list(std::string_view key, std::string_view text,
                                               std::string_view between) {
  std::vector<Address> addresses;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(between), text.size()));
    if (text.empty()) return addresses;
    const std::string_view one = text.substr(0, text.find_first_of(between));
    if (const char* wrong = parse_address(one, addresses.emplace_back())) {
      throw Refused(std::string(key) + ": `" + std::string(one) + "` " + wrong);
    }
    text.remove_prefix(one.size());
  }
}

}  // namespace gantry::evm

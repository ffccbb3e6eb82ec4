// `gantry quote` as its users run it: the configuration, the command, what it prints with --json,
// and what of that is the chain's own.
//
// ERRORS  A Catch check fails where the program or its answer is wrong.
#pragma once
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "evm/abi_words.hpp"
#include "evm/deployer.hpp"
#include "host/cli/program.hpp"
#include "support/anvil.hpp"

namespace gantry::test {

namespace json = boost::json;

inline const Integer wad("1000000000000000000");

struct Asked {
  std::string pool;
  std::string token_in;
  std::string amount;
  bool exact_in = true;
  std::string token_out;  // where the pool has more than two
};
std::vector<std::string> words_of(const Asked& asked);

// Runs it with --json; the test fails where it does not answer.
json::object quoted(const host::tests::Workspace& space, const Asked& asked);

// "in", "out" or "fee", in units.
Integer units(const json::object& quote, std::string_view side);
// "0.000021" of the coin in wei.
Integer wei_of(const json::value& value);
std::string amount_text(const Integer& amount);

// Block, time and gas are the chain's own.
void check_context(Anvil& chain, const json::object& quote);

struct QuoteSetting {
  std::string url;
  std::string wrapped_native;  // a token
  std::string dollar;
  std::string dex;    // dex_config.toml
  std::string chain;  // more lines of [[chain]]
};
void write_configuration(const host::tests::Workspace& space, const QuoteSetting& setting);

// A pool of a [[dex]], as its lines.
std::string listed_pool(const std::string& address, const std::vector<std::string>& tokens,
                        const std::string& metadata);

}  // namespace gantry::test

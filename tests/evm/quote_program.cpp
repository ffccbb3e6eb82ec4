#include "evm/quote_program.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <catch2/catch.hpp>

namespace gantry::test {

using host::tests::Ended;
using host::tests::Workspace;

Integer units(const json::object& quote, std::string_view side) {
  return Integer(json::value_to<std::string>(quote.at(side).at("units")));
}

Integer wei_of(const json::value& value) {
  const auto text = json::value_to<std::string>(value);
  const auto dot = text.find('.');
  if (dot == std::string::npos) return Integer(text) * wad;
  std::string fraction = text.substr(dot + 1);
  REQUIRE(fraction.size() <= 18);
  fraction.resize(18, '0');
  return Integer(text.substr(0, dot)) * wad +
         Integer(fraction.substr(std::min<std::size_t>(fraction.find_first_not_of('0'), 17)));
}

std::string amount_text(const Integer& amount) { return amount.str(); }

std::vector<std::string> words_of(const Asked& asked) {
  std::vector<std::string> words = {"quote", "--json",       "--pool",   asked.pool,
                                    "--in",  asked.token_in, "--amount", asked.amount};
  if (!asked.token_out.empty()) words.insert(words.end(), {"--out", asked.token_out});
  if (!asked.exact_in) words.emplace_back("--exact-out");
  return words;
}

json::object quoted(const Workspace& space, const Asked& asked) {
  const Ended ended = space.run(words_of(asked));
  INFO(ended.err);
  REQUIRE(ended.code == 0);
  return json::parse(ended.out).as_object();
}

void check_context(Anvil& chain, const json::object& quote) {
  const json::value block = chain.call("eth_getBlockByNumber", {"latest", false});
  CHECK(Integer(quote.at("block").to_number<std::uint64_t>()) ==
        to_integer(text_of(block.at("number"))));
  CHECK(Integer(quote.at("time_s").to_number<std::uint64_t>()) ==
        to_integer(text_of(block.at("timestamp"))));
  const Integer price = to_integer(text_of(chain.call("eth_gasPrice")));
  const Integer gas = quote.at("gas").to_number<std::uint64_t>();
  CHECK(gas > 21'000);
  CHECK(wei_of(quote.at("gas_cost_native")) == gas * price);
}

void write_configuration(const Workspace& space, const QuoteSetting& setting) {
  host::tests::write_text(
      space / "config/gantry.toml",
      fmt::format("[[chain]]\nid = \"eip155:31337\"\nname = \"anvil\"\nblock_time_s = 1\n"
                  "wrapped_native = \"{}\"\nusd_tokens = [\"{}\"]\n{}"
                  "[[chain.provider]]\nname = \"local\"\nurl = \"{}\"\n"
                  "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
                  "[plugins]\nfolders = [\"{}\"]\n",
                  setting.wrapped_native, setting.dollar, setting.chain, setting.url,
                  GANTRY_PLUGINS));
  host::tests::write_text(space / "config/dex_config.toml", setting.dex);
  host::tests::write_text(space / "config/strategies.toml",
                          "[strategies.triangular]\nenabled = false\n");
}

std::string listed_pool(const std::string& address, const std::vector<std::string>& tokens,
                        const std::string& metadata) {
  return fmt::format("[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\"]\nmetadata = \"{}\"\n",
                     address, fmt::join(tokens, "\", \""), metadata);
}

}  // namespace gantry::test

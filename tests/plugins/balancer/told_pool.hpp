// The balancer plugin with a pool that no chain has: the test answers what the plugin asks.
#pragma once
#include <boost/json.hpp>
#include <map>
#include <string>
#include <vector>

#include "evm/abi_arguments.hpp"
#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"

namespace gantry::test {

struct ToldPool {
  std::string variant;
  std::string address = "0x5c6ee304399dbdb9c8ef030ab642b10820db8f56";
  std::vector<VenueToken> tokens;
  std::vector<Integer> balances;
  std::vector<Integer> rates;    // empty: all are one
  std::vector<Integer> weights;  // of a weighted pool
  Integer amp;                   // of a stable one, with three more digits
  Integer fee;
  Integer aggregate_fee = 0;  // V3
  Integer yield_fee = 0;      // V3, of all tokens with rates
  std::vector<Integer> last_live;
  std::string factory;  // that the metadata name; empty: none
  bool is_v3() const { return variant.find("-v3-") != std::string::npos && variant >= "2024"; }
};

// Tokens with addresses of their own, ascending.
std::vector<VenueToken> told_tokens(const std::vector<std::uint32_t>& decimals);
ToldPool told_pool(const boost::json::object& described);

// What the contracts of this pool return, by selector: "0x" and digits.
std::map<std::string, std::string> answers_of(const ToldPool& pool);

std::vector<std::uint8_t> metadata_of(const ToldPool& pool);

// Opens the pool by its metadata and answers until nothing is asked. Other statuses than GANTRY_OK
// are returned at once. `facts` receives those of the last round.
gantry_status tell(PluginVenue& venue, const ToldPool& pool,
                   const std::map<std::string, std::string>& answers,
                   std::vector<OwnedFact>* facts = nullptr);
inline gantry_status tell(PluginVenue& venue, const ToldPool& pool) {
  return tell(venue, pool, answers_of(pool));
}

std::vector<std::uint8_t> bytes_of(const std::string& text);

}  // namespace gantry::test

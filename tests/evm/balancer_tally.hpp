// Balancer's plugin beside what the contracts said of the same swaps: tolerance zero, and a count
// for each part of the swaps' space, so that a test can demand that all parts were reached.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"

namespace gantry::test {

// The pool at the time of a swap.
struct BalancerScenery {
  std::string deployment;
  std::vector<std::uint32_t> decimals;
  std::vector<Integer> weights;   // of a weighted pool, 18 decimals; empty: a stable one
  std::vector<bool> with_rates;   // by token
  std::vector<Integer> balances;  // by token, in its units
  Integer fee;                    // 18 decimals
  bool ramps = false;             // its amplification is on its way
};

struct BalancerCase {
  bool given_in = true;
  std::size_t in = 0;
  std::size_t out = 0;
  Integer amount;
  bool accepted = false;
  Integer answer;      // what was not given
  std::string reason;  // of a refusal
};

// What must have been reached, beside ten thousand swaps of which four fifths succeed.
struct BalancerDemands {
  bool ramps = false;
  bool rates = false;
};

class BalancerTally {
 public:
  // Quotes the case, counts it, and writes down where contract and plugin are not of one mind.
  void compare(PluginVenue& venue, const BalancerScenery& scenery, const BalancerCase& each);

  std::size_t swaps() const { return swaps_; }
  std::size_t succeed() const { return succeed_; }

  // Prints the counts and fails, with the first mistakes, where there is one.
  void require_no_mistake(const std::string& name) const;
  // And fails where a part of the space was not reached.
  void require_all_parts(const std::string& name, const BalancerDemands& demands) const;

 private:
  struct Part {
    std::size_t asked = 0;
    std::size_t succeed = 0;
  };
  void count(const BalancerScenery& scenery, const BalancerCase& each, bool succeeds);
  // An empty text: they agree.
  std::string mistake(PluginVenue& venue, const BalancerCase& each);

  std::size_t swaps_ = 0;
  std::size_t succeed_ = 0;
  std::size_t nothing_ = 0;  // the contract pays zero, which the plugin does not call a swap
  std::map<std::string, Part> parts_;
  std::map<std::string, std::size_t> reasons_;
  std::vector<std::string> mistakes_;
};

}  // namespace gantry::test

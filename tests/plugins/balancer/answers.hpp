// What Balancer's contracts answered where their bytecode is in no package: written down by the
// hidden tests of gantry_test_balancer, which are given the contracts, and read by test_balancer.
//
// FORMAT  Text, zstd-compressed. "source" says where the contracts were taken from, "code" the hash
//         of the factory's creation code, "vault" where the Vault was. "pool DEPLOYMENT ADDRESS FEE
//         METADATA TOKENS..." opens a pool, a token being ADDRESS:DECIMALS:WEIGHT:HAS_RATE.
//         "ask SOURCE TARGET PAYLOAD" numbers what a plugin asks, in a file from 0 on. "state READ
//         TIME RAMPS BALANCES... FACTS..." is one state; a fact is NUMBER=DATA, or NUMBER!DATA of a
//         revert, and one that is not there is as before in that pool. "swap MODE IN OUT AMOUNT
//         ANSWER" is one swap on it, given in (i) or out (o); the answer is what was not given, or
//         !REASON. "call IN OUT AMOUNT TARGET DATA PAID" is a swap that a plugin built and a router
//         carried out. Numbers are hexadecimal but for SOURCE, times, places and decimals; "-" is
//         an empty text.
// ERRORS  Throws std::runtime_error when a file does not read so.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "evm/balancer_tally.hpp"
#include "evm/plugin_venue.hpp"

namespace gantry::test {

struct RecordedFact {
  std::size_t ask = 0;
  bool refused = false;
  std::string data;  // "0x..."
};

struct RecordedCall {
  std::size_t in = 0;
  std::size_t out = 0;
  Integer amount;
  std::string target;
  std::string data;
  Integer paid;
};

struct RecordedBalancerState {
  std::uint64_t read_s = 0;  // when the facts were
  std::uint64_t time_s = 0;  // of the block of the swaps
  BalancerScenery scenery;
  std::vector<RecordedFact> facts;  // those that have changed
  std::vector<BalancerCase> swaps;
  std::vector<RecordedCall> calls;
};

struct RecordedBalancerPool {
  std::string address;
  std::vector<std::uint8_t> metadata;
  std::vector<VenueToken> tokens;
  std::vector<RecordedBalancerState> states;
};

struct BalancerAnswers {
  std::string source;
  std::string code;
  std::string vault;
  std::vector<EmittedRequest> asks;  // without tags
  std::vector<RecordedBalancerPool> pools;
};

BalancerAnswers read_balancer_answers(const std::filesystem::path& path);

class BalancerRecorder {
 public:
  BalancerRecorder(const std::string& source, const std::string& code, const std::string& vault);
  void pool(const BalancerScenery& scenery, const std::string& address,
            const std::vector<VenueToken>& tokens, const std::vector<std::uint8_t>& metadata);
  // The newest answer to a question. It is written with the next state.
  void fact(const EmittedRequest& request, const OwnedFact& fact);
  // Read at one time, for quotes in a block of another.
  void state(std::uint64_t read_s, std::uint64_t time_s, const BalancerScenery& scenery);
  void swap(const BalancerCase& each);
  void call(const RecordedCall& call);
  void save(const std::filesystem::path& path) const;

 private:
  std::string text_;
  std::map<std::string, std::size_t> asks_;     // by what is asked
  std::map<std::size_t, std::string> pending_;  // facts as they are written, by number
  std::map<std::size_t, std::string> written_;
};

}  // namespace gantry::test

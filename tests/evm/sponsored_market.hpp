// Two pairs of the same two tokens that disagree on their price, a third that lends, and an
// executor of whoever is to trade there.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "evm/executor_contract.hpp"

namespace gantry::test {

// A trade with a flash loan, as the pairs are now.
struct PlannedTrade {
  std::vector<std::uint8_t> run;  // calldata of the executor
  Integer amount_in;
  Integer profit;  // of token 0, to the unit: the executor refuses to end with less
};

class SponsoredMarket {
 public:
  SponsoredMarket(Deployer& chain, const std::string& owner);

  const std::string& token(int index) const { return token_[index]; }
  const std::string& pair(int index) const { return pair_[index]; }
  const ExecutorContract& executor() const { return *executor_; }
  PlannedTrade plan(const Integer& amount_in);
  // The first pair pays so little for token 0 from now on that nobody gains by selling it there:
  // at once, or when the next trade has been planned.
  void take_profit();
  void take_profit_after_planning() { profit_goes_ = true; }
  Integer balance(const std::string& holder) const;  // of token 0

 private:
  std::string make_pair(const Integer& amount0, const Integer& amount1);
  Integer quote(int pair, bool sells_0, const Integer& amount_in) const;
  std::vector<ex::Step> swap(int pair, bool sells_0, const Integer& amount_in,
                             const Integer& out) const;

  Deployer& chain_;
  std::string token_[2];
  std::string pair_[2];  // the first pays more for token 0
  std::string lender_;
  std::optional<ExecutorContract> executor_;
  bool profit_goes_ = false;
};

}  // namespace gantry::test

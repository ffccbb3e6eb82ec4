#include "evm/balancer_tally.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <iostream>

namespace gantry::test {
namespace {

constexpr std::uint64_t dust_end = 1'000;  // units, of whatever worth
constexpr std::uint32_t usual_decimals[] = {6, 8, 18};
const Integer unit("1000000000000000000");
const Integer least_weight("10000000000000000");  // 1 %, the pools' own bound

gantry_swap swap_of_case(const BalancerCase& each) {
  gantry_swap swap{};
  swap.amount = to_amount(each.amount);
  swap.token_in = static_cast<std::uint32_t>(each.in);
  swap.token_out = static_cast<std::uint32_t>(each.out);
  swap.mode = each.given_in ? GANTRY_EXACT_IN : GANTRY_EXACT_OUT;
  return swap;
}

// By its share of what the pool takes, after the fee, or pays at the most: 30 % of a balance of a
// weighted pool, all of what a stable pool has. What is given to a stable pool has no end, but of
// ten times the balance it has paid out nearly all.
std::string size_of(const BalancerScenery& scenery, const BalancerCase& each) {
  const bool weighted = !scenery.weights.empty();
  const Integer& balance = scenery.balances[each.given_in ? each.in : each.out];
  Integer most = balance;
  if (weighted) most = balance * 3 / 10;
  if (!weighted && each.given_in) most = balance * 10;
  Integer net = each.amount;
  if (each.given_in) net -= (each.amount * scenery.fee + unit - 1) / unit;
  if (net > most + 1) return "beyond";
  if (each.amount < dust_end) return "dust";
  if (net * 10 >= (weighted ? most : balance) * 9) return "draining";
  return each.amount * 100 < balance ? "small" : "ordinary";
}

std::string text_of_case(const BalancerScenery& scenery, const BalancerCase& each) {
  std::string text = scenery.deployment + (each.given_in ? " given in " : " given out ") +
                     each.amount.str() + " of " + std::to_string(each.in) + " to " +
                     std::to_string(each.out) + ": the contract " +
                     (each.accepted ? each.answer.str() : each.reason) + "; balances";
  for (const Integer& balance : scenery.balances) text += " " + balance.str();
  return text + ", the plugin ";
}

}  // namespace

void BalancerTally::count(const BalancerScenery& scenery, const BalancerCase& each, bool succeeds) {
  const auto add = [&](const std::string& name) {
    Part& part = parts_[name];
    ++part.asked;
    part.succeed += succeeds ? 1U : 0U;
  };
  const std::string mode = each.given_in ? "exact in" : "exact out";
  add(mode);
  add(each.in < each.out ? "to a later token" : "to an earlier token");
  add(size_of(scenery, each) + ", " + mode);
  add("from " + std::to_string(scenery.decimals[each.in]) + " decimals");
  add("to " + std::to_string(scenery.decimals[each.out]) + " decimals");
  add("fee " + scenery.fee.str());
  if (scenery.ramps) add("A ramps");
  if (scenery.with_rates[each.in] || scenery.with_rates[each.out]) add("with rates");
  if (scenery.weights.empty()) return;
  const auto [less, more] = std::minmax(scenery.weights[each.in], scenery.weights[each.out]);
  if (less == more) add("weights equal");
  if (more == less * 4) add("weights 80 to 20");
  if (less == least_weight && more >= less * 90) add("weights 99 to 1");
}

std::string BalancerTally::mistake(PluginVenue& venue, const BalancerCase& each) {
  gantry_quote quote{};
  const gantry_status status = venue.quote(swap_of_case(each), quote);
  const std::string said = "says status " + std::to_string(status);
  if (!each.accepted) return status == GANTRY_OK ? "quotes" : "";
  if (each.answer == 0) return status == GANTRY_NO_LIQUIDITY ? "" : said;
  if (status != GANTRY_OK) return said;
  const Integer in = to_integer(quote.amount_in);
  const Integer out = to_integer(quote.amount_out);
  if ((each.given_in ? in : out) != each.amount) return "is given something else";
  const Integer& found = each.given_in ? out : in;
  return found == each.answer ? "" : "says " + found.str();
}

void BalancerTally::compare(PluginVenue& venue, const BalancerScenery& scenery,
                            const BalancerCase& each) {
  const std::string wrong = mistake(venue, each);
  if (!wrong.empty()) mistakes_.push_back(text_of_case(scenery, each) + wrong);
  const bool succeeds = each.accepted && each.answer != 0;
  ++swaps_;
  succeed_ += succeeds ? 1U : 0U;
  nothing_ += each.accepted && each.answer == 0 ? 1U : 0U;
  if (!each.accepted) ++reasons_[each.reason];
  count(scenery, each, succeeds);
}

void BalancerTally::require_no_mistake(const std::string& name) const {
  std::cout << name << ": " << swaps_ << " swaps, " << succeed_ << " succeed, " << nothing_
            << " pay nothing; refused:";
  for (const auto& [reason, times] : reasons_) {
    std::cout << " " << reason.substr(0, 30) << " " << times;
  }
  std::cout << "\n ";
  for (const auto& [part, counted] : parts_) {
    std::cout << " " << part << " " << counted.succeed << "/" << counted.asked << ";";
  }
  std::cout << "\n";
  std::string first;
  for (std::size_t i = 0; i < mistakes_.size() && i < 10; ++i) first += mistakes_[i] + "\n";
  INFO(name << ", " << mistakes_.size() << " mistakes, the first:\n" << first);
  REQUIRE(mistakes_.empty());
  CHECK(succeed_ * 100 >= swaps_ * 80);
}

void BalancerTally::require_all_parts(const std::string& name,
                                      const BalancerDemands& demands) const {
  require_no_mistake(name);
  CHECK(swaps_ >= 10'000);
  const auto part = [&](const std::string& of) {
    const auto found = parts_.find(of);
    return found == parts_.end() ? Part() : found->second;
  };
  const auto demand = [&](const std::string& of, std::size_t least) {
    INFO(name << ", " << of);
    CHECK(part(of).succeed >= least);
  };
  const bool weighted = name.find("weighted") != name.npos;
  for (const char* direction :
       {"exact in", "exact out", "to a later token", "to an earlier token"}) {
    demand(direction, 3'000);
  }
  for (const char* mode : {", exact in", ", exact out"}) {
    demand(std::string("dust") + mode, 20);
    demand(std::string("small") + mode, 500);
    demand(std::string("ordinary") + mode, 500);
    demand(std::string("draining") + mode, 50);
    INFO(name << ", beyond" << mode);
    CHECK(part(std::string("beyond") + mode).asked >= 50);
    if (weighted) CHECK(part(std::string("beyond") + mode).succeed == 0);
  }
  CHECK(part("beyond, exact out").succeed == 0);
  for (const std::uint32_t decimals : usual_decimals) {
    demand("from " + std::to_string(decimals) + " decimals", 500);
    demand("to " + std::to_string(decimals) + " decimals", 500);
  }
  std::size_t fees = 0;
  for (const auto& [of, counted] : parts_) {
    if (of.starts_with("fee ") && counted.succeed >= 300) ++fees;
  }
  CHECK(fees == 5);
  if (weighted) {
    demand("weights equal", 300);
    demand("weights 80 to 20", 300);
    demand("weights 99 to 1", 200);
  }
  if (demands.ramps) demand("A ramps", 1'000);
  if (demands.rates) demand("with rates", 1'000);
}

}  // namespace gantry::test

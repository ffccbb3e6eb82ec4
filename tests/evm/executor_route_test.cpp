// Routes over every pair of venues, with the executor's own tokens and with every lender's, on the
// protocols' own bytecode: what the owner gets is what the protocols' own answers add up to.
#include <catch2/catch.hpp>
#include <cstdio>

#include "evm/executor_venues.hpp"

using namespace gantry;
using namespace gantry::test;
using ex::FlashSource;

namespace {

const Integer amount_in = Integer("3141592653589793238");

constexpr FlashSource all_sources[] = {FlashSource::aave_v3,     FlashSource::balancer_v2,
                                       FlashSource::balancer_v3, FlashSource::uniswap_v2,
                                       FlashSource::uniswap_v3,  FlashSource::dydx_solo};

class Routes {
 public:
  Routes() {
    for (const VenueKind kind : all_venues) {
      there_[kind] = venues.quote(kind, Leg::there, amount_in);
    }
  }

  // What goes in comes back as this.
  Integer comes_back(VenueKind first, VenueKind second) {
    return venues.quote(second, Leg::back, there_[first]);
  }
  std::vector<ex::Step> steps(VenueKind first, VenueKind second, bool whole_balance) {
    auto all = venues.swap(first, Leg::there, amount_in);
    for (auto& step : venues.swap(second, Leg::back, there_[first], whole_balance)) {
      all.push_back(std::move(step));
    }
    return all;
  }
  const Integer& there(VenueKind kind) const { return there_.at(kind); }

  // Mined, and undone: the gas. The owner has `profit` more of token 0 after it, of nothing less;
  // nothing is left here that was not, nor allowed.
  std::uint64_t check(const std::vector<ex::Step>& all, const Integer& profit) {
    const ChainMoment moment(venues.chain().chain());
    ExecutorContract& executor = venues.executor();
    const std::string& owner = executor.owner();
    const std::vector<ex::Settlement> settlements = {at_least(venues.token(0), profit),
                                                     at_least(venues.token(1), 0)};
    Integer owned[2];
    Integer held[2];
    for (const int i : {0, 1}) {
      owned[i] = executor.balance(venues.token(i), owner);
      held[i] = executor.balance(venues.token(i), executor.address());
    }
    // One unit more is refused.
    auto greedy = settlements;
    greedy[0].least = to_u256(profit + 1);
    const Outcome refused = executor.attempt(all, greedy);
    CHECK(refused.error == "Short");
    if (refused.words.size() == 3) {
      CHECK(refused.words[0] == to_integer(venues.token(0)));
      CHECK(refused.words[1] == profit);
    }

    const Outcome outcome = executor.mine(all, settlements);
    INFO(outcome.error);
    REQUIRE(outcome.accepted);
    CHECK(executor.balance(venues.token(0), owner) == owned[0] + profit);
    CHECK(executor.balance(venues.token(1), owner) == owned[1]);
    for (const int i : {0, 1}) {
      CHECK(executor.balance(venues.token(i), executor.address()) == held[i]);
      for (const std::string& spender : venues.spenders()) {
        CHECK(executor.allowance(venues.token(i), spender) == 0);
      }
    }
    CHECK(executor.is_at_rest());
    return outcome.gas;
  }

  ExecutorVenues venues;

 private:
  std::map<VenueKind, Integer> there_;
};

void say(const std::string& line) { std::printf("%s\n", line.c_str()); }

}  // namespace

TEST_CASE("each pair of venues, with each lender, pays the owner to the unit what was planned") {
  Routes routes;
  ExecutorVenues& venues = routes.venues;
  const std::string& executor = venues.executor().address();
  std::uint64_t routes_run = 0;

  // With its own: token 0 lies in the executor, as much as goes in.
  {
    const ChainMoment moment(venues.chain().chain());
    venues.chain().send(venues.token(0), venues.chain().selector("transfer(address,uint256)") +
                                             address_word(executor) + word(amount_in));
    say("gas of a route with the executor's own tokens, by first venue and second:");
    for (const VenueKind first : all_venues) {
      std::string line = std::string(name_of(first)) + ":";
      for (const VenueKind second : all_venues) {
        INFO(name_of(first) << " and " << name_of(second));
        const Integer profit = routes.comes_back(first, second) - amount_in;
        REQUIRE(profit > 0);
        const auto gas = routes.check(routes.steps(first, second, false), profit);
        // What goes into the second is what is there then.
        routes.check(routes.steps(first, second, true), profit);
        routes_run += 2;
        line += " " + std::string(name_of(second)) + " " + std::to_string(gas);
      }
      say(line);
    }
  }

  say("gas of a route with a flash loan, by first venue and second:");
  for (const FlashSource source : all_sources) {
    Integer fee;
    const ex::FlashLoan loan = venues.loan(source, amount_in, fee);
    for (const VenueKind first : all_venues) {
      std::string line = std::string(name_of(source)) + ", " + name_of(first) + ":";
      for (const VenueKind second : all_venues) {
        INFO(name_of(source) << ": " << name_of(first) << " and " << name_of(second));
        const auto steps = ex::with_flash_loan(loan, routes.steps(first, second, false));
        REQUIRE(steps);
        if (source == FlashSource::balancer_v2 &&
            (first == VenueKind::balancer_v2 || second == VenueKind::balancer_v2)) {
          // Its vault lets nobody in while it lends.
          const Outcome refused =
              venues.executor().attempt({*steps}, {at_least(venues.token(0), 0)});
          CHECK(refused.error == "BAL#400");
          continue;
        }
        const Integer profit = routes.comes_back(first, second) - amount_in - fee;
        REQUIRE(profit > 0);
        line += " " + std::string(name_of(second)) + " " +
                std::to_string(routes.check({*steps}, profit));
        ++routes_run;
      }
      say(line);
    }
  }

  say("gas of a flash swap, sold within its callback:");
  for (const VenueKind first : {VenueKind::v2, VenueKind::v3, VenueKind::pancake_v3}) {
    std::string line = std::string(name_of(first)) + ":";
    for (const VenueKind second : all_venues) {
      INFO("flash swap: " << name_of(first) << " and " << name_of(second));
      const auto steps = venues.flash_swap(
          first, amount_in, venues.swap(second, Leg::back, routes.there(first), false));
      const Integer profit = routes.comes_back(first, second) - amount_in;
      line +=
          " " + std::string(name_of(second)) + " " + std::to_string(routes.check(steps, profit));
      ++routes_run;
    }
    say(line);
  }
  say(std::to_string(routes_run) + " routes");
  CHECK(routes_run == 2 * 36 + 5 * 36 + 25 + 18);
}

TEST_CASE("Solo Margin lends only where it is asked for by name") {
  for (const FlashSource source : all_sources) {
    CHECK(ex::on_by_default(source) == (source != FlashSource::dydx_solo));
  }
}

// An Aave V3 market on a test chain whose borrowers are liquidated, and the plugin's quotes of it.
//
// ERRORS  Throws std::runtime_error, and fails the test case.
#pragma once
#include <catch2/catch.hpp>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evm/aave_v3_contracts.hpp"
#include "evm/executor_contract.hpp"
#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"
#include "evm/seeded_random.hpp"
#include "plugins/dex/aave_v3/position.hpp"

namespace gantry::test {

inline std::uint64_t aave_seed() { return test_seed(20221109); }

inline Integer power_of_ten(unsigned exponent) {
  Integer out = 1;
  for (unsigned i = 0; i < exponent; ++i) out *= 10;
  return out;
}

inline constexpr std::size_t liquidator = 9;  // which of the chain's accounts
inline constexpr std::size_t lender = 8;
inline const Integer wad = power_of_ten(18);

// What the pool said that it took and paid.
struct Paid {
  Integer repaid;
  Integer paid;
  std::uint64_t gas = 0;
};

class AaveScene {
 public:
  explicit AaveScene(AaveV3::Release release = AaveV3::Release::v3_0,
                     const std::string& sources = {})
      : chain(anvil_), market(chain, release, sources) {
    const auto accounts = anvil_.call("eth_accounts").as_array();
    for (const auto& account : accounts) people.push_back(text_of(account));
  }

  std::string list(const AaveReserve& order) {
    const std::string token = market.list_token(order);
    tokens.push_back({token, order.decimals});
    orders.push_back(order);
    const Integer many = power_of_ten(order.decimals + 9);
    market.supply(lender, token, many);
    chain.send_from(liquidator);
    chain.send(token, chain.selector("mint(uint256)") + word(many * 1'000'000));
    chain.send(token, chain.selector("approve(address,uint256)") + address_word(market.pool()) +
                          word((Integer(1) << 256) - 1));
    chain.send_from(0);
    return token;
  }

  // Blocks and their times.
  std::uint64_t time() {
    const auto block = anvil_.call("eth_getBlockByNumber", {boost::json::string("latest"), false});
    return static_cast<std::uint64_t>(to_integer(text_of(block.at("timestamp"))));
  }
  void wait(std::uint64_t seconds) {
    next_block_at(time() + seconds);
    anvil_.call("evm_mine");
  }
  void next_block_at(std::uint64_t time_s) {
    anvil_.call("evm_setNextBlockTimestamp", {boost::json::value(time_s)});
  }

  // liquidationCall(), mined; nothing: it reverts.
  std::optional<Paid> liquidate(const EmittedPool& position, const std::string& account,
                                const Integer& amount) {
    chain.send_from(liquidator);
    std::optional<Paid> paid;
    try {
      const auto logs = chain.send_at_its_time(
          market.pool(), chain.selector("liquidationCall(address,address,address,uint256,bool)") +
                             address_word(token_of(position, 1)) +
                             address_word(token_of(position, 0)) + address_word(account) +
                             word(amount) + word(0));
      static const std::string topic =
          chain.topic("LiquidationCall(address,address,address,uint256,uint256,address,bool)");
      for (const ChainLog& log : logs) {
        if (log.topics.substr(0, 66) == topic) {
          paid = Paid{word_at(log.data, 0), word_at(log.data, 1)};
        }
      }
    } catch (const std::runtime_error& error) {
      last_revert = error.what();
    }
    chain.send_from(0);
    return paid;
  }

  static std::string token_of(const EmittedPool& position, std::size_t index) {
    return to_hex({position.tokens[index].address.bytes, 20});
  }
  static std::string account_of(const EmittedPool& position) {
    return std::string(position.metadata.begin(), position.metadata.end()).substr(8);
  }

  // As discovery finds them, of `accounts`.
  std::vector<EmittedPool> positions(PluginVenue& venue) {
    std::vector<EmittedPool> found;
    std::vector<std::uint8_t> cursor;
    std::vector<OwnedFact> facts;
    for (int rounds = 0; rounds < 16; ++rounds) {
      std::vector<EmittedRequest> requests;
      std::vector<std::uint8_t> next;
      const auto status = venue.discover(cursor, facts, requests, found, next);
      cursor = next;
      if (status == GANTRY_OK) return found;
      REQUIRE(status == GANTRY_NEED_STATE);
      facts = venue.fetch(chain, requests);
    }
    FAIL("discovery does not end");
    return found;
  }

  VenueParameters parameters(const std::string& accounts) {
    return {{"market", market.pool()}, {"accounts", accounts}};
  }
  // Of the borrowers, who are all but the first and the last two.
  std::string borrowers() const {
    std::string all;
    for (std::size_t i = 1; i < lender; ++i) all += people[i] + " ";
    return all;
  }

  gantry_status open(PluginVenue& venue, const EmittedPool& position) {
    const std::vector<VenueToken> pair = {{token_of(position, 0), position.tokens[0].decimals},
                                          {token_of(position, 1), position.tokens[1].decimals}};
    const auto status = venue.open_pool(position.address, pair, position.metadata);
    if (status != GANTRY_OK) return status;
    const auto refreshed = venue.refresh(chain);
    venue.context().state_time_s = time();
    venue.context().execution_time_s = venue.context().state_time_s + 12;
    return refreshed;
  }

  // The state after a quote, which the chain has reached, beside the market's books.
  void check_next(const EmittedPool& position, const Overlay& next) {
    aave_v3::Overlay after;
    REQUIRE(next.size() == sizeof(after));
    std::memcpy(&after, next.data(), sizeof(after));
    const std::string account = address_word(account_of(position));
    const auto scaled = [&](const std::string& token) {
      return to_integer(chain.read(token, chain.selector("scaledBalanceOf(address)") + account));
    };
    const std::string debt = token_of(position, 0);
    const std::string collateral = token_of(position, 1);
    CHECK(to_integer(gantry_amount(after.scaled_debt)) == scaled(market.debt_token(debt)));
    CHECK(to_integer(gantry_amount(after.scaled_collateral)) == scaled(market.a_token(collateral)));
    const auto held = [&](const std::string& token) {
      return to_integer(chain.read(
          token, chain.selector("balanceOf(address)") + address_word(market.a_token(token))));
    };
    CHECK(to_integer(gantry_amount(after.held_debt)) == held(debt));
    CHECK(to_integer(gantry_amount(after.held_collateral)) == held(collateral));
  }

 private:
  Anvil anvil_{{"--code-size-limit", "60000", "--accounts", "10", "--timestamp", "1690000000"}};

 public:
  Deployer chain;
  AaveV3 market;
  std::vector<std::string> people;
  std::vector<VenueToken> tokens;
  std::vector<AaveReserve> orders;
  std::string last_revert;
};

inline gantry_swap repay(const Integer& amount) {
  gantry_swap swap{};
  swap.amount = to_amount(amount);
  swap.token_in = 0;
  swap.token_out = 1;
  swap.mode = GANTRY_EXACT_IN;
  return swap;
}

// Two reserves, and the first account's position: a little below 1, with 0.95 to 1 of health.
class OnePosition : public AaveScene {
 public:
  explicit OnePosition(int price_percent = 120, AaveV3::Release release = AaveV3::Release::v3_0,
                       const std::string& sources = {})
      : AaveScene(release, sources) {
    AaveReserve order;
    order.price = power_of_ten(11);
    debt = list(order);
    order.decimals = 6;
    order.price = power_of_ten(8);
    collateral = list(order);
    market.supply(1, collateral, power_of_ten(12));
    market.borrow(1, debt, 690 * wad);
    market.set_price(debt, power_of_ten(11) * price_percent / 100);
    venue = std::make_unique<PluginVenue>(GANTRY_AAVE_V3_PLUGIN, "aave_v3", parameters(people[1]));
    const auto found = positions(*venue);
    REQUIRE(found.size() == 1);
    position = found.front();
    REQUIRE(token_of(position, 0) == debt);
    REQUIRE(token_of(position, 1) == collateral);
  }

  // Of a whole unit of the debt, as the chain is now.
  gantry_status quoted() {
    if (const auto status = open(*venue, position); status != GANTRY_OK) return status;
    gantry_quote quote{};
    return venue->quote(repay(wad), quote);
  }
  // Whether the pool itself takes it; the chain is left as it is.
  bool is_taken() {
    const ChainMoment moment(chain.chain());
    return liquidate(position, people[1], wad).has_value();
  }
  void pause(const std::string& token, bool paused) {
    market.tell_configurator("setReservePause(address,bool)",
                             AbiArguments().address(token).word(paused ? 1 : 0));
  }

  std::string debt;
  std::string collateral;
  std::unique_ptr<PluginVenue> venue;
  EmittedPool position;
};

}  // namespace gantry::test

// A market on a test chain that moves, an executor that an account of its own obeys, somebody who
// lends, and the program that trades there.
//
// ERRORS  Throws std::runtime_error.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "evm/aave_v3_contracts.hpp"
#include "evm/executor_contract.hpp"
#include "evm/playground_market.hpp"
#include "host/cli/program.hpp"
#include "host/ledger/queries.hpp"

namespace gantry::test {

// What the account has of each of the market's tokens, by address; and of the coin.
struct Holdings {
  std::map<std::string, Integer> tokens;
  Integer coins;
};

class TradingScene {
  std::unique_ptr<Anvil> own_;  // null: the chain is another's

 public:
  // `depth`: of the market's pools, and of what is lent.
  explicit TradingScene(std::uint64_t seed, std::size_t factories = 2, int depth = 1);
  // On a chain that outlives it and mines when it is told to; of a smart account, that obeys this
  // EntryPoint and the key that every scene has.
  TradingScene(Anvil& of, const std::string& account, const std::string& entry_point,
               std::uint64_t seed, std::size_t factories = 2, int depth = 1);
  // Whose key it is.
  static const std::string& key_owner();
  // The provider that the program asks, in place of the chain itself.
  void ask(const std::string& url);
  // These lines of [risk], and the program's defaults else, in place of limits that keep nothing
  // from being tried.
  void limit(const std::string& limits);
  // These lines of strategies.toml, in place of triangular's.
  void use(const std::string& strategies);
  // The executor has so much more of each token, but of the wrapped coin, which is lent.
  void fund(const Integer& dollars);

  // More words for `gantry run --live`.
  host::tests::Running start(std::vector<std::string> more);
  // Trades a block at a time until the program ends, or that many blocks were mined.
  void trade_until_ended(host::tests::Running& running, std::size_t blocks_max = SIZE_MAX,
                         int wait_ms = 60);
  // Blocks that nobody trades in, so that what is under way is in one of them.
  void mine(std::size_t blocks, int wait_ms = 60);

  Holdings holdings() const;
  std::uint64_t nonce();  // of the account, in the newest block
  // Whether a block has that transaction, or user operation.
  bool holds(const std::string& hash);
  std::filesystem::path cases() const;  // where the program writes cases of pools
  std::unique_ptr<host::ledger::Reader> books() const;
  // Null: nothing was written yet.
  std::unique_ptr<host::ledger::Reader> books_or_none() const;

  Anvil& chain;
  Deployer deployer;
  PlaygroundMarket market;
  std::string owner;        // the account that trades
  std::string entry_point;  // empty: it sends transactions
  ExecutorContract executor;
  AaveV3 lender;
  host::tests::Workspace space;

 private:
  TradingScene(std::unique_ptr<Anvil> own, std::uint64_t seed, std::size_t factories, int depth);
  void write_files();
};

}  // namespace gantry::test

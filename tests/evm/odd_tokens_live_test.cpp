// A chain that is followed with pairs of odd tokens: what is left out at the first block, and what
// later.
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "evm/odd_pairs.hpp"
#include "evm/recorded_blocks.hpp"
#include "host/base/text.hpp"

namespace gantry::test {
namespace {

std::string text_of_address(const std::string& address) {
  return host::address_text(to_address(address));
}

}  // namespace

TEST_CASE("pools of tokens that are taxed or rebase are left out, at the start and at an audit") {
  enum : std::size_t { good, taxed, shrunk, shrinks };
  std::unique_ptr<OddPairs> pairs;
  std::string later;
  LiveScene scene([&](Anvil& chain) {
    pairs = std::make_unique<OddPairs>(chain);
    pairs->add(Oddity::none);
    pairs->add(Oddity::taxes_all);
    pairs->take(shrunk, pairs->add(Oddity::none), funded / 10);
    later = pairs->add(Oddity::none);
    return pairs->files(chain);
  });
  const ToldOfTokens log;
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  INFO(log.all());
  const auto use_of = [&](std::size_t index) -> std::optional<host::PoolUse> {
    for (const host::PoolInfo& pool : follower.snapshot->topology->pools) {
      if (host::AddressEqual()(pool.address, to_address(pairs->pair(index)))) return pool.use;
    }
    return std::nullopt;
  };
  const auto told = [&](std::size_t index, const std::string& reason) {
    return log.lines_with("pool " + text_of_address(pairs->pair(index)) + " is left out: token ",
                          reason);
  };
  // Already at the first block that is given.
  CHECK(use_of(good) == host::PoolUse::usable);
  CHECK_FALSE(use_of(taxed).has_value());
  CHECK(told(taxed, " is taxed: of ") == 1);
  CHECK(use_of(shrunk) == host::PoolUse::quarantined);
  CHECK(told(shrunk,
             " is shrunk: the pool counts 1000000000000000000000 and holds "
             "900000000000000000000; name the token in odd_tokens") == 1);
  CHECK(use_of(shrinks) == host::PoolUse::usable);

  // What grows is a gift; what shrinks under a pool that is followed is found when it is audited.
  const auto mine = [&](int blocks) {
    for (int i = 0; i < blocks; ++i) {
      scene.mine();
      follower.go_to(block_number(scene.chain()));
    }
  };
  pairs->give(shrinks, later, funded / 10);
  mine(9);
  CHECK(use_of(shrinks) == host::PoolUse::usable);
  pairs->take(shrinks, later, funded / 10 + 1);
  mine(9);
  CHECK(use_of(shrinks) == host::PoolUse::quarantined);
  CHECK(told(shrinks, " is shrunk: ") == 1);
  CHECK(told(shrunk, " is shrunk: ") == 1);
  CHECK(use_of(good) == host::PoolUse::usable);
  follower.feed->stop();

  // A recording of it leaves out the same.
  host::MarketState again = scene.market();
  host::SnapshotPtr end;
  for (const auto& input : through_a_file(follower.feed->header(), follower.inputs)) {
    auto snapshot = again.advance(input);
    REQUIRE(snapshot);
    end = *snapshot;
  }
  REQUIRE(end->topology->pools.size() == follower.snapshot->topology->pools.size());
  for (std::size_t i = 0; i < end->topology->pools.size(); ++i) {
    CHECK(end->topology->pools[i].use == follower.snapshot->topology->pools[i].use);
  }
  CHECK(end->id == follower.snapshot->id);
}

TEST_CASE("a token that the operator has let in is not asked what pools hold of it") {
  std::unique_ptr<OddPairs> pairs;
  LiveScene scene([&](Anvil& chain) {
    pairs = std::make_unique<OddPairs>(chain);
    const std::string token = pairs->add(Oddity::none);
    pairs->take(0, token, funded / 10);
    LiveFiles files = pairs->files(chain);
    files.gantry.insert(files.gantry.find("[[chain.provider]]"),
                        fmt::format("odd_tokens = [\"{}\"]\n", token));
    return files;
  });
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.snapshot->topology->pools.at(0).use == host::PoolUse::usable);
}

}  // namespace gantry::test

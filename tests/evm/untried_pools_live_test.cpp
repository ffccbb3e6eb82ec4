// Pools whose tokens cannot be tried when they are found: they stay out until they can.
#include <catch2/catch.hpp>
#include <chrono>
#include <future>
#include <thread>

#include "evm/odd_pairs.hpp"
#include "evm/untrying_node.hpp"
#include "host/base/text.hpp"
#include "support/rpc_server.hpp"

namespace gantry::test {
namespace {

using std::chrono::seconds;

constexpr auto a_turn = static_cast<int>(host::LiveFeed::discover_every_blocks);

// Of a chain, and providers of it.
struct UntryingScene {
  explicit UntryingScene(LiveScene& scene) : node(scene.chain()), server(node, other) {}

  host::RpcProviderSettings provider(const std::string& name, std::int64_t priority,
                                     const std::string& url) const {
    host::RpcProviderSettings one;
    one.name = name;
    one.priority = priority;
    one.url = host::TemplatedUrl::parse(url).value();
    return one;
  }

  UntryingNode node;
  struct Nobody final : RpcNode {
    boost::json::array answer(const boost::json::array&, const Manner&) override { return {}; }
  } other;
  RpcServer server;
};

bool follows(const host::SnapshotPtr& snapshot, const std::string& pair) {
  for (const host::PoolInfo& pool : snapshot->topology->pools) {
    if (host::AddressEqual()(pool.address, to_address(pair))) {
      return pool.use == host::PoolUse::usable;
    }
  }
  return false;
}

void mine_turns(LiveScene& scene, Follower& follower, int turns) {
  for (int i = 0; i < turns * a_turn; ++i) scene.mine();
  follower.go_to(block_number(scene.chain()));
}

// The first block of a feed that finds no pool to follow, and says so; `then` changes that.
template <class Then>
std::optional<host::BlockInput> first_block_after(host::LiveFeed& feed, LiveScene& scene,
                                                  const std::string& trouble, Then then) {
  auto first = std::async(std::launch::async, [&] { return feed.next(); });
  const auto until = std::chrono::steady_clock::now() + seconds(60);
  const auto wait_for = [&](auto is_so) {
    while (!is_so() && std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  };
  wait_for([&] { return feed.status().trouble.contains(trouble); });
  CHECK(feed.status().trouble.contains(trouble));
  CHECK(first.wait_for(seconds(0)) == std::future_status::timeout);
  then();
  scene.mine();
  wait_for([&] { return first.wait_for(seconds(0)) == std::future_status::ready; });
  feed.stop();  // where it is not
  return first.get();
}

}  // namespace

TEST_CASE("empty pairs stay out until they are funded, and those of odd tokens for good") {
  enum : std::size_t { good, plain, taxed };
  std::unique_ptr<OddPairs> pairs;
  std::string plain_token;
  std::string taxed_token;
  LiveScene scene([&](Anvil& chain) {
    pairs = std::make_unique<OddPairs>(chain);
    pairs->add(Oddity::none);
    plain_token = pairs->add_empty(Oddity::none);
    taxed_token = pairs->add_empty(Oddity::taxes_all);
    return pairs->files(chain);
  });
  const ToldOfTokens log;
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  INFO(log.all());
  CHECK(follower.snapshot->topology->pools.size() == 1);
  CHECK(follows(follower.snapshot, pairs->pair(good)));
  CHECK(follower.feed->status().pools_untried == 2);
  CHECK(log.lines_with("2 pools are kept out until they hold enough", "") == 1);

  // As long as they are empty; half of what a trial needs is not enough.
  pairs->give(plain, plain_token, funded);
  mine_turns(scene, follower, 1);
  CHECK(follower.snapshot->topology->pools.size() == 1);
  CHECK(follower.feed->status().pools_untried == 2);

  pairs->fund(plain, plain_token);
  pairs->fund(taxed, taxed_token);
  mine_turns(scene, follower, 1);
  CHECK(follows(follower.snapshot, pairs->pair(plain)));
  CHECK(follower.snapshot->topology->pools.size() == 2);
  CHECK(follower.feed->status().pools_untried == 0);
  mine_turns(scene, follower, 1);
  CHECK(follower.snapshot->topology->pools.size() == 2);
  const auto told_of = [&](std::size_t index, const std::string& what) {
    return log.lines_with(host::address_text(to_address(pairs->pair(index))), what);
  };
  CHECK(told_of(taxed, "is left out: token ") == 1);
  CHECK(told_of(plain, "pools that waited are let in") == 1);
  CHECK(log.lines_with("kept out", "") == 1);
}

TEST_CASE("more empty pools than one turn tries again are tried in turn") {
  constexpr std::size_t nothing = host::PoolList::tried_again_singly_max + 20;
  std::unique_ptr<OddPairs> pairs;
  std::string token;
  LiveScene scene([&](Anvil& chain) {
    pairs = std::make_unique<OddPairs>(chain);
    pairs->add(Oddity::none);
    token = pairs->add_empty(Oddity::none);
    std::vector<std::string> before;
    for (std::size_t i = 0; i < nothing; ++i) before.push_back(fmt::format("0x{:040x}", 7000 + i));
    return pairs->files(chain, before);
  });
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.feed->status().pools_untried == nothing + 1);
  pairs->fund(1, token);
  mine_turns(scene, follower, 1);
  CHECK_FALSE(follows(follower.snapshot, pairs->pair(1)));
  mine_turns(scene, follower, 1);
  CHECK(follows(follower.snapshot, pairs->pair(1)));
  CHECK(follower.feed->status().pools_untried == nothing);
}

TEST_CASE("where all pools are empty the feed begins when one is funded") {
  std::unique_ptr<OddPairs> pairs;
  std::string token;
  LiveScene scene([&](Anvil& chain) {
    pairs = std::make_unique<OddPairs>(chain);
    token = pairs->add_empty(Oddity::none);
    return pairs->files(chain);
  });
  const auto feed = scene.follow();
  const auto first = first_block_after(*feed, scene, "no pool can be followed yet: the tokens of 1",
                                       [&] { pairs->fund(0, token); });
  REQUIRE(first);
  CHECK(first->pools.size() == 1);
  CHECK(feed->status().pools_untried == 0);
}

TEST_CASE("where no provider tries tokens pools stay out until one does, and that is told once") {
  const Untrying way = GENERATE(Untrying::refuses, Untrying::fails, Untrying::ignores);
  CAPTURE(static_cast<int>(way));
  std::unique_ptr<OddPairs> pairs;
  LiveScene scene([&](Anvil& chain) {
    pairs = std::make_unique<OddPairs>(chain);
    pairs->add(Oddity::none);
    pairs->add(Oddity::taxes_all);
    return pairs->files(chain);
  });
  UntryingScene untrying(scene);
  untrying.node.be(way);
  scene.ask_through({untrying.provider("untrying", 1, untrying.server.url())}, {});
  const ToldOfTokens log;
  const auto feed = scene.follow();
  const auto first = first_block_after(*feed, scene, "no provider would try those of 2", [&] {
    for (int i = 0; i < 3; ++i) {
      scene.mine();
      const auto asked = untrying.node.trials();
      while (untrying.node.trials() == asked) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
    untrying.node.be(Untrying::not_at_all);
  });
  INFO(log.all());
  REQUIRE(first);
  REQUIRE(first->pools.size() == 1);
  CHECK(host::AddressEqual()(first->pools.front().address, to_address(pairs->pair(0))));
  CHECK(log.lines_with("2 pools are kept out until a provider tries their tokens: token ",
                       "check_tokens = false") == 1);
  CHECK(log.lines_with("is left out: token ", " is taxed") == 1);
}

TEST_CASE(
    "a provider that tries no tokens is asked no more than another that does, and is no fault") {
  const Untrying way = GENERATE(Untrying::refuses, Untrying::fails, Untrying::ignores);
  CAPTURE(static_cast<int>(way));
  std::unique_ptr<OddPairs> pairs;
  LiveScene scene([&](Anvil& chain) {
    pairs = std::make_unique<OddPairs>(chain);
    pairs->add(Oddity::none);
    return pairs->files(chain);
  });
  UntryingScene untrying(scene);
  untrying.node.be(way);
  scene.ask_through({untrying.provider("untrying", 1, untrying.server.url()),
                     untrying.provider("local", 2, scene.chain().url())},
                    {});
  scene.providers().check_now(seconds(30));
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  CHECK(untrying.node.trials() == 2);
  CHECK(follows(follower.snapshot, pairs->pair(0)));
  CHECK(follower.feed->status().pools_untried == 0);
  for (const auto& provider : scene.providers().statistics().providers) {
    CAPTURE(provider.name);
    CHECK(provider.failures_total() == 0);
  }
}

TEST_CASE("providers that want a pause after trials do not keep the chain from being followed") {
  std::unique_ptr<OddPairs> pairs;
  std::string token;
  LiveScene scene([&](Anvil& chain) {
    pairs = std::make_unique<OddPairs>(chain);
    pairs->add(Oddity::none);
    token = pairs->add_empty(Oddity::none);
    return pairs->files(chain);
  });
  UntryingScene untrying(scene);
  scene.ask_through({untrying.provider("limiting", 1, untrying.server.url())}, {});
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.feed->status().pools_untried == 1);
  const auto tried_before = untrying.node.trials();
  untrying.node.be(Untrying::limits);
  pairs->fund(1, token);
  mine_turns(scene, follower, 1);
  CHECK(untrying.node.trials() > tried_before);
  CHECK_FALSE(follows(follower.snapshot, pairs->pair(1)));
  CHECK(follower.feed->status().pools_untried == 1);
  untrying.node.be(Untrying::not_at_all);
  mine_turns(scene, follower, 1);
  CHECK(follows(follower.snapshot, pairs->pair(1)));
  CHECK(follower.feed->status().pools_untried == 0);
}

TEST_CASE("a chain whose nodes try nothing is followed with check_tokens = false") {
  std::unique_ptr<OddPairs> pairs;
  LiveScene scene([&](Anvil& chain) {
    pairs = std::make_unique<OddPairs>(chain);
    pairs->add_empty(Oddity::none);
    LiveFiles files = pairs->files(chain);
    files.gantry.insert(files.gantry.find("[[chain.provider]]"), "check_tokens = false\n");
    return files;
  });
  UntryingScene untrying(scene);
  untrying.node.be(Untrying::refuses);
  scene.ask_through({untrying.provider("untrying", 1, untrying.server.url())}, {});
  Follower follower(scene);
  follower.go_to(block_number(scene.chain()));
  CHECK(follower.snapshot->topology->pools.size() == 1);
  CHECK(follower.feed->status().pools_untried == 0);
  CHECK(untrying.node.trials() == 0);
}

}  // namespace gantry::test

// A chain that is followed with pairs of odd tokens: what is left out at the first block, and what
// later.
#include <fmt/format.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <catch2/catch.hpp>
#include <sstream>

#include "evm/live_scene.hpp"
#include "evm/odd_market.hpp"
#include "evm/recorded_blocks.hpp"
#include "evm/v2_factory_contract.hpp"
#include "host/base/text.hpp"

namespace gantry::test {
namespace {

const Integer funded = Integer("1000000000000000000000");

// Pairs of a plain token with others, funded with as much of both.
class OddPairs {
 public:
  explicit OddPairs(Anvil& chain)
      : chain_(chain), deployer_(chain), factory_(deployer_), code_(compiled("OddToken")) {
    plain = make(Oddity::none);
  }
  // Returns the other token.
  std::string add(Oddity oddity) {
    const std::string token = make(oddity);
    const std::string pair = factory_.create_pair(plain, token);
    for (const std::string& each : {plain, token}) {
      send(each, "transfer(address,uint256)", address_word(pair) + word(funded));
    }
    send(pair, "mint(address)", address_word(deployer_.account()));
    pairs_.push_back(pair);
    return token;
  }
  // Without a word to the pair, as a token does whose balances move by themselves.
  void give(std::size_t index, const std::string& token, const Integer& amount) {
    send(token, "transfer(address,uint256)", address_word(pairs_[index]) + word(amount));
  }
  void take(std::size_t index, const std::string& token, const Integer& amount) {
    const boost::json::string pair(pairs_[index]);
    chain_.call("anvil_impersonateAccount", {pair});
    chain_.call("anvil_setBalance", {pair, "0xde0b6b3a7640000"});
    const std::string data = deployer_.selector("transfer(address,uint256)") +
                             address_word(deployer_.account()) + word(amount);
    const auto receipt =
        chain_.transact({{"from", pair}, {"to", token}, {"gas", "0x7a120"}, {"data", data}});
    if (receipt.at("status").as_string() != "0x1") throw std::runtime_error("nothing was taken");
  }
  LiveFiles files(const Anvil& chain) const {
    LiveFiles files;
    files.gantry = fmt::format(
        "[[chain]]\nid = \"eip155:31337\"\nname = \"anvil\"\nblock_time_s = 1\n"
        "wrapped_native = \"{}\"\nusd_tokens = [\"{}\"]\n"
        "[[chain.provider]]\nname = \"local\"\nurl = \"{}\"\n"
        "[plugins]\nfolders = [\"{}\"]\n[live]\npoll_ms = 10\naudit_every_blocks = 4\n",
        plain, plain, chain.url(), GANTRY_PLUGIN_FOLDER);
    files.dex =
        "[[dex]]\nname = \"uniswap_v2\"\nchain = \"eip155:31337\"\nmin_liquidity_usd = 0\n"
        "discover = false\n";
    for (const std::string& pair : pairs_) {
      const auto [token0, token1] = factory_.tokens_of(pair);
      files.dex += fmt::format("[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n", pair,
                               token0, token1);
    }
    files.strategies = "[strategies.triangular]\nmin_profit_bps = 0\n";
    return files;
  }
  const std::string& pair(std::size_t index) const { return pairs_[index]; }

  std::string plain;

 private:
  std::string make(Oddity oddity) {
    return deployer_.deploy(code_ + word(static_cast<int>(oddity)));
  }
  void send(const std::string& to, const std::string& signature, const std::string& words) {
    deployer_.send(to, deployer_.selector(signature) + words);
  }

  Anvil& chain_;
  Deployer deployer_;
  V2FactoryContract factory_;
  std::string code_;
  std::vector<std::string> pairs_;
};

// What is logged while it lives.
class ToldOfTokens {
 public:
  ToldOfTokens() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)));
  }
  ~ToldOfTokens() { spdlog::set_default_logger(before_); }
  std::string all() const { return out_.str(); }
  std::size_t lines_with(const std::string& one, const std::string& other) const {
    std::istringstream text(all());
    std::size_t count = 0;
    for (std::string line; std::getline(text, line);) {
      count += line.contains(one) && line.contains(other) ? 1U : 0U;
    }
    return count;
  }

 private:
  std::ostringstream out_;
  std::shared_ptr<spdlog::logger> before_;
};

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

#include "evm/trading_scene.hpp"

#include <chrono>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "evm/integer_words.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using host::tests::write_text;

// Of the words that every test chain begins with: the second account.
constexpr const char* owner_address = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
constexpr const char* owner_key =
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";

// Nothing that a test means to happen is kept from happening.
constexpr const char* loose_limits =
    "min_profit_usd = 1\nmin_profit_gas = 0\nmin_success = 0\nmax_failures = 1000\n"
    "max_volatility_bps = 100000\nmax_slippage_bps = 10000\nmax_composite = 1\n"
    "max_drawdown_bps = 10000\nmax_quote_deviation_bps = 10000\nstale_s = 0\n";

Integer ether(int amount) { return Integer(amount) * Integer("1000000000000000000"); }

std::string address_of(const PlaygroundMarket& market, const std::string& symbol) {
  for (const PlaygroundToken& token : market.tokens()) {
    if (token.symbol == symbol) return token.address;
  }
  throw std::runtime_error("no token " + symbol);
}

}  // namespace

const std::string& TradingScene::key_owner() {
  static const std::string address = owner_address;
  return address;
}

TradingScene::TradingScene(std::uint64_t seed, std::size_t factories, int depth)
    : TradingScene(std::make_unique<Anvil>(), seed, factories, depth) {}

TradingScene::TradingScene(std::unique_ptr<Anvil> own, std::uint64_t seed, std::size_t factories,
                           int depth)
    : TradingScene(*own, owner_address, {}, seed, factories, depth) {
  own_ = std::move(own);
}

TradingScene::TradingScene(Anvil& of, const std::string& account, const std::string& obeyed,
                           std::uint64_t seed, std::size_t factories, int depth)
    : chain(of),
      deployer(chain),
      market(deployer, seed, factories, depth),
      owner(account),
      entry_point(obeyed),
      executor(deployer, owner),
      lender(deployer, address_of(market, "WETH"), ether(1000) * depth) {
  // Its own dollars; the wrapped coin it has to borrow.
  for (const PlaygroundToken& token : market.tokens()) {
    if (token.usd != 1) continue;
    Integer amount = 1'000'000;
    for (unsigned i = 0; i < token.decimals; ++i) amount *= 10;
    deployer.send(token.address, deployer.selector("transfer(address,uint256)") +
                                     address_word(executor.address()) + word(amount));
  }
  write_files();
  write_text(space / "key", owner_key);
  space.variables["KEY_PASSWORD"] = "only for a test";
  const auto imported = space.run({"key", "import", (space / "key").string(), "--out",
                                   (space / "config/account.json").string(), "--password-env",
                                   "KEY_PASSWORD", "--light"});
  if (imported.code != 0) throw std::runtime_error(imported.err);
}

void TradingScene::write_files() {
  std::ostringstream gantry;
  gantry << "[[chain]]\nid = \"eip155:31337\"\nname = \"test\"\nblock_time_s = 1\n"
            "gas_price_gwei = 2\nwrapped_native = \""
         << address_of(market, "WETH") << "\"\nusd_tokens = [";
  for (const char* symbol : {"USDC", "DAI", "USDT"}) {
    gantry << "\"" << address_of(market, symbol) << "\", ";
  }
  gantry << "]\n[[chain.provider]]\nname = \"anvil\"\nurl = \"" << chain.url()
         << "\"\n[chain.execution]\nexecutor = \"" << executor.address()
         << "\"\nblocks_max = 3\nconfirm_blocks = 4\n[[chain.lender]]\nsource = \"aave_v3\"\n"
            "address = \""
         << lender.pool() << "\"\n[wallet]\nsender = \"" << owner
         << "\"\nkeystore = \"account.json\"\npassword_variable = \"KEY_PASSWORD\"\n"
            "[risk]\n"
         << loose_limits
         << "state = \"risk\"\n[ledger]\npath = \"ledger.sqlite\"\n[plugins]\nfolders = [\""
         << GANTRY_PLUGINS
         << "\"]\n[street]\npace = \"live\"\n[live]\npoll_ms = 20\ncases = \"cases\"\n";
  write_text(space / "config/gantry.toml", gantry.str());
  std::ostringstream dex;
  constexpr const char* names[] = {"uniswap_v2", "sushiswap", "third"};
  for (std::size_t i = 0; i < market.factory_count(); ++i) {
    dex << "[[dex]]\nname = \"" << names[i]
        << "\"\nplugin = \"uniswap_v2\"\nmax_slippage_bps = 50\nfee_bps = 30\nfactory = \""
        << market.factory(i).address() << "\"\ninit_code_hash = \""
        << market.factory(i).init_code_hash() << "\"\n";
  }
  write_text(space / "config/dex_config.toml", dex.str());
  use("[strategies.triangular]\nenabled = true\nmin_profit_bps = 5\nmax_hops = 4\n");
}

void TradingScene::ask(const std::string& url) {
  space.edit("gantry.toml", "url = \"" + chain.url(), "url = \"" + url);
}

void TradingScene::limit(const std::string& limits) {
  space.edit("gantry.toml", loose_limits, limits);
}

void TradingScene::use(const std::string& strategies) {
  write_text(space / "config/strategies.toml", strategies);
}

void TradingScene::fund(const Integer& dollars) {
  for (const PlaygroundToken& token : market.tokens()) {
    if (token.symbol == "WETH") continue;
    const Integer units = dollars * boost::multiprecision::pow(Integer(10), token.decimals);
    deployer.send(token.address, deployer.selector("transfer(address,uint256)") +
                                     address_word(executor.address()) +
                                     word(units / static_cast<unsigned>(token.usd)));
  }
}

host::tests::Running TradingScene::start(std::vector<std::string> more) {
  std::vector<std::string> words = {"run", "--live"};
  words.insert(words.end(), more.begin(), more.end());
  return space.start(words);
}

void TradingScene::trade_until_ended(host::tests::Running& running, std::size_t blocks_max,
                                     int wait_ms) {
  for (std::size_t i = 0; i < blocks_max && !running.ended(); ++i) {
    market.trade(true);
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  }
}

void TradingScene::mine(std::size_t blocks, int wait_ms) {
  for (std::size_t i = 0; i < blocks; ++i) {
    chain.call("evm_mine");
    std::this_thread::sleep_for(std::chrono::milliseconds(wait_ms));
  }
}

Holdings TradingScene::holdings() const {
  Holdings out;
  for (const PlaygroundToken& token : market.tokens()) {
    out.tokens[token.address] = executor.balance(token.address, owner);
  }
  out.coins = executor.coins(owner);
  return out;
}

std::uint64_t TradingScene::nonce() {
  if (!entry_point.empty()) {
    const std::string answer =
        deployer.read(entry_point, deployer.selector("getNonce(address,uint192)") +
                                       address_word(owner) + word(0));
    return word_at(answer, 0).convert_to<std::uint64_t>();
  }
  const std::string count =
      text_of(chain.call("eth_getTransactionCount", {json::string(owner), "latest"}));
  return std::stoull(count, nullptr, 16);
}

bool TradingScene::holds(const std::string& hash) {
  if (entry_point.empty()) {
    return !chain.call("eth_getTransactionReceipt", {json::string(hash)}).is_null();
  }
  const std::string event =
      deployer.topic("UserOperationEvent(bytes32,address,address,uint256,bool,uint256,uint256)");
  const json::value logs =
      chain.call("eth_getLogs", {json::object{{"address", entry_point},
                                              {"fromBlock", "0x0"},
                                              {"toBlock", "latest"},
                                              {"topics", json::array{event, hash}}}});
  return !logs.as_array().empty();
}

std::filesystem::path TradingScene::cases() const { return space / "config/cases"; }

std::unique_ptr<host::ledger::Reader> TradingScene::books_or_none() const {
  auto opened = host::ledger::Reader::open(space / "config/ledger.sqlite");
  return opened ? std::move(*opened) : nullptr;
}

std::unique_ptr<host::ledger::Reader> TradingScene::books() const {
  auto opened = host::ledger::Reader::open(space / "config/ledger.sqlite");
  if (!opened) throw std::runtime_error(opened.error().message);
  return std::move(*opened);
}

}  // namespace gantry::test

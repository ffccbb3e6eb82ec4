// `./dev playground`: a chain on this machine with a market that moves, and a configuration for it.
//
// Starts anvil on a free port of loopback, deploys tokens, two factories and pairs, an executor of
// the second account's and who lends to it, writes the configuration, says how to use it, and
// trades a block at a time until it is ended (Ctrl-C, SIGTERM, or --blocks). The chain ends with
// it, and with it its folder.
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "evm/aave_v3_contracts.hpp"
#include "evm/executor_contract.hpp"
#include "evm/playground_market.hpp"
#include "host/ports/random.hpp"
#include "host/sign/keystore.hpp"
#include "support/anvil.hpp"

namespace {

using namespace gantry::test;
namespace fs = std::filesystem;

constexpr int exit_failed = 1;
constexpr int exit_usage = 2;
constexpr std::string_view marker = "# Written by ./dev playground";
// The second account of the words that every test chain begins with: everybody has its key.
constexpr const char* trader = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";
constexpr std::string_view trader_key =
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
constexpr const char* keystore_name = "account.json";
constexpr const char* password_variable = "GANTRY_PLAYGROUND_PASSWORD";
constexpr std::string_view password = "playground";
// What a run that trades keeps: it is of this chain, and ends with it.
constexpr const char* state_name = "state";
constexpr int own_dollars = 1'000'000;  // of each, in the executor
constexpr int lent_coins = 1000;

struct Options {
  std::string folder = "build/playground";
  std::uint64_t seed = 1;
  std::uint32_t block_ms = 1000;
  std::uint64_t blocks = 0;
};

// What ends the program comes as a value, between two blocks: nothing is cut off.
class EndSignals {
 public:
  EndSignals() {
    ::sigemptyset(&set_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set_, signal);
    // The chain inherits this, so Ctrl-C does not reach it before we end it.
    ::sigprocmask(SIG_BLOCK, &set_, nullptr);
  }
  // Whether one came within this time.
  bool wait(std::uint32_t ms) const {
    const timespec time{.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1'000'000L};
    return ::sigtimedwait(&set_, nullptr, &time) > 0;
  }

 private:
  sigset_t set_{};
};

fs::path own_folder() { return fs::read_symlink("/proc/self/exe").parent_path(); }

void write(const fs::path& file, const std::string& text) {
  std::ofstream out(file, std::ios::trunc);
  out << marker << ": the next start writes it again.\n" << text;
  out.close();
  if (!out) throw std::runtime_error(file.string() + " cannot be written");
}

// A configuration that somebody wrote by hand is not written over, nor is a folder emptied that no
// configuration of ours stands beside.
void refuse_foreign(const fs::path& folder) {
  for (const char* name : {keystore_name, state_name}) {
    if (fs::exists(folder / name) && !fs::exists(folder / "gantry.toml")) {
      throw std::invalid_argument((folder / name).string() +
                                  " was not written by the playground: name another --folder");
    }
  }
  for (const char* name : {"gantry.toml", "dex_config.toml", "strategies.toml"}) {
    std::ifstream file(folder / name);
    std::string first;
    if (file && (!std::getline(file, first) || !first.starts_with(marker))) {
      throw std::invalid_argument((folder / name).string() +
                                  " was not written by the playground: name another --folder");
    }
  }
}

std::string address_of(const PlaygroundMarket& market, const std::string& symbol) {
  for (const PlaygroundToken& token : market.tokens()) {
    if (token.symbol == symbol) return token.address;
  }
  throw std::runtime_error("no token " + symbol);
}

// Whom the trader's trades go through, and who lends for them.
struct Trading {
  std::string executor;
  std::string lender;
};

// Dollars of its own; the wrapped coin it has to borrow.
Trading prepare_trading(Deployer& deployer, const PlaygroundMarket& market) {
  const ExecutorContract executor(deployer, trader);
  for (const PlaygroundToken& token : market.tokens()) {
    if (token.usd != 1) continue;
    Integer amount = own_dollars;
    for (unsigned i = 0; i < token.decimals; ++i) amount *= 10;
    deployer.send(token.address, deployer.selector("transfer(address,uint256)") +
                                     address_word(executor.address()) + word(amount));
  }
  const Integer lent = Integer(lent_coins) * Integer("1000000000000000000");
  return {executor.address(), AaveV3(deployer, address_of(market, "WETH"), lent).pool()};
}

template <class T>
T must(gantry::host::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

// The keystore anew, and nothing of what an earlier chain's trades left.
void write_account(const fs::path& folder) {
  namespace sign = gantry::host::sign;
  fs::remove(folder / keystore_name);
  fs::remove_all(folder / state_name);
  const gantry::host::Random random = gantry::host::system_random();
  const sign::SecretBytes key =
      must(sign::parse_key({trader_key.begin(), trader_key.end()}, "the trader's key"));
  const std::string text =
      must(sign::make_keystore(key, {password.begin(), password.end()},
                               must(sign::Curve::make(random)), random, sign::KeystoreCost::light));
  const auto written = sign::write_keystore(folder / keystore_name, text);
  if (!written) throw std::runtime_error(written.error().message);
}

std::string gantry_toml(const PlaygroundMarket& market, const Deployer& chain,
                        const Trading& trading, const fs::path& folder) {
  std::ostringstream text;
  text << "# The chain of this file ends with the playground.\n"
          "\n[[chain]]\nid = \"eip155:31337\"\nname = \"playground\"\n"
          "block_time_s = 1\ngas_price_gwei = 2\nnative_symbol = \"ETH\"\n"
       << "wrapped_native = \"" << address_of(market, "WETH") << "\"\nusd_tokens = [\n";
  for (const char* symbol : {"USDC", "DAI", "USDT"}) {
    text << "  \"" << address_of(market, symbol) << "\",  # " << symbol << "\n";
  }
  text << "]\n\n[[chain.provider]]\nname = \"anvil\"\nurl = \"" << chain.chain().url()
       << "\"\npriority = 1\n\n[chain.execution]\nexecutor = \"" << trading.executor
       << "\"  # holds dollars\nblocks_max = 3\nconfirm_blocks = 4\n\n[[chain.lender]]\n"
          "source = \"aave_v3\"\naddress = \""
       << trading.lender << "\"  # lends WETH\n\n[wallet]\nsender = \"" << trader
       << "\"  # the chain's second account: everybody has its key\nkeystore = \"" << keystore_name
       << "\"\npassword_variable = \"" << password_variable
       << "\"\n\n# Nothing here is worth anything: no limit keeps a trade from being tried.\n"
          "[risk]\nmin_profit_usd = 1\nmin_profit_gas = 0\nmin_success = 0\n"
          "max_failures = 1000\nmax_volatility_bps = 100000\nmax_slippage_bps = 10000\n"
          "max_composite = 1\nmax_drawdown_bps = 10000\nmax_quote_deviation_bps = 10000\n"
          "stale_s = 0\nstate = \""
       << state_name << "/risk\"\n\n[ledger]\npath = \"" << state_name
       << "/ledger.sqlite\"\n\n[live]\ncases = \"" << state_name
       << "/cases\"\n\n[plugins]\nfolders = [\""
       << fs::relative(own_folder() / "plugins", folder).string()
       << "\"]\n\n[street]\npace = \"live\"\n";
  return text.str();
}

std::string dex_config_toml(const PlaygroundMarket& market) {
  std::ostringstream text;
  text << "# Two exchanges of one kind, told apart by their factories: their pairs are found by "
          "asking these.\n";
  for (std::size_t factory = 0; factory < 2; ++factory) {
    text << "\n[[dex]]\nname = \"" << (factory == 0 ? "uniswap_v2" : "sushiswap")
         << "\"\nplugin = \"uniswap_v2\"\nenabled = true\npriority = " << 2 - factory
         << "\nmin_liquidity_usd = 10000\nmax_slippage_bps = 50\nfee_bps = 30\nfactory = \""
         << market.factory(factory).address() << "\"\ninit_code_hash = \""
         << market.factory(factory).init_code_hash() << "\"\n";
    for (const PlaygroundPair& pair : market.pairs()) {
      if (pair.factory != factory) continue;
      text << "# " << pair.address << " is " << market.tokens()[pair.token[0]].symbol << "/"
           << market.tokens()[pair.token[1]].symbol << "\n";
    }
  }
  return text.str();
}

constexpr const char* strategies_toml =
    "\n[strategies.triangular]\nenabled = true\nmin_profit_bps = 5\nmax_hops = 4\n"
    "prefer_high_liquidity = true\n";

void introduce(const PlaygroundMarket& market, const Deployer& chain, const fs::path& folder) {
  const PlaygroundPair& pair = market.pairs().front();
  const std::string gantry = (own_folder() / "gantry").lexically_proximate(fs::current_path());
  std::printf("chain          eip155:31337 at %s, process %d\n", chain.chain().url().c_str(),
              chain.chain().pid());
  std::printf("tokens        ");
  for (const PlaygroundToken& token : market.tokens()) std::printf(" %s", token.symbol.c_str());
  std::printf("\npairs          %zu on 2 factories\nconfiguration  %s\n", market.pairs().size(),
              folder.c_str());
  std::printf("\nDry run:  %s run --config %s\n", gantry.c_str(), folder.c_str());
  std::printf("Trade:    %s=%s %s run --live --config %s\n", password_variable,
              std::string(password).c_str(), gantry.c_str(), folder.c_str());
  std::printf("Report:   %s audit report --config %s\n", gantry.c_str(), folder.c_str());
  std::printf(
      "Quote:    %s quote --config %s --dex uniswap_v2 --pool %s --in WETH --amount 1.5\n\n",
      gantry.c_str(), folder.c_str(), pair.address.c_str());
  std::printf("It trades until Ctrl-C.\n");
  std::fflush(stdout);
}

void play(const Options& options) {
  const EndSignals signals;
  const fs::path folder(options.folder);
  refuse_foreign(folder);
  // So many states in memory: a chain that keeps all of them grows without end.
  Anvil chain({"--prune-history", "256"});
  Deployer deployer(chain);
  PlaygroundMarket market(deployer, options.seed);
  const Trading trading = prepare_trading(deployer, market);
  fs::create_directories(folder);
  write(folder / "gantry.toml", gantry_toml(market, deployer, trading, folder));
  write_account(folder);
  write(folder / "dex_config.toml", dex_config_toml(market));
  write(folder / "strategies.toml", strategies_toml);
  introduce(market, deployer, folder);
  std::string told;
  for (std::uint64_t block = 0; options.blocks == 0 || block < options.blocks; ++block) {
    if (signals.wait(options.block_ms)) break;
    market.trade();
    const auto gap = market.widest_gap();
    const std::string pair = gap ? gap->pair : "";
    if (gap && pair != told) {
      std::printf("block %llu: %s is %.2f %% cheaper on one factory than on the other\n",
                  static_cast<unsigned long long>(deployer.block_number()), pair.c_str(),
                  gap->percent);
      std::fflush(stdout);
    }
    told = pair;
  }
  std::printf("The chain has ended.\n");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("A chain on this machine with a market that moves, and a configuration for it.",
               "./dev playground");
  app.add_option("--folder", options.folder, "Where the configuration is written")
      ->capture_default_str();
  app.add_option("--seed", options.seed, "Of the swaps")->capture_default_str();
  app.add_option("--block-ms", options.block_ms, "Milliseconds from block to block")
      ->check(CLI::Range(1, 60'000))
      ->capture_default_str();
  app.add_option("--blocks", options.blocks, "How many are traded; 0: until it is ended")
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : exit_usage;
  }
  try {
    play(options);
    return 0;
  } catch (const std::invalid_argument& error) {
    std::fprintf(stderr, "playground: %s\n", error.what());
    return exit_usage;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "playground: %s\n", error.what());
    return exit_failed;
  }
}

#include "evm/live_scene.hpp"

#include <fmt/format.h>

#include <fstream>
#include <stdexcept>

#include "host/plugin/library.hpp"

namespace gantry::test {
namespace {

template <class T>
T must(host::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

namespace {

constexpr std::string_view other_sections =
    "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
    "[live]\npoll_ms = 10\n";

std::string chain_section(const LiveChain& chain) {
  return fmt::format(
      "[[chain]]\nid = \"{}\"\nname = \"{}\"\nblock_time_s = 1\n"
      "wrapped_native = \"{}\"\nusd_tokens = [\"{}\"]\n"
      "[[chain.provider]]\nname = \"local\"\nurl = \"{}\"\n",
      chain.id, chain.name, chain.pairs.front()->token(0), chain.pairs.front()->token(1),
      chain.url);
}

// `suffix`: of the venue's name.
std::string venue_section(const LiveChain& chain, const std::string& suffix) {
  std::string text = fmt::format(
      "[[dex]]\nname = \"uniswap_v2{}\"\nplugin = \"uniswap_v2\"\nchain = \"{}\"\n"
      "min_liquidity_usd = 0\ndiscover = false\n",
      suffix, chain.id);
  for (const PairContract* pair : chain.pairs) {
    text += fmt::format("[[dex.pool]]\naddress = \"{}\"\ntokens = [\"{}\", \"{}\"]\n",
                        pair->address(), pair->token(0), pair->token(1));
  }
  return text;
}

}  // namespace

LiveFiles live_files(const std::string& url, const std::vector<const PairContract*>& pairs,
                     const std::filesystem::path& plugins) {
  const LiveChain chain{"eip155:31337", "anvil", url, pairs};
  return {chain_section(chain) + std::string(other_sections) +
              fmt::format("[plugins]\nfolders = [\"{}\"]\n", plugins.string()),
          venue_section(chain, ""), "[strategies.triangular]\nmin_profit_bps = 0\n"};
}

LiveFiles live_files(const std::vector<LiveChain>& chains, const std::filesystem::path& plugins) {
  LiveFiles files;
  for (const LiveChain& chain : chains) {
    files.gantry += chain_section(chain);
    files.dex += venue_section(chain, "_" + chain.name);
    files.strategies += fmt::format(
        "[strategies.triangular_{}]\nplugin = \"triangular\"\nchain = \"{}\"\n"
        "min_profit_bps = 0\n",
        chain.name, chain.id);
  }
  files.gantry += std::string(other_sections) +
                  fmt::format("[plugins]\nfolders = [\"{}\"]\n", plugins.string());
  return files;
}

std::string live_chain_section(const LiveChainSection& chain) {
  return fmt::format(
      "[[chain]]\nid = \"eip155:31337\"\nname = \"anvil\"\nblock_time_s = {}\n"
      "wrapped_native = \"{}\"\nusd_tokens = [\"{}\"]\n"
      "[[chain.provider]]\nname = \"local\"\nurl = \"{}\"\n"
      "[wallet]\nsender = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
      "[plugins]\nfolders = [\"{}\"]\n",
      chain.block_time_s, chain.coin, chain.dollar, chain.url, GANTRY_PLUGIN_FOLDER);
}

LiveScene::LiveScene(std::size_t pairs)
    : LiveScene([&](Anvil& chain) {
        std::vector<const PairContract*> contracts;
        for (std::size_t i = 0; i < pairs; ++i) {
          pairs_.push_back(std::make_unique<TradedPair>(chain));
          contracts.push_back(&pairs_.back()->contract());
        }
        return live_files(chain.url(), contracts, GANTRY_PLUGIN_FOLDER);
      }) {}

LiveScene::LiveScene(const std::function<LiveFiles(Anvil&)>& make) {
  const LiveFiles files = make(chain_);
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  };
  write("gantry.toml", files.gantry);
  write("dex_config.toml", files.dex);
  write("strategies.toml", files.strategies);
  environment_ = host::process_environment();
  auto loaded = host::load_configuration(
      host::ConfigFiles::in_folder(folder_.path()),
      host::scan_plugin_folders({std::filesystem::path(GANTRY_PLUGIN_FOLDER)}).plugins,
      environment_);
  if (!loaded) throw std::runtime_error(host::render_text(loaded.error(), false));
  configuration_ = std::move(*loaded);
  plugins_ = host::make_plugins(configuration_, folder_ / "store");
  if (!plugins_.refused.empty()) throw std::runtime_error(plugins_.refused.front().reason);
  http_ = must(host::make_curl_http_pool());
  providers_ =
      must(host::Providers::make(configuration_.chains.front(), {*http_, clock_, environment_}));
}

LiveScene::~LiveScene() { providers_->stop(); }

void LiveScene::mine_random(std::mt19937_64& random, std::size_t idle) {
  for (std::size_t i = 0; i < pairs_.size(); ++i) {
    if (random() % 3 != 0 && i != idle) pairs_[i]->send_random(random);
  }
  mine();
}

void LiveScene::mine() {
  chain_.call("evm_mine");
  for (auto& pair : pairs_) pair->look_at_receipts();
}

std::string LiveScene::snapshot() {
  return boost::json::value_to<std::string>(chain_.call("evm_snapshot"));
}

void LiveScene::revert(const std::string& snapshot) {
  boost::json::array params;
  params.push_back(boost::json::string(snapshot));
  if (!chain_.call("evm_revert", std::move(params)).as_bool()) {
    throw std::runtime_error("anvil could not revert");
  }
  for (auto& pair : pairs_) pair->reread();
}

void LiveScene::add_websocket() {
  host::RpcProviderSettings socket;
  socket.name = "socket";
  socket.url = must(host::TemplatedUrl::parse("ws" + chain_.url().substr(4)));
  configuration_.chains.front().providers.push_back(std::move(socket));
  providers_->stop();
  providers_ =
      must(host::Providers::make(configuration_.chains.front(), {*http_, clock_, environment_}));
}

void LiveScene::ask_through(std::vector<host::RpcProviderSettings> providers,
                            host::HttpPoolOptions http) {
  configuration_.chains.front().providers = std::move(providers);
  providers_->stop();
  providers_.reset();
  http_ = must(host::make_curl_http_pool(std::move(http)));
  providers_ =
      must(host::Providers::make(configuration_.chains.front(), {*http_, clock_, environment_}));
}

std::shared_ptr<host::LiveFeed> LiveScene::follow() {
  feeds_.push_back(must(host::LiveFeed::open(configuration_.chains.front(), configuration_.live,
                                             plugins_.venues, *providers_)));
  return feeds_.back();
}

host::MarketState LiveScene::market() const {
  return {configuration_.chains.front(), plugins_.venues};
}

Follower::Follower(LiveScene& scene) : feed(scene.follow()), market(scene.market()) {}

void Follower::go_to(std::uint64_t block) {
  do {
    auto input = feed->next();
    if (!input) throw std::runtime_error("the feed ended: " + feed->damage());
    snapshot = must(market.advance(*input));
    inputs.push_back(std::move(*input));
  } while (inputs.back().block.number != block);
}

}  // namespace gantry::test

// A factory on a real node, followed live: its pairs are found through Multicall3, and tokens that
// revert, are not there or say too much cost their own pairs a line each, and nothing else.
#include <fmt/format.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cctype>
#include <fstream>
#include <sstream>

#include "evm/multicall3_contract.hpp"
#include "evm/v2_factory_contract.hpp"
#include "host/config/load.hpp"
#include "host/live/live_feed.hpp"
#include "host/plugin/instances.hpp"
#include "host/plugin/library.hpp"
#include "host/ports/clock.hpp"
#include "host/ports/http.hpp"

namespace gantry::test {
namespace {

// What is logged while it lives.
class LogLines {
 public:
  LogLines() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>(
        "test", std::make_shared<spdlog::sinks::ostream_sink_mt>(out_)));
  }
  ~LogLines() { spdlog::set_default_logger(before_); }
  // `address` in lower case: whoever logs may mix them.
  std::size_t that_name(const std::string& address) const {
    std::string lower = out_.str();
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    std::istringstream text(lower);
    std::size_t count = 0;
    for (std::string line; std::getline(text, line);) count += line.contains(address) ? 1U : 0U;
    return count;
  }
  std::string all() const { return out_.str(); }

 private:
  std::ostringstream out_;
  std::shared_ptr<spdlog::logger> before_;
};

}  // namespace

TEST_CASE("pairs of a factory are found live, and odd tokens cost their own pairs a line each") {
  Anvil chain;
  Deployer deployer(chain);
  install_multicall3(deployer);
  V2FactoryContract factory(deployer);
  const std::string good[2] = {deploy_that_answers(deployer, 18), deploy_that_answers(deployer, 6)};
  const std::string pair = factory.create_pair(good[0], good[1]);
  const std::map<std::string, std::string> odd = {
      {"reverts", deploy_that_reverts(deployer)},
      {"missing", "0x00000000000000000000000000000000000000ee"},
      {"too much", deploy_runtime(deployer, "620927c06000f3")},  // 600,000 zeros
      {"no gas left", deploy_runtime(deployer, "5b600056")}};
  for (const auto& [what, token] : odd) factory.create_pair(good[0], token);

  TemporaryFolder folder;
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream(folder / name) << text;
  };
  write("gantry.toml",
        fmt::format("[[chain]]\nid = \"eip155:31337\"\nname = \"anvil\"\nblock_time_s = 1\n"
                    "wrapped_native = \"{}\"\nusd_tokens = [\"{}\"]\ncheck_tokens = false\n"
                    "[[chain.provider]]\nname = \"local\"\nurl = \"{}\"\n"
                    "[plugins]\nfolders = [\"{}\"]\n[live]\npoll_ms = 10\n",
                    good[0], good[1], chain.url(), GANTRY_PLUGIN_FOLDER));
  write("dex_config.toml", fmt::format("[[dex]]\nname = \"uniswap_v2\"\nmin_liquidity_usd = 0\n"
                                       "discover = true\nfactory = \"{}\"\n",
                                       factory.address()));
  write("strategies.toml", "[strategies.triangular]\n");
  auto configuration = host::load_configuration(
      host::ConfigFiles::in_folder(folder.path()),
      host::scan_plugin_folders({std::filesystem::path(GANTRY_PLUGIN_FOLDER)}).plugins,
      host::process_environment());
  if (!configuration) FAIL(host::render_text(configuration.error(), false));
  const LogLines log;
  const auto plugins = host::make_plugins(*configuration, folder / "store");
  const host::SteadyClock clock;
  const host::Environment environment = host::process_environment();
  const auto http = host::make_curl_http_pool().value();
  const auto& settings = configuration->chains.front();
  const auto providers = host::Providers::make(settings, {*http, clock, environment}).value();
  const auto feed =
      host::LiveFeed::open(settings, configuration->live, plugins.venues, *providers).value();
  const auto first = feed->next();
  INFO(log.all());
  REQUIRE(first);
  REQUIRE(first->pools.size() == 1);
  CHECK(to_hex({first->pools.front().address.bytes, 20}) == pair);
  for (const auto& [what, token] : odd) {
    CAPTURE(what);
    CHECK(log.that_name(token) == 1);
  }
  feed->stop();
  providers->stop();
}

}  // namespace gantry::test

// What sends trades on a chain: [chain.execution], [[chain.lender]], [[chain.relay]] and
// [chain.bundler].
#include <algorithm>

#include "host/plan/flash_loan.hpp"
#include "malformed.hpp"

using namespace gantry::host;
using namespace gantry::host::test;

namespace {

#define WETH "\"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"\n"
#define USDC "\"0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48\"\n"
#define PRICE(name, bid, url)                                                          \
  "[[chain.price]]\nname = \"" name "\"\ntoken = " WETH "quote = " USDC "url = \"" url \
  "\"\nbid = \"" bid "\"\nask = \"/a\"\n"

constexpr std::string_view chain_head = "[[chain]]\nid = \"eip155:1\"\n";
#define SENT "[chain.execution]\nexecutor = \"0x70997970C51812dc3A010C7d01b50e0d17dc79C8\"\n"
#define LENT "[[chain.lender]]\nsource = \"aave_v3\"\n"
#define AAVE "address = \"0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2\"\n"

struct SendRow {
  std::string_view text;  // from line 3 on
  std::uint32_t line;
  std::uint32_t column;
  std::string_view message;
  std::string_view suggestion = "";
};

constexpr SendRow send_rows[] = {
    {"[[chain.execution]]\n", 3, 9, "chain.eip155:1.execution is a list",
     "[chain.eip155:1.execution]"},
    {"[chain.executon]\n", 3, 8, "unknown key executon in chain.eip155:1", "execution"},
    {"[chain.execution]\nexecutor = \"0x12\"\n", 4, 12,
     "chain.eip155:1.execution.executor is the text \"0x12\": it has 2 hex digits"},
    {SENT "sent = \"bundle\"\n", 5, 1, "unknown key sent in chain.eip155:1.execution", "send"},
    {SENT "send = \"bundel\"\n", 5, 8, "chain.eip155:1.execution.send is the text \"bundel\"",
     "\"bundle\""},
    {SENT "send = \"bundle\"\n", 5, 8,
     "chain.eip155:1.execution.send is \"bundle\", but there is no relay to send it to"},
    {SENT "send = \"operation\"\n", 5, 8,
     "chain.eip155:1.execution.send is \"operation\", but there is no bundler to send it to"},
    {SENT "max_priority_fee_gwei = -1\n", 5, 25,
     "chain.eip155:1.execution.max_priority_fee_gwei is -1: it is below the minimum of 0 gwei"},
    {SENT "max_fee_gwei = 1000001\n", 5, 16,
     "chain.eip155:1.execution.max_fee_gwei is 1000001: it is above the maximum of 1000000 gwei"},
    {SENT "max_fee_gwei = nan\n", 5, 16, "chain.eip155:1.execution.max_fee_gwei is "},
    {SENT "max_priority_fee_gwei = 301\n", 5, 25,
     "chain.eip155:1.execution.max_priority_fee_gwei is 301: it is above max_fee_gwei, which is "
     "300"},
    {SENT "max_fee_gwei = 0.5\n", 3, 1,
     "chain.eip155:1.execution.max_priority_fee_gwei is 1: it is above max_fee_gwei, which is 0.5"},
    {SENT "blocks_max = 0\n", 5, 14,
     "chain.eip155:1.execution.blocks_max is 0: it is below the minimum of 1 block"},
    {SENT "blocks_max = 1001\n", 5, 14,
     "chain.eip155:1.execution.blocks_max is 1001: it is above the maximum of 1000 blocks"},
    {SENT "confirm_blocks = \"12\"\n", 5, 18,
     "chain.eip155:1.execution.confirm_blocks is the text \"12\"", "12"},
    {SENT "confirm_blocks = 0\n", 5, 18,
     "chain.eip155:1.execution.confirm_blocks is 0: it is below the minimum of 1 block"},
    {SENT "prepared_ttl_ms = -1\n", 5, 19,
     "chain.eip155:1.execution.prepared_ttl_ms is -1: it is below the minimum of 0 ms"},
    {SENT "prepared_max = 100001\n", 5, 16,
     "chain.eip155:1.execution.prepared_max is 100001: it is above the maximum of 100000 trades"},
    {SENT "simulate = false\n", 5, 1, "unknown key simulate in chain.eip155:1.execution"},
    {"[chain.lender]\n", 3, 8, "chain.eip155:1.lender is a table, and not a list of tables",
     "[[chain.lender]]"},
    {"[[chain.lender]]\n" AAVE, 3, 1, "chain.eip155:1.lender.1.source is missing"},
    {LENT, 3, 1, "chain.eip155:1.lender.1.address is missing"},
    {"[[chain.lender]]\nsource = \"aave\"\n" AAVE, 4, 10,
     "chain.eip155:1.lender.1.source is the text \"aave\"", "\"aave_v3\""},
    {"[[chain.lender]]\nsource = \"aave_v2\"\n" AAVE, 4, 10,
     "chain.eip155:1.lender.1.source is the text \"aave_v2\"", "\"aave_v3\""},
    {LENT "address = 5\n", 5, 11, "chain.eip155:1.lender.1.address is the integer 5"},
    {LENT AAVE LENT AAVE, 8, 11, "chain.eip155:1.lender.2.address is there twice"},
    {LENT AAVE "enable = true\n", 6, 1, "unknown key enable in chain.eip155:1.lender.1", "enabled"},
    {LENT AAVE "enabled = \"on\"\n", 6, 11, "chain.eip155:1.lender.1.enabled is the text \"on\"",
     "true"},
    {"[[chain.relay]]\nurl = \"https://a\"\n", 3, 1, "chain.eip155:1.relay.name is missing"},
    {"[[chain.relay]]\nname = \"a\"\n", 3, 1, "chain.eip155:1.relay.a.url is missing"},
    {"[[chain.relay]]\nname = \"a\"\nurl = \"https://a\"\n[[chain.relay]]\nname = \"a\"\nurl = "
     "\"https://b\"\n",
     7, 8, "chain.eip155:1.relay.a.name is there twice"},
    {"[[chain.relay]]\nname = \"a\"\nurl = \"http://relay.example\"\n", 5, 7,
     "chain.eip155:1.relay.a.url is neither https nor on this machine"},
    {"[[chain.relay]]\nname = \"a\"\nurl = \"wss://relay.example\"\n", 5, 7,
     "chain.eip155:1.relay.a.url is neither https nor on this machine"},
    {"[[chain.relay]]\nname = \"a\"\nurl = \"http://127.example.org\"\n", 5, 7,
     "chain.eip155:1.relay.a.url is neither https nor on this machine"},
    {"[[chain.relay]]\nname = \"a\"\nurl = \"http://localhost@relay.example\"\n", 5, 7,
     "chain.eip155:1.relay.a.url is neither https nor on this machine"},
    {"[[chain.relay]]\nname = \"a\"\nurl = \"relay.example\"\n", 5, 7,
     "chain.eip155:1.relay.a.url is the text \"relay.example\""},
    {PRICE("a", "/b", "https://a") "every_ms = 49\n", 10, 12,
     "chain.eip155:1.price.a.every_ms is 49: it is below the minimum of 50 ms"},
    {PRICE("a", "/b", "https://a") "every = 100\n", 10, 1,
     "unknown key every in chain.eip155:1.price.a", "every_ms"},
    {PRICE("a", "bid", "https://a"), 8, 7, "chain.eip155:1.price.a.bid is no JSON pointer"},
    {PRICE("a", "/b", "http://prices.example"), 7, 7,
     "chain.eip155:1.price.a.url is neither https nor on this machine"},
    {PRICE("a", "/b", "https://a") PRICE("a", "/b", "https://b"), 11, 8,
     "chain.eip155:1.price.a.name is there twice"},
    {"[[chain.price]]\nname = \"a\"\ntoken = " WETH "quote = " WETH
     "url = \"https://a\"\nbid = \"/b\"\nask = \"/a\"\n",
     6, 9, "chain.eip155:1.price.a.quote is the token itself"},
    {"[[chain.price]]\nname = \"a\"\ntoken = " WETH "quote = " USDC
     "url = \"https://a\"\nbid = \"/b\"\n",
     3, 1, "chain.eip155:1.price.a.ask is missing"},
    {"[chain.bundler]\nname = \"a\"\n", 3, 1, "chain.eip155:1.bundler.url is missing"},
    {"[chain.bundler]\nurl = \"http://bundler.example\"\n", 4, 7,
     "chain.eip155:1.bundler.url is neither https nor on this machine"},
    {"[chain.bundler]\nuri = \"https://a\"\nurl = \"https://a\"\n", 4, 1,
     "unknown key uri in chain.eip155:1.bundler", "url"},
};

std::string on_chain(std::string_view text) { return std::string(chain_head) + std::string(text); }

Configuration good(std::string_view text, const Environment& variables = environment({})) {
  const std::string gantry = on_chain(text);
  auto loaded = parse({gantry, good_dex, good_strategies}, variables);
  if (!loaded) FAIL(render_text(loaded.error(), false));
  return std::move(*loaded);
}

}  // namespace

TEST_CASE("each way to get a chain's execution wrong has its line, column and remedy") {
  for (const SendRow& row : send_rows) {
    const std::string gantry = on_chain(row.text);
    const ConfigReport report = errors_of({gantry, good_dex, good_strategies});
    INFO(gantry);
    INFO(render_text(report, false));
    REQUIRE(report.errors.size() == 1);
    const Diagnostic& error = report.errors.front();
    CHECK(error.file == "config/gantry.toml");
    CHECK(error.line == row.line);
    CHECK(error.column == row.column);
    CHECK(error.message.starts_with(row.message));
    CHECK(error.suggestion == row.suggestion);
    CHECK_FALSE(error.expected.empty());
  }
}

TEST_CASE("a chain without [chain.execution] executes nothing, and one without executor warns") {
  CHECK_FALSE(good("").chains[0].execution);
  CHECK(good("").report.warnings.empty());
  const Configuration bare = good("[chain.execution]\n");
  REQUIRE(bare.chains[0].execution);
  CHECK(bare.chains[0].execution->executor.length == 0);
  REQUIRE(bare.report.warnings.size() == 1);
  CHECK(bare.report.warnings[0].message ==
        "chain.eip155:1.execution.executor is missing: nothing can be executed on this chain");
}

TEST_CASE("a chain's execution has its defaults, and is told with them") {
  const Configuration loaded = good(SENT);
  const ExecutionSettings& execution = loaded.chains[0].execution.value();
  CHECK(execution.executor.bytes[0] == 0x70);
  CHECK(execution.send == SendKind::transaction);
  CHECK(execution.max_priority_fee_gwei == 1);
  CHECK(execution.max_fee_gwei == 300);
  CHECK(execution.blocks_max == 3);
  CHECK(execution.confirm_blocks == 12);
  const auto told = [&](std::string_view path) {
    const auto at = std::ranges::find(loaded.keys, path, &EffectiveKey::path);
    return at == loaded.keys.end() ? std::string() : at->value + " " + at->unit;
  };
  CHECK(execution.prepared_ttl_ms == 5000);
  CHECK(execution.prepared_max == 1000);
  CHECK(loaded.ledger.batch_max == 50);
  CHECK(loaded.ledger.batch_wait_ms == 0);
  CHECK(told("chain.eip155:1.execution.send") == "\"transaction\" ");
  CHECK(told("chain.eip155:1.execution.max_fee_gwei") == "300 gwei");
  CHECK(told("chain.eip155:1.execution.confirm_blocks") == "12 blocks");
}

TEST_CASE("what sends trades is read as it is written") {
  const Configuration loaded = good(
      SENT
      "send = \"bundle\"\nmax_priority_fee_gwei = 2.5\nmax_fee_gwei = 80\nblocks_max = 5\n"
      "confirm_blocks = 64\nprepared_ttl_ms = 0\nprepared_max = 7\n" LENT AAVE
      "[[chain.lender]]\nsource = \"dydx_solo\"\n"
      "address = \"0x1E0447b19BB6EcFdAe1e4AE1694b0C3659614e4e\"\n"
      "[[chain.lender]]\nsource = \"balancer_v2\"\n"
      "address = \"0xBA12222222228d8Ba445958a75a0704d566BF2C8\"\nenabled = false\n"
      "[[chain.relay]]\nname = \"flashbots\"\nurl = \"https://relay.flashbots.net\"\n"
      "[[chain.relay]]\nname = \"own\"\nurl = \"http://127.0.0.1:8545/${RELAY_KEY}\"\n"
      "[[chain.relay]]\nname = \"hidden\"\nurl = \"${RELAY_URL}\"\n"
      "[chain.bundler]\nname = \"pimlico\"\nurl = \"https://api.pimlico.io/v2/1?k=${PIMLICO}\"\n",
      environment({{"RELAY_KEY", "a"}, {"RELAY_URL", "https://b"}, {"PIMLICO", "c"}}));
  CHECK(loaded.report.warnings.empty());
  const ChainSettings& chain = loaded.chains[0];
  CHECK(chain.execution->send == SendKind::bundle);
  CHECK(chain.execution->max_priority_fee_gwei == 2.5);
  CHECK(chain.execution->max_fee_gwei == 80);
  CHECK(chain.execution->blocks_max == 5);
  CHECK(chain.execution->confirm_blocks == 64);
  CHECK(chain.execution->prepared_ttl_ms == 0);
  CHECK(chain.execution->prepared_max == 7);
  REQUIRE(chain.lenders.size() == 3);
  CHECK(chain.lenders[0].source == LenderKind::aave_v3);
  CHECK(chain.lenders[0].address.bytes[0] == 0x87);
  CHECK(chain.lenders[0].enabled);
  CHECK(chain.lenders[1].source == LenderKind::dydx_solo);
  CHECK_FALSE(chain.lenders[1].enabled);
  CHECK_FALSE(chain.lenders[2].enabled);
  REQUIRE(chain.relays.size() == 3);
  CHECK(chain.relays[1].name == "own");
  CHECK(chain.relays[1].url.text() == "http://127.0.0.1:8545/${RELAY_KEY}");
  CHECK(chain.bundler->name == "pimlico");
  std::vector<std::string> by;
  for (const NamedVariable& variable : variables_of(loaded)) by.push_back(variable.by);
  CHECK(by == std::vector<std::string>{"relay own", "relay hidden", "bundler pimlico"});
}

TEST_CASE("lenders have the names and the defaults of what is borrowed from them") {
  for (int i = 0; i < 6; ++i) {
    const auto source = static_cast<executor::FlashSource>(i);
    CHECK(to_string(static_cast<LenderKind>(i + 1)) == executor::name_of(source));
    const Configuration loaded = good("[[chain.lender]]\n" AAVE "source = \"" +
                                      std::string(executor::name_of(source)) + "\"\n");
    CHECK(loaded.chains[0].lenders.at(0).enabled == executor::on_by_default(source));
  }
}

TEST_CASE("only a chain of EVM contracts has an executor") {
  const ConfigReport report =
      errors_of({"[[chain]]\nid = \"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp\"\n[chain.execution]\n",
                 good_dex, good_strategies});
  REQUIRE_FALSE(report.errors.empty());
  CHECK_THAT(render_text(report, false),
             Catch::Contains("is of a chain that has no such contract"));
}

TEST_CASE("a URL is private by TLS or by not leaving the machine") {
  for (const std::string_view url :
       {"https://a", "http://127.0.0.1", "http://127.8.9.1:80/x", "http://localhost:8545",
        "http://[::1]:1/", "http://user@localhost/"}) {
    CHECK(is_private_url(url));
  }
  for (const std::string_view url :
       {"http://a", "http://127.0.0.1.example.org", "http://localhost.example", "http://[::2]",
        "ws://127.0.0.1", "wss://a", "HTTPS", "", "http://", "http://10.0.0.1"}) {
    CHECK_FALSE(is_private_url(url));
  }
}

TEST_CASE("a price from outside is read, and its variables are known") {
  const Configuration loaded = good(
      "[[chain.price]]\nname = \"exchange\"\ntoken = " WETH "quote = " USDC
      "url = \"https://a/${PRICE_KEY}\"\nbid = \"/data/0/bid\"\nask = \"/ask\"\nevery_ms = 100\n",
      environment({{"PRICE_KEY", "a"}}));
  REQUIRE(loaded.chains[0].prices.size() == 1);
  const PriceSettings& price = loaded.chains[0].prices[0];
  CHECK(price.name == "exchange");
  CHECK(price.bid == "/data/0/bid");
  CHECK(price.ask == "/ask");
  CHECK(price.every_ms == 100);
  CHECK(price.token.bytes[0] == 0xC0);
  CHECK(price.quote.bytes[0] == 0xA0);
  CHECK(variables_of(loaded).at(0).by == "price exchange");
}

// Signed transactions on their way to a real node: through its providers, and through a relay that
// hands a bundle on when its block comes.
#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <mutex>

#include "evm/anvil_node.hpp"
#include "evm/deployer.hpp"
#include "evm/node_output.hpp"
#include "host/base/text.hpp"
#include "host/ports/clock.hpp"
#include "host/provider/json_rpc.hpp"
#include "host/sign/message.hpp"
#include "host/submit/submitter.hpp"
#include "support/http_server.hpp"
#include "support/rpc_server.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

constexpr std::uint64_t anvil_chain = 31337;
constexpr std::uint64_t gwei = 1'000'000'000;
// Of anvil's first account; everybody's.
constexpr std::string_view rich_key =
    "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
constexpr std::string_view poor_key =
    "0x4646464646464646464646464646464646464646464646464646464646464646";

std::unique_ptr<host::sign::Signer> signer_of(std::string_view key) {
  const auto bytes = host::bytes_of_hex(key).value();
  return host::sign::make_local_signer({bytes.begin(), bytes.end()},
                                       host::sign::Curve::make(host::system_random()).value())
      .value();
}

struct Wanted {
  std::uint64_t nonce = 0;
  std::uint64_t max_fee = 20 * gwei;
  std::uint64_t priority = gwei;
  std::uint64_t chain = anvil_chain;
  std::uint64_t gas = 21'000;
  std::string_view key = rich_key;
};

std::vector<std::uint8_t> signed_bytes(const Wanted& wanted) {
  host::sign::Transaction transaction;
  transaction.chain_id = wanted.chain;
  transaction.nonce = wanted.nonce;
  transaction.max_fee = u256(wanted.max_fee);
  transaction.max_priority_fee = u256(wanted.priority);
  transaction.gas_limit = wanted.gas;
  transaction.to = host::sign::EvmAddress{0x42};
  transaction.value = u256(1000);
  std::vector<std::uint8_t> buffer(host::sign::TransactionEncoder::buffer_size(transaction));
  const auto made = signer_of(wanted.key)->sign(transaction, buffer);
  REQUIRE(made);
  return {made->bytes.begin(), made->bytes.end()};
}

std::string hash_of(const std::vector<std::uint8_t>& transaction) {
  return host::hex_text(host::keccak_of(transaction));
}

// A node that says another hash than that of what it took.
class OddNode final : public RpcNode {
 public:
  explicit OddNode(const Anvil& chain) : node_(chain) {}
  json::array answer(const json::array& calls, const Manner& manner) override {
    json::array answers = node_.answer(calls, manner);
    for (std::size_t i = 0; i < calls.size(); ++i) {
      if (calls[i].at("method") != "eth_sendRawTransaction") continue;
      answers[i].as_object()["result"] = "0x" + std::string(64, '7');
    }
    return answers;
  }

 private:
  AnvilNode node_;
};

class SubmitScene {
 public:
  SubmitScene() : node_(chain_), odd_(chain_) {}
  ~SubmitScene() {
    if (providers_) providers_->stop();
  }

  Anvil& chain() { return chain_; }
  OddNode& odd() { return odd_; }
  AnvilNode& node() { return node_; }
  void add(const std::string& name, const std::string& url, std::int64_t priority = 1) {
    host::RpcProviderSettings provider;
    provider.name = name;
    provider.url = host::TemplatedUrl::parse(url).value();
    provider.priority = priority;
    settings_.providers.push_back(std::move(provider));
  }
  // They have been asked for their chain, and are well.
  host::Providers& providers() {
    if (!providers_) {
      settings_.id = fmt::format("eip155:{}", anvil_chain);
      providers_ =
          host::Providers::make(settings_, {*http_, clock_, environment_}, {.watch = false})
              .value();
      providers_->check_now(10s);
    }
    return *providers_;
  }
  host::SubmitReport send(const std::vector<std::uint8_t>& transaction,
                          std::chrono::milliseconds deadline = 10s) {
    return host::submit_transaction(providers(), transaction, deadline);
  }
  bool waits(const std::vector<std::uint8_t>& transaction) {
    return chain_.call("eth_getTransactionByHash", {json::value(hash_of(transaction))}).is_object();
  }
  bool included(const std::vector<std::uint8_t>& transaction) {
    return chain_.call("eth_getTransactionReceipt", {json::value(hash_of(transaction))})
        .is_object();
  }

  host::ChainSettings& settings() { return settings_; }
  host::HttpPool& http() { return *http_; }

 private:
  Anvil chain_;
  AnvilNode node_;
  OddNode odd_;
  host::ChainSettings settings_;
  host::SteadyClock clock_;  // which the pool's requests ask until they end
  std::unique_ptr<host::HttpPool> http_ = host::make_curl_http_pool().value();
  host::Environment environment_ = [](auto) { return std::nullopt; };
  std::unique_ptr<host::Providers> providers_;
};

}  // namespace

TEST_CASE("a node takes a signed transaction, and a second time knows it already") {
  SubmitScene scene;
  scene.add("local", scene.chain().url());
  const auto transaction = signed_bytes({});
  const host::SubmitReport first = scene.send(transaction);
  INFO(first.message);
  CHECK(first.verdict == host::SubmitVerdict::taken);
  CHECK(first.by == std::vector<std::string>{"local"});
  CHECK(first.message.empty());
  CHECK(scene.waits(transaction));
  const host::SubmitReport again = scene.send(transaction);
  INFO(again.message);
  CHECK(again.verdict == host::SubmitVerdict::taken);
  CHECK(again.by == std::vector<std::string>{"local"});
  CHECK_THAT(again.message, Catch::Contains("provider local: '"));
  scene.chain().call("evm_mine");
  CHECK(scene.included(transaction));
}

TEST_CASE("what a node refuses is told in its own words, and is not there") {
  SubmitScene scene;
  scene.add("local", scene.chain().url());
  REQUIRE(scene.send(signed_bytes({})).verdict == host::SubmitVerdict::taken);
  scene.chain().call("evm_mine");
  REQUIRE(scene.send(signed_bytes({.nonce = 1})).verdict == host::SubmitVerdict::taken);
  struct Row {
    std::vector<std::uint8_t> transaction;
    std::string words;
    // A nonce may be taken by the very transaction.
    host::SubmitVerdict verdict = host::SubmitVerdict::refused;
  };
  for (const Row& row :
       {Row{signed_bytes({.nonce = 0, .priority = gwei + 1}), "nonce too low",
            host::SubmitVerdict::maybe},
        Row{signed_bytes({.nonce = 1, .max_fee = 19 * gwei}), "underpriced"},
        Row{signed_bytes({.nonce = 2, .key = poor_key}), "nsufficient funds"},
        Row{signed_bytes({.nonce = 2, .chain = 1}), "chain"},
        Row{signed_bytes({.nonce = 2, .gas = 20'000}), "gas"}, Row{{0x02, 0xff, 0x00}, "decode"}}) {
    INFO(row.words);
    const host::SubmitReport report = scene.send(row.transaction);
    INFO(report.message);
    CHECK(report.verdict == row.verdict);
    CHECK(report.by.empty() == (row.verdict == host::SubmitVerdict::refused));
    CHECK_THAT(report.message, Catch::Contains(row.words));
    CHECK_THAT(report.message, Catch::StartsWith("provider local: '"));
    CHECK_FALSE(scene.waits(row.transaction));
  }
  // An eighth more of both is what a node takes in its place.
  const auto bump = [](std::uint64_t fee) { return fee + fee / 8; };
  const auto replacement =
      signed_bytes({.nonce = 1, .max_fee = bump(20 * gwei), .priority = bump(gwei)});
  CHECK(scene.send(replacement).verdict == host::SubmitVerdict::taken);
  scene.chain().call("evm_mine");
  CHECK(scene.included(replacement));
}

TEST_CASE("a transaction that a provider may have taken is sent to no other") {
  for (const RpcFault fault : {RpcFault::hang, RpcFault::close, RpcFault::reset, RpcFault::garbage,
                               RpcFault::html, RpcFault::node_fails}) {
    INFO(to_string(fault));
    SubmitScene scene;
    RpcServer fails(scene.node(), scene.node());
    RpcServer well(scene.node(), scene.node());
    scene.add("fails", fails.url(), 1);
    scene.add("well", well.url(), 2);
    scene.providers();
    fails.fail(fault);
    const std::uint64_t before = well.requests();
    const host::SubmitReport report = scene.send(signed_bytes({}), 1s);
    INFO(report.message);
    CHECK(report.verdict == host::SubmitVerdict::maybe);
    CHECK_THAT(report.message, Catch::Contains("fails"));
    CHECK(well.requests() == before);
  }
}

TEST_CASE("a transaction that a provider surely has not is another's to take") {
  for (const RpcFault fault : {RpcFault::limited, RpcFault::key_refused}) {
    INFO(to_string(fault));
    SubmitScene scene;
    RpcServer fails(scene.node(), scene.node());
    scene.add("fails", fails.url(), 1);
    scene.add("well", scene.chain().url(), 2);
    scene.providers();
    fails.fail(fault);
    const auto transaction = signed_bytes({});
    const host::SubmitReport report = scene.send(transaction);
    INFO(report.message);
    CHECK(report.verdict == host::SubmitVerdict::taken);
    CHECK(report.by == std::vector<std::string>{"well"});
    CHECK(scene.waits(transaction));
  }
}

TEST_CASE("a node that tells another hash may have what was sent") {
  SubmitScene scene;
  RpcServer odd(scene.odd(), scene.odd());
  scene.add("odd", odd.url());
  const auto transaction = signed_bytes({});
  const host::SubmitReport report = scene.send(transaction);
  CHECK(report.verdict == host::SubmitVerdict::maybe);
  CHECK(report.by == std::vector<std::string>{"odd"});
  CHECK_THAT(report.message, Catch::Contains(hash_of(transaction)));
}

TEST_CASE("nothing leaves once the providers are stopped") {
  SubmitScene scene;
  scene.add("local", scene.chain().url());
  scene.providers().stop();
  const auto transaction = signed_bytes({});
  CHECK(scene.send(transaction).verdict != host::SubmitVerdict::taken);
  CHECK_FALSE(scene.waits(transaction));
}

TEST_CASE("a relay hands a bundle on in its block and in no other, signed as viem has it") {
  SubmitScene scene;
  // As a relay works: it keeps bundles, and lets those of the next block in when that is made.
  std::mutex mutex;
  std::vector<HttpCall> kept;
  const HttpServer relay([&](const HttpCall& call) -> HttpReply {
    const std::lock_guard lock(mutex);
    kept.push_back(call);
    return {200, R"({"jsonrpc":"2.0","id":1,"result":{"bundleHash":"0x00"}})"};
  });
  const auto make_block = [&] {
    const std::lock_guard lock(mutex);
    const auto next = host::quantity(scene.chain().call("eth_blockNumber")).value() + 1;
    for (const HttpCall& call : kept) {
      const json::value body = json::parse(call.body);
      const json::value& bundle = body.at("params").at(0);
      if (host::quantity(bundle.at("blockNumber")) != next) continue;
      for (const json::value& one : bundle.at("txs").as_array()) {
        scene.chain().call("eth_sendRawTransaction", {one});
      }
    }
    scene.chain().call("evm_mine");
    return next;
  };
  scene.settings().relays.push_back({"own", host::TemplatedUrl::parse(relay.url()).value()});
  auto key = host::make_relay_key(host::system_random()).value();
  const std::string signer = host::checksummed_address(key->address());
  auto submitter = host::RelaySubmitter::make(
      scene.http(), scene.settings(), [](auto) { return std::nullopt; }, std::move(key));
  REQUIRE(submitter);
  const auto block = host::quantity(scene.chain().call("eth_blockNumber")).value();
  const auto first = signed_bytes({});
  const auto second = signed_bytes({.nonce = 1});
  const host::Bundle bundle{{first, second}, block + 2, {}, {}};
  const auto report = submitter->submit(bundle, std::chrono::steady_clock::now() + 10s);
  CHECK(report.verdict == host::SubmitVerdict::taken);
  CHECK(report.by == std::vector<std::string>{"own"});
  CHECK_FALSE(scene.waits(first));  // nobody sees it before its block
  make_block();
  CHECK_FALSE(scene.included(first));
  CHECK(make_block() == block + 2);
  CHECK(scene.included(first));
  CHECK(scene.included(second));

  const std::string& header = kept.at(0).headers.at("x-flashbots-signature");
  const std::string& body = kept.at(0).body;
  const auto recovered = [&](std::string_view of) {
    const std::string hex =
        host::hex_text({reinterpret_cast<const std::uint8_t*>(of.data()), of.size()});
    std::string out = node_output("relay_signer.mjs", hex + " " + header);
    out.resize(out.find('\n'));
    return out;
  };
  CHECK(header.substr(0, header.find(':')) == signer);
  CHECK(recovered(body) == signer);
  CHECK(recovered(body + " ") != signer);
}

}  // namespace gantry::test

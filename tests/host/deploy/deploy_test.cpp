// What nodes say of an executor, believed only where it can be.
#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <functional>
#include <map>
#include <mutex>

#include "host/base/keccak.hpp"
#include "host/base/text.hpp"
#include "host/deploy/executor.hpp"
#include "host/deploy/owner_account.hpp"
#include "host/ports/clock.hpp"
#include "support/rpc_server.hpp"

using namespace gantry;
using namespace gantry::host;
using gantry::test::RpcNode;
using gantry::test::RpcServer;
namespace json = boost::json;

namespace {

sign::EvmAddress account_of(std::string_view hex) {
  const auto bytes = bytes_of_hex(hex).value();
  sign::EvmAddress out{};
  std::ranges::copy(bytes, out.begin());
  return out;
}
const std::string some_hash = "0x" + std::string(64, '1');

// Says what a test wants of some methods, and is of one block for all others.
class LyingNode final : public RpcNode {
 public:
  json::array answer(const json::array& calls, const Manner&) override {
    json::array out;
    for (const json::value& call : calls) {
      const std::string method(call.at("method").as_string());
      json::object reply{{"jsonrpc", "2.0"}, {"id", call.at("id")}};
      const std::lock_guard lock(mutex_);
      const auto told = says_.find(method);
      reply["result"] = told != says_.end() ? told->second : usual(method);
      out.push_back(std::move(reply));
    }
    return out;
  }
  void says(const std::string& method, json::value result) {
    const std::lock_guard lock(mutex_);
    says_[method] = std::move(result);
  }

 private:
  static json::value usual(const std::string& method) {
    if (method == "eth_chainId") return "0x7a69";
    if (method == "eth_blockNumber") return "0x10";
    if (method == "eth_getBlockByNumber" || method == "eth_getBlockByHash") {
      return json::object{{"number", "0x10"},
                          {"hash", some_hash},
                          {"parentHash", "0x" + std::string(64, '2')},
                          {"timestamp", "0x5"},
                          {"baseFeePerGas", "0x7"}};
    }
    if (method == "eth_getCode") return "0x";
    return "0x1";
  }

  std::mutex mutex_;  // guards says_
  std::map<std::string, json::value> says_;
};

class LyingScene {
 public:
  LyingScene() : server_(node, node) {
    chain.id = "eip155:31337";
    RpcProviderSettings provider;
    provider.name = "liar";
    provider.url = TemplatedUrl::parse(server_.url()).value();
    chain.providers.push_back(provider);
    ProviderOptions options;
    options.watch = false;
    options.on_event = [](const ProviderEvent&) {};
    providers = Providers::make(chain, {*http_, clock_, [](auto) { return std::nullopt; }}, options)
                    .value();
  }
  ~LyingScene() { providers->stop(); }

  LyingNode node;
  ChainSettings chain;
  gantry_address someone = sign::to_gantry(sign::EvmAddress{0x42});

 private:
  RpcServer server_;
  SteadyClock clock_;  // which the pool's requests ask until they end
  std::unique_ptr<HttpPool> http_ = make_curl_http_pool().value();

 public:
  std::unique_ptr<Providers> providers;
};

struct Lie {
  std::string method;
  json::value said;
  std::function<bool(deploy::ChainReads&, const gantry_address&)> fails;
};

template <class T>
bool is_error(const Result<T>& result) {
  return !result && !result.error().message.empty();
}

}  // namespace

TEST_CASE("a contract's address is that of its maker and nonce") {
  // Of anvil's and hardhat's first account, as those nodes deploy; and of a nonce of two bytes.
  const auto account = account_of("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266");
  CHECK(hex_text(deploy::created_address(account, 0)) ==
        "0x5fbdb2315678afecb367f032d93f642f64180aa3");
  CHECK(hex_text(deploy::created_address(account, 1)) ==
        "0xe7f1725e7734ce288f8367e1bb143e90bb3f0512");
  CHECK(hex_text(deploy::created_address(account, 2)) ==
        "0x9fe46736679d2d9a65f0992f2272de9f3c7fa6e0");
}

TEST_CASE("the executor's calls are as its ABI has them") {
  CHECK(hex_text(selector_of("fund(address,uint256)")) == "0x7b1837de");
  CHECK(hex_text(selector_of("forget(address)")) == "0x6e7cee86");
  CHECK(deploy::hex_digits(u256(0)) == "0");
  CHECK(deploy::hex_digits(u256(0x1a0)) == "1a0");
  CHECK(deploy::hex_digits(u256::max()) == std::string(64, 'f'));
  const auto token = sign::to_gantry(account_of("0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266"));
  CHECK(hex_text(deploy::fund_data(token, u256(5))) ==
        "0x7b1837de" + std::string(24, '0') + "f39fd6e51aad88f6f4ce6ab8827279cfffb92266" +
            std::string(63, '0') + "5");
  const auto creation = deploy::creation_data(token);
  CHECK(creation.size() == deploy::executor_creation_code().size() + 32);
}

TEST_CASE("what a node cannot mean is an error, and nothing is made of it") {
  const std::string zeros(64, '0');
  const auto word = [&](std::string digits) {
    return std::string(64 - digits.size(), '0') + digits;
  };
  const auto balance = [](auto& reads, auto& of) { return is_error(reads.balance(of)); };
  const auto nonce = [](auto& reads, auto& of) { return is_error(reads.nonce(of)); };
  const auto code = [](auto& reads, auto& of) { return is_error(reads.code(of)); };
  const auto owner = [](auto& reads, auto& of) { return is_error(deploy::owner_of(reads, of)); };
  const auto watched = [](auto& reads, auto& of) {
    return is_error(deploy::watched_by(reads, of));
  };
  const auto gas = [](auto& reads, auto& of) {
    return is_error(reads.estimate_gas({of, of, u256(), {}}));
  };
  const auto price = [](auto& reads, auto&) { return is_error(reads.gas_price()); };
  const auto receipt = [](auto& reads, auto&) {
    Hash32 hash{};
    hash.fill(0x11);
    return is_error(reads.included(hash));
  };
  const json::object good{{"transactionHash", some_hash},
                          {"blockHash", some_hash},
                          {"blockNumber", "0x10"},
                          {"status", "0x1"},
                          {"gasUsed", "0x5208"}};
  const auto without = [&](const char* name) {
    json::object out = good;
    out.erase(name);
    return out;
  };
  json::object of_another = good;
  of_another["transactionHash"] = "0x" + std::string(64, '3');
  const Lie lies[] = {
      {"eth_getBalance", "0xzz", balance},
      {"eth_getBalance", 5, balance},
      {"eth_getBalance", "12", balance},
      {"eth_getBalance", json::value("0x1" + zeros), balance},
      {"eth_getTransactionCount", "0x10000000000000000", nonce},
      {"eth_getTransactionCount", nullptr, nonce},
      {"eth_getCode", "0x123", code},
      {"eth_getCode", json::array(), code},
      {"eth_estimateGas", "many", gas},
      {"eth_gasPrice", json::object(), price},
      {"eth_call", "0x", owner},
      {"eth_call", json::value("0x" + word("1") + "00"), owner},
      {"eth_call", json::value("0x1" + std::string(63, '0')), owner},  // no address
      {"eth_call", "0x", watched},
      {"eth_call", json::value("0x" + word("20")), watched},
      {"eth_call", json::value("0x" + word("40") + zeros), watched},
      {"eth_call", json::value("0x" + word("20") + word("1")), watched},
      {"eth_call", json::value("0x" + word("20") + std::string(64, 'f')), watched},
      {"eth_call", json::value("0x" + word("20") + word("1") + "1" + std::string(63, '0')),
       watched},
      {"eth_getTransactionReceipt", without("blockNumber"), receipt},
      {"eth_getTransactionReceipt", without("blockHash"), receipt},
      {"eth_getTransactionReceipt", without("status"), receipt},
      {"eth_getTransactionReceipt", without("gasUsed"), receipt},
      {"eth_getTransactionReceipt", of_another, receipt},
      {"eth_getTransactionReceipt", "0x1", receipt},
  };
  for (const Lie& lie : lies) {
    INFO(lie.method << " " << json::serialize(lie.said));
    LyingScene scene;
    deploy::ChainReads reads(*scene.providers);
    REQUIRE(reads.begin());
    scene.node.says(lie.method, lie.said);
    CHECK(lie.fails(reads, scene.someone));
  }
  LyingScene scene;
  deploy::ChainReads reads(*scene.providers);
  REQUIRE(reads.begin());
  scene.node.says("eth_getTransactionReceipt", good);
  CHECK_FALSE(receipt(reads, scene.someone));
  scene.node.says("eth_getTransactionReceipt", nullptr);
  Hash32 hash{};
  CHECK_FALSE(reads.included(hash).value().has_value());
}

TEST_CASE("a chain whose blocks have no base fee is paid by gas price, within the same bound") {
  LyingScene scene;
  scene.chain.execution.emplace();
  scene.node.says("eth_getBlockByNumber", json::object{{"number", "0x10"},
                                                       {"hash", some_hash},
                                                       {"parentHash", "0x" + std::string(64, '2')},
                                                       {"timestamp", "0x5"}});
  scene.node.says("eth_gasPrice", "0x5");
  scene.node.says("eth_getBalance", "0xffffffffff");
  scene.node.says("eth_estimateGas", "0x5208");
  auto account = deploy::OwnerAccount::open(scene.chain, *scene.providers, scene.someone);
  REQUIRE(account);
  const deploy::Want want{"try", scene.someone, u256(1), {}};
  const auto drafts = account->draft({&want, 1});
  REQUIRE(drafts);
  const sign::Transaction& transaction = drafts->front().transaction;
  CHECK(transaction.type == sign::TransactionType::legacy);
  CHECK(transaction.gas_price == u256(5));
  CHECK(transaction.chain_id == 31337);
  CHECK(drafts->front().cost_max == u256(5 * 25'200 + 1));
  scene.node.says("eth_gasPrice", "0x1000000000000");
  const auto dear = account->draft({&want, 1});
  REQUIRE_FALSE(dear);
  CHECK(dear.error().kind == ErrorKind::limit);
}

TEST_CASE("a chain that is no EVM chain has no executor") {
  LyingScene scene;
  for (const char* id : {"solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp", "eip155:", "eip155:0",
                         "eip155:99999999999999999999", "eip155:1x"}) {
    ChainSettings chain = scene.chain;
    chain.id = id;
    const auto account = deploy::OwnerAccount::open(chain, *scene.providers, scene.someone);
    REQUIRE_FALSE(account);
    CHECK(account.error().kind == ErrorKind::usage);
  }
}

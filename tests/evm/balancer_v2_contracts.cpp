#include "evm/balancer_v2_contracts.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace gantry::test {
namespace {

namespace json = boost::json;

constexpr std::size_t calls_per_batch = 250;
constexpr std::string_view tasks = "@balancer-labs/v2-deployments/dist/tasks/";

// Where a deployment's factory is in the package, and how it is called.
struct FactoryFile {
  std::string_view deployment;
  std::string_view artifact;
  enum class Order {
    weighted_1,
    weighted_2,
    weighted_4,
    stable,
    meta_stable,
    phantom,
    composable,
    composable_4,
    composable_5
  } order;
  int constructor_words;  // vault; with the provider of protocol fees; with two texts of version
  bool has_own_token;
  bool names_itself;
  bool in_package = true;  // else in a copy of Balancer's repository of deployments
};
using Order = FactoryFile::Order;

constexpr FactoryFile files[] = {
    {"20210418-weighted-pool", "deprecated/20210418-weighted-pool/artifact/WeightedPoolFactory",
     Order::weighted_1, 1, false, false},
    {"20220908-weighted-pool-v2", "20220908-weighted-pool-v2/artifact/WeightedPoolFactory",
     Order::weighted_2, 2, false, false},
    {"20230206-weighted-pool-v3", "20230206-weighted-pool-v3/artifact/WeightedPoolFactory",
     Order::weighted_2, 4, false, true},
    {"20210624-stable-pool", "deprecated/20210624-stable-pool/artifact/StablePoolFactory",
     Order::stable, 1, false, false},
    {"20210727-meta-stable-pool",
     "deprecated/20210727-meta-stable-pool/artifact/MetaStablePoolFactory", Order::meta_stable, 1,
     false, false},
    {"20211208-stable-phantom-pool",
     "deprecated/20211208-stable-phantom-pool/artifact/StablePhantomPoolFactory", Order::phantom, 1,
     true, false},
    {"20220609-stable-pool-v2", "20220609-stable-pool-v2/artifact/StablePoolFactory", Order::stable,
     1, false, false},
    {"20220906-composable-stable-pool",
     "deprecated/20220906-composable-stable-pool/artifact/ComposableStablePoolFactory",
     Order::composable, 2, true, false},
    {"20221122-composable-stable-pool-v2",
     "20221122-composable-stable-pool-v2/artifact/ComposableStablePoolFactory", Order::composable,
     4, true, true},
    {"20230206-composable-stable-pool-v3",
     "20230206-composable-stable-pool-v3/artifact/ComposableStablePoolFactory", Order::composable,
     4, true, true},
    {"20230320-weighted-pool-v4", "v2/tasks/20230320-weighted-pool-v4/artifact/WeightedPoolFactory",
     Order::weighted_4, 4, false, true, false},
    {"20230320-composable-stable-pool-v4",
     "v2/deprecated/20230320-composable-stable-pool-v4/artifact/ComposableStablePoolFactory",
     Order::composable_4, 4, true, true, false},
    {"20230711-composable-stable-pool-v5",
     "v2/deprecated/20230711-composable-stable-pool-v5/artifact/ComposableStablePoolFactory",
     Order::composable_5, 4, true, true, false},
    {"20240223-composable-stable-pool-v6",
     "v2/deprecated/20240223-composable-stable-pool-v6/artifact/ComposableStablePoolFactory",
     Order::composable_5, 4, true, true, false},
};

const FactoryFile& file_of(const std::string& deployment) {
  for (const FactoryFile& file : files) {
    if (file.deployment == deployment) return file;
  }
  throw std::runtime_error("no factory of " + deployment);
}

std::string creation_code(std::string_view artifact) {
  const json::object file = read_artifact(std::string(tasks) + std::string(artifact) + ".json");
  return text_of(file.at("bytecode")).substr(2);
}

// Creation code of `runtime`: it copies what follows itself and returns it.
std::string creation_of(const std::string& runtime) {
  const auto size = static_cast<unsigned>(runtime.size() / 2);
  const std::string digits = word(size).substr(word_digits - 2);
  return "60" + digits + "600c60003960" + digits + "6000f3" + runtime;
}

const std::string one = "1" + std::string(18, '0');

}  // namespace

std::string balancer_repository_code(const std::string& artifact) {
  const char* folder = std::getenv("GANTRY_BALANCER_DEPLOYMENTS");
  if (folder == nullptr) throw std::runtime_error("GANTRY_BALANCER_DEPLOYMENTS names no folder");
  const std::string path = std::string(folder) + "/" + artifact + ".json";
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) throw std::runtime_error(path + " cannot be read");
  return text_of(json::parse(text.str()).as_object().at("bytecode")).substr(2);
}

std::string BalancerV2::repository_artifact(const std::string& deployment) {
  return std::string(file_of(deployment).artifact);
}

BalancerV2::BalancerV2(Anvil& chain) : deployer_(chain) {
  const auto task = [&](std::string_view artifact, const AbiArguments& arguments) {
    return deployer_.deploy(creation_code(artifact) + arguments.digits());
  };
  const std::string authorizer =
      task("20210418-authorizer/artifact/Authorizer", AbiArguments().address(owner()));
  const std::string weth = make_token(18).address;
  constexpr std::uint64_t pause_window_s = 90 * 86'400;
  constexpr std::uint64_t buffer_s = 30 * 86'400;
  vault_ =
      task("20210418-vault/artifact/Vault",
           AbiArguments().address(authorizer).address(weth).word(pause_window_s).word(buffer_s));
  queries_ =
      task("20220721-balancer-queries/artifact/BalancerQueries", AbiArguments().address(vault_));
  fee_provider_ =
      task("20220725-protocol-fee-percentages-provider/artifact/ProtocolFeePercentagesProvider",
           AbiArguments().address(vault_).word(Integer(one) / 2).word(Integer(one) / 2));
}

// decimals() is answered with the number, everything else with 1, which is true.
VenueToken BalancerV2::make_token(std::uint32_t decimals) {
  const std::string number = word(decimals).substr(word_digits - 2);
  const std::string runtime =
      "60003560e01c63313ce56714601957600160005260206000f35b60" + number + "60005260206000f3";
  return {deployer_.deploy(creation_of(runtime)), decimals};
}

std::vector<VenueToken> BalancerV2::make_tokens(const std::vector<std::uint32_t>& decimals) {
  std::vector<VenueToken> tokens;
  for (const std::uint32_t count : decimals) tokens.push_back(make_token(count));
  std::ranges::sort(tokens, [](const VenueToken& a, const VenueToken& b) {
    return to_integer(a.address) < to_integer(b.address);
  });
  return tokens;
}

// Whatever it is asked, it answers with what it has stored.
std::string BalancerV2::make_provider(const Integer& rate) {
  const std::string provider = deployer_.deploy(creation_of("60005460005260206000f3"));
  set_rate(provider, rate);
  return provider;
}

void BalancerV2::set_rate(const std::string& provider, const Integer& rate) {
  deployer_.chain().call("anvil_setStorageAt", {provider, hex_word(0), hex_word(rate)});
}

const std::string& BalancerV2::factory(const std::string& deployment) {
  std::string& address = factories_[deployment];
  if (!address.empty()) return address;
  const FactoryFile& file = file_of(deployment);
  std::string code = file.in_package ? creation_code(file.artifact)
                                     : balancer_repository_code(std::string(file.artifact));
  if (file.order == Order::meta_stable) {
    // The one library that is linked: its place is 40 digits that begin with "__$".
    const std::string library = deployer_.deploy(
        creation_code("deprecated/20210727-meta-stable-pool/artifact/QueryProcessor"));
    for (std::size_t at = code.find("__$"); at != code.npos; at = code.find("__$")) {
      code.replace(at, 40, library.substr(2));
    }
  }
  AbiArguments arguments;
  arguments.address(vault_);
  if (file.constructor_words >= 2) arguments.address(fee_provider_);
  if (file.constructor_words == 4) {
    const std::string version = R"({"name":"Pool","version":0,"deployment":")" + deployment + "\"}";
    arguments.text(version).text(version);
  }
  address = deployer_.deploy(code + arguments.digits());
  return address;
}

BalancerPool BalancerV2::create(const BalancerPoolOrder& order) {
  const FactoryFile& file = file_of(order.deployment);
  std::vector<std::string> tokens;
  for (const VenueToken& token : order.tokens) tokens.push_back(token.address);
  const std::string nobody = "0x" + std::string(40, '0');
  std::vector<std::string> providers;
  for (const std::string& provider : order.providers) {
    providers.push_back(provider.empty() ? nobody : provider);
  }
  providers.resize(tokens.size(), nobody);
  const std::vector<Integer> durations(tokens.size(), order.cache_seconds);
  AbiArguments create;
  create.text("pool").text("POOL").addresses(tokens);
  std::string signature = "create(string,string,address[],uint256";
  switch (file.order) {
    case Order::weighted_1:
      create.words(order.weights).word(order.fee);
      signature += "[],uint256,address)";
      break;
    case Order::weighted_2:
      create.words(order.weights).addresses(providers).word(order.fee);
      signature += "[],address[],uint256,address)";
      break;
    case Order::weighted_4:
      create.words(order.weights).addresses(providers).word(order.fee);
      signature += "[],address[],uint256,address,bytes32)";
      break;
    case Order::stable:
      create.word(order.amp).word(order.fee);
      signature += ",uint256,address)";
      break;
    case Order::meta_stable:
      create.word(order.amp).addresses(providers).words(durations).word(order.fee).word(0);
      signature += ",address[],uint256[],uint256,bool,address)";
      break;
    case Order::phantom:
      create.word(order.amp).addresses(providers).words(durations).word(order.fee);
      signature += ",address[],uint256[],uint256,address)";
      break;
    case Order::composable:
      create.word(order.amp).addresses(providers).words(durations);
      create.words(std::vector<Integer>(tokens.size(), 0)).word(order.fee);
      signature += ",address[],uint256[],bool[],uint256,address)";
      break;
    case Order::composable_4:
      create.word(order.amp).addresses(providers).words(durations);
      create.words(std::vector<Integer>(tokens.size(), 0)).word(order.fee);
      signature += ",address[],uint256[],bool[],uint256,address,bytes32)";
      break;
    case Order::composable_5:
      create.word(order.amp).addresses(providers).words(durations).word(0).word(order.fee);
      signature += ",address[],uint256[],bool,uint256,address,bytes32)";
      break;
  }
  create.address(owner());
  if (!file.in_package) create.word(salt_++);
  const std::vector<ChainLog> logs =
      deployer_.send(factory(order.deployment), deployer_.selector(signature) + create.digits());
  const std::string created = deployer_.topic("PoolCreated(address)");
  BalancerPool pool;
  for (const ChainLog& log : logs) {
    if (log.topics.starts_with(created)) pool.address = "0x" + log.topics.substr(2 + 64 + 24);
  }
  if (pool.address.empty()) throw std::runtime_error("the factory named no pool");
  pool.id = ask(pool.address, "getPoolId()");
  pool.deployment = order.deployment;
  pool.names_itself = file.names_itself;
  pool.tokens = order.tokens;
  pool.providers = order.providers;
  pool.providers.resize(tokens.size());
  if (file.has_own_token) {
    std::size_t place = 0;
    while (place < tokens.size() && to_integer(tokens[place]) < to_integer(pool.address)) ++place;
    pool.own = place;
    pool.tokens.insert(pool.tokens.begin() + static_cast<std::ptrdiff_t>(place),
                       VenueToken{pool.address, 18});
    pool.providers.insert(pool.providers.begin() + static_cast<std::ptrdiff_t>(place), "");
  }
  return pool;
}

void BalancerV2::fund(const BalancerPool& pool, const std::vector<Integer>& amounts) {
  std::vector<std::string> tokens;
  for (const VenueToken& token : pool.tokens) tokens.push_back(token.address);
  std::vector<Integer> given = amounts;
  const Integer unlimited = (Integer(1) << 256) - 1;
  if (pool.own) given.insert(given.begin() + static_cast<std::ptrdiff_t>(*pool.own), 0);
  const std::string init = AbiArguments().word(0).words(given).digits();
  const std::string request = AbiArguments()
                                  .addresses(tokens)
                                  .words(std::vector<Integer>(tokens.size(), unlimited))
                                  .bytes(init)
                                  .word(0)
                                  .digits();
  tell(vault_, "joinPool(bytes32,address,address,(address[],uint256[],bytes,bool))",
       pool.id.substr(2) + address_word(owner()) + address_word(owner()) + word(4 * 32) + request);
}

std::vector<ChainLog> BalancerV2::swap(const BalancerQuery& swap) {
  const BalancerPool& pool = *swap.pool;
  const std::string single =
      pool.id.substr(2) + word(swap.given_in ? 0 : 1) + address_word(pool.tokens[swap.in].address) +
      address_word(pool.tokens[swap.out].address) + word(swap.amount) + word(6 * 32) + word(0);
  const Integer unlimited = (Integer(1) << 256) - 1;
  const std::string signature =
      "swap((bytes32,uint8,address,address,uint256,bytes),(address,bool,address,bool),uint256,"
      "uint256)";
  return deployer_.send(vault_, deployer_.selector(signature) + word(7 * 32) +
                                    address_word(owner()) + word(0) + address_word(owner()) +
                                    word(0) + word(swap.given_in ? Integer(0) : unlimited) +
                                    word(unlimited) + single);
}

std::vector<Integer> BalancerV2::balances(const BalancerPool& pool) {
  const std::string answer = ask(vault_, "getPoolTokens(bytes32)", pool.id.substr(2));
  const auto at = (word_at(answer, 1) / 32).convert_to<std::size_t>();
  std::vector<Integer> balances;
  for (std::size_t i = 0; i < pool.tokens.size(); ++i) {
    balances.push_back(word_at(answer, at + 1 + i));
  }
  return balances;
}

std::vector<BalancerVerdict> BalancerV2::ask_all(const std::vector<Call>& calls,
                                                 std::optional<std::uint64_t> time_s) {
  std::vector<BalancerVerdict> verdicts;
  for (std::size_t begin = 0; begin < calls.size(); begin += calls_per_batch) {
    std::vector<RpcRequest> requests;
    const std::size_t end = std::min(begin + calls_per_batch, calls.size());
    for (std::size_t i = begin; i < end; ++i) {
      const Call& call = calls[i];
      json::array params = {json::object{{"from", call.from}, {"to", call.to}, {"data", call.data}},
                            "latest"};
      if (time_s) {
        params.push_back(json::object{});
        params.push_back(
            json::object{{"time", "0x" + Integer(*time_s).str(0, std::ios_base::hex)}});
      }
      requests.push_back({.method = "eth_call", .params = std::move(params)});
    }
    for (const RpcAnswer& answer : deployer_.chain().batch(requests)) {
      if (answer.failure) {
        verdicts.push_back({false, 0, revert_reason(*answer.failure)});
      } else {
        verdicts.push_back({true, word_at(text_of(answer.result), 0), {}});
      }
    }
  }
  return verdicts;
}

std::vector<BalancerVerdict> BalancerV2::query(const std::vector<BalancerQuery>& queries,
                                               std::optional<std::uint64_t> time_s) {
  const std::string selector = deployer_.selector(
      "querySwap((bytes32,uint8,address,address,uint256,bytes),(address,bool,address,bool))");
  std::vector<Call> calls;
  for (const BalancerQuery& query : queries) {
    const BalancerPool& pool = *query.pool;
    calls.push_back({owner(), queries_,
                     selector + word(5 * 32) + address_word(owner()) + word(0) +
                         address_word(owner()) + word(0) + pool.id.substr(2) +
                         word(query.given_in ? 0 : 1) +
                         address_word(pool.tokens[query.in].address) +
                         address_word(pool.tokens[query.out].address) + word(query.amount) +
                         word(6 * 32) + word(0)});
  }
  return ask_all(calls, time_s);
}

BalancerV2::Call BalancerV2::on_swap_call(const BalancerQuery& query,
                                          const std::vector<Integer>& balances) {
  // (kind, tokenIn, tokenOut, amount, poolId, lastChangeBlock, from, to, userData)
  const std::string request =
      "onSwap((uint8,address,address,uint256,bytes32,uint256,address,address,bytes)";
  const BalancerPool& pool = *query.pool;
  AbiArguments arguments;
  arguments.tail(word(query.given_in ? 0 : 1) + address_word(pool.tokens[query.in].address) +
                 address_word(pool.tokens[query.out].address) + word(query.amount) +
                 pool.id.substr(2) + word(0) + address_word(owner()) + address_word(owner()) +
                 word(9 * 32) + word(0));
  // Bytes 20 and 21 of an id say what the Vault tells the pool: all balances, or two.
  std::string selector;
  if (pool.id.substr(2 + 40, 4) == "0000") {
    selector = deployer_.selector(request + ",uint256[],uint256,uint256)");
    arguments.words(balances).word(query.in).word(query.out);
  } else {
    selector = deployer_.selector(request + ",uint256,uint256)");
    arguments.word(balances[query.in]).word(balances[query.out]);
  }
  return {vault_, pool.address, selector + arguments.digits()};
}

std::vector<BalancerVerdict> BalancerV2::on_swap(const std::vector<BalancerQuery>& queries,
                                                 const std::vector<std::vector<Integer>>& balances,
                                                 std::optional<std::uint64_t> time_s) {
  std::vector<Call> calls;
  for (std::size_t i = 0; i < queries.size(); ++i) {
    calls.push_back(on_swap_call(queries[i], balances[i]));
  }
  return ask_all(calls, time_s);
}

std::uint64_t BalancerV2::time() {
  const json::value block = deployer_.chain().call("eth_getBlockByNumber", {"latest", false});
  return to_integer(text_of(block.at("timestamp"))).convert_to<std::uint64_t>();
}

std::string BalancerV2::ask(const std::string& contract, const std::string& signature,
                            const std::string& digits) {
  return deployer_.read(contract, deployer_.selector(signature) + digits);
}

void BalancerV2::tell(const std::string& contract, const std::string& signature,
                      const std::string& digits) {
  deployer_.send(contract, deployer_.selector(signature) + digits);
}

std::vector<std::uint8_t> BalancerV2::metadata(const BalancerPool& pool) {
  const std::string text = pool.names_itself ? "" : "variant=" + pool.deployment;
  return {text.begin(), text.end()};
}

}  // namespace gantry::test

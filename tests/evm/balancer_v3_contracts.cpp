#include "evm/balancer_v3_contracts.hpp"

#include <algorithm>
#include <stdexcept>

#include "evm/balancer_v2_contracts.hpp"
#include "evm/node_output.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

constexpr std::size_t calls_per_batch = 100;
constexpr std::uint64_t minimum_trade = 1'000'000;  // as the deployed vaults have them
constexpr std::uint64_t factory_pause_window_s = 4 * 365 * 86'400;
constexpr std::uint64_t minimum_wrap = 10'000;
constexpr std::uint64_t swap_fee_share = 500'000'000'000'000'000;   // of the protocol
constexpr std::uint64_t yield_fee_share = 100'000'000'000'000'000;  // likewise

const std::string nobody = "0x" + std::string(40, '0');

std::vector<std::string> addresses_of(const V3Pool& pool) {
  std::vector<std::string> addresses;
  for (const VenueToken& token : pool.tokens) addresses.push_back(token.address);
  return addresses;
}

std::string version_of(const std::string& name, const std::string& deployment) {
  return R"({"name":")" + name + R"(","version":2,"deployment":")" + deployment + "\"}";
}

}  // namespace

std::string v3_factory_artifact(const std::string& deployment) {
  const bool newest = deployment.starts_with("2026");
  const bool weighted = deployment.find("weighted") != deployment.npos;
  return std::string("v3/") + (newest ? "tasks/" : "deprecated/") + deployment + "/artifact/" +
         (weighted ? "WeightedPoolFactory" : "StablePoolFactory");
}

BalancerV3::BalancerV3(Anvil& chain, Contracts contracts)
    : deployer_(chain),
      contracts_(contracts),
      codes_(json::parse(node_output("compile_balancer_v3.mjs")).as_object()) {
  const std::string authorizer = deployer_.deploy(code("V3Authorizer"));
  // The parts of the Vault name it before it is there: it is the fourth contract from here on.
  const auto nonce = to_integer(text_of(
      chain.call("eth_getTransactionCount", {json::string(deployer_.account()), "latest"})));
  const Integer last = nonce + 3;
  if (last >= 0x80) throw std::runtime_error("the nonce is too large for one byte");
  const std::string rlp =
      "0xd694" + deployer_.account().substr(2) + word(last).substr(word_digits - 2);
  const std::string vault = "0x" + deployer_.sha3(rlp).substr(2 + 24);
  const std::string at = address_word(vault);
  constexpr std::uint64_t pause_window_s = 4 * 365 * 86'400;
  constexpr std::uint64_t buffer_s = 180 * 86'400;
  const std::string admin =
      deployer_.deploy(code("VaultAdmin") + at + word(pause_window_s) + word(buffer_s) +
                       word(minimum_trade) + word(minimum_wrap));
  const std::string extension = deployer_.deploy(code("VaultExtension") + at + address_word(admin));
  const std::string fees = deployer_.deploy(code("ProtocolFeeController") + at +
                                            word(swap_fee_share) + word(yield_fee_share));
  vault_ = deployer_.deploy(code("Vault") + address_word(extension) + address_word(authorizer) +
                            address_word(fees));
  if (to_integer(vault_) != to_integer(vault)) throw std::runtime_error("the Vault is elsewhere");
  market_ = deployer_.deploy(code("V3Market") + at);
}

std::string BalancerV3::code(const std::string& name) const {
  const bool of_vault = name.starts_with("Vault");
  if (contracts_ == Contracts::deployed && of_vault) {
    return "0x" + balancer_repository_code("v3/tasks/20241204-v3-vault/artifact/" + name);
  }
  return "0x" + text_of(codes_.at(name));
}

V3Pool BalancerV3::create(const V3PoolOrder& order) {
  V3Pool pool;
  for (const std::uint32_t decimals : order.decimals) {
    pool.tokens.push_back({deployer_.deploy(code("V3Token") + word(decimals)), decimals});
  }
  std::ranges::sort(pool.tokens, {}, [](const VenueToken& t) { return to_integer(t.address); });
  std::vector<std::string> rates;
  for (const Integer& rate : order.rates) {
    pool.providers.push_back(rate == 0 ? "" : deployer_.deploy(code("V3Rate") + word(rate)));
    rates.push_back(rate == 0 ? nobody : pool.providers.back());
  }
  pool.address = contracts_ == Contracts::deployed ? create_deployed(order, pool, rates)
                                                   : create_compiled(order, pool, rates);
  return pool;
}

std::string BalancerV3::create_compiled(const V3PoolOrder& order, const V3Pool& pool,
                                        const std::vector<std::string>& rates) {
  AbiArguments parameters;
  parameters.text("pool").text("POOL");
  if (order.weights.empty()) {
    parameters.word(order.amp).text(version_of("StablePool", order.deployment));
  } else {
    const std::vector<Integer> least(order.weights.size(), minimum_trade);
    parameters.word(order.weights.size())
        .words(order.weights)
        .text(version_of("WeightedPool", order.deployment))
        .words(least);
  }
  const std::string address =
      deployer_.deploy(code(order.weights.empty() ? "StablePool" : "WeightedPool") +
                       AbiArguments().tail(parameters.digits()).address(vault_).digits());
  const std::string arguments = AbiArguments()
                                    .address(address)
                                    .addresses(addresses_of(pool))
                                    .addresses(rates)
                                    .word(order.pays_yield_fees ? 1 : 0)
                                    .word(order.fee)
                                    .digits();
  deployer_.send(market_, deployer_.selector("register(address,address[],address[],bool,uint256)") +
                              arguments);
  return address;
}

std::string BalancerV3::create_deployed(const V3PoolOrder& order, const V3Pool& pool,
                                        const std::vector<std::string>& rates) {
  const bool weighted = !order.weights.empty();
  std::string& factory = factories_[order.deployment];
  if (factory.empty()) {
    const std::string version =
        version_of(weighted ? "WeightedPool" : "StablePool", order.deployment);
    factory = deployer_.deploy(balancer_repository_code(v3_factory_artifact(order.deployment)) +
                               AbiArguments()
                                   .address(vault_)
                                   .word(factory_pause_window_s)
                                   .text(version)
                                   .text(version)
                                   .digits());
  }
  std::string config = word(pool.tokens.size());  // token, its kind, its rates, who has the yield
  for (std::size_t i = 0; i < pool.tokens.size(); ++i) {
    const bool has_rate = rates[i] != nobody;
    config += address_word(pool.tokens[i].address) + word(has_rate ? 1 : 0) +
              address_word(rates[i]) + word(has_rate && order.pays_yield_fees ? 1 : 0);
  }
  AbiArguments arguments;
  arguments.text("pool").text("POOL").tail(config);
  if (weighted) {
    arguments.words(order.weights);
  } else {
    arguments.word(order.amp);
  }
  arguments.word(0).word(0).word(0);  // nobody has a role
  arguments.word(order.fee).word(0).word(0).word(0).word(salt_++);
  const std::string signature =
      std::string("create(string,string,(address,uint8,address,bool)[],") +
      (weighted ? "uint256[]" : "uint256") +
      ",(address,address,address),uint256,address,bool,bool,bytes32)";
  const std::string created = deployer_.topic("PoolCreated(address)");
  for (const ChainLog& log :
       deployer_.send(factory, deployer_.selector(signature) + arguments.digits())) {
    if (log.topics.starts_with(created)) return "0x" + log.topics.substr(2 + 64 + 24);
  }
  throw std::runtime_error("the factory of " + order.deployment + " named no pool");
}

const std::string& BalancerV3::aggregator_router() {
  if (router_.empty()) {
    router_ =
        deployer_.deploy(balancer_repository_code("v3/tasks/20250218-v3-aggregator-router/artifact/"
                                                  "AggregatorRouter") +
                         AbiArguments().address(vault_).text("AggregatorRouter").digits());
  }
  return router_;
}

void BalancerV3::give(const std::string& token, const std::string& to, const Integer& amount) {
  deployer_.send(token,
                 deployer_.selector("mint(address,uint256)") + address_word(to) + word(amount));
}

Integer BalancerV3::balance(const std::string& token, const std::string& owner) {
  return word_at(
      deployer_.read(token, deployer_.selector("balanceOf(address)") + address_word(owner)), 0);
}

void BalancerV3::fund(const V3Pool& pool, const std::vector<Integer>& amounts) {
  deployer_.send(market_, deployer_.selector("initialize(address,address[],uint256[])") +
                              AbiArguments()
                                  .address(pool.address)
                                  .addresses(addresses_of(pool))
                                  .words(amounts)
                                  .digits());
}

std::string BalancerV3::call_of(const std::string& function, const V3Pool& pool,
                                const V3Query& query) const {
  return deployer_.selector(function + "(uint8,address,address,address,uint256)") +
         word(query.given_in ? 0 : 1) + address_word(pool.address) +
         address_word(pool.tokens[query.in].address) +
         address_word(pool.tokens[query.out].address) + word(query.amount);
}

void BalancerV3::swap(const V3Pool& pool, const V3Query& query) {
  deployer_.send(market_, call_of("swap", pool, query));
}

void BalancerV3::set_rate(const V3Pool& pool, std::size_t token, const Integer& rate) {
  deployer_.send(pool.providers[token], deployer_.selector("set(uint256)") + word(rate));
}

void BalancerV3::ramp(const V3Pool& pool, const Integer& amp, std::uint64_t seconds) {
  deployer_.send(pool.address,
                 deployer_.selector("startAmplificationParameterUpdate(uint256,uint256)") +
                     word(amp) + word(time() + seconds));
}

std::vector<V3Verdict> BalancerV3::query(const V3Pool& pool, const std::vector<V3Query>& queries,
                                         std::optional<std::uint64_t> time_s) {
  std::vector<V3Verdict> verdicts;
  for (std::size_t begin = 0; begin < queries.size(); begin += calls_per_batch) {
    std::vector<RpcRequest> requests;
    for (std::size_t i = begin; i < std::min(begin + calls_per_batch, queries.size()); ++i) {
      // From nobody: by that the Vault knows a question.
      json::array params = {
          json::object{
              {"from", nobody}, {"to", market_}, {"data", call_of("query", pool, queries[i])}},
          "latest"};
      if (time_s) {
        params.push_back(json::object{});
        params.push_back(json::object{{"time", hex_word(*time_s)}});
      }
      requests.push_back({.method = "eth_call", .params = std::move(params)});
    }
    for (const RpcAnswer& answer : deployer_.chain().batch(requests)) {
      if (answer.failure) {
        verdicts.push_back({false, 0, answer.failure->data.substr(0, 10)});
      } else {
        verdicts.push_back({true, word_at(text_of(answer.result), 0), {}});
      }
    }
  }
  return verdicts;
}

std::uint64_t BalancerV3::time() {
  const auto block = deployer_.chain().call("eth_getBlockByNumber", {"latest", false});
  return to_integer(text_of(block.at("timestamp"))).convert_to<std::uint64_t>();
}

}  // namespace gantry::test

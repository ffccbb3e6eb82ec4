#include "evm/balancer_v3_contracts.hpp"

#include <algorithm>
#include <stdexcept>

#include "evm/node_output.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

constexpr std::size_t calls_per_batch = 100;
constexpr std::uint64_t minimum_trade = 1'000'000;  // as the deployed vaults have them
constexpr std::uint64_t minimum_wrap = 10'000;
constexpr std::uint64_t swap_fee_share = 500'000'000'000'000'000;   // of the protocol
constexpr std::uint64_t yield_fee_share = 100'000'000'000'000'000;  // likewise

const std::string nobody = "0x" + std::string(40, '0');

std::vector<std::string> addresses_of(const V3Pool& pool) {
  std::vector<std::string> addresses;
  for (const VenueToken& token : pool.tokens) addresses.push_back(token.address);
  return addresses;
}

std::string version_of(const char* name, const char* deployment) {
  return std::string(R"({"name":")") + name + R"(","version":2,"deployment":")" + deployment +
         "\"}";
}

}  // namespace

BalancerV3::BalancerV3(Anvil& chain)
    : deployer_(chain), codes_(json::parse(node_output("compile_balancer_v3.mjs")).as_object()) {
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
  return "0x" + text_of(codes_.at(name));
}

V3Pool BalancerV3::create(const V3PoolOrder& order) {
  V3Pool pool;
  pool.tokens = order.tokens;
  for (const std::uint32_t decimals : order.decimals) {
    pool.tokens.push_back({deployer_.deploy(code("V3Token") + word(decimals)), decimals});
  }
  std::ranges::sort(pool.tokens, {}, [](const VenueToken& t) { return to_integer(t.address); });
  std::vector<std::string> rates;
  for (const Integer& rate : order.rates) {
    pool.providers.push_back(rate == 0 ? "" : deployer_.deploy(code("V3Rate") + word(rate)));
    rates.push_back(rate == 0 ? nobody : pool.providers.back());
  }
  AbiArguments parameters;
  parameters.text("pool").text("POOL");
  if (order.weights.empty()) {
    parameters.word(order.amp).text(version_of("StablePool", "20260116-v3-stable-pool-v3"));
  } else {
    const std::vector<Integer> least(order.weights.size(), minimum_trade);
    parameters.word(order.weights.size())
        .words(order.weights)
        .text(version_of("WeightedPool", "20260115-v3-weighted-pool-v2"))
        .words(least);
  }
  pool.address =
      deployer_.deploy(code(order.weights.empty() ? "StablePool" : "WeightedPool") +
                       AbiArguments().tail(parameters.digits()).address(vault_).digits());
  const std::string arguments = AbiArguments()
                                    .address(pool.address)
                                    .addresses(addresses_of(pool))
                                    .addresses(rates)
                                    .word(order.pays_yield_fees ? 1 : 0)
                                    .word(order.fee)
                                    .digits();
  deployer_.send(market_, deployer_.selector("register(address,address[],address[],bool,uint256)") +
                              arguments);
  return pool;
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

#include "evm/deployer.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace gantry::test {
namespace {

namespace json = boost::json;

constexpr std::string_view gas_limit = "0xe4e1c0";  // 15 million, ample for each of them
constexpr std::size_t calls_per_batch = 250;        // about 400 kB; anvil takes bodies to 2 MB
constexpr std::string_view error_string_selector = "0x08c379a0";

ChainLog to_log(const json::value& log) {
  ChainLog result;
  result.emitter = text_of(log.at("address"));
  result.topics = "0x";
  for (const json::value& topic : log.at("topics").as_array()) {
    result.topics += text_of(topic).substr(2);
  }
  result.data = text_of(log.at("data"));
  result.block = to_integer(text_of(log.at("blockNumber"))).convert_to<std::uint64_t>();
  result.index = to_integer(text_of(log.at("logIndex"))).convert_to<std::uint64_t>();
  return result;
}

ChainAnswer to_answer(const RpcAnswer& answer) {
  if (!answer.failure) return {.accepted = true, .data = text_of(answer.result), .reason = {}};
  return {
      .accepted = false, .data = answer.failure->data, .reason = revert_reason(*answer.failure)};
}

}  // namespace

std::string text_of(const json::value& value) { return json::value_to<std::string>(value); }

json::object read_artifact(std::string_view path_in_node_modules) {
  std::ifstream file(evm_package_file(path_in_node_modules));
  std::ostringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).as_object();
}

std::string revert_reason(const RpcFailure& failure) {
  const std::string& data = failure.data;
  if (!data.starts_with(error_string_selector)) return failure.message + " " + data;
  const std::string body = "0x" + data.substr(error_string_selector.size());
  const auto length = word_at(body, 1).convert_to<std::size_t>();
  std::string text;
  for (std::size_t i = 0; i < length; ++i) {
    const std::string digits = body.substr(2 + 2 * word_digits + 2 * i, 2);
    text.push_back(static_cast<char>(std::stoi(digits, nullptr, 16)));
  }
  return text;
}

Deployer::Deployer(Anvil& chain)
    : chain_(chain), account_(text_of(chain.call("eth_accounts").as_array().at(0))) {}

void Deployer::send_from(std::size_t account) {
  account_ = text_of(chain_.call("eth_accounts").as_array().at(account));
}

std::string Deployer::sha3(const std::string& hex) const {
  return text_of(chain_.call("web3_sha3", {hex}));
}

std::string Deployer::topic(const std::string& signature) const {
  std::string& topic = topics_[signature];
  if (topic.empty()) {
    topic =
        sha3(to_hex({reinterpret_cast<const std::uint8_t*>(signature.data()), signature.size()}));
  }
  return topic;
}

std::string Deployer::deploy(const std::string& code) {
  const std::string data = code.starts_with("0x") ? code : "0x" + code;
  const json::object receipt =
      chain_.transact({{"from", account_}, {"gas", gas_limit}, {"data", data}});
  if (text_of(receipt.at("status")) != "0x1") throw std::runtime_error("deployment reverted");
  return text_of(receipt.at("contractAddress"));
}

std::string Deployer::code_of(const std::string& address) const {
  return text_of(chain_.call("eth_getCode", {address, "latest"}));
}

std::vector<ChainLog> Deployer::send(const std::string& to, const std::string& data,
                                     const Integer& value) {
  json::object transaction = {{"from", account_}, {"to", to}, {"data", data}};
  if (value != 0) transaction["value"] = "0x" + value.str(0, std::ios_base::hex);
  const auto rehearsal = chain_.batch({{.method = "eth_call", .params = {transaction, "latest"}}});
  if (rehearsal[0].failure) throw std::runtime_error(revert_reason(*rehearsal[0].failure));
  const auto logs = mine(std::move(transaction));
  if (!logs) throw std::runtime_error("transaction reverted");
  return *logs;
}

std::vector<ChainLog> Deployer::send_at_its_time(const std::string& to, const std::string& data) {
  if (auto logs = mine({{"from", account_}, {"to", to}, {"data", data}})) return std::move(*logs);
  read(to, data);
  throw std::runtime_error("transaction reverted");
}

std::optional<std::vector<ChainLog>> Deployer::mine(json::object transaction) {
  transaction["gas"] = gas_limit;
  const json::object receipt = chain_.transact(std::move(transaction));
  if (text_of(receipt.at("status")) != "0x1") return std::nullopt;
  std::vector<ChainLog> logs;
  for (const json::value& log : receipt.at("logs").as_array()) logs.push_back(to_log(log));
  return logs;
}

std::string Deployer::read(const std::string& to, const std::string& data, json::value overrides,
                           const std::string& block) const {
  const ChainAnswer answer = read_many({{to, data, std::move(overrides)}}, block)[0];
  if (!answer.accepted) throw std::runtime_error(answer.reason);
  return answer.data;
}

std::vector<ChainAnswer> Deployer::read_many(const std::vector<ChainRead>& reads,
                                             const std::string& block) const {
  std::vector<ChainAnswer> answers;
  answers.reserve(reads.size());
  for (std::size_t begin = 0; begin < reads.size(); begin += calls_per_batch) {
    const std::size_t end = std::min(begin + calls_per_batch, reads.size());
    std::vector<RpcRequest> requests;
    for (std::size_t i = begin; i < end; ++i) {
      const ChainRead& read = reads[i];
      json::array params = {json::object{{"from", account_}, {"to", read.to}, {"data", read.data}},
                            block};
      if (!read.overrides.is_null()) params.push_back(read.overrides);
      requests.push_back({.method = "eth_call", .params = std::move(params)});
    }
    for (const RpcAnswer& answer : chain_.batch(requests)) answers.push_back(to_answer(answer));
  }
  return answers;
}

std::uint64_t Deployer::block_number() const {
  return to_integer(text_of(chain_.call("eth_blockNumber"))).convert_to<std::uint64_t>();
}

}  // namespace gantry::test

#include "evm/executor_contract.hpp"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "evm/integer_words.hpp"
#include "evm/plugin_venue.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

constexpr const char* gas_limit = "0xe4e1c0";

json::object transaction_of(const std::string& from, const std::string& to, const std::string& data,
                            const Integer& value) {
  json::object transaction = {{"from", from}, {"to", to}, {"data", data}};
  if (value != 0) transaction["value"] = "0x" + value.str(0, std::ios_base::hex);
  return transaction;
}

template <class T>
T must(host::Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message);
  return std::move(*result);
}

}  // namespace

u256 to_u256(const Integer& value) { return u256(to_amount(value)); }
ex::Amount amount(const Integer& value) { return ex::amount_of(to_u256(value)); }
ex::Bytes bytes_of(const std::string& hex) { return to_bytes(hex); }

Integer signed_word(const Integer& word) {
  return word >> 255 != 0 ? Integer(word - (Integer(1) << 256)) : word;
}

ex::Settlement at_least(const std::string& token, const Integer& least, ex::Settle settle) {
  ex::Settlement settlement;
  settlement.token = to_address(token);
  settlement.least = to_u256(abs(least));
  settlement.may_lose = least < 0;
  settlement.settle = settle;
  return settlement;
}

ex::Call call_of(Deployer& chain, const std::string& target, const std::string& signature,
                 const std::string& digits) {
  ex::Call call;
  call.target = to_address(target);
  call.data = bytes_of(chain.selector(signature) + digits);
  return call;
}

json::object executor_artefact() {
  std::ifstream file(GANTRY_EXECUTOR_ARTEFACT);
  std::ostringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).as_object();
}

ExecutorContract::ExecutorContract(Deployer& chain, const std::string& owner)
    : chain_(chain), owner_(owner.empty() ? chain.account() : owner) {
  address_ = chain.deploy(text_of(executor_artefact().at("bytecode")) + address_word(owner_));
}

std::string ExecutorContract::run_data(const std::vector<ex::Step>& steps,
                                       const std::vector<ex::Settlement>& settlements,
                                       const Integer& deadline) const {
  ex::Run run;
  run.deadline_s = to_u256(deadline);
  run.settlements = settlements;
  run.program = must(ex::encode_program(steps));
  return to_hex(must(ex::encode_run(run)));
}

std::string ExecutorContract::run_bytes(const ex::Bytes& program,
                                        const std::vector<ex::Settlement>& settlements) const {
  return to_hex(must(ex::encode_run({u256::max(), settlements, program})));
}

Outcome ExecutorContract::refusal(const RpcFailure& failure) const {
  static constexpr const char* errors[] = {
      "NotOwner()",
      "Busy()",
      "Expired()",
      "Short(address,int256,int256)",
      "LeftBehind(address)",
      "TokenFailed(address)",
      "PaymentFailed(address)",
      "CallFailed(address)",
      "CallRefused(address,bytes4)",
      "NotAnnounced(address,bytes4)",
      "NotCalledBack(address,bytes4)",
      "WrongProgram()",
      "Malformed(uint256)",
      "TooMany()",
  };
  Outcome outcome;
  for (const std::string signature : errors) {
    if (!failure.data.starts_with(chain_.selector(signature))) continue;
    outcome.error = signature.substr(0, signature.find('('));
    const std::string digits = "0x" + failure.data.substr(10);
    for (std::size_t i = 0; 2 + (i + 1) * word_digits <= digits.size(); ++i) {
      outcome.words.push_back(signed_word(word_at(digits, i)));
    }
    return outcome;
  }
  outcome.error = revert_reason(failure);
  return outcome;
}

Outcome ExecutorContract::attempt(const std::string& from, const std::string& to,
                                  const std::string& data, const Integer& value) const {
  const auto answer = chain_.chain()
                          .batch({{.method = "eth_call",
                                   .params = {transaction_of(from, to, data, value), "latest"}}})
                          .at(0);
  if (answer.failure) return refusal(*answer.failure);
  Outcome outcome;
  outcome.accepted = true;
  outcome.returned = text_of(answer.result);
  return outcome;
}

Outcome ExecutorContract::mine(const std::string& from, const std::string& to,
                               const std::string& data, const Integer& value) const {
  Outcome outcome = attempt(from, to, data, value);
  json::object transaction = transaction_of(from, to, data, value);
  transaction["gas"] = gas_limit;
  const json::object receipt = chain_.chain().transact(std::move(transaction));
  if (outcome.accepted != (text_of(receipt.at("status")) == "0x1")) {
    throw std::runtime_error("a transaction ended otherwise than its rehearsal");
  }
  outcome.gas = to_integer(text_of(receipt.at("gasUsed"))).convert_to<std::uint64_t>();
  for (const json::value& log : receipt.at("logs").as_array()) {
    ChainLog entry;
    entry.emitter = text_of(log.at("address"));
    for (const json::value& topic : log.at("topics").as_array()) {
      entry.topics += text_of(topic).substr(entry.topics.empty() ? 0 : 2);
    }
    entry.data = text_of(log.at("data"));
    outcome.logs.push_back(std::move(entry));
  }
  return outcome;
}

Integer ExecutorContract::balance(const std::string& token, const std::string& holder) const {
  return word_at(chain_.read(token, chain_.selector("balanceOf(address)") + address_word(holder)),
                 0);
}

Integer ExecutorContract::coins(const std::string& holder) const {
  return to_integer(
      text_of(chain_.chain().call("eth_getBalance", {json::string(holder), "latest"})));
}

Integer ExecutorContract::allowance(const std::string& token, const std::string& spender) const {
  return word_at(chain_.read(token, chain_.selector("allowance(address,address)") +
                                        address_word(address_) + address_word(spender)),
                 0);
}

bool ExecutorContract::is_at_rest() const {
  const auto slot =
      chain_.chain().call("eth_getStorageAt", {json::string(address_), "0x0", "latest"});
  return to_integer(text_of(slot)) == 1;
}

}  // namespace gantry::test

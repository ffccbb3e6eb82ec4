#include "evm/verifying_paymaster.hpp"

#include <fmt/format.h>

#include <ctime>
#include <stdexcept>

#include "evm/abi_arguments.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;
namespace sign = host::sign;

constexpr std::int64_t signed_for_s = 3600;
constexpr std::size_t data_bytes = 2 * 32 + 65;  // from when and until when, and the signature
const Integer ten_ether = Integer("10000000000000000000");
constexpr const char* plenty_of_gas = "0x493e0";
// What its contract may use, of which it says so.
const std::string verification_gas = "0x186a0";

std::unique_ptr<sign::Signer> signer_of(std::uint8_t digit) {
  auto made = sign::make_local_signer(sign::SecretBytes(32, digit),
                                      sign::Curve::make(host::system_random()).value());
  if (!made) throw std::runtime_error(made.error().message);
  return std::move(*made);
}

std::string hex_of(const json::object& from, const char* name) {
  const json::value* value = from.if_contains(name);
  return value == nullptr || value->is_null() ? std::string("0x") : text_of(*value);
}
Integer number_of(const json::object& from, const char* name) {
  return to_integer(hex_of(from, name));
}

HttpReply result_of(json::object result) {
  return {200, json::serialize(json::object{{"jsonrpc", "2.0"}, {"id", 1}, {"result", result}})};
}

}  // namespace

const char* name_of(ServiceFault fault) {
  constexpr const char* names[] = {"none", "refuses", "times out", "expired", "forged", "dry"};
  return names[static_cast<std::size_t>(fault)];
}

VerifyingPaymaster::VerifyingPaymaster(EntryPointChain& chain, EntryPointVersion version)
    : chain_(chain.deployer()),
      version_(version),
      node_(chain.anvil().url()),
      entry_point_(entry_point_text(version)),
      signer_(signer_of(0x51)),
      stranger_(signer_of(0x52)) {
  const auto artifact = account_abstraction_artifact(version, "VerifyingPaymaster");
  contract_ = chain_.deploy(text_of(artifact.at("bytecode")) + address_word(entry_point_) +
                            address_word(to_hex(signer_->address())));
  get_hash_ = chain_.selector(
      version == EntryPointVersion::v0_6
          ? "getHash((address,uint256,bytes,bytes,uint256,uint256,uint256,uint256,uint256,bytes,"
            "bytes),uint48,uint48)"
          : "getHash((address,uint256,bytes,bytes,bytes32,uint256,bytes32,bytes,bytes),uint48,"
            "uint48)");
  get_deposit_ = chain_.selector("getDeposit()");
  withdraw_to_ = chain_.selector("withdrawTo(address,uint256)");
  refill();
  server_ = std::make_unique<HttpServer>([this](const HttpCall& call) { return answer(call); });
}

void VerifyingPaymaster::refill() {
  chain_.send(contract_, chain_.selector("deposit()"), ten_ether);
}

Integer VerifyingPaymaster::deposit() const {
  return word_at(
      chain_.read(entry_point_, chain_.selector("balanceOf(address)") + address_word(contract_)),
      0);
}

// By a connection of its own: the chain's belongs to the test's thread.
std::string VerifyingPaymaster::ask(const std::string& method, json::array params) const {
  const json::value reply = json::parse(post_json(
      node_,
      json::serialize(json::object{
          {"jsonrpc", "2.0"}, {"id", 1}, {"method", method}, {"params", std::move(params)}})));
  const json::value* result = reply.as_object().if_contains("result");
  if (result == nullptr) throw std::runtime_error(method + ": " + json::serialize(reply));
  return text_of(*result);
}

void VerifyingPaymaster::withdraw() const {
  const std::string left =
      ask("eth_call", {json::object{{"to", contract_}, {"data", get_deposit_}}, "latest"});
  ask("eth_sendTransaction",
      {json::object{{"from", chain_.account()},
                    {"to", contract_},
                    {"gas", plenty_of_gas},
                    {"data", withdraw_to_ + address_word(chain_.account()) + left.substr(2)}}});
}

HttpReply VerifyingPaymaster::answer(const HttpCall& call) {
  ++asked_;
  const json::value request = json::parse(call.body);
  const json::string& method = request.at("method").as_string();
  if (method == "pm_getPaymasterStubData") return stub();
  if (method == "pm_getPaymasterData") {
    return signed_data(request.at("params").at(0).as_object());
  }
  return {404, ""};
}

HttpReply VerifyingPaymaster::stub() const {
  if (fault_ == ServiceFault::refuses) {
    return {200,
            R"({"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"the policy says no"}})"};
  }
  json::object result =
      fields_of("0x" + (word(0) + word(0) + to_hex(host::sign::stub_signature()).substr(2)));
  result["isFinal"] = false;
  if (version_ != EntryPointVersion::v0_6) {
    result["paymasterVerificationGasLimit"] = verification_gas;
    result["paymasterPostOpGasLimit"] = "0x1";
  }
  return result_of(std::move(result));
}

json::object VerifyingPaymaster::fields_of(const std::string& data) const {
  if (version_ == EntryPointVersion::v0_6)
    return {{"paymasterAndData", contract_ + data.substr(2)}};
  return {{"paymaster", contract_}, {"paymasterData", data}};
}

std::string VerifyingPaymaster::operation_for_hash(const json::object& operation) const {
  AbiArguments out;
  out.address(hex_of(operation, "sender")).word(number_of(operation, "nonce"));
  if (version_ == EntryPointVersion::v0_6) {
    out.bytes(hex_of(operation, "initCode").substr(2))
        .bytes(hex_of(operation, "callData").substr(2));
    for (const char* name : {"callGasLimit", "verificationGasLimit", "preVerificationGas",
                             "maxFeePerGas", "maxPriorityFeePerGas"}) {
      out.word(number_of(operation, name));
    }
    // The contract hashes its calldata, with the offset of what comes after these bytes: so they
    // have to be as many as they will be.
    return out.bytes(contract_.substr(2) + std::string(2 * data_bytes, '0')).bytes("").digits();
  }
  const auto pair = [&](const char* high, const char* low) -> Integer {
    return (number_of(operation, high) << 128) + number_of(operation, low);
  };
  const std::string factory = hex_of(operation, "factory").substr(2);
  const Integer own_limits = pair("paymasterVerificationGasLimit", "paymasterPostOpGasLimit");
  return out.bytes(factory + hex_of(operation, "factoryData").substr(2))
      .bytes(hex_of(operation, "callData").substr(2))
      .word(pair("verificationGasLimit", "callGasLimit"))
      .word(number_of(operation, "preVerificationGas"))
      .word(pair("maxPriorityFeePerGas", "maxFeePerGas"))
      .bytes(contract_.substr(2) + word(own_limits))
      .bytes("")
      .digits();
}

HttpReply VerifyingPaymaster::signed_data(const json::object& operation) {
  const ServiceFault fault = fault_;
  if (fault == ServiceFault::times_out) {
    HttpReply silence;
    silence.hang = true;
    return silence;
  }
  const std::int64_t now = std::time(nullptr);
  const Integer until = fault == ServiceFault::expired ? now - signed_for_s : now + signed_for_s;
  const std::string data =
      get_hash_ + AbiArguments().tail(operation_for_hash(operation)).word(until).word(0).digits();
  const auto hash =
      to_bytes(ask("eth_call", {json::object{{"to", contract_}, {"data", data}}, "latest"}));
  const std::lock_guard lock(signing_);
  sign::Signer& who = fault == ServiceFault::forged ? *stranger_ : *signer_;
  const auto signature = signature_bytes(who.sign_message(hash).value());
  if (fault == ServiceFault::dry) withdraw();
  return result_of(fields_of("0x" + (word(until) + word(0) + to_hex(signature).substr(2))));
}

}  // namespace gantry::test

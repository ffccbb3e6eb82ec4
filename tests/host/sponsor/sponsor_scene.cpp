#include "tests/host/sponsor/sponsor_scene.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

namespace gantry::test {
namespace {

namespace json = boost::json;

// Each paymaster's contract, by which a bundler knows whose sponsorship it is.
const std::map<std::string, std::string> contracts = {
    {"pimlico", "0x1111111111111111111111111111111111111111"},
    {"candide", "0x2222222222222222222222222222222222222222"}};

constexpr std::uint64_t chain_time_s = 1'700'000'000;

std::string result_text(const std::string& value) {
  return R"({"jsonrpc":"2.0","id":1,"result":)" + value + "}";
}
HttpReply error_of(int code, const std::string& message) {
  return {200, fmt::format(R"({{"jsonrpc":"2.0","id":1,"error":{{"code":{},"message":"{}"}}}})",
                           code, message)};
}
HttpReply silence() {
  HttpReply reply;
  reply.hang = true;
  return reply;
}

// What a service says that fails so before it has granted.
HttpReply failed_service(PayFault fault) {
  switch (fault) {
    case PayFault::refuses:
      return error_of(-32000, "the policy says no");
    case PayFault::times_out:
      return silence();
    case PayFault::bad_json:
      return {200, "{\"jsonrpc\":"};
    case PayFault::wrong_entry_point:
      return error_of(-32601, "this EntryPoint is not served");
    case PayFault::expired:
      return error_of(-32501, "AA32 paymaster expired or not due");
    case PayFault::dry:
      return error_of(-32508, "paymaster deposit too low");
    default:
      return {500, ""};
  }
}

// What a bundler says of an operation whose sponsor fails so.
HttpReply failed_bundler(PayFault fault) {
  switch (fault) {
    case PayFault::refuses:
      return error_of(-32501, "AA33 reverted");
    case PayFault::times_out:
      return silence();
    case PayFault::bad_json:
      return {200, "<html>"};
    case PayFault::wrong_entry_point:
      return error_of(-32602, "unsupported EntryPoint");
    case PayFault::over_cap:
      return error_of(-32508, "paymaster is over its limit");
    case PayFault::expired:
      return error_of(-32500, "AA32 paymaster expired or not due");
    case PayFault::dry:
      return error_of(-32500, "AA31 paymaster deposit too low");
    case PayFault::none:
      break;
  }
  return {500, ""};
}

std::string fields_of(const std::string& paymaster, bool too_much) {
  return fmt::format(R"("paymaster":"{}","paymasterData":"0xabcd",)"
                     R"("paymasterVerificationGasLimit":"{}","paymasterPostOpGasLimit":"0x10",)"
                     R"("callGasLimit":"0x20000","verificationGasLimit":"0x10000",)"
                     R"("preVerificationGas":"0x9000")",
                     contracts.at(paymaster), too_much ? "0xffffffffff" : "0x8000");
}

}  // namespace

std::string_view to_string(PayFault fault) {
  constexpr std::string_view names[] = {
      "none",         "refuses", "times out", "bad JSON", "wrong entry point",
      "over the cap", "expired", "dry"};
  return names[static_cast<std::size_t>(fault)];
}

SponsorScene::SponsorScene(const std::vector<std::string>& paymasters) {
  std::string settings;
  for (std::size_t i = 0; i < paymasters.size(); ++i) {
    const std::string& name = paymasters[i];
    services_[name] = std::make_unique<HttpServer>([this, name](const HttpCall& call) {
      return call.body.find("eth_sendUserOperation") == std::string::npos ? service(name, call)
                                                                          : bundler(name, call);
    });
    settings += fmt::format(
        "[[paymaster]]\nname = \"{}\"\npriority = {}\nretry_after_ms = 10\ntimeout_ms = 500\n",
        name, i + 1);
    if (name == "gelato") {
      settings += fmt::format("url = \"{}/?payment=sponsored\"\napi_key = \"${{GELATO_KEY}}\"\n",
                              services_[name]->url());
    } else {
      settings += fmt::format("url = \"{}\"\n", services_[name]->url());
    }
  }
  bundler_server_ =
      std::make_unique<HttpServer>([this](const HttpCall& call) { return bundler({}, call); });
  folder_.write("gantry.toml",
                fmt::format("[[chain]]\nid = \"eip155:1\"\nname = \"ethereum\"\nblock_time_s = 12\n"
                            "wrapped_native = \"0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\"\n"
                            "[plugins]\nfolders = [\"{}\"]\n{}",
                            GANTRY_PLUGINS, settings));
  folder_.write("dex_config.toml", "");
  folder_.write("strategies.toml", "");
  environment_ = [](std::string_view name) -> std::optional<std::string> {
    return name == "GELATO_KEY" ? std::optional<std::string>("sk-very-secret") : std::nullopt;
  };
  auto configuration = host::load_configuration(
      host::ConfigFiles::in_folder(folder_.path()),
      host::scan_plugin_folders({std::filesystem::path(GANTRY_PLUGINS)}).plugins, environment_);
  if (!configuration) FAIL(host::render_text(configuration.error(), false));
  configuration_ = std::move(*configuration);
  plugins_ = host::make_plugins(configuration_, folder_ / "store");
  REQUIRE(plugins_.paymasters.size() == paymasters.size());
  http_ = host::make_curl_http_pool().value();
  entry_point_ = {host::sign::EntryPointVersion::v0_7, {}, 1};
  entry_point_.address.fill(0x71);
  bundler_ = std::make_unique<host::Bundler>(
      *http_, "local",
      host::HttpEndpoint{host::resolve_text(bundler_server_->url(), environment_).value(), {}},
      entry_point_);
  desk_ = std::make_unique<host::SponsorDesk>(
      plugins_.paymasters, host::DeskPorts{*http_, clock_, environment_}, *bundler_);
  static constexpr std::string_view chain = "eip155:1";
  context_.chain = {chain.data(), chain.size()};
  context_.execution_time_s = chain_time_s;
}

SponsorScene::~SponsorScene() = default;

void SponsorScene::plan(const std::string& paymaster, PayPlan plan) {
  const std::lock_guard lock(mutex_);
  plans_[paymaster] = plan;
}

HttpReply SponsorScene::service(const std::string& paymaster, const HttpCall& call) {
  const std::lock_guard lock(mutex_);
  ++requests_[paymaster];
  const PayPlan plan = plans_[paymaster];
  const std::string method(json::parse(call.body).at("method").as_string());
  const bool stub = method == "pm_supportedERC20Tokens";
  // Who has one round alone is first and last in it.
  const bool here = plan.step != PayStep::submission &&
                    (paymaster != "candide" || stub == (plan.step == PayStep::first));
  const bool fails = here && plan.fault != PayFault::none;
  if (fails && plan.fault != PayFault::over_cap) return failed_service(plan.fault);
  if (method == "gelato_getUserOperationQuote") {
    // Its key is in the header, and the value is only here.
    if (call.headers.at("x-api-key") != "sk-very-secret") return {401, ""};
    return {200, result_text(fmt::format(R"({{"fee":"{}","gas":"0x1","callGasLimit":"0x20000",)"
                                         R"("verificationGasLimit":"0x10000",)"
                                         R"("preVerificationGas":"0x0"}})",
                                         fails ? "0xffffffffffffffffff" : "0x5af3107a4000"))};
  }
  if (stub) {
    return {200, result_text(R"({"paymasterMetadata":{"dummyPaymasterAndData":{)" +
                             fields_of(paymaster, fails) + "}}}")};
  }
  return {200, result_text("{" + fields_of(paymaster, fails) + "}")};
}

// `paymaster`: whose own endpoint it is; empty: the configured bundler, which knows by the
// contract.
HttpReply SponsorScene::bundler(const std::string& paymaster, const HttpCall& call) {
  const json::value request = json::parse(call.body);
  const std::string method(request.at("method").as_string());
  if (method == "eth_supportedEntryPoints") {
    return {200, result_text(R"(["0x0000000071727de22e5e9d8baf0edac6f37da032"])")};
  }
  const auto& operation = request.at("params").at(0).as_object();
  if (method == "eth_estimateUserOperationGas") {
    return {200, result_text(R"({"callGasLimit":"0x20000","verificationGasLimit":"0x10000",)"
                             R"("preVerificationGas":"0x9000"})")};
  }
  std::string whose = paymaster;
  if (whose.empty()) {
    const std::string contract(operation.at("paymaster").as_string());
    for (const auto& [name, address] : contracts) {
      if (address == contract) whose = name;
    }
  }
  const std::lock_guard lock(mutex_);
  ++sent_[paymaster];
  const PayPlan plan = plans_[whose];
  const bool fails = plan.step == PayStep::submission && plan.fault != PayFault::none;
  // One that hangs or stutters has taken it all the same: that is the worst of it.
  const bool takes =
      !fails || plan.fault == PayFault::times_out || plan.fault == PayFault::bad_json;
  // The signature begins with the hash, so that whoever signs anew is seen.
  const std::string hash(operation.at("signature").as_string().subview(0, 66));
  if (takes && hashes_.insert(hash).second) taken_.push_back(whose);
  if (fails) return failed_bundler(plan.fault);
  return {200, result_text("\"" + hash + "\"")};
}

host::SponsorOrder SponsorScene::order(std::int64_t ms) const {
  host::SponsorOrder order;
  auto& operation = order.operation;
  operation.sender.fill(0x51);
  operation.nonce = u256(7);
  operation.call_data = {1, 2, 3, 4};
  operation.call_gas_limit = u256(100'000);
  operation.verification_gas_limit = u256(50'000);
  operation.pre_verification_gas = u256(30'000);
  operation.max_fee = u256(10'000'000'000);
  operation.max_priority_fee = u256(1'000'000'000);
  operation.signature.assign(65, 0xff);
  order.context = &context_;
  order.cost_max = u256(20'000'000'000'000'000);  // 0.02 ether
  order.deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(ms);
  return order;
}

host::SendReport SponsorScene::send(std::int64_t ms) {
  host::OperationSender sender(
      *desk_, *bundler_, *http_,
      {[this](
           const host::sign::UserOperation& operation) -> host::Result<std::vector<std::uint8_t>> {
         const auto hash = user_operation_hash(operation, entry_point_);
         std::vector<std::uint8_t> signature(hash.begin(), hash.end());
         signature.resize(65);
         return signature;
       },
       [this](const host::SignedOperation&) -> host::Status {
         if (refuse_to_write) return host::fail(host::ErrorKind::io, "the disk is full");
         ++written_;
         return {};
       },
       may_leave});
  return sender.send(order(ms));
}

std::vector<std::string> SponsorScene::taken() {
  const std::lock_guard lock(mutex_);
  return taken_;
}
std::set<std::string> SponsorScene::hashes() {
  const std::lock_guard lock(mutex_);
  return hashes_;
}
std::size_t SponsorScene::sent_to(const std::string& paymaster) {
  const std::lock_guard lock(mutex_);
  return sent_[paymaster];
}
std::size_t SponsorScene::requests(const std::string& paymaster) {
  const std::lock_guard lock(mutex_);
  return requests_[paymaster];
}

}  // namespace gantry::test

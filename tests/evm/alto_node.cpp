#include "evm/alto_node.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "host/sign/curve.hpp"

namespace gantry::test {
namespace {

namespace json = boost::json;

// The factory of contracts that is on every chain, anvil's too, and what the EntryPoints' authors
// deployed with: of the same bytecode it makes the same addresses.
const std::string deterministic_deployer = "0x4e59b44847b379578588920ca78fbf26c0b4956c";
struct Deployment {
  const char* package;
  const char* salt;
  const char* address;
};
const Deployment& deployment_of(EntryPointVersion version) {
  static const std::map<EntryPointVersion, Deployment> all = {
      {EntryPointVersion::v0_6,
       {"account-abstraction-06",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0x5ff137d4b0fdcd49dca30c7cf57e578a026d2789"}},
      {EntryPointVersion::v0_7,
       {"account-abstraction-07",
        "90d8084deab30c2a37c45e8d47f49f2f7965183cb6990a98943ef94940681de3",
        "0x0000000071727de22e5e9d8baf0edac6f37da032"}},
      {EntryPointVersion::v0_8,
       {"account-abstraction-08",
        "0a59dbff790c23c976a548690c27297883cc66b4c67024f9117b0238995e35e9",
        "0x4337084d9e255ff0702461cf8895ce9e3b5ff108"}}};
  return all.at(version);
}

// Keys that everybody knows: anvil's second account, which is rich, and its third, which is made
// so.
const std::string executor_key =
    "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d";
const std::string utility_key =
    "0x5de4111afa1a4b94908f83103eb1f1706367c2e68ca870fc3fb9a804cdab365a";
const std::string utility_account = "0x3c44cdddb6a900fa2b585dd299e03d12fa4293bc";
constexpr const char* hundred_ether = "0x56bc75e2d63100000";

std::vector<std::string> node_words(const char* script) {
  const std::string folder = GANTRY_SPONSORED_FOLDER;
  return {"/usr/bin/env", "node", "--import", folder + "/loopback.mjs", script};
}

std::vector<std::string> alto_words(EntryPointChain& chain, AltoNode::Bundles bundles) {
  const auto program = sponsored_package_file("@pimlico/alto/esm/cli/alto.js");
  auto words = node_words(program.c_str());
  std::string entry_points;
  for (const EntryPointVersion version : all_entry_points) {
    entry_points += (entry_points.empty() ? "" : ",") + entry_point_text(version);
  }
  const bool at_once = bundles == AltoNode::Bundles::at_once;
  chain.anvil().call("anvil_setBalance", {json::string(utility_account), hundred_ether});
  for (const std::string& word : std::vector<std::string>{
           "--entrypoints", entry_points, "--executor-private-keys", executor_key,
           "--utility-private-key", utility_key, "--rpc-url", chain.anvil().url(), "--port", "0",
           // anvil has no tracer in JavaScript, which it checks ERC-7562's rules with.
           "--safe-mode", "false", "--min-entity-stake", "1", "--refilling-wallets", "false",
           "--utility-wallet-monitor", "false", "--log-level", "error",
           // How often it looks for what it sent: every 25 ms.
           "--block-time", "100", "--bundle-mode", at_once ? "auto" : "manual"}) {
    words.push_back(word);
  }
  return words;
}

std::vector<std::string> paymaster_words(EntryPointChain& chain, const std::string& bundler) {
  static_cast<void>(sponsored_package_file("@pimlico/mock-paymaster/package.json"));
  auto words = node_words(GANTRY_SPONSORED_FOLDER "/paymaster.mjs");
  words.push_back(chain.anvil().url());
  words.push_back(bundler);
  return words;
}

}  // namespace

std::string post_json(const std::string& url, const std::string& body) {
  namespace asio = boost::asio;
  namespace http = boost::beast::http;
  const auto colon = url.rfind(':');
  const auto slash = url.find('/', colon);
  const std::string port = url.substr(colon + 1, slash - colon - 1);
  asio::io_context context;
  asio::ip::tcp::socket socket(context);
  socket.connect({asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(std::stoul(port))});
  http::request<http::string_body> request(
      http::verb::post, slash == std::string::npos ? "/" : url.substr(slash), 11);
  request.set(http::field::host, "127.0.0.1:" + port);
  request.set(http::field::content_type, "application/json");
  request.body() = body;
  request.prepare_payload();
  http::write(socket, request);
  boost::beast::flat_buffer buffer;
  http::response<http::string_body> response;
  http::read(socket, buffer, response);
  return response.body();
}

std::filesystem::path sponsored_package_file(std::string_view path_in_node_modules) {
  const std::filesystem::path folder(GANTRY_SPONSORED_FOLDER);
  const std::filesystem::path file = folder / "node_modules" / path_in_node_modules;
  if (!std::filesystem::is_regular_file(file)) {
    throw std::runtime_error(file.string() +
                             " is missing. The tests of sponsored execution need a bundler and a "
                             "paymaster's server; install them with\n    npm ci --ignore-scripts "
                             "--no-audit --no-fund --prefix " +
                             folder.string());
  }
  return file;
}

json::object account_abstraction_artifact(EntryPointVersion version, std::string_view contract) {
  std::ifstream file(sponsored_package_file(std::string(deployment_of(version).package) +
                                            "/artifacts/" + std::string(contract) + ".json"));
  std::ostringstream text;
  text << file.rdbuf();
  return json::parse(text.str()).as_object();
}

std::string entry_point_text(EntryPointVersion version) { return deployment_of(version).address; }

EntryPointChain::EntryPointChain() : deployer_(anvil_) {
  for (const EntryPointVersion version : all_entry_points) {
    const std::string code =
        text_of(account_abstraction_artifact(version, "EntryPoint").at("bytecode"));
    deployer_.send(deterministic_deployer, "0x" + (deployment_of(version).salt + code.substr(2)));
    if (deployer_.code_of(entry_point_text(version)).size() <= 2) {
      throw std::runtime_error("EntryPoint " + std::string(to_string(version)) +
                               " came to another address than it has on other chains");
    }
  }
  anvil_.call("evm_setAutomine", {true});
  // What is estimated in one block is carried out in another, with another time.
  anvil_.call("anvil_setBlockTimestampInterval", {12});
}

host::sign::EntryPoint EntryPointChain::entry_point(EntryPointVersion version) const {
  host::sign::EntryPoint out;
  out.version = version;
  const auto bytes = to_bytes(entry_point_text(version));
  std::copy(bytes.begin(), bytes.end(), out.address.begin());
  out.chain_id = 31337;
  return out;
}

const std::string& EntryPointChain::factory(EntryPointVersion version) {
  std::string& factory = factories_[version];
  if (factory.empty()) {
    const auto artifact = account_abstraction_artifact(version, "SimpleAccountFactory");
    factory = deployer_.deploy(text_of(artifact.at("bytecode")) +
                               address_word(entry_point_text(version)));
  }
  return factory;
}

std::string EntryPointChain::create_account_data(const std::string& owner) {
  return deployer_.selector("createAccount(address,uint256)") + address_word(owner) + word(0);
}

std::string EntryPointChain::account_of(EntryPointVersion version, const std::string& owner) {
  const std::string answer =
      deployer_.read(factory(version), deployer_.selector("getAddress(address,uint256)") +
                                           address_word(owner) + word(0));
  return "0x" + answer.substr(26, 40);
}

AltoNode::AltoNode(EntryPointChain& chain, Bundles bundles)
    : server_("alto", alto_words(chain, bundles), folder_.path()) {}

PaymasterServer::PaymasterServer(EntryPointChain& chain, const AltoNode& alto)
    : server_("the paymaster's server", paymaster_words(chain, alto.url()), folder_.path()) {}

}  // namespace gantry::test

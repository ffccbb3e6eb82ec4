// A real EVM chain for tests: anvil as a child process on loopback, and a JSON-RPC client for it.
//
// OWNERSHIP  An Anvil owns its process and its temporary folder; both end with it.
// THREADS    One thread at a time.
// ERRORS     Throws std::runtime_error: a test has nothing better to do than to fail with the text.
#pragma once
#include <boost/json.hpp>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "support/child_server.hpp"
#include "support/temporary_folder.hpp"

namespace gantry::test {

struct RpcRequest {
  std::string method;
  boost::json::array params;
};

struct RpcFailure {
  std::int64_t code = 0;
  std::string message;
  std::string data;  // "0x..." of a revert, or empty
};

struct RpcAnswer {
  boost::json::value result;          // null where `failure` is set
  std::optional<RpcFailure> failure;  // what the node answered instead
};

class HttpClient;

class Anvil {
 public:
  // Starts the chain on a free port and returns when it answers. Blocks are mined by transact()
  // alone. `arguments` are added to the command line as they are.
  explicit Anvil(const std::vector<std::string>& arguments = {});
  ~Anvil();
  Anvil(const Anvil&) = delete;
  Anvil& operator=(const Anvil&) = delete;

  const std::string& url() const { return server_->url(); }
  pid_t pid() const { return server_->pid(); }
  const std::filesystem::path& folder() const { return folder_.path(); }

  // One round trip; a failure that the node reports is thrown.
  boost::json::value call(std::string method, boost::json::array params = {});
  // Sends a transaction of an unlocked account, mines it, and returns its receipt.
  boost::json::object transact(boost::json::object transaction);
  // One round trip for all; answers come in the order of the requests.
  std::vector<RpcAnswer> batch(const std::vector<RpcRequest>& requests);

 private:
  TemporaryFolder folder_;
  std::optional<ChildServer> server_;
  std::unique_ptr<HttpClient> http_;
};

// Where `npm ci` put the packages of tests/evm. Throws with the command to run if a file that is
// asked for is not there.
std::filesystem::path evm_package_file(std::string_view path_in_node_modules);

}  // namespace gantry::test
